#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Log-ins at real servers, by each mechanism that they have: Postfix with Dovecot's auth server,
# Postfix with Cyrus SASL, and Exim with its own authenticators and Cyrus SASL's. Each says
# afterwards who has logged in, and how.

load lib

# starts_all: the three servers, at once; what failed to start is told by the tests of it.
setup_file() {
    local name
    export CERTS=${CERTS:-$ROOT/build/tests/certs} OWN=$BATS_FILE_TMPDIR
    "$ROOT/tests/certs/make" "$CERTS" 3>&-
    export DOVECOT CYRUS EXIM
    DOVECOT=$(postfix_place) CYRUS=$(postfix_place) EXIM=$(postfix_place)
    start DOVECOT "$ROOT/tests/servers/postfix" start "$DOVECOT" "$CERTS"
    start CYRUS "$ROOT/tests/servers/postfix" start --cyrus "$CYRUS" "$CERTS"
    start EXIM "$ROOT/tests/servers/exim" start "$EXIM" "$CERTS"
    (
        umask 077
        for name in alice@mail.test carol@mail.test; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
                -keyout "$OWN/$name.key" -out "$OWN/$name.csr"
            openssl x509 -req -in "$OWN/$name.csr" -CA "$CERTS/ca.pem" -CAkey "$CERTS/ca.key" \
                -CAserial "$OWN/serial" -CAcreateserial -days 3000 -out "$OWN/$name.pem"
        done
    ) >"$OWN/openssl" 2>&1 || { cat "$OWN/openssl" >&2; return 1; }
}

# start NAME COMMAND...
start() {
    local status=0
    "${@:2}" >"$OWN/$1" 2>&1 3>&- 4>&- || status=$?
    echo "$status" >"$OWN/$1.status"
}

teardown_file() {
    "$ROOT/tests/servers/postfix" stop "$DOVECOT" || true
    "$ROOT/tests/servers/postfix" stop "$CYRUS" || true
    "$ROOT/tests/servers/exim" stop "$EXIM" || true
    rm -rf "$DOVECOT" "$CYRUS" "$EXIM"
}

setup() { setup_case; }
teardown() { teardown_case; }

# at SERVER PORT [KEY=VALUE...]: the profile for a port (587, 465) of DOVECOT, CYRUS or EXIM. Sets
# DIR.
at() {
    local port tls=starttls
    case $(<"$OWN/$1.status") in
    0) ;;
    77)
        [ -z "${NO_SKIP:-}" ] || fail "$(<"$OWN/$1")" || return 1
        printf '# SKIPPED: %s: no %s here\n' "$BATS_TEST_DESCRIPTION" "$1" >&3
        skip "$(<"$OWN/$1")"
        ;;
    *) fail "$1 did not start:" "$(<"$OWN/$1")" || return 1 ;;
    esac
    DIR=${!1}
    port=$(sed -n "s/^$2 //p" "$DIR/ports")
    [ "$2" = 587 ] || tls=implicit
    profile host="localhost:$port" tls=$tls user=alice@mail.test "${@:3}"
}

# arrives [PATTERN]: the message with the mark is (or comes) there, and has this line.
arrives() {
    local i file
    for ((i = 0; i < 200; i++)); do
        file=$(grep -rlaF "Subject: $MARK" "$DIR/mail/new") && break
        sleep 0.05
    done
    [ -n "$file" ] || fail "nothing arrived" || return 1
    [ -z "${1-}" ] || assert_in "$file" "$1"
}

# logged SERVER MECHANISM: the server's log (Exim's mail) has alice logged in by it, for the message
# with the mark.
logged() {
    case $1 in
    EXIM) arrives "^X-Login: alice@mail\.test by $2\$" ;;
    *)
        arrives
        assert_in "$DIR/log" "sasl_method=$2, sasl_username=alice@mail\.test"
        ;;
    esac
}

# logs_in SERVER MECHANISM [KEY=VALUE...]: a message goes through, on both ports.
logs_in() {
    local port
    for port in 587 465; do
        MARK=mark-$BATS_TEST_NUMBER-$port-$RANDOM$RANDOM
        at "$1" $port auth="$2" "${@:3}"
        run --separate-stderr "$BIN/sendmail" bob@mail.test < <(
            printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: %s\n\nHi.\n' "$MARK")
        assert_status 0
        assert_silent
        logged "$1" "$2"
    done
}

# refused SERVER MECHANISM WORDS [KEY=VALUE...]: 77 with the server's words (a pattern), and nothing
# of the secret.
refused() {
    at "$1" 465 auth="$2" password=wr0ng-alice "${@:4}"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 77
    assert_one_line
    assert_in - "$3" <<<"$stderr"
    refute_output_has wr0ng
}

# --- Goal: Postfix with Dovecot's auth server.

OVERALL=': 535 5\.7\.8 Error: authentication failed'

@test "Postfix and Dovecot: PLAIN" {
    logs_in DOVECOT PLAIN
    refused DOVECOT PLAIN "$OVERALL"
}

@test "Postfix and Dovecot: LOGIN" {
    logs_in DOVECOT LOGIN
    refused DOVECOT LOGIN "$OVERALL"
}

@test "Postfix and Dovecot: CRAM-MD5" {
    logs_in DOVECOT CRAM-MD5
    refused DOVECOT CRAM-MD5 "$OVERALL"
}

@test "Postfix and Dovecot: SCRAM-SHA-1" {
    logs_in DOVECOT SCRAM-SHA-1
    refused DOVECOT SCRAM-SHA-1 "$OVERALL"
}

@test "Postfix and Dovecot: SCRAM-SHA-256" {
    logs_in DOVECOT SCRAM-SHA-256
    refused DOVECOT SCRAM-SHA-256 "$OVERALL"
}

# shows_token MECHANISM: the server's token is good, another one isn't, nor is it good for carol.
shows_token() {
    logs_in DOVECOT "$1" password= oauth_token_file="$DOVECOT/token"
    (umask 077 && sed -E 's/[.]([^.]*)$/.x\1/' "$DOVECOT/token" >"$BATS_TEST_TMPDIR/token")
    refused DOVECOT "$1" "invalid_token.*$OVERALL|401.*$OVERALL" password= \
        oauth_token_file="$BATS_TEST_TMPDIR/token"
    refused DOVECOT "$1" "$OVERALL" password= user=carol@mail.test \
        oauth_token_file="$DOVECOT/token"
}

@test "Postfix and Dovecot: OAUTHBEARER" {
    shows_token OAUTHBEARER
}

@test "Postfix and Dovecot: XOAUTH2" {
    shows_token XOAUTH2
}

@test "Postfix and Dovecot: auto takes PLAIN, OAUTHBEARER with a token" {
    logs_in_by_auto PLAIN
    logs_in_by_auto OAUTHBEARER oauth_token_file="$DOVECOT/token"
}

# logs_in_by_auto MECHANISM [KEY=VALUE...]: this is what auto comes to.
logs_in_by_auto() {
    MARK=mark-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    at DOVECOT 587 auth=auto "${@:2}"
    run --separate-stderr "$BIN/sendmail" -v bob@mail.test < <(
        printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: %s\n\nHi.\n' "$MARK")
    assert_status 0
    assert_in - "^C: AUTH $1( |\$)" <<<"$stderr"
    arrives
}

@test "Postfix and Dovecot: auto takes SCRAM-SHA-256 where the chain isn't verified" {
    logs_in_by_auto SCRAM-SHA-256 tls_trust= tls_verify=no auth_insecure=yes
}

# --- Goal: Postfix with Cyrus SASL.

@test "Postfix and Cyrus SASL: PLAIN" {
    logs_in CYRUS PLAIN
    refused CYRUS PLAIN "$OVERALL"
}

@test "Postfix and Cyrus SASL: LOGIN" {
    logs_in CYRUS LOGIN
    refused CYRUS LOGIN "$OVERALL"
}

@test "Postfix and Cyrus SASL: CRAM-MD5" {
    logs_in CYRUS CRAM-MD5
    refused CYRUS CRAM-MD5 "$OVERALL"
}

@test "Postfix and Cyrus SASL: SCRAM-SHA-1" {
    logs_in CYRUS SCRAM-SHA-1
    refused CYRUS SCRAM-SHA-1 "$OVERALL"
}

@test "Postfix and Cyrus SASL: SCRAM-SHA-256" {
    logs_in CYRUS SCRAM-SHA-256
    refused CYRUS SCRAM-SHA-256 "$OVERALL"
}

@test "Postfix and Cyrus SASL: an unknown user is 77, too" {
    local name
    for name in PLAIN CRAM-MD5 SCRAM-SHA-256; do
        refused CYRUS $name "$OVERALL" user=nobody@mail.test
    done
}

# --- Goal: Exim.

DATA=': 535 Incorrect authentication data'

@test "Exim: PLAIN" {
    logs_in EXIM PLAIN
    refused EXIM PLAIN "$DATA"
}

@test "Exim: LOGIN" {
    logs_in EXIM LOGIN
    refused EXIM LOGIN "$DATA"
}

@test "Exim: CRAM-MD5" {
    logs_in EXIM CRAM-MD5
    refused EXIM CRAM-MD5 "$DATA"
}

@test "Exim: SCRAM-SHA-1" {
    logs_in EXIM SCRAM-SHA-1
    refused EXIM SCRAM-SHA-1 "$DATA"
}

@test "Exim: SCRAM-SHA-256" {
    logs_in EXIM SCRAM-SHA-256
    refused EXIM SCRAM-SHA-256 "$DATA"
}

@test "Exim: EXTERNAL, by alice's certificate and not by carol's" {
    logs_in EXIM EXTERNAL password= tls_cert="$OWN/alice@mail.test.pem" \
        tls_key="$OWN/alice@mail.test.key"
    refused EXIM EXTERNAL "$DATA" password= tls_cert="$OWN/carol@mail.test.pem" \
        tls_key="$OWN/carol@mail.test.key"
}

@test "Exim: EXTERNAL without a user is who the certificate names" {
    logs_in EXIM EXTERNAL user= password= tls_cert="$OWN/alice@mail.test.pem" \
        tls_key="$OWN/alice@mail.test.key"
}

@test "Exim: auto takes EXTERNAL with a certificate, though there is a password" {
    MARK=mark-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    at EXIM 465 auth=auto tls_cert="$OWN/alice@mail.test.pem" tls_key="$OWN/alice@mail.test.key"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(
        printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: %s\n\nHi.\n' "$MARK")
    assert_status 0
    arrives '^X-Login: alice@mail\.test by EXTERNAL$'
}

@test "Exim: a password of UTF-8 isn't ours, and refused as such" {
    refused EXIM SCRAM-SHA-256 "$DATA" password='pässwörd'
}
