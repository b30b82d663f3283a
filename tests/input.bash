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
    timeout -k 1 30 "$BIN/sendmail" "$@"
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

# decoded FIELD [N]: what Python reads from a field: unfolded, encoded words decoded.
# DECODE has the function for it; email.policy.default would set blanks between the words of a
# phrase and forgets to drop them (Python 3.11).
decoded() {
    "$PYTHON" -c "$DECODE"'
sys.stdout.buffer.write(decode(field(*sys.argv[1:])).encode() + b"\n")' \
        "$PEER/body.${2:-1}" "$1"
}
# shellcheck disable=SC2034
DECODE='
import email, email.header, email.utils, re, sys
WORD = r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?="
def field(path, name):
    with open(path, "rb") as message:
        values = email.message_from_binary_file(message).get_all(name)
    assert len(values) == 1, values
    return re.sub(r"\r?\n(?=[ \t])", "", str(values[0])).strip()
def decode(text):
    text = re.sub("(" + WORD + r")\s+(?=" + WORD + ")", r"\1", text)
    return re.sub(WORD, lambda word: str(email.header.make_header(email.header.decode_header(word[0]))), text)
'

# peak N FILE|PIPE INPUT ARGUMENT...: sends INPUT to N recipients, prints the peak of the
# resident memory in KiB.  It is VmHWM, read while the process lives: the maximum that wait4
# tells counts the parent's pages before the exec, too.  The peer's last answer comes late, so
# that a look lands behind the end of the work.
peak() {
    peer < <(relay_script "$1" | sed 's/^S: 250 2.0.0/SLEEP 0.4\n&/') || return 1
    profile
    "$PYTHON" - "$2" "$3" "$BIN/sendmail" "${@:4}" <<'PY'
import os, subprocess, sys, time
how, path, *command = sys.argv[1:]
stdin, writer = open(path, "rb"), None
if how == "PIPE":
    writer = subprocess.Popen(["cat"], stdin=stdin, stdout=subprocess.PIPE)
    stdin = writer.stdout
child = subprocess.Popen(command, stdin=stdin)
mine, peak = os.readlink("/proc/self/exe"), 0
while child.poll() is None:
    try:
        with open("/proc/%d/status" % child.pid) as status:
            words = status.read().split()
        # Before the exec it is this interpreter.
        if os.readlink("/proc/%d/exe" % child.pid) != mine and "VmHWM:" in words:
            peak = max(peak, int(words[words.index("VmHWM:") + 1]))
    except OSError:
        pass
    time.sleep(0.02)
assert child.returncode == 0, child.returncode
print(peak)
PY
    peer_done
}
