#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# retry_for: round after round over all hosts and addresses, as long as what failed has failed for the
# time being only and nothing may have been taken. Times are asserted as bounds alone: a machine may
# be slow.

load lib
load bs
setup() { setup_case; NAMES=(); }
teardown() { teardown_case; }

# What takes one message on a connection of its own.
TAKES=$'@587\n@login\n@send'
# The beginnings of what doesn't.
TO_MAIL=$'@587\n@login\nC: MAIL *'
TO_RCPT=$TO_MAIL$'\nS: 250\nC: RCPT *'
TO_DATA=$TO_RCPT$'\nS: 250\nC: DATA'
TO_END=$TO_DATA$'\nS: 354\nBODY'
# The same by BDAT, in one flight.
TO_BDAT=$'@greet\n@offer\nTLS\nC: EHLO *\nS: 250-mail.test\nS: 250-PIPELINING\nS: 250-CHUNKING\nS: 250 AUTH PLAIN\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nBDAT'

# begin NAME [KEY=VALUE...] [-- ADDRESS...]: sends in the background, with the profile for it, to
# these (bob); NAME is a peer's, unless host= says otherwise.
begin() {
    local name=$1 port=PORT_$1 dir=$BATS_TEST_TMPDIR/run.$1
    local -a keys=() to=(bob@mail.test)
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do keys+=("$1"); shift; done
    [ $# -eq 0 ] || to=("${@:2}")
    mkdir "$dir"
    message >"$dir/message"
    export MAILCHUTE_CONFIG=$dir/ini
    profile host="localhost:${!port-1}" log="$dir/log" tempfail_exit=75 retry_for=20s timeout=3s \
        commit_timeout=1s "${keys[@]}"
    "$BIN/sendmail" "${VERBOSE[@]}" "${to[@]}" <"$dir/message" >"$dir/out" 2>"$dir/err" 3>&- &
    printf -v "CLIENT_$name" %s "$!"
    started "$!"
    NAMES+=("$name")
}
VERBOSE=()

# ended NAME: waits for it; sets status, output and stderr as "run" does, and RUN, its folder.
ended() {
    local pid=CLIENT_$1
    RUN=$BATS_TEST_TMPDIR/run.$1
    status=0
    wait "${!pid}" || status=$?
    output=$(<"$RUN/out")
    stderr=$(<"$RUN/err")
}

# connections N [NAME]: so many came in.
connections() {
    local n
    n=$(peer_log "${@:2}" | grep -c ' CONNECT$') || true
    [ "$n" = "$1" ] || fail "$n connections, not $1" "$(peer_log "${@:2}")"
}

# rounds N: the log of the run that ended has one line, with that number.
rounds() {
    [ "$(wc -l <"$RUN/log")" = 1 ] || fail "log: $(<"$RUN/log")" || return 1
    assert_in "$RUN/log" " rounds=$1 "
}

# again NAME SCRIPT [KEY=VALUE...]: a first round ends by this script, the next takes the message;
# all_again waits for all of them.
again() {
    peer -n "$1" <<< "$2"$'\n=== connection\n'"$TAKES"
    begin "$1" "${@:3}"
}
all_again() {
    local name
    for name in "${NAMES[@]}"; do
        ended "$name"
        assert_status 0 || { echo "at $name"; return 1; }
        assert_silent
        peer_done "$name"
        connections 2 "$name"
        rounds 2
    done
}

# never NAME STATUS SCRIPT [KEY=VALUE...]: what ends by this script isn't tried again.
never() {
    peer -n "$1" <<< "$3"$'\n=== every connection\n'"$TAKES"
    printf -v "WANTED_$1" %s "$2"
    begin "$1" "${@:4}"
}
all_never() {
    local name wanted
    for name in "${NAMES[@]}"; do
        ended "$name"
        wanted=WANTED_$name
        assert_status "${!wanted}" || { echo "at $name"; return 1; }
        assert_one_line
        peer_stop "$name"
        connections 1 "$name"
        if [ -n "${1-}" ]; then assert_output_has "$1"; else refute_output_has 'may have'; fi
        refute_in "$RUN/log" ' rounds='
    done
}

# --- Goal: what failed for the time being is tried again.

@test "a connection that breaks before the commit is made again in the next round" {
    again greeting 'CUT'
    again ehlo $'@greet\nC: EHLO *\nCUT'
    again starttls $'@greet\n@offer\nCUT'
    again ehlo2 $'@starttls\nTLS\nC: EHLO *\nCUT'
    again auth $'@587\nC: AUTH *\nCUT'
    again mail "$TO_MAIL"$'\nCUT'
    again rcpt "$TO_RCPT"$'\nRESET'
    again data "$TO_DATA"$'\nCLOSE'
    again silent 'STALL' timeout=1s
    all_again
}

@test "what is put off by 4yz is tried again in the next round" {
    again greeting $'S: 421 4.3.2 later\nCLOSE'
    again ehlo $'@greet\nC: EHLO *\nS: 451 4.3.2 later\nDRAIN'
    again starttls $'@greet\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 later\nDRAIN'
    again auth $'@587\nC: AUTH *\nS: 454 4.7.0 later\nDRAIN'
    again mail "$TO_MAIL"$'\nS: 451 4.3.2 later\nDRAIN'
    again rcpt "$TO_RCPT"$'\nS: 450 4.2.1 later\nDRAIN'
    again data "$TO_DATA"$'\nS: 451 4.3.2 later\nDRAIN'
    again content "$TO_END"$'\nS: 451 4.3.2 later\nDRAIN'
    again chunks "$TO_BDAT"$'\nS: 451 4.3.2 later\nDRAIN'
    all_again
    cmp "$(peer_dir content)/body.1" "$(peer_dir content)/body.2"
    cmp "$(peer_dir chunks)/body.1" "$(peer_dir chunks)/body.2"
}

@test "a server that isn't there yet is found in a later round" {
    local port
    port=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    begin late host="localhost:$port"
    sleep 0.2
    peer --port "$port" <<< "$TAKES"
    ended late
    assert_status 0
    assert_silent
    peer_done
    rounds '[23]'
}

@test "a message from a pipe is the same in each round" {
    peer <<< "$TO_END"$'\nS: 451 later\nDRAIN\n=== connection\n'"$TO_END"$'\nS: 451 later\nDRAIN\n=== connection\n'"$TAKES"
    profile retry_for=30s
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(message; yes 'some line of a large message' | head -n 30000)
    assert_status 0
    assert_silent
    peer_done
    cmp "$PEER/body.1" "$PEER/body.2"
    cmp "$PEER/body.1" "$PEER/body.3"
}

# --- Goal: what is refused for good is tried no more, and the unknown never.

@test "a refusal for good, a wrong password and a false certificate are not tried again" {
    never greeting 69 $'S: 554 5.3.2 never\nDRAIN'
    never auth 77 $'@587\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    never mail 69 "$TO_MAIL"$'\nS: 550 5.7.1 never\nDRAIN'
    never rcpt 67 "$TO_RCPT"$'\nS: 550 5.1.1 never\nDRAIN'
    never data 69 "$TO_DATA"$'\nS: 554 5.3.0 never\nDRAIN'
    never content 69 "$TO_END"$'\nS: 554 5.7.1 never\nDRAIN'
    never chunks 69 "$TO_BDAT"$'\nS: 554 5.7.1 never\nDRAIN'
    never certificate 76 $'@starttls\nTLS must fail cert=wrongname'
    never clear 76 $'@greet\nC: EHLO *\nS: 250 x\nDRAIN'
    all_never
}

@test "a message that may have been taken is never sent again" {
    never cut 75 "$TO_END"$'\nCUT'
    never reset 75 "$TO_END"$'\nRESET'
    never closed 75 "$TO_END"$'\nCLOSE'
    never half 75 "$TO_END"$'\nS-: 45\nCUT'
    never silent 75 "$TO_END"$'\nSTALL'
    never odd 75 "$TO_END"$'\nS: 354 what?\nDRAIN'
    never chunks_cut 75 "$TO_BDAT"$'\nCUT'
    never chunks_half 75 "$TO_BDAT"$'\nS-: 45\nCUT'
    never chunks_silent 75 "$TO_BDAT"$'\nSTALL'
    all_never 'may have accepted'
}

@test "a round that is lost in doubt ends the rounds" {
    peer <<< $'S: 421 later\nCLOSE\n=== connection\n'"$TO_END"$'\nCUT\n=== every connection\n'"$TAKES"
    begin doubt host="localhost:$PORT"
    ended doubt
    assert_status 75
    assert_one_line
    assert_output_has 'not confirmed: after 2 rounds: '
    assert_output_has 'may have accepted'
    peer_stop
    connections 2
    rounds 2
    assert_in "$RUN/log" ' status=unknown '
}

@test "a refusal for good in a later round is the last word" {
    peer <<< $'S: 421 later\nCLOSE\n=== connection\n'"$TO_MAIL"$'\nS: 550 5.7.1 never\nDRAIN\n=== every connection\n'"$TAKES"
    begin never host="localhost:$PORT"
    ended never
    assert_status 69
    assert_one_line
    assert_output_has '550 5.7.1 never'
    peer_stop
    connections 2
}

# --- Goal: each round goes over all hosts in order, and every address of each.

@test "every round tries every host, in order" {
    local off=$'S: 421 later\nCLOSE\n=== connection\n'
    peer -n a <<< "$off$off"$'S: 421 later\nCLOSE'
    peer -n b <<< "$off$off$TAKES"
    begin both host="localhost:$PORT_a localhost:$PORT_b"
    ended both
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
    connections 3 a
    connections 3 b
    rounds 3
}

@test "a host that refuses for good leaves the others their rounds" {
    peer -n a <<< $'=== every connection\nS: 554 5.3.2 never\nDRAIN'
    peer -n b <<< $'S: 421 later\nCLOSE\n=== connection\n'"$TAKES"
    begin both host="localhost:$PORT_a localhost:$PORT_b"
    ended both
    assert_status 0
    peer_done a
    peer_done b
    connections 2 a
}

# bats test_tags=cage
@test "every round tries every address of a host" {
    if [ "$(id -u)" != 0 ]; then
        [ -z "${NO_SKIP:-}" ] || fail "a chroot needs root" || return 1
        skip "a chroot needs root"
    fi
    local jail=$BATS_TEST_TMPDIR/root
    mkdir -p "$jail/etc" "$jail/tmp"
    cp "$MC" "$jail/sendmail"
    cp "$CERTS/ca.pem" "$jail/ca.pem"
    printf '%s many.test\n' 127.0.0.2 127.0.0.3 >"$jail/etc/hosts"
    peer -n a --address 127.0.0.2 <<< $'CUT\n=== connection\nS: 421 later\nCLOSE'
    peer -n b --address 127.0.0.3 --port "$PORT_a" <<< $'CUT\n=== connection\n'"$TAKES"
    profile host="many.test:$PORT_a" tls_name=localhost tls_trust=/ca.pem log=/log retry_for=20s
    mv "$MAILCHUTE_CONFIG" "$jail/mailchute.ini"
    run --separate-stderr env MAILCHUTE_CONFIG=/mailchute.ini timeout 40 chroot "$jail" \
        /sendmail bob@mail.test < <(message)
    assert_status 0
    assert_silent
    peer_done a
    peer_done b
    connections 2 a
    connections 2 b
}

# --- Goal: rounds come later and later, by chance, and within bounds.

@test "the waits grow, and no two programs wait alike" {
    local i n turn wait
    local -A firsts=()
    peer <<< $'=== every connection\nS: 421 later\nCLOSE'
    VERBOSE=(-v)
    for i in 1 2 3 4 5 6; do begin "n$i" host="localhost:$PORT" retry_for=4s; done
    for i in 1 2 3 4 5 6; do
        ended "n$i"
        assert_status 75
        # About 1 s, then 2 s, by up to a half more or less; the last is cut at the end of the time.
        n=0 turn=1000
        while read -r wait; do
            n=$((n + 1))
            [ "$wait" -le $((turn * 3 / 2 + 1)) ] || fail "wait $n is $wait ms" || return 1
            [ "$n" -gt 1 ] || [ "$wait" -ge $((turn / 2 - 20)) ] || fail "wait $n is $wait ms" || return 1
            [ "$n" -gt 1 ] || firsts[$wait]=1
            turn=$((turn * 2))
        done < <(sed -n 's/^.*trying again in \([0-9]*\) ms$/\1/p' "$RUN/out" "$RUN/err")
        { [ "$n" -ge 2 ] && [ "$n" -le 4 ]; } || fail "$n waits" "$stderr" || return 1
        rounds $((n + 1))
    done
    [ ${#firsts[@]} -ge 3 ] || fail "they wait alike: ${!firsts[*]}"
}

@test "the last round begins when retry_for is over, and its words are told with the number" {
    local began=${EPOCHREALTIME/./} took
    peer <<< $'=== every connection\nS: 421 4.3.2 come back later\nCLOSE'
    begin off host="localhost:$PORT" retry_for=2s
    ended off
    took=$((${EPOCHREALTIME/./} - began))
    assert_status 75
    assert_one_line
    assert_in - 'not sent: after [34] rounds: .*421 4\.3\.2 come back later' <<<"$stderr"
    [ "$took" -ge 1900000 ] || fail "it gave up early" || return 1
    [ "$took" -lt 9000000 ] || fail "it went on" || return 1
    peer_stop
}

@test "without retry_for there is one round" {
    peer <<< $'S: 421 later\nCLOSE\n=== every connection\n'"$TAKES"
    begin once host="localhost:$PORT" retry_for=
    ended once
    assert_status 75
    refute_output_has rounds
    peer_stop
    connections 1
}

@test "deadline ends the rounds" {
    local began took
    peer -n a <<< $'=== every connection\nS: 421 4.3.2 later\nCLOSE'
    peer -n b <<< $'=== every connection\nSTALL'
    began=${EPOCHREALTIME/./}
    begin a retry_for=1h deadline=2s
    begin b retry_for=1h deadline=2s timeout=1m
    ended a
    assert_status 75
    assert_output_has '421 4.3.2 later'
    ended b
    took=$((${EPOCHREALTIME/./} - began))
    assert_status 75
    assert_one_line
    [ "$took" -lt 9000000 ] || fail "it went on"
    peer_stop a
    peer_stop b
    connections 1 b
}

# --- Goal: recipients: those put off are tried again alone; those who have it, and those refused,
# --- never.

@test "who is put off gets a transaction of his own in the next round" {
    peer <<< "$TO_RCPT"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 450 4.2.1 later\nC: RCPT TO:<c@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN
=== connection
'"$TO_MAIL"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 451 4.2.1 even later\nDRAIN
=== connection
'"$TO_MAIL"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN'
    begin put_off host="localhost:$PORT" -- a@mail.test b@mail.test c@mail.test
    ended put_off
    assert_status 0
    assert_silent
    peer_done
    cmp "$PEER/body.1" "$PEER/body.2"
    [ ! -e "$PEER/body.3" ]
    rounds 3
}

@test "who was refused for good isn't asked about again, and is told in the end" {
    peer <<< "$TO_RCPT"$'\nS: 550 5.1.1 never\nC: RCPT TO:<b@mail.test>\nS: 450 4.2.1 later\nDRAIN
=== connection
'"$TO_MAIL"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN'
    begin mixed host="localhost:$PORT" -- a@mail.test b@mail.test
    ended mixed
    assert_status 67
    assert_one_line
    assert_output_has 'delivered to 1 of 2'
    assert_output_has '<a@mail.test>: 550 5.1.1 never'
    refute_output_has '<b@mail.test>'
    peer_done
}

@test "who is put off to the end is named, and the others have it once" {
    peer <<< "$TO_RCPT"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 450 4.2.1 later\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN
=== every connection
'"$TO_MAIL"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 450 4.2.1 later\nDRAIN'
    begin to_the_end host="localhost:$PORT" retry_for=1s -- a@mail.test b@mail.test
    ended to_the_end
    assert_status 69
    assert_one_line
    assert_output_has 'delivered to 1 of 2'
    assert_output_has '<b@mail.test>: 450 4.2.1 later'
    peer_stop
    [ ! -e "$PEER/body.2" ]
}

@test "recipients = all: one put off, and all are tried again; one refused, and none" {
    peer -n a <<< "$TO_RCPT"$'\nS: 250\nC: RCPT *\nS: 450 4.2.1 later\nDRAIN
=== connection
'"$TO_RCPT"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 250\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN'
    peer -n b <<< "$TO_RCPT"$'\nS: 250\nC: RCPT *\nS: 550 5.1.1 never\nDRAIN\n=== every connection\nDRAIN'
    peer -n c <<< "$TO_RCPT"$'\nS: 450 4.2.1 later\nC: RCPT *\nS: 550 5.1.1 never\nDRAIN\n=== every connection\nDRAIN'
    for name in a b c; do begin $name recipients=all -- a@mail.test b@mail.test; done
    ended a
    assert_status 0
    assert_silent
    peer_done a
    for name in b c; do
        ended $name
        assert_status 67
        peer_stop $name
        connections 1 $name
    done
}

# --- Goal: a signal ends the waiting at once, and nothing is sent then.

@test "SIGTERM, SIGINT and SIGHUP while waiting: nothing is sent, and it is said" {
    local name began signal
    for name in TERM INT HUP; do
        peer -n $name <<< $'S: 421 4.3.2 later\nCLOSE\n=== connection\nS: 421 4.3.2 later\nCLOSE\n=== connection\nS: 421 later\nCLOSE\n=== every connection\n'"$TAKES"
        # A child in the background is deaf to SIGINT in a shell without job control.
        VERBOSE=() begin_by_python $name
    done
    for name in TERM INT HUP; do
        # Behind the third there are 2 to 6 s.
        wait_log '^3 OVER$' $name
        sleep 0.2
        began=${EPOCHREALTIME/./}
        signal=CLIENT_$name
        kill -$name "${!signal}"
        ended $name
        assert_status 75
        assert_one_line
        assert_in - '^mailchute: not sent: .*signal.*waiting.*421' <<<"$stderr"
        [ $((${EPOCHREALTIME/./} - began)) -lt 1900000 ] || fail "it waited on" || return 1
        peer_stop $name
        connections 3 $name
        assert_in "$RUN/log" ' status=temporary exit=75 '
    done
}

# begin_by_python NAME: as begin, with the default for all signals.
begin_by_python() {
    local port=PORT_$1 dir=$BATS_TEST_TMPDIR/run.$1
    mkdir "$dir"
    message >"$dir/message"
    export MAILCHUTE_CONFIG=$dir/ini
    profile host="localhost:${!port}" log="$dir/log" tempfail_exit=75 retry_for=1h
    "$PYTHON" -c 'import os, signal, sys
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$BIN/sendmail" bob@mail.test \
        <"$dir/message" >"$dir/out" 2>"$dir/err" 3>&- &
    printf -v "CLIENT_$1" %s "$!"
    started "$!"
}

@test "a signal while waiting, when some have it: that is said" {
    peer -n a <<< "$TO_RCPT"$'\nS: 250\nC: RCPT TO:<b@mail.test>\nS: 450 4.2.1 later\nC: DATA\nS: 354\nBODY\nS: 250\nDRAIN\n=== every connection\n'"$TO_RCPT"$'\nS: 450 4.2.1 later\nDRAIN'
    begin a retry_for=1h -- a@mail.test b@mail.test
    wait_log '^3 OVER$' a
    sleep 0.2
    kill -TERM "$CLIENT_a"
    ended a
    assert_status 69
    assert_one_line
    assert_output_has 'delivered to 1 of 2'
    assert_output_has signal
    assert_output_has '<b@mail.test>: 450 4.2.1 later'
    peer_stop a
    [ ! -e "$PEER_a/body.2" ]
}

# --- Goal: -bs goes round while the caller waits for MAIL's answer; what he has heard of, he decides.

@test "-bs: MAIL waits for a server that comes back" {
    peer < <(printf '%s\n' 'S: 421 4.3.2 later' CLOSE '=== connection' @587p @login; takes AAA; echo 'C*: QUIT')
    profile retry_for=20s
    dialogue <<END
$HELLO
$(gives AAA)
$BYE
END
    said 0
    peer_done
    connections 2
}

@test "-bs: a MAIL, an RCPT or a message that is put off is the caller's to try again" {
    peer <<END
@587p
@login
C: MAIL *
S: 451 4.3.2 not now
C: RSET
S: 250
C: MAIL *
S: 250 2.1.0 sender ok
C: RCPT *
S: 450 4.2.1 not now
C: RCPT *
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go
BODY
S: 451 4.3.0 not now
C*: *
S: 250
DRAIN
END
    profile retry_for=20s
    dialogue <<'END'
S: 220 *
C: HELO shop.test
S: 250 *
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.2 not now
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<bob@mail.test>
S: 450 4.2.1 not now
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
C: Subject: a
C:
C: .
S: 451 4.3.0 not now
C: QUIT
S: 221 *
END
    said 0
    peer_stop
    connections 1
    [ ! -e "$PEER/body.2" ]
}

@test "-bs: a message that may have been taken is never sent again" {
    peer <<< "$TO_END"$'\nCUT\n=== every connection\n'"$TAKES"
    profile retry_for=20s
    dialogue <<END
$HELLO
$(begins | sed 's/^S: 250.*/S: 250*/')
C: Subject: a
C:
C: .
S: 451 * may have accepted *
$BYE
END
    said 0
    peer_stop
    connections 1
}
