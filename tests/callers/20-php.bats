# SPDX-License-Identifier: ISC
# PHP: mail(), and the libraries that send by it or by a sendmail of their own.

load callers

setup_file() { setup_sink; }
teardown_file() { teardown_sink; }
setup() { setup_caller; }
teardown() { teardown_caller; }

# php_run FILE: as www-data, with mail() as php.ini would have it.
php_run() {
    [ ! -e "$MAILCHUTE_CONFIG" ] || chgrp 33 "$MAILCHUTE_CONFIG"
    in_jail www-data php -d display_errors=stderr -d sendmail_path="$CASE/bin/sendmail -t -i" \
        "$CASE/$1"
}

# php FILE <TEXT: makes a script of it, behind what all of them begin with.
php() {
    {
        echo '<?php error_reporting(E_ALL & ~E_DEPRECATED);'
        # shellcheck disable=SC2016 # PHP's variables
        printf '$case = "%s"; $body = file_get_contents("$case/body");\n' "$CASE"
        cat
    } | script "$1"
}

# --- mail() -------------------------------------------------------------------------
# Goal: mail() is true if and only if the server took the message, with and without -f.

# php_mail [RECIPIENT [FIFTH]]
php_mail() {
    local fifth=''
    [ -z "${2-}" ] || fifth=", '$2'"
    php mail.php <<END
var_dump(mail('${1:-bob@mail.test}', 'a subject', \$body,
    "From: Shop <shop@mail.test>\r\nCc: carol@mail.test\r\nBcc: dave@mail.test"$fifth));
END
    php_run mail.php
}

@test "PHP's mail() sends to To, Cc and Bcc" {
    php_mail
    assert_status 0
    [ "$output" = 'bool(true)' ]
    [ -z "$stderr" ]
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 From 'Shop <shop@mail.test>'
    assert_header 1 Subject 'a subject'
    assert_body
}

@test "the fifth parameter of PHP's mail() gives the envelope sender" {
    php_mail '' -fbounces@mail.test
    assert_status 0
    [ "$output" = 'bool(true)' ]
    [ -z "$stderr" ]
    assert_arrived bounces@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 From 'Shop <shop@mail.test>'
    assert_body
}

@test "PHP's mail() is false for a refused recipient, and the server's words are on stderr" {
    php_mail "$NOBODY"
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *"$REFUSAL"* ]]
    # Cc and Bcc get it.
    assert_arrived alice@mail.test carol@mail.test dave@mail.test
}

@test "PHP's mail() is false, and PHP alive, when 5 MB go to a server that is not there" {
    big_body
    dead_profile
    php_mail
    assert_survived
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}

@test "PHP's mail() is false, and PHP alive, when 5 MB meet a profile that is not there" {
    big_body
    rm "$MAILCHUTE_CONFIG"
    php_mail
    assert_survived
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *"$CASE/mailchute.ini"* ]]
    assert_nothing
}

@test "a fifth parameter with -X, -C and -O writes no file and changes nothing" {
    php_mail '' "-X$CASE/tmp/shell.php -OQueueDirectory=$CASE/tmp -C$CASE/tmp/x.cf"
    assert_status 0
    [ "$output" = 'bool(true)' ]
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    [ -z "$(ls "$HERE/tmp")" ]
}

# --- PHPMailer ----------------------------------------------------------------------
# Goal: both ways it knows, by mail() and by a sendmail of its own; send() tells the truth.

# phpmailer isMail|isSendmail [RECIPIENT]
phpmailer() {
    php phpmailer.php <<END
require '/usr/share/php/libphp-phpmailer/autoload.php';
\$mail = new PHPMailer\\PHPMailer\\PHPMailer(false);
\$mail->$1();
\$mail->Sendmail = "\$case/bin/sendmail";
\$mail->CharSet = 'utf-8';
\$mail->setFrom('shop@mail.test', 'Shop');
\$mail->addAddress('${2:-bob@mail.test}', 'Bob');
\$mail->addCC('carol@mail.test');
\$mail->addBCC('dave@mail.test');
\$mail->Subject = 'Grüße';
\$mail->Body = \$body;
var_dump(\$mail->send());
fwrite(STDERR, \$mail->ErrorInfo);
END
    php_run phpmailer.php
}

@test "PHPMailer sends by mail()" {
    phpmailer isMail
    assert_status 0
    [ "$output" = 'bool(true)' ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "PHPMailer sends by sendmail" {
    phpmailer isSendmail
    assert_status 0
    [ "$output" = 'bool(true)' ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "PHPMailer tells a failure by mail(), with the server's words on stderr" {
    phpmailer isMail "$NOBODY"
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *"$REFUSAL"* ]]
}

@test "PHPMailer tells a failure by sendmail, with the server's words on stderr" {
    phpmailer isSendmail "$NOBODY"
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *"$REFUSAL"* ]]
}

@test "PHPMailer survives 5 MB into a failing sendmail" {
    big_body
    dead_profile
    phpmailer isSendmail
    assert_survived
    assert_status 0
    [ "$output" = 'bool(false)' ]
    assert_nothing
}

# --- Symfony Mailer -----------------------------------------------------------------
# Goal: -bs, its default and Laravel's, and -t; an exception has the server's words.

# symfony FLAGS [RECIPIENT [MORE]]: MORE is PHP behind the first message.
symfony() {
    php symfony.php <<END
require '/usr/share/php/Symfony/Component/Mime/autoload.php';
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
use Symfony\\Component\\Mailer\\Exception\\TransportExceptionInterface;
use Symfony\\Component\\Mailer\\Transport;
use Symfony\\Component\\Mime\\Email;
\$transport = Transport::fromDsn('sendmail://default?command='.urlencode("\$case/bin/sendmail $1"));
function send(\$to) {
    global \$transport, \$body;
    \$email = (new Email())->from('Shop <shop@mail.test>')->to(\$to)->cc('carol@mail.test')
        ->bcc('dave@mail.test')->subject('Grüße')->text(\$body);
    try {
        \$transport->send(\$email);
        echo "sent\n";
    } catch (TransportExceptionInterface \$e) {
        echo "failed\n";
        fwrite(STDERR, \$e->getMessage()."\n");
    }
}
send('${2:-bob@mail.test}');
${3-}
END
    php_run symfony.php
}

@test "Symfony Mailer sends by -bs" {
    symfony -bs
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "Symfony Mailer sends several messages by one -bs, a refused one between them" {
    symfony -bs bob@mail.test "send('$NOBODY'); send('erin@mail.test');"
    assert_status 0
    [ "$output" = $'sent\nfailed\nsent' ]
    [[ $stderr == *"$REFUSAL"* ]]
    assert_arrived_nth 1 shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_arrived_nth 2 shop@mail.test erin@mail.test carol@mail.test dave@mail.test
    assert_nothing 3
    assert_body 1
    assert_body 2
}

@test "Symfony Mailer sends by -t" {
    symfony '-t -i'
    assert_status 0
    [ "$output" = sent ]
    [ -z "$stderr" ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject Grüße
    assert_body
}

@test "Symfony Mailer's exception has the server's words by -bs" {
    symfony -bs "$NOBODY"
    assert_status 0
    [ "$output" = failed ]
    [[ $stderr == *"$REFUSAL"* ]]
    assert_nothing
}

@test "Symfony Mailer's exception has the server's words by -t" {
    symfony '-t -i' "$NOBODY"
    assert_status 0
    [ "$output" = failed ]
    [[ $stderr == *"$REFUSAL"* ]]
}

@test "Symfony Mailer's exception by -bs says that the server is not there" {
    dead_profile
    symfony -bs
    assert_status 0
    [ "$output" = failed ]
    [[ $stderr == *'451 4.4.1'* ]]
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}

@test "Symfony Mailer survives 5 MB into a failing -t" {
    big_body
    dead_profile
    symfony '-t -i'
    assert_survived
    assert_status 0
    [ "$output" = failed ]
    [[ $stderr == *'127.0.0.1'*'refused'* ]]
    assert_nothing
}

@test "Symfony Mailer sends 5 MB by -bs" {
    big_body
    symfony -bs
    assert_status 0
    [ "$output" = sent ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

# --- Swift Mailer -------------------------------------------------------------------
# Goal: Symfony's predecessor says HELO only; by -bs it tells who was refused.

# swift FLAGS [RECIPIENT]
swift() {
    php swift.php <<END
require '/usr/share/php/Swift/autoload.php';
\$mailer = new Swift_Mailer(new Swift_SendmailTransport("\$case/bin/sendmail $1"));
\$message = (new Swift_Message('Grüße'))->setFrom(['shop@mail.test' => 'Shop'])
    ->setTo(['${2:-bob@mail.test}'])->setCc('carol@mail.test')->setBcc('dave@mail.test')
    ->setBody(\$body);
try {
    var_dump(\$mailer->send(\$message, \$refused));
    echo implode(' ', \$refused);
} catch (Swift_TransportException \$e) {
    fwrite(STDERR, \$e->getMessage()."\n");
    exit(1);
}
END
    php_run swift.php
}

@test "Swift Mailer sends by -bs" {
    swift -bs
    assert_status 0
    [ "$output" = 'int(3)' ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

@test "Swift Mailer sends by -t" {
    swift '-t -i'
    assert_status 0
    [ "$output" = 'int(3)' ]
    assert_arrived shop@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_body
}

@test "Swift Mailer learns by -bs who was refused" {
    swift -bs "$NOBODY"
    assert_status 0
    [ "$output" = $'int(2)\n'"$NOBODY" ]
    assert_arrived shop@mail.test carol@mail.test dave@mail.test
    assert_body
}

# --- PEAR's Mail --------------------------------------------------------------------

@test "PEAR's Mail sends by its sendmail driver" {
    php pear.php <<'END'
require 'Mail.php';
$mail = Mail::factory('sendmail', ['sendmail_path' => "$case/bin/sendmail",
    'sendmail_args' => '-i']);
$sent = $mail->send('bob@mail.test, dave@mail.test', ['From' => 'shop@mail.test',
    'To' => 'bob@mail.test', 'Subject' => 'a subject'], $body);
echo $sent === true ? 'sent' : $sent->getMessage();
END
    php_run pear.php
    assert_status 0
    [ "$output" = sent ]
    assert_arrived shop@mail.test bob@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}
