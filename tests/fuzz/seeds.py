#!/usr/bin/env python3
"""Makes the seeds in tests/fuzz/corpus: small real files, and hostile ones that lie about their sizes.

    python3 tests/fuzz/seeds.py       # from the root of the repository; Python's standard library is enough

Seeds that the fuzzer found are not made here: they are committed beside the others, named after what went wrong.
More seeds are the files of tests/golden and recipes/: see CMakeLists.txt.
"""
import gzip, io, json, os, struct, tarfile, zipfile, zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def seed(target, name, *parts):
    """parts: bytes of file 0, and of others as (number, bytes)."""
    data = b""
    for part in parts:
        data += part if isinstance(part, bytes) else b"@@@%d" % part[0] + part[1]
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, name), "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


# --- safetensors ------------------------------------------------------------------------------------------------------


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


LIES = {
    "empty": b"",
    "no-tensors": safetensors({}),
    "header-of-2^63": safetensors({}, length=1 << 63),
    "header-of-a-gigabyte": safetensors({}, length=1 << 30),
    "end-at-2^63": safetensors({"a": tensor([2], 0, (1 << 63) - 1)}, bytes(8)),
    "shape-of-2^62": safetensors({"a": tensor([1 << 31, 1 << 31], 0, 8)}, bytes(8)),
    "dims-65536": safetensors({"a": tensor([1] * 65536, 0, 4)}, bytes(4))[:4096],
    "dims-8": safetensors({"a": tensor([1] * 8, 0, 4)}, bytes(4)),
    "dims-9": safetensors({"a": tensor([1] * 9, 0, 4)}, bytes(4)),
    "overlap": safetensors({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)}, bytes(12)),
    "gap": safetensors({"a": tensor([1], 0, 4), "b": tensor([1], 8, 12)}, bytes(12)),
    "twice": safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
                         b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "deep": safetensors(b'{"a":' * 3000 + b"1" + b"}" * 3000),
    "deep-lists": safetensors(b"[" * 3000 + b"]" * 3000),
    "escape-in-a-name": safetensors({"\x1b[2J\x07": tensor([1], 0, 8)}, bytes(8)),
    "types": safetensors({t: tensor([0], 0, 0, t) for t in ("F16", "BF16", "F64", "I32", "I64", "U8", "BOOL")}),
}

RECIPES = {
    "conv": "input: [2, 3]\nmodel: [{conv1d: {out: 2, kernel: 2}}, batchnorm, flatten, {linear: 2}]\n",
    "pools": "input: [1, 4, 4]\nmodel:\n  - residual: {body: [{conv2d: {out: 1, kernel: 3, padding: 1}}, tanh]}\n"
             "  - {maxpool2d: 2}\n  - globalavgpool\n  - {linear: 1}\ntrain: {loss: logistic, optimizer: adam}\n",
    "front": "features: {kind: mfcc, rate: 8000, samples: 400, filters: 4, cepstra: 2, fft: 256}\n"
             "model: [flatten, dropout, {linear: 3}, softmax]\ntrain: {loss: mse, optimizer: adam}\n",
    "waveform": "features: {kind: waveform, rate: 8000, samples: 16}\nmodel: [flatten, {linear: 2}]\n",
}
# Numbers in a recipe that ask for much.
GREEDY = {
    "a-gigabyte-of-weights": "input: [16384]\nmodel: [{linear: 16384}]\n",
    "weights-of-2^40": "input: [1048576]\nmodel: [{linear: 1048576}]\n",
    "many-wide-layers": "input: [8192]\nmodel: [%s]\n" % ", ".join(["{linear: 8192}"] * 16),
    "set-to-a-number": "input: [16384]\nmodel: [{linear: {out: 8192, init: {weight: 0.5}}}]\n",
    "set-to-few-numbers": "input: [16384]\nmodel: [{linear: {out: 8192, init: {weight: [0.5, 1]}}}]\n",
    "maps-of-2^28": "input: [1, 16384, 16384]\nmodel: [relu, globalavgpool, {linear: 2}]\n",
    "long-clip": "features: {kind: mfcc, rate: 384000, samples: 172800000, window_ms: 2000, hop_ms: 0.1}\n"
                 "model: [globalavgpool, {linear: 2}]\n",
    "long-waveform": "features: {kind: waveform, rate: 16000, samples: 172800000}\nmodel: [globalavgpool, {linear: 2}]\n",
    "padding": "input: [1, 4]\nmodel: [{conv1d: {out: 1, kernel: 1, padding: 1000000}}, globalavgpool, {linear: 2}]\n",
    "window": "features: {kind: logmel, rate: 384000, samples: 1000, window_ms: 2700, filters: 1024}\n"
              "model: [globalavgpool, {linear: 2}]\n",
}


def model(recipe, labels, tensors=(), normalize='{"mean": 0, "std": 1}', **others):
    header = {"__metadata__": {"convo.recipe": recipe, "convo.labels": json.dumps(labels), "convo.normalize": normalize,
                               **{"convo." + name: text for name, text in others.items()}}}
    data = b""
    for name, shape, values in tensors:
        header[name] = tensor(shape, len(data), len(data) + len(values))
        data += values
    return safetensors(header, data)


def make_models():
    for name, text in RECIPES.items():
        seed("recipe", name, text.encode())
    for name, data in LIES.items():
        seed("safetensors", name, data)  # of four readers
    floats = lambda *x: struct.pack("<%df" % len(x), *x)
    linear = [("1.weight", [2, 16], floats(*[0.25] * 32)), ("1.bias", [2], floats(1, -1))]
    seed("model", "waveform", model(RECIPES["waveform"], ["a", "b"], linear))
    seed("model", "not-finite", model(RECIPES["waveform"], ["a", "b"], [linear[0], ("1.bias", [2], floats(1, float("inf")))]))
    seed("model", "one-label", model(RECIPES["waveform"], ["a"], linear))
    seed("model", "escape-in-a-label", model(RECIPES["waveform"], ["\x1b[2J", "b"], linear))
    seed("model", "std-0", model(RECIPES["waveform"], ["a", "b"], linear, '{"mean": 0, "std": 0}'))
    seed("model", "too-much", model(RECIPES["waveform"], ["a", "b"], linear + [("2.weight", [1], floats(1))]))
    for name, ranges in {"ranges": '{"input": [-1, 1], "1": [-2.5, 3e4]}', "ranges-of-nothing": "{}",
                         "ranges-in-floats": '{"input": [-1, 1], "1": [0, 1], "float": "0-1"}',
                         "ranges-too-large": '{"input": [-1e18, 1e18], "1": [-1e-40, 1e-40]}'}.items():
        seed("model", name, model(RECIPES["waveform"], ["a", "b"], linear, int8=ranges))
    infinite = [linear[0], ("1.bias", [2], floats(1, float("inf")))]
    seed("model", "ranges-not-finite", model(RECIPES["waveform"], ["a", "b"], infinite, int8='{"input": [-1, 1], "1": [0, 1]}'))
    last = [("2.weight", [2, 1], floats(1, 2)), ("2.bias", [2], floats(0, 0))]
    seed("model", "maps-of-2^28-with-weights", model(GREEDY["maps-of-2^28"], ["a", "b"], last))
    norm = [("1." + n, [2], floats(1, 2)) for n in ("weight", "bias", "running_mean", "running_var")]
    state = [("0.weight", [2, 2, 2], floats(*range(8))), ("0.bias", [2], floats(0, 1)), *norm,
             ("3.weight", [2, 4], floats(*range(8))), ("3.bias", [2], floats(0, 1))]
    seed("weights", "state-dict", model("", [], state))
    seed("weights", "mapped", model("", [], [("module.features." + n, s, v) for n, s, v in state]))
    index = json.dumps({"weight_map": {n: "vw"[k < 4] + ".safetensors" for k, (n, _, _) in enumerate(state)}})
    seed("weights", "shards", model("", [], state[:4]), (1, index.encode()), (2, model("", [], state[4:])))
    seed("weights", "shard-elsewhere", b"", (1, b'{"weight_map": {"a": "../../etc/passwd"}}'))
    seed("weights", "pickle", b"\x80\x02}q\x00.")
    for name, text in GREEDY.items():
        seed("recipe", name, text.encode())
        seed("model", name, model(text, ["a", "b"]))


def make_checkpoints():
    recipe = RECIPES["conv"] + "train: {optimizer: {adam: {lr: 0.1}}, epochs: 5}\n"
    metrics = b'{"epoch": 1, "train_loss": 0.5}\n{"epoch": 2, "train_loss": 0.4}\n'
    sizes = {"values": 128, "moment.0": 96, "moment.1": 96}  # each of the tensors begins at a multiple of 16
    state = {"epoch": 1, "step": 0, "steps": 3, "correct": 0, "seen": 0, "loss_sum": 0.5, "weight_sum": 3,
             "best_score": None, "seconds": 0.5, "best_epoch": 0, "plateau_factor": 1, "plateau_best": None, "plateau_bad": 0,
             "plateau_cooling": 0}

    def checkpoint(state, next_word=1, recipe=recipe, sizes=sizes):
        header = {"__metadata__": {"convo.state": json.dumps(state), "convo.recipe": recipe}}
        data = b""
        for name, count in sizes.items():
            header[name] = tensor([count], len(data), len(data) + 4 * count)
            data += bytes(4 * count)
        for name in ("random", "epoch_random"):
            header[name] = tensor([628], len(data), len(data) + 2512, "I32")
            data += bytes(2496) + struct.pack("<iiii", next_word, 0, 0, 0)
        return safetensors(header, data)

    seed("checkpoint", "sound", checkpoint(state), (1, metrics))
    seed("checkpoint", "next-word-beyond", checkpoint(state, 625))
    seed("checkpoint", "epoch-2^62", checkpoint({**state, "epoch": 1 << 62}), (1, metrics))
    seed("checkpoint", "negative", checkpoint({**state, "step": -1}))
    seed("checkpoint", "other-recipe", checkpoint(state, recipe=RECIPES["waveform"]))
    seed("checkpoint", "greedy-recipe", checkpoint(state, recipe=GREEDY["weights-of-2^40"]))


def make_recipes():
    base = RECIPES["front"].encode()
    for k, setting in enumerate([b"train.epochs=5", b"lr=0.5", b"model.0={linear: 3}", b"model.2.linear=",
                                 b"features.samples=-1", b"a.b.c.d=1", b"model.99=relu", b"=", b"train={}"]):
        seed("recipe", "setting-%d" % k, base, (1, setting))
    seed("recipe", "billion-laughs", b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n")
    seed("recipe", "deep", b"input: " + b"[" * 100 + b"]" * 100)
    seed("recipe", "twice", b"input: [1]\ninput: [2]\nmodel: [relu]\n")
    seed("recipe", "zero-byte", b'input: [1]\nmodel: ["re\\0lu"]\n')
    seed("recipe", "binary-tag", b"input: !!binary AAAA\nmodel: !foo [relu]\n")
    seed("recipe", "escapes", b'input: [1]\n"\\x1b[2J": "\\x07\\n"\n')
    seed("recipe", "utf-16", "input: [1]\nmodel: [relu]\n".encode("utf-16"))
    seed("recipe", "two-documents", b"input: [1]\nmodel: [relu]\n---\nb: 1\n")
    nested = "relu"
    for _ in range(12):
        nested = "{residual: {body: [%s]}}" % nested
    seed("recipe", "residuals", b"input: [1]\nmodel: [%s]\n" % nested.encode())
    numbers = b"train: {epochs: 9223372036854775807, batch: 1e400, seed: -9223372036854775808}\n"
    seed("recipe", "numbers", b"input: [1]\nmodel: [{linear: 99999999999999999999}]\n" + numbers)
    seed("recipe", "data", b"data: {set: fsdd, split: {by: group, leave_out: 'theo', seed: 3}}\n"
                           b"augment: {copies: 3}\nfeatures: {kind: logmel, samples: 6000, normalize: global}\n"
                           b"model: [globalavgpool, {linear: 10}]\n"
                           b"train: {optimizer: {sgd: {lr: 1/3, momentum: 0.9}}, schedule: {cosine: {}}, keep: best}\n")
    seed("recipe", "changes", b"data: fsdd\nfeatures: {kind: logmel, samples: 6000}\nmodel: [globalavgpool, {linear: 10}]\n"
                              b"augment: {noise: {path: x, snr: [0, 20], share: 0.8}, time_masks: {width: 3, count: 2},\n"
                              b"          shift: 0.1, band: {low: [50, 300]}, mixup: 0.2}\n")


# --- arrays -------------------------------------------------------------------------------------------------------------


def npy(descr, shape, data, order="False", version=1):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
    head = head.encode() + b" " * (-(len(head) + 11) % 16) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head + data


X, Y = npy("<f4", "(2, 3)", bytes(24)), npy("<i8", "(2,)", struct.pack("<qq", 0, 1))


def make_arrays():
    test = (2, npy("|u1", "(1, 3)", b"\1\2\3")), (3, npy("|b1", "(1,)", b"\1"))
    seed("arrays", "train-and-test", X, (1, Y), *test)
    seed("arrays", "one-pair", (4, npy(">f8", "(2, 1, 1, 2)", bytes(32), "True", 2)), (5, npy("<f2", "(2, 2)", b"\0\x3c\0\0\0\0\0\x3c")))
    for name, shape in {"2^63": "(9223372036854775807, 9223372036854775807)", "2^64": "(18446744073709551616,)",
                        "zero-times-much": "(0, 4611686018427387904, 4611686018427387904)", "none": "()",
                        "dims-65536": "(" + "1, " * 65536 + ")", "gigabyte": "(1, 268435456)", "negative": "(-1, -24)",
                        "rows": "(1152921504606846976, 0)"}.items():
        seed("arrays", name, npy("<f4", shape[:3000], bytes(24)), (1, Y))
    seed("arrays", "labels-2^31", X, (1, npy("<i8", "(2,)", struct.pack("<qq", 1 << 31, 1))))
    seed("arrays", "labels-nan", X, (1, npy("<f8", "(2,)", struct.pack("<dd", float("nan"), 1))))
    seed("arrays", "features-nan", npy("<f4", "(2, 3)", b"\0\0\xc0\x7f" * 6), (1, Y))
    seed("arrays", "header-too-long", b"\x93NUMPY\x02\0\xff\xff\xff\x7f{" + bytes(40), (1, Y))
    seed("arrays", "pickle", npy("|O", "(2, 3)", b"\x80\x02."), (1, Y))
    seed("arrays", "keys-twice", X.replace(b"fortran_order", b"descr': '<f4"), (1, Y))


def zipped(method, data=X, name="X_train.npy"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for member, content in ((name, data), ("y_train.npy", Y)):
            file.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def make_npz():
    bomb = npy("|u1", "(2, 1048576)", bytes(1 << 21))
    for name, method in {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2,
                         "lzma": zipfile.ZIP_LZMA}.items():
        seed("npz", name, zipped(method))
    seed("npz", "bomb-deflated", zipped(zipfile.ZIP_DEFLATED, bomb))
    seed("npz", "bomb-bzip2", zipped(zipfile.ZIP_BZIP2, bomb))
    # LZMA's own header asks for the dictionary: 4 GiB in a file of a few hundred bytes.
    plain = zipped(zipfile.ZIP_LZMA)
    at = plain.index(struct.pack("<BBH", 9, 4, 5)) + 5
    seed("npz", "lzma-dictionary-of-4-gigabytes", plain[:at] + b"\xff\xff\xff\xff" + plain[at + 4:])
    deflated = zipped(zipfile.ZIP_DEFLATED)
    seed("npz", "ppmd", deflated.replace(b"\x14\0\0\0\x08\0", b"\x3f\0\0\0\x62\0"))
    seed("npz", "twice", zipped(zipfile.ZIP_STORED, X, "y_train.npz").replace(b"y_train.npz", b"y_train.npy"))
    seed("npz", "size-2^32", deflated[:18] + b"\xff" * 8 + deflated[26:])
    seed("npz", "folders", zipped(zipfile.ZIP_STORED, b"", "X_train.npy/"))


def idx(dims, data):
    return b"\0\0\x08" + bytes([len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + data


def make_idx():
    x, y = idx((1, 28, 28), bytes(range(28)) * 28), idx((1,), b"\7")
    pack = lambda data: gzip.compress(data, 9, mtime=0)
    seed("idx", "plain", x, (1, y), (2, x), (3, y))
    seed("idx", "packed", (4, pack(x)), (5, pack(y)), (6, pack(x)), (7, pack(y)))
    seed("idx", "packed-twice", (4, pack(pack(pack(bytes(1 << 20))))))
    seed("idx", "bomb", (4, pack(idx((1 << 21, 1, 1), bytes(1 << 21)))))
    seed("idx", "two-members", (4, pack(x[:100]) + pack(x[100:])), (5, pack(y)))
    seed("idx", "dims-2^32", idx((0xffffffff, 28, 28), bytes(784)), (1, y))
    seed("idx", "dims-product-2^64", idx((1 << 31, 1 << 31, 4), b""), (1, y))
    seed("idx", "label-255", x, (1, idx((1,), b"\xff")), (2, x), (3, y))
    seed("idx", "no-pictures", idx((0, 28, 28), b""), (1, idx((0,), b"")))


def make_cifar():
    fine = b"".join(b"f%d\n" % k for k in range(100))
    coarse = b"".join(b"c%d\n" % k for k in range(20))
    names = (2, fine), (3, coarse)
    seed("cifar", "cifar-100", b"\1\2" + bytes(3072), (1, b"\x13\x63" + bytes(3072)), *names)
    seed("cifar", "coarse-class-20", b"\x14\2" + bytes(3072), (1, b"\0\0" + bytes(3072)), *names)
    seed("cifar", "fine-class-100", b"\0\x64" + bytes(3072), (1, b"\0\0" + bytes(3072)), *names)
    seed("cifar", "cifar-10", b"\1" + bytes(3072), (4, b"".join(b"n%d\r\n" % k for k in range(10))))
    seed("cifar", "300-names", b"\1" + bytes(3072), (4, b"".join(b"%d\n" % k for k in range(300))))
    seed("cifar", "no-whole-number", b"\1\2" + bytes(3071), *names)


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(name, dims, data, matlab_class=6, number=9, claim=None):
    body = element(6, struct.pack("<II", matlab_class, 0)) + element(5, struct.pack("<%di" % len(dims), *dims))
    return element(14, body + element(1, name) + (claim or element(number, data)))


def make_mat():
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    y = matrix(b"Y", (2, 1), struct.pack("<dd", -1, 1))
    small = matrix(b"X", (2, 2), struct.pack("<4d", 1, 2, 3, 4))
    squeeze = lambda data: struct.pack("<II", 15, len(zlib.compress(data))) + zlib.compress(data)
    seed("mat", "plain", head + small + y)
    seed("mat", "compressed", head + squeeze(small) + squeeze(y))
    for name, dims in {"gigabyte": (1 << 14, 1 << 13), "2^31": (0x7fffffff, 0x7fffffff), "negative": (-1, -8),
                       "dims-9": (1,) * 9, "bytes-of-2^30": (1 << 15, 1 << 12)}.items():
        lie = matrix(b"X", dims, bytes(8))
        seed("mat", name, head + lie + y)
        seed("mat", name + "-compressed", head + squeeze(lie) + squeeze(y))
    long = matrix(b"X", (1 << 14, 1 << 13), b"", claim=struct.pack("<II", 9, 1 << 30))
    seed("mat", "gigabyte-of-data-compressed", head + squeeze(long) + squeeze(y))
    seed("mat", "characters", head + matrix(b"X", (2, 2), b"abcd", 4, 2) + y)
    seed("mat", "cells", head + element(14, element(6, struct.pack("<II", 1, 0)) + element(5, struct.pack("<II", 9999, 9999)) + element(1, b"X")) + y)
    seed("mat", "sparse", head + element(14, element(6, struct.pack("<II", 5, 1 << 30)) + element(5, struct.pack("<II", 2, 2)) + element(1, b"X")) + y)
    seed("mat", "fewer-numbers-than-dimensions", head + matrix(b"X", (2, 300), bytes(48)) + y)
    seed("mat", "type-99", head + matrix(b"X", (2, 3), bytes(48), number=99) + y)
    seed("mat", "type-utf8", head + matrix(b"X", (2, 3), bytes(48), number=16) + y)
    seed("mat", "v4", struct.pack("<5I", 0, 1 << 14, 1 << 14, 0, 2) + b"X\0" + bytes(64))
    seed("mat", "7.3", b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + b"\x89HDF\r\n\x1a\n")
    seed("mat", "big-endian", b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI" + struct.pack(">II", 14, 1 << 31))


# --- lists, pictures, sounds, archives ----------------------------------------------------------------------------------


def make_lists():
    seed("manifest", "all-columns", b"path,label,split,group\na.wav,cat,train,ann\n\"b,\"\"c\"\".wav\",dog,test,\n/d.wav,cat,validation,bob\n")
    seed("manifest", "mark", b"\xef\xbb\xbfpath,label,note\na.wav,cat,x\n")
    seed("manifest", "quotes", b'path,label\n"a\nb.wav,cat\n')
    seed("manifest", "zero-byte", b"path,label\na\0b.wav,cat\n")
    seed("manifest", "many-columns", b"path,label" + b",x" * 2000 + b"\na,b" + b",y" * 2000 + b"\n")
    seed("manifest", "slip", b"path,lable\na.wav,cat\n")
    seed("manifest", "escape", b"path,label\n\x1b[2J.wav,c\x07at\n,x\n")
    seed("lists", "both", b"yes/a_nohash_0.wav\n", (1, b"yes/b_nohash_1.wav\r\nno/c.wav"))
    seed("lists", "odd", b"\n\n.\n/\n..\n.wav\nyes/a_nohash_0\n\0\n", (1, b"\xff\xfe" * 50))
    seed("answer", "all", b"HTTP/1.1 206 Partial Content\r\nETag: \"abc\"\r\nContent-Range: bytes 5-9/10\r\n"
                          b"Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\n", (1, b'"abc"'))
    seed("answer", "weak", b"HTTP/2 200\nETag: W/\"x\"\nContent-Range: bytes 99999999999999999999-\n", (1, b"a\r\nb: c"))
    seed("answer", "long", b"ETag: " + b"x" * 300 + b"\nLast-Modified:" + b"\t" * 300 + b"\n", (1, b"y" * 300))
    seed("answer", "nothing", b"ETag:\nLast-Modified:   \nHTTP/\n", (1, b""))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_pictures():
    png = lambda w, h, data=b"", depth=8, kind=2, inter=0: (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, inter)) +
        chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))
    seed("picture", "png-60000x60000", png(60000, 60000))
    seed("picture", "png-16384x4096", png(16384, 4096))
    seed("picture", "png-2^31", png(0x7fffffff, 0x7fffffff))
    seed("picture", "png-0x0", png(0, 0))
    seed("picture", "png-interlaced", png(3, 3, bytes(64), inter=1))
    seed("picture", "png-bomb", png(1024, 1024, bytes(1024 * 129), 1, 0))
    seed("picture", "png-iccp-bomb", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) +
         chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0\4\0\0" + bytes(1 << 18))) + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b""))
    jpeg = read("tests/golden/pictures/gray.jpg")
    at = max(jpeg.find(m) for m in (b"\xff\xc0", b"\xff\xc2"))
    size = lambda h, w: jpeg[:at + 5] + struct.pack(">HH", h, w) + jpeg[at + 9:]
    seed("picture", "jpeg-60000x60000", size(60000, 60000))
    seed("picture", "jpeg-16384x4096", size(16384, 4096))
    slow = read("tests/golden/pictures/progressive.jpg")
    at = slow.find(b"\xff\xc2")
    webp = lambda kind, data: b"RIFF" + struct.pack("<I", len(data) + 12) + b"WEBP" + kind + struct.pack("<I", len(data)) + data
    seed("picture", "webp-lossless-16383x16383", webp(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(40)))
    seed("picture", "webp-lossy-16383x16383", webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(40)))
    bmp = lambda w, h, bits, between=b"", pixels=b"", packed=0: (
        b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(between)) +
        struct.pack("<IiiHHIIiiII", 40, w, h, 1, bits, packed, 0, 0, 0, 0, 0) + between + pixels)
    seed("picture", "bmp-2^31", bmp(0x7fffffff, -0x80000000, 32))
    seed("picture", "bmp-16384x4096", bmp(16384, 4096, 1, bytes(8)))
    seed("picture", "bmp-palette", bmp(5, 3, 4, bytes(range(24)), bytes(range(12))))
    seed("picture", "bmp-masks", bmp(2, -3, 32, struct.pack("<3I", 0xff, 0xff00, 0xff0000), bytes(range(24)), 3))
    seed("picture", "jpeg-progressive-16384x4096", slow[:at + 5] + struct.pack(">HH", 16384, 4096) + slow[at + 9:])


def wav(fmt, data, data_size=None, riff=None):
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data) if data_size is None else data_size) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def make_sounds():
    fmt = lambda channels=1, rate=8000, bits=16, kind=1: struct.pack(
        "<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    data = bytes(range(64))
    seed("sound", "wav", wav(fmt(), data))
    seed("sound", "wav-float-nan", wav(fmt(1, 16000, 32, 3), b"\0\0\xc0\x7f" * 8))
    seed("sound", "wav-stereo-8-bits", wav(fmt(2, 11025, 8), data))
    seed("sound", "wav-ima-adpcm", wav(struct.pack("<HHIIHHHH", 17, 1, 8000, 4055, 256, 4, 2, 505), data * 8))
    seed("sound", "wav-data-2^32", wav(fmt(), data, 0xffffffff))
    seed("sound", "wav-riff-2^32", wav(fmt(), data, riff=0xffffffff))
    seed("sound", "wav-65535-channels", wav(fmt(65535, 8000, 8), data))
    seed("sound", "wav-0-channels", wav(fmt(0), data))
    seed("sound", "wav-rate-2^32", wav(fmt(1, 0x7fffffff, 8), data))
    seed("sound", "au-length-2^32", b".snd" + struct.pack(">IIIII", 24, 0xffffffff, 3, 8000, 1) + data)
    seed("sound", "aiff", b"FORM" + struct.pack(">I", 66) + b"AIFFCOMM" + struct.pack(">IhIh", 18, 1, 10, 16) +
         b"\x40\x0b\xfa\0\0\0\0\0\0\0" + b"SSND" + struct.pack(">III", 28, 0, 0) + data[:20])
    seed("sound", "caf", b"caff\0\1\0\0desc" + struct.pack(">Qd4sIIIII", 32, 8000, b"lpcm", 0, 2, 1, 1, 16) + b"data" +
         struct.pack(">Q", 0xffffffffffffffff) + data)
    # A stream header and frames of one silent value each: 65,535 samples in a dozen bytes.
    info = struct.pack(">HH", 65535, 65535) + bytes(6) + struct.pack(">Q", 8000 << 44 | 15 << 36) + bytes(16)
    seed("sound", "flac-header", b"fLaC\x80\0\0\x22" + info)
    seed("sound", "ogg-nothing", b"OggS\0\2" + bytes(8) + b"\1\0\0\0\0\0\0\0\0\0\0\0\1\x1e\1vorbis" + bytes(23))
    flac = read("data/fsdd/7_jackson_0.flac")
    seed("sound", "flac", flac[:3000])


def make_archives():
    def tar(entries):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as file:
            for name, data, kind in entries:
                info = tarfile.TarInfo(name)
                info.type, info.size = kind, len(data)
                info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
                file.addfile(info, io.BytesIO(data))
        return out.getvalue()[:10240].rstrip(b"\0") + bytes(1024)

    plain = tar([("a/b.txt", b"hello", tarfile.REGTYPE), ("a/c", b"", tarfile.DIRTYPE), ("d", b"x" * 600, tarfile.REGTYPE)])
    pack = lambda data: gzip.compress(data, 9, mtime=0)
    seed("unpack", "packed", pack(plain))
    seed("unpack", "plain", (1, plain))
    seed("unpack", "single", (2, pack(b"hello" * 100)))
    seed("unpack", "bomb", pack(tar([("a", b"", tarfile.REGTYPE)])[:512] + bytes(3 << 19)), (2, pack(bytes(3 << 19))))
    seed("unpack", "packed-twice", pack(pack(plain)), (2, pack(pack(b"a"))))
    for name, kind in {"link": tarfile.SYMTYPE, "hard-link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}.items():
        seed("unpack", name, (1, tar([("a", b"", kind), ("a/b", b"x", tarfile.REGTYPE)])))
    for name, path in {"outside": "../a", "absolute": "/tmp/a", "deep": "a/" * 20 + "b", "long": "x" * 200, "dots": "a/.././b/..c", "escape": "\x1b[2J"}.items():
        seed("unpack", name, (1, tar([(path, b"x", tarfile.REGTYPE)])))
    sound = wav(struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16), bytes(range(64)))
    shard = lambda *files: tar([(name, data, tarfile.REGTYPE) for name, data in files])
    seed("tar", "examples", shard(("a/1.wav", sound), ("a/1.cls", b"0"), ("2.txt", b"cat"), ("2.json", b'{"speaker": "ann"}'), ("2.wav", sound)))
    seed("tar", "long", shard(("x" * 200 + "/1.wav", sound), ("x" * 200 + "/1.cls", b"0")))
    seed("tar", "escape", shard(("\x1b[2J\n.wav", sound), ("\x1b[2J\n.flac", sound), ("\x1b[2J\n.cls", b"\x1b[2J\xff")))
    seed("tar", "json", shard(("1.json", b"[" * 60000), ("1.wav", sound)))
    big = bytearray(shard(("1.wav", sound), ("1.cls", b"0")))
    big[124:136] = b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7
    big[148:156] = b"%06o\0 " % (sum(big[:148]) + 8 * 32 + sum(big[156:512]))
    seed("tar", "size-2^63", bytes(big))
    record = lambda text: b"%d %s\n" % (len(text) + 4, text)
    for name, text in {"path": b"path=a/b.wav", "size": b"size=99999999999999999999", "none": b"size=", "sparse": b"GNU.sparse.major=1"}.items():
        seed("tar", "pax-" + name, tar([("p", record(text), tarfile.XHDTYPE), ("1.wav", sound, tarfile.REGTYPE), ("1.cls", b"a", tarfile.REGTYPE)]))
    seed("tar", "pax-length-0", tar([("p", b"0 path=a\n", tarfile.XHDTYPE), ("1.wav", sound, tarfile.REGTYPE)]))
    seed("unpack", "twice", (1, tar([("a", b"x", tarfile.REGTYPE), ("a", b"y", tarfile.REGTYPE)])))
    seed("unpack", "size-2^63", (1, plain[:124] + b"\x80\0\0\0\x7f" + b"\xff" * 7 + plain[136:]))
    pax = b"30 GNU.sparse.size=9999999999\n22 size=99999999999999\n"
    seed("unpack", "pax", (1, tar([("p", pax, tarfile.XHDTYPE), ("a", b"x", tarfile.REGTYPE)])))


# --- ONNX ---------------------------------------------------------------------------------------------------------------


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def ints(name, values):
    return field(5, field(1, name) + b"".join(field(8, v) for v in values) + field(20, 7))


def node(kind, inputs, output, *attributes, domain=""):
    return field(1, b"".join(field(1, i) for i in inputs) + field(2, output) + field(4, kind) + b"".join(attributes) +
                 (field(7, domain) if domain else b""))


def constant(name, dims, data):
    return field(5, b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + field(9, data))


def value(number, name, dims, kind=1):
    shape = b"".join(field(1, field(2, "N") if d < 0 else field(1, d)) for d in dims)
    return field(number, field(1, name) + field(2, field(1, field(1, kind) + field(2, shape))))


def onnx(dims, *parts, texts=b"", opset=field(8, field(2, 17)), kind=1):
    return field(1, 8) + opset + field(7, b"".join(parts) + value(11, "x", dims, kind) + value(12, "y", ())) + texts


def branches(depth):
    """An If within an If, and so on."""
    inner = branches(depth - 1) if depth else node("Relu", ["x"], "t")
    return node("If", ["c"], "y", field(5, field(1, "then_branch") + field(6, inner) + field(20, 5)))


def make_refused_onnx():
    """Real files that are not read, each for another reason: tests/test_import.c has the words."""
    pair, relu, matmul = (-1, 2), node("Relu", ["x"], "y"), node("MatMul", ["x", "w"], "y")
    for depth in (0, 3, 40):
        seed("onnx", "if-%d" % depth, onnx(pair, branches(depth)))
    seed("onnx", "trees", onnx(pair, node("TreeEnsembleClassifier", ["x"], "y", domain="ai.onnx.ml"), opset=field(8, field(1, "ai.onnx.ml") + field(2, 3))))
    seed("onnx", "no-opset", onnx(pair, relu, opset=b""))
    seed("onnx", "opset-26", onnx(pair, relu, opset=field(8, field(2, 26))))
    seed("onnx", "quantised", onnx(pair, node("QLinearMatMul", ["x", "w"], "y")))
    seed("onnx", "functions", onnx(pair, node("Mine", ["x"], "y", domain="my"), texts=field(25, field(1, "Mine") + field(4, "a") + field(5, "b") + field(10, "my"))))
    for name, location in (("", "w.bin"), ("-above", "w/../../w.bin"), ("-absolute", "/dev/zero"), ("-folder", "."), ("-colon", "c:w.bin")):
        entry = field(13, field(1, "location") + field(2, location)) + field(13, field(1, "offset") + field(2, "0"))
        seed("onnx", "external" + name, onnx(pair, field(5, field(1, 2) + field(1, 2) + field(2, 1) + field(8, "w") + entry + field(14, 1)), matmul))
    seed("onnx", "sparse", onnx(pair, matmul, field(15, field(1, field(1, 1) + field(2, 1) + field(8, "w") + field(9, bytes(4))) + field(3, 2) + field(3, 2))))
    seed("onnx", "strings", onnx(pair, field(5, field(1, 1) + field(2, 8) + field(6, "abc") + field(8, "w")), matmul))
    seed("onnx", "half-in", onnx(pair, relu, kind=10))
    seed("onnx", "any-size", onnx((-1, -1), relu))
    seed("onnx", "no-graph", field(1, 8) + field(8, field(2, 17)))
    sequence = field(11, field(1, "x") + field(2, field(4, field(1, field(1, field(1, 1))))))
    seed("onnx", "sequence", field(1, 8) + field(8, field(2, 17)) + field(7, relu + sequence + value(12, "y", ())))
    softmax = node("Softmax", ["x"], "a", field(5, field(1, "axis") + field(3, 1) + field(20, 2)))
    seed("onnx", "softmax-of-opset-11", onnx((-1, 2, 3), softmax, node("Flatten", ["a"], "y"), opset=field(8, field(2, 11))))


def make_onnx():
    one, image = struct.pack("<f", 1), (-1, 1, 4, 4)
    seed("onnx", "classes-2^28", onnx((-1, 1 << 28), node("Relu", ["x"], "y")))
    seed("onnx", "classes-65536", onnx((-1, 65536), node("Relu", ["x"], "y")))
    seed("onnx", "input-2^63", onnx((-1, (1 << 63) - 1, 2), node("Flatten", ["x"], "y")))
    seed("onnx", "maps-of-2^28", onnx((-1, 1, 1 << 14, 1 << 14), node("GlobalAveragePool", ["x"], "a"), node("Flatten", ["a"], "y")))
    for name, pads in {"pads-of-2^20": (0, 0, 12000, 12000), "pads-2^63": (0, 0, (1 << 63) - 1, 0), "uneven": (0, 0, 1, 1)}.items():
        seed("onnx", name, onnx(image, constant("w", (1, 1, 2, 2), one * 4), node("Conv", ["x", "w"], "a", ints("pads", pads)),
                                node("GlobalAveragePool", ["a"], "b"), node("Flatten", ["b"], "y")))
    seed("onnx", "constant-2^31", onnx(image, constant("w", (1 << 31,), one), node("Add", ["x", "w"], "y")))
    seed("onnx", "constant-0", onnx(image, constant("w", (0, 1 << 28), b""), node("MatMul", ["x", "w"], "y")))
    seed("onnx", "loop", onnx((-1, 2), node("Add", ["y", "x"], "y")))
    seed("onnx", "doubling", onnx((-1, 2), *[node("Add", ["x" if k == 0 else "a%d" % k] * 2, "a%d" % (k + 1)) for k in range(200)], node("Relu", ["a200"], "y")))
    seed("onnx", "deep", field(7, b"") * 3 + b"".join(varint(7 << 3 | 2) + varint(4 * (400 - k)) for k in range(400)))
    seed("onnx", "greedy-recipe", onnx((-1, 2), node("Relu", ["x"], "y"), texts=field(14, field(1, "convo.recipe") + field(2, GREEDY["weights-of-2^40"]))))
    seed("onnx", "labels", onnx((-1, 2), node("Relu", ["x"], "y"), texts=field(14, field(1, "convo.labels") + field(2, '["a", "\\u001b[2J"]'))))


make_models()
make_checkpoints()
make_recipes()
make_arrays()
make_npz()
make_idx()
make_cifar()
make_mat()
make_lists()
make_pictures()
make_sounds()
make_archives()
make_onnx()
make_refused_onnx()
