"""The network, for training and for predicting: raw images in, so that both do the same to them."""

import torch
from torch import nn


def make(n_classes):
    def block(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()

    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_classes))
    return nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 64), *block(64, 64), *head)


def as_input(images):
    """Return uint8 images of shape (n, height, width, 3) as the network takes them."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
