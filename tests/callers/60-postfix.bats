# SPDX-License-Identifier: ISC
# Callers again, with Postfix at the other end instead of the sink: its replies, its pipelining,
# its way to refuse.

load callers

setup_file() {
    local status=0
    setup_sink || return 1
    [ "$JAIL_STATUS" = 0 ] || return 0
    export POSTFIX
    POSTFIX=$(postfix_place)
    "$ROOT/tests/servers/postfix" start "$POSTFIX" "$CERTS" >"$BATS_FILE_TMPDIR/postfix" 2>&1 \
        3>&- 4>&- || status=$?
    export POSTFIX_STATUS=$status
}

teardown_file() {
    teardown_sink
    [ -n "${POSTFIX:-}" ] || return 0
    "$ROOT/tests/servers/postfix" stop "$POSTFIX" || true
    rm -rf "$POSTFIX"
}

setup() {
    setup_caller || return 1
    if [ "$POSTFIX_STATUS" = 77 ] && [ -z "${NO_SKIP:-}" ]; then
        printf '# SKIPPED: %s: no Postfix here\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "$(<"$BATS_FILE_TMPDIR/postfix")"
    fi
    [ "$POSTFIX_STATUS" = 0 ] || fail "$(<"$BATS_FILE_TMPDIR/postfix")" || return 1
    sink_profile host=localhost:"$(awk '$1 == 587 { print $2 }' "$POSTFIX/ports")" \
        user=alice@mail.test password=s3cret-alice
    rm -f "$POSTFIX"/mail/new/*
}
teardown() { teardown_caller; }

REFUSED="550 5.1.1 <$NOBODY>: Recipient address rejected"

# assert_delivered RECIPIENT...: each has a copy of the body from alice@mail.test, without Bcc.
assert_delivered() {
    local file want
    want=$(printf '%s\n' "$@" | LC_ALL=C sort)
    wait_for 60 delivered $# || fail "not $# copies, but:" "$(ls "$POSTFIX/mail/new")" || return 1
    [ "$(sed -n 's/^Delivered-To: //p' "$POSTFIX"/mail/new/* | LC_ALL=C sort)" = "$want" ] ||
        fail "not to: $want" || return 1
    for file in "$POSTFIX"/mail/new/*; do
        assert_in "$file" '^Return-Path: <alice@mail\.test>'
        cp "$file" "$BATS_TEST_TMPDIR/copy.eml"
        "$PYTHON" "$CALLERS/look.py" "$BATS_TEST_TMPDIR/copy" body | cmp - "$HERE/body"
        refute_in "$file" '^Bcc:'
    done
}
delivered() {
    [ "$(find "$POSTFIX/mail/new" -type f 2>/dev/null | wc -l)" = "$1" ]
}

# php_run CODE
php_run() {
    chgrp 33 "$MAILCHUTE_CONFIG"
    script mail.php <<<"<?php error_reporting(0); \$body = file_get_contents('$CASE/body'); $1"
    in_jail www-data php -d sendmail_path="$CASE/bin/sendmail -t -i" "$CASE/mail.php"
}

@test "PHP's mail() to Postfix" {
    php_run "var_dump(mail('bob@mail.test', 'a subject', \$body, 'Bcc: dave@mail.test'));"
    assert_status 0
    [ "$output" = 'bool(true)' ]
    [ -z "$stderr" ]
    assert_delivered bob@mail.test dave@mail.test
}

@test "PHP's mail() and a recipient whom Postfix refuses" {
    php_run "var_dump(mail('$NOBODY', 'a subject', \$body));"
    assert_status 0
    [ "$output" = 'bool(false)' ]
    [[ $stderr == *"$REFUSED"* ]]
}

# symfony FLAGS RECIPIENT
symfony() {
    php_run "
require '/usr/share/php/Symfony/Component/Mime/autoload.php';
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
\$transport = Symfony\\Component\\Mailer\\Transport::fromDsn(
    'sendmail://default?command='.urlencode('$CASE/bin/sendmail $1'));
try {
    \$transport->send((new Symfony\\Component\\Mime\\Email())->from('alice@mail.test')
        ->to('$2')->bcc('dave@mail.test')->subject('a subject')->text(\$body));
    echo 'sent';
} catch (Exception \$e) {
    echo \$e->getMessage();
}"
}

@test "Symfony Mailer by -bs to Postfix" {
    symfony -bs bob@mail.test
    assert_status 0
    [ "$output" = sent ]
    assert_delivered bob@mail.test dave@mail.test
}

@test "Symfony Mailer by -bs and a recipient whom Postfix refuses" {
    symfony -bs "$NOBODY"
    assert_status 0
    assert_output_has "$REFUSED"
}

@test "Symfony Mailer by -t to Postfix" {
    symfony '-t -i' bob@mail.test
    assert_status 0
    [ "$output" = sent ]
    assert_delivered bob@mail.test dave@mail.test
}

@test "bsd-mailx to Postfix" {
    in_jail alice bsd-mailx -s 'a subject' -b dave@mail.test bob@mail.test <"$HERE/body"
    assert_status 0
    assert_silent
    assert_delivered bob@mail.test dave@mail.test
}

@test "bsd-mailx and a recipient whom Postfix refuses" {
    in_jail alice bsd-mailx -s 'a subject' "$NOBODY" <"$HERE/body"
    assert_status 1
    assert_output_has "$REFUSED"
}

@test "5 MB by mutt to Postfix" {
    big_body
    in_jail alice mutt -n -F /dev/null -e "set sendmail='$CASE/bin/sendmail -oem -oi'" \
        -e 'set copy=no' -x -s 'a subject' bob@mail.test <"$HERE/body"
    assert_status 0
    assert_delivered bob@mail.test
}
