#!/usr/bin/env python3
"""Whole trainings, step by step, beside PyTorch's: from the same seed and data the same losses.

    python3 tests/parity/parity.py                      every training of the table below, 100 steps of each
    python3 tests/parity/parity.py fsdd-mfcc --steps 30
    python3 tests/parity/parity.py --weights            initial weights and split alone, of every recipe
    python3 tests/parity/parity.py --data cifar-10=DIR  a data set that convo does not find by itself

convo writes the features (data export), the initial weights (init) and the loss of every step (train); the net, the order of
the examples, the optimiser and the schedule are built anew from the recipe with PyTorch's own classes. Prints a table in
Markdown, as in docs/parity.md, which says what the columns mean. Exit: 0 all agree, 1 something does not, 77 there is nothing
to compare with. $CONVO is the command (build/convo).
"""
import argparse, functools, json, math, os, struct, subprocess, sys, tempfile
from collections import namedtuple

try:
    import numpy as np, torch, torch.nn as nn, torch.nn.functional as F, yaml
except ImportError as missing:
    print("%s: install python3-torch, numpy and yaml" % missing)
    sys.exit(77)

CONVO = os.environ.get("CONVO", "build/convo")
MFCC = "fsdd-mfcc"
CALM = ["features.normalize=global"]  # far from the edge of stability, where rounding errors grow at every step


def tanh(*places):  # in place of relu: without its kink, where a rounding error decides between two gradients
    return ["model.%s=tanh" % k for k in places]


TANH = CALM + tanh(1, 4, 7, 11)
TEN = TANH + ["train.batch=200", "train.epochs=10",  # ten steps in each of ten epochs, for schedules
              "train.optimizer={sgd: {lr: 0.05, momentum: 0.9}}"]
SMOOTH = tanh(1, 4, 8, 10) + ["model.2={avgpool2d: 2}", "model.5={avgpool2d: 2}", "train.batch=128"]  # nor the kink of max pooling
BATCHNORM = tanh(2, 6, 10, 14, 19, 22) + ["train.optimizer={sgd: {lr: 0.01}}"]
RESNET = tanh(1, 4, 7, 10, 14, 16, *("%d.residual.body.2" % k for k in (0, 3, 6, 9))) + ["train.optimizer={sgd: {lr: 0.002}}"]
FIELD = ["kws/ds-cnn-s", "kws/tc-resnet8", "kws/res8", "kws/matchboxnet-3x1x64", "kws/bc-resnet-1", "kws/crnn", "kws/kwt-1",
         "pictures/resnet8", "pictures/resnet20"]
Case = namedtuple("Case", "name recipe settings tolerance", defaults=([], 1e-4))
CASES = [
    Case("speech-cnn", "speech-cnn"),  # SGD with momentum and weight decay
    Case("speech-cnn, smooth, batch 128", "speech-cnn", SMOOTH),
    Case("speech-cnn-adam", "speech-cnn-adam"),
    Case("speech-cnn-adam, smooth, batch 128", "speech-cnn-adam", SMOOTH),
    Case("fsdd-raw", "fsdd-raw"),
    Case("fsdd-raw-dropout, p 0", "fsdd-raw-dropout", ["model.15.dropout=0", "model.18.dropout=0"]),
    Case("fsdd-raw-dropout", "fsdd-raw-dropout"),
    Case("fsdd-raw-batchnorm", "fsdd-raw-batchnorm", [], 1e-3),
    Case("fsdd-raw-batchnorm, tanh, lr 0.01", "fsdd-raw-batchnorm", BATCHNORM, 1e-3),
    Case("fsdd-raw-resnet", "fsdd-raw-resnet", [], 1e-3),
    Case("fsdd-raw-resnet, tanh, lr 0.002", "fsdd-raw-resnet", RESNET, 1e-3),
    Case("fsdd-mfcc", MFCC),
    Case("moons", "moons"),
    Case("cifar-convnet", "cifar-convnet"),
    Case("fsdd-mfcc, momentum", MFCC, CALM + ["train.optimizer={sgd: {lr: 0.02, momentum: 0.9, weight_decay: 0.001}}"]),
    Case("fsdd-mfcc, Nesterov", MFCC, CALM + ["train.optimizer={sgd: {lr: 0.02, momentum: 0.9, nesterov: true}}"]),
    Case("fsdd-mfcc, Adam", MFCC, CALM + ["train.optimizer={adam: {lr: 0.001}}"]),
    Case("fsdd-mfcc, tanh, Adam", MFCC, TANH + ["train.optimizer={adam: {lr: 0.001}}"]),
    Case("fsdd-mfcc, tanh, AdamW", MFCC, TANH + ["train.optimizer={adamw: {lr: 0.001, weight_decay: 0.1}}"]),
    Case("fsdd-mfcc, tanh, constant", MFCC, TEN),
    Case("fsdd-mfcc, tanh, step", MFCC, TEN + ["train.schedule={step: {every: 2, gamma: 0.5}}"]),
    Case("fsdd-mfcc, tanh, cosine", MFCC, TEN + ["train.schedule={cosine: {minimum: 0.01}}"]),
    Case("fsdd-mfcc, tanh, linear", MFCC, TEN + ["train.schedule={linear: {start: 0.1, end: 1, epochs: 5}}"]),
    Case("fsdd-mfcc, tanh, exponential", MFCC, TEN + ["train.schedule={exponential: {gamma: 0.7}}"]),
    Case("fsdd-mfcc, tanh, polynomial", MFCC, TEN + ["train.schedule={polynomial: {power: 2, each_step: true}}"]),
    Case("fsdd-mfcc, tanh, warm_restarts", MFCC, TEN + ["train.schedule={warm_restarts: {first: 2, longer: 2}}"]),
    Case("fsdd-mfcc, tanh, warm-up, cosine", MFCC, TEN + ["train.schedule={cosine: {warmup: 2, each_step: true}}"]),
    Case("fsdd-mfcc, tanh, one_cycle", MFCC, TEN + ["train.schedule=one_cycle"]),
    Case("fsdd-mfcc, tanh, clipped, class weights", MFCC, TANH + [
        "train.loss={cross_entropy: {label_smoothing: 0.1}}", "train.class_weights=[1, 2, 0.5, 1, 3, 0.25, 1, 1.5, 1, 1]",
        "train.optimizer={adamw: {lr: 0.002, weight_decay: 0.5, decays: weights}}", "train.clip_norm=0.5", "train.clip_value=0.1"]),
    Case("fsdd-mfcc, tanh, focal", MFCC, TANH + ["train.loss={focal: {gamma: 1.5}}", "train.class_weights=balanced"]),
    Case("fsdd-mfcc, tanh, binary cross entropy", MFCC, TANH + [
        "train.loss={binary_cross_entropy: {gamma: 0.5}}", "train.class_weights=balanced", "train.optimizer={adam: {lr: 0.001}}"]),
    Case("fsdd-mfcc, tanh, accumulated", MFCC, TANH + [
        "train.optimizer={sgd: {lr: 0.05, momentum: 0.9}}", "train.batch=24", "train.accumulate=4", "train.ema=0.99"]),
    # The field's nets on made-up data, in place of data sets that have to be fetched: see made_up_recipe.
    *(Case(name, "recipes/%s.yaml" % name, [], 1e-3) for name in FIELD),
    Case("mobilenet", {"input": [3, 32, 32], "model": [
        {"conv2d": {"out": 16, "kernel": 3, "padding": 1, "bias": False}}, "batchnorm", "relu6",
        {"inverted_residual": {"out": 16, "expand": 1}}, {"inverted_residual": {"out": 24, "stride": 2}},
        {"inverted_residual": {"out": 24}}, {"inverted_residual": {"out": 32, "stride": 2, "squeeze": 4}},
        {"inverted_residual": {"out": 32, "kernel": 5, "squeeze": 4}}, "globalavgpool", {"linear": 10}]}, [], 1e-3),
    # Nothing moves, so that a loss tells which examples are in the batch: the order of two epochs.
    Case("fsdd-mfcc, lr 0", MFCC, ["train.optimizer={sgd: {lr: 0}}"], 1e-6),
]


class Skip(Exception):
    pass


# --- convo ------------------------------------------------------------------------------------------------------------

def convo(*words):
    done = subprocess.run([CONVO] + list(words), capture_output=True, text=True)
    if done.returncode:
        raise Skip(done.stderr.strip().splitlines()[-1])
    return done.stdout


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data, about, tensors = file.read(), header.pop("__metadata__"), {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], {"F32": "<f4", "I64": "<i8"}[t["dtype"]]).reshape(t["shape"])
    return about, tensors


def fewer_pictures(folder, into):
    """CIFAR-10 with so many pictures that one epoch is 100 steps: the first 1,280 of every batch file."""
    inner = os.path.join(folder, "cifar-10-batches-bin")
    folder, into = inner if os.path.isdir(inner) else folder, os.path.join(into, "cifar-10")
    os.mkdir(into)
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as source, open(os.path.join(into, name), "wb") as copy:
            copy.write(source.read(1280 * 3073) if name.endswith(".bin") else source.read())
    return into


def data_words(case, places, work):
    if os.path.exists(case.recipe):  # a file that says where its data are
        return []
    name = yaml.safe_load(open("recipes/%s.yaml" % case.recipe))["data"]["set"]
    known = {s["name"]: s["folder"] for s in json.loads(convo("data", "list", "--json"))}
    folder = places.get(name) or known.get(name)
    if name == "cifar-10" and folder:
        folder = fewer_pictures(folder, work)
    return ["--data", folder] if folder else []


def made_up_recipe(case, work):
    """The net of a recipe with 32 examples that are noise around a pattern of their class, in batches of 8."""
    recipe = case.recipe if isinstance(case.recipe, dict) else yaml.safe_load(open(case.recipe))
    data, random, folder = recipe.get("data", {}), np.random.default_rng(0), os.path.join(work, "made-up")
    shape = recipe.get("input") or ([data["channels"]] + data["size"] if "size" in data else [3, 32, 32])
    outputs = named(recipe["model"][-1])[1]["out"]
    label, pattern = np.arange(32) % outputs, random.normal(size=[outputs] + shape)
    os.mkdir(folder)
    np.save(os.path.join(folder, "X_train.npy"), np.float32(0.5 * pattern[label] + random.normal(size=[32] + shape)))
    np.save(os.path.join(folder, "y_train.npy"), np.float32(label))
    path = os.path.join(work, "made-up.yaml")
    with open(path, "w") as file:
        yaml.safe_dump({"data": {"set": "arrays", "path": folder, "split": "official"}, "model": recipe["model"],
                        "train": {"optimizer": {"sgd": {"lr": 0.005, "momentum": 0.9}}, "batch": 8, "seed": 0}}, file)
    return case._replace(recipe=path)


def start_convo(case, places, work):
    """The recipe as it will be trained, initial tensors, arrays, and the words that say all this to convo."""
    start, arrays = os.path.join(work, "start.safetensors"), os.path.join(work, "data.npz")
    if isinstance(case.recipe, dict) or case.name in FIELD:
        case = made_up_recipe(case, work)
    words = [case.recipe] + data_words(case, places, work) + [w for s in case.settings for w in ("--set", s)]
    convo("data", "export", *words, "-o", arrays)
    convo("init", *words, "-o", start)
    about, tensors = read_safetensors(start)
    return yaml.safe_load(about["convo.recipe"]), tensors, dict(np.load(arrays)), words


def run_convo(case, steps, places, work):
    """The same, but for the words, and (loss, accuracy) of each step."""
    recipe, tensors, arrays, words = start_convo(case, places, work)
    size = recipe["train"].get("batch", 32)
    per_epoch = len(arrays["X_train"]) // size if recipe["train"].get("drop_last") else -(-len(arrays["X_train"]) // size)
    per_epoch = -(-per_epoch // recipe["train"].get("accumulate", 1))
    if not any(s.startswith("train.epochs") for s in case.settings):
        recipe["train"]["epochs"] = -(-steps // per_epoch)
        words += ["--set", "train.epochs=%d" % recipe["train"]["epochs"]]
    words += ["--set", "train.record_every=1", "--set", "train.record_full=false", "-q", "--threads", "1"]
    convo("train", *words, "--out", os.path.join(work, "run"))
    records = [json.loads(line) for line in open(os.path.join(work, "run", "steps.jsonl"))][:steps]
    return recipe, tensors, arrays, [(r["train_loss"], r["train_accuracy"]) for r in records]


# --- PyTorch ----------------------------------------------------------------------------------------------------------

def named(entry):
    """'relu' and {'linear': 10} and {'linear': {'out': 10}}: a word and its options."""
    word, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
    if not isinstance(options, (dict, list)) and options is not None:
        options = {{"linear": "out", "dropout": "p", "leaky_relu": "slope", "elu": "alpha", "clip": "low",
                    "prelu": "per_channel", "gru": "hidden", "lstm": "hidden", "attention": "heads", "column": "at", "mean": "over"
                    }.get(word, "out" if "conv" in word or "adaptive" in word else "kernel"): options}
    return word, dict(options or {})


class Says(nn.Module):
    """A layer without parameters, as a function."""
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *values):
        return self.function(*values)


class ChannelDropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        return torch.feature_dropout(x, self.p, self.training)


def wide(x, other):
    """A number for each channel beside maps."""
    return other.reshape(other.shape + (1,) * (x.dim() - other.dim()))


PLAIN = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": lambda: nn.Softmax(1), "flatten": nn.Flatten,
         "dropout": nn.Dropout, "globalavgpool": lambda: Says(lambda x: x.flatten(2).mean(2)),
         "globalmaxpool": lambda: Says(lambda x: x.flatten(2).max(2)[0]), "sequence": lambda: Says(lambda x: x.flatten(1, 2)),
         "channel_dropout": ChannelDropout,
         "mean": lambda over: Says(lambda x: x.mean(2 if over == "rows" else -1, keepdim=True)),
         "adaptiveavgpool1d": lambda out: nn.AdaptiveAvgPool1d(out), "adaptiveavgpool2d": lambda out: nn.AdaptiveAvgPool2d(out),
         "transpose": lambda: Says(lambda x: x.transpose(-1, -2)), "column": lambda at=0: Says(lambda x: x[:, :, at]),
         "split": lambda first, count: Says(lambda x: x[:, first:first + count]),
         "add": lambda: Says(lambda *v: functools.reduce(lambda x, y: x + wide(x, y), v)),
         "scale": lambda: Says(lambda x, y: x * wide(x, y)), "concat": lambda: Says(lambda *v: torch.cat(v, 1)),
          "gelu": nn.GELU, "elu": nn.ELU, "selu": nn.SELU,
         "silu": nn.SiLU, "hardswish": nn.Hardswish, "hardsigmoid": nn.Hardsigmoid, "relu6": nn.ReLU6,
         "leaky_relu": lambda slope=0.01: nn.LeakyReLU(slope), "clip": lambda low=-1, high=1: nn.Hardtanh(low, high)}


def padded(layer, sides):
    """A layer that puts zeros around what it reads."""
    plain = layer.forward
    layer.forward = lambda x: plain(F.pad(x, sides))
    return layer


def cut(layer, sides):
    """A layer whose output loses its sides."""
    plain = layer.forward
    layer.forward = lambda x: F.pad(plain(x), [-n for n in sides])
    return layer


def sides_of(padding, x, kernel, stride, dilation):
    """As F.pad has them, from a number, a list or a word."""
    dims = x.dim() - 2
    each = lambda value: value if isinstance(value, (list, tuple)) else [value] * dims
    if isinstance(padding, str):
        sides = []
        for d, (k, s, a, n) in enumerate(zip(each(kernel), each(stride), each(dilation), x.shape[2:])):
            reach = (k - 1) * a + 1
            missing = max((-(-n // s) - 1) * s + reach - n, 0)
            front = reach - 1 if padding == "causal" and d == dims - 1 else missing // 2
            sides = [front, 0 if padding == "causal" and d == dims - 1 else missing - front] + sides
        return sides
    if dims == 1:
        return padding if isinstance(padding, list) else [padding] * 2
    p = each(padding)
    return [p[2], p[3], p[0], p[1]] if len(p) == 4 else [p[1], p[1], p[0], p[0]]


class Pool(nn.Module):
    def __init__(self, word, sides, kernel, stride, count_padding=True):
        super().__init__()
        self.word, self.sides, self.options = word[:3], sides, (kernel, stride)
        self.pool = getattr(F, ("max" if self.word == "max" else "avg") + "_pool" + word[-2:])
        self.count = 1 if count_padding else None
        self.window = int(np.prod(kernel)) if isinstance(kernel, list) else kernel ** int(word[-2])

    def forward(self, x):
        y = self.pool(F.pad(x, self.sides, value=-math.inf if self.word == "max" else 0.0), *self.options)
        if self.word == "sum":
            return y * self.window
        return y if self.count else y / self.pool(F.pad(torch.ones_like(x), self.sides), *self.options)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class SubSpectralNorm(nn.BatchNorm2d):
    def __init__(self, channels, bands, **options):
        super().__init__(channels * bands, **options)
        self.bands = bands

    def forward(self, x):
        n, c, h, w = x.shape
        return super().forward(x.reshape(n, c * self.bands, h // self.bands, w)).reshape(x.shape)


def along_columns(base):
    class Recurrent(base):
        def __init__(self, count, hidden, layers=1, bidirectional=False, output="all", bias=True):
            super().__init__(count, hidden, layers, bias=bias, batch_first=True, bidirectional=bidirectional)
            self.last = output == "last"

        def forward(self, x):
            y, state = super().forward(x.movedim(1, 2))
            state = state[0] if isinstance(state, tuple) else state
            return state[-(2 if self.bidirectional else 1):].transpose(0, 1).flatten(1) if self.last else y.movedim(1, 2)
    return Recurrent


class Attention(nn.MultiheadAttention):
    def __init__(self, count, heads=1, bias=True, qkv_bias=True):
        super().__init__(count, heads, bias=bias)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * count)) if qkv_bias else None

    def forward(self, x):
        x = x.movedim(2, 0)
        return F.multi_head_attention_forward(x, x, x, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias,
                                              None, None, False, 0.0, self.out_proj.weight, self.out_proj.bias,
                                              need_weights=False)[0].movedim(0, 2)


class Numbers(nn.Module):
    """What a transformer puts into a sequence."""
    def __init__(self, shape, function):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight, std=0.02)
        self.function = function

    def forward(self, x):
        return self.function(x, self.weight)


class LayerNorm(nn.LayerNorm):
    """Over the channels of each pixel."""
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


# What blocks stand for, written down again: entries of a recipe, where @block is what the block reads.
def bc_block(o, x):
    out, transition = o["out"], o["out"] != x.shape[1]
    depthwise = {"out": "channels", "groups": "channels", "bias": False}
    layers = [{"conv2d": {"out": out, "kernel": 1, "bias": False}}, "batchnorm", "relu"] if transition else []
    layers += [{"conv2d": dict(depthwise, kernel=[3, 1], stride=[o.get("stride", 1), 1], padding=[1, 0])},
               {"subspectralnorm": {"bands": o.get("bands", 5), "name": "f2"}}, {"mean": {"over": "rows"}}]
    dilation = o.get("dilation", 1)
    layers += [{"conv2d": dict(depthwise, kernel=[1, 3], dilation=[1, dilation], padding=[0, dilation])}, "batchnorm", "silu",
               {"conv2d": {"out": out, "kernel": 1, "bias": False}}, {"channel_dropout": {"p": o.get("dropout", 0.1)}},
               {"add": {"from": ["f2", "previous"]}}]
    return layers + ([] if transition else [{"add": {"from": ["previous", "@block"]}}]) + ["relu"]


def dense(o, x):
    conv, layers, seen = "conv%dd" % (x.dim() - 2), [], "@block"
    for k in range(o["layers"]):
        layers += ["batchnorm", "relu"]
        if o.get("bottleneck"):
            layers += [{conv: {"out": 4 * o["growth"], "kernel": 1, "bias": False}}, "batchnorm", "relu"]
        layers += [{conv: {"out": o["growth"], "kernel": o.get("kernel", 3), "padding": "same", "bias": False}},
                   {"concat": {"from": [seen, "previous"], "name": "all%d" % k}}]
        seen = "all%d" % k
    return layers


def squeeze_excite(o, x):
    c = x.shape[1]
    return ["globalavgpool", {"linear": max(1, c // o.get("reduce", 4))}, "relu", {"linear": c}, "sigmoid",
            {"scale": {"from": ["@block", "previous"]}}]


def inverted_residual(o, x):
    conv, c, k, stride = "conv%dd" % (x.dim() - 2), x.shape[1], o.get("kernel", 3), o.get("stride", 1)
    layers, expand = [], o.get("expand", 6)
    if expand > 1:
        layers += [{conv: {"out": expand * c, "kernel": 1, "bias": False}}, "batchnorm", "relu6"]
    layers += [{conv: {"out": "channels", "groups": "channels", "kernel": k, "stride": stride, "padding": k // 2, "bias": False}},
               "batchnorm", "relu6"]
    layers += [{"squeeze_excite": {"reduce": o["squeeze"]}}] if o.get("squeeze") else []
    layers += [{conv: {"out": o["out"], "kernel": 1, "bias": False}}, "batchnorm"]
    return layers + ([{"add": {"from": ["previous", "@block"]}}] if stride == 1 and o["out"] == c else [])


def transformer(o, x):
    norm, drop = {"layernorm": {"eps": o.get("eps", 1e-5)}}, [{"dropout": o["dropout"]}] if o.get("dropout") else []
    layers = [[{"attention": {"heads": o.get("heads", 1), "qkv_bias": o.get("qkv_bias", True)}}],
              [{"conv1d": {"out": o["hidden"], "kernel": 1}}, "gelu", {"conv1d": {"out": x.shape[1], "kernel": 1}}]]
    pre = o.get("norm") == "pre"
    return [entry for _ in range(o.get("layers", 1)) for layer in layers
            for entry in [{"residual": {"body": pre * [norm] + layer + drop}}] + (not pre) * [norm]]


def separable(o, x):
    dims = x.dim() - 2
    one = lambda value: value[1] if dims == 1 and isinstance(value, list) else value
    padding, bias = o.get("padding", 0), o.get("bias", True) and not o.get("norm")
    if dims == 1 and isinstance(padding, list):
        padding = [padding[0], padding[2] if len(padding) == 4 else padding[1]]
    norm = ["batchnorm", "relu"] if o.get("norm") else []
    first = {"out": "channels", "groups": "channels", "kernel": one(o["kernel"]), "stride": one(o.get("stride", 1)),
             "dilation": one(o.get("dilation", 1)), "padding": padding, "bias": bias}
    return [{"conv%dd" % dims: first}] + norm + [{"conv%dd" % dims: {"out": o["out"], "kernel": 1, "bias": bias}}] + norm


BLOCKS = {f.__name__: f for f in (bc_block, dense, squeeze_excite, inverted_residual, separable, transformer)}


def start_otherwise(make, init):
    """`init` of a layer: only what it names is drawn, in the order of the tensors."""
    layer = torch.nn.utils.skip_init(*make[0], **make[1])
    for name, parameter in layer.named_parameters():
        {"normal": nn.init.normal_, "zero": nn.init.zeros_, "one": nn.init.ones_}[init[name]](parameter)
    return layer


def layer_of(entry, x):
    word, o = named(entry)
    init, count = o.pop("init", None), x.shape[1]
    if word == "residual":
        body = sequence(o["body"], x)
        return Residual(body, sequence(o["shortcut"], x) if o.get("shortcut") else None)
    if word in BLOCKS:
        return sequence(BLOCKS[word](o, x), x)
    if word == "layernorm":
        over, shape = o.pop("over", "channels"), tuple(x.shape[1:])
        o["elementwise_affine"] = o.pop("affine", True)
        return nn.LayerNorm(shape, **o) if over == "all" else LayerNorm(shape[0], **o)
    if word == "groupnorm":
        return nn.GroupNorm(o.pop("groups"), count, **o)
    if word == "subspectralnorm":
        return SubSpectralNorm(count, **o)
    if word in ("pad1d", "pad2d"):
        sides = sides_of(o["padding"], x, 1, 1, 1)
        return Says(lambda x: F.pad(x, sides, value=o.get("value", 0)))
    if word in ("gru", "lstm"):
        make = (along_columns({"gru": nn.GRU, "lstm": nn.LSTM}[word]), count, o.pop("hidden")), o
        return start_otherwise(make, init) if init else make[0][0](*make[0][1:], **make[1])
    if word == "attention":
        return Attention(count, **o)
    if word == "class_token":
        return Numbers(count, lambda x, w: torch.cat([w.view(1, -1, 1).expand(len(x), -1, 1), x], 2))
    if word == "position_embedding":
        return Numbers((x.shape[2], count), lambda x, w: x + w.t())
    if word.startswith("convtranspose"):
        sides = sides_of(o.pop("padding", 0), x, 1, 1, 1)
        o.update({name: count for name in ("out", "groups") if o.get(name) == "channels"})
        make = (getattr(nn, "ConvTranspose" + word[13:]), count, o.pop("out"), o.pop("kernel")), o
        layer = start_otherwise(make, init) if init else make[0][0](*make[0][1:], **make[1])
        return cut(layer, sides) if any(sides) else layer
    if word.startswith("conv"):
        sides = sides_of(o.pop("padding", 0), x, o["kernel"], o.get("stride", 1), o.get("dilation", 1))
        o.update({name: count for name in ("out", "groups") if o.get(name) == "channels"})
        make = (getattr(nn, "Conv" + word[4:]), count, o.pop("out"), o.pop("kernel")), o
        layer = start_otherwise(make, init) if init else make[0][0](*make[0][1:], **make[1])
        return padded(layer, sides) if any(sides) else layer
    if word == "linear":
        make = (nn.Linear, count, o.pop("out")), o
    elif word == "prelu":
        make = (nn.PReLU, count if o.get("per_channel") else 1), {}
    elif word == "batchnorm":
        make = ({2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.dim()], count), o
    elif word[3:7] == "pool":
        kernel = o["kernel"]
        stride = o.get("stride", kernel)
        make = (Pool, word, sides_of(o.get("padding", 0), x, kernel, stride, 1), kernel, stride,
                o.get("count_padding", True)), {}
    else:
        make = (PLAIN[word],), o
    return start_otherwise(make, init) if init else make[0][0](*make[0][1:], **make[1])


class Wired(nn.Sequential):
    """Layers that read others than the one before, by name."""
    def forward(self, x):
        values = {"input": x, "@block": x}
        for layer, (sources, name) in zip(self, self.wires):
            x = layer(*(x if s == "previous" else values[s] for s in sources))
            values[name] = x
        return x


def sequence(entries, x):
    layers, wires, values = [], [], {"input": x, "@block": x}
    for entry in entries:
        word, o = named(entry)
        name, source = o.pop("name", None), o.pop("from", "previous")
        sources = source if isinstance(source, list) else [source]
        read = [x if s == "previous" else values[s] for s in sources]
        layers.append(layer_of({word: o}, read[0]).eval())
        wires.append((sources, name))
        with torch.no_grad():
            x = layers[-1](*read)
        values[name] = x
    net = Wired(*layers)
    net.wires = wires
    return net


def class_weights_of(train, label):
    """One number for each class."""
    given = train.get("class_weights")
    count = (torch.bincount(label) if label.dim() == 1 else label.sum(0)).double()
    if not given:
        return torch.ones(len(count))
    return (len(label) / (len(count) * count) if given == "balanced" else torch.tensor([float(w) for w in given])).float()


def loss_of(train, label):
    """The sum of a batch's losses, and what it is to be divided by. label: of the training part."""
    word, o = named(train.get("loss", "cross_entropy"))
    weight = class_weights_of(train, label)
    def sigmoids(x, y, gamma=0):  # one output stands for the second of two classes
        t = (y if y.dim() > 1 else F.one_hot(y, max(2, x.shape[1]))[:, -x.shape[1]:]).to(x.dtype)
        each = F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=weight[-x.shape[1]:].to(x.dtype))
        return ((1 - torch.sigmoid(x * (2 * t - 1))) ** gamma * each).mean(1).sum()

    def focal(x, y, gamma=2):
        l = F.log_softmax(x, 1).gather(1, y[:, None])[:, 0]
        return (-(1 - l.exp()) ** gamma * l * weight[y]).sum()

    sums = {"binary_cross_entropy": lambda x, y: sigmoids(x, y, **o), "focal": lambda x, y: focal(x, y, **o),
            "cross_entropy": lambda x, y: F.cross_entropy(x, y, weight.to(x.dtype), reduction="sum", **o),
            "mse": lambda x, y: (F.mse_loss(x, (F.one_hot(y, x.shape[1]) if x.shape[1] > 1 else y[:, None] * 2 - 1).to(x.dtype),
                                            reduction="none").mean(1) * weight[y]).sum(),
            "logistic": lambda x, y: (F.soft_margin_loss(x[:, 0], y * 2.0 - 1, reduction="none") * weight[y]).sum()}
    by_output = word == "binary_cross_entropy"
    if by_output and train.get("class_weights") == "balanced":
        count = (torch.bincount(label) if label.dim() == 1 else label.sum(0)).double()
        weight = torch.where(count > 0, (len(label) - count) / count.clamp(min=1), torch.ones_like(count)).float()
    return lambda x, y: (sums[word](x, y), len(y) if by_output else weight[y].double().sum().item())


def optimizer_of(train, net):
    word, o = named(train["optimizer"])
    if "beta1" in o or "beta2" in o:
        o["betas"] = o.pop("beta1", 0.9), o.pop("beta2", 0.999)
    groups = net.parameters()
    if o.pop("decays", "all") == "weights":
        spared = {id(p) for m in net.modules() if "Norm" in type(m).__name__ for p in m.parameters()}
        spared |= {id(p) for p in net.parameters() if p.dim() < 2}
        groups = [{"params": [p for p in net.parameters() if id(p) not in spared]},
                  {"params": [p for p in net.parameters() if id(p) in spared], "weight_decay": 0}]
    return {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[word](groups, **o)


def clip(train, net):
    if train.get("clip_norm"):
        nn.utils.clip_grad_norm_(net.parameters(), train["clip_norm"])
    if train.get("clip_value"):
        nn.utils.clip_grad_value_(net.parameters(), train["clip_value"])


def grouped(loader, size):
    """The batches of each step."""
    group = []
    for batch in loader:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def schedule_of(train, optimizer, per_epoch):
    """The schedule, and whether it moves at every step rather than every epoch."""
    word, o = named(train.get("schedule", "constant"))
    lr, epochs, s = optimizer.defaults["lr"], train["epochs"], torch.optim.lr_scheduler
    if word == "one_cycle":
        return s.OneCycleLR(optimizer, lr, total_steps=per_epoch * epochs, cycle_momentum=False, **o), True
    each_step, warmup = o.pop("each_step", False), o.pop("warmup", 0)
    unit, minimum = per_epoch if each_step else 1, o.get("minimum", 0) * lr  # times the schedule moves in an epoch
    made = {"constant": lambda: s.LambdaLR(optimizer, lambda epoch: 1),
            "step": lambda: s.StepLR(optimizer, o["every"], o.get("gamma", 0.1)),
            "milestones": lambda: s.MultiStepLR(optimizer, o["at"], o.get("gamma", 0.1)),
            "exponential": lambda: s.ExponentialLR(optimizer, o["gamma"] ** (1 / unit)),
            "polynomial": lambda: s.PolynomialLR(optimizer, (o.get("epochs") or epochs - warmup) * unit, o.get("power", 1)),
            "cosine": lambda: s.CosineAnnealingLR(optimizer, (epochs - warmup) * unit, minimum),
            "warm_restarts": lambda: s.CosineAnnealingWarmRestarts(optimizer, o["first"] * unit, o.get("longer", 1), minimum),
            "linear": lambda: s.LinearLR(optimizer, o.get("start", 1 / 3), o.get("end", 1), o.get("epochs", 5) * unit)}[word]()
    if warmup:  # step by step, as the schedule then has to move as well
        assert each_step or word == "constant", "a warm-up is compared where the rate moves at every step"
        rise = s.LinearLR(optimizer, 1 / (warmup * per_epoch), 1, warmup * per_epoch - 1)
        return s.SequentialLR(optimizer, [rise, made], [warmup * per_epoch]), True
    return made, each_step


def loader_of(train, data):
    order = train.get("order", "shuffle")
    sampler = torch.utils.data.RandomSampler(data, replacement=True) if order == "replacement" else None
    return torch.utils.data.DataLoader(data, train.get("batch", 32), order == "shuffle", sampler,
                                       drop_last=train.get("drop_last", False))


def accuracy(outputs, label):
    if label.dim() > 1:  # several may be true
        return ((outputs > 0) == (label > 0)).all(1).double().mean().item()
    said = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
    return (said == label).double().mean().item()


def nudge(net, towards):
    """Every weight to the next float: as if rounded the other way."""
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.nextafter(p, torch.full_like(p, towards)))


def run_torch(recipe, arrays, steps, dtype=torch.float32, towards=None, begin=None):
    """Initial tensors, and (loss, accuracy) of each step. begin: other tensors to begin with."""
    train, x, label = recipe["train"], torch.from_numpy(arrays["X_train"]), torch.from_numpy(arrays["y_train"])
    torch.manual_seed(train.get("seed", 0))
    net = sequence(recipe["model"], x[:2]).train()
    if begin:
        net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in begin.items()})
    start = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    if towards is not None:
        nudge(net, towards)
    net, loss_function = net.to(dtype), loss_of(train, label)
    loader = loader_of(train, torch.utils.data.TensorDataset(x.to(dtype), label))
    optimizer, size = optimizer_of(train, net), train.get("accumulate", 1)
    (schedule, each_step), records = schedule_of(train, optimizer, -(-len(loader) // size)), []
    while len(records) < steps:
        for group in grouped(loader, size):
            optimizer.zero_grad()
            made = [(net(x), y) for x, y in group]
            sums = [loss_function(outputs, y) for outputs, y in made]
            loss = sum(s for s, _ in sums) / sum(n for _, n in sums)
            loss.backward()
            clip(train, net)
            optimizer.step()
            records.append((loss.item(), accuracy(*(torch.cat(part) for part in zip(*made)))))
            if len(records) == steps:
                return start, records
            if each_step:
                schedule.step()
        if not each_step:
            schedule.step()
    return start, records


# --- side by side -----------------------------------------------------------------------------------------------------

def same_weights(ours, theirs):
    if ours.keys() == theirs.keys() and all(ours[k].tobytes() == theirs[k].tobytes() for k in ours):
        return "same"
    # Normal numbers: PyTorch has logarithms and sines of its own, which round otherwise.
    near = ours.keys() == theirs.keys() and all(np.allclose(ours[k].ravel(), theirs[k].ravel(), 1e-6, 1e-8) for k in ours)
    return "to 1e-8" if near else "NO"


def same_split(recipe, arrays):
    """random_split, where the recipe says so; '-' where the data set does."""
    split = recipe["data"].get("split", {})
    index = [arrays[k] for k in ("index_train", "index_validation", "index_test") if k in arrays]
    if not isinstance(split, dict) or split.get("by", "random") != "random":
        return "-"
    generator = torch.Generator().manual_seed(split.get("seed", recipe["train"].get("seed", 0)))
    parts = torch.utils.data.random_split(range(sum(map(len, index))), [len(i) for i in index], generator)
    return "same" if all(list(p.indices) == list(i) for p, i in zip(parts, index)) else "NO"


def worst(a, b):
    """Largest relative difference of the losses, and its step."""
    differences = [abs(x[0] - y[0]) / abs(y[0]) for x, y in zip(a, b)]
    most = max(differences)
    return most, differences.index(most) + 1


def verdict(limit, ours, theirs, noise):
    """Nobody can be nearer to PyTorch than PyTorch is to itself with other rounding errors."""
    if worst(ours, theirs)[0] <= limit:
        return "yes"
    follows = next(k for k in range(1, len(ours)) if worst(ours[:k + 1], theirs[:k + 1])[0] > limit)
    return "%s: %d steps" % ("as PyTorch" if worst(ours, theirs)[0] <= 3 * noise else "NO", follows)


def compare(case, steps, referee, places):
    with tempfile.TemporaryDirectory() as work:
        recipe, tensors, arrays, ours = run_convo(case, steps, places, work)
    assert len(ours) == steps, "%s: %d steps" % (case.name, len(ours))
    start, theirs = run_torch(recipe, arrays, steps)
    noise = 0
    for towards in (0, math.inf, -math.inf):  # one is enough where it shows what rounding does
        noise = max(noise, worst(run_torch(recipe, arrays, steps, towards=towards)[1], theirs)[0])
        if "NO" not in verdict(case.tolerance, ours, theirs, noise):
            break
    exact = run_torch(recipe, arrays, min(steps, referee), torch.float64)[1]
    cells = [case.name, same_weights(tensors, start), same_split(recipe, arrays),
             "%.3f to %.3f" % (theirs[0][0], theirs[-1][0]),
             "%d of %d" % (sum(abs(a[1] - b[1]) < 1e-9 for a, b in zip(ours, theirs)), steps),
             "%.1e (%d)" % worst(ours, theirs), "%.1e" % noise, "%.0e" % case.tolerance,
             verdict(case.tolerance, ours, theirs, noise)]
    cells += ["%.1e" % worst(records[:len(exact)], exact)[0] if exact else "-" for records in (ours, theirs)]
    print("| %s |" % " | ".join(cells), flush=True)
    return not any("NO" in cell for cell in cells)


def compare_weights(case, places):
    """Initial weights and split alone."""
    with tempfile.TemporaryDirectory() as work:
        recipe, tensors, arrays = start_convo(case, places, work)[:3]
    start = run_torch(recipe, arrays, 0, torch.float32)[0]
    size = sum(t.size for t in tensors.values())
    cells = [case.name, "%d in %d" % (size, len(tensors)), same_weights(tensors, start), same_split(recipe, arrays)]
    print("| %s |" % " | ".join(cells), flush=True)
    return not any("NO" in cell for cell in cells)


HEADS = "training | weights | split | loss | right answers | convo to PyTorch (step) | PyTorch nudged | limit | within | " \
        "convo to float64 | PyTorch to float64"
WEIGHT_HEADS = "recipe | numbers in tensors | initial weights | split"


def print_head(heads):
    print("%s; torch %s (%s, %s MKL)\n" % (convo("--version").strip(), torch.__version__, next(
        word.strip() for word in torch.__config__.show().split("- ") if "CPU capability" in word),
        "with" if torch.backends.mkl.is_available() else "without"))
    print("| %s |\n|%s" % (heads, "---|" * (heads.count("|") + 1)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", help="trainings of the table (all)")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--referee", type=int, default=20, metavar="N", help="steps that are repeated in float64 (20)")
    parser.add_argument("--weights", action="store_true", help="only initial weights and split, of every recipe in recipes/")
    parser.add_argument("--data", action="append", default=[], metavar="SET=DIR", help="folder of a data set")
    given = parser.parse_args()
    recipes = sorted(os.path.splitext(f)[0] for f in os.listdir("recipes") if f.endswith(".yaml"))
    cases = [Case(r, r) for r in recipes] if given.weights else CASES
    unknown = set(given.name) - {c.name for c in cases}
    if unknown:
        parser.error("there is no %s: %s" % (", ".join(unknown), "; ".join(c.name for c in cases)))
    torch.set_num_threads(1)
    places, good, compared = dict(d.split("=", 1) for d in given.data), True, 0
    print_head(WEIGHT_HEADS if given.weights else HEADS)
    for case in cases:
        if given.name and case.name not in given.name:
            continue
        try:
            good &= compare_weights(case, places) if given.weights else compare(case, given.steps, given.referee, places)
            compared += 1
        except Skip as why:
            print("| %s | skipped: %s |" % (case.name, why), flush=True)
    return 77 if not compared else 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
