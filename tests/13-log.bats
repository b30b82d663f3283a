# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The log: one line a message, wherever the profile wants it. cron, at and sudo throw stderr
# away: for them this line is the only trace. What is logged never changes how a run ends.

bats_require_minimum_version 1.5.0
load lib
load cage

setup() {
    setup_case
    LOG=$BATS_TEST_TMPDIR/log
}
teardown() { teardown_case; }

# send [ARGUMENT...]: a message to bob, or as the arguments say.
send() {
    [ $# -gt 0 ] || set -- bob@mail.test
    run --separate-stderr "$BIN/sendmail" -i "$@" < <(message)
}

# syslog: binds $CAGE/dev/log, a datagram socket as every syslog daemon has it.
syslog() {
    # The path of a socket is short: it is bound from within the folder.
    "$PYTHON" -c '
import os, select, signal, socket, sys
os.chdir(sys.argv[1])
os.umask(0)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("log")
over = []
r, w = os.pipe()
signal.signal(signal.SIGTERM, lambda *a: os.write(w, b"x"))
open("ready", "w").close()
out = open(sys.argv[2], "wb", 0)
while True:
    ready = select.select([s, r], [], [])[0]
    if s in ready:
        out.write(s.recv(100000).replace(b"\n", b"\\n") + b"\n")
    elif r in ready:
        break' "$CAGE/dev" "$BATS_TEST_TMPDIR/syslog" 3>&- &
    SYSLOG_PID=$!
    started $SYSLOG_PID
    until [ -e "$CAGE/dev/ready" ]; do kill -0 $SYSLOG_PID; sleep 0.02; done
}

# syslog_lines: what came, once no more is under way; a datagram a line.
syslog_lines() {
    kill -TERM "$SYSLOG_PID" 2>/dev/null || true
    wait "$SYSLOG_PID" 2>/dev/null || true
    cat "$BATS_TEST_TMPDIR/syslog"
}

# caged [ARGUMENT...]: send, within the cage, as alice.
caged() {
    [ $# -gt 0 ] || set -- bob@mail.test
    run --separate-stderr in_cage alice /bin/sendmail -i "$@" < <(message)
}

# one_line FILE: it has exactly one.
one_line() {
    [ "$(wc -l <"$1")" = 1 ] || fail "not one line in $1:" "$(cat "$1")"
}

# field FILE NAME VALUE: the field stands there, once, as it is written here.
field() {
    local got
    got=$(grep -oE " $2=(\"([^\"\\]|\\\\.)*\"|[^ \"]*)( |\$)" "$1") || fail "no field $2 in:" "$(cat "$1")" ||
        return 1
    [ "${got% }" = " $2=$3" ] || fail "not $2=$3 but: $got" "$(cat "$1")"
}

# --- syslog ------------------------------------------------------------------------------
# Goal: one datagram to /dev/log, facility mail, with our name and pid.

# bats test_tags=cage
@test "syslog is the default, and a delivery is one datagram of mail.info" {
    setup_cage
    syslog
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" log=
    caged
    assert_status 0
    assert_silent
    peer_done
    syslog_lines >"$LOG"
    one_line "$LOG"
    assert_in "$LOG" '^<22>mailchute\[[0-9]+\]: status=sent exit=0 '
    field "$LOG" to '<bob@mail.test>'
}

# bats test_tags=cage
@test "syslog: a failure is one datagram of mail.err, with the words of stderr" {
    setup_cage
    syslog
    cage_profile "$SYSTEM" log=syslog
    caged
    assert_status 69
    assert_one_line
    syslog_lines >"$LOG"
    one_line "$LOG"
    assert_in "$LOG" '^<19>mailchute\[[0-9]+\]: status=temporary exit=69 '
    grep -qF "error=\"${stderr#mailchute: }\"" "$LOG" || fail "not the words of stderr:" "$(cat "$LOG")"
}

# bats test_tags=cage
@test "syslog: a profile that is missing, unreadable or wrong is logged, too" {
    setup_cage
    syslog
    caged
    assert_status 78
    cage_profile "$SYSTEM" 'pasword=x' log=/log/mine
    caged
    assert_status 78
    chmod 600 "$CAGE$SYSTEM"
    caged
    assert_status 78
    syslog_lines >"$LOG"
    [ "$(grep -c '^<19>mailchute\[[0-9]*\]: status=profile exit=78 .*error=' "$LOG")" = 3 ] ||
        fail "not three lines:" "$(cat "$LOG")"
    assert_in "$LOG" "error=\"$SYSTEM:[0-9]+: unknown key"
}

# bats test_tags=cage
@test "syslog: a wrong command line and an empty message are logged, too" {
    setup_cage
    syslog
    cage_profile "$SYSTEM" log=syslog
    run --separate-stderr in_cage alice /bin/sendmail -i < <(message)
    assert_status 64
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test </dev/null
    assert_status 65
    run --separate-stderr in_cage alice /bin/sendmail -f < <(message)
    assert_status 64
    syslog_lines >"$LOG"
    [ "$(wc -l <"$LOG")" = 3 ] || fail "not three lines:" "$(cat "$LOG")"
    [ "$(grep -c ' status=usage exit=64 ' "$LOG")" = 2 ]
    [ "$(grep -c ' status=unsendable exit=65 ' "$LOG")" = 1 ]
}

# bats test_tags=cage
@test "syslog: without a daemon nothing is said, and nothing changes" {
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" log=syslog
    caged
    assert_status 0
    assert_silent
    peer_done
}

# bats test_tags=cage
@test "syslog: a daemon that reads nothing holds nobody up" {
    setup_cage
    syslog
    kill -STOP "$SYSLOG_PID"
    cage_profile "$SYSTEM" log=syslog
    local i
    for ((i = 0; i < 30; i++)); do
        run timeout 10 chroot --userspec=61001:61001 --groups= "$CAGE" /bin/sendmail -i bob@mail.test \
            < <(message)
        [ "$status" = 69 ] || break
    done
    kill -CONT "$SYSLOG_PID"
    assert_status 69
}

# bats test_tags=cage
@test "syslog: a line longer than a datagram keeps its beginning" {
    setup_cage
    syslog
    peer <<'SCRIPT'
@587
C: MAIL FROM:<*
S: 250 ok
LOOP 100
C: RCPT TO:<*
S: 250 ok
END
C: DATA
S: 354 go ahead
BODY
S: 250 ok
C*: QUIT
SCRIPT
    cage_profile "$SYSTEM" log=syslog
    local i pad
    pad=$(printf '%*s' 100 '' | tr ' ' x)
    local -a to=()
    for ((i = 0; i < 100; i++)); do to+=("$i@$pad.test"); done
    caged "${to[@]}"
    assert_status 0
    peer_done
    syslog_lines >"$LOG"
    one_line "$LOG"
    assert_in "$LOG" '^<22>mailchute\[[0-9]+\]: status=sent exit=0 .*<0@x'
}

# --- a file ------------------------------------------------------------------------------
# Goal: made for us alone, appended to, never through a link, one write a line.

@test "file: it is made with mode 0600, whatever the umask" {
    profile
    local mask
    for mask in 000 022 077; do
        rm -f "$LOG"
        (umask "$mask"; "$BIN/sendmail" -i bob@mail.test < <(message)) 2>/dev/null || true
        [ "$(stat -c %a "$LOG")" = 600 ] || fail "mode $(stat -c %a "$LOG") by umask $mask"
    done
}

@test "file: lines are appended, and its mode stays" {
    echo first >"$LOG"
    chmod 640 "$LOG"
    profile
    send
    send
    assert_status 69
    [ "$(head -n 1 "$LOG")" = first ]
    [ "$(grep -c 'exit=69' "$LOG")" = 2 ]
    [ "$(wc -l <"$LOG")" = 3 ]
    [ "$(stat -c %a "$LOG")" = 640 ]
}

@test "file: each line begins with the time in UTC, our name and the pid" {
    profile
    TZ=Asia/Tokyo send
    one_line "$LOG"
    assert_in "$LOG" '^20[0-9-]{8}T[0-9:]{8}Z mailchute\[[0-9]+\]: status=temporary exit=69 '
    local seconds
    seconds=$(($(date +%s) - $(date -d "$(cut -d' ' -f1 "$LOG")" +%s)))
    [ "$seconds" -ge -1 ] && [ "$seconds" -lt 60 ] || fail "$seconds s ago"
}

# bats test_tags=strace
@test "file: a line is one write" {
    need strace
    profile
    run strace -f -e trace=write -s 4096 -o "$BATS_TEST_TMPDIR/trace" "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 69
    [ "$(grep -c 'write(.*mailchute\[' "$BATS_TEST_TMPDIR/trace")" = 1 ]
    assert_in "$BATS_TEST_TMPDIR/trace" 'write\([0-9]+, "20.* status=temporary .*\\n"'
}

@test "file: lines of many processes at once don't mix" {
    profile
    local i
    local -a pids
    for ((i = 0; i < 20; i++)); do
        "$BIN/sendmail" -i "user$i@mail.test" < <(message) 2>/dev/null 3>&- &
        pids+=($!)
    done
    # By pid: bats has a child here, too.
    wait "${pids[@]}" || true
    [ "$(grep -cE '^20[^ ]+Z mailchute\[[0-9]+\]: status=temporary exit=69 .*error=".*"$' "$LOG")" = 20 ] ||
        fail "not twenty whole lines:" "$(cat "$LOG")"
}

# falls_back: the run ended as it would without a log, and the syslog has the line.
falls_back() {
    assert_status 0
    assert_silent
    peer_done
    syslog_lines >"$BATS_TEST_TMPDIR/lines"
    one_line "$BATS_TEST_TMPDIR/lines"
    assert_in "$BATS_TEST_TMPDIR/lines" 'status=sent exit=0 '
}

# bats test_tags=cage
@test "file: a symbolic link isn't followed; syslog takes the line" {
    setup_cage
    syslog
    peer <<< $'@587\n@send'
    : >"$CAGE/log/target"
    chmod 666 "$CAGE/log/target"
    ln -s target "$CAGE/log/mine"
    ln -s /log/new "$CAGE/log/dangling"
    cage_profile "$SYSTEM" log=/log/mine
    caged
    falls_back
    [ ! -s "$CAGE/log/target" ]
    assert_in "$BATS_TEST_TMPDIR/lines" ' warn="cannot open the log /log/mine: '
}

# bats test_tags=cage
@test "file: a dangling link makes no file elsewhere" {
    setup_cage
    syslog
    peer <<< $'@587\n@send'
    ln -s /log/new "$CAGE/log/dangling"
    cage_profile "$SYSTEM" log=/log/dangling
    caged
    falls_back
    [ ! -e "$CAGE/log/new" ]
}

# bats test_tags=cage
@test "file: a folder, a folder that isn't there, no right to it: syslog takes the line" {
    setup_cage
    local log
    for log in /log /none/mine /bin/mailchute /etc/new; do
        rm -f "$CAGE/dev/log" "$CAGE/dev/ready"
        syslog
        peer <<< $'@587\n@send'
        cage_profile "$SYSTEM" log="$log"
        caged
        falls_back
        assert_in "$BATS_TEST_TMPDIR/lines" "warn=.*cannot open the log $log: "
    done
}

# bats test_tags=cage
@test "file: a pipe without a reader: syslog takes the line, without a wait" {
    setup_cage
    syslog
    peer <<< $'@587\n@send'
    mkfifo -m 666 "$CAGE/log/pipe"
    cage_profile "$SYSTEM" log=/log/pipe
    caged
    falls_back
}

# bats test_tags=cage
@test "file: a full disk: syslog takes the line" {
    setup_cage
    mknod -m 666 "$CAGE/log/full" c 1 7 || {
        [ -z "${NO_SKIP:-}" ] || fail "no right to make a device"
        skip "no right to make a device"
    }
    syslog
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" log=/log/full
    caged
    falls_back
}

@test "file: a limit on its size neither kills us nor changes the status" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr bash -c 'ulimit -f 0; exec "$1" -i bob@mail.test' - "$BIN/sendmail" < <(message)
    assert_status 0
    peer_done
}

@test "-v tells that the log could not be opened; without it nobody is bothered" {
    peer <<< $'@587\n@login\n@send'
    profile log=/none/mine
    send
    assert_status 0
    assert_silent
    peer_done
    peer <<< $'@587\n@login\n@send'
    profile log=/none/mine
    send -v bob@mail.test
    assert_status 0
    assert_output_has 'cannot open the log /none/mine'
    peer_done
}

# --- stderr and off ------------------------------------------------------------------------

# bats test_tags=strace
@test "stderr: the line goes there, in one write, also on success" {
    need strace
    peer <<< $'@587\n@login\n@send'
    profile log=stderr
    run --separate-stderr strace -e trace=write -s 4096 -o "$BATS_TEST_TMPDIR/trace" \
        "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    assert_one_line
    [[ $stderr =~ ^20[^\ ]+Z\ mailchute\[[0-9]+\]:\ status=sent\ exit=0\  ]] || { show_run; fail "no log line"; }
    [ "$(grep -c '^write(2, ' "$BATS_TEST_TMPDIR/trace")" = 1 ] || fail "not one write"
    peer_done
}

@test "stderr: a failure is the log line and the line for people" {
    profile log=stderr
    send
    assert_status 69
    [ "$(wc -l <<<"$stderr")" = 2 ] || { show_run; fail "not two lines"; }
    assert_output_has 'status=temporary exit=69'
    assert_output_has 'mailchute: not sent'
}

@test "stderr: a closed stderr changes nothing" {
    peer <<< $'@587\n@login\n@send'
    profile log=stderr
    run bash -c 'exec "$1" -i bob@mail.test 2>&-' - "$BIN/sendmail" < <(message)
    assert_status 0
    peer_done
    arrived | refute_in - 'status=sent'
}

# bats test_tags=cage
@test "off: nobody gets a line" {
    setup_cage
    syslog
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" log=off
    caged
    assert_status 0
    assert_silent
    peer_done
    caged
    assert_status 69
    [ "$(syslog_lines | wc -l)" = 0 ] || fail "$(syslog_lines)"
}

# --- what the line holds -------------------------------------------------------------------
# Goal: enough to answer for a message years later, and nothing that a sender or a server
# could use to forge a line or a field.

@test "a delivery's line has sender, recipients, id, size, host, TLS and the server's words" {
    peer <<'END'
@587
@login
C: MAIL FROM:<shop@mail.test>*
S: 250 ok
C: RCPT TO:<*
S: 250 ok
C: RCPT TO:<*
S: 250 ok
C: DATA
S: 354 go ahead
BODY
S: 250 2.0.0 Ok: queued as 4F1A
C*: QUIT
END
    profile
    send -f shop@mail.test bob@mail.test carol@mail.test
    assert_status 0
    peer_done
    one_line "$LOG"
    field "$LOG" status sent
    field "$LOG" exit 0
    field "$LOG" from '<shop@mail.test>'
    field "$LOG" to '<bob@mail.test>,<carol@mail.test>'
    field "$LOG" host "localhost[127.0.0.1]:$PORT"
    field "$LOG" reply '"250 2.0.0 Ok: queued as 4F1A"'
    field "$LOG" uid "$(id -u)"
    assert_in "$LOG" ' tls=TLSv1\.2/ECDHE-[A-Z0-9-]+ '
    assert_in "$LOG" ' ms=[0-9]+ '
    # The id is the Message-ID of what arrived, the size what MAIL announced.
    grep -qF " id=$(arrived | sed -n 's/^Message-ID: //p') " "$LOG" || fail "not its id:" "$(cat "$LOG")"
    field "$LOG" size "$(peer_log | sed -n 's/.*< MAIL .* SIZE=//p')"
    refute_in "$LOG" ' (refused|unknown|ignored|warn|error)='
}

@test "the null sender is from=<>" {
    peer <<< $'@587\n@login\n@send'
    profile
    send -f '' bob@mail.test
    assert_status 0
    peer_done
    field "$LOG" from '<>'
}

# refuse REPLY...: a peer that takes bob and refuses carol by RCPT, with REPLY.
refuse() {
    peer < <(printf '%s\n' @587 @login 'C: MAIL FROM:<*' 'S: 250 ok' 'C: RCPT TO:<bob@*' 'S: 250 ok' \
        'C: RCPT TO:<carol@*' "S: $1" 'C: DATA' 'S: 354 go ahead' BODY 'S: 250 ok' 'C*: QUIT')
}

@test "a refused recipient is named with the server's words, and all are still in to" {
    refuse '550 5.1.1 no carol here'
    profile
    send bob@mail.test carol@mail.test
    assert_status 67
    peer_done
    one_line "$LOG"
    assert_in "$LOG" ': status=recipients-refused exit=67 '
    field "$LOG" to '<bob@mail.test>,<carol@mail.test>'
    field "$LOG" refused '"<carol@mail.test>: 550 5.1.1 no carol here"'
    assert_in "$LOG" ' error="delivered to 1 of 2 recipients'
}

@test "what stderr has no room for is all in the log" {
    local i
    local -a to=()
    for ((i = 100; i < 160; i++)); do to+=("user$i@mail.test"); done
    peer <<'SCRIPT'
@587
@login
C: MAIL FROM:<*
S: 250 ok
LOOP 60
C: RCPT TO:<*
S: 550 5.1.1 this recipient isn't known here, and these words are made long on purpose
END
DRAIN
SCRIPT
    profile
    send "${to[@]}"
    assert_status 67
    assert_one_line
    [ ${#stderr} -le 2047 ] || fail "stderr has ${#stderr} bytes"
    [[ $stderr =~ \ and\ [0-9]+\ more$ ]] || { show_run; fail "it doesn't end in: and N more"; }
    one_line "$LOG"
    for ((i = 100; i < 160; i++)); do
        grep -qF "<user$i@mail.test>: 550 5.1.1 this recipient" "$LOG" || fail "no user$i in the log"
    done
}

@test "an unknown outcome has a field of its own" {
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
CUT
END
    profile
    send
    assert_status 69
    one_line "$LOG"
    assert_in "$LOG" ': status=unknown exit=69 '
    field "$LOG" unknown 1
    assert_in "$LOG" ' error=".*may have accepted'
}

# outcome STATUS WORD SCRIPT [KEY=VALUE...]: what a run against the peer is called in the log.
outcome() {
    peer <<<"$3"
    profile "${@:4}"
    rm -f "$LOG"
    send
    assert_status "$1"
    assert_one_line
    one_line "$LOG"
    assert_in "$LOG" ": status=$2 exit=$1 "
    assert_in "$LOG" " error=\"?.+"
    peer_stop
}

@test "each way to fail is one line, with its word, its status and the words" {
    outcome 77 auth $'@587\nC: AUTH *\nS: 535 5.7.8 no'
    outcome 76 tls $'@starttls\nTLS must fail cert=wrongname'
    outcome 76 tls $'@greet\nC: EHLO *\nS: 250 mail.test'
    outcome 69 refused $'@587\n@login\nC: MAIL *\nS: 550 5.7.1 not you\nDRAIN'
    outcome 69 temporary $'@587\n@login\nC: MAIL *\nS: 451 4.3.0 later\nDRAIN'
    outcome 75 temporary $'S: 421 4.3.2 busy\nDRAIN' tempfail_exit=75
    outcome 67 recipients-refused $'@587\n@login\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 550 5.1.1 who\nDRAIN'
}

@test "a failure to find the password is logged where the profile says" {
    profile password= password_file=/none/secret
    send
    assert_status 78
    one_line "$LOG"
    assert_in "$LOG" ': status=profile exit=78 '
    assert_in "$LOG" ' error=".*password_file /none/secret'
}

@test "no recipient in the header is logged where the profile says" {
    profile
    run --separate-stderr "$BIN/sendmail" -t < <(printf 'Subject: x\n\nx\n')
    assert_status 64
    one_line "$LOG"
    assert_in "$LOG" ': status=usage exit=64 '
}

@test "a bad sender is logged, without what it would have planted" {
    profile
    send -f $'x@mail.test\nstatus=sent exit=0' bob@mail.test
    assert_status 65
    one_line "$LOG"
    assert_in "$LOG" ': status=unsendable exit=65 '
}

@test "flags that were swallowed are named" {
    peer <<< $'@587\n@login\n@send'
    profile
    send -X "$BATS_TEST_TMPDIR/x" -Ywhat --no-such-option bob@mail.test
    assert_status 0
    peer_done
    assert_in "$LOG" ' ignored="-X .*no-such-option'
    [ ! -e "$BATS_TEST_TMPDIR/x" ]
}

@test "what was dropped or is odd in the message is a warning" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message; printf 'a\0b\n')
    assert_status 0
    assert_silent
    peer_done
    field "$LOG" warn '"NUL bytes were dropped"'
}

@test "quotes and backslashes in a value are escaped, and it is quoted" {
    # shellcheck disable=SC1003
    peer < <(printf '%s\n' @587 @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' \
        'S: 354 go' BODY 'S: 250 as "x" or \ status=forged exit=1' 'C*: QUIT')
    profile
    send
    assert_status 0
    peer_done
    field "$LOG" reply '"250 as \"x\" or \\ status=forged exit=1"'
}

@test "control characters of the server's are masked: no line can be forged" {
    peer < <(printf '%s\n' @587 @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' 'C: DATA' \
        'S: 354 go' BODY 'S\: 250 a\x1b[31m\x07b\x00c\x7fd\r\n' 'C*: QUIT')
    profile
    send
    assert_status 0
    peer_done
    one_line "$LOG"
    ! LC_ALL=C grep -q '[[:cntrl:]]' "$LOG" || fail "$(cat -v "$LOG")"
    assert_in "$LOG" ' reply="?250 a\?\[31m\?b\?c\?d"?( |$)'
}

@test "a Message-ID with blanks and quotes stays one field" {
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(printf 'Message-ID: <a"b exit=9>\n'; message)
    assert_status 0
    peer_done
    one_line "$LOG"
    ! sed 's/"\([^"\\]\|\\.\)*"/Q/g' "$LOG" | grep -q 'exit=9' || fail "it is a field:" "$(cat "$LOG")"
}

# echoes TEXT: a server that says TEXT when it refuses the log-in; it must not come through.
echoes() {
    peer <<<"@587
C: AUTH *
S: 535 5.7.8 wrong: $1 and $1"
    profile
    rm -f "$LOG"
    send -v bob@mail.test
    assert_status 77
    one_line "$LOG"
    assert_in "$LOG" '535 5\.7\.8 wrong: '
    refute_in "$LOG" "$1"
    refute_output_has "$1"
    peer_stop
}

@test "the password is in no line, also where the server echoes it" {
    echoes s3cret-alice
}

@test "nor is what AUTH carried" {
    echoes "$(printf '\0alice\0s3cret-alice' | base64)"
}

@test "nor is the password's base64 by itself" {
    echoes "$(printf s3cret-alice | base64)"
}

@test "-oeq takes the word from stderr, not from the log" {
    profile
    send -oeq bob@mail.test
    assert_status 69
    assert_silent
    one_line "$LOG"
    assert_in "$LOG" ' error="not sent'
}
