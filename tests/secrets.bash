# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Helpers for the tests of secrets: servers to log in to, profiles that have the secret from
# somewhere, and what is to be seen of it: nothing. Loaded after lib; T is the test's folder.

# The password of all tests, and what it looks like in base64, wherever it stands in there.
SECRET=s3cret-alice
SEEN='s3cret-alice|czNjcmV0LWFsaWNl|MzY3JldC1hbGlj|zM2NyZXQtYWxpY'

# server: a server that takes a PLAIN log-in and one message on every connection.
server() {
    peer <<< $'=== every connection\n@465\n@login\n@send'
}

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# logged_in PASSWORD: it was sent, in silence, and this was the last password that came.
logged_in() {
    local came
    assert_status 0
    assert_silent
    came=$(peer_log | sed -n 's/^[0-9]* < AUTH PLAIN //p' | tail -n 1)
    [ "$came" = "$(printf '\0alice\0%s' "$1" | base64 -w 0)" ] ||
        fail "not the password $1 but: $(base64 -d <<<"$came" | tr '\0' ' ')"
}

# refused STATUS WORD...: the status and one line with all of the words, none of them a secret.
refused() {
    local word
    assert_status "$1"
    assert_one_line
    for word in "${@:2}"; do assert_output_has "$word"; done
    refute_in - "$SEEN" <<<"$stderr"
}

# nobody_called: no connection came in.
nobody_called() {
    refute_in <(peer_log) ' CONNECT$'
}

# program NAME: stdin becomes a program in $T/NAME.
program() {
    cat >"$T/$1.new"
    chmod 755 "$T/$1.new"
    mv "$T/$1.new" "$T/$1"
}

# by_command COMMAND [KEY=VALUE...]: the profile that asks this program for the password.
by_command() {
    profile tls=implicit password= password_command="$1" "${@:2}"
}

# secret FILE [MODE [TEXT]]: a file with the secret.
secret() {
    rm -rf "$1"
    (umask 077 && printf '%s\n' "${3:-$SECRET}" >"$1")
    chmod "${2:-600}" "$1"
}

# log_in MECHANISM [OPTIONS]: a server on PORT that plays this log-in (see peer/sasl.py), and takes a
# message; with options it doesn't get so far. CLEAR=1: without TLS.
log_in() {
    local offer=$'@greet\nLOCKSTEP'
    [ -n "${CLEAR-}" ] || offer=$'TLS\nLOCKSTEP\n@greet'
    peer <<<"$offer
C: EHLO *
S: 250-mail.test
S: 250 AUTH $1
SASL $1 alice $SECRET ${2-}
$([ $# -gt 1 ] && echo DRAIN || echo @send)"
}

# by SOURCE MECHANISM [KEY=VALUE...]: the profile that has the secret from there.
by() {
    local keys=() key=password
    [[ $2 != *OAUTH* ]] || key=oauth_token
    case $1 in
    profile) [ $key = password ] ;;
    environment) keys=('password=${WORD}') ;;
    file) secret "$T/secret"; keys=(password= "${key}_file=$T/secret") ;;
    command) secret "$T/secret"; keys=(password= "${key}_command=/bin/cat $T/secret") ;;
    esac
    profile tls=implicit auth="$2" "${keys[@]}" "${@:3}"
}
