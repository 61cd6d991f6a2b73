#!/usr/bin/env python3
"""Golden values for tests/test_change_pictures.c: writes changes.npy, the pictures one after the other.

Rotation is Pillow's, of every channel as floats. Brightness and contrast are written down from torchvision's documentation
of adjust_brightness and adjust_contrast; grey is 0.2989 r + 0.587 g + 0.114 b. Needs numpy and Pillow 9.1 or newer:
python3 tests/golden/changes.py
"""
from pathlib import Path

import numpy as np
from PIL import Image

SHAPES = [(3, 6, 9), (1, 8, 5)]
ANGLES = [0, 17, -40.5, 89, 180]
FACTORS = [0, 0.6, 1.7]


def made_up(stream, shape):  # as tests/support.h
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = i * np.uint32(0x9E3779B1) + np.uint32(stream * 0x85EBCA77 & 0xFFFFFFFF)
        h = (h ^ h >> np.uint32(16)) * np.uint32(0x7FEB352D)
        h = (h ^ h >> np.uint32(15)) * np.uint32(0x846CA68B)
        h ^= h >> np.uint32(16)
    return ((h >> np.uint32(8)).astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)).reshape(shape)


def rotate(x, angle):
    return np.stack([np.asarray(Image.fromarray(c, "F").rotate(angle, Image.Resampling.BILINEAR)) for c in x])


def grey(x):
    return x[0] if len(x) == 1 else 0.2989 * x[0] + 0.587 * x[1] + 0.114 * x[2]


pictures = []
for stream, shape in enumerate(SHAPES):
    x = (made_up(stream, shape) + 1) / 2
    pictures += [rotate(x, angle) for angle in ANGLES]
    pictures += [np.clip(x * factor, 0, 1) for factor in FACTORS]
    pictures += [np.clip(x * factor + grey(x.astype(np.float64)).mean() * (1 - factor), 0, 1) for factor in FACTORS]
np.save(Path(__file__).parent / "changes.npy", np.concatenate([p.astype(np.float32).ravel() for p in pictures]))
