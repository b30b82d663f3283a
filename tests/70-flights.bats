#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Flights: what goes out together, before any answer; and what the answers mean then. The same
# refusals, cuts and lies are told in the same words whatever the server offers: PIPELINING,
# CHUNKING, both or neither.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# session PORT MODE [SIZE]: for the peer's script: all up to the log-in, by 587 or 465.
session() {
    if [ "$1" = 587 ]; then
        printf '%s\n' @greet @offer TLS
    else
        printf '%s\n' TLS @greet
    fi
    printf '%s\n' 'C: EHLO *' 'S: 250-mail.test'
    case $2 in both | pipelining) echo 'S: 250-PIPELINING' ;; esac
    case $2 in both | chunking) echo 'S: 250-CHUNKING' ;; esac
    printf '%s\n' "S: 250-SIZE ${3:-50000000}" 'S: 250 AUTH PLAIN' @login
}

# The commands of a transaction with two recipients, and their answers.
FROM='C: MAIL FROM:<alice@mail.test>*'
RCPTS=$'C: RCPT TO:<bob@mail.test>\nC: RCPT TO:<carol@mail.test>'
OK='S: 250 ok'

# flight MODE: for the peer's script: one transaction, each group of answers held back until all has
# come that may come without them.
flight() {
    case $1 in
    both) printf '%s\n' "$FROM" "$RCPTS" BDAT "$OK" "$OK" "$OK" "$OK" ;;
    pipelining)
        printf '%s\n' "$FROM" "$RCPTS" 'C: DATA' 'C-NONE 0.2' "$OK" "$OK" "$OK" 'S: 354 go' \
            BODY "$OK"
        ;;
    chunking)
        printf '%s\n' LOCKSTEP "$FROM" "$OK" "${RCPTS%$'\n'*}" "$OK" "${RCPTS#*$'\n'}" "$OK" \
            BDAT "$OK"
        ;;
    neither)
        printf '%s\n' LOCKSTEP "$FROM" "$OK" "${RCPTS%$'\n'*}" "$OK" "${RCPTS#*$'\n'}" "$OK" \
            'C: DATA' 'S: 354 go' BODY "$OK"
        ;;
    esac
}

# port 587|465: the profile for it.
port() {
    case $1 in
    587) profile timeout=5s "${@:2}" ;;
    465) profile timeout=5s tls=implicit "${@:2}" ;;
    esac
}

# sized BYTES: a message that has so many bytes on its way.
sized() {
    "$PYTHON" -B -c 'import sys
sys.path.insert(0, sys.argv[1])
import flights
sys.stdout.buffer.write(flights.message_for({"body": sys.argv[2]}))' "$ROOT/tests" "$1"
}

# send [BYTES]: a message to bob and carol.
send() {
    run --separate-stderr "$BIN/sendmail" bob@mail.test carol@mail.test < <(sized "${1:-300}")
}

# waits: how often the client waited for the server, up to the last answer: for the SYN's, for two
# of the handshake, for the greeting (of 465 it comes with the handshake's end), and for each group
# of answers to what it had sent.
waits() {
    peer_log | awk '
        $2 == "CONNECT" { n = 1; heard = 1 }
        $2 == "TLS" { n += 2; heard = 0 }
        $2 == "<" && $3 == "QUIT" { exit }
        $2 ~ /^<-?$/ || $2 == "BODY" { heard = 1 }
        $2 ~ /^>-?$/ && heard { n++; heard = 0 }
        END { print n }'
}

# in_waits N587 N465 MODE: the message goes out with so many waits.
in_waits() {
    local n
    for n in "587 $1" "465 $2"; do
        peer < <(session "${n% *}" "$3"; flight "$3"; echo 'C*: QUIT')
        port "${n% *}"
        send
        assert_status 0
        assert_silent
        peer_done
        [ "$(waits)" = "${n#* }" ] || fail "$(waits) waits by ${n% *}, not ${n#* }"
    done
}

# flights: plays the rows on stdin, see flights.py.
flights() {
    mkdir -p "$BATS_TEST_TMPDIR/flights"
    run "$PYTHON" "$ROOT/tests/flights.py" "$BATS_TEST_TMPDIR/flights" "$BIN" "$CERTS"
    [ "$status" = 0 ] || fail "${output:0:20000}"
}

# --- Goal: as few waits as the server allows, counted: 587, and 465.

@test "PIPELINING and CHUNKING: MAIL, RCPTs, BDAT and content are one flight: 9 and 6 waits" {
    in_waits 9 6 both
}

@test "PIPELINING alone: MAIL, RCPTs and DATA are one flight, the content another: 10 and 7 waits" {
    in_waits 10 7 pipelining
}

@test "CHUNKING alone: MAIL and each RCPT by itself, then BDAT with the content: 12 and 9 waits" {
    # One of them is for the second recipient.
    in_waits 12 9 chunking
}

@test "neither: step by step: 13 and 10 waits" {
    in_waits 13 10 neither
}

@test "the answer to QUIT is never waited for" {
    local mode
    for mode in both pipelining chunking neither; do
        peer < <(session 465 "$mode"; flight "$mode"; echo 'C: QUIT'; echo STALL)
        port 465 timeout=20s
        SECONDS=0
        send
        assert_status 0
        [ "$SECONDS" -lt 5 ] || fail "it waited, where it offers $mode"
        peer_done
    done
}

# --- Goal: how much goes ahead of the answers depends on the content's size.

# chunks SIZE PATTERN...: behind MAIL and RCPTs, in one flight with them, come these BDATs.
chunks() {
    local pattern n=0
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS"
        for pattern in "${@:2}"; do echo BDAT; done
        printf '%s\n' "$OK" "$OK" "$OK"
        for pattern in "${@:2}"; do echo "$OK"; done; echo 'C*: QUIT')
    port 465
    send "$1"
    assert_status 0
    peer_done
    for pattern in "${@:2}"; do
        n=$((n + 1))
        peer_log | grep ' < BDAT ' | sed -n "${n}p" | assert_in - " < BDAT $pattern\$" || return 1
    done
    [ "$(peer_log | grep -c ' < BDAT ')" = "$n" ] || fail "not $n chunks" "$(peer_log)"
    [ "$(wc -c <"$PEER/body.1")" = "$1" ] || fail "$(wc -c <"$PEER/body.1") bytes came"
}

@test "content up to 16 KiB is one chunk, in the flight of MAIL and RCPTs" {
    chunks 300 '300 LAST'
    chunks 16384 '16384 LAST'
}

@test "content up to 64 KiB is two chunks, in the same flight" {
    chunks 16385 '16384' '1 LAST'
    chunks 65536 '49152' '16384 LAST'
}

@test "content over 64 KiB waits for the answers to MAIL and the RCPTs" {
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS" 'C-NONE 0.3' "$OK" "$OK" "$OK" \
        BDAT BDAT "$OK" "$OK" 'C*: QUIT')
    port 465
    send 65537
    assert_status 0
    peer_done
    [ "$(wc -c <"$PEER/body.1")" = 65537 ] || fail "$(wc -c <"$PEER/body.1") bytes came"
}

@test "content over the announced SIZE: MAIL goes alone, and its refusal is the end" {
    local mode
    for mode in both pipelining; do
        peer < <(session 465 "$mode" 1000; printf '%s\n' "$FROM" 'C-NONE 0.2' \
            'S: 552 5.3.4 too large' 'C: QUIT')
        port 465
        send 1001
        assert_status 69
        assert_output_has 'MAIL FROM:<alice@mail.test>: 552 5.3.4 too large'
        peer_done
    done
}

@test "content over the announced SIZE that MAIL's answer lets pass is sent" {
    peer < <(session 465 both 1000; printf '%s\n' "$FROM" 'C-NONE 0.2' "$OK" "$RCPTS" 'C-NONE 0.2' \
        "$OK" "$OK" BDAT "$OK" 'C*: QUIT')
    port 465
    send 1001
    assert_status 0
    peer_done
    peer < <(session 465 pipelining 1000; printf '%s\n' "$FROM" 'C-NONE 0.2' "$OK" "$RCPTS" \
        'C: DATA' 'C-NONE 0.2' "$OK" "$OK" 'S: 354 go' BODY "$OK" 'C*: QUIT')
    port 465
    send 1001
    assert_status 0
    peer_done
}

@test "content of exactly the announced SIZE goes in the flight" {
    peer < <(session 465 both 1000; flight both)
    port 465
    send 1000
    assert_status 0
    peer_done
}

@test "recipients = all: the content waits for every RCPT's answer" {
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS" 'C-NONE 0.3' "$OK" "$OK" \
        'C-NONE 0.2' "$OK" BDAT "$OK" 'C*: QUIT')
    port 465 recipients=all
    send
    assert_status 0
    peer_done
    peer < <(session 465 pipelining; printf '%s\n' "$FROM" "$RCPTS" 'C-NONE 0.3' "$OK" "$OK" \
        'C-NONE 0.2' "$OK" 'C: DATA' 'S: 354 go' BODY "$OK" 'C*: QUIT')
    port 465 recipients=all
    send
    assert_status 0
    peer_done
}

@test "recipients = all: nobody gets it where one is refused, and no content goes" {
    flights <<'END'
to=bob,carol,dave set.recipients=all : status=0 took=all calls=1,0
to=bob,carol,dave set.recipients=all rcpt.carol=550 : status=67 log=recipients-refused calls=1,0 \
    says='not sent: <carol@mail.test>: 550 5.0.0 rcpt.carol$' heard='RCPT TO:<dave@mail.test>(; QUIT)?$'
to=bob,carol,dave set.recipients=all rcpt.bob=450 : status=0 then=all calls=1,1 \
    heard='RCPT TO:<dave@mail.test>(; QUIT)?$'
to=bob,carol,dave set.recipients=all rcpt.carol=452 rcpt.dave=452 : status=0 then=all calls=1,1
to=bob,carol,dave set.recipients=all rcpt.dave=421:close : status=0 then=all calls=1,1
to=bob,carol set.recipients=all body=100000 end=550 : status=69 log=refused calls=1,0 \
    says='not sent: .*: the message: 550 5.0.0 end$'
to=bob,carol set.recipients=all end=250:cut : status=69 log=unknown perhaps=all unknown=2 calls=1,0
END
}

# --- Goal: a refusal is told in the same words, and leads to the same, in every mode.

@test "a refused sender: not sent, and the server's words to MAIL" {
    flights <<'END'
to=bob,carol mail=550 : status=69 log=refused calls=1,0 reply='^550 5.0.0 mail$' \
    says=': not sent: localhost.*: MAIL FROM:<alice@mail.test>: 550 5.0.0 mail$' lacks='rcpt|503'
to=bob,carol mail=450 hosts=1 : status=69 log=temporary calls=1 reply='^450 4.0.0 mail$' \
    says=': not sent: localhost.*: MAIL FROM:<alice@mail.test>: 450 4.0.0 mail$' lacks='rcpt|503'
to=bob,carol mail=450 : status=0 then=all calls=1,1
to=bob,carol mail=550:close : status=69 log=refused calls=1,0 \
    says=': not sent: localhost.*: MAIL FROM:<alice@mail.test>: 550 5.0.0 mail$'
to=bob,carol mail=450:close : status=0 then=all calls=1,1
to=bob,carol body=60000 mail=550 : status=69 log=refused calls=1,0 says='550 5.0.0 mail$'
to=bob,carol body=60000 mail=450 : status=0 then=all calls=1,1
to=bob,carol body=100000 mail=550 : status=69 log=refused calls=1,0 says='550 5.0.0 mail$'
END
}

@test "one refused recipient of three: the others get it" {
    flights <<'END'
to=bob,carol,dave rcpt.bob=550 : status=67 log=recipients-refused took=carol,dave delivered=2 \
    calls=1,0 \
    says=': delivered to 2 of 3 recipients; <bob@mail.test>: 550 5.0.0 rcpt.bob$' \
    refused='^<bob@mail.test>: 550 5.0.0 rcpt.bob$' reply='^250 2.0.0 end$'
to=bob,carol,dave rcpt.carol=550 : status=67 log=recipients-refused took=bob,dave delivered=2 \
    calls=1,0 \
    says=': delivered to 2 of 3 recipients; <carol@mail.test>: 550 5.0.0 rcpt.carol$'
to=bob,carol,dave rcpt.dave=550 : status=67 log=recipients-refused took=bob,carol delivered=2 \
    calls=1,0 \
    says=': delivered to 2 of 3 recipients; <dave@mail.test>: 550 5.0.0 rcpt.dave$'
to=bob,carol,dave body=60000 rcpt.carol=550 : status=67 took=bob,dave delivered=2 calls=1,0
to=bob,carol,dave rcpt.carol=450 : status=0 took=bob,dave then=carol calls=1,1
to=bob,carol,dave rcpt.carol=450 hosts=1 : status=69 log=partial took=bob,dave delivered=2 calls=1 \
    says=': delivered to 2 of 3 recipients; <carol@mail.test>: 450 4.0.0 rcpt.carol$'
to=bob,carol,dave rcpt.bob=550 rcpt.carol=450 : status=67 took=dave then=carol delivered=2 \
    calls=1,1 \
    says=': delivered to 2 of 3 recipients; <bob@mail.test>: 550 5.0.0 rcpt.bob$'
END
}

@test "all recipients refused: nobody has it, whatever became of the content" {
    flights <<'END'
to=bob,carol rcpt.bob=550 rcpt.carol=551 : status=67 log=recipients-refused calls=1,0 \
    says=': not sent: <bob@mail.test>: 550 5.0.0 rcpt.bob; <carol@mail.test>: 551 5.0.0 rcpt.carol$'
to=bob,carol rcpt.bob=550 rcpt.carol=551:close : status=67 log=recipients-refused calls=1,0 \
    says=': not sent: <bob@mail.test>: 550 5.0.0 rcpt.bob; <carol@mail.test>: 551 5.0.0 rcpt.carol$'
to=bob,carol body=60000 rcpt.bob=550 rcpt.carol=551 : status=67 log=recipients-refused calls=1,0
to=bob,carol rcpt.bob=450 rcpt.carol=451 : status=0 then=all calls=1,1
to=bob,carol rcpt.bob=450 rcpt.carol=451:close : status=0 then=all calls=1,1
to=bob,carol rcpt.bob=450 rcpt.carol=451 hosts=1 : status=69 log=temporary calls=1 \
    says=': not sent: <bob@mail.test>: 450 4.0.0 rcpt.bob; <carol@mail.test>: 451 4.0.0 rcpt.carol$'
to=bob,carol rcpt.bob=550 rcpt.carol=450 : status=67 then=carol delivered=1 calls=1,1 \
    says=': delivered to 1 of 2 recipients; <bob@mail.test>: 550 5.0.0 rcpt.bob$'
END
}

@test "452 behind an accepted recipient: the rest in the next transaction, and all get it" {
    flights <<'END'
to=bob,carol,dave rcpt.carol=452/250 rcpt.dave=452/250 : status=0 took=all calls=1,0
to=bob,carol,dave rcpt.carol=552/250 rcpt.dave=552/250 : status=0 took=all calls=1,0
to=bob,carol,dave rcpt.carol=452/250 rcpt.dave=452/452/250 : status=0 took=all calls=1,0
to=bob,carol,dave rcpt.carol=452/250 : status=0 took=all calls=1,0
to=bob,carol,dave rcpt.carol=452/550 rcpt.dave=452/250 : status=67 took=bob,dave delivered=2 \
    calls=1,0
to=bob,carol rcpt.carol=452/421:close : status=0 took=bob then=carol calls=1,1
to=bob,carol rcpt.carol=452/421 : status=0 took=bob then=carol calls=1,1
to=bob,carol body=20000 rcpt.carol=452/250 : status=0 took=all calls=1,0
to=bob,carol rcpt.bob=452 : status=0 took=carol then=bob calls=1,1
to=bob,carol rcpt.carol=452/250 end=250/550 : status=69 took=bob delivered=1 calls=1,0 \
    says=': delivered to 1 of 2 recipients; .*: the message: 550 5.0.0 end; not to <carol@mail.test>$'
to=bob,carol rcpt.carol=452/250 end=250/250:cut : status=69 took=bob perhaps=carol delivered=1 \
    unknown=1 calls=1,0 \
    says=': delivered to 1 of 2 recipients; .*may have accepted.*; perhaps to <carol@mail.test>$'
END
}

@test "refused content: not sent, and the server's words to it" {
    flights <<'END'
to=bob,carol end=550 : status=69 log=refused calls=1,0 reply='^550 5.0.0 end$' \
    says=': not sent: localhost.*: the message: 550 5.0.0 end$'
to=bob,carol end=550:close : status=69 log=refused calls=1,0 \
    says=': not sent: localhost.*: the message: 550 5.0.0 end$'
to=bob,carol end=450 : status=0 then=all calls=1,1
to=bob,carol end=450:close : status=0 then=all calls=1,1
to=bob,carol end=450 hosts=1 : status=69 log=temporary calls=1 reply='^450 4.0.0 end$' \
    says=': not sent: localhost.*: the message: 450 4.0.0 end$'
to=bob,carol rcpt.carol=550 end=550 : status=69 log=refused calls=1,0 \
    says=': not sent: .*: the message: 550 5.0.0 end; <carol@mail.test>: 550 5.0.0 rcpt.carol$'
to=bob,carol rcpt.carol=550 end=450 : status=67 then=bob delivered=1 calls=1,1
to=bob go=550 : status=69 log=refused calls=1,0 says=': not sent: .*: 550 5.0.0 go$'
to=bob go=450 : status=0 then=all calls=1,1
END
}

# --- Goal: 421 ends a session, and never the hope of another; nobody is asked twice over one.

@test "421 to MAIL: another host" {
    flights <<'END'
to=bob,carol,dave mail=421 : status=0 then=all calls=1,1
to=bob,carol,dave mail=421:close : status=0 then=all calls=1,1
to=bob mail=421:close hosts=1 : status=69 log=temporary calls=1 \
    says=': not sent: localhost.*: MAIL FROM:<alice@mail.test>: 421 4.0.0 mail$'
END
}

@test "421 to a recipient, and the line stays open: another host for whom this one hasn't taken" {
    flights <<'END'
to=bob rcpt.bob=421 : status=0 then=all calls=1,1
to=bob rcpt.bob=421 hosts=1 : status=69 log=temporary calls=1 \
    says=': not sent: .*421 4.0.0 rcpt.bob$'
to=bob,carol,dave rcpt.bob=421 : status=0 then=all calls=1,1 both.took=carol,dave both.then=bob
to=bob,carol,dave rcpt.carol=421 : status=0 then=all calls=1,1 both.took=bob,dave both.then=carol
to=bob,carol,dave rcpt.dave=421 : status=0 then=all calls=1,1 both.took=bob,carol both.then=dave
to=bob,carol,dave rcpt.carol=421 rcpt.dave=421 end=421 : status=0 then=all calls=1,1
to=bob,carol,dave rcpt.bob=421 rcpt.carol=421 rcpt.dave=421 go=421 : status=0 then=all calls=1,1
to=bob,carol,dave rcpt.carol=421 end=550 : status=0 then=all \
    calls=1,1 both.status=69 both.then= both.calls=1,0
END
}

@test "421 to a recipient and an end: another host, or unknown where the content went with it" {
    flights <<'END'
to=bob rcpt.bob=421:close : status=0 then=all calls=1,1
to=bob rcpt.bob=421:close hosts=1 : status=69 log=temporary calls=1 \
    says=': not sent: .*421 4.0.0 rcpt.bob$'
in=pipelining,chunking,neither to=bob,carol,dave rcpt.bob=421:close : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol,dave rcpt.carol=421:close : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol,dave rcpt.dave=421:close : status=0 then=all calls=1,1
in=both to=bob,carol,dave rcpt.bob=421:close : status=69 log=unknown perhaps=carol,dave unknown=2 \
    calls=1,0 says='may have accepted.*<bob@mail.test>: 421 4.0.0 rcpt.bob$'
in=both to=bob,carol,dave rcpt.carol=421:close : status=69 log=unknown perhaps=bob,dave unknown=2 \
    calls=1,0 says='may have accepted.*<carol@mail.test>: 421 4.0.0 rcpt.carol$'
in=both to=bob,carol,dave rcpt.dave=421:close : status=69 log=unknown perhaps=bob,carol unknown=2 \
    calls=1,0 says='may have accepted.*<dave@mail.test>: 421 4.0.0 rcpt.dave$'
in=both to=bob,carol rcpt.bob=550 rcpt.carol=421:close : status=67 then=carol delivered=1 calls=1,1
END
}

@test "421 to DATA, to BDAT, to the content: another host" {
    flights <<'END'
to=bob,carol go=421 : status=0 then=all calls=1,1
to=bob,carol go=421:close : status=0 then=all calls=1,1
to=bob,carol end=421 : status=0 then=all calls=1,1
to=bob,carol end=421:close : status=0 then=all calls=1,1
to=bob body=20000 go=421:close : status=0 then=all calls=1,1
to=bob body=1000000 go=421:close : status=0 then=all calls=1,1
to=bob,carol end=421:close hosts=1 : status=69 log=temporary calls=1 \
    says=': not sent: .*: the message: 421 4.0.0 end$'
END
}

# --- Goal: chunks that aren't the last.

@test "a refused chunk is the content's refusal, in its own words" {
    flights <<'END'
in=both body=20000 chunk=552 end=503 : status=69 log=refused calls=1,0 \
    says=': not sent: localhost.*: the message: 552 5.0.0 chunk$' reply='^552 5.0.0 chunk$' \
    refused='^<bob@mail.test>: 552 5.0.0 chunk$'
in=both body=20000 chunk=452 : status=0 then=all calls=1,1
in=both body=100000 chunk=552 : status=69 log=refused calls=1,0 says='552 5.0.0 chunk$'
in=both body=1000000 chunk=552 : status=69 log=refused calls=1,0 says='552 5.0.0 chunk$'
in=both body=1000000 chunk=452 : status=0 then=all calls=1,1
in=both body=1000000 chunk=421:close : status=0 then=all calls=1,1
in=both body=20000 rcpt.bob=550 chunk=503 : status=67 log=recipients-refused calls=1,0
END
}

@test "a refused chunk and a yes to the last: nobody knows what the server has" {
    flights <<'END'
in=both body=20000 chunk=552 end=250 : status=69 log=unknown unknown=1 calls=1,0
in=both body=20000 chunk=452 end=250 : status=69 log=unknown unknown=1 calls=1,0
in=both body=20000 chunk=421 end=250 : status=69 log=unknown unknown=1 calls=1,0
END
}

@test "a yes to the first chunks and a refusal of the last is a refusal" {
    flights <<'END'
body=20000 end=550 : status=69 log=refused calls=1,0 says='the message: 550 5.0.0 end$'
body=20000 end=450 : status=0 then=all calls=1,1
body=100000 end=550 : status=69 log=refused calls=1,0 says='the message: 550 5.0.0 end$'
body=1000000 end=550 : status=69 log=refused calls=1,0 says='the message: 550 5.0.0 end$'
body=1000000 end=450 : status=0 then=all calls=1,1
END
}

@test "a refusal while 5 MB are on their way: not sent, in the server's words" {
    flights <<'END'
body=5000000 early=552@100000 : status=69 log=refused calls=1,0 \
    says=': not sent: localhost.*: the message: 552 5.0.0 early$'
body=5000000 early=552:close@100000 : status=69 log=refused calls=1,0 \
    says=': not sent: localhost.*: the message: 552 5.0.0 early$'
in=both,pipelining body=5000000 early=552:deaf@100000 set.timeout=1s : status=69 log=refused \
    calls=1,0 \
    says=': not sent: localhost.*: the message: 552 5.0.0 early$'
body=5000000 early=452@100000 : status=0 then=all calls=1,1
body=5000000 early=452:close@100000 : status=0 then=all calls=1,1
in=pipelining body=5000000 early=452:deaf@100000 set.timeout=1s : status=0 then=all calls=1,1
END
}

@test "a refusal of the flight while its content is stuck: not sent, in the server's words" {
    flights <<'END'
in=both body=65000 mail=550 blurt=550,503,503,503 : status=69 log=refused calls=1,0 \
    says='MAIL.*: 550 5.0.0 blurt$'
in=both body=65000 mail=450 blurt=450,503,503,503 : status=0 then=all calls=1,1
in=both body=65000 blurt=550,503,503:close : status=69 log=refused calls=1,0 \
    says='MAIL.*: 550 5.0.0 blurt$'
in=both body=65000 blurt=450,503,503:close : status=0 then=all calls=1,1
in=both body=65000 blurt=421:close : status=0 then=all calls=1,1
in=both body=65000 blurt=250,550:close : status=67 log=recipients-refused calls=1,0 \
    says=': not sent: .*<bob@mail.test>: 550 5.0.0 blurt$'
in=both body=65000 blurt=250,450:close : status=0 then=all calls=1,1
in=both body=65000 blurt=250,421:close : status=0 then=all calls=1,1
in=both body=65000 blurt=250,250,552:close : status=69 log=refused calls=1,0 \
    says=': not sent: .*: the message: 552 5.0.0 blurt$'
in=both body=65000 blurt=250,250,452:close : status=0 then=all calls=1,1
in=both body=65000 to=bob,carol blurt=250,550,250:close : status=67 then=carol delivered=1 calls=1,1
in=both body=65000 blurt=250:close : status=0 then=all calls=1,1
END
}

# --- Goal: what makes no sense is never a yes.

@test "354 to the end of the message is unknown" {
    flights <<'END'
to=bob,carol end=354 : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says=': not confirmed: .*may have accepted'
in=both body=20000 end=354 : status=69 log=unknown perhaps=all unknown=1 calls=1,0
in=both body=100000 end=354 : status=69 log=unknown perhaps=all unknown=1 calls=1,0
END
}

@test "354 to MAIL or RCPT is no yes" {
    flights <<'END'
mail=354 hosts=1 : status=69 calls=1 both.unknown=1
rcpt.bob=354 hosts=1 : status=69 calls=1 both.unknown=1
END
}

@test "a yes to the content where every recipient was refused: nobody has it, and the session ends" {
    flights <<'END'
in=both to=bob,carol rcpt.bob=550 rcpt.carol=550 end=250 : status=67 log=recipients-refused \
    calls=1,0 \
    says=': not sent: <bob@mail.test>: 550 5.0.0 rcpt.bob; <carol@mail.test>: 550 5.0.0 rcpt.carol$' \
    heard='BDAT 300 LAST$'
in=both to=bob,carol rcpt.bob=450 rcpt.carol=450 end=250 : status=0 then=all \
    calls=1,1 heard='BDAT 300 LAST$'
in=both to=bob,carol rcpt.bob=450 rcpt.carol=450 end=250 hosts=1 : status=69 log=temporary calls=1
in=both to=bob,carol rcpt.bob=550 rcpt.carol=550 end=354 : status=67 log=recipients-refused \
    calls=1,0
END
}

@test "answers that come before the content has gone are no yes to it" {
    flights <<'END'
in=both body=65000 blurt=250,250,250,250 end=550 hosts=1 : status=69 calls=1
in=both body=65000 to=bob,carol blurt=250,250,250,250,250 end=550 hosts=1 : status=69 calls=1
before=250,250,250 end=550 hosts=1 : status=69 calls=1
before=250,250,354,250 end=550 hosts=1 : status=69 calls=1
body=20000 before=250,250,250,250 end=550 hosts=1 : status=69 calls=1
body=100000 before=250,250,250,250,250 end=550 hosts=1 : status=69 calls=1
body=5000000 early=250@100000 end=550 hosts=1 : status=69 calls=1
in=chunking,neither mail=250:twice end=550 hosts=1 : status=69 calls=1
in=chunking,neither rcpt.bob=250:twice end=550 hosts=1 : status=69 calls=1
END
}

@test "an answer too many to a flight of DATA is no yes, and the content stays here" {
    flights <<'END'
in=pipelining mail=250:twice : status=0 then=all calls=1,1
in=pipelining rcpt.bob=250:twice : status=0 then=all calls=1,1
in=pipelining go=354:twice : status=0 then=all calls=1,1
END
}

# --- Goal: the line is cut before, within and behind each answer. Where the content had not gone,
# another host gets it; where it had, nobody knows, and nobody gets it twice.

@test "cut at MAIL's answer" {
    flights <<'END'
in=pipelining,chunking,neither to=bob,carol mail=250:cut : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol mail=250:half : status=0 then=all calls=1,1
in=pipelining,neither to=bob,carol mail=250:close : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol mail=250:reset : status=0 then=all calls=1,1
in=both to=bob,carol mail=250:cut : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol mail=250:half : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol mail=250:close : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol mail=250:reset : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol body=60000 mail=250:cut : status=69 log=unknown perhaps=all unknown=2 calls=1,0
in=both to=bob,carol mail=550:half : status=69 log=unknown unknown=2 calls=1,0
in=pipelining,chunking,neither to=bob,carol mail=550:half : status=0 then=all calls=1,1
END
}

@test "cut at a recipient's answer" {
    flights <<'END'
in=pipelining,chunking,neither to=bob,carol rcpt.bob=250:cut : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol rcpt.bob=250:half : status=0 then=all calls=1,1
in=pipelining,neither to=bob,carol rcpt.bob=250:close : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol rcpt.carol=250:cut : status=0 then=all calls=1,1
in=pipelining,chunking,neither to=bob,carol rcpt.carol=250:half : status=0 then=all calls=1,1
in=pipelining to=bob,carol rcpt.carol=250:close : status=0 then=all calls=1,1
in=both to=bob,carol rcpt.bob=250:cut : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol rcpt.bob=250:half : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol rcpt.bob=250:close : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol rcpt.carol=250:half : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
in=both to=bob,carol rcpt.carol=250:close : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says='may have accepted'
END
}

@test "cut behind a refused recipient: who isn't refused may have it, where the content had gone" {
    flights <<'END'
in=pipelining to=bob,carol rcpt.bob=550 rcpt.carol=250:close : status=67 then=carol delivered=1 \
    calls=1,1
in=both to=bob,carol rcpt.bob=550:close : status=69 log=unknown perhaps=carol unknown=1 calls=1,0 \
    says='may have accepted.*<bob@mail.test>: 550 5.0.0 rcpt.bob$'
in=both to=bob,carol rcpt.bob=550 rcpt.carol=250:close : status=69 log=unknown perhaps=carol unknown=1 \
    calls=1,0 says='may have accepted.*<bob@mail.test>: 550 5.0.0 rcpt.bob$'
in=both to=bob,carol rcpt.bob=550 rcpt.carol=550:half : status=69 log=unknown unknown=1 calls=1,0
in=both to=bob,carol rcpt.bob=550 rcpt.carol=550:close : status=67 log=recipients-refused calls=1,0
END
}

@test "cut at DATA's answer" {
    flights <<'END'
in=pipelining,neither to=bob,carol go=354:cut : status=0 then=all calls=1,1
in=pipelining,neither to=bob,carol go=354:half : status=0 then=all calls=1,1
in=pipelining,neither to=bob,carol go=354:reset : status=0 then=all calls=1,1
END
}

@test "cut at a chunk's answer" {
    flights <<'END'
in=both body=20000 chunk=250:cut : status=69 log=unknown perhaps=all unknown=1 calls=1,0
in=both body=20000 chunk=250:half : status=69 log=unknown perhaps=all unknown=1 calls=1,0
in=both body=20000 chunk=250:close : status=69 log=unknown perhaps=all unknown=1 calls=1,0
in=both body=20000 chunk=552:close : status=69 log=refused calls=1,0 \
    says=': not sent: .*552 5.0.0 chunk$'
END
}

@test "cut at the end's answer: unknown before it is complete, sent behind it" {
    flights <<'END'
to=bob,carol end=250:cut : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says=': not confirmed: .*may have accepted'
to=bob,carol end=250:half : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says=': not confirmed: .*may have accepted'
to=bob,carol end=250:reset : status=69 log=unknown perhaps=all unknown=2 calls=1,0 \
    says=': not confirmed: .*may have accepted'
to=bob,carol end=250:close : status=0 took=all calls=1,0
to=bob,carol rcpt.bob=550 end=250:cut : status=69 log=unknown perhaps=carol unknown=1 calls=1,0 \
    says=': not confirmed: .*may have accepted.*<bob@mail.test>: 550 5.0.0 rcpt.bob$'
to=bob,carol rcpt.bob=450 end=250:cut : status=69 log=unknown perhaps=carol unknown=1 calls=1,0
to=bob,carol end=550:half : status=69 log=unknown unknown=2 calls=1,0
in=both to=bob,carol rcpt.bob=550 rcpt.carol=550 end=554:cut : status=67 log=recipients-refused \
    calls=1,0
body=20000 end=250:cut : status=69 log=unknown perhaps=all unknown=1 calls=1,0
body=5000000 end=250:cut : status=69 log=unknown perhaps=all unknown=1 calls=1,0
body=5000000 end=250:half : status=69 log=unknown perhaps=all unknown=1 calls=1,0
END
}

@test "no answer at all to a flight is unknown when the time is over" {
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS" BDAT STALL)
    profile tls=implicit commit_timeout=1s
    send
    assert_status 69
    assert_one_line
    assert_output_has 'not confirmed: '
    assert_output_has 'no answer came in time after the end of the message'
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" ' status=unknown .* unknown=2 '
}

# --- Goal: the window begins before the last byte goes, and never after.

# in_background BYTES: sends such a message; CLIENT is the program's pid.
in_background() {
    sized "$1" >"$BATS_TEST_TMPDIR/message"
    "$BIN/sendmail" bob@mail.test carol@mail.test <"$BATS_TEST_TMPDIR/message" \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    CLIENT=$!
    started "$CLIENT"
}

@test "SIGTERM once the flight has gone is unknown, though MAIL isn't answered yet" {
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS" BDAT STALL)
    port 465
    in_background 300
    wait_log ' BODY 1 '
    kill -TERM "$CLIENT"
    status=0
    wait "$CLIENT" || status=$?
    assert_status 69
    assert_in "$BATS_TEST_TMPDIR/err" 'not confirmed: .*a signal stopped us.*may have accepted'
    assert_in "$BATS_TEST_TMPDIR/log" ' status=unknown .* unknown=2 '
    peer_done
}

@test "SIGTERM while content over 64 KiB waits for the answers ends the process, and nothing is sent" {
    peer < <(session 465 both; printf '%s\n' "$FROM" "$RCPTS" STALL)
    port 465
    in_background 100000
    wait_log '< RCPT TO:<carol'
    kill -TERM "$CLIENT"
    status=0
    wait "$CLIENT" || status=$?
    assert_status 143
    peer_done
    refute_in <(peer_log) 'BDAT'
}

# Slowed down behind each write, the client finds each answer that came in between.
# bats test_tags=strace
@test "an answer to the last byte is never taken for one to something else, however fast it comes" {
    local slow='strace -f -qq -o /dev/null -e trace=sendto -e inject=sendto:delay_exit=30000'
    need strace
    flights <<END
under='$slow' : status=0 took=all calls=1,0
under='$slow' tls=off : status=0 took=all calls=1,0
in=both,chunking under='$slow' tls=off body=20000 : status=0 took=all calls=1,0
in=both under='$slow' tls=off body=100000 : status=0 took=all calls=1,0
in=both,chunking under='$slow' tls=off set.recipients=all : status=0 took=all calls=1,0
# With its BDAT this one just fills a record.
in=both,chunking under='$slow' body=16367 : status=0 took=all calls=1,0
in=both,chunking under='$slow' body=16367 set.recipients=all : status=0 took=all calls=1,0
END
}

@test "many messages to a server that is fast: each arrives once" {
    flights < <(for ((i = 0; i < 12; i++)); do
        echo 'in=both tls=off body=1000000 : status=0 took=all calls=1,0'
        echo 'in=both body=300000 : status=0 took=all calls=1,0'
    done)
}

# Each write fails once, for each of them: what wasn't sent then isn't sent at the end, either.
# bats test_tags=strace
@test "a last write that failed isn't made up for when the connection is closed" {
    local i mode
    need strace
    flights < <(for ((i = 3; i <= 12; i++)); do
        for mode in both pipelining chunking neither; do
            echo "in=$mode under='strace -f -qq -o /dev/null -e trace=sendto" \
                "-e inject=sendto:error=ENOBUFS:when=$i' : status=* took=* then=* perhaps=*" \
                'unknown=* delivered=*'
        done
    done)
}

# The kernel takes nothing until the time is over, and everything a little later.
# bats test_tags=strace
@test "a last write that took too long isn't made up for while answers are looked for" {
    need strace
    flights < <(for i in 5 6; do
        echo "in=both set.timeout=1s under='strace -f -qq -o /dev/null -e trace=sendto,poll" \
            "-e inject=sendto:error=EAGAIN:when=$i..$((i + 14)) -e inject=poll:delay_exit=100000'" \
            ': status=* took=* then=* perhaps=* unknown=* delivered=*'
    done)
}
