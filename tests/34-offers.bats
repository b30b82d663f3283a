#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The same messages at real servers that offer PIPELINING and CHUNKING, one of them, or neither:
# Postfix and Exim in all four ways, Dovecot's submission server (both), aiosmtpd and OpenSMTPD
# (neither). Each takes them, and refusals are told in its words.

load lib

# All at once; what failed to start is told by the tests of it.
setup_file() {
    local i
    local -a starting
    export CERTS=${CERTS:-$ROOT/build/tests/certs} OWN=$BATS_FILE_TMPDIR
    "$ROOT/tests/certs/make" "$CERTS" 3>&-
    export POSTFIX EXIM DOVECOT OPENSMTPD SINK=$OWN/sink
    POSTFIX=$(postfix_place) EXIM=$(postfix_place) DOVECOT=$(postfix_place)
    OPENSMTPD=$(postfix_place)
    mkdir "$SINK"
    "$PYTHON" "$ROOT/tests/servers/sink.py" --cert "$CERTS/good.pem" --key "$CERTS/good.key" \
        --dir "$SINK" --refuse nobody-here@mail.test </dev/null >"$OWN/SINK" 2>&1 3>&- 4>&- &
    echo "$!" >"$OWN/sink.pid"
    start POSTFIX "$ROOT/tests/servers/postfix" start --offers "$POSTFIX" "$CERTS" &
    starting+=("$!")
    start EXIM "$ROOT/tests/servers/exim" start "$EXIM" "$CERTS" &
    starting+=("$!")
    start OPENSMTPD "$ROOT/tests/servers/jailed" start opensmtpd "$OPENSMTPD" "$CERTS" &
    starting+=("$!")
    for ((i = 0; i < 200; i++)); do
        [ ! -e "$SINK/ports" ] || break
        sleep 0.05
    done
    echo "$((i == 200))" >"$OWN/SINK.status"
    wait "${starting[@]}"
    # Before a Postfix, which takes whatever Dovecot makes of a message.
    start DOVECOT "$ROOT/tests/servers/jailed" start dovecot "$DOVECOT" "$CERTS" \
        "$(sed -n 's/^587-neither //p' "$POSTFIX/ports")"
}

# start NAME COMMAND...
start() {
    local status=0
    "${@:2}" </dev/null >"$OWN/$1" 2>&1 3>&- 4>&- || status=$?
    echo "$status" >"$OWN/$1.status"
}

teardown_file() {
    "$ROOT/tests/servers/postfix" stop "$POSTFIX" || true
    "$ROOT/tests/servers/exim" stop "$EXIM" || true
    "$ROOT/tests/servers/jailed" stop "$DOVECOT" || true
    "$ROOT/tests/servers/jailed" stop "$OPENSMTPD" || true
    kill "$(<"$OWN/sink.pid")" || true
    rm -rf "$POSTFIX" "$EXIM" "$DOVECOT" "$OPENSMTPD"
}

setup() { setup_case; }
teardown() { teardown_case; }

# at SERVER PORT [KEY=VALUE...]: the profile for that port of one of them. Sets BOX.
at() {
    local port keys=(user=alice@mail.test)
    case $(<"$OWN/$1.status") in
    0) ;;
    77)
        [ -z "${NO_SKIP:-}" ] || fail "$(<"$OWN/$1")" || return 1
        printf '# SKIPPED: %s: no %s here\n' "$BATS_TEST_DESCRIPTION" "$1" >&3
        skip "$(<"$OWN/$1")"
        ;;
    *) fail "$1 did not start:" "$(<"$OWN/$1")" || return 1 ;;
    esac
    case $1 in
    SINK) BOX=$SINK ;;
    DOVECOT) BOX=$POSTFIX/mail/new ;;
    *) BOX=${!1}/mail/new ;;
    esac
    case $1 in
    SINK) keys=(user=demo password=demo-password) ;;
    OPENSMTPD) keys=(user= password= tls=off) ;;
    esac
    case $2 in 465*) keys+=(tls=implicit) ;; esac
    port=$(sed -n "s/^$2 //p" "${!1}/ports")
    profile host="localhost:$port" "${keys[@]}" "${@:3}"
}

# send [-f SENDER] TO..: the message $BATS_TEST_TMPDIR/message, with a mark of its own.
send() {
    MARK=mark-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    run --separate-stderr "$BIN/sendmail" "$@" < <(
        printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: %s\n\n' "$MARK"
        cat "$BATS_TEST_TMPDIR/body")
}

# arrives: the message with the mark is there, or comes, and its body is what was sent.
arrives() {
    local i file=''
    for ((i = 0; i < 200; i++)); do
        file=$(grep -rlaF "Subject: $MARK" "$BOX" | grep -v '\.new$' | head -n 1) || true
        [ -z "$file" ] || break
        sleep 0.05
    done
    [ -n "$file" ] || fail "nothing arrived" || return 1
    tr -d '\r' <"$file" | sed '1,/^$/d' | cmp - "$BATS_TEST_TMPDIR/body"
}

# takes_all SERVER PORT WAY: messages of all kinds arrive there; the content goes by BDAT or DATA.
takes_all() {
    local body=$BATS_TEST_TMPDIR/body
    at "$1" "$2"
    yes '.a line of the body, that begins with a dot' | head -c 2000 >"$body"
    echo >>"$body"
    send bob@mail.test
    assert_status 0
    assert_silent
    arrives
    # Two chunks, and more than a flight's.
    yes 'a line of a longer body' | head -n 1300 >"$body"
    send bob@mail.test carol@mail.test
    assert_status 0
    assert_silent
    arrives
    yes 'a line of a body that is longer still' | head -n 4000 >"$body"
    send bob@mail.test
    assert_status 0
    arrives
    printf 'gr\xc3\xbcn\n.\n\xe2\x82\xac\n' >"$body"
    send -v bob@mail.test
    assert_status 0
    arrives
    assert_in - "^C: $3" <<<"$output$stderr"
    refute_in - "^C: $([ "$3" = BDAT ] && echo DATA || echo BDAT)" <<<"$output$stderr"
}

# tells SERVER PORT: a refused recipient among others, alone, and a refused sender.
tells() {
    at "$1" "$2"
    echo 'a body' >"$BATS_TEST_TMPDIR/body"
    send bob@mail.test nobody-here@mail.test carol@mail.test
    assert_status 67
    assert_one_line
    assert_in - ': delivered to 2 of 3 recipients; <nobody-here@mail\.test>: 550 ' <<<"$stderr"
    arrives
    send nobody-here@mail.test
    assert_status 67
    assert_one_line
    assert_in - ': not sent: <nobody-here@mail\.test>: 550 ' <<<"$stderr"
    send -f refused@mail.test bob@mail.test
    assert_one_line
    case $1 in
    OPENSMTPD)
        # It says so at RCPT.
        assert_status 67
        ;;
    DOVECOT)
        # 2.3.19 dies of a refused MAIL behind which BDAT has come already (cmd_data_next: assertion
        # failed): who has heard nothing can't know.
        assert_status 69
        assert_in - 'not confirmed: .*may have accepted|550 .*not yours' <<<"$stderr"
        ;;
    *)
        assert_status 69
        assert_in - 'MAIL FROM:<refused@mail\.test>: 550 .*[Nn]ot yours' <<<"$stderr"
        ;;
    esac
}

# serves SERVER WAY PORT...: each does both.
serves() {
    local port
    for port in "${@:3}"; do
        takes_all "$1" "$port" "$2"
        tells "$1" "$port"
    done
}

@test "Postfix, PIPELINING and CHUNKING" {
    local port
    for port in 587 465; do
        takes_all POSTFIX "$port" BDAT
    done
}

@test "Postfix, PIPELINING" {
    serves POSTFIX DATA 587-pipelining 465-pipelining
}

@test "Postfix, CHUNKING" {
    serves POSTFIX BDAT 587-chunking 465-chunking
}

@test "Postfix, neither" {
    serves POSTFIX DATA 587-neither 465-neither
}

@test "Exim, PIPELINING and CHUNKING" {
    serves EXIM BDAT 587 465
}

@test "Exim, PIPELINING" {
    serves EXIM DATA 587-pipelining 465-pipelining
}

@test "Exim, CHUNKING" {
    serves EXIM BDAT 587-chunking 465-chunking
}

@test "Exim, neither" {
    serves EXIM DATA 587-neither 465-neither
}

@test "Dovecot's submission server, PIPELINING and CHUNKING" {
    serves DOVECOT BDAT 587 465
}

@test "aiosmtpd, neither" {
    serves SINK DATA 587 465
}

@test "OpenSMTPD, neither" {
    serves OPENSMTPD DATA 25
}

@test "the log-in in the flight: Postfix, Exim and Dovecot take it, and a wrong password is 77" {
    local server
    echo 'a body' >"$BATS_TEST_TMPDIR/body"
    for server in POSTFIX EXIM DOVECOT; do
        at "$server" 587 auth_pipelining=yes
        send bob@mail.test
        assert_status 0
        assert_silent
        arrives
        at "$server" 587 auth_pipelining=yes password=wrong timeout=20s
        send bob@mail.test
        assert_status 77
        assert_one_line
        assert_in - ': 535 ' <<<"$stderr"
    done
}
