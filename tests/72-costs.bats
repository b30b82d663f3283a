#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a message costs, by what can be counted.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# instructions TRUST: those of one message on 587, with these roots.
instructions() {
    peer --cert good-rsa <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 ok
DRAIN
END
    profile tls_trust="$1" log=off
    run valgrind --tool=callgrind --callgrind-out-file=/dev/null "$BIN/sendmail" bob@mail.test \
        < <(message)
    assert_status 0
    COUNT=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' <<<"$output")
    [ "${COUNT:-0}" -gt 1000000 ] || { show_run; fail "no count"; }
}

# --- Goal: a distribution's bundle of roots costs next to nothing: only those are decoded that are
# --- asked for.

# bats test_tags=cage
@test "a bundle of 150 roots costs at most a tenth more instructions than one root, 25 million in all" {
    need valgrind
    local alone
    cat /etc/ssl/certs/ca-certificates.crt "$CERTS/ca.pem" >"$BATS_TEST_TMPDIR/roots.pem"
    instructions "$CERTS/ca.pem"
    alone=$COUNT
    instructions "$BATS_TEST_TMPDIR/roots.pem"
    [ "$COUNT" -le $((alone + alone / 10)) ] || fail "$COUNT instructions, $alone with one root"
    [ "$COUNT" -le 25000000 ] || fail "$COUNT instructions"
    # They are all looked at, so it can't be for nothing either.
    [ "$COUNT" -gt $((alone + 100000)) ] || fail "$COUNT instructions, $alone with one root"
}
