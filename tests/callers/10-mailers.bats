# SPDX-License-Identifier: ISC
# Mail programs that people and scripts use from the command line.

load callers

setup_file() { setup_sink; }
teardown_file() { teardown_sink; }
setup() { setup_caller; }
teardown() { teardown_caller; }

# --- bsd-mailx ----------------------------------------------------------------------
# Goal: -s, -c and -b give the recipients as operands; the path is /usr/sbin/sendmail.

@test "bsd-mailx sends to To, Cc and Bcc" {
    in_jail alice bsd-mailx -s 'a subject' -c carol@mail.test -b dave@mail.test bob@mail.test \
        <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

# --- mutt ---------------------------------------------------------------------------
# Goal: mutt watches SIGCHLD, gives -oem -oi and the recipients behind --.

@test "mutt -x sends to To, Cc and Bcc" {
    in_jail alice mutt -n -F /dev/null -e "set sendmail='$CASE/bin/sendmail -oem -oi'" \
        -e 'set copy=no' -x -s 'a subject' -c carol@mail.test -b dave@mail.test -- bob@mail.test \
        <"$HERE/body"
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

# --- s-nail -------------------------------------------------------------------------

@test "s-nail sends to To, Cc and Bcc" {
    in_jail alice s-nail -: / -s 'a subject' -c carol@mail.test -b dave@mail.test \
        bob@mail.test <"$HERE/body"
    assert_status 0
    assert_silent
    assert_arrived alice@mail.test bob@mail.test carol@mail.test dave@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}

# --- mailutils ----------------------------------------------------------------------

@test "mail of mailutils, which closes descriptors 1 and 2, sends" {
    in_jail alice mail.mailutils -s 'a subject' bob@mail.test <"$HERE/body"
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 Subject 'a subject'
    assert_body
}
