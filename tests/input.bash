# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Helpers for the tests of the input: what goes in on stdin and argv, what comes out on the
# wire, byte by byte.  Loaded after lib.

# A header in which nothing is missing: what is sent is the same, but for its line ends.
# shellcheck disable=SC2034
WHOLE='From: Alice <alice@mail.test>\nTo: bob@mail.test\n'
WHOLE+='Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@mail.test>\nSubject: a test\n'
WHOLE_CRLF=${WHOLE//\\n/\\r\\n}

# sendmail ARGUMENT...: the program under test; one that hangs is ended (status 124).
sendmail() {
    timeout -k 1 60 "$BIN/sendmail" "$@"
}

# relay [N [OFFER]]: a peer that takes one message to N (1) recipients; OFFER is the macro up
# to the log-in (@587p).
relay() {
    peer < <(relay_script "$@")
}

relay_script() {
    printf '%s\n' "${2:-@587p}" @login 'C: MAIL FROM:<*' 'S: 250 2.1.0 ok' \
        "LOOP ${1:-1}" 'C: RCPT TO:<*' 'S: 250 2.1.5 ok' END \
        'C: DATA' 'S: 354 go ahead' BODY 'S: 250 2.0.0 Ok: queued as 4F1A' \
        'C*: QUIT' 'S: 221 bye'
}

# sends N ARGUMENT...: sends stdin, which must reach N recipients without a word.
sends() {
    relay "$1"
    profile "${KEYS[@]}"
    run --separate-stderr sendmail "${@:2}"
    assert_status 0
    assert_silent
    peer_done
}
KEYS=() # pairs for profile, where a test wants some

# refuses STATUS ARGUMENT...: stdin is refused with the status, one line, and no connection.
refuses() {
    peer <<< '=== every connection'
    profile "${KEYS[@]}"
    run --separate-stderr sendmail "${@:2}"
    assert_status "$1"
    assert_one_line
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}

# recipients: those of the RCPTs, a line each; sender: that of MAIL.
recipients() {
    sed -n 's/^[0-9]* < RCPT TO:<\(.*\)>.*$/\1/p' "$PEER/log"
}
sender() {
    sed -n 's/^[0-9]* < MAIL FROM:\(<.*>\).*$/\1/p' "$PEER/log"
}

# assert_recipients ADDRESS...: these were told to the server, in this order.
assert_recipients() {
    assert_same "$(recipients)" "$(printf '%s\n' "$@")"
}

# assert_same GOT WANTED
assert_same() {
    [ "$1" = "$2" ] || fail '--- got' "$1" '--- wanted' "$2"
}

# assert_bytes FILE WANTED: the same bytes; the first difference is shown.
assert_bytes() {
    cmp -s "$1" "$2" || fail "$(cmp "$1" "$2" 2>&1)" \
        '--- got' "$(od -c "$1" | head -n 80)" '--- wanted' "$(od -c "$2" | head -n 80)"
}

# carries INPUT WANTED [ARGUMENT...]: INPUT becomes WANTED on the wire, up to and with the
# final dot; both as printf %b takes them.  Once from a file, once from a pipe.
carries() {
    local input=$BATS_TEST_TMPDIR/input wanted=$BATS_TEST_TMPDIR/wanted
    local -a arguments=("${@:3}")
    [ ${#arguments[@]} -gt 0 ] || arguments=(bob@mail.test)
    printf %b "$1" >"$input"
    printf %b "$2" >"$wanted"
    peer < <(echo 'LOOP 2'; echo '=== connection'; relay_script; echo END)
    profile "${KEYS[@]}"
    run --separate-stderr sendmail "${arguments[@]}" <"$input"
    assert_status 0
    assert_silent
    run --separate-stderr sendmail "${arguments[@]}" < <(cat "$input")
    assert_status 0
    assert_silent
    peer_done
    assert_bytes "$PEER/body.1.raw" "$wanted"
    assert_bytes "$PEER/body.2.raw" "$wanted"
}

# field NAME [N]: the field of the Nth message that arrived, as it was sent: its lines from
# behind "NAME: " on, folds and all.  Fails if it is not there once.
field() {
    local found
    found=$(arrived "${2:-1}" | awk -v "name=$1" '
        /^$/ { exit }
        /^[^ \t]/ { inside = index(tolower($0), tolower(name) ":") == 1; n += inside }
        inside { print }
        END { exit n != 1 }') || fail "field $1 is not there once:" "$(arrived "${2:-1}")" || return 1
    found=${found#*:}
    printf '%s\n' "${found# }"
}

# header [N], body [N]: the parts of the Nth message that arrived.
header() {
    arrived "$@" | sed '/^$/,$d'
}
body() {
    arrived "$@" | sed '1,/^$/d'
}

# decoded FIELD [N]: Python's view of a field: unfolded, encoded words decoded.
decoded() {
    "$PYTHON" - "$PEER/body.${2:-1}" "$1" <<'PY'
import email, email.policy, sys
with open(sys.argv[1], "rb") as message:
    parsed = email.message_from_binary_file(message, policy=email.policy.default)
sys.stdout.buffer.write(str(parsed[sys.argv[2]]).encode("utf-8", "surrogateescape") + b"\n")
PY
}
