#!/bin/sh
# run.sh BUILD [CTEST OPTION...]: runs every test program, shows the output of those that fail, and counts tests (not
# programs): each program ends with lines as cmocka's, "[  PASSED  ] 3 test(s)." and so on. A program that crashes,
# hangs or says nothing counts as one failed test.
cd "$1" || exit 1
shift
ctest --verbose --parallel "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" "$@" 2>&1 | tee check.log | awk '
    match($0, /^[0-9]+: /) { # a line of program number `id`
        id = substr($0, 1, RLENGTH - 2)
        line = substr($0, RLENGTH + 1)
        output[id] = output[id] line "\n"
        if (match(line, /^\[  (PASSED|FAILED|SKIPPED) +\] [0-9]+ test/)) {
            split(substr(line, RSTART), word, /[][ ]+/) # "", PASSED, 3, test(s).
            count[id, word[2]] += word[3]
        }
        next
    }
    match($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /) { # its result
        id = substr($0, 1, RLENGTH)
        sub(/^.*#/, "", id)
        sub(/:.*$/, "", id)
        print
        good = $0 ~ / Passed /
        if (!good && !count[id, "FAILED"]) count[id, "FAILED"] = 1
        if (good && !(count[id, "PASSED"] + count[id, "FAILED"] + count[id, "SKIPPED"])) {
            print "this program ran no test that it would count"
            count[id, "FAILED"] = 1
        }
        if (count[id, "FAILED"]) printf "%s", output[id]
        passed += count[id, "PASSED"]
        failed += count[id, "FAILED"]
        skipped += count[id, "SKIPPED"]
        if (count[id, "SKIPPED"]) { # with the reason, where the program gave one
            total = split(output[id], text, "\n")
            for (k = 1; k <= total; k++)
                if (text[k] ~ /^\[  SKIPPED \] [^0-9]/ && !told[id, text[k]]++) print "      " text[k]
        }
        fflush()
    }
    END {
        if (!(passed + failed + skipped)) {
            print "no test was run: the log is check.log in the build folder"
            failed = 1
        }
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0
    }'
