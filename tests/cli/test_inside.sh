# Looking inside a net: receptive fields, gradient check, feature maps, filters.
. tests/cli/expect.sh
small_data
recipe 's/epochs: 3/epochs: 1/' >"$work/digits.yaml"
run=$work/run
one=data/fsdd/7_theo_3.flac
peppers=../shared/data/peppers.png
"$CONVO" train "$work/digits.yaml" --data "$work/small" --out "$run" -q >/dev/null 2>&1
pictures=no
command -v gnuplot >/dev/null && pictures=yes

# picture STEM "what": a test that both files are there
picture() {
    check "$2 as PNG" test -s "$1.png"
    check "$2 as SVG" grep -q '<svg' "$1.svg"
    check "$2: data and script are kept" test -s "$1.dat" -a -s "$1.gp"
}

expect 0 "a receptive field" "9 x 9" "sees 81 pixels of the input, within 9 x 9" -- field fields/nine-four
expect 0 "a dilated one has holes" "pixel 7,7 of layer 0 sees 9 pixels of the input, within 5 x 5" -- field fields/dilation
expect 0 "of a corner" "sees 9 pixels of the input, within 3 x 3" -- field fields/same5x5 --at 0,0
expect 0 "of an inner layer" "pixel 74 of layer" -- field fsdd-raw --layer 0 --at 74
expect 0 "of a run" "13, 74" "of layer 2" -- field "$run"
expect 0 "field --json" '"parameters": 207' '"share": [' -- field fields/nine-pool --heat --json
expect 1 "a pixel that is not there" "no pixel 13,0: rows are 0 to 12" -- field fields/conv3x3 --at 13,0
expect 1 "a layer that is not there" "unknown layer '4'" -- field fields/nine-four --layer 4
expect 1 "a layer without pixels" "has no pixels" -- field fsdd-mfcc --layer 9
expect 2 "a pixel that is none" "a pixel such as 4,7" -- field fields/conv3x3 --at middle
expect 2 "a field as another kind of picture" "--out must end in .png or .svg" -- field fields/conv3x3 -o field.jpg

# The course's residual net: each block has two convolutions of five, padded by one, beside one of five without.
"$CONVO" summary fsdd-raw-resnet >"$work/resnet"
check "the residual net flattens to the course's 11,872" grep -q '^flattened  *11872$' "$work/resnet"
check "its bodies have two padded convolutions" test "$(grep -cE '^[0369]\.body\.[03] +conv1d +out [0-9]+, kernel 5, padding 1 ' \
    "$work/resnet")" -eq 8
check "its shortcuts one that is not padded" test "$(grep -cE '^[0369]\.shortcut\.0 +conv1d +out [0-9]+, kernel 5  ' \
    "$work/resnet")" -eq 4

expect 0 "the gradients of a recipe" "0.weight" "mean difference" "largest error" -- gradcheck "$work/digits.yaml"
expect 0 "those of a run" "largest error" -- gradcheck "$run" --elements 3
expect 0 "gradcheck --random" "29000 gradients" -- gradcheck moons --random 1000
expect 0 "gradcheck --json" '"passed": true' '"analytic": ' -- gradcheck fields/two3x3 --json
expect 1 "a gradient that is not near enough is named" "is WRONG: training computes" "0.weight[" -- \
    gradcheck fields/conv3x3 --tolerance 1e-30
expect 1 "a net without parameters" "no parameters" -- gradcheck blocks/maxpool
expect 2 "a tolerance that is none" "a number above 0, not 'x'" -- gradcheck moons --tolerance x

expect 0 "feature maps of ones" "0.0364966" -- maps fields/padding --ones --layer 24
expect 0 "feature maps of a recording" "(16, 74)" "conv1d" "avgpool1d" -- maps "$run" "$one" --layer 0 --layer 2
expect 0 "maps --json" '"shape": [' '"mean": ' -- maps "$run" "$one" --json
expect 0 "maps as an array" "(2, 382, 512)" -- maps blocks/derivative --random -o "$work/maps.npy"
check "the array is a .npy" test "$(wc -c <"$work/maps.npy")" -gt $((2 * 382 * 512 * 4))
expect 2 "an input is needed" "maps needs one input" -- maps blocks/edges
expect 2 "only one" "maps needs one input" -- maps blocks/edges "$one" --ones
expect 1 "a picture that is missing" "$work/missing.png" -- maps blocks/edges "$work/missing.png"
expect 1 "filters over no pixels" "looks at a vector" -- plot moons --filters -o "$work/none.png"

if [ $pictures = yes ]; then
    expect 0 "a field is drawn" "within 9 x 9" -- field fields/nine-pool --heat -o "$work/field.png"
    picture "$work/field" "a field"
    "$CONVO" field fields/padding -o "$work/deep.png" >/dev/null 2>"$work/noise"
    picture "$work/deep" "a field of all there is"
    "$CONVO" maps fields/nine-four --random -o "$work/colour.png" >/dev/null
    check "three maps are a colour picture as well" grep -q "3 in colour" "$work/colour.gp"
    check "gnuplot has nothing to complain about" test ! -s "$work/noise"
    expect 0 "a 1-d field is drawn" "of layer 2" -- field "$run" -o "$work/sequence.svg"
    picture "$work/sequence" "a 1-d field"
    expect 0 "maps are drawn" "24 " -- maps fields/padding --ones --shared -l 4 -l 24 -o "$work/padding.png"
    picture "$work/padding" "feature maps"
    expect 0 "maps of a recording are drawn" "avgpool1d" -- maps "$run" "$one" -o "$work/sound.png"
    picture "$work/sound" "maps of a recording"
    expect 0 "filters are drawn into the run" "$run/filters.png" -- plot "$run" --filters
    picture "$run/filters" "filters"
    expect 0 "filters in colour" "$work/colour.png" -- plot blocks/random-filters --filters -o "$work/colour.png"
    picture "$work/colour" "filters in colour"
else
    skip "pictures of fields, maps and filters" "gnuplot is not installed"
fi

if [ ! -f "$peppers" ]; then
    skip "filters on peppers" "$peppers is not there"
elif ! "$CONVO" maps blocks/edges "$peppers" >/dev/null 2>"$work/png.txt"; then
    skip "filters on peppers" "$(cat "$work/png.txt")"
else
    expect 0 "ten random filters on peppers" "(10, 380, 508)" -- maps blocks/random-filters "$peppers"
    expect 0 "with a stride of 16" "(10, 24, 32)" -- maps blocks/random-stride "$peppers"
    expect 0 "with a padding of 2" "(10, 384, 512)" -- maps blocks/random-padding "$peppers"
    expect 0 "the hand-made edge filter" "(1, 382, 510)" -- maps blocks/edges "$peppers"
    expect 0 "the derivative and its negative" "-0.00175651" " 0.00175651" -- maps blocks/derivative "$peppers"
    expect 0 "with a relu" "(2, 382, 512)" -- maps blocks/derivative-relu "$peppers"
    expect 0 "the largest of 15x15" "(3, 370, 498)" -- maps blocks/maxpool "$peppers"
    expect 0 "a picture is resized for a net that needs it" "is resized to (3, 32, 32)" -- \
        maps cifar-convnet "$peppers" --layer 0
fi
finish
