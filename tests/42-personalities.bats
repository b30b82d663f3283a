# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2030,SC2031,SC2154   # scripts for bash -c; each test is a subshell; lib's variables
# The names we are called by, and the modes of -b.

load lib
load face

setup() { setup_case; }
teardown() { teardown_case; }

# --- names -----------------------------------------------------------------------------------
# Goal: the last part of argv[0] decides.

@test "send-mail, sendmail.anything and any other name are sendmail" {
    called send-mail sendmail.mailchute mini_sendmail x
    one_peer
    row name=send-mail : -i WHO
    row name=sendmail.mailchute : WHO
    row name=mini_sendmail in='To: WHO\n\nx\n' : -t
    row name=x : WHO
    rows_done
}

@test "a name with a path in argv[0] counts by its last part" {
    run --separate-stderr bash -c 'exec -a /usr/bin/mailq "$0"' "$MC"
    assert_status 0
    [ "$output" = 'Mail queue is empty' ]
    profile
    run --separate-stderr bash -c 'exec -a ../mailq/sendmail "$0" </dev/null' "$MC"
    assert_status 64
}

@test "no name at all is sendmail" {
    one_peer
    # Neither bash nor Python's own exec can make an empty argv[0].
    run --separate-stderr "$PYTHON" -c '
import ctypes, sys
words = (ctypes.c_char_p * 4)(b"", b"-i", b"bob@mail.test", None)
ctypes.CDLL(None).execv(sys.argv[1].encode(), words)' "$MC" < <(message)
    assert_status 0
    assert_silent
    assert_in "$PEER/log" '< RCPT TO:<bob@mail.test>$'
}

@test "mailq says that the queue is empty, whatever flags it gets" {
    called mailq
    local -a flags
    for flags in '' -v -Ac -q '-oQ/x' -bp '-C /x'; do
        read -ra flags <<<"$flags"
        NAME=mailq run --separate-stderr idle "${flags[@]}"
        assert_status 0
        [ "$output" = 'Mail queue is empty' ]
        [ -z "$stderr" ]
    done
}

@test "mailq needs no profile" {
    called mailq
    rm -f "$MAILCHUTE_CONFIG"
    NAME=mailq run --separate-stderr idle
    assert_status 0
    [ "$output" = 'Mail queue is empty' ]
}

@test "mailq tells if it could not print" {
    called mailq
    run --separate-stderr bash -c 'exec "$0" >/dev/full' "$BIN/mailq"
    [ "$status" != 0 ]
}

@test "--help and --version tell if they could not be printed" {
    called mailchute
    local flag
    for flag in --help --version; do
        run --separate-stderr bash -c 'exec "$0" "$1" >/dev/full' "$BIN/mailchute" "$flag"
        [ "$status" != 0 ] || fail "$flag: status 0"
        run --separate-stderr "$BIN/mailchute" "$flag"
        assert_status 0
    done
}

@test "newaliases checks the aliases and reads no input" {
    called newaliases
    profile '[aliases]' 'root = ops@mail.test'
    NAME=newaliases run --separate-stderr idle
    assert_status 0
    profile '[aliases]' 'root = |/bin/sh'
    NAME=newaliases run --separate-stderr idle
    assert_status 78
    assert_one_line
    assert_output_has '|/bin/sh'
}

@test "newaliases checks aliases_file, too" {
    called newaliases
    printf 'root: ops@mail.test\nops: "|/bin/sh"\n' >"$BATS_TEST_TMPDIR/aliases"
    profile "aliases_file=$BATS_TEST_TMPDIR/aliases"
    NAME=newaliases run --separate-stderr idle
    assert_status 78
    assert_one_line
    assert_output_has ops
    printf 'root: ops@mail.test\nops: a, b\n' >"$BATS_TEST_TMPDIR/aliases"
    NAME=newaliases run --separate-stderr idle
    assert_status 0
}

@test "newaliases takes * for no name, and a file that others can write for none" {
    called newaliases
    profile '[aliases]' '* = ops@mail.test' 'root = *@mail.test'
    NAME=newaliases run --separate-stderr idle
    assert_status 0
    printf 'root: ops@mail.test\n' >"$BATS_TEST_TMPDIR/aliases"
    chmod o+w "$BATS_TEST_TMPDIR/aliases"
    profile "aliases_file=$BATS_TEST_TMPDIR/aliases"
    NAME=newaliases run --separate-stderr idle
    assert_status 78
    assert_one_line
    assert_output_has "chmod o-w $BATS_TEST_TMPDIR/aliases"
}

@test "newaliases looks at the values of a name, also if no address can have it" {
    called newaliases
    printf '%s: |/bin/sh\n' "$(printf 'x%.0s' {1..500})" >"$BATS_TEST_TMPDIR/aliases"
    profile "aliases_file=$BATS_TEST_TMPDIR/aliases"
    NAME=newaliases run --separate-stderr idle
    assert_status 78
    assert_output_has '|/bin/sh'
    printf '%s: ops@mail.test\n' "$(printf 'x%.0s' {1..500})" >"$BATS_TEST_TMPDIR/aliases"
    NAME=newaliases run --separate-stderr idle
    assert_status 0
}

@test "newaliases without a profile is 78" {
    called newaliases
    rm -f "$MAILCHUTE_CONFIG"
    NAME=newaliases run --separate-stderr idle
    assert_status 78
    assert_one_line
}

@test "runq, hoststat and purgestat do nothing, silently, and read no input" {
    called runq hoststat purgestat
    rm -f "$MAILCHUTE_CONFIG"
    local name
    for name in runq hoststat purgestat; do
        NAME=$name run --separate-stderr idle
        assert_status 0
        assert_silent
        NAME=$name run --separate-stderr idle -v
        assert_status 0
        assert_silent
    done
}

@test "smtpd is no daemon: 64, and no input is read" {
    called smtpd
    NAME=smtpd run --separate-stderr idle
    assert_status 64
    assert_one_line
    assert_output_has 'no daemon mode'
}

@test "rmail takes its recipients from the command line, and no dot ends its input" {
    called rmail
    one_peer
    KEYS=(dot_ends=yes)
    profile tls=implicit dot_ends=yes
    row name=rmail has='^behind$' lacks='^>?From ' \
        in='From uucp Mon Jan  1 00:00:00 2024 remote from host\nTo: x@mail.test\n\n.\nbehind\n' : WHO
    row name=rmail mail='<bob@mail.test>' : -f bob@mail.test WHO
    rows_done
}

@test "rmail without a recipient is 64" {
    called rmail
    profile
    run --separate-stderr "$BIN/rmail" < <(message)
    assert_status 64
    assert_one_line
}

@test "mailchute with a flag first is sendmail" {
    called mailchute
    one_peer
    row name=mailchute in='To: WHO\n\nx\n' : -t -i
    row name=mailchute : -i WHO
    row name=mailchute : -- WHO
    rows_done
    NAME=mailchute run --separate-stderr idle -bp
    assert_status 0
    [ "$output" = 'Mail queue is empty' ]
}

@test "mailchute by itself, or with a word, is the admin command" {
    called mailchute
    profile
    NAME=mailchute run --separate-stderr idle
    assert_status 64
    assert_one_line
    NAME=mailchute run --separate-stderr idle bob@mail.test
    assert_status 64
    assert_one_line
    NAME=mailchute run --separate-stderr idle show
    assert_status 0
    assert_in - '^\[default\]$' <<<"$output"
    NAME=mailchute run --separate-stderr idle --version
    assert_status 0
    [[ $output == 'mailchute '[0-9]* ]]
    NAME=mailchute run --separate-stderr idle --help
    assert_status 0
    [ -n "$output" ]
}

@test "sendmail's --version, --help and -d0.1 print, where nothing is to be sent, and read nothing" {
    local flag
    for flag in --version -d0.1; do
        run --separate-stderr idle "$flag"
        assert_status 0
        [[ $output == 'mailchute '[0-9]* ]]
        [ -z "$stderr" ]
    done
    run --separate-stderr idle --help
    assert_status 0
    assert_in - 'sendmail' <<<"$output"
}

# --- modes ------------------------------------------------------------------------------------
# Goal: each of -b's letters, and what it does to stdin.

@test "-bm and -ba send, the mode attached or separate, and the last mode counts" {
    one_peer
    row : -bm WHO
    row : -ba WHO
    row : -b m WHO
    row : -b a WHO
    row : -bs -bm WHO
    row : -bd -ba WHO
    rows_done
}

@test "-bp prints an empty queue, -bP a nought; neither reads input nor needs a profile" {
    rm -f "$MAILCHUTE_CONFIG"
    run --separate-stderr idle -bp
    assert_status 0
    [ "$output" = 'Mail queue is empty' ]
    run --separate-stderr idle -b p -v
    assert_status 0
    [ "$output" = 'Mail queue is empty' ]
    run --separate-stderr idle -bP
    assert_status 0
    [ "$output" = 0 ]
}

@test "-bi and -I check the aliases" {
    local flag
    for flag in -bi -I '-b i'; do
        read -ra flag <<<"$flag"
        profile '[aliases]' 'root = ops@mail.test'
        run --separate-stderr idle "${flag[@]}"
        assert_status 0
        profile '[aliases]' 'root = /var/mail/root'
        run --separate-stderr idle "${flag[@]}"
        assert_status 78
        assert_one_line
    done
}

@test "-bh and -bH do nothing, and read nothing" {
    local flag
    for flag in -bh -bH; do
        run --separate-stderr idle "$flag"
        assert_status 0
        assert_silent
    done
}

@test "-q and -Q in every form do nothing, and read nothing" {
    local flag
    for flag in -q -q30m -q1h30m -qIabc -qR.test -qS.test -qp -qf -qGname -Q -Qreason; do
        run --separate-stderr idle "$flag"
        assert_status 0
        assert_silent
    done
    run --separate-stderr idle -v -q
    assert_status 0
    assert_silent
}

@test "-bd -bD -bl are 64, no daemon mode, and stdin is not read" {
    local -a flags
    for flags in -bd -bD -bl '-b d' '-bd -q30m' '-q30m -bd' '-L sm-mta -bd -q1h'; do
        read -ra flags <<<"$flags"
        run --separate-stderr idle "${flags[@]}"
        assert_status 64
        assert_one_line
        assert_output_has 'no daemon mode'
    done
    # Not even for a caller with a message: nobody sends one to a daemon.
    run --separate-stderr idle -bd bob@mail.test
    assert_status 64
}

@test "-bt -be -bz -bC are 64, with a pointer to mailchute's own command" {
    local flag
    for flag in -bt -be -bz -bC; do
        run --separate-stderr "$BIN/sendmail" "$flag" </dev/null
        assert_status 64
        assert_one_line
        assert_output_has 'mailchute '
    done
}

@test "a mode that is not there says nothing on stderr with -oeq" {
    local flag
    for flag in -bd -bt; do
        run --separate-stderr "$BIN/sendmail" -oeq "$flag" </dev/null
        assert_status 64
        assert_silent
    done
}

# --- -bv ----------------------------------------------------------------------------------------
# Goal: the server is asked about each recipient; its words, a line each; 0, or 67.

# verifier RCPT-REPLY...: a peer that is asked about so many recipients, and is sent no content.
verifier() {
    local answer
    peer < <(
        printf '%s\n' "${OFFER:-@465p}" @login 'C: MAIL FROM:<*' 'S: 250 2.1.0 ok'
        for answer; do
            printf '%s\n' 'C: RCPT TO:<*' "S: $answer"
        done
        printf '%s\n' 'C*: RSET' 'S: 250 2.0.0 ok' DRAIN
    )
    profile tls=implicit "${KEYS[@]}"
}

@test "-bv: MAIL, RCPT each; a line each; 0 where all are taken; stdin is not read" {
    verifier '250 2.1.5 ok' '250 2.1.5 fine'
    run --separate-stderr idle -bv -f carol@mail.test bob@mail.test 'Dave <dave@other.test>'
    assert_status 0
    [ "$output" = $'bob@mail.test: 250 2.1.5 ok\ndave@other.test: 250 2.1.5 fine' ]
    [ -z "$stderr" ]
    peer_done
    assert_in "$PEER/log" '^1 < MAIL FROM:<carol@mail.test>'
    refute_in "$PEER/log" '^1 < DATA'
}

@test "-bv takes its transaction back by RSET" {
    verifier '250 2.1.5 ok'
    run --separate-stderr idle -bv bob@mail.test
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < RSET$'
}

@test "-bv: 67 where one is refused, in the server's words, and the others are asked all the same" {
    verifier '250 2.1.5 ok' '550 5.1.1 no such user here' '250 2.1.5 ok'
    run --separate-stderr idle -bv a@mail.test b@mail.test c@mail.test
    assert_status 67
    [ "${#lines[@]}" = 3 ]
    [ "${lines[0]}" = 'a@mail.test: 250 2.1.5 ok' ]
    [ "${lines[1]}" = 'b@mail.test: 550 5.1.1 no such user here' ]
    [ "${lines[2]}" = 'c@mail.test: 250 2.1.5 ok' ]
    peer_done
}

@test "-bv: what can't be written is 71, a refusal 67 all the same" {
    verifier '250 2.1.5 ok' '250 2.1.5 ok'
    run --separate-stderr bash -c 'exec "$0" -bv a@mail.test b@mail.test >/dev/full' "$BIN/sendmail"
    assert_status 71
    assert_output_has 'cannot write to standard output'
    verifier '250 2.1.5 ok' '550 5.1.1 no such user here'
    run --separate-stderr bash -c 'exec "$0" -bv a@mail.test b@mail.test >/dev/full' "$BIN/sendmail"
    assert_status 67
}

@test "-bv: a recipient put off is neither 0 nor 67" {
    verifier '450 4.2.0 greylisted' '250 2.1.5 ok'
    run --separate-stderr idle -bv a@mail.test b@mail.test
    assert_status 69
    assert_in - '^a@mail.test: 450 4.2.0 greylisted$' <<<"$output"
    assert_in - '^b@mail.test: 250 2.1.5 ok$' <<<"$output"
    peer_done
}

@test "-bv takes tempfail_exit where a recipient is put off" {
    KEYS=(tempfail_exit=75)
    verifier '450 4.2.0 greylisted'
    run --separate-stderr idle -bv a@mail.test
    assert_status 75
    peer_done
}

@test "-bv goes through the aliases" {
    KEYS=('[aliases]' 'root = ops@mail.test, dev@mail.test')
    verifier '250 ok' '250 ok'
    run --separate-stderr idle -bv root
    assert_status 0
    assert_in "$PEER/log" '^1 < RCPT TO:<ops@mail.test>$'
    assert_in "$PEER/log" '^1 < RCPT TO:<dev@mail.test>$'
    [ "${#lines[@]}" = 2 ]
    peer_done
}

@test "-bv asks the server of the section that matches the sender" {
    verifier '250 2.1.5 ok'
    profile host=localhost:1 tls=implicit '[shop]' "host = localhost:$PORT" 'match = *@shop.test'
    run --separate-stderr idle -bv -f a@shop.test bob@mail.test
    assert_status 0
    [ "$output" = 'bob@mail.test: 250 2.1.5 ok' ]
    peer_done
}

@test "-bv: sender, domain and aliases are those of the section that matches" {
    verifier '250 2.1.5 ok' '250 2.1.5 ok'
    echo 'ops: dev' >"$BATS_TEST_TMPDIR/aliases"
    profile host= tls=implicit '[shop]' "host = localhost:$PORT" 'match = *@mail.test' \
        'from = shop@shop.test' 'domain = shop.test' "aliases_file = $BATS_TEST_TMPDIR/aliases"
    run --separate-stderr idle -bv ops bob
    assert_status 0
    [ "$output" = $'dev@shop.test: 250 2.1.5 ok\nbob@shop.test: 250 2.1.5 ok' ]
    assert_in "$PEER/log" '^1 < MAIL FROM:<shop@shop.test>'
    peer_done
}

@test "-bv: a section that matches is checked, and no password goes in clear by it" {
    peer < <(printf '%s\n' @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250 AUTH PLAIN' DRAIN)
    profile '[shop]' 'match = *' 'tls = off'
    run --separate-stderr idle -bv bob@mail.test
    assert_status 78
    assert_one_line
    assert_output_has '[shop]: tls = off, and a log-in'
    refute_in "$PEER/log" CONNECT
}

@test "-bv writes to one line whatever a server answers in many" {
    peer < <(printf '%s\n' @465p @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 550-5.1.1 no' \
        'S: 550 5.1.1 such user' 'C*: RSET' 'S: 250 ok' DRAIN)
    profile tls=implicit
    run --separate-stderr idle -bv bob@mail.test
    assert_status 67
    [ "${#lines[@]}" = 1 ]
    [[ $output == 'bob@mail.test: 550'*'no'*'such user' ]]
}

@test "-bv: what keeps us from asking is one line on stderr, with its own status" {
    profile
    run --separate-stderr idle -bv bob@mail.test
    assert_status 69
    assert_one_line
    [ -z "$output" ]
    rm -f "$MAILCHUTE_CONFIG"
    run --separate-stderr idle -bv bob@mail.test
    assert_status 78
    assert_one_line
}

@test "-bv: a sender refused, and a log-in refused, are told" {
    peer < <(printf '%s\n' @465p @login 'C: MAIL *' 'S: 550 5.7.1 not you' DRAIN)
    profile tls=implicit
    run --separate-stderr idle -bv bob@mail.test
    assert_status 69
    assert_one_line
    assert_output_has '550 5.7.1 not you'
    peer_stop
    peer < <(printf '%s\n' @465p 'C: AUTH *' 'S: 535 5.7.8 wrong' DRAIN)
    profile tls=implicit
    run --separate-stderr idle -bv bob@mail.test
    assert_status 77
    assert_output_has '535 5.7.8 wrong'
}

@test "-bv: a server that goes away leaves no 0" {
    peer < <(printf '%s\n' @465p @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: RCPT *' CUT)
    profile tls=implicit
    run --separate-stderr idle -bv a@mail.test b@mail.test
    assert_status 69
    assert_one_line
    [ "$output" = 'a@mail.test: 250 ok' ]
}

@test "-bv without a recipient is 64, and with a wrong one 65" {
    profile
    run --separate-stderr idle -bv
    assert_status 64
    assert_one_line
    run --separate-stderr idle -bv 'a b@mail.test'
    assert_status 65
    assert_one_line
}

@test "-bv: what is wrong with the profile or its secret is 78, and nobody is asked" {
    local line
    for line in helo=localhost password_file=/nowhere reply_to=bob; do
        profile password= "$line"
        run --separate-stderr idle -bv bob@mail.test
        assert_status 78
        assert_one_line
    done
}

@test "-bv of an empty list is 64" {
    profile
    run --separate-stderr idle -bv ,
    assert_status 64
    assert_one_line
}

@test "-bv -oeq says nothing on stderr" {
    profile
    run --separate-stderr idle -bv -oeq bob@mail.test
    assert_status 69
    assert_silent
}

@test "-bv: what was answered stands, though the server goes before the end" {
    peer < <(printf '%s\n' @465p @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 fine' 'RESET')
    profile tls=implicit
    run --separate-stderr idle -bv a@mail.test
    assert_status 0
    [ "$output" = 'a@mail.test: 250 fine' ]
    [ -z "$stderr" ]
}
