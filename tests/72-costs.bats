#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a message costs, by what can be counted: at a sink, by callgrind, by strace, page by page.
# make bench has the same figures beside those of other mailers.

load lib

# The figure, the least and the most that it may be. The modes are what the server offers: CHUNKING
# (and PIPELINING), PIPELINING, the same with auth_pipelining = yes, neither. sys: with the system's
# bundle of roots, ca: with one root; 2k, 25m: the message's size, wide: a header of 64 KiB and 100
# recipients. bundle_percent is what sys takes of ca's instructions.
LIMITS='
rt_587_chunking               9       9
rt_465_chunking               6       6
rt_587_pipelining            10      10
rt_465_pipelining             7       7
rt_587_auth_pipelining        9       9
rt_465_auth_pipelining        6       6
rt_587_plain                 12      12
rt_465_plain                  9       9
rt_exit_587_chunking          9       9
rt_exit_465_chunking          6       6
rt_exit_587_pipelining       10      10
rt_exit_465_pipelining        7       7
rt_exit_587_auth_pipelining   9       9
rt_exit_465_auth_pipelining   6       6
rt_exit_587_plain            12      12
rt_exit_465_plain             9       9
instructions_sys        1000000 22100000
instructions_ca         1000000 20500000
bundle_percent              101     110
syscalls_sys                 20     100
syscalls_ca                  20      94
files_sys                     1       8
files_ca                      1       8
rss_kb_2k_sys               100     500
rss_kb_20k_sys              100     520
rss_kb_25m_sys              100     520
rss_kb_2k_ca                100     500
rss_kb_20k_ca               100     520
rss_kb_25m_ca               100     520
rss_kb_wide_sys             100     600
binary_bytes             100000  301000
'

# Counted once for all tests.
setup_file() {
    export FIGURES=$BATS_FILE_TMPDIR/figures
    : >"$FIGURES"
    command -v valgrind >/dev/null && command -v strace >/dev/null || return 0
    # Whatever fails is missing then.
    MAILCHUTE=$MC "$ROOT/tests/bench/run" --quick >"$FIGURES" 2>"$FIGURES.stderr" 3>&- || true
    awk -F= '{ n[$1] = $2 } END { if (n["instructions_ca"] > 0)
        printf "bundle_percent=%d\n", 100 * n["instructions_sys"] / n["instructions_ca"] + 0.5 }' \
        "$FIGURES" >"$FIGURES.more"
    # That of the tests has one root more.
    grep -v ^binary_bytes "$FIGURES" >>"$FIGURES.more" || true
    echo "binary_bytes=$(stat -c %s "$ROOT/build/mailchute")" >>"$FIGURES.more"
    mv "$FIGURES.more" "$FIGURES"
}

setup() { setup_case; }
teardown() { teardown_case; }

# within FILE PATTERN: those figures of the table are in the file, and as they may be.
within() {
    local name least most value wrong=''
    while read -r name least most; do
        [[ $name =~ ^$2$ ]] || continue
        value=$(sed -n "s/^$name=//p" "$1")
        if ! [[ $value =~ ^[0-9]+$ ]]; then
            wrong+="$name: not counted"$'\n'
        elif [ "$value" -lt "$least" ] || [ "$value" -gt "$most" ]; then
            wrong+="$name: $value, not $least to $most"$'\n'
        fi
    done <<<"$LIMITS"
    [ -z "$wrong" ] || fail "$wrong" "$(cat "$FIGURES.stderr")"
}

counted() {
    need valgrind strace
    within "$FIGURES" "$1"
}

# bats test_tags=cage
@test "round trips: 9 and 6 with CHUNKING, 10 and 7 with PIPELINING, 12 and 9 without" {
    counted 'rt_.*'
}

# bats test_tags=cage
@test "instructions: a bundle of 150 roots costs at most a tenth more than one root" {
    counted 'instructions_.*|bundle_percent'
}

# bats test_tags=cage
@test "system calls, and files opened" {
    counted 'syscalls_.*|files_.*'
}

# bats test_tags=cage
@test "peak memory: 2 KB, 20 KB, 25 MB; a large header and many recipients" {
    counted 'rss_kb_.*'
}

# bats test_tags=cage
@test "the size of the program" {
    counted binary_bytes
}

# --- Goal: each of these can fail.

@test "a figure that is too large, too small, or missing is found" {
    local name least most
    while read -r name least most; do
        [ -n "$name" ] || continue
        echo "$name=$most" >"$BATS_TEST_TMPDIR/figures"
        within "$BATS_TEST_TMPDIR/figures" "$name" || fail "$name: $most is refused"
        echo "$name=$((most + 1))" >"$BATS_TEST_TMPDIR/figures"
        run ! within "$BATS_TEST_TMPDIR/figures" "$name"
        echo "$name=$((least - 1))" >"$BATS_TEST_TMPDIR/figures"
        run ! within "$BATS_TEST_TMPDIR/figures" "$name"
        echo "$name=none" >"$BATS_TEST_TMPDIR/figures"
        run ! within "$BATS_TEST_TMPDIR/figures" "$name"
        : >"$BATS_TEST_TMPDIR/figures"
        run ! within "$BATS_TEST_TMPDIR/figures" "$name"
    done <<<"$LIMITS"
}

@test "each figure is looked at by one of these tests" {
    local name least most
    while read -r name least most; do
        [ -z "$name" ] || [[ $name =~ ^(rt|instructions|syscalls|files|rss_kb)_.*$ ]] ||
            [[ $name =~ ^(bundle_percent|binary_bytes)$ ]] || fail "nobody looks at $name"
    done <<<"$LIMITS"
    # And none is counted without being in the table.
    need valgrind strace
    while IFS='=' read -r name _; do
        grep -q "^$name " <<<"$LIMITS" || fail "$name has no limit"
    done <"$FIGURES"
}
