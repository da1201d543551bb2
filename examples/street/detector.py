# SPDX-License-Identifier: Apache-2.0
"""A small one-stage detector: inverted residuals, a neck that goes down and up again, distances as distributions."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

STRIDES = (8, 16, 32)
BINS = 16


@dataclass(frozen=True)
class Plan:
    """What tells one network from another. A stage is its width and how much each of its inverted residuals widens inside."""

    size: tuple  # of the input: height, width
    act: type
    stem: tuple  # channels filtered and channels kept, at half of the input's size
    stage4: tuple
    stage8: tuple
    stage16: tuple
    stage32: tuple
    reduced: int  # channels that leave stage32
    neck: tuple  # channels of up16, up8, fuse16, fuse32
    head: int
    decoded: bool  # whether the exported network ends in boxes and scores, or in distributions and logits, two maps a stride


PLANS = {
    "sample": Plan((192, 320), nn.SiLU, (16, 16), (24, (2, 2)), (40, (3, 3, 3)), (64, (3, 3, 3)), (96, (3, 2)), 64,
                   (56, 48, 56, 64), 40, True),
    "micro": Plan((160, 256), nn.ReLU6, (12, 8), (16, (4, 3)), (32, (4, 3, 3)), (56, (4, 3, 3)), (96, (4, 3)), 56,
                  (48, 40, 48, 56), 32, False),
}


class Parts:
    """Builds the layers of one network, all with the same activation."""

    def __init__(self, act):
        self.act = act

    def conv(self, inputs, outputs, kernel=1, stride=1, groups=1, act=True):
        layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                  nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)]
        return nn.Sequential(*layers, self.act()) if act else nn.Sequential(*layers)

    def separable(self, inputs, outputs, kernel=3):
        return nn.Sequential(self.conv(inputs, inputs, kernel, 1, inputs), self.conv(inputs, outputs))

    def stage(self, inputs, plan):
        """Inverted residuals, the first of which halves the size."""
        width, expansions = plan
        return [Inverted(self, width if i else inputs, width, 1 if i else 2, expand) for i, expand in enumerate(expansions)]


class Inverted(nn.Module):
    """Widen, filter each channel, narrow; with a shortcut where shapes allow it."""

    def __init__(self, parts, inputs, outputs, stride, expand):
        super().__init__()
        middle = inputs * expand
        self.shortcut = stride == 1 and inputs == outputs
        self.body = nn.Sequential(parts.conv(inputs, middle), parts.conv(middle, middle, 3, stride, middle),
                                  parts.conv(middle, outputs, act=False))

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


class PoolPyramid(nn.Module):
    """Three poolings in a row see far at little cost."""

    def __init__(self, parts, channels):
        super().__init__()
        self.enter = parts.conv(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.leave = parts.conv(channels * 2, channels)

    def forward(self, x):
        maps = [self.enter(x)]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.leave(torch.cat(maps, 1))


class Fuse(nn.Module):
    def __init__(self, parts, inputs, outputs):
        super().__init__()
        self.mix = parts.conv(inputs, outputs)
        self.filter = parts.separable(outputs, outputs, 5)

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
    def __init__(self, parts, channels, width, classes, stride):
        super().__init__()
        sep = parts.separable
        self.boxes = nn.Sequential(sep(channels, width), sep(width, width), nn.Conv2d(width, 4 * BINS, 1))
        self.classes = nn.Sequential(sep(channels, width), sep(width, width), nn.Conv2d(width, classes, 1))
        self.boxes[-1].bias.data[:] = (-0.4 * torch.arange(BINS)).repeat(4)
        # Few cells hold an object at first: about five in a picture of 640 x 640.
        self.classes[-1].bias.data.fill_(float(torch.log(torch.tensor(5 / classes / (640 / stride) ** 2))))

    def forward(self, x, apart=False):
        maps = self.boxes(x), self.classes(x)
        return maps if apart else torch.cat(maps, 1)


def cell_centers(size):
    """Centres in cells [2, N] and strides [1, N], row by row, finest level first."""
    centers, strides = [], []
    for stride in STRIDES:
        height, width = size[0] // stride, size[1] // stride
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        centers.append(torch.stack([x.flatten(), y.flatten()]))
        strides.append(torch.full((1, height * width), float(stride)))
    return torch.cat(centers, 1), torch.cat(strides, 1)


class Detector(nn.Module):
    def __init__(self, plan, classes):
        super().__init__()
        self.plan, self.classes = plan, classes
        parts = Parts(plan.act)
        wide, narrow = plan.stem
        c4, c8, c16, c32 = (stage[0] for stage in (plan.stage4, plan.stage8, plan.stage16, plan.stage32))
        up16, up8, fuse16, fuse32 = plan.neck
        self.stem = nn.Sequential(parts.conv(3, wide, 3, 2), parts.conv(wide, wide, 3, 1, wide), parts.conv(wide, narrow, act=False))
        self.stage4 = nn.Sequential(*parts.stage(narrow, plan.stage4))
        self.stage8 = nn.Sequential(*parts.stage(c4, plan.stage8))
        self.stage16 = nn.Sequential(*parts.stage(c8, plan.stage16))
        self.stage32 = nn.Sequential(*parts.stage(c16, plan.stage32), PoolPyramid(parts, c32))
        self.reduce = parts.conv(c32, plan.reduced)
        self.up16 = Fuse(parts, plan.reduced + c16, up16)
        self.up8 = Fuse(parts, up16 + c8, up8)
        self.down16 = parts.conv(up8, up8, 3, 2, up8)
        self.fuse16 = Fuse(parts, up8 + up16, fuse16)
        self.down32 = parts.conv(fuse16, fuse16, 3, 2, fuse16)
        self.fuse32 = Fuse(parts, fuse16 + plan.reduced, fuse32)
        self.heads = nn.ModuleList(Head(parts, channels, plan.head, classes, stride)
                                   for channels, stride in zip((up8, fuse16, fuse32), STRIDES))
        self.distances = Distances()
        centers, strides = cell_centers(plan.size)
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

    def decode(self, x):
        """[B, 4 + C, N]: centre and size in pixels, then a score a class."""
        sides, logits = self.raw(x)
        left_top, right_bottom = self.distances(sides).chunk(2, 1)
        low, high = self.centers - left_top, self.centers + right_bottom
        boxes = torch.cat([(low + high) / 2, high - low], 1) * self.strides
        return torch.cat([boxes, logits.sigmoid()], 1)

    def maps(self, x):
        """Two maps a stride, finest first: distributions [B, 64, H, W] and logits [B, C, H, W]."""
        return tuple(part for head, level in zip(self.heads, self.features(x)) for part in head(level, apart=True))

    def forward(self, x):
        return self.decode(x) if self.plan.decoded else self.maps(x)
