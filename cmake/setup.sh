# Read by ./demo and ./check: installs what is missing, builds. Both run from the root of the repository.

missing=
probe() { # PACKAGE COMMAND...: when the command fails, the package is missing
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
compiles() { printf '#include <stdio.h>\n' | "${CC:-cc}" -x c -fsyntax-only -; }
builds() { command -v make || command -v ninja; }
has_header() { printf '#include <stdio.h>\n#include <%s>\n' "$1" | "${CC:-cc}" -x c -fsyntax-only -; }
has_newlib() { echo '#include <string.h>' | arm-none-eabi-gcc -x c -fsyntax-only -; }
has_font() { fc-list | grep -i dejavu; }

# What some tests ask for a second opinion, and are skipped without: 1.4 GB, for .ci/run only.
find_missing_judges() {
    probe doxygen doxygen --version
    probe faketime faketime --version
    probe zsh zsh --version
    probe man-db mandb --version
    probe gcc-arm-none-eabi arm-none-eabi-gcc --version
    probe libnewlib-arm-none-eabi has_newlib
    probe qemu-system-arm qemu-system-arm --version
    probe gcc-riscv64-unknown-elf riscv64-unknown-elf-gcc --version
    probe qemu-system-misc qemu-system-riscv32 --version
    probe clang clang --version
    probe lld wasm-ld --version
    probe libonnx-testdata test -d /usr/share/libonnx-testdata/data
    probe python3-onnx /usr/bin/python3 -c 'import onnx'
    probe python3-torch /usr/bin/python3 -c 'import torch'
    probe python3-numpy /usr/bin/python3 -c 'import numpy'
    probe python3-yaml /usr/bin/python3 -c 'import yaml'
}

find_missing() { # demo|tests
    missing=
    compiles >/dev/null 2>&1 || missing=' gcc libc6-dev'
    probe cmake cmake --version
    probe make builds
    probe pkg-config pkg-config --version
    probe libsndfile1-dev pkg-config --exists sndfile
    probe libsamplerate0-dev pkg-config --exists samplerate
    probe libyaml-dev pkg-config --exists yaml-0.1
    probe libjansson-dev pkg-config --exists jansson
    probe gnuplot-nox gnuplot --version
    probe fonts-dejavu-core has_font
    probe libcsv-dev has_header csv.h
    [ "$1" = tests ] || return 0
    probe mandoc command -v mandoc
    [ -z "$CONVO_WERROR" ] || find_missing_judges
    probe g++ c++ --version
    probe libcmocka-dev pkg-config --exists cmocka
    probe libarchive-dev pkg-config --exists libarchive
    probe libcurl4-openssl-dev pkg-config --exists libcurl
    probe libmicrohttpd-dev pkg-config --exists libmicrohttpd
    probe portaudio19-dev pkg-config --exists portaudio-2.0
    probe nettle-dev pkg-config --exists nettle
    probe zlib1g-dev pkg-config --exists zlib
    probe libpng-dev pkg-config --exists libpng
    probe libjpeg-dev pkg-config --exists libjpeg
    probe libwebp-dev pkg-config --exists libwebp
    probe libexif-dev pkg-config --exists libexif
    probe libopenmpi-dev pkg-config --exists ompi-c
    probe openmpi-bin mpirun --version
    probe libonnx-dev test -e /usr/include/onnx/onnx.proto
    probe protobuf-c-compiler protoc-c --version
    probe libprotobuf-c-dev pkg-config --exists libprotobuf-c
}

stop() {
    echo "$1" >&2
    exit 1
}

install_missing() { # demo|tests
    find_missing "$1"
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || stop "This script installs with apt-get only, which is not here. Please install what \
Debian calls:$missing. Then run it again."
    root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "Installing needs root or sudo. Please install:$missing. Then run it again."
        root=sudo
    fi
    echo "installing$missing"
    log=$(mktemp)
    apt="$root env DEBIAN_FRONTEND=noninteractive TZ=Etc/UTC apt-get -q"
    # shellcheck disable=SC2086 # lists of words
    if ! { $apt update && $apt install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        stop "apt-get could not install:$missing. Its words are above. (The log is $log.)"
    fi
    rm -f "$log"
    find_missing "$1"
    [ -z "$missing" ] || stop "apt-get installed everything, but these still do not work:$missing."
}

# Into the user's cache, for .ci/run only, where npm is; tests that miss it are skipped. The package holds the library for
# CPUs, and its install script would fetch the one for GPUs.
fetch_onnxruntime() {
    [ -n "$CONVO_WERROR" ] && [ -z "$CONVO_ORT" ] && command -v npm >/dev/null || return 0
    ort=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/convo/onnxruntime
    [ -d "$ort/node_modules/onnxruntime-node" ] || timeout 300 npm install --silent --ignore-scripts --prefix "$ort" \
        onnxruntime-node@1.30.0 >/dev/null 2>&1 </dev/null || return 0
    export CONVO_ORT="$ort/node_modules"
}

build() { # TARGET
    { mkdir -p build && [ -w build ]; } 2>/dev/null ||
        stop "This folder cannot be written. Build in another one: cmake -S '$PWD' -B DIR && cmake --build DIR, then ctest \
--test-dir DIR."
    jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    { cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCONVO_WERROR="${CONVO_WERROR:-OFF}" &&
        cmake --build build --target "$1" --parallel "$jobs"; } >build/build.log 2>&1 && return
    cat build/build.log >&2
    stop "The build failed; build/build.log is above."
}
