# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Which section of the profile is in force: by match, by --profile, or [default].

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# section NAME LINE...: one more section for KEYS, known at the server by EHLO NAME.test.
section() {
    KEYS+=("[$1]" "helo = $1.test" "${@:2}")
}

# chooses NAME ARGUMENT...: a message with these arguments is sent by that section; "client"
# is [default]. RCPTS recipients are expected.
RCPTS=1
chooses() {
    relay "$RCPTS"
    profile "${KEYS[@]}"
    run --separate-stderr sendmail "${@:2}" < <(message)
    assert_status 0
    assert_silent
    peer_done
    assert_same "$(sed -n 's/^1 < EHLO //p' "$PEER/log" | sort -u)" "$1.test"
}

# --- by the sender -----------------------------------------------------------------------
# Goal: a pattern is compared with the whole envelope sender; * stands for any run of bytes.

@test "a section is chosen by the sender's whole address" {
    section shop 'match = orders@shop.test'
    chooses shop -f orders@shop.test bob@mail.test
    chooses client -f other@shop.test bob@mail.test
    chooses client bob@mail.test
}

@test "* stands for any run of bytes, also none, and several may stand there" {
    section shop 'match = *@shop.test'
    chooses shop -f anybody@shop.test bob@mail.test
    chooses client -f anybody@xshop.test bob@mail.test
    chooses client -f anybody@shop.test.evil.test bob@mail.test
    KEYS=()
    section shop 'match = web*@*.shop.test'
    chooses shop -f web@de.shop.test bob@mail.test
    chooses shop -f web22@a.b.shop.test bob@mail.test
    chooses client -f web22@shop.test bob@mail.test
}

@test "case doesn't count" {
    section shop 'match = *@Shop.test'
    chooses shop -f Web@SHOP.TEST bob@mail.test
}

@test "a pattern without * is no part of an address" {
    section shop 'match = shop.test'
    chooses client -f web@shop.test bob@mail.test
}

@test "? and brackets are no wildcards" {
    section shop 'match = we?@shop.test'
    chooses client -f web@shop.test bob@mail.test
    chooses shop -f 'we?@shop.test' bob@mail.test
}

@test "several patterns in indented lines: any of them chooses" {
    section shop 'match = one@shop.test' '  two@shop.test' $'\tthree@shop.test'
    chooses shop -f one@shop.test bob@mail.test
    chooses shop -f three@shop.test bob@mail.test
    chooses client -f four@shop.test bob@mail.test
}

@test "a bare -f is compared with its domain behind it" {
    section shop 'match = orders@mail.test'
    chooses shop -f orders bob@mail.test
}

@test "without -f the profile's own sender is compared" {
    section shop 'match = alice@mail.test'
    chooses shop bob@mail.test
}

@test "brackets and display name of -f aren't compared" {
    section shop 'match = orders@shop.test'
    chooses shop -f 'Shop <orders@shop.test>' bob@mail.test
}

@test "a From in the header chooses nothing" {
    section shop 'match = alice@mail.test'
    KEYS=(from=web@mail.test "${KEYS[@]}")
    chooses client bob@mail.test
}

@test "the null sender is no *@domain" {
    section shop 'match = *@*'
    chooses client -f '' bob@mail.test
    chooses shop -f x@y.test bob@mail.test
}

@test "where -f doesn't count it chooses nothing either" {
    section shop 'match = *@shop.test'
    KEYS=(allow_from_override=no "${KEYS[@]}")
    chooses client -f web@shop.test bob@mail.test
}

# --- by the user ---------------------------------------------------------------------------
# Goal: the real uid and its name in the password database; nothing of the environment.

@test "user:NAME chooses by the caller's login" {
    section me "match = user:$(id -un)"
    chooses me bob@mail.test
    KEYS=()
    section other 'match = user:nobody-of-that-name'
    chooses client bob@mail.test
}

@test "user:UID chooses by the caller's number" {
    section me "match = user:$(id -u)"
    chooses me bob@mail.test
    KEYS=()
    section other "match = user:$(($(id -u) + 1))"
    chooses client bob@mail.test
}

@test "a name is whole, and no pattern" {
    section other "match = user:$(id -un)x" "  user:$(id -un | cut -c2-)" '  user:*' '  user:'
    chooses client bob@mail.test
}

@test "USER, LOGNAME and HOME choose nothing" {
    section other 'match = user:somebody'
    USER=somebody LOGNAME=somebody HOME=/home/somebody chooses client bob@mail.test
}

# bats test_tags=cage
@test "another user gets another section; one whom nobody knows goes by his number" {
    load cage
    setup_cage
    peer < <(printf '%s\n' 'LOOP 3' '=== connection' '@587' '@send' END)
    cage_profile "$SYSTEM" '[a]' 'helo = alice.test' 'match = user:alice' '[b]' 'helo = bob.test' \
        "match = user:${CAGE_IDS[bob]}" '[c]' 'helo = stranger.test' "match = user:${CAGE_IDS[stranger]}"
    local who
    for who in alice bob stranger; do
        run --separate-stderr in_cage $who /bin/sendmail -i x@mail.test < <(message)
        assert_status 0
    done
    peer_done
    assert_same "$(sed -n 's/^[0-9] < EHLO //p' "$PEER/log" | sort -u)" $'alice.test\nbob.test\nstranger.test'
}

# --- by the recipients -------------------------------------------------------------------------
# Goal: only where every recipient fits: a section's server isn't shown the others.

@test "rcpt: chooses where the only recipient fits" {
    section x 'match = rcpt:*@x.test'
    chooses x bob@x.test
    chooses client bob@mail.test
}

@test "rcpt: chooses where all recipients fit, not where one doesn't" {
    section x 'match = rcpt:*@x.test'
    RCPTS=3 chooses x a@x.test b@x.test,c@X.TEST
    RCPTS=3 chooses client a@x.test b@x.test c@mail.test
    RCPTS=3 chooses client c@mail.test a@x.test b@x.test
}

@test "two rcpt: patterns don't share the recipients among them" {
    section x 'match = rcpt:*@x.test' '  rcpt:*@y.test'
    RCPTS=2 chooses client a@x.test b@y.test
    RCPTS=2 chooses x a@y.test b@y.test
}

@test "rcpt: sees the recipients of -t, Bcc too" {
    section x 'match = rcpt:*@x.test'
    relay 2
    profile "${KEYS[@]}"
    run --separate-stderr sendmail -t < <(printf 'To: a@x.test\nBcc: b@mail.test\n\nx\n')
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO client.test$'
    relay 2
    profile "${KEYS[@]}"
    run --separate-stderr sendmail -t < <(printf 'To: a@x.test\nBcc: b@x.test\n\nx\n')
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO x.test$'
}

@test "rcpt: sees what aliases lead to" {
    section x 'match = rcpt:*@x.test'
    KEYS+=('[aliases]' 'root = admin@x.test' 'web = w@x.test, w@mail.test')
    chooses x root
    RCPTS=2 chooses client web
}

@test "rcpt: sees a bare name with its domain" {
    section x 'match = rcpt:bob@mail.test'
    chooses x bob
}

@test "a sender pattern chooses whatever the recipients are" {
    section x 'match = *@shop.test' '  rcpt:*@x.test'
    RCPTS=2 chooses x -f a@shop.test b@x.test c@mail.test
}

@test "recipients that [default] can't make out choose nothing by the part that it could" {
    printf 'web: news\nnews: web\n' >"$BATS_TEST_TMPDIR/a"
    printf 'web: w@mail.test\n' >"$BATS_TEST_TMPDIR/b"
    KEYS=("aliases_file=$BATS_TEST_TMPDIR/a")
    section x 'match = rcpt:*@x.test' "aliases_file = $BATS_TEST_TMPDIR/b"
    refuses 78 bob@x.test web < <(message)
}

# --- among several ---------------------------------------------------------------------------
# Goal: the first section in the file that fits; one without match only by its name.

@test "the first section in the file that fits is taken" {
    section one 'match = *@shop.test'
    section two 'match = web@shop.test'
    chooses one -f web@shop.test bob@mail.test
    KEYS=()
    section two 'match = web@shop.test'
    section one 'match = *@shop.test'
    chooses two -f web@shop.test bob@mail.test
    chooses one -f x@shop.test bob@mail.test
}

@test "the kind of pattern gives no precedence" {
    section one 'match = rcpt:*'
    section two "match = user:$(id -un)"
    section three 'match = *'
    chooses one -f web@shop.test bob@mail.test
}

@test "a section that stands before [default] is one like the others" {
    profile
    {
        printf '[shop]\nhelo = shop.test\nmatch = *@shop.test\n'
        cat "$MAILCHUTE_CONFIG"
    } >"$BATS_TEST_TMPDIR/whole"
    relay
    profile
    sed "s/^host.*/host = localhost:$PORT/" "$BATS_TEST_TMPDIR/whole" >"$MAILCHUTE_CONFIG"
    run --separate-stderr sendmail -f a@shop.test bob@mail.test < <(message)
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO shop.test$'
}

@test "a section without match is never chosen by itself" {
    section one
    section two 'selectable = yes'
    chooses client bob@mail.test
}

@test "[aliases] is no section that could be chosen" {
    KEYS=('[aliases]' 'match = alice@mail.test' 'root = root@mail.test')
    chooses client root
}

@test "match in [default] chooses nothing for those who inherit it" {
    KEYS=('match=*')
    section one
    chooses client bob@mail.test
}

@test "a section's match takes the place of [default]'s" {
    KEYS=('match=*@mail.test')
    section one 'match = *@shop.test'
    chooses client bob@mail.test
    chooses one -f x@shop.test bob@mail.test
}

@test "a match that can't be understood is 78" {
    KEYS=('[one]' 'match =')
    refuses 78 bob@mail.test < <(message)
}

# --- what the chosen section brings along --------------------------------------------------------
# Goal: everything is done by the section that is chosen, nothing by [default] any more.

@test "a [default] without a host serves where the section that is chosen has one" {
    relay
    profile host= '[shop]' "host = localhost:$PORT" 'match = *@shop.test' 'helo = shop.test'
    run --separate-stderr sendmail -f a@shop.test bob@mail.test < <(message)
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO shop.test$'
    # and not where it isn't chosen
    run --separate-stderr sendmail bob@mail.test < <(message)
    assert_status 78
    assert_output_has host
}

@test "a [default] whose password can't be had serves where the section has its own" {
    relay
    profile password= password_file=/nowhere/password '[shop]' 'match = *@shop.test' 'password = other'
    run --separate-stderr sendmail -f a@shop.test bob@mail.test < <(message)
    assert_status 0
    peer_done
    assert_in "$PEER/log" "AUTH PLAIN $(printf '\0alice\0other' | base64)"
}

@test "the section's server, account, sender and log are used" {
    peer -n default <<< '=== every connection'
    relay
    profile "host=localhost:$PORT_default" '[shop]' "host = localhost:$PORT" 'user = shop' 'password = pass' \
        'from = shop@shop.test' "log = $BATS_TEST_TMPDIR/log.shop" "match = user:$(id -un)"
    run --separate-stderr sendmail bob@mail.test < <(message)
    assert_status 0
    peer_done
    assert_in "$PEER/log" "AUTH PLAIN $(printf '\0shop\0pass' | base64)"
    assert_same "$(sender)" '<shop@shop.test>'
    assert_in "$BATS_TEST_TMPDIR/log.shop" 'status=ok|to='
    [ ! -s "$BATS_TEST_TMPDIR/log" ]
    peer_stop default
    refute_in "$PEER_default/log" ' CONNECT$'
}

@test "bare names get the domain of the section that is chosen" {
    section shop 'match = *@shop.test' 'domain = shop.test'
    relay 2
    profile "${KEYS[@]}"
    run --separate-stderr sendmail -f a@shop.test bob carol < <(printf 'From: web\nTo: bob\n\nx\n')
    assert_status 0
    peer_done
    assert_recipients bob@shop.test carol@shop.test
    assert_same "$(field From)" web@shop.test
    assert_same "$(field To)" bob@shop.test
    field Message-ID | assert_in - '@shop\.test>$'
}

@test "a bare -f that [default]'s domain has chosen by gets the section's domain" {
    section shop 'match = web@mail.test' 'domain = shop.test'
    chooses shop -f web bob@mail.test
    assert_same "$(sender)" '<web@shop.test>'
}

# bats test_tags=cage
@test "a [default] without any domain lets a section be chosen that has one" {
    [ "$(hostname)" = "$(hostname | tr -d .)" ] || skip "this machine's name has a dot"
    load cage
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" from= domain= '[shop]' 'match = *@shop.test' 'domain = shop.test'
    run --separate-stderr in_cage alice /bin/sendmail -f a@shop.test bob < <(message)
    assert_status 0
    peer_done
    assert_recipients bob@shop.test
}

@test "a section's error is told, not covered by [default]" {
    KEYS=('[shop]' 'match = *@shop.test' 'password_file = /nowhere/password')
    refuses 78 -f a@shop.test bob@mail.test < <(message)
    assert_output_has /nowhere/password
    chooses client bob@mail.test
}

@test "a section whose server fails isn't left for another" {
    relay
    profile '[shop]' 'match = *@shop.test' 'host = localhost:1' '[next]' 'match = *'
    run --separate-stderr sendmail -f a@shop.test bob@mail.test < <(message)
    assert_status 69
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}

# --- by name --------------------------------------------------------------------------------
# Goal: --profile, --account and -a choose where the section allows it; else 78, nothing is sent.

@test "--profile=NAME, --profile NAME, --account=NAME, -a NAME and -aNAME choose" {
    section one 'selectable = yes'
    local way
    for way in --profile=one '--profile one' --account=one '--account one' '-a one' -aone; do
        # shellcheck disable=SC2086
        chooses one $way bob@mail.test
        assert_recipients bob@mail.test
    done
}

@test "a section that doesn't say selectable = yes is 78 by each of them" {
    section one 'match = *@shop.test'
    section two 'selectable = no'
    local way
    for way in --profile=one '--account one' -aone '-a two' --profile=two; do
        # shellcheck disable=SC2086
        refuses 78 $way -f a@shop.test bob@mail.test < <(message)
        assert_output_has selectable
    done
}

@test "a name that isn't there is 78, also in other letters" {
    section one 'selectable = yes'
    local name
    for name in two One on '' aliases; do
        refuses 78 "--profile=$name" bob@mail.test < <(message)
    done
}

@test "the name comes before every match" {
    section one 'match = *'
    section two 'selectable = yes'
    chooses two --profile=two bob@mail.test
}

@test "the last name counts" {
    section one 'selectable = yes'
    section two 'selectable = yes'
    chooses two -a one --profile=two bob@mail.test
}

@test "--profile=default passes no section by that match wants" {
    # The name of [default] on a command line must not undo what the profile says of a user.
    section jail "match = user:$(id -un)"
    refuses 78 --profile=default bob@mail.test < <(message)
}

@test "--profile=default chooses [default] where that says selectable = yes" {
    KEYS=(selectable=yes)
    section one 'match = *'
    chooses client --profile=default bob@mail.test
}

@test "behind -- the flag is a recipient" {
    section one 'selectable = yes'
    relay
    profile "${KEYS[@]}"
    run --separate-stderr sendmail -- --profile=one < <(message)
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO client.test$'
    assert_recipients --profile=one@mail.test
}

# --- in -bs -----------------------------------------------------------------------------------
# Goal: the section is chosen once a process, by the first sender.

# dialogue LINE...: -bs with these lines from its caller.
dialogue() {
    run --separate-stderr sendmail "${BS[@]}" -bs < <(printf '%s\r\n' "$@")
}
BS=()

letter() { # letter FROM TO
    printf '%s\n' "MAIL FROM:<$1>" "RCPT TO:<$2>" DATA 'Subject: x' '' y .
}

@test "in -bs the first sender chooses" {
    section shop 'match = *@shop.test'
    relay
    profile "${KEYS[@]}"
    mapfile -t lines < <(letter a@shop.test bob@mail.test)
    dialogue 'HELO x' "${lines[@]}" QUIT
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO shop.test$'
}

@test "in -bs later senders choose no other section, in either direction" {
    section shop 'match = *@shop.test'
    local two
    mapfile -t lines < <(letter a@shop.test bob@mail.test; letter b@mail.test bob@mail.test)
    mapfile -t two < <(letter b@mail.test bob@mail.test; letter a@shop.test bob@mail.test)
    peer < <(printf '%s\n' @587p @login 'LOOP 2' 'C: MAIL FROM:<*' 'S: 250 ok' 'C: RCPT TO:<*' \
        'S: 250 ok' 'C: DATA' 'S: 354 go' BODY 'S: 250 ok' END 'C*: QUIT' 'S: 221 bye')
    profile "${KEYS[@]}"
    dialogue 'HELO x' "${lines[@]}" QUIT
    assert_status 0
    peer_done
    assert_same "$(sed -n 's/^. < EHLO //p' "$PEER/log" | sort -u)" shop.test
    peer < <(printf '%s\n' @587p @login 'LOOP 2' 'C: MAIL FROM:<*' 'S: 250 ok' 'C: RCPT TO:<*' \
        'S: 250 ok' 'C: DATA' 'S: 354 go' BODY 'S: 250 ok' END 'C*: QUIT' 'S: 221 bye')
    profile "${KEYS[@]}"
    dialogue 'HELO x' "${two[@]}" QUIT
    assert_status 0
    peer_done
    assert_same "$(sed -n 's/^. < EHLO //p' "$PEER/log" | sort -u)" client.test
}

@test "in -bs user: chooses, and rcpt: doesn't: the recipients come too late" {
    section x 'match = rcpt:*'
    section me "match = user:$(id -un)"
    relay
    profile "${KEYS[@]}"
    mapfile -t lines < <(letter a@shop.test bob@mail.test)
    dialogue 'HELO x' "${lines[@]}" QUIT
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO me.test$'
}

@test "in -bs --profile chooses where it may, and is the answer to MAIL where it may not" {
    section one 'selectable = yes'
    section two
    relay
    profile "${KEYS[@]}"
    mapfile -t lines < <(letter a@shop.test bob@mail.test)
    BS=(--profile=one)
    dialogue 'HELO x' "${lines[@]}" QUIT
    assert_status 0
    peer_done
    assert_in "$PEER/log" '^1 < EHLO one.test$'
    peer <<< '=== every connection'
    profile "${KEYS[@]}"
    BS=(--profile=two)
    dialogue 'HELO x' 'MAIL FROM:<a@shop.test>' QUIT
    assert_status 0
    assert_in <(echo "$output") '^[45][0-9][0-9] .*selectable'
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}

@test "in -bs bare names get the domain of the section that was chosen" {
    section shop 'match = *@shop.test' 'domain = shop.test'
    relay
    profile "${KEYS[@]}"
    mapfile -t lines < <(letter a@shop.test bob)
    dialogue 'HELO x' "${lines[@]}" QUIT
    assert_status 0
    peer_done
    assert_recipients bob@shop.test
}
