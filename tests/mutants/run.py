#!/usr/bin/env python3
"""How many planted faults do the tests find?    python3 tests/mutants/run.py FOLDER [--only 3,7-9] [--tests REGEX]

Copies the tree to FOLDER, puts every mutant of list.txt behind a switch, builds once, runs every test with all switches
off to see which mutants it reaches, then turns them on one at a time and runs the tests that reach it, quick ones first,
until one fails. Prints who killed which, and what survives. A second call builds and measures only what has changed.

list.txt:  @ FILE            of what follows
           # WHY             a new mutant: what is wrong
           - ORIGINAL        lines that stand in FILE exactly once: an expression, or whole statements
           + REPLACEMENT     lines; none: nothing is done
"""
import argparse, concurrent.futures, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path("tests/mutants")
MOST = 4096  # as in mutants.c
WANTED = 0.97
APART = {"cli_bench", "cli_docs", "cli_install", "cli_matrix", "cli_parity", "cli_travel"}  # they build or time something


class Mutant:
    def __init__(self, number, file, why):
        self.number, self.file, self.why, self.original, self.replacement = number, file, why, [], []

    def switch(self):
        """The text that does one or the other. Statements end in a semicolon or a brace."""
        was, now = "\n".join(self.original), "\n".join(self.replacement)
        if was.rstrip()[-1] in ";}":
            return f"{{ if (cv_mutant({self.number})) {{ {now} }} else {{ {was} }} }}"
        return f"(cv_mutant({self.number}) ? ({now}) : ({was}))"


def read_list(path):
    mutants, file = [], None
    for line in path.read_text().splitlines():
        kind, text = line[:1], line[2:]
        if kind == "@":
            file = text
        elif kind == "#":
            mutants.append(Mutant(len(mutants), file, text))
        elif kind == "-":
            mutants[-1].original.append(text)
        elif kind == "+":
            mutants[-1].replacement.append(text)
        elif line:
            sys.exit(f"{path}: what is '{line}'?")
    return mutants


# --- the copy ---------------------------------------------------------------------------------------------------------


def plant(text, mutants):
    """The text with all switches, and the mutants whose original is not there exactly once."""
    lost, places = [], []
    for m in mutants:
        was = "\n".join(m.original)
        if not was or text.count(was) != 1:
            lost.append(m)
        else:
            places.append((text.index(was), len(was), m))
    for at, length, m in sorted(places, key=lambda place: -place[0]):
        text = text[:at] + m.switch() + text[at + length :]
    return text, lost


def write_if_new(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copy_tree(tree, mutants):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    lost = []
    for name in names.stdout.splitlines():
        source, of_file = ROOT / name, [m for m in mutants if m.file == name]
        if not source.is_file():
            continue
        if of_file:
            text, missing = plant(source.read_text(), of_file)
            lost += missing
            write_if_new(tree / name, text.encode())
        elif not (tree / name).exists() or (tree / name).stat().st_mtime < source.stat().st_mtime:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, tree / name)
            shutil.copymode(source, tree / name)
    lost += [m for m in mutants if not (ROOT / m.file).is_file()]
    shutil.copyfile(ROOT / HERE / "mutants.c", tree / "src/base/mutants.c")
    return lost


def build(tree, made):
    flags = f"-include {tree / HERE / 'mutants.h'} -w"
    for command in (
        ["cmake", "-S", tree, "-B", made, "-DCMAKE_BUILD_TYPE=Release", "-DCONVO_WERROR=OFF", f"-DCMAKE_C_FLAGS={flags}"],
        ["cmake", "--build", made, "--parallel", str(os.cpu_count())],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"the mutants do not build:\n{(done.stdout + done.stderr)[-4000:]}")


# --- tests ------------------------------------------------------------------------------------------------------------


class Test:
    def __init__(self, entry):
        properties = {p["name"]: p["value"] for p in entry.get("properties", [])}
        self.name, self.command = entry["name"], entry.get("command", [])
        self.folder = properties.get("WORKING_DIRECTORY")
        self.environment = dict(e.split("=", 1) for e in properties.get("ENVIRONMENT", []))
        self.seconds, self.reaches = 600, set()

    def run(self, limit, **environment):
        """Whether it passes; with all that it starts, it is ended after `limit` seconds."""
        process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**os.environ, **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False

    def measure(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(MOST))
            file.flush()
            began = time.monotonic()
            good = self.run(1800, MUTANTS_REACHED=file.name)
            self.seconds = time.monotonic() - began
            self.reaches = {n for n, byte in enumerate(pathlib.Path(file.name).read_bytes()) if byte}
        return good

    def limit(self):
        return 30 + 10 * self.seconds  # an endless loop


def list_tests(made, pattern):
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=made, capture_output=True, text=True, check=True)
    tests = [Test(entry) for entry in json.loads(listing.stdout)["tests"]]
    return [t for t in tests if t.command and (re.search(pattern, t.name) if pattern else t.name not in APART)]


def newest(made):
    return max(p.stat().st_mtime for p in [made / "convo", *made.glob("tests/test_*"), *made.glob("tests/fuzz/fuzz_*")])


def measure(tests, made, jobs, again):
    """Those that pass with all switches off; what is known of an unchanged build is kept."""
    path, good = made.parent / "measured.json", []
    known = json.loads(path.read_text()) if path.exists() and path.stat().st_mtime > newest(made) and not again else {}
    unknown = [t for t in tests if t.name not in known]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for t, passed in zip(unknown, pool.map(Test.measure, unknown)):
            known[t.name] = {"passed": passed, "seconds": t.seconds, "reaches": sorted(t.reaches)}
    path.write_text(json.dumps(known))
    for t in tests:
        t.seconds, t.reaches = known[t.name]["seconds"], set(known[t.name]["reaches"])
        if known[t.name]["passed"]:
            good.append(t)
        else:
            print(f"{t.name} fails without a mutant and is left out")
    return sorted(good, key=lambda t: t.seconds)


def hunt(mutant, tests):
    """The test that fails, and passes again without the mutant."""
    for t in tests:
        if mutant.number in t.reaches and not t.run(t.limit(), MUTANT=str(mutant.number)) and t.run(t.limit()):
            return t
    return None


def numbers(text):
    chosen = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1))
    return chosen


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--only", default="", help="numbers of mutants")
    arguments.add_argument("--tests", default="", metavar="REGEX", help="names of tests")
    arguments.add_argument("--again", action="store_true", help="measure the tests again")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    a = arguments.parse_args()
    began = time.monotonic()
    tree, made = a.folder.resolve() / "tree", a.folder.resolve() / "build"
    mutants, chosen = read_list(ROOT / HERE / "list.txt"), numbers(a.only)
    lost = copy_tree(tree, mutants)
    for m in lost:
        print(f"{m.number} {m.file}: {m.why}: the original is not there exactly once")
    if lost:
        return 1
    build(tree, made)
    tests = measure(list_tests(made, a.tests), made, a.jobs, a.again)
    print(f"{len(tests)} tests, {time.monotonic() - began:.0f} s so far", flush=True)
    hunted = [m for m in mutants if not chosen or m.number in chosen]
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for m, killer in zip(hunted, pool.map(lambda m: hunt(m, tests), hunted)):
            fate = f"killed by {killer.name}" if killer else "SURVIVES"
            if not killer:
                reached = [t.name for t in tests if m.number in t.reaches]
                fate += f" (reached by {', '.join(reached) or 'no test'})"
                survivors.append(m)
            print(f"{m.number:3} {m.file}: {m.why}: {fate}", flush=True)
    killed = len(hunted) - len(survivors)
    print(f"{killed} of {len(hunted)} mutants are killed, in {time.monotonic() - began:.0f} s")
    return killed < WANTED * len(hunted)


if __name__ == "__main__":
    sys.exit(main())
