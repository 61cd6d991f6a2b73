# The page that `convo export -o page.html` writes, in Chromium: what it shows is what `--on device` says, bit for bit, of files,
# of what a microphone hears and of pictures. web.mjs is the browser's hand.
. tests/cli/expect.sh
expect 0 "a net for recordings is trained" -- train fsdd-mfcc --out "$work/digits" --set epochs=2 -q
expect 0 "a net for arrays is trained" -- train moons --out "$work/moons" --set epochs=1 -q

# --- what is refused ----------------------------------------------------------------------------------------------------

expect 2 "options for ONNX" "are for .onnx, not for a page" -- export "$work/digits" -o "$work/x.html" --fold
expect 1 "a net that reads arrays" "this model reads arrays" -- export "$work/moons" -o "$work/x.html"
without() { PATH=$1 "$CONVO" export "$work/digits" -o "$work/x.html" 2>&1 | grep -q "$2" && [ ! -e "$work/x.html" ]; }
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
mkdir "$work/none" "$work/half"
check "a computer without clang" without "$work/none" 'clang compiles the page to WebAssembly and is not here: install'
printf '#!/bin/sh\necho "clang: error: unable to execute wasm-ld" >&2\nexit 1\n' >"$work/half/clang"
chmod +x "$work/half/clang"
check "a computer without wasm-ld" without "$work/half:/usr/bin:/bin" '(error: unable to execute wasm-ld): install what Debian calls clang and lld$'

echo 'int nothing;' >"$work/nothing.c"
if ! clang --target=wasm32 -nostdlib -Wl,--no-entry "$work/nothing.c" -o "$work/nothing.wasm" 2>/dev/null; then
    skip "pages" "clang for wasm32 and wasm-ld are not both installed"
    finish
fi
expect 0 "a page in 8-bit numbers" "page.html" -- export "$work/digits" -o "$work/a page.html" --int8
check "it is at most 120 kB" test "$(wc -c <"$work/a page.html")" -le 120000
check "nothing of the compilation is left" test -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'convo-??????' -user "$(id -u)" -newer "$work/nothing.c")"
expect 0 "a page in floats, with a title" '"bytes": ' -- export "$work/digits" -o "$work/floats.html" --name 'Digits & <more>' --json

# --- in a browser -------------------------------------------------------------------------------------------------------

for chromium in chromium chromium-browser google-chrome; do command -v "$chromium" >/dev/null && break; done
if ! command -v "$chromium" >/dev/null || ! command -v node >/dev/null; then
    skip "a browser shows the page" "chromium or node is not installed"
    finish
fi
browse() { # PAGE WIDTH light|dark HEARD FILE...
    page=$1 width=$2 scheme=$3 heard=$4
    shift 4
    timeout 120 node tests/cli/web.mjs "$chromium" "$page" "$width" "$scheme" "$work" "$heard" "${SHOT:-}" "$@" >"$work/seen" \
        2>"$work/err" || { cat "$work/err"; return 1; }
}
said() { # JAVASCRIPT
    node -e "const seen = JSON.parse(require('fs').readFileSync('$work/seen')); if (!($1)) { console.log(JSON.stringify(seen)); process.exit(1) }"
}
# same WHICH FILE [FLAG]: the page's scores are those that convo predicts for the file.
same() {
    "$CONVO" predict "$work/digits" "$2" --on device --top 10 --json ${3:+"$3"} >"$work/line" || return
    said "(() => { const { top } = JSON.parse(require('fs').readFileSync('$work/line')), scores = seen.$1.scores.map(Math.fround);
        return scores.length === 10 && scores.every((v, k) => v === Math.fround(top.find(t => t.label === String(k)).probability)); })()"
}
expect 0 "recordings are exported as samples" -- data export fsdd-mfcc --set 'features={kind: waveform, samples: 6000, scale: none}' \
    --set 'model=[flatten, {linear: 10}]' -o "$work/clips"
wav() { node tests/cli/wav.mjs "$work/clips/X_test.npy" 6000 8000 "$@"; }
check "WAV files are written" wav 3 "$work/one.wav" 450,3 "$work/two.wav" 777x2 "$work/fast.wav" 10,210,410,610,810 "$work/spoken.wav"

check "Chromium opens the page, on a phone" browse "$work/a page.html" 390 dark "$work/spoken.wav" "$work/one.wav" "$work/two.wav" \
    "$work/fast.wav" "$work/spoken.wav"
check "nothing is fetched, nothing complains" said 'seen.requests.length === 0 && seen.messages.length === 0'
check "it is not wider than the window" said 'seen.overflow <= 0'
check "its self-test passes" said 'seen.test.startsWith("Its self-test passed")'
check "a chosen file has convo's scores, bit for bit" same 'files[0]' "$work/one.wav" --int8
check "so has a dropped one, whose beginning is scored" same 'files[1]' "$work/two.wav" --int8
check "one of another rate is resampled, and says so" said 'seen.files[2].said.endsWith("resampled from 16,000 Hz")'
"$CONVO" predict "$work/digits" "$work/fast.wav" --on device --int8 --json >"$work/line"
check "and is heard as convo hears it" said "(() => { const { label, probability } = JSON.parse(require('fs').readFileSync('$work/line'));
    return seen.files[2].best === label && Math.abs(seen.files[2].scores[label] - probability) < .02; })()"
check "what a microphone hears is scored live" said 'seen.heard.labels.length > 2 && seen.heard.said.startsWith("heard ")'
check "the saved clip has the scores that were shown, bit for bit" same heard "$work/clip.wav" --int8
# What convo listen hears in the recording that the browser opened first.
heard_words() {
    "$CONVO" listen "$work/digits" "$work/spoken.wav" --on device --int8 --json >"$work/words"
    said "(() => { const words = require('fs').readFileSync('$work/words', 'utf8').trim().split('\\n').map(JSON.parse).filter(w => w.label), f = seen.files[3].words;
        return words.length > 1 && f.length === words.length && f.every((w, k) => w.label === words[k].label &&
            Math.abs(w.time - words[k].time) < 1e-6 && Math.fround(w.score) === Math.fround(words[k].score)); })()"
}
check "words in a file are listed as convo hears them, bit for bit" heard_words
check "and words from the microphone as they are said" said 'seen.heard.words.length > 0'
check "a clip takes at most a millisecond" said 'parseFloat(seen.heard.time) <= 1'
check "Chromium opens the page in floats" browse "$work/floats.html" 1200 light '' "$work/one.wav" "$work/one.wav" "$work/nothing.c"
check "the scores are convo's in floats" same 'files[1]' "$work/one.wav"
check "its title is the one given" said 'seen.title === "Digits & <more>"'
check "what is no sound is said" said 'seen.files[2].said.startsWith("nothing.c: ") && seen.messages.length === 0'

# --- pictures -----------------------------------------------------------------------------------------------------------

mkdir -p "$work/pictures/blue" "$work/pictures/red"
for k in 1 2 3 4 5 6; do
    node tests/cli/pictures.mjs $((10 + k)) 12 1 $k "$work/pictures/blue/$k.png"
    node tests/cli/pictures.mjs 16 $((10 + k)) 0 $k "$work/pictures/red/$k.png"
done
cat >"$work/pictures.yaml" <<'RECIPE'
data: {set: imagefolder, size: [14, 12], resize: true, split: {train: 1/2, test: 1/2}}
model: [{conv2d: {out: 6, kernel: 3}}, relu, {maxpool2d: 2}, flatten, {linear: 2}]
train: {loss: cross_entropy, optimizer: {adam: {lr: 0.01}}, batch: 4, epochs: 5, seed: 0}
RECIPE
if lacks train "$work/pictures.yaml" --data "$work/pictures" --out "$work/seen.run" -q; then
    skip "a page for pictures" "built without libpng"
    finish
fi
expect 0 "a net for pictures is exported as a page" "pictures.html" -- export "$work/seen.run" -o "$work/pictures.html" --int8
expect 0 "and evaluated as on a device" "test accuracy" -- eval "$work/seen.run" --on device --int8 --save "$work/saved"
check "Chromium is shown pictures" browse "$work/pictures.html" 800 light '' "$work"/pictures/*/*.png
check "nothing is fetched or complained of" said 'seen.requests.length === 0 && seen.messages.length === 0'
check "pictures of any size have convo's scores, bit for bit" said "(() => {
    const floats = f => { const b = require('fs').readFileSync('$work/saved/' + f); return b.subarray(10 + b.readUInt16LE(8)); };
    const wanted = floats('probabilities.npy'), index = floats('index.npy');
    return [...Array(6).keys()].every(k => [0, 1].every(c =>
        Math.fround(seen.files[Number(index.readBigInt64LE(8 * k))].scores[c]) === wanted.readFloatLE(8 * k + 4 * c))); })()"
finish
