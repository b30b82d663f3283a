# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154   # scripts for bash -c; subshells; lib's variables
# How we behave towards the process that calls us, whatever it is and however it has set the stage.

load lib
load face
load cage

setup() {
    setup_case
    LOG=$BATS_TEST_TMPDIR/log
}
teardown() { teardown_case; }

# one_line: the log has exactly one, of this status.
one_line() {
    [ "$(wc -l <"$LOG")" = 1 ] || fail "not one line in the log:" "$(cat "$LOG")" || return 1
    assert_in "$LOG" " exit=$1 "
    rm -f "$LOG"
}

# --- failing callers' pipes --------------------------------------------------------------
# Goal: stdin is read to its end before any failing exit: a caller with 5 MB to write isn't killed
# by SIGPIPE, and gets to read our words.

@test "a wrong command line reads stdin to its end" {
    profile
    drains 64
    drains 64 -i
    drains 64 -f
    drains 64 bob@mail.test -X
    drains 64 -t -oi -F
}

@test "a wrong address reads stdin to its end" {
    profile
    drains 65 'a b@mail.test'
    drains 65 -f 'a b@mail.test' bob@mail.test
    drains 65 -F $'a\nb' bob@mail.test
    drains 65 $'x\r\ny@mail.test'
}

@test "a wrong profile reads stdin to its end" {
    profile nonsense=1
    drains 78 bob@mail.test
    profile host=
    drains 78 bob@mail.test
    profile '[aliases]' 'root = |/bin/sh'
    drains 78 root
    profile password= password_file=/none/such
    drains 78 bob@mail.test
    chmod 666 "$MAILCHUTE_CONFIG"
    drains 78 bob@mail.test
    rm "$MAILCHUTE_CONFIG"
    drains 78 bob@mail.test
    mkdir "$MAILCHUTE_CONFIG"
    drains 78 bob@mail.test
    rmdir "$MAILCHUTE_CONFIG"
}

@test "a section that can't be chosen reads stdin to its end" {
    profile '[shop]' 'from = shop@mail.test'
    drains 78 --profile=shop bob@mail.test
    drains 78 --profile=none bob@mail.test
}

@test "an unreachable server's stdin is read to its end" {
    profile
    drains 69 bob@mail.test
    drains 69 -t
}

@test "every refusal of a server finds stdin read" {
    local script
    for script in 'S: 554 5.3.2 go away' $'@greet\nC: EHLO *\nS: 550 no\nDRAIN' $'@greet\nCUT'; do
        peer <<<"TLS"$'\n'"$script"
        profile tls=implicit
        drains 69 bob@mail.test
        peer_stop
    done
    peer <<< $'@465p\nC: AUTH *\nS: 535 5.7.8 wrong\nDRAIN'
    profile tls=implicit
    drains 77 bob@mail.test
    peer <<< $'@465\n@login\nC: MAIL *\nS: 552 5.3.4 too big\nDRAIN'
    profile tls=implicit
    drains 69 bob@mail.test
    peer <<< $'@465\n@login\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 550 5.1.1 nobody\nDRAIN'
    profile tls=implicit
    drains 67 bob@mail.test
}

@test "a message over max_size, or in a loop, has been read to its end" {
    profile max_size=1M
    drains 65 bob@mail.test
    drains 69 -h 99 bob@mail.test
}

@test "-oeq is silent, and reads stdin to its end" {
    profile
    SILENT=1 drains 64 -oeq
    SILENT=1 drains 69 -oeq bob@mail.test
    [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "test modes read stdin to its end, for the originals read it" {
    drains 64 -bt
    drains 64 -be
}

@test "a mode that isn't there, slipped in beside -t, reads stdin to its end" {
    profile
    local mode
    for mode in -bt -be -bz -bC; do
        drains 64 -t -i "$mode"
    done
}

@test "the writer isn't disturbed by dot_ends, either" {
    profile dot_ends=yes
    { message; printf '.\n'; yes | head -c 3000000; } >"$BATS_TEST_TMPDIR/big"
    drains 69 bob@mail.test
    drains 64
}

@test "5 MB arrive whole, from a pipe" {
    one_peer
    local file
    file=$(big)
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(cat "$file")
    assert_status 0
    assert_silent
    [ "$(arrived | sed '1,/^$/d' | sha256sum)" = "$(sed '1,/^$/d' "$file" | { cat; printf '\n'; } | sha256sum)" ]
}

# --- silence ---------------------------------------------------------------------------------
# Goal: success says nothing; failure says one line on stderr and nothing on stdout.

@test "success is silent on both, with warnings and ignored flags, too" {
    one_peer
    local -a flags
    for flags in '' '-X /none -k --nonsense' '-N sometimes' '-h x' '-odi -oem -m'; do
        read -ra flags <<<"$flags"
        run --separate-stderr "$BIN/sendmail" "${flags[@]}" bob@mail.test < <(message)
        assert_status 0
        assert_silent
    done
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message $'NUL \x01 here'; printf 'a\0b\n'; printf 'x%.0s' {1..2000})
    assert_status 0
    assert_silent
}

@test "failure is one line on stderr, none on stdout, and begins with our name" {
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    assert_one_line
    [ -z "$output" ]
    [[ $stderr == 'mailchute: '* ]]
}

# --- closed descriptors --------------------------------------------------------------------------
# Goal: 0, 1, 2 may be closed, in each combination: no socket takes their place, a closed stdin is
# 74, and everything else works.

# with_closed "FD..." COMMAND...: runs it with a message on stdin and these descriptors closed.
with_closed() {
    local fd closes=''
    for fd in $1; do
        closes+=" $fd>&-"
    done
    eval '"${@:2}" < <(message) >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"'"$closes"
}

@test "closed 1 and 2, in each combination: the mail arrives whole, even under -v" {
    one_peer
    local fds n=0
    for fds in '' 1 2 '1 2'; do
        run with_closed "$fds" "$BIN/sendmail" -v -L "n$((++n))" bob@mail.test
        assert_status 0
        [ "$(arrived "$n")" = "$(arrived 1)" ] || [ "$n" != 1 ]
        arrived "$n" | assert_in - '^Hello, Bob\.$'
        [ ! -s "$BATS_TEST_TMPDIR/out" ]
    done
    peer_done
    [ "$(wc -l <"$LOG")" = 4 ]
}

@test "closed 0, alone or with others: 74, and no connection" {
    one_peer
    local fds
    for fds in 0 '0 1' '0 2' '0 1 2'; do
        run with_closed "$fds" "$BIN/sendmail" -v bob@mail.test
        assert_status 74
        one_line 74
    done
    nobody_called
}

@test "a closed 0 doesn't matter to who reads nothing" {
    run with_closed 0 "$BIN/sendmail" -bp
    assert_status 0
    [ "$(<"$BATS_TEST_TMPDIR/out")" = 'Mail queue is empty' ]
    run with_closed '0 1 2' "$BIN/sendmail" -q
    assert_status 0
    run with_closed '0 1 2' "$BIN/sendmail" -bd
    assert_status 64
}

@test "closed 1 and 2 and a failure: its status, and nothing in the stream to the server" {
    peer <<< $'=== every connection\n@465\n@login\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 550 5.1.1 nobody\nDRAIN'
    profile tls=implicit
    local fds
    for fds in 1 2 '1 2'; do
        run with_closed "$fds" "$BIN/sendmail" -v bob@mail.test
        assert_status 67
        one_line 67
    done
    peer_done
}

# bats test_tags=cage
@test "without /dev, in each combination: the same" {
    setup_cage
    rm -rf "${CAGE:?}/dev"
    peer <<< $'=== every connection\n@465p\n@send'
    cage_profile "$SYSTEM" tls=implicit log=/log/log
    LOG=$CAGE/log/log
    local fds
    for fds in '' 1 2 '1 2'; do
        run with_closed "$fds" chroot "$CAGE" /bin/sendmail -v bob@mail.test
        assert_status 0
        one_line 0
    done
    for fds in 0 '0 1' '0 2' '0 1 2'; do
        run with_closed "$fds" chroot "$CAGE" /bin/sendmail -v bob@mail.test
        assert_status 74
        one_line 74
    done
    peer_done
    [ "$(grep -c ' CONNECT$' "$PEER/log")" = 4 ]
    arrived 4 | assert_in - '^Hello, Bob\.$'
}

# --- signals ------------------------------------------------------------------------------------------
# Goal: as we are started, so we live: nothing of the caller's set-up breaks us.

@test "SIGPIPE ignored or not: a broken stderr doesn't change the outcome" {
    one_peer
    local signals
    for signals in SIG_DFL SIG_IGN; do
        run "$PYTHON" -c '
import os, signal, subprocess, sys
signal.signal(signal.SIGPIPE, getattr(signal, sys.argv[1]))
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[2:], stdin=0, stdout=w, stderr=w, restore_signals=False).returncode & 255)
' "$signals" "$BIN/sendmail" -v bob@mail.test < <(message)
        assert_status 0
    done
    [ "$(grep -c ' BODY ' "$PEER/log")" = 2 ]
    peer_stop
    for signals in SIG_DFL SIG_IGN; do
        run "$PYTHON" -c '
import os, signal, subprocess, sys
signal.signal(signal.SIGPIPE, getattr(signal, sys.argv[1]))
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.run(sys.argv[2:], stdin=0, stdout=w, stderr=w, restore_signals=False).returncode & 255)
' "$signals" "$BIN/sendmail" bob@mail.test < <(message)
        assert_status 69
    done
}

@test "SIGPIPE ignored or not: a server that hangs up is a failure, not our end" {
    peer <<< $'=== every connection\n@465p\n@login\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDROP-AFTER 100\nRESET'
    profile tls=implicit
    big >/dev/null
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/big"
    assert_status 69
    assert_one_line
    run --separate-stderr bash -c 'trap "" PIPE; exec "$@"' - "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/big"
    assert_status 69
    assert_one_line
}

@test "every signal blocked, or SIGCHLD, SIGINT and SIGHUP ignored: the mail is sent" {
    one_peer
    run "$PYTHON" -c '
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])' "$BIN/sendmail" a@mail.test < <(message)
    assert_status 0
    run bash -c 'trap "" CHLD INT HUP QUIT TERM; exec "$@"' - "$BIN/sendmail" b@mail.test < <(message)
    assert_status 0
    [ "$(grep -c ' BODY ' "$PEER/log")" = 2 ]
}

@test "a SIGHUP or SIGINT that the caller had ignored doesn't end us in the commit window" {
    peer <<< $'@465p\n@login\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nSLEEP 0.7\nS: 250 ok\nDRAIN'
    profile tls=implicit
    message >"$BATS_TEST_TMPDIR/in"
    (trap '' HUP INT; exec "$BIN/sendmail" bob@mail.test) <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    local pid=$!
    started "$pid"
    wait_log ' BODY '
    kill -HUP "$pid"
    kill -INT "$pid"
    local status=0
    wait "$pid" || status=$?
    [ "$status" = 0 ] || fail "status $status: $(cat "$BATS_TEST_TMPDIR/out")"
    peer_done
}

@test "USER, LOGNAME and HOME don't say who we are" {
    one_peer
    USER=mallory LOGNAME=mallory HOME=/none run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(printf 'Subject: x\n\nx\n')
    assert_status 0
    arrived | refute_in - mallory
    env -i "MAILCHUTE_CONFIG=$MAILCHUTE_CONFIG" "$BIN/sendmail" bob@mail.test < <(message)
}

@test "a working folder that is gone, or forbidden, doesn't matter" {
    one_peer
    mkdir "$BATS_TEST_TMPDIR/gone"
    run --separate-stderr bash -c 'cd "$0" && rmdir "$0" && exec "$@"' "$BATS_TEST_TMPDIR/gone" \
        "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    assert_silent
}

@test "a limit of few open files is enough" {
    one_peer
    run --separate-stderr bash -c 'ulimit -n 12; exec "$@"' - "$BIN/sendmail" bob@mail.test 3>&- 4>&- < <(message)
    assert_status 0
    assert_silent
}

# --- what stdin is ---------------------------------------------------------------------------------------
# Goal: a pipe, a file, a socket, a terminal.

@test "stdin is a pipe whose writer is slow" {
    one_peer
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(printf 'Subject: slow\n'; sleep 0.1; printf '\none\n'; sleep 0.1; printf 'two')
    assert_status 0
    [ "$(arrived | sed '1,/^$/d')" = $'one\ntwo' ]
}

@test "stdin is a file, read from where it stands" {
    one_peer
    { echo 'not for you'; message; } >"$BATS_TEST_TMPDIR/in"
    { read -r _; "$BIN/sendmail" bob@mail.test; } <"$BATS_TEST_TMPDIR/in"
    arrived | refute_in - 'not for you'
    arrived | assert_in - '^Subject: a test$'
    arrived | assert_in - '^Hello, Bob\.$'
}

@test "stdin is a file opened for appending, read and write" {
    one_peer
    message >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" bob@mail.test 0<>"$BATS_TEST_TMPDIR/in"
    assert_status 0
    arrived | assert_in - '^Hello, Bob\.$'
    [ "$(<"$BATS_TEST_TMPDIR/in")" = "$(message)" ]
}

@test "stdin is a socket, as Node gives it" {
    one_peer
    message >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$PYTHON" -c '
import socket, subprocess, sys
ours, theirs = socket.socketpair()
run = subprocess.Popen(sys.argv[2:], stdin=theirs)
theirs.close()
ours.sendall(open(sys.argv[1], "rb").read())
ours.shutdown(socket.SHUT_WR)
sys.exit(run.wait() & 255)' "$BATS_TEST_TMPDIR/in" "$BIN/sendmail" -t
    assert_status 0
    assert_silent
    arrived | assert_in - '^Hello, Bob\.$'
}

@test "a socket that is reset half-way: 74, and nothing is sent" {
    one_peer
    run --separate-stderr "$PYTHON" -c '
import socket, struct, subprocess, sys
server = socket.create_server(("127.0.0.1", 0))
ours = socket.create_connection(server.getsockname())
theirs = server.accept()[0]
ours.sendall(b"To: bob@mail.test\n\nhalf")
# The bytes are taken first, or the reset would sweep them away.
run = subprocess.Popen(sys.argv[1:], stdin=theirs)
theirs.close()
import time
time.sleep(0.3)
ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
ours.close()
sys.exit(run.wait() & 255)' "$BIN/sendmail" bob@mail.test
    assert_status 74
    assert_one_line
    nobody_called
}

@test "stdin that can't be read is 74: a folder, a descriptor for writing" {
    one_peer
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR"
    assert_status 74
    assert_one_line
    message >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" bob@mail.test 0>>"$BATS_TEST_TMPDIR/in"
    assert_status 74
    assert_one_line
    run --separate-stderr "$BIN/sendmail" bob@mail.test 0> >(cat)
    assert_status 74
    assert_one_line
    nobody_called
}

@test "stdin without a byte is 65: /dev/null, an empty file, a pipe that is closed at once" {
    one_peer
    : >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" bob@mail.test </dev/null
    assert_status 65
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/in"
    assert_status 65
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(:)
    assert_status 65
    assert_one_line
    nobody_called
}

@test "a non-blocking stdin is waited for" {
    one_peer
    run --separate-stderr "$PYTHON" -c '
import os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(r, False)
run = subprocess.Popen(sys.argv[1:], stdin=r)
os.close(r)
time.sleep(0.3)
os.write(w, b"Subject: late\n\nlate\n")
os.close(w)
sys.exit(run.wait() & 255)' "$BIN/sendmail" bob@mail.test
    assert_status 0
    assert_silent
    arrived | assert_in - '^late$'
}

# on_terminal INPUT ARGUMENT...: sendmail with a terminal as stdin, where INPUT (with escapes) is
# typed; who waits for more is ended after 3 s (status 124).
on_terminal() {
    "$PYTHON" -c '
import os, subprocess, sys
master, slave = os.openpty()
run = subprocess.Popen(sys.argv[2:], stdin=slave)
os.close(slave)
os.write(master, sys.argv[1].encode().decode("unicode_escape").encode("latin-1"))
try:
    sys.exit(run.wait(3) & 255)
except subprocess.TimeoutExpired:
    run.kill()
    sys.exit(124)' "$1" "$BIN/sendmail" "${@:2}"
}

@test "at a terminal a lone dot ends the message" {
    one_peer
    run --separate-stderr on_terminal 'Subject: typed\n\none\n.\n' bob@mail.test
    assert_status 0
    assert_silent
    [ "$(arrived | sed '1,/^$/d')" = one ]
    arrived | assert_in - '^Subject: typed$'
}

@test "at a terminal other dots don't" {
    one_peer
    run --separate-stderr on_terminal 'Subject: typed\n\n..\n. \n.x\n.\nbehind\n' bob@mail.test
    assert_status 0
    [ "$(arrived | sed '1,/^$/d')" = $'..\n. \n.x' ]
}

@test "at a terminal with -i or -oi a lone dot doesn't end it, the end of file does" {
    one_peer
    local flag n=0
    for flag in -i -oi '-OIgnoreDots=yes'; do
        run --separate-stderr on_terminal 'Subject: typed\n\none\n.\ntwo\n\x04' "$flag" bob@mail.test
        assert_status 0
        [ "$(arrived $((++n)) | sed '1,/^$/d')" = $'one\n.\ntwo' ]
    done
}

@test "at a terminal a dot with -i is not an end, and is waited behind" {
    profile
    run --separate-stderr on_terminal 'Subject: typed\n\none\n.\n' -i bob@mail.test
    assert_status 124
}

@test "at a terminal a failure doesn't wait for more to be typed" {
    profile
    run --separate-stderr on_terminal '' -i
    assert_status 64
    assert_one_line
    rm "$MAILCHUTE_CONFIG"
    run --separate-stderr on_terminal '' bob@mail.test
    assert_status 78
}

@test "dot_ends = yes: a lone dot ends the input from a pipe and a file" {
    KEYS=(dot_ends=yes)
    one_peer
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^one$' lacks='two|^\.' : WHO
    row in='To: x@mail.test\r\n\r\none\r\n.\r\ntwo\r\n' has='^one$' lacks='two|^\.' : WHO
    row in='To: x@mail.test\n\none\n.' has='^one$' lacks='^\.' : WHO
    row in='To: x@mail.test\n\n.\ntwo\n' lacks='two' : WHO
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^two$' : -i WHO
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^two$' : -oi WHO
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^two$' : -O IgnoreDots=True WHO
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^one$' lacks='two' : -O IgnoreDots=False WHO
    row in='To: x@mail.test\n\n..\n.x\n x\n.\n' has='^\.\.$' : WHO
    rows_done
}

@test "dot_ends = yes: what stands behind the dot in a file isn't sent, and isn't counted" {
    KEYS=(dot_ends=yes)
    one_peer
    printf 'To: x@mail.test\n\none\n.\ntwo\n' >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/in"
    assert_status 0
    [ "$(arrived | sed '1,/^$/d')" = one ]
    assert_in "$PEER/log" "^1 < MAIL FROM:<alice@mail.test> SIZE=$(stat -c %s "$PEER/body.1")\$"
}

@test "dot_ends = yes: the dot is found far behind, where the message is no longer in memory" {
    KEYS=(dot_ends=yes)
    one_peer
    { message; yes 0123456789 | head -c 1100000; printf '.\nbehind\n'; yes x | head -c 100000; } \
        >"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(cat "$BATS_TEST_TMPDIR/in")
    assert_status 0
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/in"
    assert_status 0
    [ "$(arrived 1 | tail -n 1)" = 0123456789 ]
    [ "$(arrived 2 | tail -n 1)" = 0123456789 ]
    [ "$(arrived 1 | grep -c '^0123456789$')" = 100000 ]
}

@test "without dot_ends a lone dot from a pipe or a file is content" {
    one_peer
    row in='To: x@mail.test\n\none\n.\ntwo\n' has='^two$' : WHO
    rows_done
}

# --- the log ----------------------------------------------------------------------------------------------
# Goal: each message, sent or not, for whatever reason, is exactly one line in the profile's log.

@test "success and each kind of failure are one line each, where the profile says" {
    one_peer
    run "$BIN/sendmail" bob@mail.test < <(message)
    one_line 0
    run "$BIN/sendmail" bob@mail.test </dev/null
    one_line 65
    run "$BIN/sendmail" 'a b@mail.test' < <(message)
    one_line 65
    run "$BIN/sendmail" -t < <(printf 'Subject: x\n\nx\n')
    one_line 64
    run "$BIN/sendmail" -f $'a\nb' bob@mail.test < <(message)
    one_line 65
    run "$BIN/sendmail" -h 99 bob@mail.test < <(message)
    one_line 69
    run "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR"
    one_line 74
    peer_stop
    run "$BIN/sendmail" bob@mail.test < <(message)
    one_line 69
}

@test "a command line that can't be used is one line there, too" {
    profile
    run "$BIN/sendmail" -i < <(message)
    assert_status 64
    one_line 64
    run "$BIN/sendmail" bob@mail.test -f < <(message)
    assert_status 64
    one_line 64
    run "$BIN/sendmail" '' < <(message)
    assert_status 64
    one_line 64
}

@test "the line has Message-ID, envelope, host, TLS, queue id, size, milliseconds, uid and status" {
    one_peer
    run "$BIN/sendmail" -f carol@mail.test bob@mail.test \
        < <(printf 'Message-ID: <its-own@mail.test>\nTo: bob@mail.test\n\nx\n')
    assert_status 0
    local pattern
    for pattern in 'status=sent' 'exit=0' 'from=<carol@mail.test>' 'to=<bob@mail.test>' \
        'id=<its-own@mail.test>' "host=localhost\[127.0.0.1\]:$PORT" 'tls=TLSv1.2/[A-Z0-9-]+' \
        'reply="250 2.0.0 Ok: queued as 4F1A"' 'size=[1-9][0-9]+' 'ms=[0-9]+' "uid=$(id -u)"; do
        assert_in "$LOG" "[ :]$pattern( |\$)"
    done
}

@test "modes that send nothing write no line" {
    profile
    local flag
    for flag in -bp -bP -bi -bh -q -bd -bt --version; do
        run "$BIN/sendmail" "$flag" </dev/null
    done
    [ ! -e "$LOG" ] || [ ! -s "$LOG" ]
}
