"""Files that lie, for hostile.py: real ones, changed where it hurts. Each function hostile_FORMAT gives one, or fills a
folder with some."""
import gzip, io, json, os, random, re, struct, zipfile, zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
draw = random.Random()


def read(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read()


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))


# --- numbers, bytes, parts, tokens ----------------------------------------------------------------------------------------


def odd_number(value, bits):
    return draw.choice([0, 1, -1, value + 1, value - 1, value * 2, value // 2, 1 << bits - 1, (1 << bits) - 1, 1 << 16,
                        1 << 20, 1 << 31, draw.getrandbits(bits)]) & (1 << bits) - 1


def change_number(data, fields):
    """fields: (place, struct format) of the numbers that decide."""
    at, form = draw.choice(fields) if fields else (draw.randrange(len(data) or 1), "<I")
    size = struct.calcsize(form)
    if at + size > len(data):
        return data
    value = odd_number(struct.unpack_from(form.upper(), data, at)[0], 8 * size)
    return data[:at] + struct.pack(form.upper(), value) + data[at + size:]


ODD_FLOATS = [float("nan"), float("inf"), -float("inf"), -0.0, 1e-42, 3e38, -1.0]


def change_bytes(data):
    if not data:
        return b"\0"
    at, end = sorted((draw.randrange(len(data)), draw.randrange(len(data) + 1)))
    way = draw.randrange(6)
    if way == 0:
        return data[:at]
    if way == 1:
        return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1:]
    if way == 2:
        return data[:at] + draw.choice([bytes(8), b"\xff" * 8, data[at:end][:4096]]) + data[at:]
    if way == 3:
        return data[:at] + data[min(end, at + 64):]
    if way == 4:
        return change_float(data)
    return data + draw.choice([b"\0", bytes(64), b"more", data[:4096]])


def change_float(data):
    at = draw.randrange(len(data)) // 4 * 4 if data else 0
    return data[:at] + struct.pack("<f", draw.choice(ODD_FLOATS)) + data[at + 4:]


def change_parts(parts):
    parts, k, j = list(parts), draw.randrange(len(parts)), draw.randrange(len(parts))
    way = draw.randrange(4)
    if way == 0:
        parts.insert(k, parts[j])
    elif way == 1 and len(parts) > 1:
        del parts[k]
    elif way == 2:
        parts[k], parts[j] = parts[j], parts[k]
    else:
        parts[k] = parts[k][:draw.randrange(len(parts[k]) + 1)]
    return parts


ODD_TOKENS = ["", "-1", "0", "1", "65536", "2147483648", "99999999999999999999", "1e309", "-1e-309", "nan", ".inf", "null",
              "~", "true", "[", "]", "{", "}", "[]", "{}", ",", ":", "\"", "'", "|", "&a", "*a", "<<", "!!int", "---",
              "...", "..", "/", "%", "\\", "\\u0000", "\\ud800", "\0", "\t", "\n", "\r", "\x1b[2J", "\u202e", "\ufeff",
              "\udcff", "x" * 300, "x" * 70000, "[" * 300, "{a: " * 100, "1," * 3000]


def change_text(text):
    tokens = re.findall(r"[A-Za-z_0-9.+-]+|\s+|.", text.decode("utf-8", "surrogateescape"), re.S) or [""]
    way = draw.randrange(4)
    if way < 2:
        tokens[draw.randrange(len(tokens))] = draw.choice(ODD_TOKENS)
    elif way == 2:
        tokens.insert(draw.randrange(len(tokens)), draw.choice(ODD_TOKENS))
    else:
        tokens = change_parts(tokens)
    return "".join(tokens).encode("utf-8", "surrogateescape")


def often(change, data, most=2):
    for _ in range(draw.randint(1, most)):
        data = change(data)
    return data


# --- formats: each gives a changed file ----------------------------------------------------------------------------------


def npy(shape, data, kind="<f4"):
    head = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)).encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head) + 1) + head + b"\n" + data


X = struct.pack("<24f", *[k / 8 for k in range(24)])
Y = bytes([0, 1] * 3)
XY = {"X": npy((6, 4), X), "y": npy((6,), Y, "|u1")}


def hostile_npy(data):
    size = struct.unpack_from("<H", data, 8)[0]
    head, numbers = data[10:10 + size], data[10 + size:]
    if draw.random() < 0.6:
        head = often(change_text, head)
        return data[:8] + struct.pack("<H", len(head) & 65535) + head + numbers
    return draw.choice([lambda: often(change_bytes, data), lambda: change_number(data, [(6, "<b"), (8, "<H")])])()


def make_zip(members, packing):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name + ".npy"), data, packing)
    return out.getvalue()


def hostile_npz():
    members = list(XY.items())
    if draw.random() < 0.5:
        k = draw.randrange(2)
        members[k] = (members[k][0], hostile_npy(members[k][1]))
    data = make_zip(members, draw.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    starts = [m.start() for m in re.finditer(b"PK[\1\3\5]", data)]
    fields = [(s + k, form) for s in starts for k, form in
              [(4, "<H"), (6, "<H"), (8, "<H"), (10, "<H"), (14, "<I"), (16, "<I"), (18, "<I"), (20, "<I"), (22, "<I"),
               (24, "<I"), (26, "<H"), (28, "<H"), (30, "<H"), (42, "<I")]]
    way = draw.randrange(4)
    if way == 0:
        return data
    if way == 1:
        return b"".join(change_parts([data[a:b] for a, b in zip(starts, starts[1:] + [len(data)])]))
    return often(lambda d: change_number(d, fields), data) if way == 2 else often(change_bytes, data)


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def hostile_mat():
    def matrix(name, rows, columns, numbers, stored):
        parts = [element(6, struct.pack("<II", 6, 0)), element(5, struct.pack("<ii", rows, columns)), element(1, name),
                 element(stored, numbers)]
        if draw.random() < 0.4:
            parts = change_parts(parts)
        body = b"".join(parts)
        if draw.random() < 0.5:
            body = often(lambda d: change_number(d, [(k, "<I") for k in range(0, min(len(d), 64), 4)]), body, 2)
        return element(14, body)

    parts = [matrix(b"X", 6, 4, X, 7), matrix(b"Y", 6, 1, Y, 2)]
    if draw.random() < 0.5:
        parts = [struct.pack("<II", 15, len(z)) + z for z in (zlib.compress(p) for p in parts)]
    if draw.random() < 0.3:
        parts = change_parts(parts)
    data = b"MATLAB 5.0".ljust(124) + b"\0\1IM" + b"".join(parts)
    if draw.random() < 0.2:
        data = struct.pack("<5I", 10, 6, 4, 0, 2) + b"X\0" + X + struct.pack("<5I", 50, 6, 1, 0, 2) + b"Y\0" + Y
        return often(lambda d: change_number(d, [(k, "<I") for k in (0, 4, 8, 12, 16, 118, 122, 126, 130, 134)]), data)
    return often(change_bytes, data, 2) if draw.random() < 0.4 else data


def idx(dims, data):
    return b"\0\0\x08" + bytes([len(dims)]) + b"".join(struct.pack(">I", d) for d in dims) + data


def hostile_idx(folder):
    images, labels = idx((2, 28, 28), bytes(k % 251 for k in range(1568))), idx((2,), b"\3\7")
    pack = lambda data: gzip.compress(data, 9, mtime=0)
    files = {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels,
             "t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels}
    chosen = draw.choice(sorted(files))
    if draw.random() < 0.5:
        fields = [(2, "<b"), (3, "<b"), (4, ">I"), (8, ">I"), (12, ">I")]
        files[chosen] = often(lambda d: change_number(d, fields), files[chosen])
    if draw.random() < 0.6:
        data = pack(files.pop(chosen))
        way = draw.randrange(4)
        if way == 0:
            data = often(lambda d: change_number(d, [(2, "<b"), (3, "<b"), (len(d) - 8, "<I"), (len(d) - 4, "<I")]), data)
        elif way == 1:
            data = often(change_bytes, data)
        elif way == 2:
            data += draw.choice([data, data[:-3], bytes(100), b"\x1f\x8b", b"rest"])
        files[chosen + ".gz"] = data
    for name, data in files.items():
        write(os.path.join(folder, name), data)


def hostile_cifar(folder):
    names = "".join("n%d\n" % k for k in range(10)).encode()
    files = {"data_batch_%d.bin" % k: bytes([k]) + bytes(3072) for k in range(1, 6)}
    files.update({"test_batch.bin": b"\0" + bytes(3072), "batches.meta.txt": names})
    chosen = draw.choice(sorted(files))
    files[chosen] = often(change_text if "txt" in chosen else change_bytes, files[chosen])
    for name, data in files.items():
        write(os.path.join(folder, name), data)


def hostile_png():
    data = read("tests/golden/pictures/" + draw.choice(["rgb.png", "gray1.png", "palette8-trns.png", "rgba8.png", "gray16-interlaced.png"]))
    at, chunks = 8, []
    while at + 12 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        chunks.append((data[at + 4:at + 8], data[at + 8:at + 8 + size]))
        at += 12 + size
    if draw.random() < 0.7:
        k = draw.randrange(len(chunks))
        kind, body = chunks[k]
        if kind == b"IDAT" and draw.random() < 0.5:
            body = zlib.compress(often(change_bytes, zlib.decompress(body)))
        elif kind == b"IHDR":
            body = change_number(body, [(0, ">I"), (4, ">I")] + [(j, "<b") for j in range(8, 13)])
        else:
            body = often(change_bytes, body)
        chunks[k] = (draw.choice([kind, kind, b"tRNS", b"gAMA", b"IDAT"]), body)
    packed = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks]
    if draw.random() < 0.4:
        packed = change_parts(packed)
    data = data[:8] + b"".join(packed)
    return change_bytes(data) if draw.random() < 0.3 else data


def hostile_jpeg():
    data = read("tests/golden/pictures/" + draw.choice(["rgb.jpg", "gray.jpg", "progressive.jpg", "cmyk.jpg"]))
    marks = [m.start() for m in re.finditer(b"\xff[\xc0-\xfe]", data)]
    fields = [(m + k, ">H") for m in marks for k in (2, 5, 7)] + [(m + k, "<b") for m in marks for k in (1, 4, 9)]
    if draw.random() < 0.3:
        return b"".join(change_parts([data[a:b] for a, b in zip(marks, marks[1:] + [len(data)])]))
    return often(lambda d: change_number(d, fields), data) if draw.random() < 0.6 else often(change_bytes, data)


def wav(bits=16, channels=1, kind=1, rate=8000):
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    data = bytes(k * 7 % 256 for k in range(1600))
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


AIFF = (b"FORM" + struct.pack(">I", 4 + 26 + 16 + 800) + b"AIFFCOMM" + struct.pack(">IhIh", 18, 1, 400, 16) +
        b"\x40\x0b\xfa\0\0\0\0\0\0\0" + b"SSND" + struct.pack(">III", 808, 0, 0) + bytes(range(200)) * 4)


def hostile_sound():
    which = draw.randrange(4)
    if which == 0:
        data, head, form = read("data/fsdd/%d_theo_%d.flac" % (draw.randrange(10), draw.randrange(3))), 42, ">I"
    elif which == 1:
        data, head, form = AIFF, 62, ">I"
    else:
        data, head, form = wav(draw.choice([8, 16, 24, 32]), draw.choice([1, 2]), draw.choice([1, 3])), 48, "<I"
    fields = [(k, form) for k in range(4, head, 2)] + [(k, form.lower().replace("i", "H")) for k in range(4, head, 2)]
    return often(lambda d: change_number(d, fields), data) if draw.random() < 0.7 else often(change_bytes, data)


def safetensors(header, data):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + data


def hostile_safetensors(data):
    size = struct.unpack_from("<Q", data)[0]
    text, numbers = data[8:8 + size], data[8 + size:]
    way = draw.randrange(4)
    if way == 0:
        return change_number(data, [(0, "<Q")])
    if way == 1:
        return data[:8] + text + often(change_float, numbers)
    if way == 2:
        return often(change_bytes, data)
    return safetensors(often(change_text, text), numbers)


def parse_message(data):
    """Protobuf as a list of (field, kind, value), messages within it as lists; None: it is none."""
    at, fields = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while at < len(data) and shift < 70:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value
        raise ValueError

    try:
        while at < len(data):
            tag = varint()
            kind = tag & 7
            if kind == 0:
                value = varint()
            else:
                size = varint() if kind == 2 else {1: 8, 5: 4}[kind]
                if at + size > len(data):
                    return None
                value, at = data[at:at + size], at + size
            if not tag >> 3:
                return None
            inner = parse_message(value) if kind == 2 and len(value) > 1 else None
            fields.append([tag >> 3, kind, value if inner is None else inner])
    except (ValueError, KeyError):
        return None
    return fields


def make_message(fields):
    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    out = b""
    for number, kind, value in fields:
        value = make_message(value) if isinstance(value, list) else value
        out += varint(number << 3 | kind) + (varint(value) if kind == 0 else (varint(len(value)) if kind == 2 else b"") + value)
    return out


def change_message(fields):
    """In a message somewhere."""
    while fields:
        k = draw.randrange(len(fields))
        if isinstance(fields[k][2], list) and draw.random() < 0.8:
            fields = fields[k][2]
            continue
        way = draw.randrange(5)
        if way == 0:
            fields.insert(draw.randrange(len(fields)), [fields[k][0], fields[k][1], fields[k][2]])
        elif way == 1:
            del fields[k]
        elif way == 2:
            j = draw.randrange(len(fields))
            fields[k], fields[j] = fields[j], fields[k]
        elif way == 3:
            fields[k][0] = draw.choice([1, 2, 3, 5, 7, 8, 9, 15, 20, 25])
        elif isinstance(fields[k][2], int):
            fields[k][2] = odd_number(fields[k][2], 64)
        elif isinstance(fields[k][2], bytes):
            fields[k][2] = change_bytes(fields[k][2])
        return


def hostile_onnx():
    data = read("tests/golden/onnx/" + draw.choice(["mlp", "conv1d", "uneven", "nested"]) + "-17.onnx")
    if draw.random() < 0.15:
        return often(change_bytes, data)
    fields = parse_message(data)
    for _ in range(draw.randint(1, 3)):
        change_message(fields)
    return make_message(fields)
