#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# What the machine says of itself and of who is asking: the kernel's host name, /etc/mailname, the lines
# of /etc/passwd. Much of it is odd somewhere, and some of it is anybody's to write.

bats_require_minimum_version 1.5.0
load lib
load cage

setup() { setup_case; }
teardown() { teardown_case; }

# named NAME COMMAND...: in a name space where the kernel's host name is NAME.
NAMED='import os, socket, sys
socket.sethostname(sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])'
named() {
    unshare --uts "$PYTHON" -c "$NAMED" "$@"
}
# Where none can be made, these tests have nothing to look at, and say so.
may_name() {
    named probe.test true 2>/dev/null || { echo "# no host name can be had here" >&3 && false; }
}

# cage [KEY=VALUE...]: a cage with a profile for a server without TLS, and that server.
cage() {
    rm -rf "$BATS_TEST_TMPDIR/cage"
    setup_cage
    peer "${PEER_OPTIONS[@]}" <<<"${SCRIPT-$'@greet\nC: EHLO *\nS: 250 mail.test\n@send'}"
    cage_profile "$SYSTEM" host="${HOST-127.0.0.1}:$PORT" tls=off "$@"
}

# from_named NAME [ARGUMENT...]: alice sends a message that has no From, on the machine of that name.
from_named() {
    run --separate-stderr named "$1" chroot --userspec=61001:61001 --groups= "$CAGE" \
        /bin/sendmail -i "${@:2}" bob@x.test < <(printf 'Subject: a test\n\nHello\n')
}

# from_alice [ARGUMENT...]: the same, whatever it is called.
from_alice() {
    run --separate-stderr in_cage alice /bin/sendmail -i "$@" bob@x.test \
        < <(printf 'Subject: a test\n\nHello\n')
}

# not_sent STATUS WORDS: one line with these words, and nobody was asked.
not_sent() {
    assert_status "$1"
    assert_one_line
    assert_output_has "$2"
    peer_stop
    peer_log | refute_in - CONNECT
}

# --- the kernel's host name ------------------------------------------------------------------
# Goal: it greets the server where it is a full name, else the address does; and it is the domain of bare
# names where nothing better is.

# bats test_tags=cage
@test "EHLO has the host's name where that is a full one, else the address" {
    local name said
    may_name || return 0
    while read -r name said; do
        cage helo=
        from_named "$name"
        sent
        peer_log | assert_in - "^1 < EHLO ${said//[.[]/[&]}\$"
    done <<'END'
host.example.com host.example.com
a-1.example.com a-1.example.com
box [127.0.0.1]
localhost [127.0.0.1]
localhost.localdomain [127.0.0.1]
LocalHost.LocalDomain [127.0.0.1]
host.example. [127.0.0.1]
.example.com [127.0.0.1]
my_host.example.com [127.0.0.1]
END
}

# bats test_tags=cage
@test "EHLO has an IPv6 address as RFC 5321 writes it" {
    may_name || return 0
    PEER_OPTIONS=(--address ::1)
    HOST='[::1]' cage helo=
    from_named box
    sent
    peer_log | assert_in - '^1 < EHLO \[IPv6:::1\]$'
}

# bats test_tags=cage
@test "a bare sender gets the domain of /etc/mailname, of the host's name, of the user, in this order" {
    local mailname host user want
    may_name || return 0
    SCRIPT=$'@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN\n@login\n@send'
    while read -r mailname host user want; do
        cage helo=c.test domain= from= user="$user" password=x secret_mode=any auth_insecure=yes
        [ "$mailname" = - ] || printf '%s\n' "${mailname#empty}" >"$CAGE/etc/mailname"
        [ "$mailname" != nothing ] || : >"$CAGE/etc/mailname"
        from_named "$host"
        if [ "$want" = none ]; then
            not_sent 78 'no domain for bare names'
            continue
        fi
        sent
        peer_log | assert_in - "MAIL FROM:<alice@${want//./[.]}>"
    done <<'END'
name.test host.test u@user.test name.test
- host.test u@user.test host.test
empty host.test u@user.test host.test
nothing host.test u@user.test host.test
na/me host.test u@user.test host.test
- host u@user.test user.test
- host. u@user.test user.test
- my_host/x.test u@user.test user.test
- host u none
- host u@ none
- host u@a/b none
END
}

# bats test_tags=cage
@test "from may have the login and the host's name in it, and may be a bare name" {
    local from want
    may_name || return 0
    while read -r from want; do
        cage domain= from="$from"
        echo name.test >"$CAGE/etc/mailname"
        from_named host.test
        sent
        peer_log | assert_in - "MAIL FROM:<${want//[.+]/[&]}>"
    done <<'END'
%u@%h alice@host.test
%u+%u@x.%h alice+alice@x.host.test
shop shop@name.test
%u alice@name.test
%x@mail.test %x@mail.test
END
}

# --- /etc/passwd -----------------------------------------------------------------------------
# Goal: the line with our number counts, whatever else stands in the file; a name that would break a
# header is none.

# passwd TEXT WANTED...: with this file alice's message has these From and sender.
passwd() {
    cage domain=mail.test from=%u@mail.test
    printf '%b' "$1" >"$CAGE/etc/passwd"
    from_alice
    sent
    peer_log | assert_in - "MAIL FROM:<$2@mail[.]test>"
    arrived | assert_in - "^From: $3\$"
}

# bats test_tags=cage
@test "& in the name is the login, with a capital where it begins with a letter" {
    passwd 'alice:x:61001:61001:& Example,,,:/home/alice:/bin/sh\n' alice 'Alice Example <alice@mail.test>'
    passwd 'alice:x:61001:61001:The &:/home/alice:/bin/sh\n' alice 'The Alice <alice@mail.test>'
    passwd '_web:x:61001:61001:& Example:/home/alice:/bin/sh\n' _web '_web Example <_web@mail.test>'
    passwd '{web:x:61001:61001:& Example:/home/alice:/bin/sh\n' '[{]web' '[{]web Example <[{]web@mail.test>'
}

# bats test_tags=cage
@test "a name with a control character, or of 256 bytes, is none, and the login stands for it" {
    local long
    passwd 'alice:x:61001:61001:Al\001ice:/home/alice:/bin/sh\n' alice 'alice <alice@mail.test>'
    passwd 'alice:x:61001:61001:Al\rBcc:/home/alice:/bin/sh\n' alice 'alice <alice@mail.test>'
    printf -v long '%256s' ''
    passwd "alice:x:61001:61001:${long// /x}:/home/alice:/bin/sh\\n" alice 'alice <alice@mail.test>'
}

# bats test_tags=cage
@test "a line without all its fields is nobody's, but the shell and the last line's end may be missing" {
    local line
    for line in 'alice' 'alice:x' 'alice:x:61001' 'alice:x:61001:61001' 'alice:x:61001:61001:Al' \
        ':x:61001:61001:Al:/home/alice:/bin/sh' 'alice:x::61001:Al:/home/alice:/bin/sh' \
        'alice:x:61001x:61001:Al:/home/alice:/bin/sh' 'alice:x:-1:61001:Al:/home/alice:/bin/sh' ''; do
        passwd "$line\\n" uid-61001 'uid-61001 <uid-61001@mail.test>'
    done
    passwd 'alice:x:61001:61001:Al:/home/alice' alice 'Al <alice@mail.test>'
    passwd 'x\n\nbob:x:1:1:B:/:/\nalice:x:61001:61001:Al:/home/alice:\nal:x:61001:1:C:/:/\n' alice \
        'Al <alice@mail.test>'
}

# bats test_tags=cage
@test "a line longer than 4 KB is nobody's, and those behind it count" {
    local long n
    for n in 3000 4094 4095 4096 5000 8190 8191 9000; do
        printf -v long "%${n}s" ''
        passwd "x:x:61001:61001:X:/:${long// /x}\\nalice:x:61001:61001:Al:/home/alice:/bin/sh\\n" \
            "$([ "$n" -le 3000 ] && echo x || echo alice)" "(X <x|Al <alice)@mail.test>"
    done
    # The rest of a long line isn't a line either, be it the file's last.
    printf -v long '%4095s' ''
    passwd "${long// /x}alice:x:61001:61001:Al:/home/alice:/bin/sh" uid-61001 'uid-61001 <uid-61001@mail.test>'
    passwd "${long// /x}alice:x:61001:61001:Al:/home/alice:/bin/sh\\n" uid-61001 'uid-61001 <uid-61001@mail.test>'
}

# bats test_tags=cage
@test "a login of 64 bytes is none" {
    local long
    printf -v long '%63s' ''
    long=${long// /x}
    passwd "$long:x:61001:61001:Al:/home/alice:/bin/sh\\n" "$long" "Al <$long@mail.test>"
    passwd "x$long:x:61001:61001:Al:/home/alice:/bin/sh\\n" uid-61001 'Al <uid-61001@mail.test>'
}

# bats test_tags=cage
@test "a login that is no address is an error of the profile whose from names it, by all three faces" {
    cage domain=mail.test from=%u@mail.test
    echo 'a b:x:61001:61001:Al:/home/alice:/bin/sh' >"$CAGE/etc/passwd"
    from_alice
    not_sent 65 'from'
    cage domain=mail.test from=%u@mail.test
    echo 'a b:x:61001:61001:Al:/home/alice:/bin/sh' >"$CAGE/etc/passwd"
    from_alice -bv
    not_sent 65 'from'
    cage domain=mail.test from=%u@mail.test
    echo 'a b:x:61001:61001:Al:/home/alice:/bin/sh' >"$CAGE/etc/passwd"
    run in_cage alice /bin/sendmail -bs < <(printf 'EHLO x\r\nMAIL FROM:<a@x.test>\r\nQUIT\r\n')
    assert_status 0
    assert_output_has '554 5.6.0 from: not an address'
    peer_stop
    peer_log | refute_in - CONNECT
}

# bats test_tags=cage
@test "a home of 512 bytes, or that doesn't begin at the root, has no profile" {
    local long home
    printf -v long '%511s' ''
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    chown 61001 "$CAGE/home/alice/.config/mailchute.ini"
    echo "alice:x:61001:61001:Al:/home/alice:/bin/sh" >"$CAGE/etc/passwd"
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /home/alice/.config/mailchute.ini
    # From the root, as we are there, the second would be the same.
    for home in "/${long// /x}" home/alice; do
        echo "alice:x:61001:61001:Al:$home:/bin/sh" >"$CAGE/etc/passwd"
        run --separate-stderr in_cage alice /bin/mailchute show
        assert_status 78
        assert_output_has 'no profile'
    done
}

# bats test_tags=cage
@test "a bare sender that is too long with its domain is 65, and one that fits goes" {
    local long domain
    printf -v long '%300s' ''
    printf -v domain '%60s' ''
    domain=${domain// /d}.${domain// /d}.${domain// /d}.test
    cage domain="$domain"
    from_alice -f "${long// /x}"
    not_sent 65 'too long'
    printf -v long '%180s' ''
    cage domain="$domain" from="${long// /x}"
    from_alice
    sent
}
