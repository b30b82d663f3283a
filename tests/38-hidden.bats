#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Where secrets never show: in what is written, in a core, in the memory that is left, to the users
# of a set-id program. 36-mechanisms.bats has what servers repeat.

bats_require_minimum_version 1.5.0
load lib
load cage
load secrets

setup() {
    setup_case
    T=$BATS_TEST_TMPDIR
}
teardown() {
    # A set-id file must not stay behind.
    [ -z "${SET_ID-}" ] || rm -rf "${SET_ID:?}"
    teardown_case
}

# --- what is written ------------------------------------------------------------------------
# Goal: the secret leaves the process once, to the server, and through TLS in no form that shows.

# trace COMMAND...: under "run", with all that is written, run and opened in $T/trace.
trace() {
    run --separate-stderr strace -f -qq -yy -s 65536 -o "$T/trace" \
        -e trace=write,writev,pwrite64,sendto,sendmsg,sendmmsg,execve,open,openat "$@" < <(message)
}

# unseen: neither the secret nor what carried it shows in what was traced, printed and logged.
unseen() {
    local word words=()
    mapfile -t words < <(peer_log |
        sed -nE 's/^[0-9]+ < (AUTH [^ ]+ )?([A-Za-z0-9+/]{12,})=*$/\2/p')
    [ "$(grep -cE 'write|send' "$T/trace")" -gt 3 ]
    refute_in "$T/trace" "$SEEN"
    refute_in "$T/log" "$SEEN"
    refute_in - "$SEEN" <<<"$stderr$output"
    [ ${#words[@]} -gt 0 ] || fail "nothing of the log-in was heard: $(peer_log)"
    for word in "${words[@]}"; do
        ! grep -aqF -e "$word" "$T/trace" "$T/log" || fail "seen: $word"
        [[ $stderr != *"$word"* ]] || fail "said: $word"
    done
}

# bats test_tags=strace
@test "through TLS no mechanism's secret shows in any system call, -v and log on" {
    need strace
    local mechanism
    for mechanism in PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5 XOAUTH2; do
        log_in $mechanism
        by file $mechanism
        trace "$BIN/sendmail" -v bob@mail.test
        assert_status 0
        peer_done
        unseen
        # A refusal that repeats it.
        log_in $mechanism "no=535%20{last}%20$SECRET%20{password64} ok=535%20{last}%20$SECRET"
        by file $mechanism
        trace "$BIN/sendmail" -v bob@mail.test
        assert_status 77
        peer_done
        unseen
    done
}

# bats test_tags=strace
@test "nor does it show from wherever it comes" {
    need strace
    local source
    export WORD=$SECRET
    for source in profile environment command; do
        log_in PLAIN
        by $source PLAIN
        # Reading a profile isn't traced; what cat writes is, into the pipe to us alone.
        trace "$BIN/sendmail" -v bob@mail.test
        assert_status 0
        peer_done
        sed -i -E "/^[0-9]+ +write\\(1<pipe:[^>]*>, \"$SECRET\\\\n\"/d" "$T/trace"
        unseen
    done
}

# bats test_tags=strace
@test "in clear it goes to the server, and nowhere else" {
    need strace
    local mechanism
    for mechanism in PLAIN LOGIN; do
        CLEAR=1 log_in $mechanism
        by file $mechanism tls=off auth_insecure=yes
        trace "$BIN/sendmail" -v bob@mail.test
        assert_status 0
        peer_done
        assert_in "$T/trace" "<TCP:.*($SEEN)"
        sed -i '/^[0-9]*  *\(write\|sendto\|sendmsg\|writev\)([0-9]*<TCP:/d' "$T/trace"
        refute_in "$T/trace" "$SEEN"
        refute_in "$T/log" "$SEEN"
        refute_in - "$SEEN" <<<"$stderr$output"
    done
}

# bats test_tags=cage,strace
@test "nor does it go to syslog" {
    need strace
    setup_cage
    log_in PLAIN 'no=535%20{last}%20s3cret-alice ok=535%20{last}%20s3cret-alice'
    cage_profile "$SYSTEM" log=syslog user=alice password="$SECRET" tls=implicit auth=PLAIN
    chmod 600 "$CAGE$SYSTEM"
    trace chroot "$CAGE" /bin/sendmail bob@mail.test
    assert_status 77
    assert_in "$T/trace" 'sendto\(.*status=auth exit=77.*535'
    refute_in "$T/trace" "$SEEN"
}

@test "show has no secret" {
    local source
    export WORD=$SECRET
    ln -s "$MC" "$BIN/mailchute"
    for source in profile environment file; do
        by $source PLAIN
        run --separate-stderr "$BIN/mailchute" show
        assert_status 0
        assert_output_has 'user = alice'
        refute_in - "$SEEN" <<<"$output$stderr"
    done
}

# --- a process that runs -----------------------------------------------------------------------
# Goal: nobody but root can look into it, and it leaves no core.

# stalled COMMAND...: runs it in the background, until the server has its log-in and says nothing
# more; RUNNING is its pid.
stalled() {
    peer <<< $'@465\nC: AUTH *\nSTALL'
    cage_profile "$SYSTEM" user=alice password="$SECRET" tls=implicit secret_mode=any
    message >"$T/message"
    "$@" <"$T/message" >"$T/out" 2>&1 3>&- &
    RUNNING=$!
    started $RUNNING
    local turn
    for ((turn = 0; turn < 500; turn++)); do
        ! peer_log | grep -q '< AUTH' || return 0
        sleep 0.02
    done
    fail "no log-in" "$(cat "$T/out")"
}

# bats test_tags=cage
@test "another process of the same user sees neither its memory nor its environment" {
    local file
    need setpriv
    setup_cage
    export WORD=$SECRET
    stalled chroot --userspec=61001:61001 --groups= "$CAGE" /bin/sendmail bob@mail.test
    # What could be seen of it, were it another program.
    setpriv --reuid 61001 --regid 61001 --clear-groups sleep 60 3>&- &
    started $!
    for ((file = 0; file < 100; file++)); do
        [ "$(stat -c %u /proc/$!)" != 61001 ] || break
        sleep 0.02
    done
    setpriv --reuid 61001 --regid 61001 --clear-groups cat "/proc/$!/environ" | tr '\0' '\n' |
        assert_in - "^WORD=$SECRET\$"
    grep -q "^Uid:[[:space:]]*61001" "/proc/$RUNNING/status"
    [ "$(stat -c %u "/proc/$RUNNING/mem")" = 0 ]
    for file in environ mem maps auxv fd/0; do
        run setpriv --reuid 61001 --regid 61001 --clear-groups \
            "$PYTHON" -c 'import os, sys; os.open(sys.argv[1], os.O_RDONLY)' "/proc/$RUNNING/$file"
        assert_status 1
        assert_output_has 'Permission denied'
    done
}

# bats test_tags=cage
@test "a core is never written, whatever the caller's limit" {
    need setpriv
    setup_cage
    chmod 1777 "$CAGE"
    ulimit -S -c "$(ulimit -H -c)"
    stalled chroot --userspec=61001:61001 --groups= "$CAGE" /bin/sendmail bob@mail.test
    assert_in "/proc/$RUNNING/limits" '^Max core file size +0 +0 '
    kill -ABRT "$RUNNING"
    wait "$RUNNING" || status=$?
    [ "$status" = 134 ]
    [ -z "$(find "$CAGE" -name '*core*')" ]
}

# --- the memory that is left ---------------------------------------------------------------------
# Goal: at the end of a run nothing of the secret is in memory, however it came there and however it
# ended.

# left STATUS [COMMAND...]: runs it, and nothing is left (memory.py).
left() {
    local wanted=$1
    shift
    [ $# -gt 0 ] || set -- "$BIN/sendmail" bob@mail.test
    [ "$(id -u)" = 0 ] || {
        [ -z "${NO_SKIP:-}" ] || fail "looking into memory needs root" || return 1
        skip "looking into memory needs root"
    }
    run --separate-stderr "$PYTHON" "$ROOT/tests/memory.py" "$T/found" "${LOOK_FOR:-$SECRET}" "$@" \
        < <(message)
    assert_status "$wanted"
    [ -e "$T/found" ] || fail "not looked into"
    [ ! -s "$T/found" ] || fail "left in memory:" "$(cut -c 1-300 "$T/found")"
}

@test "what is left in memory would be found" {
    run --separate-stderr "$PYTHON" "$ROOT/tests/memory.py" "$T/found" "$SECRET" \
        "$PYTHON" -c 'import os, sys; x = "s3cr" + sys.stdin.read(); os._exit(5)' \
        < <(printf et-alice)
    assert_status 5
    assert_in "$T/found" "s3cret-alice"
}

@test "after success nothing of the secret is left in memory, by any mechanism" {
    local mechanism
    for mechanism in PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 XOAUTH2 OAUTHBEARER; do
        log_in $mechanism
        by file $mechanism
        left 0
        peer_done
    done
}

@test "after a refusal nothing is left, though the server repeats it" {
    local mechanism
    for mechanism in PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5 XOAUTH2; do
        log_in $mechanism 'ok=535%20you%20said%20{last}%20s3cret-alice%20czNjcmV0LWFsaWNl'
        by file $mechanism
        left 77
        peer_done
    done
}

@test "nothing is left, from wherever it came" {
    local source mechanism status
    export WORD=$SECRET
    for source in profile environment command; do
        for mechanism in PLAIN SCRAM-SHA-256; do
            log_in $mechanism
            by $source $mechanism
            left 0
            peer_done
            log_in $mechanism 'ok=535%205.7.8%20no'
            by $source $mechanism
            left 77
            peer_done
        done
    done
}

@test "nothing of a long secret is left" {
    local SECRET source end mechanism
    # Long enough to be moved while it grows, with the end to be looked for.
    SECRET=$(printf 'passage-%.0s' {1..40})s3cret-alice
    for source in file command; do
        for mechanism in PLAIN SCRAM-SHA-256 XOAUTH2; do
            log_in $mechanism
            by $source $mechanism
            LOOK_FOR=passage-passage-,s3cret-alice left 0
            peer_done
        done
    done
}

@test "nothing is left of one that was never sent" {
    local source
    export WORD=$SECRET
    for source in profile environment file command; do
        # Nobody listens.
        PORT=1 by $source PLAIN host=localhost:1
        left 69
        # Another certificate.
        peer --cert unknown <<< 'TLS may fail'
        by $source PLAIN
        left 76
        # Another mechanism.
        peer <<< $'TLS\nLOCKSTEP\n@greet\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH GSSAPI\nDRAIN'
        by $source PLAIN
        left 77
    done
    # A fault in the profile, another section, a recipient that can't be.
    by profile PLAIN timeout=soon
    left 78
    by profile PLAIN '[other]' 'match = user:nobody-here' "password = $SECRET-too"
    left 69
    by profile PLAIN
    left 65 "$BIN/sendmail" 'bob@mail test@x'
    ln -s "$MC" "$BIN/mailchute"
    left 0 "$BIN/mailchute" show
}

@test "nothing is left where all goes in clear" {
    local mechanism
    for mechanism in PLAIN LOGIN; do
        CLEAR=1 log_in $mechanism
        by file $mechanism tls=off auth_insecure=yes
        left 0
        peer_done
        CLEAR=1 log_in $mechanism 'ok=535%20you%20said%20{last}%20s3cret-alice'
        by file $mechanism tls=off auth_insecure=yes
        left 77
        peer_done
    done
}

@test "nothing is left by sendmail -bs" {
    log_in PLAIN
    by profile PLAIN
    message() {
        printf '%s\r\n' 'HELO a.test' 'MAIL FROM:<alice@mail.test>' 'RCPT TO:<bob@mail.test>' \
            DATA 'Subject: one' '' '.' QUIT
    }
    left 0 "$BIN/sendmail" -bs
    peer_done
}

@test "nothing of a private key is left" {
    local kind key number
    umask 077
    for kind in ec rsa; do
        key=$T/$kind.key
        if [ $kind = ec ]; then
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
        else
            openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$key" 2>/dev/null
        fi
        openssl req -new -key "$key" -subj /CN=alice -out "$T/csr"
        openssl x509 -req -in "$T/csr" -CA "$CERTS/ca.pem" -CAkey "$CERTS/ca.key" -days 3000 \
            -CAserial "$T/serial" -CAcreateserial -out "$T/$kind.pem" 2>/dev/null
        # The private number of an EC key, the first prime of an RSA key.
        number=$(openssl pkey -in "$key" -noout -text | awk '
            /^[^ ]/ { inside = /^(priv|prime1):/; next } inside { print }' | tr -d ' :\n')
        number=${number#00}
        [ ${#number} -ge 60 ]
        peer <<< $'TLS demand=ca\nLOCKSTEP\n@greet\n@ehlo\n@send'
        profile tls=implicit user= password= tls_cert="$T/$kind.pem" tls_key="$key"
        LOOK_FOR=hex:${number:0:40} left 0
        peer_done
        profile tls=implicit user= password= tls_cert="$T/$kind.pem" tls_key="$key" host=localhost:1
        LOOK_FOR=hex:${number:0:40} left 69
    done
}

# --- a set-id program, and hostile surroundings ---------------------------------------------------
# Goal: whoever may send by a program that can read the profile, and he can't, neither gets to see
# the secret nor leads it or the mail elsewhere, by argument, environment, descriptor or limit.

# A group that no user is in.
KEEPERS=61777

# set_group_cage: a cage whose binary belongs to the keepers' group and is set-group-ID, under build/,
# as /tmp is often mounted nosuid; the system's profile is for that group. bob, who calls, has a
# profile of his own in many places, which leads to a server of his.
set_group_cage() {
    grep -q '^NoNewPrivs:[[:space:]]*0$' /proc/self/status || {
        [ -z "${NO_SKIP:-}" ] || fail "set-id has no effect here: no_new_privs" || return 1
        printf '# SKIPPED: %s: no_new_privs is set\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "set-id has no effect here: no_new_privs"
    }
    mkdir -p "$ROOT/build/tests"
    SET_ID=$(mktemp -d "$ROOT/build/tests/cage.XXXXXX")
    chmod 755 "$SET_ID"
    setup_cage "$SET_ID"
    chgrp $KEEPERS "$CAGE/bin/mailchute"
    chmod 2755 "$CAGE/bin/mailchute"
    # musl ends a set-id program that has to fill 0 to 2 and can't.
    mknod -m 666 "$CAGE/dev/null" c 1 3 || true
}

# two_servers: the profile's, which refuses each log-in and repeats what it heard, and bob's, where
# nobody should call.
two_servers() {
    peer -n bobs <<< $'=== every connection\nDRAIN'
    peer <<END
=== every connection
TLS may fail
LOCKSTEP
@greet
C*: *
S: 250-mail.test
S: 250 AUTH PLAIN
C*: *
S: 535-5.7.8 you said $SECRET and czNjcmV0LWFsaWNl
S: 535 5.7.8 you said $(printf '\0alice\0%s' "$SECRET" | base64)
DRAIN
END
}

# system_profile GROUP: the profile's, for this group; and bob's or alice's own, wherever they may
# try to have one read.
system_profile() {
    local own
    cage_profile "$SYSTEM" user=alice password="$SECRET" tls=implicit
    chown "0:$1" "$CAGE$SYSTEM"
    chmod 640 "$CAGE$SYSTEM"
    for own in bob alice; do
        mkdir -p "$CAGE/home/$own/trap/.config" "$CAGE/home/$own/trap/mailchute"
        cage_profile "/home/$own/.config/mailchute.ini" host="localhost:$PORT_bobs" tls=off user=
        for file in evil.ini .config/mailchute.ini mailchute/mailchute.ini mailchute.ini secret \
            ca.pem; do
            cp "$CAGE/home/$own/.config/mailchute.ini" "$CAGE/home/$own/trap/$file"
        done
        chown -R "${CAGE_IDS[$own]}" "$CAGE/home/$own"
    done
}

# state: all files of the cage, with sizes, modes and times.
state() {
    find "$CAGE" -printf '%P %y %s %m %U %G %T@\n' | sort
}

# attacks WHO: runs the lines on stdin in the cage as WHO: words as a shell has them, variables for
# the environment in front, descriptors to close as -0 -1 -2 first of all. What they say is in
# $T/said, what files they look at in $T/trace. Between Python and the program there is no other one
# that would heed the variables.
attacks() {
    cat >"$T/list"
    cat >"$T/attacks" <<'END'
import os, shlex, signal, sys
cage, who, message, said = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for line in sys.stdin:
    words, environment, closed = shlex.split(line), {}, []
    while "=" in words[0] and not words[0].startswith("/") or words[0] in ("-0", "-1", "-2"):
        name, equals, value = words.pop(0).partition("=")
        if equals:
            environment[name] = value
        else:
            closed.append(int(name[1:]))
    os.write(out, b"--- " + line.encode())
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(message, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.closerange(3, 100)
        os.chroot(cage)
        os.chdir("/")
        os.setgroups([])
        os.setgid(who)
        os.setuid(who)
        signal.alarm(20)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for number in closed:
            os.close(number)
        os.execve(words[0], words, environment)
    os.write(out, b"status %d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
    message >"$T/message"
    rm -f "$T/said"
    state >"$T/before"
    # strace is root's, so that set-id has its effect under it.
    strace -f -qq -s 4096 -o "$T/trace" -e trace=%file,connect "$PYTHON" "$T/attacks" \
        "$CAGE" "${CAGE_IDS[$1]}" "$T/message" "$T/said" <"$T/list"
    state >"$T/after"
}

# withstood N: of these attacks none had an effect; N got as far as the log-in.
withstood() {
    local said logins
    said=$(grep -c '^--- ' "$T/said")
    logins=$(peer_log | grep -c '< AUTH PLAIN') || true
    if [ "$said" != "$(wc -l <"$T/list")" ] || [ "$logins" -lt "$1" ]; then
        fail "$said attacks, $logins log-ins" "$(cat "$T/said")"
    fi
    refute_in "$T/said" "$SEEN"
    refute_in <(peer_log bobs) ' CONNECT$'
    diff "$T/before" "$T/after" || fail "files have changed"
    # No file of the caller's was as much as looked for, but for what stands in argv; nothing ran.
    refute_in <(grep -v ' execve(' "$T/trace") '"/home/|"home/|trap|evil'
    refute_in <(tail -n +2 "$T/trace" | grep -v ' execve("/bin/\(mailchute\|sendmail\)"') \
        ' execve\('
}

# bats test_tags=cage,strace
@test "set-group-ID: bob can't read the profile himself, and the program can" {
    set_group_cage
    two_servers
    system_profile $KEEPERS
    run setpriv --reuid 61002 --regid 61002 --clear-groups cat "$CAGE$SYSTEM"
    assert_status 1
    run --separate-stderr in_cage bob /bin/sendmail -i bob@mail.test < <(message)
    assert_status 77
    assert_output_has '535 5.7.8 you said *** and ***'
    refute_in - "$SEEN" <<<"$stderr"
    # The same without the bit: this is what the next tests would see.
    chmod 755 "$CAGE/bin/mailchute"
    run --separate-stderr in_cage bob /bin/sendmail -i bob@mail.test < <(message)
    assert_status 78
}

# bats test_tags=cage,strace
@test "set-group-ID: no flag shows the secret, opens a file or leads elsewhere" {
    need strace
    set_group_cage
    two_servers
    system_profile $KEEPERS
    local E=/home/bob/trap/evil.ini D=/home/bob/trap line
    cat >"$T/rows" <<END
-C $E
-C$E
-X $D/x
-X$D/x
-D $D/x
-oA$E
-oA $E
-oQ$D
-oS$D/x
-oC$E
-oP$D/x
-oX$D/x
-OQueueDirectory=$D
-O QueueDirectory=$D
-O AliasFile=$E
-O DeadLetterDrop=$D/x
-O StatusFile=$D/x
-O SmartHost=localhost:$PORT_bobs
-O MailHub=[localhost]:$PORT_bobs
-O ServerKeyFile=$E
-oMslocalhost:$PORT_bobs
-M1234
-MC
-A $E
-Am
-A$E
-a evil
-adefault
-a default
--account=evil
--account $E
--profile=$E
--profile=default
--profile default
--file=$E
--file $E
--config=$E
--configure=$E
--host=localhost --port=$PORT_bobs
--host localhost --port $PORT_bobs
--host=localhost:$PORT_bobs
--proxy-host=localhost --proxy-port=$PORT_bobs
--socket=$D/x
--source-ip=127.0.0.2
--tls=off --tls-certcheck=off --tls-starttls=off
--tls=off --auth=plain
--tls-trust-file=$D/ca.pem
--tls-trust-file $D/ca.pem
--tls-crl-file=$E
--tls-cert-file=$E --tls-key-file=$E
--tls-fingerprint=00
--tls-host-override=evil
--auth=login --user=bob --passwordeval='cat $E'
--passwordeval='cp $SYSTEM $D/x'
--passwordeval 'cat $SYSTEM'
--eval='cat $SYSTEM'
--user=bob --password=x
--aliases=$SYSTEM
--aliases $E
--logfile=$D/x
--logfile $D/x
--logfile=-
--syslog=on
--debug
--pretend
--serverinfo
--rmqs=localhost
--read-recipients
--read-envelope-from
--domain=evil
--protocol=lmtp
--timeout=1
--help
--version
-d
-d99
-d0.1
-d0-99.99
-v
-v -v
-vv -d0.1
-bs
-bs -v
-bv
-bv -v
-bp
-bP
-bi
-bi -oA$SYSTEM
-bd
-bD
-bt
-bh
-bH
-bz
-bC
-bC$SYSTEM
-bm
-ba
-b x
-I
-q
-q1m
-qf
-Q$E
-f evil@mail.test
-f '<evil@mail.test> AUTH=<>'
-r evil@mail.test
-F '$D'
-t
-ti
-t -v
-i
-n
-N success,failure
-R full
-V id
-B 8BITMIME
-h 1
-L mailchute
-L '$D'
-p SMTP:localhost
-G
-U
-4
-6
-c
-m
-s
-S
-E
-E$E
-J$D
-T1
-x
-z $E
-om
-oi
-or1s
-oeq -v
-oew
-oem
-oee
-oep
-e x
-odb
-odq
-ol9
-oL99
-oT1
-os
-ou1
-og1
-oF666
-oOPort=$PORT_bobs
--
'|/bin/cat $SYSTEM'
'|/bin/cp $SYSTEM $D/x'
'$D/x'
':include:$SYSTEM'
':include:$E'
'\${readfile{$SYSTEM}}'
@$SYSTEM
@$E
END
    sed 's#.*#/bin/sendmail & bob@mail.test#' "$T/rows" >"$T/lines"
    cat >>"$T/lines" <<END
/bin/mailchute show
/bin/mailchute show default
/bin/mailchute show evil
/bin/mailchute show $E
/bin/mailchute show $SYSTEM
/bin/mailchute --help
/bin/mailchute --version
/bin/mailchute check
/bin/mailchute test $E
/bin/mailchute import $SYSTEM
/bin/mailchute resend $SYSTEM
/bin/mailchute
/bin/mailchute -C$E -v bob@mail.test
END
    attacks bob <"$T/lines"
    withstood 80
}

# bats test_tags=cage,strace
@test "set-group-ID: no variable, descriptor or limit shows the secret, opens a file or leads elsewhere" {
    need strace
    set_group_cage
    two_servers
    system_profile $KEEPERS
    local D=/home/bob/trap variable
    {
        for variable in MAILCHUTE_CONFIG=$D/evil.ini MAILCHUTE_CONFIG= MAILCHUTE_CONFIG=evil.ini \
            MAILCHUTE_PROFILE=evil MAILCHUTE_DEBUG=1 HOME=$D HOME= XDG_CONFIG_HOME=$D/.config \
            XDG_CONFIG_DIRS=$D XDG_RUNTIME_DIR=$D TMPDIR=$D TMP=$D TEMP=$D TZ=:$D/evil.ini \
            TZ=$D/evil.ini TZ="$SYSTEM" TZDIR=$D LD_PRELOAD=$D/evil.so LD_LIBRARY_PATH=$D \
            LD_AUDIT=$D/evil.so LD_DEBUG=all LD_SHOW_AUXV=1 GCONV_PATH=$D LOCPATH=$D MUSL_LOCPATH=$D \
            LC_ALL=evil LANG=evil LANGUAGE=evil NLSPATH=$D/%N CREDENTIALS_DIRECTORY=$D \
            SSL_CERT_FILE=$D/ca.pem SSL_CERT_DIR=$D CURL_CA_BUNDLE=$D/ca.pem SSLKEYLOGFILE=$D/x \
            OPENSSL_CONF=$D/evil.ini RES_OPTIONS=debug LOCALDOMAIN=evil.test HOSTALIASES=$D/evil.ini \
            RESOLV_HOST_CONF="$SYSTEM" RES_CONF=$D/evil.ini MALLOC_TRACE=$D/x MALLOC_CHECK_=3 \
            MALLOC_PERTURB_=1 GLIBC_TUNABLES=glibc.malloc.check=3 PATH=$D:/usr/bin:/bin:/usr/sbin:/sbin \
            SENDMAIL=$D/evil MAIL=$D/evil MAILRC=$D/evil.ini EMAIL=evil@mail.test USER=root LOGNAME=root \
            NAME=evil HOSTNAME=evil SMTPSERVER=localhost:$PORT_bobs SMTP_HOST=localhost \
            http_proxy=http://localhost:$PORT_bobs ALL_PROXY=socks5://localhost:$PORT_bobs \
            NOTIFY_SOCKET=$D/x JOURNAL_STREAM=1:1 DBUS_SESSION_BUS_ADDRESS=unix:path=$D/x \
            GMON_OUT_PREFIX=$D/x ASAN_OPTIONS=log_path=$D/x; do
            printf "'%s' /bin/sendmail -i bob@mail.test\n" "$variable"
        done
        printf '%s /bin/sendmail -v bob@mail.test\n' -0 -1 -2 '-0 -1' '-0 -2' '-1 -2' '-0 -1 -2'
        echo "MAILCHUTE_CONFIG=$D/evil.ini CREDENTIALS_DIRECTORY=$D HOME=$D /bin/mailchute show"
        echo "-2 MAILCHUTE_CONFIG=$D/evil.ini /bin/sendmail -C$D/evil.ini -X$D/x -v bob@mail.test"
    } >"$T/lines"
    attacks bob <"$T/lines"
    # Without stdin there is nothing to send; and not every machine lets us make the null device.
    withstood $(($(wc -l <"$T/lines") - 9))
    # With few descriptors, no room to write, a small stack.
    for variable in '-n 4' '-n 5' '-n 6' '-f 0' '-s 64' '-s 200'; do
        # shellcheck disable=SC2086   # it is two words
        run bash -c 'ulimit '"$variable"'; exec "$@"' - \
            chroot --userspec=61002:61002 --groups= "$CAGE" /bin/sendmail -v bob@mail.test <"$T/message"
        refute_in - "$SEEN" <<<"$output"
        [ "$status" != 0 ]
    done
    [ -z "$(find "$CAGE" -name '*core*')" ]
    refute_in <(peer_log bobs) ' CONNECT$'
}

# bats test_tags=cage,strace
@test "a web server's user can't lead his mail elsewhere where the system has a profile" {
    need strace
    local D=/home/alice/trap all
    setup_cage
    two_servers
    system_profile "${CAGE_IDS[alice]}"
    all="HOME=$D XDG_CONFIG_HOME=$D/.config MAILCHUTE_CONFIG=$D/evil.ini TZ=:$D/evil.ini LD_PRELOAD=$D/evil.so \
LD_LIBRARY_PATH=$D SSL_CERT_FILE=$D/ca.pem SSL_CERT_DIR=$D CREDENTIALS_DIRECTORY=$D HOSTALIASES=$D/evil.ini \
LOCALDOMAIN=evil.test RES_OPTIONS=debug USER=bob LOGNAME=bob PATH=$D:/usr/bin:/bin:/usr/sbin:/sbin"
    # shellcheck disable=SC2086   # they are many words
    {
        printf '%s /bin/sendmail -i bob@mail.test\n' $all
        echo "$all TMPDIR=$D /bin/sendmail -i bob@mail.test"
        echo "$all TMPDIR=$D /bin/sendmail -t -i -C$D/evil.ini -X$D/x"
        echo "$all TMPDIR=$D /bin/mailchute show"
    } >"$T/lines"
    attacks alice <"$T/lines"
    withstood "$(($(wc -l <"$T/lines") - 1))"
    # And what is sent is what is sent without all that.
    peer <<< $'=== every connection\n@465\n@login\n@send'
    system_profile "${CAGE_IDS[alice]}"
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 0
    { message; head -c 600000 /dev/zero | tr '\0' x | fold; } >"$T/message"
    run --separate-stderr bash -c 'cd / && exec "$0" "$@"' "$PYTHON" "$T/attacks" "$CAGE" 61001 \
        "$T/message" "$T/said" <<<"$all TMPDIR=$D /bin/sendmail -i bob@mail.test"
    [ "$(tail -n 2 "$T/said" | sed 's/^---.*//' | tr -d '\n')" = 'status 0' ]
    peer_log | grep -E '^2 < (EHLO|MAIL|RCPT|AUTH)' | sed 's/^2//; s/ SIZE=.*//' >"$T/second"
    peer_log | grep -E '^1 < (EHLO|MAIL|RCPT|AUTH)' | sed 's/^1//; s/ SIZE=.*//' | diff - "$T/second"
    [ -z "$(find "$CAGE/home" -newer "$T/message")" ]
    refute_in <(peer_log bobs) ' CONNECT$'
}
