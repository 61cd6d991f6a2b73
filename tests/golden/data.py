#!/usr/bin/env python3
"""Makes tests/golden/data: files as NumPy, SciPy and Pillow write them, and what they read in them.

Needs numpy, scipy, Pillow and torch: python3 tests/golden/data.py
"""
import io
from pathlib import Path

import numpy as np
import scipy.io
import torch
from PIL import Image

folder = Path(__file__).parent / "data"
folder.mkdir(exist_ok=True)
random = np.random.default_rng(0)

# --- arrays ---------------------------------------------------------------------------------------------------------
# The same 24 numbers, of every type that is read; test_npy.c knows them: k - 12, or k where there is no sign.
count = np.arange(24).reshape(2, 3, 4)
for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split():
    for order in "<>":
        numbers = (count - (0 if kind[0] == "u" else 12)).astype(order + kind)
        name = f"{'little' if order == '<' else 'big'}-{kind}.npy"
        np.save(folder / name, np.asfortranarray(numbers) if kind == "f4" else numbers)
np.save(folder / "bool.npy", count % 3 == 0)
np.save(folder / "pickled.npy", np.array(["one", 2], dtype=object), allow_pickle=True)
np.save(folder / "records.npy", np.zeros(2, dtype=[("x", "f4"), ("y", "i4")]))
np.save(folder / "complex.npy", np.zeros(2, dtype="c8"))
for version in (2, 3):
    with open(folder / f"version-{version}.npy", "wb") as file:
        np.lib.format.write_array(file, (count - 12).astype("<f4"), version=(version, 0))

x = random.standard_normal((12, 4, 3)).astype("f4")
y = np.arange(12) % 3
parts = {"X_train": x[:6], "y_train": y[:6], "X_val": x[6:9], "y_val": y[6:9], "X_test": x[9:], "y_test": y[9:]}
np.savez(folder / "stored.npz", **parts)
np.savez_compressed(folder / "packed.npz", **parts)
np.save(folder / "X.npy", x)

# --- MATLAB ---------------------------------------------------------------------------------------------------------
signs = np.where(y[:, None] == 0, -1, 1).astype("i2")
for name, version, packed in (("v4", "4", False), ("v6", "5", False), ("v7", "5", True)):
    scipy.io.savemat(folder / f"{name}-train.mat", {"note": "words", "X": x[:, 0].astype("f8"), "Y": signs},
                     format=version, do_compression=packed)

# --- pictures -------------------------------------------------------------------------------------------------------
height, width = 9, 13
rgb = random.integers(0, 256, (height, width, 4), dtype="u1")
smooth = np.stack([np.add.outer(np.arange(height) * a, np.arange(width) * b) for a, b in ((9, 11), (20, 5), (3, 16))], -1)
color, alpha = Image.fromarray(rgb[..., :3]), Image.fromarray(rgb)
gentle = Image.fromarray(smooth.astype("u1"))


def keep(name, picture, expected, **options):
    picture.save(folder / name, **options)
    values = np.asarray(expected).astype("f4") / np.float32(255)
    values = np.repeat(values[..., None], 3, -1) if values.ndim == 2 else values
    np.save(folder / (name + ".npy"), values.transpose(2, 0, 1))


black = Image.new("RGBA", alpha.size, (0, 0, 0, 255))
wide = (np.arange(height * width, dtype="u4").reshape(height, width) * 560).astype("u2")
keep("rgb.png", color, color)
keep("gray.png", color.convert("L"), color.convert("L"))
keep("rgba.png", alpha, Image.alpha_composite(black, alpha).convert("RGB"))
palette = color.quantize(16)
keep("palette.png", palette, palette.convert("RGB"))
keep("bits.png", color.convert("1"), color.convert("1").convert("L"))
keep("gray16.png", Image.fromarray(wide), np.round(wide / 257))
for name, picture, options in (("rgb.jpg", gentle, {}), ("gray.jpg", gentle.convert("L"), {}),
                               ("progressive.jpg", gentle, {"progressive": True})):
    stream = io.BytesIO()
    picture.save(stream, "jpeg", quality=95, subsampling=0, **options)
    keep(name, picture, Image.open(stream), quality=95, subsampling=0, **options)
gentle.convert("CMYK").save(folder / "cmyk.jpg")

np.save(folder / "rgb-luma.npy", np.asarray(color.convert("L"))[None].astype("f4") / np.float32(255))
values = torch.from_numpy(rgb[..., :3].astype("f4") / np.float32(255)).permute(2, 0, 1)[None]
for size in ((5, 7), (20, 17), (4, 30)):
    resized = torch.nn.functional.interpolate(values.double(), size, mode="bilinear", antialias=True)[0]
    np.save(folder / f"rgb-{size[0]}x{size[1]}.npy", resized.float().numpy())
