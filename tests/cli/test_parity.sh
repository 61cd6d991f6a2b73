# A training beside PyTorch's, step by step, where PyTorch is installed: the quick part of tests/parity/parity.py.
. tests/cli/expect.sh
: "${PYTHON:=/usr/bin/python3}"
export CONVO CONVO_HOME="$work/home"

follows() { # NAME ARGUMENT...
    name=$1
    shift
    if ! command -v "$PYTHON" >/dev/null; then
        skip "$name" "$PYTHON is not installed"
        return
    fi
    "$PYTHON" tests/parity/parity.py "$@" >"$work/out" 2>"$work/err"
    case $? in
    0) pass "$name" ;;
    77) skip "$name" "$(tail -n 1 "$work/out")" ;;
    *)
        flunk "$name" "parity.py $* said:"
        sed 's/^/             | /' "$work/out" "$work/err"
        ;;
    esac
}

follows "weights, split and 30 losses are PyTorch's" fsdd-mfcc --steps 30 --referee 0
follows "examples come in the order of PyTorch's DataLoader" "fsdd-mfcc, lr 0" --referee 0
finish
