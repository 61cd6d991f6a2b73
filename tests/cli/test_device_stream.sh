# The C that `convo export -o net.c --stream` writes: in any packets it hears the words that `convo listen --on device` hears,
# with the same probabilities, bit for bit, on this computer and on emulated boards. tests/device/run.c is around it.
. tests/cli/expect.sh
: "${CC:=cc}"
root=$PWD samples=6000 clips=6
strict='-Wall -Wextra -Wconversion -Wshadow -pedantic -Werror'

cat >"$work/words.yaml" <<'RECIPE'
data: {set: fsdd, split: {train: 2/3, test: 1/3}}
features: {kind: logmel, samples: 6000, window_ms: 32, hop_ms: 10, filters: 20, center: false, normalize: global}
model:
  - conv2d: {out: 9, kernel: [7, 4], stride: 2, bias: false}
  - batchnorm
  - relu
  - separable: {out: 13, kernel: 3, padding: [0, 1], norm: true}
  - maxpool2d: [2, 1]
  - residual: {body: [{conv2d: {out: 13, kernel: 1}}, hardswish]}
  - globalavgpool
  - linear: 10
train: {loss: cross_entropy, optimizer: {adamw: {lr: 0.01}}, batch: 32, epochs: 1, seed: 0}
RECIPE
expect 0 "a net for streams is trained" -- train "$work/words.yaml" --out "$work/words" -q
expect 0 "a net whose front end needs whole windows is trained" -- train fsdd-mfcc --out "$work/whole" --set epochs=1 -q
expect 0 "recordings are exported as samples" -- data export fsdd-mfcc --set 'features={kind: waveform, samples: 6000, scale: none}' \
    --set 'model=[flatten, {linear: 10}]' -o "$work/clips"
mkdir "$work/here" "$work/there"
tail -c $((1000 * samples * 4)) "$work/clips/X_test.npy" | head -c $((clips * samples * 4)) >"$work/here/clips.bin"
cp "$work/here/clips.bin" "$work/there"

# built NAME FOLDER COMPILER...
built() {
    net=$1 folder=$2
    shift 2
    upper=$(echo "$net" | tr '[:lower:]' '[:upper:]')
    "$@" -DSTREAM "-DNET=$net" "-DHEADER=\"$net.h\"" "-DSAMPLES=${upper}_SAMPLES" "-DCLASSES=${upper}_CLASSES" \
        "-D${upper}_SELF_TEST" -I"$work" "$root/tests/device/run.c" "$work/$net.c" -o "$work/$folder/$net"
}
# What `convo listen` says, as run.c writes it: a line of probabilities for each window, a line for each word that is heard.
as_text() {
    awk '/"probabilities"/ { sub(/.*"probabilities": *\{/, ""); n = split($0, part, ","); line = ""
                             for (k = 1; k <= n; k++) { sub(/.*: */, "", part[k]); line = line (k > 1 ? " " : "") sprintf("%.9g", part[k]) }
                             print line; next }
         { match($0, /"label": *"[^"]*"/); label = substr($0, RSTART, RLENGTH); gsub(/"label": *"|"/, "", label)
           sub(/.*"score": */, ""); print label " " sprintf("%.9g", $0) }'
}
# as_here RUN FLAG...: the build of this computer heard what convo hears, and something. What follows is silence of convo's own.
as_here() {
    run=$1
    shift
    "$CONVO" listen "$run" - --on device "$@" --json --scores <"$work/here/samples.bin" | as_text >"$work/convo.txt"
    head -n "$(wc -l <"$work/here/windows.txt")" "$work/convo.txt" | cmp - "$work/here/windows.txt" &&
        grep -qE '^[0-9] ' "$work/here/windows.txt" && [ "$(wc -l <"$work/here/windows.txt")" -gt 80 ]
}
first() {
    built "$1" here "$CC" -std=c99 -O2 && (cd "$work/here" && "./$1")
}
same() { cmp "$work/here/windows.bin" "$work/there/windows.bin"; }
# runs NAME COMPILER...: built, run, the same.
runs() {
    net=$1
    shift
    rm -f "$work/there/windows.bin"
    built "$net" there "$@" && (cd "$work/there" && "./$net") && same
}
# emulated NAME BOARD FLAG...: the same on an emulated board.
emulated() {
    net=$1 board=$2
    shift 2
    rm -f "$work/there/windows.bin"
    built "$net" there arm-none-eabi-gcc -std=c99 -O2 -Wall -Wextra -Wconversion -Werror -DBOARD -nostartfiles "$@" \
        -T "$root/tests/device/board.ld" "$root/tests/device/board.c" &&
        (cd "$work/there" && timeout 120 qemu-system-arm -M "$board" -nographic -semihosting-config enable=on,target=native \
            -kernel "$net") && same
}
without() { ! grep -q "$@"; }

# model SETTING...: what a run listens with. The nets have learned little, so that little is enough for a word.
model() { "$CONVO" listen "$work/$run" --write -q --set threshold=0.15 --set gap=0.3 "$@"; }

blank=$IFS
for net in words words8 gated whole; do
    run=words flag='' setting='reset=0.1'
    case $net in
    words8) flag=--int8 setting='smooth=0.1' ;;
    gated) flag=--int8 setting='gate=-34 hop=0.03' ;; # two phases
    whole) run=whole setting='hop=0.04 gate=-34' ;;
    esac
    # shellcheck disable=SC2046,SC2086 # a list of settings
    check "$net listens with $setting" model $(for one in $setting; do echo --set $one; done)
    # shellcheck disable=SC2086
    expect 0 "$net is exported" "$net.c" -- export "$work/$run" -o "$work/$net.c" --stream $flag
    check "$net is compiled, and passes its self-test" first "$net"
    # shellcheck disable=SC2086
    check "$net hears in packets of all sizes what convo hears, bit for bit" as_here "$work/$run" $flag
    for way in "gcc -std=c99 -O0" "clang -std=c99 -O3 -march=native" "g++ -x c++ -O2"; do
        # shellcheck disable=SC2086
        set -- $way
        if command -v "$1" >/dev/null; then
            # shellcheck disable=SC2086
            check "$net hears the same with $way, without a warning" runs "$net" "$@" $strict
        else
            skip "$net hears the same with $way" "$1 is not installed"
        fi
    done
    watched='-fsanitize=address,undefined -fno-sanitize-recover=all'
    # shellcheck disable=SC2086
    if [ "${SANITIZED:--1}" -lt 0 ] && clang $watched -x c /dev/null -S -o /dev/null 2>/dev/null; then
        check "$net breaks no rule of C" runs "$net" clang -O1 $watched
    else
        skip "$net breaks no rule of C" "clang has no sanitizers here"
    fi
    if ! command -v qemu-system-arm >/dev/null || ! echo '#include <string.h>' | arm-none-eabi-gcc -fsyntax-only -x c - 2>/dev/null; then
        skip "$net hears the same on Cortex-M" "qemu-system-arm, gcc-arm-none-eabi and libnewlib-arm-none-eabi are not all installed"
        continue
    fi
    check "$net hears the same on a Cortex-M4F" emulated "$net" mps2-an386 -mcpu=cortex-m4 -mfloat-abi=hard
    case $net in
    words8) check "$net hears the same on a Cortex-M55" emulated "$net" mps3-an547 -mcpu=cortex-m55 -mfloat-abi=hard -O3 \
        -Wl,--defsym,TCM=1 ;;
    esac
done
IFS=$blank

check "windows that flow are computed by hops" grep -q cv_shift "$work/gated.c"
check "without a gate there is none" without cv_gate "$work/words.c"
if command -v nm >/dev/null; then
    "$CC" -std=c99 -O2 -c "$work/gated.c" -o "$work/gated.o"
    check "a file that listens calls nothing but memcpy and memset" sh -c \
        'test -z "$(nm -u "$0" | grep -vE " (memcpy|memset|_GLOBAL_OFFSET_TABLE_)$")"' "$work/gated.o"
fi

# --- what is refused ----------------------------------------------------------------------------------------------------

expect 1 "ONNX has no stream" "this option applies to .c" -- export "$work/words" -o "$work/x.onnx" --stream
expect 1 "nor has a model file" "these options apply to other formats" -- export "$work/words" -o "$work/x.safetensors" --stream
expect 0 "a model may carry states" -- listen "$work/words" --write -q --set carry=true
expect 1 "which no device does yet" "set carry=false" -- export "$work/words" -o "$work/x.c" --stream
expect 1 "nor does the host in its place" "set carry=false" -- listen "$work/words" data/fsdd/4_theo_42.flac --on device
expect 0 "a net of arrays is trained" -- train moons --out "$work/moons" --set epochs=1 -q
expect 1 "it listens to nothing" "this model has no front end" -- export "$work/moons" -o "$work/x.c" --stream
finish
