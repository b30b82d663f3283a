#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The nine mechanisms of AUTH against servers that do everything wrong: false proofs, answers out of
# turn, errors that can't be read, and secrets repeated.

load lib
load login

setup_file() { setup_logins; }
setup() { setup_case; }
teardown() { teardown_login; }

# --- Goal: SCRAM proves who the server is: each false word of it ends the session, nothing is
# --- sent.

# refuses NAMES OPTIONS...: by every mechanism of NAMES, and for all words of OPTIONS, which are
# one run's, it ends as 77 or temporary, with one line; nothing more is said to this server, nor
# is there another connection. A server that expects more would answer after one second.
refuses() {
    local name options
    for name in $1; do
        for options in "${@:2}"; do
            connection "SASL $name alice s3cret-alice $options" DRAIN
        done
    done
    SCRIPT+="=== every connection"$'\n'DRAIN$'\n'
    play
    for name in $1; do
        for options in "${@:2}"; do
            WHAT="$name $options"
            by "$name" timeout=2s
            send
            [[ $status = 77 || $status = 69 ]] || { show_run; fail "status $status"; }
            assert_one_line
            refute_output_has 'no answer came in time'
            over
            tried "$name"
            silent_after
        done
    done
    peer_done
    never '(MAIL|RCPT|DATA)'
    refute_in <(peer_log) "^$((CASE + 1)) CONNECT"
}

# silent_after: in this run's connection nothing came behind the last line that the peer sent,
# but perhaps a QUIT.
silent_after() {
    local lines
    lines=$(grep "^$CASE " "$PEER/log" | tac | sed '/^[0-9]* >/,$d' | grep -E '^[0-9]+ <-? ' |
        grep -vx "$CASE < QUIT") || true
    [ -z "$lines" ] || fail "that came after the last reply:" "$lines"
}

BOTH='SCRAM-SHA-1 SCRAM-SHA-256'

@test "SCRAM: a wrong signature" {
    refuses "$BOTH SCRAM-SHA-256-PLUS" 'final=v={bad} end2='
    assert_status 77
    assert_in - 'signature' <<<"$stderr"
}

@test "SCRAM: a signature of the wrong length, none, or one that is no base64" {
    refuses SCRAM-SHA-256 {final=v=,final=v=AAAA,final=v=%21%21%21%21,'final=v={v}AAAA'}\ end2= \
        {final=x=1,'final=x={v}','final={v}','final=V={v}',final=-}\ end2= \
        'final=x=1,v={v} end2='
}

@test "SCRAM: the server's own error, in its words" {
    local error
    for error in other-error invalid-proof 'x,v={v}'; do
        refuses "$BOTH" "final=e=$error end2="
        assert_output_has "${error%%,*}"
    done
}

@test "SCRAM: success without a signature is none" {
    refuses "$BOTH" end2=235%202.7.0%20ok end2=235%20dj1yczQ=
}

@test "SCRAM: success before the proof is none" {
    refuses "$BOTH" end1=235%202.7.0%20ok
}

@test "SCRAM: a challenge behind the signature" {
    refuses "$BOTH" end3=334 end3=334%20QUFBQQ== end3=334%20!!!
}

@test "SCRAM: a nonce that doesn't begin with ours" {
    refuses "$BOTH" {'r={n}','r={n}{c}','r=x{c}{n}',r=0123456789abcdef0123456789abcdef,r=-}\ end1=
}

@test "SCRAM: a nonce to which the server has added nothing" {
    refuses "$BOTH" 'r={c} end1='
}

@test "SCRAM: a salt that is empty" {
    refuses "$BOTH" 's=- end1='
}

@test "SCRAM: a salt that is no base64" {
    refuses SCRAM-SHA-256 s={%21%21%21%21,A,=QQ=,A=AA,Q%20Q=,QQ==QQ==}\ end1=
}

@test "SCRAM: iterations that are too few, too many, or no number" {
    refuses SCRAM-SHA-256 count={0,1,4095,1000001,2147483648,4294971392,99999999999}\ end1= \
        count={18446744073709555712,99999999999999999999999999999,-4096,-,abc,4096x}\ end1= \
        count={0x1000,4096.0,1e4,%204096,+4096,4096%20}\ end1=
}

@test "SCRAM: an extension that must be known" {
    refuses "$BOTH" 'first=m=ext,r={r},s={s},i={count} end1='
}

@test "SCRAM: a first message in which something is missing, doubled or in another order" {
    refuses SCRAM-SHA-256 'first=- end1=' \
        {'first=r={r}','first=r={r},s={s}','first=r={r},i={count}'}\ end1= \
        {'first=s={s},i={count}','first=s={s},r={r},i={count}'}\ end1= \
        'first=,r={r},s={s},i={count} end1=' \
        {'first=r={r},,s={s},i={count}','first=R={r},S={s},I={count}'}\ end1= \
        {'first=r={r};s={s};i={count}','first=r={r},r={r},s={s},i={count}'}\ end1= \
        first={e=other-error,=,%2C,%00}\ end1=
}

@test "SCRAM: a challenge that is no base64, or empty" {
    refuses SCRAM-SHA-256 end1={334,334%20,334%20!!!,334%20===,334%20r=1%2Cs=QQ==%2Ci=4096} \
        end1=334%20QUFB%20QUFB
}

# --- Goal: the other mechanisms keep to their turns.

@test "PLAIN, EXTERNAL: a challenge behind the response" {
    refuses 'PLAIN EXTERNAL' end1=334 end1=334%20QUFB
}

@test "LOGIN: a third prompt" {
    refuses LOGIN end3=334%20QW5kPw==
}

@test "LOGIN, CRAM-MD5: success before there was an answer is none" {
    refuses LOGIN end1=235%202.7.0%20ok end2=235%202.7.0%20ok
    refuses CRAM-MD5 end1=235%202.7.0%20ok
}

@test "client-first: success before there was a response is none" {
    local name
    secret token "$(printf '%0600d' 0)"
    for name in PLAIN OAUTHBEARER XOAUTH2; do
        connection "C: AUTH $name" 'S: 235 2.7.0 ok' DRAIN
    done
    play
    for name in PLAIN OAUTHBEARER XOAUTH2; do
        WHAT=$name
        by $name timeout=2s
        [ $name != PLAIN ] ||
            by PLAIN timeout=2s password= password_file="$BATS_TEST_TMPDIR/token"
        send
        assert_status 69
        over
        never '(MAIL|AGFs|dXNl|bixh)'
    done
    peer_done
}

@test "CRAM-MD5: a challenge that is empty or no base64" {
    refuses CRAM-MD5 end1=334 end1=334%20 end1=334%20!!! end1=334%20A
}

@test "CRAM-MD5: a second challenge" {
    refuses CRAM-MD5 end2=334%20QUFB
}

@test "other codes in place of 235, by every mechanism" {
    refuses "$NINE" ok={250,235x}%202.7.0%20ok
    refuses 'EXTERNAL SCRAM-SHA-1' ok={200,220,354,2355}%202.7.0%20ok
}

@test "a server that answers 334 to everything is left soon" {
    local name line
    for name in $NINE; do
        for line in 334 334%20QUFB; do
            connection "SASL $name alice s3cret-alice forever=$line"
        done
    done
    play
    for name in $NINE; do
        for line in 334 334%20QUFB; do
            WHAT="$name $line"
            by "$name"
            send
            [[ $status = 77 || $status = 69 ]] || { show_run; fail "status $status"; }
            assert_one_line
            over
            [ "$(grep -c "^$CASE < " "$PEER/log")" -lt 8 ] || fail "it goes on and on"
        done
    done
    peer_done
    never MAIL
}

@test "challenges of 2 and of 10 KiB end the session" {
    local size
    for size in 2100 10000; do
        refuses 'CRAM-MD5 LOGIN SCRAM-SHA-256 OAUTHBEARER' \
            "end1=334%20$(head -c "$size" /dev/zero | base64 -w 0)"
    done
}

@test "a challenge of 200 lines ends the session" {
    refuses 'PLAIN LOGIN SCRAM-SHA-256' "end1=$(printf '334-QUFB%%0D%%0A%.0s' {1..200})334%20QUFB"
}

# --- Goal: why a token was refused is told in words, whatever the server makes of them.

# token_refused NAMES [OPTIONS...]: 77, in one line without controls, not too long.
token_refused() {
    local name options
    for name in $1; do
        for options in "${@:2}"; do connection "SASL $name alice another $options" DRAIN; done
    done
    play
    for name in $1; do
        for options in "${@:2}"; do
            WHAT="$name $options"
            by "$name"
            send
            assert_status 77
            assert_one_line
            assert_output_has '535 5.7.8 authentication credentials invalid'
            over
            tried "$name"
            [ "$(wc -c <<<"$stderr")" -le 2049 ] || fail "too long: $stderr"
            LC_ALL=C refute_in - '[[:cntrl:]]' <<<"$stderr"
        done
    done
    peer_done
    never MAIL
}

@test "OAUTHBEARER: the error of RFC 7628 in words" {
    token_refused OAUTHBEARER ''
    assert_output_has invalid_token
    assert_output_has example_scope
    assert_in <(peer_log) '^1 < AQ==$'
}

@test "XOAUTH2: the error of Google's form in words" {
    token_refused XOAUTH2 ''
    assert_output_has 401
    assert_output_has 'https://mail.google.com/'
    assert_in <(peer_log) '^1 < $'
}

@test "a refusal without JSON is a refusal" {
    local name
    for name in OAUTHBEARER XOAUTH2; do
        connection "SASL $name alice s3cret-alice end1=535%205.7.3%20expired" DRAIN
    done
    play
    for name in OAUTHBEARER XOAUTH2; do
        by $name
        send
        assert_status 77
        assert_output_has '535 5.7.3 expired'
    done
    peer_done
}

@test "JSON that is none: broken, empty, in pieces" {
    token_refused XOAUTH2 json={-,x,%7B,%7D,%7B%22,%22,%7B%22status,%7B%22status%22} \
        json=%7B%22status%22:{,%22401,null%7D,%5B1%2C2%2C%7B%22c%22:%22d%22%7D%5D%7D} \
        json={%5C,%7B%22%5C,%5B%5D,null,%2C%2C%2C:::}
}

@test "JSON with controls, escapes, quotes and 8-bit letters" {
    local json words=()
    for json in $'{"status":"a\x1b[31mred\r\nS: 250 ok\x07\x7f"}' \
        '{"a":"\"}","b":"{\"c\":\"d\"}"}' \
        '{"status":"\u001b[31m\u0000\r\n\t\"x\" \\ \/ \ud83d\ude00 \u00e4"}' \
        $'{"status":"gr\xc3\xbcn \xff\xfe \xc2\x9b31m"}'; do
        words+=("json=$(coded "$json")")
    done
    token_refused XOAUTH2 "${words[@]}"
    # U+009B is a control in UTF-8.
    refute_in - $'\xc2\x9b' <<<"$stderr"
}

@test "JSON that is deep, or long" {
    token_refused 'OAUTHBEARER XOAUTH2' "json=$(printf '%%5B%.0s' {1..1400})" \
        "json=$(printf '%%7B"a":%.0s' {1..280})" \
        "json=%7B\"status\":\"$(printf '%01400d' 0)\"%7D" "json=$(printf '%01400d' 0)"
}

@test "JSON in clear, not in base64" {
    refuses 'OAUTHBEARER XOAUTH2' end1=334%20%7B%22status%22:%22401%22%7D
}

@test "235 behind the error is no success, nor is a second error" {
    local name next
    for name in OAUTHBEARER XOAUTH2; do
        for next in 235%202.7.0%20ok 334%20e30= 334; do
            connection "SASL $name alice another end2=$next" DRAIN
        done
    done
    play
    for name in OAUTHBEARER XOAUTH2; do
        by $name timeout=2s
        for next in 1 2 3; do
            send
            [[ $status = 77 || $status = 69 ]] || { show_run; fail "$name: $status"; }
            refute_output_has 'no answer came in time'
            over
            silent_after
        done
    done
    peer_done
    never MAIL
}

@test "a refused token isn't shown again by the other mechanism" {
    connection 'SASL OAUTHBEARER alice another' DRAIN
    play
    secret token s3cret-alice
    profile tls=implicit oauth_token_file="$BATS_TEST_TMPDIR/token"
    send
    assert_status 77
    peer_done
    tried OAUTHBEARER
}

# --- Goal: no secret on stderr, in -v or in the log, though the server repeats it.

# hidden: neither the password nor what was sent of it in this run can be read anywhere.
hidden() {
    local word words=(s3cret-alice czNjcmV0LWFsaWNl)
    # What went out in base64.
    mapfile -t -O 2 words < <(
        sed -nE "s/^$CASE < (AUTH [^ ]+ )?([A-Za-z0-9+/]{12,})=*\$/\2/p" "$PEER/log")
    for word in "${words[@]}"; do
        [[ $stderr != *"$word"* ]] || { show_run; fail "on stderr: $word"; }
        ! grep -aqF -e "$word" "$BATS_TEST_TMPDIR/log" || fail "in the log: $word"
    done
}

# no_echo NAMES OPTIONS...: what the server repeats isn't shown, nor what it hasn't repeated.
no_echo() {
    local name options
    for name in $1; do
        for options in "${@:2}"; do
            connection "SASL $name alice ${RIGHT:-s3cret-alice} $options" DRAIN
        done
    done
    play
    for name in $1; do
        for options in "${@:2}"; do
            WHAT="$name $options"
            by "$name"
            send -v
            assert_status 77
            over
            hidden
        done
    done
    peer_done
}

@test "-v and the log show no secret of any mechanism" {
    local name
    for name in $NINE; do takes "$name" alice s3cret-alice; done
    play
    for name in $NINE; do
        WHAT=$name
        by "$name"
        send -v
        assert_status 0
        over
        assert_in - "^C: AUTH $name( \*\*\*)?\$" <<<"$stderr"
        hidden
    done
    peer_done
}

WITH_SECRET="$PASSWORDS OAUTHBEARER XOAUTH2"

@test "the password that the server repeats is masked" {
    no_echo "$WITH_SECRET" 'ok=535%20it%20is%20{password}' 'ok=535%20it%20is%20x{password}x'
    assert_output_has 'it is x***x'
}

@test "the password's base64 that the server repeats is masked" {
    no_echo "$WITH_SECRET" 'ok=535%20it%20is%20{password64}'
    assert_output_has 'it is ***'
}

@test "the response that the server repeats is masked" {
    no_echo "$WITH_SECRET" 'ok=535%20it%20is%20{last}' \
        'ok=535%20it%20is%20{password}-{last}-{password64}'
}

@test "what the server repeats in the midst of SCRAM is masked" {
    no_echo "$BOTH" 'end2=535%20you%20said%20{last}' 'end2=535%20you%20said%20{password}'
    assert_output_has 'you said ***'
    no_echo "$BOTH" 'end1=535%20you%20said%20{last}'
}

@test "what the server repeats as SCRAM's error is masked" {
    no_echo "$BOTH" 'final=e={password} end2=' 'final=e=x{password}x end2=' \
        'final=e={password64} end2='
}

@test "what the server repeats in a prompt of LOGIN is masked" {
    no_echo LOGIN 'prompt1={password} end3=535%20no' 'say2=334%20{password} end3=535%20no'
}

@test "what the server repeats in a token's error is masked" {
    RIGHT=another no_echo 'OAUTHBEARER XOAUTH2' \
        json=%7B%22status%22:%22{'{last}',s3cret-alice,czNjcmV0LWFsaWNl,s3cret%5C-alice}%22%7D
}

@test "what the server repeats later on is masked" {
    local name
    for name in $WITH_SECRET; do
        connection "SASL $name alice s3cret-alice" 'C: MAIL *' \
            'S: 550 s3cret-alice or czNjcmV0LWFsaWNl may not send' DRAIN
    done
    play
    for name in $WITH_SECRET; do
        WHAT=$name
        by "$name"
        send -v
        assert_status 69
        over
        assert_output_has 'may not send'
        hidden
    done
    peer_done
}

@test "what the server repeats after 504, of the mechanism before, is masked" {
    connection 'SASL CRAM-MD5 alice s3cret-alice ok=504%20not%20{last}' \
        'C: AUTH LOGIN' 'S: 535 you said s3cret-alice' DRAIN
    play
    profile tls=implicit auth='CRAM-MD5 LOGIN'
    send -v
    assert_status 77
    peer_done
    hidden
}
