#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2088   # ~ is the profile's
# Where secrets come from: the programs that print them, the files that hold them.
# 10-profile.bats has the rest of password_file.

bats_require_minimum_version 1.5.0
load lib
load cage
load secrets

setup() {
    setup_case
    T=$BATS_TEST_TMPDIR
}
teardown() { teardown_case; }

# --- password_command: what is run --------------------------------------------------------
# Goal: the words of the line are a program and its arguments; no shell sees them.

@test "the first line that the program prints is the password" {
    server
    program print <<<$'#!/bin/sh\necho s3cret-alice'
    by_command "$T/print"
    send
    logged_in "$SECRET"
}

@test "words are parted by blanks, quotes of either kind keep them" {
    server
    program args <<< $'#!/bin/sh\nprintf "<%s>" "$@"'
    by_command "$T/args a  b c \"d e\" 'f  g' \"h'i\" 'j\"k' l' 'm\"n\" '' o"
    send
    logged_in "<a><b><c><d e><f  g><h'i><j\"k><l mn><><o>"
}

@test "a path may have blanks in quotes" {
    server
    mkdir "$T/a b"
    program print <<<$'#!/bin/sh\necho s3cret-alice'
    mv "$T/print" "$T/a b/print"
    by_command "$T/a' 'b/print"
    send
    logged_in "$SECRET"
}

@test "what a shell would read otherwise is a plain word" {
    server
    program args <<< $'#!/bin/sh\nprintf "<%s>" "$@"'
    by_command "$T/args \$HOME \$(id) \`id\` | & && > x < y * ? [a] ~ # a;b {c,d} \\ \\\$ ! \$0 %s"
    send
    logged_in '<$HOME><$(id)><`id`><|><&><&&><>><x><<><y><*><?><[a]><~><#><a;b><{c,d}><\><\$><!><$0><%s>'
    [ ! -e "$T/x" ] && [ ! -e x ]
}

@test "a path that isn't absolute is 78, with its line" {
    local command
    for command in print ./print ../print '~/print' '"/bin/echo" x' '|/bin/echo x' '$HOME/print'; do
        by_command "$command"
        send
        refused 78 password_command absolute "$MAILCHUTE_CONFIG:"
    done
}

@test "\${NAME} is refused in a command, and in the path of a secret, with its line" {
    local key
    export PRINT=/bin/echo
    for key in password_command oauth_token_command password_file oauth_token_file tls_cert tls_key; do
        profile password= "$key=/bin/\${PRINT} x"
        send
        refused 78 "$key" '${NAME}' "$MAILCHUTE_CONFIG:"
        profile password= "$key=\${PRINT}"
        send
        refused 78 "$key" '${NAME}' "$MAILCHUTE_CONFIG:"
    done
}

@test "an open quote or too many words are 78" {
    local many
    server
    many=$(printf ' %s' {1..32})
    by_command "/bin/echo s3cret 'alice"
    send
    refused 78 password_command
    by_command "/bin/echo$many"
    send
    refused 78 password_command 32
    by_command "/bin/echo -n${many% 31 32}"
    send
    logged_in "$(echo {1..30})"
}

# --- password_command: what the program has ------------------------------------------------
# Goal: a fixed PATH and nothing else of the caller's: no environment, no descriptor, no group.

@test "its environment is a fixed PATH, whatever the caller's" {
    server
    program environment <<< $'#!/bin/sh\ntr "\\0" "|" </proc/$$/environ'
    by_command "$T/environment"
    PATH=/evil:$PATH FOO=bar LD_PRELOAD='' IFS=x BASH_ENV=/evil ENV=/evil PYTHONPATH=/evil send
    logged_in 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|'
    run --separate-stderr env -i MAILCHUTE_CONFIG="$MAILCHUTE_CONFIG" \
        "$BIN/sendmail" bob@mail.test < <(message)
    logged_in 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|'
}

@test "its stdin and stderr are /dev/null, and it has no other descriptor" {
    server
    # What the caller of sendmail has open: 3 to 20, and a few further up.
    program with_many <<'END'
#!/bin/bash
for i in {3..20} 100 900; do eval "exec $i</dev/zero"; done
exec "$@"
END
    by_command '/bin/ls -m /proc/self/fd'
    run --separate-stderr "$T/with_many" "$BIN/sendmail" bob@mail.test < <(message)
    logged_in '0, 1, 2, 3'      # the last is ls's own
    by_command '/bin/readlink /proc/self/fd/0'
    send
    logged_in /dev/null
    by_command '/bin/readlink /proc/self/fd/2'
    send
    logged_in /dev/null
    run --separate-stderr bash -c 'exec "$@" 2>&-' - "$BIN/sendmail" bob@mail.test < <(message)
    logged_in /dev/null
}

@test "what it says on stderr is seen nowhere" {
    server
    program noisy <<< $'#!/bin/sh\necho "noise s3cret-alice" >&2\necho s3cret-alice'
    by_command "$T/noisy"
    send -v
    assert_status 0
    refute_output_has noise
    refute_in "$T/log" noise
}

@test "a caller that ignores or blocks signals breaks nothing" {
    server
    program slow <<< $'#!/bin/sh\nsleep 0.1\necho s3cret-alice'
    program deaf <<'END'
#!/usr/bin/python3
import os, signal, sys
for number in signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGHUP:
    signal.signal(number, signal.SIG_IGN)
if sys.argv[1] == "block":
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[2], sys.argv[2:])
END
    by_command "$T/slow"
    run --separate-stderr bash -c 'trap "" CHLD PIPE; exec "$@"' - \
        "$BIN/sendmail" bob@mail.test < <(message)
    logged_in "$SECRET"
    run --separate-stderr "$T/deaf" ignore "$BIN/sendmail" bob@mail.test < <(message)
    logged_in "$SECRET"
    run --separate-stderr "$T/deaf" block "$BIN/sendmail" bob@mail.test < <(message)
    logged_in "$SECRET"
}

@test "ignored and blocked signals aren't handed on to it" {
    server
    # From 32 on they are the C library's own, which no program can set.
    program signals <<'END'
#!/bin/sh
while read -r key value; do
    case $key in SigBlk: | SigIgn:) printf '%s%x' "$key" $((0x$value & 0x7fffffff)) ;; esac
done </proc/$$/status
END
    program deaf <<'END'
#!/usr/bin/python3
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])
END
    by_command "$T/signals"
    run --separate-stderr "$T/deaf" "$BIN/sendmail" bob@mail.test < <(message)
    logged_in 'SigBlk:0SigIgn:0'
}

@test "it is run once for a message, and for -bs once a session" {
    server
    program count <<< $'#!/bin/sh\necho x >>'"$T/runs"$'\necho s3cret-alice'
    by_command "$T/count" host="localhost:$PORT localhost:$PORT"
    send
    logged_in "$SECRET"
    [ "$(wc -l <"$T/runs")" = 1 ]
    peer < <(printf '%s\n' @465 @login 'LOOP 2' 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' 'S: 250 ok' \
        'C: DATA' 'S: 354 go' BODY 'S: 250 ok' END 'C*: QUIT')
    by_command "$T/count"
    run --separate-stderr "$BIN/sendmail" -bs < <(printf '%s\r\n' 'HELO a.test' \
        'MAIL FROM:<alice@mail.test>' 'RCPT TO:<bob@mail.test>' DATA 'Subject: one' '' '.' \
        'MAIL FROM:<alice@mail.test>' 'RCPT TO:<bob@mail.test>' DATA 'Subject: two' '' '.' QUIT)
    assert_status 0
    peer_done
    arrived 2 | assert_in - '^Subject: two$'
    [ "$(wc -l <"$T/runs")" = 2 ]
}

@test "it is run before the server is called, and not where the message can't be sent" {
    server
    program fails <<< $'#!/bin/sh\n: >'"$T/ran"$'\nexit 1'
    by_command "$T/fails"
    send
    refused 69 password_command
    nobody_called
    [ -e "$T/ran" ]
    rm "$T/ran"
    run --separate-stderr "$BIN/sendmail" bob@mail.test </dev/null
    assert_status 65
    [ ! -e "$T/ran" ]
}

# --- password_command: time -----------------------------------------------------------------
# Goal: 10 s, then it is killed with all it has started; a slow one within that is waited for.

@test "a program that prints slowly is waited for" {
    server
    program slow <<'END'
#!/bin/sh
for part in s3 cret -ali 'ce\n' more; do
    printf -- "$part"
    sleep 0.2
done
END
    by_command "$T/slow"
    send
    logged_in "$SECRET"
}

# late NAME: the message by the program of this name, in the background; end and words go to files.
late() {
    local MAILCHUTE_CONFIG=$T/$1.ini
    by_command "$T/$1"
    {
        local began=$EPOCHREALTIME status=0
        "$BIN/sendmail" bob@mail.test < <(message) >"$T/$1.out" 2>&1 || status=$?
        echo "$status $(((${EPOCHREALTIME/./} - ${began/./}) / 1000))" >"$T/$1.end"
    } 3>&- &
    LATE+=($!)
}

@test "after 10 s the program and all that it has started are killed" {
    local LATE=() name status ms pid
    server
    # A child that sleeps; one that is deaf to SIGTERM; no end of output; a child that holds it open;
    # nothing more to come, but no end either; a stopped one.
    local head='#!/bin/sh
        cd "${0%/*}"
        echo $$ >>pids'
    program child <<<"$head"$'\nsleep 60 &\necho $! >>pids\nwait'
    program deaf <<<"$head"$'\ntrap "" TERM HUP INT\nprintf s3cret-alice\nwhile :; do sleep 5; done'
    program endless <<<"$head"$'\nexec yes s3cret-alice'
    program held <<<"$head"$'\nsleep 60 &\necho $! >>pids\necho s3cret-alice'
    program closes <<<"$head"$'\necho s3cret-alice\nexec >&-\nsleep 60'
    program stopped <<<"$head"$'\necho s3cret-alice\nkill -STOP $$'
    for name in child deaf endless held closes stopped; do late "$name"; done
    wait "${LATE[@]}"
    for name in child deaf endless held closes stopped; do
        read -r status ms <"$T/$name.end"
        [ "$status" = 69 ] || fail "$name: status $status: $(cat "$T/$name.out")"
        [ "$(wc -l <"$T/$name.out")" = 1 ]
        assert_in "$T/$name.out" "password_command: $T/$name took more than 10 s"
        refute_in "$T/$name.out" "$SEEN"
        [ "$ms" -ge 9500 ] && [ "$ms" -lt 15000 ] || fail "$name: $ms ms"
    done
    nobody_called
    [ "$(wc -l <"$T/pids")" = 8 ]
    while read -r pid; do
        # Gone, or not reaped yet by whoever has inherited it.
        [ ! -e "/proc/$pid" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status" ||
            fail "still there: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    done <"$T/pids"
}

# --- password_command: faults -----------------------------------------------------------------
# Goal: each is one line with key and program, without anything that was printed.

@test "a program that fails is a temporary error with its status" {
    server
    program fails <<< $'#!/bin/sh\necho s3cret-alice\necho s3cret-alice >&2\nexit 3'
    by_command "$T/fails s3cret-alice" tempfail_exit=75
    send
    refused 75 "password_command: $T/fails" 'status 3'
    program dies <<< $'#!/bin/sh\necho s3cret-alice\nkill -SEGV $$'
    by_command "$T/dies"
    send
    refused 69 "password_command: $T/dies" 'signal 11'
    nobody_called
}

@test "a program that can't be run is 78" {
    server
    mkdir "$T/folder"
    echo x >"$T/plain"
    program other <<< $'#!/no/such/interpreter\n'
    local name
    for name in missing folder plain other missing/x; do
        by_command "$T/$name s3cret-alice"
        send
        refused 78 "password_command: $T/$name"
    done
    by_command "$T/missing"
    send
    refused 78 "$T/missing can't be run: No such file or directory"
    by_command "$T/plain"
    send
    refused 78 "$T/plain can't be run: Permission denied"
    by_command "/bin/sh -c 'echo s3cret-alice"
    send
    refused 78 'each quote closed'
    nobody_called
}

@test "a program without a first line, or with a NUL in it, is 78" {
    server
    program print <<< $'#!/bin/sh\nprintf "$1"'
    local text
    for text in '""' '\n' '\r\n' '\ns3cret-alice\n' 's3cret\0-alice\n'; do
        by_command "$T/print $text"
        send
        refused 78 password_command "$T/print"
    done
    # It gets no stdin to print.
    by_command /bin/cat
    send
    refused 78 password_command /bin/cat
    nobody_called
}

@test "of the output the first line counts, without its end" {
    server
    program print <<< $'#!/bin/sh\nprintf "$1"'
    local text
    for text in 's3cret-alice' 's3cret-alice\n' 's3cret-alice\r\n' 's3cret-alice\nmore\n' \
        's3cret-alice\n\0\n' 's3cret-alice\r\nmore\r\n'; do
        by_command "$T/print $text"
        send
        logged_in "$SECRET"
    done
    by_command "$T/print '  s3 cret\t \n'"
    send
    logged_in $'  s3 cret\t '
    # A lot behind it is read and dropped.
    program much <<< $'#!/bin/sh\necho s3cret-alice\nhead -c 3000000 /dev/zero'
    by_command "$T/much"
    send
    logged_in "$SECRET"
}

@test "a long first line is taken whole, one that is too long is 78" {
    program long <<< $'#!/bin/sh\nhead -c $1 /dev/zero | tr "\\0" x\necho'
    peer <<< $'@465\nC: AUTH PLAIN\nS: 334 \nC: *\nS: 235 ok\n@send'
    by_command "$T/long 8000"
    send
    assert_status 0
    peer_done
    peer_log | sed -n 's/^1 < \(AGFsaWNlAHh4.*\)/\1/p' | base64 -d >"$T/came"
    [ "$(tr -dc x <"$T/came" | wc -c)" = 8000 ]
    server
    by_command "$T/long 8192"
    send
    refused 78 password_command "$T/long"
    by_command "$T/long 300000"
    send
    refused 78 password_command "$T/long"
    nobody_called
}

@test "oauth_token_command is the same, under its own name" {
    log_in XOAUTH2
    program print <<< $'#!/bin/sh\nprintf "$@"'
    profile tls=implicit password= oauth_token_command="$T/print s3cret-%s\n alice"
    send
    assert_status 0
    peer_log | assert_in - ' SASL XOAUTH2 alice'
    profile tls=implicit password= oauth_token_command="$T/missing"
    send
    refused 78 "oauth_token_command: $T/missing"
    profile tls=implicit password= oauth_token_command="$T/print ''"
    send
    refused 78 oauth_token_command "$T/print"
    program fails <<< $'#!/bin/sh\necho s3cret-alice\nexit 4'
    profile tls=implicit password= oauth_token_command="$T/fails"
    send
    refused 69 "oauth_token_command: $T/fails" 'status 4'
    profile tls=implicit password= oauth_token_command=relative
    send
    refused 78 oauth_token_command absolute
}

# --- files that hold a secret ----------------------------------------------------------------
# Goal: password, token and private key are guarded alike; what is refused is mended by the words.

# by_file KEY FILE [KEY=VALUE...]: the profile in which KEY names the file.
by_file() {
    case $1 in
    password_file) profile tls=implicit password= "$1=$2" "${@:3}" ;;
    oauth_token_file) profile tls=implicit password= auth=XOAUTH2 "$1=$2" "${@:3}" ;;
    tls_key) profile tls=implicit user= password= tls_cert="$CERTS/good.pem" "$1=$2" "${@:3}" ;;
    esac
}

# keeper KEY FILE [MODE]: the file with such a secret.
keeper() {
    secret "$2" "${3:-600}"
    if [ "$1" = tls_key ]; then cat "$CERTS/good.key" >"$2"; fi
}

# any_server: sees the log-in or the sender, and refuses both.
any_server() {
    peer < <(printf '%s\n' '=== every connection' TLS LOCKSTEP @greet 'C: EHLO *' \
        'S: 250-mail.test' 'S: 250 AUTH PLAIN XOAUTH2' 'C: *' 'S: 550 no' DRAIN)
}

# taken: the secret was read: the server was called.
taken() {
    peer_log | assert_in - ' CONNECT$'
    peer_stop
    [[ $status = 69 || $status = 77 ]] || { show_run; fail "not refused by the server"; }
}

@test "a secret that others can read is 78, and the chmod that is told mends it" {
    local key mode told
    for key in password_file oauth_token_file tls_key; do
        any_server
        for mode in 604 644 666 606 704; do
            keeper $key "$T/secret" $mode
            by_file $key "$T/secret"
            send
            refused 78 "$key $T/secret" "chmod o-rwx $T/secret"
            nobody_called
        done
        told=$(grep -o 'chmod .*' <<<"$stderr")
        $told
        send
        taken
    done
}

@test "secret_mode = any takes it" {
    local key
    for key in password_file oauth_token_file tls_key; do
        any_server
        keeper $key "$T/secret" 644
        by_file $key "$T/secret" secret_mode=any
        send
        taken
    done
}

@test "under CREDENTIALS_DIRECTORY any mode is fine" {
    local key
    mkdir "$T/cred"
    export CREDENTIALS_DIRECTORY=$T/cred
    for key in password_file oauth_token_file tls_key; do
        any_server
        keeper $key "$T/cred/secret" 444
        by_file $key "$T/cred/secret"
        send
        taken
        [ $key != tls_key ] || continue
        any_server
        by_file $key secret
        send
        taken
    done
    # A folder of nearly that name is another one.
    any_server
    mkdir "$T/cred2"
    keeper password_file "$T/cred2/secret" 444
    by_file password_file "$T/cred2/secret"
    send
    refused 78 'chmod o-rwx'
}

# bats test_tags=cage
@test "root's file that the caller's group can read (0640) is fine, and /run/secrets in any mode" {
    local key where
    setup_cage
    mkdir -p "$CAGE$CERTS"
    cp "$CERTS/good.pem" "$CAGE$CERTS"
    for key in password_file oauth_token_file tls_key; do
        for where in /secret /run/secrets/secret; do
            any_server
            keeper $key "$CAGE$where" 640
            chown "0:${CAGE_IDS[alice]}" "$CAGE$where"
            [ $where = /secret ] || chmod 444 "$CAGE$where"
            # What the keys say is by_file's; the rest, and who owns it, cage_profile's.
            MAILCHUTE_CONFIG=$CAGE$SYSTEM by_file $key $where
            chmod 644 "$CAGE$SYSTEM"
            run --separate-stderr in_cage alice /bin/sendmail bob@mail.test < <(message)
            taken
            [ $where = /secret ] || continue
            run --separate-stderr in_cage bob /bin/sendmail bob@mail.test < <(message)
            refused 78 "$key $where" 61002
        done
    done
}

@test "a secret that is no file, or isn't there, is 78 without a wait" {
    local key what
    mkfifo "$T/pipe"
    mkdir "$T/folder"
    ln -s nowhere "$T/dangling"
    ln -s loop "$T/loop"
    for key in password_file oauth_token_file tls_key; do
        for what in "$T/pipe" "$T/folder" /dev/zero /dev/null "$T/dangling" "$T/loop" "$T/none" \
            "$T/none/x"; do
            by_file $key "$what"
            run --separate-stderr timeout 5 "$BIN/sendmail" bob@mail.test < <(message)
            refused 78 "$key $what"
            refute_output_has chown
        done
    done
}

@test "a link to a secret is followed, and the file's own mode counts" {
    local key
    for key in password_file oauth_token_file tls_key; do
        rm -f "$T/link"
        ln -s secret "$T/link"
        any_server
        keeper $key "$T/secret"
        by_file $key "$T/link"
        send
        taken
        chmod 644 "$T/secret"
        send
        refused 78 "$key $T/link" 'chmod o-rwx'
    done
}

# bats test_tags=cage
@test "a secret that the caller can't read names who asks, whose it is, and the ways out" {
    local key
    setup_cage
    cp "$CERTS/good.pem" "$CAGE$CERTS"
    for key in password_file oauth_token_file tls_key; do
        keeper $key "$CAGE/secret" 600
        MAILCHUTE_CONFIG=$CAGE$SYSTEM by_file $key /secret
        chmod 644 "$CAGE$SYSTEM"
        run --separate-stderr in_cage alice /bin/sendmail bob@mail.test < <(message)
        refused 78 "$key /secret" 'uid 61001' 'mode 0600' 'uid 0' 'chmod 0640'
        # Where even that can't be seen.
        mkdir -p "$CAGE/closed"
        chmod 700 "$CAGE/closed"
        mv "$CAGE/secret" "$CAGE/closed/secret"
        MAILCHUTE_CONFIG=$CAGE$SYSTEM by_file $key /closed/secret
        chmod 644 "$CAGE$SYSTEM"
        run --separate-stderr in_cage alice /bin/sendmail bob@mail.test < <(message)
        refused 78 "$key /closed/secret" 'uid 61001' 'Permission denied'
    done
}

# bats test_tags=cage
@test "a profile that the caller can't read names who asks, whose it is, and both ways out" {
    setup_cage
    cage_profile "$SYSTEM" user=alice password="$SECRET"
    chown 0:61002 "$CAGE$SYSTEM"
    chmod 640 "$CAGE$SYSTEM"
    run --separate-stderr in_cage alice /bin/sendmail bob@mail.test < <(message)
    refused 78 "$SYSTEM" 'uid 61001' 'mode 0640' 'uid 0' 'gid 61002' 'chmod 0640' password_file
    chmod 600 "$CAGE$SYSTEM"
    run --separate-stderr in_cage bob /bin/mailchute show
    assert_status 78
    assert_output_has 'uid 61002'
    assert_output_has 'mode 0600'
    assert_output_has 'chmod 0640'
}

# --- files that can't be read to their end -------------------------------------------------
# Goal: what an interruption breaks off is read on; what the disk doesn't give is told, and not guessed.

# bats test_tags=strace
@test "a read that is interrupted goes on, one that fails is 78: of secrets and of aliases" {
    local file how want
    need strace
    printf 'bob: carol@x.test\n' >"$T/aliases"
    while read -r file how want; do
        server
        secret "$T/secret"
        profile tls=implicit password= password_file="$T/secret" aliases_file="$T/aliases"
        run --separate-stderr strace -qq -P "$T/$file" -o "$T/trace" -e "inject=$how:when=1" \
            "$BIN/sendmail" -i bob < <(message)
        assert_in "$T/trace" INJECTED
        if [ "$want" = sent ]; then
            logged_in "$SECRET"
            peer_log | assert_in - 'RCPT TO:<carol@x[.]test>'
        else
            refused 78 "$T/$file" "${want//-/ }"
            nobody_called
        fi
        peer_stop
    done <<'END'
secret read:error=EINTR sent
secret read:error=EIO cannot-read
secret fstat:error=EIO no-regular-file
aliases read:error=EINTR sent
aliases read:error=EIO cannot-read
aliases fstat:error=EIO no-file
END
}

@test "a file without a line end within 8 KB is no secret, and behind the first line it may be larger" {
    local long
    server
    profile tls=implicit password= password_file="$T/secret"
    printf -v long '%8192s' ''
    secret "$T/secret" 600 "${long// /x}"
    send
    refused 78 'no secret'
    nobody_called
    secret "$T/secret"
    head -c 20000 /dev/zero >>"$T/secret"
    send
    logged_in "$SECRET"
}

@test "a token may hold no byte above ~" {
    local byte
    server
    for byte in 7f 80 ff 20 01; do
        secret "$T/token" 600 "a$(printf '%b' "\\x$byte")b"
        profile tls=implicit password= oauth_token_file="$T/token"
        send
        refused 78 'OAuth token'
    done
    nobody_called
}

# bats test_tags=strace
@test "a kernel without close_range leaves the program no file of the caller's either" {
    need strace
    server
    program print <<END
#!/bin/sh
ls /proc/self/fd | tr '\\n' ' ' >$T/open
echo $SECRET
END
    by_command "$T/print"
    run --separate-stderr strace -f -qq -o "$T/trace" -e inject=close_range:error=ENOSYS \
        "$BIN/sendmail" bob@mail.test 7</dev/null < <(message)
    assert_in "$T/trace" INJECTED
    logged_in "$SECRET"
    # The last is ls's own, of the folder.
    [ "$(<"$T/open")" = '0 1 2 3 ' ] || fail "$(<"$T/open")"
}

@test "a folder of credentials makes no other file one" {
    server
    secret "$T/secret" 644
    mkdir "$T/cred"
    profile tls=implicit password= password_file="$T/secret"
    CREDENTIALS_DIRECTORY=$T/cred send
    refused 78 "chmod o-rwx $T/secret"
    nobody_called
}

@test "SCRAM takes no password with a control character in it" {
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250 AUTH SCRAM-SHA-256' DRAIN)
    secret "$T/secret" 600 $'s3cret\001'
    profile tls=implicit password= password_file="$T/secret" auth=SCRAM-SHA-256
    send
    refused 78 'no control character'
    peer_stop
    peer_log | refute_in - '< AUTH'
}

@test "a token alone is of no use where the server takes passwords only" {
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250 AUTH PLAIN LOGIN' DRAIN)
    secret "$T/token" 600 abc
    profile tls=implicit password= oauth_token_file="$T/token"
    send
    [ "$status" != 0 ]
    assert_one_line
    assert_output_has 'PLAIN LOGIN'
    peer_stop
    peer_log | refute_in - '< (AUTH|MAIL)'
}

# bats test_tags=strace
@test "without a pipe or a process for the program it is told, and nobody is called" {
    local how
    need strace
    server
    program print <<<$'#!/bin/sh\necho s3cret-alice'
    by_command "$T/print"
    for how in pipe2:error=EMFILE clone,fork,vfork:error=EAGAIN; do
        run --separate-stderr strace -qq -o "$T/trace" -e "inject=$how" "$BIN/sendmail" bob@mail.test \
            < <(message)
        assert_in "$T/trace" INJECTED
        [ "$status" != 0 ]
        refused "$status" "no $([[ $how = pipe* ]] && echo pipe || echo process) for password_command"
    done
    nobody_called
}

# bats test_tags=cage
@test "without /dev/null the program isn't run" {
    setup_cage
    cage_profile "$SYSTEM" user=alice password_command='/bin/mailchute --version'
    run --separate-stderr in_cage alice /bin/sendmail bob@mail.test < <(message)
    assert_status 78
    assert_output_has "can't be run"
}
