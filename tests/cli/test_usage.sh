# Words that make no sense: exit 2, the nearest word that does.
. tests/cli/expect.sh

expect 0 "--version says the version" "convo 0." -- --version
expect 0 "--help lists the commands" "convo train fsdd-mfcc" "predict" -- --help
expect 0 "help COMMAND is COMMAND --help" "usage: convo train RECIPE" "--resume" -- help train
for command in $("$CONVO" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    expect 0 "$command --help shows examples and options" "  convo $command " "usage: convo $command" "--json" -- \
        "$command" --help
done
expect 2 "nothing at all shows the help" "commands:" --
expect 2 "an unknown command gets the nearest" "no command 'tarin'" "did you mean 'train'?" -- tarin
expect 2 "an unknown command near nothing gets none" "no command 'xyzzy' (see convo --help)" -- xyzzy
expect 2 "an option before the command" "expected a command before the option -q" -- -q train x
expect 2 "an unknown option gets the nearest" "'--sede', did you mean '--seed'?" -- train x --sede 3
expect 2 "an unknown letter" "unknown option '-z'" -- train x -z
expect 2 "an option without its value" "--out needs DIR" -- train x --out
expect 2 "an option with an empty value" "--out needs DIR" -- train x --out ""
expect 2 "a model is written under the name of one" "--out must end in .safetensors, not 'net.onnx'" -- import net.onnx -o net.onnx
expect 2 "a new one, too" "--out must end in .safetensors, not 'x.txt'" -- init moons -o x.txt
expect 2 "a flag with a value" "--json takes no value" -- train x --json=3
expect 2 "a number that is none" "--seed needs a whole number from 0, not 'many'" -- train x --seed many
expect 2 "a number with letters behind it" "--seed needs a whole number from 0, not '3x'" -- train x --seed 3x
expect 2 "a time below zero" "--seconds needs a number above 0, not '-1'" -- bench moons --seconds -1
expect 2 "a deviation of zero" "--std needs a number above 0, or one for each channel, not '0'" -- import x.onnx -o y.safetensors --mean 0 --std 0
expect 2 "a number too small" "--threads needs a whole number from 1 to 1024, not '0'" -- train x --threads 0
expect 2 "no recipe" "convo train RECIPE" -- train
expect 2 "two recipes" "unexpected argument 'b'" -- train a b
expect 2 "--resume and --force" "mutually exclusive" -- train a --resume --force
expect 2 "a recording on standard input" "'convo listen MODEL -'" -- predict model.safetensors -
expect 2 "no recording" "missing argument FILE" -- predict model.safetensors
expect 2 "an unknown part" "not 'tset', did you mean 'test'?" -- eval model.safetensors --split tset
expect 2 "an unknown kind of picture" ".npy, .png or .svg" -- features x.wav -o x.jpg
expect 2 "an unknown word of data" "did you mean 'list'?" -- data lst
expect 1 "an unknown recipe gets the nearest" "fsdd-mfc: no such recipe" "did you mean 'fsdd-mfcc'?" -- \
    train fsdd-mfc
expect 1 "a folder is no recipe" "data/fsdd: expected a recipe, found a folder" -- train data/fsdd
expect 1 "a recipe is no model" "fsdd-mfcc: is not there: a model is a .safetensors file" -- eval fsdd-mfcc
expect 1 "an unknown data set gets the nearest" "fsd: unknown data set" "did you mean 'fsdd'?" -- data info fsd
expect 1 "an unknown instruction set" "avx9" -- train fsdd-mfcc --isa avx9 --out "$work/never"
expect 1 "a setting that is none" "epochs" -- train fsdd-mfcc --set epochs --out "$work/never"
check "nothing was written" test ! -e "$work/never"
finish
