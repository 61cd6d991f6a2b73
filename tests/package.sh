#!/bin/sh
# The Debian package.
#   package.sh build FOLDER     builds it in FOLDER and looks into it
#   package.sh install PACKAGE  as root, in a chroot or on a machine that may be changed: installs it with what it depends
#                               on, tries it, removes it, and compares the files before and after
# Both end with a line about the package, or fail with one that says why.
cd "$(dirname "$0")/.." || exit 1
fail() {
    echo "package.sh: $1" >&2
    exit 1
}
field() { dpkg-deb --field "$package" "$1"; }

build() { # FOLDER
    {
        cmake -S . -B "$1" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DCONVO_TESTS=OFF &&
            cmake --build "$1" --parallel "$(getconf _NPROCESSORS_ONLN)" && (cd "$1" && rm -f ./*.deb && cpack)
    } >"$1.log" 2>&1 || fail "the build failed: $1.log"
    package=$(echo "$1"/convo_*.deb)
}

# Dependencies that dpkg-shlibdeps found; the files that make it a command and a library; nothing outside /usr, nothing
# that others than root may write.
look() {
    for library in libc6 libsndfile1 libsamplerate0 libyaml-0-2 libjansson4; do
        field Depends | tr ',' '\n' | grep -qE "^ *$library( |\$)" || fail "it does not depend on $library"
    done
    contents=$(dpkg-deb --contents "$package" | awk '{ print $1, $2, $6 }')
    library=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    for file in bin/convo include/convo.h "$library/libconvo.a" "$library/libconvo.so" "$library/pkgconfig/convo.pc" \
        "$library/cmake/convo/convoConfig.cmake" share/convo/recipes/fsdd-mfcc.yaml \
        share/convo/data/fsdd/7_theo_3.flac share/doc/convo/copyright; do
        echo "$contents" | grep -q " \./usr/$file\$" || fail "usr/$file is not in it"
    done
    odd=$(echo "$contents" | grep -vE '^([d-]....-..-.|l.*) root/root \./(usr/.*)?$')
    [ -z "$odd" ] || fail "these are odd: $odd"
}

# Everything but what dpkg and apt keep for themselves.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/lib/dpkg \
        -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path "$PWD" \) -prune -o -print | sort
}
smoke() {
    mkdir "$1/empty" && cd "$1/empty" && convo train fsdd-mfcc --set epochs=3 --out run &&
        convo predict run /usr/share/convo/data/fsdd/7_theo_3.flac >said && grep -q 7_theo_3 said &&
        { ! command -v cc || compile; }
}
compile() {
    # shellcheck disable=SC2046 # flags are words
    cc "$OLDPWD/examples/predict.c" -o predict $(pkg-config --cflags --libs convo) &&
        ./predict run/best.safetensors /usr/share/convo/data/fsdd/7_theo_3.flac
}
try_install() {
    [ "$(id -u)" -eq 0 ] || fail "installing needs root"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export DEBIAN_FRONTEND=noninteractive CONVO_HOME="$work/home"
    needed=$(field Depends | tr ',' '\n' | sed 's/[(|].*//')
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y --no-install-recommends $needed >"$work/log" 2>&1 || fail "$(cat "$work/log")"
    files >"$work/before"
    dpkg --install "$package" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
    (smoke "$work") >"$work/log" 2>&1 || fail "the smoke test failed: $(cat "$work/log")"
    dpkg --purge convo >"$work/log" 2>&1 || fail "$(cat "$work/log")"
    files >"$work/after"
    diff "$work/before" "$work/after" >"$work/log" || fail "removing it leaves: $(cat "$work/log")"
}

case "$1" in
build)
    build "${2:?a folder}"
    look
    echo "$package: $(field Version), depends on $(field Depends)"
    ;;
install)
    package=${2:?a package}
    try_install
    echo "$package: installed, tried, removed; nothing is left"
    ;;
*) fail "build FOLDER, or install PACKAGE" ;;
esac
