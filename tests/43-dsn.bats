# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2030,SC2031,SC2034,SC2154   # each test is a subshell; lib's and face's variables
# Flags that change what is said to the server, or to the caller: DSN, BODY, SMTPUTF8, hops, the
# log's tag, relaying, aliases, address families, time-outs, errors, -v.

load lib
load face

setup() { setup_case; }
teardown() { teardown_case; }

# --- DSN ---------------------------------------------------------------------------------
# Goal: -N -R -V reach MAIL and RCPT in the words of RFC 3461; a bad one is warned of and left
# out; a server without DSN takes the message all the same.

@test "-N is NOTIFY, in any case of letters, with ORCPT" {
    one_peer
    row rcpt='<WHO> NOTIFY=SUCCESS ORCPT=rfc822;WHO' : -N success WHO
    row rcpt='<WHO> NOTIFY=FAILURE ORCPT=rfc822;WHO' : -N FAILURE WHO
    row rcpt='<WHO> NOTIFY=DELAY ORCPT=rfc822;WHO' : -N Delay WHO
    row rcpt='<WHO> NOTIFY=NEVER ORCPT=rfc822;WHO' : -N never WHO
    row rcpt='<WHO> NOTIFY=FAILURE,DELAY ORCPT=rfc822;WHO' : -N failure,delay WHO
    row rcpt='<WHO> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;WHO' : -N success,failure,delay WHO
    row rcpt='<WHO> NOTIFY=NEVER ORCPT=rfc822;WHO' : -N success -Nnever WHO
    rows_done
}

@test "a bad -N is warned of, and nothing is asked for" {
    one_peer
    local value
    for value in sometimes never,success success,never 'success,' ',success' ',' '' 'success failure' \
        success,failure,delay,x 'success;x' "$(printf 'delay,%.0s' {1..20})delay"; do
        row warn=-N : -N "$value" WHO
    done
    rows_done
}

@test "-R is RET" {
    one_peer
    row mail='<alice@mail.test> RET=FULL' : -R full WHO
    row mail='<alice@mail.test> RET=HDRS' : -RHDRS WHO
    row mail='<alice@mail.test> RET=HDRS' : -R Hdrs WHO
    rows_done
}

@test "a bad -R is warned of" {
    one_peer
    local value
    for value in body '' 'full hdrs' fullx 30d; do
        row warn=-R : -R "$value" WHO
    done
    rows_done
}

@test "-V is ENVID, in xtext" {
    one_peer
    row mail='<alice@mail.test> ENVID=QQ314159' : -V QQ314159 WHO
    row mail='<alice@mail.test> ENVID=a+2Bb+3Dc+20d' : -V 'a+b=c d' WHO
    row mail='<alice@mail.test> ENVID=~!@#$%^&*()<>' : -V '~!@#$%^&*()<>' WHO
    local hundred
    hundred=$(printf 'x%.0s' {1..100})
    row mail="<alice@mail.test> ENVID=$hundred" : -V "$hundred" WHO
    rows_done
}

@test "a -V over 100 characters, as sent, is warned of and left out" {
    one_peer
    row warn=-V : -V "$(printf 'x%.0s' {1..101})" WHO
    row warn=-V : -V "$(printf '+%.0s' {1..34})" WHO
    row warn=-V : -V "$(printf 'x%.0s' {1..5000})" WHO
    rows_done
}

@test "a -V that isn't printable ASCII is warned of and left out (RFC 3461 4.4)" {
    one_peer
    row warn=-V : -V $'a\tb' WHO
    row warn=-V : -V $'a\x01b' WHO
    row warn=-V : -V 'über' WHO
    rows_done
}

@test "ORCPT is xtext, and left out for an address beyond ASCII" {
    one_peer
    row rcpt='<a+b=c@mail.test> NOTIFY=NEVER ORCPT=rfc822;a+2Bb+3Dc@mail.test' : -N never a+b=c@mail.test
    row rcpt='<"a b"@mail.test> NOTIFY=NEVER ORCPT=rfc822;"a+20b"@mail.test' : -N never '"a b"@mail.test'
    row mail='<alice@mail.test> SMTPUTF8' rcpt='<\xc3\xbc@mail.test> NOTIFY=NEVER' : \
        -N never 'ü@mail.test'
    rows_done
}

@test "dsn_notify and dsn_return ask where no flag does, and a flag counts more" {
    KEYS=('dsn_notify=failure,delay' dsn_return=hdrs)
    one_peer
    row mail='<alice@mail.test> RET=HDRS' rcpt='<WHO> NOTIFY=FAILURE,DELAY ORCPT=rfc822;WHO' : WHO
    row mail='<alice@mail.test> RET=FULL' rcpt='<WHO> NOTIFY=NEVER ORCPT=rfc822;WHO' : \
        -N never -R full WHO
    row warn='-N.*-R' mail='<alice@mail.test> RET=HDRS' rcpt='<WHO> NOTIFY=FAILURE,DELAY ORCPT=rfc822;WHO' : \
        -N bad -R bad WHO
    rows_done
}

@test "a server without DSN gets the message without its words, and the log says so" {
    one_peer @465
    row dsn=not-offered : -N success,failure -R full -V id WHO
    row dsn=not-offered : -N never WHO
    row : WHO
    rows_done
    run --separate-stderr "$BIN/sendmail" -N success bob@mail.test < <(message)
    assert_status 0
    assert_silent
}

@test "-R or -V alone without DSN is logged, too" {
    one_peer @465
    row dsn=not-offered : -R full WHO
    row dsn=not-offered : -V id WHO
    rows_done
}

@test "a server without DSN is told of under -v" {
    one_peer @465
    run --separate-stderr "$BIN/sendmail" -v -N success bob@mail.test < <(message)
    assert_status 0
    assert_in - 'DSN' <<<"$stderr"
}

# --- BODY and SMTPUTF8 ---------------------------------------------------------------------
# Goal: -B and -U are said where they can be, and are never a reason to lose a message but where
# the caller asked for SMTPUTF8 and the server has none.

@test "-B is BODY; what isn't true of the content isn't said" {
    one_peer
    row : WHO
    row mail='<alice@mail.test> BODY=8BITMIME' : -B8BITMIME WHO
    row mail='<alice@mail.test> BODY=8BITMIME' : -B 8bitmime WHO
    row mail='<alice@mail.test> BODY=7BIT' : -B7BIT WHO
    row mail='<alice@mail.test> BODY=8BITMIME' in='To: x@mail.test\n\n\xc3\xbc\n' : WHO
    row mail='<alice@mail.test> BODY=8BITMIME' in='To: x@mail.test\n\n\xc3\xbc\n' : -B 7BIT WHO
    rows_done
}

@test "a bad -B is warned of" {
    one_peer
    row warn=-B : -B BINARYMIME WHO
    row warn=-B : -B '' WHO
    row warn=-B : -B 8BITMIMEX WHO
    rows_done
}

@test "without 8BITMIME an 8-bit message goes as it is, whatever -B says" {
    peer < <(printf '%s\n' '=== every connection' TLS @greet 'C: EHLO *' 'S: 250-mail.test' \
        'S: 250 AUTH PLAIN' @login @send)
    profile tls=implicit
    row in='To: x@mail.test\n\n\xc3\xbc\n' has='^ü$' : -B8BITMIME WHO
    row in='To: x@mail.test\n\n\xc3\xbc\n' has='^ü$' : WHO
    rows_done
}

@test "-U and -O smtputf8=yes ask for SMTPUTF8" {
    one_peer
    row mail='<alice@mail.test> SMTPUTF8' : -U WHO
    row mail='<alice@mail.test> SMTPUTF8' : -O smtputf8=yes WHO
    row mail='<alice@mail.test> SMTPUTF8' : -OSMTPUTF8=True WHO
    row : -U -O smtputf8=no WHO
    row : -O smtputf8=no WHO
    rows_done
}

@test "-U with a server that has no SMTPUTF8 is 65, and says why" {
    peer < <(printf '%s\n' @465 @login DRAIN)
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" -U bob@mail.test < <(message)
    assert_status 65
    assert_one_line
    assert_output_has SMTPUTF8
    refute_in "$PEER/log" '< MAIL'
}

# --- hops ------------------------------------------------------------------------------------
# Goal: -h and the Received fields together; over max_hops is a loop: 69, before dialling.

# travelled N: a message with so many Received fields.
travelled() {
    local n
    for ((n = 0; n < $1; n++)); do
        printf 'Received: from a%d.test by b%d.test; Mon, 1 Jan 2024 00:00:00 +0000\n' "$n" "$n"
    done
    message
}

@test "50 Received fields are sent, 51 are a loop: 69" {
    one_peer
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(travelled 50)
    assert_status 0
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(travelled 51)
    assert_status 69
    assert_one_line
    assert_output_has loop
    [ "$(grep -c ' CONNECT$' "$PEER/log")" = 1 ]
}

@test "-h and the Received fields are added up" {
    one_peer
    local case
    for case in '50 0' '0 50' '30 20'; do
        run --separate-stderr "$BIN/sendmail" -h "${case% *}" bob@mail.test < <(travelled "${case#* }")
        assert_status 0
    done
    for case in '51 0' '1 50' '30 21' '999 0' '1000000 0' '10000000 0' '99999999999999999999 0'; do
        run --separate-stderr "$BIN/sendmail" -h "${case% *}" bob@mail.test < <(travelled "${case#* }")
        assert_status 69
        assert_output_has loop
    done
    [ "$(grep -c ' CONNECT$' "$PEER/log")" = 3 ]
}

@test "max_hops is the limit, also with -G" {
    KEYS=(max_hops=3)
    one_peer
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(travelled 3)
    assert_status 0
    local flag
    for flag in -i -G -h1; do
        run --separate-stderr "$BIN/sendmail" "$flag" bob@mail.test < <(travelled $((4 - ${#flag} / 3)))
        assert_status 69
        assert_output_has loop
    done
    [ "$(grep -c ' CONNECT$' "$PEER/log")" = 1 ]
}

@test "a -h that is no number is warned of, and the mail is sent" {
    one_peer
    row warn=-h : -h many WHO
    row warn=-h : -h -5 WHO
    row warn=-h : -h '' WHO
    row warn=-h : -h 5x WHO
    rows_done
}

# --- the log's tag ----------------------------------------------------------------------------
# Goal: -L names us in the log, and can't be used to forge a line of somebody else's.

@test "-L is the log line's tag, up to 32 characters" {
    one_peer
    row tag=web-1 : -L web-1 WHO
    row tag=postfix/sendmail : -Lpostfix/sendmail WHO
    row tag=12345678901234567890123456789012 : -L 12345678901234567890123456789012 WHO
    row tag=last : -L first -L last WHO
    rows_done
}

@test "a tag that is too long, or could be taken for more than a tag, leaves one line" {
    one_peer
    local tag
    for tag in 123456789012345678901234567890123 $'a\nb' $'a\x1b[31m' '' 'sshd[1]: x' 'ü'; do
        run --separate-stderr "$BIN/sendmail" -L "$tag" bob@mail.test < <(message)
        assert_status 0
        assert_silent
    done
    [ "$(grep -cE '^[0-9TZ:-]+ [!-~]{1,32}\[[0-9]+\]: status=sent ' "$BATS_TEST_TMPDIR/log")" = 6 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 6 ]
    refute_in "$BATS_TEST_TMPDIR/log" 'sshd\[1\]'
}

# --- relaying, aliases, families ----------------------------------------------------------------
# Goal: -G leaves the header alone but for Bcc; -n leaves the names alone; -4 and -6 choose.

@test "-G adds and edits nothing, but no Bcc leaves" {
    KEYS=('add_header=X-Added: 1' full_name=Someone)
    one_peer
    printf 'Return-Path: <x@y.test>\r\nFrom : root (Cron)\r\nBcc: a@mail.test,\r\n b@mail.test\r\nTo: a, b\r\n' \
        >"$BATS_TEST_TMPDIR/in"
    printf 'Content-Length: 5\r\nResent-Bcc: c@mail.test\r\nbCC : d@mail.test\r\nSubject: \xc3\xbc\r\n\r\nbody\r\n' \
        >>"$BATS_TEST_TMPDIR/in"
    run --separate-stderr "$BIN/sendmail" -G bob@mail.test <"$BATS_TEST_TMPDIR/in"
    assert_status 0
    assert_silent
    arrived >"$BATS_TEST_TMPDIR/got"
    printf 'Return-Path: <x@y.test>\nFrom: root (Cron)\nTo: a, b\nContent-Length: 5\nSubject: \xc3\xbc\n\nbody\n' \
        >"$BATS_TEST_TMPDIR/wanted"
    # A blank before the colon may stay or go.
    sed -i 's/^From :/From:/' "$BATS_TEST_TMPDIR/got"
    diff "$BATS_TEST_TMPDIR/wanted" "$BATS_TEST_TMPDIR/got"
}

@test "-G still takes recipients from the header with -t" {
    one_peer
    row in='Bcc: WHO\nSubject: x\n\nx\n' lacks='Bcc|Date|Message-ID|^To' : -G -t
    rows_done
}

@test "-n leaves names as they are, but for the domain" {
    KEYS=('[aliases]' 'root = ops@mail.test' '* = all@mail.test')
    one_peer
    row rcpt='<ops@mail.test>' : root
    row rcpt='<root@mail.test>' : -n root
    row rcpt='<all@mail.test>' : nobody
    row rcpt='<nobody@mail.test>' : -n nobody
    rows_done
}

@test "-4 goes by IPv4 only, -6 by IPv6 only" {
    one_peer
    KEYS=(host=127.0.0.1:"$PORT" tls_name=localhost tls=implicit)
    profile "${KEYS[@]}"
    row : -4 WHO
    rows_done
    run --separate-stderr "$BIN/sendmail" -6 bob@mail.test < <(message)
    [ "$status" != 0 ]
    assert_one_line
    [ "$(grep -c ' CONNECT$' "$PEER/log")" = 1 ]
    "$PYTHON" -c 'import socket; socket.create_server(("::1", 0), family=socket.AF_INET6)' 2>/dev/null ||
        return 0
    peer -n six --address ::1 < <(printf '%s\n' '=== every connection' @465p @login @send)
    profile "host=[::1]:$PORT_six" tls_name=localhost tls=implicit
    run --separate-stderr "$BIN/sendmail" -6 bob@mail.test < <(message)
    assert_status 0
    run --separate-stderr "$BIN/sendmail" -4 bob@mail.test < <(message)
    [ "$status" != 0 ]
    [ "$(grep -c ' CONNECT$' "$PEER_six/log")" = 1 ]
}

# --- -or ------------------------------------------------------------------------------------------
# Goal: a caller may lower `timeout`, to 30 s at least; never raise it, never touch commit_timeout.

# longest ARGUMENT...: the longest time, in s, that was waited for anything before the commit, and
# for the commit's answer.
longest() {
    need strace
    strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=poll,ppoll "$BIN/sendmail" "$@" bob@mail.test \
        < <(message) || return
    # The last wait is the one for the commit's answer.
    "$PYTHON" - "$BATS_TEST_TMPDIR/trace" <<'PY'
import re, sys
waits = []
for line in open(sys.argv[1]):
    plain = re.search(r"^poll\(.*\], \d+, (-?\d+)\)", line)
    fine = re.search(r"^ppoll\(.*tv_sec=(\d+)", line)
    if plain or fine:
        waits.append(int(plain[1]) / 1000 if plain else int(fine[1]))
print(round(max(waits[:-1])), round(waits[-1]))
PY
}

# bats test_tags=strace
@test "-or lowers the timeout, to 30 s at least, and leaves commit_timeout alone" {
    peer < <(printf '%s\n' '=== every connection' @465p @login 'C: MAIL *' 'S: 250 ok' 'C: RCPT *' \
        'S: 250 ok' 'C: DATA' 'S: 354 go' BODY 'SLEEP 0.2' 'S: 250 ok' DRAIN)
    profile tls=implicit timeout=5m commit_timeout=7m connect_timeout=9s
    [ "$(longest)" = '300 420' ]
    [ "$(longest -or60s)" = '60 420' ]
    [ "$(longest -or1s)" = '30 420' ]
    [ "$(longest -or2m)" = '120 420' ]
    [ "$(longest -or1)" = '60 420' ]
    [ "$(longest -or1h)" = '300 420' ]
    [ "$(longest -ornonsense)" = '300 420' ]
    [ "$(longest -o r45s)" = '45 420' ]
}

@test "-or doesn't raise a timeout that is shorter" {
    peer < <(printf '%s\n' @465p STALL)
    profile tls=implicit timeout=1s
    run --separate-stderr timeout 10 "$BIN/sendmail" -or1h bob@mail.test < <(message)
    assert_status 69
    assert_one_line
}

# --- errors ------------------------------------------------------------------------------------------
# Goal: q says nothing, all other modes print one line; none changes the status, and none mails back.

@test "-oeq, -eq and ErrorMode=q say nothing, with the same status" {
    profile
    local -a flags
    for flags in -oeq -eq '-e q' '-o eq' '-O ErrorMode=q' '-OErrorMode=quiet' '-oem -oeq'; do
        read -ra flags <<<"$flags"
        run --separate-stderr "$BIN/sendmail" "${flags[@]}" bob@mail.test < <(message)
        assert_status 69
        assert_silent
        run --separate-stderr "$BIN/sendmail" "${flags[@]}" < <(message)
        assert_status 64
        assert_silent
    done
    rm -f "$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/sendmail" -oeq bob@mail.test < <(message)
    assert_status 78
    assert_silent
}

@test "-oem -oep -oew -oee and their kin print one line, and never end with 0" {
    profile
    local -a flags
    for flags in -oem -oep -oew -oee -em -ep -ew -ee -e '-O ErrorMode=m' '-O ErrorMode=e' \
        '-OErrorMode=write' '-oeq -oem' '-O ErrorMode=q -O ErrorMode=p'; do
        read -ra flags <<<"$flags"
        run --separate-stderr "$BIN/sendmail" bob@mail.test "${flags[@]}" -i < <(message)
        assert_status 69
        assert_one_line
    done
}

# --- NoRecipientAction ----------------------------------------------------------------------------------
# Goal: where there is no To and no Cc, "none" adds nothing, everything else To: undisclosed.

@test "NoRecipientAction=none adds no To, all others add the undisclosed one" {
    one_peer
    local action
    row in='Subject: x\n\nx\n' has='^To: undisclosed-recipients:;$' : WHO
    row in='Subject: x\n\nx\n' lacks='^To' : -O NoRecipientAction=none WHO
    row in='Subject: x\n\nx\n' lacks='^To' : -ONoRecipientAction=None WHO
    for action in add-to add-apparently-to add-bcc add-to-undisclosed nonsense ''; do
        row in='Subject: x\n\nx\n' has='^To: undisclosed-recipients:;$' : \
            -O "NoRecipientAction=$action" WHO
    done
    row in='Bcc: WHO\n\nx\n' has='^To: undisclosed-recipients:;$' lacks='^Bcc|r[0-9]+@' : -t -O NoRecipientAction=add-to
    rows_done
}

# --- -v ---------------------------------------------------------------------------------------------------
# Goal: the dialogue on stderr, nothing on stdout, no secret; warnings, too.

@test "-v shows the dialogue on stderr, without the password in any form" {
    one_peer
    run --separate-stderr "$BIN/sendmail" -v bob@mail.test < <(message)
    assert_status 0
    [ -z "$output" ]
    assert_in - '^S: 220 ' <<<"$stderr"
    assert_in - '^C: EHLO client.test$' <<<"$stderr"
    assert_in - '^C: MAIL FROM:<alice@mail.test>' <<<"$stderr"
    assert_in - '^S: 250 2.0.0 Ok: queued as 4F1A$' <<<"$stderr"
    refute_output_has s3cret-alice
    refute_output_has "$(printf '\0alice\0s3cret-alice' | base64)"
    refute_output_has "$(printf s3cret-alice | base64)"
}

@test "-v shows warnings, which are silent otherwise" {
    one_peer
    run --separate-stderr "$BIN/sendmail" -N sometimes bob@mail.test < <(message)
    assert_status 0
    assert_silent
    run --separate-stderr "$BIN/sendmail" -v -N sometimes bob@mail.test < <(message)
    assert_status 0
    assert_in - '^warning: .*-N' <<<"$stderr"
}

@test "-v and a failure end with the same status, the error last" {
    peer < <(printf '%s\n' @465 @login 'C: MAIL *' 'S: 550 5.7.1 not you' DRAIN)
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" -v bob@mail.test < <(message)
    assert_status 69
    [[ ${stderr_lines[-1]} == 'mailchute: '*'550 5.7.1 not you'* ]]
}

@test "-v shows version, suite, chain and pin of TLS" {
    one_peer
    run --separate-stderr "$BIN/sendmail" -v bob@mail.test < <(message)
    assert_status 0
    local pin
    pin=$(openssl x509 -in "$CERTS/good.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | base64)
    assert_in - '^\*: TLSv1\.2/ECDHE-' <<<"$stderr"
    assert_in - '^\*: certificate of CN=localhost for localhost, mail\.test, 127\.0\.0\.1, issued by CN=test CA, until 2049-12-31 ' <<<"$stderr"
    grep -qxF "*: tls_pin = sha256:$pin" <<<"$stderr" || { show_run; fail "not the pin $pin"; }
}
