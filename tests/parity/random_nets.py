#!/usr/bin/env python3
"""The nets of tests/test_random_nets.c beside PyTorch's: from the same weights the same losses, step by step.

    python3 tests/parity/random_nets.py                 the nets of the seeds 1 to 100
    python3 tests/parity/random_nets.py 5000 200        those of 5000 to 5199

Masks, the order of the examples and the initial weights are tested elsewhere: nothing is dropped, the order is fixed, and
PyTorch begins with convo's weights. Warm-up and on_plateau are left out. $CONVO is the command (build/convo), $BUILD the
build (build). Prints what does not agree. Exit: 0 all agree, 1 something does not, 77 there is nothing to compare with.
"""
import math, os, subprocess, sys, tempfile

from parity import Case, Skip, run_convo, run_torch, torch, worst, yaml

BUILD = os.environ.get("BUILD", "build")
STEPS = 6


def tame_layers(layers):
    """Nothing is dropped, and every layer starts by default."""
    for k, layer in enumerate(layers):
        word, options = next(iter(layer.items())) if isinstance(layer, dict) else (layer, None)
        if word.endswith("dropout"):
            wires = {key: value for key, value in (options or {}).items() if key in ("name", "from")} if isinstance(options, dict) else {}
            layers[k] = {word: dict(wires, p=0)}
        elif word == "residual":
            tame_layers(options["body"])
            tame_layers(options.get("shortcut") or [])
        elif word == "bc_block":
            options["dropout"] = 0
        elif isinstance(options, dict):
            options.pop("init", None)


def tame(path):
    recipe = yaml.safe_load(open(path))
    tame_layers(recipe["model"])
    train = recipe["train"]
    train["order"] = "fixed"
    train.pop("patience", None)
    train.pop("balance", None)
    if "on_plateau" in train["schedule"]:
        train["schedule"] = {"constant": {}}
    next(iter(train["schedule"].values())).pop("warmup", None)
    with open(path, "w") as file:
        yaml.safe_dump(recipe, file, default_flow_style=None)
    return train


def compare(path, work):
    """None, or in what they differ."""
    train = tame(path)
    recipe, tensors, arrays, ours = run_convo(Case(path, path, ["train.epochs=%d" % train["epochs"]]), STEPS, {}, work)
    theirs = run_torch(recipe, arrays, len(ours), begin=tensors)[1]
    off, noise = worst(ours, theirs)[0], 0
    for towards in (math.inf, -math.inf):
        if off <= max(1e-4, 10 * noise):
            return None
        noise = max(noise, worst(run_torch(recipe, arrays, len(ours), towards=towards, begin=tensors)[1], theirs)[0])
    return None if off <= max(1e-4, 10 * noise) else "losses are %g apart, noise is %g" % (off, noise)


def main(first=1, count=100):
    torch.set_num_threads(1)
    agree, skipped, bad = 0, 0, 0
    with tempfile.TemporaryDirectory() as work:
        nets = os.path.join(work, "nets")
        program = os.path.join(BUILD, "tests", "test_random_nets")
        subprocess.run([program, str(first), str(count), nets], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for seed in range(int(first), int(first) + int(count)):
            path = os.path.join(nets, str(seed), "recipe.yaml")
            try:
                with tempfile.TemporaryDirectory() as here:
                    why = compare(path, here)
            except (Skip, ValueError, AssertionError) as refused:  # it diverges, or options are none for PyTorch
                print("net %d: skipped: %s" % (seed, refused))
                skipped += 1
                continue
            agree, bad = agree + (not why), bad + bool(why)
            if why:
                print("net %d: %s\n%s" % (seed, why, open(path).read()), flush=True)
    print("%d nets agree, %d do not, %d skipped" % (agree, bad, skipped))
    return 1 if bad else 0 if agree else 77


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
