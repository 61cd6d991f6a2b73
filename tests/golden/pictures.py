#!/usr/bin/env python3
"""Makes tests/golden/pictures: every sort of PNG, JPEG, WebP and BMP, and in NAME.npy the RGB that Pillow reads in it.

turned-*: with EXIF's orientation applied. damaged-*, limit-*: what is refused. Needs numpy, Pillow and torch:
python3 tests/golden/pictures.py
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

folder = Path(__file__).parent / "pictures"
folder.mkdir(exist_ok=True)
random = np.random.default_rng(0)
height, width = 9, 13


def keep(name, data, expected=None):
    """Writes a file, and what Pillow has for it unless that is said."""
    (folder / name).write_bytes(data)
    if expected is None:
        picture = Image.open(folder / name)
        expected = np.asarray((ImageOps.exif_transpose(picture) if name.startswith("turned") else picture).convert("RGB"))
    np.save(folder / (name + ".npy"), expected)


# --- PNG ------------------------------------------------------------------------------------------------------------
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
ADAM7 = (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows(values, depth):
    """Unfiltered rows. values: [height, width, channels]"""
    if not values.size:
        return b""
    flat = values.reshape(len(values), -1)
    bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.reshape(len(values), -1).astype("u1"), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def png(kind, depth, values, interlaced=False, extra=b"", end=chunk(b"IEND")):
    size = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    parts = [values[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [values]
    data = zlib.compress(b"".join(rows(part, depth) for part in parts))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + extra + chunk(b"IDAT", data) + end


def some(kind, depth, most=None):
    return random.integers(0, most or 1 << depth, (height, width, CHANNELS[kind]))


def palette(count):
    return chunk(b"PLTE", random.integers(0, 256, 3 * count, dtype="u1").tobytes())


rgb = some(RGB, 8)
color = Image.fromarray(rgb.astype("u1"))
keep("rgb.png", png(RGB, 8, rgb))
for depth in (1, 2, 4, 8):
    keep(f"gray{depth}.png", png(GRAY, depth, some(GRAY, depth)))
    keep(f"gray{depth}-interlaced.png", png(GRAY, depth, some(GRAY, depth), True))
    keep(f"gray{depth}-trns.png", png(GRAY, depth, some(GRAY, depth), extra=chunk(b"tRNS", b"\0\1")))
    count = min(1 << depth, 200)
    clear = chunk(b"tRNS", random.integers(0, 256, count, dtype="u1").tobytes())
    keep(f"palette{depth}.png", png(PALETTE, depth, some(PALETTE, depth, count), extra=palette(count)))
    keep(f"palette{depth}-interlaced.png", png(PALETTE, depth, some(PALETTE, depth, count), True, palette(count)))
    keep(f"palette{depth}-trns.png", png(PALETTE, depth, some(PALETTE, depth, count), extra=palette(count) + clear))
for name, kind in (("rgb", RGB), ("rgba", RGBA), ("la", GRAY_ALPHA)):
    for depth in (8, 16):
        keep(f"{name}{depth}.png", png(kind, depth, some(kind, depth)))
        keep(f"{name}{depth}-interlaced.png", png(kind, depth, some(kind, depth), True))
keep("rgb8-trns.png", png(RGB, 8, rgb, extra=chunk(b"tRNS", struct.pack(">HHH", *rgb[0, 0]))))
# Pillow's convert("RGB") makes all from 256 on white; here, the upper 8 bits count as in every other 16-bit picture.
for name, interlaced in (("gray16", False), ("gray16-interlaced", True)):
    wide = some(GRAY, 16)
    keep(f"{name}.png", png(GRAY, 16, wide, interlaced), np.repeat(wide >> 8, 3, -1).astype("u1"))
# gAMA of 1.0, and cHRM of other primaries
keep("gamma.png", png(RGB, 8, rgb, extra=chunk(b"gAMA", struct.pack(">I", 100000)) +
                      chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 73470, 26530, 11500, 82600, 15700, 1800))))
keep("gamma16.png", png(RGBA, 16, some(RGBA, 16), extra=chunk(b"gAMA", struct.pack(">I", 100000))))

whole = png(RGB, 8, rgb)
(folder / "damaged-no-end.png").write_bytes(png(RGB, 8, rgb, end=b""))
(folder / "damaged-cut.png").write_bytes(whole[:-60])
for name, place in (("header", 16 + 13), ("pixels", len(whole) - 13), ("end", len(whole) - 1)):
    (folder / f"damaged-crc-{name}.png").write_bytes(
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
stored = zlib.compress(rows(rgb, 8))
head = whole[:8 + 25]
for name, data in (("sum", stored[:-1] + bytes([stored[-1] ^ 1])), ("rows", zlib.compress(rows(rgb[:-1], 8)))):
    (folder / f"damaged-{name}.png").write_bytes(head + chunk(b"IDAT", data) + chunk(b"IEND"))
(folder / "damaged-text.png").write_bytes(head + chunk(b"tEXt", b"a\0b")[:-1] + b"?" + whole[8 + 25:])
(folder / "damaged-palette.png").write_bytes(png(PALETTE, 4, np.full((height, width, 1), 5), extra=palette(5)))
keep("more-behind.png", head + chunk(b"IDAT", stored + b"more") + chunk(b"IEND") + b"and more")

# --- JPEG -----------------------------------------------------------------------------------------------------------
smooth = np.stack([np.add.outer(np.arange(height) * a, np.arange(width) * b) for a, b in ((9, 11), (20, 5), (3, 16))], -1)
gentle = Image.fromarray(smooth.astype("u1"))


def jpeg(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "jpeg", quality=95, **options)
    return stream.getvalue()


keep("rgb.jpg", jpeg(gentle, subsampling=0))
keep("half.jpg", jpeg(gentle, subsampling=2))
keep("gray.jpg", jpeg(gentle.convert("L")))
keep("progressive.jpg", jpeg(gentle, subsampling=0, progressive=True))
# Adobe's marker: 12 bytes, of which the last says 0: CMYK, 2: YCCK.
inks = jpeg(Image.merge("CMYK", [*gentle.split(), gentle.split()[0].rotate(180)]))
adobe = inks.index(b"Adobe")
keep("cmyk.jpg", inks)
keep("cmyk-progressive.jpg", jpeg(Image.open(folder / "cmyk.jpg"), progressive=True))
keep("ycck.jpg", inks[:adobe + 11] + b"\2" + inks[adobe + 12:])
keep("cmyk-unmarked.jpg", inks[:adobe - 4] + inks[adobe + 12:])


def passes(count):
    """A progressive picture of one gray: a pass for the means, then one for each wave and, again and again, its next bit."""
    segment = lambda mark, data: b"\xff" + bytes([mark]) + struct.pack(">H", len(data) + 2) + data
    scan = lambda wave, bits: segment(0xda, bytes([1, 1, 0, wave, wave, bits])) + b"\x0f"  # 4 blocks, each a bit: nothing
    table = lambda kind: segment(0xc4, bytes([kind, 1] + [0] * 15 + [0]))
    waves = [(wave, 0x0d if bit == 13 else (bit + 1) << 4 | bit) for bit in range(13, -1, -1) for wave in range(1, 64)]
    return (b"\xff\xd8" + segment(0xdb, bytes([0] + [1] * 64)) +
            segment(0xc2, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)) + table(0) + table(0x10) +
            scan(0, 0) + b"".join(scan(*wave) for wave in waves[:count - 1]) + b"\xff\xd9")


keep("passes.jpg", passes(100))
(folder / "limit-passes.jpg").write_bytes(passes(101))
flat = jpeg(gentle, subsampling=0)
(folder / "damaged-cut.jpg").write_bytes(flat[:-30])
(folder / "damaged-no-end.jpg").write_bytes(flat[:-2])

# --- EXIF -----------------------------------------------------------------------------------------------------------
for orientation in range(1, 9):
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\1" + struct.pack(">HHIHHI", 0x112, 3, 1, orientation, 0, 0)
    keep(f"turned-{orientation}.png", png(RGB, 8, rgb, extra=chunk(b"eXIf", exif[6:])))
exif = Image.Exif()
exif[0x112] = 6
keep("turned.jpg", jpeg(gentle, exif=exif.tobytes()))
keep("turned-big.jpg", jpeg(gentle.convert("L"), exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\0\1" +
                            struct.pack(">HHIHHI", 0x112, 3, 1, 8, 0, 0)))

# --- WebP -----------------------------------------------------------------------------------------------------------
def webp(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "webp", **options)
    return stream.getvalue()


def shortened(whole):
    """A chunk of pixels that lacks 20 bytes, with sizes that agree."""
    size = struct.unpack("<I", whole[16:20])[0] - 20
    return b"RIFF" + struct.pack("<I", size + 12) + whole[8:16] + struct.pack("<I", size) + whole[20:20 + size]


clear = Image.merge("RGBA", [*color.split(), gentle.split()[0]])
keep("lossless.webp", webp(color, lossless=True))
keep("lossless-alpha.webp", webp(clear, lossless=True, exact=True))
keep("lossy.webp", webp(gentle, quality=90))
keep("lossy-alpha.webp", webp(Image.merge("RGBA", [*gentle.split(), gentle.split()[1]]), quality=90))
keep("flat.webp", webp(Image.new("RGB", (width, height), (1, 200, 3)), lossless=True))
keep("turned.webp", webp(color, lossless=True, exif=exif.tobytes()[6:]))
keep("turned-marked.webp", webp(color, lossless=True, exif=exif.tobytes()))
(folder / "unsupported-animation.webp").write_bytes(webp(color, save_all=True, append_images=[gentle], lossless=True))
for name in ("lossless", "lossy"):
    whole = (folder / f"{name}.webp").read_bytes()
    (folder / f"damaged-cut-{name}.webp").write_bytes(whole[:-20])
    (folder / f"damaged-short-{name}.webp").write_bytes(shortened(whole))

# --- BMP ------------------------------------------------------------------------------------------------------------
def bmp(values, bits, palette=b"", header=40, masks=b"", packed=0, downwards=False, gap=b""):
    """values: [height, width, bytes of a pixel], or [height, width] numbers in the palette"""
    flat = values.reshape(height, -1)
    if bits < 8:
        flat = np.packbits(((flat[..., None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(height, -1).astype("u1"), axis=1)
    lines = [line.astype("u1").tobytes() for line in (flat if downwards else flat[::-1])]
    data = b"".join(line + bytes(-len(line) % 4) for line in lines)
    if header == 12:
        about = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        rows = -height if downwards else height
        about = struct.pack("<IiiHHIIiiII", header, width, rows, 1, bits, packed, len(data), 2835, 2835, len(palette) // 4, 0)
        about += masks.ljust(header - 40, b"\0") if header > 40 else masks
    start = 14 + len(about) + len(palette) + len(gap)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + about + palette + gap + data


def number(most):
    return random.integers(0, most, (height, width))


def colours(count, apart):
    return random.integers(0, 256, (count, apart), dtype="u1").tobytes()


def masks(*order):
    return b"".join(struct.pack("<I", 0xff << 8 * k) for k in order)


keep("rgb.bmp", bmp(rgb, 24))
keep("downwards.bmp", bmp(rgb, 24, downwards=True))
keep("old.bmp", bmp(rgb, 24, header=12))
keep("gap.bmp", bmp(rgb, 24, gap=bytes(10)) + b"and more")
keep("plain32.bmp", bmp(some(RGBA, 8), 32))
keep("masks.bmp", bmp(some(RGBA, 8), 32, masks=masks(2, 1, 0), packed=3))
keep("masks-opacity.bmp", bmp(some(RGBA, 8), 32, header=124, masks=masks(0, 1, 2, 3), packed=3))
for bits in (1, 4, 8):
    keep(f"palette{bits}.bmp", bmp(number(1 << bits), bits, colours(1 << bits, 4)))
keep("palette-short.bmp", bmp(number(5), 8, colours(5, 4)))
keep("palette-old.bmp", bmp(number(16), 4, colours(16, 3), header=12))
for kind in ("L", "1"):
    stream = io.BytesIO()
    color.convert(kind).save(stream, "bmp")
    keep(f"pillow-{kind}.bmp", stream.getvalue())
whole = bmp(rgb, 24)
(folder / "damaged-cut.bmp").write_bytes(whole[:-1])
(folder / "damaged-palette.bmp").write_bytes(bmp(np.full((height, width), 5), 8, colours(5, 4)))
(folder / "damaged-no-palette.bmp").write_bytes(bmp(number(2), 8))
(folder / "damaged-header.bmp").write_bytes(whole[:14] + struct.pack("<I", 39) + whole[18:])
(folder / "unsupported-16-bits.bmp").write_bytes(bmp(np.zeros((height, width, 2), "u1"), 16))
(folder / "unsupported-packed.bmp").write_bytes(bmp(number(2), 8, colours(2, 4), packed=1))
(folder / "unsupported-masks.bmp").write_bytes(bmp(some(RGBA, 8), 32, masks=struct.pack("<III", 0x3ff, 0xffc00, 0x3ff00000), packed=3))

# --- values ---------------------------------------------------------------------------------------------------------
np.save(folder / "rgb-luma.npy", np.asarray(color.convert("L"))[None].astype("f4") / np.float32(255))
values = torch.from_numpy(rgb.astype("f4") / np.float32(255)).permute(2, 0, 1)[None]
for size in ((5, 7), (20, 17), (4, 30)):
    resized = torch.nn.functional.interpolate(values.double(), size, mode="bilinear", antialias=True)[0]
    np.save(folder / f"rgb-{size[0]}x{size[1]}.npy", resized.float().numpy())
