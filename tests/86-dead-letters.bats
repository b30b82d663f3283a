#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# dead_letter and mailchute resend: what could not be sent is kept as it would have left, for those
# who haven't got it; it is sent again with that envelope, goes when everybody has it, and is never
# doubled by accident.

load lib
load bs
setup() {
    setup_case
    ln -sf "$MC" "$BIN/mailchute"
    DEAD=$BATS_TEST_TMPDIR/dead
    mkdir -m 700 "$DEAD"
}
teardown() { teardown_case; }

# fails [ARG...]: the standard message, or stdin of the caller's, while no server is there.
fails() {
    PORT=1 profile dead_letter="$DEAD" "${EXTRA[@]}"
    run --separate-stderr "$BIN/sendmail" "$@" < "${INPUT:-/dev/stdin}"
    assert_status 69
}
EXTRA=()

# letter: the one letter's path.
letter() {
    local found=("$DEAD"/*.letter)
    [ ${#found[@]} -eq 1 ] && [ -f "${found[0]}" ] || fail "not one letter: $(ls "$DEAD")" || return 1
    printf '%s\n' "${found[0]}"
}

# no_letter: the folder is empty.
no_letter() {
    [ -z "$(ls -A "$DEAD")" ] || fail "a letter: $(ls "$DEAD")"
}

# state WORD ADDRESS: what the letter says of a recipient.
state() {
    assert_in "$(letter)" "^To: $1 <$2>\$"
}

# resend [ARG...]: the letter again.
resend() {
    profile dead_letter="$DEAD" "${EXTRA[@]}"
    run --separate-stderr "$BIN/mailchute" resend "$@" "$(letter)"
}

# refuses FILE: resend says 65 of it, and nobody is called.
refuses() {
    peer <<< '=== every connection'
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/mailchute" resend "$1"
    assert_status 65
    assert_one_line
    peer_stop
    refute_in "$PEER/log" CONNECT
}

# The server keeps the final answer back.
SILENT=$'@587\n@login\nC: MAIL*\nS: 250 ok\nC: RCPT*\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nSTALL'

# --- kept -------------------------------------------------------------------------------

@test "by default nothing is kept" {
    profile
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    no_letter
    refute_output_has kept
}

@test "a message that failed is kept, readable by its owner alone, its path on stderr and in the log" {
    fails bob@mail.test < <(message)
    assert_one_line
    assert_output_has "; kept in $(letter)"
    [ "$(stat -c %a "$(letter)")" = 600 ]
    assert_in "$BATS_TEST_TMPDIR/log" "^.* status=temporary exit=69 .* letter=$(letter) "
    state waiting bob@mail.test
}

@test "a message that was taken leaves no letter" {
    peer <<< $'@587\n@login\n@send'
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    assert_silent
    no_letter
}

@test "-oeq keeps stderr silent, not the letter away" {
    fails -oeq bob@mail.test < <(message)
    assert_silent
    letter
}

@test "an input that can't be sent isn't kept: it is its caller's" {
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" 'bob@[x y' < <(message)
    assert_status 65
    no_letter
    profile dead_letter="$DEAD" max_size=10
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 65
    no_letter
}

@test "a password that can't be read is no reason to lose the message" {
    profile dead_letter="$DEAD" password= password_file="$BATS_TEST_TMPDIR/none"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 78
    assert_output_has "kept in $(letter)"
}

@test "it holds just those who haven't got it, and says of each what is known" {
    peer <<'END'
@587p
@login
C: MAIL*
C: RCPT*
C: RCPT*
C: RCPT*
C: DATA
S: 250 ok
S: 250 ok
S: 550 5.1.1 no such carol
S: 451 4.2.1 dave: later
S: 354 go
BODY
S: 250 2.0.0 taken
END
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" bob@mail.test carol@mail.test dave@mail.test < <(message)
    assert_status 69
    assert_output_has 'delivered to 1 of 3'
    state refused carol@mail.test
    state waiting dave@mail.test
    refute_in "$(letter)" '^To: .*<bob@'
}

@test "an unknown outcome is marked" {
    peer <<< "${SILENT/STALL/CUT}"
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    assert_output_has 'may have accepted'
    state unknown bob@mail.test
}

@test "a folder that isn't there is told, and changes no status" {
    profile dead_letter="$DEAD/none" tempfail_exit=75
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 75
    assert_one_line
    assert_output_has "not kept in $DEAD/none: dead_letter: cannot open $DEAD/none: No such file"
    assert_in "$BATS_TEST_TMPDIR/log" 'warn="dead_letter: cannot open'
}

@test "a folder that isn't there doesn't keep a message from being sent" {
    peer <<< $'@587\n@login\n@send'
    profile dead_letter="$DEAD/none"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    assert_silent
    assert_in "$BATS_TEST_TMPDIR/log" 'warn="dead_letter: cannot open'
}

@test "a disk that is full is told, changes no status, and no half letter stays" {
    message "$(head -c 300000 /dev/zero | tr '\0' x | fold -w 70)" >"$BATS_TEST_TMPDIR/big"
    profile dead_letter="$DEAD" log=stderr
    run --separate-stderr bash -c 'ulimit -f 64; exec "$@"' - "$BIN/sendmail" bob@mail.test \
        <"$BATS_TEST_TMPDIR/big"
    assert_status 69
    assert_output_has "not kept in $DEAD: cannot write the file: File too large"
    [ ! -s "$(letter)" ]
    refuses "$(letter)"
}

# bats test_tags=strace
@test "it is synced to the disk before anybody is told, and so is the folder" {
    need strace
    profile dead_letter="$DEAD" sandbox=no
    run --separate-stderr strace -qq -e trace=fsync,write -o "$BATS_TEST_TMPDIR/calls" \
        "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    [ "$(grep -c '^fsync.*= 0' "$BATS_TEST_TMPDIR/calls")" = 2 ]
    [ "$(sed -n '/^fsync/=' "$BATS_TEST_TMPDIR/calls" | tail -n 1)" -lt \
        "$(sed -n '/not sent/=' "$BATS_TEST_TMPDIR/calls" | tail -n 1)" ]
}

# refused_behind LINES ADDRESS CODE: -bs; bob is taken, of ADDRESS the server says LINES (or isn't
# asked), the caller hears CODE, and the content is refused.
refused_behind() {
    peer < <(cat <<END
@587
@login
C: MAIL*
S: 250 2.1.0 sender ok
C: RCPT*
S: 250 2.1.5 recipient ok
$1
C: DATA
S: 354 go
BODY
S: 452 4.3.1 disk full
C*: QUIT
END
    )
    profile dead_letter="$DEAD" aliases_file="$BATS_TEST_TMPDIR/aliases"
    dialogue <<END
$HELLO
C: MAIL FROM:<alice@mail.test>
S: 250 *
C: RCPT TO:<bob@mail.test>
S: 250 *
C: RCPT TO:<$2>
S: $3 *
C: DATA
S: 354 *
C: Subject: kept
C:
C: Hello, Bob.
C: .
S: 452 4.3.1 disk full
$BYE
END
    said 0
    state waiting bob@mail.test
    refute_in "$(letter)" 'To: .*carol'
    assert_in "$BATS_TEST_TMPDIR/log" "letter=$(letter)"
}

@test "-bs: a message whose content is refused is kept, without those who were refused before" {
    : >"$BATS_TEST_TMPDIR/aliases"
    refused_behind $'C: RCPT*\nS: 550 5.1.1 no such carol' carol@mail.test 550
}

@test "-bs: whom an alias named before it led astray isn't in the letter" {
    printf 'team: carol@mail.test, one\none: two\ntwo: one\n' >"$BATS_TEST_TMPDIR/aliases"
    refused_behind '' team '451 4.3.5'
}

# --- sent again -------------------------------------------------------------------------

@test "resend sends it with its envelope, byte for byte, and removes it" {
    printf 'From: a@x.test\nTo: all@x.test\nSubject: =?utf-8?q?=C3=A4?=\n\n.\r\n..dots\nb\xc3\xa4r\nlast' \
        >"$BATS_TEST_TMPDIR/in"
    EXTRA=(dsn_notify=failure)
    INPUT=$BATS_TEST_TMPDIR/in fails -f sender@x.test -R hdrs -V id1 bob@mail.test carol@mail.test
    sed '1,/^--- the message ---$/d' "$(letter)" >"$BATS_TEST_TMPDIR/expected"
    peer <<'END'
@587p
@login
C: MAIL FROM:<sender@x.test> SIZE=* BODY=8BITMIME RET=HDRS ENVID=id1
C: RCPT TO:<bob@mail.test> NOTIFY=FAILURE ORCPT=rfc822;bob@mail.test
C: RCPT TO:<carol@mail.test> NOTIFY=FAILURE ORCPT=rfc822;carol@mail.test
C: DATA
S: 250 ok
S: 250 ok
S: 250 ok
S: 354 go
BODY
S: 250 2.0.0 taken
END
    resend
    assert_status 0
    assert_silent
    peer_done
    cmp "$PEER/body.1" "$BATS_TEST_TMPDIR/expected"
    no_letter
    assert_in "$BATS_TEST_TMPDIR/log" 'status=sent exit=0 .*letter='
}

@test "a large message is kept and sent again as it was" {
    { message; base64 /dev/urandom | head -c 700000; } >"$BATS_TEST_TMPDIR/in"
    fails bob@mail.test < <(cat "$BATS_TEST_TMPDIR/in")
    sed '1,/^--- the message ---$/d' "$(letter)" >"$BATS_TEST_TMPDIR/expected"
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/expected")" -gt 700000 ]
    peer <<< $'@587p\n@login\n@send'
    resend
    assert_status 0
    cmp "$PEER/body.1" "$BATS_TEST_TMPDIR/expected"
    no_letter
}

@test "resend that fails leaves the letter, and makes no second one" {
    fails bob@mail.test < <(message)
    local before
    before=$(letter)
    sum=$(cksum "$before")
    PORT=1 resend
    assert_status 69
    assert_one_line
    assert_output_has "; it stays in $before"
    [ "$(cksum "$before")" = "$sum" ]
    letter
}

@test "resend goes to those who haven't got it, and each time there are fewer" {
    fails bob@mail.test carol@mail.test < <(message)
    peer <<'END'
@587p
@login
C: MAIL*
C: RCPT TO:<bob@*
C: RCPT TO:<carol@*
C: DATA
S: 250 ok
S: 250 ok
S: 550 5.1.1 no such carol
S: 354 go
BODY
S: 250 2.0.0 taken
END
    resend
    assert_status 67
    state is-sent bob@mail.test
    state refused carol@mail.test
    peer <<< $'@587\n@login\nC: MAIL*\nS: 250 ok\nC: RCPT TO:<carol@*\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok'
    resend
    assert_status 0
    peer_done
    no_letter
}

@test "an unknown outcome isn't sent again without --even-if-doubled" {
    peer <<< "${SILENT/STALL/CUT}"
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    peer <<< '=== every connection'
    resend
    assert_status 64
    assert_one_line
    assert_output_has '1 of 1 recipients may have it already'
    assert_output_has --even-if-doubled
    peer_stop
    refute_in "$PEER/log" CONNECT
    peer <<< $'@587\n@login\n@send'
    resend --even-if-doubled
    assert_status 0
    no_letter
}

@test "where one word is half written over another the outcome is unknown, and the letter a letter" {
    local word
    fails bob@mail.test < <(message)
    for word in unkting waitown is-nown unksent refuown; do
        sed -i "s/^To: [a-z-]* </To: $word </" "$(letter)"
        resend
        assert_status 64
        assert_output_has '1 of 1 recipients may have it already'
    done
    peer <<< $'@587\n@login\n@send'
    resend --even-if-doubled
    assert_status 0
    no_letter
}

@test "a refused --even-if-doubled doesn't make the outcome known" {
    peer <<< "${SILENT/STALL/CUT}"
    profile dead_letter="$DEAD"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    peer <<< $'@587\n@login\nC: MAIL*\nS: 250 ok\nC: RCPT*\nS: 550 5.1.1 gone\nC*: RSET\nS: 250 ok'
    resend --even-if-doubled
    assert_status 67
    state unknown bob@mail.test
}

@test "killed while the answer is out, it leaves the outcome unknown" {
    fails bob@mail.test < <(message)
    peer <<< "$SILENT"
    profile dead_letter="$DEAD"
    "$BIN/mailchute" resend "$(letter)" 3>&- &
    started $!
    wait_log BODY
    kill -KILL $!
    wait $! || true
    state unknown bob@mail.test
}

@test "killed before the end of the message, it leaves the letter as it was" {
    fails bob@mail.test < <(message)
    peer <<< $'@587\n@login\nC: MAIL*\nSTALL'
    profile dead_letter="$DEAD"
    "$BIN/mailchute" resend "$(letter)" 3>&- &
    started $!
    wait_log 'MAIL FROM'
    kill -KILL $!
    wait $! || true
    state waiting bob@mail.test
}

@test "two at once: the second is told, and sends nothing" {
    fails bob@mail.test < <(message)
    peer -n slow <<< $'@587\n@login\nC: MAIL*\nSTALL'
    PORT=$PORT_slow profile dead_letter="$DEAD"
    "$BIN/mailchute" resend "$(letter)" 3>&- &
    started $!
    wait_log 'MAIL FROM' slow
    refuses "$(letter)"
    assert_output_has 'being sent by another process'
}

@test "the section that was chosen then is used, selectable or not" {
    EXTRA=('[shop]' 'match = *@shop.test' 'user = shop' 'password = s3cret-shop')
    fails -f a@shop.test bob@mail.test < <(message)
    assert_in "$(letter)" '^Section: shop$'
    peer <<< $'@587\nSASL PLAIN shop s3cret-shop\n@send'
    resend
    assert_status 0
    peer_done
}

@test "where that section is gone nothing is sent by another account" {
    EXTRA=('[shop]' 'match = *@shop.test')
    fails -f a@shop.test bob@mail.test < <(message)
    EXTRA=()
    peer <<< '=== every connection'
    resend
    assert_status 78
    state waiting bob@mail.test
    peer_stop
    refute_in "$PEER/log" CONNECT
}

# --- forged, broken, foreign ------------------------------------------------------------

@test "what looks like a letter's own lines within a message changes nobody" {
    fails bob@mail.test < <(printf '%s\n' 'To: waiting <eve@mail.test>' 'Mailchute-Letter: 1' \
        'Section: evil' 'Subject: x' '' '--- the message ---' 'To: waiting <eve@mail.test>' \
        '--- the message ---' 'the end')
    peer <<< $'@587\n@login\nC: MAIL FROM:<alice@*\nS: 250 ok\nC: RCPT TO:<bob@mail.test>*\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\nC*: QUIT'
    resend
    assert_status 0
    peer_done
    [ "$(arrived | grep -c '^--- the message ---$')" = 2 ]
}

@test "a letter that isn't whole isn't sent" {
    fails bob@mail.test < <(message)
    truncate -s -1 "$(letter)"
    refuses "$(letter)"
    assert_output_has "isn't whole"
}

@test "what is no letter of ours isn't sent: empty, text, a head without its end, bad lines" {
    fails bob@mail.test < <(message)
    local whole=$BATS_TEST_TMPDIR/whole file
    cp "$(letter)" "$whole"
    file=$(letter)
    for edit in '1,$d' '1d' '/^Size/d' '/^From/d' '/^Section/d' '/^To: /d' '/^---/d' \
        's/^To: waiting/To: perhaps/' 's/^To: waiting.*/To: waiting <bob@mail.test> x/' \
        's/^To: waiting.*/To: waiting <b\x01b@mail.test>/' 's/^Size: .*/Size: -1/' \
        's/^To: waiting/To: is-sent/'; do
        sed "$edit" "$whole" >"$file"
        ! cmp -s "$whole" "$file" || fail "nothing was changed: $edit"
        refuses "$file"
    done
    sed "s/^Reason: .*/Reason: $(head -c 9000 /dev/zero | tr '\0' x)/" "$whole" >"$file"
    refuses "$file"
}

@test "a link, a folder, a device, and what isn't there are no letters" {
    fails bob@mail.test < <(message)
    ln -s "$(letter)" "$BATS_TEST_TMPDIR/link"
    refuses "$BATS_TEST_TMPDIR/link"
    refuses "$DEAD"
    refuses /dev/null
    refuses "$DEAD/none"
}

@test "what others may write, or somebody else owns, isn't sent" {
    fails bob@mail.test < <(message)
    local file
    file=$(letter)
    chmod 660 "$file"
    refuses "$file"
    assert_output_has "chmod go-w $file"
    chmod 600 "$file"
    [ "$(id -u)" = 0 ] || return 0
    chown nobody "$file"
    refuses "$file"
    assert_output_has 'belongs to uid 65534: only its owner'
}

@test "resend of a path that is too long is 65" {
    profile
    run --separate-stderr "$BIN/mailchute" resend "$(printf 'x%.0s' {1..9000})/x"
    assert_status 65
    assert_one_line
    assert_output_has 'too long'
}

@test "resend wants one file" {
    profile
    for words in '' 'a b' '--even-if-doubled' '--force a' '-x'; do
        # shellcheck disable=SC2086   # words
        run --separate-stderr "$BIN/mailchute" resend $words
        assert_status 64
        assert_one_line
    done
}

@test "resend finds a letter in the folder it is called in" {
    local path
    fails bob@mail.test < <(message)
    path=$(letter)
    peer <<< $'@587\n@login\n@send'
    profile dead_letter="$DEAD"
    cd "$DEAD"
    run --separate-stderr "$BIN/mailchute" resend "${path##*/}"
    assert_status 0
    assert_silent
    peer_done
    no_letter
}

@test "resend with a profile that is wrong by now is 78, and the letter stays" {
    local line
    fails bob@mail.test < <(message)
    for line in helo=localhost password_file=/nowhere; do
        profile dead_letter="$DEAD" password= "$line"
        run --separate-stderr "$BIN/mailchute" resend "$(letter)"
        assert_status 78
        assert_one_line
        state waiting bob@mail.test
    done
}

@test "-B7BIT is in the letter, and holds when it is sent again" {
    fails -B7BIT bob@mail.test < <(message)
    assert_in "$(letter)" '^Body: 7BIT$'
    peer <<< $'@587\n@login\n@send'
    resend
    assert_status 0
    peer_done
    peer_log | refute_in - 'BODY=8BITMIME'
    no_letter
}

# bats test_tags=strace
@test "what resend can't write down before it sends isn't sent, and what it can't afterwards is told" {
    local how want
    need strace
    while read -r how want; do
        fails bob@mail.test < <(message)
        peer <<< $'=== every connection\n@587\n@login\n@send'
        profile dead_letter="$DEAD"
        run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/trace" -e "inject=$how" \
            "$BIN/mailchute" resend "$(letter)"
        assert_in "$BATS_TEST_TMPDIR/trace" INJECTED
        peer_stop
        case $want in
        sent)
            assert_status 0
            assert_silent
            no_letter
            continue
            ;;
        none)
            [ "$status" != 0 ]
            peer_log | refute_in - 'queued as'
            state waiting bob@mail.test
            ;;
        *)
            assert_status 0
            assert_one_line
            assert_output_has "warning: "
            assert_output_has "it was sent to everybody: remove $(letter)"
            peer_log | assert_in - 'queued as'
            ;;
        esac
        rm -f "$DEAD"/*
    done <<'END'
pwrite64:error=EINTR:when=1 sent
pwrite64:error=EIO:when=1 none
fdatasync:error=EIO:when=1 none
pwrite64:error=EIO:when=2 told
fdatasync:error=EIO:when=2 told
unlink:error=EACCES told
END
}

# bats test_tags=strace
@test "what wasn't sent, and can't be written down, is told as both" {
    need strace
    fails bob@mail.test < <(message)
    PORT=1 profile dead_letter="$DEAD"
    run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/trace" -e inject=pwrite64:error=EIO \
        "$BIN/mailchute" resend "$(letter)"
    assert_status 69
    assert_output_has 'warning: cannot write down'
    refute_output_has 'sent to everybody'
    assert_output_has 'not sent'
    state waiting bob@mail.test
}

@test "resend removes no other file that has the letter's name by now" {
    local path
    fails bob@mail.test < <(message)
    path=$(letter)
    peer <<< $'@587\n@login\nC: MAIL*\nS: 250 ok\nC: RCPT*\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nSLEEP 2\nS: 250 ok\nC*: QUIT'
    profile dead_letter="$DEAD"
    "$BIN/mailchute" resend "$path" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    local pid=$!
    started "$pid"
    wait_log '1 BODY'
    echo mine >"$path.new"
    mv "$path.new" "$path"
    wait "$pid"
    [ "$(<"$path")" = mine ]
    assert_in "$BATS_TEST_TMPDIR/said" 'another file has its name now; it was sent to everybody'
}
