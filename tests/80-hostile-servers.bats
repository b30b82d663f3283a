#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Hostile servers: whatever they say, and however slowly, the program ends within the time that the
# profile gives it, in less than a megabyte, with one sentence and the right status. The servers, the
# phases in which each turns bad, and what must hold for all of them are in hostile.py.

load lib
setup() {
    need musl-gcc
    setup_case
    # Beside the benchmark's: that one's folder needs more than this.
    LAUNCH=$ROOT/build/tests/launch
    [ "$LAUNCH" -nt "$ROOT/tests/bench/launch.c" ] || {
        musl-gcc -std=c11 -D_GNU_SOURCE -O2 -static -s -o "$LAUNCH.$$" "$ROOT/tests/bench/launch.c"
        mv "$LAUNCH.$$" "$LAUNCH"
    }
}
teardown() { teardown_case; }

# family NAME LEAST: all its servers, of which there are so many at least.
family() {
    mkdir "$BATS_TEST_TMPDIR/rows"
    run timeout -k 1 100 "$PYTHON" "$ROOT/tests/hostile.py" "$BATS_TEST_TMPDIR/rows" "$BIN" \
        "$CERTS" "$LAUNCH" "$1"
    assert_status 0
    [[ $output =~ ^$1:\ ([0-9]+)\ servers ]] || fail "no count: $output" || return 1
    [ "${BASH_REMATCH[1]}" -ge "$2" ] || fail "only ${BASH_REMATCH[1]} servers" || return 1
    echo "# $output" >&3
}

# bats test_tags=cage
@test "an answer that drips, in whatever phase, is given up in time" {
    family drip 40
}

# bats test_tags=cage
@test "silence, in whatever phase and in each flight of the handshake, is given up in time" {
    family silence 50
}

# bats test_tags=cage
@test "floods of 256 MiB, endless lines and replies, and a huge EHLO end at once, or do no harm" {
    family flood 50
}

# bats test_tags=cage
@test "what is no answer is never taken for a yes" {
    family garbage 200
}

# bats test_tags=cage
@test "what is odd and yet an answer is one" {
    family fine 90
}

# bats test_tags=cage
@test "an answer before its command never counts, and nothing goes on behind it" {
    family early 40
}

# bats test_tags=cage
@test "a server that reads no more, or by the sip, is given up in time" {
    family deaf 15
}

# bats test_tags=cage
@test "whatever comes after the complete yes, and to QUIT, it is 0 and at once" {
    family farewell 50
}

# bats test_tags=cage
@test "records that no sane server sends end in time, and what is harmless does no harm" {
    family tls 120
}

# bats test_tags=cage
@test "handshakes of stalls, crumbs, storms and 16 MiB of certificates end in time" {
    family handshakes 30
}

# bats test_tags=cage
@test "421 at any point is temporary, with its words and at once" {
    family goodbye 100
}

# bats test_tags=cage
@test "neither controls nor secrets get from the server's words to stderr or log" {
    family words 140
}

# bats test_tags=cage
@test "a good second host has what the hostile first one can't have, and is else not even called" {
    family second 700
}

# bats test_tags=cage
@test "behind sendmail -bs the caller has true answers, and in time" {
    family callers 120
}
