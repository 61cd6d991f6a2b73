#!/usr/bin/env python3
"""Test accuracy of a recipe beside PyTorch's, on the very arrays that convo trains on, over several seeds.

    bench/accuracy.py fsdd-raw --trials 5
    bench/accuracy.py speech-cnn speech-cnn-adam --trials 3 --within 0.01
    bench/accuracy.py fsdd-mfcc --set epochs=2 --data DIR

For every seed convo writes features and split (data export) and its resolved recipe (init); PyTorch builds the net from the
recipe, with weights and order of its own generator at that seed, trains it and keeps the epoch that the recipe says; of
`augment` it knows flip and crop. convo runs as `convo sweep`. Prints a table in Markdown. Exit: 0 when every mean is above
PyTorch's less --within, 1 when one is not, 77 without PyTorch. $CONVO is the command (build/convo).
"""
import argparse, copy, json, os, statistics, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "parity"))
import parity  # also says what is missing, and exits with 77
import numpy as np, torch, yaml


def score(net, loss_function, x, y):
    """Mean loss and accuracy."""
    net.eval()
    loss = right = 0.0
    with torch.no_grad():
        for first in range(0, len(x), 256):
            outputs, label = net(x[first:first + 256]), y[first:first + 256]
            loss += loss_function(outputs, label).item() * len(label)
            right += parity.accuracy(outputs, label) * len(label)
    net.train()
    return loss / len(x), right / len(x)


class Changes:
    """RandomCrop and RandomHorizontalFlip of a batch, each picture by itself."""

    def __init__(self, augment, pictures):
        rest = set(augment) - {"flip", "crop"}
        if rest:
            raise parity.Skip("no %s in PyTorch here" % ", ".join(sorted(rest)))
        self.flip, self.padding = augment.get("flip", 0), augment.get("crop", 0)
        if isinstance(self.flip, dict):
            self.flip = self.flip.get("horizontal", 0)
        if isinstance(self.padding, dict):
            self.padding = self.padding["padding"]
        self.black = pictures.min().item() if augment else 0

    def __call__(self, x):
        p = self.padding
        if self.flip:
            x = torch.where(torch.rand(len(x), 1, 1, 1) < self.flip, x.flip(3), x)
        if p:
            n, channels, h, w = x.shape
            wide = torch.nn.functional.pad(x, (p, p, p, p), value=self.black)
            top, left = torch.randint(2 * p + 1, (2, n))
            rows, columns = top[:, None] + torch.arange(h), left[:, None] + torch.arange(w)
            x = wide[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        return x


class Average:
    """swa_utils.AveragedModel with use_buffers=True, and a share that does not change."""

    def __init__(self, net, share):
        self.net, self.share = copy.deepcopy(net), share

    def step(self, net):
        with torch.no_grad():
            for mean, now in zip(self.net.state_dict().values(), net.state_dict().values()):
                mean.lerp_(now, 1 - self.share) if now.is_floating_point() else mean.copy_(now)


def train_torch(recipe, arrays):
    """Accuracy on the test part (validation, where there is none) of the model that is kept; NaN when it diverged."""
    part = {k: (torch.from_numpy(arrays["X_" + k]), torch.from_numpy(arrays["y_" + k]))
            for k in ("train", "validation", "test") if "X_" + k in arrays}
    train, held_out = recipe["train"], part.get("test", part.get("validation"))
    torch.manual_seed(train.get("seed", 0))
    net = parity.sequence(recipe["model"], part["train"][0][:2]).train()
    if part["train"][0].dim() == 4:  # half as fast again
        net = net.to(memory_format=torch.channels_last)
    sum_and_weight = parity.loss_of(train, part["train"][1])
    loss_function, loader = lambda x, y: torch.true_divide(*sum_and_weight(x, y)), parity.loader_of(train, torch.utils.data.TensorDataset(*part["train"]))
    optimizer = parity.optimizer_of(train, net)
    schedule, each_step = parity.schedule_of({**train, "epochs": train.get("epochs", 10)}, optimizer, len(loader))
    changed = Changes(recipe.get("augment") or {}, part["train"][0])
    average = Average(net, train["ema"]) if train.get("ema") else None
    scored, by_accuracy = average.net if average else net, train.get("watch") == "accuracy"
    choose, best, patience = train.get("keep", "best") == "best" and "validation" in part, (float("inf"), 0, None), train.get("patience", 0)
    for epoch in range(train.get("epochs", 10)):
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_function(net(changed(x)), y)
            if not torch.isfinite(loss):
                return float("nan")
            loss.backward()
            optimizer.step()
            if average:
                average.step(net)
            if each_step:
                schedule.step()
        if not each_step:
            schedule.step()
        if "validation" in part and (choose or patience):
            loss, right = score(scored, loss_function, *part["validation"])
            loss = -right if by_accuracy else loss
            if loss < best[0]:
                best = loss, epoch, {k: v.clone() for k, v in scored.state_dict().items()}
            if patience and epoch - best[1] >= patience:
                break
    if choose and best[2]:
        scored.load_state_dict(best[2])
    return score(scored, loss_function, *held_out)[1]


def torch_trial(words, seed, work):
    arrays, start = os.path.join(work, "%d.npz" % seed), os.path.join(work, "%d.safetensors" % seed)
    words = words + ["--set", "train.seed=%d" % seed]
    parity.convo("data", "export", *words, "-o", arrays)
    parity.convo("init", *words, "-o", start)
    recipe = yaml.safe_load(parity.read_safetensors(start)[0]["convo.recipe"])
    accuracy = train_torch(recipe, dict(np.load(arrays)))
    os.remove(arrays)  # they can be large
    return accuracy


def convo_trials(words, seed, trials, work):
    words = words + ["--set", "train.seed=%d" % seed, "--trials", str(trials), "-o", os.path.join(work, "sweep")]
    runs = json.loads(parity.convo("sweep", *words, "--json", "-q"))["runs"]
    held_out = "test" if any(run["test"] for run in runs) else "validation"
    return [float("nan") if run["diverged"] else run[held_out]["accuracy"] for run in runs], held_out


def spread(values):
    finite = [v for v in values if v == v]
    mean = statistics.mean(finite) if finite else float("nan")
    text = "%.4f" % mean + (" ± %.4f" % statistics.stdev(finite) if len(finite) > 1 else "")
    return mean, text + (", %d diverged" % (len(values) - len(finite)) if len(finite) < len(values) else "")


def compare(recipe, given):
    words = [recipe] + [w for s in given.set for w in ("--set", s)] + (["--data", given.data] if given.data else [])
    with tempfile.TemporaryDirectory() as work:
        ours, part = convo_trials(words, given.seed, given.trials, work)
        theirs = []
        for seed in range(given.seed, given.seed + given.trials):
            theirs.append(torch_trial(words, seed, work))
            print("%s, seed %d: convo %.4f, PyTorch %.4f" % (recipe, seed, ours[len(theirs) - 1], theirs[-1]), file=sys.stderr, flush=True)
    (mean, text), (their_mean, their_text) = spread(ours), spread(theirs)
    good = mean >= their_mean - given.within
    print("| %s | %s | %d | %s | %s | %+.4f%s |" % (recipe, part, given.trials, text, their_text, mean - their_mean,
                                                 "" if good else " FAR"), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="+")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--within", type=float, default=0.02, help="how far below PyTorch's mean is accepted (0.02)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the recipe")
    parser.add_argument("--data", metavar="DIR", help="folder of the data set")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch (all)")
    given, good = parser.parse_args(), True
    if given.trials < 2:
        parser.error("--trials: two at least, as one says nothing about the next")
    if given.threads:
        torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    print("| recipe | part | trials | convo | PyTorch %s | difference |\n|---|---|---:|---:|---:|---:|" % torch.__version__)
    for recipe in given.recipe:
        try:
            good &= compare(recipe, given)
        except parity.Skip as why:
            print("bench/accuracy.py: %s: %s" % (recipe, why), file=sys.stderr)
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
