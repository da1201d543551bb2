# SPDX-License-Identifier: Apache-2.0
"""A small one-stage detector: inverted residuals with SiLU, a neck that goes down and up again, distances as distributions."""

import torch
from torch import nn
from torch.nn import functional

INPUT_SIZE = (192, 320)
STRIDES = (8, 16, 32)
BINS = 16


def conv(inputs, outputs, kernel=1, stride=1, groups=1, act=True):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)]
    return nn.Sequential(*layers, nn.SiLU()) if act else nn.Sequential(*layers)


class Inverted(nn.Module):
    """Widen, filter each channel, narrow; with a shortcut where shapes allow it."""

    def __init__(self, inputs, outputs, stride=1, expand=3):
        super().__init__()
        middle = inputs * expand
        self.shortcut = stride == 1 and inputs == outputs
        self.body = nn.Sequential(conv(inputs, middle), conv(middle, middle, 3, stride, middle),
                                  conv(middle, outputs, act=False))

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


class Separable(nn.Sequential):
    def __init__(self, inputs, outputs, kernel=3, stride=1):
        super().__init__(conv(inputs, inputs, kernel, stride, inputs), conv(inputs, outputs))


class PoolPyramid(nn.Module):
    """Three poolings in a row see far at little cost."""

    def __init__(self, channels):
        super().__init__()
        self.enter = conv(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = conv(channels * 2, channels)

    def forward(self, x):
        maps = [self.enter(x)]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.leave(torch.cat(maps, 1))


class Fuse(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.mix = conv(inputs, outputs)
        self.filter = Separable(outputs, outputs, 5)

    def forward(self, a, b):
        return self.filter(self.mix(torch.cat([a, b], 1)))


class Distances(nn.Module):
    """The mean of each side's distribution over 0..15 cells, as a 1x1 convolution with fixed weights."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.mean.weight.data[:] = torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1)

    def forward(self, x):
        batch, _, cells = x.shape
        return self.mean(x.view(batch, 4, BINS, cells).transpose(2, 1).softmax(1)).view(batch, 4, cells)


class Head(nn.Module):
    def __init__(self, channels, classes, stride):
        super().__init__()
        width = 40
        self.boxes = nn.Sequential(Separable(channels, width), Separable(width, width), nn.Conv2d(width, 4 * BINS, 1))
        self.classes = nn.Sequential(Separable(channels, width), Separable(width, width), nn.Conv2d(width, classes, 1))
        self.boxes[-1].bias.data[:] = (-0.4 * torch.arange(BINS)).repeat(4)
        # Few cells hold an object at first: about five in a picture of 640 x 640.
        self.classes[-1].bias.data.fill_(float(torch.log(torch.tensor(5 / classes / (640 / stride) ** 2))))

    def forward(self, x):
        return torch.cat([self.boxes(x), self.classes(x)], 1)


def cell_centers(size=INPUT_SIZE):
    """Centres in cells [2, N] and strides [1, N], row by row, finest level first."""
    centers, strides = [], []
    for stride in STRIDES:
        height, width = size[0] // stride, size[1] // stride
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        centers.append(torch.stack([x.flatten(), y.flatten()]))
        strides.append(torch.full((1, height * width), float(stride)))
    return torch.cat(centers, 1), torch.cat(strides, 1)


class Detector(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.classes = classes
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 16, 3, 1, 16), conv(16, 16, act=False))
        self.stage4 = nn.Sequential(Inverted(16, 24, 2, expand=2), Inverted(24, 24, expand=2))
        self.stage8 = nn.Sequential(Inverted(24, 40, 2), Inverted(40, 40), Inverted(40, 40))
        self.stage16 = nn.Sequential(Inverted(40, 64, 2), Inverted(64, 64), Inverted(64, 64))
        self.stage32 = nn.Sequential(Inverted(64, 96, 2), Inverted(96, 96, expand=2), PoolPyramid(96))
        self.reduce = conv(96, 64)
        self.up16 = Fuse(128, 56)
        self.up8 = Fuse(96, 48)
        self.down16 = conv(48, 48, 3, 2, 48)
        self.fuse16 = Fuse(104, 56)
        self.down32 = conv(56, 56, 3, 2, 56)
        self.fuse32 = Fuse(120, 64)
        self.heads = nn.ModuleList(Head(channels, classes, stride) for channels, stride in zip((48, 56, 64), STRIDES))
        self.distances = Distances()
        centers, strides = cell_centers()
        self.register_buffer("centers", centers, persistent=False)
        self.register_buffer("strides", strides, persistent=False)

    def features(self, x):
        x8 = self.stage8(self.stage4(self.stem(x)))
        x16 = self.stage16(x8)
        x32 = self.reduce(self.stage32(x16))
        up16 = self.up16(functional.interpolate(x32, scale_factor=2.0, mode="nearest"), x16)
        out8 = self.up8(functional.interpolate(up16, scale_factor=2.0, mode="nearest"), x8)
        out16 = self.fuse16(self.down16(out8), up16)
        out32 = self.fuse32(self.down32(out16), x32)
        return out8, out16, out32

    def raw(self, x):
        """Distributions of the four sides [B, 64, N] and class logits [B, C, N]."""
        maps = [head(level).view(x.shape[0], 4 * BINS + self.classes, -1)
                for head, level in zip(self.heads, self.features(x))]
        return torch.cat(maps, 2).split((4 * BINS, self.classes), 1)

    def corners(self, sides):
        """Boxes [B, 4, N] as left, top, right, bottom in cells."""
        left_top, right_bottom = self.distances(sides).chunk(2, 1)
        return torch.cat([self.centers - left_top, self.centers + right_bottom], 1)

    def forward(self, x):
        """[B, 4 + C, N]: centre and size in pixels, then a score a class."""
        sides, logits = self.raw(x)
        left_top, right_bottom = self.distances(sides).chunk(2, 1)
        low, high = self.centers - left_top, self.centers + right_bottom
        boxes = torch.cat([(low + high) / 2, high - low], 1) * self.strides
        return torch.cat([boxes, logits.sigmoid()], 1)
