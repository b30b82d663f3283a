#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Other proofs than a chain: pins; our own certificate, for servers that ask; and what goes on where
# a profile wants no proof.

bats_require_minimum_version 1.5.0
load lib

# Keys of four kinds, each in the forms that PEM has for it, and certificates for them: by the
# tests' CA, by an intermediate of its, by one that nobody trusts.
setup_file() {
    export CERTS=${CERTS:-$ROOT/build/tests/certs} OWN=$BATS_FILE_TMPDIR
    "$ROOT/tests/certs/make" "$CERTS" 3>&-
    cd "$OWN" || return 1
    (
        umask 077
        local bits curve kind
        for bits in 2048 4096; do
            openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:$bits -out rsa$bits.pkcs8
            openssl rsa -traditional -in rsa$bits.pkcs8 -out rsa$bits.pkcs1
        done
        for curve in 256 384; do
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-$curve -out p$curve.pkcs8
            openssl pkey -traditional -in p$curve.pkcs8 -out p$curve.sec1
            { openssl ecparam -name "$(openssl ec -in p$curve.pkcs8 -noout -text 2>&1 |
                sed -n 's/^ASN1 OID: //p')"; cat p$curve.sec1; } >p$curve.params
        done
        echo 'extendedKeyUsage = clientAuth' >extension
        for kind in rsa2048 rsa4096 p256 p384; do
            signed $kind ca $kind
        done
        signed between intermediate p256
        cat "$CERTS/intermediate.pem" >>between.pem
        signed foreign other-ca p256
        signed old ca p256 -days -1
        cp "$CERTS/good.key" another-p256.pkcs8
        cp "$CERTS/good-rsa.key" another-rsa.pkcs8
        openssl pkcs8 -topk8 -in p256.pkcs8 -passout pass:x -out encrypted.pkcs8
        openssl rsa -traditional -aes128 -in rsa2048.pkcs8 -passout pass:x -out encrypted.pkcs1
        openssl ec -aes128 -in p256.pkcs8 -passout pass:x -out encrypted.sec1
        chmod 644 ./*.pem
    ) >openssl.log 2>&1 || { cat openssl.log >&2; return 1; }
}

# signed NAME SIGNER KEY [OPTION...]: NAME.pem, for alice.
signed() {
    openssl req -new -key "$3.pkcs8" -subj /CN=alice -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$CERTS/$2.pem" -CAkey "$CERTS/$2.key" -days 3000 \
        -CAserial "$OWN/serial" -CAcreateserial -extfile extension -out "$1.pem" "${@:4}"
}

setup() {
    setup_case
    T=$BATS_TEST_TMPDIR
}
teardown() { teardown_case; }

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# refused STATUS WORD...: the status, and one line with all of the words.
refused() {
    local word
    assert_status "$1"
    assert_one_line
    for word in "${@:2}"; do assert_output_has "$word"; done
}

# sent: without a word.
sent() {
    assert_status 0
    assert_silent
}

# nothing_sent [NAME]: that peer saw no log-in, no envelope and no content.
nothing_sent() {
    refute_in <(peer_log "$@") '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT|s3cret|AGFsaWNl|Hello, Bob)'
}

# pin CERT: that of its key, without sha256: in front.
pin() {
    openssl x509 -in "$CERTS/$1.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | base64
}

# server CERT: one that shows this certificate on each port, PORT_starttls and PORT_implicit, and
# takes a log-in and a message on every connection.
server() {
    peer -n starttls --cert "${1:-good}" \
        <<< $'=== every connection\n@starttls\nTLS may fail\n@ehlo\n@login\n@send'
    peer -n implicit --cert "${1:-good}" \
        <<< $'=== every connection\nTLS may fail\nLOCKSTEP\n@greet\n@ehlo\n@login\n@send'
}

# taken, not_taken STATUS WORDS [KEY=VALUE...] (taken: pairs only): what becomes of the message on
# both ports.
taken() {
    local kind port
    for kind in starttls implicit; do
        port=PORT_$kind
        rm -f "$T/log"
        profile host="localhost:${!port}" tls=$kind "$@"
        send
        sent
        peer_log $kind | assert_in - '< AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGljZQ=='
    done
}
not_taken() {
    local kind port
    for kind in starttls implicit; do
        port=PORT_$kind
        profile host="localhost:${!port}" tls=$kind "${@:3}"
        send
        refused "$1" "$2"
        peer_stop $kind
        nothing_sent "$kind"
    done
}

# --- tls_pin ------------------------------------------------------------------------------
# Goal: the server's key is one of those that are named, and the chain is verified besides.

@test "the right pin is taken, with and without its padding" {
    local right
    right=$(pin good)
    server
    taken "tls_pin=sha256:$right"
    taken "tls_pin=sha256:${right%=}"
}

@test "a pin of an RSA key is taken" {
    server good-rsa
    taken "tls_pin=sha256:$(pin good-rsa)"
}

@test "a wrong pin is 76, and the server's is told" {
    server
    not_taken 76 "sha256:$(pin good)" "tls_pin=sha256:$(pin good-rsa)"
}

@test "the pin of the CA, or of an intermediate, isn't the server's" {
    server
    not_taken 76 tls_pin "tls_pin=sha256:$(pin ca)"
    server chained
    not_taken 76 "sha256:$(pin chained)" "tls_pin=sha256:$(pin intermediate)"
}

@test "of several pins one is enough, on one line or on several" {
    # Without padding: an equals sign would make lib.bash's profile take an indented line for a key.
    local right wrong other
    right=$(pin good | tr -d =) wrong=$(pin good-rsa | tr -d =) other=$(pin ca | tr -d =)
    server
    taken "tls_pin=sha256:$wrong sha256:$right"
    taken "tls_pin=sha256:$wrong,sha256:$other, sha256:$right"
    taken "tls_pin=sha256:$wrong" "  sha256:$other sha256:$wrong" "	sha256:$right"
    taken "tls_pin=sha256:$right" "  sha256:$other"
    server
    not_taken 76 "sha256:$right" "tls_pin=sha256:$wrong" "  sha256:$other,sha256:$wrong"
}

@test "what -v shows is what tls_pin takes" {
    local shown
    server
    profile host="localhost:$PORT_implicit" tls=implicit
    send -v
    assert_status 0
    shown=$(sed -n 's/^.*\(tls_pin = sha256:.*\)$/\1/p' <<<"$stderr")
    [ "$shown" = "tls_pin = sha256:$(pin good)" ] || { show_run; fail "not shown: $(pin good)"; }
    taken "tls_pin=${shown#* = }"
}

@test "a malformed pin is 78, with its line" {
    local right one
    right=$(pin good)
    for one in "$right" "sha1:$right" "SHA256:$right" "sha256:${right:0:40}" "sha256:${right}AAAA" \
        "sha256: $right" "sha256/$right" "sha256:$(tr 0-9A-Z '!' <<<"$right")" sha256: \
        "sha256:$(printf x | sha256sum | cut -d' ' -f1)" "sha256:$right;sha256:$right" \
        "pin-sha256=\"$right\""; do
        profile tls=implicit "tls_pin=$one"
        send
        refused 78 tls_pin "$MAILCHUTE_CONFIG:"
    done
    profile tls=implicit "tls_pin=sha256:$right" '  sha256:short'
    send
    refused 78 tls_pin "$MAILCHUTE_CONFIG:$(grep -n short "$MAILCHUTE_CONFIG" | cut -d: -f1): "
}

@test "the right pin doesn't excuse the chain, the name or the date" {
    local cert
    for cert in unknown selfsigned wrongname expired; do
        server $cert
        not_taken 76 localhost "tls_pin=sha256:$(pin $cert)"
    done
}

# --- tls_trust = pin ----------------------------------------------------------------------
# Goal: the key alone proves who the server is, and that is enough for a log-in.

@test "tls_trust = pin: any certificate with the right key is taken, and logged in to" {
    local cert
    for cert in selfsigned expired future wrongname unknown nosan sha1 good-rsa; do
        server $cert
        taken tls_trust=pin "tls_pin=sha256:$(pin $cert)"
        assert_in "$T/log" ' tls=TLSv1\.2/[^ ]* '
        refute_in "$T/log" unverified
    done
}

@test "tls_trust = pin: another key is 76, whatever the certificate" {
    local cert
    for cert in good selfsigned; do
        server $cert
        not_taken 76 "sha256:$(pin $cert)" tls_trust=pin "tls_pin=sha256:$(pin good-rsa)"
    done
}

@test "tls_trust = pin: a server that has the certificate but not its key is 76" {
    local kind right
    # wrong-key.hello is such a server's answer to our greeting; its pin is told at the first try.
    for kind in starttls implicit; do
        peer --certs "$CERTS/table" --cert wrong-key < <(
            echo '=== every connection'
            [ $kind = implicit ] || echo @starttls
            echo 'TLS must fail')
        profile tls=$kind tls_trust=pin "tls_pin=sha256:$(pin good)"
        send
        refused 76 'sha256:'
        right=$(grep -o 'sha256:[A-Za-z0-9+/]*' <<<"$stderr")
        profile tls=$kind tls_trust=pin "tls_pin=$right"
        send
        refused 76 signature
        peer_stop
        nothing_sent
    done
}

@test "tls_trust = pin without a tls_pin is 78" {
    server
    not_taken 78 tls_pin tls_trust=pin
}

# --- tls_verify = no ----------------------------------------------------------------------
# Goal: whoever answers is believed, each line of the log says so, and nobody logs in by mistake.

@test "tls_verify = no: any certificate is taken, and the log says it wasn't verified" {
    local cert
    for cert in good selfsigned expired wrongname unknown nosan; do
        server $cert
        taken tls_verify=no auth_insecure=yes
        assert_in "$T/log" ' tls=TLSv1\.2/[^ ]*/unverified '
    done
}

@test "tls_verify = no: without a log-in nothing else is needed" {
    peer --cert selfsigned <<< $'@465\n@send'
    profile tls=implicit tls_verify=no user= password=
    send -v
    assert_status 0
    peer_done
    assert_output_has 'not verified'
    assert_in "$T/log" ' tls=TLSv1\.2/[^ ]*/unverified '
}

@test "tls_verify = no: a log-in without auth_insecure is 78, before a packet goes" {
    server
    not_taken 78 auth_insecure tls_verify=no
    refute_in <(peer_log implicit) ' CONNECT$'
}

@test "tls_verify = no with a tls_pin is 78: it would mean nothing" {
    server
    not_taken 78 tls_pin tls_verify=no auth_insecure=yes "tls_pin=sha256:$(pin good)"
}

@test "tls_verify = yes leaves no such word in the log" {
    server
    taken tls_verify=yes
    refute_in "$T/log" unverified
}

# --- tls = opportunistic --------------------------------------------------------------------
# Goal: TLS where it is offered, and then in earnest; in clear only where it isn't.

# maybe: sends without a log-in.
maybe() {
    profile tls=opportunistic user= password=
    send
}

@test "opportunistic: STARTTLS on offer is taken, and verified" {
    peer <<< $'@587\n@send'
    maybe
    sent
    peer_done
    assert_in "$T/log" ' tls=TLSv1\.2/[^ ]* '
    refute_in "$T/log" unverified
}

@test "opportunistic: a bad certificate is 76, and nothing goes in clear" {
    local cert
    for cert in unknown selfsigned wrongname expired; do
        peer --cert $cert <<< $'=== every connection\n@starttls\nTLS may fail\nDRAIN'
        maybe
        refused 76 certificate
        peer_stop
        nothing_sent
        [ "$(peer_log | grep -c ' CONNECT$')" = 1 ]
    done
}

@test "opportunistic: not on offer, all goes in clear, and the log says so" {
    peer <<< $'@greet\nLOCKSTEP\n@ehlo\n@send'
    maybe
    sent
    peer_done
    arrived | assert_in - '^Subject: a test$'
    assert_in "$T/log" ' tls=none '
}

@test "opportunistic: offered and refused is an error, and nothing is sent" {
    local answer
    for answer in '454 4.7.0 not now:69' '501 5.5.4 no:76' '554 5.7.0 no:76' '250 2.0.0 ok:76'; do
        peer <<< "=== every connection
@greet
C: EHLO *
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S: ${answer%:*}
DRAIN"
        maybe
        refused "${answer#*:}" "${answer%:*}"
        peer_stop
        nothing_sent
    done
}

@test "opportunistic: a handshake that is cut is temporary, and nothing is sent" {
    peer <<< $'=== every connection\n@starttls\nCUT'
    maybe
    refused 69 handshake
    peer_stop
    nothing_sent
}

@test "opportunistic: a log-in needs auth_insecure, 78" {
    peer <<< $'=== every connection\n@587\n@login\n@send'
    profile tls=opportunistic
    send
    refused 78 auth_insecure
    refute_in <(peer_log) ' CONNECT$'
    profile tls=opportunistic auth_insecure=yes
    send
    sent
}

# --- our own certificate ------------------------------------------------------------------
# Goal: RSA and EC keys in every form that PEM has prove to both ports who we are.

# asks [OPTION of TLS]: servers on both ports that take a message from whoever has shown a
# certificate by the tests' CA.
asks() {
    local tls="TLS may fail ${1:-demand=ca}"
    peer -n starttls <<<"=== every connection"$'\n@starttls\n'"$tls"$'\n@ehlo\n@send'
    peer -n implicit <<<"=== every connection"$'\n'"$tls"$'\nLOCKSTEP\n@greet\n@ehlo\n@send'
}

# shown [KEY=VALUE...]: with these keys it is.
shown() {
    local kind port
    for kind in starttls implicit; do
        port=PORT_$kind
        profile host="localhost:${!port}" tls="$kind" user= password= "$@"
        send
        sent
        peer_log $kind | grep 'CLIENT-CERT' | tail -n 1 | grep -q 'CLIENT-CERT alice$' ||
            fail "not shown" "$(peer_log $kind)"
    done
}

# unfit WORD... : [KEY=VALUE...]: 78 with these words, before a packet goes.
unfit() {
    local words=()
    while [ "$1" != : ]; do words+=("$1"); shift; done
    profile tls=implicit user= password= "${@:2}"
    send
    refused 78 "${words[@]}"
}

# pem LABEL BASE64: a block in PEM form.
pem() {
    printf -- '-----BEGIN %s-----\n%s\n-----END %s-----\n' "$1" "$2" "$1"
}

@test "keys of each kind, in each form, are shown" {
    local kind form
    asks
    for kind in rsa2048.pkcs8 rsa2048.pkcs1 rsa4096.pkcs8 rsa4096.pkcs1 \
        p256.pkcs8 p256.sec1 p256.params p384.pkcs8 p384.sec1 p384.params; do
        shown tls_cert="$OWN/${kind%.*}.pem" tls_key="$OWN/$kind"
    done
}

@test "a key may stand in the certificate's file, before or behind it" {
    local form
    asks
    umask 077
    for form in p256.sec1 p256.params rsa2048.pkcs8 rsa2048.pkcs1; do
        cat "$OWN/${form%.*}.pem" "$OWN/$form" >"$T/both.pem"
        shown tls_cert="$T/both.pem"
        cat "$OWN/$form" "$OWN/${form%.*}.pem" >"$T/both.pem"
        shown tls_cert="$T/both.pem"
    done
}

@test "text between the blocks, and CRLF, don't matter" {
    asks
    umask 077
    { openssl x509 -in "$OWN/p256.pem" -text; echo 'Bag Attributes: x'; cat "$OWN/p256.pkcs8"; } |
        sed 's/$/\r/' >"$T/both.pem"
    shown tls_cert="$T/both.pem"
}

@test "the certificates between ours and its root are shown, too" {
    asks
    shown tls_cert="$OWN/between.pem" tls_key="$OWN/p256.pkcs8"
}

@test "a server that doesn't ask for it, or only asks, gets the message all the same" {
    local kind port
    asks ask=ca
    shown tls_cert="$OWN/p256.pem" tls_key="$OWN/p256.pkcs8"
    server
    taken tls_cert="$OWN/p256.pem" tls_key="$OWN/p256.pkcs8" auth=PLAIN
    # Asked for, and we have none.
    asks ask=ca
    for kind in starttls implicit; do
        port=PORT_$kind
        profile host="localhost:${!port}" tls="$kind" user= password=
        send
        sent
        peer_log $kind | assert_in - 'CLIENT-CERT -$'
    done
}

# rejected KIND WORD... : [KEY=VALUE...]: the server doesn't take it: 76 or temporary, with words,
# and nothing was sent.
rejected() {
    local words=() kind=$1 port=PORT_$1
    shift
    while [ "$1" != : ]; do words+=("$1"); shift; done
    profile host="localhost:${!port}" tls="$kind" user= password= "${@:2}"
    send
    [[ $status = 76 || $status = 69 ]] || { show_run; fail "neither 76 nor 69"; }
    refused "$status" "${words[@]}"
    nothing_sent "$kind"
}

@test "a server that doesn't know our certificate's issuer is told so" {
    local kind
    asks
    for kind in starttls implicit; do
        rejected $kind certificate issuer : tls_cert="$OWN/foreign.pem" tls_key="$OWN/p256.pkcs8"
    done
}

@test "a server that finds our certificate out of date is told so" {
    local kind
    asks
    for kind in starttls implicit; do
        rejected $kind certificate : tls_cert="$OWN/old.pem" tls_key="$OWN/p256.pkcs8"
    done
}

@test "a server that wants a certificate, where we have none, is told so" {
    local kind
    asks
    for kind in starttls implicit; do
        rejected $kind tls_cert :
    done
}

@test "a key of another kind, or another key of that kind, is 78" {
    unfit private tls_cert : tls_cert="$OWN/p256.pem" tls_key="$OWN/rsa2048.pkcs8"
    unfit private tls_cert : tls_cert="$OWN/rsa2048.pem" tls_key="$OWN/p256.pkcs8"
    unfit private tls_cert : tls_cert="$OWN/p256.pem" tls_key="$OWN/another-p256.pkcs8"
    unfit private tls_cert : tls_cert="$OWN/p256.pem" tls_key="$OWN/p384.pkcs8"
    unfit private tls_cert : tls_cert="$OWN/rsa2048.pem" tls_key="$OWN/another-rsa.pkcs8"
    unfit private tls_cert : tls_cert="$OWN/rsa4096.pem" tls_key="$OWN/rsa2048.pkcs8"
}

@test "an encrypted key is 78, and called by that name" {
    unfit encrypted : tls_cert="$OWN/p256.pem" tls_key="$OWN/encrypted.pkcs8"
    unfit encrypted : tls_cert="$OWN/p256.pem" tls_key="$OWN/encrypted.sec1"
    unfit encrypted : tls_cert="$OWN/rsa2048.pem" tls_key="$OWN/encrypted.pkcs1"
}

@test "no key, or none that can be decoded, is 78" {
    umask 077
    cp "$OWN/p256.pem" "$T/cert"
    chmod 600 "$T/cert"
    unfit 'private key' tls_cert : tls_cert="$T/cert"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/cert"
    echo garbage >"$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    : >"$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    pem 'PRIVATE KEY' "$(head -c 90 /dev/zero | base64)" >"$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    sed 3d "$OWN/p256.pkcs8" >"$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    head -n 2 "$OWN/p256.pkcs8" >"$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    openssl genpkey -algorithm ED25519 -out "$T/key"
    unfit 'private key' tls_cert : tls_cert="$OWN/p256.pem" tls_key="$T/key"
}

# der NAME: writes NAME as a private key in DER, in PEM form: what an RSA key of so many numbers is, and
# what else is no key.
DER='import base64, sys
def tlv(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body
def seq(*parts): return tlv(48, *parts)
def num(size): return tlv(2, b"\x01" + bytes(size - 1))
def octets(*parts): return tlv(4, *parts)
zero = tlv(2, b"\x00")
keys = {"numbers-%d" % n: seq(zero, *[num(128)] * n) for n in range(8)}
keys.update({
    "uneven": seq(zero, num(256), num(3), num(256), num(2), num(254), num(2), num(254), num(2)),
    "nothing": b"", "no-sequence": zero, "empty": seq(), "no-version": seq(octets()),
    "version-alone": seq(zero), "boolean": seq(zero, tlv(1, b"\x01")),
    "no-key": seq(zero, seq()), "number-for-key": seq(zero, seq(), num(32)),
    "twice-wrapped": seq(zero, seq(), octets(seq(zero, seq(), octets(seq(num(1), octets(bytes(32))))))),
    "no-scalar": seq(num(1), octets()), "long-scalar": seq(num(1), octets(bytes(100))),
    "zero": seq(num(1), octets(bytes(32))),
    "zeros": seq(*[zero] * 9), "voids": seq(zero, *[tlv(2)] * 8),
    "large": seq(zero, octets(bytes(5000))),
})
text = base64.encodebytes(keys[sys.argv[1]]).decode()
print("-----BEGIN PRIVATE KEY-----\n%s-----END PRIVATE KEY-----" % text)'
der() {
    "$PYTHON" -c "$DER" "$1"
}

@test "a key that is damaged, wherever that is, is 78" {
    local name
    umask 077
    for name in numbers-{0..7} nothing no-sequence empty no-version version-alone boolean no-key \
        number-for-key twice-wrapped no-scalar long-scalar large; do
        der "$name" >"$T/key"
        unfit 'no private key for tls_cert' : tls_cert="$OWN/rsa2048.pem" tls_key="$T/key"
        unfit 'no private key for tls_cert' : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    done
    # In their form these are keys.
    der uneven >"$T/key"
    unfit "doesn't belong" : tls_cert="$OWN/rsa2048.pem" tls_key="$T/key"
    for name in zeros voids; do
        der "$name" >"$T/key"
        unfit tls_cert : tls_cert="$OWN/rsa2048.pem" tls_key="$T/key"
    done
    der zero >"$T/key"
    unfit "doesn't belong" : tls_cert="$OWN/p256.pem" tls_key="$T/key"
}

@test "what isn't base64 is an encrypted key only where it is a key, and is one whatever follows" {
    local label
    umask 077
    for label in KEY 'X509 CERTIFICATE' 'SOME PUBLIC KEY'; do
        pem "$label" 'Proc-Type: 4,ENCRYPTED' >"$T/key"
        unfit 'no private key for tls_cert' : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    done
    cat "$OWN/encrypted.sec1" "$OWN/p256.pem" >"$T/key"
    unfit encrypted : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    cat "$OWN/encrypted.pkcs8" "$OWN/p256.pem" >"$T/key"
    unfit encrypted : tls_cert="$OWN/p256.pem" tls_key="$T/key"
}

@test "a certificate with a key of a kind that we can't use is 78" {
    umask 077
    openssl req -x509 -newkey ed25519 -nodes -keyout "$T/ed.key" -subj /CN=alice -out "$T/cert" 2>"$T/log"
    unfit "doesn't belong" : tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
}

@test "no certificate, none that can be decoded, or too many are 78" {
    echo garbage >"$T/cert"
    unfit tls_cert certificate : tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
    : >"$T/cert"
    unfit tls_cert certificate : tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
    unfit tls_cert certificate : tls_cert="$OWN/p384.sec1" tls_key="$OWN/p256.pkcs8"
    pem CERTIFICATE "$(head -c 300 /dev/zero | base64)" >"$T/cert"
    unfit tls_cert : tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
    for _ in {1..9}; do cat "$OWN/p256.pem"; done >"$T/cert"
    unfit tls_cert 8 : tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
    unfit "$T/none" : tls_cert="$T/none" tls_key="$OWN/p256.pkcs8"
    unfit "$T/none" : tls_cert="$OWN/p256.pem" tls_key="$T/none"
    unfit tls_cert : tls_key="$OWN/p256.pkcs8"
    mkdir "$T/folder"
    unfit "$T/folder" : tls_cert="$T/folder" tls_key="$OWN/p256.pkcs8"
    mkfifo "$T/pipe"
    profile tls=implicit user= password= tls_cert="$T/pipe" tls_key="$OWN/p256.pkcs8"
    run --separate-stderr timeout 5 "$BIN/sendmail" bob@mail.test < <(message)
    refused 78 tls_cert
}

@test "eight certificates are shown" {
    asks
    { cat "$OWN/between.pem"; for _ in {1..6}; do cat "$CERTS/other-ca.pem"; done; } >"$T/cert"
    shown tls_cert="$T/cert" tls_key="$OWN/p256.pkcs8"
}

@test "a key that others can read is 78, in a file of its own and in the certificate's" {
    cp "$OWN/p256.pkcs8" "$T/key"
    chmod 644 "$T/key"
    unfit tls_key "chmod o-rwx $T/key" : tls_cert="$OWN/p256.pem" tls_key="$T/key"
    cat "$OWN/p256.pem" "$OWN/p256.pkcs8" >"$T/both"
    chmod 644 "$T/both"
    unfit tls_cert "chmod o-rwx $T/both" : tls_cert="$T/both"
}
