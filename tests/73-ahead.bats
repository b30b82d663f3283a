#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# auth_pipelining = yes: the log-in goes in one flight with sender, recipients and DATA; and whatever
# its answer is, nothing of the content goes before a yes to it.

load lib
setup() { setup_case; }
teardown() { teardown_case; }

# hello [KEYWORD...]: for the peer's script: 465 up to EHLO's answer, which offers these.
hello() {
    printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test'
    [ $# -eq 0 ] || printf 'S: 250-%s\n' "$@"
    echo 'S: 250 AUTH PLAIN LOGIN'
}

# The flight, and all the good answers.
FLIGHT=$'C: AUTH PLAIN *\nC: MAIL FROM:<alice@mail.test>*\nC: RCPT TO:<bob@mail.test>
C: RCPT TO:<carol@mail.test>\nC: DATA\nC-NONE 0.2'
YES=$'S: 235 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go'
REST=$'BODY\nS: 250 ok\nC*: QUIT'

# send [KEY=VALUE...]: to bob and carol.
send() {
    profile tls=implicit auth_pipelining=yes timeout=20s "$@"
    SECONDS=0
    run --separate-stderr "$BIN/sendmail" bob@mail.test carol@mail.test < <(message)
    [ "$SECONDS" -lt 10 ] || fail "it waited $SECONDS s"
}

# no_content [NAME]: the peer got nothing of the message.
no_content() {
    peer_done "$@"
    refute_in <(peer_log "$@") 'BODY|BDAT|Subject|Hello, Bob'
}

# --- Goal: one flight where it may be, and only there.

@test "AUTH, MAIL, RCPTs and DATA go before any answer, on both ports" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send
    assert_status 0
    assert_silent
    peer_done
    peer < <(echo @starttls | sed 's/@starttls/@greet\n@offer/'; hello PIPELINING | sed /@greet/d
        printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send tls=starttls
    assert_status 0
    assert_silent
    peer_done
}

@test "by default AUTH's answer is waited for" {
    peer < <(hello PIPELINING CHUNKING; printf '%s\n' 'C: AUTH PLAIN *' 'C-NONE 0.3' 'S: 235 ok' \
        'C: MAIL *' 'C: RCPT *' 'C: RCPT *' BDAT 'S: 250' 'S: 250' 'S: 250' 'S: 250')
    send auth_pipelining=
    assert_status 0
    peer_done
}

@test "where CHUNKING is offered, too, the content goes by DATA all the same" {
    peer < <(hello PIPELINING CHUNKING; printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send
    assert_status 0
    peer_done
    refute_in <(peer_log) BDAT
}

@test "without PIPELINING, and for what is no single response, AUTH's answer is waited for" {
    peer < <(hello; printf '%s\n' LOCKSTEP 'C: AUTH PLAIN *' 'C-NONE 0.2' 'S: 235 ok' \
        'C: MAIL *' 'S: 250' 'C: RCPT *' 'S: 250' 'C: RCPT *' 'S: 250' 'C: DATA' 'S: 354' "$REST")
    send
    assert_status 0
    peer_done
    peer < <(hello PIPELINING; printf '%s\n' 'C: AUTH LOGIN' 'C-NONE 0.2' 'S: 334 VXNlcm5hbWU6' \
        'C: YWxpY2U=' 'C-NONE 0.2' 'S: 334 UGFzc3dvcmQ6' 'C: *' 'C-NONE 0.2' 'S: 235 ok' \
        'C: MAIL *' 'C: RCPT *' 'C: RCPT *' 'C: DATA' 'S: 250' 'S: 250' 'S: 250' 'S: 354' "$REST")
    send auth=LOGIN
    assert_status 0
    peer_done
}

@test "a token's answer is waited for: its refusal has more to say" {
    (umask 077; echo abc >"$BATS_TEST_TMPDIR/token")
    peer < <(hello PIPELINING | sed 's/AUTH .*/AUTH OAUTHBEARER/'; printf '%s\n' 'C: AUTH OAUTHBEARER *' \
        'C-NONE 0.3' 'S: 235 ok' 'C: MAIL *' 'C: RCPT *' 'C: RCPT *' 'C: DATA' 'S: 250' 'S: 250' 'S: 250' \
        'S: 354' "$REST")
    send password= oauth_token_file="$BATS_TEST_TMPDIR/token"
    assert_status 0
    peer_done
}

@test "-bs and -bv wait for AUTH's answer" {
    peer < <(hello PIPELINING; printf '%s\n' 'C: AUTH PLAIN *' 'C-NONE 0.2' 'S: 235 ok' \
        'C: MAIL *' 'S: 250' 'C: RCPT *' 'S: 250' 'C: RSET' 'S: 250' 'C*: QUIT')
    profile tls=implicit auth_pipelining=yes
    run --separate-stderr "$BIN/sendmail" -bv bob@mail.test
    assert_status 0
    peer_done
    peer < <(hello PIPELINING; printf '%s\n' 'C: AUTH PLAIN *' 'C-NONE 0.2' 'S: 235 ok' \
        'C: MAIL *' 'S: 250' 'C*: QUIT')
    profile tls=implicit auth_pipelining=yes
    run --separate-stderr "$BIN/sendmail" -bs \
        < <(printf 'EHLO x\r\nMAIL FROM:<alice@mail.test>\r\nQUIT\r\n')
    assert_status 0
    peer_done
}

# --- Goal: a refused log-in ends it at once, whatever else the server says, or doesn't.

@test "a refused log-in, and nothing else is answered: 77 at once, and nothing of the content goes" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 535 5.7.8 wrong' DRAIN)
    send
    assert_status 77
    assert_one_line
    assert_output_has '535 5.7.8 wrong'
    no_content
}

@test "a refused log-in, and the rest is refused for it: the log-in's words are told" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 535 5.7.8 wrong' 'S: 530 first' \
        'S: 503 no' 'S: 503 no' 'S: 503 no' DRAIN)
    send
    assert_status 77
    assert_one_line
    assert_output_has '535 5.7.8 wrong'
    refute_output_has '503'
    no_content
}

@test "a refused log-in, and the rest is taken all the same: nothing of the content goes" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 535 5.7.8 wrong' 'S: 250 ok' 'S: 250 ok' \
        'S: 250 ok' 'S: 354 go' DRAIN)
    send
    assert_status 77
    assert_output_has '535 5.7.8 wrong'
    no_content
}

@test "a refused log-in, and the server closes: 77" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 535 5.7.8 wrong' CLOSE)
    send
    assert_status 77
    assert_output_has '535 5.7.8 wrong'
    no_content
}

@test "what is neither yes nor no to the log-in is no yes" {
    local answer
    for answer in '334 ' '250 ok' '220 ok' '354 go'; do
        peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" "S: $answer" 'S: 250 ok' 'S: 250 ok' \
            'S: 250 ok' 'S: 354 go' DRAIN)
        send
        [ "$status" != 0 ] || fail "sent, though AUTH was answered $answer"
        assert_one_line
        no_content
    done
}

@test "a refused log-in isn't tried at the next host; one that can't be checked is" {
    peer -n a < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 535 5.7.8 wrong' DRAIN)
    peer -n b < <(echo '=== every connection'; hello PIPELINING; printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send host="localhost:$PORT_a localhost:$PORT_b"
    assert_status 77
    no_content a
    peer_stop b
    refute_in <(peer_log b) CONNECT
    peer -n c < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 454 4.7.0 later' DRAIN)
    peer -n d < <(hello PIPELINING; printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send host="localhost:$PORT_c localhost:$PORT_d"
    assert_status 0
    no_content c
    peer_done d
}

@test "the line is cut before the log-in is answered: nothing was taken, and the next host gets it" {
    peer -n a < <(hello PIPELINING; printf '%s\n' "$FLIGHT" CUT)
    peer -n b < <(hello PIPELINING; printf '%s\n' "$FLIGHT" "$YES" "$REST")
    send host="localhost:$PORT_a localhost:$PORT_b"
    assert_status 0
    no_content a
    peer_done b
}

# --- Goal: behind a good log-in each answer means what it does without.

@test "a refused sender, a refused recipient, a 421, in the flight of the log-in" {
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 235 ok' 'S: 550 5.7.1 not you' 'S: 503 no' \
        'S: 503 no' 'S: 503 no' DRAIN)
    send
    assert_status 69
    assert_one_line
    assert_output_has 'MAIL FROM:<alice@mail.test>: 550 5.7.1 not you'
    no_content
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 235 ok' 'S: 250 ok' 'S: 550 5.1.1 who' \
        'S: 250 ok' 'S: 354 go' "$REST")
    send
    assert_status 67
    assert_one_line
    assert_output_has 'delivered to 1 of 2 recipients; <bob@mail.test>: 550 5.1.1 who'
    peer_done
    peer < <(hello PIPELINING; printf '%s\n' "$FLIGHT" 'S: 235 ok' 'S: 250 ok' 'S: 421 4.3.2 enough' CLOSE)
    send tempfail_exit=75
    assert_status 75
    assert_one_line
    assert_output_has '421 4.3.2 enough'
    no_content
}
