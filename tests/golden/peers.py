#!/usr/bin/env python3
"""Golden values for tests/test_audio.c by the programs whose front ends convo follows: TensorFlow Lite Micro's
microfrontend (integers: equal to the last bit) and kaldi-native-fbank (floats).

They are compiled outside this project, from these repositories at GitHub: tensorflow/tflite-micro, csukuangfj/kaldi-native-fbank,
mborgerding/kissfft, all below one folder, under their last names. With T=tflite-micro, K=kissfft, F=kaldi-native-fbank, and P the
folder of this file:

    mkdir -p tools; cp $K/kiss_fftr.[ch] tools/
    L=$T/tensorflow/lite/experimental/microfrontend/lib
    gcc -O2 -I$T -I. -I$K -c $P/peers/micro.c $(ls $L/*.c | grep -v -e _io -e main -e memmap)
    g++ -O2 -I$T -I. -I$K -c $L/fft.cc $L/fft_util.cc $L/kiss_fft_int16.cc && g++ *.o -o micro && rm *.o
    g++ -O2 -std=c++17 -I$F -I$K -c $P/peers/fbank.cc $(ls $F/kaldi-native-fbank/csrc/*.cc | grep -v -e test -e stft)
    gcc -O2 -c $K/kiss_fft.c $K/kiss_fftr.c && g++ *.o -o fbank
    python3 $P/peers.py .

writes peers.json (the cases, as in audio.json, with what made them and how far floats may be apart) and peers.npy.
"""
import json, os, subprocess, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from recordings import recording, fit

MADE_BY = {"micro": "tflite-micro 90b983c2, kissfft 6e9e673e", "fbank": "kaldi-native-fbank 6aaa1f2c, kissfft 6e9e673e"}
MICRO = dict(window_ms=30, hop_ms=20, filters=40, low=125, high=7500, smoothing_bits=10, even_smoothing=0.025, odd_smoothing=0.06,
             least=0.05, pcan=True, strength=0.95, offset=80, gain_bits=21, log=True, log_shift=6)
FBANK = dict(window_ms=25, hop_ms=10, filters=23, low=20, high=0, window="povey", snip_edges=True, preemphasis=0.97, energy=False)


def run(program, defaults, x, rate, options):
    words = [str(int(v) if isinstance(v, bool) else v) for v in {**defaults, **options}.values()]
    lines = subprocess.run([os.path.join(sys.argv[1], program), str(rate), *words], input=x.tobytes(), capture_output=True,
                           check=True).stdout.decode().splitlines()
    return np.array([[float(v) for v in line.split()] for line in lines])[None]


def micro(x, rate, samples, **options):
    return run("micro", MICRO, fit(x, samples), rate, options)


def fbank(x, rate, samples, full_scale=32768, **options):
    return run("fbank", FBANK, (fit(x, samples) / 32768 * full_scale).astype("<f4"), rate, options)


LONG, SHORT = "2_lucas_0", "5_yweweler_49"
cases = [("micro", name, 16000, dict(samples=8000)) for name in (LONG, SHORT)]
cases += [("micro", LONG, 16000, dict(samples=6000, **options)) for options in [
    dict(hop_ms=10),                       # microWakeWord's
    dict(window_ms=25, hop_ms=10, filters=32, pcan=False),  # the library's defaults
    dict(pcan=False, log=False),
    dict(log=False),
    dict(strength=0.5, offset=200, gain_bits=20, least=0.2, log_shift=4),
    dict(smoothing_bits=12, even_smoothing=0.1, odd_smoothing=0.9),
    dict(filters=90, low=20, high=7900, window_ms=20),  # some filters cover no bin
]]
cases += [("micro", LONG, 8000, dict(samples=4000, high=3800)), ("micro", SHORT, 48000, dict(samples=6000, window_ms=40)),
          ("micro", LONG, 1000, dict(samples=400, window_ms=25, hop_ms=10, filters=2, low=8, high=450))]
cases += [("fbank", LONG, 8000, dict(samples=3000, **options)) for options in [
    dict(),
    dict(filters=40, high=3600, window="hamming", low=100),
    dict(snip_edges=False, energy=True),
    dict(full_scale=1, preemphasis=0, window="hanning"),
]]
cases += [("fbank", SHORT, 16000, dict(samples=8000, filters=80)), ("fbank", SHORT, 11025, dict(samples=3000, snip_edges=False))]

values, listed = [], []
for kind, name, rate, options in cases:
    y = globals()[kind](recording(name + ".flac"), rate, **options)
    assert y.size and np.isfinite(y).all()
    listed.append(dict(kind=kind, file=name + ".flac", rate=rate, options={k: json.dumps(v).strip('"') for k, v in options.items()},
                       shape=list(y.shape), made_by=MADE_BY[kind], tolerance=0 if kind == "micro" else 5e-5))
    values.append(y.astype("<f4").ravel())
np.save(os.path.join(HERE, "peers.npy"), np.concatenate(values))
with open(os.path.join(HERE, "peers.json"), "w") as f:
    f.write('{"cases": [\n  ' + ",\n  ".join(json.dumps(c) for c in listed) + "\n]}\n")
print(len(cases), "cases,", sum(map(len, values)), "values")
