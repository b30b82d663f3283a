# SPDX-License-Identifier: ISC
# Mail programs that people and scripts use from the command line.

load callers

setup_file() { setup_sink; }
teardown_file() { teardown_sink; }
setup() { setup_caller; }
teardown() { teardown_caller; }

# --- bsd-mailx ----------------------------------------------------------------------
# Goal: the recipients are operands, the path is /usr/sbin/sendmail, no From is given.

@test "bsd-mailx sends to To, Cc and Bcc" {
    in_jail alice bsd-mailx -s 'a subject' -c carol@mail.test -b dave@mail.test bob@mail.test \
        <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_header 1 From 'Alice Example <alice@mail.test>'
    assert_body
}

@test "bsd-mailx -r gives the envelope sender" {
    in_jail alice bsd-mailx -s 'a subject' -r shop@mail.test bob@mail.test <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived shop@mail.test bob@mail.test
    assert_header 1 From shop@mail.test
    assert_body
}

@test "bsd-mailx fails for a refused recipient, with the server's words" {
    in_jail alice bsd-mailx -s 'a subject' "$NOBODY" <"$HERE/body"
    assert_status 1
    assert_output_has "$REFUSAL"
    assert_nothing
}

@test "bsd-mailx survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    in_jail alice bsd-mailx -s 'a subject' bob@mail.test <"$HERE/body"
    assert_survived
    assert_output_has '127.0.0.1: Connection refused'
    assert_nothing
}

# --- mutt and neomutt ---------------------------------------------------------------
# Goal: mutt watches SIGCHLD, gives -oem -oi and the recipients behind --.

# mutt PROGRAM [RECIPIENT [OPTION...]]
mutt() {
    in_jail alice "$1" -n -F /dev/null -e "set sendmail='$CASE/bin/sendmail -oem -oi'" \
        -e 'set copy=no' -e "set realname='Alice Example'" -e 'set from=alice@mail.test' \
        -e 'set use_envelope_from' "${@:3}" -s 'a subject' -c carol@mail.test \
        -b dave@mail.test -- "${2:-bob@mail.test}" <"$HERE/body"
}

@test "mutt -x sends to To, Cc and Bcc" {
    mutt mutt '' -x
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "mutt asks for notification and 8 bits" {
    mutt mutt '' -x -e 'set dsn_notify=failure,delay' -e 'set dsn_return=hdrs' \
        -e 'set use_8bitmime' -e 'set allow_8bit'
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
    grep -q 'BODY=8BITMIME' "$BOX/$(printf %04d $((BASE + 1))).json"
}

@test "mutt fails for a refused recipient, with the server's words" {
    mutt mutt "$NOBODY" -x
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
}

@test "mutt survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    mutt mutt '' -x
    assert_survived
    [ "$status" != 0 ]
    assert_output_has '127.0.0.1: Connection refused'
    assert_nothing
}

@test "neomutt sends to To, Cc and Bcc" {
    mutt neomutt
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

@test "neomutt fails for a refused recipient" {
    mutt neomutt "$NOBODY"
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
}

# --- s-nail -------------------------------------------------------------------------
# Goal: -i -- RECIPIENTS; it doesn't wait for the outcome unless told so.

@test "s-nail sends to To, Cc and Bcc" {
    in_jail alice s-nail -: / -s 'a subject' -c carol@mail.test -b dave@mail.test bob@mail.test \
        <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "s-nail -r gives the envelope sender" {
    in_jail alice s-nail -: / -s 'a subject' -r 'shop@mail.test' bob@mail.test <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived shop@mail.test bob@mail.test
    assert_header 1 From 'shop@mail.test'
    assert_body
}

@test "s-nail that waits fails for a refused recipient, with the server's words" {
    in_jail alice s-nail -: / -S sendwait -s 'a subject' "$NOBODY" <"$HERE/body"
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
    assert_nothing
}

@test "s-nail survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    in_jail alice s-nail -: / -S sendwait -s 'a subject' bob@mail.test <"$HERE/body"
    assert_survived
    [ "$status" != 0 ]
    assert_output_has '127.0.0.1: Connection refused'
    assert_nothing
}

# --- mailutils ----------------------------------------------------------------------
# Goal: sendmail is started with descriptors 1 and 2 closed, and -f USER@HOST -t.

# mailutils [OPTION...] RECIPIENT: it ends at a lone dot by itself, so there is none.
mailutils() {
    sed -i '/^\.$/d' "$HERE/body"
    in_jail alice mail.mailutils --no-config -r alice@mail.test -s 'a subject' "$@" <"$HERE/body"
}

@test "mail of mailutils, which closes descriptors 1 and 2, sends" {
    mailutils bob@mail.test
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "mail of mailutils sends to Cc and Bcc" {
    mailutils -a 'Cc: carol@mail.test' -a 'Bcc: dave@mail.test' bob@mail.test
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

@test "mail -t of mailutils takes the recipients from the header" {
    sed -i '/^\.$/d' "$HERE/body"
    {
        printf '%s\n' 'To: bob@mail.test' 'Bcc: dave@mail.test' 'Subject: a subject' ''
        cat "$HERE/body"
    } >"$HERE/mail"
    in_jail alice mail.mailutils --no-config -r alice@mail.test -t <"$HERE/mail"
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test dave@mail.test
    assert_body
}

@test "mail of mailutils fails for a refused recipient" {
    mailutils "$NOBODY"
    [ "$status" != 0 ]
    # stderr was closed: the words are in the log.
    assert_log "exit=67 .*550 5.1.1"
    assert_nothing
}

@test "mail of mailutils survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    mailutils bob@mail.test
    assert_survived
    [ "$status" != 0 ]
    assert_nothing
}

# --- nmh ----------------------------------------------------------------------------
# Goal: a draft that is sent by sendmail -t, or by -bs.

# nmh MTS [RECIPIENT]
nmh() {
    mkdir -p "$HERE/Mail"
    chown -R 61001 "$HERE/Mail"
    printf 'Path: %s/Mail\n' "$CASE" >"$HERE/mh_profile"
    printf 'mts: %s\nsendmail: %s/bin/sendmail\n' "$1" "$CASE" >"$HERE/mts.conf"
    {
        printf '%s\n' 'From: Alice <alice@mail.test>' "To: ${2:-bob@mail.test}" \
            'Cc: carol@mail.test' 'Bcc: dave@mail.test' 'Subject: a subject' 'MIME-Version: 1.0' \
            'Content-Type: text/plain; charset=utf-8' 'Content-Transfer-Encoding: 8bit' ''
        cat "$HERE/body"
    } >"$HERE/Mail/draft"
    in_jail alice env MH="$CASE/mh_profile" PATH="/usr/bin/mh:$JAIL_PATH" \
        send -mts "$1" -sendmail "$CASE/bin/sendmail" "$CASE/Mail/draft"
}

# nmh makes a message of its own for blind copies.
assert_nmh() {
    assert_status 0
    assert_arrived_nth 1 alice@mail.test bob@mail.test carol@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
    assert_arrived_nth 2 alice@mail.test dave@mail.test
    assert_header 2 Bcc
    assert_nothing 3
}

@test "nmh sends by sendmail/pipe" {
    nmh sendmail/pipe
    assert_nmh
}

@test "nmh sends by sendmail/smtp, which is -bs" {
    nmh sendmail/smtp
    assert_nmh
}

@test "nmh shows the server's words for a refused recipient, by -bs" {
    nmh sendmail/smtp "$NOBODY"
    [ "$status" != 0 ]
    assert_output_has '550'
    assert_output_has 'Recipient address rejected: User unknown'
    assert_nothing
}
