# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Helpers for all .bats files: a case's directory, the profile, the scripted peer, checks.
#
#     load lib                            # from tests/peer/: load ../lib
#     setup() { setup_case; }
#     teardown() { teardown_case; }
#
#     @test "a message is relayed" {
#         peer <<< $'@587\n@login\n@send'
#         profile
#         run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
#         assert_status 0
#         peer_done
#         arrived | assert_in - '^Subject: a test$'
#     }

bats_require_minimum_version 1.5.0      # for run --separate-stderr

# The checkout, the binary under test, the interpreter of the peer.
ROOT=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)
MC=${MAILCHUTE:-$ROOT/build/test/mailchute}
PYTHON=${PYTHON:-/usr/bin/python3}

# fail TEXT...: the test fails, saying why.
fail() {
    printf '%s\n' "$@" >&2
    return 1
}

# need COMMAND...: skips the test, visibly and with the reason, where a tool is missing.
# With NO_SKIP=1 in the environment that is a failure.
need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null && continue
        [ -z "${NO_SKIP:-}" ] || fail "needs $tool, which is not installed" || return 1
        printf '# SKIPPED: %s: needs %s\n' "$BATS_TEST_DESCRIPTION" "$tool" >&3
        skip "needs $tool, which is not installed"
    done
}

# postfix_place: a new folder for tests/servers/postfix: below build/, or, where other accounts
# can't get into the checkout or its path is too long for sockets, below /tmp.
postfix_place() {
    local place=$ROOT/build/tests
    mkdir -p "$place"
    if [ ${#place} -le 60 ] &&
        setpriv --reuid nobody --regid nogroup --clear-groups test -x "$place"; then
        mktemp -d "$place/postfix.XXXXXX"
    else
        mktemp -d /tmp/postfix.XXXXXX
    fi
}

# --- the case -----------------------------------------------------------------------

# setup_case: a directory of the test's own, $BIN/sendmail as a link to the binary, no
# variable of the caller's that the binary looks at, an empty home, CERTS, and for PORT one
# where nobody listens.
setup_case() {
    setup_peers || return 1
    [ -x "$MC" ] || fail "no binary to test: $MC" || return 1
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$BIN" "$BATS_TEST_TMPDIR/home"
    ln -sf "$MC" "$BIN/sendmail"
    export HOME=$BATS_TEST_TMPDIR/home MAILCHUTE_CONFIG=$BATS_TEST_TMPDIR/mailchute.ini
}

# setup_peers: the part of setup_case that needs no binary.
setup_peers() {
    local name
    for name in "${!MAILCHUTE_@}" "${!XDG_@}" SENDMAIL EMAIL MAIL NAME LOGNAME USER HOSTNAME \
        SSL_CERT_FILE SSL_CERT_DIR LC_ALL LC_CTYPE LANG TZ; do
        unset "$name"
    done
    # Made by whichever test comes first; the others wait for it, or find it done.
    export CERTS=${CERTS:-$ROOT/build/tests/certs}
    "$ROOT/tests/certs/make" "$CERTS" 3>&- || fail "tests/certs/make failed" || return 1
    STARTED=()
    PEERS=0
    PORT=1
}

# teardown_case: ends everything that was started, by pid only; the peers' logs of a test
# that failed are shown (their ends).
teardown_case() {
    local pid dir
    for pid in "${STARTED[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    STARTED=()
    [ -z "${BATS_TEST_COMPLETED-}" ] || return 0
    for dir in "$BATS_TEST_TMPDIR"/peer*.*/; do
        [ ! -e "$dir/log" ] || printf -- '--- log of %s\n%s\n' \
            "$(basename "$dir")" "$(cat "$dir/stderr" "$dir/log" | tail -n 80 | cut -c 1-300)"
    done
}

# wait_log PATTERN [NAME]: until the peer's log has such a line (10 s at most).
wait_log() {
    local turn
    for ((turn = 0; turn < 200; turn++)); do
        ! peer_log "${@:2}" | grep -qE -e "$1" || return 0
        sleep 0.05
    done
    fail "not in the peer's log: $1" "$(peer_log "${@:2}")"
}

# sent: the run before said so, and the peer got all that it waited for.
sent() {
    assert_status 0
    assert_silent
    peer_done
}

# started PID: teardown_case shall end this one, too (a client in the background, say).
started() {
    STARTED+=("$1")
}

# profile [KEY=VALUE...]: writes $MAILCHUTE_CONFIG, mode 0600.  The pairs change the
# defaults below or add to them; KEY= takes one away.  An argument that begins with [ starts
# a section behind [default]; from there on all arguments are written as they are, as is
# everywhere what has no = in it.
profile() {
    local pair key section=''
    local -a order=(host tls tls_trust user password from domain helo log) rest=()
    local -A value=(
        [host]=localhost:$PORT
        [tls]=starttls
        [tls_trust]=$CERTS/ca.pem
        [user]=alice
        [password]=s3cret-alice
        [from]=alice@mail.test
        [domain]=mail.test
        [helo]=client.test
        [log]=$BATS_TEST_TMPDIR/log
    )
    for pair; do
        [[ $pair != \[* ]] || section=1
        if [[ -n $section || $pair != *=* ]]; then
            rest+=("$pair")
            continue
        fi
        key=${pair%%=*}
        [[ -v value[$key] ]] || order+=("$key")
        value[$key]=${pair#*=}
    done
    # A new file each time: a mode set on the old one must not stay.
    rm -f "$MAILCHUTE_CONFIG"
    (
        umask 077
        {
            echo '[default]'
            for key in "${order[@]}"; do
                [ -z "${value[$key]}" ] || printf '%s = %s\n' "$key" "${value[$key]}"
            done
            [ ${#rest[@]} -eq 0 ] || printf '%s\n' "${rest[@]}"
        } >"$MAILCHUTE_CONFIG"
    )
}

# message [TEXT]: a small standard message, with TEXT as its body.
message() {
    printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: a test\n\n%s\n' \
        "${1-Hello, Bob.}"
}

# --- the scripted peer (its language: head of peer/peer.py) -------------------------

# peer [-n NAME] [peer.py's options] <<'EOF' ... EOF: starts a peer that plays the
# transcript on stdin; returns when it listens.  Sets PORT, PEER (its directory) and
# PEER_PID; for a named one PORT_NAME, PEER_NAME and PEER_PID_NAME instead.
# Not under "run": the variables would be lost.
peer() {
    local name='' dir pid turn
    if [ "${1-}" = -n ]; then
        name=_$2
        shift 2
    fi
    PEERS=$((PEERS + 1))
    dir=$BATS_TEST_TMPDIR/peer$name.$PEERS
    mkdir "$dir"
    cat >"$dir/script"
    # Closed towards bats, which else would wait for the peer's end.
    "$PYTHON" "$ROOT/tests/peer/peer.py" --script "$dir/script" --dir "$dir" \
        --certs "$CERTS" "$@" </dev/null >"$dir/stderr" 2>&1 3>&- 4>&- &
    pid=$!
    started "$pid"
    for ((turn = 0; turn < 500; turn++)); do
        [ ! -e "$dir/port" ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    [ -e "$dir/port" ] || fail "the peer did not start:" "$(<"$dir/stderr")" || return 1
    printf -v "PORT$name" %s "$(<"$dir/port")"
    printf -v "PEER$name" %s "$dir"
    printf -v "PEER_PID$name" %s "$pid"
}

# peer_dir [NAME], peer_pid [NAME]: where a peer's files are; its process.
peer_dir() {
    local dir=PEER${1:+_$1}
    [ -n "${!dir-}" ] || fail "no peer ${1-} was started" || return 1
    printf '%s\n' "${!dir}"
}
peer_pid() {
    local pid=PEER_PID${1:+_$1}
    printf '%s\n' "${!pid}"
}

# peer_log [NAME]: prints the log.
peer_log() {
    local dir
    dir=$(peer_dir "$@") && cat "$dir/log"
}

# peer_done [NAME]: waits up to 20 s for the peer's end; unless all of the transcript was
# played it fails and shows the mismatch (teardown_case then shows the log).  A peer with
# "=== every connection" has no end of its own and is told to stop.
peer_done() {
    local dir pid turn result
    dir=$(peer_dir "$@") || return 1
    pid=$(peer_pid "$@")
    if grep -q '^[[:space:]]*=== every' "$dir/script"; then
        kill -TERM "$pid" 2>/dev/null || true
    fi
    for ((turn = 0; turn < 400; turn++)); do
        [ ! -e "$dir/result" ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    result=$(cat "$dir/result" 2>/dev/null) || result='the peer did not end'
    [ "$result" != ok ] || [ ! -s "$dir/stderr" ] || result='the peer wrote to stderr'
    [ "$result" != ok ] || return 0
    fail "peer${1:+ $1}: $result"
}

# peer_stop [NAME]: ends the peer, whatever its result; its log is complete then.
peer_stop() {
    local pid
    pid=$(peer_pid "$@")
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# arrived [N [NAME]]: prints the Nth message (1) that the peer took, dots unstuffed, without
# CR.  Fails if there is none.
arrived() {
    local dir
    dir=$(peer_dir "${@:2:1}") || return 1
    [ -e "$dir/body.${1:-1}" ] || fail "no message ${1:-1} arrived" || return 1
    tr -d '\r' <"$dir/body.${1:-1}"
}

# --- checks (each fails with what it saw) -------------------------------------------

# assert_in FILE PATTERN: a line of FILE (- is stdin) matches the extended regular expression.
assert_in() {
    local text
    text=$(cat -- "$1" | tr -d '\0'; exit "${PIPESTATUS[0]}") || fail "cannot read $1" || return 1
    grep -aqE -e "$2" <<<"$text" || fail "not in $1: $2" "--- $1" "$text"
}

# refute_in FILE PATTERN: no line of FILE does.  A file that is not there is a failure.
refute_in() {
    local text
    text=$(cat -- "$1" | tr -d '\0'; exit "${PIPESTATUS[0]}") || fail "cannot read $1" || return 1
    ! grep -aqE -e "$2" <<<"$text" || fail "in $1, but must not be: $2" "--- $1" "$text"
}

# show_run: what the last "run" did, for a failure.
show_run() {
    printf -- '--- %s\nstatus %s\n--- output\n%s\n--- stderr (with --separate-stderr)\n%s\n' \
        "${BATS_RUN_COMMAND-}" "${status-}" "${output-}" "${stderr-}" >&2
}

# assert_status N: the exit status of the last "run".
assert_status() {
    [ "${status-}" = "$1" ] || { show_run; fail "status is ${status-}, not $1"; }
}

# assert_output_has TEXT: the last "run" printed TEXT, to stdout or to stderr.
assert_output_has() {
    [[ ${output-} == *"$1"* || ${stderr-} == *"$1"* ]] || { show_run; fail "not printed: $1"; }
}

# refute_output_has TEXT: it did not.
refute_output_has() {
    [[ ${output-} != *"$1"* && ${stderr-} != *"$1"* ]] || { show_run; fail "printed: $1"; }
}

# assert_one_line: stderr of the last "run --separate-stderr" is exactly one line.
assert_one_line() {
    [[ -n ${stderr-} && $stderr != *$'\n'* ]] || { show_run; fail "stderr is not one line"; }
}

# assert_silent: the last "run --separate-stderr" printed nothing at all.
assert_silent() {
    [[ -z ${output-} && -z ${stderr-} ]] || { show_run; fail "something was printed"; }
}
