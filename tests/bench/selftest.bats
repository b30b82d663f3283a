# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the benchmark measures with is tested itself: that the sink counts what a client of a known
# number of round trips does, that the clock agrees, that memory is the peak, that a run says all
# that others rely on. The clients are Python's sockets and ssl.

bats_require_minimum_version 1.5.0
load ../lib

# All things offered, and nothing but AUTH and SIZE.
LISTENERS=('587=pipelining,chunking,auth,size,8bitmime'
    '465=implicit,pipelining,chunking,auth,size,8bitmime'
    '587-plain=auth,size' '465-plain=implicit,auth,size')

setup_file() {
    "$ROOT/tests/bench/build" "$ROOT/build/bench" 3>&-
}

setup() {
    need openssl musl-gcc
    setup_peers
    BENCH=$ROOT/build/bench
    SINK=$BATS_TEST_TMPDIR/sink
}
teardown() { teardown_case; }

# ports DIR: waits for DIR/ports.
ports() {
    local turn
    for ((turn = 0; turn < 500; turn++)); do
        [ ! -e "$1/ports" ] || return 0
        sleep 0.02
    done
    fail "nothing listens: $(cat "$1/stderr")"
}

# sink [OPTION...]: starts one.
sink() {
    mkdir "$SINK"
    "$BENCH/sink" "$@" -c "$BENCH/certs/chain.pem" -k "$BENCH/certs/chain.key" -d "$SINK" \
        "${LISTENERS[@]}" </dev/null >"$SINK/stderr" 2>&1 3>&- 4>&- &
    started "$!"
    ports "$SINK"
}

# client LISTENER [DIR] <<'PY': runs Python code against it, or against what DIR has by its name.
client() {
    local port
    port=$(awk -v name="$1" '$1 == name { print $2 }' "${2:-$SINK}/ports")
    "$PYTHON" -c '
import base64, socket, ssl, sys, time
context = ssl.create_default_context(cafile=sys.argv[3])
LOGIN = b"AUTH PLAIN " + base64.b64encode(b"\0alice\0s3cret") + b"\r\n"
MAIL, RCPT = b"MAIL FROM:<alice@mail.test>\r\n", b"RCPT TO:<bob@mail.test>\r\n"
TEXT = b"Subject: a test\r\n\r\nHello.\r\n"
BDAT = b"BDAT %d LAST\r\n%s" % (len(TEXT), TEXT)

class Client:
    """Opened up to the second EHLO, and perhaps the log-in."""
    def __init__(self, tls="1.2", login=True, nodelay=True):
        self.sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls]
        context.minimum_version = context.maximum_version = version
        self.buffer = b""
        if not sys.argv[1].startswith("465"):
            self.read()
            self.flight(b"EHLO client.test\r\n")
            self.flight(b"STARTTLS\r\n")
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        if sys.argv[1].startswith("465"):
            self.read()
        self.flight(b"EHLO client.test\r\n")
        if login:
            self.flight(LOGIN)
    def line(self):
        while b"\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            assert data, "EOF"
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line
    def read(self, replies=1):
        """The last of so many replies."""
        for _ in range(replies):
            while (line := self.line())[3:4] == b"-":
                pass
        return line.decode()
    def flight(self, data, replies=1):
        self.sock.sendall(data)
        return self.read(replies)
    def send_message(self):
        for command in MAIL, RCPT, b"DATA\r\n", TEXT + b".\r\n":
            reply = self.flight(command)
        assert reply.startswith("250 "), reply
    def quit(self):
        """As good programs do: tells, and does not wait."""
        self.sock.sendall(b"QUIT\r\n")
        self.sock.close()
'$'\n'"$(cat)" "$1" "$port" "$BENCH/certs/root.pem" 3>&-
}

# logged FIELD=VALUE...: the last session's line, once it is there, has these.
logged() {
    local turn pair
    for ((turn = 0; turn < 500; turn++)); do
        [ ! -s "$SINK/log" ] || break
        sleep 0.02
    done
    for pair; do assert_in "$SINK/log" "(^| )$pair( |\$)" || return 1; done
}

# --- counting ---------------------------------------------------------------------------
# Goal: rt and rt_exit are what the client's dialogue makes by hand: SYN, banner, EHLO, STARTTLS,
# two for TLS 1.2 or one for 1.3, EHLO, AUTH, and then what each test says.

@test "step by step on 587 it is 12, and 13 for who waits for the 221" {
    sink
    client 587-plain <<'PY'
client = Client()
client.send_message()
client.flight(b"QUIT\r\n")
client.sock.close()
PY
    logged rt=12 rt_exit=13 accepted=yes tls=TLSv1.2 grouped=0 held=0 content=DATA
}

@test "step by step on 465 it is 9, and no more for who doesn't wait for the 221" {
    sink
    client 465-plain <<'PY'
client = Client()
client.send_message()
client.quit()
PY
    logged rt=9 rt_exit=9 accepted=yes grouped=0
}

@test "MAIL, RCPT and DATA in one write: 10 and 7" {
    local port want
    for port in 587 465; do
        SINK=$BATS_TEST_TMPDIR/sink.$port
        sink
        client "$port" <<'PY'
client = Client()
assert client.flight(MAIL + RCPT + b"DATA\r\n", 3).startswith("354")
client.flight(TEXT + b".\r\n")
client.quit()
PY
        want=$((port == 587 ? 10 : 7))
        logged "rt=$want" "rt_exit=$want" accepted=yes grouped=2
    done
}

@test "MAIL, RCPT, BDAT and the content in one write: 9 and 6" {
    local port want
    for port in 587 465; do
        SINK=$BATS_TEST_TMPDIR/sink.$port
        sink
        client "$port" <<'PY'
client = Client()
client.flight(MAIL + RCPT + BDAT, 3)
client.quit()
PY
        want=$((port == 587 ? 9 : 6))
        logged "rt=$want" "rt_exit=$want" accepted=yes content=BDAT bytes=27
    done
}

@test "AUTH in one write with MAIL, RCPT and DATA: 9 and 6" {
    local port want
    for port in 587 465; do
        SINK=$BATS_TEST_TMPDIR/sink.$port
        sink
        client "$port" <<'PY'
client = Client(login=False)
client.flight(LOGIN + MAIL + RCPT + b"DATA\r\n", 4)
client.flight(TEXT + b".\r\n")
client.quit()
PY
        want=$((port == 587 ? 9 : 6))
        logged "rt=$want" "rt_exit=$want" accepted=yes grouped=3
    done
}

@test "AUTH LOGIN without an initial response is two more" {
    sink
    client 465-plain <<'PY'
client = Client(login=False)
for line in b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"czNjcmV0\r\n":
    client.flight(line)
client.send_message()
client.quit()
PY
    logged rt=11 mechanism=LOGIN
}

@test "TLS 1.3 is one less" {
    sink
    client 587-plain <<'PY'
client = Client("1.3")
client.send_message()
client.quit()
PY
    logged rt=11 rt_exit=11 tls=TLSv1.3 held=0
}

@test "with Nagle's algorithm the EHLO waits for the ACK of TLS 1.3's Finished: one more" {
    sink
    client 587-plain <<'PY'
client = Client("1.3", nodelay=False)
client.send_message()
client.quit()
PY
    logged rt=12 tls=TLSv1.3 held=1
}

@test "what is sent without waiting is one flight, in however many writes" {
    sink
    client 587 <<'PY'
client = Client()
for part in MAIL, RCPT[:9], RCPT[9:], b"DATA\r\n":
    client.sock.sendall(part)
    time.sleep(0.005)
client.read(3)
client.flight(TEXT + b".\r\n")
client.quit()
PY
    logged rt=10 accepted=yes grouped=2
}

@test "a slow client makes no more round trips than a fast one" {
    sink
    client 465 <<'PY'
client = Client(login=False)
time.sleep(0.2)
client.flight(LOGIN)
time.sleep(0.2)
client.flight(MAIL + RCPT + BDAT, 3)
time.sleep(0.2)
client.quit()
PY
    logged rt=6 rt_exit=6
}

@test "without holding back it takes the same messages" {
    sink -q 0
    client 587 <<'PY'
client = Client()
client.flight(MAIL + RCPT + BDAT, 3)
client.quit()
PY
    logged accepted=yes bytes=27
}

# --- what it takes ----------------------------------------------------------------------
# Goal: a client that breaks the rules isn't measured, it is refused; and bytes are bytes.

@test "pipelining where it isn't offered ends the session" {
    sink
    client 587-plain <<'PY'
client = Client()
assert client.flight(MAIL + RCPT, 2).startswith("500 ")
PY
    logged accepted=no rt=0 'why=pipelining that was not offered'
}

@test "content before the 354 isn't taken" {
    sink
    run client 587 <<'PY'
client = Client()
client.flight(MAIL + RCPT + b"DATA\r\n" + TEXT + b".\r\n", 4)
PY
    [ "$status" -ne 0 ]
    logged accepted=no 'why=content before 354'
}

@test "BDAT is refused where CHUNKING isn't offered" {
    sink
    client 587-plain <<'PY'
client = Client()
client.flight(MAIL)
client.flight(RCPT)
assert client.flight(b"BDAT 0 LAST\r\n").startswith("503 ")
client.quit()
PY
    logged accepted=no
}

@test "a session that breaks off has not been accepted" {
    sink
    client 587 <<'PY'
client = Client()
client.flight(MAIL + RCPT + b"DATA\r\n", 3)
client.sock.sendall(TEXT)
client.sock.close()
PY
    logged accepted=no messages=0
}

@test "the end of DATA is found wherever the writes are split, and bytes and bare LFs are counted" {
    sink
    client 587 <<'PY'
text = b"a\r\n..b\r\n.\rc\r\n.\nd\ne\r\n.."
client = Client()
client.flight(MAIL + RCPT + b"DATA\r\n", 3)
for byte in text + b"\r\n.\r":
    client.sock.sendall(bytes([byte]))
client.flight(b"\n")
client.quit()
PY
    logged accepted=yes bytes=24 bare=2
}

# --- the clock --------------------------------------------------------------------------
# Goal: the count and a network with delay say the same.

@test "behind the proxy, at 100 ms, wall time is the round trips, on both ports" {
    local line net=$BATS_TEST_TMPDIR/net
    sink -q 0
    mkdir "$net"
    mapfile -t line < <(tr ' ' = <"$SINK/ports")
    "$PYTHON" "$ROOT/tests/bench/delay.py" proxy 100 "$net" "${line[@]}" \
        </dev/null >"$net/stderr" 2>&1 3>&- 4>&- &
    started "$!"
    ports "$net"
    # On a busy machine it takes longer now and then, never shorter.
    client 587 "$net" <<'PY'
def trips():
    start = time.monotonic()
    client = Client()
    client.flight(MAIL + RCPT + BDAT, 3)
    return (time.monotonic() - start) * 10
found = []
while len(found) < 6 and (not found or found[-1] >= 9.5):
    found.append(trips())
assert 9 <= found[-1] < 9.5 and min(found) >= 9, found
PY
    client 465-plain "$net" <<'PY'
def trips():
    start = time.monotonic()
    client = Client()
    client.send_message()
    return (time.monotonic() - start) * 10
found = []
while len(found) < 6 and (not found or found[-1] >= 9.5):
    found.append(trips())
assert 9 <= found[-1] < 9.5 and min(found) >= 9, found
PY
}

@test "mailchute's round trips are its wall time at 100 ms" {
    cd "$ROOT/tests/bench"
    MAILCHUTE=$MC "$PYTHON" -B -c '
import pathlib, sys
import bench, measure
work = pathlib.Path(sys.argv[1])
bench.prepare(work)
with measure.Sink(work / "sink", 25) as sink:
    ours, rows = bench.count_modes(work, sink)
assert {"pipelining", "plain"} <= set(ours), ours
assert bench.confirm(work, ours, rows)
' "$BATS_TEST_TMPDIR" 3>&-
}

# --- memory, many -----------------------------------------------------------------------

@test "memory is the peak, also if it was given back" {
    run "$BENCH/launch" -m "$PYTHON" -c 'text = bytearray(64 << 20); del text'
    assert_status 0
    [[ $output =~ rss_kb=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -gt 65536 ]
    [ "${BASH_REMATCH[1]}" -lt 98304 ]
}

@test "memory of a small program isn't that of its parent" {
    run "$BENCH/launch" -m "$BENCH/launch"
    [[ $output =~ rss_kb=([0-9]+) ]]
    [ "${BASH_REMATCH[1]}" -gt 0 ]
    [ "${BASH_REMATCH[1]}" -lt 200 ]
}

@test "launch says how many failed" {
    run "$BENCH/launch" -n 5 -j 2 /bin/false
    assert_status 1
    assert_output_has failed=5
    run "$BENCH/launch" -n 5 -j 2 /bin/true
    assert_status 0
    assert_output_has failed=0
}

# --- a run ------------------------------------------------------------------------------

@test "a quick run prints every figure that can be counted" {
    need valgrind strace
    run --separate-stderr env MAILCHUTE="$MC" "$ROOT/tests/bench/run" --quick 3>&-
    assert_status 0
    local key port mode
    for mode in chunking pipelining plain; do
        for port in 587 465; do
            grep -qxE "rt_${port}_$mode=[0-9]+" <<<"$output" || fail "rt_${port}_$mode: $output"
            grep -qxE "rt_exit_${port}_$mode=[0-9]+" <<<"$output" || fail "rt_exit_${port}_$mode"
        done
    done
    for port in 587 465; do
        grep -qxE "rt_${port}_auth_pipelining=([0-9]+|none)" <<<"$output" || fail "$output"
    done
    for key in syscalls files instructions rss_kb_2k rss_kb_20k rss_kb_25m; do
        grep -qxE "${key}_sys=[1-9][0-9]*" <<<"$output" || fail "${key}_sys: $output"
        grep -qxE "${key}_ca=[1-9][0-9]*" <<<"$output" || fail "${key}_ca: $output"
    done
    grep -qx "binary_bytes=$(stat -Lc %s "$MC")" <<<"$output" || fail "binary_bytes: $output"
}

@test "a run with a client that can't send says none, and fails" {
    need valgrind strace
    run --separate-stderr env MAILCHUTE=/bin/false "$ROOT/tests/bench/run" --quick 3>&-
    assert_status 1
    assert_output_has rt_587_plain=none
    refute_output_has instructions_sys=
}

@test "the table and the picture have each client's figures" {
    mkdir "$BATS_TEST_TMPDIR/out"
    "$PYTHON" - >"$BATS_TEST_TMPDIR/figures.json" <<'PY'
import json
def row(name, n):
    both = {"587": 9 + n, "465": 6 + n}
    return {"label": name + "-sys", "name": name, "trust": "sys", "version": "1.2",
            "tls": "TLSv1.2", "rt": both, "rt_exit": both, "verifies": n == 0, "syscalls": 71,
            "files": 5, "disk": 250000,
            "instructions": 21000000, "rss_kb": {"2k": 333, "20k": 444, "25m": 5555},
            "mb_s": 217.0 / (1 + n), "cpu_ms": 4.0, "cpu_ms_25m": 99.0, "messages_s": 512.0,
            "memory_kb_20": 5000, "wall_ms": {at: {"587": 10.0 * int(at), "465": 5.0 * int(at)}
                                              for at in ("0", "20", "100")}}
print(json.dumps({
    "date": "2026-01-02", "network": "wire", "left_out": {"other-sys": "no reason"},
    "machine": {"cpu": "A & B", "cores": 2, "architecture": "x", "kernel": "1", "system": "D",
                "openssl": "O", "valgrind": "V"},
    "clients": [row("mailchute", 0), row("rival", 3)],
    "modes": {"chunking": {"rt": {"587": 9, "465": 6}, "rt_exit": {"587": 9, "465": 6},
                           "wall_rtt": {"587": 9.12, "465": 6.11}}}}))
PY
    "$PYTHON" -B "$ROOT/tests/bench/plot.py" "$BATS_TEST_TMPDIR/figures.json" \
        "$BATS_TEST_TMPDIR/out"
    assert_in "$BATS_TEST_TMPDIR/out/bench.md" '^\| round trips to exit \| 9 / 6 \| 12 / 9 \|$'
    assert_in "$BATS_TEST_TMPDIR/out/bench.md" '^\| memory for 25 MB \| 5\.5[56] MB \|'
    assert_in "$BATS_TEST_TMPDIR/out/bench.md" \
        '^\| PIPELINING and CHUNKING \| 9 / 6 \| 9 / 6 \| 9\.12 / 6\.11 \|$'
    assert_in "$BATS_TEST_TMPDIR/out/bench.md" 'Left out: other-sys: no reason'
    assert_in "$BATS_TEST_TMPDIR/out/bench.md" 'rival sys verifies nothing'
    refute_in "$BATS_TEST_TMPDIR/out/bench.md" 'mailchute sys verifies nothing'
    "$PYTHON" - "$BATS_TEST_TMPDIR/out/bench.svg" <<'PY'
import sys, xml.etree.ElementTree
picture = xml.etree.ElementTree.parse(sys.argv[1])
texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
assert texts.count("mailchute") == texts.count("rival*") == 6, texts
assert "12" in texts and texts.count("1.00") == 3 and "0.25" in texts, texts
PY
    printf 'a\n<!-- written by make bench SAVE=1 -->\nold\n<!-- end -->\nb\n' \
        >"$BATS_TEST_TMPDIR/README.md"
    "$PYTHON" -B "$ROOT/tests/bench/plot.py" "$BATS_TEST_TMPDIR/figures.json" \
        "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/README.md"
    assert_in "$BATS_TEST_TMPDIR/README.md" '^\| rate of 25 MB \| 1\.00 \| 0\.25 \|$'
    assert_in "$BATS_TEST_TMPDIR/README.md" '9 / 6 where the server offers PIPELINING and CHUNKING'
    assert_in "$BATS_TEST_TMPDIR/README.md" '^a$'
    assert_in "$BATS_TEST_TMPDIR/README.md" '^b$'
    refute_in "$BATS_TEST_TMPDIR/README.md" '^old$'
}
