# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Every key of the profile: a good value takes effect, a bad one is 78 with file and line.
# The lists here are the tests' own. Which file is read, and how, is told in 10-profile.bats.

bats_require_minimum_version 1.5.0
load lib
load cage

setup() {
    setup_case
    ln -sf "$MC" "$BIN/mailchute"
}
teardown() { teardown_case; }

# send [ARGUMENT...]: a message to bob, or as the arguments say.
send() {
    [ $# -gt 0 ] || set -- bob@mail.test
    run --separate-stderr "$BIN/sendmail" -i "$@" < <(message)
}

# section KEY=VALUE...: a bare profile with these lines, from line 3 on.
section() {
    (umask 077; printf '[default]\nhost = localhost\n' >"$MAILCHUTE_CONFIG"
        printf '%s\n' "$@" >>"$MAILCHUTE_CONFIG")
}

# shows LINE: show ends with 0 and prints it.
shows() {
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    grep -qxF -e "$1" <<<"$output" || { show_run; fail "not shown: $1"; }
}

# bad KEY VALUE...: each value is refused by both faces with the file, the line and the key.
bad() {
    local key=$1 value
    shift
    for value; do
        if [ "$key" = host ]; then
            (umask 077; printf '[default]\n\nhost = %s\n' "$value" >"$MAILCHUTE_CONFIG")
        else
            section "$key = $value"
        fi
        run --separate-stderr "$BIN/mailchute" show
        assert_status 78
        [[ $stderr == "$MAILCHUTE_CONFIG:3: $key: "?* ]] || { show_run; fail "not line 3 and $key: $value"; }
        send
        assert_status 78
        assert_one_line
        assert_output_has "$MAILCHUTE_CONFIG:3: $key: "
    done
}

# elapsed MAX: the seconds since $SECONDS was set to 0 are at most MAX.
elapsed() {
    [ "$SECONDS" -le "$1" ] || fail "it took $SECONDS s, not $1 at most"
}

# --- all of them -----------------------------------------------------------------------

@test "each key is known, and nothing is shown that isn't on this list" {
    local -A good=(
        [host]=mail.test [port]=2525 [tls]=implicit [tls_trust]=/ca.pem [tls_name]=x.test
        [tls_pin]=sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= [tls_verify]=yes
        [tls_cert]=/cert.pem [tls_key]=/key.pem [oauth_token_file]=/token
        [auth]=PLAIN [auth_insecure]=yes [auth_pipelining]=yes [user]=alice [password]=x
        [secret_mode]=any [from]=a@x.test [allow_from_override]=no [selectable]=yes
        [user_profiles]=yes [domain]=x.test [helo]=y.test [recipients]=all [max_recipients]=7
        [connect_timeout]=11s [timeout]=12s [commit_timeout]=13s [deadline]=14s
        [retry_for]=15s [dead_letter]=/dead [sandbox]=no [tempfail_exit]=75 [log]=/log
        [from_header]=force [full_name]=x [sender_header]=yes [reply_to]=r@x.test
        [add_header]='X-A: b' [rewrite_headers]=yes [aliases_file]=/aliases [match]='*@x.test'
        [dsn_notify]=failure [dsn_return]=hdrs [dot_ends]=yes [max_hops]=9 [max_size]=12345
    )
    local key
    {
        echo '[default]'
        for key in "${!good[@]}"; do echo "$key = ${good[$key]}"; done
    } >"$MAILCHUTE_CONFIG"
    chmod 600 "$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
    for key in "${!good[@]}"; do
        case $key in
        password) assert_output_has 'password = ***' ;;
        host) assert_output_has 'host = mail.test:2525' ;;
        *) assert_output_has "$key = ${good[$key]}" ;;
        esac
    done
    while read -r key; do
        [[ -v good[$key] ]] || fail "a key that this test doesn't know: $key"
    done < <(sed -n '/^#/d; s/ = .*//p' <<<"$output")
    sed -i -e '/^password =/s/.*/password_file = \/secret/' \
        -e '/^oauth_token_file =/s/.*/oauth_token_command = \/bin\/token -x/' "$MAILCHUTE_CONFIG"
    shows 'password_file = /secret'
    shows 'oauth_token_command = /bin/token -x'
    sed -i '/^password_file =/s/.*/password_command = \/bin\/pass show/' "$MAILCHUTE_CONFIG"
    shows 'password_command = /bin/pass show'
}

# What the keys below do is told in the files about aliases, rewriting, sections and -bs.
@test "the keys of other files: a bad value is 78" {
    bad from_header keeps 'keep force'
    bad sender_header 1
    bad reply_to 'a b' 'a@@b'
    bad rewrite_headers 1
    bad aliases_file aliases ./aliases
    bad dsn_return some
    bad dot_ends 1
    bad max_hops 0 x -1
    bad max_size x -1 0
}

# --- where to, and how the line is secured -----------------------------------------------
# Goal: the message goes where the profile says and nowhere else, by TLS.

@test "host: the name is what is dialled and what the certificate must name" {
    peer <<< $'@587\n@login\n@send'
    profile
    send
    sent
    peer_log | assert_in - 'SNI localhost$'
}

@test "host: an address is dialled, and the certificate must name the address" {
    peer <<< $'@587\n@login\n@send'
    profile host="127.0.0.1:$PORT"
    send
    sent
}

@test "host: an IPv6 address in brackets has its port behind them" {
    section
    sed -i 's/^host = .*/host = [::1]:2525 ::1 [::1]/' "$MAILCHUTE_CONFIG"
    shows 'host = [::1]:2525 [::1]:587 [::1]:587'
}

@test "host: several are tried in order" {
    peer -n second <<< $'@587\n@login\n@send'
    peer -n third <<< $'@587\n@login\n@send'
    profile host="localhost:1 localhost:$PORT_second, localhost:$PORT_third"
    send
    assert_status 0
    peer_done second
    peer_log third | refute_in - CONNECT
}

@test "host: a bad value is 78" {
    bad host 'a b!c' 'mail.test:0' 'mail.test:65536' 'mail.test:x' 'mail.test:' '[::1' '[::g]' \
        '[mail.test]' 'user@mail.test' 'a/b' . .mail.test mail..test mail.test.. '[mail.test' 'mail]' , "$(printf 'h%s ' {1..17})"
}

@test "port: 587 is what is dialled unless it says so, 465 with tls = implicit" {
    section
    shows 'host = localhost:587'
    section 'tls = implicit'
    shows 'host = localhost:465'
    section 'port = 2525'
    shows 'host = localhost:2525'
}

@test "port: it is dialled, unless host has its own" {
    peer <<< $'@587\n@login\n@send'
    profile host=localhost port="$PORT"
    send
    sent
    peer <<< $'@587\n@login\n@send'
    profile host=localhost:"$PORT" port=1
    send
    sent
}

@test "port: 465 means TLS from the first byte, any other STARTTLS" {
    peer <<< $'@greet\nC: EHLO *\nS: 250 mail.test'
    profile
    send
    assert_status 76
    assert_output_has STARTTLS
    # 465 is dialled under another name of the machine, where nobody listens: its words tell.
    section 'port = 465' 'from = a@mail.test' 'log = off' 'connect_timeout = 1s'
    sed -i 's/^host = .*/host = 127.0.0.99/' "$MAILCHUTE_CONFIG"
    send
    assert_status 69
    assert_output_has 127.0.0.99
    assert_output_has 465
}

@test "port: a bad value is 78" {
    bad port 0 65536 -1 +25 smtp 25x 0x19 '2 5' 99999999999999999999
}

@test "tls: starttls asks for TLS after the greeting" {
    peer <<< $'@587\n@login\n@send'
    profile tls=starttls
    send
    sent
}

@test "tls: implicit begins with TLS" {
    peer <<< $'@465\n@login\n@send'
    profile tls=implicit
    send
    sent
}

@test "tls: off sends in clear, without a log-in" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-STARTTLS
S: 250 AUTH PLAIN
@send
END
    profile tls=off user= password=
    send
    sent
}

@test "tls: off with a user needs auth_insecure = yes, or no byte of AUTH is sent" {
    peer <<'END'
=== every connection
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH PLAIN LOGIN
C: AUTH *
S: 235 ok
@send
END
    profile tls=off
    send
    [[ $status = 78 || $status = 77 || $status = 76 ]] || { show_run; fail "it isn't refused"; }
    assert_output_has auth_insecure
    peer_stop
    peer_log | refute_in - AUTH
}

@test "tls: off and auth_insecure = yes logs in, in clear" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH PLAIN
@login
@send
END
    profile tls=off auth_insecure=yes
    send
    sent
}

@test "auth_insecure: it weakens nothing where TLS stands" {
    peer <<< $'@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN'
    profile auth_insecure=yes
    send
    assert_status 76
    peer_stop
    peer_log | refute_in - '< AUTH'
    peer <<< $'@starttls\nTLS must fail cert=wrongname'
    profile auth_insecure=yes
    send
    assert_status 76
}

@test "tls: a bad value is 78" {
    bad tls yes no ssl 'starttls implicit'
}

@test "tls_trust: a PEM file holds the roots" {
    peer <<< $'@587\n@login\n@send'
    profile tls_trust="$CERTS/ca.pem"
    send
    sent
    peer <<< $'@starttls\nTLS must fail'
    profile tls_trust="$CERTS/other-ca.pem"
    send
    assert_status 76
    peer_stop
    peer_log | refute_in - AUTH
}

# bats test_tags=cage
@test "tls_trust: system is the distribution's bundle, and the default" {
    setup_cage
    local trust
    for trust in system ''; do
        peer <<< $'@587\n@send'
        cage_profile "$SYSTEM" tls_trust="$trust"
        cp "$CERTS/ca.pem" "$CAGE/etc/ssl/certs/ca-certificates.crt"
        run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
        sent
        peer <<< $'@starttls\nTLS must fail'
        cage_profile "$SYSTEM" tls_trust="$trust"
        cp "$CERTS/other-ca.pem" "$CAGE/etc/ssl/certs/ca-certificates.crt"
        run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
        assert_status 76
    done
}

@test "tls_trust: a file that isn't there, or holds no certificate, is 78" {
    local path
    : >"$BATS_TEST_TMPDIR/empty.pem"
    for path in "$BATS_TEST_TMPDIR/none.pem" "$BATS_TEST_TMPDIR/empty.pem"; do
        peer <<< $'@starttls\nTLS must fail'
        profile tls_trust="$path"
        send
        assert_status 78
        assert_one_line
        assert_output_has "$path"
        peer_stop
        peer_log | refute_in - AUTH
    done
}

@test "tls_trust: a bad value is 78" {
    bad tls_trust ca.pem none ./system
}

@test "tls_name: it is what the certificate must name, and what the server is told" {
    peer <<< $'@587\n@login\n@send'
    profile host=127.0.0.1:"$PORT" tls_name=mail.test
    send
    sent
    peer_log | assert_in - 'SNI mail\.test$'
    peer <<< $'@starttls\nTLS must fail'
    profile tls_name=elsewhere.test
    send
    assert_status 76
    assert_output_has elsewhere.test
}

@test "tls_name: an address, with brackets or without, has to be in the certificate, and is no SNI" {
    local name
    for name in '[127.0.0.1]' 127.0.0.1; do
        peer <<< $'@587\n@login\n@send'
        profile tls_name="$name"
        send
        sent
        peer_log | assert_in - ' SNI -$'
        peer <<< $'@starttls\nTLS must fail'
        profile tls_name="${name/127/126}"
        send
        assert_status 76
        assert_output_has 'not for '
    done
}

@test "tls_name: a bad value is 78" {
    bad tls_name 'a b' 'a@b' 'x/y' . .mail.test mail..test '[mail.test' '[]' '[a_b]' 'mail]' '::g' a:1
    section 'tls_name = ::1'
    shows 'tls_name = ::1'
    section 'tls_name = mail_1.test.'
    shows 'tls_name = mail_1.test.'
}

# --- who logs in -------------------------------------------------------------------------
# Goal: a log-in as the profile says, and none where it says so.

@test "auth: auto takes PLAIN where it is offered, else LOGIN" {
    peer <<< $'@587\nC: AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGljZQ==\nS: 235 ok\n@send'
    profile auth=auto
    send
    sent
    peer <<'END'
@starttls
TLS
C: EHLO *
S: 250-mail.test
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: czNjcmV0LWFsaWNl
S: 235 ok
@send
END
    profile
    send
    sent
}

@test "auth: mechanisms are tried in the order that stands there" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 504 5.5.4 not today
C: AUTH PLAIN *
S: 235 ok
@send
END
    profile auth='LOGIN PLAIN'
    send
    sent
}

@test "auth: a mechanism that isn't named isn't used" {
    peer <<'END'
@starttls
TLS
C: EHLO *
S: 250-mail.test
S: 250 AUTH PLAIN
END
    profile auth=LOGIN
    send
    assert_status 77
    peer_stop
    peer_log | refute_in - '< AUTH'
}

@test "auth: off logs nobody in, though a user stands there" {
    peer <<< $'@587\n@send'
    profile auth=off
    send
    sent
    peer <<< $'@587\n@send'
    profile auth=off password=
    send
    sent
}

@test "auth: a bad value is 78" {
    bad auth yes NTLM 'auto PLAIN' 'PLAIN off' 'PLAIN,LOGIN'
}

@test "auth: a mechanism without a user is 78" {
    profile auth=PLAIN user= password=
    send
    assert_status 78
    assert_output_has user
}

@test "auth_insecure: a bad value is 78" {
    bad auth_insecure 1 on 'yes no' ''
}

@test "user and password: both go into the log-in as they are, UTF-8 too" {
    peer <<< "@587
C: AUTH PLAIN $(printf '\0al ice@mail.test\0pä ss"w\\ord' | base64 -w 0)
S: 235 ok
@send"
    profile user='al ice@mail.test' password='pä ss"w\ord'
    send
    sent
}

@test "user and password: without both there is no log-in" {
    peer <<< $'@587\n@send'
    profile user= password=
    send
    sent
}

@test "user and password: an empty one is 78" {
    bad user ''
    bad password ''
}

@test "password_file: its first line is the password" {
    (umask 077; echo s3cret-alice >"$BATS_TEST_TMPDIR/secret")
    peer <<< $'@587\nC: AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGljZQ==\nS: 235 ok\n@send'
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    send
    sent
}

@test "password_file: a bad value is 78" {
    # shellcheck disable=SC2088   # it is the profile's
    bad password_file ./x a/b '~/x' ''
}

@test "secret_mode: strict minds who can read a secret, any doesn't" {
    profile secret_mode=strict
    chmod 644 "$MAILCHUTE_CONFIG"
    send
    assert_status 78
    assert_output_has 'chmod o-rwx'
    peer <<< $'@587\n@login\n@send'
    profile secret_mode=any
    chmod 644 "$MAILCHUTE_CONFIG"
    send
    sent
}

@test "secret_mode: a bad value is 78" {
    bad secret_mode 0600 lax 'strict any'
}

# --- who it is from ------------------------------------------------------------------------
# Goal: a sender and a name that the server takes, whatever the machine is called.

# from_is ADDRESS [ARGUMENT...]: what MAIL carries.
from_is() {
    peer <<< $'@587\n@login\n@send'
    sed -i "s/^host = .*/host = localhost:$PORT/" "$MAILCHUTE_CONFIG"
    send "${@:2}" bob@mail.test
    sent
    peer_log | grep -qF "< MAIL FROM:<$1>" || fail "not from $1:" "$(peer_log | grep MAIL)"
}

@test "from: it is the sender where -f is absent" {
    profile from=shop@x.test
    from_is shop@x.test
    from_is other@y.test -f other@y.test
}

@test "from: its angle brackets and display name aren't part of it" {
    profile from='The Shop <shop@x.test>'
    from_is shop@x.test
}

@test "from: a bare name gets the domain" {
    profile from=shop domain=x.test
    from_is shop@x.test
}

@test "from: %u is the login, %h the host's name" {
    profile from='%u+%h@x.test' domain=x.test
    from_is "$(id -un)+$(uname -n)@x.test"
}

@test "from: without it the sender is login@domain" {
    profile from= domain=x.test
    from_is "$(id -un)@x.test"
}

# bats test_tags=cage
@test "from: %u is never root's for a user whom nobody knows" {
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" from='%u@x.test'
    USER=root LOGNAME=root run --separate-stderr in_cage stranger /bin/sendmail -i bob@mail.test < <(message)
    sent
    peer_log | assert_in - '< MAIL FROM:<uid-61099@x\.test>'
}

@test "from: a bad value is 78" {
    bad from 'a b' 'a@@b' '<>' 'a@b, c@d' '<a@b'
}

@test "allow_from_override: no makes -f count for nothing" {
    profile allow_from_override=no
    from_is alice@mail.test -f other@y.test
    from_is alice@mail.test -r other@y.test
    from_is alice@mail.test -f ''
    profile allow_from_override=yes
    from_is other@y.test -f other@y.test
    from_is '' -f ''
}

@test "allow_from_override: a bad value is 78" {
    bad allow_from_override 0 never
}

@test "selectable: yes lets --profile choose the section, no doesn't" {
    peer <<< $'@587\n@login\n@send'
    profile '[a]' 'selectable = yes' 'helo = a.test' '[b]' 'selectable = no' 'helo = b.test'
    send --profile=b bob@mail.test
    assert_status 78
    send --profile=a bob@mail.test
    sent
    peer_log | assert_in - 'EHLO a\.test'
}

@test "selectable and user_profiles: a bad value is 78" {
    bad selectable maybe 1
    bad user_profiles maybe 1
}

# bats test_tags=cage
@test "user_profiles: yes lets users have files of their own, no doesn't" {
    setup_cage
    cage_profile /own.ini
    cage_profile "$SYSTEM" user_profiles=no
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
    cage_profile "$SYSTEM" user_profiles=yes
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /own.ini
}

@test "domain: it stands behind bare names and in the Message-ID" {
    peer <<'END'
@587
@login
C: MAIL FROM:<shop@x.test>*
S: 250 ok
C: RCPT TO:<bob@x.test>
S: 250 ok
C: DATA
S: 354 go ahead
BODY
S: 250 ok
C*: QUIT
END
    profile from=shop domain=x.test
    send bob
    sent
    arrived | assert_in - '^Message-ID: <[^@ ]+@x\.test>$'
}

@test "domain: without it that of from stands there" {
    profile domain= from=shop@y.test
    peer <<< $'@587\n@login\n@send'
    sed -i "s/^host = .*/host = localhost:$PORT/" "$MAILCHUTE_CONFIG"
    send bob
    sent
    peer_log | assert_in - 'RCPT TO:<bob@y\.test>'
}

# bats test_tags=cage
@test "domain: without both it is /etc/mailname's" {
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" domain= from=
    echo name.test >"$CAGE/etc/mailname"
    run --separate-stderr in_cage alice /bin/sendmail -i bob < <(message)
    sent
    peer_log | assert_in - 'MAIL FROM:<alice@name\.test>'
    peer_log | assert_in - 'RCPT TO:<bob@name\.test>'
}

# bats test_tags=cage
@test "domain: without all three it is the host's name where that has a dot, else 78" {
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" domain= from=
    run --separate-stderr in_cage alice /bin/sendmail -i bob < <(message)
    # Either of the two, whatever this machine is called.
    if [[ $(uname -n) = *.* ]]; then
        sent
        peer_log | grep -F "MAIL FROM:<alice@$(uname -n)>"
    else
        assert_status 78
        assert_one_line
        assert_output_has domain
        peer_stop
        peer_log | refute_in - CONNECT
    fi
}

@test "domain: a bad value is 78" {
    bad domain 'a b' '@x.test' 'x/y' ''
}

@test "helo: it is what EHLO says" {
    peer <<< $'@587\n@login\n@send'
    profile helo=shop.x.test
    send
    sent
    [ "$(peer_log | grep -c '< EHLO shop\.x\.test$')" = 2 ] || fail "not both EHLOs:" "$(peer_log)"
}

@test "helo: without it EHLO has the host's name where it is a whole one, else the address" {
    local name
    name=$(uname -n)
    peer <<< $'@587\n@login\n@send'
    profile helo=
    send
    sent
    [[ $name = *.* ]] || name='[127.0.0.1]'
    peer_log | grep -qxF "1 < EHLO $name" || fail "not EHLO $name:" "$(peer_log)"
}

@test "helo: a bad value is 78" {
    bad helo 'a b' 'a;b' 'a@b' ''
}

# --- recipients ------------------------------------------------------------------------------
# Goal: one refused recipient doesn't cost the others their mail, unless the profile says so.

@test "recipients: any delivers to those who are taken" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: RCPT TO:<carol@mail.test>
S: 550 5.1.1 no carol here
C: DATA
S: 354 go ahead
BODY
S: 250 ok
C*: QUIT
END
    profile recipients=any
    send bob@mail.test carol@mail.test
    assert_status 67
    assert_one_line
    assert_output_has 'no carol here'
    peer_done
    arrived >/dev/null
}

@test "recipients: all delivers to nobody where one is refused" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: RCPT TO:<carol@mail.test>
S: 550 5.1.1 no carol here
DRAIN
END
    profile recipients=all
    send bob@mail.test carol@mail.test
    assert_status 67
    assert_one_line
    assert_output_has 'no carol here'
    peer_done
    peer_log | refute_in - '< DATA'
}

@test "recipients: all and more than max_recipients is 65, before dialling" {
    peer <<< $'@587\n@login\n@send'
    profile recipients=all max_recipients=2
    send a@mail.test b@mail.test c@mail.test
    assert_status 65
    assert_output_has max_recipients
    peer_stop
    peer_log | refute_in - CONNECT
}

@test "recipients: a bad value is 78" {
    bad recipients some 'any all'
}

@test "max_recipients: more are split over several transactions of one session" {
    peer <<'SCRIPT'
@587
@login
LOOP 2
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<*
S: 250 ok
C: DATA
S: 354 go ahead
BODY
S: 250 ok
END
C*: QUIT
SCRIPT
    profile max_recipients=1
    send a@mail.test b@mail.test
    sent
    cmp "$PEER/body.1" "$PEER/body.2"
}

@test "max_recipients: a bad value is 78" {
    bad max_recipients 0 -1 100001 many
}

# --- patience --------------------------------------------------------------------------------
# Goal: each of the times is the one that ends its own wait; all others are far longer.

@test "connect_timeout: a server that doesn't answer the call is given up" {
    # A full backlog: the kernel drops each further call without a word.
    "$PYTHON" -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
held = [socket.socket() for i in range(4)]
for c in held:
    c.setblocking(False); c.connect_ex(s.getsockname())
time.sleep(0.1)
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
import os; os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)' "$BATS_TEST_TMPDIR/port" 3>&- &
    started $!
    until [ -e "$BATS_TEST_TMPDIR/port" ]; do kill -0 $!; sleep 0.02; done
    profile host="127.0.0.1:$(<"$BATS_TEST_TMPDIR/port")" connect_timeout=1s
    SECONDS=0
    send
    elapsed 5
    assert_status 69
    assert_one_line
}

@test "timeout: a server that doesn't reply is given up" {
    peer <<< $'@greet\nC: EHLO *\nSTALL'
    profile timeout=1s
    SECONDS=0
    send
    elapsed 5
    assert_status 69
    assert_one_line
    assert_output_has EHLO
}

@test "timeout: it is counted for a whole reply, however slowly that drips" {
    peer <<< $'@greet\nC: EHLO *\nDRIP 300 250 mail.test and so on and so on'
    profile timeout=1s
    SECONDS=0
    send
    elapsed 5
    assert_status 69
}

@test "timeout: it doesn't end the wait for the answer to the content" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<*
S: 250 ok
C: DATA
S: 354 go ahead
BODY
SLEEP 2
S: 250 ok
C*: QUIT
END
    profile timeout=1s
    send
    sent
}

@test "commit_timeout: it does, and the outcome is unknown then" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<*
S: 250 ok
C: DATA
S: 354 go ahead
BODY
STALL
END
    profile commit_timeout=1s
    SECONDS=0
    send
    elapsed 5
    assert_status 69
    assert_one_line
    assert_output_has 'may have accepted'
}

@test "deadline: it ends a run that gets its replies in time" {
    peer <<< $'@greet\nC: EHLO *\nSTALL'
    profile deadline=1s
    SECONDS=0
    send
    elapsed 5
    assert_status 69
    assert_one_line
}

@test "deadline: it begins when stdin has ended" {
    peer <<< $'@587\n@login\n@send'
    profile deadline=1s
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message; sleep 2)
    sent
}

@test "times: s, m, h are understood, a bare number is seconds" {
    local key pair
    for key in connect_timeout timeout commit_timeout deadline; do
        for pair in 7s:7s 2m:120s 1h:3600s 90:90s; do
            section "$key = ${pair%:*}"
            shows "$key = ${pair#*:}"
        done
    done
}

@test "times: the defaults are 10s, 5m, 10m, 1h" {
    section
    shows 'connect_timeout = 10s'
    shows 'timeout = 300s'
    shows 'commit_timeout = 600s'
    shows 'deadline = 3600s'
}

@test "times: a bad value is 78" {
    local key
    for key in connect_timeout timeout commit_timeout deadline; do
        bad "$key" 0 0s -1 soon 10x 1.5s s '5 m' 99999999999h 1000000000
    done
}

@test "tempfail_exit: it is the status of what may be tried again" {
    profile tempfail_exit=75
    send
    assert_status 75
    profile
    send
    assert_status 69
}

@test "tempfail_exit: it isn't the status of what is refused for good" {
    peer <<< $'@587\n@login\nC: MAIL *\nS: 550 5.7.1 no\nDRAIN'
    profile tempfail_exit=75
    send
    assert_status 69
}

@test "tempfail_exit: a bad value is 78: 0 would be a lie" {
    bad tempfail_exit 0 256 -1 75x EX_TEMPFAIL
}

@test "auth: the small words have no capitals" {
    bad auth Auto OFF
}

@test "64 pins are taken, 65 are 78" {
    local -a pins
    local i
    for i in {1..32}; do
        pins+=($'\tsha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')
    done
    section tls_pin= "${pins[@]}"
    sed -i '3s/$/ sha256:47DEQpj8HBSa+\/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=/' "$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/mailchute" show
    assert_status 78
    assert_output_has 'tls_pin: the list is too long'
    section "tls_pin = sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" "${pins[@]:0:31}" \
        $'\tsha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    run --separate-stderr "$BIN/mailchute" show
    assert_status 0
}

# --- what goes together ----------------------------------------------------------------

@test "values that can't be, alone or together, are 78, and the line says which" {
    local words line
    local -a lines
    while IFS='|' read -r words line; do
        IFS='&' read -ra lines <<<"$line"
        section "from = a@x.test" "${lines[@]}"
        send
        assert_status 78
        assert_one_line
        [[ $stderr == *"$MAILCHUTE_CONFIG: [default]: $words"* ]] || { show_run; fail "not: $words"; }
    done <<'END'
add_header is a list|add_header = Bcc: x@y.test
add_header is a list|add_header = bCC: x@y.test
add_header is a list|add_header = Resent-Bcc: x@y.test
add_header is a list|add_header = X-Für: x
add_header is a list|add_header = X Y: x
add_header is a list|add_header = : x
add_header is a list|add_header = X-Y
reply_to is a whole address|reply_to = bob
reply_to is a whole address|reply_to = %u@y.test
helo can't be localhost|helo = localhost
helo can't be localhost|helo = LocalHost.LocalDomain
password, password_file and password_command exclude|user = a&password = b&password_file = /c&secret_mode = any
oauth_token_file and oauth_token_command exclude|user = a&oauth_token_file = /b&oauth_token_command = /c
a password stands there, but no user|password = b
a token stands there, but no user|oauth_token_file = /b
a token stands there, but no user|oauth_token_command = /b
user stands there, but no password|user = a
port = auto says by itself|port = auto&tls = implicit
port = auto says by itself|port = auto&tls = starttls
a tls_key stands there|tls_key = /k
END
}

@test "log: a file gets the line" {
    peer <<< $'@587\n@login\n@send'
    profile log="$BATS_TEST_TMPDIR/my.log"
    send
    sent
    assert_in "$BATS_TEST_TMPDIR/my.log" 'status=sent'
}

@test "log: a bad value is 78" {
    # shellcheck disable=SC2088   # it is the profile's
    bad log file ./x 'syslog stderr' yes '' '~/x'
}
