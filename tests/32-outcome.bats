#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The outcome: 0 if and only if the server answered 2yz to the end of the message, for every
# recipient; else the right status, one line with the server's words, and never a second copy.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# send_to ADDRESS...: the standard message to these.
send_to() {
    run --separate-stderr "$BIN/sendmail" "$@" < <(message)
}

# large [BYTES]: a message of about that many bytes; by itself more than any socket's buffers.
large() {
    message
    yes 'a line of some length, so that the message becomes large in the end' |
        head -c "${1:-8000000}"
    echo
}

# logged PATTERN: the log has one line, and it matches.
logged() {
    [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 1 ] || fail "log: $(<"$BATS_TEST_TMPDIR/log")"
    assert_in "$BATS_TEST_TMPDIR/log" "$1"
}

# connections N [NAME]: so many came in.
connections() {
    local n
    n=$(peer_log "${@:2}" | grep -c ' CONNECT$') || true
    [ "$n" = "$1" ] || fail "$n connections, not $1" "$(peer_log "${@:2}")"
}

# background [ARG...]: sends in the background; its stdin is a file. Sets CLIENT.
background() {
    message >"$BATS_TEST_TMPDIR/message"
    "$BIN/sendmail" "$@" bob@mail.test <"$BATS_TEST_TMPDIR/message" \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    CLIENT=$!
    started "$CLIENT"
}

# ended: waits for it; sets status, output and stderr as "run" does.
ended() {
    status=0
    wait "$CLIENT" || status=$?
    output=$(<"$BATS_TEST_TMPDIR/out")
    stderr=$(<"$BATS_TEST_TMPDIR/err")
}

# up_to PHASE: the script up to the client's command of that phase, pipelining not offered.
up_to() {
    local -a phases=(greeting ehlo starttls ehlo2 auth mail rcpt data content end)
    local -A script=(
        [greeting]=''
        [ehlo]=$'@greet\nC: EHLO *'
        [starttls]=$'S: 250-mail.test\nS: 250 STARTTLS\nC: STARTTLS'
        [ehlo2]=$'S: 220 go\nTLS\nC: EHLO *'
        [auth]=$'S: 250-mail.test\nS: 250-SIZE 50000000\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *'
        [mail]=$'S: 235 ok\nC: MAIL *'
        [rcpt]=$'S: 250 ok\nC: RCPT *'
        [data]=$'S: 250 ok\nC: DATA'
        [content]=$'S: 354 go'
        [end]='BODY'
    )
    local phase
    for phase in "${phases[@]}"; do
        printf '%s\n' "${script[$phase]}"
        [ "$phase" != "$1" ] || return 0
    done
    fail "no phase $1"
}

# --- Goal: success is silent, 0 and one line in the log.

@test "delivered to all is 0 and silent" {
    peer <<< $'@587\n@login\n@send'
    profile
    send
    assert_status 0
    assert_silent
    peer_done
    logged 'status=sent exit=0 from=<alice@mail\.test> to=<bob@mail\.test> '
}

@test "tempfail_exit does not touch success" {
    peer <<< $'@587\n@login\n@send'
    profile tempfail_exit=75
    send
    assert_status 0
    peer_done
}

# --- Goal: what is wrong before anything is dialled has its own status, and nothing is dialled.

@test "no recipient is 64" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" < <(message)
    assert_status 64
    assert_one_line
    peer_stop
    connections 0
}

@test "-t without a recipient in the header is 64" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" -t < <(printf 'Subject: x\n\nx\n')
    assert_status 64
    assert_one_line
    peer_stop
    connections 0
}

@test "-bd is 64, and stdin is not read" {
    peer <<< $'@587'
    profile
    run --separate-stderr bash -c '{ "$0" -bd; echo "$?"; cat; } < <(echo untouched)' \
        "$BIN/sendmail"
    assert_status 0
    [ "$output" = $'64\nuntouched' ] || fail "printed: $output"
    peer_stop
    connections 0
}

@test "empty standard input is 65" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < /dev/null
    assert_status 65
    assert_one_line
    peer_stop
    connections 0
}

@test "a recipient that is no address is 65" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" $'bob@mail.test\r\nRCPT TO:<eve@mail.test>' < <(message)
    assert_status 65
    assert_one_line
    peer_stop
    connections 0
}

@test "a header over 1 MiB is 65" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(yes 'X-Field: 0123456789 0123456789 0123456789 0123456789' | head -c 1100000; message)
    assert_status 65
    assert_one_line
    peer_stop
    connections 0
}

@test "closed standard input is 74" {
    peer <<< $'@587'
    profile
    run --separate-stderr bash -c '"$0" bob@mail.test <&-' "$BIN/sendmail"
    assert_status 74
    assert_one_line
    peer_stop
    connections 0
}

@test "standard input that can't be read is 74" {
    peer <<< $'@587'
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < "$BATS_TEST_TMPDIR"
    assert_status 74
    assert_one_line
    peer_stop
    connections 0
}

@test "no profile is 78" {
    rm -f "$MAILCHUTE_CONFIG"
    send
    assert_status 78
    assert_one_line
}

@test "a wrong profile is 78 with the line" {
    peer <<< $'@587'
    profile 'pasword = x'
    send
    assert_status 78
    assert_one_line
    assert_in - 'mailchute\.ini:[0-9]+: .*"password"' <<<"$stderr"
    peer_stop
    connections 0
}

# --- Goal: hosts that can't be reached.

@test "an unknown host name is 68" {
    profile host=no-such-host.invalid:587
    send
    # A machine without any resolver can only say that nobody answers.
    if [ "$status" != 68 ]; then
        assert_status 69
        assert_output_has "no answer from a name server"
    fi
    assert_one_line
    assert_output_has no-such-host.invalid
    logged 'status=(no-host exit=68|temporary exit=69) '
}

@test "nobody listening is temporary, and names host, port and reason" {
    profile host=127.0.0.1:1
    send
    assert_status 69
    assert_one_line
    assert_output_has "127.0.0.1:1"
    assert_output_has "Connection refused"
    logged 'status=temporary exit=69 '
}

@test "tempfail_exit is the status of what is temporary" {
    profile host=127.0.0.1:1 tempfail_exit=75
    send
    assert_status 75
    logged 'status=temporary exit=75 '
}

@test "a server that does not even accept is given up after connect_timeout" {
    local began=${EPOCHREALTIME/./} i pid
    # A listener whose queue is full: the kernel drops further SYNs.
    "$PYTHON" - "$BATS_TEST_TMPDIR/full" <<'END' 3>&- &
import os, socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(0)
held = []
for _ in range(8):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(s.getsockname())
    held.append(c)
time.sleep(0.3)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(30)
END
    pid=$!
    started "$pid"
    for ((i = 0; i < 200; i++)); do [ ! -e "$BATS_TEST_TMPDIR/full" ] || break; sleep 0.05; done
    profile host="127.0.0.1:$(<"$BATS_TEST_TMPDIR/full")" connect_timeout=1s
    began=${EPOCHREALTIME/./}
    send
    assert_status 69
    assert_one_line
    assert_output_has "no answer"
    [ $((${EPOCHREALTIME/./} - began)) -ge 800000 ] || fail "it did not wait"
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited on"
}

# --- Goal: the server's refusals: 5yz to session, sender or content is 69, to all recipients 67,
# --- to the log-in 77; 4yz is temporary; always with the server's words.

@test "a greeting with 5yz is 69" {
    peer <<< $'S: 554 5.7.1 you are on a list\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 69
    assert_one_line
    assert_output_has "554 5.7.1 you are on a list"
    peer_done
    logged 'status=refused exit=69 '
}

@test "a greeting with 4yz is temporary" {
    peer <<< $'S: 421 4.3.2 too busy\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 75
    assert_output_has "421 4.3.2 too busy"
    peer_done
}

@test "EHLO refused for good is 69 on an implicit port" {
    peer <<< $'TLS\n@greet\nC: EHLO *\nS: 550 5.7.1 go away\nDRAIN'
    profile tls=implicit tempfail_exit=75
    send
    assert_status 69
    assert_output_has "550 5.7.1 go away"
    peer_done
}

@test "EHLO refused for now is temporary" {
    peer <<< $'@greet\nC: EHLO *\nS: 451 4.3.0 later\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 75
    assert_output_has "451 4.3.0 later"
    peer_done
}

@test "AUTH refused is 77" {
    peer <<< $'@587\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 77
    assert_one_line
    assert_output_has "535 5.7.8 wrong"
    peer_done
    logged 'status=auth exit=77 '
}

@test "a bad certificate is 76" {
    peer --cert wrongname <<< $'@starttls\nTLS must fail'
    profile tempfail_exit=75
    send
    assert_status 76
    assert_one_line
    peer_done
    logged 'status=tls exit=76 '
}

@test "MAIL refused for good is 69" {
    peer <<< "$(up_to mail)"$'\nS: 550 5.7.1 not your address\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 69
    assert_one_line
    assert_output_has "550 5.7.1 not your address"
    peer_done
    refute_in <(peer_log) '< (RCPT|DATA)'
    logged 'status=refused exit=69 '
}

@test "MAIL refused for good in a pipelined group is 69, and the session goes on to QUIT" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: DATA
S: 552 5.3.4 too large
S: 503 no MAIL
S: 503 no RCPT
C: QUIT
DRAIN
END
    profile
    send
    assert_status 69
    assert_output_has "552 5.3.4 too large"
    refute_output_has "503"
    peer_done
}

@test "MAIL refused for now is temporary" {
    peer <<< "$(up_to mail)"$'\nS: 451 4.7.1 greylisted\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has "451 4.7.1 greylisted"
    peer_done
}

@test "the only recipient refused is 67, and no DATA follows" {
    peer <<< "$(up_to rcpt)"$'\nS: 550 5.1.1 no such user\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 67
    assert_one_line
    assert_output_has "<bob@mail.test>: 550 5.1.1 no such user"
    peer_done
    refute_in <(peer_log) '< DATA'
    logged 'status=recipients-refused exit=67 .*refused="<bob@mail\.test>: 550 5\.1\.1 no such user"'
}

@test "all recipients refused in a pipelined group is 67, whatever DATA gets" {
    local answer
    for answer in $'S: 503 5.5.1 no valid recipients\nC: QUIT' \
        $'S: 554-5.5.1 what\nS: 554-is\nS: 554 this\nC: QUIT' $'S: 354 go' CUT; do
        peer <<END
@587p
@login
C: MAIL *
C: RCPT *
C: RCPT *
C: DATA
S: 250 ok
S: 550 5.1.1 <a@mail.test> who
S: 550 5.1.1 <b@mail.test> who
$answer
$([ "$answer" = CUT ] || echo DRAIN)
END
        profile
        send_to a@mail.test b@mail.test
        assert_status 67
        assert_one_line
        assert_output_has "<a@mail.test>: 550"
        assert_output_has "<b@mail.test>: 550"
        peer_done
        refute_in <(peer_log) '<-? .*(Hello|\.$)'
    done
}

@test "all recipients refused for now is temporary" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT *
S: 450 4.2.1 later
C: RCPT *
S: 451 4.3.0 later, too
DRAIN
END
    profile tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 75
    assert_one_line
    assert_output_has "<a@mail.test>: 450 4.2.1 later"
    assert_output_has "<b@mail.test>: 451 4.3.0 later, too"
    peer_done
    refute_in <(peer_log) '< DATA'
}

@test "recipients refused, some for good, some for now, none delivered: temporary" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT *
S: 550 5.1.1 never
C: RCPT *
S: 450 4.2.1 later
DRAIN
END
    profile
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "550 5.1.1 never"
    assert_output_has "450 4.2.1 later"
    peer_done
}

@test "DATA refused: 5yz is 69, 4yz temporary" {
    local code
    for code in '554 5.5.1 never' '451 4.3.0 later'; do
        peer <<< "$(up_to data)"$'\nS: '"$code"$'\nDRAIN'
        profile tempfail_exit=75
        send
        if [ "${code:0:1}" = 5 ]; then assert_status 69; else assert_status 75; fi
        assert_one_line
        assert_output_has "$code"
        peer_done
        refute_in <(peer_log) '<-? .*Hello'
    done
}

@test "the content refused for good is 69" {
    peer <<< "$(up_to end)"$'\nS: 554 5.7.1 that is spam\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 69
    assert_one_line
    assert_output_has "554 5.7.1 that is spam"
    refute_output_has "may have"
    peer_done
    logged 'status=refused exit=69 '
}

@test "the content refused for now is temporary" {
    peer <<< "$(up_to end)"$'\nS: 451 4.3.0 disk full\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has "451 4.3.0 disk full"
    refute_output_has "may have"
    peer_done
    logged 'status=temporary exit=75 '
}

@test "3yz to the end of the message is unknown" {
    peer <<< "$(up_to end)"$'\nS: 354 again\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 75
    assert_output_has "may have accepted"
    peer_done
    logged 'status=unknown exit=75 '
}

@test "421 at any place is temporary, and ends the session" {
    local phase
    for phase in greeting ehlo starttls ehlo2 auth mail rcpt data end; do
        peer <<< "$(up_to $phase)"$'\nS: 421 4.3.2 going down at '$phase$'\nCLOSE\n=== every connection\nCUT'
        profile tempfail_exit=75
        send
        assert_status 75
        assert_one_line
        assert_output_has "421 4.3.2 going down at $phase"
        refute_output_has "may have"
        peer_done
    done
}

# --- Goal: refused recipients do not stop the others, and are told each with the server's words.

@test "some recipients refused for good: the others get it, 67" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 550 5.1.1 no such user b
C: RCPT TO:<c@mail.test>
S: 553 5.1.3 bad user c
C: RCPT TO:<d@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
    profile tempfail_exit=75
    send_to a@mail.test b@mail.test c@mail.test d@mail.test
    assert_status 67
    assert_one_line
    assert_output_has "delivered to 2 of 4"
    assert_output_has "<b@mail.test>: 550 5.1.1 no such user b"
    assert_output_has "<c@mail.test>: 553 5.1.3 bad user c"
    refute_output_has "<a@mail.test>"
    refute_output_has "<d@mail.test>"
    peer_done
    arrived | assert_in - 'Hello, Bob'
    logged 'exit=67 .*<a@mail\.test>,<b@mail\.test>.*refused="<b@mail\.test>: 550'
}

@test "some recipients refused in a pipelined group: the others get it, 67" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT TO:<a@mail.test>
C: RCPT TO:<b@mail.test>
C: DATA
S: 250 ok
S: 550 5.1.1 no such user a
S: 250 ok
S: 354 go
BODY
S: 250 ok
END
    profile
    send_to a@mail.test b@mail.test
    assert_status 67
    assert_output_has "<a@mail.test>: 550 5.1.1 no such user a"
    peer_done
    arrived >/dev/null
}

@test "the first recipient refused, the second accepted: delivered and 67" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 550 5.1.1 no such user a
C: RCPT TO:<b@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
    profile
    send_to a@mail.test b@mail.test
    assert_status 67
    peer_done
    arrived >/dev/null
}

@test "some delivered, others refused for now: 69, even with tempfail_exit" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 b later
C: DATA
S: 354 go
BODY
S: 250 ok
=== every connection
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 b later
DRAIN
END
    profile tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "<b@mail.test>: 450 4.2.1 b later"
    peer_done
    [ ! -e "$(peer_dir)/body.2" ] || fail "it went out twice"
    logged 'status=partial exit=69 '
}

@test "some delivered, one refused for good, one for now: 69" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 550 5.1.1 b never
C: RCPT TO:<c@mail.test>
S: 450 4.2.1 c later
C: DATA
S: 354 go
BODY
S: 250 ok
DRAIN
=== every connection
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<c@mail.test>
S: 450 4.2.1 c later
DRAIN
END
    profile tempfail_exit=75
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 69
    assert_output_has "550 5.1.1 b never"
    assert_output_has "450 4.2.1 c later"
    peer_done
}

@test "one accepted, one refused, then the content is refused: nobody has it" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 550 5.1.1 b never
C: DATA
S: 354 go
BODY
S: 554 5.7.1 spam
DRAIN
END
    profile
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "554 5.7.1 spam"
    refute_output_has "delivered to"
    peer_done
}

@test "421 to the second RCPT: nothing is sent" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 421 4.7.0 enough
DRAIN
=== every connection
CUT
END
    profile tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 75
    assert_output_has "421 4.7.0 enough"
    peer_done
    refute_in <(peer_log) '< DATA'
}

# --- Goal: recipients = all: all or nobody.

@test "recipients = all: one refused and nobody gets it, 67" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT TO:<a@mail.test>
C: RCPT TO:<b@mail.test>
S: 250 ok
S: 250 ok
S: 550 5.1.1 b never
C: QUIT
DRAIN
END
    profile recipients=all
    send_to a@mail.test b@mail.test
    assert_status 67
    assert_one_line
    assert_output_has "<b@mail.test>: 550 5.1.1 b never"
    refute_output_has "delivered to"
    peer_done
    refute_in <(peer_log) '< DATA'
}

@test "recipients = all: one refused for now and nobody gets it, temporary" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 b later
DRAIN
=== every connection
CUT
END
    profile recipients=all tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 75
    assert_one_line
    assert_output_has "450 4.2.1 b later"
    peer_done
    refute_in <(peer_log) '< DATA'
}

@test "recipients = all: all accepted and all get it" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: RCPT *
S: 250 ok
S: 250 ok
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
    profile recipients=all
    send_to a@mail.test b@mail.test
    assert_status 0
    peer_done
}

@test "recipients = all: 452 is a refusal for now, not a second transaction" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 452 4.5.3 too many
DRAIN
=== every connection
CUT
END
    profile recipients=all tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 75
    assert_one_line
    assert_output_has "452 4.5.3 too many"
    peer_done
    refute_in <(peer_log) '< DATA'
}

@test "recipients = all: who is put off holds the others up, and the host isn't called again" {
    peer <<'END'
=== every connection
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 b later
DRAIN
END
    profile recipients=all
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_output_has "not sent: <b@mail.test>: 450 4.2.1 b later"
    peer_done
    connections 1
}

@test "recipients = all: more than max_recipients is 65 before dialling" {
    peer <<< $'@587'
    profile recipients=all max_recipients=2
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 65
    assert_one_line
    peer_stop
    connections 0
}

# --- Goal: too many recipients for one transaction: the rest in the next one of the same session.

@test "452 or 552 after an accepted RCPT: the rest in the next transaction" {
    local code
    for code in '452 4.5.3 too many recipients' '552 5.5.3 too many recipients'; do
        peer <<END
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: $code
C: DATA
S: 354 go
BODY
S: 250 ok
C: MAIL *
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 250 ok
C: RCPT TO:<c@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
        profile
        send_to a@mail.test b@mail.test c@mail.test
        assert_status 0
        assert_silent
        peer_done
        cmp "$(peer_dir)/body.1" "$(peer_dir)/body.2"
    done
}

@test "452 in a pipelined group: the rest in the next transaction" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT TO:<a@mail.test>
C: RCPT TO:<b@mail.test>
C: RCPT TO:<c@mail.test>
C: DATA
S: 250 ok
S: 250 ok
S: 452 4.5.3 too many
S: 452 4.5.3 too many
S: 354 go
BODY
S: 250 ok
C: MAIL *
C: RCPT TO:<b@mail.test>
C: RCPT TO:<c@mail.test>
C: DATA
S: 250 ok
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 ok
END
    profile
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 0
    peer_done
}

@test "452 to the first recipient is a refusal for now" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT *
S: 452 4.2.2 mailbox full
DRAIN
=== every connection
CUT
END
    profile tempfail_exit=75
    send
    assert_status 75
    assert_output_has "452 4.2.2 mailbox full"
    peer_done
}

@test "552 to the first recipient is a refusal for good" {
    peer <<< "$(up_to rcpt)"$'\nS: 552 5.2.2 mailbox full\nDRAIN'
    profile
    send
    assert_status 67
    assert_output_has "552 5.2.2 mailbox full"
    peer_done
}

@test "a server that never takes more than one recipient gets them one by one" {
    peer <<'TEXT'
@587
@login
LOOP 4
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: RCPT *
S: 452 4.5.3 too many
C: DATA
S: 354 go
BODY
S: 250 ok
END
C: MAIL *
S: 250 ok
C: RCPT TO:<e@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
TEXT
    profile
    send_to {a,b,c,d,e}@mail.test
    assert_status 0
    peer_done
}

@test "more than max_recipients go in several transactions of one session" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 one
C: MAIL *
S: 250 ok
C: RCPT TO:<c@mail.test>
S: 250 ok
C: RCPT TO:<d@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 two
C: MAIL *
S: 250 ok
C: RCPT TO:<e@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 three
C: QUIT
DRAIN
END
    profile max_recipients=2
    send_to {a,b,c,d,e}@mail.test
    assert_status 0
    assert_silent
    peer_done
    cmp "$(peer_dir)/body.1" "$(peer_dir)/body.3"
}

@test "100 recipients are one transaction by default, 101 are two" {
    peer <<'TEXT'
@587p
@login
C: MAIL *
LOOP 100
C: RCPT *
END
C: DATA
LOOP 101
S: 250 ok
END
S: 354 go
BODY
S: 250 ok
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 ok
TEXT
    profile
    # shellcheck disable=SC2046
    send_to $(seq -f 'r%g@mail.test' 101)
    assert_status 0
    peer_done
}

@test "all of one transaction refused: the next one is tried all the same" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 550 5.1.1 a never
C: RSET
S: 250 ok
C: MAIL *
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
    profile max_recipients=1
    send_to a@mail.test b@mail.test
    assert_status 67
    assert_output_has "delivered to 1 of 2"
    assert_output_has "<a@mail.test>: 550 5.1.1 a never"
    peer_done
}

@test "354 although nobody was taken ends the session, and the others get theirs by another" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT TO:<a@mail.test>
C: DATA
S: 250 ok
S: 550 5.1.1 a never
S: 354 go
DRAIN
=== connection
@587p
@login
C: MAIL *
C: RCPT TO:<b@mail.test>
C: DATA
S: 250 ok
S: 450 4.2.1 b later
S: 354 go
DRAIN
=== connection
@587p
@login
C: MAIL *
C: RCPT TO:<c@mail.test>
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 ok
END
    profile max_recipients=1
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 69
    assert_output_has "delivered to 1 of 3"
    assert_output_has "<a@mail.test>: 550 5.1.1 a never; <b@mail.test>: 450 4.2.1 b later"
    peer_done
}

@test "the second transaction refused: delivered to some, 69, and who is without is named" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
C: MAIL *
S: 451 4.7.1 slow down
DRAIN
=== every connection
CUT
END
    profile max_recipients=1 tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "451 4.7.1 slow down"
    assert_output_has "delivered to 1 of 2"
    [[ $stderr == *'; not to <b@mail.test>' ]]
    peer_done
    [ ! -e "$(peer_dir)/body.2" ]
}

@test "of many who are without, so many are named as the line has room for" {
    local long
    printf -v long '%0180d' 0
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 550 5.1.1 b never
C: DATA
S: 354 go
BODY
S: 250 ok
C: MAIL *
S: 451 4.7.1 slow down
DRAIN
=== every connection
CUT
END
    profile max_recipients=2
    send_to a@mail.test b@mail.test {c,d}@mail.test "x$long"@{0..18}.mail.test
    assert_status 69
    assert_one_line
    assert_output_has '; <b@mail.test>: 550 5.1.1 b never; not to <c@mail.test>, <d@mail.test>, <x0'
    [[ $stderr =~ '.mail.test>, '[0-9]+' more'$ ]]
    refute_output_has '18.mail.test'
    (( ${#stderr} <= 2048 + 11 ))
}

@test "cut in the window of the second transaction: unknown for those alone" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
C: MAIL *
S: 250 ok
C: RCPT TO:<b@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
CUT
=== every connection
@587
@login
@send
END
    profile max_recipients=1 tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "delivered to 1 of 2"
    assert_output_has "may have accepted"
    [[ $stderr == *'; perhaps to <b@mail.test>' ]]
    peer_done
    connections 1
    assert_in "$BATS_TEST_TMPDIR/log" 'unknown=1'
}

# --- Goal: the commit window. Once the final dot went out, a lost connection is unknown: its own
# --- words, its own log field, never a second connection.

# window WHAT-THE-SERVER-DOES [KEY=VALUE...]
window() {
    rm -f "$BATS_TEST_TMPDIR/log"
    peer -n other <<< $'=== every connection\n@587\n@login\n@send'
    peer <<< "$(up_to end)"$'\n'"$1"$'\n=== every connection\n@587\n@login\n@send'
    profile host="localhost:$PORT localhost:$PORT_other" tempfail_exit=75 commit_timeout=1s \
        "${@:2}"
    send
    assert_status 75
    assert_one_line
    assert_output_has "may have accepted"
    peer_done
    peer_stop other
    connections 1
    connections 0 other
    logged 'status=unknown exit=75 .*unknown=1'
}

@test "cut after the final dot: unknown, never a second connection" {
    window CUT
    assert_output_has "closed the connection after the end of the message"
}

@test "closed properly after the final dot: unknown" {
    window CLOSE
}

@test "reset after the final dot: unknown" {
    window RESET
}

@test "no answer to the final dot: unknown, after commit_timeout" {
    local began=${EPOCHREALTIME/./}
    window STALL
    assert_output_has "in time"
    [ $((${EPOCHREALTIME/./} - began)) -lt 15000000 ] || fail "it waited longer"
}

@test "half an answer to the final dot: unknown" {
    window $'S-: 250 2.0.0 Ok: que\nCUT'
    window $'S: 250-2.0.0 Ok\nCUT'
    window $'S-: 250 2.0.0 Ok: que\nSTALL'
    window $'S\\: 250 ok\\r\nCUT'
    window $'S-: 2\nCUT'
}

@test "an answer to the final dot that drips past commit_timeout: unknown" {
    window $'DRIP 200 250 2.0.0 Ok\nDRAIN'
}

@test "garbage to the final dot: unknown" {
    window $'S: hello there\nDRAIN'
    window $'S: 250-ok\nS: 251 ok\nDRAIN'
    window $'S: 550-no\nS: 250 ok\nDRAIN'
    window $'S\\: \\x00\\xff\\xfe\\r\\n\nDRAIN'
    window $'S: 650 what\nDRAIN'
}

@test "a reply without an end to the final dot: unknown" {
    window $'LOOP 200\nS: 250-and on\nEND\nDRAIN'
}

@test "the window lasts commit_timeout, not timeout or deadline" {
    peer <<< "$(up_to end)"$'\nSLEEP 3.5\nS: 250 ok\nDRAIN'
    profile timeout=2s deadline=2s commit_timeout=30s
    send
    assert_status 0
    assert_silent
    peer_done
}

# --- Goal: whatever breaks before the final dot is temporary, and the next address is tried; the
# --- message arrives once.

@test "cut at any step before the final dot: the next host gets the message, once" {
    local phase end
    for end in CUT RESET; do
        for phase in greeting ehlo starttls ehlo2 auth mail rcpt data; do
            [ $end = CUT ] || [ $phase = starttls ] || [ $phase = data ] || continue
            peer -n bad <<< "$(up_to $phase)"$'\n'$end
            peer -n good <<< $'@587\n@login\n@send'
            profile host="localhost:$PORT_bad localhost:$PORT_good"
            send
            [ "$status" = 0 ] || echo "at $phase: $end"
            assert_status 0
            assert_silent
            peer_done bad
            peer_done good
            arrived 1 good >/dev/null
        done
    done
}

@test "cut at any step before the final dot: temporary where there is no other host" {
    local phase
    for phase in greeting ehlo starttls ehlo2 auth mail rcpt data; do
        peer <<< "$(up_to $phase)"$'\nCUT\n=== every connection\nCUT'
        profile tempfail_exit=75
        send
        assert_status 75
        assert_one_line
        refute_output_has "may have"
        assert_in - 'closed the connection|reset by peer' <<<"$stderr"
        peer_done
    done
}

@test "half a reply, then the end: temporary at every step" {
    local phase
    for phase in greeting ehlo starttls ehlo2 auth mail rcpt data; do
        peer <<< "$(up_to $phase)"$'\nS-: 250 o\nCUT\n=== every connection\nCUT'
        profile tempfail_exit=75
        send
        assert_status 75
        assert_one_line
        refute_output_has "may have"
        peer_done
    done
}

@test "cut within a large message: the next host gets all of it, once" {
    local n
    for n in 1 16384 1000000; do
        peer -n bad <<< "$(up_to content)"$'\nDROP-AFTER '$n$'\nCUT'
        peer -n good <<< $'@587\n@login\n@send'
        profile host="localhost:$PORT_bad localhost:$PORT_good"
        large >"$BATS_TEST_TMPDIR/large"
        run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/large"
        assert_status 0
        assert_silent
        peer_done bad
        peer_done good
        arrived 1 good | sed '1,/^$/d' | cmp - <(sed '1,/^$/d' "$BATS_TEST_TMPDIR/large")
    done
}

@test "cut within a message from a pipe: the next host gets all of it" {
    peer -n bad <<< "$(up_to content)"$'\nDROP-AFTER 50000\nCUT'
    peer -n good <<< $'@587\n@login\n@send'
    profile host="localhost:$PORT_bad localhost:$PORT_good"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 0
    peer_done bad
    peer_done good
    arrived 1 good | sed '1,/^$/d' | cmp - <(large | sed '1,/^$/d')
}

@test "an early 5yz in the middle of the content is final, with its words" {
    peer -n bad <<< "$(up_to content)"$'\nDROP-AFTER 50000\nS: 552 5.3.4 too large for us\nCLOSE'
    peer -n good <<< $'=== every connection\n@587\n@login\n@send'
    profile host="localhost:$PORT_bad localhost:$PORT_good" tempfail_exit=75
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 69
    assert_one_line
    assert_output_has "552 5.3.4 too large for us"
    peer_done bad
    peer_stop good
    connections 0 good
    refute_in <(peer_log bad) '< \.$'
}

@test "an early 5yz in the middle of the content, the line left open, is final" {
    peer <<< "$(up_to content)"$'\nDROP-AFTER 50000\nS: 552 5.3.4 too large for us\nDRAIN'
    profile tempfail_exit=75
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 69
    assert_one_line
    assert_output_has "552 5.3.4 too large for us"
    peer_done
    refute_in <(peer_log) '< \.$'
}

@test "an early 4yz in the middle of the content: the next host gets the message, once" {
    peer -n bad <<< "$(up_to content)"$'\nDROP-AFTER 50000\nS: 421 4.3.2 going down\nCLOSE'
    peer -n good <<< $'@587\n@login\n@send'
    profile host="localhost:$PORT_bad localhost:$PORT_good"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 0
    assert_silent
    peer_done bad
    peer_done good
}

@test "an early 4yz in the middle of the content is temporary with its words" {
    peer <<< "$(up_to content)"$'\nDROP-AFTER 50000\nS: 451 4.3.0 disk full\nCLOSE\n=== every connection\nCUT'
    profile tempfail_exit=75
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 75
    assert_one_line
    assert_output_has "451 4.3.0 disk full"
    refute_output_has "may have"
    peer_done
}

@test "an early refusal of a small message is seen before the final dot" {
    # The answer is there before the content is written; in any case it is a refusal, and final.
    peer <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: 354 go
S: 554 5.7.1 changed my mind
DRAIN
END
    profile
    send
    assert_status 69
    assert_one_line
    assert_output_has "554 5.7.1 changed my mind"
    peer_done
}

# clear WHERE TEXT: a server that writes TEXT into the socket below TLS, as some do on shutdown,
# within the content or after its end. Sets CLEAR_PORT.
clear_server() {
    local i
    "$PYTHON" - "$CERTS/good" "$1" "$2" "$BATS_TEST_TMPDIR/clear" <<'END' 3>&- &
import os, socket, ssl, sys
cert, where, text, ready = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert + ".pem", cert + ".key")
listener = socket.create_server(("127.0.0.1", 0))
with open(ready + ".new", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(ready + ".new", ready)
s = context.wrap_socket(listener.accept()[0], server_side=True)
f = s.makefile("rb")
s.sendall(b"220 x\r\n")
for answer in (b"250-x\r\n250 AUTH PLAIN\r\n", b"235\r\n", b"250\r\n", b"250\r\n", b"354\r\n"):
    f.readline()
    s.sendall(answer)
if where == "content":
    f.readline()
else:
    while f.readline() != b".\r\n":
        pass
os.write(s.fileno(), text.encode() + b"\r\n")
os.shutdown = s.detach()
socket.socket(fileno=os.shutdown).shutdown(socket.SHUT_WR)
while os.read(os.shutdown, 65536):
    pass
END
    started "$!"
    for ((i = 0; i < 200; i++)); do [ ! -e "$BATS_TEST_TMPDIR/clear" ] || break; sleep 0.05; done
    CLEAR_PORT=$(<"$BATS_TEST_TMPDIR/clear")
    rm "$BATS_TEST_TMPDIR/clear"
}

@test "clear text below TLS, within the content: temporary, and not believed" {
    clear_server content '250 2.0.0 Ok: queued'
    profile host="localhost:$CLEAR_PORT" tls=implicit tempfail_exit=75
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(large)
    assert_status 75
    assert_one_line
    refute_output_has queued
    refute_output_has "may have"
}

@test "clear text below TLS, after the content: unknown, and not believed" {
    clear_server end '250 2.0.0 Ok: queued'
    profile host="localhost:$CLEAR_PORT" tls=implicit tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    refute_output_has queued
    assert_output_has "may have accepted"
}

# --- Goal: signals. Before the window they end the process and nothing was sent; in it they are
# --- an outcome with words and a log line.

@test "SIGTERM before the commit sends nothing" {
    peer <<< "$(up_to data)"$'\nSTALL'
    profile
    background
    wait_log '^1 < DATA'
    kill -TERM "$CLIENT"
    ended
    [ "$status" = 143 ] || [ "$status" = 69 ] || fail "status is $status"
    peer_done
    [ ! -e "$(peer_dir)/body.1" ]
    refute_in <(peer_log) '<-? .*Hello'
}

@test "SIGTERM within the content: no final dot" {
    peer <<< "$(up_to content)"$'\nDROP-AFTER 50000\nSLEEP 1\nDRAIN'
    profile
    large >"$BATS_TEST_TMPDIR/large"
    "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/large" >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" 3>&- &
    CLIENT=$!
    started "$CLIENT"
    wait_log '^1 BODY 1 50000 bytes'
    kill -TERM "$CLIENT"
    ended
    [ "$status" != 0 ]
    peer_done
    refute_in <(peer_log) '< \.$'
}

@test "a signal in the commit window: unknown, with words and log line" {
    local signal
    for signal in TERM INT HUP; do
        peer <<< "$(up_to end)"$'\nSTALL\n=== every connection\n@587\n@login\n@send'
        profile tempfail_exit=75
        message >"$BATS_TEST_TMPDIR/message"
        # From Python: a shell's background jobs ignore SIGINT.
        "$PYTHON" - "$BIN/sendmail" "$BATS_TEST_TMPDIR" 3>&- <<'END' &
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
binary, folder = sys.argv[1:]
for fd, name, mode in ((0, "message", os.O_RDONLY), (1, "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
                       (2, "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
    os.dup2(os.open(os.path.join(folder, name), mode, 0o600), fd)
os.execv(binary, [binary, "bob@mail.test"])
END
        CLIENT=$!
        started "$CLIENT"
        wait_log '^1 BODY 1'
        # The peer has the message; the window stands open since before it went out.
        kill -$signal "$CLIENT"
        ended
        assert_status 75
        assert_one_line
        assert_output_has "may have accepted"
        assert_output_has "signal"
        peer_done
        connections 1
        logged 'status=unknown exit=75 .*unknown=1'
        rm "$BATS_TEST_TMPDIR/log"
    done
}

@test "signals that were ignored stay ignored" {
    peer <<< "$(up_to end)"$'\nSLEEP 0.7\nS: 250 ok\nDRAIN'
    profile
    message >"$BATS_TEST_TMPDIR/message"
    (
        trap '' INT HUP
        exec "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/message" >"$BATS_TEST_TMPDIR/out" \
            2>"$BATS_TEST_TMPDIR/err" 3>&-
    ) &
    CLIENT=$!
    started "$CLIENT"
    wait_log '^1 BODY 1'
    kill -INT "$CLIENT"
    kill -HUP "$CLIENT"
    ended
    assert_status 0
    assert_silent
    peer_done
}

# --- Goal: no server holds us longer than the profile says.

@test "a server that says nothing is given up at every step, after timeout" {
    local phase began dir=$BATS_TEST_TMPDIR
    local -a phases=(greeting ehlo starttls ehlo2 auth mail rcpt data) clients=()
    message >"$dir/message"
    for phase in "${phases[@]}"; do
        peer -n "$phase" <<< "$(up_to "$phase")"$'\nSTALL\n=== every connection\nCUT'
    done
    began=${EPOCHREALTIME/./}
    for phase in "${phases[@]}"; do
        local port=PORT_$phase
        export MAILCHUTE_CONFIG=$dir/$phase.ini
        profile host="localhost:${!port}" timeout=1s tempfail_exit=75
        "$BIN/sendmail" bob@mail.test <"$dir/message" 2>"$dir/err.$phase" 3>&- &
        clients+=("$!")
        started "$!"
    done
    for phase in "${phases[@]}"; do
        status=0
        wait "${clients[0]}" || status=$?
        clients=("${clients[@]:1}")
        output='' stderr=$(<"$dir/err.$phase")
        assert_status 75
        assert_one_line
        assert_output_has "in time"
        peer_done "$phase"
    done
    [ $((${EPOCHREALTIME/./} - began)) -lt 8000000 ] || fail "it waited longer"
}

@test "a server that stops reading within the content is given up, after timeout" {
    local began
    peer <<< "$(up_to content)"$'\nDROP-AFTER 50000\nSTALL\n=== every connection\nCUT'
    profile timeout=1s tempfail_exit=75
    large 40000000 >"$BATS_TEST_TMPDIR/large"
    began=${EPOCHREALTIME/./}
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/large"
    assert_status 75
    assert_one_line
    refute_output_has "may have"
    [ $((${EPOCHREALTIME/./} - began)) -lt 8000000 ] || fail "it waited"
    peer_done
}

@test "deadline ends the run, whatever each step may take" {
    local began
    peer <<'TEXT'
@587
@login
C: MAIL *
S: 250 ok
LOOP 20
C: RCPT *
FLUSH
SLEEP 0.5
S: 250 ok
END
DRAIN
TEXT
    profile timeout=5s deadline=2s tempfail_exit=75
    began=${EPOCHREALTIME/./}
    # shellcheck disable=SC2046
    send_to $(seq -f 'r%g@mail.test' 20)
    assert_status 75
    assert_one_line
    [ $((${EPOCHREALTIME/./} - began)) -lt 8000000 ] || fail "it waited"
    peer_stop
    [ ! -e "$(peer_dir)/body.1" ]
}

# --- Goal: stderr is one line of 2 KiB at most; the log has all.

@test "a reply of many lines is one line on stderr" {
    peer <<< "$(up_to mail)"$'\nS: 550-5.7.1 one\nS: 550-5.7.1 two\nS: 550 5.7.1 three\nDRAIN'
    profile
    send
    assert_status 69
    assert_one_line
    assert_in - '550 5\.7\.1 one (5\.7\.1 )?two (5\.7\.1 )?three' <<<"$stderr"
    peer_done
}

@test "many refusals: one line of 2 KiB at most with the number of the others, all in the log" {
    local i
    peer <<'TEXT'
@587p
@login
C: MAIL *
S: 250 ok
LOOP 60
C: RCPT *
S: 550 5.1.1 this user is not known here, and neither is the one next door
END
C: DATA
S: 503 nobody
DRAIN
TEXT
    profile
    # shellcheck disable=SC2046
    send_to $(seq -f 'recipient-%g@mail.test' 60)
    assert_status 67
    assert_one_line
    [ ${#stderr} -lt 2048 ] || fail "stderr has ${#stderr} bytes"
    assert_in - 'and [0-9]+ more$' <<<"$stderr"
    peer_done
    for i in 1 30 60; do
        logged "refused=.*<recipient-$i@mail\\.test>: 550 5\\.1\\.1 this user"
    done
    # Those named and those counted are all of them.
    i=$(grep -o '<recipient-' <<<"$stderr" | wc -l)
    assert_in - "and $((60 - i)) more\$" <<<"$stderr"
}

@test "many refusals with long words: one line of 2 KiB at most, with the number of the others" {
    peer <<TEXT
@587p
@login
C: MAIL *
S: 250 ok
LOOP 10
C: RCPT *
S: 550 5.1.1 $(printf '%*s' 900 '' | tr ' ' w)
END
C: DATA
S: 503 nobody
DRAIN
TEXT
    profile
    # shellcheck disable=SC2046
    send_to $(seq -f 'r%g@mail.test' 10)
    assert_status 67
    assert_one_line
    [ ${#stderr} -lt 2048 ] || fail "stderr has ${#stderr} bytes"
    assert_in - 'and [0-9]+ more$' <<<"$stderr"
    peer_done
}

@test "the words of a refusal in the log are whole, up to 1 KiB" {
    peer <<< "$(up_to rcpt)"$'\nS: 550 5.1.1 '"$(printf '%*s' 900 '' | tr ' ' w)"$' end\nDRAIN'
    profile
    send
    assert_status 67
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" 'refused="<bob@mail.test>: 550 5.1.1 w{900} end"'
}

@test "-oeq keeps stderr empty, the status and the log stay" {
    peer <<< "$(up_to mail)"$'\nS: 550 5.7.1 never\nDRAIN'
    profile
    send -oeq
    assert_status 69
    assert_silent
    peer_done
    logged 'status=refused exit=69 .*550 5\.7\.1 never'
}

@test "the log line has the peer, the size, the reply" {
    peer <<< $'@587\n@login\n@send'
    profile
    send
    assert_status 0
    peer_done
    logged "host=localhost\\[127\\.0\\.0\\.1\\]:$PORT "
    logged "size=$(stat -c %s "$(peer_dir)/body.1") "
    logged 'reply="250 2\.0\.0 Ok: queued as 4F1A"'
    refute_in "$BATS_TEST_TMPDIR/log" 's3cret|czNjcmV0|AGFsaWNl'
}

# --- Goal: callers' pipes and descriptors.

# writer STATUS [ARG...]: a writer of 5 MB ends well though sendmail fails with that status.
writer() {
    local expected=$1
    shift
    run --separate-stderr bash -c '
        yes "a line of text" | head -c 5000000 >"$1/large"
        cat "$1/large" | "$0" "${@:2}"
        echo "${PIPESTATUS[*]}"' "$BIN/sendmail" "$BATS_TEST_TMPDIR" "$@"
    assert_status 0
    [ "$output" = "0 $expected" ] || { show_run; fail "writer and sendmail: $output"; }
}

@test "stdin is read to its end before a failure ends: no recipient" {
    profile
    writer 64
}

@test "stdin is read to its end before a failure ends: no profile" {
    rm -f "$MAILCHUTE_CONFIG"
    writer 78 bob@mail.test
}

@test "stdin is read to its end before a failure ends: wrong profile" {
    profile 'nonsense = x'
    writer 78 bob@mail.test
}

@test "stdin is read to its end before a failure ends: a bad address" {
    profile
    writer 65 $'bob\r\n@mail.test'
}

@test "stdin is read to its end before a failure ends: a bad sender" {
    profile
    writer 65 -f $'al\nice@mail.test' bob@mail.test
}

@test "stdin is read to its end before a failure ends: a header without end" {
    profile
    run --separate-stderr bash -c '
        yes "X-Field: 0123456789" | head -c 5000000 >"$1/large"
        cat "$1/large" | "$0" bob@mail.test
        echo "${PIPESTATUS[*]}"' "$BIN/sendmail" "$BATS_TEST_TMPDIR"
    assert_status 0
    [ "$output" = "0 65" ] || fail "writer and sendmail: $output"
}

@test "stdin is read to its end before a failure ends: an argument missing" {
    profile
    writer 64 bob@mail.test -f
}

@test "stdin is read to its end before a failure ends: nobody listens" {
    profile host=127.0.0.1:1
    writer 69 bob@mail.test
}

@test "a password that can't be read is told after stdin was read" {
    profile password= password_file="$BATS_TEST_TMPDIR/none"
    writer 78 bob@mail.test
}

@test "closed descriptors 1 and 2 change nothing, and get no socket" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr bash -c '"$0" bob@mail.test >&- 2>&-' "$BIN/sendmail" < <(message)
    assert_status 0
    peer_done
    peer <<< "$(up_to mail)"$'\nS: 550 5.7.1 never\nDRAIN'
    profile
    run --separate-stderr bash -c '"$0" bob@mail.test >&- 2>&-' "$BIN/sendmail" < <(message)
    assert_status 69
    peer_done
    refute_in <(peer_log) '<-? .*mailchute: '
    refute_in <(peer_log) 'TLS-ERROR (?!.*EOF)'
}

@test "all three descriptors closed is 74" {
    peer <<< $'@587'
    profile
    run --separate-stderr bash -c '"$0" bob@mail.test <&- >&- 2>&-' "$BIN/sendmail"
    assert_status 74
    peer_stop
    connections 0
}

@test "a full stderr does not change the status" {
    [ -w /dev/full ] || skip "no /dev/full"
    peer <<< $'@587\n@login\n@send'
    profile
    run bash -c '"$0" -v bob@mail.test >/dev/full 2>/dev/full' "$BIN/sendmail" < <(message)
    assert_status 0
    peer_done
}

@test "a reader of stderr that went away does not change the status" {
    peer <<< $'@587\n@login\n@send'
    profile
    run bash -c '"$0" -v bob@mail.test 2> >(exec true)' "$BIN/sendmail" < <(message)
    assert_status 0
    peer_done
}

@test "a log that can't be written does not change the status" {
    peer <<< $'@587\n@login\n@send'
    profile log="$BATS_TEST_TMPDIR/none/log"
    send
    assert_status 0
    assert_silent
    peer_done
}
