#!/usr/bin/env python3
"""Makes tests/golden/data: files as NumPy and SciPy write them, and what they read in them.

Needs numpy and scipy: python3 tests/golden/data.py
"""
from pathlib import Path

import numpy as np
import scipy.io

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
