# SPDX-License-Identifier: Apache-2.0
"""Task-aligned assignment (Feng et al., TOOD, 2021) with CIoU and distribution focal loss (Li et al., 2020)."""

import math

import torch
from torch.nn import functional

from detector import BINS

CANDIDATES = 10
SCORE_POWER, IOU_POWER = 0.5, 4.0
SMALLEST_TARGET = 10.0
BOX_WEIGHT, CLASS_WEIGHT, DISTRIBUTION_WEIGHT = 7.5, 0.5, 1.5


def overlap(a, b):
    """Intersection over union of boxes [..., 4] as corners."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    return shared / (size_a.prod(-1) + size_b.prod(-1) - shared + 1e-7)


def complete_iou(a, b):
    iou = overlap(a, b)
    enclosing = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).pow(2).sum(-1) / 4
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    angle = torch.atan(size_a[..., 0] / (size_a[..., 1] + 1e-7)) - torch.atan(size_b[..., 0] / (size_b[..., 1] + 1e-7))
    shape = 4 / math.pi**2 * angle.pow(2)
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-7)
    return iou - apart / (enclosing.pow(2).sum(-1) + 1e-7) - weight * shape


@torch.no_grad()
def assign(scores, boxes, centers, labels, targets, valid):
    """Gives each cell at most one target.

    scores [B, N, C], boxes [B, N, 4] and centers [N, 2] in pixels, labels [B, M], targets [B, M, 4], valid [B, M].
    Returns the target's index [B, N] and its weight [B, N], which is 0 for background.
    """
    batch, cells, _ = scores.shape
    count = targets.shape[1]
    middle = (targets[..., :2] + targets[..., 2:]) / 2
    half = ((targets[..., 2:] - targets[..., :2]) / 2).clamp(min=SMALLEST_TARGET / 2)
    inside = ((centers[None, None] - middle[:, :, None]).abs() < half[:, :, None]).all(-1) & valid[:, :, None]
    iou = overlap(targets[:, :, None], boxes[:, None])
    score = scores.transpose(1, 2).gather(1, labels[:, :, None].expand(-1, -1, cells))
    alignment = (score.pow(SCORE_POWER) * (iou + 1e-3).pow(IOU_POWER)) * inside
    best = alignment.topk(CANDIDATES, dim=-1)
    chosen = torch.zeros_like(inside).scatter(-1, best.indices, best.values > 0)
    owner = torch.where(chosen, iou + 1e-3, torch.zeros_like(iou)).argmax(1)
    chosen &= functional.one_hot(owner, count).transpose(1, 2).bool()
    alignment = alignment * chosen
    peak = alignment.amax(-1, keepdim=True) + 1e-12
    quality = (iou * chosen).amax(-1, keepdim=True)
    return owner, (alignment / peak * quality.clamp(min=0.1)).amax(1)


def detection_loss(detector, pictures, labels, targets, valid):
    """The weighted sum of the three losses for targets as corners in pixels."""
    sides, logits = detector.raw(pictures)
    stride = detector.strides[0]
    boxes = detector.corners(sides).transpose(1, 2) * stride[:, None]
    logits = logits.transpose(1, 2)
    centers = detector.centers.t()
    owner, weight = assign(logits.detach().sigmoid(), boxes.detach(), centers * stride[:, None], labels, targets, valid)

    wanted = functional.one_hot(labels.gather(1, owner), detector.classes) * weight[..., None]
    total = weight.sum().clamp(min=1.0)
    class_loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / total

    image, cell = weight.nonzero(as_tuple=True)
    target, share = targets[image, owner[image, cell]], weight[image, cell]
    box_loss = ((1 - complete_iou(boxes[image, cell], target)) * share).sum() / total

    goal = target / stride[cell, None]
    center = centers[cell]
    distance = torch.cat([center - goal[:, :2], goal[:, 2:] - center], 1).clamp(0, BINS - 1.01)
    lower = distance.floor().long()
    upper_share = distance - lower
    log_share = sides.transpose(1, 2)[image, cell].view(-1, 4, BINS).log_softmax(-1)
    near = log_share.gather(-1, lower[..., None])[..., 0] * (1 - upper_share)
    far = log_share.gather(-1, lower[..., None] + 1)[..., 0] * upper_share
    distribution_loss = (-(near + far).mean(-1) * share).sum() / total
    return BOX_WEIGHT * box_loss + CLASS_WEIGHT * class_loss + DISTRIBUTION_WEIGHT * distribution_loss
