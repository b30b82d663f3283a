# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The admin command (mailchute show, --version, --help), and that the sendmail face never
# takes one of its words for a reason not to send.

bats_require_minimum_version 1.5.0
load lib

setup() {
    setup_case
    ln -sf "$MC" "$BIN/mailchute"
}
teardown() { teardown_case; }

# --- show ------------------------------------------------------------------------------
# Goal: what is in force, as a file could hold it, without a secret.

@test "show prints the file, the section and each value in force" {
    profile port=2525 timeout=7s
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    [ -z "$stderr" ] || fail "stderr: $stderr"
    [ "${lines[0]}" = "# $MAILCHUTE_CONFIG" ]
    [ "${lines[1]}" = '[default]' ]
    local line
    for line in 'user = alice' 'from = alice@mail.test' 'domain = mail.test' 'helo = client.test' \
        'timeout = 7s' "tls_trust = $CERTS/ca.pem" 'tls = starttls'; do
        grep -qxF -e "$line" <<<"$output" || { show_run; fail "not shown: $line"; }
    done
}

@test "show prints the defaults, too" {
    (umask 077; printf '[default]\nhost = localhost\n' >"$MAILCHUTE_CONFIG")
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    local line
    for line in 'host = localhost:587' 'tls_verify = yes' 'auth = auto' 'auth_insecure = no' \
        'secret_mode = strict' 'allow_from_override = yes' 'selectable = no' \
        'user_profiles = no' 'recipients = any' 'max_recipients = 100' 'connect_timeout = 10s' \
        'timeout = 300s' 'commit_timeout = 600s' 'deadline = 3600s' 'tempfail_exit = 69' \
        'log = syslog'; do
        grep -qxF -e "$line" <<<"$output" || { show_run; fail "not shown: $line"; }
    done
}

@test "show never prints a password, not even its length" {
    profile password=s3cret-alice
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    refute_output_has s3cret
    refute_output_has "$(printf s3cret-alice | base64)"
    grep -qxF 'password = ***' <<<"$output" || { show_run; fail "not masked by three stars"; }
    profile password=x
    run --separate-stderr "$BIN/mailchute" show
    grep -qxF 'password = ***' <<<"$output" || { show_run; fail "not masked by three stars"; }
}

@test "show prints the name of a password_file, not what is in it" {
    (umask 077; echo s3cret-alice >"$BATS_TEST_TMPDIR/secret")
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    assert_output_has "password_file = $BATS_TEST_TMPDIR/secret"
    refute_output_has s3cret
}

@test "show masks a password that comes from the environment" {
    profile 'password=${SECRET}'
    SECRET=s3cret-env run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    refute_output_has s3cret
}

@test "what show prints is a profile that shows the same" {
    profile user= password= port=2525
    "$BIN/mailchute" show >"$BATS_TEST_TMPDIR/first"
    (umask 077; cat "$BATS_TEST_TMPDIR/first" >"$MAILCHUTE_CONFIG")
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    [ "$output" = "$(cat "$BATS_TEST_TMPDIR/first")" ] || { show_run; fail "not the same"; }
}

@test "show NAME prints a section with what it inherits" {
    profile '[other]' 'selectable = yes' 'helo = other.test'
    run --separate-stderr "$BIN/mailchute" show other
    assert_status 0
    [ "${lines[1]}" = '[other]' ]
    assert_output_has 'helo = other.test'
    assert_output_has 'domain = mail.test'
}

@test "show NAME of a section that isn't there is 78" {
    profile
    run --separate-stderr "$BIN/mailchute" show other
    assert_status 78
    [ -z "$output" ] || fail "something on stdout: $output"
    assert_output_has '[other]'
}

@test "show opens no connection and reads no stdin" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr timeout 10 "$BIN/mailchute" show < <(sleep 30 & echo $! >"$BATS_TEST_TMPDIR/pid")
    kill "$(<"$BATS_TEST_TMPDIR/pid")"
    assert_status 0
    peer_stop
    peer_log | refute_in - CONNECT
}

@test "show of a faulty profile is 78, prints nothing on stdout and each complaint on stderr" {
    profile port=0 timeout=soon
    run --separate-stderr "$BIN/mailchute" show
    assert_status 78
    [ -z "$output" ] || fail "something on stdout: $output"
    [ "$(wc -l <<<"$stderr")" = 2 ] || { show_run; fail "not two lines"; }
}

@test "show into a full device isn't 0" {

    profile
    run bash -c '"$1" show >/dev/full' - "$BIN/mailchute"
    [ "$status" != 0 ]
    run bash -c '"$1" --version >/dev/full' - "$BIN/mailchute"
    [ "$status" != 0 ]
}

# --- other words -------------------------------------------------------------------------

@test "mailchute --version and --help print to stdout and are 0" {
    local word
    for word in --version --help; do
        run --separate-stderr "$BIN/mailchute" "$word"
        assert_status 0
        [ -z "$stderr" ] || fail "stderr: $stderr"
        [[ $output == *mailchute* ]] || fail "stdout: $output"
    done
    run --separate-stderr "$BIN/mailchute" --version
    [[ $output =~ ^mailchute\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "no version: $output"
}

@test "a command that isn't there, or none, is 64 and named" {
    run --separate-stderr "$BIN/mailchute" frobnicate
    assert_status 64
    assert_one_line
    [ -z "$output" ] || fail "something on stdout: $output"
    run --separate-stderr "$BIN/mailchute"
    assert_status 64
    assert_one_line
    run --separate-stderr "$BIN/mailchute" SHOW
    assert_status 64
    profile
    run --separate-stderr "$BIN/mailchute" show default shop
    assert_status 64
    assert_one_line
    [ -z "$output" ] || fail "something on stdout: $output"
}

@test "a flag as first word means the sendmail face" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/mailchute" -t -i < <(message)
    assert_status 0
    assert_silent
    peer_done
}

@test "show is a recipient where the name is sendmail" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" show < <(message)
    assert_status 0
    peer_done
    peer_log | assert_in - 'RCPT TO:<show@mail\.test>'
}

@test "sendmail --version, --help and -d0.1 act where nothing is to be sent" {
    local word
    for word in --version --help -d0.1; do
        run --separate-stderr "$BIN/sendmail" "$word" </dev/null
        assert_status 0
        [[ $output == *mailchute* ]] || { show_run; fail "nothing on stdout"; }
    done
}

@test "with a recipient they don't: an injected flag must not turn sending into exit 0" {
    local word
    for word in --version --help -d0.1; do
        peer <<< $'@587\n@login\n@send'
        profile
        run --separate-stderr "$BIN/sendmail" -i "$word" bob@mail.test < <(message)
        assert_status 0
        [ -z "$output" ] || fail "something on stdout: $output"
        peer_done
        arrived >/dev/null
    done
}

@test "with -t they don't either, in any order" {
    local word
    for word in --version --help -d0.1; do
        peer <<< $'@587\n@login\n@send'
        profile
        run --separate-stderr "$BIN/sendmail" "$word" -t < <(message)
        assert_status 0
        [ -z "$output" ] || fail "something on stdout: $output"
        peer_done
    done
}

