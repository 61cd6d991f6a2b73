#!/usr/bin/env python3
"""Runs the command on files that lie: real ones, changed where it hurts.

    python3 tests/fuzz/hostile.py build/asan/convo runs/hostile           # 600 files; Python's standard library is enough
    python3 tests/fuzz/hostile.py build/convo runs/hostile 5000 7 npz onnx  # how many, seed, which kinds

A file is made of parts (chunks, members, elements, messages, tokens). Numbers in them become too large, negative or off
by one, parts are lost, doubled, exchanged or cut, floats become NaN, sums are made right again or not. Each file is read
twice, with other values in fresh memory. A run must end with 0, or with 1 and one sentence, must say the same both
times, and take at most 5 seconds of the processor and 300 MB (not measured under sanitizers). What does not stays in
the folder, with a script that repeats it.
"""
import os, re, resource, shutil, signal, subprocess, sys

from changes import (ROOT, X, XY, change_text, draw, hostile_cifar, hostile_idx, hostile_jpeg, hostile_mat, hostile_npy, hostile_npz,
                     hostile_onnx, hostile_png, hostile_safetensors, hostile_sound, often, read, safetensors, wav, write)

CONVO, OUT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 600
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 1
WHICH = sys.argv[5:]
SECONDS, MEGABYTES = 5, 300

# --- what is run -----------------------------------------------------------------------------------------------------------

HALVES = "split: {train: 1/2, test: 1/2}"
TAIL = "train: {optimizer: {sgd: {lr: 0.1}}, epochs: 1}\n"
NET = "model: [flatten, {linear: 2}]\n" + TAIL
RECIPES = {
    "arrays": "data: {set: arrays, %s}\ninput: [4]\n" % HALVES + NET,
    "mat": "data: {set: mat, %s}\ninput: [4]\n" % HALVES + NET,
    "mnist": "data: {set: mnist, split: official}\nmodel: [flatten, {linear: 10}]\n" + TAIL,
    "cifar-10": "data: {set: cifar-10, split: official}\nmodel: [flatten, {linear: 10}]\n" + TAIL,
    "imagefolder": "data: {set: imagefolder, size: 8, resize: true, %s}\n" % HALVES + NET,
    "audiofolder": "data: {set: audiofolder, %s}\nfeatures: {kind: waveform, rate: 8000, samples: 400}\n" % HALVES + NET,
    "manifest": "data: {set: manifest, %s}\nfeatures: {kind: waveform, rate: 8000, samples: 400}\n" % HALVES + NET,
    "weights": "data: {set: moons}\ninput: [3]\nmodel: [linear: 2]\n" + TAIL,
    "moons": "data: {set: moons, split: official}\ninput: 2\nmodel: [linear: 4, relu, linear: 1]\n"
             "train: {loss: logistic, optimizer: {adam: {lr: 0.1}}, epochs: 2}\n",
}
WEIGHTS = safetensors({"0.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                       "0.bias": {"dtype": "F16", "shape": [2], "data_offsets": [24, 28]}}, X[:28])


def export(name, data="in"):
    return ["data", "export", name + ".yaml", "--data", data, "-o", "out.npz"]


def changed(path, change):
    write(path, change(read(os.path.abspath(path))))


def run_of(change, *command):
    """A run folder, one of its files changed."""
    def make():
        shutil.copytree(os.path.join(OUT, "run"), "run")
        change()
        return list(command)
    return make


def kinds():
    other = wav()

    def one(path, data, command):
        def make():
            write(path, data())
            return command
        return make

    def arrays():
        k = draw.choice(sorted(XY))
        for name in XY:
            write("in/%s.npy" % name, hostile_npy(XY[name]) if name == k else XY[name])
        return export("arrays")

    def folder(fill, command):
        def make():
            fill("in")
            return command
        return make

    def pair(name, data, good, command):
        def make():
            for label in "ab":
                for k in range(2):
                    write("in/%s/%d.%s" % (label, k, name), good)
            write("in/a/0." + name, data())
            return command
        return make

    def manifest():
        write("in/a.wav", other)
        rows = "".join("a.wav,%s,%s,g%d\n" % ("cd"[k % 2], ["train", "test"][k // 2 % 2], k) for k in range(8))
        write("in/list.csv", often(change_text, ("path,label,split,group\n" + rows).encode()))
        return export("manifest", "in/list.csv")

    def lists():
        for label in ("yes", "no"):
            for k in range(3):
                write("in/%s/s%d_nohash_0.wav" % (label, k), other)
        write("in/validation_list.txt", often(change_text, b"yes/s1_nohash_0.wav\nno/s1_nohash_0.wav\n"))
        write("in/testing_list.txt", often(change_text, b"yes/s2_nohash_0.wav\nno/s2_nohash_0.wav\n"))
        return ["data", "info", "in", "--as", "speech-commands-v2", "--json"]

    model = lambda: hostile_safetensors(read(os.path.join(OUT, "run/best.safetensors")))
    text = lambda path: lambda: changed(path, lambda data: often(change_text, data))
    checkpoint = lambda: changed("run/last.checkpoint", hostile_safetensors)
    recipe = lambda: often(change_text, read(draw.choice(["recipes/" + n for n in os.listdir(os.path.join(ROOT, "recipes"))
                                                          if n.endswith(".yaml")])), 4)
    return {
        "npy": arrays,
        "npz": one("in.npz", hostile_npz, export("arrays", "in.npz")),
        "mat": one("in.mat", hostile_mat, export("mat", "in.mat")),
        "idx": folder(hostile_idx, export("mnist")),
        "cifar": folder(hostile_cifar, export("cifar-10")),
        "png": pair("png", hostile_png, read("tests/golden/pictures/rgb.png"), export("imagefolder")),
        "jpeg": pair("jpg", hostile_jpeg, read("tests/golden/pictures/rgb.jpg"), export("imagefolder")),
        "sound": pair("wav", hostile_sound, other, export("audiofolder")),
        "manifest": manifest,
        "lists": lists,
        "recipe": one("in.yaml", recipe, ["summary", "in.yaml"]),
        "weights": one("in.safetensors", lambda: hostile_safetensors(WEIGHTS),
                       ["import", "in.safetensors", "--recipe", "weights.yaml", "-o", "out.safetensors"]),
        "model": one("in.safetensors", model, ["eval", "in.safetensors", "--json"]),
        "onnx": one("in.onnx", hostile_onnx, ["import", "in.onnx", "-o", "out.safetensors"]),
        "checkpoint": run_of(checkpoint, "train", "run/recipe.yaml", "--out", "run", "--resume", "-q"),
        "metrics": run_of(text("run/metrics.jsonl"), "report", "run", "-o", "out.html"),
        "result": run_of(text("run/result.json"), "report", "run", "-o", "out.html"),
        "steps": run_of(text("run/metrics.jsonl"), "train", "run/recipe.yaml", "--out", "run", "--resume", "-q"),
    }


def limits():
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(folder, command, fill):
    """What came of it: exit status, text, files it wrote, seconds of the processor, megabytes."""
    env = dict(os.environ, HOME=folder, XDG_CACHE_HOME=folder + "/cache", CONVO_HOME=folder + "/home", MALLOC_PERTURB_=str(fill),
               ASAN_OPTIONS="detect_leaks=1:max_malloc_fill_size=1000000000:malloc_fill_byte=%d:allocator_may_return_null=1" % fill,
               LSAN_OPTIONS="suppressions=%s/tests/lsan.supp:print_suppressions=0" % ROOT)
    with open(folder + "/.said", "w+b") as said:
        child = subprocess.Popen([CONVO] + command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                 preexec_fn=limits)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
        signal.alarm(60)
        _, status, usage = os.wait4(child.pid, 0)
        signal.alarm(0)
        said.seek(0)
        text = said.read()
    files = {}
    for name in ("out.npz", "out.safetensors"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                files[name] = file.read()
    return os.waitstatus_to_exitcode(status), text, files, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def fault(result, size, sanitized):
    code, text, _, seconds, megabytes = result
    if b"Sanitizer" in text or b"runtime error" in text:
        return "sanitizer"
    if code not in (0, 1):
        return "exit %d" % code
    lines = text.decode("utf-8", "replace").splitlines()
    if code == 1 and (not lines or not lines[-1].startswith("convo: ") or len(lines[-1]) < 20):
        return "no sentence"
    if re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        return "control characters"
    if seconds > SECONDS * (4 if sanitized else 1):
        return "%.1f seconds" % seconds
    if not sanitized and megabytes > MEGABYTES + size / 1e6:
        return "%.0f MB" % megabytes
    return None


def main():
    draw.seed(SEED)
    sanitized = b"__asan_init" in open(CONVO, "rb").read()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    os.chdir(OUT)
    for name, text in RECIPES.items():
        write("%s/%s.yaml" % (OUT, name), text)
    code, text, *_ = run(OUT, ["train", "moons.yaml", "--out", "run", "-q"], 1)
    assert code == 0, text
    all_kinds, found, seen = kinds(), 0, {}
    names = WHICH or list(all_kinds)
    for number in range(COUNT):
        name = names[number % len(names)]
        results, folder = [], "%s/%04d-%s" % (OUT, number, name)
        state = draw.getstate()
        for fill in (85, 170):
            draw.setstate(state)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            os.chdir(folder)
            for recipe, content in RECIPES.items():
                write(recipe + ".yaml", content)
            command = all_kinds[name]()
            size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(".") for f in fs)
            results.append(run(folder, command, fill))
        why = fault(results[0], size, sanitized) or fault(results[1], size, sanitized)
        timeless = [(r[0], re.sub(rb"[0-9.]+ ?s\b|\"seconds\": *[0-9.]+|[0-9]+ examples/s", b"", r[1]), r[2]) for r in results]
        if not why and timeless[0] != timeless[1]:
            why = "two answers"
        good, bad = seen.get(name, (0, 0))
        seen[name] = (good + (results[0][0] == 0), bad + (results[0][0] == 1))
        os.chdir(OUT)
        if not why:
            shutil.rmtree(folder)
            continue
        found += 1
        write(folder + "/again.sh", "cd %s && exec %s %s\n" % (folder, CONVO, " ".join(command)))
        print("%04d-%s: %s: %s" % (number, name, why, results[0][1][-300:].decode("utf-8", "replace").strip()), flush=True)
    print(" ".join("%s %d/%d" % (name, *counts) for name, counts in seen.items()), "(read/refused)")
    print("%d files, %d findings (seed %d)" % (COUNT, found, SEED))
    return found > 0


sys.exit(main())
