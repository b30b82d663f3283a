#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# An image FROM scratch: a root folder that holds the binary, its profile and a resolv.conf, and
# nothing else. And where the roots come from, that tls_trust may name.

bats_require_minimum_version 1.5.0
load lib
load cage
load dns

setup() { setup_case; }
teardown() { teardown_case; }

# scratch: makes $CAGE with the binary and a resolv.conf; mail.test is 127.0.0.1 there.
scratch() {
    setup_cage "$BATS_TEST_TMPDIR/unused"       # finds SYSTEM, or skips
    CAGE=$BATS_TEST_TMPDIR/scratch
    mkdir -p "$CAGE/etc" "$CAGE${SYSTEM%/*}"
    install -m 755 "$MC" "$CAGE/mailchute"
    dns mail.test=127.0.0.1 elsewhere.test=127.0.0.1
    resolved
}

# image [KEY=VALUE...]: its profile. The roots are those compiled in, among them the tests' CA.
image() {
    cage_profile "$SYSTEM" host="mail.test:$PORT" user=alice password=s3cret-alice tls_trust= \
        log= "$@"
    chmod 600 "${CAGE:?}$SYSTEM"
}

# sends [ARG...]: the standard message to bob, in there.
sends() {
    run --separate-stderr in_cage root /mailchute -i "$@" bob@mail.test < <(message)
}

# sent: it arrived, without a word.
sent() {
    assert_status 0
    assert_silent
    peer_done
    arrived | assert_in - '^Subject: a test$'
}

# refused WORDS: 76 with these words, and nothing was sent.
refused() {
    assert_status 76
    assert_one_line
    assert_output_has "$1"
    peer_stop
    refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT|s3cret|AGFsaWNl|Hello, Bob)'
}

# --- Goal: one file, its profile and a resolver send a verified mail.

# bats test_tags=cage
@test "there is nothing else in it" {
    scratch
    peer <<< $'@587\n@login\n@send'
    image
    [ "$(cd "$CAGE" && find . ! -type d | sort)" = \
        "$(printf '%s\n' ./etc/resolv.conf ./mailchute ".$SYSTEM" | sort)" ]
    sends
    sent
    # And nothing was left behind.
    [ "$(find "$CAGE" ! -type d | wc -l)" = 3 ]
}

# bats test_tags=cage
@test "587: a host that DNS knows proves its name by the roots compiled in" {
    local trust
    scratch
    for trust in '' builtin; do
        peer <<< $'@587\n@login\n@send'
        image tls=starttls tls_trust="$trust"
        sends
        sent
        peer_log | assert_in - ' SNI mail\.test$'
        dns_log | assert_in - '^A mail\.test\. udp: answer$'
    done
}

# bats test_tags=cage
@test "465: a host that DNS knows proves its name by the roots compiled in" {
    local trust
    scratch
    for trust in '' builtin; do
        peer <<< $'@465\n@login\n@send'
        image tls=implicit tls_trust="$trust"
        sends
        sent
        peer_log | assert_in - ' SNI mail\.test$'
        dns_log | assert_in - '^A mail\.test\. udp: answer$'
    done
}

# bats test_tags=cage
@test "a user without a name sends, too, and is told by his number" {
    scratch
    peer <<< $'@465\n@login\n@send'
    image tls=implicit from= domain=mail.test
    chown "${CAGE_IDS[stranger]}" "$CAGE$SYSTEM"
    run --separate-stderr in_cage stranger /mailchute -i bob@mail.test < <(message)
    sent
    peer_log | assert_in - '< MAIL FROM:<uid-61099@mail\.test>'
}

# bats test_tags=cage
@test "mailchute -t -i, as PHP would call it" {
    scratch
    peer <<< $'@465\n@login\n@send'
    image tls=implicit
    run --separate-stderr in_cage root /mailchute -t -i < <(message)
    sent
    peer_log | assert_in - '< RCPT TO:<bob@mail\.test>'
}

# bats test_tags=cage
@test "called without stdin, stdout or stderr it sends where it can" {
    local close
    scratch
    for close in '>&-' '2>&-' '>&- 2>&-'; do
        peer <<< $'@465\n@login\n@send'
        image tls=implicit
        run --separate-stderr bash -c "exec \"\$@\" $close" - \
            chroot "$CAGE" /mailchute -i bob@mail.test < <(message)
        sent
    done
    run --separate-stderr bash -c 'exec "$@" <&-' - chroot "$CAGE" /mailchute -i bob@mail.test
    assert_status 74
    assert_one_line
}

# bats test_tags=cage
@test "25 MB need no /tmp" {
    local file=$BATS_TEST_TMPDIR/large way
    scratch
    { message; base64 -w 76 /dev/zero | head -c 25000000; echo; } >"$file"
    for way in pipe file; do
        peer <<< $'@465p\n@login\n@send'
        image tls=implicit
        if [ $way = pipe ]; then
            run --separate-stderr in_cage root /mailchute -i bob@mail.test < <(cat "$file")
        else
            run --separate-stderr in_cage root /mailchute -i bob@mail.test <"$file"
        fi
        sent
        arrived | sed '1,/^$/d' | cmp - <(sed '1,/^$/d' "$file")
    done
}

# bats test_tags=cage
@test "sendmail -bs works there" {
    scratch
    peer < <(printf '%s\n' @465 @login 'C: MAIL FROM:<alice@mail.test>*' 'S: 250 2.1.0 ok' \
        'C: RCPT TO:<bob@mail.test>' 'S: 250 2.1.5 ok' 'C: DATA' 'S: 354 go ahead' BODY \
        'S: 250 2.0.0 Ok: queued as 4F1A' 'C*: QUIT')
    image tls=implicit
    printf '%s\n' 'S: 220 *' 'C: HELO shop.test' 'S: 250 *' 'C: MAIL FROM:<alice@mail.test>' \
        'S: 250 2.1.0 ok' 'C: RCPT TO:<bob@mail.test>' 'S: 250 2.1.5 ok' 'C: DATA' 'S: 354 *' \
        'C: Subject: a test' C: 'C: Hello, Bob.' 'C: .' 'S: 250 2.0.0 Ok: queued as 4F1A' \
        'C: QUIT' 'S: 221 *' >"$BATS_TEST_TMPDIR/caller"
    run --separate-stderr "$PYTHON" "$ROOT/tests/peer/caller.py" --time 30 \
        "$BATS_TEST_TMPDIR/caller" chroot "$CAGE" /mailchute -bs
    assert_status 0
    [ -z "$stderr" ]
    peer_done
    arrived | assert_in - '^Subject: a test$'
}

# --- Goal: what goes wrong there has its status, and its line.

# bats test_tags=cage
@test "a certificate of a CA that isn't compiled in is refused there" {
    local trust port
    scratch
    for trust in '' builtin; do
        for port in starttls implicit; do
            if [ $port = starttls ]; then
                peer --cert unknown <<< $'@starttls\nTLS must fail'
            else
                peer --cert unknown <<< 'TLS must fail'
            fi
            image tls=$port tls_trust="$trust"
            sends
            refused 'other CA'
            assert_output_has 'compiled in'
        done
    done
}

# bats test_tags=cage
@test "a certificate for another name is refused there, whatever DNS says" {
    scratch
    peer <<< 'TLS must fail'
    image tls=implicit host="elsewhere.test:$PORT"
    sends
    refused 'not for elsewhere.test'
}

# bats test_tags=cage
@test "tls_trust = system is 78 there, with the ways out" {
    scratch
    peer <<< 'TLS must fail'
    image tls=implicit tls_trust=system
    sends
    assert_status 78
    assert_one_line
    assert_output_has ca-certificates
    assert_output_has 'tls_trust = builtin'
    peer_stop
    refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT)'
}

# bats test_tags=cage
@test "no profile, no server, no such name, a refusal: each has its status and its line" {
    scratch
    sends
    assert_status 78
    assert_one_line
    assert_output_has 'no profile'
    image tls=implicit
    sends
    assert_status 69
    assert_one_line
    assert_output_has mail.test
    image tls=implicit host="nowhere.test:$PORT"
    sends
    assert_status 68
    assert_one_line
    assert_output_has nowhere.test
    peer < <(printf '%s\n' @465 @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' \
        'S: 550 5.1.1 no such Bob' DRAIN)
    image tls=implicit
    sends
    assert_status 67
    assert_one_line
    assert_output_has '550 5.1.1 no such Bob'
    peer_done
    peer < <(printf '%s\n' @465 'C: AUTH *' 'S: 535 5.7.8 not you' DRAIN)
    image tls=implicit
    sends
    assert_status 77
    assert_one_line
    assert_output_has '535 5.7.8 not you'
    peer_done
}

# bats test_tags=cage
@test "without a resolv.conf no name is found, and an address will do" {
    scratch
    rm "$CAGE/etc/resolv.conf"
    peer <<< $'@465\n@login\n@send'
    image tls=implicit host="127.0.0.1:$PORT"
    sends
    sent
}

# bats test_tags=cage
@test "a name whose AAAA is refused, missing or unknown is found by its A" {
    local fault
    scratch
    for fault in servfail empty nxdomain refused; do
        dns --fault "AAAA:$fault" mail.test=127.0.0.1
        resolved
        peer <<< $'@465\n@login\n@send'
        image tls=implicit
        sends
        sent
        dns_log | assert_in - "^AAAA mail\\.test\\. udp: $fault\$"
    done
}

# --- Goal: where the roots come from is what tls_trust says; by default the system's bundle where
# there is one, else those compiled in.

# bundle PATH CERT...: a bundle in the cage.
bundle() {
    mkdir -p "$(dirname "${CAGE:?}$1")"
    (cd "$CERTS" && cat "${@:2}") >"$CAGE$1"
}

# trusts, mistrusts [ARG...]: the server is believed, or not; with the KEYS.
KEYS=()
trusts() {
    peer <<< $'@465\n@login\n@send'
    image tls=implicit "${KEYS[@]}"
    sends
    sent
}
mistrusts() {
    peer <<< 'TLS may fail'
    image tls=implicit "${KEYS[@]}"
    sends
    refused "$1"
}

# bats test_tags=cage
@test "a system's bundle counts, and those compiled in don't" {
    local path
    scratch
    for path in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        /etc/ssl/ca-bundle.pem /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/cert.pem; do
        trusts
        bundle $path other-ca.pem
        mistrusts "$path"
        bundle $path other-ca.pem ca.pem
        trusts
        KEYS=(tls_trust=system)
        trusts
        KEYS=()
        rm "$CAGE$path"
    done
}

# bats test_tags=cage
@test "tls_trust = builtin counts, whatever the system's bundle has" {
    scratch
    bundle /etc/ssl/certs/ca-certificates.crt other-ca.pem
    KEYS=(tls_trust=builtin)
    trusts
    : >"$CAGE/etc/ssl/certs/ca-certificates.crt"
    trusts
}

# bats test_tags=cage
@test "a system's bundle that holds no certificate is 78, and not passed over" {
    local trust
    scratch
    mkdir -p "$CAGE/etc/ssl/certs"
    for trust in '' system; do
        : >"$CAGE/etc/ssl/certs/ca-certificates.crt"
        peer <<< 'TLS may fail'
        image tls=implicit tls_trust="$trust"
        sends
        assert_status 78
        assert_one_line
        assert_output_has /etc/ssl/certs/ca-certificates.crt
        peer_stop
        refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT)'
    done
}

# bats test_tags=cage
@test "where /etc/ssl is no folder there is no bundle, and those compiled in count" {
    scratch
    peer <<< $'@465\n@login\n@send'
    image tls=implicit tls_trust=
    rm -rf "$CAGE/etc/ssl"
    : >"$CAGE/etc/ssl"
    sends
    sent
}

# bats test_tags=cage
@test "a system's bundle that can't be read is 78, and not passed over" {
    scratch
    bundle /etc/ssl/certs/ca-certificates.crt other-ca.pem
    chmod 600 "$CAGE/etc/ssl/certs/ca-certificates.crt"
    peer <<< 'TLS may fail'
    image tls=implicit
    chown "${CAGE_IDS[alice]}" "$CAGE$SYSTEM"
    run --separate-stderr in_cage alice /mailchute -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has /etc/ssl/certs/ca-certificates.crt
    peer_stop
    refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT)'
}

@test "tls_trust = builtin outside of a cage: the roots compiled in" {
    local kind
    for kind in starttls implicit; do
        if [ $kind = starttls ]; then
            peer <<< $'@587\n@login\n@send'
        else
            peer <<< $'@465\n@login\n@send'
        fi
        profile tls=$kind tls_trust=builtin
        run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
        sent
        peer --cert unknown < <([ $kind = implicit ] || echo @starttls; echo TLS must fail)
        profile tls=$kind tls_trust=builtin
        run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
        refused 'other CA'
    done
}

# --- Goal: a folder's roots are those of all files in it that have some.

# folder [KEY=VALUE...]: sends by the roots in $BATS_TEST_TMPDIR/roots.
folder() {
    mkdir -p "$BATS_TEST_TMPDIR/roots"
    profile tls=implicit tls_trust="$BATS_TEST_TMPDIR/roots" "$@"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
}

@test "a folder with the CA among other files" {
    local roots=$BATS_TEST_TMPDIR/roots
    mkdir -p "$roots/sub"
    cp "$CERTS/other-ca.pem" "$roots/a.pem"
    cp "$CERTS/ca.pem" "$roots/zz.crt"
    peer <<< $'@465\n@login\n@send'
    folder
    sent
    # What else may lie there.
    : >"$roots/empty.pem"
    echo 'no certificate' >"$roots/README"
    head -c 100000 /dev/urandom >"$roots/random"
    sed 5d "$CERTS/ca.pem" >"$roots/broken.pem"
    head -n 3 "$CERTS/ca.pem" >"$roots/cut.pem"
    cp "$CERTS/ca.key" "$roots/key.pem"
    mkfifo "$roots/fifo"
    ln -s nowhere "$roots/dangling"
    ln -s . "$roots/loop"
    cp "$CERTS/ca.pem" "$roots/sub/ca.pem"
    peer <<< $'@465\n@login\n@send'
    folder
    sent
}

@test "a folder with several certificates in one file, and with hashed names that are links" {
    local roots=$BATS_TEST_TMPDIR/roots hash
    mkdir -p "$roots"
    cat "$CERTS/other-ca.pem" "$CERTS/ca.pem" >"$roots/both.pem"
    peer <<< $'@465\n@login\n@send'
    folder
    sent
    rm "$roots/both.pem"
    hash=$(openssl x509 -noout -hash -in "$CERTS/ca.pem")
    ln -s "$CERTS/ca.pem" "$roots/$hash.0"
    ln -s "$CERTS/other-ca.pem" "$roots/12345678.0"
    peer <<< $'@465\n@login\n@send'
    folder
    sent
}

# bats test_tags=cage
@test "a folder with files that can't be read" {
    scratch
    mkdir "$CAGE/roots"
    cp "$CERTS/ca.pem" "$CAGE/roots/ca.pem"
    cp "$CERTS/other-ca.pem" "$CAGE/roots/a.pem"
    cp "$CERTS/other-ca.pem" "$CAGE/roots/z.pem"
    chmod 600 "$CAGE"/roots/[az].pem
    peer <<< $'@465\n@login\n@send'
    image tls=implicit tls_trust=/roots
    chown "${CAGE_IDS[alice]}" "$CAGE$SYSTEM"
    run --separate-stderr in_cage alice /mailchute -i bob@mail.test < <(message)
    sent
}

@test "a folder without the CA is 76, and is named" {
    mkdir "$BATS_TEST_TMPDIR/roots"
    cp "$CERTS/other-ca.pem" "$BATS_TEST_TMPDIR/roots"
    mkdir "$BATS_TEST_TMPDIR/roots/sub"
    cp "$CERTS/ca.pem" "$BATS_TEST_TMPDIR/roots/sub"
    cp "$CERTS/ca.pem" "$BATS_TEST_TMPDIR/roots/.hidden.pem"
    peer <<< 'TLS must fail'
    folder
    refused "$BATS_TEST_TMPDIR/roots"
}

@test "a folder without any certificate is 78, as a file is" {
    local where
    mkdir "$BATS_TEST_TMPDIR/roots"
    : >"$BATS_TEST_TMPDIR/file"
    for where in roots file; do
        peer <<< 'TLS must fail'
        folder tls_trust="$BATS_TEST_TMPDIR/$where"
        assert_status 78
        assert_one_line
        assert_output_has "$BATS_TEST_TMPDIR/$where holds no certificate"
        peer_stop
        refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT)'
    done
}

@test "a folder or a file that isn't there is 78, and a pipe holds nobody up" {
    local where
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    for where in none none/none.pem fifo; do
        peer <<< 'TLS may fail'
        profile tls=implicit tls_trust="$BATS_TEST_TMPDIR/$where"
        run --separate-stderr timeout 10 "$BIN/sendmail" bob@mail.test < <(message)
        assert_status 78
        assert_one_line
        assert_output_has "$BATS_TEST_TMPDIR/$where"
        peer_stop
        refute_in <(peer_log) '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT)'
    done
}
