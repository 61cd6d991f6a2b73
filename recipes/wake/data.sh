# Read by prepare.sh and own.sh: the data sets of $data, in the current folder, and the parts of the noise.
for set in wake fsdd gsc3 noise; do
    [ -e "$data/$set" ] || { echo "$0: there is no $data/$set" >&2; exit 1; }
    [ "$set" = noise ] || ln -sfn "$data/$set" "$set"
done
put_noise() { # PART NAME...: no recording of noise is in two parts
    part=$1
    shift
    mkdir -p "noise/$part"
    for name; do ln -sf "$data/noise/$name.flac" "noise/$part/"; done
}
put_noise train doing_the_dishes dude_miaowing white_noise
put_noise validation exercise_bike
put_noise test running_tap pink_noise
