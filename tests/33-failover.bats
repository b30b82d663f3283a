#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Failing over: every host in order, every address of each, as long as nothing may have been taken
# and nobody was refused for good.

load lib
load hole
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

# connections N NAME: so many came in at that peer.
connections() {
    local n
    n=$(peer_log "$2" | grep -c ' CONNECT$') || true
    [ "$n" = "$1" ] || fail "$n connections at $2, not $1" "$(peer_log "$2")"
}

# two FIRST [SECOND]: peers "a" and "b" with these scripts, and the profile for both in this order.
# Without SECOND b takes any message.
two() {
    peer -n a <<< "$1"
    peer -n b <<< "${2:-$'=== every connection\n@587\n@login\n@send'}"
    profile host="localhost:$PORT_a localhost:$PORT_b" tempfail_exit=75
}

# The first fails, the second takes the message: 0, and silent.
goes_on() {
    two "$1"
    send
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
    connections 1 b
    arrived 1 b >/dev/null
    [ ! -e "$(peer_dir a)/body.1" ] || [ "${2-}" = taken ]
}

# stays STATUS SCRIPT: the first fails with that status, the second is not asked.
stays() {
    two "$2"
    send
    assert_status "$1"
    assert_one_line
    peer_done a
    peer_stop b
    connections 0 b
}

# --- Goal: hosts are tried in order; the first that takes the message is the last that is asked.

@test "the first of two hosts takes it: the second is not dialled" {
    two $'@587\n@login\n@send'
    send
    assert_status 0
    peer_done a
    peer_stop b
    connections 0 b
}

@test "a dead first host, a good second" {
    peer <<< $'@587\n@login\n@send'
    profile host="127.0.0.1:1 localhost:$PORT"
    send
    assert_status 0
    assert_silent
    peer_done
}

@test "two dead hosts, a good third" {
    peer <<< $'@587\n@login\n@send'
    profile host="127.0.0.1:1 127.0.0.2:1 localhost:$PORT"
    send
    assert_status 0
    assert_silent
    peer_done
}

@test "an unknown first host, a good second" {
    peer <<< $'@587\n@login\n@send'
    profile host="no-such-host.invalid:587 localhost:$PORT"
    send
    assert_status 0
    assert_silent
    peer_done
}

@test "a first host that neither accepts nor refuses is left after connect_timeout" {
    blackhole
    peer <<< $'@587\n@login\n@send'
    profile host="127.0.0.1:$HOLE localhost:$PORT" connect_timeout=1s
    send
    assert_status 0
    peer_done
}

@test "all hosts dead: temporary, each is named with its reason" {
    profile host="127.0.0.1:1 127.0.0.2:1" tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has "127.0.0.1:1"
    assert_output_has "127.0.0.2:1"
}

@test "an unknown host and a dead one: temporary, both are named" {
    profile host="no-such-host.invalid:587 127.0.0.1:1" tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has "no-such-host.invalid"
    assert_output_has "127.0.0.1:1"
}

@test "a dead host and an unknown one: temporary, since one may come back" {
    profile host="127.0.0.1:1 no-such-host.invalid:587" tempfail_exit=75
    send
    assert_status 75
    assert_one_line
}

# --- Goal: what a session's beginning says of the host leads to the next one.

@test "greeting 421: the next host" {
    goes_on $'S: 421 4.3.2 too busy\nDRAIN'
}

@test "greeting 554: the next host" {
    goes_on $'S: 554 5.3.2 no service\nDRAIN'
}

@test "greeting 554 at both: 69, with the words of both" {
    two $'S: 554 5.3.2 no service at a\nDRAIN' $'S: 554 5.3.2 no service at b\nDRAIN'
    send
    assert_status 69
    assert_one_line
    assert_output_has "no service at a"
    assert_output_has "no service at b"
    peer_done a
    peer_done b
}

@test "greeting 554 at the last host: 69, whatever was before" {
    peer <<< $'S: 554 5.3.2 no service\nDRAIN'
    profile host="127.0.0.1:1 localhost:$PORT" tempfail_exit=75
    send
    assert_status 69
    assert_one_line
    peer_done
}

@test "no SMTP at all: the next host" {
    goes_on $'S: SSH-2.0-OpenSSH_9.2\nDRAIN'
}

@test "EHLO refused: the next host" {
    goes_on $'@greet\nC: EHLO *\nS: 550 5.7.1 go away\nDRAIN'
    goes_on $'@greet\nC: EHLO *\nS: 451 4.7.1 later\nDRAIN'
}

@test "a host that says nothing: the next host" {
    two 'STALL'
    profile host="localhost:$PORT_a localhost:$PORT_b" timeout=2s
    send
    assert_status 0
    peer_done a
    peer_done b
}

# --- Goal: TLS that proves nothing leads to the next host, but never to anything weaker.

@test "a bad certificate on the first host, a good one on the second" {
    local cert
    for cert in wrongname unknown expired selfsigned; do
        goes_on $'@starttls\nTLS must fail cert='$cert
        refute_in <(peer_log a) '<-? .*(AUTH|MAIL|AGFsaWNl)'
    done
}

@test "no STARTTLS on the first host: the next" {
    goes_on $'@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN\nDRAIN'
    refute_in <(peer_log a) '<-? .*(AUTH|MAIL|AGFsaWNl)'
}

@test "454 to STARTTLS on the first host: the next" {
    goes_on $'@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 later\nDRAIN'
}

@test "bad certificates on both hosts: 76, nothing is sent to either" {
    two $'@starttls\nTLS must fail cert=wrongname' $'@starttls\nTLS must fail cert=expired'
    send
    assert_status 76
    assert_one_line
    assert_output_has elsewhere.test
    assert_output_has expired
    peer_done a
    peer_done b
    refute_in <(peer_log a) '<-? .*(AUTH|MAIL|AGFsaWNl)'
    refute_in <(peer_log b) '<-? .*(AUTH|MAIL|AGFsaWNl)'
}

@test "a dead first host, a second with a bad certificate: 76, nothing is sent" {
    peer <<< $'@starttls\nTLS must fail cert=wrongname'
    profile host="127.0.0.1:1 localhost:$PORT" tempfail_exit=75
    send
    assert_status 76
    assert_one_line
    peer_done
    refute_in <(peer_log) '<-? .*(AUTH|MAIL|AGFsaWNl)'
}

# --- Goal: a refused log-in is never tried elsewhere (lock-out); one that can't be checked now is.

@test "AUTH 535: no other host" {
    stays 77 $'@587\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    assert_output_has "535 5.7.8 wrong"
}

@test "AUTH 454: the next host" {
    goes_on $'@587\nC: AUTH *\nS: 454 4.7.0 back-end is gone\nDRAIN'
}

@test "AUTH 454 at both: temporary" {
    two $'@587\nC: AUTH *\nS: 454 4.7.0 gone at a\nDRAIN' $'@587\nC: AUTH *\nS: 454 4.7.0 gone at b\nDRAIN'
    send
    assert_status 75
    assert_output_has "gone at a"
    assert_output_has "gone at b"
    peer_done a
    peer_done b
}

@test "AUTH cut: the next host" {
    goes_on $'@587\nC: AUTH *\nCUT'
}

# --- Goal: sender and content: 4yz leads on, 5yz never.

@test "MAIL 4yz: the next host" {
    goes_on $'@587\n@login\nC: MAIL *\nS: 451 4.3.0 later\nDRAIN'
}

@test "MAIL 5yz: no other host" {
    stays 69 $'@587\n@login\nC: MAIL *\nS: 550 5.7.1 never\nDRAIN'
}

@test "DATA 4yz: the next host" {
    goes_on $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 451 4.3.0 later\nDRAIN'
}

@test "DATA 5yz: no other host" {
    stays 69 $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 554 5.3.0 never\nDRAIN'
}

@test "4yz to the content: the next host, and the same message" {
    goes_on $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 354\nBODY\nS: 451 4.3.0 disk full\nDRAIN' taken
    cmp "$(peer_dir a)/body.1" "$(peer_dir b)/body.1"
}

@test "5yz to the content: no other host" {
    stays 69 $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 354\nBODY\nS: 554 5.7.1 spam\nDRAIN'
}

@test "the next host may be able to do less" {
    peer -n a <<'END'
@587p
@login
C: MAIL FROM:<*> SIZE=* BODY=8BITMIME
C: RCPT *
C: DATA
S: 451 4.3.0 later
S: 503 no
S: 503 no
DRAIN
END
    peer -n b <<'END'
TLS
LOCKSTEP
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334
C: *
S: 334
C: *
S: 235
C: MAIL FROM:<alice@mail.test>
S: 250
C: RCPT *
S: 250
C: DATA
S: 354
BODY
S: 250
END
    # STARTTLS at a, TLS at once at b, which the second profile says for both: one at a time.
    profile host="localhost:$PORT_a"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message 'grün')
    assert_status 69
    peer_done a
    profile host="127.0.0.1:1 localhost:$PORT_b" tls=implicit
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message 'grün')
    assert_status 0
    peer_done b
}

# --- Goal: recipients: 4yz alone goes to the next host, in a transaction of its own; 5yz and those
# --- who have the message never.

@test "one RCPT 4yz: it alone is tried at the next host" {
    two "$(cat <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT TO:<a@mail.test>
S: 250
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 later
C: RCPT TO:<c@mail.test>
S: 250
C: DATA
S: 354
BODY
S: 250
END
)" "$(cat <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT TO:<b@mail.test>
S: 250
C: DATA
S: 354
BODY
S: 250
END
)"
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
    cmp "$(peer_dir a)/body.1" "$(peer_dir b)/body.1"
}

@test "RCPT 4yz here, 5yz at the next host: 67 with the last words" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nDRAIN'
    send
    assert_status 67
    assert_one_line
    assert_output_has "550 5.1.1 never"
    peer_done a
    peer_done b
}

@test "RCPT 4yz at every host: temporary with the last words" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 451 4.2.1 even later\nDRAIN'
    send
    assert_status 75
    assert_one_line
    assert_output_has "451 4.2.1 even later"
    peer_done a
    peer_done b
}

@test "RCPT 5yz: no other host" {
    stays 67 $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nDRAIN'
}

@test "one RCPT 5yz, one 4yz: the next host sees the second only" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250'
    send_to a@mail.test b@mail.test
    assert_status 67
    assert_one_line
    assert_output_has "<a@mail.test>: 550 5.1.1 never"
    refute_output_has "<b@mail.test>"
    peer_done a
    peer_done b
}

@test "one delivered, one RCPT 4yz, the next host dead: 69, who is without is named" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT TO:<a@mail.test>
S: 250
C: RCPT TO:<b@mail.test>
S: 450 4.2.1 later
C: DATA
S: 354
BODY
S: 250
END
    profile host="localhost:$PORT 127.0.0.1:1" tempfail_exit=75
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "delivered to 1 of 2"
    assert_output_has "<b@mail.test>: 450 4.2.1 later"
    peer_done
}

@test "RCPT 4yz, the next host dead: temporary, with the words of both" {
    peer <<< $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN'
    profile host="localhost:$PORT 127.0.0.1:1" tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has "<bob@mail.test>: 450 4.2.1 later"
    assert_output_has "127.0.0.1:1"
    peer_done
}

@test "one RCPT 5yz, one 4yz, the next host dead: both refusals are told" {
    peer <<< $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN'
    profile host="localhost:$PORT 127.0.0.1:1"
    send_to a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    assert_output_has "<a@mail.test>: 550 5.1.1 never"
    assert_output_has "<b@mail.test>: 450 4.2.1 later"
    peer_done
}

@test "421 to an RCPT: the next host gets all recipients that were not refused" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nC: RCPT *\nS: 421 4.7.0 enough\nCLOSE' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT TO:<a@mail.test>\nS: 250\nC: RCPT TO:<c@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250'
    send_to a@mail.test b@mail.test c@mail.test
    assert_status 67
    assert_output_has "<b@mail.test>: 550 5.1.1 never"
    peer_done a
    peer_done b
}

@test "the session breaks before the second transaction: the next host gets the rest alone" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT TO:<a@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250\nC: MAIL *\nCUT' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250'
    profile host="localhost:$PORT_a localhost:$PORT_b" max_recipients=1
    send_to a@mail.test b@mail.test
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
}

@test "recipients = all: one RCPT 4yz, and all of them are tried at the next host" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN' \
        $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT TO:<a@mail.test>\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250'
    profile host="localhost:$PORT_a localhost:$PORT_b" recipients=all
    send_to a@mail.test b@mail.test
    assert_status 0
    peer_done a
    peer_done b
}

@test "recipients = all: one RCPT 5yz, and no other host is tried" {
    two $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nDRAIN'
    profile host="localhost:$PORT_a localhost:$PORT_b" recipients=all
    send_to a@mail.test b@mail.test
    assert_status 67
    peer_done a
    peer_stop b
    connections 0 b
}

# --- Goal: deadline holds over all hosts.

@test "deadline ends the round of hosts" {
    local began=${EPOCHREALTIME/./}
    peer -n a <<< 'STALL'
    peer -n b <<< 'STALL'
    peer -n c <<< $'=== every connection\n@587\n@login\n@send'
    profile host="localhost:$PORT_a localhost:$PORT_b localhost:$PORT_c" timeout=1s deadline=2s \
        tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited"
    peer_stop c
    connections 0 c
}

# --- Goal: every address of a host is tried. (The name is in an /etc/hosts of the test's own: a
# --- chroot, in which the static binary needs nothing else.)

# addresses ADDRESS...: send_many then knows many.test by these addresses.
addresses() {
    if [ "$(id -u)" != 0 ]; then
        [ -z "${NO_SKIP:-}" ] || fail "a chroot needs root" || return 1
        printf '# SKIPPED: %s: needs root\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "a chroot needs root"
    fi
    JAIL=$BATS_TEST_TMPDIR/root
    mkdir -p "$JAIL/etc" "$JAIL/tmp"
    cp "$MC" "$JAIL/sendmail"
    cp "$CERTS/ca.pem" "$JAIL/ca.pem"
    printf '%s many.test\n' "$@" >"$JAIL/etc/hosts"
}

# send_many [KEY=VALUE...]: the standard message to bob, by many.test.
send_many() {
    profile tls_name=localhost tls_trust=/ca.pem log=/log "$@"
    mv "$MAILCHUTE_CONFIG" "$JAIL/mailchute.ini"
    run --separate-stderr env MAILCHUTE_CONFIG=/mailchute.ini chroot "$JAIL" \
        /sendmail bob@mail.test < <(message)
}

# bats test_tags=cage
@test "the first address is dead: the second takes it" {
    addresses 127.0.0.2 127.0.0.3
    peer --address 127.0.0.3 <<< $'@587\n@login\n@send'
    send_many host="many.test:$PORT"
    assert_status 0
    assert_silent
    peer_done
    assert_in "$JAIL/log" 'host=many\.test\[127\.0\.0\.3\]'
}

# bats test_tags=cage
@test "the first address breaks off: the second takes it" {
    addresses 127.0.0.2 127.0.0.3
    peer -n a --address 127.0.0.2 <<< 'CUT'
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'@587\n@login\n@send'
    send_many host="many.test:$PORT_a"
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
}

# bats test_tags=cage
@test "421 to RCPT at the first address, its content under way: the second takes it" {
    addresses 127.0.0.2 127.0.0.3
    peer -n a --address 127.0.0.2 <<'END'
@starttls
TLS
C: EHLO *
S: 250-mail.test
S: 250-PIPELINING
S: 250-CHUNKING
S: 250 AUTH PLAIN
@login
C: MAIL *
C: RCPT *
BDAT
S: 250 ok
S: 421 4.7.0 enough
CLOSE
END
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'@587\n@login\n@send'
    send_many host="many.test:$PORT_a"
    assert_status 0
    peer_done a
    peer_done b
}

# bats test_tags=cage
@test "the first address has a bad certificate: the second takes it" {
    addresses 127.0.0.2 127.0.0.3
    peer -n a --address 127.0.0.2 <<< $'@starttls\nTLS must fail cert=expired'
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'@587\n@login\n@send'
    send_many host="many.test:$PORT_a"
    assert_status 0
    peer_done a
    peer_done b
}

# bats test_tags=cage
@test "an address that does not answer holds us for less than a second" {
    local began
    addresses 127.0.0.2 127.0.0.3
    peer --address 127.0.0.3 <<< $'@587\n@login\n@send'
    blackhole 127.0.0.2 "$PORT"
    began=${EPOCHREALTIME/./}
    send_many host="many.test:$PORT" connect_timeout=10s
    assert_status 0
    [ $((${EPOCHREALTIME/./} - began)) -lt 5000000 ] || fail "it waited"
    peer_done
}

# bats test_tags=cage
@test "a dead IPv6 address does not block IPv4" {
    [ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
    addresses ::1 127.0.0.3
    peer --address 127.0.0.3 <<< $'@587\n@login\n@send'
    send_many host="many.test:$PORT"
    assert_status 0
    assert_silent
    peer_done
}

# bats test_tags=cage
@test "AUTH 535 at the first address: no other address" {
    addresses 127.0.0.2 127.0.0.3
    peer -n a --address 127.0.0.2 <<< $'@587\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'=== every connection\n@587\n@login\n@send'
    send_many host="many.test:$PORT_a"
    assert_status 77
    peer_done a
    peer_stop b
    connections 0 b
}

# bats test_tags=cage
@test "cut in the commit window at the first address: no other address" {
    addresses 127.0.0.2 127.0.0.3
    peer -n a --address 127.0.0.2 <<< $'@587\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 354\nBODY\nCUT'
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'=== every connection\n@587\n@login\n@send'
    send_many host="many.test:$PORT_a"
    assert_status 69
    assert_output_has "may have accepted"
    peer_done a
    peer_stop b
    connections 0 b
}

# bats test_tags=cage
@test "all addresses dead: temporary, each is named" {
    addresses 127.0.0.2 127.0.0.3
    send_many host="many.test:1" tempfail_exit=75
    assert_status 75
    assert_one_line
    assert_output_has 127.0.0.2
    assert_output_has 127.0.0.3
}

@test "an IPv6 address is a host, in brackets" {
    [ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
    peer --address ::1 <<< $'@587\n@login\n@send'
    profile host="[::1]:$PORT" tls_name=localhost
    send
    assert_status 0
    peer_done
}
