#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What compat/small.c, memory.c and start.c have instead of the C library's does what that does.

load lib

@test "sorting, and the calendar from the year 1 to 9999, are as this machine's library has them" {
    need gcc
    gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fsanitize=undefined \
        -fno-sanitize-recover=all -o "$BATS_TEST_TMPDIR/small" "$ROOT/tests/small.c"
    run timeout 60 "$BATS_TEST_TMPDIR/small"
    assert_status 0
}

heap() {
    need gcc
    gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fno-builtin -fsanitize=undefined \
        -fno-sanitize-recover=all -o "$BATS_TEST_TMPDIR/heap" "$ROOT/tests/heap.c"
}

@test "no two blocks of memory overlap, each is zero at first and keeps what it holds" {
    heap
    run timeout 60 "$BATS_TEST_TMPDIR/heap"
    assert_status 0
}

@test "a block freed twice, overrun, changed after it was freed or never given ends the process" {
    local fault
    heap
    for fault in twice overrun stranger stale; do
        run timeout 60 "$BATS_TEST_TMPDIR/heap" "$fault"
        assert_status 134
    done
}

@test "packed relocations are applied once, be it by us or by a C library that knows them" {
    need gcc
    gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fPIE -pie \
        -o "$BATS_TEST_TMPDIR/start" "$ROOT/tests/start.c"
    run timeout 60 "$BATS_TEST_TMPDIR/start"
    assert_status 0
}
