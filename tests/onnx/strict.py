"""strict.py CONVO MODEL RECORDING RECIPE FOLDER: reads a model file with ten lines of Python, loads it into the recipe's net
as PyTorch has it, with strict=True, and compares the probabilities of a recording. --tensor FILE NAME: prints a checksum."""
import hashlib
import json
import struct
import subprocess
import sys


def read(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for name, t in header.items()}


if sys.argv[1] == "--tensor":
    print(hashlib.sha256(read(sys.argv[2])[sys.argv[3]][2]).hexdigest())
    sys.exit()

import numpy as np
import torch
from torch import nn

convo, model, recording, recipe, folder = sys.argv[1:]
types = {"F32": np.float32, "I64": np.int64}
state = {k: torch.from_numpy(np.frombuffer(d, types[t]).copy().reshape(s)) for k, (t, s, d) in read(model).items()}
net = nn.Sequential(nn.Conv1d(13, 16, 3, padding=1), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(592, 10))
net.load_state_dict(state, strict=True)
subprocess.run([convo, "features", recording, "--recipe", recipe, "-o", f"{folder}/strict.npy"], check=True)
x = torch.from_numpy(np.load(f"{folder}/strict.npy"))[None]
mine = torch.softmax(net.eval()(x), 1)[0].detach().numpy()
said = json.loads(subprocess.run([convo, "predict", model, recording, "--top", "10", "--json"], check=True,
                                 capture_output=True).stdout)
for entry in said["top"]:
    off = abs(mine[int(entry["label"])] - entry["probability"])
    assert off < 1e-5, f"{entry}: PyTorch gives {mine[int(entry['label'])]}"
