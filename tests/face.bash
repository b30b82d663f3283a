# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Helpers for the tests of the command line: rows of a table, each a run of its own against one
# peer, and what a server gets to see of it.  Loaded after lib.
#
#     setup() { setup_case; }
#     @test "..." {
#         one_peer
#         row : -i WHO
#         row mail='<bob@mail.test>' : -f bob@mail.test WHO
#         rows_done
#     }

# one_peer [OFFER]: a peer that takes one message to one recipient on every connection; OFFER is
# the macro up to the log-in. Writes the profile, with KEYS.
one_peer() {
    peer --time 120 < <(printf '%s\n' '=== every connection' "${1:-@465p}" @login @send)
    profile tls=implicit "${KEYS[@]}"
    : >"$BATS_TEST_TMPDIR/rows"
}
KEYS=()

# row [WANT=VALUE...] : ARGUMENT...: one run, by rows_done; WHO stands for a recipient of the row's
# own. It must end with 0 and without a word, and what the server was told must be:
#     mail=TEXT      behind MAIL FROM:, but SIZE (<alice@mail.test>)
#     rcpt=TEXT      behind RCPT TO: (<WHO>)
#     ignored=TEXT   the log line's field ignored (none); dsn=TEXT likewise
#     warn=PATTERN   in the log line's field warn (no such field)
#     tag=TEXT       the log line's tag (mailchute)
#     in=TEXT        what stdin is, with escapes (a message to somebody else)
#     name=NAME      what the program is called by (sendmail)
#     has=PATTERN    in the message that arrived, ^ and $ at each line; lacks=PATTERN: not there
row() {
    printf '%s\0' $# "$@" >>"$BATS_TEST_TMPDIR/rows"
}

# rows_done: plays the rows noted since the last time; fails if one is not as wanted.
rows_done() {
    "$PYTHON" "$ROOT/tests/rows.py" "$BATS_TEST_TMPDIR/rows" "$BIN" "$PEER" "$BATS_TEST_TMPDIR/log"
    : >"$BATS_TEST_TMPDIR/rows"
}

# idle ARGUMENT...: runs sendmail with a stdin that never ends: who reads it, hangs. Ends with 124
# after 5 s. NAME is what the program is called by.
idle() {
    local pipe=$BATS_TEST_TMPDIR/idle name=${NAME:-sendmail}
    [ -p "$pipe" ] || mkfifo "$pipe"
    # Open for reading and writing: there is always a writer, and nothing ever comes.
    timeout -k 1 5 "$BIN/$name" "$@" 0<>"$pipe"
}

# called NAME...: links of these names beside sendmail.
called() {
    local name
    for name; do
        ln -sf "$MC" "$BIN/$name"
    done
}

# big: a message of 5 MB, far over what a pipe takes; its path is printed.
big() {
    local file=$BATS_TEST_TMPDIR/big
    [ -e "$file" ] || { message; yes 0123456789012345678901234567890123456789 | head -c 5000000; } >"$file"
    printf '%s\n' "$file"
}

# drains STATUS ARGUMENT...: a caller with 5 MB to write isn't killed by our failure, which has
# the status and (unless SILENT) one line.
drains() {
    local file
    local -a codes=()
    file=$(big)
    # The writer with the default for SIGPIPE, whatever our caller's is.
    "$PYTHON" -c '
import signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.stdout.buffer.write(open(sys.argv[1], "rb").read())
sys.stdout.buffer.flush()' "$file" |
        timeout -k 1 20 "$BIN/${NAME:-sendmail}" "${@:2}" \
            >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || codes=("${PIPESTATUS[@]}")
    [ "${codes[*]}" = "0 $1" ] ||
        fail "the writer and ${*:2} ended with (${codes[*]}), not with (0 $1)" \
            "$(cat "$BATS_TEST_TMPDIR/err")" || return 1
    [ -n "${SILENT-}" ] || [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ] ||
        fail "not one line on stderr:" "$(cat "$BATS_TEST_TMPDIR/err")"
}

# nobody_called: no connection was made.
nobody_called() {
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}
