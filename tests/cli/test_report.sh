# convo report: one page, self-contained, safe with any labels, that a browser shows and plays.
. tests/cli/expect.sh

holds() { grep -qF -e "$2" "$1"; }
holds_not() { [ -s "$1" ] && ! grep -qE -e "$2" "$1"; }
smaller_than() { [ "$(wc -c <"$1")" -lt "$2" ]; } # FILE BYTES
# Tags that have an end have it, in the right order: what is left over is printed.
well_nested() {
    tr '\n' ' ' <"$1" | grep -oE '</?(main|div|dl|details|table|tbody|tfoot|svg|figure|p|h[123]|pre|audio|title|footer|style)[ >]' |
        awk '{ gsub(/[< >]/, "") }
             /^\// { if (depth < 1 || open[depth--] != substr($0, 2)) { print "unexpected <" $0 ">"; exit 1 } next }
             { open[++depth] = $0 }
             END { if (!NR) exit 1
                   if (depth) { print "<" open[depth] "> stays open"; exit 1 } }'
}

small_data
recipe >"$work/small.yaml"
page=$work/run/report.html
expect 0 "a small run is trained" -- train "$work/small.yaml" --data "$work/small" --out "$work/run" --quiet
expect 0 "report writes a page into the run folder" "report.html" -- report "$work/run" --data "$work/small"
for text in 'What was trained on what' 'set: fsdd' '200 training, 0 validation, 100 test' '<dd>0</dd>' \
    '3*13*16 + 16 = 640' 'aria-label="loss by epoch"' 'aria-label="confusion matrix"' 'Filters of the first layer' \
    'Receptive field' 'The most confident mistakes' 'data:image/bmp;base64,Qk' '<audio controls' \
    'data:audio/wav;base64,UklGR' 'convo train small.yaml' 'Trained by convo'; do
    check "the page holds '$text'" holds "$page" "$text"
done
check "its tags are closed in order" well_nested "$page"
check "it is below 3 MB" smaller_than "$page" 3000000
check "it names no other place" holds_not "$page" '(https?|file|ftp):|="?//|@import|url\('
check "it has one script" test "$(grep -c '<script' "$page")" -eq 1
check "and none elsewhere" holds_not "$page" 'javascript:|<[^>]* on[a-z]+='
check "nothing of the template is left" holds_not "$page" '\{\{'
check "the browser is told to load nothing" holds "$page" "default-src 'none'"
cp "$page" "$work/first.html"
for command in report view; do
    expect 2 "$command writes a page, under the name of one" "--out must end in .html, not '$work/page.txt'" -- \
        $command "$run" -o "$work/page.txt"
done
expect 0 "report -o writes elsewhere, and says so with --json" '"bytes": ' -- \
    report "$work/run" --data "$work/small" -o "$work/second.html" --json
check "the same run gives the same page" cmp "$work/first.html" "$work/second.html"

# Labels and names are what somebody called a folder.
odd=$work/odd
mkdir -p "$odd/<img src=x onerror=alert(1)>" "$odd/a&b\"c'd"
for index in 0 1 2 3 4; do
    cp "$work/small/3_theo_$index.flac" "$odd/<img src=x onerror=alert(1)>/<b>$index.flac"
    cp "$work/small/7_lucas_$index.flac" "$odd/a&b\"c'd/$index.flac"
done
recipe 's/set: fsdd/set: audiofolder/; s/samples/rate: 8000, samples/; s/linear: 10/linear: 2/; s/lr: .*}},/lr: 1e-9}},/' >"$work/a'b;c.yaml"
expect 0 "a run with odd labels is trained" -- train "$work/a'b;c.yaml" --data "$odd" --out "$work/odd-run" --quiet
expect 0 "it has a page" -- report "$work/odd-run" --data "$odd" -o "$work/odd.html"
check "its labels are text" holds "$work/odd.html" '&lt;img src=x onerror=alert(1)&gt;, a&amp;b&quot;c&#39;d'
check "its name is quoted in the command" holds "$work/odd.html" "convo train &#39;a&#39;\&#39;&#39;b;c.yaml&#39; --out"
check "and nothing else" holds_not "$work/odd.html" '<img src=x|<b>[0-9]\.flac|a&b'
check "the tags of the page are closed in order" well_nested "$work/odd.html"

# Points in the plane: no recordings, no test part, no pixels.
expect 0 "a run without recordings is trained" -- train moons --set epochs=2 --out "$work/moons" --quiet
expect 0 "it has a page" -- report "$work/moons"
check "that says where a mistake lies" sh -c 'grep -qE "example [0-9]+ at -?[0-9.]+, -?[0-9.]+<" "$0"' "$work/moons/report.html"
check "of its validation part" holds "$work/moons/report.html" 'All validation examples'
check "without the sections it has nothing for" holds_not "$work/moons/report.html" 'Receptive field|<audio'

# What the page holds as pictures, sounds and curves, against what their formats say.
if command -v python3 >/dev/null; then
    check "pictures, sounds and curves are what they say" python3 -c 'import base64, re, struct, sys
page = open(sys.argv[1], encoding="utf-8").read()
pictures, sounds = (list(map(base64.b64decode, re.findall(kind + ";base64,([^\"]*)", page))) for kind in ("image/bmp", "audio/wav"))
assert pictures and sounds
for bmp in pictures:
    size, _, start, _, columns, rows, planes, bits = struct.unpack("<IIIIiiHH", bmp[2:30])
    assert (start, planes, bits) == (54, 1, 24) and size == len(bmp) == 54 + rows * ((3 * columns + 3) // 4 * 4), bmp[:54]
for wav in sounds:
    form, channels, rate, second, frame, bits = struct.unpack("<HHIIHH", wav[20:36])
    assert (form, channels, second, frame, bits) == (1, 1, 2 * rate, 2, 16) and len(wav) == 44 + struct.unpack("<I", wav[40:44])[0]
for what in ("loss", "accuracy"):
    points = [(float(y), float(v)) for y, v in re.findall("cy=\"([0-9.]*)\"[^>]*><title>epoch [0-9]+, [a-z]+ " + what + " ([0-9.]+)<", page)]
    for y, v in points:
        for above, more in points: assert not (more > v + 1e-3 and above > y + 0.11), points
    assert len(points) > 2, what' "$page"
else
    skip "pictures, sounds and curves are what they say" "there is no python3"
fi

# Large pictures: noise, which no net can tell apart. A PNG is a signature and three chunks, each with its checksum.
if command -v python3 >/dev/null; then
    mkdir -p "$work/large/a" "$work/large/b"
    python3 -c 'import os, struct, sys, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
for k in range(40):
    lines = b"".join(b"\0" + os.urandom(3 * 301) for _ in range(303))
    with open(f"{sys.argv[1]}/{chr(97 + k % 2)}/{k}.png", "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 301, 303, 8, 2, 0, 0, 0))
                  + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))' "$work/large"
    printf '%s\n' 'data: {set: imagefolder, split: {train: 0.2, test: 0.8}}' 'input: [3, 303, 301]' \
        'model: [{conv2d: {out: 4, kernel: 16, stride: 16}}, flatten, {linear: 2}]' \
        'train: {optimizer: {adam: {lr: 1e-3}}, batch: 8, epochs: 1, seed: 0}' >"$work/large.yaml"
    expect 0 "a run over large pictures" -- train "$work/large.yaml" --data "$work/large" --out "$work/large-run" --quiet
    expect 0 "it has a page" -- report "$work/large-run" --data "$work/large" -o "$work/large.html"
    check "with twelve of them" test "$(grep -c 'what the net reads' "$work/large.html")" -eq 12
    check "below 3 MB" smaller_than "$work/large.html" 3000000
else
    skip "a page of large pictures" "there is no python3"
fi

expect 1 "a page needs a run folder" "run folder" -- report "$work/small.yaml"
mkdir "$work/empty"
expect 1 "a page needs a finished run" "finished run" -- report "$work/empty"
expect 1 "a page that cannot be written is an error" "cannot be written" -- \
    report "$work/run" --data "$work/small" -o "$work/nowhere/page.html"

# --- in a browser -------------------------------------------------------------------------------------------------------

for chromium in chromium chromium-browser google-chrome; do command -v "$chromium" >/dev/null && break; done
if ! command -v "$chromium" >/dev/null || ! command -v node >/dev/null; then
    skip "a browser shows the page" "chromium or node is not installed"
    finish
fi
browse() { # PAGE WIDTH light|dark|still
    timeout 120 node tests/cli/page.mjs "$chromium" "$@" >"$work/seen" 2>"$work/err" || { cat "$work/err"; return 1; }
}
said() { # JAVASCRIPT
    node -e "const seen = JSON.parse(require('fs').readFileSync(0)); if (!($1)) { console.log(seen); process.exit(1) }" <"$work/seen"
}
for view in "1200 light" "1200 still" "390 dark"; do
    # shellcheck disable=SC2086 # two words
    check "Chromium opens the page, $view" browse "$page" $view
    check "nothing is fetched, $view" said 'seen.requests.length === 0 && seen.messages.length === 0'
    check "it is not wider than the window, $view" said 'seen.overflow <= 0'
    check "its pictures are drawn, $view" said 'seen.pictures.length > 16 && seen.pictures.every(width => width > 0) && seen.charts === 4'
    case $view in
    *still) check "without its script pictures do not zoom" said 'seen.zooms.flat().length === 8 && seen.zooms.every(w => w[1] === w[0])' ;;
    *) check "a click makes pictures larger, $view" said 'seen.zooms.length === 2 && seen.zooms.every(w =>
            w[1] >= w[0] && w[1] > '"$((${view% *} - 40))"' && w[2] > 1.8 * w[1] && w[3] === w[0])' ;;
    esac
    check "its sounds are played, $view" said 'seen.sounds.length === 12 && seen.sounds.every(length => length > 0.1)'
done
check "dark is dark" said 'seen.ground === "rgb(20, 23, 26)"'
check "Chromium opens the page with odd labels" browse "$work/odd.html" 800 light
check "nothing of it is fetched or refused" said 'seen.requests.length === 0 && seen.messages.length === 0'
finish
