#!/usr/bin/env python3
"""Golden values for tests/test_ops.c, test_net.c and test_train.c, all by PyTorch.

    python3 tests/golden/make.py BUILD/tests/test_ops      needs python3-torch

writes torch.safetensors. The cases of ops come from the table of ops, which the test program prints with --cases; nets and
trainings are written down here and in the tests, once in each. Inputs are not stored: made_up() makes them on both sides.
Reference values are computed in doubles and stored as floats; trainings are computed in floats, as people train.
"""
import copy, json, os, struct, subprocess, sys
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from torch.optim import lr_scheduler

X, X1, OUTPUT_GRADIENT, LABEL, BROKEN, TENSOR, SEED = 1, 2, 3, 4, 5, 10, 7  # streams and the seed of dropout
golden = {}


def keep(name, tensor, dtype=np.float32):
    assert name not in golden, name
    golden[name] = np.asarray(tensor.detach() if torch.is_tensor(tensor) else tensor).astype(dtype)


def made_up(stream, shape):
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = i * np.uint32(0x9E3779B1) + np.uint32(stream * 0x85EBCA77 & 0xFFFFFFFF)
        h = (h ^ h >> np.uint32(16)) * np.uint32(0x7FEB352D)
        h = (h ^ h >> np.uint32(15)) * np.uint32(0x846CA68B)
        h ^= h >> np.uint32(16)
    return ((h >> np.uint32(8)).astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)).reshape(shape)


def made_up_classes(stream, count, classes):
    return torch.tensor(((made_up(stream, count).astype(np.float64) + 1) / 2 * classes).astype(np.int64))


# --- ops --------------------------------------------------------------------------------------------------------------

def made_up_input(kind, stream, shape, reach):
    x = made_up(stream, shape)
    if kind == "coarse":
        x = np.rint(x * 4) / 4
    if kind == "broken":
        x = np.where(made_up(BROKEN, shape) > np.float32(0.8), np.nan, x)
    return torch.tensor(np.float32(reach) * x, dtype=torch.float64, requires_grad=True)


def made_up_tensor(t, spec):
    value = made_up(TENSOR + t, spec["shape"]) + np.float32(1.5 if spec["name"] == "running_var" else 0)
    return torch.tensor(value, dtype=torch.float64, requires_grad=not spec["buffer"])


def run_case(case, kind, training):
    """The names that the expression knows, and its value."""
    shape = case["shape"]
    names = {"F": F, "torch": torch, "weight": None, "bias": None, "training": training, "x": made_up_input(kind, X, shape, case["range"])}
    if case["inputs"] == 2:
        names["x1"] = made_up_input(kind, X1, case["shape1"], case["range"])
    names["label"] = made_up_classes(LABEL, shape[0], max(2, shape[1]))
    names.update({s["name"]: made_up_tensor(t, s) for t, s in enumerate(case["tensors"]) if not s["integer"]})
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in case["options"].items()}
    torch.manual_seed(SEED)
    return names, eval(case["torch"].format(**options), names)


def op_case(case, kind):
    prefix = "op/%s/%d/%s/" % (case["op"], case["case"], kind)
    names, y = run_case(case, kind, True)
    keep(prefix + "y", y)
    if "training" in case["torch"]:
        keep(prefix + "inference", run_case(case, kind, False)[1])
    if kind == "broken":
        return
    r = torch.tensor(made_up(OUTPUT_GRADIENT, tuple(y.shape)), dtype=torch.float64)
    (y.mean() if case["loss"] else (y * r).sum()).backward()
    for name in ["x", "x1"] + [s["name"] for s in case["tensors"] if not s["buffer"]]:
        if names.get(name) is not None:
            keep(prefix + "d" + name, names[name].grad)
    for s in case["tensors"]:
        if s["buffer"] and not s["integer"]:
            keep(prefix + s["name"], names[s["name"]])


# --- nets -------------------------------------------------------------------------------------------------------------

class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*shortcut) if shortcut else None

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if self.shortcut else x)


def conv3(a, b, **options):
    return nn.Conv2d(a, b, 3, padding=1, **options)


def soft_margin(x, label):
    return F.soft_margin_loss(x, label[:, None] * 2.0 - 1, reduction="none")[:, 0]


def squared(x, label):
    return ((x - F.one_hot(label, x.shape[1])) ** 2).mean(1)


def cross_entropy(x, label):
    return F.cross_entropy(x, label, reduction="none")


def smoothed(x, label):
    return F.cross_entropy(x, label, reduction="none", label_smoothing=0.1)


nets = {
    "residual": ((2, 9, 7), 5, cross_entropy, lambda: nn.Sequential(
        conv3(2, 4), nn.BatchNorm2d(4), nn.ReLU(),
        Residual([conv3(4, 6, stride=2), nn.BatchNorm2d(6), nn.ReLU(), conv3(6, 6), nn.BatchNorm2d(6)],
                 [nn.Conv2d(4, 6, 1, stride=2)]),
        nn.ReLU(), Residual([Residual([conv3(6, 6)]), nn.Tanh()]), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 5))),
    "chain": ((2, 17), 9, squared, lambda: nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Dropout(0.4), nn.Flatten(), nn.Tanh(), nn.Linear(60, 9))),
    "relu_first": ((12,), 2, soft_margin, lambda: nn.Sequential(
        nn.ReLU(), nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Dropout(0.0), nn.Linear(8, 1))),
    "pools": ((1, 11, 13), 4, smoothed, lambda: nn.Sequential(
        nn.Conv2d(1, 6, (3, 5), bias=False), nn.AvgPool2d(3, 2, 1), nn.ReLU(), conv3(6, 6, groups=3),
        nn.BatchNorm2d(6, affine=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))),
}


def net_golden(name):
    shape, classes, loss, build = nets[name]
    torch.manual_seed(SEED)
    made = build()
    for key, value in made.state_dict().items():
        keep("net/%s/init/%s" % (name, key), value)
    for batch in (1, 7, 16, 33):
        if name == "relu_first" and batch == 1:
            continue  # the variance of one value
        prefix, net = "net/%s/%d/" % (name, batch), copy.deepcopy(made).double()
        x = torch.tensor(made_up(X, (batch,) + shape), dtype=torch.float64, requires_grad=True)
        torch.manual_seed(SEED)
        outputs = net(x)
        losses = loss(outputs, made_up_classes(LABEL, batch, classes))
        losses.mean().backward()
        keep(prefix + "outputs", outputs)
        keep(prefix + "losses", losses)
        keep(prefix + "input_gradient", x.grad)
        for key, value in net.named_parameters():
            keep(prefix + "gradient/" + key, value.grad)
        for key, value in net.named_buffers():
            keep(prefix + "after/" + key, value)
        keep(prefix + "inference", net.eval()(x))


# --- training ---------------------------------------------------------------------------------------------------------

def task(shape, classes, count, noise):
    """Every class has its pattern; noise is added to it. Sums are rounded to floats, as in C."""
    size = int(np.prod(shape))
    label = made_up_classes(LABEL, count, classes)
    pattern = made_up(30, (classes, size))[label.numpy()]
    x = np.float32(1 - noise) * pattern + np.float32(noise) * made_up(31, (count, size))
    return torch.tensor(x.astype(np.float32)).reshape((count,) + shape), label


def tiny():
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def course():
    def block(a, b):
        return [nn.Conv1d(a, b, 3, padding=1), nn.ReLU(), nn.AvgPool1d(2)]
    return nn.Sequential(*block(5, 16), *block(16, 32), *block(32, 64), nn.Flatten(), nn.Linear(192, 32), nn.ReLU(),
                         nn.Linear(32, 10))


def modern():
    return nn.Sequential(nn.Conv1d(5, 12, 5, padding=2), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.MaxPool1d(2),
                         Residual([nn.Conv1d(12, 12, 3, padding=1), nn.BatchNorm1d(12)]), nn.ReLU(), nn.Flatten(),
                         nn.Dropout(0.5), nn.Linear(144, 10))


def weights_alone(optimizer, decay, **options):
    """Weight decay for what is not a bias and belongs to no norm."""
    def make(parameters):
        parameters = list(parameters)
        return optimizer([{"params": [p for p in parameters if p.dim() > 1], "weight_decay": decay},
                          {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0}], **options)
    return make


def rising(decay):
    """The average moves faster at the beginning. n: updates before."""
    return lambda average, value, n: average + (1 - min(decay, (1 + int(n)) / (10 + int(n)))) * (value - average)


TRUTH = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]], dtype=torch.float32)  # of five labels


def several(pos_weight=None, gamma=0):
    """Sum of the losses of outputs that are true or not, each by itself."""
    def loss(x, label):
        t = TRUTH[label]
        right = torch.sigmoid(x * (2 * t - 1))
        each = F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=pos_weight)
        return ((1 - right) ** gamma * each).mean(1).sum()
    return loss


def focal(gamma, weight):
    def loss(x, label):
        l = F.log_softmax(x, 1).gather(1, label[:, None])[:, 0]
        return (-(1 - l.exp()) ** gamma * l * weight[label]).sum()
    return loss


def train_grouped(build, data, batch, epochs, optimizer, schedule=None, weight=None, smoothing=0.0, accumulate=1, clip=None,
                  average=None, loss=None):
    """In fixed order, `accumulate` batches a step, whose gradient is that of the mean over all their examples."""
    torch.manual_seed(SEED)
    net = build()
    optimizer = optimizer(net.parameters())
    schedule = schedule and schedule(optimizer)
    mean = torch.optim.swa_utils.AveragedModel(net, avg_fn=average) if average else None
    batches = list(zip(*(part.split(batch) for part in data)))
    for _ in range(epochs):
        for first in range(0, len(batches), accumulate):
            group = batches[first:first + accumulate]
            count = sum((weight[label].sum() if weight is not None else len(label)) for _, label in group)
            optimizer.zero_grad()
            for x, label in group:
                sums = loss(net(x), label, *([x] if loss.__code__.co_argcount > 2 else [])) if loss else \
                    F.cross_entropy(net(x), label, weight, reduction="sum", label_smoothing=smoothing)
                (sums / count).backward()
            if clip:
                clip(net.parameters())
            optimizer.step()
            if mean:
                mean.update_parameters(net)
        if schedule:
            schedule.step()
    return mean.module if mean else net


def train(build, data, batch, epochs, order, optimizer, schedule=None, each_step=False):
    torch.manual_seed(SEED)
    net, losses = build(), []
    optimizer = optimizer(net.parameters())
    schedule = schedule and schedule(optimizer)
    data = torch.utils.data.TensorDataset(*data)
    sampler = torch.utils.data.RandomSampler(data, replacement=True) if order == "replacement" else None
    loader = torch.utils.data.DataLoader(data, batch_size=batch, shuffle=order == "shuffle", sampler=sampler)
    for _ in range(epochs):
        for x, label in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), label)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if schedule and each_step:
                schedule.step()
        if schedule and not each_step:
            schedule.step()
    return net, losses


def taught(temperature, share, weight=torch.ones(3)):
    """Sum of a batch's losses, the labels' weighted, the teacher's over the examples."""
    torch.manual_seed(SEED + 1)
    teacher = tiny()

    def loss(x, label, seen):
        soft = F.kl_div(F.log_softmax(x / temperature, 1), F.softmax(teacher(seen).detach() / temperature, 1),
                        reduction="batchmean") * temperature ** 2
        hard = F.cross_entropy(x, label, weight)
        return ((1 - share) * hard + share * soft) * weight[label].sum()
    return loss


SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
trainings = {  # 20 examples in batches of 8, 7 epochs: 21 steps, every third on 4 examples
    "sgd": (lambda p: SGD(p, lr=0.5), None, False),
    "sgd_decay": (lambda p: SGD(p, lr=0.5, weight_decay=0.1), None, False),
    "sgd_momentum": (lambda p: SGD(p, lr=0.2, momentum=0.9), None, False),
    "sgd_dampening": (lambda p: SGD(p, lr=0.2, momentum=0.8, dampening=0.3, weight_decay=0.05), None, False),
    "sgd_nesterov": (lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01), None, False),
    "adam": (lambda p: Adam(p), None, False),
    "adam_decay": (lambda p: Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.1), None, False),
    "adamw": (lambda p: AdamW(p, lr=0.05), None, False),
    "adamw_decay": (lambda p: AdamW(p, lr=0.02, weight_decay=0.5), None, False),
    "sgd_step": (lambda p: SGD(p, lr=0.5), lambda o: lr_scheduler.StepLR(o, 2, 0.5), False),
    "adamw_one_cycle": (lambda p: AdamW(p, lr=0.05),
                        lambda o: lr_scheduler.OneCycleLR(o, 0.05, total_steps=21, cycle_momentum=False), True),
}
clip_norm, clip_value = nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_
WEIGHT = torch.tensor([0.5, 3.0, 1.0])
longer = {  # the same examples, 40 epochs: 120 steps, or 80 of two batches and of one
    "class_weights": (lambda p: SGD(p, lr=0.1), dict(weight=WEIGHT)),
    "class_weights_smooth": (lambda p: SGD(p, lr=0.1), dict(weight=WEIGHT, smoothing=0.2)),
    "decays_weights": (weights_alone(SGD, 0.1, lr=0.1, momentum=0.5), {}),
    "adamw_decays_weights": (weights_alone(AdamW, 0.5, lr=0.02), {}),
    "clip_norm": (lambda p: SGD(p, lr=0.1, momentum=0.5), dict(clip=lambda p: clip_norm(p, 0.3))),
    "clip_value": (lambda p: SGD(p, lr=0.1, momentum=0.5), dict(clip=lambda p: clip_value(p, 0.05))),
    "clip_both": (lambda p: Adam(p, lr=0.01), dict(clip=lambda p: (p := list(p), clip_norm(p, 0.5), clip_value(p, 0.1)))),
    "accumulate": (lambda p: SGD(p, lr=0.1, momentum=0.5), dict(accumulate=2)),
    "accumulate_weights": (lambda p: SGD(p, lr=0.1), dict(accumulate=2, weight=WEIGHT, clip=lambda p: clip_norm(p, 0.2))),
    "focal": (lambda p: SGD(p, lr=0.2), dict(weight=WEIGHT, loss=focal(2, WEIGHT))),
    "taught": (lambda p: SGD(p, lr=0.2), dict(loss=taught(3, 0.7))),
    "taught_weights": (lambda p: SGD(p, lr=0.2), dict(weight=WEIGHT, loss=taught(1, 0.5, WEIGHT))),
    "several": (lambda p: SGD(p, lr=0.2), dict(classes=5, loss=several())),
    "several_weights": (lambda p: SGD(p, lr=0.2), dict(classes=5, loss=several(WEIGHT))),
    "several_focal": (lambda p: SGD(p, lr=0.2), dict(classes=5, loss=several(WEIGHT, 1.5))),
    "ema": (lambda p: SGD(p, lr=0.5), dict(average=lambda average, value, n: 0.9 * average + (1 - 0.9) * value)),
    "ema_warmup": (lambda p: SGD(p, lr=0.5), dict(average=rising(0.95))),
}
schedules = {  # of 70 steps, 7 in an epoch
    "constant": (lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1), False),
    "step": (lambda o: lr_scheduler.StepLR(o, 3, 0.5), False),
    "milestones": (lambda o: lr_scheduler.MultiStepLR(o, [8, 2, 5], 0.3), False),
    "cosine": (lambda o: lr_scheduler.CosineAnnealingLR(o, 10, 0.1), False),
    "linear": (lambda o: lr_scheduler.LinearLR(o, 0.25, 0.9, 4), False),
    "exponential": (lambda o: lr_scheduler.ExponentialLR(o, 0.8), False),
    "polynomial": (lambda o: lr_scheduler.PolynomialLR(o, 10, 2), False),
    "polynomial_short": (lambda o: lr_scheduler.PolynomialLR(o, 4), False),
    "warm_restarts": (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3), False),
    "warm_restarts_longer": (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 2, 0.05), False),
    "exponential_each_step": (lambda o: lr_scheduler.ExponentialLR(o, 0.8 ** (1 / 7)), True),
    "polynomial_each_step": (lambda o: lr_scheduler.PolynomialLR(o, 70, 0.5), True),
    "cosine_each_step": (lambda o: lr_scheduler.CosineAnnealingLR(o, 70, 0.1), True),
    "linear_each_step": (lambda o: lr_scheduler.LinearLR(o, 0.25, 0.9, 28), True),
    "warm_restarts_each_step": (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 14, 2), True),
    # a rise over two epochs, then the cosine over the other eight
    "warmup_cosine": (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.LinearLR(o, 1 / 14, 1, 13),
                                                              lr_scheduler.CosineAnnealingLR(o, 56, 0.01)], [14]), True),
    "one_cycle": (lambda o: lr_scheduler.OneCycleLR(o, 1, total_steps=70, cycle_momentum=False), True),
    "one_cycle_wide": (lambda o: lr_scheduler.OneCycleLR(o, 1, total_steps=70, pct_start=0.55, div_factor=10, final_div_factor=100,
                                                         cycle_momentum=False), True),
}


plateaus = {  # options of ReduceLROnPlateau
    "loss": dict(patience=2, factor=0.5),
    "loss_cooldown": dict(patience=1, factor=0.3, cooldown=3, min_lr=0.02, threshold=0.01),
    "accuracy": dict(patience=3, factor=0.7, mode="max"),
    "accuracy_impatient": dict(patience=0, factor=0.9, mode="max", cooldown=1, threshold=0.05),
}


def plateau(options):
    """The rate after each of 150 scores, which fall or rise, and then stay about the same."""
    optimizer, rates = SGD([torch.zeros(1)], lr=1.0), []
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    for epoch, noise in enumerate(made_up(32, 150).astype(np.float64)):
        score = 0.5 + 0.5 * 0.9 ** epoch + 0.1 * noise
        schedule.step(1 - score if options.get("mode") == "max" else score)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def factors(make, each_step):
    optimizer = SGD([torch.zeros(1)], lr=1.0)
    schedule, values = make(optimizer), []
    for step in range(70):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 69 and (each_step or step % 7 == 6):
            schedule.step()
    return values


# --- 8-bit numbers ----------------------------------------------------------------------------------------------------

def int8():
    """Weights rounded with a step for each output."""
    shapes = {"linear": ((5, 12), 0), "conv": ((6, 4, 3, 3), 0), "depthwise": ((4, 1, 3, 3), 0), "transposed": ((3, 6, 2, 2), 1)}
    for name, (shape, axis) in shapes.items():
        weight = torch.tensor(made_up(TENSOR, shape))
        others = [d for d in range(len(shape)) if d != axis]
        step = (weight.double().abs().amax(others) / 127).float()
        keep("int8/" + name, torch.fake_quantize_per_channel_affine(weight, step, torch.zeros(len(step), dtype=torch.int32), axis, -127, 127))


# --- all of it --------------------------------------------------------------------------------------------------------

def save(path):
    header, at = {"__metadata__": {"made_with": "torch %s, numpy %s" % (torch.__version__, np.__version__)}}, 0
    ordered = sorted(golden.items(), key=lambda item: -item[1].itemsize)  # stable: doubles first, so that all are aligned
    for name, value in ordered:
        header[name] = {"dtype": "F%d" % (8 * value.itemsize), "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, value in ordered:
            f.write(np.ascontiguousarray(value).tobytes())
    print("%d tensors, %d bytes" % (len(golden), 8 + len(text) + at))


def main():
    torch.set_num_threads(1)
    for case in json.loads(subprocess.check_output([sys.argv[1], "--cases"])):
        for kind in ("plain", "coarse", "broken"):
            op_case(case, kind)
    for name in nets:
        net_golden(name)
    int8()
    for name, (optimizer, schedule, each_step) in trainings.items():
        net, _ = train(tiny, task((6,), 3, 20, 0.75), 8, 7, "fixed", optimizer, schedule, each_step)
        for key, value in net.state_dict().items():
            keep("train/%s/%s" % (name, key), value)
    for name, (optimizer, options) in longer.items():
        classes = options.pop("classes", 3)
        net = train_grouped(tiny, task((6,), classes, 20, 0.75), 8, 40, optimizer, **options)
        for key, value in net.state_dict().items():
            keep("train/%s/%s" % (name, key), value)
    for name, (make, each_step) in schedules.items():
        keep("schedule/" + name, factors(make, each_step), np.float64)
    for name, options in plateaus.items():
        keep("plateau/" + name, plateau(options), np.float64)
    easy, hard = task((5, 24), 10, 320, 0.25), task((5, 24), 10, 320, 0.75)
    keep("losses/course", train(course, (10 * easy[0], easy[1]), 32, 10, "shuffle", lambda p: SGD(p, lr=0.05))[1], np.float64)
    keep("losses/modern", train(modern, hard, 32, 10, "shuffle", lambda p: SGD(p, lr=0.02, momentum=0.9, weight_decay=1e-3),
                                lambda o: lr_scheduler.CosineAnnealingLR(o, 10))[1], np.float64)
    keep("losses/replacement", train(tiny, task((6,), 3, 90, 0.75), 8, 3, "replacement", lambda p: SGD(p, lr=0.5))[1], np.float64)
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch.safetensors"))


main()
