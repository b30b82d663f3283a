#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Smuggling: whatever line ends, dots, NULs and blanks a message holds, and wherever, the server sees
# one message with CRLF line ends and one end, and the message is whole. The sequences, and what must
# hold for all of them, are in smuggling.py.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# family NAME LEAST: all its messages, of which there are so many at least.
family() {
    mkdir "$BATS_TEST_TMPDIR/probes"
    run timeout -k 1 150 "$PYTHON" "$ROOT/tests/smuggling.py" "$BATS_TEST_TMPDIR/probes" "$MC" \
        "$CERTS" "$1"
    assert_status 0
    [[ $output =~ ^$1:\ ([0-9]+)\ messages ]] || fail "no count: $output" || return 1
    [ "${BASH_REMATCH[1]}" -ge "$2" ] || fail "only ${BASH_REMATCH[1]} messages" || return 1
    echo "# $output" >&3
}

@test "a thousand odd endings in the middle of a body, by DATA and by BDAT, end nothing" {
    family endings 2000
}

@test "odd endings at a body's beginning and end, alone and repeated, with operands and -t" {
    family places 700
}

@test "odd endings in the header smuggle nothing" {
    family headers 400
}

@test "odd endings over the borders of 4, 16, 64 and 256 KiB, in and out, are whole" {
    family borders 1000
}

@test "300 KiB of line ends and dots alone are whole, wherever the buffers' borders fall" {
    family dense 80
}

@test "where a lone dot ends the message nothing of what follows gets out" {
    family dots 40
}

@test "in -bs nothing but CRLF.CRLF ends a message, however it comes" {
    family sessions 2000
}

@test "commands in the addresses of a header, and of a caller of -bs, don't get out as commands" {
    family envelopes 800
}
