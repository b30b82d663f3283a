# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2120   # status and stderr are run's; the files use the rest
# Helpers for the tests of -bs: the scripted caller in front, the scripted peer behind.
# Loaded after lib.

# dialogue [ARGUMENT...]: plays the caller's script on stdin (its language: head of
# peer/caller.py) to sendmail -bs, under "run": its status is the status. After LIMIT seconds (30)
# it hangs.
dialogue() {
    cat >"$BATS_TEST_TMPDIR/caller"
    run --separate-stderr "$PYTHON" "$ROOT/tests/peer/caller.py" --time "${LIMIT:-30}" \
        "$BATS_TEST_TMPDIR/caller" "$BIN/sendmail" -bs "$@"
}

# said STATUS: the whole script was played, the status is STATUS, stderr was silent.
said() {
    [ -z "${stderr-}" ] || { show_run; fail "something on stderr"; } || return 1
    assert_status "${1:-0}"
}

# takes [ID [RECIPIENT]]: for the peer's script: it takes one message.
takes() {
    printf '%s\n' 'C: MAIL FROM:<alice@mail.test>*' 'S: 250 2.1.0 sender ok' \
        "C: RCPT TO:<${2:-bob@mail.test}>" 'S: 250 2.1.5 recipient ok' \
        'C: DATA' 'S: 354 go ahead' BODY "S: 250 2.0.0 Ok: queued as ${1:-AAA}"
}

# begins [RECIPIENT], goes [ID], gives [ID]: for the caller's script: a message up to its
# content, the content and its answer, both together.
begins() {
    printf '%s\n' 'C: MAIL FROM:<alice@mail.test>' 'S: 250 2.1.0 sender ok' \
        "C: RCPT TO:<${1:-bob@mail.test}>" 'S: 250 2.1.5 recipient ok' 'C: DATA' 'S: 354 *'
}
goes() {
    printf '%s\n' "C: Subject: ${1:-AAA}" C: 'C: Hello, Bob.' 'C: .' \
        "S: 250 2.0.0 Ok: queued as ${1:-AAA}"
}
gives() {
    begins
    goes "$@"
}

# The ends of a session, as the caller sees it.
HELLO=$'S: 220 *\nC: HELO shop.test\nS: 250 *'
EHLO=$'S: 220 *\nC: EHLO shop.test\nS: 250-*'
BYE=$'C: QUIT\nS: 221 *'

# connections N: so many came in at the peer.
connections() {
    local n
    n=$(grep -c ' CONNECT$' "$PEER/log") || true
    [ "$n" = "$1" ] || fail "$n connections, not $1" "$(peer_log)"
}

# log_lines N: so many lines are in the log, a message each.
log_lines() {
    local n=0
    [ ! -e "$BATS_TEST_TMPDIR/log" ] || n=$(wc -l <"$BATS_TEST_TMPDIR/log")
    [ "$n" = "$1" ] || fail "$n lines in the log, not $1" "$(cat "$BATS_TEST_TMPDIR/log")"
}

# nothing_sent: not one byte of a message left for the peer.
nothing_sent() {
    refute_in "$PEER/log" ' BODY | < DATA$'
}
