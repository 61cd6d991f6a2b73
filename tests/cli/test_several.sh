# Several labels for a recording, or none: trained, scored and asked for on the command line.
. tests/cli/expect.sh
small_data

# zero and one are words to hear, two is heard with zero; the others are nothing
{
    echo "path,label"
    for file in "$work"/small/*; do
        case ${file##*/} in
        0_*) label=zero ;;
        1_*) label=one ;;
        2_*) label="zero;two" ;;
        *) label= ;;
        esac
        echo "$file,$label"
    done
} >"$work/list.csv"
cat >"$work/words.yaml" <<END
data: {set: manifest, path: "$work/list.csv", label_separator: ";", split: {train: 2/3, test: 1/3}}
features: {kind: mfcc, samples: 6000, rate: 8000, normalize: global}
model: [flatten, {linear: 3}]
train: {loss: binary_cross_entropy, class_weights: balanced, optimizer: adam, epochs: 3}
END

case $("$CONVO" data info "$work/words.yaml" 2>&1) in
*libcsv-dev*)
    skip "several labels of a recording" "built without libcsv"
    finish
    ;;
esac
expect 0 "a net is trained on several labels" "test accuracy" -- train "$work/words.yaml" --out "$work/run" -q
expect 0 "and scored by each" "several labels may be true, or none" "one " "two " "zero " "mean " -- eval "$work/run"
expect 0 "--json has them too" '"confusion": null' '"label": "zero"' -- eval "$work/run" --json
expect 0 "data info counts what is true together" "none" "two; zero" -- data info "$work/words.yaml"
expect 0 "predict names the likeliest" "truth none" -- predict "$work/run" --held-out 3
expect 0 "ROC curves are drawn" "roc" -- plot "$work/run" --roc
for kind in confusion calibration mistakes; do
    expect 1 "--$kind is for one label" "several labels may be true of its examples" -- plot "$work/run" --$kind
done
expect 0 "a report has the classes and the mistakes" -- report "$work/run" -o "$work/several.html"
check "with all labels that are true, or none" grep -Eq "truth<b>(none|two, zero)</b>" "$work/several.html"
check "and no confusions" sh -c '! grep -q "confusion matrix" "$0"' "$work/several.html"
expect 1 "so is --top" "omit --top" -- eval "$work/run" --top 2
expect 1 "other losses are refused" "binary_cross_entropy" -- \
    train "$work/words.yaml" --set train.loss=cross_entropy --out "$work/other"
expect 1 "a net with too many outputs is refused" "3 classes need (3)" -- \
    train "$work/words.yaml" --set model.1=linear:\ 4 --out "$work/other"
sed 's/label_separator: ";"/none: [none]/' "$work/words.yaml" >"$work/slip.yaml"
expect 1 "an empty label needs a separator" "list.csv:" "has no label" -- train "$work/slip.yaml" --out "$work/other"
finish
