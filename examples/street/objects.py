# SPDX-License-Identifier: Apache-2.0
"""What stands in a street: the classes to detect, and clutter that resembles them."""

import numpy as np

NAMES = ["person", "bicycle", "car", "truck", "bus", "traffic light"]

GLASS = (96, 78, 62)
TYRE = (28, 26, 26)


def paint(rng):
    """A paint's colour, blue first: most vehicles are grey, some are vivid."""
    if rng.random() < 0.45:
        return np.full(3, rng.uniform(30, 235)) + rng.normal(0, 6, 3)
    return rng.uniform(20, 225, 3)


def shade(color, factor):
    return np.asarray(color) * factor


def wheels(canvas, places, radius, color=TYRE):
    for x in places:
        canvas.disc(x, radius, radius, color)
        canvas.disc(x, radius, radius * 0.5, (120, 120, 120))


def car_side(canvas, rng, body):
    roof = rng.uniform(0.86, 1.0)
    hood = rng.uniform(0.48, 0.62)
    front, back = rng.uniform(-0.2, -0.1), rng.uniform(0.18, 0.4)
    canvas.polygon([(-0.5, 0.15), (0.5, 0.15), (0.49, hood + 0.03), (back + 0.08, hood + 0.06), (back, roof),
                    (front + 0.06, roof), (front - 0.1, hood + 0.02), (-0.47, hood - 0.1)], body)
    canvas.polygon([(front - 0.05, hood + 0.04), (front + 0.08, roof - 0.07), (0.06, roof - 0.07), (0.06, hood + 0.04)],
                   GLASS)
    canvas.polygon([(0.09, hood + 0.04), (0.09, roof - 0.07), (back - 0.02, roof - 0.07), (back + 0.04, hood + 0.05)],
                   GLASS)
    canvas.box(-0.5, 0.12, 0.5, 0.2, shade(body, 0.6))
    canvas.box(-0.49, hood - 0.2, -0.45, hood - 0.12, (190, 235, 245))
    canvas.box(0.46, hood - 0.15, 0.5, hood - 0.04, (40, 40, 190))
    wheels(canvas, (-0.3, 0.3), rng.uniform(0.19, 0.23))


def car_end(canvas, rng, body, rear):
    canvas.box(-0.44, 0.0, -0.26, 0.3, TYRE)
    canvas.box(0.26, 0.0, 0.44, 0.3, TYRE)
    canvas.polygon([(-0.48, 0.14), (0.48, 0.14), (0.5, 0.55), (0.38, 0.62), (0.3, 0.98), (-0.3, 0.98), (-0.38, 0.62),
                    (-0.5, 0.55)], body)
    canvas.polygon([(-0.33, 0.63), (0.33, 0.63), (0.26, 0.92), (-0.26, 0.92)], GLASS)
    lamp = (40, 40, 200) if rear else (200, 240, 250)
    for side in (-1, 1):
        canvas.box(side * 0.46, 0.42, side * 0.3, 0.53, lamp)
    canvas.box(-0.14, 0.22, 0.14, 0.33, (215, 225, 225))


def car(canvas, rng, side):
    body = paint(rng)
    if side:
        car_side(canvas, rng, body)
    else:
        car_end(canvas, rng, body, rng.random() < 0.5)


def truck(canvas, rng, side):
    cab, load = paint(rng), paint(rng)
    if not side:
        canvas.box(-0.45, 0.0, -0.28, 0.2, TYRE)
        canvas.box(0.28, 0.0, 0.45, 0.2, TYRE)
        canvas.box(-0.5, 0.12, 0.5, 1.0, load)
        if rng.random() < 0.5:
            canvas.box(-0.44, 0.1, 0.44, 0.72, cab)
            canvas.box(-0.38, 0.42, 0.38, 0.68, GLASS)
        else:
            canvas.line([(0, 0.16), (0, 0.98)], 0.012, shade(load, 0.6))
            canvas.box(-0.48, 0.12, 0.48, 0.17, (50, 50, 180))
        return
    split = rng.uniform(-0.28, -0.2)
    canvas.box(-0.5, 0.12, 0.5, 0.2, (55, 55, 60))
    canvas.polygon([(-0.5, 0.12), (split - 0.01, 0.12), (split - 0.01, 0.74), (-0.44, 0.74), (-0.5, 0.45)], cab)
    canvas.polygon([(-0.48, 0.46), (-0.34, 0.46), (-0.34, 0.68), (-0.435, 0.68)], GLASS)
    kind = rng.random()
    if kind < 0.65:
        canvas.box(split + 0.01, 0.19, 0.5, rng.uniform(0.93, 1.0), load)
        if rng.random() < 0.5:
            canvas.box(split + 0.1, 0.5, 0.4, 0.66, paint(rng))
    elif kind < 0.85:
        canvas.box(split + 0.01, 0.19, 0.5, 0.42, load)
        canvas.ellipse(0.13, 0.42, 0.32, 0.28, shade(load, 0.7))
    else:
        canvas.ellipse(0.13, 0.5, 0.36, 0.34, load)
    wheels(canvas, (-0.37, 0.2, 0.36) if rng.random() < 0.6 else (-0.37, 0.32), rng.uniform(0.12, 0.15))


def bus(canvas, rng, side):
    body = paint(rng)
    if not side:
        canvas.box(-0.45, 0.0, -0.3, 0.2, TYRE)
        canvas.box(0.3, 0.0, 0.45, 0.2, TYRE)
        canvas.box(-0.5, 0.09, 0.5, 1.0, body)
        canvas.box(-0.43, 0.42, 0.43, 0.82, GLASS)
        canvas.box(-0.3, 0.86, 0.3, 0.95, (40, 190, 230))
        return
    canvas.box(-0.5, 0.09, 0.5, 1.0, body)
    stripe = paint(rng)
    canvas.box(-0.5, 0.3, 0.5, 0.38, stripe)
    count = int(rng.integers(5, 8))
    edges = np.linspace(-0.48, 0.48, count + 1)
    for left, right in zip(edges[:-1], edges[1:]):
        canvas.box(left + 0.012, 0.47, right - 0.012, 0.84, GLASS)
    door = edges[1]
    canvas.box(door + 0.015, 0.12, door + 0.1, 0.84, shade(GLASS, 0.8))
    wheels(canvas, (-0.33, 0.28), rng.uniform(0.11, 0.13))


def person(canvas, rng, side):
    top, legs = paint(rng), rng.uniform(15, 130, 3)
    skin = np.array([100, 130, 180]) * rng.uniform(0.45, 1.25)
    stride = rng.uniform(0.05, 0.36) if side else rng.uniform(0.08, 0.16)
    for end in (-stride, stride):
        canvas.line([(0, 0.5), (end, 0.03)], 0.085, legs)
    swing = rng.uniform(0.16, 0.42)
    canvas.line([(-0.12, 0.78), (-swing, 0.48)], 0.055, shade(top, 0.85))
    canvas.line([(0.12, 0.78), (swing, 0.5)], 0.055, shade(top, 0.85))
    canvas.polygon([(-0.24, 0.83), (0.24, 0.83), (0.2, 0.46), (-0.2, 0.46)], top)
    if rng.random() < 0.3:
        canvas.polygon([(-0.23, 0.6), (0.23, 0.6), (0.34, 0.28), (-0.34, 0.28)], top)
    canvas.disc(0, 0.915, 0.07, skin)
    if rng.random() < 0.6:
        canvas.ellipse(0, 0.955, 0.16, 0.045, rng.uniform(10, 90, 3))
    if rng.random() < 0.25:
        canvas.box(0.25, 0.3, 0.46, 0.46, paint(rng))


def bicycle(canvas, rng, side):
    frame = paint(rng)
    if not side:
        canvas.line([(0, 0.02), (0, 0.62)], 0.08, TYRE)
        canvas.line([(-0.45, 0.95), (0.45, 0.95)], 0.05, (60, 60, 60))
        canvas.line([(0, 0.5), (0, 0.95)], 0.06, frame)
        return
    for x in (-0.3, 0.3):
        canvas.ring(x, 0.31, 0.29, 0.05, TYRE)
    canvas.line([(-0.3, 0.31), (-0.12, 0.72), (0.2, 0.76), (-0.02, 0.3), (-0.3, 0.31)], 0.055, frame)
    canvas.line([(-0.02, 0.3), (-0.14, 0.85)], 0.05, frame)
    canvas.line([(0.3, 0.31), (0.19, 0.93), (0.27, 0.97)], 0.05, frame)
    canvas.line([(-0.22, 0.86), (-0.07, 0.86)], 0.07, (30, 30, 30))


def traffic_light(canvas, rng, side):
    housing = np.full(3, rng.uniform(18, 60)) if rng.random() < 0.75 else np.array([40, 150, 190])
    canvas.box(-0.5, 0, 0.5, 1, housing)
    lit = int(rng.integers(0, 3))
    colors = [(60, 210, 60), (40, 190, 240), (50, 50, 240)]
    for lamp in range(3):
        on = lamp == lit
        color = colors[lamp] if on else shade(colors[lamp], 0.22)
        canvas.disc(0, 0.18 + 0.32 * lamp, 0.135, color)
        if on and rng.random() < 0.5:
            canvas.disc(0, 0.18 + 0.32 * lamp, 0.06, (235, 250, 250))


def tree(canvas, rng):
    canvas.box(-0.07, 0, 0.07, 0.5, np.array([45, 65, 85]) * rng.uniform(0.6, 1.2))
    green = np.array([50, 110, 70]) * rng.uniform(0.5, 1.3)
    for _ in range(int(rng.integers(5, 10))):
        canvas.ellipse(rng.uniform(-0.28, 0.28), rng.uniform(0.5, 0.85), rng.uniform(0.13, 0.25), rng.uniform(0.08, 0.16),
                       green * rng.uniform(0.75, 1.2))


def bin_or_box(canvas, rng):
    color = paint(rng)
    canvas.polygon([(-0.4, 0), (0.4, 0), (0.5, 0.85), (-0.5, 0.85)], color)
    canvas.box(-0.5, 0.85, 0.5, 1.0, shade(color, 0.7))
    if rng.random() < 0.5:
        canvas.box(-0.3, 0.4, 0.3, 0.6, shade(color, 1.3))


def sign(canvas, rng):
    canvas.line([(0, 0), (0, 1)], 0.03, (110, 110, 110))
    if rng.random() < 0.5:
        canvas.disc(0, 0.85, 0.13, (40, 40, 200))
        canvas.disc(0, 0.85, 0.09, (230, 230, 230))
    else:
        canvas.box(-0.3, 0.7, 0.3, 1.0, rng.uniform(30, 220, 3))
        canvas.box(-0.2, 0.78, 0.2, 0.84, (230, 230, 230))


def lamp_post(canvas, rng):
    canvas.line([(0, 0), (0, 0.97), (0.3, 1.0)], 0.014, (70, 70, 75))
    canvas.ellipse(0.34, 0.99, 0.16, 0.012, (200, 230, 240))


def hydrant(canvas, rng):
    """Shaped a little like a distant person."""
    color = paint(rng)
    canvas.box(-0.22, 0, 0.22, 0.75, color)
    canvas.ellipse(0, 0.78, 0.26, 0.2, color)
    canvas.box(-0.42, 0.45, 0.42, 0.62, shade(color, 0.8))


def vending(canvas, rng):
    """Lit dots in a dark box, as on a traffic light, but in other numbers."""
    canvas.box(-0.5, 0, 0.5, 1, rng.uniform(25, 90, 3))
    for row in range(int(rng.integers(2, 5))):
        for column in (-0.22, 0.22):
            canvas.disc(column, 0.2 + row * 0.2, 0.06, rng.uniform(60, 250, 3))


# Heights and widths are metres; a vehicle has one width from the side and one from its end.
DRAW = {"person": person, "bicycle": bicycle, "car": car, "truck": truck, "bus": bus, "traffic light": traffic_light}
SIZE = {"person": (1.75, 0.72, 0.6), "bicycle": (1.1, 1.75, 0.55), "car": (1.5, 4.2, 1.85), "truck": (3.2, 7.0, 2.5),
        "bus": (3.1, 9.0, 2.55), "traffic light": (1.0, 0.36, 0.36)}
CLUTTER = [(tree, 6.0, 4.5), (bin_or_box, 1.1, 0.8), (bin_or_box, 2.2, 2.4), (sign, 2.7, 0.9), (lamp_post, 6.5, 1.6),
           (hydrant, 1.0, 0.5), (vending, 1.9, 0.9)]
