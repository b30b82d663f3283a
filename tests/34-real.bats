#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Real servers: Postfix with Dovecot's log-in, and aiosmtpd, on a STARTTLS and an implicit port
# each; and PHP's mail(), whose true and false are all that a web application learns.

load lib

# One of each for all tests; a second aiosmtpd has a certificate for another name.
setup_file() {
    local i pid status=0
    export CERTS=${CERTS:-$ROOT/build/tests/certs}
    "$ROOT/tests/certs/make" "$CERTS" 3>&-
    export POSTFIX
    POSTFIX=$(postfix_place)
    "$ROOT/tests/servers/postfix" start "$POSTFIX" "$CERTS" >"$BATS_FILE_TMPDIR/postfix" 2>&1 \
        3>&- 4>&- || status=$?
    export POSTFIX_STATUS=$status
    export SINK=$BATS_FILE_TMPDIR/sink WRONG=$BATS_FILE_TMPDIR/wrong
    for i in "$SINK good" "$WRONG wrongname"; do
        mkdir -p "${i% *}"
        "$PYTHON" "$ROOT/tests/servers/sink.py" --cert "$CERTS/${i#* }.pem" \
            --key "$CERTS/${i#* }.key" --dir "${i% *}" --refuse nobody-here@mail.test \
            </dev/null >"${i% *}.log" 2>&1 3>&- 4>&- &
        echo "$!" >>"$BATS_FILE_TMPDIR/pids"
    done
    for ((i = 0; i < 200; i++)); do
        [ ! -e "$SINK/ports" ] || [ ! -e "$WRONG/ports" ] || return 0
        sleep 0.05
    done
    cat "$SINK.log" "$WRONG.log" >&2
    return 1
}

teardown_file() {
    local pid
    "$ROOT/tests/servers/postfix" stop "$POSTFIX" || true
    rm -rf "$POSTFIX"
    while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$BATS_FILE_TMPDIR/pids"
}

setup() { setup_case; }
teardown() { teardown_case; }

# on SERVER PORT [KEY=VALUE...]: the profile for a port (587, 465) of postfix, sink or wrong.
on() {
    local dir port tls=starttls login=(user=demo password=demo-password)
    case $1 in
    postfix)
        case $POSTFIX_STATUS in
        0) ;;
        77)
            [ -z "${NO_SKIP:-}" ] || fail "$(<"$BATS_FILE_TMPDIR/postfix")" || return 1
            printf '# SKIPPED: %s: no Postfix here\n' "$BATS_TEST_DESCRIPTION" >&3
            skip "$(<"$BATS_FILE_TMPDIR/postfix")"
            ;;
        *) fail "Postfix did not start:" "$(<"$BATS_FILE_TMPDIR/postfix")" || return 1 ;;
        esac
        dir=$POSTFIX
        login=(user=alice@mail.test password=s3cret-alice)
        ;;
    sink) dir=$SINK ;;
    wrong) dir=$WRONG ;;
    esac
    port=$(sed -n "s/^$2 //p" "$dir/ports")
    [ "$2" = 587 ] || tls=implicit
    profile host="localhost:$port" tls=$tls "${login[@]}" "${@:3}"
}

# box SERVER: the directory with its messages.
box() {
    if [ "$1" = postfix ]; then echo "$POSTFIX/mail/new"; else echo "$SINK"; fi
}

# mark: a word that only one message has. Sets MARK.
mark() {
    MARK=mark-$BATS_TEST_NUMBER-$RANDOM$RANDOM
}

# arrives SERVER [N]: the message with the mark is (or comes) there, N times (1). Sets FILE.
arrives() {
    local i files
    for ((i = 0; i < 200; i++)); do
        # A message has its name when it is whole.
        files=$(grep -rlaF "Subject: $MARK" "$(box "$1")" --include='*.eml' --include='*.*' |
            grep -v '\.new$') || true
        [ "$(grep -c . <<<"$files")" -lt "${2:-1}" ] || break
        sleep 0.05
    done
    FILE=$(head -n 1 <<<"$files")
    [ "$(grep -c . <<<"$files")" = "${2:-1}" ] || fail "arrived: ${files:-nothing}"
}

# marked [TEXT]: a message with the mark.
marked() {
    printf 'From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: %s\n\n%s\n' \
        "$MARK" "${1-Hello, Bob.}"
}

# --- Goal: a message reaches each real server, on both ports.

delivered_by() {
    mark
    on "$1" "$2"
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(marked $'.\n..dots\nFrom here\n\ttab  \ngr\xc3\xbcn'; printf '.\nlast')
    assert_status 0
    assert_silent
    arrives "$1"
    tr -d '\r' <"$FILE" | sed '1,/^$/d' |
        cmp - <(printf '.\n..dots\nFrom here\n\ttab  \ngr\xc3\xbcn\n.\nlast\n')
    assert_in "$BATS_TEST_TMPDIR/log" 'status=sent exit=0 .*reply="250 2\.0\.0 Ok: ([0-9]+ bytes )?queued as '
}

@test "Postfix on 587 takes a message" {
    delivered_by postfix 587
}

@test "Postfix on 465 takes a message" {
    delivered_by postfix 465
}

@test "aiosmtpd on 587 takes a message" {
    delivered_by sink 587
}

@test "aiosmtpd on 465 takes a message" {
    delivered_by sink 465
}

@test "Postfix takes LOGIN, too" {
    mark
    on postfix 587 auth=LOGIN
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(marked)
    assert_status 0
    arrives postfix
}

@test "aiosmtpd takes LOGIN, too" {
    mark
    on sink 465 auth=LOGIN
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(marked)
    assert_status 0
    arrives sink
}

@test "-t takes the recipients from the header, and Bcc is not in what arrives" {
    mark
    on sink 587
    run --separate-stderr "$BIN/sendmail" -t < <(
        printf 'To: bob@mail.test\nCc: carol@mail.test\nBcc: dave@mail.test\nSubject: %s\n\nx\n' \
            "$MARK")
    assert_status 0
    arrives sink
    assert_in "${FILE%.eml}.json" bob@mail.test
    assert_in "${FILE%.eml}.json" carol@mail.test
    assert_in "${FILE%.eml}.json" dave@mail.test
    refute_in "$FILE" '[Bb]cc|dave'
}

@test "Postfix takes 150 recipients, which are two transactions" {
    local -a to
    mark
    on postfix 587
    mapfile -t to < <(seq -f 'r%g@mail.test' 150)
    run --separate-stderr "$BIN/sendmail" "${to[@]}" < <(marked)
    assert_status 0
    assert_silent
    arrives postfix 150
}

# --- Goal: 25 MB arrive byte for byte.

large_by() {
    local file=$BATS_TEST_TMPDIR/large
    mark
    on "$1" "$2"
    { marked; base64 -w 76 /dev/urandom | head -c 25000000; echo; } >"$file"
    run --separate-stderr "$BIN/sendmail" bob@mail.test <"$file"
    assert_status 0
    assert_silent
    arrives "$1"
    tr -d '\r' <"$FILE" | sed '1,/^$/d' | cmp - <(sed '1,/^$/d' "$file")
}

@test "25 MB arrive at Postfix as they were" {
    large_by postfix 587
}

@test "25 MB arrive at aiosmtpd as they were" {
    large_by sink 465
}

@test "more than Postfix takes is refused, with its words" {
    on postfix 465
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(message; yes 'a line that is repeated many times, until there is too much of it all' |
            head -c 33000000)
    assert_status 69
    assert_one_line
    assert_in - '552 5\.3\.4 ' <<<"$stderr"
}

# --- Goal: refusals have the right status and the server's words.

@test "a wrong password is 77 at Postfix" {
    on postfix 587 password=wrong
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 77
    assert_one_line
    assert_in - '535 5\.7\.8 ' <<<"$stderr"
}

@test "a wrong password is 77 at aiosmtpd" {
    on sink 465 password=wrong
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 77
    assert_one_line
    assert_in - '535 5\.7\.8 ' <<<"$stderr"
}

@test "no log-in: Postfix refuses the recipient, 67" {
    on postfix 587 user= password=
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 67
    assert_one_line
    assert_in - '<bob@mail\.test>: 554 5\.7\.1 ' <<<"$stderr"
}

@test "a refused recipient is 67 at Postfix" {
    on postfix 587
    run --separate-stderr "$BIN/sendmail" nobody-here@mail.test < <(message)
    assert_status 67
    assert_one_line
    assert_in - '<nobody-here@mail\.test>: 550 5\.1\.1 ' <<<"$stderr"
}

@test "a refused recipient is 67 at aiosmtpd" {
    on sink 587
    run --separate-stderr "$BIN/sendmail" nobody-here@mail.test < <(message)
    assert_status 67
    assert_one_line
    assert_in - '<nobody-here@mail\.test>: 550 5\.1\.1 ' <<<"$stderr"
}

refused_one_of_two() {
    mark
    on "$1" 587
    run --separate-stderr "$BIN/sendmail" nobody-here@mail.test bob@mail.test < <(marked)
    assert_status 67
    assert_one_line
    assert_output_has "delivered to 1 of 2"
    assert_in - '<nobody-here@mail\.test>: 550 5\.1\.1 ' <<<"$stderr"
    arrives "$1"
}

@test "one of two recipients refused: the other gets it, 67, at Postfix" {
    refused_one_of_two postfix
}

@test "one of two recipients refused: the other gets it, 67, at aiosmtpd" {
    refused_one_of_two sink
}

@test "recipients = all: one of two refused, nobody gets it" {
    mark
    on sink 587 recipients=all
    run --separate-stderr "$BIN/sendmail" bob@mail.test nobody-here@mail.test < <(marked)
    assert_status 67
    run ! grep -rlaF "Subject: $MARK" "$SINK"
}

@test "a refused sender is 69" {
    on sink 587
    run --separate-stderr "$BIN/sendmail" -f refused@mail.test bob@mail.test < <(message)
    assert_status 69
    assert_in - '550 5\.7\.1 ' <<<"$stderr"
}

@test "refused content is 69" {
    on sink 465
    run --separate-stderr "$BIN/sendmail" bob@mail.test \
        < <(printf 'X-Refuse-Content: yes\n'; message)
    assert_status 69
    assert_in - '554 5\.7\.1 content refused' <<<"$stderr"
}

@test "a certificate for another name is 76, on both ports" {
    local port
    for port in 587 465; do
        on wrong $port
        run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
        assert_status 76
        assert_one_line
        assert_output_has elsewhere.test
    done
    run ! ls "$WRONG"/*.eml
}

@test "an unknown CA is 76" {
    on sink 587 tls_trust="$CERTS/other-ca.pem"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 76
    assert_one_line
}

# --- Goal: PHP's mail() is true if and only if the message was taken.

# php_mail TO SUBJECT [HEADER]: prints what mail() returns.
php_mail() {
    need php
    # shellcheck disable=SC2016 # PHP's variables
    run --separate-stderr php -n -d sendmail_path="$BIN/sendmail -t -i" -r '
        $headers = ["From" => "alice@mail.test"];
        if (isset($argv[3])) $headers[$argv[3]] = "yes";
        var_dump(mail($argv[1], $argv[2], "From PHP.\n.\nend", $headers));' "$@"
    assert_status 0
}

@test "PHP: mail() is true when Postfix has taken the message" {
    mark
    on postfix 587
    php_mail bob@mail.test "$MARK"
    [ "$output" = 'bool(true)' ] || { show_run; fail "mail() returned $output"; }
    arrives postfix
    tr -d '\r' <"$FILE" | sed '1,/^$/d' | cmp - <(printf 'From PHP.\n.\nend\n')
}

@test "PHP: mail() is true when aiosmtpd has taken the message" {
    mark
    on sink 465
    php_mail bob@mail.test "$MARK"
    [ "$output" = 'bool(true)' ] || { show_run; fail "mail() returned $output"; }
    arrives sink
}

php_false() {
    php_mail "$@"
    [ "$output" = 'bool(false)' ] || { show_run; fail "mail() returned $output"; }
}

@test "PHP: mail() is false on a refused recipient" {
    on sink 587
    php_false nobody-here@mail.test x
    on postfix 587
    php_false nobody-here@mail.test x
}

@test "PHP: mail() is false on refused content" {
    on sink 587
    php_false bob@mail.test x X-Refuse-Content
}

@test "PHP: mail() is false on a wrong password" {
    on sink 587 password=wrong
    php_false bob@mail.test x
}

@test "PHP: mail() is false on an unreachable server" {
    profile host=127.0.0.1:1
    php_false bob@mail.test x
}

@test "PHP: mail() is false on a bad certificate" {
    on wrong 587
    php_false bob@mail.test x
}

@test "PHP: mail() is false without a profile" {
    rm -f "$MAILCHUTE_CONFIG"
    php_false bob@mail.test x
}

@test "PHP: a body of 5 MB into a failing sendmail is false, and PHP lives" {
    need php
    profile host=127.0.0.1:1
    # shellcheck disable=SC2016
    run --separate-stderr php -n -d sendmail_path="$BIN/sendmail -t -i" -r '
        var_dump(mail("bob@mail.test", "x", str_repeat("a line of text\n", 350000)));'
    assert_status 0
    [ "$output" = 'bool(false)' ] || { show_run; fail "mail() returned $output"; }
}
