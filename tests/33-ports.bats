#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# port = auto: 465 at once, 587 a little later, the first that connects; and where its failure leads.
# The ports are the real ones, at a loopback address of each test's own.

load lib
load hole
teardown() { teardown_case; }

setup() {
    setup_case
    ADDRESS=127.$((RANDOM % 253 + 1)).$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1))
    [ "$(id -u)" = 0 ] || [ "$(</proc/sys/net/ipv4/ip_unprivileged_port_start)" -le 465 ] || {
        [ -z "${NO_SKIP:-}" ] || fail "these ports need root" || return 1
        printf '# SKIPPED: %s: needs root\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "these ports need root"
    }
}

# at PORT: a peer at that port with the script on stdin; its name is p465 or p587.
at() {
    peer -n "p$1" --address "$ADDRESS" --port "$1"
}

# takes PORT: one that takes every message.
takes() {
    at "$1" <<<"=== every connection"$'\n'"@$1"$'\n@login\n@send'
}

# send [KEY=VALUE...]: the standard message to bob, by whichever port.
send() {
    profile host="$ADDRESS" port=auto tls= tls_name=localhost tempfail_exit=75 "$@"
    run --separate-stderr "${UNDER[@]}" "$BIN/sendmail" bob@mail.test < <(message)
}

# connections N PORT: so many came in there.
connections() {
    local n
    n=$(peer_log "p$2" | grep -c ' CONNECT$') || true
    [ "$n" = "$1" ] || fail "$n connections at $2, not $1" "$(peer_log "p$2")"
}

# taken_at PORT: the message is there, and the log says so.
taken_at() {
    assert_status 0
    assert_silent
    arrived 1 "p$1" >/dev/null
    assert_in "$BATS_TEST_TMPDIR/log" "status=sent exit=0 .*host=$ADDRESS\[?.*:$1 "
}

# falls_back SCRIPT [KEY=VALUE...]: 465 fails so, and 587 takes the message.
falls_back() {
    at 465 <<<"$1"
    takes 587
    send "${@:2}"
    taken_at 587
    peer_done p465
    connections 1 465
    connections 1 587
}

# stays STATUS SCRIPT: 465 fails so, and 587 isn't asked.
stays() {
    at 465 <<<"$2"
    takes 587
    send
    assert_status "$1"
    assert_one_line
    peer_done p465
    peer_stop p587
    connections 0 587
}

# --- Goal: 465 is tried at once, 587 300 ms later, and the first that connects is used.

@test "465 answers: it is used, and 587 isn't called" {
    takes 465
    takes 587
    send
    taken_at 465
    peer_stop p587
    connections 0 587
}

# later: ms between the call of 465 and that of 587.
later() {
    awk -v port='sin_port=htons(465)' '
        index($0, "connect(") && index($0, "htons(465)") { first = $2 }
        index($0, "connect(") && index($0, "htons(587)") { printf "%d\n", ($2 - first) * 1000; exit }
        ' "$BATS_TEST_TMPDIR/trace"
}

# bats test_tags=strace
@test "nobody answers at 465: 587 is called 300 ms later, and takes it" {
    need strace
    takes 587
    blackhole "$ADDRESS" 465
    UNDER=(strace -f -qq -ttt -e trace=connect -o "$BATS_TEST_TMPDIR/trace")
    send connect_timeout=10s
    taken_at 587
    # A clock of its own: whoever is slow here is so behind the 300 ms.
    [ "$(later)" -ge 290 ] || fail "$(later) ms" "$(cat "$BATS_TEST_TMPDIR/trace")"
    [ "$(later)" -lt 3000 ] || fail "$(later) ms" "$(cat "$BATS_TEST_TMPDIR/trace")"
}

# bats test_tags=strace
@test "465 refuses the call: 587 is called at once" {
    need strace
    takes 587
    UNDER=(strace -f -qq -ttt -e trace=connect -o "$BATS_TEST_TMPDIR/trace")
    send
    taken_at 587
    [ "$(later)" -lt 290 ] || fail "$(later) ms" "$(cat "$BATS_TEST_TMPDIR/trace")"
}

@test "nothing listens at either: temporary, with both causes" {
    send
    assert_status 75
    assert_one_line
    assert_output_has "(port 465 of $ADDRESS: Connection refused; port 587 of $ADDRESS: Connection refused)"
}

@test "each host has both ports: the second host's 465 comes behind the first one's 587" {
    takes 465
    send host="127.0.0.1:1 $ADDRESS"
    taken_at 465
}

# --- Goal: what fails before TLS stands, but for the certificate, leads to the other port.

@test "465 closes at once: 587" {
    falls_back CUT
}

@test "465 says nothing: 587 when the time is over" {
    falls_back STALL timeout=1s
}

@test "465 speaks in clear: 587, by STARTTLS" {
    falls_back $'S: 220 mail.test ESMTP\nDRAIN'
    refute_in <(peer_log p465) '<-? .*(EHLO|AUTH|MAIL|AGFsaWNl)'
    assert_in <(peer_log p587) '< STARTTLS$'
}

@test "465 knows only TLS that is too old: 587" {
    falls_back 'TLS must fail max=1.1'
}

@test "465 is out of service: 587" {
    falls_back $'TLS\nS: 421 4.3.2 no service\nDRAIN'
}

@test "465 fails so, and 587 has no STARTTLS: nothing goes in clear, and both causes are told" {
    at 465 <<<CUT
    at 587 <<<$'@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN\nDRAIN'
    send
    [ "$status" != 0 ] || fail "it was sent"
    assert_one_line
    assert_output_has "$ADDRESS"
    assert_output_has STARTTLS
    peer_done p465
    peer_done p587
    refute_in <(peer_log p587) '<-? .*(AUTH|MAIL|AGFsaWNl)'
}

# --- Goal: whatever else fails doesn't: the server is the same.

@test "465 has a bad certificate: 76, and 587 isn't called" {
    local cert
    for cert in wrongname unknown expired selfsigned; do
        stays 76 "TLS must fail cert=$cert"
        refute_in <(peer_log p465) '<-? .*(EHLO|AUTH|MAIL|AGFsaWNl)'
    done
}

@test "465 refuses the log-in: 77, and 587 isn't called" {
    stays 77 $'@465\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    assert_output_has '535 5.7.8 wrong'
}

@test "465 can't check the log-in now: temporary, and 587 isn't called" {
    stays 75 $'@465\nC: AUTH *\nS: 454 4.7.0 later\nDRAIN'
}

@test "465 refuses for good: 587 isn't called" {
    stays 69 $'@465\n@login\nC: MAIL *\nS: 550 5.7.1 never\nDRAIN'
}

@test "465 is cut in the commit window: unknown, and 587 isn't called" {
    stays 75 $'@465\n@login\nC: MAIL *\nS: 250\nC: RCPT *\nS: 250\nC: DATA\nS: 354\nBODY\nCUT'
    assert_output_has 'may have accepted'
}
