# SPDX-License-Identifier: Apache-2.0
"""Compares integer forms of SiLU on real pre-activations: compare.py PRE.npz (from collect.py)

The last form is the one that docs/NUMERICS.md defines and the kernels have; the others are narrower.

A figure is the mean squared error of the int8 result against exact SiLU over that of exact SiLU rounded to int8,
output scales per channel by minimum and maximum. 1.000 means that the form costs nothing."""
import functools
import sys

import numpy as np


def silu(x):
    return x / (1 + np.exp(-x))


def fraction_bits(magnitude):
    return np.clip(15 - np.ceil(np.log2(np.maximum(magnitude * (32768 / 32767), 2.0**-3))), 2, 14).astype(int)


def fit(function, start, width, degree, first, last):
    """Least squares on a fine grid, and the asymptote's slope in the outermost pieces."""
    coefficients = np.zeros((len(start), 3))
    grid = (np.arange(256) + 0.5) / 256 * width
    for i, at in enumerate(start):
        y = function(at + grid)
        c = np.polynomial.polynomial.polyfit(grid, y, degree)
        coefficients[i, : degree + 1] = c
    if first:
        coefficients[0] = [function(start[0] + width) , 0, 0]
    if last:
        coefficients[-1] = [function(start[-1]), 1, 0]
    return coefficients


def rounding_shift(x, bits):
    return (x + (1 << (bits - 1))) >> bits if bits > 0 else x


@functools.lru_cache(maxsize=None)
def tables(f, pieces, degree):
    half = pieces // 2
    shift = min(16 - half.bit_length(), f + 4 - half.bit_length())
    width = 2.0 ** (shift - f)
    start = (np.arange(pieces) - half) * width
    within = width * half < 8  # all of t is inside: no asymptotes needed
    c = fit(silu, start, width, degree, first=not within, last=not within)
    curve_bits = 16 - half.bit_length() + 3
    return (half, shift, np.round(c[:, 0] * 2.0 ** (f - 1)).astype(np.int64), np.round(c[:, 1] * 2**14).astype(np.int64),
            np.round(c[:, 2] * 2.0 ** (14 - f + curve_bits)).astype(np.int64), curve_bits)


def evaluate(t, f, pieces, degree):
    """16-bit t with f fraction bits; y with f - 1 fraction bits, 16-bit coefficients."""
    half, shift, base, slope, curve, curve_bits = tables(f, pieces, degree)
    index = np.clip((t >> shift) + half, 0, pieces - 1)
    r = t - ((index - half) << shift)
    inner = slope[index] + (rounding_shift(curve[index] * r, curve_bits) if degree == 2 else 0)
    return base[index] + rounding_shift(inner * r, 15)


@functools.lru_cache(maxsize=None)
def wide_tables(pieces):
    half, width = pieces // 2, 16 / pieces
    u = np.array([0.5 - 3**0.5 / 4, 0.5, 0.5 + 3**0.5 / 4])
    c = np.zeros((pieces, 3))
    for i in range(pieces):
        at, y = u, silu((i - half + u) * width)
        if i in (0, pieces - 1):
            at = np.array([0, 0.5, 1])
            y = silu((i - half + at) * width)
            y[0 if i == 0 else 2] = 0 if i == 0 else 8
        c[i] = np.linalg.solve(np.vander(at, 3, increasing=True), y)
    return np.round(c * 65536).astype(np.int64)


def evaluate_wide(x, pieces):
    """32-bit t and y with 16 fraction bits whatever the range."""
    half, shift = pieces // 2, 21 - pieces.bit_length()
    c = wide_tables(pieces)
    t = np.round(x * 65536).astype(np.int64)
    inside = np.clip(t, -(half << shift), (half << shift) - 1)
    index = (inside >> shift) + half
    r = inside & ((1 << shift) - 1)
    slope = c[index, 1] + ((c[index, 2] * r) >> shift)
    return c[index, 0] + ((slope * r) >> shift) + np.maximum(t - inside, 0)


def finish(y, g, scale, zero_point, bits):
    real = 2.0**-g / scale
    exponent = np.ceil(np.log2(real))
    multiplier = np.round(real / 2.0**exponent * 2.0 ** (bits - 1)).astype(np.int64)
    shift = int(bits - 1 - exponent)
    if bits == 16 and multiplier == 32768:
        multiplier = np.int64(32767)
    return np.clip(((y * multiplier + (1 << (shift - 1))) >> shift) + zero_point, -128, 127)


def main():
    data = np.load(sys.argv[1])
    forms = [(f"16 bits, fraction bits per {per}, {p} pieces of degree {d}, {b}-bit final multiplier", p, d, per, b)
             for p, d in ((32, 1), (64, 1), (16, 2), (32, 2)) for per in ("layer", "channel") for b in (16, 32)]
    forms += [(f"32 bits, 16 of them fraction, {p} pieces of degree 2, 32-bit final multiplier", p, 2, "none", 32) for p in (16, 32)]
    total = {name: [] for name, *_ in forms}
    for layer in data.files:
        values = data[layer].astype(np.float64)
        layer_bits = fraction_bits(np.abs(values).max())
        reference = 0.0
        errors = dict.fromkeys(total, 0.0)
        for x in values:
            x = x[:: max(1, len(x) // 2000)]
            y = silu(x)
            low, high = min(y.min(), 0), max(y.max(), 0)
            if high - low < 1e-6:
                continue
            scale = (high - low) / 255
            zero_point = int(np.round(-128 - low / scale))
            exact = (np.clip(np.round(y / scale) + zero_point, -128, 127) - zero_point) * scale
            reference_channel = np.mean((exact - y) ** 2) / scale**2
            reference += reference_channel
            for name, pieces, degree, per, bits in forms:
                if per == "none":
                    q = finish(evaluate_wide(x, pieces), 16, scale, zero_point, bits)
                    errors[name] += np.mean(((q - zero_point) * scale - y) ** 2) / scale**2
                    continue
                f = int(layer_bits if per == "layer" else fraction_bits(np.abs(x).max()))
                t = np.clip(np.round(x * 2.0**f), -32768, 32767).astype(np.int64)
                q = finish(evaluate(t, f, pieces, degree), f - 1, scale, zero_point, bits)
                errors[name] += np.mean(((q - zero_point) * scale - y) ** 2) / scale**2
        for name in total:
            total[name].append(errors[name] / reference)
    print("mean over layers of the ratio (each channel's error in units of its own step), worst layer")
    for name, ratios in total.items():
        print(f"| {name} | {np.mean(ratios):.4f} | {np.max(ratios):.4f} |")


if __name__ == "__main__":
    main()
