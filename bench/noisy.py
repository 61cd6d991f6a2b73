#!/usr/bin/env python3
"""Copies of the official test part of Speech Commands with noise in the background, to be scored with convo eval.

    bench/noisy.py SPEECH NOISE -o noisy5 --snr 5
    convo eval RUN --data noisy5 --split all

SPEECH: a folder with a folder of each word; NOISE: a folder of recordings at the same rate. Each copy has a random piece of
a random one. The ratio compares the power of the noise with that of the word, from the first to the last hundredth of a
second that is at most 30 dB below its loudest, as convo data mix does; with --whole, with that of the whole recording, as
the change `noise` does. Needs numpy and libsndfile.
"""
import argparse, ctypes, hashlib, os, re, wave

import numpy as np

sndfile = ctypes.CDLL("libsndfile.so.1")


class Info(ctypes.Structure):
    _fields_ = [("frames", ctypes.c_int64)] + [(name, ctypes.c_int) for name in
                                               ("rate", "channels", "format", "sections", "seekable")]


sndfile.sf_open.restype = ctypes.c_void_p
sndfile.sf_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(Info)]
sndfile.sf_readf_float.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
sndfile.sf_close.argtypes = [ctypes.c_void_p]


def read(path):
    info = Info()
    file = sndfile.sf_open(path.encode(), 0x10, ctypes.byref(info))
    if not file or info.channels != 1:
        raise SystemExit(f"{path}: is no recording of one channel")
    sample = np.empty(info.frames, "f4")
    sndfile.sf_readf_float(file, sample.ctypes.data, info.frames)
    sndfile.sf_close(file)
    return sample, info.rate


def in_test_part(name):
    """which_set of TensorFlow's speech_commands/input_data.py, with a tenth each to validate and to test on."""
    speaker = re.sub("_nohash_.*$", "", name)
    percent = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (1 << 27) * (100 / ((1 << 27) - 1))
    return 10 <= percent < 20


def word_power(sample, rate):
    block = rate // 100
    power = np.square(sample[:len(sample) // block * block].reshape(-1, block)).mean(1)
    loud = np.nonzero(power >= power.max() / 1000)[0]
    return np.square(sample[loud[0] * block:(loud[-1] + 1) * block]).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech")
    parser.add_argument("noise")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--snr", type=float, required=True, help="decibels")
    parser.add_argument("--whole", action="store_true", help="against the whole recording, not the word")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    noises = [read(os.path.join(options.noise, name))[0] for name in sorted(os.listdir(options.noise))]
    for word in sorted(os.listdir(options.speech)):
        folder = os.path.join(options.speech, word)
        names = sorted(filter(in_test_part, os.listdir(folder))) if os.path.isdir(folder) and word[0] != "_" else []
        if names:
            os.makedirs(os.path.join(options.out, word))
        for name in names:
            sample, rate = read(os.path.join(folder, name))
            clip = np.zeros(max(rate, len(sample)), "f4")
            clip[:len(sample)] = sample
            noise = noises[random.integers(len(noises))]
            first = random.integers(len(noise) - len(clip))
            noise = noise[first:first + len(clip)]
            power = np.square(sample).mean() if options.whole else word_power(sample, rate)
            clip += np.sqrt(power / np.square(noise).mean() / 10**(options.snr / 10)) * noise
            with wave.open(os.path.join(options.out, word, os.path.splitext(name)[0] + ".wav"), "w") as out:
                out.setparams((1, 2, rate, 0, "NONE", ""))
                out.writeframes(np.clip(np.round(clip * 32768), -32768, 32767).astype("<i2").tobytes())


main()
