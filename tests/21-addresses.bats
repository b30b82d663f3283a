# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317   # names shared with lib.bash and input.bash
# Addresses: who gets the message and who sends it, from the header and from argv.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# from_header FIELDS ADDRESS...: -t with these fields (printf %b) sends to these addresses.
from_header() {
    printf %b "$1"'\nbody\n' >"$BATS_TEST_TMPDIR/input"
    sends $(($# - 1)) -t <"$BATS_TEST_TMPDIR/input"
    assert_recipients "${@:2}"
}

# from_operands N OPERAND... : the operands of N addresses; what arrives is in the log.
from_operands() {
    sends "$@" < <(message)
}

# bad_header FIELDS: -t with these fields is refused, nothing is sent.
bad_header() {
    printf %b "$1"'\nbody\n' >"$BATS_TEST_TMPDIR/input"
    refuses 65 -t <"$BATS_TEST_TMPDIR/input"
}

# --- lists --------------------------------------------------------------------------
# Goal: To, Cc and Bcc are RFC 5322 address lists, with the obsolete forms of 4.4.

@test "-t takes To, Cc and Bcc, in their order" {
    from_header 'Cc: a@x.test, b@x.test\nTo: c@x.test\nBcc: d@x.test,e@x.test\n' \
        a@x.test b@x.test c@x.test d@x.test e@x.test
}

@test "-t takes each of several fields of a name" {
    from_header 'To: a@x.test\nTo: b@x.test\nBCC: c@x.test\nbcc: d@x.test\n' \
        a@x.test b@x.test c@x.test d@x.test
}

@test "-t takes no other field" {
    from_header 'From: a@x.test\nReply-To: b@x.test\nSender: c@x.test\nTo: d@x.test\nX-To: e@x.test
Apparently-To: f@x.test\nErrors-To: g@x.test\nTo-X: h@x.test\n' d@x.test
}

@test "display names and angle brackets are no part of the address" {
    from_header 'To: Bob B. Doe <a@x.test>, <b@x.test>, "Doe, Carol" <c@x.test>,d<d@x.test>\n' \
        a@x.test b@x.test c@x.test d@x.test
}

@test "groups are opened, empty ones too" {
    from_header 'To: Friends: a@x.test, Bob <b@x.test>;, none:;, "q: z" : c@x.test;\nCc: d@x.test\n' \
        a@x.test b@x.test c@x.test d@x.test
}

@test "a group that is not closed is a group" {
    from_header 'To: Friends: a@x.test, b@x.test\n' a@x.test b@x.test
}

@test "comments are dropped, nested ones and quoted brackets too" {
    from_header 'To: (a (nested (c)) \\) x@y) a@x.test (b, c@d;), b(x)@(y)x.test, c@x.test(<z@z>)\n' \
        a@x.test b@x.test c@x.test
}

@test "quoted strings hold commas, brackets, escapes" {
    from_header 'To: "a, b@c; <d>" <a@x.test>, "\\"q\\" \\\\" <b@x.test>, "x(y" <c@x.test>\n' \
        a@x.test b@x.test c@x.test
}

@test "a quoted local part stays quoted" {
    from_header 'To: "a b"@x.test, <"c,d"@x.test>, "e@f"@x.test\n' \
        '"a b"@x.test' '"c,d"@x.test' '"e@f"@x.test'
}

@test "a folded list is one list" {
    from_header 'To: a@x.test,\n b@x.test\n\t, Carol\n  <c@x.test>,\n\t"Doe,\n Dave" <d@x.test>,\n (a\n b) e@x.test\n' \
        a@x.test b@x.test c@x.test d@x.test e@x.test
}

@test "a folded list with CRLF is one list" {
    from_header 'To: a@x.test,\r\n b@x.test,\r\r\n\tc@x.test\r\n' a@x.test b@x.test c@x.test
}

@test "a list that begins in the next line is read" {
    from_header 'To:\n a@x.test\n' a@x.test
}

@test "a route is dropped" {
    from_header 'To: <@r.test:a@x.test>, Bob <@r.test,@s.test:b@x.test>\n' a@x.test b@x.test
}

@test "a semicolon separates, too" {
    from_header 'To: a@x.test; b@x.test;c@x.test;\n' a@x.test b@x.test c@x.test
}

@test "empty members and trailing commas are dropped" {
    from_header 'To: , a@x.test,, ,b@x.test, \nCc: ,\n' a@x.test b@x.test
}

@test "blanks around the dots and the at sign are dropped" {
    from_header 'To: a . b @ x . test\n' a.b@x.test
}

@test "an address literal is an address" {
    from_header 'To: a@[192.0.2.1], Bob <b@[IPv6:2001:db8::1]>\n' 'a@[192.0.2.1]' 'b@[IPv6:2001:db8::1]'
}

@test "odd but legal characters are no separators" {
    from_header "To: a+b=c@x.test, d'e@x.test, f/g!h%%i@x.test, {j}|k@x.test, -l@x.test, .m.@x.test\\n" \
        a+b=c@x.test "d'e@x.test" 'f/g!h%%i@x.test' '{j}|k@x.test' -l@x.test .m.@x.test
}

# --- operands -----------------------------------------------------------------------
# Goal: each operand is such a list; they and -t add up; each address once.

@test "operands are recipients, in their order" {
    from_operands 3 a@x.test b@x.test c@x.test
    assert_recipients a@x.test b@x.test c@x.test
}

@test "each operand is a list" {
    from_operands 5 'a@x.test, Bob <b@x.test>' 'c@x.test,' 'G: d@x.test;' '"x,y" <e@x.test>'
    assert_recipients a@x.test b@x.test c@x.test d@x.test e@x.test
}

@test "without -t the header's addresses are not recipients" {
    from_operands 1 z@x.test
    assert_recipients z@x.test
    [ "$(field To)" = bob@mail.test ]
}

@test "operands and flags come in any order, clusters work" {
    relay 2
    profile
    run --separate-stderr sendmail a@x.test -ti -f carol@x.test b@x.test -oi < <(printf 'Subject: x\n\n')
    assert_status 0
    peer_done
    assert_recipients a@x.test b@x.test
    [ "$(sender)" = '<carol@x.test>' ]
}

@test "behind -- all is operands" {
    from_operands 2 -- a@x.test -f@x.test
    assert_recipients a@x.test -f@x.test
}

@test "-t and operands add up" {
    sends 3 -t z@x.test < <(printf 'To: a@x.test\nCc: b@x.test\n\nx\n')
    assert_same "$(recipients | sort)" $'a@x.test\nb@x.test\nz@x.test'
    refute_in <(arrived) z@x.test
}

@test "-t with operands alone sends to them" {
    sends 1 -t z@x.test < <(printf 'Subject: x\n\nx\n')
    assert_recipients z@x.test
}

@test "each address is sent to once, from -t and operands" {
    sends 3 -t b@x.test a@x.test < <(printf 'To: a@x.test, b@x.test, Bob <b@x.test>\nBcc: c@x.test, a@x.test\n\nx\n')
    assert_same "$(recipients | sort)" $'a@x.test\nb@x.test\nc@x.test'
}

@test "duplicates are found without case in the domain, with case in the local part" {
    from_operands 3 a@x.test A@x.test a@X.TEST A@X.test b@x.test
    assert_recipients a@x.test A@x.test b@x.test
}

@test "bare names and the same names with the domain are duplicates" {
    from_operands 2 bob bob@mail.test bob@MAIL.TEST,bob BOB@MAIL.TEST
    assert_recipients bob@mail.test BOB@MAIL.TEST
}

@test "-f takes its argument attached and separate, -r too, the last wins" {
    from_operands 1 -fcarol@x.test z@x.test
    [ "$(sender)" = '<carol@x.test>' ]
    from_operands 1 -f carol@x.test -r dave@x.test z@x.test
    [ "$(sender)" = '<dave@x.test>' ]
    from_operands 1 z@x.test -r dave@x.test -f erin@x.test
    [ "$(sender)" = '<erin@x.test>' ]
}

@test "-f takes an address out of brackets and name" {
    from_operands 1 -f '<carol@x.test>' z@x.test
    [ "$(sender)" = '<carol@x.test>' ]
    from_operands 1 -f 'Carol Doe <carol@x.test>' z@x.test
    [ "$(sender)" = '<carol@x.test>' ]
    from_operands 1 -f 'carol@x.test (Carol)' z@x.test
    [ "$(sender)" = '<carol@x.test>' ]
}

@test "-f '' and -f '<>' are the null sender" {
    from_operands 1 -f '' z@x.test
    [ "$(sender)" = '<>' ]
    from_operands 1 -f '<>' z@x.test
    [ "$(sender)" = '<>' ]
    from_operands 1 -f '' -f carol@x.test z@x.test
    [ "$(sender)" = '<carol@x.test>' ]
}

@test "a bare sender gets the domain, a UUCP path too" {
    from_operands 1 -f vacuser z@x.test
    [ "$(sender)" = '<vacuser@mail.test>' ]
    from_operands 1 '-fuuhost!sender' z@x.test
    [ "$(sender)" = '<uuhost!sender@mail.test>' ]
}

# --- Resent -------------------------------------------------------------------------
# Goal: where a Resent- field stands, -t sends to Resent-To, -Cc and -Bcc instead.

@test "with Resent fields their addresses count, and only they" {
    from_header 'To: a@x.test\nCc: b@x.test\nBcc: c@x.test\nResent-To: d@x.test\nResent-Cc: e@x.test\nResent-Bcc: f@x.test\n' \
        d@x.test e@x.test f@x.test
}

@test "any Resent field makes it a resent message" {
    from_header 'To: a@x.test\nResent-Date: Mon, 1 Jan 2024 00:00:00 +0000\nresent-bcc : d@x.test\n' \
        d@x.test
    refuses 64 -t < <(printf 'To: a@x.test\nResent-From: b@x.test\n\nx\n')
}

@test "a resent message's Bcc does not leave and does not receive" {
    from_header 'To: a@x.test\nBcc: c@x.test\nResent-To: d@x.test\n' d@x.test
    refute_in <(arrived) c@x.test
}

# --- aliases ------------------------------------------------------------------------
# Goal: bare names go through [aliases], then get the domain; foreign addresses never do.

@test "a bare name gets the domain" {
    from_operands 2 root 'Ops Team <ops>'
    assert_recipients root@mail.test ops@mail.test
}

@test "an alias leads to an address, to several, to other aliases" {
    KEYS=('[aliases]' 'root = ops, Carol Doe <carol@x.test>' 'ops = dave@x.test, erin' 'other = no@x.test')
    from_operands 3 root
    assert_recipients dave@x.test erin@mail.test carol@x.test
}

@test "aliases work under -t; the header keeps its name" {
    KEYS=('[aliases]' 'root = ops@x.test')
    from_header 'To: root\n' ops@x.test
    [ "$(field To)" = root@mail.test ]
}

@test "an alias matches name@this-host, without case in host and name" {
    local host
    host=$("$PYTHON" -c 'import socket; print(socket.gethostname())')
    KEYS=('[aliases]' 'root = ops@x.test' 'dev = dev@y.test')
    from_operands 2 "root@$host" "dev@${host^^}"
    assert_recipients ops@x.test dev@y.test
}

@test "an alias never matches a foreign address, nor the domain's" {
    KEYS=('[aliases]' 'root = ops@x.test' '* = all@x.test')
    from_operands 2 root@y.test root@sub.mail.test
    assert_recipients root@y.test root@sub.mail.test
}

@test "* catches bare names that have no alias, and no foreign address" {
    KEYS=('[aliases]' 'root = ops@x.test' '* = all@y.test')
    from_operands 3 root bob carol dave@z.test
    assert_recipients ops@x.test all@y.test dave@z.test
}

@test "* may lead to a bare name" {
    KEYS=('[aliases]' '* = admin')
    from_operands 1 bob
    assert_recipients admin@mail.test
}

@test "* may lead to several bare names" {
    KEYS=('[aliases]' '* = ops, admin')
    from_operands 2 bob
    assert_recipients ops@mail.test admin@mail.test
}

@test "an alias may name itself, among others" {
    KEYS=('[aliases]' 'root = root, ops@x.test')
    from_operands 2 root
    assert_recipients root@mail.test ops@x.test
}

@test "two aliases to one address send to it once" {
    KEYS=('[aliases]' 'a = ops@x.test' 'b = ops@X.test')
    from_operands 1 a b ops@x.test
    assert_recipients ops@x.test
}

@test "an alias over several lines is one list" {
    KEYS=('[aliases]' 'root = a@x.test,' '  b@x.test,' '  c@x.test')
    from_operands 3 root
    assert_recipients a@x.test b@x.test c@x.test
}

@test "a loop of aliases is an error of the profile, and nothing is sent" {
    KEYS=('[aliases]' 'a = b' 'b = c' 'c = a')
    refuses 78 a < <(message)
    [[ $stderr == *loop* ]]
}

@test "a loop elsewhere does not matter" {
    KEYS=('[aliases]' 'a = b' 'b = a' 'root = ops@x.test')
    from_operands 1 root
    assert_recipients ops@x.test
}

# chain N: the aliases a1 to aN, each leading to the next, the last to an address.
chain() {
    local i
    KEYS=('[aliases]')
    for ((i = 1; i < $1; i++)); do
        KEYS+=("a$i = a$((i + 1))")
    done
    KEYS+=("a$1 = end@x.test")
}

@test "a chain of 16 aliases is followed" {
    chain 16
    from_operands 1 a1
    assert_recipients end@x.test
}

@test "a chain of 17 aliases is an error of the profile" {
    chain 17
    refuses 78 a1 < <(message)
}

@test "a chain that fans out at every step stays bounded" {
    local i
    KEYS=('[aliases]')
    for i in {1..15}; do
        KEYS+=("a$i = a$((i + 1)), a$((i + 1)), a$((i + 1)), a$((i + 1))")
    done
    KEYS+=('a16 = end@x.test')
    # 4^15 ways to one address: either it is found, or it is too many; never for ever.
    peer <<< '=== every connection'
    profile "${KEYS[@]}" timeout=1s
    run --separate-stderr timeout 20 "$BIN/sendmail" a1 < <(message)
    assert_status 65
    assert_one_line
}

# --- what is no address -------------------------------------------------------------
# Goal: what can't be read is refused with 65 and nothing is sent to anybody.

@test "words without a dot or at sign between them are no address" {
    bad_header 'To: a@x.test\nCc: bob smith\n'
    bad_header 'To: a@x.test b@x.test\n'
}

@test "an open quote, bracket or comment is no address" {
    bad_header 'To: a@x.test, "Bob <b@x.test>\n'
    bad_header 'To: a@x.test, Bob <b@x.test\n'
    bad_header 'To: a@x.test, (Bob b@x.test\n'
    bad_header 'To: a@[192.0.2.1\n'
}

@test "a bracket too many is no address" {
    bad_header 'To: Bob <<b@x.test>>\n'
    bad_header 'To: b@x.test>\n'
    bad_header 'To: b@x.test)\n'
    bad_header 'To: <b@x.test> Bob\n'
}

@test "an at sign too many or nothing beside it is no address" {
    bad_header 'To: a@b@x.test\n'
    bad_header 'To: @x.test\n'
    bad_header 'To: bob@\n'
    bad_header 'To: <@>\n'
}

@test "an address before a colon is no group's name: a comma was forgotten" {
    bad_header 'To: bob@x.test y: carol@x.test\n'
    bad_header 'To: bob@x.test: carol@x.test\n'
    bad_header 'To: Friends bob@[192.0.2.1] y: carol@x.test;\n'
    bad_header 'To: G: a@x.test;, bob@x.test G: carol@x.test;\n'
    bad_header 'To: a)b: carol@x.test\n'
    refuses 65 'bob@x.test y: carol@x.test' < <(message)
}

@test "an address literal holds letters, digits, dots, colons, hyphens, and no parameters" {
    local inside
    for inside in 'x> SIZE=1' 'x>' '<x' 'x y' '' '1.2.3.4\\]' '[1.2.3.4' 'é'; do
        refuses 65 "a@[$inside]" < <(message)
    done
    bad_header 'To: a@[x> SIZE=1]\n'
    refuses 65 -f 'a@[x> BODY=7BIT]' bob@mail.test < <(message)
}

@test "C1 controls and the Unicode line ends are no part of an address" {
    bad_header 'To: a\xc2\x85b@x.test\n'
    bad_header 'To: a@x\xc2\x80.test\n'
    bad_header 'To: "a\xe2\x80\xa8b"@x.test\n'
    refuses 65 $'a\xe2\x80\xa9b@x.test' < <(message)
    refuses 65 -f $'a\xc2\x9fb@x.test' bob@mail.test < <(message)
}

@test "the null address is no recipient" {
    bad_header 'To: <>\n'
    refuses 65 '<>' < <(message)
}

@test "one bad address among good ones stops all, from -t and operands" {
    bad_header 'To: a@x.test, b@x.test, c d\n'
    refuses 65 a@x.test 'b b' < <(message)
}

@test "a bad address in a field that is not asked does not matter" {
    sends 1 bob@mail.test < <(printf 'To: a b\nReply-To: <<\n\nx\n')
    assert_recipients bob@mail.test
    [ "$(field To)" = 'a b' ]
}

@test "an open quote with a blank at its end does not hang" {
    sends 1 bob@mail.test < <(printf 'To: "open \nReply-To: x <y>, "open\t\n\nx\n')
    [ "$(field To)" = '"open ' ]
    bad_header 'To: "open \n'
}

@test "an address of 600 bytes is refused" {
    refuses 65 "$(printf 'x%.0s' {1..600})@x.test" < <(message)
    refuses 65 -f "$(printf 'x%.0s' {1..600})@x.test" bob@mail.test < <(message)
}

@test "-f with two addresses, none, or no address is refused" {
    refuses 65 -f 'a@x.test, b@x.test' bob@mail.test < <(message)
    refuses 65 -f ' ' bob@mail.test < <(message)
    refuses 65 -f 'a b' bob@mail.test < <(message)
    refuses 65 -f '<a@x.test' bob@mail.test < <(message)
}

@test "there are no recipients: 64" {
    refuses 64 < <(message)
    refuses 64 -i -f a@x.test < <(message)
    refuses 64 -t < <(printf 'From: a@x.test\nSubject: x\n\nTo: b@x.test\n')
    refuses 64 -t < <(printf 'To: undisclosed-recipients:;\nCc:\nBcc: ,\n\nx\n')
    refuses 64 '' < <(message)
    refuses 64 , < <(message)
}

@test "without recipients stdin is read to its end, though" {
    peer <<< '=== every connection'
    profile
    run --separate-stderr "$PYTHON" -c 'import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
child.stdin.write(b"x" * 1000000)
child.stdin.close()
sys.exit(child.wait())' "$BIN/sendmail" -i
    assert_status 64
    assert_one_line
}

# --- control characters ---------------------------------------------------------------
# Goal: argv is an attacker's.  CR, LF and other controls in addresses and names are refused,
# not repaired; nothing is sent.

each_control() { # each_control FUNCTION: for control bytes that argv can carry (a tab is a blank)
    local octal
    for octal in 001 007 010 012 013 014 015 016 033 037 177; do
        "$1" "$(printf %b "x\\0$octal.")" || fail "control \\$octal"
    done
}

# One peer for all: nobody may connect to it.
quiet_peer() {
    peer <<< '=== every connection'
    profile
}
refused() {
    run --separate-stderr sendmail "$@" < <(message)
    assert_status 65 || return 1
    assert_one_line || return 1
    [[ $stderr != *[$'\001'-$'\037'$'\177']* ]] || fail 'the control is printed'
}
nobody_came() {
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}

@test "a command behind CR LF in an address is refused: -f, -r, operand" {
    quiet_peer
    refused -f $'a@x.test>\r\nRCPT TO:<evil@x.test' bob@mail.test
    refused -f $'a@x.test\r\nRCPT TO:<evil@x.test>' bob@mail.test
    refused -r $'a@x.test\nevil@x.test' bob@mail.test
    refused $'bob@mail.test\r\nDATA'
    refused $'<bob@mail.test>\r\nDATA'
    refused $'bob@mail.test,\n evil@x.test'
    nobody_came
}

@test "a field behind CR LF in -F is refused" {
    quiet_peer
    refused -F $'Bob\r\nBcc: evil@x.test' bob@mail.test
    refused -F $'Bob\nX: y' bob@mail.test
    refused -F $'Bob\rX' bob@mail.test
    nobody_came
}

@test "any control in the address of -f is refused" {
    quiet_peer
    address() { refused -f "${1%.}@x.test" bob@mail.test; }
    each_control address
    nobody_came
}

@test "any control in the domain of -f is refused" {
    quiet_peer
    address() { refused -f "a@${1%.}y.test" bob@mail.test; }
    each_control address
    nobody_came
}

@test "any control in the name of -F is refused" {
    quiet_peer
    address() { refused -F "Bob${1%.}" bob@mail.test; }
    each_control address
    nobody_came
}

@test "any control in an operand is refused" {
    quiet_peer
    address() { refused "${1%.}y@x.test"; }
    each_control address
    nobody_came
}

@test "a control in a quoted local part is refused" {
    quiet_peer
    refused $'"a\nb"@x.test'
    refused $'"a\rb"@x.test'
    refused $'"a\\\rb"@x.test'
    refused $'"a\tb"@x.test'
    refused -f $'"a\x01b"@x.test' bob@mail.test
    nobody_came
}

@test "a control in the display name or comment of an operand or -f is refused" {
    quiet_peer
    refused $'B\x01ob <bob@mail.test>'
    refused $'B\nob <bob@mail.test>'
    refused $'"B\rob" <bob@mail.test>'
    refused $'bob@mail.test (B\nob)'
    refused -f $'B\nob <a@x.test>' bob@mail.test
    refused -f $'a@x.test (\r\n)' bob@mail.test
    nobody_came
}

@test "a control in an address of the header is refused under -t" {
    bad_header 'To: a\001b@x.test\n'
    bad_header 'To: "a\001b"@x.test\n'
    bad_header 'To: a@x\177.test\n'
    bad_header 'To: "a\n b"@x.test\n'
}

@test "an angle bracket can't be brought into a command by quoting" {
    relay 1
    profile
    run --separate-stderr sendmail '"a>b"@x.test' < <(message)
    # Legal, if odd: it has to stay within its quotes.
    assert_status 0
    peer_done
    assert_in "$PEER/log" ' < RCPT TO:<"a>b"@x\.test>$'
}

# --- many ---------------------------------------------------------------------------
# Goal: many recipients all get the message, each once, whatever a transaction holds.

@test "10,000 recipients from the header get it, 100 in a transaction" {
    peer < <(printf '%s\n' @587p @login 'LOOP 100' 'C: MAIL FROM:<*' 'S: 250 ok' \
        'LOOP 100' 'C: RCPT TO:<*' 'S: 250 ok' END 'C: DATA' 'S: 354 go' BODY 'S: 250 2.0.0 ok' END \
        'C*: QUIT' 'S: 221 bye')
    profile
    run --separate-stderr sendmail -t < <("$PYTHON" -c '
print("Bcc:", ",\n ".join("u%d@x.test" % i for i in range(10000)))
print("\nbody")')
    assert_status 0
    assert_silent
    peer_done
    assert_same "$(recipients)" "$(printf 'u%d@x.test\n' {0..9999})"
    [ "$(body 100)" = body ]
}

@test "10,000 recipients on argv get it, in one transaction where the profile says so" {
    KEYS=(max_recipients=10000)
    local -a many
    mapfile -t many < <(printf 'u%d@x.test\n' {0..9999})
    sends 10000 "${many[@]}" < <(message)
    assert_same "$(recipients)" "$(printf 'u%d@x.test\n' {0..9999})"
}

@test "10,000 times the same recipient is one" {
    sends 1 -t < <("$PYTHON" -c '
print("To:", ",".join(("a@x.test", "A <a@X.test>", "a@X.TEST")[i % 3] for i in range(10000)))
print("\nbody")')
    assert_recipients a@x.test
}
