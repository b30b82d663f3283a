#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What the tests are run by: it always ends, leaves nothing behind, and tells what failed.

load lib
setup() { setup_peers; }
teardown() { teardown_case; }

# A number of seconds to sleep for that is nobody else's.
setup_file() {
    export NAP=$((100000 + RANDOM))
}

# sleepers: how many sleep for so long.
sleepers() {
    grep -lax "sleep.$NAP." /proc/[0-9]*/cmdline 2>/dev/null | wc -l
}

limit() {
    SECONDS=0
    run "$ROOT/tests/limit" "$@"
    [ "$SECONDS" -lt 15 ] || fail "it took $SECONDS s"
}

# --- Goal: tests/limit ends a command and all that it has started.

@test "the command's status is the status, or the signal's" {
    limit 20 sh -c 'exit 7'
    assert_status 7
    limit 20 true
    assert_status 0
    limit 20 sh -c 'kill -KILL $$'
    assert_status 137
}

@test "when the time is over all ends, deaf or not, in whichever session" {
    limit 1 bash -c "trap '' TERM; setsid sleep $NAP & (setsid bash -c 'sleep $NAP; true' &); sleep $NAP; wait"
    assert_status 124
    assert_output_has 'the time is over (1 s)'
    assert_output_has "ended: sleep $NAP"
    [ "$(sleepers)" = 0 ]
}

@test "what a command leaves behind is ended, and named" {
    limit 20 sh -c "setsid sleep $NAP >/dev/null 2>&1 & exit 3"
    assert_status 3
    assert_output_has "left behind: sleep $NAP"
    [ "$(sleepers)" = 0 ]
}

@test "a signal to it ends the command" {
    "$ROOT/tests/limit" 60 sh -c "setsid sleep $NAP; true" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local pid=$! turn
    started "$pid"
    for ((turn = 0; turn < 100; turn++)); do
        [ "$(sleepers)" = 0 ] || break
        sleep 0.05
    done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    assert_status 143
    [ "$(sleepers)" = 0 ]
}

# --- Goal: tests/run counts, names the slow files, and lets no test hang.

# suite: what tests/run makes of the file on stdin, alone; each @case in it is a test.
suite() {
    sed 's/^@case/@test/' >"$BATS_TEST_TMPDIR/suite.bats"
    run env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$HOME" BATS_TEST_TIMEOUT=2 CI="${CI-}" \
        "$ROOT/tests/run" "$BATS_TEST_TMPDIR/suite.bats" 3>&- 4>&-
}

@test "a test that hangs fails alone, and nothing of it is left" {
    suite <<END
@case "before" {
    true
}
@case "hangs" {
    run bash -c "trap '' TERM; sleep $NAP; true"
}
@case "behind" {
    true
}
END
    assert_status 1
    assert_output_has 'not ok 2 hangs # timeout after 2s'
    assert_output_has $'\n2 passed, 1 failed'
    assert_output_has suite.bats
    [ "$(sleepers)" = 0 ]
}

@test "what fails once passes at the second try, in the open; what fails twice has failed" {
    suite <<END
@case "once" {
    [ -e "$BATS_TEST_TMPDIR/flag" ] || { touch "$BATS_TEST_TMPDIR/flag"; false; }
}
@case "twice" {
    false
}
END
    assert_status 1
    assert_output_has 'passed at the second try: once'
    assert_output_has $'failed:\n  twice'
    assert_output_has $'\n1 passed, 1 failed'
}

@test "a skipped test is a failure where CI is true" {
    CI='' suite <<<$'@case "one" {\n    true\n}\n@case "no" {\n    skip "no reason"\n}'
    assert_status 0
    assert_output_has $'\n1 passed, 0 failed'
    CI=true suite <<<$'@case "one" {\n    true\n}\n@case "no" {\n    skip "no reason"\n}'
    assert_status 1
    assert_output_has $'\n1 passed, 1 failed'
}

# --- Goal: the bugs that are planted to prove the faults and the fuzzers still find their places.

# seeds TREE: both kinds, looked at there; prints those that don't apply.
seeds() {
    local status=0
    /usr/bin/python3 "$1/tests/faults/seeds.py" look || status=1
    "$1/tests/fuzz/seeds" -n || status=1
    return "$status"
}

@test "each seed applies to the sources as they are" {
    run seeds "$ROOT"
    assert_status 0
    [ "$(grep -cE '^[1-9][0-9]* passed, 0 failed$' <<<"$output")" = 2 ] || fail "$output"
}

@test "a seed whose place has changed or gone is seen" {
    local copy=$BATS_TEST_TMPDIR/copy
    mkdir -p "$copy/tests/faults" "$copy/tests/fuzz"
    cp -R "$ROOT/src" "$ROOT/compat" "$copy"
    cp "$ROOT/tests/faults/seeds.py" "$copy/tests/faults"
    cp "$ROOT/tests/fuzz/seeds" "$copy/tests/fuzz"
    sed -i 's/if (d->crs < 2)/if (2 > d->crs)/; s/if (d->line > 0)/if (0 < d->line)/' "$copy/src/dot.c"
    rm "$copy/src/log.c"
    run seeds "$copy"
    assert_status 1
    assert_output_has 'src/dot.c has changed'
    assert_output_has 'src/log.c has changed'
    assert_output_has 'src/dot.c: 0 times: if (d->crs < 2)'
    [ "$(grep -cE '^[1-9][0-9]* passed, [12] failed$' <<<"$output")" = 2 ] || fail "$output"
}
