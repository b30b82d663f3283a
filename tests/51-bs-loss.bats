#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2120   # begins and its like may go without an argument
# sendmail -bs: what is lost, and when: the session to the server, the server's good will, the
# profile, the caller. Each is told apart, and nothing is sent twice or in part.

load lib
load input
load bs
setup() { setup_case; }
teardown() { teardown_case; }

# --- An upstream that is lost between transactions is opened again without a word ---------

# idle ENDING [WAIT]: the server ends the session by ENDING (lines of the peer's script) behind the
# first message; the second goes over a new one, and the caller sees nothing of it.
idle() {
    peer < <(printf '%s\n' @587 @login; takes AAA; printf '%s\n' "$1" '=== connection' @587 @login
        takes BBB; echo 'C*: QUIT')
    profile
    dialogue <<END
$HELLO
$(gives AAA)
AWAIT $PEER/log ${2-^1 (CLOSED|EOF)}
$(gives BBB)
$BYE
END
    said 0
    peer_done
    connections 2
    assert_same "$(field Subject 1),$(field Subject 2)" AAA,BBB
    log_lines 2
}

@test "a session that was cut while idle is opened again" {
    idle CUT
}

@test "a session that was reset while idle is opened again" {
    idle RESET
}

@test "a session that was ended by close_notify while idle is opened again" {
    idle CLOSE
}

@test "a session that was ended by 421 while idle is opened again" {
    idle $'S: 421 4.4.2 idle for too long\nCLOSE'
}

@test "a session that was ended by 421 in clear within TLS is opened again" {
    idle $'S: 421 4.4.2 idle for too long\nCUT'
}

@test "a session whose end is seen only by the answer 421 to MAIL is opened again" {
    peer < <(printf '%s\n' @587 @login; takes AAA
        printf '%s\n' 'C: MAIL FROM:<*' 'S: 421 4.4.2 idle for too long' CLOSE '=== connection' \
            @587 @login; takes BBB; echo 'C*: QUIT')
    profile
    dialogue <<END
$HELLO
$(gives AAA)
$(gives BBB)
$BYE
END
    said 0
    peer_done
    connections 2
}

@test "a session that is silent to the next MAIL is opened again" {
    peer < <(printf '%s\n' @587 @login; takes AAA
        printf '%s\n' 'C: MAIL FROM:<*' STALL '=== connection' @587 @login; takes BBB
        echo 'C*: QUIT')
    profile timeout=1s
    dialogue <<END
$HELLO
$(gives AAA)
$(gives BBB)
$BYE
END
    said 0
    peer_done
}

@test "a session that was lost behind a refused message is opened again" {
    peer <<END
@587
@login
C: MAIL FROM:<mallory@mail.test>*
S: 553 5.7.1 not your address
CUT
=== connection
@587
@login
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<mallory@mail.test>
S: 553 5.7.1 not your address
AWAIT $PEER/log ^1 CLOSED
C: RSET
S: 250 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "a session that refuses RSET is opened again" {
    peer <<END
@587
@login
C: MAIL FROM:<mallory@mail.test>*
S: 553 5.7.1 not your address
C: RSET
S: 502 5.5.1 what?
C*: QUIT
=== connection
@587
@login
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<mallory@mail.test>
S: 553 5.7.1 not your address
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "a session that can't be opened again is 451 4.4.1 with the reason, and we go on" {
    peer < <(printf '%s\n' @587 @login; takes AAA; echo CUT)
    profile
    dialogue <<END
$HELLO
$(gives AAA)
AWAIT $PEER/log ^1 CLOSED
DO while [ ! -e "$PEER/result" ]; do sleep 0.01; done
C: MAIL FROM:<alice@mail.test>
S: 451 4.4.1 *onnection refused*
C: RCPT TO:<bob@mail.test>
S: 503 *
C: RSET
S: 250 *onnection refused*
C: MAIL FROM:<alice@mail.test>
S: 451 4.4.1 *onnection refused*
$BYE
END
    said 0
    peer_done
    log_lines 3
    assert_same "$(grep -c 'status=sent' "$BATS_TEST_TMPDIR/log")" 1
}

# --- Lost within a transaction: 451 4.4.1, and the next message goes ----------------------

# within MAIL|RCPT|DATA ENDING [KEY=VALUE]: the server ends by ENDING in place of its answer.
within() {
    local ours='C: MAIL FROM:<alice@mail.test>' script
    script=$(takes | sed "/^C: $1/q")
    peer < <(printf '%s\n' @587 @login "$script" "$2" '=== connection' @587 @login; takes BBB
        echo 'C*: QUIT')
    profile "${@:3}"
    ours=$(begins | sed '/^C: DATA/,$d' | sed "/^C: $1/q")
    [ "$1" != DATA ] || ours=$(begins; printf '%s\n' 'C: Subject: AAA' C: 'C: x' 'C: .')
    dialogue <<END
$HELLO
$ours
S: 451 4.4.1 *
C: RSET
S: 250 *
$(gives BBB)
$BYE
END
    said 0
    peer_done
    connections 2
    assert_same "$(field Subject)" BBB
    log_lines 2
}

@test "a server that is lost at the first MAIL" {
    within MAIL CUT
}

@test "a server that is lost at RCPT" {
    within RCPT CUT
}

@test "a server that is lost at RCPT, properly" {
    within RCPT CLOSE
}

@test "a server that is lost at DATA" {
    within DATA RESET
}

@test "a server that doesn't answer RCPT in time" {
    within RCPT STALL timeout=1s
}

# 421 would tell the caller that we end our session with him, and we don't.
@test "421 at RCPT reaches the caller as 451 4.4.1, with its words" {
    within RCPT $'S: 421 4.3.2 shutting down\nCLOSE'
    assert_in - '^S: 451 4\.4\.1 .*421 4\.3\.2 shutting down' <<<"$output"
}

@test "421 at DATA reaches the caller as 451 4.4.1" {
    within DATA $'S: 421 4.3.2 shutting down\nCLOSE'
}

@test "421 at MAIL of a fresh session reaches the caller as 451 4.4.1" {
    within MAIL $'S: 421 4.3.2 too many from you\nCLOSE'
}

@test "421 to the content is a refusal for now, as 451, and isn't sent again" {
    peer <<END
@587
@login
$(takes | sed '$d')
S: 421 4.3.2 shutting down
CLOSE
=== connection
@587
@login
$(takes BBB)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
$(gives AAA | sed '$d')
S: 451 *421 4.3.2 shutting down*
$(gives BBB)
$BYE
END
    said 0
    peer_done
    assert_same "$(field Subject 2)" BBB
}

@test "a server that is lost within the content" {
    "$PYTHON" -c 'print("Subject: long\r\n\r" + "\n" + ("x" * 76 + "\r\n") * 60000, end=".\r\n")' \
        >"$BATS_TEST_TMPDIR/content"
    peer <<END
@587
@login
$(takes | sed '/^BODY/,$d')
DROP-AFTER 50000
CUT
=== connection
@587
@login
$(takes BBB)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/content
S: 451 4.4.1 *within the message*
$(gives BBB)
$BYE
END
    said 0
    peer_done
    log_lines 2
    assert_in "$BATS_TEST_TMPDIR/log" 'status=temporary'
}

# --- Lost in the commit window: words of its own, and nothing is sent again ---------------

# window ENDING [KEY=VALUE]: the server has all of the message and ends by ENDING.
window() {
    peer < <(printf '%s\n' @587 @login; takes | sed '$d'; printf '%s\n' "$1" '=== connection' @587 \
        @login; takes BBB; echo 'C*: QUIT')
    profile "${@:2}"
    dialogue <<END
$HELLO
$(gives AAA | sed '$d')
S: 4[0-9][0-9] 4.4.2 *may have accepted*
C: RSET
S: 250 *may have accepted*
$(gives BBB)
$BYE
END
    said 0
    peer_done
    connections 2
    assert_same "$(field Subject 1),$(field Subject 2)" AAA,BBB
    log_lines 2
    assert_in "$BATS_TEST_TMPDIR/log" 'status=unknown .* unknown=1'
}

@test "a server that is cut in the commit window" {
    window CUT
}

@test "a server that ends by close_notify in the commit window" {
    window CLOSE
}

@test "a server that is reset in the commit window" {
    window RESET
}

@test "a server that is silent in the commit window" {
    window STALL commit_timeout=1s
}

@test "a server whose answer in the commit window is cut in half" {
    window $'S-: 250 2.0.0 Ok\nCUT'
}

# --- Refusals, each told apart ------------------------------------------------------------

@test "sender, recipient, DATA and content refused for good or for now are told apart" {
    # refused UNTIL ANSWER: a transaction up to the command UNTIL, which gets ANSWER.
    refused() { takes | sed "/^$1/q"; printf '%s\n' "S: $2"; }
    ours() { gives | sed "/^C: $1/q"; printf '%s\n' "S: $2"; }
    peer <<END
@587
@login
$(refused 'C: MAIL' '553 5.7.1 not your address')
C: RSET
S: 250 ok
$(refused 'C: MAIL' '450 4.7.1 slow down')
C: RSET
S: 250 ok
$(refused 'C: RCPT' '550 5.1.1 no such user')
C: RSET
S: 250 ok
$(refused 'C: RCPT' '450 4.2.0 greylisted')
C: RSET
S: 250 ok
$(refused 'C: DATA' '554 5.5.1 no')
C: RSET
S: 250 ok
$(refused BODY '451 4.3.0 try later')
C: RSET
S: 250 ok
$(refused BODY '554 5.7.1 spam')
C: RSET
S: 250 ok
$(takes ZZZ)
C*: QUIT
END
    profile tempfail_exit=75
    dialogue <<END
$HELLO
$(ours MAIL '553 5.7.1 not your address')
$(ours MAIL '450 4.7.1 slow down')
$(ours RCPT '550 5.1.1 no such user')
C: RSET
S: 250 *
$(ours RCPT '450 4.2.0 greylisted')
C: RSET
S: 250 *
$(ours '[.]' '554 5.5.1 no')
$(ours '[.]' '451 4.3.0 try later')
$(ours '[.]' '554 5.7.1 spam')
$(gives ZZZ)
$BYE
END
    said 0
    peer_done
    connections 1
    log_lines 8
    assert_same "$(sed -nE 's/.*(exit=[0-9]*).*/\1/p' "$BATS_TEST_TMPDIR/log" | tr '\n' ' ')" \
        'exit=69 exit=75 exit=67 exit=75 exit=69 exit=75 exit=69 exit=0 '
    assert_same "$(field Subject 3)" ZZZ
}

@test "a message that some were refused is in the log as such, for good 67, for now 69" {
    one() {
        takes "$1" | sed "/^C: DATA/i C: RCPT TO:<carl@mail.test>\\nS: $2"
    }
    us() {
        gives "$1" | sed "/^C: DATA/i C: RCPT TO:<carl@mail.test>\\nS: $2"
    }
    peer <<END
@587
@login
$(one AAA '550 5.1.1 no such user')
$(one BBB '450 4.2.0 greylisted')
C*: QUIT
END
    profile tempfail_exit=75
    dialogue <<END
$HELLO
$(us AAA '550 5.1.1 no such user')
$(us BBB '450 4.2.0 greylisted')
$BYE
END
    said 0
    peer_done
    log_lines 2
    assert_same "$(sed -nE 's/.*(exit=[0-9]*).*/\1/p' "$BATS_TEST_TMPDIR/log" | tr '\n' ' ')" \
        'exit=67 exit=69 '
    assert_in "$BATS_TEST_TMPDIR/log" 'refused=.*<carl@mail.test>: 550 5.1.1 no .*delivered=1'
}

@test "two messages, a refused recipient and a dead server in one session are told apart" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
CUT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: DATA
S: 354 *
$(goes AAA)
DO while [ ! -e "$PEER/result" ]; do sleep 0.01; done
C: MAIL FROM:<alice@mail.test>
C: RCPT TO:<bob@mail.test>
C: DATA
S: 451 4.4.1 *onnection refused*
S: 503 *
S: 503 *
$BYE
END
    said 0
    peer_done
    log_lines 2
    assert_in "$BATS_TEST_TMPDIR/log" 'refused=.*<nobody@mail.test>: 550 5.1.1'
    assert_in "$BATS_TEST_TMPDIR/log" 'status=temporary .*onnection refused'
}

# --- The session can't be opened ----------------------------------------------------------

# refused_at_mail ANSWER KEY=VALUE...: MAIL gets ANSWER, twice, EHLO was well.
refused_at_mail() {
    profile "${@:2}"
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: $1
C: RCPT TO:<bob@mail.test>
S: 503 *
C: DATA
S: 503 *
$BYE
END
    said 0
    log_lines 1
}

@test "a dead server is 451 4.4.1" {
    refused_at_mail '451 4.4.1 *onnection refused*'
}

@test "a dead server and then a living one: the message goes to the second" {
    peer_takes_one() { printf '%s\n' @587 @login; takes; echo 'C*: QUIT'; }
    peer < <(peer_takes_one)
    profile host="localhost:1 localhost:$PORT"
    dialogue <<END
$HELLO
$(gives)
$BYE
END
    said 0
    peer_done
    log_lines 1
}

@test "a server that was dead at one message lives at the next" {
    peer < <(printf '%s\n' 'S: 421 4.3.2 not now' CLOSE '=== connection' @587 @login; takes
        echo 'C*: QUIT')
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 451 4.4.1 *421 4.3.2 not now*
$(gives)
$BYE
END
    said 0
    peer_done
    log_lines 2
}

@test "an unknown host is a 451" {
    refused_at_mail '451 4.4.[0-9] *nowhere.invalid*' host=nowhere.invalid:587
}

@test "a greeting 554 is told in the server's words" {
    peer <<<$'S: 554 5.7.1 not from there\nC*: QUIT'
    refused_at_mail '554 *5.7.1 not from there*'
    peer_done
}

@test "a false certificate is a 451 with the reason, and no log-in was tried" {
    peer --cert wrongname < <(printf '%s\n' @starttls 'TLS must fail')
    refused_at_mail '451 4.7.5 *certificate*localhost*'
    peer_done
    refute_in "$PEER/log" '< AUTH'
}

@test "a server without STARTTLS is a 451 with the reason" {
    peer <<<$'@greet\nC: EHLO *\nS: 250 mail.test\nC*: QUIT'
    refused_at_mail '451 4.7.5 *STARTTLS*'
    peer_done
}

@test "an odd success to STARTTLS is none to MAIL" {
    peer <<<$'@greet\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 250 fine\nC*: QUIT'
    refused_at_mail '[45][0-9][0-9] *'
    peer_stop
}

@test "a refused log-in is told in the server's words" {
    peer <<<$'@587\nC: AUTH *\nS: 535 5.7.8 wrong password\nC*: QUIT'
    refused_at_mail '5[0-9][0-9] *5.7.8 wrong password*'
    peer_done
}

# --- The profile --------------------------------------------------------------------------

@test "a profile that is missing is 451 with its name, and EHLO is answered still" {
    profile
    rm "$MAILCHUTE_CONFIG"
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.5 *$MAILCHUTE_CONFIG*
C: NOOP
S: 250 *
$BYE
END
    said 0
}

@test "a wrong profile is 451 with file and line, RSET says it again, and mended it serves" {
    peer < <(printf '%s\n' @587 @login; takes; echo 'C*: QUIT')
    profile pasword=x
    cp "$MAILCHUTE_CONFIG" "$BATS_TEST_TMPDIR/wrong"
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.5 *mailchute.ini:*pasword*
C: RSET
S: 250 *pasword*
DO sed -i /pasword/d "$MAILCHUTE_CONFIG"
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "a password file that can't be read is 451" {
    refused_at_mail '451 4.3.5 *no-such-file*' password= \
        password_file="$BATS_TEST_TMPDIR/no-such-file"
}

# --- The caller vanishes: nothing is sent, nothing hangs ----------------------------------

# vanishes SCRIPT [CONNECTIONS]: the caller's script ends in an end; not one byte of the message
# leaves, the status is 0 (the peer's end shows that no DATA came).
vanishes() {
    peer < <(printf '%s\n' @587 @login; takes | sed '/^C: DATA/,$d'; echo DRAIN)
    profile
    dialogue <<<"$HELLO"$'\n'"$1"
}

# vanished STATUS
vanished() {
    said "$1"
    peer_done
    nothing_sent
}

@test "EOF within the content sends nothing" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC: half\nEOF'
    vanished 0
    log_lines 1
    assert_in "$BATS_TEST_TMPDIR/log" 'status=input '
}

@test "EOF before the first byte of the content sends nothing" {
    vanishes "$(begins)"$'\nEOF'
    vanished 0
    log_lines 1
}

@test "EOF behind the dot, before its line end, sends nothing" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC\\: half\\r\\n.\nEOF'
    vanished 0
}

@test "EOF within the line end of the dot sends nothing" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC\\: half\\r\\n.\\r\nEOF'
    vanished 0
}

@test "EOF behind LF.LF of a caller with CRLF sends nothing" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC\\: half\\n.\\n\nEOF'
    vanished 0
}

@test "EOF between RCPT and DATA sends nothing" {
    vanishes "$(begins | sed '/^C: DATA/,$d')"$'\nEOF'
    vanished 0
    log_lines 1
}

@test "EOF within the command DATA sends nothing" {
    vanishes "$(begins | sed '/^C: DATA/,$d')"$'\nC\\: DATA\nEOF'
    vanished 0
}

@test "EOF within RCPT asks nobody about half an address" {
    peer < <(printf '%s\n' @587 @login; takes | sed '/^C: RCPT/,$d'; echo DRAIN)
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C\: RCPT TO:<bob@mail.test
EOF
END
    said 0
    peer_done
    refute_in "$PEER/log" RCPT
}

@test "EOF at any place without a message is 0, and no server is asked" {
    peer <<<'=== every connection'
    profile
    local script
    for script in $'S: 220 *\nEOF' "$HELLO"$'\nEOF' "$HELLO"$'\nC\\: MAI\nEOF' \
        "$EHLO"$'\nC: NOOP\nS: 250 *\nEOF' $'S: 220 *\nC: BAD\nS: 500 *\nEOF'; do
        dialogue <<<"$script"
        said 0
    done
    peer_stop
    connections 0
    log_lines 0
}

@test "EOF behind a message that went is 0, and QUIT goes upstream" {
    peer < <(printf '%s\n' @587 @login; takes; echo 'C: QUIT')
    profile
    dialogue <<<"$HELLO"$'\n'"$(gives)"$'\nEOF'
    said 0
    peer_done
    log_lines 1
}

@test "a caller that is gone altogether within the content sends nothing" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC: half\nDEAF\nEOF'
    vanished 0
}

@test "a caller that hears no more at MAIL sends nothing, and nothing hangs" {
    peer < <(printf '%s\n' @587 @login 'C: MAIL FROM:<*' 'S: 250 ok' DRAIN)
    profile
    dialogue <<<"$HELLO"$'\nDEAF\nC: MAIL FROM:<alice@mail.test>\nEOF'
    said 74
    peer_done
    nothing_sent
}

@test "a caller that hears no answer sends nothing, though all came in one write" {
    peer < <(printf '%s\n' @587 @login; takes; echo 'C*: QUIT')
    profile
    dialogue <<END
S: 220 *
DEAF
C: HELO shop.test
$(gives | grep -v '^S')
C: QUIT
EOF
END
    said 74
    peer_stop
    nothing_sent
}

@test "a caller that doesn't wait for the answer to QUIT ends with 0" {
    peer < <(printf '%s\n' @587 @login; takes; echo 'C*: QUIT')
    profile
    dialogue <<<"$HELLO"$'\n'"$(gives)"$'\nDEAF\nC: QUIT\nEOF'
    said 0
    peer_done
    log_lines 1
}

@test "with standard input closed the status is 74" {
    peer <<<'=== every connection'
    profile
    # Not "run ... <&-": run's own pipe would get the number.
    # shellcheck disable=SC2016   # $0 is the inner shell's
    run --separate-stderr bash -c 'exec timeout 10 "$0" -bs <&-' "$BIN/sendmail"
    assert_status 74
    peer_stop
    connections 0
}

@test "a signal before the dot ends it, and nothing is sent" {
    vanishes "$(begins)"$'\nC: Subject: x\nC:\nC: half\nSIGNAL TERM'
    vanished 143
}

# --- SIGTERM in the commit window ---------------------------------------------------------

@test "SIGTERM in the commit window is told as unknown, to the caller and in the log, and ends it" {
    peer < <(printf '%s\n' @587 @login; takes | sed '$d'; echo DRAIN)
    profile
    LIMIT=5 dialogue <<END
$HELLO
$(gives AAA | sed '$d')
AWAIT $PEER/log ^1 BODY
SIGNAL TERM
S: 4[0-9][0-9] 4.4.2 *may have accepted*
END
    [ "$status" -lt 98 ] || [ "$status" = 143 ] || { show_run; fail "wrong words, or it goes on"; }
    [ "$status" -ne 0 ] || { show_run; fail "status 0"; }
    peer_done
    log_lines 1
    assert_in "$BATS_TEST_TMPDIR/log" 'status=unknown .* unknown=1'
}

@test "SIGTERM while the end's answer is out ends it, also where a part was refused before" {
    { printf 'Subject: large\r\n\r\n'; yes $'a line of text\r' | head -c 20000
        printf '\r\n.\r\n'; } >"$BATS_TEST_TMPDIR/filler"
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250-PIPELINING' \
        'S: 250-CHUNKING' 'S: 250 AUTH PLAIN' @login 'C: MAIL*' 'S: 250 2.1.0 sender ok' 'C: RCPT*' \
        'S: 250 2.1.5 recipient ok' BDAT BDAT 'S: 452 4.3.1 disk full' FLUSH DRAIN)
    profile tls=implicit
    LIMIT=5 dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/filler
AWAIT $PEER/log ^1.>.452
SIGNAL TERM
S: 452 4.3.1 disk full
END
    assert_status 143
    peer_done
    log_lines 1
    assert_in "$BATS_TEST_TMPDIR/log" 'status=temporary '
}

@test "SIGHUP that is ignored from the start stays so in the commit window" {
    peer < <(printf '%s\n' @587 @login; takes | sed '$d'
        printf '%s\n' 'SLEEP 0.5' 'S: 250 2.0.0 Ok: queued as AAA' 'C*: QUIT')
    profile
    cat >"$BATS_TEST_TMPDIR/script" <<END
$HELLO
$(gives AAA | sed '$d')
AWAIT $PEER/log ^1 BODY
SIGNAL HUP
S: 250 2.0.0 Ok: queued as AAA
$BYE
END
    run --separate-stderr bash -c 'trap "" HUP; exec "$@"' bash "$PYTHON" \
        "$ROOT/tests/peer/caller.py" "$BATS_TEST_TMPDIR/script" "$BIN/sendmail" -bs
    said 0
    peer_done
}

@test "after a message that went SIGTERM ends an idle session as it does any program" {
    peer < <(printf '%s\n' @587 @login; takes; echo DRAIN)
    profile
    dialogue <<END
$HELLO
$(gives)
C: NOOP
S: 250 *
SIGNAL TERM
END
    said 143
    peer_done
    log_lines 1
}

# --- One line in the log for a message ----------------------------------------------------

@test "each message has its line, with what it needs, and other commands have none" {
    peer < <(printf '%s\n' @587 @login; takes AAA; takes BBB ben@mail.test; echo 'C*: QUIT')
    profile
    dialogue <<END
$HELLO
C: NOOP
S: 250 *
$(gives AAA)
C: RSET
S: 250 *
C: VRFY bob
S: 252 *
$(begins ben@mail.test)
$(goes BBB)
$BYE
END
    said 0
    peer_done
    log_lines 2
    for word in status=sent exit=0 'from=\S*<?alice@mail.test' 'id=\S*@mail.test' 'size=[1-9]' \
        'host=\S*localhost' tls= 'ms=[0-9]' uid=; do
        assert_same "$(grep -cE "(^| )$word" "$BATS_TEST_TMPDIR/log")" 2
    done
    assert_in "$BATS_TEST_TMPDIR/log" 'bob@mail.test.*queued as AAA'
    assert_in "$BATS_TEST_TMPDIR/log" 'ben@mail.test.*queued as BBB'
}

@test "a message that the caller gave up has its line" {
    peer < <(printf '%s\n' @587 @login; takes | sed '/^C: DATA/,$d'; echo 'C*: QUIT')
    profile
    dialogue <<END
$HELLO
$(begins | sed '/^C: DATA/,$d')
C: RSET
S: 250 *
C: RSET
S: 250 *
$BYE
END
    said 0
    peer_stop
    log_lines 1
    refute_in "$BATS_TEST_TMPDIR/log" 'status=sent'
}

@test "a message that was refused for SMTPUTF8 has its line" {
    peer < <(printf '%s\n' @587 @login 'C*: QUIT')
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<jörg@mail.test> SMTPUTF8
S: 553 5.6.7 *
$BYE
END
    said 0
    peer_stop
    log_lines 1
    refute_in "$BATS_TEST_TMPDIR/log" 'status=sent'
}
