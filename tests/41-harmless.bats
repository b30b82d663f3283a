# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031,SC2154   # each test is a subshell; variables of lib and run
# What no flag can do. Web applications let their users reach sendmail's command line: no flag
# opens a file, runs a program, chooses a server, weakens TLS, names a credential, plants a line
# anywhere, or turns a message that is not sent into exit 0.

load lib
load face

setup() {
    setup_case
    TRAP=$BATS_TEST_TMPDIR/trap.d/file
    mkdir "${TRAP%/*}"
}
teardown() { teardown_case; }

# --- files -------------------------------------------------------------------------------
# Goal: a file name in an argument is never created, opened or even looked at: the system calls
# are those of a run without the flag.

# traced ARGUMENT...: sends under strace; prints all calls with a path, all programs run and all
# addresses connected to, but the start of the program itself and what is chance.
traced() {
    local trace=$BATS_TEST_TMPDIR/trace
    strace -f -qq -o "$trace" -e 'trace=%file,%process,connect,bind,socket' \
        "$BIN/${NAME:-sendmail}" "$@" <"$BATS_TEST_TMPDIR/in" >/dev/null || return
    sed -E 's/^[0-9]+ +//; /^execve\(.*bin\/(sendmail|rmail)"/d; s/htons\([0-9]+\)/PORT/g; s/0x[0-9a-f]+/POINTER/g' "$trace"
}

# untouched ARGUMENT...: with these arguments, the recipient behind them, sending makes no call that
# it doesn't make without.
untouched() {
    local plain=$BATS_TEST_TMPDIR/plain with=$BATS_TEST_TMPDIR/with new
    message >"$BATS_TEST_TMPDIR/in"
    [ -e "$plain" ] || traced bob@mail.test >"$plain" || return 1
    grep -q mailchute.ini "$plain" || fail "strace shows nothing:" "$(cat "$plain")" || return 1
    traced "$@" bob@mail.test >"$with" || fail "not sent with ${*@Q}" || return 1
    new=$(diff "$with" "$plain" | grep '^<') || true
    [ -z "$new" ] || fail "calls of its own with ${*@Q}:" "$new" || return 1
    refute_in "$with" 'trap\.d' || return 1
    [ "$(ls -A "${TRAP%/*}")" = "${KEPT-}" ] || fail "${*@Q} left a file:" "$(ls -lA "${TRAP%/*}")"
}

# bats test_tags=strace
@test "-X -C -D -A -M -z -p with a file's name touch no file" {
    need strace
    one_peer
    local letter
    for letter in X C D A M z p; do
        untouched "-$letter" "$TRAP"
        untouched "-$letter$TRAP"
    done
}

# bats test_tags=strace
@test "options with a file's name touch no file" {
    need strace
    one_peer
    local letter
    for letter in A C D E H P Q S X; do
        untouched "-o$letter$TRAP"
    done
    untouched -o "Q$TRAP"
    untouched -OQueueDirectory="${TRAP%/*}" -O AliasFile="$TRAP" -OStatusFile="$TRAP" \
        -OHostsFile="$TRAP" -O "DeadLetterDrop=$TRAP" -O "ControlSocketName=$TRAP" \
        -O "PidFile=$TRAP" -O "ServerKeyFile=$TRAP" -O "CACertFile=$TRAP"
}

# bats test_tags=strace
@test "long options with a file's name touch no file" {
    need strace
    one_peer
    untouched --logfile="$TRAP"
    untouched --file="$TRAP" --file "$TRAP"
    untouched --aliases="$TRAP" --aliases "$TRAP" --tls-trust-file="$TRAP" --tls-crl-file="$TRAP" \
        --tls-key-file="$TRAP" --tls-cert-file="$TRAP" --socket="$TRAP" --log="$TRAP" \
        --config="$TRAP" --profile-file="$TRAP" --password-file="$TRAP" --dead-letter="$TRAP"
}

# bats test_tags=strace
@test "-d -q -Q -E -J -T -h -L -V -B with a file's name touch no file" {
    need strace
    one_peer
    untouched "-Q$TRAP" "-q$TRAP" "-E$TRAP" "-J$TRAP" "-T$TRAP"
    untouched -h "$TRAP" -V "$TRAP" -B "$TRAP" -N "$TRAP" -R "$TRAP"
    untouched -F "$TRAP"
}

# bats test_tags=strace
@test "a file that exists is neither read nor changed" {
    need strace
    one_peer
    # A configuration that would matter, if it were one.
    cp "$MAILCHUTE_CONFIG" "$TRAP"
    chmod 600 "$TRAP"
    cp "$TRAP" "$BATS_TEST_TMPDIR/before"
    KEPT='file'
    untouched "-C$TRAP" -X "$TRAP" "-oA$TRAP" --file="$TRAP" -D "$TRAP"
    cmp "$TRAP" "$BATS_TEST_TMPDIR/before"
}

# bats test_tags=strace
@test "-bi and -bv touch no file that is named" {
    need strace
    peer < <(printf '%s\n' '=== every connection' @465p @login 'C: MAIL *' 'S: 250 ok' \
        'C: RCPT *' 'S: 250 ok' 'C*: RSET' 'S: 250 ok' DRAIN)
    profile tls=implicit
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=%file \
        "$BIN/sendmail" -bi "-oA$TRAP" "-C$TRAP" </dev/null
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace2" -e trace=%file \
        "$BIN/sendmail" -bv "-X$TRAP" "-C$TRAP" bob@mail.test </dev/null >/dev/null
    [ -z "$(ls -A "${TRAP%/*}")" ]
    grep -q mailchute.ini "$BATS_TEST_TMPDIR/trace"
    sed -i '/execve(/d' "$BATS_TEST_TMPDIR"/trace*
    refute_in "$BATS_TEST_TMPDIR/trace" 'trap\.d'
    refute_in "$BATS_TEST_TMPDIR/trace2" 'trap\.d'
}

# --- programs -----------------------------------------------------------------------------
# Goal: no argument reaches a shell, and no process is begun.

# bats test_tags=strace
@test "no flag runs a program" {
    need strace
    one_peer
    untouched --passwordeval="touch $TRAP" --passwordeval "touch $TRAP" --eval="touch $TRAP" \
        --configure="x@y;touch $TRAP"
    # Exim's way.
    untouched "-oMr\${run{/bin/touch $TRAP}}" "-D x=\${run{/bin/touch $TRAP}}"
    untouched -F "\$(touch $TRAP)\`touch $TRAP\`"
}

# --- server, TLS, credentials ---------------------------------------------------------------
# Goal: who is spoken to, how, and as whom is the profile's alone.

@test "no flag chooses a host" {
    peer -n other <<< '=== every connection'
    one_peer
    row ignored='--host --port' : --host=localhost "--port=$PORT_other" WHO
    row ignored='--host --port' : --host localhost --port "$PORT_other" WHO
    row ignored='--proxy-host --proxy-port' : --proxy-host=localhost "--proxy-port=$PORT_other" WHO
    row ignored='-O -O' : -O "MailHub=localhost:$PORT_other" -O "SmartHost=localhost:$PORT_other" WHO
    row ignored='-o' : "-oMs=localhost:$PORT_other" WHO
    row ignored='-p' : "-pSMTP:localhost" WHO
    row ignored='--smtp-server' : "--smtp-server=localhost:$PORT_other" WHO
    rows_done
    peer_stop other
    refute_in "$PEER_other/log" ' CONNECT$'
}

@test "no flag weakens TLS: a server with a wrong certificate gets no login" {
    peer --time 120 < <(printf '%s\n' '=== every connection' 'TLS may fail cert=selfsigned' DRAIN)
    profile tls=implicit
    local -a flags
    while read -ra flags; do
        run --separate-stderr "$BIN/sendmail" "${flags[@]}" bob@mail.test < <(message)
        assert_status 76
        assert_one_line
    done <<'END'
-i
--tls=off
--tls-certcheck=off --tls-trust-file=
--tls-starttls=off --auth=off
--tls-fingerprint=00 --tls-priorities=NONE
-O tls=off -O tls_verify=no -O auth_insecure=yes
-otls=off -oO
--tls_verify=no --insecure
END
    peer_stop
    refute_in "$PEER/log" 'AUTH|MAIL FROM'
}

@test "no flag gives up STARTTLS: a server without it gets no login and no mail" {
    peer < <(printf '%s\n' '=== every connection' @greet 'C: EHLO *' 'S: 250-mail.test' \
        'S: 250 AUTH PLAIN' DRAIN)
    profile
    local -a flags
    while read -ra flags; do
        run --separate-stderr "$BIN/sendmail" "${flags[@]}" bob@mail.test < <(message)
        assert_status 76
    done <<'END'
--tls=off
--tls-starttls=off --tls=off --auth=off
-O STARTTLS=no -O tls=off
END
    peer_stop
    refute_in "$PEER/log" 'AUTH PLAIN .|MAIL FROM'
}

@test "no flag names a credential" {
    one_peer
    row ignored='--user --passwordeval' : --user=mallory "--passwordeval=echo x" WHO
    row ignored='--auth' : --auth=off WHO
    row ignored='--password' : --password=x WHO
    row ignored='-O' : -O AuthInfo=U:mallory WHO
    row ignored='-A' : -AUmallory WHO
    row : WHO
    rows_done
    # One and the same log-in in each of the six.
    [ "$(grep -c ' < AUTH PLAIN ' "$PEER/log")" = 6 ]
    [ "$(sed -n 's/^[0-9]* < AUTH //p' "$PEER/log" | sort -u)" = \
        "PLAIN $(printf '\0alice\0s3cret-alice' | base64)" ]
}

@test "no variable of the environment does, where there is a profile" {
    one_peer
    export SMTPSERVER=localhost:1 SMTPUSER=mallory MAILHUB=localhost:1 SENDMAIL_CF=$TRAP \
        MSP_CONFIG=$TRAP LD_PRELOAD=$TRAP TZ=$TRAP HOSTALIASES=$TRAP RES_OPTIONS=debug LOCALDOMAIN=x
    unset LD_PRELOAD
    row : WHO
    rows_done
    [ ! -e "$TRAP" ]
}

# --- exit 0 -----------------------------------------------------------------------------------
# Goal: who names a recipient or says -t wants a message sent: whatever flag somebody slips in
# beside it, 0 means that the server took the message.

@test "a flag that prints or does nothing, slipped in beside a recipient, doesn't stop the mail" {
    one_peer
    local flag
    for flag in --help --version -d0.1 -q -q30m -Q -bp -bP -bi -bh -bH -I; do
        row : "$flag" WHO
        row : WHO "$flag"
        row in='To: WHO\n\nx\n' : -t -i "$flag"
        row in='To: WHO\n\nx\n' : "$flag" -i -t
    done
    rows_done
}

@test "-d0.1 beside a recipient doesn't turn into a version either when twice there" {
    one_peer
    row : -d0.1 --version -q --help -bp WHO
    row in='To: WHO\n\nx\n' : -bp -d0.1 --version -t -q
    rows_done
}

@test "where nothing can be sent to, the same flags beside -t don't end with 0" {
    profile
    local flag
    for flag in --help --version -d0.1 -q -bp -bP -bi -bh -I; do
        run --separate-stderr "$BIN/sendmail" -t -i "$flag" < <(message)
        assert_status 69
        assert_one_line
    done
}

# honest ARGUMENT...: 0 only if the message arrived, and no waiting for more than stdin's end.
honest() {
    local before
    before=$(grep -c ' BODY ' "$PEER/log") || true
    run --separate-stderr timeout -k 1 10 "$BIN/sendmail" "$@" < <(message)
    [ "$status" != 124 ] || { show_run; fail "it hangs: $*"; } || return 1
    [ "$status" != 0 ] || [ "$(grep -c ' BODY ' "$PEER/log")" = $((before + 1)) ] ||
        { show_run; fail "status 0, and nothing was sent: $*"; }
}

@test "no mode beside -t ends with 0 and nothing sent" {
    one_peer
    local mode
    for mode in -bs -bd -bD -bl -bt -be -bz -bC -bm; do
        honest -t -i "$mode"
        honest "$mode" -t
    done
}

@test "-bv beside -t doesn't end with 0 and nothing sent, whom else it may name" {
    one_peer
    honest -t -i -bv
    honest -t -i -bv bob@mail.test
}

@test "-bs beside a recipient doesn't end with 0 and nothing sent" {
    one_peer
    honest -i -bs bob@mail.test
    honest bob@mail.test -bs
}

# --- control characters ------------------------------------------------------------------------
# Goal: in no argument do they reach the server, the header, the log or a terminal; where they
# would stand in an address or a name, the message is refused.

EVIL=$'x@mail.test>\r\nRCPT TO:<evil@mail.test>\r\nX-Evil: 1'

# evil_nowhere: neither server nor message nor log nor stderr has the line that was planted.
evil_nowhere() {
    [[ ${stderr-} != *$'\n'* && ${stderr-} != *$'\r'* ]] || { show_run; fail 'more than one line'; } || return 1
    refute_in "$PEER/log" '< RCPT TO:<evil' || return 1
    ! grep -lE '^X-Evil' "$PEER"/body.* "$BATS_TEST_TMPDIR/log" 2>/dev/null || fail 'planted' || return 1
    ! grep -nE '^(RCPT|X-Evil)' "$BATS_TEST_TMPDIR/log" || fail 'a line was planted in the log'
}

@test "in an address or a name they are refused" {
    one_peer
    local -a words
    for words in "-f $EVIL" "-f$EVIL" "-r $EVIL" "-F $EVIL" "-F$EVIL" "--from=$EVIL"; do
        # The first blank alone parts flag and argument.
        if [[ $words == -?' '* ]]; then
            run --separate-stderr "$BIN/sendmail" "${words%% *}" "${words#* }" bob@mail.test < <(message)
        else
            run --separate-stderr "$BIN/sendmail" "$words" bob@mail.test < <(message)
        fi
        assert_status 65
        assert_one_line
        evil_nowhere
    done
    run --separate-stderr "$BIN/sendmail" "$EVIL" < <(message)
    assert_status 65
    evil_nowhere
    run --separate-stderr "$BIN/sendmail" -bv "$EVIL" < <(message)
    assert_status 65
    evil_nowhere
    nobody_called
}

@test "each control character by itself is refused in -f, -F and a recipient" {
    one_peer
    local code char
    for code in 01 07 08 0a 0b 0c 0d 1b 1f 7f; do
        printf -v char %b "\\x$code"
        run --separate-stderr "$BIN/sendmail" -f "a${char}b@mail.test" bob@mail.test < <(message)
        assert_status 65
        run --separate-stderr "$BIN/sendmail" -F "a${char}b" bob@mail.test < <(message)
        assert_status 65
        run --separate-stderr "$BIN/sendmail" "a${char}b@mail.test" < <(message)
        assert_status 65
        assert_one_line
    done
    nobody_called
}

@test "in every other argument they go nowhere, and the mail is sent" {
    one_peer
    local letter n=0
    for letter in A B C D L M N O R V X h o p z e q Q E J T k; do
        run --separate-stderr "$BIN/sendmail" "-$letter$EVIL" bob@mail.test < <(message)
        assert_status 0
        evil_nowhere
        [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = $((++n)) ] || fail "-$letter: not one more line in the log"
    done
    for letter in A B C D L M N O R V X h o p z; do
        run --separate-stderr "$BIN/sendmail" "-$letter" "$EVIL" bob@mail.test < <(message)
        assert_status 0
        evil_nowhere
        [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = $((++n)) ] || fail "-$letter: not one more line in the log"
    done
    [ "$(grep -c ' < RCPT TO:<bob@mail.test>' "$PEER/log")" = "$n" ]
}

@test "in a DSN value they are not passed on in any form" {
    one_peer
    row warn=-V : -V $'a\nb' WHO
    row warn=-V : -V $'a\x7fb' WHO
    row warn=-N : -N $'never\r\n' WHO
    row warn=-R : -R $'full\n' WHO
    rows_done
}

@test "in a flag's name they are masked in the log" {
    one_peer
    row ignored='-?[31m' : $'-\x1b[31m' WHO
    row ignored='--?x' : $'--\nx=1' WHO
    rows_done
}

@test "in --profile they are refused" {
    one_peer
    run --separate-stderr "$BIN/sendmail" "--profile=$EVIL" bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    evil_nowhere
}
