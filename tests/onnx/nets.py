"""nets.py FOLDER [--full]: nets exported by PyTorch, with an input and what PyTorch says to it. FOLDER/list has a line for
each: MODEL X Y WHAT, where WHAT is what the net ends in and convo leaves out (plain, softmax, logsoftmax, sigmoid), or
`refused`. Without --full they are narrow: tests/golden/onnx was made so, with PyTorch 1.13. Needs python3-torch."""
import os
import sys
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
folder, full = sys.argv[1], "--full" in sys.argv
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(i, o, 3, stride, 1), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1),
                                  nn.BatchNorm2d(o))
        self.shortcut = nn.Conv2d(i, o, 1, stride) if i != o else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet8(nn.Module):
    """MLPerf Tiny, image classification, with x.view(x.size(0), -1), as people write it."""

    def __init__(self, c):
        super().__init__()
        self.start = nn.Sequential(nn.Conv2d(3, c, 3, 1, 1), nn.BatchNorm2d(c), nn.ReLU())
        self.blocks = nn.Sequential(Block(c, c, 1), Block(c, 2 * c, 2), Block(2 * c, 4 * c, 2))
        self.end = nn.Linear(4 * c, 10)

    def forward(self, x):
        x = F.avg_pool2d(self.blocks(self.start(x)), 8)
        return torch.softmax(self.end(x.view(x.size(0), -1)), 1)


def ds_cnn(c):
    """MLPerf Tiny, keyword spotting: depthwise convolutions, padding that is not the same on both sides."""
    pair = lambda: [nn.Conv2d(c, c, 3, 1, 1, groups=c), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c, 1), nn.BatchNorm2d(c),
                    nn.ReLU()]
    return nn.Sequential(nn.ConstantPad2d((1, 1, 4, 5), 0), nn.Conv2d(1, c, (10, 4), 2), nn.BatchNorm2d(c), nn.ReLU(),
                         nn.Dropout(0.2), *pair(), *pair(), *pair(), *pair(), nn.Dropout(0.4), nn.AvgPool2d((25, 5)),
                         nn.Flatten(), nn.Linear(c, 12))


class Normalised(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, (3, 5), dilation=(2, 1), padding=(1, 2))
        self.end = nn.Linear(4, 3)

    def forward(self, x):
        return self.end(torch.sigmoid(self.conv((x - 0.5) / 0.25)).mean([2, 3]))


class Samples(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.end = nn.Conv1d(1, 4, 8, 4), nn.Linear(4 * 49, 3)

    def forward(self, x):
        return self.end(torch.relu(self.conv(x.unsqueeze(1))).reshape(x.shape[0], -1))


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 5, padding=2)
        self.end = nn.Linear(2, 4)

    def forward(self, x):
        y = self.a(x)
        z = self.c(x) + (y + torch.relu(self.b(y) + y))
        return self.end(F.adaptive_avg_pool2d(z, 1).squeeze(-1).squeeze(-1))


class Crossing(Nested):
    def forward(self, x):
        y = self.a(x)
        z = self.b(y)
        return self.end((torch.tanh(z) + (torch.relu(y) + z)).mean([2, 3]))


conv1d = nn.Sequential(nn.Conv1d(1, 8, 9, 4, 4), nn.ReLU(), nn.MaxPool1d(3, 2, 1), nn.Conv1d(8, 6, 5, 2, bias=False),
                       nn.BatchNorm1d(6), nn.Tanh(), nn.AvgPool1d(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 5),
                       nn.Sigmoid(), nn.Linear(5, 1), nn.Sigmoid())
uneven = nn.Sequential(nn.ConstantPad2d((2, 0, 0, 3), 0), nn.Conv2d(2, 3, (2, 3), (1, 2)), nn.Tanh(), nn.ConstantPad2d((0, 2, 2, 0), 0),
                       nn.Conv2d(3, 2, 2, dilation=2, padding=1), nn.Flatten(), nn.Linear(108, 4))
mlp = nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.ReLU(), nn.BatchNorm1d(8, eps=0.001), nn.Linear(8, 10), nn.LogSoftmax(1))
strange = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(288, 3))


class TimeMajor(nn.Module):
    """Rows of features: time comes first, and norms, products and softmax are over the last dimension."""

    def __init__(self):
        super().__init__()
        self.conv, self.dense, self.norm, self.end = nn.Conv1d(5, 4, 3), nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x):
        y = self.norm(F.gelu(self.dense(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))))
        return torch.softmax(self.end(y.mean(1)), -1)


class ChannelsLast(nn.Module):
    """As Keras has pictures: mean and deviation for each channel, and the flattened maps have channels last."""

    def __init__(self):
        super().__init__()
        self.conv, self.each = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, groups=4, bias=False)
        self.norm, self.end = nn.BatchNorm2d(4), nn.Linear(48, 5)

    def forward(self, x):
        y = (x - torch.tensor([0.4, 0.5, 0.6])) / torch.tensor([0.2, 0.3, 0.4])
        y = torch.relu(self.norm(self.each(self.conv(y.permute(0, 3, 1, 2)))))
        return self.end(y.permute(0, 2, 3, 1).reshape(x.shape[0], -1))


class Shuffled(nn.Module):
    """ShuffleNet's groups, a largest value, parts of the channels."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.end = nn.Conv2d(4, 8, 1, groups=2), nn.Conv2d(8, 6, 3), nn.Linear(3, 3)

    def forward(self, x):
        y = self.a(x)
        n, c, h, w = y.shape
        first, second = torch.amax(self.b(y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)), (2, 3)).chunk(2, 1)
        return self.end(first * 2 - second)


class Excited(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 6, 3, padding=1), nn.GroupNorm(2, 6)
        self.a, self.b, self.end = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 6, 1), nn.Linear(6, 3)

    def forward(self, x):
        y = F.hardswish(self.conv(x))
        y = y * torch.sigmoid(self.b(torch.relu(self.a(F.adaptive_avg_pool2d(y, 1)))))
        return self.end((self.norm(y) + y).flatten(2).mean(-1))


class Recurrent(nn.Module):
    def __init__(self, cell, both, last):
        super().__init__()
        self.cell, self.last = cell(4, 3, bidirectional=both, batch_first=True), last
        self.end = nn.Linear(6 if both else 3, 3)

    def forward(self, x):
        y, state = self.cell(x)
        if self.last:
            state = state[0] if isinstance(state, tuple) else state
            return self.end(state[-1] if not self.cell.bidirectional else torch.cat((state[-2], state[-1]), 1))
        return self.end(y[:, -1])


class Attentive(nn.Module):
    """Self-attention as people write it: how queries, keys and values are made, and how their channels become heads."""

    def __init__(self, way, heads):
        super().__init__()
        self.way, self.heads = way, heads
        self.first, self.end = nn.Linear(5, 8), nn.Linear(8, 3)
        if way == "encoder":
            self.encoder = nn.TransformerEncoderLayer(8, heads, 12, 0.0, activation="gelu", batch_first=True)
        elif way == "torch":
            self.attention = nn.MultiheadAttention(8, heads, batch_first=True)
        else:
            self.qkv = nn.Linear(8, 24, bias=way != "chunks")
            self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))

    def attend(self, x):
        n, columns, channels = x.shape
        each = channels // self.heads
        if self.way == "torch":
            return self.attention(x, x, x, need_weights=False)[0]
        if self.way == "five":  # timm's
            q, k, v = self.qkv(x).reshape(n, columns, 3, self.heads, each).permute(2, 0, 3, 1, 4)
            return self.out(((q * each**-0.5) @ k.transpose(-2, -1)).softmax(-1).matmul(v).transpose(1, 2).reshape(x.shape))
        three = self.qkv(x).chunk(3, -1) if self.way == "chunks" else (self.q(x), self.k(x), self.v(x))
        q, k, v = (part.view(n, columns, self.heads, each).transpose(1, 2) for part in three)
        if self.way == "halves":  # PyTorch 2: both factors are scaled
            y = F.softmax((q * 0.7) @ (k.transpose(2, 3) * 0.7), -1) @ (v * 2)
            y = y.transpose(1, 2).reshape(n, columns, channels)
            return self.out(y) + y  # not only the projection reads it
        y = F.softmax(q @ k.transpose(2, 3) * (each**-0.5 if self.way == "chunks" else 0.3), -1) @ v
        y = y.permute(0, 2, 1, 3).reshape(n, columns, channels)
        return self.out(y) if self.way == "chunks" else y  # without a projection of the output

    def forward(self, x):
        x = self.first(x)
        return self.end((self.encoder(x) if self.way == "encoder" else x + self.attend(x)).mean(1))


class Token(nn.Module):
    """Class tokens in front of a sequence, one repeated and one expanded, and what becomes of the first."""

    def __init__(self):
        super().__init__()
        self.first, self.end = nn.Linear(5, 6), nn.Linear(6, 3)
        self.a, self.b = nn.Parameter(torch.randn(1, 1, 6)), nn.Parameter(torch.randn(1, 1, 6))
        self.encoder = nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True, norm_first=True)

    def forward(self, x):
        y = torch.cat((self.a.repeat(x.shape[0], 1, 1), self.b.expand(x.shape[0], -1, -1), self.first(x)), 1)
        return self.end(self.encoder(y)[:, 0])


class PointsLast(nn.Module):
    """A layer over channels that are last, and the mean of all rows and columns."""

    def __init__(self):
        super().__init__()
        self.point, self.norm, self.end = nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 5)

    def forward(self, x):
        return self.end(torch.relu(self.norm(self.point(x))).mean((1, 2)))


class Nearly(Attentive):
    """Attention whose scores are divided, and what is near to it but must not be taken for it."""

    def __init__(self, way, heads):
        super().__init__(way, heads)
        self.each = nn.Parameter(torch.linspace(0.5, 1.5, 8))

    def attend(self, x):
        q, k, v = self.q(x), self.k(x), self.v(torch.relu(x) if self.way == "elsewhere" else x)
        q = q * self.each if self.way == "channels" else q * 0.5 + 0.25 if self.way == "shifted" else q
        q, k, v = (part.view(*x.shape[:2], self.heads, -1).transpose(1, 2) for part in (q, k, v))
        shares = F.softmax(q @ k.transpose(2, 3) / 3, 2 if self.way == "columns" else 3)
        shares = F.softmax(shares, 3) if self.way == "twice" else shares * 0.5 if self.way == "behind" else shares
        return self.out((shares @ v).transpose(1, 2).reshape(x.shape))


def head():
    """Of a wake word."""
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 6), nn.LayerNorm(6), nn.ReLU(),
                         nn.Linear(6, 1), nn.Sigmoid())


nets = [
    ("resnet8", ResNet8(16 if full else 2), (3, 32, 32), "softmax"),
    ("dscnn", ds_cnn(64 if full else 4), (1, 49, 10), "plain"),
    ("conv1d", conv1d, (1, 200), "sigmoid"),
    ("uneven", uneven, (2, 5, 7), "plain"),
    ("mlp", mlp, (3, 4, 4), "logsoftmax"),
    ("normalised", Normalised(), (1, 9, 8), "plain"),
    ("samples", Samples(), (200,), "plain"),
    ("nested", Nested(), (2, 6, 7), "plain"),
    ("crossing", Crossing(), (2, 6, 7), "plain"),
    ("strange", strange, (1, 8, 8), "refused"),
    ("head", head, (4, 6), "sigmoid"),
    ("timemajor", TimeMajor, (9, 5), "softmax"),
    ("channelslast", ChannelsLast, (7, 9, 3), "plain"),
    ("shuffled", Shuffled, (4, 5, 6), "plain"),
    ("excited", Excited, (2, 5, 6), "plain"),
    ("lstm", lambda: Recurrent(nn.LSTM, True, False), (7, 4), "plain"),
    ("gru", lambda: Recurrent(nn.GRU, False, True), (7, 4), "plain"),
    ("both", lambda: Recurrent(nn.LSTM, True, True), (7, 4), "plain"),
    ("attention", lambda: Attentive("torch", 4), (7, 5), "plain"),
    ("encoder", lambda: Attentive("encoder", 2), (7, 5), "plain"),
    ("five", lambda: Attentive("five", 2), (6, 5), "plain"),
    ("chunks", lambda: Attentive("chunks", 4), (8, 5), "plain"),
    ("separate", lambda: Attentive("separate", 1), (9, 5), "plain"),
    ("halves", lambda: Attentive("halves", 2), (6, 5), "plain"),
    ("token", Token, (6, 5), "plain"),
    ("pointslast", PointsLast, (4, 5, 3), "plain"),
    ("divided", lambda: Nearly("divided", 2), (6, 5), "plain"),
    ("elsewhere", lambda: Nearly("elsewhere", 2), (6, 5), "refused"),
    ("channels", lambda: Nearly("channels", 2), (6, 5), "refused"),
    ("shifted", lambda: Nearly("shifted", 2), (6, 5), "refused"),
    ("columns", lambda: Nearly("columns", 2), (6, 5), "refused"),
    ("twice", lambda: Nearly("twice", 2), (6, 5), "refused"),
    ("behind", lambda: Nearly("behind", 2), (6, 5), "refused"),
]

os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "list"), "w") as lines:
    for name, net, shape, what in nets:
        net = net if isinstance(net, nn.Module) else net()
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                for tensor in (module.running_var, module.weight.data):
                    tensor.uniform_(0.5, 1.5)
                for tensor in (module.running_mean, module.bias.data):
                    tensor.uniform_(-0.5, 0.5)
        net.eval()
        x = torch.randn(3, *shape)
        with torch.no_grad():
            y = net(x)
        path = lambda end: os.path.join(folder, name + end)
        np.save(path(".x.npy"), x.numpy())
        np.save(path(".y.npy"), y.numpy())
        for opset, dynamic in ((9, False), (13, True), (17, False)) if full else ((17, True),):
            file = f"{name}-{opset}.onnx"
            axes = {"x": {0: "n"}, "y": {0: "n"}} if dynamic else None
            # Batch norm stays what it is, without the fusing that an export for inference does.
            keep = torch.onnx.TrainingMode.PRESERVE if opset == 17 else torch.onnx.TrainingMode.EVAL
            try:
                torch.onnx.export(net, x if dynamic else x[:1], os.path.join(folder, file), opset_version=opset,
                                  input_names=["x"], output_names=["y"], dynamic_axes=axes, training=keep)
            except Exception as problem:  # an operator that this opset has not
                print(file, str(problem).split("\n")[0], file=sys.stderr)
                continue
            print(file, f"{name}.x.npy", f"{name}.y.npy", what, file=lines)
