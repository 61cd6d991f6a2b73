#!/usr/bin/env python3
"""Golden values for tests/test_audio.c, by an implementation that shares nothing with convo's.

mfcc follows python_speech_features 0.6 step by step, logmel follows torch.stft with the filters of torchaudio (htk) or librosa
(slaney); torch.stft itself is the second judge of every spectrogram and scipy makes the cosine transform.
Recordings are decoded by libsndfile and checked against the MD5 sum that their FLAC header holds.

    python3 tests/golden/audio.py [FSDD FOLDER]      needs numpy, scipy, torch, libsndfile

writes audio.json (the cases: kind, file, rate, options, shape) and audio.npy (their values, one after the other).
"""
import ctypes, decimal, hashlib, json, os, sys
import numpy as np, scipy.fftpack, torch

HERE = os.path.dirname(os.path.abspath(__file__))
FSDD = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../data/fsdd")


# --- recordings -------------------------------------------------------------------------------------------------------

class Info(ctypes.Structure):
    _fields_ = [("frames", ctypes.c_int64)] + [(n, ctypes.c_int) for n in "rate channels format sections seekable".split()]


def recording(name):
    """16-bit samples of a mono FLAC file."""
    path = os.path.join(FSDD, name)
    lib = ctypes.CDLL("libsndfile.so.1")
    lib.sf_open.restype = ctypes.c_void_p
    info = Info()
    stream = ctypes.c_void_p(lib.sf_open(path.encode(), 0x10, ctypes.byref(info)))
    assert stream and info.channels == 1, path
    x = np.zeros(info.frames, np.int16)
    lib.sf_readf_short.restype = ctypes.c_int64
    got = lib.sf_readf_short(stream, x.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(info.frames))
    lib.sf_close(stream)
    assert got == info.frames, path
    head = open(path, "rb").read(42)
    assert head[26:42] == hashlib.md5(x.astype("<i2").tobytes()).digest(), path
    return x


def fit(x, n):
    return np.concatenate((x[:n], np.zeros(max(0, n - len(x)), x.dtype)))


# --- python_speech_features 0.6 ---------------------------------------------------------------------------------------

def half_up(x):
    return int(decimal.Decimal(x).quantize(decimal.Decimal("1"), rounding=decimal.ROUND_HALF_UP))


def psf_filters(count, nfft, rate, low, high):
    mel = np.linspace(2595 * np.log10(1 + low / 700.0), 2595 * np.log10(1 + high / 700.0), count + 2)
    edge = np.floor((nfft + 1) * (700 * (10 ** (mel / 2595.0) - 1)) / rate)
    bank = np.zeros((count, nfft // 2 + 1))
    for j in range(count):
        for i in range(int(edge[j]), int(edge[j + 1])):
            bank[j, i] = (i - edge[j]) / (edge[j + 1] - edge[j])
        for i in range(int(edge[j + 1]), int(edge[j + 2])):
            bank[j, i] = (edge[j + 2] - i) / (edge[j + 2] - edge[j + 1])
    return bank


def mfcc(x, rate, samples, window_ms=25, hop_ms=10, fft=0, filters=26, low=0, high=0, cepstra=13, preemphasis=0.97,
         lifter=22, log_energy=True):
    x = fit(x, samples)
    x = np.append(x[0], x[1:] - preemphasis * x[:-1])
    window, hop = half_up(window_ms / 1000 * rate), half_up(hop_ms / 1000 * rate)
    nfft = fft or 1
    while not fft and nfft < window_ms / 1000 * rate:
        nfft *= 2
    count = 1 if len(x) <= window else 1 + int(np.ceil((len(x) - window) / hop))
    x = np.append(x, np.zeros((count - 1) * hop + window - len(x)))
    frames = np.array([x[t * hop:t * hop + window] for t in range(count)])
    power = np.abs(np.fft.rfft(frames, nfft)) ** 2 / nfft
    eps = np.finfo(float).eps
    energy = power.sum(1)
    energy = np.where(energy == 0, eps, energy)
    mel = power @ psf_filters(filters, nfft, rate, low, high or rate / 2).T
    c = scipy.fftpack.dct(np.log(np.where(mel == 0, eps, mel)), type=2, axis=1, norm="ortho")[:, :cepstra]
    if lifter:
        c = c * (1 + lifter / 2.0 * np.sin(np.pi * np.arange(cepstra) / lifter))
    if log_energy:
        c[:, 0] = np.log(energy)
    return c.T


# --- torch.stft and the filters of torchaudio and librosa -------------------------------------------------------------

def htk_filters(count, nfft, rate, low, high):
    """torchaudio.functional.melscale_fbanks(norm=None, mel_scale="htk")"""
    mel = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), count + 2)
    hz = 700 * (10 ** (mel / 2595) - 1)
    slope = hz[None, :] - np.linspace(0, rate / 2, nfft // 2 + 1)[:, None]
    down, up = -slope[:, :-2] / np.diff(hz)[:-1], slope[:, 2:] / np.diff(hz)[1:]
    return np.maximum(0, np.minimum(down, up)).T


def slaney_filters(count, nfft, rate, low, high):
    """librosa.filters.mel(htk=False, norm="slaney")"""
    step = np.log(6.4) / 27
    to_mel = lambda f: f * 3 / 200 if f < 1000 else 15 + np.log(f / 1000) / step
    mel = np.linspace(to_mel(low), to_mel(high), count + 2)
    hz = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15)))
    ramps = np.subtract.outer(hz, np.arange(nfft // 2 + 1) * rate / nfft)
    bank = np.array([np.maximum(0, np.minimum(-ramps[j] / (hz[j + 1] - hz[j]), ramps[j + 2] / (hz[j + 2] - hz[j + 1])))
                     for j in range(count)])
    return bank * (2 / (hz[2:] - hz[:-2]))[:, None]


def spectrogram(x, nfft, window, hop, center, pad):
    """|X|, [frames, bins]"""
    n = len(window)
    half = nfft // 2 if center else 0
    padded = np.pad(x, half, mode="reflect" if pad == "reflect" else "constant") if half else x
    whole = np.zeros(nfft)
    left = (nfft - n) // 2 if center else 0
    whole[left:left + n] = window
    if not center:  # frames begin where their window begins, whatever the length of the transform
        padded = np.append(padded, np.zeros(nfft - n))
    count = 1 + (len(padded) - nfft if center else len(x) - n) // hop
    ours = np.abs([np.fft.rfft(padded[t * hop:t * hop + nfft] * whole) for t in range(count)])
    theirs = torch.stft(torch.tensor(padded if not center else x), nfft, hop, nfft if not center else n,
                        torch.tensor(whole if not center else window), center=center,
                        pad_mode="reflect" if pad == "reflect" else "constant", return_complex=True).abs().numpy().T
    assert theirs.shape == ours.shape and np.abs(theirs - ours).max() < 1e-12 * np.abs(ours).max(), "torch.stft disagrees"
    return ours


def logmel(x, rate, samples, window_ms=25, hop_ms=10, fft=0, filters=40, low=0, high=0, window="hann", center=True,
           pad="reflect", mel="htk", power=2, floor=1e-10, log="natural", range=0, layout="image"):
    x = fit(x / 32768, samples)
    n, hop = half_up(window_ms / 1000 * rate), half_up(hop_ms / 1000 * rate)
    nfft = fft or 1 << (n - 1).bit_length()
    shape = {"hann": torch.hann_window, "hamming": torch.hamming_window, "rectangular": lambda n, dtype: torch.ones(n, dtype=dtype)}
    s = spectrogram(x, nfft, shape[window](n, dtype=torch.float64).numpy(), hop, center, pad) ** power
    bank = (htk_filters if mel == "htk" else slaney_filters)(filters, nfft, rate, low, high or rate / 2)
    s = np.maximum(s @ bank.T, floor)
    s = np.log(s) if log == "natural" else 20 / power * np.log10(s)
    if range:
        s = np.maximum(s - s.max(), -range)
    return s[None] if layout == "image" else s.T


def waveform(x, rate, samples, scale="clip"):
    x = fit(x, samples).astype(float)
    if scale == "unit":
        x /= 32768
    if scale == "clip":
        x = (x - x.mean()) / x.std()
    return x[None]


# --- cases ------------------------------------------------------------------------------------------------------------

TEN = ["0_george_7", "1_jackson_12", "2_lucas_0", "3_nicolas_33", "4_theo_21", "5_yweweler_49", "6_george_3", "7_jackson_40",
       "8_lucas_18", "9_theo_16"]
LONG, SHORT = "2_lucas_0", "5_yweweler_49"

cases = [("mfcc", name, 8000, dict(samples=6000)) for name in TEN]
cases += [("mfcc", LONG, rate, options) for rate, options in [
    (8000, dict(samples=150)),
    (8000, dict(samples=200)),
    (8000, dict(samples=201)),
    (8000, dict(samples=1000, log_energy=False)),
    (8000, dict(samples=1000, lifter=0)),
    (8000, dict(samples=1000, preemphasis=0)),
    (8000, dict(samples=1000, filters=20, cepstra=20, lifter=10)),
    (8000, dict(samples=1000, fft=1024, low=300, high=3400)),
    (8000, dict(samples=1000, window_ms=10, hop_ms=20)),
    (8000, dict(samples=1000, filters=60)),   # some filters cover no bin
    (11020, dict(samples=1000)),              # window of 275.5 samples
    (16000, dict(samples=4000)),
]]
cases += [("logmel", LONG, 16000, dict(samples=16000))]
cases += [("logmel", LONG, 8000, dict(samples=2000, filters=24, **options)) for options in [
    dict(window="hamming"),
    dict(window="rectangular"),
    dict(center=False),
    dict(center=False, fft=512),
    dict(pad="zero"),
    dict(mel="slaney"),
    dict(mel="slaney", low=1100, high=3900, fft=1024),
    dict(low=60, high=3500, fft=512),
    dict(fft=200),  # torchaudio's default: the window's length
    dict(fft=401, mel="slaney"),  # a prime number
    dict(center=False, fft=250, mel="slaney"),
    dict(power=1),
    dict(power=1, log="db"),
    dict(log="db"),
    dict(power=0.5),
    dict(floor=0.001),
    dict(log="db", range=60),
    dict(range=3.5, layout="channels"),
    dict(layout="channels"),
    dict(window_ms=24.875, hop_ms=7.5, layout="channels"),  # 199 samples, not in the middle
]]
cases += [("waveform", name, 8000, dict(samples=1000, scale=scale)) for name in (LONG, SHORT) for scale in ("none", "unit", "clip")]
cases += [("waveform", SHORT, 8000, dict(samples=4000))]

values, listed = [], []
for kind, name, rate, options in cases:
    y = globals()[kind](recording(name + ".flac"), rate, **options)
    assert np.isfinite(y).all()
    listed.append(dict(kind=kind, file=name + ".flac", rate=rate, options={k: json.dumps(v).strip('"') for k, v in options.items()},
                       shape=list(y.shape)))
    values.append(y.astype("<f4").ravel())
np.save(os.path.join(HERE, "audio.npy"), np.concatenate(values))
with open(os.path.join(HERE, "audio.json"), "w") as f:
    f.write('{"made_with": %s,\n "cases": [\n  ' % json.dumps("numpy %s, scipy %s, torch %s" % (np.__version__, scipy.__version__, torch.__version__)))
    f.write(",\n  ".join(json.dumps(c) for c in listed) + "\n]}\n")
print(len(cases), "cases,", sum(map(len, values)), "values")
