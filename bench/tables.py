"""What the benchmarks share: running programs that print JSON, tables in Markdown, and pages of docs."""
import json, os, platform, subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CONVO = os.environ.setdefault("CONVO", os.path.join(HERE, "..", "build", "convo"))


class Absent(Exception):
    pass


def run(*words, **environment):
    """The JSON object that a program prints, or None where there is nothing."""
    try:
        done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **environment})
    except FileNotFoundError:
        raise Absent("%s is not there" % words[0])
    if done.returncode:
        raise Absent("%s: %s" % (os.path.basename(str(words[1])), (done.stderr.strip().splitlines() or ["failed"])[-1]))
    return json.loads(done.stdout) if done.stdout.strip() else None


def number(x, form="{:,.0f}"):
    return "-" if x is None else form.format(x)


def ratio(a, b):
    return "-" if not a or not b else "%.2f" % (a / b)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit():
    git = lambda *words: subprocess.run(["git", "-C", HERE, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return (git("rev-parse", "--short", "HEAD").strip() or "unknown") + (" with changes" if git("status", "--porcelain") else "")


def write_page(name, text, page="performance.md"):
    """Puts text between the marks of bench/NAME."""
    page, begin, end = os.path.join(HERE, "..", "docs", page), *("<!-- %s: %s -->\n" % (name, w) for w in ("begin", "end"))
    with open(page) as file:
        before, rest = file.read().split(begin, 1)
    with open(page, "w") as file:
        file.write(before + begin + "\n" + text + "\n" + end + rest.split(end, 1)[1])
