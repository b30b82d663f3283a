# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2154   # PEER, status, stderr are set by lib.bash and run
# The header that the profile wants: aliases in it, another From, fields that are added.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# A header in which only what a test is about is missing.
REST='Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@mail.test>\n\nx\n'

# wrote FIELDS: the fields (printf %b) and REST, sent to bob by the operand.
wrote() {
    sends 1 -i bob@mail.test < <(printf %b "$1$REST")
}

# fields NAME: how many fields of that name arrived.
fields() {
    header | grep -ic "^$1:" || true
}

# --- rewrite_headers -------------------------------------------------------------------
# Goal: what an alias leads to stands in To and Cc, readable for every mail program.

# rewritten TO WANTED [ALIAS...]: with these aliases a To of TO leaves as WANTED.
rewritten() {
    KEYS=(rewrite_headers=yes '[aliases]' "${@:3}")
    wrote "From: a@mail.test\nTo: $1\n"
    assert_same "$(field To)" "$2"
}

@test "a bare name in To and Cc becomes what its alias leads to" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = admin@x.test' 'web = w@x.test')
    sends 2 -t < <(printf 'To: root\nCc: web\n\nx\n')
    assert_recipients admin@x.test w@x.test
    assert_same "$(field To)" admin@x.test
    assert_same "$(field Cc)" w@x.test
}

@test "rewrite_headers = no, which is the default, leaves the name" {
    local value
    for value in '' no; do
        KEYS=("rewrite_headers=$value" '[aliases]' 'root = admin@x.test')
        wrote 'From: a@mail.test\nTo: root\n'
        assert_same "$(field To)" root@mail.test
    done
}

@test "the display name and comments stay" {
    rewritten '"Root, the" <root> (x), root (Cron)' \
        '"Root, the" <admin@x.test> (x), admin@x.test (Cron)' 'root = admin@x.test'
}

@test "a display name that isn't ASCII is encoded, and its alias rewritten" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = admin@x.test')
    wrote 'From: a@mail.test\nTo: Jörg Müller <root>\n'
    assert_same "$(decoded To)" 'Jörg Müller <admin@x.test>'
}

@test "several targets of a bare name stand in its place" {
    rewritten 'a@mail.test, root, b@mail.test' 'a@mail.test, x@x.test, y@x.test, b@mail.test' \
        'root = x@x.test, y@x.test'
}

# assert_list FIELD ADDRESS...: what a mail program reads from the field.
assert_list() {
    assert_same "$("$PYTHON" - "$PEER/body.1" "$1" <<'PY'
import email, email.policy, sys
with open(sys.argv[1], "rb") as message:
    parsed = email.message_from_binary_file(message, policy=email.policy.default)
field = parsed[sys.argv[2]]
assert not field.defects, (str(field), field.defects)
print("\n".join(sorted(address.addr_spec for address in field.addresses)))
PY
)" "$(printf '%s\n' "${@:2}" | sort)"
}

@test "several targets of one in brackets are all in the field" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = x@x.test, y@x.test, z@x.test')
    wrote 'From: a@mail.test\nTo: Root <root>, Bob <bob@mail.test>\n'
    assert_list To bob@mail.test x@x.test y@x.test z@x.test
    field To | assert_in - 'Root <x@x.test>'
}

@test "several targets of one in brackets are all there without a blank behind the colon" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = x@x.test, y@x.test')
    wrote 'From: a@mail.test\nTo:<root>\n'
    assert_list To x@x.test y@x.test
}

@test "several targets within a group, and of a commented one in brackets, are all there" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = x@x.test, y@x.test')
    wrote 'From: a@mail.test\nTo: team: root, bob@mail.test;, c@mail.test\nCc: (c)<root>(d)\n'
    assert_list To bob@mail.test c@mail.test x@x.test y@x.test
    assert_list Cc x@x.test y@x.test
}

@test "a group with a display name in it stays one" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = x@x.test, y@x.test')
    wrote 'From: a@mail.test\nTo: team: Root <root>, bob@mail.test;\n'
    assert_list To bob@mail.test x@x.test y@x.test
}

@test "name@this-host is rewritten, foreign addresses are not" {
    rewritten "root@$(hostname), root@foreign.test, root@mail.test" \
        'admin@x.test, root@foreign.test, root@mail.test' 'root = admin@x.test'
}

@test "a folded list is rewritten, its folds stay" {
    rewritten 'root,\n web,\n\tbob@mail.test' $'admin@x.test,\n w@x.test,\n\tbob@mail.test' \
        'root = admin@x.test' 'web = w@x.test'
}

@test "* rewrites names that have no alias" {
    rewritten 'bob, root' 'all@x.test, admin@x.test' 'root = admin@x.test' '* = all@x.test'
}

@test "names in other fields aren't rewritten" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = admin@x.test')
    wrote 'From: root\nSender: root\nReply-To: root\nTo: bob\nSubject: root\nX-To: root\n'
    assert_same "$(field From)" root@mail.test
    assert_same "$(field Sender)" root@mail.test
    assert_same "$(field Reply-To)" root@mail.test
    assert_same "$(field Subject)" root
    assert_same "$(field X-To)" root
}

@test "a name in the header whose alias can't be used stays; the mail isn't stopped by it" {
    printf 'vac: |/bin/true\none: two\ntwo: one\nnone:\nroot: admin@x.test\n' >"$BATS_TEST_TMPDIR/aliases"
    KEYS=(rewrite_headers=yes "aliases_file=$BATS_TEST_TMPDIR/aliases")
    wrote 'From: a@mail.test\nTo: vac, one, none, root\n'
    assert_same "$(field To)" 'vac@mail.test, one@mail.test, none@mail.test, admin@x.test'
}

@test "a To that can't be read stays as it is" {
    rewritten 'root root <<x' 'root root <<x' 'root = admin@x.test'
}

@test "a name that isn't ASCII and is rewritten to one that is needs no SMTPUTF8" {
    relay 1 @587
    profile rewrite_headers=yes '[aliases]' 'jörg = joerg@x.test'
    run --separate-stderr sendmail -t < <(printf 'From: a@mail.test\nTo: jörg\n%b' "$REST")
    assert_status 0
    peer_done
    assert_recipients joerg@x.test
    assert_same "$(field To)" joerg@x.test
}

@test "with -G the header stays" {
    KEYS=(rewrite_headers=yes '[aliases]' 'root = admin@x.test')
    sends 1 -G -t < <(printf 'To: root\n\nx\n')
    assert_same "$(field To)" root
}

# --- from_header -------------------------------------------------------------------------
# Goal: keep changes nothing; force puts the profile's address in; match only where the domain
# isn't ours.  Names stay, answers reach who wrote.

# from_header VALUE FROM WANTED [REPLY-TO]: with from_header = VALUE a From of FROM leaves as
# WANTED; without the last argument there is no Reply-To.
from_header() {
    KEYS+=("from_header=$1")
    wrote "From: $2\nTo: bob@mail.test\n"
    assert_same "$(field From)" "$3"
    if [ $# -lt 4 ]; then
        assert_same "$(fields Reply-To)" 0
    else
        assert_same "$(field Reply-To)" "$4"
    fi
}

@test "from_header = keep, which is the default, leaves a foreign From" {
    from_header keep 'Web <web@other.test>' 'Web <web@other.test>'
    KEYS=()
    wrote 'From: Web <web@other.test>\nTo: bob@mail.test\n'
    assert_same "$(field From)" 'Web <web@other.test>'
    assert_same "$(fields Reply-To)" 0
}

@test "force replaces the address, keeps the name, and puts the old address into Reply-To" {
    from_header force 'Web Form <web@other.test>' 'Web Form <alice@mail.test>' web@other.test
}

@test "force replaces an address without a name" {
    from_header force web@other.test alice@mail.test web@other.test
}

@test "force replaces an address of our own domain, too" {
    from_header force 'Root <root@mail.test>' 'Root <alice@mail.test>' root@mail.test
}

@test "force replaces a bare name; Reply-To has it with the domain" {
    from_header force 'root (Cron Daemon)' 'alice@mail.test (Cron Daemon)' root@mail.test
}

@test "force keeps quoted, encoded and UTF-8 names" {
    from_header force '"Doe, Jane" <j@o.test>' '"Doe, Jane" <alice@mail.test>' j@o.test
    KEYS=()
    from_header force '=?UTF-8?Q?J=C3=B6rg?= <j@o.test>' '=?UTF-8?Q?J=C3=B6rg?= <alice@mail.test>' j@o.test
    wrote 'From: Jörg Müller <j@o.test>\nTo: bob@mail.test\n'
    assert_same "$(decoded From)" 'Jörg Müller <alice@mail.test>'
}

@test "force changes nothing where the address is the profile's already" {
    from_header force 'Alice <alice@mail.test>' 'Alice <alice@mail.test>'
}

@test "force minds no case of the domain in that" {
    from_header force 'Alice <alice@MAIL.test>' 'Alice <alice@mail.test>'
}

@test "force leaves a Reply-To that is there" {
    KEYS=(from_header=force)
    wrote 'From: web@other.test\nReply-To: answers@other.test\nTo: bob@mail.test\n'
    assert_same "$(field From)" alice@mail.test
    assert_same "$(field Reply-To)" answers@other.test
}

@test "force takes an empty Reply-To for none" {
    KEYS=(from_header=force)
    wrote 'From: web@other.test\nReply-To: \nTo: bob@mail.test\n'
    assert_same "$(field Reply-To)" web@other.test
}

@test "force with -f puts the profile's address into From; the envelope is -f's" {
    KEYS=(from_header=force)
    sends 1 -f carol@other.test bob@mail.test < <(printf 'From: Web <web@other.test>\n%b' "$REST")
    assert_same "$(sender)" '<carol@other.test>'
    assert_same "$(field From)" 'Web <alice@mail.test>'
}

@test "force with the null sender puts the profile's address into From" {
    KEYS=(from_header=force)
    sends 1 -f '' bob@mail.test < <(printf 'From: Mailer-Daemon <>\nTo: bob@mail.test\n%b' "$REST")
    assert_same "$(sender)" '<>'
    assert_same "$(field From)" 'Mailer-Daemon <alice@mail.test>'
    assert_same "$(fields Reply-To)" 0
}

@test "force without from in the profile takes login@domain" {
    KEYS=(from=)
    from_header force web@other.test "$(id -un)@mail.test" web@other.test
}

@test "force fills a missing From with the profile's address, whatever -f says" {
    KEYS=(from_header=force)
    sends 1 -F Carol -f carol@mail.test bob@mail.test < <(printf 'To: bob@mail.test\n%b' "$REST")
    assert_same "$(field From)" 'Carol <alice@mail.test>'
    assert_same "$(fields Reply-To)" 0
}

@test "force replaces a From that can't be read" {
    from_header force 'two words <<x' alice@mail.test
}

@test "force leaves nothing of the old address, however many there are" {
    KEYS=(from_header=force)
    wrote 'From: Web <web@other.test>, other@other.test\nTo: bob@mail.test\n'
    refute_in <(field From) other.test
    field From | assert_in - 'Web <alice@mail.test>'
    field Reply-To | assert_in - web@other.test
}

@test "force touches every From there is, in any spelling" {
    KEYS=(from_header=force)
    wrote 'FROM : web@other.test\nfrom:\n evil@other.test\nTo: bob@mail.test\n'
    refute_in <(header | grep -iA1 '^from') other.test
}

@test "force touches no other field" {
    KEYS=(from_header=force)
    wrote 'From: web@other.test\nSender: s@other.test\nResent-From: r@other.test\nX-From: x@other.test\nTo: bob@mail.test\n'
    assert_same "$(field Sender)" s@other.test
    assert_same "$(field Resent-From)" r@other.test
    assert_same "$(field X-From)" x@other.test
}

@test "an old address that isn't ASCII in Reply-To asks for SMTPUTF8" {
    from_header force 'jörg@other.test' alice@mail.test jörg@other.test
    assert_in "$PEER/log" 'MAIL FROM:<.*SMTPUTF8'
}

@test "match replaces a foreign domain" {
    from_header match 'Web <web@other.test>' 'Web <alice@mail.test>' web@other.test
}

@test "match leaves our domain, in any case, and bare names" {
    from_header match 'Root <root@mail.test>' 'Root <root@mail.test>'
    from_header match 'Root <root@MAIL.Test>' 'Root <root@MAIL.Test>'
    from_header match 'root (Cron)' 'root@mail.test (Cron)'
}

@test "match replaces domains that only end like ours, or begin so" {
    KEYS=()
    from_header match web@xmail.test alice@mail.test web@xmail.test
    from_header match web@sub.mail.test alice@mail.test web@sub.mail.test
    from_header match web@mail.test.evil.test alice@mail.test web@mail.test.evil.test
}

@test "match leaves a Reply-To that is there" {
    KEYS=(from_header=match)
    wrote 'From: web@other.test\nReply-To: answers@other.test\nTo: bob@mail.test\n'
    assert_same "$(field From)" alice@mail.test
    assert_same "$(field Reply-To)" answers@other.test
}

@test "of several authors match replaces the foreign ones, and they get the answers" {
    KEYS=(from_header=match)
    wrote 'From: Root <root@mail.test>, Web <web@other.test>\nTo: bob@mail.test\n'
    assert_same "$(field From)" 'Root <root@mail.test>, Web <alice@mail.test>'
    field Reply-To | assert_in - web@other.test
}

@test "from_header with another word is 78" {
    KEYS=(from_header=never)
    refuses 78 bob@mail.test < <(message)
    assert_output_has from_header
}

@test "with -G no From is replaced" {
    KEYS=(from_header=force)
    sends 1 -G bob@mail.test < <(printf 'From: web@other.test\nTo: bob@mail.test\n%b' "$REST")
    assert_same "$(field From)" web@other.test
    assert_same "$(fields Reply-To)" 0
}

# --- sender_header -------------------------------------------------------------------------
# Goal: Sender tells who sent it, where From says another, and only there.

@test "sender_header adds the sender where From is another" {
    KEYS=(sender_header=yes)
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(field Sender)" alice@mail.test
    assert_same "$(field From)" web@other.test
}

@test "sender_header takes -f's address" {
    KEYS=(sender_header=yes)
    sends 1 -f carol@mail.test bob@mail.test < <(printf 'From: web@other.test\n%b' "$REST")
    assert_same "$(field Sender)" carol@mail.test
}

@test "sender_header adds the sender where From differs in the domain alone" {
    KEYS=(sender_header=yes)
    wrote 'From: alice@mall.test\nTo: bob@mail.test\n'
    assert_same "$(field Sender)" alice@mail.test
}

@test "sender_header adds nothing where From is the sender, bare or not" {
    KEYS=(sender_header=yes)
    wrote 'From: Alice <alice@mail.test>\nTo: bob@mail.test\n'
    assert_same "$(fields Sender)" 0
    wrote 'From: alice (Cron)\nTo: bob@mail.test\n'
    assert_same "$(fields Sender)" 0
}

@test "sender_header adds nothing to a From that we add" {
    KEYS=(sender_header=yes)
    wrote 'To: bob@mail.test\n'
    assert_same "$(fields Sender)" 0
}

@test "sender_header leaves a Sender that is there" {
    KEYS=(sender_header=yes)
    wrote 'From: web@other.test\nSender: s@other.test\nTo: bob@mail.test\n'
    assert_same "$(field Sender)" s@other.test
}

@test "sender_header adds nothing for the null sender" {
    KEYS=(sender_header=yes)
    sends 1 -f '<>' bob@mail.test < <(printf 'From: web@other.test\n%b' "$REST")
    assert_same "$(fields Sender)" 0
}

@test "sender_header = no, which is the default, adds nothing" {
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(fields Sender)" 0
}

@test "sender_header adds nothing where from_header has made From the sender's" {
    KEYS=(sender_header=yes from_header=force)
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(field From)" alice@mail.test
    assert_same "$(fields Sender)" 0
}

@test "sender_header adds the sender where from_header has made From another's" {
    KEYS=(sender_header=yes from_header=force)
    sends 1 -f carol@mail.test bob@mail.test < <(printf 'From: carol@mail.test\n%b' "$REST")
    assert_same "$(field From)" alice@mail.test
    assert_same "$(field Sender)" carol@mail.test
}

# --- reply_to ------------------------------------------------------------------------------
# Goal: a Reply-To where there is none.

@test "reply_to is added where there is none" {
    KEYS=(reply_to=help@mail.test)
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    assert_same "$(field Reply-To)" help@mail.test
}

@test "reply_to leaves a Reply-To that is there" {
    KEYS=(reply_to=help@mail.test)
    wrote 'From: a@mail.test\nreply-to : b@mail.test\nTo: bob@mail.test\n'
    assert_same "$(fields 'reply-to *')" 1
    header | assert_in - '^reply-to ?: b@mail.test$'
}

@test "reply_to comes before the address that force took away" {
    KEYS=(reply_to=help@mail.test from_header=force)
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(field Reply-To)" help@mail.test
}

@test "reply_to that is no address is 78" {
    KEYS=(reply_to='two words')
    refuses 78 bob@mail.test < <(message)
    assert_output_has reply_to
}

@test "with -G no Reply-To is added" {
    KEYS=(reply_to=help@mail.test sender_header=yes)
    sends 1 -G bob@mail.test < <(printf 'From: web@other.test\n%b' "$REST")
    assert_same "$(fields Reply-To)$(fields Sender)" 00
}

# --- add_header ----------------------------------------------------------------------------
# Goal: each field of the list is there once, as the profile or the message has it.

@test "add_header adds a field" {
    KEYS=('add_header=X-Site: shop one')
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    assert_same "$(field X-Site)" 'shop one'
}

@test "add_header adds several, in indented lines, in their order" {
    KEYS=('add_header=X-Site: shop' '  Auto-Submitted: auto-generated' $'\tX-Three: a; c')
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    assert_same "$(header | tail -n 3)" $'X-Site: shop\nAuto-Submitted: auto-generated\nX-Three: a; c'
}

@test "add_header adds only what the message hasn't, in any spelling" {
    KEYS=('add_header=X-Site: shop' '  X-Other: added')
    wrote 'From: a@mail.test\nTo: bob@mail.test\nx-SITE : mine\n'
    assert_same "$(header | grep -ic '^x-site *:')" 1
    header | assert_in - '^x-SITE ?: mine$'
    assert_same "$(field X-Other)" added
}

@test "add_header may add the same field twice" {
    KEYS=('add_header=X-Tag: one' '  X-Tag: two')
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    assert_same "$(header | grep '^X-Tag')" $'X-Tag: one\nX-Tag: two'
}

@test "add_header with UTF-8 is encoded" {
    KEYS=('add_header=X-Site: Müller & Söhne')
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    assert_same "$(decoded X-Site)" 'Müller & Söhne'
    LC_ALL=C refute_in <(header) $'[\x80-\xff]'
}

@test "add_header with what is no UTF-8 goes as it is" {
    KEYS=($'add_header=X-Site: caf\xe9')
    wrote 'From: a@mail.test\nTo: bob@mail.test\n'
    arrived | LC_ALL=C grep -qaxF $'X-Site: caf\xe9' || fail "$(arrived)"
}

@test "add_header of a line that is no field is 78, and named" {
    local line
    for line in 'no colon' 'two words: x' ': no name' 'Nämé: x'; do
        KEYS=("add_header=$line")
        refuses 78 bob@mail.test < <(message)
        assert_output_has add_header
    done
    KEYS=('add_header=X-Good: x' '  no colon')
    refuses 78 bob@mail.test < <(message)
    assert_output_has add_header
}

@test "add_header of a section replaces that of [default]" {
    KEYS=('add_header=X-Site: shop' '[news]' 'selectable = yes' 'add_header = X-List: news')
    sends 1 --profile=news bob@mail.test < <(message)
    assert_same "$(field X-List)" news
    assert_same "$(fields X-Site)" 0
}

@test "with -G nothing is added" {
    KEYS=('add_header=X-Site: shop')
    sends 1 -G bob@mail.test < <(message)
    assert_same "$(fields X-Site)" 0
}

# --- full_name -----------------------------------------------------------------------------
# Goal: the name in a From that is added: -F, else full_name, else the password database's.

@test "full_name is the name in a From that is added" {
    KEYS=('full_name=Shop One')
    wrote 'To: bob@mail.test\n'
    assert_same "$(field From)" 'Shop One <alice@mail.test>'
}

@test "full_name with specials is quoted, with UTF-8 encoded" {
    KEYS=('full_name=Doe, Jane (x)')
    wrote 'To: bob@mail.test\n'
    assert_same "$(field From)" '"Doe, Jane (x)" <alice@mail.test>'
    KEYS=('full_name=Müller, Söhne')
    wrote 'To: bob@mail.test\n'
    assert_same "$("$PYTHON" - "$PEER/body.1" <<'PY'
import email, email.policy, sys
parsed = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
[address] = parsed["From"].addresses
print(address.display_name, address.addr_spec)
PY
)" 'Müller, Söhne alice@mail.test'
}

@test "-F comes before full_name, also where it is empty" {
    KEYS=('full_name=Shop')
    sends 1 -F Cron bob@mail.test < <(printf 'To: bob@mail.test\n%b' "$REST")
    assert_same "$(field From)" 'Cron <alice@mail.test>'
    sends 1 -F '' bob@mail.test < <(printf 'To: bob@mail.test\n%b' "$REST")
    assert_same "$(field From)" alice@mail.test
}

@test "neither changes a From that is there" {
    KEYS=('full_name=Shop')
    sends 1 -F Cron bob@mail.test < <(message)
    assert_same "$(field From)" 'Alice <alice@mail.test>'
}

@test "a -F with a line end or another control is 65, and nothing is sent" {
    local name
    for name in $'x\nBcc: evil@mail.test' $'x\r\nTo: evil' $'x\ry' $'x\x1b[2J' $'x\x7f'; do
        refuses 65 -F "$name" bob@mail.test < <(message)
    done
}

@test "a name over the length of a line is folded at its blanks" {
    sends 1 -F "$(printf 'name %.0s' {1..400})x" bob@mail.test < <(printf 'To: bob@mail.test\n%b' "$REST")
    header | LC_ALL=C awk 'length > 998 { exit 1 }'
    field From | assert_in - '<alice@mail.test>$'
}

# --- allow_from_override ---------------------------------------------------------------------
# Goal: with no, the profile's sender is the only one; what isn't an address is told all the same.

@test "allow_from_override = no: the envelope and an added From are the profile's" {
    KEYS=(allow_from_override=no)
    sends 1 -f carol@other.test -F X bob@mail.test < <(printf 'To: bob@mail.test\n%b' "$REST")
    assert_same "$(sender)" '<alice@mail.test>'
    assert_same "$(field From)" 'X <alice@mail.test>'
}

@test "allow_from_override = no: -r and the null sender don't count either" {
    KEYS=(allow_from_override=no)
    sends 1 -r carol@other.test bob@mail.test < <(message)
    assert_same "$(sender)" '<alice@mail.test>'
    sends 1 -f '' bob@mail.test < <(message)
    assert_same "$(sender)" '<alice@mail.test>'
}

@test "allow_from_override = no: a From that is there stays, unless from_header says otherwise" {
    KEYS=(allow_from_override=no)
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(field From)" web@other.test
    KEYS+=(from_header=force)
    wrote 'From: web@other.test\nTo: bob@mail.test\n'
    assert_same "$(field From)" alice@mail.test
}

@test "allow_from_override = no: in -bs MAIL's address doesn't count" {
    KEYS=(allow_from_override=no)
    relay
    profile "${KEYS[@]}"
    run --separate-stderr sendmail -bs < <(printf '%s\r\n' 'HELO x' 'MAIL FROM:<carol@other.test>' \
        'RCPT TO:<bob@mail.test>' DATA 'Subject: x' '' y . QUIT)
    assert_status 0
    peer_done
    assert_same "$(sender)" '<alice@mail.test>'
}

@test "allow_from_override = yes, which is the default: -f counts" {
    sends 1 -f carol@other.test bob@mail.test < <(message)
    assert_same "$(sender)" '<carol@other.test>'
    KEYS=(allow_from_override=yes)
    sends 1 -f carol@other.test bob@mail.test < <(message)
    assert_same "$(sender)" '<carol@other.test>'
}
