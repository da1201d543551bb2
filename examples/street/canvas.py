# SPDX-License-Identifier: Apache-2.0
"""A picture that remembers which object each pixel shows."""

import cv2
import numpy as np

SHIFT = 4
ONE = 1 << SHIFT


class Canvas:
    """Draws antialiased shapes and, beside them, the number of the object that owns each pixel.

    Shapes are given in an object's own frame: x from -0.5 to 0.5 across its width, y from 0 on the ground to 1 at its top.
    """

    def __init__(self, width, height):
        self.image = np.zeros((height, width, 3), np.uint8)
        self.owner = np.zeros((height, width), np.int16)
        self.haze_color = np.zeros(3)
        self.frame(0, 0.0, 0.0, 1.0, 1.0)

    def frame(self, number, x, ground, width, height, haze=0.0, flip=False):
        self.number = number
        self.origin = np.array([x, ground])
        self.scale = np.array([-width if flip else width, -height])
        self.haze = haze

    def color(self, color):
        mixed = np.asarray(color) * (1.0 - self.haze) + self.haze_color * self.haze
        return tuple(float(c) for c in np.clip(mixed, 0, 255))

    def points(self, points):
        pixels = self.origin + np.asarray(points, np.float64) * self.scale
        return np.round(pixels * ONE).astype(np.int32)

    def polygon(self, points, color, owned=True):
        corners = self.points(points)
        cv2.fillPoly(self.image, [corners], self.color(color), cv2.LINE_AA, SHIFT)
        if owned:
            cv2.fillPoly(self.owner, [corners], self.number, cv2.LINE_8, SHIFT)

    def box(self, x0, y0, x1, y1, color, owned=True):
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color, owned)

    def ellipse(self, x, y, rx, ry, color, owned=True):
        angles = np.linspace(0.0, 2.0 * np.pi, 17)[:-1]
        self.polygon(np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1), color, owned)

    def disc(self, x, y, radius, color, owned=True):
        """A circle whose radius is a fraction of the object's height."""
        self.ellipse(x, y, radius * abs(self.scale[1] / self.scale[0]), radius, color, owned)

    def line(self, points, width, color, owned=True):
        """An open line whose width is a fraction of the object's height."""
        path = self.points(points)
        thickness = max(1, int(round(width * abs(self.scale[1]))))
        cv2.polylines(self.image, [path], False, self.color(color), thickness, cv2.LINE_AA, SHIFT)
        if owned:
            cv2.polylines(self.owner, [path], False, self.number, thickness, cv2.LINE_8, SHIFT)

    def ring(self, x, y, radius, width, color, owned=True):
        angles = np.linspace(0.0, 2.0 * np.pi, 17)
        rx = radius * abs(self.scale[1] / self.scale[0])
        self.line(np.stack([x + rx * np.cos(angles), y + radius * np.sin(angles)], axis=1), width, color, owned)
