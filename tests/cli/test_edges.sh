# Numbers and sizes at the edge: each is trained on sensibly, or refused in a sentence. Never a crash, never an accuracy
# that means nothing. docs/reliability.md has the table; arrays are in tests/test_edges.c.
. tests/cli/expect.sh

# --- recordings ---------------------------------------------------------------------------------------------------
# wav FILE SAMPLES: 16-bit mono at 8 kHz, silent.
wav() {
    bytes=$(($2 * 2))
    {
        printf 'RIFF\377\377\377\177WAVEfmt \020\000\000\000\001\000\001\000\100\037\000\000\200\076\000\000\002\000\020\000data'
        for shift in 0 8 16 24; do printf "\\$(printf %03o $((bytes >> shift & 255)))"; done
        head -c $bytes /dev/zero
    } >"$1"
}
mkdir -p "$work/sounds/a" "$work/sounds/b" "$work/silent/a" "$work/silent/b"
for k in 0 1 2; do
    cp "data/fsdd/1_theo_$k.flac" "$work/sounds/a"
    cp "data/fsdd/2_theo_$k.flac" "$work/sounds/b"
    wav "$work/silent/a/$k.wav" 8000
    wav "$work/silent/b/$k.wav" 1
done
wav "$work/long.wav" 4800000
cat >"$work/sounds.yaml" <<'END'
data: {set: audiofolder, split: {train: 2/3, test: 1/3}}
features: {kind: mfcc, rate: 8000, samples: 4000, normalize: global}
model:
  - conv1d: {out: 4, kernel: 3, padding: 1}
  - relu
  - globalavgpool
  - linear: 2
train: {optimizer: {sgd: {lr: 0.1}}, batch: 8, epochs: 1}
END
sounds() { # NAME DATA "text" [--set ...]
    name=$1 data=$2 text=$3
    shift 3
    expect 0 "$name" "$text" -- train "$work/sounds.yaml" --data "$work/$data" --out "$work/heard" --force "$@"
}
sounds "silence, and recordings of one sample" silent "test accuracy 0.5000"
sed 's/kind: mfcc/kind: waveform, scale: unit/' "$work/sounds.yaml" >"$work/waves.yaml"
expect 1 "features that are all the same cannot be normalised" "all 0: they cannot be normalised" -- \
    train "$work/waves.yaml" --data "$work/silent" --out "$work/heard" --force
sounds "a net for clips" sounds "test accuracy"
expect 0 "a recording of ten minutes" "long.wav  " -- predict "$work/heard" "$work/long.wav"
cp "$work/long.wav" "$work/sounds/a"
sounds "ten minutes among clips" sounds "test accuracy"
sounds "clips of ten minutes" sounds "test accuracy" --set samples=4800000

# --- pictures -----------------------------------------------------------------------------------------------------
mkdir -p "$work/pictures/a" "$work/pictures/b"
for k in 0 1 2; do # one pixel
    base64 -d >"$work/pictures/a/$k.png" <<'END'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
END
    cp "$work/pictures/a/$k.png" "$work/pictures/b"
done
cat >"$work/pictures.yaml" <<'END'
data: {set: imagefolder, split: {train: 2/3, test: 1/3}}
input: [3, 1, 1]
model:
  - conv2d: {out: 4, kernel: 3, padding: 1}
  - relu
  - flatten
  - linear: 2
train: {optimizer: {sgd: {lr: 0.1}}, batch: 8, epochs: 1}
END
if "$CONVO" data info "$work/pictures" --as imagefolder 2>&1 | grep -q "this build cannot read"; then
    skip "pictures of one pixel" "this build cannot read pictures"
else
    expect 0 "pictures of one pixel" "test accuracy" -- \
        train "$work/pictures.yaml" --data "$work/pictures" --out "$work/seen"
fi
sed 's/, padding: 1//' "$work/pictures.yaml" >"$work/kernel.yaml"
expect 1 "a kernel larger than they are" "kernel.yaml:4:" "kernel" -- \
    train "$work/kernel.yaml" --data "$work/pictures" --out "$work/seen" --force
finish
