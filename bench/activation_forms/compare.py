# SPDX-License-Identifier: Apache-2.0
"""Compares integer forms of SiLU on real pre-activations: compare.py PRE.npz (from collect.py)

A figure is the mean squared error of the int8 result against exact SiLU over that of exact SiLU rounded to int8,
output scales per channel by minimum and maximum. 1.000 means that the form costs nothing."""
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


def evaluate(t, f, pieces, degree):
    """t: int64 array of one f; returns y with f - 1 fraction bits."""
    half = pieces // 2
    log_half = half.bit_length() - 1
    shift = min(16 - log_half - 1, f + 3 - log_half)
    covers = shift == 16 - log_half - 1 and f >= 12
    width = 2.0 ** (shift - f)
    start = (np.arange(pieces) - half) * width
    c = fit(silu, start, width, degree, first=not covers, last=not covers)
    base = np.round(c[:, 0] * 2.0 ** (f - 1)).astype(np.int64)
    slope = np.round(c[:, 1] * 2**14).astype(np.int64)
    index = np.clip((t >> shift) + half, 0, pieces - 1)
    r = t - ((index - half) << shift)
    if degree == 1:
        return base[index] + rounding_shift(slope[index] * r, 15)
    # second degree: y = base + (slope + curve * r) * r with curve * r kept in Q14
    curve = np.round(c[:, 2] * 2.0 ** (14 - f) * 2.0 ** (15 - (11 - shift) - 1) ).astype(np.int64)
    bits = 15 - (11 - shift) - 1
    inner = slope[index] + np.where(curve[index] != 0, rounding_shift(curve[index] * r, bits), 0)
    return base[index] + rounding_shift(inner * r, 15)


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
    forms = [(f"{p} pieces, degree {d}, fraction bits per {per}, {b}-bit final multiplier", p, d, per, b)
             for p, d in ((32, 1), (64, 1), (16, 2), (32, 2)) for per in ("layer", "channel") for b in (16, 32)]
    total = {name: [] for name, *_ in forms}
    for layer in data.files:
        values = data[layer].astype(np.float64)
        layer_bits = fraction_bits(np.abs(values).max())
        reference = 0.0
        errors = dict.fromkeys(total, 0.0)
        worst = dict.fromkeys(total, 0.0)
        for x in values:
            x = x[:: max(1, len(x) // 3000)]
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
                f = int(layer_bits if per == "layer" else fraction_bits(np.abs(x).max()))
                t = np.clip(np.round(x * 2.0**f), -32768, 32767).astype(np.int64)
                q = finish(evaluate(t, f, pieces, degree), f - 1, scale, zero_point, bits)
                e = np.mean(((q - zero_point) * scale - y) ** 2) / scale**2
                errors[name] += e
        for name in total:
            total[name].append(errors[name] / reference)
    print("mean over layers of the ratio (each channel's error in units of its own step), worst layer")
    for name, ratios in total.items():
        print(f"| {name} | {np.mean(ratios):.4f} | {np.max(ratios):.4f} | {data.files[int(np.argmax(ratios))][-40:]}")


if __name__ == "__main__":
    main()
