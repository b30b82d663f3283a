# SPDX-License-Identifier: ISC
# Tools that mail by the way: version control, filters, watchers, reports.

load callers

setup_file() { setup_sink; }
teardown_file() { teardown_sink; }
setup() { setup_caller; }
teardown() { teardown_caller; }

# --- git send-email -----------------------------------------------------------------
# Goal: sendemail.smtpserver names a path; -i and the recipients, -f by --envelope-sender.

# git_send [OPTION...]: mails the body as a patch that isn't one.
git_send() {
    {
        echo "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001"
        printf '%s\n' 'From: Alice <alice@mail.test>' 'Date: Mon, 5 Jan 2026 10:00:00 +0100' \
            'Subject: [PATCH] a subject' 'MIME-Version: 1.0' \
            'Content-Type: text/plain; charset=UTF-8' 'Content-Transfer-Encoding: 8bit' ''
        cat "$HERE/body"
    } >"$HERE/0001.patch"
    in_jail alice git -c sendemail.smtpserver="$CASE/bin/sendmail" -c user.name=Alice \
        -c user.email=alice@mail.test send-email --confirm=never --suppress-cc=all --quiet \
        --from='Alice <alice@mail.test>' "$@" "$CASE/0001.patch"
}

@test "git send-email sends to To, Cc and Bcc" {
    git_send --to=bob@mail.test --cc=carol@mail.test --bcc=dave@mail.test
    assert_status 0
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject '[PATCH] a subject'
    assert_body
}

@test "git send-email --envelope-sender gives the envelope sender" {
    git_send --to=bob@mail.test --envelope-sender=bounces@mail.test
    assert_status 0
    assert_arrived bounces@mail.test bob@mail.test
    assert_header 1 From 'Alice <alice@mail.test>'
    assert_body
}

@test "git send-email sends by sendmailCmd" {
    git_send --to=bob@mail.test --bcc=dave@mail.test --sendmail-cmd="$CASE/bin/sendmail -oi"
    assert_status 0
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test dave@mail.test
    assert_body
}

@test "git send-email fails for a refused recipient, with the server's words" {
    git_send --to="$NOBODY"
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
    assert_nothing
}

@test "git send-email survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    git_send --to=bob@mail.test
    assert_survived
    [ "$status" != 0 ]
    assert_output_has '127.0.0.1: Connection refused'
    assert_nothing
}

@test "git send-email survives 5 MB where there is no profile" {
    big_body
    rm "$MAILCHUTE_CONFIG"
    git_send --to=bob@mail.test
    assert_survived
    [ "$status" != 0 ]
    assert_output_has "$CASE/mailchute.ini"
    assert_nothing
}

# --- Mercurial ----------------------------------------------------------------------
# Goal: hg email gives -f SENDER RECIPIENTS without -i, and the body has a lone dot.

# hg_send RECIPIENT
hg_send() {
    script patch.sh <<END
set -e
export HGRCPATH=/dev/null HGUSER='Alice <alice@mail.test>' HGENCODING=UTF-8
cd $CASE/tmp
hg init repo
cd repo
cp $CASE/body body
hg commit -q -A -m 'a subject'
hg --config extensions.patchbomb= --config email.method="$CASE/bin/sendmail" \
    email -r 0 --from alice@mail.test --to '$1' --cc carol@mail.test --bcc dave@mail.test -y -q
END
    in_jail alice bash "$CASE/patch.sh"
}

@test "hg email sends to To, Cc and Bcc" {
    hg_send bob@mail.test
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    look 1 body >"$BATS_TEST_TMPDIR/patch"
    # Of the new file each line, behind a plus.
    sed -n '/^@@ /,$s/^+//p' "$BATS_TEST_TMPDIR/patch" | cmp - "$HERE/body"
    assert_header 1 Bcc
}

@test "hg email fails for a refused recipient, with the server's words" {
    hg_send "$NOBODY"
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
}

# --- swaks --------------------------------------------------------------------------
# Goal: the SMTP test tool at the other end of -bs: EHLO, long forms, its own eyes.

# swaks_bs [OPTION...]
swaks_bs() {
    in_jail alice swaks --pipe "$CASE/bin/sendmail -bs" --from shop@mail.test \
        --header 'Subject: a subject' --body "@$CASE/body" "$@"
}

@test "swaks sends by -bs" {
    swaks_bs --to bob@mail.test,dave@mail.test
    assert_status 0
    assert_arrived shop@mail.test bob@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "swaks sends by -bs with PIPELINING" {
    swaks_bs --to bob@mail.test,dave@mail.test --pipeline
    assert_status 0
    assert_arrived shop@mail.test bob@mail.test dave@mail.test
    assert_body
}

@test "swaks sees the server's refusal by -bs, and the other recipient gets the message" {
    swaks_bs --to "$NOBODY,dave@mail.test"
    assert_status 0
    assert_output_has "$REFUSAL"
    assert_arrived shop@mail.test dave@mail.test
    assert_body
}

@test "swaks fails by -bs where every recipient is refused" {
    swaks_bs --to "$NOBODY"
    # No recipient taken.
    assert_status 24
    assert_output_has "$REFUSAL"
    assert_nothing
}

# --- procmail -----------------------------------------------------------------------
# Goal: forwarding gives -oi and the recipients, and the input begins with a From_ line.

@test "procmail forwards" {
    # It takes its caller's variables away.
    printf '%s\n' "SENDMAIL=$CASE/bin/sendmail" "MAILCHUTE_CONFIG=$CASE/mailchute.ini" \
        ':0' '! bob@mail.test' >"$HERE/procmailrc"
    {
        printf '%s\n' 'From sender@elsewhere.test Mon Jan  5 10:00:00 2026' \
            'Return-Path: <sender@elsewhere.test>' 'From: Sender <sender@elsewhere.test>' \
            'To: alice@mail.test' 'Subject: a subject' ''
        cat "$HERE/body"
    } >"$HERE/mail"
    in_jail alice procmail -m "$CASE/procmailrc" <"$HERE/mail"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 From 'Sender <sender@elsewhere.test>'
    assert_header 1 Return-Path
    assert_body
}

# --- vacation -----------------------------------------------------------------------
# Goal: an answer from a program in somebody's .forward.

@test "vacation answers" {
    printf '%s\n' 'From: Alice <alice@mail.test>' 'Subject: away' '' 'I am away.' >"$HERE/away"
    printf '%s\n' 'From bob@mail.test Mon Jan  5 10:00:00 2026' 'From: Bob <bob@mail.test>' \
        'To: alice@mail.test' 'Subject: a subject' '' 'Are you there?' >"$HERE/mail"
    in_jail alice vacation -f "$CASE/tmp/db" -m "$CASE/away" alice <"$HERE/mail"
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 To bob@mail.test
    assert_header 1 From 'Alice <alice@mail.test>'
    [ "$(look 1 body)" = 'I am away.' ]
}

# --- mime-construct and mpack -------------------------------------------------------
# Goal: attachments by scripts: -oi RECIPIENTS, or -t.

@test "mime-construct sends" {
    in_jail alice mime-construct --to bob@mail.test --bcc dave@mail.test --subject 'a subject' \
        --type 'text/plain; charset=utf-8' --file "$CASE/body"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "mime-construct fails for a refused recipient, with the server's words" {
    in_jail alice mime-construct --to "$NOBODY" --subject 'a subject' --file "$CASE/body"
    [ "$status" != 0 ]
    assert_output_has "$REFUSAL"
    assert_nothing
}

@test "mpack sends" {
    in_jail alice mpack -s 'a subject' -c application/x-notes "$CASE/body" bob@mail.test
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 Subject 'a subject'
    "$PYTHON" -c 'import email, sys
parts = list(email.message_from_binary_file(open(sys.argv[1], "rb")).walk())
sys.stdout.buffer.write(parts[-1].get_payload(decode=True))' \
        "$BOX/$(printf %04d $((BASE + 1))).eml" | cmp - "$HERE/body"
}

# --- fail2ban -----------------------------------------------------------------------
# Goal: the action of its own file: printf '...' | sendmail -f SENDER DEST, no newline at the end.

@test "fail2ban's sendmail action sends" {
    script ban.py <<'END'
from fail2ban.client.actionreader import ActionReader
from fail2ban.server.action import CommandAction
reader = ActionReader("sendmail", "sshd", {"name": "sshd", "dest": "bob@mail.test",
    "sender": "fail2ban@mail.test"}, basedir="/etc/fail2ban")
reader.read()
reader.getOptions({})
action = CommandAction(None, "sendmail")
for line in reader.convert():
    for name, value in line[4] if line[0] == "multi-set" else []:
        setattr(action, name, value)
action.ban({"ip": "192.0.2.1", "failures": "5", "time": 0, "matches": ""})
END
    in_jail root python3 "$CASE/ban.py"
    assert_status 0
    assert_silent
    assert_arrived fail2ban@mail.test bob@mail.test
    assert_header 1 From 'Fail2Ban <fail2ban@mail.test>'
    look 1 header Subject | assert_in - '^\[Fail2Ban\] sshd: banned 192\.0\.2\.1 from '
    look 1 body | assert_in - '^Fail2Ban$'
}

# --- logwatch -----------------------------------------------------------------------
# Goal: a report by sendmail -t (its mailer), to two administrators.

@test "logwatch mails its report" {
    printf 'Mailer = "/usr/sbin/sendmail -t"\n' >"$JAIL/etc/logwatch/conf/logwatch.conf"
    in_jail root logwatch --output mail --format text --mailto 'bob@mail.test,carol@mail.test' \
        --range all --service zz-sys --hostname caller.test
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test carol@mail.test
    look 1 header Subject | assert_in - 'Logwatch for caller.test'
    look 1 body | assert_in - 'Logwatch End'
}

# --- smartd -------------------------------------------------------------------------
# Goal: its warning script, which mails by mail(1).

@test "smartd's warning mails by mail(1)" {
    in_jail root env SMARTD_MAILER=mail SMARTD_ADDRESS=bob@mail.test SMARTD_MESSAGE='a warning' \
        SMARTD_FAILTYPE=EmailTest SMARTD_TFIRST='today' SMARTD_TFIRSTEPOCH=1 SMARTD_PREVCNT=0 \
        SMARTD_DEVICE=/dev/sda SMARTD_DEVICETYPE=sat SMARTD_DEVICESTRING=/dev/sda \
        SMARTD_DEVICEINFO='a disk' /usr/share/smartmontools/smartd_warning.sh
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test
    look 1 header Subject | assert_in - 'SMART error \(EmailTest\)'
    look 1 body | assert_in - 'a warning'
}
