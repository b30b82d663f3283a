#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The dialogue: what is said to a server in which order, and what is made of its answers.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# send [ARG...]: the standard message to bob, with further arguments in front.
send() {
    run --separate-stderr "$BIN/sendmail" "$@" bob@mail.test < <(message)
}

# took TEXT...: the peer's log has a line that came and is exactly this.
took() {
    peer_log | grep -qxF "1 < $*" || fail "did not come: $*" "$(peer_log)"
}

# never PATTERN: no line that came matches.
never() {
    refute_in <(peer_log) "^[0-9]+ <-? .*$1"
}

# repeat N LETTER
repeat() {
    printf "%*s" "$1" '' | tr ' ' "$2"
}

# --- Goal: a greeting in any form that RFC 5321 allows opens the session, and nothing is said
# --- before it.

@test "a greeting of several lines is a greeting" {
    peer <<'END'
S: 220-mail.test ESMTP
S: 220-No spam, please.
S: 220 ready
LOCKSTEP
@offer
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "a bare 220 is a greeting" {
    peer <<'END'
S: 220
LOCKSTEP
@offer
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "a greeting of any text is a greeting" {
    peer <<'END'
S: 220 grüß Gott, 554 EHLO 250-AUTH
LOCKSTEP
@offer
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "nothing is said before the greeting" {
    peer <<'END'
C-NONE 0.4
@587
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "a greeting that comes byte by byte is waited for" {
    peer <<'END'
DRIP 20 220 mail.test ready
@offer
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "a greeting with 250 is none" {
    peer <<'END'
S: 250 mail.test
DRAIN
END
    profile
    send
    assert_status 69
    assert_output_has "250 mail.test"
    peer_done
    never '(EHLO|STARTTLS|MAIL)'
}

# --- Goal: EHLO says who we are, is repeated under TLS, and only what it answered there counts.

@test "EHLO says what the helo key says, in clear and under TLS" {
    peer <<'END'
S: 220 x
C: EHLO out.shop.test
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S: 220 go
TLS
C: EHLO out.shop.test
S: 250-mail.test
S: 250 AUTH PLAIN
@login
@send
END
    profile helo=out.shop.test
    send
    assert_status 0
    peer_done
}

@test "without a helo key EHLO says a name with a dot or an address literal" {
    peer <<< $'@587\n@login\n@send'
    profile helo=
    send
    assert_status 0
    peer_done
    assert_in <(peer_log) '^1 < EHLO ([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|\[127\.0\.0\.1\])$'
}

@test "keywords are read in any case and order" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-size
S: 250-Help
S: 250-sTaRtTlS
S: 250 X-UNKNOWN grüße
C: STARTTLS
S: 220 go
TLS
C: EHLO *
S: 250-mail.test at your service
S: 250-aUtH login plain
S: 250-pipelining
S: 250 size
C: AUTH PLAIN *
S: 235 ok
C: MAIL FROM:<*> SIZE=*
C: RCPT TO:<*
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 ok
END
    profile
    send
    assert_status 0
    peer_done
}

@test "what EHLO offered in clear is not believed under TLS" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-STARTTLS
S: 250-AUTH PLAIN LOGIN
S: 250-PIPELINING
S: 250-8BITMIME
S: 250 SIZE 1000000
C: STARTTLS
S: 220 go
LOCKSTEP
TLS
C: EHLO *
S: 250 mail.test
C: MAIL FROM:<alice@mail.test>
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 ok
END
    profile user= password=
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message 'grün')
    assert_status 0
    peer_done
}

@test "AUTH offered in clear only is not offered" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-AUTH PLAIN LOGIN
S: 250 STARTTLS
C: STARTTLS
S: 220 go
TLS
C: EHLO *
S: 250 mail.test
DRAIN
END
    profile
    send
    assert_status 77
    assert_output_has "no AUTH"
    peer_done
    never '(AUTH|MAIL)'
}

@test "AUTH is never said in clear" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-STARTTLS
S: 250 AUTH PLAIN LOGIN
C: STARTTLS
S: 220 go
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "no HELO follows a refused EHLO" {
    peer <<'END'
@greet
C: EHLO *
S: 502 5.5.1 what is EHLO?
DRAIN
END
    profile
    send
    assert_status 76
    assert_output_has "502 5.5.1 what is EHLO?"
    peer_done
    never '(HELO|MAIL)'
}

@test "EHLO with one line and no keyword is enough where nobody logs in" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250
LOCKSTEP
@send
END
    profile tls=implicit user= password=
    send
    assert_status 0
    peer_done
}

# --- Goal: STARTTLS goes alone.

@test "STARTTLS is followed by nothing before its answer" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-PIPELINING
S: 250 STARTTLS
C: STARTTLS
C-NONE 0.4
S: 220 go
TLS
@ehlo
@login
@send
END
    profile
    send
    assert_status 0
    peer_done
}

# --- Goal: the log-in says the right bytes, takes 235 and nothing else for success, and shows
# --- the secret to nobody.

@test "AUTH PLAIN carries user and password in one line" {
    peer <<'END'
@587
C: AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGljZQ==
S: 235 ok
@send
END
    profile
    send
    assert_status 0
    peer_done
}

@test "user and password are sent as they stand, UTF-8 and signs too" {
    local word
    word=$(printf '\0%s\0%s' 'grün @shop' 'pä"s # %s\w' | base64 -w0)
    peer <<END
@587
C: AUTH PLAIN $word
S: 235 ok
@send
END
    profile user='grün @shop' password='pä"s # %s\w'
    send
    assert_status 0
    peer_done
}

@test "AUTH LOGIN answers two prompts" {
    peer <<'END'
TLS
LOCKSTEP
@greet
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
    profile tls=implicit
    send
    assert_status 0
    peer_done
}

@test "the words of LOGIN's prompts do not matter" {
    local first second
    for first in '334' '334 ' '334 VXNlciBOYW1lAA==' '334 what is your name?'; do
        for second in '334' '334 UGFzc3dvcmQA' '334-well' ; do
            peer <<END
TLS
LOCKSTEP
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: $first
C: YWxpY2U=
S: $second
$([[ $second != *-well ]] || echo 'S: 334 and now?')
C: czNjcmV0LWFsaWNl
S: 235 ok
@send
END
            profile tls=implicit
            send
            assert_status 0
            peer_done
        done
    done
}

@test "a line of AUTH PLAIN up to 510 octets goes at once, a longer one behind a 334" {
    local n file=$BATS_TEST_TMPDIR/secret script
    for n in 365 366; do
        (umask 077 && repeat "$n" x >"$file")
        script=$(printf '\0alice\0%s' "$(<"$file")" | base64 -w0)
        if [ "$n" = 365 ]; then
            script="C: AUTH PLAIN $script"
        else
            script=$'C: AUTH PLAIN\nS: 334 \nC: '$script
        fi
        peer <<END
@587
$script
S: 235 ok
@send
END
        profile password= password_file="$file"
        send
        assert_status 0
        peer_done
    done
}

@test "the 334 to AUTH PLAIN may have no, one or two blanks behind it" {
    local words file=$BATS_TEST_TMPDIR/secret
    (umask 077 && repeat 1500 x >"$file")
    for words in '334' '334 ' '334  '; do
        peer <<END
@587
C: AUTH PLAIN
S\\: $words\r\n
C: $(printf '\0alice\0%s' "$(<"$file")" | base64 -w0)
S: 235 ok
@send
END
        profile password= password_file="$file"
        send
        assert_status 0
        peer_done
    done
}

@test "a secret of 5,500 octets goes through PLAIN and LOGIN" {
    local file=$BATS_TEST_TMPDIR/secret
    (umask 077 && repeat 5500 x >"$file")
    peer <<END
@587
C: AUTH PLAIN
S: 334
C: $(printf '\0alice\0%s' "$(<"$file")" | base64 -w0)
S: 504 5.5.4 not this one after all
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: $(base64 -w0 "$file")
S: 235 ok
@send
END
    profile password= password_file="$file"
    send
    assert_status 0
    peer_done
}

@test "auth = LOGIN takes LOGIN though PLAIN is offered first" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: czNjcmV0LWFsaWNl
S: 235 ok
@send
END
    profile auth=LOGIN
    send
    assert_status 0
    peer_done
}

@test "of auth = LOGIN PLAIN the first that is offered is taken" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH CRAM-MD5 PLAIN
@login
@send
END
    profile tls=implicit auth='LOGIN PLAIN'
    send
    assert_status 0
    peer_done
}

@test "504 and 534 lead to the next mechanism" {
    local code
    for code in '504 5.5.4 not this one' '534 5.7.9 too weak'; do
        peer <<END
@587
C: AUTH PLAIN *
S: $code
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
        assert_status 0
        peer_done
    done
}

@test "534 to the last mechanism is 77 with its words" {
    peer <<'END'
@587
C: AUTH PLAIN *
S: 504 5.5.4 not this one
C: AUTH LOGIN
S: 534 5.7.9 use an app password
DRAIN
END
    profile
    send
    assert_status 77
    assert_output_has "534 5.7.9 use an app password"
    peer_done
    never MAIL
}

@test "535 is never followed by another mechanism" {
    peer <<'END'
@587
C: AUTH PLAIN *
S: 535 5.7.8 wrong password
DRAIN
=== every connection
@587
DRAIN
END
    profile
    send
    assert_status 77
    assert_one_line
    assert_output_has "535 5.7.8 wrong password"
    peer_done
    never '(AUTH LOGIN|MAIL)'
    refute_in <(peer_log) '^2 CONNECT'
}

@test "535 to LOGIN's password is 77" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: czNjcmV0LWFsaWNl
S: 535-5.7.8 wrong
S: 535 5.7.8 really
DRAIN
END
    profile auth=LOGIN
    send
    assert_status 77
    assert_in - '535 5\.7\.8 wrong (5\.7\.8 )?really' <<<"$stderr"
    peer_done
    never MAIL
}

@test "any 5yz to AUTH is 77" {
    local code
    for code in '501 5.5.2 no' '500 what' '538 5.7.11 more encryption' '550 blocked'; do
        peer <<END
@587
C: AUTH PLAIN *
S: $code
DRAIN
END
        profile
        send
        assert_status 77
        assert_output_has "$code"
        peer_done
        never '(AUTH LOGIN|MAIL)'
    done
}

@test "4yz to AUTH is temporary" {
    local code
    for code in '454 4.7.0 later' '450 4.7.1 slowly'; do
        peer <<END
@587
C: AUTH PLAIN *
S: $code
DRAIN
END
        profile tempfail_exit=75
        send
        assert_status 75
        assert_output_has "$code"
        peer_done
        never '(AUTH LOGIN|MAIL)'
    done
}

@test "no mechanism in common is 77 and names what is offered" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH CRAM-MD5 GSSAPI
DRAIN
END
    profile tls=implicit
    send
    assert_status 77
    assert_output_has "CRAM-MD5 GSSAPI"
    peer_done
    never '(AUTH|MAIL)'
}

@test "a user without AUTH on offer is 77, nothing is sent" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250 SIZE
DRAIN
END
    profile tls=implicit
    send
    assert_status 77
    peer_done
    never '(AUTH|MAIL)'
}

@test "auth = off and no user mean no AUTH" {
    local user
    for user in alice ''; do
        peer <<< $'@587\n@send'
        profile user=$user password=${user:+s3cret-alice} ${user:+auth=off}
        send
        assert_status 0
        peer_done
        never AUTH
    done
}

@test "success to AUTH is 235 alone" {
    local code
    for code in 250 200 220 334 354 235x 2355; do
        peer <<END
@587
C: AUTH PLAIN *
S: $code 2.0.0 ok
DRAIN
END
        profile timeout=2s
        send
        [ "$status" != 0 ] || fail "$code is taken for success"
        assert_status 69
        peer_done
        never MAIL
    done
}

@test "235 before LOGIN has asked for the password is no success" {
    local step
    for step in 0 1; do
        peer <<END
@587
C: AUTH LOGIN
$([ $step = 0 ] || printf 'S: 334 VXNlcm5hbWU6\nC: YWxpY2U=\n')
S: 235 ok
DRAIN
END
        profile auth=LOGIN
        send
        assert_status 69
        peer_done
        never '(MAIL|czNjcmV0)'
    done
}

@test "a third prompt of LOGIN ends the session" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: czNjcmV0LWFsaWNl
S: 334 QW5kIGFnYWluPw==
DRAIN
END
    profile auth=LOGIN
    send
    assert_status 69
    peer_done
    never MAIL
}

@test "AUTH, EHLO and MAIL never share a flight" {
    # The peer reads nothing before each answer, and takes none that came early.
    peer <<'END'
@greet
@offer
TLS
C: EHLO *
C-NONE 0.2
S: 250-PIPELINING
S: 250 AUTH PLAIN
C: AUTH PLAIN *
C-NONE 0.2
S: 235 ok
@send
END
    profile
    send
    assert_status 0
    peer_done
}

# --- Goal: -v shows the dialogue without a secret; no output of ours repeats one.

@test "-v shows both sides of the dialogue on stderr" {
    peer <<< $'@587\n@login\n@send'
    profile
    send -v
    assert_status 0
    [ -z "$output" ] || fail "on stdout: $output"
    peer_done
    assert_in - '^C: EHLO client\.test$' <<<"$stderr"
    assert_in - '^S: 250 AUTH PLAIN LOGIN$' <<<"$stderr"
    assert_in - '^\*: TLSv1\.2' <<<"$stderr"
    assert_in - '^C: MAIL FROM:<alice@mail\.test> SIZE=' <<<"$stderr"
    assert_in - '^C: RCPT TO:<bob@mail\.test>$' <<<"$stderr"
    assert_in - '^S: 250 2\.0\.0 Ok: queued as 4F1A$' <<<"$stderr"
}

@test "-v masks the secret of PLAIN" {
    peer <<< $'@587\n@login\n@send'
    profile
    send -v
    assert_status 0
    peer_done
    assert_in - '^C: AUTH PLAIN \*\*\*$' <<<"$stderr"
    refute_output_has AGFsaWNl
    refute_output_has s3cret
}

@test "-v masks the secret of LOGIN" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: YWxpY2U=
S: 334 UGFzc3dvcmQ6
C: czNjcmV0LWFsaWNl
S: 235 ok
@send
END
    profile auth=LOGIN
    send -v
    assert_status 0
    peer_done
    assert_in - '^C: \*\*\*$' <<<"$stderr"
    refute_output_has czNjcmV0
    refute_output_has s3cret
}

# echoes SCRIPT: the peer refuses with the words; neither stderr nor the log has the secret.
echoes() {
    peer <<< $'@587\n'"$1"$'\nDRAIN'
    profile "${@:2}"
    send -v
    [ "$status" != 0 ] || fail "a refused log-in is 0"
    peer_done
    refute_output_has s3cret-alice
    refute_output_has czNjcmV0LWFsaWNl
    refute_output_has AGFsaWNlAHMzY3JldC1hbGljZQ
    refute_in "$BATS_TEST_TMPDIR/log" 's3cret-alice|czNjcmV0LWFsaWNl|AGFsaWNlAHMzY3JldC1hbGljZQ'
    assert_output_has "***"
}

@test "the password in the server's words is masked" {
    echoes $'C: AUTH PLAIN *\nS: 535 alice/s3cret-alice is wrong'
}

@test "the password in the middle of a word, in any line, is masked" {
    echoes $'C: AUTH PLAIN *\nS: 535-no\nS: 535-xs3cret-alicex\nS: 535 s3cret-alice'
}

@test "the response of PLAIN in the server's words is masked" {
    echoes $'C: AUTH PLAIN *\nS: 535 AGFsaWNlAHMzY3JldC1hbGljZQ== is wrong'
}

@test "the response of PLAIN, cut off in the server's words, is masked" {
    echoes $'C: AUTH PLAIN *\nS: 535 what is AUTH PLAIN AGFsaWNlAHMzY3JldC1hbGlj'
    refute_output_has AGFsaWNlAHMzY3Jl
    echoes $'C: AUTH PLAIN *\nS: 535-what is AUTH PLAIN AGFsaWNlAHMzY3JldC1h...\nS: 535 no'
    refute_output_has AGFsaWNlAHMzY3Jl
}

@test "the password in base64, echoed after PLAIN, is masked" {
    echoes $'C: AUTH PLAIN *\nS: 535 czNjcmV0LWFsaWNl is wrong'
}

@test "the password in base64, echoed after LOGIN, is masked" {
    echoes $'C: AUTH LOGIN\nS: 334\nC: *\nS: 334\nC: *\nS: 535 czNjcmV0LWFsaWNl is wrong' auth=LOGIN
}

@test "the response of PLAIN, echoed when LOGIN has followed it, is masked" {
    echoes $'C: AUTH PLAIN *\nS: 504 no
C: AUTH LOGIN\nS: 334\nC: *\nS: 535 you said AGFsaWNlAHMzY3JldC1hbGljZQ== before'
}

@test "the password in base64 that is no multiple of three long is masked" {
    peer <<'END'
@587
C: AUTH LOGIN
S: 334
C: *
S: 334
C: *
S: 535 you said c2VjcmV0LWFsaWNlIQ==, or c2VjcmV0LWFsaWNlIQ
DRAIN
END
    profile auth=LOGIN password='secret-alice!'
    send -v
    assert_status 77
    peer_done
    refute_output_has c2VjcmV0LWFsaWNl
    refute_in "$BATS_TEST_TMPDIR/log" c2VjcmV0LWFsaWNl
}

@test "the password in the words of a later reply is masked" {
    echoes $'@login\nC: MAIL *\nS: 550 alice with s3cret-alice may not send'
}

@test "controls in the server's words reach neither terminal nor log" {
    peer <<'END'
@587
@login
C: MAIL *
S\: 550 5.7.1 \x1b[31mred\x07 \x7f\tend\x00.\r\n
DRAIN
END
    profile
    send -v
    assert_status 69
    peer_done
    assert_output_has "red"
    refute_in - $'[\001-\010\013-\037\177]' <<<"$stderr"
    refute_in "$BATS_TEST_TMPDIR/log" $'[\001-\010\013-\037\177]'
}

# --- Goal: MAIL has the parameters that were offered and are needed, and no other.

@test "SIZE is exact: what is sent, without doubled dots" {
    local size
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(message; printf '.\n..two\n.three\nno end')
    assert_status 0
    peer_done
    size=$(stat -c %s "$(peer_dir)/body.1")
    [ "$(stat -c %s "$(peer_dir)/body.1.raw")" -gt "$((size + 3))" ] || fail "no dot was doubled"
    took "MAIL FROM:<alice@mail.test> SIZE=$size"
}

@test "SIZE is not said where it is not offered" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH PLAIN
@login
C: MAIL FROM:<alice@mail.test>
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: DATA
S: 354
BODY
S: 250 ok
END
    profile tls=implicit
    send
    assert_status 0
    peer_done
}

@test "BODY=8BITMIME goes with an 8-bit body where it is offered" {
    peer <<'END'
@587
@login
C: MAIL FROM:<alice@mail.test> SIZE=* BODY=8BITMIME
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: DATA
S: 354
BODY
S: 250 ok
END
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message 'grün')
    assert_status 0
    peer_done
    assert_in "$(peer_dir)/body.1" '^grün'
}

@test "BODY is not said for a 7-bit message" {
    peer <<< $'@587\n@login\n@send'
    profile
    send
    assert_status 0
    peer_done
    never 'MAIL .*BODY'
}

@test "BODY is not said where 8BITMIME is not offered; the bytes go as they are" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250-SIZE
S: 250 AUTH PLAIN
@login
@send
END
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message 'grün')
    assert_status 0
    peer_done
    never 'MAIL .*BODY'
    assert_in "$(peer_dir)/body.1" '^grün'
}

@test "SMTPUTF8 is said for an address that needs it only" {
    local to
    for to in bob@mail.test büro@mail.test bob@büro.test; do
        peer <<< $'@587p\n@login\n@send'
        profile
        run --separate-stderr "$BIN/sendmail" "$to" < <(message)
        assert_status 0
        peer_done
        took "RCPT TO:<$(printf %s "$to" | sed 's/ü/\\xc3\\xbc/')>"
        if [ "$to" = bob@mail.test ]; then never 'MAIL .*SMTPUTF8'
        else assert_in <(peer_log) '^1 < MAIL .* SMTPUTF8$'; fi
    done
}

@test "an address that needs SMTPUTF8 where it is not offered is 65 and is named" {
    peer <<'END'
@587
@login
DRAIN
END
    profile
    run --separate-stderr "$BIN/sendmail" büro@mail.test < <(message)
    assert_status 65
    assert_one_line
    assert_output_has SMTPUTF8
    assert_output_has "büro@mail.test"
    peer_done
    never '(MAIL|RCPT)'
}

@test "the null sender is <>" {
    peer <<'END'
@587
@login
C: MAIL FROM:<> SIZE=*
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
C: DATA
S: 354
BODY
S: 250 ok
END
    profile
    send -f '<>'
    assert_status 0
    peer_done
}

@test "parameters that were not asked for are not said, whatever is offered" {
    peer <<'END'
TLS
@greet
C: EHLO *
S: 250-mail.test
S: 250-DSN
S: 250-SMTPUTF8
S: 250-8BITMIME
S: 250-REQUIRETLS
S: 250-DELIVERBY
S: 250-MT-PRIORITY
S: 250-CHUNKING
S: 250-BINARYMIME
S: 250 AUTH PLAIN
@login
C: MAIL FROM:<alice@mail.test>
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 ok
BDAT
S: 250 ok
END
    profile tls=implicit
    send
    assert_status 0
    peer_done
}

# --- Goal: RCPT for each recipient once, in order; in one flight where the server pipelines, step
# --- by step where it does not.

@test "step by step: no command before the answer to the one before" {
    peer <<'END'
TLS
LOCKSTEP
@greet
@ehlo
@login
C: MAIL *
C-NONE 0.2
S: 250 ok
C: RCPT TO:<a@mail.test>
C-NONE 0.2
S: 250 ok
C: RCPT TO:<b@mail.test>
C-NONE 0.2
S: 250 ok
C: DATA
C-NONE 0.2
S: 354
BODY
S: 250 ok
END
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" a@mail.test b@mail.test < <(message)
    assert_status 0
    peer_done
}

@test "pipelining: MAIL, RCPTs and DATA come before the first answer, the content does not" {
    peer <<'END'
@587p
@login
C: MAIL FROM:<alice@mail.test>*
C: RCPT TO:<c@mail.test>
C: RCPT TO:<a@mail.test>
C: RCPT TO:<b@mail.test>
C: DATA
C-NONE 0.3
S: 250 ok
S: 250 ok
S: 250 ok
S: 250 ok
C-NONE 0.2
S: 354 go
BODY
S: 250 ok
END
    profile
    run --separate-stderr "$BIN/sendmail" c@mail.test a@mail.test b@mail.test < <(message)
    assert_status 0
    peer_done
}


@test "2,000 recipients are pipelined without a deadlock" {
    local -a to
    peer <<'TEXT'
@587p
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 ok
LOOP 2000
C: RCPT TO:<*>
S: 250 2.1.5 this recipient is known here and will get the message that follows, be sure of that
END
C: DATA
S: 354 go
BODY
S: 250 ok
TEXT
    profile max_recipients=5000 timeout=20s
    mapfile -t to < <(seq -f 'a-rather-long-name-%g@mail.test' 2000)
    run --separate-stderr "$BIN/sendmail" "${to[@]}" < <(message)
    assert_status 0
    assert_silent
    peer_done
    [ "$(peer_log | grep -c '^1 < RCPT')" = 2000 ]
}

@test "a pipelined group may be answered in pieces, at any byte" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: DATA
S-: 25
FLUSH
SLEEP 0.05
S\: 0-a\r\n250 b\r
FLUSH
SLEEP 0.05
S\: \n250 ok\r\n35
FLUSH
SLEEP 0.05
S\: 4 go\r\n
BODY
S-: 2
FLUSH
SLEEP 0.05
S-: 50
FLUSH
SLEEP 0.05
S\: \r\n
END
    profile
    send
    assert_status 0
    peer_done
}

# --- Goal: the content follows 354 only, with doubled dots; success is any 2yz to its end.

@test "dots at the beginning of lines are doubled, and come back single" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test \
        < <(printf 'Subject: x\n\n.\n..\n.a\nb.\n\n.')
    assert_status 0
    peer_done
    [ "$(arrived | sed '1,/^$/d' | tr '\n' '|')" = '.|..|.a|b.||.|' ] ||
        fail "arrived: $(arrived)"
}

@test "a message without a body ends in one dot" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(printf 'Subject: x\n')
    assert_status 0
    peer_done
    arrived | assert_in - '^Subject: x$'
}

@test "354 may have several lines or no text" {
    local words
    for words in 'S: 354' $'S: 354-go\nS: 354 on'; do
        peer <<END
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
$words
BODY
S: 250
END
        profile
        send
        assert_status 0
        peer_done
    done
}

@test "2yz to DATA sends nothing and is no success" {
    local code
    for code in 250 220 334 355; do
        peer <<END
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: $code ok
DRAIN
END
        profile
        send
        assert_status 69
        assert_one_line
        peer_done
        never 'Hello, Bob'
    done
}

@test "the end of the message may be answered by several lines, and by any 2yz" {
    local words
    for words in $'S: 250-taken\nS: 250 id=1' 'S: 250' 'S: 200 fine' 'S: 299 fine'; do
        peer <<END
@587
@login
C: MAIL *
S: 250 ok
C: RCPT *
S: 251 forwarded
C: DATA
S: 354 go
BODY
$words
END
        profile
        send
        assert_status 0
        assert_silent
        peer_done
    done
}

@test "the final reply is in the log, all lines of it" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250 ok
C: RCPT *
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250-2.0.0 taken
S: 250 id=1a2b
END
    profile
    send
    assert_status 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" 'status=sent .*reply="250 2\.0\.0 taken id=1a2b"'
}

# --- Goal: QUIT is said, alone, after the final reply, and nothing that follows matters.

@test "QUIT follows the final reply and is not in the write of the final dot" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: DATA
S: 250
S: 250
S: 354
BODY
C-NONE 0.3
S: 250 ok
C: QUIT
DRAIN
END
    profile
    send
    assert_status 0
    peer_done
    assert_in <(peer_log) '^1 CLOSE_NOTIFY'
}

@test "the answer to QUIT is not waited for" {
    local began=${EPOCHREALTIME/./}
    peer <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: 354
BODY
S: 250 ok
STALL
END
    profile
    send
    assert_status 0
    assert_silent
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited"
    peer_done
}

@test "nothing that comes after the final reply undoes success" {
    local after
    for after in CUT CLOSE RESET $'S: 421 going down\nCUT' $'S: 554 no\nCLOSE' \
        $'C*: QUIT\nS: 500 what?'; do
        peer <<END
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: 354
BODY
S: 250 ok
$after
END
        profile
        send
        assert_status 0
        assert_silent
        peer_done
    done
}

# --- Goal: replies are bounded and well formed, and belong to a command; all else is a temporary
# --- failure, of the connection's.

# answers EXPECTED SCRIPT-LINES: what comes of these lines as the answer to MAIL.
answers() {
    peer <<< $'@587\n@login\nC: MAIL *\n'"$2"$'\nC*: RCPT *\nCUT'
    profile timeout=5s
    send
    assert_status 69
    assert_one_line
    peer_stop
    if [ "$1" = good ]; then
        assert_in <(peer_log) '^1 < RCPT'
    else
        never 'RCPT'
    fi
}

@test "a reply of 128 lines is taken, one of 129 is not" {
    answers good "$(printf 'LOOP 127\nS: 250-x\nEND\nS: 250 x')"
    answers bad "$(printf 'LOOP 128\nS: 250-x\nEND\nS: 250 x')"
}

@test "a reply line of 2,048 octets is taken, one of 2,060 is not" {
    # Both with their CRLF; what lies in between is nobody's promise.
    answers good "S: 250 $(repeat 2042 y)"
    answers bad "S: 250 $(repeat 2054 y)"
}

@test "a line without an end is given up, soon" {
    local began=${EPOCHREALTIME/./}
    peer <<TEXT
@587
@login
C: MAIL *
LOOP 100
S-: 250-$(repeat 1000 y)
END
DRAIN
TEXT
    profile
    send
    assert_status 69
    assert_one_line
    assert_output_has "too long"
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited"
    peer_stop
    never RCPT
}

@test "a reply of 60 KiB is taken, one of 70 KiB is not" {
    answers good "$(printf 'LOOP 59\nS: 250-%s\nEND\nS: 250 x' "$(repeat 1000 y)")"
    answers bad "$(printf 'LOOP 69\nS: 250-%s\nEND\nS: 250 x' "$(repeat 1030 y)")"
}

@test "lines of one reply with different codes are no reply" {
    answers bad $'S: 250-ok\nS: 251 ok'
    answers bad $'S: 550-no\nS: 250 ok'
    answers bad $'S: 250-ok\nS: 550 no'
}

@test "what is no reply is none" {
    local words
    for words in 'hello' '' '25' '2 50 ok' '250ok' '250_ok' '2x0 ok' ' 250 ok' '199 ok' '600 ok' \
        '150 wait' '000 ok' '+OK' '250:ok' '-250 ok' 'HTTP/1.1 400 Bad Request'; do
        answers bad "S: $words"
    done
}

@test "bare line feeds end reply lines, too" {
    peer <<'END'
@587
@login
C: MAIL *
S\: 250-x\n250 ok\n
C: RCPT *
S\: 250 ok\n
C: DATA
S\: 354 go\n
BODY
S\: 250 ok\n
END
    profile
    send
    assert_status 0
    peer_done
}

@test "a reply without text but with a hyphen goes on" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250-
S: 250
C: RCPT *
S: 250-
S: 250-
S: 250 
C: DATA
S: 354
BODY
S: 250-
S: 250
END
    profile
    send
    assert_status 0
    peer_done
}

@test "3yz to MAIL or RCPT is no success" {
    answers bad 'S: 354 go'
    peer <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 354 go
DRAIN
END
    profile
    send
    assert_status 69
    assert_one_line
    peer_done
    never '(DATA|Hello)'
}

@test "an answer before the command ends the session: after EHLO" {
    peer <<'END'
@587
S: 235 2.7.0 ok
DRAIN
END
    profile
    send
    assert_status 69
    assert_one_line
    peer_done
    never '(AUTH|MAIL)'
}

@test "answers before the commands end the session: all of them" {
    peer <<'END'
TLS
S: 220 x
S: 250 AUTH PLAIN
S: 235 ok
S: 250 ok
S: 250 ok
S: 354 go
S: 250 ok
S: 221 bye
DRAIN
END
    profile tls=implicit
    send
    assert_status 69
    assert_one_line
    peer_done
    never '(AUTH|MAIL|Hello)'
}

@test "an answer too many in a pipelined group is no success" {
    peer <<'END'
@587p
@login
C: MAIL *
C: RCPT *
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
S: 250 2.0.0 Ok: queued as EARLY
DRAIN
END
    profile
    send
    assert_status 69
    assert_one_line
    peer_done
    refute_in <(peer_log) '^1 < \.$'
}

@test "an early 250 in the middle of the content is no success" {
    peer <<'END'
@587
@login
C: MAIL *
S: 250
C: RCPT *
S: 250
C: DATA
S: 354 go
DROP-AFTER 20000
S: 250 2.0.0 Ok: queued as EARLY
DRAIN
END
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(message; yes "a line of text" | head -n 500000)
    assert_status 69
    assert_one_line
    peer_done
    refute_in <(peer_log) '^1 < \.$'
}

@test "a reply is waited for as a whole, not for each byte of it" {
    local began=${EPOCHREALTIME/./}
    peer <<'END'
@587
@login
C: MAIL *
DRIP 300 250 this reply takes its time, and never comes to its end in time
DRAIN
END
    profile timeout=1s
    send
    assert_status 69
    assert_output_has "time"
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited for the drip"
    peer_stop
    never RCPT
}

@test "a reply of many lines is waited for as a whole" {
    local began=${EPOCHREALTIME/./}
    peer <<'TEXT'
@587
@login
C: MAIL *
LOOP 60
S: 250-wait
FLUSH
SLEEP 0.2
END
S: 250 ok
DRAIN
TEXT
    profile timeout=1s
    send
    assert_status 69
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited for the lines"
    peer_stop
    never RCPT
}
