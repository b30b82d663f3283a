# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031,SC2034,SC2154   # each test is a subshell; variables of lib and run
# The flags: every letter that Sendmail, Postfix and OpenSMTPD take, with the arity that it has
# there. Each row is a run whose envelope is looked at on the server's side; the recipient stands
# behind the flag, where a wrong arity would eat him or make a recipient of an argument.

load lib
load face

setup() { setup_case; }
teardown() { teardown_case; }

# --- letters without an argument ---------------------------------------------------------
# Goal: none of them takes the next word, and the next letter of the word is a flag.

@test "flags without an argument leave the recipient behind them alone" {
    one_peer
    row : -i WHO
    row : -n WHO
    row ignored=-c : -c WHO
    row ignored=-m : -m WHO
    row ignored=-s : -s WHO
    row ignored=-x : -x WHO
    row ignored=-E : -E WHO
    row ignored=-J : -J WHO
    row ignored=-T : -T WHO
    row mail='<alice@mail.test> SMTPUTF8' : -U WHO
    row : -4 WHO
    row lacks='^Message-ID' : -G WHO
    row : -I WHO
    row ignored=-S : -S WHO
    rows_done
}

@test "flags without an argument stand together in one word" {
    one_peer
    row mail='<bob@mail.test>' ignored='-m -c -s -x' : -imcsxnf bob@mail.test WHO
    row mail='<bob@mail.test>' ignored='-m' : -mfbob@mail.test WHO
    row : -ii -i WHO
    row mail='<alice@mail.test> SMTPUTF8' ignored='-s' : -sU4 WHO
    row in='To: WHO\n\nx\n' : -ti
    row in='To: WHO\n\nx\n' : -it
    row in='To: WHO\n\nx\n' : -toi
    row in='To: WHO\n\nx\n' : -i -oi -t
    row in='To: WHO\n\nx\n' ignored=-S : -St
    row in='To: WHO\n\nx\n' mail='<bob@mail.test>' : -tifbob@mail.test
    row in='To: WHO\n\nx\n' mail='<bob@mail.test>' : -tif bob@mail.test
    rows_done
}

# --- letters with an argument ------------------------------------------------------------
# Goal: attached or separate, and never both.

@test "the sender is what -f or -r says, attached or separate, and the last wins" {
    one_peer
    row mail='<bob@mail.test>' : -f bob@mail.test WHO
    row mail='<bob@mail.test>' : -fbob@mail.test WHO
    row mail='<bob@mail.test>' : -r bob@mail.test WHO
    row mail='<bob@mail.test>' : -rbob@mail.test WHO
    row mail='<carol@mail.test>' : -f bob@mail.test -f carol@mail.test WHO
    row mail='<carol@mail.test>' : -f bob@mail.test -r carol@mail.test WHO
    row mail='<carol@mail.test>' : -r bob@mail.test WHO -fcarol@mail.test
    row mail='<bob@mail.test>' : -f '<bob@mail.test>' WHO
    row mail='<bob@mail.test>' : -f 'Bob <bob@mail.test>' WHO
    row mail='<bob@mail.test>' : -f '"Builder, Bob" <bob@mail.test>' WHO
    row mail='<bob@mail.test>' : -f ' bob@mail.test ' WHO
    row mail='<>' : -f '' WHO
    row mail='<>' : -r '' WHO
    row mail='<>' : -f '<>' WHO
    row mail='<>' : -f'<>' WHO
    row mail='<bob@mail.test>' : -f '' -f bob@mail.test WHO
    row mail='<>' : -f bob@mail.test -f '' WHO
    row mail='<vacuser@mail.test>' : -f vacuser WHO
    row mail='<uuhost!sender@mail.test>' : -fuuhost!sender WHO
    row mail='<-x@mail.test>' : -f -x@mail.test WHO
    rows_done
}

@test "flags with an argument take the rest of their word, or else the next word" {
    one_peer
    local letter
    for letter in A C D M X p z; do
        row ignored="-$letter" : "-$letter" some@other.test WHO
        row ignored="-$letter" : "-${letter}some@other.test" WHO
        row ignored="-$letter" : "-i$letter" some@other.test WHO
        # An argument that looks like a flag is an argument.
        row ignored="-$letter" : "-$letter" -bd WHO
    done
    rows_done
}

@test "flags with an argument that means something take it in either way" {
    one_peer
    row has='^From: Bob Builder <alice@mail.test>$' in='Subject: x\n\nx\n' : -F 'Bob Builder' WHO
    row has='^From: Bob Builder <alice@mail.test>$' in='Subject: x\n\nx\n' : '-FBob Builder' WHO
    row has='^From: alice@mail.test$' in='Subject: x\n\nx\n' : -F '' WHO
    row has='^From: .*Reminder Service.* <alice@mail.test>$' in='Subject: x\n\nx\n' : \
        -F '"Reminder Service"' WHO
    row mail='<alice@mail.test> BODY=8BITMIME' : -B 8BITMIME WHO
    row mail='<alice@mail.test> BODY=8BITMIME' : -B8BITMIME WHO
    row mail='<alice@mail.test> BODY=7BIT' : -B 7BIT WHO
    row rcpt='<WHO> NOTIFY=DELAY ORCPT=rfc822;WHO' : -N delay WHO
    row rcpt='<WHO> NOTIFY=DELAY ORCPT=rfc822;WHO' : -Ndelay WHO
    row mail='<alice@mail.test> RET=HDRS' : -R hdrs WHO
    row mail='<alice@mail.test> RET=FULL' : -Rfull WHO
    row mail='<alice@mail.test> ENVID=some@other.test' : -V some@other.test WHO
    row mail='<alice@mail.test> ENVID=some@other.test' : -Vsome@other.test WHO
    row : -h 5 WHO
    row : -h5 WHO
    row tag=tag : -L tag WHO
    row tag=tag : -Ltag WHO
    row : -b m WHO
    row : -bm WHO
    row : -ba WHO
    row mail='<alice@mail.test> SMTPUTF8' : -O smtputf8=yes WHO
    row mail='<alice@mail.test> SMTPUTF8' : -Osmtputf8=yes WHO
    rows_done
}

@test "a flag whose argument is missing at the end of the line is an error of usage" {
    one_peer
    local flag
    for flag in -f -r -F -A -B -C -D -L -M -N -O -R -V -X -a -b -h -p -z -o -e --from --account --file; do
        run --separate-stderr "$BIN/sendmail" bob@mail.test "$flag" < <(message)
        assert_status 64
        assert_one_line
        assert_output_has "$flag"
    done
    nobody_called
}

# --- letters whose argument can only be attached ------------------------------------------
# Goal: the next word is never theirs.

@test "-q -d -Q -E -J -T never take the next word" {
    one_peer
    row : -q WHO
    row : -q30m WHO
    row : -qRfoo WHO
    row : -Q WHO
    row : -Qreason WHO
    row ignored=-E : -Efoo WHO
    row ignored=-E : -E -f alice@mail.test WHO
    row ignored=-J : -Jfoo WHO
    row ignored=-T : -T3d WHO
    row in='To: WHO\n\nx\n' : -q -t
    row in='To: WHO\n\nx\n' : -Q -t
    row in='To: WHO\n\nx\n' ignored=-E : -E -t
    row in='To: WHO\n\nx\n' ignored=-J : -J -t
    row in='To: WHO\n\nx\n' ignored=-T : -T -t
    rows_done
}

@test "-d, with and without a level, never takes the next word, and is -v" {
    one_peer
    local flag n=0
    for flag in -d -d0 -d8.1 -d99.100 -dALL; do
        run --separate-stderr "$BIN/sendmail" "$flag" "d$((++n))@mail.test" < <(message)
        assert_status 0
        assert_in "$PEER/log" "^$n < RCPT TO:<d$n@mail.test>\$"
        assert_in - '^C: RCPT TO:' <<<"$stderr"
    done
}

# --- -o, -O and -e ------------------------------------------------------------------------
# Goal: an option is the rest of its word; the next word only where the flag stands alone.

@test "-o takes the rest of its word, or the next word where it stands alone" {
    one_peer
    row : -oi WHO
    row : -o i WHO
    row : -oem WHO
    row : -o em WHO
    row : -oep WHO
    row : -oeq WHO
    row : -oew WHO
    row : -oee WHO
    row : -odi WHO
    row : -odb WHO
    row : -odq WHO
    row : -od WHO
    row : -om WHO
    row : -or30s WHO
    row : -o r1h WHO
    row in='To: WHO\n\nx\n' : -oi -t
    row in='To: WHO\n\nx\n' : -t -o i
    row ignored=-o : -oA/etc/aliases WHO
    row ignored=-o : -o A/etc/aliases WHO
    row ignored=-o : -oQ/tmp WHO
    row ignored=-o : -oH/tmp WHO
    row ignored=-o : -oS/tmp WHO
    row ignored=-o : -oL9 WHO
    row ignored=-o : -oT3d WHO
    row ignored=-o : -o7 WHO
    rows_done
}

@test "-e takes the rest of its word, or the next word where it stands alone" {
    one_peer
    row : -em WHO
    row : -eq WHO
    row : -e p WHO
    row : -e q WHO
    row in='To: WHO\n\nx\n' : -ep -t
    row in='To: WHO\n\nx\n' : -ie -t
    rows_done
}

@test "-O takes Name=value, attached or separate, and swallows what it doesn't know" {
    one_peer
    row : -O DeliveryMode=queue WHO
    row : -ODeliveryMode=deferred WHO
    row : -O i WHO
    row : -O IgnoreDots=True WHO
    row : -O ErrorMode=p WHO
    row : -O errormode=q WHO
    row : -O NoRecipientAction=none WHO
    row : -O smtputf8=no WHO
    row ignored=-O : -O QueueDirectory=/tmp WHO
    row ignored=-O : -OAliasFile=/etc/aliases WHO
    row ignored=-O : -O PrivacyOptions=authwarnings WHO
    row ignored=-O : -O nonsense WHO
    row ignored=-O : -O = WHO
    row ignored=-O : -O '' WHO
    rows_done
}

# --- order --------------------------------------------------------------------------------
# Goal: flags and operands mix; "--" ends the flags.

@test "flags and recipients stand in any order" {
    one_peer
    row mail='<bob@mail.test>' : WHO -f bob@mail.test
    row mail='<bob@mail.test>' : -i WHO -fbob@mail.test
    row mail='<bob@mail.test>' ignored='-m -X' : -m WHO -X /dev/null -r bob@mail.test -oi
    row in='To: WHO\n\nx\n' : WHO -t
    row in='To: WHO\n\nx\n' : WHO -i -t
    rows_done
}

@test "behind -- everything is a recipient" {
    one_peer
    row : -- WHO
    row : -i -- WHO
    row mail='<bob@mail.test>' : -f bob@mail.test -- WHO
    row rcpt='<-fx@mail.test>' : -- -fx@mail.test
    row rcpt='<-t@mail.test>' : -- -t
    row rcpt='<--@mail.test>' : -- --
    row in='To: WHO\n\nx\n' : -t --
    # As an argument it doesn't end them.
    row mail='<bob@mail.test>' ignored=-X : -X -- -f bob@mail.test WHO
    rows_done
}

@test "a lone hyphen is a recipient, an empty word is none" {
    one_peer
    row rcpt='<-@mail.test>' : -
    row : '' WHO
    row : WHO '' ' ' ','
    rows_done
}

@test "-t adds the recipients of the header to those of the command line, each once" {
    peer < <(printf '%s\n' @465p @login 'C: MAIL *' 'S: 250 ok' 'LOOP 4' 'C: RCPT TO:<*>' 'S: 250 ok' END \
        'C: DATA' 'S: 354 go' BODY 'S: 250 ok' 'C*: QUIT')
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" to@mail.test -t more@MAIL.test,more@mail.test cc@mail.test \
        < <(printf 'To: to@mail.test\nCc: cc@mail.test\nBcc: bcc@mail.test\n\nx\n')
    assert_status 0
    assert_silent
    peer_done
    arrived | refute_in - '[Bb]cc'
    local name
    for name in to cc bcc more; do
        [ "$(grep -ciE "^1 < RCPT TO:<$name@mail.test>\$" "$PEER/log")" = 1 ]
    done
}

@test "without -t the header's recipients get nothing" {
    one_peer
    row in='To: to@mail.test\nCc: cc@mail.test\nBcc: bcc@mail.test\n\nx\n' lacks='bcc' : WHO
    row in='Resent-To: to@mail.test\nResent-Bcc: bcc@mail.test\n\nx\n' lacks='bcc' : -i WHO
    rows_done
}

@test "a Resent- field makes -t read those of the resending only" {
    one_peer
    row in='To: to@mail.test\nCc: cc@mail.test\nResent-To: WHO\n\nx\n' : -t
    row in='To: to@mail.test\nResent-Bcc: WHO\n\nx\n' lacks='Resent-Bcc' : -t
    row in='To: to@mail.test\nResent-From: alice@mail.test\nResent-Cc: WHO\n\nx\n' : -t
    rows_done
}

# --- what callers really pass ---------------------------------------------------------------
# Goal: the command lines seen in the field, word by word.

@test "PHP, and what its users put into the fifth parameter" {
    one_peer
    row in='To: WHO\nSubject: x\r\nX-Mailer: PHP\r\n\nx\n' : -t -i
    row in='To: WHO\n\nx\n' mail='<web@mail.test>' : -t -i -fweb@mail.test
    row in='To: WHO\n\nx\n' mail='<web@mail.test>' : -t -i -f web@mail.test
    row in='To: WHO\n\nx\n' mail='<web@mail.test>' : -t -i -oi -fweb@mail.test -ODeliveryMode=b
    rows_done
}

@test "cron of Debian, cronie, anacron and at" {
    one_peer
    row rcpt='<root@mail.test>' mail='<alice@mail.test> BODY=8BITMIME' has='^From: root@mail.test' \
        in='From: root (Cron Daemon)\nTo: root\nSubject: Cron\n\nx\n' : \
        -FCronDaemon -i -B8BITMIME -oem root
    row mail='<root@mail.test>' rcpt='<root@mail.test>' has='^From: .*<root@mail.test>$' \
        in='From: "(Cron Daemon)" <root>\nTo: root\nSubject: Cron\n\nx\n' : \
        -FCronDaemon -i -odi -oem -oi -t -f root
    row rcpt='<root@mail.test>' has='^From: Anacron <root@mail.test>$' \
        in='From: Anacron <root>\nTo: root\nSubject: Anacron\n\nx\n' : -FAnacron -odi root
    row rcpt='<user@mail.test>' in='Subject: Output from your job\nTo: user\n\nx\n' : -i user
    rows_done
}

@test "mutt, bsd-mailx, s-nail, mailutils, mdadm and git" {
    one_peer
    row : -oem -oi -- WHO
    row mail='<bob@mail.test> BODY=8BITMIME' : -oem -oi -B8BITMIME -f bob@mail.test -- WHO
    row mail='<bob@mail.test> RET=HDRS' rcpt='<WHO> NOTIFY=FAILURE,DELAY ORCPT=rfc822;WHO' : \
        -oem -oi -f bob@mail.test -N failure,delay -R hdrs -- WHO
    row : -i WHO
    row : -i -- WHO
    row in='To: WHO\n\nx\n' mail='<user@host.test>' : -oi -f user@host.test -t
    row in='To: WHO\n\nx\n' mail='<mdadm@mail.test>' : -t -fmdadm@mail.test
    row : -i WHO,
    row : -i WHO, WHO
    row : -i '<WHO>'
    rows_done
}

@test "git and others name several recipients, some with a trailing comma" {
    peer < <(printf '%s\n' 'LOOP 3' '=== connection' @465p @login 'C: MAIL *' 'S: 250 ok' \
        'C: RCPT TO:<a@mail.test>' 'S: 250 ok' 'C: RCPT TO:<b@mail.test>' 'S: 250 ok' \
        'C: DATA' 'S: 354 go' BODY 'S: 250 ok' 'C*: QUIT' END)
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" -i a@mail.test b@mail.test < <(message)
    assert_status 0
    run --separate-stderr "$BIN/sendmail" -i a@mail.test, b@mail.test, < <(message)
    assert_status 0
    run --separate-stderr "$BIN/sendmail" -i 'a@mail.test, Bob <b@mail.test>,' < <(message)
    assert_status 0
    assert_silent
    peer_done
}

@test "other flags seen on command lines" {
    one_peer
    row in='To: WHO\n\nx\n' : -ti
    row has='^From: alice@mail.test$' in='Subject: x\n\nx\n' : -F '' WHO
    row mail='<>' : -f '' WHO
    row mail='<>' : -f '<>' WHO
    row mail='<vacuser@mail.test>' : -f vacuser WHO
    row mail='<uuhost!sender@mail.test>' ignored=-p : -fuuhost!sender -pUUCP:host WHO
    row ignored='-m' : -oem -oee -oep -odi -odb -om -m -i -i WHO
    row ignored='-m' : -m -G WHO
    row in='To: WHO\n\nx\n' : -t WHO
    row in='To: r@mail.test\n\nx\n' rcpt='<r@mail.test>' : -t r@MAIL.TEST
    rows_done
}

# --- unknown flags ---------------------------------------------------------------------------
# Goal: the mail is sent, the log says what was passed over, and nothing of an unknown word is
# taken for a flag.

@test "an unknown letter is noted with its word, and the mail is sent" {
    one_peer
    row ignored=-k : -k WHO
    row ignored=-8 : -8 WHO
    row ignored=-Zt : -Zt WHO
    row ignored=-Wfbob@mail.test : -Wfbob@mail.test WHO
    row ignored='-kt -Y' : -ikt -Y WHO
    row ignored='-b' : -bw WHO
    row ignored='-b' : -bmm WHO
    rows_done
}

@test "what is noted of an unknown word is short and printable" {
    one_peer
    row ignored="-k$(printf 'x%.0s' {1..39})" : "-k$(printf 'x%.0s' {1..3000})" WHO
    row ignored='-k??status=sent' : $'-k\n\x1bstatus=sent' WHO
    rows_done
    run grep -c '' "$BATS_TEST_TMPDIR/log"
    [ "$output" = 1 ]
}

@test "an unknown long option is noted without its value, which may be a secret" {
    one_peer
    row ignored=--nonsense : --nonsense WHO
    row ignored=--nonsense : --nonsense=s3cret WHO
    row ignored='--passwordeval' : --passwordeval='echo s3cret' WHO
    rows_done
}

# --- msmtp's long options ---------------------------------------------------------------------
# Goal: those that mean something here do it, all others are swallowed with the arity they have
# there; none takes the recipient, and no value becomes one.

@test "long options that have a meaning here" {
    one_peer
    row mail='<bob@mail.test>' : --from=bob@mail.test WHO
    row mail='<bob@mail.test>' : --from bob@mail.test WHO
    row mail='<>' : --from= WHO
    row in='To: WHO\n\nx\n' : --read-recipients
    row rcpt='<WHO> NOTIFY=NEVER ORCPT=rfc822;WHO' : --dsn-notify=never WHO
    row rcpt='<WHO> NOTIFY=NEVER ORCPT=rfc822;WHO' : --dsn-notify never WHO
    row mail='<alice@mail.test> RET=FULL' : --dsn-return=full WHO
    row mail='<alice@mail.test> RET=FULL' : --dsn-return full WHO
    rows_done
}

@test "msmtp's options with a value are swallowed, the value attached or separate" {
    one_peer
    local name
    for name in aliases connect-timeout configure domain file host logfile-time-format \
        maildomain passwordeval port protocol proxy-host proxy-port socket source-ip timeout \
        tls-cert-file tls-crl-file tls-fingerprint tls-host-override tls-key-file \
        tls-min-dh-prime-bits tls-priorities tls-trust-file user; do
        row ignored="--$name" : "--$name=some@other.test" WHO
        row ignored="--$name" : "--$name" some@other.test WHO
    done
    rows_done
}

@test "msmtp's --logfile takes its value, attached or separate" {
    one_peer
    row ignored=--logfile : --logfile=/some/file WHO
    row ignored=--logfile : --logfile /some/file WHO
    rows_done
}

@test "msmtp's --rmqs takes its value, attached or separate" {
    one_peer
    row ignored=--rmqs : --rmqs=some.test WHO
    row ignored=--rmqs : --rmqs some.test WHO
    rows_done
}

@test "msmtp's options with no value, or one that can only be attached, take no word" {
    one_peer
    local name
    for name in auth auto-from add-missing-date-header add-missing-from-header \
        allow-from-override keepbcc pretend read-envelope-from remove-bcc-headers serverinfo \
        set-date-header set-from-header set-msgid-header syslog tls tls-certcheck \
        tls-starttls undisclosed-recipients; do
        row ignored="--$name" : "--$name" WHO
        row ignored="--$name" : "--$name=off" WHO
    done
    rows_done
}

@test "--debug is -v, with and without a value" {
    one_peer
    local flag n=0
    for flag in --debug --debug=1; do
        run --separate-stderr "$BIN/sendmail" "$flag" "d$((++n))@mail.test" < <(message)
        assert_status 0
        assert_in "$PEER/log" "^$n < RCPT TO:<d$n@mail.test>\$"
        assert_in - '^C: RCPT TO:' <<<"$stderr"
    done
}

# --- a section by name --------------------------------------------------------------------------
# Goal: only a section that says so can be chosen from the command line.

@test "--profile, --account and -a choose a section that is selectable" {
    one_peer
    profile tls=implicit '[shop]' 'from = shop@mail.test' 'selectable = yes'
    row mail='<shop@mail.test>' : --profile=shop WHO
    row mail='<shop@mail.test>' : --profile shop WHO
    row mail='<shop@mail.test>' : --account=shop WHO
    row mail='<shop@mail.test>' : -a shop WHO
    row mail='<shop@mail.test>' : -ashop WHO
    row mail='<shop@mail.test>' : -i -ashop -- WHO
    rows_done
}

@test "no flag chooses a section that is not" {
    one_peer
    profile tls=implicit '[shop]' 'from = shop@mail.test'
    local flag
    for flag in --profile=shop --account=shop -ashop -anone --account=; do
        run --separate-stderr "$BIN/sendmail" "$flag" bob@mail.test < <(message)
        assert_status 78
        assert_one_line
    done
    nobody_called
}

@test "-or with what is no time, or with more than a day, changes nothing that is sent" {
    local time
    for time in -5m x 5x 99999s 9999999d 2d '' 0; do
        peer <<< $'@587\n@login\n@send'
        profile
        run --separate-stderr "$BIN/sendmail" -i "-or$time" bob@mail.test < <(message)
        assert_status 0
        peer_done
    done
}
