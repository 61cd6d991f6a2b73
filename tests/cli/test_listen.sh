# convo listen: the same words from a file, a pipe and a microphone; its settings; what it keeps; how it ends.
. tests/cli/expect.sh

small_data
recipe 's/epochs: 3/epochs: 1/; s/kind: mfcc/kind: logmel, center: false, fft: 256/; s/conv1d: {out: 16, kernel: 3, padding: 1}/conv2d: {out: 16, kernel: 3}/
        s/avgpool1d: 2/maxpool2d: 2/' >"$work/net.yaml"
run="$work/a run"
expect 0 "a net for streams is trained" -- train "$work/net.yaml" --data "$work/small" --out "$run" -q

# Three seconds of sound at 8 kHz, by themselves and as a WAV file: the bytes of the recordings' own files will do.
cat data/fsdd/*_theo_0.flac data/fsdd/*_theo_1.flac | head -c 48000 >"$work/samples"
{ printf 'RIFF\244\273\0\0WAVEfmt \20\0\0\0\1\0\1\0\100\37\0\0\200\76\0\0\2\0\20\0data\200\273\0\0' && cat "$work/samples"; } >"$work/sound.wav"
# One of ten classes reaches a tenth: something is heard.
loud="--set threshold=0.1 --set smooth=0 --set gap=0.1"
# What is heard within the three seconds: in the silence behind a file there may be more.
# shellcheck disable=SC2086 # options are words
heard() { "$CONVO" listen "$run" $loud "$@" 2>"$work/said" | awk '$1 <= 3.0'; }
same() { cmp "$work/file" "$work/other"; }
heard "$work/sound.wav" >"$work/file"
check "a file is heard" test "$(wc -l <"$work/file")" -ge 20
check "the sum is said" grep -q '^heard [0-9]* in 3.0 s; computing took [0-9.]* % of that time$' "$work/said"
heard - <"$work/sound.wav" >"$work/other"
check "a WAV file in a pipe gives the same" same
heard - --rate 8000 --format s16 <"$work/sound.wav" >"$work/other"
check "also with options that agree" same
expect 1 "or else says that it is one" "a WAV file of 8000 Hz" -- listen "$run" - --rate 16000 <"$work/sound.wav"
heard - --rate 8000 --format s16 <"$work/samples" >"$work/other"
check "raw samples give the same" same
{ head -c 777 && sleep 0.3 && cat; } <"$work/samples" | heard - --rate 8000 >"$work/other"
check "packets of any size give the same" same
before=$(date +%s)
heard "$work/sound.wav" --real-time >"$work/other"
check "at the speed of sound it gives the same" same
check "and takes as long as it sounds" test $(($(date +%s) - before)) -ge 2
heard "$work/sound.wav" --on device >"$work/other"
check "as on a device it hears as much" test "$(wc -l <"$work/other")" -ge 20

json() { # CODE: on the lines of the output
    check "$1" python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
heard, end = [l for l in lines if "label" in l], lines[-1]
'"$2" "$work/lines"
}
# shellcheck disable=SC2086
if command -v python3 >/dev/null; then
    "$CONVO" listen "$run" "$work/sound.wav" $loud --json --scores >"$work/lines"
    json "--json prints a line for each event, hop and the sum" '
scores = [l for l in lines if "probabilities" in l]
assert heard and end["heard"] == len(heard) and end["seconds"] == 3 and end["lost"] == 0 and end["share_of_real_time"] > 0
assert all(abs(sum(s["probabilities"].values()) - 1) < 1e-5 for s in scores)
assert len(scores) == (24000 + 6000 - 6000) // 160 + 1 and scores[0]["time"] == 0.75
assert heard[0]["label"] in scores[0]["probabilities"] and heard[0]["score"] >= 0.1 and -60 < heard[0]["level"] < 0'
else
    skip "--json prints a line for each event, hop and the sum" "needs python3"
fi

# --- settings -----------------------------------------------------------------------------------------------------------

silent() { heard "$work/sound.wav" "$@" | grep -c . >"$work/count"; grep -qx 0 "$work/count"; }
check "a threshold may be out of reach" silent --threshold 1 --set threshold=1
check "a gate keeps what is not loud" silent --set gate=-0.001
word=$(awk 'NR == 1 { print $3 }' "$work/file")
heard "$work/sound.wav" --set "silent.$word=true" | awk -v word="$word" '$3 == word' >"$work/other"
check "a class may be silent" test ! -s "$work/other"
expect 0 "settings are written into the model" "listens so from now on" -- listen "$run" --set threshold=1 --set gap=0.5 --write
expect 0 "and are the model's from then on" "heard 0 in 3.0 s" -- listen "$run" "$work/sound.wav"
expect 1 "a setting that there is not" "is no setting of listening, did you mean 'threshold'?" -- listen "$run" --set treshold=1 -
expect 1 "a class that there is not" "is no class of the model" -- listen "$run" --set threshold.eleven=1 -
expect 1 "a threshold above 1" "a threshold above 0 and up to 1" -- listen "$run" --threshold 1.5 -
expect 1 "a threshold that is no number" "cannot be 'high'" -- listen "$run" --threshold high -
expect 1 "a setting of all classes for one" "is the same for all classes" -- listen "$run" --set gap.1=2 -

# --- what is kept -------------------------------------------------------------------------------------------------------

expect 0 "what is heard is kept" "$work/heard/" -- \
    listen "$run" "$work/sound.wav" --set threshold=0.1 --set gap=1 --save-heard "$work/heard"
check "as recordings of one window" sh -c 'set -- "$0"/*/sound-*.wav && [ "$(wc -c <"$1")" -eq 12044 ]' "$work/heard"
expect 0 "which may be trained with" "audiofolder in " "longest     0.750 s" -- data info "$work/heard"
expect 1 "a place that cannot be" "cannot be created" -- listen "$run" "$work/sound.wav" --save-heard "$work/net.yaml/x"

# --- how it ends --------------------------------------------------------------------------------------------------------

expect 0 "an empty pipe is nothing" "heard 0 in 0.0 s" -- listen "$run" - </dev/null
head -c 100 "$work/sound.wav" >"$work/short.wav"
expect 0 "a pipe may close in the middle" "heard 0 in 0.0 s" -- listen "$run" - <"$work/short.wav"
expect 1 "a file that is cut short" "is cut short" -- listen "$run" "$work/short.wav"
expect 1 "a file that is not there" "nowhere.wav" -- listen "$run" "$work/nowhere.wav"
expect 1 "a file that is none" "is not a sound file" -- listen "$run" "$work/net.yaml"
closed() { "$CONVO" listen "$run" - <&-; }
check "no standard input at all is an error" sh -c '! "$0" listen "$1" - <&- 2>"$2" && grep -q "convo: standard input" "$2"' "$CONVO" "$run" "$work/said"
reader_leaves() { timeout 20 "$CONVO" listen "$run" "$work/sound.wav" --set threshold=0.1 --real-time 2>/dev/null | head -n 1 >"$work/out"; }
check "whoever reads it may leave" reader_leaves
stops() { # SIGNAL: on a pipe that stays open
    sleep 20 | "$CONVO" listen "$run" - 2>"$work/said" &
    pid=$!
    sleep 1
    kill -"$1" $pid && wait $pid
}
check "a signal ends it in order" stops INT

# --- usage --------------------------------------------------------------------------------------------------------------

expect 2 "no model" "missing argument MODEL" -- listen
expect 2 "a file and a device" "mutually exclusive" -- listen "$run" a.wav --device x
expect 2 "a format of a file" "--format requires -" -- listen "$run" a.wav --format s16
expect 2 "a format that there is not" "--format must be" -- listen "$run" - --format mp3 </dev/null
expect 2 "the speed of a pipe" "--real-time requires a FILE" -- listen "$run" - --real-time
expect 0 "summary says what is computed anew" "only what is new" "it needs the whole window" "per second; window by window" -- \
    summary "$run" --stream

# --- a microphone -------------------------------------------------------------------------------------------------------

if lacks listen --list-devices; then
    expect 1 "without PortAudio, the error says what to install" "install portaudio19-dev" -- listen "$run"
elif ! command -v pulseaudio >/dev/null; then
    skip "a microphone is heard, and may vanish" "needs pulseaudio and libasound2-plugins"
else
    # A sound server of our own, whose microphone is silent.
    export HOME="$work/pulse" XDG_RUNTIME_DIR="$work/pulse" PULSE_SERVER=
    unset PULSE_SERVER
    mkdir -p "$work/pulse"
    printf 'pcm.!default { type pulse }\nctl.!default { type pulse }\n' >"$work/pulse/.asoundrc"
    pulseaudio -n --exit-idle-time=-1 --disable-shm=yes -L "module-null-sink sink_name=none" -L module-native-protocol-unix \
        >"$work/pulse/log" 2>&1 &
    server=$!
    sleep 2
    if "$CONVO" listen --list-devices 2>/dev/null | grep -q usual && kill -0 $server; then
        expect 0 "microphones are listed" "default" "usual" -- listen --list-devices
        expect 1 "a microphone that there is not" "is no microphone of this computer" -- listen "$run" --device nobody
        "$CONVO" listen "$run" --device default >"$work/out" 2>"$work/said" &
        listener=$!
        sleep 3
        kill $server
        wait $listener
        gone=$?
        check "a microphone that vanishes ends it with an error" test $gone -eq 1
        check "that says so" sh -c 'tail -n 1 "$0" | grep -q "^convo: microphone: the device" && [ "$(wc -l <"$0")" -eq 2 ]' "$work/said"
    else
        kill $server 2>/dev/null
        skip "a microphone is heard, and may vanish" "pulseaudio does not run here"
    fi
fi
finish
