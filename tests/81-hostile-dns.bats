#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Hostile DNS: however wrong, it can only cause a failure, in bounded time, and never a delivery to
# another server; one broken family never stands in the way of the other; an address that doesn't
# answer costs a quarter of a second. The name servers, and what must hold for all of them, are in
# names.py.

load lib
load cage
setup() { setup_case; }
teardown() { teardown_case; }

# names LEAST [PATTERN]: all rows whose names match; there are so many at least.
names() {
    setup_cage          # for root, or it skips
    mkdir "$BATS_TEST_TMPDIR/rows"
    NAMES_ONLY=${2-} run timeout -k 1 100 "$PYTHON" "$ROOT/tests/names.py" \
        "$BATS_TEST_TMPDIR/rows" "$MC" "$CERTS"
    assert_status 0
    [[ $output =~ names:\ ([0-9]+)\ servers ]] || fail "no count: $output" || return 1
    [ "${BASH_REMATCH[1]}" -ge "$1" ] || fail "only ${BASH_REMATCH[1]} servers" || return 1
    echo "# $output" >&3
}

# bats test_tags=cage
@test "whatever a server answers for both families, it is the right server or a failure" {
    names 35 '^both families'
}

# bats test_tags=cage
@test "whatever a server answers for AAAA, the A is found, and serves" {
    names 24 '^AAAA'
}

# bats test_tags=cage
@test "an answer that leads elsewhere leads to nobody who hears more than a handshake" {
    names 10 'leads|host|such name|alias|addresses'
}

# bats test_tags=cage
@test "silence costs 5 s a look-up at most, or what the deadline leaves, and of one family nearly nothing" {
    names 7 'options|a deadline'
}

# bats test_tags=cage
@test "a name that isn't found now is looked up again in the next round of retry_for" {
    names 3 'retry_for'
}
