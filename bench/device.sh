#!/bin/sh
# Instructions and flash of an exported net, front end and net apart: on an emulated Cortex-M4F and M55, counted by QEMU
# (-icount shift=0; instructions, not cycles), and here with AVX2, counted by valgrind.
#
#     sh bench/device.sh build/convo runs/fsdd-mfcc-0 [--int8]
#
# The net must have a front end of frames: mfcc, logmel or micro. Needs gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm and,
# for AVX2, valgrind.
set -e
convo=$1 run=$2 int8=$3
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086
"$convo" export "$run" -o "$work/net.c" $int8 >/dev/null
"$convo" summary "$run" --on device $int8 | sed -n 's/^multiply-adds *\([0-9]*\).*/\1/p' >"$work/macs"
macs=$(cat "$work/macs")
frames=$(sed -n '/^static const cv_f32_front front/,/^}/p' "$work/net.c" | sed -n 2p | cut -d, -f5 | tr -d ' ')
# The call of the front end, with the clip of this program.
front=$(sed -n 's/^ *\(cv_[fi][0-9]*_[a-z]*(&front,.*)\);$/\1/p' "$work/net.c" |
    sed 's/sample, count/clip, SAMPLES/; s/\bm +/state.memory +/g; s/ //g')
report() { # NAME: of count.txt
    all=$(sed -n 1p "$work/count.txt") ours=$(sed -n 2p "$work/count.txt")
    echo "$1: $all instructions, front end $ours ($((ours / frames)) a frame), net $((all - ours))" \
        "($(awk "BEGIN {printf \"%.2f\", ($all - $ours) / $macs}") for each multiply-add)"
}
emulated() { # NAME BOARD INSTRUCTIONS FLAG...
    name=$1 board=$2 tick=$3
    shift 3
    arm-none-eabi-gcc -std=c99 "$@" -DNET=net -DSOURCE='"net.c"' -DSAMPLES=NET_SAMPLES -DCLASSES=NET_CLASSES \
        "-DINSTRUCTIONS=$tick" "-DFRONT=$front" -I"$work" -nostartfiles -T "$here/tests/device/board.ld" \
        "$here/tests/device/board.c" "$here/tests/device/count.c" -o "$work/net.elf"
    (cd "$work" && qemu-system-arm -M "$board" -icount shift=0 -nographic \
        -semihosting-config enable=on,target=native -kernel net.elf)
    arm-none-eabi-gcc -std=c99 "$@" -c "$work/net.c" -o "$work/net.o"
    report "$name, flash $(arm-none-eabi-size "$work/net.o" | awk 'NR == 2 {print $1 + $2}')"
}
for level in -O2 -Os; do
    emulated "Cortex-M4F $level" mps2-an386 40 $level -mcpu=cortex-m4 -mfloat-abi=hard
done
emulated "Cortex-M55 -O3" mps3-an547 "125/4" -O3 -mcpu=cortex-m55 -mfloat-abi=hard -Wl,--defsym,TCM=1
emulated "Cortex-M3 -O2" mps2-an385 40 -O2 -mcpu=cortex-m3
if command -v valgrind >/dev/null; then
    cat >"$work/here.c" <<'C'
#include "net.c"
static net_state state;
static int16_t clip[NET_SAMPLES];
int main(int count, char **word) {
    float probability[NET_CLASSES];
    (void)word;
    for (int32_t i = 0; i < NET_SAMPLES; i++) clip[i] = (int16_t)(i * 7919 % 8000 - 4000);
    if (count > 2) net_predict(&state, clip, NET_SAMPLES, probability);
#define SAMPLES NET_SAMPLES
    if (count == 2) FRONT;
    return 0;
}
C
    gcc -O2 -mavx2 "-DFRONT=$front" -I"$work" "$work/here.c" -o "$work/here"
    counted() { valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/here" "$@" 2>&1 | sed -n 's/.*Collected : //p'; }
    none=$(counted)
    printf '%s\n' $(($(counted x y) - none)) $(($(counted x) - none)) >"$work/count.txt"
    report "AVX2 -O2"
fi
