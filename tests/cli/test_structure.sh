# The rules of the house that a machine can check: who may include whom, what the library may not do, how long files are,
# what every layer brings along.
. tests/cli/expect.sh

# folder: folders whose headers it may include. Arrows go one way; a line may name only folders above it.
#   data reads recordings through a front end (audio/feature.h) and says shapes in the ops' terms (cv_shape in op/op.h);
#   train needs the parts of a data set (cv_split in data/dataset.h).
arrows='
base:
op:      base
net:     op base
audio:   op base
data:    audio op base
train:   data net op base
model:   train data audio net op base
inspect: model train data audio net op base
'
longest=450 # lines

may_include() { # FOLDER OTHER
    echo "$arrows" | awk -v folder="$1:" -v other="$2" '
        $1 == folder { for (k = 2; k <= NF; k++) if ($k == other) found = 1 }
        END { exit !found }'
}
includes() { sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$1"; }

wrong_arrows() {
    for folder in src/*/; do
        folder=$(basename "$folder")
        echo "$arrows" | grep -q "^$folder:" || echo "src/$folder is not in the table of this test"
        for file in src/"$folder"/*.[ch]; do
            for header in $(includes "$file"); do
                other=${header%%/*}
                case $header in
                convo.h | op_list.inc | "$folder"/*) ;;
                *) may_include "$folder" "$other" || echo "$file includes $header" ;;
                esac
            done
        done
    done
    for file in cli/*.[ch] examples/*.c; do
        for header in $(includes "$file"); do
            [ "$header" = convo.h ] || [ -e "cli/$header" ] || echo "$file includes $header"
        done
    done
}

# Code without comments and strings, with the file's name in front of every line.
code() {
    for file in "$@"; do
        sed -e 's/\\"//g' -e 's/"[^"]*"/""/g' -e 's,//.*,,' -e "s,^,$file: ," "$file"
    done
}
calls='(printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|getenv|secure_getenv|setenv|putenv|system|time|gettimeofday|localtime|mktime)'
forbidden_calls() { code src/*/*.[ch] | grep -E "[^A-Za-z0-9_>.]$calls *\\(|[^A-Za-z0-9_](stdout|stderr|stdin|environ)[^A-Za-z0-9_]"; }

# What the compiler put where it can be changed; constants that hold addresses are in .data.rel.ro.
mutable_data() {
    objdump -t "$BUILD/libconvo.a" | awk '
        /file format/ { file = $1 }
        / [O ] \.(t?bss|t?data)/ && !/ d  \.| \.data\.rel\.ro/ { print file " " $NF }'
}

long_files() {
    wc -l src/*/*.[ch] cli/*.[ch] | awk -v most=$longest '$2 != "total" && $1 > most { print $2 " has " $1 " lines" }'
}

# Every CV_OP names what the tests need.
ops_without() { # FIELD
    awk -v field="$1" '
        /^CV_OP\(/ { op = $0; sub(/^CV_OP\(/, "", op); sub(/\).*/, "", op); found = 0 }
        op && index($0, field " =") { found = 1 }
        op && /^};/ { if (!found) print FILENAME ": " op " has no " field; op = "" }
    ' src/op/*.c
}

unfinished() { grep -nE 'TODO|FIXME|XXX' -r include src cli examples recipes README.md CONTRIBUTING.md docs/*.md; }

# check_none NAME COMMAND...: what the command prints is what is wrong.
check_none() {
    name=$1
    shift
    "$@" >"$work/found"
    check "$name" sh -c 'cat "$0"; test ! -s "$0"' "$work/found"
}

check_none "includes follow the arrows, and the command sees convo.h only" wrong_arrows
check_none "the library does not print, exit, abort, read the environment or the time of day" forbidden_calls
name="the library has no variables of its own"
if [ "${SANITIZED:--1}" -ge 0 ]; then
    skip "$name" "sanitizers bring some along"
elif ! objdump -t "$BUILD/libconvo.a" >"$work/out" 2>&1; then
    skip "$name" "objdump cannot read the library"
else
    check_none "$name" mutable_data
fi
check_none "no file is longer than $longest lines" long_files
check_none "every op has cases" ops_without .cases
check_none "every op has a PyTorch expression" ops_without .torch
check_none "nothing is marked as unfinished" unfinished
finish
