# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031,SC2154   # each test is a subshell; peer sets PORT_two
# The scripted peer and the helpers of lib.bash are tested themselves: above all, that
# they can fail.  The clients are Python's smtplib, OpenSSL's s_client and plain sockets.

load ../lib

setup() { setup_peers; }
teardown() { teardown_case; }

# client <<'PY': runs Python code which finds these things defined.
client() {
    local prelude='
import os, smtplib, socket, ssl, sys, time
port, certs = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=certs + "/ca.pem")
context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF    # or a CUT looks like a CLOSE

class Smtp(smtplib.SMTP):
    def putcmd(self, command, args=""):     # smtplib has it in lower case
        super().putcmd(command.upper(), args)

def connect(tls=False, version=None):
    plain = socket.create_connection(("127.0.0.1", port), 10)
    if not tls:
        return plain
    if version:
        context.maximum_version = version
    return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)

def read_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        assert byte, ("EOF after", line)
        line += byte
    return line

def read_all(sock):
    data = b""
    while (more := sock.recv(65536)):
        data += more
    return data
'
    "$PYTHON" -c "$prelude"$'\n'"$(cat)" "$PORT" "$CERTS" 3>&-
}

# Sends stdin as it is, then says it is done; prints what the peer sends.
plain_client() {
    cat >"$BATS_TEST_TMPDIR/input"
    INPUT=$BATS_TEST_TMPDIR/input client <<'PY'
sock = connect()
sock.sendall(open(os.environ["INPUT"], "rb").read())
sock.shutdown(socket.SHUT_WR)
sys.stdout.buffer.write(read_all(sock))
PY
}

# not_done PATTERN [NAME]: the peer did not play its script, and says so like PATTERN.
not_done() {
    run peer_done "${@:2}"
    assert_status 1
    assert_in - "$1" <<<"$output"
}

# --- dialogues ----------------------------------------------------------------------

@test "a good dialogue with STARTTLS is ok; the message arrives unstuffed" {
    peer <<< $'@587\n@login\n@send'
    client <<'PY'
smtp = Smtp("localhost", port)
smtp.starttls(context=context)
smtp.login("alice", "s3cret-alice")
smtp.sendmail("alice@mail.test", "bob@mail.test", "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n")
smtp.quit()
PY
    peer_done
    wait "$PEER_PID"
    [ "$(arrived)" = $'Subject: x\n\n.dot\n..\nend' ]
    [ "$(tr -d '\r' <"$PEER/body.1.raw")" = $'Subject: x\n\n..dot\n...\nend\n.' ]
    assert_in "$PEER/log" '^1 SNI localhost$'
    assert_in "$PEER/log" '^1 TLS TLSv1\.[23] '
    assert_in "$PEER/log" '^1 < AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGljZQ==$'
    assert_in "$PEER/log" '^1 > 250 2.0.0 Ok: queued as 4F1A$'
}

@test "a good dialogue with implicit TLS is ok, by the macro and by --implicit" {
    peer <<< $'@465\n@send'
    peer -n two --implicit <<< $'S: 220 x\nC: QUIT\nS: 221 bye'
    run openssl s_client -quiet -crlf -verify_return_error -CAfile "$CERTS/ca.pem" \
        -verify_hostname localhost -tls1_2 -connect "127.0.0.1:$PORT_two" <<< 'QUIT'
    assert_status 0
    assert_output_has '221 bye'
    client <<'PY'
class Implicit(smtplib.SMTP_SSL, Smtp):
    putcmd = Smtp.putcmd
smtp = Implicit("localhost", port, context=context)
smtp.sendmail("alice@mail.test", "bob@mail.test", "Subject: x\r\n\r\n")
smtp.quit()
PY
    peer_done
    peer_done two
    assert_in "$PEER_two/log" '^1 TLS TLSv1\.2 '
    [ "$(arrived)" = 'Subject: x' ]
}

@test "a wrong line is a mismatch and closes the connection" {
    peer <<< $'S: 220 hi\nC: EHLO *\nS: 250 never'
    run plain_client <<< $'ehlo x\r'
    [ "${lines[*]}" = $'220 hi\r' ]
    not_done '^peer: 1 MISMATCH wanted "EHLO \*" got "ehlo x" \(script line 2\)$'
    run wait "$PEER_PID"
    assert_status 1
    [ "$(<"$PEER/result")" = '1 MISMATCH wanted "EHLO *" got "ehlo x" (script line 2)' ]
}

@test "an early end of the client is a mismatch, the half line is in the log" {
    peer <<< $'S: 220 hi\nC: QUIT'
    printf 'QUI' | plain_client
    not_done 'wanted "QUIT" got "QUI" and EOF'
    assert_in "$PEER/log" '^1 <- QUI$'
}

@test "a connection that is never made is a mismatch" {
    peer <<< $'=== connection\nS: 220 one\n=== connection\nS: 220 two'
    plain_client </dev/null
    kill "$PEER_PID"
    not_done '^peer: 2 MISMATCH wanted "a connection" got nothing before the peer was stopped'
}

@test "C* only notes what differs" {
    peer <<< $'S: 220 hi\nC*: EHLO *\nC*: QUIT\nC*: QUIT\nS: 221 bye'
    printf 'HELO a\r\nRSET\n' | plain_client
    peer_done
    assert_in "$PEER/log" '^1 NOTE wanted "EHLO \*" got "HELO a"$'
    assert_in "$PEER/log" '^1 NOTE wanted "QUIT" got "RSET\\n" \(line end\)$'
    assert_in "$PEER/log" '^1 NOTE wanted "QUIT" got EOF$'
}

@test "sections are played in order, then the listener is closed" {
    peer <<< $'S: 220 one\n=== connection\nS: 220 two'
    [ "$(plain_client </dev/null)" = $'220 one\r' ]
    client <<'PY'
sock = connect()
assert read_all(sock) == b"220 two\r\n"
time.sleep(0.2)
try:
    connect()
    sys.exit("the listener is open")
except ConnectionRefusedError:
    pass
PY
    peer_done
}

@test "every connection: all further ones, twenty at once" {
    peer <<< $'S: 220 first\n=== every connection\nS: 220 more\nC: QUIT\nS: 221 bye'
    [ "$(plain_client </dev/null)" = $'220 first\r' ]
    client <<'PY'
socks = [connect() for _ in range(20)]
for sock in reversed(socks):
    assert read_line(sock) == b"220 more\r\n"
    sock.sendall(b"QUIT\r\n")
    assert read_all(sock) == b"221 bye\r\n"
    sock.close()
PY
    peer_done
    assert_in "$PEER/log" '^21 EOF$'
}

@test "one wrong connection of many is enough" {
    peer <<< $'=== every connection\nC: QUIT'
    plain_client <<< $'QUIT\r'
    plain_client <<< $'RSET\r'
    not_done '^peer: 2 MISMATCH wanted "QUIT" got "RSET"'
}

@test "a peer that was stopped in the middle did not play its script" {
    peer <<< $'S: 220 hi\nC: EHLO *\nS: 250 hi'
    client <<< 'sock = connect(); time.sleep(10)' &
    started $!
    until grep -q '^1 > 220 hi' "$PEER/log"; do sleep 0.05; done
    peer_stop
    not_done 'wanted "C: EHLO \*" got nothing before the peer was stopped'
}

@test "the run's time is limited" {
    peer --time 0.5 <<< 'S: 220 hi'
    not_done 'wanted "a connection" got nothing before the time was over'
}

@test "IPv6" {
    [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip 'no ::1 here'
    peer --address ::1 <<< 'S: 220 six'
    client <<'PY'
assert read_all(socket.create_connection(("::1", port), 10)) == b"220 six\r\n"
PY
    peer_done
}

# --- line ends and bodies -----------------------------------------------------------

@test "a bare LF or CR in a command is a mismatch" {
    peer <<< $'=== connection\nC: *'
    printf 'QUIT\n' | plain_client
    not_done 'got "QUIT\\n" \(line end\)'
    peer <<< $'=== connection\nC: *'
    printf 'QU\rIT\r\n' | plain_client
    not_done 'got "QU\\rIT\\r\\n" \(line end\)'
}

@test "a bare LF or CR in the body is a mismatch, at once" {
    local body
    for body in 'a\r\nb\nc\r\n.\r\n' '\na\r\n.\r\n' 'a\rb\r\n.\r\n' 'a\n.\r\n' 'a\r\r\n.\r\n' \
        'a\r\n.\n'; do
        peer <<< 'BODY'
        printf '%b' "$body" | plain_client
        not_done 'wanted "CRLF line ends" got'
        printf '%b' "$body" | cmp - "$PEER/body.1.raw"
        [ ! -e "$PEER/body.1" ]
    done
}

@test "a bare CR is found where the client's writes are split" {
    peer <<< 'BODY'
    client <<'PY'
sock = connect()
sock.sendall(b"good\r"); time.sleep(0.1)
sock.sendall(b"\nbad\r"); time.sleep(0.1)
sock.sendall(b"x\r\n.\r\n")
read_all(sock)
PY
    not_done 'got "good\\r\\nbad\\rx\\r\\n\.\\r\\n" at byte 9'
}

@test "the end of a body is found however it is split" {
    peer <<< $'BODY\nBODY\nC: QUIT'
    client <<'PY'
sock = connect()
for byte in b"x\r\n..\r\n.\r\n" b".\r\nQUIT\r\n":
    sock.sendall(bytes([byte])); time.sleep(0.02)
PY
    peer_done
    printf 'x\r\n.\r\n' | cmp - "$PEER/body.1"
    [ ! -s "$PEER/body.2" ]
}

@test "a body that ends early is a mismatch; what came is kept" {
    peer <<< 'BODY'
    printf 'half\r\n.' | plain_client
    not_done "wanted \"the message's end\" got EOF after 7 bytes"
    [ "$(od -An -c "$PEER/body.1.raw" | tr -d ' ')" = 'half\r\n.' ]
}

@test "bodies: empty, with an empty line only, pipelined one behind the other" {
    peer <<< $'BODY\nBODY\nBODY\nC: QUIT'
    printf '.\r\n\r\n.\r\n..\r\n...\r\nx.\r\n.\r\nQUIT\r\n' | plain_client
    peer_done
    [ ! -s "$PEER/body.1" ]
    printf '\r\n' | cmp - "$PEER/body.2"
    printf '.\r\n..\r\nx.\r\n' | cmp - "$PEER/body.3"
}

@test "a large body through TLS comes byte for byte, however it is cut" {
    peer <<< $'TLS\nBODY'
    OUT=$BATS_TEST_TMPDIR/sent client <<'PY'
import random
dice = random.Random(1)
lines = [b"." * dice.randrange(4) + b"x" * dice.randrange(200) for _ in range(60000)]
text = b"".join(line + b"\r\n" for line in lines)
open(os.environ["OUT"], "wb").write(text)
text = b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines) + b".\r\n"
sock = connect(tls=True)
while text:
    size = dice.choice((1, 2, 100, 20000, 100000))
    sock.sendall(text[:size])
    text = text[size:]
sock.unwrap()
PY
    peer_done
    cmp "$BATS_TEST_TMPDIR/sent" "$PEER/body.1"
    refute_in "$PEER/body.1" '^\.\.\.\.'
}

@test "BDAT, READ and DROP-AFTER take what they should" {
    peer <<< $'BDAT\nBDAT\nREAD 3\nDROP-AFTER 4\nS: 552 enough\nC: QUIT'
    printf '%b' 'BDAT 5\r\n.a\r\nbBDAT 2 LAST\r\n\r\nab\x00' 'some' 'QUIT\r\n' | plain_client
    peer_done
    printf '.a\r\nb\r\n' | cmp - "$PEER/body.1"
    printf 'some' | cmp - "$PEER/body.2.raw"
    [ ! -e "$PEER/body.2" ]
    assert_in "$PEER/log" '^1 <- ab\\x00$'
}

# --- what is sent -------------------------------------------------------------------

@test "S lines in a row come in one segment (injection), FLUSH splits them" {
    peer <<'EOF'
        S: 220 go ahead
        S: 250 injected
        S-: 250 hal
        S\: f\r\n\x00\xff\\
        C: A
        S: 1
        FLUSH
        SLEEP 0.3
        S: 2
EOF
    client <<'PY'
sock = connect()
got = sock.recv(1000)
assert got == b"220 go ahead\r\n250 injected\r\n250 half\r\n\0\xff\\", got
sock.sendall(b"A\r\n")
assert sock.recv(1000) == b"1\r\n"
assert sock.recv(1000) == b"2\r\n"
PY
    peer_done
    assert_in "$PEER/log" '^1 >- f\\r\\n\\x00\\xff\\\\$'
}

@test "injection behind the reply to STARTTLS is one segment before the handshake" {
    peer <<< $'@starttls\nS: 250 injected\nTLS must fail'
    client <<'PY'
sock = connect()
sock.sendall(b"EHLO x\r\n")
while read_line(sock) != b"250 STARTTLS\r\n": pass
sock.sendall(b"STARTTLS\r\n")
assert sock.recv(1000) == b"220 2.0.0 Ready to start TLS\r\n250 injected\r\n"
PY
    peer_done
}

@test "LOOP, nested, over lines and over sections" {
    peer <<'EOF'
        LOOP 2
        === connection
        LOOP 3
        S-: a
        LOOP 2
        S-: b
        END
        END
        S:
        END
EOF
    [ "$(plain_client </dev/null)" = $'abbabbabb\r' ]
    [ "$(plain_client </dev/null)" = $'abbabbabb\r' ]
    peer_done
}

@test "DRIP sends byte by byte" {
    peer <<< 'DRIP 20 220 slowly'
    client <<'PY'
sock, pieces = connect(), []
began = time.monotonic()
while (got := sock.recv(100)):
    pieces.append(got)
assert b"".join(pieces) == b"220 slowly\r\n" and len(pieces) > 5, pieces
assert time.monotonic() - began >= 0.2
PY
    peer_done
}

# --- order --------------------------------------------------------------------------

@test "pipelined commands are fine with the p macros, in any segments" {
    peer <<< $'@465p\n@login\n@send'
    client <<'PY'
sock = connect(tls=True)
def ask(data, last):
    sock.sendall(data)
    while not read_line(sock).startswith(last): pass
ask(b"EHLO x\r\n", b"250 ")
ask(b"AUTH PLAIN eA==\r\n", b"235 ")
ask(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", b"354 ")
ask(b"x\r\n.\r\nQUIT\r\n", b"221 ")
PY
    peer_done
}

@test "without PIPELINING a command before the reply is a mismatch" {
    peer <<< $'@465\n@login\n@send'
    run client <<'PY'
sock = connect(tls=True)
sock.sendall(b"EHLO x\r\n")
while not read_line(sock).startswith(b"250 "): pass
sock.sendall(b"AUTH PLAIN eA==\r\n")
assert read_line(sock).startswith(b"235 ")
sock.sendall(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
read_all(sock)
PY
    not_done 'wanted "nothing before the reply" got "RCPT TO:<c@d>\\r\\n"'
}

@test "a body before the 354 and a command behind EHLO are mismatches in any case" {
    peer <<< $'C: DATA\nS: 354 go ahead\nBODY'
    printf 'DATA\r\nx\r\n.\r\n' | plain_client
    not_done 'wanted "nothing before the reply" got "x'
    peer <<< $'C: EHLO *\nS: 250 x\nC: MAIL *'
    printf 'EHLO x\r\nMAIL FROM:<>\r\n' | plain_client
    not_done 'wanted "nothing before the reply" got "MAIL'
}

@test "bytes sent with STARTTLS, before the handshake, are a mismatch" {
    peer <<< $'C: STARTTLS\nTLS may fail'
    printf 'STARTTLS\r\nEHLO x\r\n' | plain_client
    not_done 'wanted "nothing before the TLS handshake" got "EHLO x'
}

@test "C-NONE: silence is fine, a byte is not" {
    peer <<< $'C-NONE 0.2\nS: 220 hi\nC: QUIT'
    client <<'PY'
sock = connect()
read_line(sock)
sock.sendall(b"QUIT\r\n")
PY
    peer_done
    peer <<< $'C-NONE 5\nS: 220 hi'
    printf 'Q' | plain_client
    not_done 'wanted "nothing" got "Q"'
}

# --- TLS ----------------------------------------------------------------------------

@test "TLS must fail: a client that does not trust the certificate is ok" {
    peer <<< $'@starttls\nTLS must fail cert=unknown\nC: this line is not reached'
    run openssl s_client -starttls smtp -verify_return_error -CAfile "$CERTS/ca.pem" \
        -connect "127.0.0.1:$PORT" </dev/null
    [ "$status" -ne 0 ]
    peer_done
    assert_in "$PEER/log" '^1 TLS-FAILED .*ALERT_UNKNOWN_CA$'
    assert_in "$PEER/log" '^1 SNI -$'
    assert_in "$PEER/log" '^1 <- \\x16\\x03'
}

@test "TLS must fail: a client that trusts everybody is the mismatch" {
    peer --cert selfsigned <<< 'TLS must fail'
    run openssl s_client -connect "127.0.0.1:$PORT" </dev/null
    not_done 'wanted "a failed handshake" got TLS'
}

@test "TLS: a failed handshake is a mismatch, TLS may fail takes both" {
    peer <<< $'TLS\n=== connection\nTLS may fail\n=== connection\nTLS may fail\nS: 220 hi'
    run plain_client </dev/null
    not_done '^peer: 1 MISMATCH wanted "TLS" got .*EOF'
    [ "$(grep -c '^1 EOF$' "$PEER/log")" = 1 ]
    peer <<< $'TLS may fail\n=== connection\nTLS may fail\nS: 220 hi'
    plain_client </dev/null
    [ "$(client <<< 'print(read_line(connect(tls=True)))')" = "b'220 hi\\r\\n'" ]
    peer_done
}

@test "what a client sends in place of a handshake is in the log, all of it" {
    peer <<< 'TLS must fail'
    client <<'PY'
sock = connect()
sock.sendall(b"AUTH PLAIN AGE=\r\n")
time.sleep(0.3)
sock.sendall(b"and more")
PY
    peer_done
    assert_in "$PEER/log" '^1 <- AUTH PLAIN AGE=\\r\\n$'
    assert_in "$PEER/log" '^1 <- and more$'
}

@test "TLS versions and suites can be set" {
    peer <<'EOF'
        TLS min=1.3
        === connection
        TLS must fail min=1.3
        === connection
        TLS ciphers=ECDHE-ECDSA-CHACHA20-POLY1305 max=1.2
        === connection
        TLS must fail max=1.1
        === connection
        TLS max=1.1
EOF
    client <<'PY'
def result(version):
    try:
        sock = connect(tls=True, version=version)
        return "%s %s" % (sock.version(), sock.cipher()[0])
    except ssl.SSLError as error:
        return str(error.reason)
v = ssl.TLSVersion
assert result(v.TLSv1_3).startswith("TLSv1.3")
assert result(v.TLSv1_2) == "TLSV1_ALERT_PROTOCOL_VERSION"
assert result(v.TLSv1_2) == "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305"
assert not result(v.TLSv1_2).startswith("TLSv1.")
context.set_ciphers("DEFAULT:@SECLEVEL=0")
context.minimum_version = v.TLSv1_1
assert result(v.TLSv1_1).startswith("TLSv1.1")
PY
    peer_done
    assert_in "$PEER/log" '^3 TLS TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305$'
    assert_in "$PEER/log" '^5 TLS TLSv1.1 '
}

@test "a file's bytes answer a ClientHello" {
    printf 'no TLS' >"$BATS_TEST_TMPDIR/odd.hello"
    peer --certs "$BATS_TEST_TMPDIR" --cert odd <<< 'TLS may fail'
    printf 'hello' >"$BATS_TEST_TMPDIR/asked"
    [ "$(plain_client <"$BATS_TEST_TMPDIR/asked")" = 'no TLS' ]
    peer_done
    assert_in "$PEER/log" '^1 <- hello$'
    assert_in "$PEER/log" '^1 TLS-FAILED as odd\.hello '
    [ "$(tail -n 1 "$PEER/log")" = '1 OVER' ]
    peer --certs "$BATS_TEST_TMPDIR" --cert odd <<< 'TLS'
    plain_client <"$BATS_TEST_TMPDIR/asked"
    not_done 'wanted "TLS"'
}

@test "every certificate can be served" {
    local name
    for name in "$CERTS"/*.key; do
        name=$(basename "$name" .key)
        peer --cert "$name" --implicit <<< 'S: 220 hi'
        run openssl s_client -quiet -cipher DEFAULT:@SECLEVEL=0 \
            -connect "127.0.0.1:$PORT" </dev/null
        assert_output_has '220 hi'
        peer_done
    done
}

# --- ends ---------------------------------------------------------------------------

@test "CLOSE, CUT and RESET look different to a client" {
    peer <<'EOF'
        TLS
        S: 220 hi
        CLOSE
        === connection
        TLS
        S-: 220 h
        CUT
        === connection
        S: 220 hi
        FLUSH
        C: go
        RESET
EOF
    client <<'PY'
assert read_all(connect(tls=True)) == b"220 hi\r\n"
sock = connect(tls=True)
assert sock.recv(100) == b"220 h"
try:
    sock.recv(100)
    sys.exit("CUT looks like CLOSE")
except ssl.SSLError as error:
    assert "EOF" in str(error), error
sock = connect()
assert read_line(sock) == b"220 hi\r\n"
sock.sendall(b"go\r\n")
try:
    sock.recv(100)
    sys.exit("no reset")
except ConnectionResetError:
    pass
PY
    peer_done
    assert_in "$PEER/log" '^3 CLOSED$'
}

@test "CLOSE_NOTIFY, EOF and RESET of the client are told apart" {
    peer <<< $'LOOP 3\n=== connection\nTLS max=1.2\nC: go\nC*: none\nEND'
    client <<'PY'
import struct
sock = connect(tls=True); sock.sendall(b"go\r\n")
sock.settimeout(0.2)
try:
    sock.unwrap()                           # sends its own, the peer has none yet
except TimeoutError:
    pass
sock.close()
sock = connect(tls=True); sock.sendall(b"go\r\n"); sock.close()
sock = connect(tls=True); sock.sendall(b"go\r\n")
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); sock.close()
PY
    peer_done
    assert_in "$PEER/log" '^1 CLOSE_NOTIFY$'
    assert_in "$PEER/log" '^1 EOF$'
    refute_in "$PEER/log" '^2 CLOSE_NOTIFY$'
    assert_in "$PEER/log" '^2 EOF$'
    assert_in "$PEER/log" '^3 RESET$'
}

@test "every byte is in the log, also behind the script's end" {
    peer <<< $'S: 220 hi\nC: NOOP'
    client <<'PY'
sock = connect()
sock.sendall(b"NOOP\r\n" + bytes(range(256)))
time.sleep(0.2)
sock.sendall(b"AUTH PLAIN x\r\nand a half")
PY
    peer_done
    assert_in "$PEER/log" 'AUTH PLAIN x$'
    assert_in "$PEER/log" '^1 <- and a half$'
    LOG=$PEER/log client <<'PY'
got = b""
for line in open(os.environ["LOG"]):
    line = line.rstrip("\n")
    for mark, end in ("1 < ", b"\r\n"), ("1 <- ", b""):
        if line.startswith(mark):
            got += line[len(mark):].encode().decode("unicode_escape").encode("latin-1") + end
assert got == b"NOOP\r\n" + bytes(range(256)) + b"AUTH PLAIN x\r\nand a half", got
PY
}

@test "what came before CLOSE, CUT or RESET is in the log" {
    local how
    for how in CLOSE CUT RESET; do
        peer <<< $'S: 220 hi\nSLEEP 0.2\n'"$how"
        client <<< 'sock = connect(); sock.sendall(b"EHLO x\r\nrest"); time.sleep(0.4)'
        peer_done
        assert_in "$PEER/log" '^1 < EHLO x$'
        assert_in "$PEER/log" '^1 <- rest$'
    done
}

@test "bytes behind close_notify and bytes that a mismatch leaves over are in the log" {
    peer <<< $'TLS max=1.2\nC: go'
    client <<'PY'
sock = connect(tls=True)
sock.sendall(b"go\r\n")
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
plain = sock.unwrap()
plain.sendall(b"in the same segment")
plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
time.sleep(0.2)
plain.sendall(b"in the next one")
PY
    peer_done
    assert_in "$PEER/log" '^1 <- in the same segment$'
    assert_in "$PEER/log" '^1 <- in the next one$'
    peer <<< 'C: EHLO *'
    printf 'HELO x\r\nAUTH PLAIN x\r\nrest' | plain_client
    not_done 'HELO x'
    assert_in "$PEER/log" '^1 < AUTH PLAIN x$'
    assert_in "$PEER/log" '^1 <- rest$'
}

@test "STALL neither reads nor closes until the client goes" {
    peer <<< $'S: 220 hi\nSTALL'
    LOG=$PEER/log client <<'PY'
sock = connect()
sock.settimeout(0.5)
assert read_line(sock) == b"220 hi\r\n"
sock.sendall(b"EHLO x\r\n")
try:
    sys.exit("got %r" % sock.recv(1))
except TimeoutError:
    pass
assert "EHLO" not in open(os.environ["LOG"]).read()
PY
    peer_done
    assert_in "$PEER/log" '^1 < EHLO x$'
}

@test "DRAIN reads on without closing" {
    peer <<< $'S: 220 hi\nDRAIN'
    client <<'PY'
sock = connect()
read_line(sock)
sock.settimeout(0.5)
sock.sendall(b"some\r\nthing")
try:
    sys.exit("got %r" % sock.recv(1))
except TimeoutError:
    pass
PY
    peer_done
    assert_in "$PEER/log" '^1 <- thing$'
}

@test "a script that cannot be read does not start" {
    local script
    for script in 'SASL PLAIN alice' 'SASL NTLM a b' 'SASL PLAIN a b c' 'NONSENSE' \
        'S:no blank' '@nothing' 'LOOP 3' 'END' 'TLS now' 'CUT 1' '=== each' \
        $'CLOSE\nS: x' $'=== every connection\n=== connection' 'READ x' 'C:' \
        '' '=== every connections'; do
        run peer <<< "$script"
        assert_status 1
        assert_output_has 'the peer did not start'
        assert_output_has 'line '
    done
}

@test "a fault of the peer is not taken for a good run" {
    peer <<< 'TLS cert=none-such'
    run plain_client </dev/null
    not_done '^peer: 1 MISMATCH the peer failed: FileNotFoundError'
}

# --- SASL ---------------------------------------------------------------------------

# sasl NAME USER PASSWORD [OPTION=VALUE ...] <<< the client's lines: sasl.py by itself.
sasl() {
    run "$PYTHON" "$ROOT/tests/peer/sasl.py" "$@"
}

# coded TEXT: its base64; escapes of printf %b.
coded() {
    printf '%b' "$1" | base64 -w 0
}

# says_ok LINE...: sasl printed exactly these, and its status was 0.
says_ok() {
    assert_status 0
    [ "$output" = "$(printf '%s\n' "$@")" ] || fail "printed: $output" "wanted: $*"
}

@test "SASL: the exchange of RFC 5802, section 5 (SCRAM-SHA-1)" {
    local nonce=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j
    sasl SCRAM-SHA-1 user pencil nonce=3rfcNHYJY1ZVvWVs7j salt=QSXCR+Q6sek8bf92 i=4096 <<END
AUTH SCRAM-SHA-1 $(coded 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL')
$(coded "c=biws,r=$nonce,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")

END
    says_ok "334 $(coded "r=$nonce,s=QSXCR+Q6sek8bf92,i=4096")" \
        "334 $(coded v=rmF9pqV8S7suAoZWja4dJRkFsKQ=)" '235 2.7.0 ok'
}

@test "SASL: the exchange of RFC 7677, section 3 (SCRAM-SHA-256)" {
    local ours='hvYDpWUa2RaTCAfuxFIlj)hNlF$k0' nonce=rOprNGfwEbeRWgbNEkqO
    nonce+=%$ours
    sasl SCRAM-SHA-256 user pencil "nonce=%25$ours" salt=W22ZaJ0SNY7soEsUEjb6gQ== <<END
AUTH SCRAM-SHA-256 $(coded 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
$(coded "c=biws,r=$nonce,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")

END
    says_ok "334 $(coded "r=$nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")" \
        "334 $(coded v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=)" '235 2.7.0 ok'
}

@test "SASL: the exchange of RFC 2195 (CRAM-MD5)" {
    sasl CRAM-MD5 tim tanstaaftanstaaf \
        'challenge=<1896.697170952@postoffice.reston.mci.net>' <<'END'
AUTH CRAM-MD5
dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw
END
    says_ok '334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+' '235 2.7.0 ok'
}

@test "SASL: the exchanges of RFC 4616 (PLAIN)" {
    sasl PLAIN tim tanstaaftanstaaf <<< "AUTH PLAIN $(coded '\0tim\0tanstaaftanstaaf')"
    says_ok '235 2.7.0 ok'
    # Kurt may act for himself only.
    sasl PLAIN Kurt xipj3plmq <<< "AUTH PLAIN $(coded 'Ursel\0Kurt\0xipj3plmq')"
    assert_status 1
    assert_output_has '535 '
}

@test "SASL: the exchanges of RFC 7628, section 4 (OAUTHBEARER)" {
    local response=bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQz
    response+=AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB
    sasl OAUTHBEARER user@example.com vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg== \
        <<< "AUTH OAUTHBEARER $response"
    says_ok '235 2.7.0 ok'
    sasl OAUTHBEARER user@example.com another <<< "AUTH OAUTHBEARER $response"$'\nAQ=='
    assert_status 1
    local wanted=eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNv
    wanted+=bmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW
    wanted+=9uIn0=
    assert_in - "^334 $wanted\$" <<<"$output"
    assert_in - '^535 ' <<<"$output"
}

@test "SASL: the exchanges that Google documents (XOAUTH2)" {
    local response=dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSb
    response+=GNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==
    sasl XOAUTH2 someuser@example.com ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg \
        <<< "AUTH XOAUTH2 $response"
    says_ok '235 2.7.0 ok'
    sasl XOAUTH2 someuser@example.com another <<< "AUTH XOAUTH2 $response"$'\n'
    assert_status 1
    local wanted=eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWls
    wanted+=Lmdvb2dsZS5jb20vIn0K
    assert_in - "^334 $wanted\$" <<<"$output"
}

@test "SASL: the exchanges of RFC 4422, appendix A (EXTERNAL), and of RFC 4954" {
    sasl EXTERNAL - - <<< 'AUTH EXTERNAL ='
    says_ok '235 2.7.0 ok'
    sasl EXTERNAL fred@example.com - <<< "AUTH EXTERNAL $(coded fred@example.com)"
    says_ok '235 2.7.0 ok'
    sasl EXTERNAL - - <<< $'AUTH EXTERNAL\n'
    says_ok '334 ' '235 2.7.0 ok'
    sasl EXTERNAL fred - <<< "AUTH EXTERNAL $(coded freda)"
    assert_status 1
}

@test "SASL: LOGIN" {
    sasl LOGIN alice 's3cret%20alice' <<END
AUTH LOGIN
$(coded alice)
$(coded 's3cret alice')
END
    says_ok '334 VXNlcm5hbWU6' '334 UGFzc3dvcmQ6' '235 2.7.0 ok'
}

@test "SASL: SCRAM-SHA-256-PLUS binds to the hash of the certificate" {
    local first='p=tls-server-end-point,,' nonce=0123456789abcdef bound
    local options=(nonce=0 salt=QSXCR+Q6sek8bf92 "cert=$CERTS/good.pem")
    bound=$({ printf %s "$first"; openssl x509 -in "$CERTS/good.pem" -outform DER |
        openssl dgst -sha256 -binary; } | base64 -w 0)
    # A false proof is the next thing that is looked at.
    sasl SCRAM-SHA-256-PLUS user pencil "${options[@]}" <<END
AUTH SCRAM-SHA-256-PLUS $(coded "${first}n=user,r=$nonce")
$(coded "c=$bound,r=${nonce}0,p=AAAA")
END
    assert_status 1
    assert_output_has 'wrong proof'
    sasl SCRAM-SHA-256-PLUS user pencil "${options[@]}" <<END
AUTH SCRAM-SHA-256-PLUS $(coded "${first}n=user,r=$nonce")
$(coded "c=biws,r=${nonce}0,p=AAAA")
END
    assert_status 2
    assert_output_has 'c=biws'
    sasl SCRAM-SHA-256-PLUS user pencil "${options[@]}" \
        <<< "AUTH SCRAM-SHA-256-PLUS $(coded "n,,n=user,r=$nonce")"
    assert_status 2
}

@test "SASL: a wrong proof, user, digest, password or token is refused" {
    local nonce=0123456789abcdef
    sasl SCRAM-SHA-1 user pencil nonce=0 <<END
AUTH SCRAM-SHA-1 $(coded "n,,n=user,r=$nonce")
$(coded "c=biws,r=${nonce}0,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
END
    assert_status 1
    sasl CRAM-MD5 tim x <<< $'AUTH CRAM-MD5\n'"$(coded 'tim 00000000000000000000000000000000')"
    assert_status 1
    sasl PLAIN alice x <<< "AUTH PLAIN $(coded '\0alice\0y')"
    assert_status 1
    sasl PLAIN alice x <<< "AUTH PLAIN $(coded '\0bob\0x')"
    assert_status 1
    sasl LOGIN alice x <<< $'AUTH LOGIN\nYWxpY2U=\nWQ=='
    assert_status 1
}

@test "SASL: what the RFCs don't allow is no log-in" {
    local n=0123456789abcdef line
    for line in "PLAIN YWxpY2U=" "PLAIN AGFsaWNlAHg" "PLAIN A=" "PLAIN $(coded '\0alice\0x') x" \
        "PLAIN $(coded '\0alice\0x\0')" "LOGIN YWxpY2U=" "CRAM-MD5 YWxpY2U=" \
        "SCRAM-SHA-1 $(coded 'n,,n=user,r=short')" "SCRAM-SHA-1 $(coded "y,,n=user,r=$n")" \
        "SCRAM-SHA-1 $(coded "p=tls-unique,,n=user,r=$n")" \
        "SCRAM-SHA-1 $(coded "n,,n=us=er,r=$n")" \
        "SCRAM-SHA-1 $(coded "n,,n=u,ser,r=$n")" "SCRAM-SHA-1 $(coded "n,,r=$n,n=user")" \
        "OAUTHBEARER $(coded 'n,a=alice,\01auth=Bearer x\01')" \
        "OAUTHBEARER $(coded 'n,a=alice,\01auth=x\01\01')" \
        "OAUTHBEARER $(coded 'a=alice,\01auth=Bearer x\01\01')" \
        "OAUTHBEARER $(coded 'n,a=a,lice,\01auth=Bearer x\01\01')" \
        "XOAUTH2 $(coded 'user=alice\01auth=Bearer x\01')" "XOAUTH2 $(coded 'user=alice')" \
        "EXTERNAL $(coded 'a\0b')"; do
        sasl "${line%% *}" alice x cert=no <<< "AUTH $line"
        [ "$status" = 2 ] || fail "$line: $status"
    done
    sasl PLAIN alice x <<< "AUTH PLAIN $(printf '\0alice\0%0400d' 0 | base64 -w 0)"
    assert_status 2
    sasl PLAIN alice x ir=must <<< $'AUTH PLAIN\nAGFsaWNlAHg='
    assert_status 2
    sasl PLAIN alice x ir=never <<< 'AUTH PLAIN AGFsaWNlAHg='
    assert_status 2
    sasl PLAIN alice x <<< $'AUTH PLAIN\n*'
    assert_status 2
}

@test "SASL: options have a server say other things" {
    local first='AUTH SCRAM-SHA-1 biwsbj11c2VyLHI9MDEyMzQ1Njc4OWFiY2RlZg=='
    sasl SCRAM-SHA-1 user x nonce=N salt=AAAA i=5 s=BBBB count=6 <<< "$first"
    assert_in - "^334 $(coded 'r=0123456789abcdefN,s=BBBB,i=6')\$" <<<"$output"
    sasl SCRAM-SHA-1 user x nonce=N 'r=x{c}{n}y' salt=AAAA 'first=m=1,r={r},{s}{count}%2C' \
        <<< "$first"
    assert_in - "^334 $(coded 'm=1,r=x0123456789abcdefNy,AAAA4096,')\$" <<<"$output"
    sasl SCRAM-SHA-1 user x 'end1=235%20{user}%20{password}%20{password64}%20{last}%20{decoded}' \
        <<< "$first"
    assert_status 3
    [ "$output" = "235 user x eA== ${first##* } n,,n=user,r=0123456789abcdef" ]
    sasl LOGIN alice x say1=334%20name? prompt2=word ok=235%20in <<< $'AUTH LOGIN\nYWxpY2U=\neA=='
    says_ok '334 name?' "334 $(coded word)" '235 in'
    sasl PLAIN alice x forever=334 <<< $'AUTH PLAIN AA==\nx\ny'
    [ "$output" = $'334\n334\n334' ]
    sasl PLAIN alice x start=334 no=501%20no <<< $'AUTH PLAIN\nAGFsaWNlAHk='
    assert_in - '^501 no$' <<<"$output"
}

@test "the peer plays SASL: right, wrong, and what is no log-in at all" {
    peer <<'EOF'
LOOP 2
=== connection
@587
SASL PLAIN alice s3cret-alice
C*: NOOP
END
=== connection
@587
SASL CRAM-MD5 alice s3cret-alice
C: QUIT
EOF
    client <<'PY'
for password in "s3cret-alice", "wrong", "s3cret-alice":
    smtp = Smtp("localhost", port)
    smtp.starttls(context=context)
    smtp.ehlo()
    smtp.user, smtp.password = "alice", password
    name, method = ("PLAIN", smtp.auth_plain)
    try:
        smtp.auth(name, method)
        assert password != "wrong"
    except smtplib.SMTPAuthenticationError as error:
        assert password == "wrong" and error.smtp_code == 535, error
    except smtplib.SMTPServerDisconnected:
        pass
    smtp.close()
PY
    not_done 'wanted "AUTH CRAM-MD5" got this is no AUTH CRAM-MD5'
    assert_in "$PEER/log" '^1 SASL PLAIN alice$'
    assert_in "$PEER/log" '^2 SASL-REFUSED password'
    assert_in "$PEER/log" '^2 > 535 '
}

@test "the peer plays CRAM-MD5 and LOGIN with smtplib's client" {
    peer <<'EOF'
@587
SASL CRAM-MD5 alice s3cret-alice
=== connection
@587
SASL LOGIN alice s3cret-alice
EOF
    client <<'PY'
class Sasl(smtplib.SMTP):
    def putcmd(self, command, args=""):     # but not what is base64
        super().putcmd(command.upper() if command.islower() else command, args)

for name in "CRAM-MD5", "LOGIN":
    smtp = Sasl("localhost", port)
    smtp.starttls(context=context)
    smtp.ehlo()
    smtp.user, smtp.password = "alice", "s3cret-alice"
    method = getattr(smtp, "auth_" + name.lower().replace("-", "_"))
    assert smtp.auth(name, method, initial_response_ok=False)[0] == 235
    smtp.close()
PY
    peer_done
}

@test "TLS ask: a certificate may be shown, and EXTERNAL goes by it" {
    local file=$BATS_TEST_TMPDIR/alice
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=alice -days 9 \
        -keyout "$file.key" -out "$file.pem" -CA "$CERTS/ca.pem" -CAkey "$CERTS/ca.key" 2>/dev/null
    peer <<'EOF'
LOOP 2
=== connection
TLS ask=ca
SASL EXTERNAL alice -
END
=== connection
TLS must fail ask=other-ca
EOF
    FILE=$file client <<'PY'
context.maximum_version = ssl.TLSVersion.TLSv1_2
sock = connect(tls=True)
sock.sendall(b"AUTH EXTERNAL YWxpY2U=\r\n")
assert read_line(sock).startswith(b"535 ")
context.load_cert_chain(os.environ["FILE"] + ".pem", os.environ["FILE"] + ".key")
sock = connect(tls=True)
sock.sendall(b"AUTH EXTERNAL YWxpY2U=\r\n")
assert read_line(sock).startswith(b"235 ")
try:
    connect(tls=True)
    sys.exit("a certificate by another CA is fine")
except ssl.SSLError:
    pass
PY
    peer_done
    assert_in "$PEER/log" '^1 CLIENT-CERT -$'
    assert_in "$PEER/log" '^1 SASL-REFUSED no certificate$'
    assert_in "$PEER/log" '^2 CLIENT-CERT alice$'
}

# --- lib.bash -----------------------------------------------------------------------

@test "profile: defaults, changes, removal, sections, mode" {
    MAILCHUTE_CONFIG=$BATS_TEST_TMPDIR/ini
    PORT=5
    profile
    [ "$(stat -c %a "$MAILCHUTE_CONFIG")" = 600 ]
    assert_in "$MAILCHUTE_CONFIG" '^host = localhost:5$'
    chmod 644 "$MAILCHUTE_CONFIG"
    profile tls=implicit log= 'password=a = b' new=1 '# odd' '[work]' host=x 'log='
    [ "$(stat -c %a "$MAILCHUTE_CONFIG")" = 600 ]
    diff - "$MAILCHUTE_CONFIG" <<EOF
[default]
host = localhost:5
tls = implicit
tls_trust = $CERTS/ca.pem
user = alice
password = a = b
from = alice@mail.test
domain = mail.test
helo = client.test
new = 1
# odd
[work]
host=x
log=
EOF
}

@test "the checks can fail" {
    local file=$BATS_TEST_TMPDIR/file
    printf 'one\ntwo\0three\n' >"$file"
    assert_in "$file" '^twothree$'
    refute_in "$file" 'four'
    run ! assert_in "$file" 'four'
    run ! refute_in "$file" 'two'
    run ! assert_in "$file.none" '.'
    run ! refute_in "$file.none" '.'
    run ! arrived 1
    says() { echo out; printf '%b' "$1" >&2; return 3; }
    run --separate-stderr says 'a line\n'
    assert_status 3
    assert_one_line
    assert_output_has 'a line'
    assert_output_has 'out'
    refute_output_has 'b line'
    must_fail assert_status 0
    must_fail assert_output_has none
    must_fail refute_output_has out
    must_fail assert_silent
    run --separate-stderr says 'two\nlines\n'
    must_fail assert_one_line
    run --separate-stderr says ''
    must_fail assert_one_line
}

# must_fail CHECK...: unlike "run !" this leaves $output and $stderr to the check.
must_fail() {
    if "$@" 2>/dev/null; then fail "this should have failed: $*"; fi
}

@test "setup_case: a link to the binary, no variables of the caller's" {
    MC=/bin/true
    export MAILCHUTE_PROFILE=x LOGNAME=y
    setup_case
    [ -z "${MAILCHUTE_PROFILE-}${LOGNAME-}" ]
    [ "$(readlink "$BIN/sendmail")" = /bin/true ]
    [ -z "$(ls -A "$HOME")" ]
    [ "$MAILCHUTE_CONFIG" = "$BATS_TEST_TMPDIR/mailchute.ini" ]
    MC=$BATS_TEST_TMPDIR/none
    run setup_case
    assert_status 1
    assert_output_has "no binary to test: $MC"
}

@test "teardown_case ends what was started" {
    peer <<< 'STALL'
    sleep 60 3>&- &
    started $!
    local pids=("${STARTED[@]}") pid
    teardown_case >/dev/null
    for pid in "${pids[@]}"; do
        run ! kill -0 "$pid"
    done
}
