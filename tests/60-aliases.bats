# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# Aliases from a file in the syntax of /etc/aliases, alone and together with [aliases].

load lib
load input

setup() {
    setup_case
    FILE=$BATS_TEST_TMPDIR/aliases
    KEYS=("aliases_file=$FILE")
}
teardown() { teardown_case; }

# aliases [TEXT]: writes the file; TEXT as printf %b takes it, else stdin.
aliases() {
    if [ $# -gt 0 ]; then printf %b "$1" >"$FILE"; else cat >"$FILE"; fi
}

# leads N NAME ADDRESS...: mail for the operand NAME goes to these N, in this order.
leads() {
    sends "$1" -i "$2" < <(message)
    assert_recipients "${@:3}"
}

# checks STATUS COMMAND...: newaliases' way; no connection, stdin is left alone.
checks() {
    profile "${KEYS[@]}"
    run --separate-stderr timeout -k 1 20 "${@:2}"
    assert_status "$1"
}

# --- what a line is --------------------------------------------------------------------
# Goal: a file that another MTA used works as it is.

@test "a name leads to an address" {
    aliases 'root: admin@mail.test\n'
    leads 1 root admin@mail.test
}

@test "a list leads to each of its members, in order" {
    aliases 'root: b@mail.test, a@mail.test,c@mail.test\n'
    leads 3 root b@mail.test a@mail.test c@mail.test
}

@test "blanks before the colon, tabs behind it and none at all are the same" {
    aliases 'one : a@mail.test\ntwo\t:\t\tb@mail.test\nthree:c@mail.test\n'
    leads 3 one,two,three a@mail.test b@mail.test c@mail.test
}

@test "lines that begin with a blank go on with the one before" {
    aliases 'root: a@mail.test,\n b@mail.test,\n\tc@mail.test\nnext: d@mail.test\n'
    leads 4 root,next a@mail.test b@mail.test c@mail.test d@mail.test
}

@test "a name may have all its values on the lines that follow" {
    aliases 'root:\n\ta@mail.test,\n\tb@mail.test\n'
    leads 2 root a@mail.test b@mail.test
}

@test "comments and empty lines say nothing" {
    aliases '# root: x@mail.test\n\nroot: a@mail.test\n#\n   \n#more: y@mail.test\nmore: b@mail.test\n'
    leads 2 root,more a@mail.test b@mail.test
}

@test "a line of blanks within a list changes nothing" {
    aliases 'root: a@mail.test,\n  \t \n b@mail.test\n'
    leads 2 root a@mail.test b@mail.test
}

@test "a last line without its line end counts" {
    aliases 'root: a@mail.test,\n b@mail.test'
    leads 2 root a@mail.test b@mail.test
}

@test "a file with CRLF is understood, lists that go on too" {
    aliases '# from elsewhere\r\n\r\nroot: a@mail.test,\r\n b@mail.test\r\nweb: c@mail.test\r\n'
    leads 3 root,web a@mail.test b@mail.test c@mail.test
}

@test "a name in quotes is that name" {
    aliases '"root": a@mail.test\n"my: list": b@mail.test\n'
    leads 1 root a@mail.test
}

@test "a name in quotes may hold a blank, as the recipient's does" {
    aliases '"first last": a@mail.test\n'
    leads 1 '"first last"' a@mail.test
}

@test "a recipient in quotes that need not be there is the same name" {
    aliases 'root: a@mail.test\n'
    leads 1 '"root"' a@mail.test
}

@test "names are compared without case, on both sides" {
    aliases 'PostMaster: a@mail.test\n'
    leads 1 pOSTmASTER a@mail.test
}

@test "display names, comments and quoted local parts in a value are understood" {
    aliases 'root: "Doe, Jane" <jane@mail.test>, joe@mail.test (on call), "a b"@mail.test\n'
    leads 3 root jane@mail.test joe@mail.test '"a b"@mail.test'
}

@test "a name that stands twice leads to all its values" {
    aliases 'root: a@mail.test\nroot: b@mail.test\n'
    leads 2 root a@mail.test b@mail.test
}

@test "no shorter or longer name is taken for another" {
    aliases 'roo: x@mail.test\nroot2: x@mail.test\nroot.x: x@mail.test\nr: x@mail.test\n'
    leads 1 root root@mail.test
}

@test "each of 2,000 names is found" {
    "$PYTHON" -c '
for i in range(2000): print("u%d: t%d@x.test" % (i * 7919 % 2000, i * 7919 % 2000))' >"$FILE"
    leads 4 u0,u1,u1000,u1999 t0@x.test t1@x.test t1000@x.test t1999@x.test
}

# --- who is looked up --------------------------------------------------------------------
# Goal: bare names and this host's; never a foreign address.

@test "a bare name without an alias gets the domain" {
    aliases 'root: a@mail.test\n'
    leads 1 bob bob@mail.test
}

@test "name@this-host is that name, in any case" {
    local host
    host=$(hostname)
    aliases 'root: a@mail.test\n'
    leads 1 "root@${host^^}" a@mail.test
}

@test "a quoted name at this host is that name" {
    aliases '"first last": a@mail.test\n'
    leads 1 "\"first last\"@$(hostname)" a@mail.test
}

@test "foreign addresses are no alias, nor are those of the profile's domain" {
    aliases 'root: x@mail.test\nroot@foreign.test: x@mail.test\n*: x@mail.test\n'
    leads 2 root@mail.test,root@foreign.test root@mail.test root@foreign.test
}

@test "recipients of -t and of the command line are looked up alike" {
    aliases 'root: a@mail.test\nweb: b@mail.test\nnews: c@mail.test\n'
    sends 3 -t web < <(printf 'To: Root <root>\nBcc: news\n\nx\n')
    assert_recipients a@mail.test c@mail.test b@mail.test
}

@test "somebody who is reached twice gets one copy" {
    aliases 'root: a@mail.test, b@mail.test\nweb: b@MAIL.test, a@mail.test\n'
    leads 2 root,web a@mail.test b@mail.test
}

@test "without rewrite_headers the header keeps the name, with the domain" {
    aliases 'root: a@mail.test\n'
    sends 1 -t < <(printf 'To: root\n\nx\n')
    assert_same "$(field To)" root@mail.test
}

# --- the catch-all -----------------------------------------------------------------------
# Goal: * stands for bare names and this host's without an alias of their own.

@test "* catches bare names and this host's that have no alias" {
    aliases '*: c@mail.test\nroot: a@mail.test\n'
    leads 2 "root,bob,dave@$(hostname)" a@mail.test c@mail.test
}

@test "* catches no foreign address" {
    aliases '*: c@mail.test\n'
    leads 1 bob@foreign.test bob@foreign.test
}

@test "* may lead to a bare name, which is a mailbox then" {
    aliases '*: admin\n'
    leads 1 bob admin@mail.test
}

@test "* may lead to several bare names" {
    aliases '*: admin, oncall\n'
    leads 2 bob admin@mail.test oncall@mail.test
}

@test "* may lead to a name that has an alias" {
    aliases '*: root\nroot: a@mail.test\n'
    leads 1 bob a@mail.test
}

# --- aliases of aliases --------------------------------------------------------------------
# Goal: followed to depth 16; loops end, and are told by their names.

# chain N: n1 -> n2 -> .. -> nN -> end@mail.test
chain() {
    local i
    for ((i = 1; i < $1; i++)); do echo "n$i: n$((i + 1))"; done
    echo "n$1: end@mail.test"
}

@test "an alias may lead to aliases" {
    aliases 'root: admin, web\nadmin: a@mail.test\nweb: admin, b@mail.test\n'
    leads 2 root a@mail.test b@mail.test
}

@test "16 aliases in a row are followed" {
    chain 16 | aliases
    leads 1 n1 end@mail.test
}

@test "17 aliases in a row are 78, and nothing is sent" {
    chain 17 | aliases
    refuses 78 -i n1 < <(message)
    assert_output_has n1
}

@test "an alias that names itself means the mailbox of that name" {
    aliases 'root: root, a@mail.test\n'
    leads 2 root root@mail.test a@mail.test
}

@test "a loop is 78 and all its names are told" {
    aliases 'first: second\nsecond: third, x@mail.test\nthird: first\n'
    refuses 78 -i first < <(message)
    assert_output_has loop
    assert_output_has first
    assert_output_has second
    assert_output_has third
}

@test "a loop through name@this-host is one" {
    aliases "first: second@$(hostname)\nsecond: first\n"
    refuses 78 -i first < <(message)
    assert_output_has loop
}

@test "a loop is told with the name before the loop, too" {
    aliases 'start: first\nfirst: second\nsecond: first\n'
    refuses 78 -i bob start < <(message)
    assert_output_has start
    assert_output_has second
}

@test "a loop that nobody uses stops nobody" {
    aliases 'first: second\nsecond: first\nroot: a@mail.test\n'
    leads 1 root a@mail.test
}

@test "two ways to one alias are no loop" {
    aliases 'root: x, y\nx: z\ny: z\nz: a@mail.test\n'
    leads 1 root a@mail.test
}

@test "aliases that double at each step end at the limit, soon" {
    local i
    for ((i = 1; i < 16; i++)); do echo "n$i: n$((i + 1)), n$((i + 1)), n$((i + 1)), n$((i + 1))"; done | aliases
    SECONDS=0
    refuses 65 -i n1 < <(message)
    [ "$SECONDS" -lt 10 ]
}

# --- what is no address ----------------------------------------------------------------------
# Goal: nothing is run, opened or lost; only whoever uses such a name is concerned.

# named VALUE WORDS...: an alias of this value is 78 when it is used, told with its name and
# these words; no file appears; other names aren't concerned.
named() {
    local words
    aliases <<< "bad: $1"$'\nroot: a@mail.test'
    refuses 78 -i root bad < <(message)
    for words in bad "${@:2}"; do assert_output_has "$words"; done
    [ ! -e "$BATS_TEST_TMPDIR/made" ] || fail 'a file was made'
    leads 1 root a@mail.test
}

@test "a program is refused by name when it is used" {
    named '|/usr/bin/vacation' '|/usr/bin/vacation'
}

@test "a program in quotes, with words, is refused and doesn't run" {
    named "\"|touch $BATS_TEST_TMPDIR/made\"" "|touch"
}

@test "a program in quotes behind its bar is refused" {
    named "|\"touch $BATS_TEST_TMPDIR/made\""
}

@test "a program without quotes is refused, and doesn't run" {
    named "|touch $BATS_TEST_TMPDIR/made"
}

@test "a file is refused by name, and isn't made" {
    named "$BATS_TEST_TMPDIR/made" "$BATS_TEST_TMPDIR/made"
}

@test "a file in quotes is refused by name, and isn't made" {
    named "\"$BATS_TEST_TMPDIR/made\"" "$BATS_TEST_TMPDIR/made"
}

@test ":include: is refused by name, and isn't read" {
    echo secret@mail.test >"$BATS_TEST_TMPDIR/list"
    named ":include:$BATS_TEST_TMPDIR/list" :include:
}

@test ":include: in quotes is refused by name" {
    echo secret@mail.test >"$BATS_TEST_TMPDIR/list"
    named "\":include:$BATS_TEST_TMPDIR/list\"" :include:
}

@test ":include: in other letters is refused" {
    echo secret@mail.test >"$BATS_TEST_TMPDIR/list"
    named ":Include:$BATS_TEST_TMPDIR/list"
    named "\":INCLUDE:$BATS_TEST_TMPDIR/list\""
}

@test "a program behind addresses is refused, and the addresses get nothing" {
    named 'a@mail.test, |/bin/true' '|/bin/true'
}

@test "one that is reached by another alias is refused" {
    aliases 'root: a@mail.test, vac\nvac: "|/usr/bin/vacation root"\n'
    refuses 78 -i root < <(message)
    assert_output_has vac
    assert_output_has '|/usr/bin/vacation'
}

@test "one that only * leads to is refused when it catches" {
    aliases 'root: a@mail.test\n*: /dev/null\n'
    refuses 78 -i bob < <(message)
    assert_output_has /dev/null
    leads 1 root a@mail.test
}

@test "words that are no address are refused when they are used" {
    named 'two words' 'two words'
    named '<open@mail.test'
    named 'a@mail.test # a comment'
}

@test "an empty right side is refused when it is used: no mail may be lost in silence" {
    named '' nobody
    named '  ,, ' nobody
    named '<>'
}

@test "an alias that can't be used is told before anybody is dialled, whatever comes first" {
    aliases 'bad: /dev/null\n'
    refuses 78 -i bob@mail.test carol@mail.test bad < <(message)
}

# --- the file ---------------------------------------------------------------------------
# Goal: a file that can't be read, or can't be meant, is 78; never a mail to a wrong address.

@test "a file that isn't there is 78, and named" {
    refuses 78 -i bob@mail.test < <(message)
    assert_output_has "$FILE"
}

# bats test_tags=cage
@test "a file that can't be read is 78, and named" {
    load cage
    setup_cage
    cage_profile "$SYSTEM" aliases_file=/log/aliases
    printf 'root: a@mail.test\n' >"$CAGE/log/aliases"
    chmod 600 "$CAGE/log/aliases"
    run --separate-stderr in_cage alice /bin/sendmail -i root < <(message)
    assert_status 78
    assert_output_has /log/aliases
    # As root it gets on, to the server that isn't there.
    run --separate-stderr in_cage root /bin/sendmail -i root < <(message)
    assert_status 69
}

@test "a folder and a pipe are 78, without a wait" {
    mkdir "$FILE"
    refuses 78 -i root < <(message)
    rmdir "$FILE"
    mkfifo "$FILE"
    refuses 78 -i root < <(message)
}

@test "an empty file is fine" {
    aliases ''
    leads 1 root root@mail.test
}

@test "a line that is neither pair nor comment is 78, with its number" {
    aliases '# one\nroot: a@mail.test,\n b@mail.test\nno colon here\nweb: c@mail.test\n'
    refuses 78 -i bob@mail.test < <(message)
    assert_output_has "$FILE:4:"
}

@test "a quote that stays open and a line without a name are 78, with their number" {
    aliases 'root: a@mail.test\n"open: b@mail.test\n'
    refuses 78 -i root < <(message)
    assert_output_has "$FILE:2:"
    aliases 'root: a@mail.test\n: b@mail.test\n'
    refuses 78 -i root < <(message)
    assert_output_has "$FILE:2:"
}

@test "an indented first line is a line of its own: its name isn't lost" {
    aliases '  root: a@mail.test\n'
    leads 1 root a@mail.test
}

@test "a comment within a list doesn't end it" {
    aliases 'root: a@mail.test,\n# who is next\n b@mail.test,\n  # and last\n c@mail.test\n'
    leads 3 root a@mail.test b@mail.test c@mail.test
}

@test "a pair that is indented behind another is 78 when that is used: no address gets lost" {
    aliases 'web: b@mail.test\n# a comment\n  root: a@mail.test\n'
    refuses 78 -i web < <(message)
}

@test "a NUL is 78: what stands behind it must not be lost" {
    aliases 'web: b@mail.test\nx\0y: c@mail.test\nroot: a@mail.test\n'
    refuses 78 -i root < <(message)
    aliases 'web: b@mail.test\n\0\nroot: a@mail.test\n'
    refuses 78 -i root < <(message)
}

@test "lone CRs are 78: the whole file would be one line" {
    aliases 'web: b@mail.test\rroot: a@mail.test\r'
    refuses 78 -i root < <(message)
}

@test "a file of 3 MB is read, and soon" {
    "$PYTHON" -c '
for i in range(80000): print("user%05d: %s@mail.test, x@x.test" % (i, "t" * 10))' >"$FILE"
    [ "$(stat -c %s "$FILE")" -gt 3000000 ]
    SECONDS=0
    leads 2 user00000,user79999 tttttttttt@mail.test x@x.test
    [ "$SECONDS" -lt 10 ]
}

@test "one value of a megabyte is read, and soon" {
    "$PYTHON" -c '
print("all: " + ",\n ".join("user%05d@mail.test" % i for i in range(50000)))' >"$FILE"
    KEYS+=(max_recipients=100000 timeout=20s)
    sends 50000 -i all < <(message)
    assert_same "$(recipients | sort -u | wc -l)" 50000
}

@test "a file over 4 MiB is 78, before it is read" {
    truncate -s $((4 * 1024 * 1024 + 1)) "$FILE"
    refuses 78 -i root < <(message)
    assert_output_has "$FILE"
}

@test "a relative name of the file is 78" {
    KEYS=(aliases_file=aliases)
    refuses 78 -i bob@mail.test < <(message)
    assert_output_has aliases_file
}

@test "the file is the one of the section that is chosen" {
    aliases 'root: a@mail.test\n'
    printf 'root: b@mail.test\n' >"$FILE.other"
    KEYS+=('[other]' 'selectable = yes' "aliases_file = $FILE.other")
    sends 1 -i --profile=other root < <(message)
    assert_recipients b@mail.test
    leads 1 root a@mail.test
}

# --- together with [aliases] -----------------------------------------------------------------
# Goal: both count, and lead into each other.

@test "names of [aliases] and of the file count side by side" {
    aliases 'web: b@mail.test\n'
    KEYS+=('[aliases]' 'root = a@mail.test')
    leads 3 root,web,bob a@mail.test b@mail.test bob@mail.test
}

@test "a name that stands in both leads to both" {
    aliases 'ROOT: b@mail.test\n'
    KEYS+=('[aliases]' 'root = a@mail.test')
    leads 2 root a@mail.test b@mail.test
}

@test "an alias of the one may lead to one of the other" {
    aliases 'web: root\nadmin: b@mail.test\n'
    KEYS+=('[aliases]' 'root = admin')
    leads 1 web b@mail.test
}

@test "a loop through both is told" {
    aliases 'web: root\n'
    KEYS+=('[aliases]' 'root = web')
    refuses 78 -i web < <(message)
    assert_output_has loop
}

@test "* of [aliases] catches what the file has not" {
    aliases 'web: b@mail.test\n'
    KEYS+=('[aliases]' '* = c@mail.test')
    leads 2 web,bob b@mail.test c@mail.test
}

# --- -n ---------------------------------------------------------------------------------
# Goal: no alias is applied.

@test "-n applies no alias, of neither place" {
    aliases 'web: b@mail.test\n*: c@mail.test\n'
    KEYS+=('[aliases]' 'root = a@mail.test')
    sends 3 -n -i root web bob < <(message)
    assert_recipients root@mail.test web@mail.test bob@mail.test
}

@test "-n minds no loop and no program" {
    aliases 'root: web\nweb: root\nvac: |/bin/true\n'
    sends 2 -in root vac < <(message)
    assert_recipients root@mail.test vac@mail.test
}

@test "-n rewrites no header" {
    aliases 'root: a@mail.test\n'
    KEYS+=(rewrite_headers=yes)
    sends 1 -n -t < <(printf 'To: root\n\nx\n')
    assert_same "$(field To)" root@mail.test
}

# --- newaliases -------------------------------------------------------------------------
# Goal: all aliases are checked, used or not: 0 without a word, or 78 with the name.

@test "-bi, -I and newaliases of good aliases are 0, and silent" {
    aliases 'root: a@mail.test, web\nweb: b@mail.test\n'
    KEYS+=('[aliases]' 'www-data = root')
    ln -sf "$MC" "$BIN/newaliases"
    local way
    for way in "sendmail -bi" "sendmail -I" newaliases; do
        # shellcheck disable=SC2086
        checks 0 "$BIN/"$way </dev/null
        assert_silent
    done
}

@test "-bi without any alias is 0" {
    KEYS=()
    checks 0 "$BIN/sendmail" -bi </dev/null
    assert_silent
}

@test "-bi, -I and newaliases tell a program, a file and an :include: by the alias's name" {
    ln -sf "$MC" "$BIN/newaliases"
    local value way
    for value in '|/bin/true' '"|/bin/true x"' /var/mail/x '"/var/mail/x"' :include:/etc/list '":include:/etc/list"'; do
        aliases <<< $'root: a@mail.test\nodd: '"$value"
        for way in "sendmail -bi" "sendmail -I" newaliases; do
            # shellcheck disable=SC2086
            checks 78 "$BIN/"$way </dev/null
            assert_one_line
            assert_output_has odd
        done
    done
}

@test "-bi tells an empty right side and words that are no address" {
    aliases 'root: a@mail.test\nodd:\n'
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has odd
    aliases 'root: a@mail.test\nodd: two words\n'
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has odd
}

@test "-bi tells a loop" {
    aliases 'root: a@mail.test\nodd: even\neven: odd\n'
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has loop
    assert_output_has odd
}

@test "-bi tells more than 16 in a row" {
    chain 17 | aliases
    checks 78 "$BIN/sendmail" -bi </dev/null
}

@test "-bi of a faulty file, an unreadable one and a faulty profile is 78" {
    aliases 'no colon\n'
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has "$FILE:1:"
    rm "$FILE"
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has "$FILE"
    KEYS=(nonsense=1)
    checks 78 "$BIN/sendmail" -bi </dev/null
    assert_output_has nonsense
}

@test "-bi opens no connection, and doesn't wait for stdin" {
    aliases 'root: a@mail.test\n'
    peer <<< '=== every connection'
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec 9<>"$BATS_TEST_TMPDIR/pipe"
    checks 0 "$BIN/sendmail" -bi <&9
    exec 9>&-
    peer_stop
    refute_in "$PEER/log" ' CONNECT$'
}
