# The installed library is enough to build against, with CMake's find_package and with pkg-config alone.
. tests/cli/expect.sh
everything="the installed library builds the examples"
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "$everything" "a build with sanitizers is not for installing"
    finish
fi
: "${CC:=cc}"
prefix=$work/prefix
cmake --install "$BUILD" --prefix "$prefix" >"$work/install.txt" 2>&1 || cat "$work/install.txt"
pc=$(find "$prefix" -name convo.pc)
libraries=$(dirname "$(dirname "${pc:-$prefix/lib/pkgconfig/none}")")
config=$libraries/pkgconfig
small_data
recipe 's/epochs: 3/epochs: 1/' >"$work/digits.yaml"
one=data/fsdd/1_theo_0.flac

check "the header is installed" test -s "$prefix/include/convo.h"
check "the command is installed" "$prefix/bin/convo" --version
check "the recipes are installed" test -s "$prefix/share/convo/recipes/fsdd-mfcc.yaml"
check "the manual pages are installed" test -s "$prefix/share/man/man1/convo-train.1"
check "bash finds its completion" test -s "$prefix/share/bash-completion/completions/convo"
check "zsh finds its completion" test -s "$prefix/share/zsh/site-functions/_convo"
check "the recordings are installed" test -s "$prefix/share/convo/data/fsdd/1_theo_0.flac"

# build and run both examples; $1 is the folder with the programs
examples_work() {
    LD_LIBRARY_PATH=$libraries "$1/train" "$work/digits.yaml" "$work/small" "$work/$2.safetensors" &&
        LD_LIBRARY_PATH=$libraries "$1/predict" "$work/$2.safetensors" "$one"
}
with_cmake() {
    cp -r examples "$work/empty" && cmake -S "$work/empty" -B "$work/empty/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$CC" && cmake --build "$work/empty/build"
}
# with_flags FOLDER FLAG...: both examples into the folder
with_flags() {
    folder=$1
    shift
    mkdir -p "$folder"
    for example in train predict; do
        $CC "examples/$example.c" -o "$folder/$example" "$@" || return 1
    done
}
# shellcheck disable=SC2046 # flags are words
with_pkg_config() { with_flags "$work/plain" $(PKG_CONFIG_PATH=$config pkg-config --cflags --libs convo); }
# What convo.pc says a static library needs, but not what those need in their turn: they are shared ones.
# shellcheck disable=SC2046
with_static() {
    with_flags "$work/static" -I"$prefix/include" "$libraries/libconvo.a" \
        $(pkg-config --libs $(PKG_CONFIG_PATH=$config pkg-config --print-requires-private convo)) \
        $(sed -n 's/^Libs.private: //p' "$config/convo.pc")
}
check "find_package(convo) builds the examples" with_cmake
check "they train and predict" examples_work "$work/empty/build" cmake
check "pkg-config builds the examples" with_pkg_config
check "they train and predict" examples_work "$work/plain" plain
check "the static library builds them" with_static
check "they train and predict" examples_work "$work/static" static
if command -v c++ >/dev/null; then
    echo '#include <convo.h>' >"$work/header.cpp"
    check "the header is C++ as well" c++ -fsyntax-only -Wall -Werror -I"$prefix/include" "$work/header.cpp"
else
    skip "the header is C++ as well" "there is no C++ compiler"
fi
finish
