# convo data get and list, against a server on this machine.
. tests/cli/expect.sh

CONVO_HOME=$work/home
export CONVO_HOME
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY

# --- what is there ------------------------------------------------------------------------------------------------
expect 0 "list says what is here" "data/fsdd" -- data list
expect 0 "list says what is made up" "made up" -- data list
expect 0 "list says what is needed" "your files: data/audiofolder, or data.path" -- data list
expect 0 "list as JSON" '"name": "cifar-10"' '"published": true' -- data list --json
expect 0 "what is here is not got again" "fsdd is already in data/fsdd" -- data get fsdd
expect 0 "the same as JSON" '"already_there": true' -- data get fsdd --json
expect 1 "an unknown data set gets the nearest" "did you mean 'fsdd'?" -- data get fsd
expect 1 "what is made up" "it is made up, and always there" -- data get moons
expect 1 "what is not published" "'mnist' cannot be downloaded: a recipe says where" -- data get mnist
expect 2 "get without a name" "get takes one data set" -- data get
expect 2 "get with two names" "get takes one data set" -- data get fsdd cifar-10
check "nothing was made" test ! -e "$CONVO_HOME"

if "$CONVO" data get cifar-10 --from ftp://127.0.0.1 2>&1 | grep -q "this build cannot download"; then
    skip "data sets from a server" "this build has no libcurl, libarchive or nettle"
    finish
fi
expect 0 "list says how to get what is not here" "convo data get cifar-10 (170.1 MB)" -- data list

# --- a server -----------------------------------------------------------------------------------------------------
if ! command -v python3 >/dev/null; then
    skip "data sets from a server" "python3 is not installed"
    finish
fi
# /good/ has what looks like the archive of fsdd, /bad/ something else, /gone/ nothing, and /slow/ stops after the first
# bytes.
cat >"$work/server.py" <<'END'
import http.server, io, sys, tarfile, threading, time
name = "d6938f9bf1545aa66d8489fc9f1385a7abd64282"
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
    for k in range(3000):
        entry = tarfile.TarInfo(f"free-spoken-digit-dataset-{name}/recordings/{k % 10}_x_{k}.wav")
        entry.size = 7042 if k else 21128848 - 2999 * 7042
        tar.addfile(entry, io.BytesIO(bytes(entry.size)))
good = archive.getvalue()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = good if name in self.path and not self.path.startswith("/bad/") else b"something else"
        if self.path.endswith("train-images-idx3-ubyte.gz"):
            body = bytes(26421880)
        if self.path.startswith("/gone/"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body[:1000])
        if self.path.startswith("/slow/"):
            self.wfile.flush()
            time.sleep(30)
        self.wfile.write(body[1000:])
    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(sys.argv[1] + ".part", "w") as out:
    out.write(str(server.server_port))
import os
os.rename(sys.argv[1] + ".part", sys.argv[1])
threading.Timer(120, server.shutdown).start()
server.serve_forever()
END
python3 "$work/server.py" "$work/port" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -s "$work/port" ] || sleep 0.5
done
if [ ! -s "$work/port" ]; then
    skip "data sets from a server" "python3 could not start one"
    finish
fi
url=http://127.0.0.1:$(cat "$work/port")

# --- get ----------------------------------------------------------------------------------------------------------
expect 1 "a file that is not there" "responded with 404: there is no such file" -- data get -q cifar-10 --from "$url/gone"
expect 1 "a wrong checksum" "is not the published file: its SHA-256 is" -- data get -q fashion-mnist --from "$url/bad"
expect 1 "a page in place of the file" "is not the published file: it has 14 bytes instead of 170052171" -- \
    data get -q cifar-10 --from "$url/bad"
expect 1 "no archive" "cannot be unpacked" -- data get -q fsdd --force --from "$url/bad"
check "none of them left anything" test -z "$(ls "$CONVO_HOME")"

"$CONVO" data get fsdd --force --from "$url/slow" >"$work/out" 2>"$work/slow.txt" &
convo=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -s "$CONVO_HOME"/fsdd.part/*.tar.gz ] 2>/dev/null || sleep 0.5
done
kill -TERM "$convo"
wait "$convo"
check "a signal stops it with 130" test $? -eq 130
check "it says that it can go on" grep -q "the same command goes on from there" "$work/slow.txt"
check "and keeps what was downloaded" test -s "$CONVO_HOME/fsdd.part/d6938f9bf1545aa66d8489fc9f1385a7abd64282.tar.gz"

expect 0 "a data set is got" "fsdd is in $CONVO_HOME/fsdd: 3000 files, 21.1 MB" "downloading" "unpacking" -- \
    data get fsdd --force --from "$url/good/"
check "all files are there" test "$(find "$CONVO_HOME/fsdd" -name '*.wav' | wc -l)" -eq 3000
check "nothing else is" test "$(ls "$CONVO_HOME")" = fsdd
expect 0 "once more, as JSON and quietly" '"files": 3000' '"bytes": 21128848' '"already_there": false' -- \
    data get fsdd --force --from "$url/good" --json -q
silent "quietly"

# --- the disk -----------------------------------------------------------------------------------------------------
: >"$work/file"
CONVO_HOME=$work/file/below
expect 1 "a folder that cannot be made" "$work/file" -- data get cifar-10 --from "$url/good"
mkdir "$work/disk"
if mount -t tmpfs -o size=1m tmpfs "$work/disk" 2>/dev/null; then
    trap 'kill $server 2>/dev/null; umount "$work/disk"; rm -rf "$work"' EXIT
    CONVO_HOME=$work/disk
    expect 1 "a full disk" "the disk is too full: fsdd needs 21.1 MB" -- data get fsdd --force --from "$url/good"
else
    skip "a full disk" "only root can mount a small one"
fi
finish
