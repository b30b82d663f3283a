# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Repairs of a message at the edges: line ends at every split of every buffer, characters and
# quoted strings across folds, recipients by Bcc and by groups.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# --- line ends, dots and NULs at the buffers' edges -----------------------------------------
# Goal: whatever the buffers are, the bytes on the wire are what a few lines of Python say.

# model FIRST LAST WHERE...: for each seed a message with noise around each WHERE, by pipe (in
# pieces) or file; what arrives is compared with the model's bytes.
model() {
    profile host=localhost:1 tls=implicit user= password= log=off
    timeout -k 1 120 "$PYTHON" - "$BIN/sendmail" "$BATS_TEST_TMPDIR" "$CERTS" "$@" <<'PY'
import os, random, re, socket, ssl, subprocess, sys, threading

program, folder, certs, first, last = sys.argv[1:6]
edges = [int(edge) for edge in sys.argv[6:]]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/good.pem", certs + "/good.key")
ENDS = [b"\n", b"\r\n", b"\r\r\n"]
NOISE = [b"\r", b"\n", b"\r\n", b"\r\r\n", b".", b"\0", b"a"]
FIELDS = [b"From: Alice <alice@mail.test>", b"To: bob@mail.test", b"Subject: a test",
          b"Date: Mon, 1 Jan 2024 00:00:00 +0000", b"Message-ID: <1@mail.test>"]


def compose(rng):
    """A header whose lines end in any way, a body of filler with noise around the edges."""
    end = rng.choice(ENDS) if rng.random() < .5 else None
    data = bytearray()
    for line in FIELDS + [b""]:
        data += line + (end or rng.choice(ENDS))
    for edge in edges:
        start = edge - rng.randrange(2, 14)
        while len(data) < start:
            line = b"%d." % rng.randrange(1000) * rng.randrange(1, 40) + rng.choice([b"\n", b"\r\n"])
            data += line[-(start - len(data)):]
        while len(data) < edge + rng.randrange(2, 14):
            data += rng.choice(NOISE)
    if rng.random() < .3:
        data += rng.choice([b"", b"\r", b"\n", b".", b"\r\n.", b"\r\n.\r", b"\0"])
    return bytes(data)


def expected(data):
    """What must be on the wire, the final dot with it."""
    lines = re.sub(rb"\r\r\n|\r\n|\r|\n", b"\r\n", data.replace(b"\0", b""))
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def serve(listener, result):
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(20)
    sock = context.wrap_socket(sock, server_side=True)
    stream = sock.makefile("rwb", 65536)

    def say(text):
        stream.write(text + b"\r\n")
        stream.flush()

    say(b"220 x")
    for line in stream:
        verb = line[:4].upper()
        if verb == b"EHLO":
            say(b"250 8BITMIME")
        elif verb == b"DATA":
            say(b"354 go")
            got = bytearray()
            while not got.endswith(b"\r\n.\r\n"):
                more = stream.readline()
                if not more:
                    break
                got += more
            result.append(bytes(got))
            say(b"250 ok")
        elif verb == b"QUIT":
            say(b"221 bye")
            break
        else:
            say(b"250 ok")
    stream.close()
    sock.close()


listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
with open(folder + "/mailchute.ini") as old:
    text = old.read().replace("localhost:1\n", "localhost:%d\n" % port)
with open(folder + "/mailchute.ini", "w") as new:
    new.write(text)
for seed in range(int(first), int(last)):
    rng = random.Random(seed)
    data = compose(rng)
    result = []
    server = threading.Thread(target=serve, args=(listener, result), daemon=True)
    server.start()
    command = [program, "-i", "bob@mail.test"]
    if seed % 2 == 0:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0)
        at = 0
        for cut in sorted(rng.choice(edges) + rng.randrange(-8, 9) for _ in range(3)) + [len(data)]:
            while at < min(cut, len(data)):
                at += child.stdin.write(data[at:cut])
        child.stdin.close()
    else:
        with open(folder + "/input", "wb") as out:
            out.write(data)
        with open(folder + "/input", "rb") as stdin:
            child = subprocess.Popen(command, stdin=stdin)
    status = child.wait(20)
    server.join(20)
    wanted = expected(data)
    if status != 0 or result != [wanted]:
        got = result[0] if result else b""
        at = next((i for i, (x, y) in enumerate(zip(got, wanted)) if x != y), min(len(got), len(wanted)))
        print("seed %d: status %d, %d bytes, wanted %d; from byte %d on:\n got    %r\n wanted %r" % (
            seed, status, len(got), len(wanted), at, got[max(0, at - 40):at + 40],
            wanted[max(0, at - 40):at + 40]), file=sys.stderr)
        sys.exit(1)
PY
}

@test "line ends, dots and NULs around 4096 and 16384 are right, for 300 seeds" {
    model 0 300 4096 8192 16384
}

@test "line ends, dots and NULs around 65536 and 262144 are right, for 60 seeds" {
    model 1000 1060 32768 65536 131072 262144 266240
}

@test "line ends, dots and NULs at each 4096 up to 300 KB are right, for 40 seeds" {
    # shellcheck disable=SC2046
    model 2000 2040 $(seq 4096 4096 303104)
}

@test "a dot alone at each place around 16384 on the wire is doubled" {
    # What is written is longer than what is read: here each line grows.
    "$PYTHON" - "$BATS_TEST_TMPDIR" "$(printf %b "$WHOLE")" <<'PY'
import sys
folder, head = sys.argv[1:]
body = ".\n" * 20000 + "..\n" * 7000 + "x\n.\n" * 3000
with open(folder + "/input", "w") as out:
    out.write(head.rstrip("\n") + "\n\n" + body)
with open(folder + "/wanted", "w", newline="") as out:
    lines = (head.rstrip("\n") + "\n\n" + body).split("\n")[:-1]
    out.write("".join(("." if line.startswith(".") else "") + line + "\r\n" for line in lines) + ".\r\n")
PY
    sends 1 -i bob@mail.test < <(cat "$BATS_TEST_TMPDIR/input")
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

# --- characters across folds and encoded words ------------------------------------------------
# Goal: a reader sees the words that were written; no encoded word holds half a character.

# read_as FIELD-TEXT WANTED: a Subject of this text (printf %b) is read as WANTED, and no byte
# over 0x7f leaves in the header.
read_as() {
    sends 1 bob@mail.test < <(printf 'Subject:%b\nFrom: a@mail.test\n\nx\n' "$1")
    assert_same "$(decoded Subject)" "$2"
    LC_ALL=C refute_in <(header) $'[\x80-\xff]'
}

@test "UTF-8 words on both sides of a fold keep the blank between them" {
    read_as ' Grüße\n aus Köln' 'Grüße aus Köln'
    read_as ' Grüße\n Köln' 'Grüße Köln'
    read_as '\n Grüße\r\n\tKöln' $'Grüße\tKöln'
}

@test "blanks between UTF-8 words stay as many as they were" {
    read_as ' ä   ö  x   ü' 'ä   ö  x   ü'
}

@test "characters of 2, 3 and 4 bytes at each place of an encoded word stay whole" {
    "$PYTHON" - >"$BATS_TEST_TMPDIR/input" <<'PY'
print("From: a@mail.test")
for i in range(64):
    print("X-%d: %s" % (i, "é" + "x" * i + "é€😀ß" * 40))
    print("Resent-To: \"%s\" <a%d@mail.test>" % ("é" + "x" * i + "é€😀ß" * 12, i))
print("\nx")
PY
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/input"
    "$PYTHON" - "$PEER/body.1" <<'PY'
import base64, email, email.header, email.utils, re, sys
data = open(sys.argv[1], "rb").read()
head = data[:data.index(b"\r\n\r\n")].decode("ascii")
words = re.findall(r"=\?UTF-8\?B\?([^?]*)\?=", head)
assert len(words) > 64 * 5
for word in words:
    base64.b64decode(word, validate=True).decode("utf-8")
    assert len(word) + 12 <= 75, word
for line in re.findall(r"(?m)^X-.*(?:\r\n .*)*", head):
    assert max(map(len, line.split("\r\n"))) <= 76, line
parsed = email.message_from_bytes(data)
for i in range(64):
    text = str(email.header.make_header(email.header.decode_header(parsed["X-%d" % i])))
    assert text == "é" + "x" * i + "é€😀ß" * 40, text
fields = parsed.get_all("Resent-To")
assert len(fields) == 64
for i, field in enumerate(fields):
    name, address = email.utils.parseaddr(field.replace("\r\n", ""))
    name = str(email.header.make_header(email.header.decode_header(name)))
    assert (name, address) == ("é" + "x" * i + "é€😀ß" * 12, "a%d@mail.test" % i), (name, address)
PY
}

@test "a character that a fold cuts in two is no UTF-8, and stays as it came" {
    carries "${WHOLE/a test/J\\0303\\n \\0266rg}"'\n' "${WHOLE_CRLF/a test/J\\0303\\r\\n \\0266rg}"'\r\n.\r\n'
}

@test "a display name that is folded and isn't ASCII is one name" {
    sends 1 bob@mail.test < <(printf 'From: a@mail.test\nTo: Jörg\n Müller <j@mail.test>,\n "Doe,\n Jäne" <d@mail.test>\n\nx\n')
    assert_same "$("$PYTHON" - "$PEER/body.1" <<'PY'
import email, email.policy, sys
parsed = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
for address in parsed["To"].addresses:
    print(address.display_name, address.addr_spec)
PY
)" $'Jörg Müller j@mail.test\nDoe, Jäne d@mail.test'
}

# --- long lists folded ------------------------------------------------------------------------
# Goal: no line over 998 bytes, and the same mailboxes for every reader.

@test "lists with quoted strings, commas and comments are folded at each place, and stay the same" {
    "$PYTHON" - "$BATS_TEST_TMPDIR" <<'PY'
import sys
with open(sys.argv[1] + "/input", "w") as out:
    out.write("From: a@mail.test\n")
    for pad in range(0, 120, 3):
        boxes = ['"%s, \\"a, b\\" c" <u%d@mail.test>' % ("p" * pad, pad)]
        for i in range(60):
            boxes.append(['"Doe, J. (x)" <j%d@mail.test>', '"a,b"@m%d.test', 'n%d@mail.test (c, "d)',
                          'Name%d <n@mail.test>'][i % 4] % i)
        out.write("Resent-Cc: " + [", ", ","][pad % 2].join(boxes) + "\n")
    out.write("\nx\n")
PY
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/input"
    "$PYTHON" - "$BATS_TEST_TMPDIR/input" "$PEER/body.1" <<'PY'
import email, email._parseaddr, re, sys
came = email.message_from_binary_file(open(sys.argv[1], "rb")).get_all("Resent-Cc")
data = open(sys.argv[2], "rb").read()
head = data[:data.index(b"\r\n\r\n")].split(b"\r\n")
assert max(len(line) for line in head) <= 998, max(len(line) for line in head)
assert sum(line[:1] in b" \t" for line in head) >= len(came), "nothing was folded"
left = email.message_from_bytes(data).get_all("Resent-Cc")
assert len(left) == len(came) == 40
for before, after in zip(came, left):
    before, after = (email._parseaddr.AddressList(re.sub(r"\r?\n(?=[ \t])", "", x)).addresslist for x in (before, after))
    assert len(before) == 61 and before == after, [pair for pair in zip(before, after) if pair[0] != pair[1]]
PY
}

@test "a comma within quotes is no place for a fold, though the string was folded before it" {
    local p q
    p=$(printf 'p%.0s' {1..500})
    q=$(printf 'q%.0s' {1..600})
    sends 1 bob@mail.test < <(printf 'From: a@mail.test\nReply-To: "%s %s,%s" <b@mail.test>\nSender: "%s\n %s,%s" <c@mail.test>\n\nx\n' \
        "$p" "$q" "$q" "$p" "$q" "$q")
    assert_same "$(field Reply-To | tr -d '\n')" "\"$p $q,$q\" <b@mail.test>"
    assert_same "$(field Sender | tr -d '\n')" "\"$p $q,$q\" <c@mail.test>"
}

@test "a long quoted string without a comma is folded at a blank, else left as it is" {
    local long
    long=$(printf 'q%.0s' {1..1200})
    sends 1 bob@mail.test < <(printf 'From: "%s" <a@mail.test>\nReply-To: "%s %s" <b@mail.test>\n\nx\n' "$long" "${long:0:900}" "${long:0:200}")
    assert_same "$(field From | tr -d '\n')" " \"$long\" <a@mail.test>"
    assert_same "$(field Reply-To | tr -d '\n')" "\"${long:0:900} ${long:0:200}\" <b@mail.test>"
    field Reply-To | awk 'length > 998 { exit 1 }'
}

# --- recipients by the thousand, by Bcc, by groups ------------------------------------------------
# Goal: all of them, once; none in the header that leaves but those that came in To and Cc.

# many N FORMAT: numbers into a list that is folded.
many() {
    "$PYTHON" -c 'import sys
print(",\n ".join(sys.argv[2] % i for i in range(int(sys.argv[1]))))' "$@"
}

@test "10,000 recipients in Bcc reach the server, and none is in the header" {
    KEYS=(max_recipients=10000)
    sends 10000 -t < <(printf 'Bcc: %s\n\nx\n' "$(many 10000 'u%d')")
    assert_same "$(recipients | md5sum)" "$(many 10000 'u%d@mail.test' | tr -d ' ,' | md5sum)"
    assert_same "$(field To)" 'undisclosed-recipients:;'
    refute_in <(header) 'u[0-9]'
}

@test "only a Bcc: its members get it, To says nobody" {
    sends 2 -t < <(printf 'Bcc: a@mail.test, Secret <b@mail.test>\n\nx\n')
    assert_recipients a@mail.test b@mail.test
    assert_same "$(field To)" 'undisclosed-recipients:;'
    # (A Message-ID of ours may end in an a.)
    refute_in <(arrived) '(^|[^0-9a-f])a@mail|Secret|^[Bb]cc'
}

@test "only a Resent-Bcc: its members get it, no word of it leaves" {
    sends 1 -t < <(printf 'To: old@mail.test\nResent-From: me@mail.test\nResent-Bcc: a@mail.test\n\nx\n')
    assert_recipients a@mail.test
    refute_in <(arrived) '(^|[^0-9a-f])a@mail|Resent-Bcc'
}

@test "groups stay groups in the header" {
    sends 2 -t < <(printf 'To: team: a, Bob <b>;\nCc: undisclosed-recipients:;\n\nx\n')
    assert_same "$(field To)" 'team: a@mail.test, Bob <b@mail.test>;'
    assert_same "$(field Cc)" 'undisclosed-recipients:;'
}

@test "under -t only empty groups are no recipient: 64" {
    refuses 64 -t < <(printf 'To: undisclosed-recipients:;\nCc: none:;\n\nx\n')
}
