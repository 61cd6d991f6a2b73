# From any working directory: a run knows its data set, recipes and data sets are found by name.
. tests/cli/expect.sh
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
root=$PWD
small_data
recipe 's/epochs: 3/epochs: 1/' >"$work/digits.yaml"
mkdir "$work/else where"
cd "$work" || exit 1
"$CONVO" train digits.yaml --data small --out run -q >/dev/null || exit 1
cd "$work/else where" || exit 1

# --- a run knows its data set ---
check "the run folder holds the absolute path of the data set" test "$(cat ../run/data.txt)" = "$(cd ../small && pwd -P)"
expect 0 "eval needs no --data" "(" "/100)" -- eval ../run
expect 0 "nor does a model file in the run folder" "/100)" -- eval ../run/best.safetensors
expect 0 "predict --held-out finds the recordings" "/small/" " truth " -- predict ../run --held-out 7
check "as many as are asked for" test "$(wc -l <"$work/out")" -eq 7
expect 0 "train --resume needs no --data" "epoch 2/2" -- train ../digits.yaml --out ../run --resume --set epochs=2
if command -v gnuplot >/dev/null; then
    expect 0 "plot needs no --data" "confusion.png" -- plot ../run --confusion -o confusion.png
    expect 0 "nor do its mistakes" "mistakes.png" -- plot ../run --mistakes -o mistakes.png
    expect 0 "nor examples of the recipe of a run" "examples.png" -- plot ../run --examples -o examples.png
else
    skip "plot needs no --data" "gnuplot is not installed"
fi
expect 0 "nor does report" "report.html" -- report ../run -o report.html
"$CONVO" export ../run -o shipped.safetensors -q
check "the model file that is shipped does not tell where the data set was" sh -c '! grep -q "$0" shipped.safetensors' "$work"
cd "$work" || exit 1
check "below the working directory its files have short names" sh -c '"$0" predict run --held-out 1 | grep ^small/' "$CONVO"
cp -r small moved
expect 0 "another data set is used where --data names it" "moved/" -- predict run --held-out 1 --data moved
mv small gone
cp -r run copied
expect 1 "where the data set is gone, --data is the remedy" "$work/small" "--data" -- eval copied
expect 0 "with which a run that was copied works" "/100)" -- eval copied --data moved
expect 1 "a data set that is named by --set is not looked for elsewhere" "nowhere" -- \
    plot run --examples --set data.path=nowhere -o examples.png
"$CONVO" train moons --out made-up -q --set epochs=1 --set batch=64 >/dev/null
check "a data set that is made up has no path" test ! -e made-up/data.txt

# --- recipes and data sets by name ---
expect 0 "a recipe is found by its name" "parameters" -- summary fsdd-mfcc
expect 0 "and its data set" "test accuracy" -- train fsdd-mfcc --out named -q --set epochs=1
expect 0 "data info finds it, too" "3000 recordings" -- data info fsdd
cp "$CONVO" alone
CONVO=$work/alone
expect 1 "a command without them says where it looked for one" "/share/convo/recipes" -- summary fsdd-mfcc
expect 1 "reproduce says where it looked for recipes" "no recipes found" "/share/convo/recipes" -- reproduce --quick

cd "$root" || exit 1
finish
