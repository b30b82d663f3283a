#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Content by BDAT: exactly the bytes that DATA would have carried, wherever the borders of the chunks
# fall; from -bs, too; to servers that read slowly or talk much; and never a command ahead of an
# answer where PIPELINING isn't offered.

load lib
load bs
setup() { setup_case; }
teardown() { teardown_case; }

# flights: plays the rows on stdin, see flights.py. All of them hold what arrives against what was
# sent, byte for byte, and its length against SIZE=.
flights() {
    mkdir -p "$BATS_TEST_TMPDIR/flights"
    run "$PYTHON" "$ROOT/tests/flights.py" "$BATS_TEST_TMPDIR/flights" "$BIN" "$CERTS"
    [ "$status" = 0 ] || fail "${output:0:20000}"
}

# --- Goal: what arrives is what was sent, by either way, from a file and from a pipe.

# lengths FIRST LAST: messages of these lengths arrive.
lengths() {
    local n
    flights < <(for ((n = $1; n <= $2; n++)); do
        echo "in=both,chunking,pipelining body=$n : status=0 took=all"
        echo "in=both stdin=pipe body=$n : status=0 took=all"
    done)
}

@test "lengths around one chunk arrive" {
    lengths 16365 16370
    lengths 16382 16387
}

@test "lengths around two chunks arrive" {
    lengths 32766 32771
}

@test "lengths around what goes ahead of the answers arrive" {
    lengths 65534 65539
}

@test "lengths around the largest chunk arrive" {
    lengths 262136 262152
}

@test "lengths around the largest chunk and a last one arrive" {
    lengths 278520 278536
}

@test "large messages arrive" {
    flights <<'END'
body=1000000 : status=0 took=all
body=1000000 stdin=pipe : status=0 took=all
body=5000001 : status=0 took=all
body=5000001 tls=off : status=0 took=all
END
}

# like KIND: such lines arrive, with each border at each of their bytes.
like() {
    local pad
    flights < <(for ((pad = 0; pad < 24; pad++)); do
        echo "in=both,pipelining like=$1 pad=$pad : status=0 took=all"
    done
    echo "in=chunking,neither like=$1 stdin=pipe : status=0 took=all"
    echo "in=both like=$1 tls=off : status=0 took=all")
}

@test "dots at the start of lines arrive as they are" {
    like dots
}

@test "CRLF in the input stays CRLF" {
    like crlf
}

@test "lone CRs become line ends" {
    like cr
}

@test "NULs are left out" {
    like nul
}

@test "what looks like the message's end and like commands is content" {
    like end
}

@test "lines of 998 dots arrive" {
    like long
}

@test "without a final line end the message gets one, and BDAT counts it" {
    local end
    for end in '' '\n' '\r\n' '\r' '\n.' '\n.\n' '\0'; do
        peer <<< $'TLS\n@greet\nC: EHLO *\nS: 250-mail.test\nS: 250-PIPELINING\nS: 250 CHUNKING
C: MAIL *\nC: RCPT *\nBDAT\nS: 250 ok\nS: 250 ok\nS: 250 ok\nC*: QUIT'
        profile tls=implicit user= password=
        run --separate-stderr "$BIN/sendmail" -i bob@mail.test \
            < <(message ''; printf 'the last line%b' "$end")
        assert_status 0
        peer_done
        arrived | assert_in - '^the last line$'
        [ "$(tail -c 2 "$PEER/body.1" | od -An -tx1 | tr -d ' ')" = 0d0a ]
        [ "$(tail -c 4 "$PEER/body.1" | od -An -tx1 | tr -d ' ')" != 0d0a0d0a ]
    done
}

# --- Goal: no standstill, however slowly the server reads and however much it says.

@test "1,000 recipients go to a server that reads byte by byte" {
    flights <<'END'
to=1000 sips=1 set.timeout=10s : status=0 took=all
in=both to=1000 body=60000 sips=1 set.timeout=10s : status=0 took=all
END
}

@test "100 KB go to a server that reads byte by byte" {
    flights <<'END'
body=100000 sips=1 set.timeout=20s : status=0 took=all
END
}

@test "a server says 50 KB to each command: the message goes out" {
    flights <<'END'
in=both,pipelining to=300 talks=100 body=60000 set.timeout=10s : status=0 took=all
to=3 talks=100 body=1000000 set.timeout=10s : status=0 took=all
END
}

@test "a server says 50 KB to each command before it reads the content: the message goes out" {
    flights <<'END'
in=both to=8 body=65000 talks=100 blurt=250,250,250,250,250,250,250,250,250 : status=0 took=all
END
}

@test "a server says 5 MB before it reads a flight of 70 KB: the timeout ends it, nobody gets it twice" {
    local codes
    codes=$(printf '250,%.0s' {1..101})
    flights <<END
in=both to=100 body=65000 talks=100 set.timeout=2s blurt=${codes%,} : status=0 took=* then=*
END
}

@test "a reply of 128 lines is taken, and one of 129 is none" {
    flights <<'END'
in=both talks=127 : status=0 took=all
in=pipelining,chunking,neither talks=128 hosts=1 : status=69 log=temporary calls=1
END
}

# --- Goal: OpenSMTPD closes on any command that comes before the answer to the last. (Every server
# of these rows does where it doesn't offer PIPELINING.)

@test "a server that closes on pipelined commands gets messages of every size" {
    flights <<'END'
in=chunking,neither to=bob,carol,dave : status=0 took=all calls=1,0
in=chunking,neither body=16384 : status=0 took=all calls=1,0
in=chunking,neither body=16385 : status=0 took=all calls=1,0
in=chunking,neither body=65537 : status=0 took=all calls=1,0
in=chunking,neither body=300000 : status=0 took=all calls=1,0
in=chunking,neither body=300000 tls=off : status=0 took=all calls=1,0
in=chunking,neither body=2000000 : status=0 took=all calls=1,0
in=chunking,neither body=2000 size=1000 : status=0 took=all calls=1,0
in=chunking,neither body=20000 set.recipients=all : status=0 took=all calls=1,0
in=chunking,neither to=bob,carol rcpt.carol=452/250 body=20000 : status=0 took=all calls=1,0
END
}

@test "a server that closes on pipelined commands refuses, and is understood" {
    flights <<'END'
in=chunking,neither to=bob,carol rcpt.bob=550 body=20000 : status=67 took=carol delivered=1 calls=1,0
in=chunking,neither body=20000 end=550 : status=69 log=refused calls=1,0 says='550 5.0.0 end$'
in=chunking,neither body=300000 end=450 : status=0 then=all calls=1,1
in=chunking,neither body=300000 end=250:cut : status=69 log=unknown perhaps=all unknown=1 calls=1,0
END
}

# A socket that always has something, and nothing of use: so are records without content.
# bats test_tags=strace
@test "a look for early answers ends, however much comes that is none" {
    local n
    need strace
    { message; yes 'a line of text' | head -c 5000000; } >"$BATS_TEST_TMPDIR/input"
    for n in {4..9}; do
        peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250-PIPELINING' \
            'S: 250-CHUNKING' 'S: 250 AUTH PLAIN' @login 'C: MAIL*' 'S: 250 ok' 'C: RCPT*' 'S: 250 ok' \
            BDAT 'S: 250 ok' BDAT 'S: 250 ok' DRAIN)
        profile tls=implicit timeout=1s commit_timeout=1s deadline=3s
        run --separate-stderr timeout 20 strace -f -qq -o /dev/null -e trace=recvfrom \
            -e "inject=recvfrom:error=EAGAIN:when=$n+" "$BIN/sendmail" bob@mail.test \
            <"$BATS_TEST_TMPDIR/input"
        assert_status 69
        assert_output_has 'no answer came in time'
    done
}

# OFFER: for the peer's script, all up to the log-in.
OFFER=$'TLS\n@greet\nC: EHLO *\nS: 250-mail.test\nS: 250-PIPELINING\nS: 250-CHUNKING
S: 250-SIZE 50000000\nS: 250 AUTH PLAIN\n@login'

# --- Goal: with all in one flight, the answer counts that belongs to the content.

# said_behind REPLY...: the server says so to a flight, whole.
said_behind() {
    rm -f "$BATS_TEST_TMPDIR/log"
    peer < <(printf '%s\n' "$OFFER" 'C: MAIL *' 'C: RCPT *' BDAT "${@/#/S: }" DRAIN)
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    peer_done
}

@test "one answer more than questions: nobody knows which is the content's" {
    said_behind '250 ok' '250 ok' '250 ok' '554 5.7.1 no'
    assert_status 69
    assert_one_line
    assert_output_has "may have accepted"
    assert_in "$BATS_TEST_TMPDIR/log" ' status=unknown .* unknown=1 '
}

@test "one answer more, and the last one takes it: not sent would be as wrong" {
    said_behind '250 ok' '250 ok' '550 5.1.1 once more' '250 2.0.0 queued'
    assert_status 69
    assert_output_has "may have accepted"
}

@test "a 421 behind the content's answer is a farewell, and changes nothing" {
    said_behind '250 ok' '250 ok' '250 taken' '421 4.3.2 going down'
    assert_status 0
    assert_silent
}

# --- Goal: -bs, with a server that takes chunks: MAIL and RCPT are the caller's own, the content
# goes by BDAT once his dot has come, and its answer is his.

# begun: the server's part of MAIL and RCPT; the caller sees each answer before he goes on.
begun() {
    printf '%s\n' 'C: MAIL FROM:<alice@mail.test>*' 'S: 250 2.1.0 sender ok' \
        'C: RCPT TO:<bob@mail.test>' 'S: 250 2.1.5 recipient ok'
}

# filler BYTES: lines of content into a file, for the caller's FILE.
filler() {
    printf 'Subject: large\r\n\r\n' >"$BATS_TEST_TMPDIR/filler"
    yes $'a line of the caller\'s text\r' | head -c "$1" >>"$BATS_TEST_TMPDIR/filler"
    printf '\r\n.\r\n' >>"$BATS_TEST_TMPDIR/filler"
}

@test "-bs: two messages go by BDAT over one session" {
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT 'S: 250 2.0.0 Ok: queued as AAA'
        begun; printf '%s\n' BDAT 'S: 250 2.0.0 Ok: queued as BBB' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(gives AAA)
$(gives BBB)
$BYE
END
    said 0
    peer_done
    arrived 1 | assert_in - '^Subject: AAA$'
    arrived 2 | assert_in - '^Hello, Bob\.$'
    log_lines 2
    refute_in <(peer_log) '< DATA'
}

@test "-bs: the caller's doubled dots arrive single" {
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT 'S: 250 ok' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
C: Subject: dots
C:
C: ..
C: ...two
C: x.
C: .
S: 250 ok
$BYE
END
    said 0
    peer_done
    arrived | sed '1,/^$/d' | diff - <(printf '.\n..two\nx.\n')
}

@test "-bs: the refusal of the content is the caller's answer, and the session goes on" {
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT 'S: 552 5.3.4 too much of it' 'C: RSET' 'S: 250 ok'
        begun; printf '%s\n' BDAT 'S: 250 2.0.0 Ok: queued as BBB' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
C: Subject: AAA
C:
C: Hello.
C: .
S: 552 5.3.4 too much of it
$(gives BBB)
$BYE
END
    said 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" ' status=refused exit=69 '
    assert_in "$BATS_TEST_TMPDIR/log" ' status=sent exit=0 '
}

# first_chunk_refused LINE...: by 452, when the last chunk has gone already, and then the peer does so.
first_chunk_refused() {
    filler 20000
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT BDAT 'S: 452 4.3.1 disk full' "$@")
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/filler
S: 452 4.3.1 disk full
$BYE
END
    said 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" ' refused="<bob@mail\.test>: 452 4\.3\.1 disk full"'
}

@test "-bs: of two refusals the first chunk's is the caller's answer: 452 stays temporary" {
    first_chunk_refused 'S: 503 5.5.1 not now' DRAIN
    assert_in "$BATS_TEST_TMPDIR/log" ' status=temporary '
}

@test "-bs: a refusal of the first chunk is the caller's answer, although the end gets none" {
    first_chunk_refused CUT
}

@test "-bs: an end without an answer is 451 4.4.2, and the caller hears what it means" {
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT CUT)
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
C: Subject: AAA
C:
C: Hello.
C: .
S: 451 4.4.2 *the server may have accepted it, so it isn't sent again*
$BYE
END
    said 0
    peer_done
    connections 1
    assert_in "$BATS_TEST_TMPDIR/log" ' status=unknown .* unknown=1 '
}

@test "-bs: 300 KB go in chunks, and arrive whole" {
    filler 300000
    peer < <(printf '%s\n' "$OFFER"; begun; printf '%s\n' BDAT 'S: 250 go on' BDAT 'S: 250 go on' \
        BDAT 'S: 250 2.0.0 Ok: queued as CCC' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/filler
S: 250 2.0.0 Ok: queued as CCC
$BYE
END
    said 0
    peer_done
    arrived | sed '1,/^$/d' | cmp - <(sed '1,/^\r$/d; $d' "$BATS_TEST_TMPDIR/filler" | tr -d '\r')
}

# step_by_step LINE...: 300 KB go by these lines of the peer's script, to a server without PIPELINING.
step_by_step() {
    peer < <(printf '%s\n' "${OFFER/S: 250-PIPELINING$'\n'/}" LOCKSTEP; begun
        printf '%s\n' "$@" 'S: 250 2.0.0 Ok: queued as DDD' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/filler
S: 250 2.0.0 Ok: queued as DDD
$BYE
END
    [ "$status" = 0 ] && peer_done
}

@test "-bs: where PIPELINING isn't offered, large content goes by DATA, or chunk by chunk" {
    filler 300000
    step_by_step 'C: DATA' 'S: 354 go' BODY ||
        step_by_step BDAT 'S: 250 go on' BDAT 'S: 250 go on' BDAT
}

@test "-bs: where PIPELINING isn't offered, small content is one chunk" {
    peer < <(printf '%s\n' "${OFFER/S: 250-PIPELINING$'\n'/}" LOCKSTEP; begun
        printf '%s\n' BDAT 'S: 250 2.0.0 Ok: queued as AAA' 'C*: QUIT')
    profile tls=implicit
    dialogue <<END
$HELLO
$(gives AAA)
$BYE
END
    said 0
    peer_done
}

@test "-bs: a server that ends the session at RCPT's answer gets no content" {
    peer < <(printf '%s\n' "$OFFER"; begun; echo CUT)
    profile tls=implicit
    dialogue <<END
$HELLO
$(begins)
AWAIT $PEER/log ^1 CLOSED
C: Subject: AAA
C:
C: Hello.
C: .
S: 451 *
$BYE
END
    said 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" ' status=temporary '
    refute_in <(peer_log) 'BDAT'
}
