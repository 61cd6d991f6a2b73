#!/usr/bin/env python3
"""How fast PyTorch trains and runs the net of a recipe: the other side of `convo bench`, in its words.

    python3 bench/pytorch.py fsdd-raw                       as the course wrote it
    python3 bench/pytorch.py fsdd-raw --layout 2d           1-d layers as 2-d ones, channels last
    python3 bench/pytorch.py speech-cnn --layout last --dtype bf16
    python3 bench/pytorch.py speech-cnn --onnx net.onnx     writes the net instead

Random examples in memory, as many as convo bench has; a step is zero_grad, forward, loss, backward, optimiser, at a learning
rate of 0. Prints one JSON object. $CONVO is the command (build/convo), which says what the net reads.
ATEN_CPU_CAPABILITY=avx512 makes PyTorch use what it does not use by itself.
"""
import argparse, ast, json, os, resource, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "parity"))
from parity import CONVO, named, optimizer_of, sequence  # nets built from recipes with PyTorch's own classes
import torch, yaml
from torch import nn
from torch.nn import functional as F

LOSSES = {"cross_entropy": F.cross_entropy,  # without class weights, which the parity test has
          "mse": lambda x, y: F.mse_loss(x, (F.one_hot(y, x.shape[1]) if x.shape[1] > 1 else y[:, None] * 2 - 1).float()),
          "logistic": lambda x, y: F.soft_margin_loss(x[:, 0], y * 2.0 - 1)}
REPETITIONS, MOST_EXAMPLES, MOST_BYTES = 7, 8192, 64 << 20


def read_recipe(name):
    """The recipe, and the shape of what its net reads."""
    path = name if name.endswith(".yaml") else os.path.join(HERE, "..", "recipes", name + ".yaml")
    done = subprocess.run([CONVO, "summary", path, "--json"], stdout=subprocess.PIPE, check=True)
    shape = ast.literal_eval(json.loads(done.stdout)["input"])
    with open(path) as file:
        return yaml.safe_load(file), shape if isinstance(shape, tuple) else (shape,)


def as_2d(net):
    """Every 1-d layer over pixels as the 2-d one with one row: only these have channels-last kernels."""
    for name, layer in list(net.named_children()):
        if isinstance(layer, nn.Flatten):
            break  # batch norms behind it are over features
        if isinstance(layer, nn.Conv1d):
            layer = nn.Conv2d(layer.in_channels, layer.out_channels, (1, *layer.kernel_size), (1, *layer.stride),
                              (0, *layer.padding), (1, *layer.dilation), bias=layer.bias is not None)
        elif isinstance(layer, nn.AvgPool1d):
            layer = nn.AvgPool2d((1, *layer.kernel_size), (1, *layer.stride), (0, *layer.padding))
        elif isinstance(layer, nn.MaxPool1d):
            layer = nn.MaxPool2d((1, layer.kernel_size), (1, layer.stride), (0, layer.padding))
        elif isinstance(layer, nn.BatchNorm1d):
            layer = nn.BatchNorm2d(layer.num_features)
        else:
            layer = as_2d(layer)
        setattr(net, name, layer)
    return net


def blas():
    """The library behind PyTorch's linear layers. With the reference one they are up to thirty times slower."""
    try:
        with open("/proc/self/maps") as file:
            maps = file.read()
    except OSError:
        return "unknown BLAS"
    return next((name for name in ("MKL", "OpenBLAS", "BLIS", "ATLAS") if "lib" + name.lower() in maps), "reference BLAS")


def seconds_of(step, count):
    began = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - began


def measure(step, examples, seconds):
    """Examples a second of a step, the median of repetitions after a warm-up that finds their length."""
    count, spent, wanted = 1, seconds_of(step, 1), seconds / REPETITIONS
    while spent < wanted / 4:
        count = max(count + 1, int(count * min(16, wanted / spent)))
        spent = seconds_of(step, count)
    count = max(1, int(count * wanted / spent))
    rates = sorted(count * examples / seconds_of(step, count) for _ in range(REPETITIONS))
    return {"examples_per_second": statistics.median(rates), "slowest": rates[0], "fastest": rates[-1]}


def latencies(step, seconds):
    for _ in range(10):
        step()
    took, end = [], time.perf_counter() + seconds
    while len(took) < 10 or time.perf_counter() < end:
        took.append(seconds_of(step, 1))
    took.sort()
    return {"p50_us": 1e6 * took[len(took) // 2], "p99_us": 1e6 * took[len(took) * 99 // 100]}


class Bench:
    def __init__(self, given):
        self.recipe, shape = read_recipe(given.recipe)
        self.dtype, train = given.dtype, self.recipe["train"]
        self.batch = given.batch or train.get("batch", 32)
        torch.manual_seed(0)
        self.net = sequence(self.recipe["model"], torch.randn(2, *shape))
        self.layout = torch.contiguous_format
        if given.layout == "2d" and len(shape) == 2:
            self.net, shape = as_2d(self.net), (shape[0], 1, shape[1])
        if given.layout != "written" and len(shape) == 3:
            self.layout = torch.channels_last
            self.net = self.net.to(memory_format=self.layout)
        size = 4 * torch.Size(shape).numel()
        examples = max(self.batch, min(MOST_EXAMPLES, MOST_BYTES // size))
        self.x = torch.randn(examples, *shape)
        if len(shape) == 3:
            self.x = self.x.contiguous(memory_format=self.layout)
        with torch.no_grad():
            outputs = self.net(self.x[:2]).shape[1]
        self.y = torch.randint(max(2, outputs), (examples,))
        self.at = 0

    def next(self, count):
        self.at = self.at + count if self.at + 2 * count <= len(self.x) else 0
        return self.x[self.at:self.at + count], self.y[self.at:self.at + count]

    def forward(self, x):
        if self.dtype == "fp32":
            return self.net(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.net(x).float()

    def training(self, seconds):
        self.net.train()
        word, options = named(self.recipe["train"].get("loss", "cross_entropy"))
        loss_function, optimizer = LOSSES[word], optimizer_of(self.recipe["train"], self.net)
        for group in optimizer.param_groups:
            group["lr"] = 0.0

        def step():
            x, y = self.next(self.batch)
            optimizer.zero_grad(set_to_none=True)
            loss_function(self.forward(x), y, **options).backward()
            optimizer.step()

        return measure(step, self.batch, seconds)

    def run(self, seconds):
        result = {"training": self.training(seconds),
                  "memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        self.net.eval()
        with torch.inference_mode():
            result["inference"] = measure(lambda: self.forward(self.next(self.batch)[0]), self.batch, seconds)
            result["one_example"] = latencies(lambda: self.forward(self.next(1)[0]), seconds)
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=0, help="examples per step (the recipe's)")
    parser.add_argument("--seconds", type=float, default=1, help="to spend on each figure")
    parser.add_argument("--layout", choices=["written", "last", "2d"], default="written",
                        help="last: pictures channels last; 2d: 1-d nets as 2-d ones, too")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--onnx", metavar="FILE", help="write the net for onnxruntime, and measure nothing")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    bench = Bench(given)
    if given.onnx:
        torch.onnx.export(bench.net.eval(), bench.x[:2], given.onnx, input_names=["x"], opset_version=13,
                          dynamic_axes={"x": {0: "examples"}})
        return
    about = {"recipe": given.recipe, "version": "%s with %s" % (torch.__version__, blas()), "threads": given.threads, "batch": bench.batch,
             "layout": given.layout, "dtype": given.dtype, "isa": os.environ.get("ATEN_CPU_CAPABILITY", "default")}
    print(json.dumps({**about, **bench.run(given.seconds)}))


if __name__ == "__main__":
    main()
