# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317   # names shared with lib.bash and input.bash
# What is not ASCII: encoded words in the header, SMTPUTF8 for addresses, 8BITMIME for bodies.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# encodes NAME VALUE [WANTED]: a field with raw UTF-8 leaves in ASCII, in lines of 78 bytes at
# most with encoded words of 75, and Python reads WANTED (or VALUE) from it.
encodes() {
    sends 1 bob@mail.test < <(printf 'X-First: 1\n%s: %b\nX-Last: 2\n\nbody\n' "$1" "$2")
    ascii_header
    assert_same "$(decoded "$1")" "${3-$2}"
    [ "$(field X-First)" = 1 ]
    [ "$(field X-Last)" = 2 ]
    [ "$(body)" = body ]
}

# ascii_header: the header that arrived is ASCII, and what is encoded in it keeps to
# RFC 2047: 75 bytes a word (2), whole characters in each, apart from all beside it (5).
ascii_header() {
    "$PYTHON" - "$PEER/body.1" <<'PY'
import base64, quopri, re, sys
data = open(sys.argv[1], "rb").read()
head = data[:data.index(b"\r\n\r\n")]
assert all(byte < 0x80 for byte in head), head
lines = head.split(b"\r\n")
assert all(line.strip() for line in lines), "a line of blanks alone"
assert all(len(line) <= 998 for line in lines), "an endless line"
for word in re.finditer(rb"=\?([^?\s]+)\?([BbQq])\?([^?\s]*)\?=", head):
    assert len(word[0]) <= 75, word[0]
    assert word[1].lower() == b"utf-8", word[0]
    raw = base64.b64decode(word[3], validate=True) if word[2] in b"Bb" \
        else quopri.decodestring(word[3], header=True)
    raw.decode("utf-8")
    before, behind = head[word.start() - 1:word.start()], head[word.end():word.end() + 1]
    assert before in (b" ", b"\t", b"(", b":"), (before, word[0])
    assert behind in (b" ", b"\t", b")", b"\r", b""), (word[0], behind)
PY
}

# addresses NAME: what Python finds in an address field: "name|address" a line.
addresses() {
    "$PYTHON" -c "$DECODE"'
for name, address in email.utils.getaddresses([field(*sys.argv[1:])]):
    print("%s|%s" % (decode(name), address))' "$PEER/body.1" "$1"
}

# --- unstructured fields ---------------------------------------------------------------
# Goal: with ASCII addresses raw UTF-8 in a field's text is always encoded, and reads the same.

@test "raw UTF-8 in a Subject is encoded" {
    encodes Subject 'Grüße aus Köln'
}

@test "a Subject of nothing but UTF-8 is encoded" {
    encodes Subject '日本語'
}

@test "ASCII words around stay as they are" {
    encodes Subject 'Re: the Café (open) is closed'
    field Subject | assert_in - '^Re: the =\?.*\?= \(open\) is closed$'
}

@test "neighbours that are not ASCII keep the blanks between them" {
    encodes Subject 'ä ö  ü a é  í b'
}

@test "a long Subject becomes several words in folded lines" {
    encodes Subject "$(printf 'äöü%.0s' {1..100})"
    encodes Subject "$(printf 'schöne Grüße %.0s' {1..50})end"
}

@test "characters of three and four bytes are never split" {
    encodes Subject "x$(printf '€%.0s' {1..100})"
    encodes Subject "xy$(printf '😀%.0s' {1..100})"
    encodes Subject "$(printf '€😀ä%.0s' {1..60})"
}

@test "a long ASCII word before one that is encoded stays whole" {
    encodes Subject "$(printf 'a%.0s' {1..70}) ä $(printf 'b%.0s' {1..60}) ö"
}

@test "a word beside specials is encoded with them" {
    encodes Subject '(ä) "ö", <ü>; a=ß? =?x?='
}

@test "a Subject that is encoded already stays as it is" {
    sends 1 bob@mail.test < <(printf 'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= now\n\nx\n')
    [ "$(field Subject)" = '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= now' ]
}

@test "an encoded word beside raw UTF-8 keeps its blank" {
    encodes Subject '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= für Köln =?UTF-8?Q?=C3=BC?=' 'Grüße für Köln ü'
}

@test "a folded Subject is encoded, its folds are blanks" {
    encodes Subject 'Grüße\n aus\r\n Köln\n\tam Rhein' $'Grüße aus Köln\tam Rhein'
}

@test "an unknown field and Comments are encoded" {
    encodes X-Any 'schöne Grüße'
    encodes Comments 'schöne Grüße'
}

@test "text without a blank behind the colon is encoded" {
    sends 1 bob@mail.test < <(printf 'Subject:Grüße\n\nx\n')
    ascii_header
    assert_same "$(decoded Subject)" 'Grüße'
}

@test "a line with an encoded word has 76 bytes at most" {
    sends 1 bob@mail.test < <(printf 'Subject: %s\nTo: Jörg <a@x.test>, %s\n\nx\n' \
        "ä $(printf 'words %.0s' {1..20})ö $(printf 'words %.0s' {1..30})end" \
        "$(printf 'Name Name <user%s@x.test>, ' {1..9})b@x.test")
    ascii_header
    refute_in <(header | awk 'length > 76') '=\?UTF-8\?B\?'
}

# --- address fields ---------------------------------------------------------------------
# Goal: phrases, quoted strings and comments are encoded; the addresses and their order stay.

@test "raw UTF-8 in a phrase is encoded" {
    sends 1 bob@mail.test < <(printf 'To: Jörg Müller <bob@mail.test>, Carol <c@x.test>\n\nx\n')
    ascii_header
    assert_same "$(addresses To)" $'Jörg Müller|bob@mail.test\nCarol|c@x.test'
}

@test "raw UTF-8 in a quoted string is encoded, without its quotes" {
    sends 1 bob@mail.test < <(printf 'To: "Müller, Jörg \\"J\\"" <bob@mail.test>, "Doe, C" <c@x.test>\n\nx\n')
    ascii_header
    assert_same "$(addresses To)" $'Müller, Jörg "J"|bob@mail.test\nDoe, C|c@x.test'
    decoded To | assert_in - '"Doe, C" <c@x.test>$'
}

@test "a phrase of atoms and quoted strings is encoded as one" {
    sends 1 bob@mail.test < <(printf 'To: Dr. Jörg "von" M\xc3\xbcller <bob@mail.test>\n\nx\n')
    ascii_header
    assert_same "$(addresses To)" 'Dr. Jörg von Müller|bob@mail.test'
}

@test "raw UTF-8 in a comment is encoded" {
    sends 1 bob@mail.test < <(printf 'From: bob@mail.test (Jörg Müller), c@x.test (ASCII)\n\nx\n')
    ascii_header
    field From | assert_in - '^bob@mail.test \(=\?UTF-8\?.*\?=\), c@x.test \(ASCII\)$'
    assert_same "$(decoded From)" 'bob@mail.test (Jörg Müller), c@x.test (ASCII)'
}

@test "a phrase right before its bracket is set apart" {
    sends 1 bob@mail.test < <(printf 'To: Jörg<bob@mail.test>,"Käthe"<k@x.test>\n\nx\n')
    ascii_header
    assert_same "$(addresses To)" $'Jörg|bob@mail.test\nKäthe|k@x.test'
}

@test "a group's name is encoded" {
    sends 1 bob@mail.test < <(printf 'To: Gäste: Jörg <bob@mail.test>, c@x.test;\n\nx\n')
    ascii_header
    decoded To | assert_in - '^Gäste *: Jörg <bob@mail\.test>, c@x\.test;$'
}

@test "a long phrase becomes several words in folded lines" {
    local name
    name=$(printf 'Jörg Müller %.0s' {1..20})Ende
    sends 1 bob@mail.test < <(printf 'To: %s <bob@mail.test>, x@x.test\n\nx\n' "$name")
    ascii_header
    assert_same "$(addresses To)" "$name|bob@mail.test"$'\n|x@x.test'
}

@test "From, Sender, Reply-To, Cc and the Resent forms are encoded, too" {
    local name
    for name in From Sender Reply-To Cc Resent-From Resent-To Resent-Cc; do
        sends 1 bob@mail.test < <(printf '%s: Jörg <bob@mail.test>\n\nx\n' "$name")
        ascii_header
        field "$name" | assert_in - '^=\?UTF-8\?.*\?= <bob@mail.test>$'
    done
}

@test "bare names get the domain beside an encoded comment" {
    sends 1 bob@mail.test < <(printf 'From: root (Dämon)\n\nx\n')
    ascii_header
    field From | assert_in - '^root@mail\.test \(=\?UTF-8\?'
}

@test "-t finds its recipients beside raw UTF-8" {
    sends 2 -t < <(printf 'To: Jörg "ä, ö" <a@x.test>, (ü) b@x.test\n\nx\n')
    assert_recipients a@x.test b@x.test
    ascii_header
}

@test "a name of -F that is not ASCII is encoded" {
    sends 1 -F 'Jörg Müller, "Köln"' bob@mail.test < <(printf 'Subject: x\n\n')
    ascii_header
    assert_same "$(addresses From)" 'Jörg Müller, "Köln"|alice@mail.test'
}

@test "a long name of -F that is not ASCII is encoded in folded lines" {
    local name
    name=$(printf 'Jörg %.0s' {1..40})Ende
    sends 1 -F "$name" bob@mail.test < <(printf 'Subject: x\n\n')
    ascii_header
    assert_same "$(addresses From)" "$name|alice@mail.test"
}

# --- what stays --------------------------------------------------------------------------
# Goal: what isn't UTF-8 can't be named, so it stays; ids, dates and MIME fields do, too.

@test "a Subject that is not UTF-8 stays byte for byte" {
    carries "${WHOLE/a test/Gr\\0374\\0337e aus K\\0303\\0266ln}"'\n' \
        "${WHOLE_CRLF/a test/Gr\\0374\\0337e aus K\\0303\\0266ln}"'\r\n.\r\n'
}

@test "UTF-8 that is cut, too long or a surrogate stays byte for byte" {
    local text
    for text in 'x\0303' '\0300\0257' '\0355\0240\0200' '\0370\0210\0200\0200\0200' '\0364\0220\0200\0200'; do
        carries "${WHOLE/a test/a $text b}"'\n' "${WHOLE_CRLF/a test/a $text b}"'\r\n.\r\n'
    done
}

@test "a phrase or comment that is not UTF-8 stays byte for byte" {
    carries "${WHOLE/Alice/J\\0366rg}"'Cc: "M\0374ller" <m@x.test>, k@x.test (K\0344the)\n\n' \
        "${WHOLE_CRLF/Alice/J\\0366rg}"'Cc: "M\0374ller" <m@x.test>, k@x.test (K\0344the)\r\n\r\n.\r\n'
}

@test "a MIME field with raw UTF-8 stays byte for byte" {
    carries "$WHOLE"'Content-Type: text/plain; name="Gr\0303\0274n.txt"\nContent-Disposition: x; filename="\0303\0274"\n\n' \
        "$WHOLE_CRLF"'Content-Type: text/plain; name="Gr\0303\0274n.txt"\r\nContent-Disposition: x; filename="\0303\0274"\r\n\r\n.\r\n'
}

@test "an ASCII header is not touched" {
    carries "$WHOLE"'X-A: =?x?= "(<\\\\ a  b\t \n\n' "$WHOLE_CRLF"'X-A: =?x?= "(<\\\\ a  b\t \r\n\r\n.\r\n'
}

# --- the body -----------------------------------------------------------------------------
# Goal: BODY=8BITMIME where there are 8-bit bytes and it is offered; the bytes stay.

# An offer without 8BITMIME, pipelining or not.
BARE=$'@starttls\nTLS\nC: EHLO *\nS: 250-mail.test\nS: 250-SIZE 50000000\nS: 250 AUTH PLAIN'

@test "an 8-bit body is sent as it is with BODY=8BITMIME" {
    carries "$WHOLE"'\nGr\0374\0337e \0303\0274 \0377\n' "$WHOLE_CRLF"'\r\nGr\0374\0337e \0303\0274 \0377\r\n.\r\n'
    assert_in "$PEER/log" '^1 < MAIL FROM:<alice@mail.test>.* BODY=8BITMIME'
    refute_in "$PEER/log" ' < MAIL .*SMTPUTF8'
}

@test "an 8-bit body is sent as it is where 8BITMIME is not offered" {
    relay 1 "$BARE"
    profile
    run --separate-stderr sendmail bob@mail.test < <(message 'Grüße')
    assert_status 0
    peer_done
    [ "$(body)" = 'Grüße' ]
    refute_in "$PEER/log" '8BITMIME'
}

@test "a 7-bit message is sent without BODY=8BITMIME" {
    sends 1 bob@mail.test < <(message)
    refute_in "$PEER/log" ' < MAIL .*BODY'
}

@test "a header that is encoded does not make the message 8-bit" {
    sends 1 bob@mail.test < <(printf 'Subject: Grüße\n\nx\n')
    refute_in "$PEER/log" ' < MAIL .*BODY'
    refute_in "$PEER/log" ' < MAIL .*SMTPUTF8'
}

@test "an 8-bit byte at the end of a large body is found" {
    sends 1 bob@mail.test < <(message "$(printf 'x%.0s' {1..300000})"; printf '\374\n')
    assert_in "$PEER/log" ' < MAIL .*BODY=8BITMIME'
}

# --- SMTPUTF8 -----------------------------------------------------------------------------
# Goal: asked for only where an address is not ASCII; not offered: 65, naming the address.

@test "a recipient that is not ASCII asks for SMTPUTF8" {
    sends 1 'jörg@mail.test' < <(message)
    assert_in "$PEER/log" ' < MAIL .* SMTPUTF8'
    assert_same "$(recipients)" 'j\xc3\xb6rg@mail.test'
}

@test "a recipient's domain that is not ASCII asks for SMTPUTF8" {
    sends 1 'bob@köln.test' < <(message)
    assert_in "$PEER/log" ' < MAIL .* SMTPUTF8'
    assert_same "$(recipients)" 'bob@k\xc3\xb6ln.test'
}

@test "a sender that is not ASCII asks for SMTPUTF8" {
    sends 1 -f 'jörg@mail.test' bob@mail.test < <(message)
    assert_in "$PEER/log" ' < MAIL FROM:<j\\xc3\\xb6rg@mail.test>.* SMTPUTF8'
}

@test "an address of the header that is not ASCII asks for SMTPUTF8" {
    sends 1 bob@mail.test < <(printf 'Cc: Jörg <jörg@mail.test>\n\nx\n')
    assert_in "$PEER/log" ' < MAIL .* SMTPUTF8'
    field Cc | assert_in - '<jörg@mail.test>$'
}

@test "-t takes an address that is not ASCII" {
    sends 1 -t < <(printf 'To: Jörg <jörg@köln.test>\n\nx\n')
    assert_same "$(recipients)" 'j\xc3\xb6rg@k\xc3\xb6ln.test'
    assert_in "$PEER/log" ' < MAIL .* SMTPUTF8'
}

@test "SMTPUTF8 not offered: 65, naming the address, and no MAIL" {
    local -a cases=('jörg@mail.test' 'bob@köln.test')
    local one
    for one in "${cases[@]}"; do
        peer <<< $'@587\n@login\nDRAIN'
        profile
        run --separate-stderr sendmail "$one" < <(message)
        assert_status 65
        assert_one_line
        assert_output_has "$one"
        peer_done
        refute_in "$PEER/log" ' < (MAIL|RCPT|DATA)'
    done
}

@test "SMTPUTF8 not offered: 65 for a sender, too" {
    peer <<< $'@587\n@login\nDRAIN'
    profile
    run --separate-stderr sendmail -f 'jörg@mail.test' bob@mail.test < <(message)
    assert_status 65
    assert_one_line
    assert_output_has 'jörg@mail.test'
    peer_done
    refute_in "$PEER/log" ' < MAIL'
}

@test "a name that is not ASCII needs no SMTPUTF8" {
    relay 1 @587
    profile
    run --separate-stderr sendmail -F 'Jörg' -t < <(printf 'To: Käthe <bob@mail.test>\nSubject: Grüße\n\nGrüße\n')
    assert_status 0
    peer_done
    ascii_header
}

@test "an address that is not UTF-8 is refused" {
    refuses 65 $'j\xf6rg@mail.test' < <(message)
    refuses 65 -f $'j\xf6rg@mail.test' bob@mail.test < <(message)
    refuses 65 -t < <(printf 'To: j\366rg@mail.test\n\nx\n')
}

# Some readers take a line of blanks for the end of the header.
@test "blanks that fill a line before an encoded word make no line of blanks" {
    sends 1 bob@mail.test < <(printf 'Subject: x\n%74s\303\251\n\nbody\n' '')
    arrived | sed '/^$/,$d' >"$BATS_TEST_TMPDIR/header"
    assert_in "$BATS_TEST_TMPDIR/header" '=\?UTF-8\?B\?'
    refute_in "$BATS_TEST_TMPDIR/header" '^[[:blank:]]+$'
}
