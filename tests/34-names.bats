#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A host's name becomes addresses: by /etc/hosts, by the name servers of resolv.conf, in the time
# that there is, and whatever a server answers.

bats_require_minimum_version 1.5.0
load lib
load cage
load dns

setup() { setup_case; }
teardown() { teardown_case; }

# names [KEY=VALUE...]: a cage without /etc/hosts, with a profile whose host is mail.test.
names() {
    rm -rf "$BATS_TEST_TMPDIR/cage"
    setup_cage
    rm "${CAGE:?}/etc/hosts"
    cage_profile "$SYSTEM" host="mail.test:$PORT" tls_trust="$CERTS/ca.pem" "$@"
}

# looks_up: sends the standard message from there, and counts the tenths of a second.
looks_up() {
    local began=${EPOCHREALTIME/./}
    run --separate-stderr in_cage root /bin/sendmail -i bob@mail.test < <(message)
    TENTHS=$(((${EPOCHREALTIME/./} - began) / 100000))
}

# not_sent STATUS WORDS
not_sent() {
    assert_status "$1"
    assert_one_line
    assert_output_has "cannot look up mail.test: $2"
}

within() {
    [ "$TENTHS" -lt "$1" ] || fail "it took $TENTHS tenths of a second"
}

# --- Goal: /etc/hosts comes first.

# bats test_tags=cage
@test "a name in /etc/hosts is not asked for, in any case, as an alias, with a dot at its end" {
    local line host
    for line in '127.0.0.1 mail.test' $'127.0.0.1\tother\t MAIL.Test # mail.test' \
        $'# none\n\nmail.test mail.test\n127.0.0.1 mail.test'; do
        for host in mail.test mail.test.; do
            peer --cert good-rsa --address 127.0.0.1 <<< $'@587\n@send'
            dns mail.test=127.0.0.9
            names tls_name=localhost host="$host:$PORT"
            resolved
            printf '%s' "$line" >"$CAGE/etc/hosts"
            looks_up
            sent
            [ -z "$(dns_log)" ] || fail "$(dns_log)"
        done
    done
}

# bats test_tags=cage
@test "a name that /etc/hosts has for one family isn't asked for in the other" {
    dns mail.test=127.0.0.1,::1
    names
    resolved
    echo '::1 mail.test' >"$CAGE/etc/hosts"
    run --separate-stderr in_cage root /bin/sendmail -4 -i bob@mail.test < <(message)
    not_sent 68 'no such name, or no address of it'
    [ -z "$(dns_log)" ]
}

# bats test_tags=cage
@test "a comment, a part of a name and an address that is none are no entries" {
    local line
    for line in '#127.0.0.9 mail.test' '127.0.0.9 x # mail.test' '127.0.0.9 mail.tes' \
        '127.0.0.9 xmail.test' '127.0.0.999 mail.test' 'mail.test 127.0.0.9' '127.0.0.9'; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns mail.test=127.0.0.1
        names tls_name=localhost
        resolved
        printf '%s\n' "$line" >"$CAGE/etc/hosts"
        looks_up
        sent
        dns_log | assert_in - '^A mail\.test\. udp: answer$'
    done
}

# bats test_tags=cage
@test "a hosts file of 10,000 lines, and one with a line of 100 KB, are read to their end" {
    peer --cert good-rsa <<< $'@587\n@send'
    names tls_name=localhost
    {
        seq -f '10.0.0.1 host%.0f' 10000
        head -c 100000 /dev/zero | tr '\0' x
        printf '\n127.0.0.1 mail.test'
    } >"$CAGE/etc/hosts"
    looks_up
    sent
}

# bats test_tags=cage
@test "what stands far behind in a line is no line, and half a word no word" {
    local n
    dns
    # Wherever the reader cuts.
    for n in 2045 2046 2047 2048 4094; do
        names
        {
            printf '#%s' "$(head -c "$n" /dev/zero | tr '\0' x)"
            printf '127.0.0.1 mail.test\n127.0.0.1'
            head -c "$n" /dev/zero | tr '\0' ' '
            printf 'mail.testing other\n'
        } >"$CAGE/etc/hosts"
        resolved
        looks_up
        assert_status 68
    done
    for ((n = 2025; n < 2050; n++)); do
        printf '127.0.0.1 %s mail.testing\n' "$(head -c "$n" /dev/zero | tr '\0' x)" \
            >"$CAGE/etc/hosts"
        looks_up
        assert_status 68
    done
}

# --- Goal: what the servers say is taken as far as it answers the question.

# finds RULE...: mail.test is found in spite of these faults.
finds() {
    local rule
    for rule; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns --tcp --fault "$rule" mail.test=127.0.0.1,::1
        names tls_name=localhost
        resolved
        looks_up
        assert_status 0 || fail "with $rule"
        sent
    done
}

# bats test_tags=cage
@test "one family's fault doesn't keep the other from being found, nor for long" {
    local fault
    for fault in silence servfail refused formerr notimp nxdomain empty garbage short nothing \
        wrong-id wrong-question wrong-source not-an-answer no-question overrun no-length \
        odd-length pointer-loop pointer-out cname-loop delay=3000; do
        finds "AAAA:$fault"
        within 15
    done
}

# bats test_tags=cage
@test "long answers, chains of aliases and a second answer are understood" {
    finds A:first=1/truncated A:first=1/truncated-part any:first=1/truncated A:cname-long=10 A:many=30 A:count \
        any:forged=127.0.0.9 any:twice=127.0.0.9 any:delay=300
}

# bats test_tags=cage
@test "a server that fails once is asked again" {
    finds any:first=1/silence any:first=1/servfail any:first=1/refused any:first=1/garbage
}

# bats test_tags=cage
@test "what is no answer is none: temporary, in resolv.conf's time" {
    local fault
    for fault in silence wrong-id wrong-question wrong-source not-an-answer garbage short nothing; do
        dns --fault "any:$fault" mail.test=127.0.0.1
        names
        resolved
        looks_up
        not_sent 69 'no answer from a name server'
        within 25
    done
}

# bats test_tags=cage
@test "a server's refusal is temporary, and told" {
    dns --fault any:servfail mail.test=127.0.0.1
    names
    resolved
    looks_up
    not_sent 69 "the name server fails (SERVFAIL)"
    dns --fault any:refused mail.test=127.0.0.1
    resolved
    looks_up
    not_sent 69 "the name server refuses to answer (REFUSED)"
    dns --fault any:notimp mail.test=127.0.0.1
    resolved
    looks_up
    not_sent 69 "the name server doesn't understand the question"
}

# bats test_tags=cage
@test "a name that doesn't exist, or has no address, is 68" {
    dns elsewhere.test=127.0.0.1
    names
    resolved
    looks_up
    not_sent 68 'no such name'
    dns --fault any:empty mail.test=127.0.0.1
    resolved
    looks_up
    not_sent 68 'no such name'
    dns --fault any:cname-loop mail.test=127.0.0.1
    resolved
    looks_up
    not_sent 68 'no such name'
}

# bats test_tags=cage
@test "where nobody listens for questions it is temporary, and soon over" {
    names
    looks_up
    not_sent 69 'no answer from a name server'
    within 20
}

# bats test_tags=cage
@test "an answer cut off is one of TCP, and without TCP the half of it counts" {
    peer --cert good-rsa <<< $'@587\n@send'
    dns --fault A:truncated-part mail.test=127.0.0.1
    names tls_name=localhost
    resolved
    looks_up
    sent
    dns --tcp --fault A:first=1/truncated mail.test=127.0.0.1
    peer --cert good-rsa <<< $'@587\n@send'
    names tls_name=localhost
    resolved
    looks_up
    sent
    dns_log | assert_in - '^A mail\.test\. tcp: answer$'
}

# bats test_tags=cage
@test "a server that is silent by TCP keeps nobody from what else is answered" {
    local fault
    for fault in AAAA:truncated AAAA:truncated-part A:truncated-part; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns --tcp-mute --fault "$fault" mail.test=127.0.0.1,::1
        names tls_name=localhost
        printf 'nameserver %s\noptions timeout:4\n' "$DNS" >"$CAGE/etc/resolv.conf"
        looks_up
        sent
        within 40
    done
}

# --- Goal: a call that fails is a question that isn't answered, and one that was interrupted is made again.

# disturbed FAULT HOW...: looks_up with that fault of dns.py's, while strace lets one call go wrong.
disturbed() {
    local fault=$1 how=() word
    shift
    for word; do how+=(-e "inject=$word"); done
    peer --cert good-rsa <<< $'@587\n@send'
    dns --tcp --fault "$fault" mail.test=127.0.0.1
    names tls_name=localhost
    printf 'nameserver %s\noptions timeout:3 attempts:2\n' "$DNS" >"$CAGE/etc/resolv.conf"
    run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/trace" "${how[@]}" \
        chroot "$CAGE" /bin/sendmail -i bob@mail.test < <(message)
    grep -qE "INJECTED|DELAYED" "$BATS_TEST_TMPDIR/trace" || fail "nothing went wrong: $*"
}

# asked N [HOW]: so many questions for an IPv4 address came.
asked() {
    local n
    n=$(dns_log | grep -c "^A mail\.test\. ${2-udp}: ") || true
    [ "$n" = "$1" ] || fail "$n questions, not $1" "$(dns_log)"
}

# bats test_tags=cage,strace
@test "a datagram that can't be sent or received is one that was lost" {
    local how n
    need strace
    while read -r n how; do
        disturbed A:ok "$how"
        sent
        asked "$n"
    done <<'END'
1 recvfrom:error=EINTR:when=1
1 recvfrom:error=EAGAIN:when=1
1 recvfrom:error=ECONNREFUSED:when=1
1 sendto:error=ECONNREFUSED:when=1
1 sendto:error=ECONNREFUSED:when=2
1 sendto:error=ECONNREFUSED:when=1..2
END
    # The id of a question would be known.
    disturbed A:ok getrandom:error=ENOSYS:when=3+
    not_sent 69 'no answer from a name server'
}

# bats test_tags=cage,strace
@test "where TCP fails, the question is asked again, and what was interrupted goes on" {
    local how n
    need strace
    while read -r n how; do
        disturbed A:first=1/truncated "$how"
        sent
        asked "$n"
    done <<'END'
1 recvfrom:error=EINTR:when=3
1 recvfrom:error=EAGAIN:when=4
2 recvfrom:error=ECONNRESET:when=3
2 recvfrom:delay_exit=1700000:when=3
2 recvfrom:error=ECONNRESET:when=4
2 socket:error=EMFILE:when=2
2 connect:error=EPERM:when=2
2 poll:retval=0:when=4
2 sendto:error=EPIPE:when=3
END
    # No time is left for it.
    disturbed A:first=1/truncated recvfrom:delay_exit=3200000:when=2
    not_sent 69 'no answer from a name server'
    asked 0 tcp
}

# bats test_tags=cage,strace
@test "a read of /etc/hosts that was interrupted goes on, one that fails is the file's end" {
    local how
    need strace
    for how in EINTR EIO; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns mail.test=127.0.0.1
        names tls_name=localhost
        resolved
        echo '127.0.0.1 mail.test' >"$CAGE/etc/hosts"
        run --separate-stderr strace -qq -P "$CAGE/etc/hosts" -o "$BATS_TEST_TMPDIR/trace" \
            -e "inject=read:error=$how:when=1" chroot "$CAGE" /bin/sendmail -i bob@mail.test < <(message)
        assert_in "$BATS_TEST_TMPDIR/trace" INJECTED
        sent
        asked "$([ "$how" = EINTR ] && echo 0 || echo 1)"
    done
}

# --- Goal: resolv.conf is followed.

# bats test_tags=cage
@test "a search domain with which the name would be too long is passed over" {
    local part n
    part=$(printf 'x%.0s' {1..60})
    for n in 1 2 3 4 5; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns mail.test=127.0.0.1
        names tls_name=localhost
        # With mail.test and a point before it 251 to 255.
        resolved "search $part.$part.$part.$(printf 'y%.0s' $(seq "$((n + 57))"))" 'options ndots:2'
        looks_up
        sent
        dns_log | assert_in - '^A mail\.test\. udp: answer$'
        [ "$n" -gt 3 ] || dns_log | assert_in - '^A mail\.test\.x'
        [ "$n" -le 3 ] || dns_log | refute_in - '^A mail\.test\.x' ||
            fail "$n: $(dns_log)"
    done
}

# bats test_tags=cage
@test "resolv.conf and /etc/hosts are followed to wherever they lead, with retry_for, too" {
    local key
    for key in retry_for= retry_for=1s; do
        peer --cert good-rsa <<< $'@587\n@send'
        dns mail.test=127.0.0.1
        names tls_name=localhost $key
        resolved
        mkdir -p "$CAGE/mnt/wsl"
        mv "$CAGE/etc/resolv.conf" "$CAGE/mnt/wsl/resolv.conf"
        ln -s /mnt/wsl/resolv.conf "$CAGE/etc/resolv.conf"
        looks_up
        sent
        peer --cert good-rsa --address 127.0.0.1 <<< $'@587\n@send'
        names tls_name=localhost $key
        mkdir -p "$CAGE/mnt/wsl"
        echo '127.0.0.1 mail.test' >"$CAGE/mnt/wsl/hosts"
        ln -s /mnt/wsl/hosts "$CAGE/etc/hosts"
        looks_up
        sent
    done
}

# bats test_tags=cage
@test "the second server answers where the first is silent, without delay" {
    peer --cert good-rsa <<< $'@587\n@send'
    local DNS_mute
    dns -n mute --fault any:silence
    dns mail.test=127.0.0.1
    names tls_name=localhost
    printf 'nameserver %s\nnameserver %s\n' "${DNS_mute:?}" "$DNS" >"$CAGE/etc/resolv.conf"
    looks_up
    sent
    within 10
}

# bats test_tags=cage
@test "the third server answers where the first isn't there and the second refuses" {
    peer --cert good-rsa <<< $'@587\n@send'
    local DNS_no
    dns -n no --fault any:refused
    dns mail.test=127.0.0.1
    names tls_name=localhost
    printf 'nameserver %s\n' 127.255.254.253 "${DNS_no:?}" "$DNS" 127.0.0.1 >"$CAGE/etc/resolv.conf"
    looks_up
    sent
    within 10
}

# bats test_tags=cage
@test "where one server says that there is no such name, a dead one doesn't change it" {
    dns elsewhere.test=127.0.0.1
    names
    printf 'nameserver %s\n' 127.255.254.253 "$DNS" >"$CAGE/etc/resolv.conf"
    looks_up
    not_sent 68 'no such name'
    within 10
}

# bats test_tags=cage
@test "a search domain that has the name without an address is passed over, one that fails is not" {
    peer --cert good-rsa <<< $'@587\n@send'
    dns mail=127.0.0.1 mail.a.test= --fault mail.a.test:empty
    names tls_name=localhost host="mail:$PORT"
    resolved 'search a.test b.test'
    looks_up
    sent
    dns_log | assert_in - '^A mail\. udp: answer$'
    dns mail=127.0.0.1 --fault mail.a.test:servfail
    names host="mail:$PORT"
    resolved 'search a.test'
    looks_up
    assert_status 69
    refute_in <(dns_log) '^A mail\. '
}

# bats test_tags=cage
@test "search domains are tried in turn for a name with few dots, and not with a dot at its end" {
    peer --cert good-rsa <<< $'@587\n@send'
    dns mail.b.test=127.0.0.1
    names tls_name=localhost host="mail:$PORT"
    resolved $'search\ta.test  b.test'
    looks_up
    sent
    dns_log | assert_in - '^A mail\.a\.test\. udp: NXDOMAIN$'
    dns_log | assert_in - '^A mail\.b\.test\. udp: answer$'
    names host="mail.:$PORT"
    resolved 'search a.test b.test'
    looks_up
    assert_status 68
    dns_log | assert_in - '^A mail\. udp: NXDOMAIN$'
}

# bats test_tags=cage
@test "many search domains are tried, and none that isn't there as a whole" {
    local domains
    peer --cert good-rsa <<< $'@587\n@send'
    dns mail.b.test=127.0.0.1
    names tls_name=localhost host="mail:$PORT"
    domains=$(printf 'd%02d.example.test ' {1..25})
    resolved "search $domains b.test"
    looks_up
    sent
    names host="mail:$PORT"
    domains=$(printf 'd%03d.example.test ' {1..120})
    dns
    resolved "search $domains"
    looks_up
    assert_status 68
    refute_in <(dns_log | grep -vE '^[A]+ mail\.(d[0-9]{3}\.example\.test\.)? udp: NXDOMAIN$') .
    dns_log | assert_in - '^A mail\.d100\.example'
}

# bats test_tags=cage
@test "ndots says how many dots are few" {
    peer --cert good-rsa <<< $'@587\n@send'
    dns mail.test.a.test=127.0.0.9 mail.test=127.0.0.1
    names tls_name=localhost
    resolved 'search a.test'
    looks_up
    sent
    refute_in <(dns_log) 'a\.test'
    resolved 'search a.test' 'options ndots:2'
    looks_up
    dns_log | assert_in - '^A mail\.test\.a\.test\. udp: answer$'
}

# bats test_tags=cage
@test "timeout and attempts are obeyed, but never beyond the profile's deadline" {
    dns --fault any:silence mail.test=127.0.0.1
    names
    printf 'nameserver %s\noptions timeout:2 attempts:3\n' "$DNS" >"$CAGE/etc/resolv.conf"
    looks_up
    not_sent 69 'no answer from a name server'
    [ "$TENTHS" -ge 19 ] || fail "$TENTHS tenths"
    within 35
    [ "$(dns_log | grep -c '^A mail')" = 3 ] || fail "$(dns_log)"
    names deadline=1s
    printf 'nameserver %s\noptions timeout:2 attempts:3\n' "$DNS" >"$CAGE/etc/resolv.conf"
    looks_up
    assert_status 69
    [ "$TENTHS" -ge 9 ] || fail "$TENTHS tenths"
    within 19
}

# bats test_tags=cage
@test "a resolv.conf of nonsense does no harm" {
    peer --cert good-rsa <<< $'@587\n@send'
    dns mail.test=127.0.0.1
    names tls_name=localhost
    {
        printf 'nameserver\nnameserver x\nnameserver 1.2.3.4.5\noptions\noptions ndots:-1 ndots:x\n'
        printf 'options timeout:0 attempts:0 timeout:99999999999999999999 rotate\nsearch\ndomain\n'
        printf 'search %s\n' "$(head -c 3000 /dev/zero | tr '\0' y)"
        printf 'lookup file bind\n; c\n# c\n\n  nameserver\t%s # c\n' "$DNS"
        printf 'options attempts:1 timeout:3'
    } >"$CAGE/etc/resolv.conf"
    looks_up
    sent
    within 20
}

# bats test_tags=cage
@test "a link-local server is asked by way of its interface" {
    need strace
    names
    printf 'nameserver fe80::1%%lo\noptions timeout:1\n' >"$CAGE/etc/resolv.conf"
    run strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=ioctl,connect \
        chroot "$CAGE" /bin/sendmail -i bob@mail.test < <(message)
    assert_status 69
    assert_in "$BATS_TEST_TMPDIR/trace" 'connect.*"fe80::1".*sin6_scope_id=(if_nametoindex\("lo"\)|[1-9])'
}
