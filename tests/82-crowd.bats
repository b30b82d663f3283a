#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A crowd: 200 programs at once, and a server that takes 20 at a time. With retry_for each message is
# delivered once, or its caller is told; nobody is stuck, and nobody's message is there twice. The
# server is in crowd.py.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# crowd KIND NUMBER LEAST [KEY=VALUE...]: so many of them, of whom so many at least are delivered.
crowd() {
    mkdir "$BATS_TEST_TMPDIR/crowd"
    run timeout -k 1 100 "$PYTHON" "$ROOT/tests/crowd.py" "$BATS_TEST_TMPDIR/crowd" \
        "$BIN/sendmail" "$CERTS" "$1" "$2" "${@:4}"
    assert_status 0
    [[ $output =~ ^crowd\ $1:\ ([0-9]+)\ delivered\ of\ $2, ]] || fail "no count: $output" || return 1
    [ "${BASH_REMATCH[1]}" -ge "$3" ] || fail "only ${BASH_REMATCH[1]} delivered" || return 1
    echo "# $output" >&3
}

@test "200 at once, 421 to all but 20: each is delivered once in the end, or told" {
    crowd 421 200 190 retry_for=30s
}

@test "without retry_for those for whom there is no room are told at once" {
    crowd 421 200 20
}

@test "a crowd of which some get a 4yz to log-in, MAIL, RCPT or content is delivered once" {
    crowd full 120 110 retry_for=30s
}

@test "a crowd whose connections are reset is delivered once" {
    crowd reset 120 110 retry_for=30s
}

@test "a crowd that waits in the kernel's queue, and before it, is delivered once" {
    crowd queue 120 110 retry_for=30s timeout=5s
}
