# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Limits and small switches of the profile: max_recipients, max_hops, max_size, dot_ends, the
# DSN keys.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# --- max_recipients ---------------------------------------------------------------------
# Goal: more recipients than that go in several transactions of one session, each with the
# whole message; the verdict counts them all.

# transactions OFFER SIZE...: a peer that takes one transaction for each SIZE, so many RCPTs.
transactions() {
    local size
    peer < <(
        printf '%s\n' "$1" @login
        for size in "${@:2}"; do
            printf '%s\n' 'C: MAIL FROM:<*' 'S: 250 2.1.0 ok' "LOOP $size" 'C: RCPT TO:<*' \
                'S: 250 2.1.5 ok' END 'C: DATA' 'S: 354 go ahead' BODY 'S: 250 2.0.0 Ok'
        done
        printf '%s\n' 'C*: QUIT' 'S: 221 bye'
    )
}

# numbered N: u1@mail.test .. uN@mail.test
numbered() {
    printf 'u%s@mail.test\n' $(seq "$1")
}

@test "250 recipients are transactions of 100, 100 and 50 by default" {
    transactions @587p 100 100 50
    profile
    mapfile -t list < <(numbered 250)
    run --separate-stderr sendmail -i "${list[@]}" < <(message)
    assert_status 0
    assert_silent
    peer_done
    assert_recipients "${list[@]}"
    assert_same "$(grep -c ' CONNECT$' "$PEER/log")" 1
}

@test "each transaction has the same MAIL and the same message, to the byte" {
    transactions @587p 2 2 1
    profile max_recipients=2
    mapfile -t list < <(numbered 5)
    run --separate-stderr sendmail -i -f '' "${list[@]}" < <(printf 'Subject: x\n\nGrüße\n.\n')
    assert_status 0
    peer_done
    assert_same "$(sed -n 's/^1 < MAIL //p' "$PEER/log" | sort | uniq -c | awk '{ print $1 }')" 3
    assert_in "$PEER/log" '< MAIL FROM:<> SIZE=[0-9]+ BODY=8BITMIME$'
    assert_bytes "$PEER/body.2.raw" "$PEER/body.1.raw"
    assert_bytes "$PEER/body.3.raw" "$PEER/body.1.raw"
}

@test "max_recipients = 1 sends to one at a time, without PIPELINING too" {
    transactions @587 1 1 1
    profile max_recipients=1
    run --separate-stderr sendmail -i a@mail.test b@mail.test c@mail.test < <(message)
    assert_status 0
    peer_done
    assert_recipients a@mail.test b@mail.test c@mail.test
}

@test "exactly max_recipients are one transaction" {
    transactions @587p 3
    profile max_recipients=3
    run --separate-stderr sendmail -i a@mail.test b@mail.test c@mail.test < <(message)
    assert_status 0
    peer_done
}

@test "doubles don't count, nor do names that lead to one address" {
    transactions @587p 2
    profile max_recipients=2 '[aliases]' 'root = a@mail.test'
    run --separate-stderr sendmail -i a@mail.test root a@MAIL.test b@mail.test < <(message)
    assert_status 0
    peer_done
}

@test "what an alias leads to is split, too" {
    transactions @587p 2 1
    profile max_recipients=2 '[aliases]' 'all = a@mail.test, b@mail.test, c@mail.test'
    run --separate-stderr sendmail -i all < <(message)
    assert_status 0
    peer_done
    assert_recipients a@mail.test b@mail.test c@mail.test
}

@test "one refused in the first transaction: the second is sent all the same, 67" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<a@mail.test>
S: 550 5.1.1 no a here
C: RCPT TO:<b@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<c@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
C*: QUIT
S: 221 bye
END
    profile max_recipients=2
    run --separate-stderr sendmail -i a@mail.test b@mail.test c@mail.test < <(message)
    assert_status 67
    assert_one_line
    assert_output_has 'no a here'
    peer_done
}

@test "the section that is chosen has its own max_recipients" {
    transactions @587p 1 1
    profile max_recipients=50 '[one]' 'match = *' 'max_recipients = 1'
    run --separate-stderr sendmail -i a@mail.test b@mail.test < <(message)
    assert_status 0
    peer_done
}

@test "in -bs more than max_recipients is 452 4.5.3, and the others get it" {
    transactions @587 2
    profile max_recipients=2
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'EHLO x' 'MAIL FROM:<a@mail.test>' \
        'RCPT TO:<b@mail.test>' 'RCPT TO:<c@mail.test>' 'RCPT TO:<d@mail.test>' DATA 'Subject: x' '' y . QUIT)
    assert_status 0
    peer_done
    assert_in <(echo "$output") '^452 4\.5\.3 '
    assert_recipients b@mail.test c@mail.test
    assert_in "$PEER/log" ' BODY 1 '
}

# --- max_hops ------------------------------------------------------------------------------
# Goal: a message that goes round in a loop is stopped before the server, with 69.

# hops N [ARGUMENT...]: stdin for N Received fields.
hops() {
    local i
    for ((i = 0; i < $1; i++)); do
        printf 'Received: from a by b;\n\tMon, 1 Jan 2024 00:00:00 +0000\n'
    done
    message
}

@test "50 Received fields pass, 51 are 69 without a connection" {
    sends 1 bob@mail.test < <(hops 50)
    refuses 69 bob@mail.test < <(hops 51)
    assert_output_has loop
}

@test "-h 50 passes, -h 51 is 69" {
    sends 1 -h 50 bob@mail.test < <(message)
    refuses 69 -h51 bob@mail.test < <(message)
    assert_output_has loop
}

@test "-h and the Received fields add up" {
    sends 1 -h 20 bob@mail.test < <(hops 30)
    refuses 69 -h 21 bob@mail.test < <(hops 30)
}

@test "max_hops is the limit, tempfail_exit isn't the status" {
    KEYS=(max_hops=3 tempfail_exit=75)
    sends 1 bob@mail.test < <(hops 3)
    refuses 69 bob@mail.test < <(hops 4)
    assert_output_has max_hops
}

@test "Received in any spelling counts, in the body and in other names it doesn't" {
    KEYS=(max_hops=1)
    refuses 69 bob@mail.test < <(printf 'RECEIVED: x\nreceived : y\nFrom: a@mail.test\n\nx\n')
    sends 1 bob@mail.test < <(printf 'Received: x\nX-Received: y\nReceived-SPF: z\n\nReceived: a\nReceived: b\n')
}

@test "with -G the hops count, too" {
    KEYS=(max_hops=2)
    refuses 69 -G bob@mail.test < <(hops 3)
}

@test "-h that is no number is a warning, and the mail is sent" {
    local value
    for value in x -3 1x; do
        sends 1 -h "$value" bob@mail.test < <(message)
        assert_in "$BATS_TEST_TMPDIR/log" 'warn=.*-h'
        rm "$BATS_TEST_TMPDIR/log"
    done
}

@test "in -bs a loop is refused behind the dot, for good, and nothing is sent" {
    peer < <(printf '%s\n' @587 @login 'C: MAIL FROM:<*' 'S: 250 ok' 'C: RCPT TO:<*' 'S: 250 ok' DRAIN)
    profile max_hops=2
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'HELO x' 'MAIL FROM:<a@mail.test>' \
        'RCPT TO:<b@mail.test>' DATA; hops 3 | sed 's/$/\r/'; printf '%s\r\n' . QUIT)
    assert_status 0
    assert_in <(echo "$output") '^5[0-9][0-9] .*loop'
    peer_stop
    refute_in "$PEER/log" '< DATA'
}

@test "a bad max_hops is 78" {
    local value
    for value in 0 -1 many 1001; do
        KEYS=("max_hops=$value")
        refuses 78 bob@mail.test < <(message)
        assert_output_has max_hops
    done
}

# --- max_size ------------------------------------------------------------------------------
# Goal: a message over the limit is 65 before dialling.

# sized N: a whole message that is N bytes on the wire.
sized() {
    local rest=$(($1 - $(printf %b "$WHOLE_CRLF" | wc -c) - 2))
    printf %b "$WHOLE"
    echo
    head -c $((rest - 2)) /dev/zero | tr '\0' x
    echo
}

@test "a message of max_size passes, one byte more is 65 without a connection" {
    KEYS=(max_size=2000)
    sends 1 bob@mail.test < <(sized 2000)
    assert_in "$PEER/log" ' SIZE=2000$'
    refuses 65 bob@mail.test < <(sized 2001)
    assert_output_has max_size
}

@test "K is 1024 bytes, M 1024 of those" {
    KEYS=(max_size=3K)
    sends 1 bob@mail.test < <(sized 3072)
    refuses 65 bob@mail.test < <(sized 3073)
    KEYS=(max_size=1M)
    sends 1 bob@mail.test < <(sized 1048576)
    refuses 65 bob@mail.test < <(sized 1048577)
}

@test "doubled dots don't count: the limit is SIZE's" {
    KEYS=(max_size=700)
    sends 1 bob@mail.test < <(printf %b "$WHOLE"; echo; printf '.\n%.0s' {1..150})
    assert_in "$PEER/log" ' SIZE=[56][0-9][0-9]$'
    [ "$(stat -c %s "$PEER/body.1.raw")" -gt 700 ]
}

@test "without max_size there is no limit of ours" {
    sends 1 bob@mail.test < <(sized 3000000)
}

@test "a message over max_size is read to its end from a pipe" {
    KEYS=(max_size=1K)
    profile "${KEYS[@]}"
    run --separate-stderr bash -c '{ cat "$1"; yes | head -c 3000000; } | "$2" bob@mail.test; echo "${PIPESTATUS[*]}"' \
        - <(message) "$BIN/sendmail"
    assert_same "$output" '0 65'
}

@test "in -bs EHLO announces max_size, else SIZE without a number" {
    profile max_size=2M
    run --separate-stderr sendmail -bs < <(printf 'EHLO x\r\nQUIT\r\n')
    assert_status 0
    assert_in <(echo "$output") '^250[- ]SIZE 2097152.?$'
    profile
    run --separate-stderr sendmail -bs < <(printf 'EHLO x\r\nQUIT\r\n')
    assert_in <(echo "$output") '^250[- ]SIZE.?$'
}

@test "in -bs MAIL with a SIZE over max_size is 552, without a connection" {
    peer <<< '=== every connection'
    profile max_size=1K
    run --separate-stderr sendmail -bs < <(printf 'EHLO x\r\nMAIL FROM:<a@mail.test> SIZE=1025\r\nQUIT\r\n')
    assert_status 0
    assert_in <(echo "$output") '^552 '
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}

@test "in -bs content over max_size is refused for good behind the dot, and isn't sent" {
    peer < <(printf '%s\n' @587 @login 'C: MAIL FROM:<*' 'S: 250 ok' 'C: RCPT TO:<*' 'S: 250 ok' DRAIN)
    profile max_size=1K
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'HELO x' 'MAIL FROM:<a@mail.test>' \
        'RCPT TO:<b@mail.test>' DATA; sized 1025 | sed 's/$/\r/'; printf '%s\r\n' . QUIT)
    assert_status 0
    assert_in <(echo "$output") '^5[0-9][0-9] .*max_size'
    peer_stop
    refute_in "$PEER/log" '< DATA'
}

@test "a bad max_size is 78" {
    local value
    for value in 0 -1 1G 1KB K 1.5M 99999999M 2048M; do
        KEYS=("max_size=$value")
        refuses 78 bob@mail.test < <(message)
        assert_output_has max_size
    done
}

# --- dot_ends ------------------------------------------------------------------------------
# Goal: with dot_ends = yes a lone dot ends the message, as Sendmail had it; -i undoes that.

DOTTED='one\n.\ntwo\n'

@test "dot_ends = yes: a lone dot ends the message, from a file and from a pipe" {
    KEYS=(dot_ends=yes)
    carries "$WHOLE\\n$DOTTED" "$WHOLE_CRLF"'\r\none\r\n.\r\n'
}

@test "dot_ends = yes: with CRLF, too" {
    KEYS=(dot_ends=yes)
    carries "$WHOLE_CRLF"'\r\none\r\n.\r\ntwo\r\n' "$WHOLE_CRLF"'\r\none\r\n.\r\n'
}

@test "dot_ends = yes: a dot as the last byte ends it" {
    KEYS=(dot_ends=yes)
    carries "$WHOLE"'\none\n.' "$WHOLE_CRLF"'\r\none\r\n.\r\n'
}

@test "dot_ends = yes: other lines that begin with a dot are content" {
    KEYS=(dot_ends=yes)
    carries "$WHOLE"'\n..\n. \n.x\n .\nend.\n' \
        "$WHOLE_CRLF"'\r\n...\r\n.. \r\n..x\r\n .\r\nend.\r\n.\r\n'
}

@test "dot_ends = yes: a lone dot ends the header, too" {
    KEYS=(dot_ends=yes)
    carries "$WHOLE"'.\nBcc: evil@mail.test\n\nx\n' "$WHOLE_CRLF"'\r\n.\r\n'
}

@test "dot_ends = yes: what stands behind the dot is no recipient under -t" {
    KEYS=(dot_ends=yes)
    sends 1 -t < <(printf 'To: bob@mail.test\n.\nCc: evil@mail.test\n\nx\n')
    assert_recipients bob@mail.test
}

@test "dot_ends = yes: -i, -oi and -O IgnoreDots=true keep the dot" {
    KEYS=(dot_ends=yes)
    local flag
    for flag in -i -oi -ti '-O IgnoreDots=true' -OIgnoreDots=true; do
        # shellcheck disable=SC2086
        carries "$WHOLE\\n$DOTTED" "$WHOLE_CRLF"'\r\none\r\n..\r\ntwo\r\n.\r\n' $flag bob@mail.test
    done
}

@test "dot_ends = no, which is the default, keeps the dot" {
    KEYS=(dot_ends=no)
    carries "$WHOLE\\n$DOTTED" "$WHOLE_CRLF"'\r\none\r\n..\r\ntwo\r\n.\r\n'
}

@test "dot_ends = yes: a message of nothing but a dot is empty: 65" {
    KEYS=(dot_ends=yes)
    refuses 65 bob@mail.test < <(printf '.\n')
}

@test "dot_ends = yes: the dot is found at each place around the buffers' ends" {
    local at
    KEYS=(dot_ends=yes)
    for at in 4095 16383 16384 131069 131070 131071 131072 131073 147455; do
        # "at" bytes, the last of them a line end; then the dot and what isn't sent.
        { printf 'Subject: x\n\n'; head -c $((at - 13)) /dev/zero | tr '\0' x; printf '\n.\r\nnever\n'; } \
            >"$BATS_TEST_TMPDIR/input"
        sends 1 bob@mail.test < <(cat "$BATS_TEST_TMPDIR/input")
        assert_same "$(body | wc -c)" $((at - 12))
        sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/input"
        assert_same "$(body | wc -c)" $((at - 12))
    done
}

@test "dot_ends = yes: a pipe is read to its end" {
    relay
    profile dot_ends=yes
    run --separate-stderr bash -c '{ cat "$1"; echo .; head -c 3000000 /dev/zero; } | "$2" bob@mail.test; echo "${PIPESTATUS[*]}"' \
        - <(message) "$BIN/sendmail"
    assert_same "$output" '0 0'
    peer_done
    assert_same "$(body)" 'Hello, Bob.'
}

# --- dsn_notify, dsn_return -------------------------------------------------------------------
# Goal: what the profile wants is said where DSN is offered; the command line comes before it.

@test "without the keys nothing of DSN is said" {
    sends 1 bob@mail.test < <(message)
    refute_in "$PEER/log" 'NOTIFY=|ORCPT=|RET=|ENVID='
}

@test "dsn_notify goes with each RCPT, and ORCPT with it" {
    KEYS=('dsn_notify=success,failure')
    sends 2 bob@mail.test carol+x=y@mail.test < <(message)
    assert_in "$PEER/log" '< RCPT TO:<bob@mail\.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@mail\.test$'
    assert_in "$PEER/log" 'ORCPT=rfc822;carol\+2Bx\+3Dy@mail\.test$'
}

@test "dsn_notify = never, in any case" {
    local value
    for value in never NEVER Never; do
        KEYS=("dsn_notify=$value")
        sends 1 bob@mail.test < <(message)
        assert_in "$PEER/log" '< RCPT TO:<bob@mail\.test> NOTIFY=NEVER( |$)'
    done
}

@test "dsn_return goes with MAIL" {
    KEYS=(dsn_return=hdrs)
    sends 1 bob@mail.test < <(message)
    assert_in "$PEER/log" '< MAIL FROM:<.* RET=HDRS( |$)'
    KEYS=(dsn_return=full)
    sends 1 bob@mail.test < <(message)
    assert_in "$PEER/log" '< MAIL FROM:<.* RET=FULL( |$)'
}

@test "-N, -R and -V come before the keys" {
    KEYS=(dsn_notify=success dsn_return=full)
    sends 1 -N failure,delay -R hdrs -V 'id+1' bob@mail.test < <(message)
    assert_in "$PEER/log" '< RCPT TO:<bob@mail\.test> NOTIFY=FAILURE,DELAY '
    assert_in "$PEER/log" '< MAIL FROM:<.* RET=HDRS ENVID=id\+2B1$'
    refute_in "$PEER/log" 'SUCCESS|RET=FULL'
}

@test "a bad -N or -R is a warning; the keys count, and the mail is sent" {
    KEYS=(dsn_notify=success dsn_return=full)
    sends 1 -N sometimes -R some bob@mail.test < <(message)
    assert_in "$PEER/log" 'NOTIFY=SUCCESS'
    assert_in "$BATS_TEST_TMPDIR/log" 'warn=.*-N'
}

@test "where DSN isn't offered nothing is said; the log knows" {
    relay 1 @587
    profile dsn_notify=success dsn_return=full
    run --separate-stderr sendmail bob@mail.test < <(message)
    assert_status 0
    assert_silent
    peer_done
    refute_in "$PEER/log" 'NOTIFY=|RET='
    assert_in "$BATS_TEST_TMPDIR/log" 'dsn='
}

@test "a recipient that isn't ASCII gets NOTIFY without an ORCPT that can't hold it" {
    KEYS=(dsn_notify=failure)
    sends 1 'jörg@mail.test' < <(message)
    assert_in "$PEER/log" 'NOTIFY=FAILURE'
    refute_in "$PEER/log" 'ORCPT=rfc822;j.*x[cC]3'
}

@test "a bad dsn_notify or dsn_return is 78, and named" {
    local value
    for value in sometimes success,never never,failure ',success' 'success,' 'success failure' \
        delay,Delay success,failure,delay,success; do
        KEYS=("dsn_notify=$value")
        refuses 78 bob@mail.test < <(message)
        assert_output_has dsn_notify
    done
    KEYS=(dsn_return=some)
    refuses 78 bob@mail.test < <(message)
    assert_output_has dsn_return
}

@test "in -bs the keys count where the caller says nothing" {
    relay
    profile dsn_notify=failure dsn_return=hdrs
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'EHLO x' 'MAIL FROM:<a@mail.test>' \
        'RCPT TO:<bob@mail.test>' DATA 'Subject: x' '' y . QUIT)
    assert_status 0
    peer_done
    assert_in "$PEER/log" '< MAIL FROM:<.* RET=HDRS'
    assert_in "$PEER/log" '< RCPT TO:<bob@mail\.test> NOTIFY=FAILURE'
}

@test "in -bs what the caller says comes before the keys" {
    relay
    profile dsn_notify=failure dsn_return=hdrs
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'EHLO x' 'MAIL FROM:<a@mail.test> RET=FULL ENVID=x1' \
        'RCPT TO:<bob@mail.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@x' DATA 'Subject: x' '' y . QUIT)
    assert_status 0
    peer_done
    assert_in "$PEER/log" '< MAIL FROM:<.* RET=FULL ENVID=x1'
    assert_in "$PEER/log" '< RCPT TO:<bob@mail\.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@x$'
}
