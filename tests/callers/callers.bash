# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Helpers for tests/callers/*.bats: real programs in their jail (see ./jail), sending through
# the binary under test to a real server outside, servers/sink.py.
#
#     load callers
#     setup_file() { setup_sink; }
#     teardown_file() { teardown_sink; }
#     setup() { setup_caller; }
#     teardown() { teardown_caller; }
#
#     @test "mail(1) sends a message" {
#         in_jail alice bsd-mailx -s 'a subject' bob@mail.test <"$HERE/body"
#         assert_status 0
#         assert_arrived alice@mail.test bob@mail.test
#         assert_body
#     }
#
# In the jail each test has a folder of its own, $CASE (from outside $HERE): body,
# mailchute.ini, log, and bin/sendmail, which is the binary under test.

load "$(cd "${BASH_SOURCE[0]%/*}/.." && pwd -P)/lib"

CALLERS=$ROOT/tests/callers
JAIL=${OWN_JAIL:-$ROOT/build/callers/root}
# Whom the server refuses.
NOBODY=nobody-here@mail.test
# shellcheck disable=SC2034 # the tests use it
REFUSAL="550 5.1.1 <$NOBODY>: Recipient address rejected: User unknown"
DEMO=(user=demo password=demo-password)

# setup_sink: makes the jail if need be; one server for all tests of a file. The jail is shared
# with other files' tests, which may run at the same time.
setup_sink() {
    local status=0
    "$CALLERS/jail" 3>&- 4>&- || status=$?
    # A skip is each test's own.
    export JAIL_STATUS=$status
    [ "$status" != 77 ] || return 0
    [ "$status" = 0 ] || return 1
    setup_peers || return 1
    export BOX=$BATS_FILE_TMPDIR/box
    "$PYTHON" "$ROOT/tests/servers/sink.py" --cert "$CERTS/chained.pem" --key "$CERTS/chained.key" \
        --dir "$BOX" --refuse "$NOBODY" </dev/null >"$BATS_FILE_TMPDIR/sink.log" 2>&1 3>&- 4>&- &
    export SINK=$!
    wait_for 60 test -e "$BOX/ports" || { cat "$BATS_FILE_TMPDIR/sink.log" >&2; return 1; }
    SINK_PORT=$(awk '$1 == 587 { print $2 }' "$BOX/ports")
    export SINK_PORT
}

teardown_sink() {
    [ -z "${SINK:-}" ] || kill "$SINK" 2>/dev/null || true
    [ -z "${OWN_JAIL:-}" ] || rm -rf "$OWN_JAIL"
}

# own_jail: after setup_sink, a jail for this file alone: its tests may write to places that have
# fixed names, as long as they replace files. It costs links only.
own_jail() {
    local jail
    [ "$JAIL_STATUS" = 0 ] || return 0
    jail=$(mktemp -d "$ROOT/build/callers/own.XXXXXX")
    cp -al "$JAIL/." "$jail"
    rm -rf "${jail:?}"/case
    mkdir -m 1777 "$jail/case"
    chmod 755 "$jail"
    export OWN_JAIL=$jail JAIL=$jail
}

# wait_for SECONDS COMMAND...: until it succeeds; fails after that time.
wait_for() {
    local end=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# setup_caller: the test's folder in the jail, readable by all; a body that is easily spoilt.
setup_caller() {
    if [ "$JAIL_STATUS" = 77 ]; then
        [ -z "${NO_SKIP:-}" ] || fail "no jail can be made here: see tests/callers/jail" || return 1
        printf '# SKIPPED: %s: no jail can be made here\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "no jail can be made here"
    fi
    setup_case || return 1
    mkdir -p "$JAIL/case"
    HERE=$(mktemp -d "$JAIL/case/XXXXXX")
    CASE=${HERE#"$JAIL"}
    export HERE CASE
    chmod 755 "$HERE"
    mkdir "$HERE/bin"
    mkdir -m 1777 "$HERE/tmp"
    install -m 755 "$MC" "$HERE/bin/sendmail"
    # For those who look there only. Renamed: another test may be running the old one.
    if ! cmp -s "$MC" "$JAIL/usr/sbin/sendmail"; then
        install -m 755 "$MC" "$HERE/tmp/sendmail"
        mv "$HERE/tmp/sendmail" "$JAIL/usr/sbin/sendmail"
    fi
    # sudo mails about a host that can't name itself.
    if ! grep -qw "$(uname -n)" "$JAIL/etc/hosts"; then
        echo "127.0.0.1 $(uname -n)" >>"$JAIL/etc/hosts"
    fi
    cp "$CERTS/ca.pem" "$HERE/ca.pem"
    body >"$HERE/body"
    BASE=$(find "$BOX" -name '*.eml' | wc -l)
    MAILCHUTE_CONFIG=$HERE/mailchute.ini
    sink_profile
}

teardown_caller() {
    [ -n "${HERE:-}" ] || return 0
    local ended=${BATS_TEST_COMPLETED-}
    teardown_case
    [ -n "$ended" ] || {
        show_run
        echo '--- log' && cat "$HERE/log" 2>/dev/null
        echo '--- arrived' && tail -n 40 "$BATS_FILE_TMPDIR/sink.log"
        latest
    } || true
    rm -rf "$HERE"
}

# sink_profile [KEY=VALUE...]: as profile (lib.bash), for the sink; seen from inside the jail,
# and for root and alice to read.
sink_profile() {
    profile host=localhost:"$SINK_PORT" "${DEMO[@]}" tls_trust="$CASE/ca.pem" log="$CASE/log" "$@"
    chgrp 61001 "$MAILCHUTE_CONFIG"
    chmod 640 "$MAILCHUTE_CONFIG"
    : >"$HERE/log"
    chmod 666 "$HERE/log"
}

# dead_profile: nobody listens where this one points.
dead_profile() {
    sink_profile host=127.0.0.1:1
}

# body: lines that are cut, doubled or stuffed by those who don't take care.
body() {
    local i
    printf '%s\n' 'The first line.' '' '.' '..' '.hidden' 'From here on' \
        'To: not-a-header@mail.test' 'trailing blanks:  ' 'Grüße aus Łódź' ''
    for ((i = 1; i <= 100; i++)); do
        echo "line $i of a body that has to arrive whole, to its end"
    done
    echo 'The last line.'
}

# big_body: 5 MB, more than any pipe holds.
big_body() {
    body >"$HERE/body"
    yes 'a line of a body that is larger than any pipe, read or not by the other end' |
        head -c 5000000 >>"$HERE/body"
    echo >>"$HERE/body"
}

JAIL_PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
jail_run() {
    local ids=0:0 home=/root name=$1
    shift
    case $name in
    alice) ids=61001:61001 home=/home/alice ;;
    www-data) ids=33:33 home=/var/www ;;
    esac
    timeout -k 1 120 env -i PATH="$CASE/bin:$JAIL_PATH" HOME="$home" \
        TERM=dumb LC_ALL=C.UTF-8 TMPDIR=/tmp MAILCHUTE_CONFIG="$CASE/mailchute.ini" \
        chroot --userspec="$ids" --groups= "$JAIL" "$@"
}

# in_jail NAME COMMAND...: "run" of it in the jail as root, alice or www-data.
in_jail() {
    run --separate-stderr jail_run "$@"
}

# script NAME <TEXT: a file in the test's folder; its name inside the jail is $CASE/NAME.
script() {
    cat >"$HERE/$1"
}

# --- What arrived -------------------------------------------------------------------

# look N WHAT [NAME]: of the Nth message of this test (see look.py).
look() {
    local number
    number=$(printf %04d $((BASE + $1)))
    shift
    "$PYTHON" "$CALLERS/look.py" "$BOX/$number" "$@"
}

# latest: shows what arrived in this test, for one that failed.
latest() {
    local i
    for ((i = BASE + 1; ; i++)); do
        [ -e "$BOX/$(printf %04d "$i").eml" ] || break
        cat "$BOX/$(printf %04d "$i").json"
        head -c 2000 "$BOX/$(printf %04d "$i").eml"
    done
}

# has_arrived N: whether the Nth message of this test is there.
has_arrived() {
    [ -e "$BOX/$(printf %04d $((BASE + $1))).json" ]
}

# assert_arrived SENDER RECIPIENT...: just one message did in this test, with this envelope.
assert_arrived() {
    assert_arrived_nth 1 "$@"
    assert_nothing 2
}

# assert_arrived_nth N SENDER RECIPIENT...: the Nth has this envelope.
assert_arrived_nth() {
    local number=$1 sender=$2 want
    shift 2
    wait_for 30 has_arrived "$number" || fail "no message $number arrived" || return 1
    want=$(echo "$sender" && printf '%s\n' "$@" | LC_ALL=C sort)
    [ "$(look "$number" envelope)" = "$want" ] ||
        fail "envelope (sender, recipients):" "$(look "$number" envelope)" "but not:" "$want"
}

# assert_nothing [N]: no Nth message (1) arrived.
assert_nothing() {
    ! has_arrived "${1-1}" || fail "message ${1-1} arrived, but must not"
}

# assert_header N NAME VALUE: the decoded field of the Nth message; without VALUE it must not
# be there.
assert_header() {
    local value
    value=$(look "$1" header "$2")
    if [ $# = 2 ]; then
        [ -z "$value" ] || fail "$2: $value, but it must not be there"
        return
    fi
    [ "$value" = "$3" ] || fail "$2: $value, not: $3"
}

# assert_body [N [FILE]]: the decoded body of the Nth message (1) is FILE (the body of this
# test), line by line, and no Bcc is in its header.
assert_body() {
    look "${1-1}" body >"$BATS_TEST_TMPDIR/arrived"
    cmp "${2-$HERE/body}" "$BATS_TEST_TMPDIR/arrived" ||
        fail "the body differs:" \
            "$(diff -a "${2-$HERE/body}" "$BATS_TEST_TMPDIR/arrived" | head -n 20)" || return 1
    assert_header "${1-1}" Bcc
    assert_header "${1-1}" Resent-Bcc
}

# assert_log PATTERN: a line of mailchute's own log matches.
assert_log() {
    assert_in "$HERE/log" "$1"
}

# assert_survived: the last "run" ended by itself, neither by a signal (SIGPIPE is 141, or 13
# for some who watch it) nor by its time being up.
assert_survived() {
    case ${status-} in
    13 | 124 | 137 | 139 | 141) show_run; fail "the caller was killed: ${status-}" ;;
    esac
    refute_output_has 'roken pipe'
    refute_output_has SIGPIPE
    refute_output_has EPIPE
}
