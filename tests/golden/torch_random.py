#!/usr/bin/env python3
"""Writes torch_random.json: what PyTorch's CPU generator draws, for tests/test_random.c, and how it divides
examples, for tests/test_data.c.

Each run seeds a generator once and then draws several times, because draws leave things behind (the place in the
state, the spare normal number). Run it in this folder on an x86 machine with AVX2: there PyTorch rounds once in uniform_,
and approximates log, sin and cos for tensors of 16 and more normal numbers.
"""
import json
import torch


def uniform(low, high, count):
    return {"call": "uniform", "low": low, "high": high, "values": torch.empty(count).uniform_(low, high).tolist()}


def normal(mean, std, count):
    return {"call": "normal", "mean": mean, "std": std, "values": torch.empty(count).normal_(mean, std).tolist()}


def bernoulli(probability, count):
    values = torch.empty(count).bernoulli_(probability).tolist()
    return {"call": "bernoulli", "probability": probability, "values": values}


def permutation(count):
    drawn = torch.randperm(count).tolist()
    checksum = 0
    for value in drawn:
        checksum = (checksum * 31 + value) % 2**32
    return {"call": "permutation", "count": count, "values": drawn[:10], "checksum": checksum}


def integers(count):
    return {"call": "integers", "values": torch.empty(count, dtype=torch.int64).random_().tolist()}


PROGRAMS = [
    (0, lambda: [uniform(0, 1, 8)]),
    (1, lambda: [uniform(-0.25, 0.25, 8), uniform(-0.1, 0.3, 700)]),  # 700: past the end of the state
    (2, lambda: [normal(0, 1, 1), normal(0, 1, 1), normal(0, 1, 5)]),
    (3, lambda: [normal(0.5, 2, 15), uniform(0, 1, 2), normal(0, 1, 16), normal(0, 1, 2)]),
    (4, lambda: [normal(0, 1, 16), normal(0, 1, 17), normal(-1, 0.1, 40)]),
    (5, lambda: [permutation(10), permutation(3000), permutation(1), permutation(2)]),
    (6, lambda: [integers(6), uniform(0, 1, 1), integers(2)]),
    (8, lambda: [bernoulli(0.3, 20), bernoulli(0.8, 3), integers(1)]),
    (42, lambda: [normal(0, 1, 3), permutation(100), normal(0, 1, 3)]),
    (2**32 - 1, lambda: [uniform(0, 1, 3), integers(2)]),
    (2**32 + 7, lambda: [uniform(0, 1, 3), integers(2)]),
]


def split(count, fractions, seed):
    parts = torch.utils.data.random_split(range(count), fractions, torch.Generator().manual_seed(seed))
    return {"count": count, "fractions": fractions, "seed": seed, "parts": [list(part.indices) for part in parts]}


SPLITS = [
    split(30, [2 / 3, 1 / 3], 0),
    split(31, [2 / 3, 1 / 3], 42),
    split(100, [0.7, 0.1, 0.2], 1),
    split(101, [0.8, 0.1, 0.1], 7),
    split(103, [1 / 3, 1 / 3, 1 / 3], 7),
]


def run(seed, draw):
    torch.manual_seed(seed)
    return {"seed": seed, "draws": draw()}


if "capability usage: NO AVX" in torch.__config__.show():
    raise SystemExit("this processor has no AVX2")
with open("torch_random.json", "w") as file:
    runs = [run(*program) for program in PROGRAMS]
    json.dump({"torch": torch.__version__, "runs": runs, "splits": SPLITS}, file, indent=1)
    file.write("\n")
