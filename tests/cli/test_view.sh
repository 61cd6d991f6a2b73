# convo view: the page of all runs and those of single ones, while a training goes on, in a browser, and under attack.
# view.mjs is the browser's hand, attack.mjs the attacker's.
. tests/cli/expect.sh
case $CONVO in /*) ;; *) CONVO=$PWD/$CONVO ;; esac
holds() { grep -qF -e "$2" "$1"; }
holds_not() { [ -s "$1" ] && ! grep -qE -e "$2" "$1"; }

small_data
recipe 's/epochs: 3/epochs: 3, record_every: 1/' >"$work/small.yaml"
runs="$work/the runs"
for rate in 0.005 0.02; do
    expect 0 "a small run is trained, lr $rate" -- train "$work/small.yaml" --data "$work/small" --set "lr=$rate" \
        --out "$runs/lr-$rate" --quiet
done

# --- without a server -----------------------------------------------------------------------------------------------------

expect 0 "--once lists the runs" 'finished, epoch 3 of 3' -- view "$runs" --once
expect 0 "--json has figures and settings" '"train.optimizer.sgd.lr": "0.02"' '"parameters": 6570' '"state": "finished"' -- view "$runs" --json
if command -v python3 >/dev/null; then
    "$CONVO" view "$runs" --json --sort -train.optimizer.sgd.lr >"$work/runs.json"
    check "sorted by a setting, downwards, and only what differs is said to" python3 -c 'import json, sys
all = json.load(open(sys.argv[1]))
assert [run["run"].split("/")[-1] for run in all["runs"]] == ["lr-0.02", "lr-0.005"] and all["differ"] == ["train.optimizer.sgd.lr"], all' "$work/runs.json"
fi
expect 0 "-o writes the page" "page.html" -- view "$runs" -o "$work/page.html"
for text in 'lr-0.005' 'aria-label="loss by epoch"' 'aria-label="accuracy by step"' '<th>lr</th>' "default-src 'none'"; do
    check "the page holds '$text'" holds "$work/page.html" "$text"
done
check "and names no other place, and no server" holds_not "$work/page.html" '(https?|file|ftp):|="?//|@import|url\(|href="/|EventSource|\{\{'
expect 2 "a column that is not there" "did you mean 'validation'" -- view "$runs" --once --sort validaton
expect 1 "a folder that is not there" "is not a folder" -- view "$work/nowhere"
mkdir "$work/none"
expect 1 "a folder without runs" "contains no runs" -- view "$work/none" --once
if lacks view "$runs" --address 192.0.2.1; then # which this machine does not have
    skip "pages, served" "this build has no libmicrohttpd"
    finish
fi
expect 2 "an address that is a name" "numeric address" -- view "$runs" --address localhost

# --- a hostile run --------------------------------------------------------------------------------------------------------

echo "the secret" >"$work/secret"
printf '{"recipe": "the secret"}\n' >"$work/secret.json"
evil=$(printf '%s/<img src=x onerror=alert(1)>"\047\n\033[31m&{{name}}' "$runs")
mkdir "$evil" "$runs/links" "$runs/broken"
printf '{"epoch": 1, "train_loss": 1e999}\n{"epoch": 2, "train_loss": 0.5}\n{"epoch": -3, "train_loss": 7}\n{"epoch": 2, "train_loss": 8}\nnull\n[[[[\n{"epoch": "3"}\n{"epoch": 3, "train_loss": "<b>"}\n\000\377\n' >"$evil/metrics.jsonl"
printf 'data: {set: "<script>alert(2)</script>"}\n' >"$evil/recipe.yaml"
printf '{"recipe": "<script>alert(3)</script>", "test": {"accuracy": "<i>"}, "examples": 3, "seconds": -1e300}' >"$evil/result.json"
for name in recipe.yaml metrics.jsonl steps.jsonl result.json best.safetensors data.txt; do ln -s "$work/secret.json" "$runs/links/$name"; done
mkfifo "$runs/broken/steps.jsonl"
mkdir "$runs/broken/result.json"
{ head -c 3000000 /dev/zero | tr '\0' '['; echo; echo '{"epoch": 1, "train_loss": 0.25}'; head -c 100000 /dev/zero; } >"$runs/broken/metrics.jsonl"
ln -s "$work" "$runs/elsewhere"
ln -s . "$runs/again"
head -c 2000000 /dev/urandom >"$runs/broken/best.safetensors"
"$CONVO" view "$runs" -o "$work/hostile.html" >/dev/null
check "names and recipes are text" holds_not "$work/hostile.html" '<img|<script>alert|<b>|<i>[^<]|secret'
check "escaped" holds "$work/hostile.html" '\x1b[31m&amp;{{name}}'
check "lines that are none are counted" holds "$work/hostile.html" '7 lines of its curves cannot be read'
check "links are not followed" test "$("$CONVO" view "$runs" --json | grep -c '"run": ')" -eq 4

# --- a hundred thousand steps ---------------------------------------------------------------------------------------------

mkdir "$runs/long"
awk 'BEGIN { for (k = 1; k <= 100000; k++) printf "{\"step\": %d, \"train_loss\": %.6f, \"train_accuracy\": %.6f, \"validation_loss\": null, \"validation_accuracy\": null, \"learning_rate\": 0.01}\n", k, k == 54321 ? 3 : 1 / k, 1 - 1 / k }' >"$runs/long/steps.jsonl"
echo '{"epoch": 1, "train_loss": 1, "train_accuracy": 0.5}' >"$runs/long/metrics.jsonl"
"$CONVO" view "$runs/long" -o "$work/long.html" >/dev/null
check "100,000 steps are a page below 200 kB" test "$(wc -c <"$work/long.html")" -lt 200000
check "which shows the one that stands out" grep -qE '[ML]241\.[0-9] 12\.0' "$work/long.html"
mkdir -p "$work/wild/calm" "$work/wild/wild"
printf '{"epoch": %d, "train_loss": %s}\n' 1 2.5 2 1 3 0.001 >"$work/wild/calm/metrics.jsonl"
"$CONVO" view "$work/wild" -o "$work/calm.html" >/dev/null
check "a loss that falls a thousandfold is shown whole" holds_not "$work/calm.html" 'cut off'
printf '{"epoch": %d, "train_loss": %s}\n' 1 2.4 2 7e8 3 1e12 >"$work/wild/wild/metrics.jsonl"
"$CONVO" view "$work/wild" -o "$work/wild.html" >/dev/null
check "one that diverges does not squeeze the others flat" holds "$work/wild.html" 'higher values are cut off'
printf '{"epoch": %d, "train_loss": %s}\n' 1 2.4 2 1e12 3 2 >"$work/wild/calm/metrics.jsonl"
"$CONVO" view "$work/wild/calm" -o "$work/wild.html" >/dev/null
check "nor itself" holds "$work/wild.html" 'higher values are cut off'
check "and has no number at the axis" holds_not "$work/wild.html" '>[0-9.]+e\+[0-9]+</text>'

# --- the server -----------------------------------------------------------------------------------------------------------

{ ulimit -n "$(ulimit -H -n)"; } 2>/dev/null
"$CONVO" view "$runs" --port 0 --data "$work/small" >"$work/url" 2>"$work/served" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
tries=0
while [ ! -s "$work/url" ] && [ $((tries += 1)) -lt 120 ]; do sleep 0.5; done
url=$(cat "$work/url")
check "the server says its address" sh -c 'case $0 in http://127.0.0.1:[0-9]*/) ;; *) exit 1 ;; esac' "$url"
if ! command -v node >/dev/null; then
    skip "what the server answers" "node is not installed"
    finish
fi
seen() { # FILE JAVASCRIPT
    node -e "const seen = JSON.parse(require('fs').readFileSync(0)); if (!($2)) { console.log(JSON.stringify(seen, null, 1)); process.exit(1) }" <"$1"
}
check "an attack goes on" sh -c 'timeout 120 node tests/cli/attack.mjs "$0" >"$1"' "$url" "$work/attacked"
check "it answers under its own names only" seen "$work/attacked" '(({ hosts }, port) => Object.entries(hosts).every(([host, status]) =>
    [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`].includes(host) ? status === 200 : status === 403 || status === 400))(seen, '"'${url##*:}'.slice(0, -1)"')'
check "no address is a file" seen "$work/attacked" 'Object.entries(seen.paths).every(([path, status]) => ["/", "/run/0", "/run/0/live", "/run/0%00"].includes(path) ? status === 200 : path === "/favicon.ico" ? status === 204 : status === 404 || status === 400 || status === 403)'
check "it is only looked at" seen "$work/attacked" 'Object.entries(seen.methods).every(([method, status]) => method === "HEAD" ? status === 200 : status === 405)'
check "not by pages of other sites" seen "$work/attacked" 'seen.sites.image === 403 && seen.sites.link === 200 && seen.sites.own === 200'
check "the policy is set" seen "$work/attacked" '["default-src \x27none\x27", "frame-ancestors \x27none\x27", "x-content-type-options: nosniff", "no-store"].every(text => seen.headers.includes(text)) && !seen.script'
check "noise is refused" seen "$work/attacked" 'Object.values(seen.garbage).every(status => status !== 200)'
files=$(ulimit -n)
if [ "$files" = unlimited ] || [ "$files" -ge 3000 ]; then
    check "a thousand slow connections do not slow it down" seen "$work/attacked" 'seen.slow.open > 900 && seen.slow.answered === 20 && seen.slow.longest < 3000'
    check "and are sent away" seen "$work/attacked" 'seen.slow.closed === 1000'
else
    skip "a thousand slow connections" "a process may open $files files only"
fi
check "listeners have a limit" seen "$work/attacked" 'seen.refused >= 16 && seen.after === 200'

# --- in a browser ---------------------------------------------------------------------------------------------------------

for chromium in chromium chromium-browser google-chrome; do command -v "$chromium" >/dev/null && break; done
if ! command -v "$chromium" >/dev/null; then
    skip "a browser shows the pages" "chromium is not installed"
    finish
fi
browse() { timeout 120 node tests/cli/view.mjs "$chromium" "$@" >"$work/seen" || return 1; }
row() { echo "[...document.querySelectorAll('tbody tr')].find(row => row.textContent.includes('$1'))"; }

# The page is open before the training begins, whose model is a little better after each epoch, and shows each epoch without being loaded again.
(until [ -e "$work/open" ]; do sleep 0.2; done; exec "$CONVO" train "$work/small.yaml" --data "$work/small" --set epochs=12000 --set lr=1e-5 --set watch=loss \
    --set data.split.train=0.4 --set data.split.validation=0.2 --out "$runs/new" --quiet) >/dev/null 2>&1 &
training=$!
trap 'kill $server $training 2>/dev/null; rm -rf "$work"' EXIT
check "Chromium watches a training" browse open "$url" 1200 light say "window.mark = document.querySelectorAll('tbody tr').length" note "$work/open" \
    until "$(row new)?.textContent.includes('training')" until "parseInt($(row new).cells[2].textContent) > 20" say "window.mark" \
    say "document.querySelectorAll('path.run' + $(row new).querySelector('input').id.slice(4)).length" \
    click "$(row new).querySelector('input')" until "parseInt($(row new).cells[2].textContent) > 100" \
    say "$(row new).querySelector('input').checked" \
    say "getComputedStyle(document.querySelector('path.run' + $(row new).querySelector('input').id.slice(4))).display"
check "it appears by itself, with its curves, and stays hidden once it is" seen "$work/seen" \
    'JSON.stringify(seen.said) === "[5,5,8,false,\"none\"]" && seen.missed.length === 0'
check "nothing is asked for elsewhere, nothing is refused" seen "$work/seen" 'seen.requests.every(r => r.startsWith("http://127.0.0.1:")) && seen.messages.length === 0'
page_of() { # RUN: as the first page links it
    node -e 'fetch(process.argv[1]).then(answer => answer.text()).then(page =>
        console.log(process.argv[1] + "run/" + new RegExp(`href="/run/(\\d+)">${process.argv[2]}`).exec(page)[1]))' "$url" "$1"
}
# A page that is looked at again and again, while the model changes with every epoch.
check "a training is not slowed down by evaluations of its model" node -e 'const [url, page] = process.argv.slice(1);
let scored = 0;
fetch(url + "events").then(async answer => {
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) scored += (text.match(/"scored":\[\d/g) ?? []).length;
}).catch(() => {});
(async () => {
    for (let k = 0; k < 10; k++) { await (await fetch(page)).text(); await new Promise(done => setTimeout(done, 500)); }
    if (scored !== 1) console.log(`${scored} evaluations`);
    process.exit(scored === 1 ? 0 : 1);
})();' "$url" "$(page_of new)"
kill $training
wait $training
first=$(page_of lr-0.005)
for view in "1200 light" "400 dark"; do
    # shellcheck disable=SC2086 # two words
    check "Chromium opens the page of a run, $view" browse open "$first" $view until "document.querySelectorAll('audio').length === 12" \
        say "document.documentElement.scrollWidth - innerWidth" say "document.querySelectorAll('svg').length" \
        say "document.querySelector('audio').play().then(() => document.querySelector('audio').duration > 0.1)" \
        say "document.querySelector('nav a').pathname" say "getComputedStyle(document.body).backgroundColor" \
        open "$url" $view say "document.documentElement.scrollWidth - innerWidth"
    check "it shows confusion, mistakes with sound, the net and curves, $view" seen "$work/seen" \
        'seen.said[0] <= 0 && seen.said[1] >= 6 && seen.said[2] === true && seen.said[3] === "/" && seen.said[5] <= 0 && seen.missed.length === 0 && seen.messages.length === 0'
done
check "dark is dark" seen "$work/seen" 'seen.said[4] === "rgb(20, 23, 26)"'
check "Chromium sorts by keys" browse open "$url" 1200 light say "[...document.querySelectorAll('thead a')].find(a => a.textContent === 'lr').focus()" \
    key Enter until "location.search.includes('sgd.lr')" until "document.querySelector('[aria-sort]')" say "document.querySelector('tbody a').textContent" \
    key Tab say "document.activeElement !== document.body"
check "the smallest rate comes first" seen "$work/seen" 'seen.said[1] === "new" && seen.said[2] && seen.missed.length === 0'
check "it works without JavaScript" browse open "$url" 400 still say "document.querySelectorAll('tbody tr').length" say "document.querySelectorAll('svg').length" \
    open "$first" 400 still say "document.querySelectorAll('audio').length"
check "with all that it shows" seen "$work/seen" 'seen.said[0] >= 6 && seen.said[1] === 4 && seen.said[2] === 12'
echo 'int nothing;' >"$work/nothing.c"
if clang --target=wasm32 -nostdlib -Wl,--no-entry "$work/nothing.c" -o "$work/nothing.wasm" 2>/dev/null; then
    check "Chromium opens the page on which the model listens" browse open "$first" 800 light click "document.querySelector('nav a + a')" \
        until "document.getElementById('test')?.textContent" say "document.getElementById('test').textContent" \
        say "!!document.getElementById('listen')"
    check "it runs there as it does on a device" seen "$work/seen" 'seen.said[0] && seen.said[1] && seen.missed.length === 0 && seen.messages.length === 0'
else
    skip "the model listens" "clang for wasm32 and wasm-ld are not both installed"
fi
check "Chromium opens the page of the hostile run" browse open "$(page_of "&lt;img")" 800 light say "document.images.length" say "document.title.includes('<img src=x')"
check "nothing of it is loaded or runs" seen "$work/seen" 'seen.said[0] === 0 && seen.said[1] && seen.messages.length === 0'
check "the server is still there" kill -0 $server
kill $server
wait $server
check "SIGTERM ends it, as Ctrl-C does" test $? -eq 0
check "it complained of nothing" test "$(grep -vc '^Ctrl-C ends it$' "$work/served")" -eq 0
finish
