# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2120   # status and stderr are run's; the files use the rest
# Helpers for the tests of log-ins: profiles and scripts for each mechanism (the peer's half of
# them: peer/sasl.py). Loaded after lib.

# setup_logins: for setup_file: client certificates for alice in $OWN, ec and rsa; a server's signed
# with SHA-384 and one with SHA-512.
setup_logins() {
    export CERTS=${CERTS:-$ROOT/build/tests/certs} OWN=$BATS_FILE_TMPDIR
    local name extension=$OWN/extension by
    "$ROOT/tests/certs/make" "$CERTS" 3>&-
    by=(-CA "$CERTS/ca.pem" -CAkey "$CERTS/ca.key" -days 3000
        -CAserial "$OWN/serial" -CAcreateserial)
    cd "$OWN" || return 1
    (
        umask 077
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.key
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
        for name in ec rsa; do
            openssl req -new -key $name.key -subj /CN=alice -out $name.csr
            echo 'extendedKeyUsage = clientAuth' >"$extension"
            openssl x509 -req -in $name.csr "${by[@]}" -extfile "$extension" -out $name.pem
            cat $name.pem $name.key >$name-both.pem
        done
        for name in sha384 sha512; do
            cp ec.key $name.key
            openssl req -new -key $name.key -subj /CN=localhost -out $name.csr
            echo 'subjectAltName = DNS:localhost' >"$extension"
            openssl x509 -req -in $name.csr "${by[@]}" -$name -extfile "$extension" -out $name.pem
        done
    ) >openssl.log 2>&1 || { cat openssl.log >&2; return 1; }
}

# teardown_login: what failed, and all that teardown_case does.
teardown_login() {
    [ -n "${BATS_TEST_COMPLETED-}" ] || echo "the case was: ${WHAT:-the only one}"
    teardown_case
}

PASSWORDS='PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS'
NINE="$PASSWORDS EXTERNAL OAUTHBEARER XOAUTH2"

# offer PORT OFFER [OPTION of TLS]: what a server says until AUTH.
offer() {
    local tls="TLS${3:+ $3}"
    if [ "$1" = 465 ]; then
        printf '%s\n' "$tls" LOCKSTEP @greet
    else
        printf '%s\n' @starttls "$tls"
    fi
    printf '%s\n' 'C: EHLO *' 'S: 250-mail.test' "S: 250 AUTH $2"
}

# One peer plays many connections, of which each run of the client takes one: connection LINE...
# adds one to the script, on 465 and with all on offer but where OFFER and ASK say otherwise; play
# starts the peer. CASE counts the runs, WHAT is told where a test fails.
connection() {
    SCRIPT+="=== connection"$'\n'"$(offer 465 "${OFFER-$NINE}" "${ASK-ask=ca}")"$'\n'
    SCRIPT+="$(printf '%s\n' "$@")"$'\n'
}
play() {
    peer "$@" <<<"$SCRIPT"
    SCRIPT='' CASE=0
}

# secret FILE TEXT: writes it where only we can read it.
secret() {
    (umask 077 && printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/$1")
}

# coded TEXT: percent-coded, for SASL lines.
coded() {
    "$PYTHON" -c 'import sys, urllib.parse as u, os
print(u.quote_from_bytes(os.fsencode(sys.argv[1]), safe=""))' "$1"
}

# by MECHANISM [KEY=VALUE...]: the profile on 465 that has this mechanism only, and what it needs.
# The token is the password's text.
by() {
    local keys=()
    case $1 in
    EXTERNAL) keys=(password= tls_cert="$OWN/ec.pem" tls_key="$OWN/ec.key") ;;
    *OAUTH*)
        [ -e "$BATS_TEST_TMPDIR/token" ] || secret token s3cret-alice
        keys=(password= oauth_token_file="$BATS_TEST_TMPDIR/token")
        ;;
    esac
    profile tls=implicit auth="$1" "${keys[@]}" "${@:2}"
}

# all_secrets [KEY=VALUE...]: the profile that has everything.
all_secrets() {
    secret token s3cret-alice
    profile tls=implicit tls_cert="$OWN/ec-both.pem" oauth_token_file="$BATS_TEST_TMPDIR/token" "$@"
}

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    CASE=$((CASE + 1))
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# never PATTERN: no line that came matches.
never() {
    refute_in <(peer_log) "^[0-9]+ <-? .*$1"
}

# over: waits till the peer has seen the end of this run's connection.
over() {
    local turn
    for ((turn = 0; turn < 400; turn++)); do
        ! grep -qx "$CASE OVER" "$PEER/log" || return 0
        sleep 0.02
    done
    fail "connection $CASE isn't over"
}

# tried [MECHANISM...]: these are the AUTH commands of this run, in their order.
tried() {
    local names
    names=$(sed -nE "s/^$CASE < AUTH ([^ ]+).*/\1/p" "$PEER/log" | tr '\n' ' ')
    [ "$names" = "${*:+$* }" ] || fail "tried: $names" "not:   $*"
}

# takes MECHANISM USER PASSWORD [OPTION...]: a server that takes this log-in, and a message.
takes() {
    connection "SASL $*" @send
}

# taken: it did.
taken() {
    send
    assert_status 0
    assert_silent
    over
    refute_in "$PEER/log" MISMATCH
    arrived $CASE | assert_in - '^Subject: a test$'
}

# each_taken NAMES OPTIONS...: for every mechanism of NAMES and every word of OPTIONS, which are one
# run's, a server that takes alice's log-in with them, and a run of the client that does.
each_taken() {
    local name options
    for name in $1; do
        for options in "${@:2}"; do takes "$name" alice "s3cret-alice $options"; done
    done
    play
    for name in $1; do
        for options in "${@:2}"; do
            WHAT="$name $options"
            by "$name"
            taken
        done
    done
    peer_done
}
