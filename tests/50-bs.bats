#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck disable=SC2119,SC2120   # begins and its like may go without an argument
# sendmail -bs: SMTP on standard input and output, with the server's live answers behind it.

load lib
load input
load bs
setup() { setup_case; }
teardown() { teardown_case; }

# peer_takes [ID...]: a peer that takes these messages over one session.
peer_takes() {
    peer < <(echo @587p; echo @login; for id; do takes "$id"; done; echo 'C*: QUIT')
}

# content INPUT WANTED: INPUT, the bytes between the 354 and the answer, dot and all, to a caller
# that writes CRLF arrive as WANTED, the bytes up to and with the final dot (both for printf %b).
# What is taken for a command behind it shows as a reply too many.
content() {
    printf %b "$1" >"$BATS_TEST_TMPDIR/content"
    printf %b "$2" >"$BATS_TEST_TMPDIR/wanted"
    peer_takes AAA
    profile
    dialogue <<END
$HELLO
$(begins)
FILE $BATS_TEST_TMPDIR/content
S: 250 2.0.0 Ok: queued as AAA
$BYE
END
    said 0
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

# alone: for what is answered without a server: a peer that notes every connection, and none may
# have come at the end (no_peer).
alone() {
    peer <<<'=== every connection'
    profile "$@"
}
no_peer() {
    peer_stop
    connections 0
}

# --- The session: greeting, HELO, EHLO, and what is answered here -------------------------

@test "HELO is answered in one line, QUIT with 221, and the status is 0" {
    alone
    dialogue <<END
S: 220 * ESMTP *
C: HELO shop.test
S: 250 *
C: QUIT
S: 221 *
END
    said 0
    refute_in - '250-' <<<"$output"
    no_peer
}

@test "EHLO announces the six extensions that are honoured and no other" {
    alone
    dialogue <<END
$EHLO
$BYE
END
    said 0
    assert_same "$(sed -nE 's/^S: 250[- ]//p' <<<"$output" | sed 1d | sort)" \
        "$(printf '%s\n' 8BITMIME DSN ENHANCEDSTATUSCODES PIPELINING SIZE SMTPUTF8)"
    no_peer
}

@test "SIZE is announced with the profile's max_size" {
    alone max_size=123456
    dialogue <<END
$EHLO
$BYE
END
    said 0
    assert_in - '^S: 250[- ]SIZE 123456$' <<<"$output"
    no_peer
}

@test "NOOP, RSET, HELP and VRFY are answered here, without a server" {
    alone
    dialogue <<END
$EHLO
C: NOOP
S: 250 *
C: NOOP with words
S: 250 *
C: RSET
S: 250 *
C: HELP
S: 214 *
C: HELP MAIL
S: 214 *
C: VRFY bob@mail.test
S: 252 *
$BYE
END
    said 0
    no_peer
}

@test "EXPN, AUTH, STARTTLS and BDAT are refused, and the session goes on" {
    peer_takes AAA
    profile
    dialogue <<END
$EHLO
C: AUTH PLAIN AGFsaWNlAHg=
S: 50[0-4] *
C: STARTTLS
S: 50[0-4] *
C: BDAT 5 LAST
S: 50[0-4] *
C: EXPN staff
S: [25][05]2 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "an unknown command gets 500, and the session goes on" {
    peer_takes AAA
    profile
    dialogue <<END
$HELLO
C: MAILX FROM:<alice@mail.test>
S: 500 *
C: XCLIENT NAME=x
S: 500 *
C:
S: 500 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "verbs and keywords count in any case, with blanks around the path" {
    peer_takes AAA
    profile
    dialogue <<END
S: 220 *
C: ehlo shop.test
S: 250-*
C: mail from: <alice@mail.test> size=10
S: 250 *
C: Rcpt To: <bob@mail.test>
S: 250 *
C: dATA
S: 354 *
$(goes)
C: quit
S: 221 *
END
    said 0
    peer_done
}

@test "a caller that says neither HELO nor EHLO is served" {
    peer_takes AAA
    profile
    dialogue <<END
S: 220 *
$(gives)
$BYE
END
    said 0
    peer_done
}

# --- Live answers: MAIL, RCPT and the final dot in the server's own words -----------------

@test "EHLO is answered before any connection, MAIL opens it" {
    peer_takes AAA
    profile
    dialogue <<END
$EHLO
DO ! grep -q CONNECT "$PEER/log"
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 sender ok
DO grep -q '< MAIL FROM:<alice@mail.test>' "$PEER/log"
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "each answer comes in the server's words, several lines joined to one" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 alice, of all people
C: RCPT TO:<bob@mail.test>
S: 251 2.1.5 will go to <robert@mail.test>
C: RCPT TO:<carl@mail.test>
S: 252 2.0.0 perhaps
C: RCPT TO:<nobody@mail.test>
S: 550-5.1.1 no such user
S: 550-5.1.1 look at
S: 550 5.1.1 http://mail.test/
C: RCPT TO:<full@mail.test>
S: 452 4.2.2 mailbox full
C: DATA
S: 354 go
BODY
S: 250-2.0.0 taken,
S: 250 2.0.0 as 4F1A
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 alice, of all people
C: RCPT TO:<bob@mail.test>
S: 251 2.1.5 will go to <robert@mail.test>
C: RCPT TO:<carl@mail.test>
S: 252 2.0.0 perhaps
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user*look at*http://mail.test/
C: RCPT TO:<full@mail.test>
S: 452 4.2.2 mailbox full
C: DATA
S: 354 *
C: Subject: x
C:
C: x
C: .
S: 250 2.0.0 taken,*as 4F1A
$BYE
END
    said 0
    peer_done
}

@test "an answer without words has none of an earlier one's" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<carl@mail.test>
S: 250
C: DATA
S: 354
BODY
S: 250
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250*
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<carl@mail.test>
S: 250*
C: DATA
S: 354 *
C: Subject: x
C:
C: x
C: .
S: 250*
$BYE
END
    said 0
    peer_done
    assert_same "$(grep -c 'recipient ok' <<<"$output")" 1
    refute_in - 'AUTH|2\.7\.0|LOGIN|go ahead' <<<"$output"
}

@test "a refused sender gets the server's words, and the next message goes over the same session" {
    peer <<END
@587
@login
C: MAIL FROM:<mallory@mail.test>*
S: 553 5.7.1 not your address
C: RSET
S: 250 ok
$(takes AAA)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<mallory@mail.test>
S: 553 5.7.1 not your address
$(gives)
$BYE
END
    said 0
    peer_done
    connections 1
}

@test "several messages go over one session and one log-in" {
    peer_takes AAA BBB CCC
    profile
    dialogue <<END
$HELLO
$(gives AAA)
$(gives BBB)
C: RSET
S: 250 *
$(gives CCC)
$BYE
END
    said 0
    peer_done
    connections 1
    assert_same "$(grep -c '< AUTH' "$PEER/log")" 1
    assert_same "$(for n in 1 2 3; do field Subject "$n"; done)" $'AAA\nBBB\nCCC'
}

@test "a message of three recipients goes to the two that were taken, each told apart" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RCPT TO:<carl@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RCPT TO:<carl@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "where every recipient was refused DATA is too, nothing is sent, and the next goes" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RSET
S: 250 ok
$(takes AAA)
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
C: RCPT TO:<nobody@mail.test>
C: DATA
S: 250 2.1.0 sender ok
S: 550 5.1.1 no such user
S: 5[05][34] *
C: RSET
S: 250 *
$(gives)
$BYE
END
    said 0
    peer_done
    connections 1
}

@test "a line break within the server's words is none to the caller" {
    peer <<'END'
@587
@login
C: MAIL FROM:<alice@mail.test>*
S\: 550 no\r250 yes\x00\x1b\r\n
C*: RSET
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 550 *
$BYE
END
    said 0
    peer_done
    refute_in - '\\x00|\\x1b|\\r' <<<"$output"
}

# --- PIPELINING by the caller -------------------------------------------------------------

@test "commands in one write are answered in their order" {
    peer <<END
@587p
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
C: RCPT TO:<bob@mail.test>
C: RCPT TO:<nobody@mail.test>
C: DATA
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 550 5.1.1 no such user
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "content, the next message and QUIT may come in one write" {
    peer_takes AAA BBB
    profile
    dialogue <<END
$EHLO
$(gives AAA | grep -v '^S')
$(gives BBB | grep -v '^S')
C: QUIT
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 354 *
S: 250 2.0.0 Ok: queued as AAA
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 354 *
S: 250 2.0.0 Ok: queued as BBB
S: 221 *
END
    said 0
    peer_done
    assert_same "$(field Subject 1),$(field Subject 2)" AAA,BBB
}

@test "a whole session may be a file on standard input" {
    peer_takes AAA
    profile
    { echo 'EHLO shop.test'; gives | sed -n 's/^C: *//p'; echo QUIT; } | sed 's/$/\r/' \
        >"$BATS_TEST_TMPDIR/session"
    run --separate-stderr sendmail -bs <"$BATS_TEST_TMPDIR/session"
    said 0
    peer_done
    assert_in - '^250 2\.0\.0 Ok: queued as AAA.$' <<<"$output"
    assert_in - '^221 ' <<<"$output"
}

# --- Parameters of MAIL and RCPT ----------------------------------------------------------

# mail_line OFFER COMMAND WANTED: the caller's MAIL command reaches a server that offers OFFER (a
# macro) as WANTED (a regular expression of the whole line).
mail_line() {
    peer < <(printf '%s\n' "$1" @login; takes | sed 's/^C: MAIL.*/C: MAIL FROM:*/'; echo 'C*: QUIT')
    profile
    dialogue <<END
$EHLO
C: $2
S: 250 2.1.0 *
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
    assert_in "$PEER/log" "^1 < $3\$"
}

@test "SIZE and BODY=8BITMIME are passed on where they are offered" {
    mail_line @587p 'MAIL FROM:<alice@mail.test> SIZE=4711 BODY=8BITMIME' \
        'MAIL FROM:<alice@mail.test> SIZE=4711 BODY=8BITMIME'
}

@test "SIZE, BODY, RET and ENVID are dropped where they aren't offered" {
    mail_line $'@starttls\nTLS\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN' \
        'MAIL FROM:<alice@mail.test> SIZE=4711 BODY=8BITMIME RET=HDRS ENVID=abc' \
        'MAIL FROM:<alice@mail.test>'
}

@test "SMTPUTF8 is passed on where it is offered" {
    mail_line @587p 'MAIL FROM:<jörg@mail.test> SMTPUTF8' \
        'MAIL FROM:<j.*rg@mail.test> (.* )?SMTPUTF8'
}

@test "a recipient that isn't ASCII is taken where MAIL had SMTPUTF8, and else refused" {
    peer <<< $'@587p\n@login\nC: MAIL FROM:<alice@mail.test>*SMTPUTF8*\nS: 250 2.1.0 ok\nC: RCPT TO:<j*rg@mail.test>\nS: 250 2.1.5 ok\nC: RSET\nS: 250 2.0.0 ok\nC: MAIL FROM:<alice@mail.test>*\nS: 250 2.1.0 ok\nDRAIN'
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test> SMTPUTF8
S: 250 2.1.0 *
C: RCPT TO:<jörg@mail.test>
S: 250 2.1.5 *
C: RSET
S: 250 *
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 *
C: RCPT TO:<jörg@mail.test>
S: 553 5.6.7 *
$BYE
END
    said 0
}

@test "RET and ENVID are passed on where DSN is offered" {
    mail_line @587p 'MAIL FROM:<alice@mail.test> RET=HDRS ENVID=QQ+2B314159' \
        'MAIL FROM:<alice@mail.test>( BODY=8BITMIME)? RET=HDRS ENVID=QQ\+2B314159'
}

@test "RET=FULL is passed on, in small letters too" {
    mail_line @587p 'MAIL FROM:<alice@mail.test> ret=full' \
        'MAIL FROM:<alice@mail.test>( BODY=8BITMIME)? RET=FULL'
}

@test "AUTH= of the caller is taken and not passed on" {
    mail_line @587p 'MAIL FROM:<alice@mail.test> AUTH=<>' \
        'MAIL FROM:<alice@mail.test>( BODY=8BITMIME)?'
}

@test "8-bit content of a caller that knows HELO only goes as BODY=8BITMIME where it is offered" {
    peer_takes AAA
    profile
    dialogue <<END
$HELLO
$(begins)
C: Subject: x
C:
C: Grüße
C: .
S: 250 2.0.0 Ok: queued as AAA
$BYE
END
    said 0
    peer_done
    assert_in "$PEER/body.1" '^Grüße'
    assert_in "$PEER/log" '^1 < MAIL FROM:<alice@mail.test>( .*)? BODY=8BITMIME'
}

@test "SMTPUTF8 that the server doesn't offer is refused with 553 5.6.7, RSET says it again" {
    peer <<END
@587
@login
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<jörg@mail.test> SMTPUTF8
S: 553 5.6.7 *SMTPUTF8*
C: RSET
S: 250 *SMTPUTF8*
$(gives)
$BYE
END
    said 0
    peer_done
    refute_in "$PEER/log" 'MAIL FROM:<j'
}

@test "a sender that isn't ASCII never goes without SMTPUTF8" {
    peer <<END
@587
@login
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<jörg@mail.test>
S: 55[0-9] 5.6.7 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "a recipient that isn't ASCII never goes without SMTPUTF8 at MAIL" {
    peer <<END
@587p
@login
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<jörg@mail.test>
S: 55[0-9] 5.6.7 *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

# A recipient's parameters: NOTIFY and ORCPT as the caller wrote them.
rcpt_line() {
    peer <<END
$1
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 ok
C: $2
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<bob@mail.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+40mail.test
S: 250 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "NOTIFY and ORCPT are passed on where DSN is offered" {
    rcpt_line @587p 'RCPT TO:<bob@mail.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+40mail.test'
}

@test "NOTIFY and ORCPT are dropped where DSN isn't offered, and the log says so" {
    rcpt_line @587 'RCPT TO:<bob@mail.test>'
    assert_in "$BATS_TEST_TMPDIR/log" ' dsn=not-offered'
}

@test "the profile's dsn_notify goes with the RCPT that names none, dsn_return with MAIL" {
    peer <<END
@587p
@login
C: MAIL FROM:<alice@mail.test>* RET=HDRS
S: 250 ok
C: RCPT TO:<bob@mail.test> NOTIFY=FAILURE*
S: 250 ok
C: RCPT TO:<carl@mail.test> NOTIFY=NEVER
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile dsn_notify=failure dsn_return=hdrs
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: RCPT TO:<carl@mail.test> NOTIFY=NEVER
S: 250 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "a path whose quote stays open, and parameters of over 1200 bytes, are refused" {
    local orcpt
    orcpt=" ORCPT=rfc822;$(printf 'x%.0s' {1..240})"
    peer <<< $'@587p\n@login\nC: MAIL *\nS: 250 2.1.0 ok\nDRAIN'
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<"alice b@mail.test>
S: 501 5.*
C: MAIL FROM:<alice@mail.test>
S: 250 2.1.0 *
C: RCPT TO:<bob@mail.test>$orcpt$orcpt$orcpt$orcpt$orcpt
S: 501 5.5.4 the parameters are too long
$BYE
END
    said 0
}

# bats test_tags=strace
@test "content that finds no room is refused for now, and the dialogue goes on" {
    need strace
    peer <<< $'@587p\n@login\nC: MAIL *\nS: 250 2.1.0 ok\nC: RCPT *\nS: 250 2.1.5 ok\nC: RSET\nS: 250 ok\nDRAIN'
    profile
    { printf 'EHLO x\r\nMAIL FROM:<alice@mail.test>\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\n'
        head -c 900000 /dev/zero | tr '\0' x | fold -w 70 | sed 's/$/\r/'
        printf '\r\n.\r\nNOOP\r\nQUIT\r\n'; } >"$BATS_TEST_TMPDIR/input"
    TMPDIR=/nowhere run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/trace" \
        -e inject=memfd_create:error=ENOSYS "$BIN/sendmail" -bs <"$BATS_TEST_TMPDIR/input"
    assert_in "$BATS_TEST_TMPDIR/trace" INJECTED
    grep -q '^4[0-9][0-9] .*no room for a message over 128 KiB' <<<"$output" || fail "$output"
    # NOOP and QUIT have their answers behind it.
    [[ $(tail -n 2 <<<"$output") == 250*$'\n'221* ]] || fail "$output"
    peer_stop
    peer_log | refute_in - '1 BODY|BDAT|< DATA'
}

@test "an address of the header that isn't ASCII goes where MAIL had no SMTPUTF8, and is told" {
    peer <<< $'@587p\n@login\nC: MAIL *\nS: 250 2.1.0 ok\nC: RCPT *\nS: 250 2.1.5 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\nC*: QUIT'
    profile
    run --separate-stderr "$BIN/sendmail" -bs < <(printf '%s\r\n' 'EHLO x' 'MAIL FROM:<alice@mail.test>' \
        'RCPT TO:<bob@mail.test>' DATA 'To: jörg@mail.test' 'Subject: x' '' y . QUIT)
    assert_status 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/log" "an address that isn't ASCII, and MAIL had no SMTPUTF8"
}

@test "a profile whose values don't go together is 451 at MAIL" {
    profile helo=localhost
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
S: 4?? 4.*helo can't be localhost*
$BYE
END
    said 0
}

@test "unknown and wrong parameters are refused, and right ones taken after" {
    peer_takes AAA
    profile
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test> XWING=1
S: 555 *
C: MAIL FROM:<alice@mail.test> SIZE=big
S: 501 *
C: MAIL FROM:<alice@mail.test> SIZE=-1
S: 501 *
C: MAIL FROM:<alice@mail.test> BODY=9BIT
S: 5[05][15] *
C: MAIL FROM:<alice@mail.test> RET=SOME
S: 5[05][15] *
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<bob@mail.test> XWING=1
S: 555 *
C: RCPT TO:<bob@mail.test> NOTIFY=SOMETIMES
S: 5[05][15] *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
    assert_same "$(grep -c '< MAIL' "$PEER/log")" 1
}

# --- Senders and recipients ---------------------------------------------------------------

@test "the null sender stays null" {
    mail_line @587p 'MAIL FROM:<>' 'MAIL FROM:<>( BODY=8BITMIME)?'
}

@test "with allow_from_override = no the sender is the profile's" {
    peer_takes AAA
    profile allow_from_override=no
    dialogue <<END
$EHLO
C: MAIL FROM:<mallory@evil.test>
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
    refute_in "$PEER/log" mallory
}

@test "bare senders and recipients get the domain, aliases are followed" {
    peer <<END
@587
@login
C: MAIL FROM:<www@mail.test>*
S: 250 ok
C: RCPT TO:<bob@mail.test>
S: 250 first
C: RCPT TO:<admin@far.test>
S: 250 second
C: RCPT TO:<ann@mail.test>
S: 250 third
C: RCPT TO:<ben@mail.test>
S: 250 fourth
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile '[aliases]' 'root = admin@far.test' 'team = ann, ben'
    dialogue <<END
$HELLO
C: MAIL FROM:<www>
S: 250 ok
C: RCPT TO:<bob>
S: 250 first
C: RCPT TO:<root>
S: 250 second
C: RCPT TO:<team>
S: 250 fourth
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "of an alias for three the refused one is told, and the others are still asked" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 ok
C: RCPT TO:<ann@mail.test>
S: 250 ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RCPT TO:<ben@mail.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile '[aliases]' 'team = ann, nobody, ben'
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 ok
C: RCPT TO:<team>
S: 550 5.1.1 no such user
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
}

@test "a recipient that was refused is refused again, not taken for known" {
    peer <<'EOF'
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 ok
LOOP 2
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
END
C*: RSET
C*: QUIT
EOF
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: DATA
S: 5[05][34] *
$BYE
END
    said 0
    peer_stop
    nothing_sent
}

@test "more than max_recipients get 452 4.5.3, the others the message, and the next may have more" {
    peer <<'EOF'
@587
@login
LOOP 2
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<*>
S: 250 ok
C: RCPT TO:<*>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
END
C*: QUIT
EOF
    profile max_recipients=2
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test>
C: RCPT TO:<a@mail.test>
C: RCPT TO:<b@mail.test>
C: RCPT TO:<c@mail.test>
C: RCPT TO:<d@mail.test>
S: 250 *
S: 250 ok
S: 250 ok
S: 452 4.5.3 *
S: 452 4.5.3 *
C: DATA
S: 354 *
$(goes)
C: MAIL FROM:<alice@mail.test>
C: RCPT TO:<c@mail.test>
C: RCPT TO:<d@mail.test>
S: 250 *
S: 250 ok
S: 250 ok
C: DATA
S: 354 *
$(goes)
$BYE
END
    said 0
    peer_done
    assert_recipients a@mail.test b@mail.test c@mail.test d@mail.test
}

@test "a section is chosen by the first sender" {
    peer <<END
@starttls
TLS
C: EHLO shop.test
S: 250-mail.test
S: 250 AUTH PLAIN
@login
C: MAIL FROM:<x@shop.test>
S: 250 ok
C*: RSET
C*: QUIT
END
    profile '[shop]' 'match = *@shop.test' 'helo = shop.test'
    dialogue <<END
$EHLO
C: MAIL FROM:<x@shop.test>
S: 250 ok
$BYE
END
    said 0
    peer_done
}

@test "what is no address is 501, and never taken for the null sender" {
    alone
    dialogue <<'END'
S: 220 *
C: EHLO shop.test
S: 250-*
C: MAIL
S: 501 *
C: MAIL FROM
S: 501 *
C: MAIL FROM:
S: 501 *
C: MAIL FROM:<alice
S: 501 *
C: MAIL FROM:<alice@>
S: 501 *
C: MAIL FROM:<a@mail.test>,<b@mail.test>
S: 501 *
C: MAIL TO:<alice@mail.test>
S: 501 *
C\: MAIL FROM:<al\x01ice@mail.test>\r\n
S: 501 *
C\: MAIL FROM:<alice@mail.test>\rRCPT TO:<eve@mail.test>\r\n
S: 501 *
C: QUIT
S: 221 *
END
    said 0
    no_peer
}

@test "RCPT's address is looked at as MAIL's is" {
    peer_takes AAA
    profile
    dialogue <<'END'
S: 220 *
C: EHLO shop.test
S: 250-*
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT
S: 501 *
C: RCPT TO:
S: 501 *
C: RCPT TO:<>
S: 501 *
C: RCPT TO:<a@mail.test,b@mail.test>
S: 501 *
C: RCPT FROM:<bob@mail.test>
S: 501 *
C\: RCPT TO:<bob@mail.test\rRCPT TO:<eve@mail.test>>\r\n
S: 501 *
C\: RCPT TO:<bob@mail.test> ORCPT=rfc822;x\rRCPT\r\n
S: 5[05]* *
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 *
C: Subject: AAA
C:
C: x
C: .
S: 250 *
C: QUIT
S: 221 *
END
    said 0
    peer_done
    refute_in "$PEER/log" eve
}

@test "a quoted local part with blanks and commas arrives as it is" {
    peer <<'END'
@587
@login
C: MAIL FROM:<"a b, c"@mail.test>*
S: 250 ok
C: RCPT TO:<"x y;z"@mail.test>
S: 250 2.1.5 recipient ok
C*: RSET
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<"a b, c"@mail.test> SIZE=5
S: 250 ok
C: RCPT TO:<"x y;z"@mail.test>
S: 250 2.1.5 recipient ok
$BYE
END
    said 0
    peer_done
}

# --- Sizes --------------------------------------------------------------------------------

@test "a SIZE over max_size is refused at MAIL, without the server" {
    alone max_size=1000
    dialogue <<END
$EHLO
C: MAIL FROM:<alice@mail.test> SIZE=1001
S: 552 5.3.4 *
$BYE
END
    said 0
    no_peer
}

@test "content over max_size is refused at its dot, nothing is sent, and the next message goes" {
    for ((i = 0; i < 30; i++)); do printf 'This line has thirty-eight bytes: %3d\r\n' "$i"; done \
        >"$BATS_TEST_TMPDIR/long"
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RSET
S: 250 ok
$(takes)
C*: QUIT
END
    profile max_size=1000
    dialogue <<END
$EHLO
$(begins)
C: Subject: long
C:
FILE $BATS_TEST_TMPDIR/long
C: .
S: 55[24] 5.[36].* max_size*
$(gives)
$BYE
END
    said 0
    peer_done
    assert_same "$(field Subject)" AAA
}

# --- RSET, and what else ends a message ---------------------------------------------------

@test "RSET after a failure repeats the reason, once" {
    peer <<END
@587
@login
C: MAIL FROM:<mallory@mail.test>*
S: 553 5.7.1 not your address
C*: RSET
S: 250 ok
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C*: RSET
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<mallory@mail.test>
S: 553 5.7.1 not your address
C: RSET
S: 250 *5.7.1 not your address*
C: RSET
S: 250 *
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RSET
S: 250 *5.1.1 no such user*
C: RSET
S: 250 *
$BYE
END
    said 0
    peer_stop
    assert_same "$(grep -c '^S: 250.*not your address' <<<"$output")" 1
    assert_same "$(grep -c '^S: 250.*no such user' <<<"$output")" 1
}

@test "after a message that went RSET has nothing to repeat" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 Ok: queued as AAA
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<nobody@mail.test>
S: 550 *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
$(goes)
C: RSET
S: 250 *
$BYE
END
    said 0
    peer_done
    refute_in - '^S: 250.*no such user' <<<"$output"
}

# ends_message COMMAND: it ends the message under way, here and at the server.
ends_message() {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<eve@mail.test>
S: 250 2.1.5 recipient ok
C: RSET
S: 250 ok
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<eve@mail.test>
S: 250 *
C: $1
S: 250*
C: RCPT TO:<bob@mail.test>
S: 503 *
C: DATA
S: 503 *
$(gives)
$BYE
END
    said 0
    peer_done
    connections 1
}

@test "RSET ends the message under way, at the server too" {
    ends_message RSET
}

@test "EHLO ends the message under way, at the server too" {
    ends_message 'EHLO shop.test'
}

@test "HELO ends the message under way, at the server too" {
    ends_message 'HELO shop.test'
}

# --- Bad callers --------------------------------------------------------------------------

@test "a line of 2048 bytes is taken, a longer one gets 500 and is skipped whole" {
    peer_takes AAA
    profile
    pad=$(printf '%2041s' '' | tr ' ' x)
    long=$(printf '%70000s' '' | tr ' ' x)
    dialogue <<END
$HELLO
C: NOOP $pad
S: 250 *
C: NOOP x$pad
S: 500 *
C: NOOP $long QUIT
S: 500 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "the thousand and first bad command gets 421 and ends the session" {
    alone
    dialogue <<END
$HELLO
$(yes 'C: BAD' | head -n 1000)
$(yes 'S: 500 *' | head -n 1000)
C: NOOP
S: 250 *
C: BAD
S: 421 *
END
    said 0
    no_peer
}

@test "bad commands within a message end in 421 too, nothing is sent, and the log has its line" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
$(begins | head -n 4)
$(yes 'C: BAD' | head -n 1001)
$(yes 'S: 500 *' | head -n 1000)
S: 421 *
END
    said 0
    peer_done
    nothing_sent
    log_lines 1
}

@test "a NUL in a command gets 500, and what stands before it isn't done" {
    alone
    dialogue <<'END'
S: 220 *
C\: MAIL FROM:<alice@mail.test>\x00x\r\n
S: 500 *
C\: QUIT\x00\r\n
S: 500 *
C: NOOP
S: 250 *
C: QUIT
S: 221 *
END
    said 0
    no_peer
}

@test "commands out of order get 503, and spoil nothing" {
    peer_takes AAA
    profile
    dialogue <<END
$HELLO
C: RCPT TO:<eve@mail.test>
S: 503 *
C: DATA
S: 503 *
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: DATA
S: 5[05][34] *
C: MAIL FROM:<eve@mail.test>
S: 503 *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: DATA
S: 354 *
$(goes)
C: DATA
S: 503 *
C: RCPT TO:<eve@mail.test>
S: 503 *
$BYE
END
    said 0
    peer_done
    refute_in "$PEER/log" eve
}

# --- Line ends and dots: the content, byte by byte ----------------------------------------

@test "a caller that writes bare LF ends with LF.LF" {
    peer_takes AAA BBB
    profile
    dialogue <<END
S: 220 *
L: HELO shop.test
S: 250 *
L: MAIL FROM:<alice@mail.test>
L: RCPT TO:<bob@mail.test>
L: DATA
S: 250 *
S: 250 *
S: 354 *
L: Subject: AAA
L:
L: ..one dot
L: x
L: .
S: 250 2.0.0 Ok: queued as AAA
L: MAIL FROM:<alice@mail.test>
L: RCPT TO:<bob@mail.test>
L: DATA
S: 250 *
S: 250 *
S: 354 *
L: Subject: BBB
L:
C: .
S: 250 2.0.0 Ok: queued as BBB
L: QUIT
S: 221 *
END
    said 0
    peer_done
    assert_same "$(body 1)" $'.one dot\nx'
    assert_same "$(field Subject 2)" BBB
}

@test "to a caller that writes CRLF no other line end ends the content" {
    content "${WHOLE_CRLF}\\r\\na\\n.\\nb\\n.\\r\\nc\\r.\\rd\\r.\\r\\ne\\r\\n.\\rf\\r\\n.\\r\\n" \
        "${WHOLE_CRLF}\\r\\na\\r\\n..\\r\\nb\\r\\n..\\r\\nc\\r\\n..\\r\\nd\\r\\n..\\r\\ne\\r\\n\\r\\nf\\r\\n.\\r\\n"
}

@test "CRLF.LF isn't the end to a caller that writes CRLF" {
    content "${WHOLE_CRLF}\\r\\na\\r\\n.\\nMAIL FROM:<eve@mail.test>\\r\\n.\\r\\n" \
        "${WHOLE_CRLF}\\r\\na\\r\\n\\r\\nMAIL FROM:<eve@mail.test>\\r\\n.\\r\\n"
}

@test "commands behind a false end stay content" {
    false_end='\nMAIL FROM:<eve@mail.test>\r\nRCPT TO:<eve@mail.test>\r\nDATA\r\n'
    content "${WHOLE_CRLF}\\r\\na\\n.${false_end}b\\r.${false_end}c\\r\\n.\\r\\n" \
        "${WHOLE_CRLF}\\r\\na\\r\\n..\\r${false_end}b\\r\\n..\\r${false_end}c\\r\\n.\\r\\n"
    assert_same "$(grep -c '< RCPT' "$PEER/log")" 1
}

@test "dots at the starts of lines are undone and made again" {
    dotted='..\r\n...\r\n..a\r\n.. \r\n....b\r\nc.\r\n'
    content "${WHOLE_CRLF}\\r\\n$dotted.\\r\\n" "${WHOLE_CRLF}\\r\\n$dotted.\\r\\n"
}

@test "a dot that the caller didn't double goes, and the rest of its line stays" {
    content "${WHOLE_CRLF}\\r\\n.a\\r\\n. b\\r\\n.\\r\\n" "${WHOLE_CRLF}\\r\\na\\r\\n b\\r\\n.\\r\\n"
}

@test "a message that is a header alone needs no blank line" {
    content "$WHOLE_CRLF.\\r\\n" "$WHOLE_CRLF\\r\\n.\\r\\n"
}

# smtplib, given bytes, leaves their line ends alone but doubles their dots.
@test "behind commands with CRLF, dots that a caller with bare LF has doubled are undone" {
    content "$WHOLE\\n..dot\\n....\\n..\\nend\\r\\n.\\r\\n" \
        "$WHOLE_CRLF\\r\\n..dot\\r\\n....\\r\\n..\\r\\nend\\r\\n.\\r\\n"
}

@test "a NUL in the content is dropped, with a warning in the log" {
    content "${WHOLE_CRLF}\\r\\na\\0000b\\r\\n.\\r\\n" "${WHOLE_CRLF}\\r\\nab\\r\\n.\\r\\n"
    assert_in "$BATS_TEST_TMPDIR/log" 'warn=.*NUL'
}

@test "an empty message is refused, and the next goes" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RSET
S: 250 ok
$(takes)
C*: QUIT
END
    profile
    dialogue <<END
$HELLO
$(begins)
C: .
S: 554 *
$(gives)
$BYE
END
    said 0
    peer_done
}

@test "a dialogue that comes byte by byte is the same" {
    printf %b "EHLO shop.test\\r\\nMAIL FROM:<alice@mail.test>\\r\\nRCPT TO:<bob@mail.test>\\r\\n" \
        >"$BATS_TEST_TMPDIR/head"
    printf %b "${WHOLE_CRLF}\\r\\n..\\r\\na\\n.\\n.b\\r\\n...c\\r\\nd\\r\\n.\\r\\n" \
        >"$BATS_TEST_TMPDIR/content"
    printf %b "${WHOLE_CRLF}\\r\\n..\\r\\na\\r\\n..\\r\\n..b\\r\\n...c\\r\\nd\\r\\n.\\r\\n" \
        >"$BATS_TEST_TMPDIR/wanted"
    peer_takes AAA
    profile
    dialogue <<END
S: 220 *
TRICKLE $BATS_TEST_TMPDIR/head
S: 250-*
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
C: DATA
S: 354 *
TRICKLE $BATS_TEST_TMPDIR/content
S: 250 2.0.0 Ok: queued as AAA
$BYE
END
    said 0
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

# Two patterns (dots and false ends; the true end itself) put so that every byte of theirs lies
# once at the end of every buffer on the way: 4096 and 8192 bytes, and what is left of them.
@test "a buffer may end at every byte of dots and line ends" {
    "$PYTHON" - "$BATS_TEST_TMPDIR" "$WHOLE_CRLF" >"$BATS_TEST_TMPDIR/script" <<'PY'
import os, sys
folder, header = sys.argv[1], sys.argv[2].replace("\\r\\n", "\r\n").encode() + b"\r\n"
parts = ((b"\r\n.\r\n", b"\r\n.\r\n"),
         (b"\r\n..\r\n.\n.x\r\n\r.\r\n...a\r\n.\r\n",
          b"\r\n..\r\n\r\n..x\r\n\r\n..\r\n...a\r\n.\r\n"))
print("S: 220 *\nC: HELO shop.test\nS: 250 *")
n = 0
for start in [*range(4060, 4102), *range(8164, 8206)]:
    # The part begins at this place of the content.
    before = header + b"".join(b"%068d\r\n" % i for i in range(120))[:start - len(header)]
    before = before.rstrip(b"\r\n").ljust(start, b"x")
    for part in parts:
        said, wanted = before + part[0], before + part[1]
        n += 1
        for name, data in (("said", said), ("wanted", wanted)):
            with open(os.path.join(folder, "%s.%d" % (name, n)), "wb") as file:
                file.write(data)
        print("C: MAIL FROM:<alice@mail.test>\nS: 250 *\nC: RCPT TO:<bob@mail.test>\nS: 250 *")
        print("C: DATA\nS: 354 *\nFILE %s/said.%d\nS: 250 2.0.0 *" % (folder, n))
print("C: QUIT\nS: 221 *")
PY
    peer < <(echo @587; echo @login; echo LOOP 168; takes; echo END; echo 'C*: QUIT')
    profile
    dialogue <"$BATS_TEST_TMPDIR/script"
    said 0
    peer_done
    for ((n = 1; n <= 168; n++)); do
        assert_bytes "$PEER/body.$n.raw" "$BATS_TEST_TMPDIR/wanted.$n"
    done
}

# --- Large messages -----------------------------------------------------------------------

# large LINES [MORE]: that many lines of 78 bytes, some of them with dots, arrive whole; MORE is for
# the end of the caller's script.
large() {
    "$PYTHON" - "$1" "$BATS_TEST_TMPDIR" "$WHOLE_CRLF" <<'PY'
import sys
lines, folder, header = int(sys.argv[1]), sys.argv[2], sys.argv[3].replace("\\r\\n", "\r\n")
text = "".join("%s%075d\r\n" % (".." if i % 7 == 0 else "x", i) for i in range(lines))
with open(folder + "/content", "w", newline="") as file:
    file.write(header + "\r\n" + text + ".\r\n")
PY
    peer_takes AAA BBB
    profile
    dialogue <<END
$EHLO
$(begins)
FILE $BATS_TEST_TMPDIR/content
S: 250 2.0.0 Ok: queued as AAA
$(gives BBB)
${2-}
$BYE
END
    said 0
    peer_done
    cmp "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/content"
    assert_same "$(field Subject 2)" BBB
}

@test "content a little over 128 KiB, and over 256, arrives whole, and a small one after it" {
    large 1681
    large 3361
}

@test "content of 25 MB arrives whole" {
    large 336000
}

# A sanitizer's memory is its own: not for such a binary.
# bats test_tags=cage
@test "content of 4 MB takes less than 2 MB of memory" {
    large 52000 'PEAK 2048'
}

# --- The content is repaired like any other message ---------------------------------------

@test "Bcc is removed; Date, Message-ID and From are added" {
    peer_takes AAA BBB
    profile
    dialogue <<END
$HELLO
$(begins)
C: To: bob@mail.test
C: Bcc: eve@mail.test,
C:  eva@mail.test
C: Resent-Bcc: eve@mail.test
C: Subject: AAA
C:
C: x
C: .
S: 250 2.0.0 Ok: queued as AAA
$(gives BBB)
$BYE
END
    said 0
    peer_done
    refute_in "$PEER/body.1" '^[Bb]cc|ev[ea]@'
    assert_in - '^(.* )?<?alice@mail.test>?$' < <(field From)
    assert_in - ' \+0000$' < <(field Date)
    assert_in - '^<.*@mail.test>$' < <(field Message-ID)
    assert_in - '^<.*@mail.test>$' < <(field Message-ID 2)
    [ "$(field Message-ID 1)" != "$(field Message-ID 2)" ] || fail "one Message-ID for two messages"
    assert_in - 'undisclosed-recipients:' < <(field To 2)
}

@test "what is there already stays as it is" {
    content "${WHOLE_CRLF}\\r\\nx\\r\\n.\\r\\n" "${WHOLE_CRLF}\\r\\nx\\r\\n.\\r\\n"
}

@test "content without a header gets a blank line in front" {
    peer_takes AAA
    profile
    dialogue <<END
$HELLO
$(begins)
C: just a line
C: .
S: 250 2.0.0 Ok: queued as AAA
$BYE
END
    said 0
    peer_done
    assert_same "$(body)" 'just a line'
}

@test "the From that is added is the sender of its own message" {
    peer < <(printf '%s\n' @587 @login; takes | sed 's/alice/ann/'; takes | sed 's/alice/ben/'
        echo 'C*: QUIT')
    profile
    dialogue < <(echo "$HELLO"; gives | sed 's/alice/ann/'; gives | sed 's/alice/ben/'; echo "$BYE")
    said 0
    peer_done
    assert_in - 'ann@mail.test' < <(field From 1)
    assert_in - 'ben@mail.test' < <(field From 2)
}

@test "a message that goes round in a loop is refused" {
    peer <<END
@587
@login
C: MAIL FROM:<alice@mail.test>*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C*: RSET
C*: QUIT
END
    profile max_hops=2
    dialogue <<END
$HELLO
$(begins)
C: Received: by a
C: Received: by b
C: Received: by c
C:
C: x
C: .
S: 55[0-9] *hops*
$BYE
END
    said 0
    peer_stop
    nothing_sent
}

# --- Real callers -------------------------------------------------------------------------

@test "Python's smtplib talks to it over a socket pair" {
    peer <<END
@587p
@login
C: MAIL FROM:<alice@mail.test> SIZE=*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: DATA
S: 354 go ahead
BODY
S: 250 2.0.0 Ok: queued as AAA
C: MAIL FROM:<alice@mail.test> SIZE=*
S: 250 2.1.0 sender ok
C: RCPT TO:<nobody@mail.test>
S: 550 5.1.1 no such user
C: RSET
S: 250 ok
C: MAIL FROM:<alice@mail.test> SIZE=*
S: 250 2.1.0 sender ok
C: RCPT TO:<bob@mail.test>
S: 250 2.1.5 recipient ok
C: DATA
S: 354 go ahead
BODY
S: 554 5.7.1 spam
C*: QUIT
END
    profile
    cat >"$BATS_TEST_TMPDIR/client.py" <<'PY'
import smtplib, socket, subprocess, sys

ours, theirs = socket.socketpair()
process = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs)
theirs.close()

class Pair(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        return ours

client = Pair("localhost")
text = "From: alice@mail.test\r\nTo: bob@mail.test\r\nSubject: a test\r\n\r\n.dot\r\nGr\xfc\xdfe\r\n"
print(client.sendmail("alice@mail.test", ["bob@mail.test", "nobody@mail.test"],
                      text.encode("latin-1"), ["BODY=8BITMIME"]))
for to in "nobody@mail.test", "bob@mail.test":
    try:
        client.sendmail("alice@mail.test", [to], text.encode("latin-1"))
    except smtplib.SMTPException as error:
        print(repr(error))
print(client.quit())
sys.exit(process.wait())
PY
    run --separate-stderr timeout 30 "$PYTHON" "$BATS_TEST_TMPDIR/client.py" "$BIN/sendmail" -bs
    said 0
    peer_done
    assert_same "${lines[0]}" "{'nobody@mail.test': (550, b'5.1.1 no such user')}"
    assert_in - '^SMTPRecipientsRefused.*550, .*5.1.1 no such user' <<<"${lines[1]}"
    assert_in - '^SMTPDataError\(554, .*5.7.1 spam' <<<"${lines[2]}"
    assert_in - '^\(221, ' <<<"${lines[3]}"
    assert_same "$(body | head -n 1)" .dot
}

# What a first MAIL has fetched, before it failed for want of something else, is no part of what the
# next one fetches: the password would be said twice in a row.
@test "a MAIL that failed for want of a secret leaves nothing to the log-in of the next" {
    local T=$BATS_TEST_TMPDIR
    peer < <(printf '%s\n' '@465p' 'SASL PLAIN alice s3cret-alice'; takes AAA; echo 'C*: QUIT')
    profile tls=implicit auth=PLAIN oauth_token_file="$T/token"
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.5 *$T/token*
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.5 *$T/token*
DO umask 077; echo t0ken >$T/token
$(gives AAA)
$BYE
END
    said 0
    peer_done
    assert_in "$PEER/log" ' SASL PLAIN alice$'
}

@test "a MAIL that failed for want of a certificate leaves nothing to the log-in of the next" {
    local T=$BATS_TEST_TMPDIR
    (umask 077; echo t0ken >"$T/token")
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' \
        'S: 250 AUTH XOAUTH2' 'SASL XOAUTH2 alice t0ken'; takes AAA; echo 'C*: QUIT')
    profile tls=implicit auth=XOAUTH2 password= oauth_token_file="$T/token" \
        tls_cert="$T/client.pem"
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 451 4.3.5 *$T/client.pem*
DO umask 077; cat $CERTS/good.pem $CERTS/good.key >$T/client.pem
$(gives AAA)
$BYE
END
    said 0
    peer_done
    assert_in "$PEER/log" ' SASL XOAUTH2 alice$'
}

# As the mailers of PHP's frameworks do it: HELO only, a command at a time, no QUIT at the end.
@test "a PHP mailer talks to it by proc_open" {
    need php
    peer_takes AAA BBB
    profile
    cat >"$BATS_TEST_TMPDIR/client.php" <<'PHP'
<?php
$process = proc_open($argv[1] . ' -bs', [['pipe', 'r'], ['pipe', 'w']], $pipes);
function reply($pipe) {
    do { $line = fgets($pipe); echo $line; } while ($line !== false && ($line[3] ?? '') === '-');
    return $line;
}
function say($command, $wanted) {
    global $pipes;
    fwrite($pipes[0], $command); fflush($pipes[0]);
    $line = reply($pipes[1]);
    if (strpos($line, $wanted) !== 0) { fwrite(STDERR, "$command: $line"); exit(1); }
}
reply($pipes[1]);
say("HELO [127.0.0.1]\r\n", '250');
foreach (['AAA', 'BBB'] as $id) {
    say("MAIL FROM:<alice@mail.test>\r\n", '250');
    say("RCPT TO:<bob@mail.test>\r\n", '250');
    say("DATA\r\n", '354');
    fwrite($pipes[0], "Subject: $id\r\nTo: bob@mail.test\r\n\r\n..dot\r\n");
    fwrite($pipes[0], "Hello\r\n");
    say("\r\n.\r\n", "250 2.0.0 Ok: queued as $id");
    say("NOOP\r\n", '250');
}
fclose($pipes[0]);
fclose($pipes[1]);
exit(proc_close($process));
PHP
    run --separate-stderr timeout 30 php "$BATS_TEST_TMPDIR/client.php" "$BIN/sendmail"
    said 0
    peer_done
    assert_same "$(field Subject 2)" BBB
    assert_same "$(body 1 | head -n 1)" .dot
}

@test "a caller who waits for a greeting isn't waited for where the command line is wrong" {
    profile
    run --separate-stderr timeout 10 "$BIN/sendmail" -bs -f < <(sleep 20)
    assert_status 64
    assert_one_line
}
