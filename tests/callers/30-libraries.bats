# SPDX-License-Identifier: ISC
# Mail libraries of Perl, Ruby, JavaScript and Python.

load callers

setup_file() { setup_sink; }
teardown_file() { teardown_sink; }
setup() { setup_caller; }
teardown() { teardown_caller; }

# --- Perl: MIME::Lite ---------------------------------------------------------------
# Goal: -t -oi -oem, and its own -f for FromSender; the library dies when the status says so.

# mime_lite [RECIPIENT]
mime_lite() {
    script send.pl <<END
use strict; use warnings; use MIME::Lite;
local \$/; open my \$in, '<', '$CASE/body' or die; my \$body = <\$in>;
my \$mail = MIME::Lite->new(From => 'Shop <shop@mail.test>', To => '${1:-bob@mail.test}',
    Cc => 'carol@mail.test', Bcc => 'dave@mail.test', Subject => 'a subject',
    Type => 'text/plain; charset=utf-8', Encoding => '8bit', Data => \$body);
print \$mail->send('sendmail', SendMail => '$CASE/bin/sendmail', FromSender => 'shop@mail.test')
    ? "sent" : "failed";
END
    in_jail alice perl "$CASE/send.pl"
}

@test "MIME::Lite sends by sendmail" {
    mime_lite
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "MIME::Lite fails for a refused recipient, with the server's words on stderr" {
    mime_lite "$NOBODY"
    [ "$output" != sent ]
    [[ $stderr == *"$REFUSAL"* ]]
}

@test "MIME::Lite survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    mime_lite
    assert_survived
    [ "$output" != sent ]
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}

# --- Perl: Mail::Mailer -------------------------------------------------------------
# Goal: no -i is given, and a lone dot is in the body.

@test "Mail::Mailer sends by sendmail, past a lone dot" {
    script send.pl <<END
use strict; use warnings; use Mail::Mailer;
local \$/; open my \$in, '<', '$CASE/body' or die; my \$body = <\$in>;
\$ENV{PATH} = "$CASE/bin:\$ENV{PATH}"; \$ENV{PERL_MAILERS} = 'sendmail:$CASE/bin/sendmail';
my \$mail = Mail::Mailer->new('sendmail') or die;
\$mail->open({From => 'shop@mail.test', To => 'bob@mail.test', Cc => 'carol@mail.test',
    Bcc => 'dave@mail.test', Subject => 'a subject'});
print \$mail \$body;
print \$mail->close ? "sent" : "failed";
END
    in_jail alice perl "$CASE/send.pl"
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

# --- Perl: Email::Sender ------------------------------------------------------------
# Goal: -i -f SENDER -- RECIPIENTS, and an exception when the status is not 0.

# email_sender RECIPIENT...
email_sender() {
    script send.pl <<END
use strict; use warnings; use Email::Sender::Simple qw(sendmail); use Email::Simple;
use Email::Sender::Transport::Sendmail;
local \$/; open my \$in, '<', '$CASE/body' or die; my \$body = <\$in>;
my \$mail = Email::Simple->create(header => [From => 'shop@mail.test', To => \$ARGV[0],
    Subject => 'a subject'], body => \$body);
eval { sendmail(\$mail, {from => 'shop@mail.test', to => \\@ARGV,
    transport => Email::Sender::Transport::Sendmail->new({sendmail => '$CASE/bin/sendmail'})}); 1 }
    or do { print "failed"; print STDERR \$@->message; exit 1 };
print "sent";
END
    in_jail alice perl "$CASE/send.pl" "$@"
}

@test "Email::Sender sends by sendmail" {
    email_sender bob@mail.test dave@mail.test
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test dave@mail.test
    assert_body
}

@test "Email::Sender fails for a refused recipient, with the server's words on stderr" {
    email_sender "$NOBODY"
    assert_status 1
    [ "$output" = failed ]
    [[ $stderr == *"$REFUSAL"* ]]
    assert_nothing
}

@test "Email::Sender survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    email_sender bob@mail.test
    assert_survived
    assert_status 1
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}

# --- Perl: a pipe -------------------------------------------------------------------
# Goal: how CGI scripts have done it for thirty years.

# perl_pipe: tells whether print and close worked.
perl_pipe() {
    script send.pl <<END
use strict; use warnings;
local \$/; open my \$in, '<', '$CASE/body' or die; my \$body = <\$in>;
open my \$mail, '|-', '/usr/sbin/sendmail -oi -t' or die;
print \$mail <<'HEADER', \$body;
From: shop@mail.test
To: bob@mail.test
Bcc: dave@mail.test
Subject: a subject

HEADER
print close \$mail ? "sent" : "failed: " . (\$? >> 8);
END
    in_jail alice perl "$CASE/send.pl"
}

@test "a Perl script sends by a pipe to sendmail -oi -t" {
    perl_pipe
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test dave@mail.test
    assert_body
}

@test "a Perl script with a pipe to a failing sendmail survives 5 MB" {
    big_body
    dead_profile
    perl_pipe
    assert_survived
    assert_status 0
    [ "$output" = 'failed: 69' ]
    [[ $stderr == *'127.0.0.1: Connection refused'* ]]
    assert_nothing
}

# --- Ruby's Mail --------------------------------------------------------------------
# Goal: -i -f SENDER -- RECIPIENTS; it ignores the status, so our words have to be seen.

# ruby_mail [RECIPIENT [OPTION]]: OPTION is Ruby behind the path.
ruby_mail() {
    script send.rb <<END
require 'mail'
mail = Mail.new(from: 'Shop <shop@mail.test>', to: '${1:-bob@mail.test}',
  cc: 'carol@mail.test', bcc: 'dave@mail.test', subject: 'Grüße', charset: 'UTF-8',
  body: File.read('$CASE/body'))
mail.delivery_method :sendmail, location: '$CASE/bin/sendmail'${2-}
mail.deliver!
print 'no error'
END
    in_jail alice ruby -W0 "$CASE/send.rb"
}

@test "Ruby's mail sends by sendmail" {
    ruby_mail
    assert_status 0
    [ "$output" = 'no error' ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "Ruby's mail sends with Rails' arguments of old, -i -t" {
    ruby_mail '' ", arguments: '-i -t'"
    assert_status 0
    [ "$output" = 'no error' ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

@test "Ruby's mail shows the server's words for a refused recipient" {
    ruby_mail "$NOBODY"
    assert_output_has "$REFUSAL"
    assert_log "exit=67 .*$NOBODY"
}

@test "Ruby's mail survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    ruby_mail
    assert_survived
    assert_output_has '127.0.0.1: Connection refused'
    assert_nothing
}

# --- nodemailer ---------------------------------------------------------------------
# Goal: stdin is a socket, Bcc stands without -t, and CRLF header meets LF body.

# nodemailer [RECIPIENT [NEWLINE]]
nodemailer() {
    script send.js <<END
const mail = require('/usr/share/nodejs/nodemailer').createTransport({
    sendmail: true, newline: '${2:-unix}', path: '$CASE/bin/sendmail'});
mail.sendMail({from: 'Shop <shop@mail.test>', to: '${1:-bob@mail.test}', cc: 'carol@mail.test',
    bcc: 'dave@mail.test', subject: 'Grüße',
    text: require('fs').readFileSync('$CASE/body', 'utf8')},
    (error, info) => {
        console.log(error ? 'failed' : 'sent');
        if (error) console.error(error.message);
        process.exit(error ? 1 : 0);
    });
END
    in_jail alice node "$CASE/send.js"
}

@test "nodemailer sends by sendmail with unix line ends" {
    nodemailer
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "nodemailer sends by sendmail with windows line ends" {
    nodemailer '' windows
    assert_status 0
    [ "$output" = sent ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "nodemailer learns of a refused recipient by the status" {
    nodemailer "$NOBODY"
    assert_status 1
    [ "$output" = failed ]
    # It throws stderr away.
    [[ $stderr == *67* ]]
    assert_log "exit=67 .*$NOBODY"
}

@test "nodemailer survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    nodemailer
    assert_survived
    assert_status 1
    [ "$output" = failed ]
    [[ $stderr == *69* ]]
    assert_nothing
}

# --- Python's subprocess ------------------------------------------------------------
# Goal: what most Python programs do (Django backends, fail2ban, unattended-upgrades, Trac).

# python_mail [RECIPIENT]
python_mail() {
    script send.py <<END
import subprocess, sys
from email.message import EmailMessage
mail = EmailMessage()
mail['From'] = 'Shop <shop@mail.test>'
mail['To'] = '${1:-bob@mail.test}'
mail['Cc'] = 'carol@mail.test'
mail['Bcc'] = 'dave@mail.test'
mail['Subject'] = 'Grüße'
mail.set_content(open('$CASE/body', encoding='utf-8').read())
done = subprocess.run(['$CASE/bin/sendmail', '-t', '-oi'], input=mail.as_bytes(),
    capture_output=True)
print(done.returncode)
print(done.stderr.decode(), end='', file=sys.stderr)
END
    in_jail alice python3 "$CASE/send.py"
}

@test "Python's subprocess and email send by sendmail -t" {
    python_mail
    assert_status 0
    [ "$output" = 0 ]
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "Python's subprocess gets status and words for a refused recipient" {
    python_mail "$NOBODY"
    assert_status 0
    [ "$output" = 67 ]
    [[ $stderr == *"$REFUSAL"* ]]
}

@test "Python's subprocess survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    python_mail
    assert_survived
    assert_status 0
    [ "$output" = 69 ]
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}
