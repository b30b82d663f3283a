# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # status, stderr, PORT_name are set by run and lib.bash
# Helpers for the tests of TLS: a certificate tried on both ports.  Loaded after lib.
#
#     setup_file() { setup_tls; }
#     teardown_file() { teardown_tls; }
#     setup() { setup_case; }
#     @test "..." {
#         accepted good
#         assert_in "$HEARD/starttls" ' SNI localhost$'
#         refused wrongname 'not for localhost' tls_name=mail.test
#         rows "$CERTS/table" <<'END'
#             good p256 p384
#             bad rsa1024 2048
#     END
#     }

# setup_tls: what a whole file shares: a peer on each port, which shows the certificate of the row
# and takes one message on every connection.  They look it up anew each time, so rows can't run
# side by side.
setup_tls() {
    export BATS_NO_PARALLELIZE_WITHIN_FILE=true
    setup_peers
    tls_peers
}

# teardown_tls: ends them, by pid.
teardown_tls() {
    local pid
    while read -r pid; do
        kill -KILL "$pid" 2>/dev/null || true
    done <"$BATS_FILE_TMPDIR/pids"
}

# tls_peers: starts the two; $BATS_FILE_TMPDIR/KIND holds port, log and pid.
tls_peers() {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR before=("${STARTED[@]}")
    local options=(--time 600 --certs "$BATS_FILE_TMPDIR" --cert shown)
    PEERS=$((PEERS + RANDOM))           # others of this file may have their directories already
    peer -n starttls "${options[@]}" \
        <<< $'=== every connection\n@starttls\nTLS may fail\n@ehlo\n@login\n@send' || return 1
    peer -n implicit "${options[@]}" <<< \
        $'=== every connection\nTLS may fail\nLOCKSTEP\n@greet\n@ehlo\n@login\n@send' || return 1
    # They outlive the test that starts them.
    disown "$PEER_PID_starttls" "$PEER_PID_implicit"
    STARTED=("${before[@]}")
    printf '%s\n' "$PEER_PID_starttls" "$PEER_PID_implicit" >>"$BATS_FILE_TMPDIR/pids"
    printf '%s\n' "$PORT_starttls" "$PEER_starttls/log" "$PEER_PID_starttls" \
        >"$BATS_FILE_TMPDIR/starttls"
    printf '%s\n' "$PORT_implicit" "$PEER_implicit/log" "$PEER_PID_implicit" \
        >"$BATS_FILE_TMPDIR/implicit"
}

# rows FOLDER [WORD...]: plays the rows on stdin, or the one that is given; see tls.py.
rows() {
    local kind pid
    HEARD=$BATS_TEST_TMPDIR/heard
    for kind in starttls implicit; do
        { read -r _ && read -r _ && read -r pid; } <"$BATS_FILE_TMPDIR/$kind"
        # One that a mismatch has ended.
        kill -0 "$pid" 2>/dev/null || tls_peers
    done
    profile
    "$PYTHON" "$ROOT/tests/tls.py" "$1" "$BATS_FILE_TMPDIR" "$BIN" "$MAILCHUTE_CONFIG" "$HEARD" \
        "${@:2}"
}

# accepted CERT... [KEY=VALUE...]: with this certificate the message goes out on both ports.
accepted() {
    rows "$CERTS" good "$@"
}

# refused CERT PATTERN... [KEY=VALUE...]: with this certificate the result is 76 on both ports, with
# words that match, and nothing was sent.
refused() {
    rows "$CERTS" bad "$@"
}

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# nothing_sent [NAME]: that peer saw no log-in, no envelope and no content, in no form.
nothing_sent() {
    refute_in <(peer_log "$@") '<-? .*(AUTH|MAIL|RCPT|DATA|BDAT|s3cret|AGFsaWNl|Hello, Bob)'
    refute_in <(peer_log "$@") ' BODY '
}
