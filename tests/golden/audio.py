#!/usr/bin/env python3
"""Golden values for tests/test_audio.c, by an implementation that shares nothing with convo's.

mfcc follows python_speech_features 0.6 step by step, logmel and mfcc_torch follow torch.stft with the filters of torchaudio
(htk) or librosa (slaney), fbank follows Kaldi, pcen follows librosa. torch.stft is the second judge of every spectrogram,
torchaudio of mfcc_torch, fbank and deltas; scipy makes the cosine transform and the smoothing of pcen.
Values of programs in C and C++ are in peers.npy, by peers.py.

    python3 tests/golden/audio.py      needs numpy, scipy, torch, torchaudio, libsndfile

writes audio.json (the cases: kind, file, rate, options, shape) and audio.npy (their values, one after the other).
"""
import decimal, json, os, sys
import numpy as np, scipy.fftpack, scipy.signal, torch, torchaudio

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from recordings import recording, fit


# --- rows of frames: what all kinds share ---------------------------------------------------------------------------------

def deltas_of(rows, reach):
    """torchaudio.functional.compute_deltas(win_length=2 reach + 1), which is the second judge"""
    padded = np.pad(rows, ((reach, reach), (0, 0)), mode="edge")
    count, norm = len(rows), 2 * sum(n * n for n in range(1, reach + 1))
    ours = sum(n * (padded[reach + n:reach + n + count] - padded[reach - n:reach - n + count])
               for n in range(1, reach + 1)) / norm
    theirs = torchaudio.functional.compute_deltas(torch.tensor(rows.T[None].copy()), 2 * reach + 1)[0].numpy().T
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(ours).max(), "compute_deltas disagrees"
    return ours


def finish(rows, layout, deltas=0, delta_reach=2, scale="none"):
    if scale == "clip":
        rows = (rows - rows.mean()) / rows.std()
    if scale in ("cmn", "cmvn"):
        rows = rows - rows.mean(0)
    if scale == "cmvn":
        rows = rows / rows.std(0)
    maps = [rows]
    for _ in range(deltas):
        maps.append(deltas_of(maps[-1], delta_reach))
    return np.stack(maps) if layout == "image" else np.concatenate(maps, 1).T


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
         lifter=22, log_energy=True, layout="channels", **rows):
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
    return finish(c, layout, **rows)


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


def spectrogram(x, nfft, window, hop, center, pad, align="window"):
    """|X|, [frames, bins]"""
    n = len(window)
    if not center and align == "transform":  # as torch.stft has it
        theirs = torch.stft(torch.tensor(x), nfft, hop, n, torch.tensor(window), center=False, return_complex=True)
        return theirs.abs().numpy().T
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
           pad="reflect", mel="htk", power=2, floor=1e-10, log="natural", range=0, relative=True, offset=0, align="window",
           layout="image", **rows):
    s = melspec(x, rate, samples, window_ms, hop_ms, fft, filters, low, high, window, center, pad, mel, power, align)
    return finish(logarithm(s, power, floor, log, range, relative, offset), layout, **rows)


def logarithm(s, power, floor, log, range, relative, offset):
    s = np.maximum(s + offset, floor)
    s = np.log(s) if log == "natural" else np.log10(s) * (20 / power if log == "db" else 1)
    if range:
        s = np.maximum(s, s.max() - range) - (s.max() if relative else 0)
    return s


def melspec(x, rate, samples, window_ms, hop_ms, fft, filters, low, high, window, center, pad, mel, power, align):
    x = fit(x / 32768, samples)
    n, hop = half_up(window_ms / 1000 * rate), half_up(hop_ms / 1000 * rate)
    nfft = fft or 1 << (n - 1).bit_length()
    shape = {"hann": torch.hann_window, "hamming": torch.hamming_window, "rectangular": lambda n, dtype: torch.ones(n, dtype=dtype)}
    s = spectrogram(x, nfft, shape[window](n, dtype=torch.float64).numpy(), hop, center, pad, align) ** power
    return s @ (htk_filters if mel == "htk" else slaney_filters)(filters, nfft, rate, low, high or rate / 2).T


def mfcc_torch(x, rate, samples, cepstra=13, lifter=0, window_ms=25, hop_ms=10, fft=0, filters=40, low=0, high=0, window="hann",
               center=True, pad="reflect", mel="htk", power=2, floor=1e-10, log="db", range=80, relative=False, offset=0,
               align="window", layout="channels", **rows):
    s = melspec(x, rate, samples, window_ms, hop_ms, fft, filters, low, high, window, center, pad, mel, power, align)
    c = scipy.fftpack.dct(logarithm(s, power, floor, log, range, relative, offset), type=2, axis=1, norm="ortho")[:, :cepstra]
    if (mel, power, log, range, relative, offset, center, window, lifter) == ("htk", 2, "db", 80, False, 0, True, "hann", 0):
        n, hop = half_up(window_ms / 1000 * rate), half_up(hop_ms / 1000 * rate)
        theirs = torchaudio.transforms.MFCC(rate, cepstra, melkwargs=dict(
            n_fft=fft or 1 << (n - 1).bit_length(), win_length=n, hop_length=hop, n_mels=filters, f_min=low, f_max=high or None,
            pad_mode="reflect" if pad == "reflect" else "constant")).double()(torch.tensor(fit(x / 32768, samples)))
        assert np.abs(theirs.numpy().T - c).max() < 1e-4 * np.abs(c).max(), "torchaudio.transforms.MFCC disagrees"
    if lifter:
        c = c * (1 + lifter / 2 * np.sin(np.pi * np.arange(1, cepstra + 1) / lifter))
    return finish(c, layout, **rows)


# --- librosa.pcen -----------------------------------------------------------------------------------------------------

def pcen(x, rate, samples, gain=0.98, bias=2, root=0.5, time_constant=0.4, eps=1e-6, full_scale=2 ** 31, start="first",
         window_ms=25, hop_ms=10, fft=0, filters=40, low=0, high=0, window="hann", center=True, pad="reflect", mel="htk", power=2,
         align="window", layout="image", **rows):
    s = melspec(x, rate, samples, window_ms, hop_ms, fft, filters, low, high, window, center, pad, mel, power, align)
    s = s * full_scale ** power
    frames = time_constant * rate / half_up(hop_ms / 1000 * rate)
    b = (np.sqrt(1 + 4 * frames ** 2) - 1) / (2 * frames ** 2)
    state = scipy.signal.lfilter_zi([b], [1, b - 1]) * (s[:1] if start == "first" else np.ones_like(s[:1]))
    m, _ = scipy.signal.lfilter([b], [1, b - 1], s, axis=0, zi=state)
    return finish((s / (eps + m) ** gain + bias) ** root - bias ** root, layout, **rows)


# --- Kaldi's compute-fbank-feats --------------------------------------------------------------------------------------

def kaldi_filters(count, nfft, rate, low, high):
    mel = lambda f: 1127 * np.log(1 + f / 700)
    edge = np.linspace(mel(low), mel(high), count + 2)
    at = mel(np.arange(nfft // 2) * rate / nfft)
    bank = np.array([np.maximum(0, np.minimum((at - edge[j]) / (edge[j + 1] - edge[j]), (edge[j + 2] - at) / (edge[j + 2] - edge[j + 1])))
                     for j in range(count)])
    return np.pad(bank, ((0, 0), (0, 1 + nfft // 2 - bank.shape[1])))


def fbank(x, rate, samples, window_ms=25, hop_ms=10, fft=0, filters=23, low=20, high=0, window="povey", snip_edges=True,
          remove_dc=True, preemphasis=0.97, energy=False, full_scale=32768, layout="image", **rows):
    x = fit(x / 32768 * full_scale, samples)
    n, hop = int(np.float32(rate) * np.float32(0.001) * np.float32(window_ms)), int(np.float32(rate) * np.float32(0.001) * np.float32(hop_ms))
    nfft = fft or 1 << (n - 1).bit_length()
    if snip_edges:
        frames = np.array([x[t * hop:t * hop + n] for t in range(1 + (len(x) - n) // hop)])
    else:
        mirrored = np.concatenate((x[::-1], x, x[::-1]))
        first = len(x) + hop // 2 - n // 2
        frames = np.array([mirrored[first + t * hop:first + t * hop + n] for t in range((len(x) + hop // 2) // hop)])
    if remove_dc:
        frames = frames - frames.mean(1, keepdims=True)
    total = np.log(np.maximum((frames ** 2).sum(1, keepdims=True), np.finfo(np.float32).eps))
    frames = frames - preemphasis * np.concatenate((frames[:, :1], frames[:, :-1]), 1)
    turn = 2 * np.pi * np.arange(n) / (n - 1)
    shape = {"povey": (0.5 - 0.5 * np.cos(turn)) ** 0.85, "hanning": 0.5 - 0.5 * np.cos(turn), "hamming": 0.54 - 0.46 * np.cos(turn),
             "blackman": 0.42 - 0.5 * np.cos(turn) + 0.08 * np.cos(2 * turn), "rectangular": np.ones(n)}[window]
    power = np.abs(np.fft.rfft(frames * shape, nfft)) ** 2
    y = np.log(np.maximum(power @ kaldi_filters(filters, nfft, rate, low, high or rate / 2).T, np.finfo(np.float32).eps))
    if energy:
        y = np.concatenate((total, y), 1)
    if not fft or fft == n:
        theirs = torchaudio.compliance.kaldi.fbank(
            torch.tensor(x)[None], dither=0, energy_floor=0, frame_length=window_ms, frame_shift=hop_ms, high_freq=high, low_freq=low,
            num_mel_bins=filters, preemphasis_coefficient=preemphasis, remove_dc_offset=remove_dc, round_to_power_of_two=not fft,
            sample_frequency=rate, snip_edges=snip_edges, use_energy=energy, window_type=window).numpy()
        assert theirs.shape == y.shape and np.abs(theirs - y).max() < 1e-3, "torchaudio.compliance.kaldi disagrees"
    return finish(y, layout, **rows)


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
cases += [("logmel", LONG, 8000, dict(samples=2000, filters=24, **options)) for options in [
    dict(center=False, align="transform", fft=256),
    dict(center=False, align="transform", fft=320, window_ms=20),
    dict(log="log10"),
    dict(offset=1e-6),
    dict(offset=0.001, log="log10", range=2),
    dict(log="db", range=40, relative=False),
    dict(deltas=1),
    dict(deltas=2, delta_reach=4, layout="channels"),
    dict(scale="clip"),
    dict(scale="cmn", layout="channels"),
    dict(scale="cmvn", deltas=2),
]]
cases += [("mfcc", LONG, 8000, dict(samples=1000, **options)) for options in [
    dict(layout="image"),
    dict(deltas=2),
    dict(scale="cmvn", deltas=1, delta_reach=1, layout="image"),
]]
cases += [("mfcc_torch", LONG, 8000, dict(samples=2000, **options)) for options in [
    dict(),
    dict(fft=400, filters=64, cepstra=40, window_ms=25, hop_ms=12.5),
    dict(pad="zero", power=1, low=50, high=3600, cepstra=20),
    dict(log="natural", offset=1e-6, range=0),  # torchaudio's log_mels
    dict(mel="slaney", pad="zero", window_ms=64, hop_ms=16, filters=60, cepstra=20),  # librosa's
    dict(mel="slaney", pad="zero", lifter=22, relative=True, range=30),
    dict(deltas=2, scale="cmn"),
]]
cases += [("mfcc_torch", SHORT, 16000, dict(samples=8000, fft=400, hop_ms=12.5, filters=80, cepstra=40))]
cases += [("pcen", LONG, 8000, dict(samples=2000, filters=24, **options)) for options in [
    dict(),
    dict(start="one", full_scale=32768, mel="slaney", pad="zero"),
    dict(gain=0.5, bias=0, root=0.25, time_constant=0.05),
    dict(power=1, eps=0.001, full_scale=1, deltas=1, layout="channels"),
]]
cases += [("fbank", LONG, 8000, dict(samples=2000, **options)) for options in [
    dict(),
    dict(filters=40, low=0, high=3600, window="hamming"),
    dict(snip_edges=False, window="hanning"),
    dict(full_scale=1, remove_dc=False, preemphasis=0, window="blackman"),
    dict(fft=200, filters=15, window="rectangular"),
    dict(energy=True, scale="cmn"),
    dict(snip_edges=False, energy=True, full_scale=1, layout="channels", deltas=1),
]]
cases += [("fbank", SHORT, 16000, dict(samples=8000, filters=80)), ("fbank", SHORT, 11025, dict(samples=3000))]
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
    f.write('{"made_with": %s,\n "cases": [\n  ' % json.dumps("numpy %s, scipy %s, torch %s, torchaudio %s" % (np.__version__, scipy.__version__, torch.__version__, torchaudio.__version__)))
    f.write(",\n  ".join(json.dumps(c) for c in listed) + "\n]}\n")
print(len(cases), "cases,", sum(map(len, values)), "values")
