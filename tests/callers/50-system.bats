# SPDX-License-Identifier: ISC
# Daemons and set-id programs. They clean the environment, know /usr/sbin/sendmail only, and
# throw its stderr away: the profile is the system's, and the log is the only trace of a failure.
#
# All of that is the jail's, which is this file's own: the spools, crontabs, sudoers, profile.

load callers

setup_file() {
    setup_sink || return 1
    own_jail
}
teardown_file() { teardown_sink; }

setup() {
    setup_caller || return 1
    # The tests' build knows build/test/etc/, the other /etc/.
    local system
    system=$(grep -aoE '/[A-Za-z0-9._/+-]*/build/test/etc/mailchute\.ini' "$MC" | head -n 1) || true
    SYSTEM_PROFILE=$JAIL${system:-/etc/mailchute.ini}
    MAILCHUTE_CONFIG=$SYSTEM_PROFILE
    mkdir -p "${MAILCHUTE_CONFIG%/*}"
    sink_profile
    rm -rf "$JAIL"/run/crond.* "$JAIL"/run/atd.pid "$JAIL"/etc/cron.d/* "$JAIL/etc/sudoers" \
        "$JAIL"/var/spool/cron/{crontabs,atjobs,atspool}/*
}

teardown() {
    teardown_caller
    [ -z "${SYSTEM_PROFILE:-}" ] || rm -f "$SYSTEM_PROFILE"
}

# daemon COMMAND...: starts it in the jail as root, in the foreground; DAEMON is its pid.
daemon() {
    env -i PATH="$JAIL_PATH" HOME=/root chroot "$JAIL" "$@" </dev/null \
        >"$BATS_TEST_TMPDIR/daemon.log" 2>&1 3>&- 4>&- &
    DAEMON=$!
    started "$DAEMON"
}

# alice_setid COMMAND...: runs it in the jail with alice's real id and root's effective one, which
# is what a set-id program finds. The jail has no set-id files.
alice_setid() {
    run --separate-stderr timeout 120 env -i PATH="$JAIL_PATH" HOME=/home/alice chroot "$JAIL" \
        setpriv --ruid 61001 --rgid 61001 --clear-groups "$@"
}

# --- cron ---------------------------------------------------------------------------
# Goal: -FCronDaemon -i -B8BITMIME -oem RECIPIENT as the job's user; "From: root (Cron Daemon)".

# cron_tab TIME USER COMMAND [VARIABLE]
cron_tab() {
    printf '%s\n' "${4-MAILTO=bob@mail.test}" "$1 $2 $3" >"$JAIL/etc/cron.d/test"
    chmod 644 "$JAIL/etc/cron.d/test"
}

@test "cron mails the output of root's job" {
    cron_tab @reboot root "cat $CASE/body"
    daemon cron -f
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 Subject "Cron <root@$(uname -n | cut -d. -f1)> cat $CASE/body"
    # An address that Gmail and Microsoft take, with cron's comment kept.
    assert_in "$BOX/$(printf %04d $((BASE + 1))).eml" '^From: root@mail\.test \(Cron Daemon\)'
    assert_body
}

@test "cron mails the output of a user's own job to him" {
    echo "@reboot cat $CASE/body" >"$JAIL/var/spool/cron/crontabs/alice"
    chown 61001:107 "$JAIL/var/spool/cron/crontabs/alice"
    chmod 600 "$JAIL/var/spool/cron/crontabs/alice"
    daemon cron -f
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test alice@mail.test
    assert_header 1 To alice@mail.test
    assert_log 'uid=61001'
    assert_body
}

@test "cron mails the output of a job that is due by the clock" {
    cron_tab '* * * * *' root "cat $CASE/body"
    daemon cron -f
    wait_for 120 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test
    assert_body
}

@test "cron's several recipients get it all" {
    cron_tab @reboot root "cat $CASE/body" 'MAILTO=bob@mail.test,carol@mail.test'
    daemon cron -f
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test carol@mail.test
    assert_body
}

@test "a job's 5 MB of output are read to the end though the server is not there" {
    big_body
    dead_profile
    cron_tab @reboot root "cat $CASE/body && echo whole >$CASE/tmp/done"
    daemon cron -f
    wait_for 60 test -s "$HERE/log"
    assert_log '127\.0\.0\.1: Connection refused'
    wait_for 30 test -s "$HERE/tmp/done"
    kill -0 "$DAEMON"
    assert_nothing
}

@test "a refusal of cron's mail is in the log, with the server's words" {
    cron_tab @reboot root "cat $CASE/body" "MAILTO=$NOBODY"
    daemon cron -f
    wait_for 60 test -s "$HERE/log"
    assert_log 'exit=67 .*550 5\.1\.1 .*User unknown'
    assert_nothing
}

@test "a job's output with NUL bytes arrives" {
    printf 'one\0two\n' >"$HERE/binary"
    cron_tab @reboot root "cat $CASE/binary"
    daemon cron -f
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test
    [ "$(look 1 body)" = onetwo ]
}

# --- at -----------------------------------------------------------------------------
# Goal: -i USER, without a From, a Date or a Message-ID.

@test "atd mails the output of a user's job to him" {
    echo "cat $CASE/body" >"$HERE/job"
    run timeout 120 env -i PATH="$JAIL_PATH" HOME=/home/alice LOGNAME=alice chroot "$JAIL" \
        setpriv --ruid 61001 --rgid 61001 --euid 1 --egid 1 --clear-groups \
        at -f "$CASE/job" now
    assert_status 0
    daemon atd -f
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test alice@mail.test
    look 1 header Subject | assert_in - '^Output from your job +1'
    assert_header 1 From 'Alice Example <alice@mail.test>'
    assert_body
}

# --- anacron ------------------------------------------------------------------------
# Goal: -FAnacron -odi RECIPIENT; "From: Anacron <root>".

@test "anacron mails the output of its job" {
    mkdir "$HERE/spool"
    printf '%s\n' 'SHELL=/bin/sh' 'MAILTO=bob@mail.test' "1 0 test cat $CASE/body" \
        >"$HERE/anacrontab"
    run timeout 120 env -i PATH="$JAIL_PATH" HOME=/root chroot "$JAIL" \
        anacron -d -f -n -t "$CASE/anacrontab" -S "$CASE/spool"
    assert_status 0
    assert_arrived alice@mail.test bob@mail.test
    look 1 header Subject | assert_in - "^Anacron job 'test' on "
    assert_in "$BOX/$(printf %04d $((BASE + 1))).eml" '^From: Anacron <root@mail\.test>'
    assert_body
}

# --- sudo ---------------------------------------------------------------------------
# Goal: -t without -i, "From: alice". Debian's sudo runs its mailer as the invoking user, so
# the profile has to be readable for him.

sudoers() {
    printf '%s\n' 'Defaults mailto="bob@mail.test", mailerpath=/usr/sbin/sendmail' \
        'Defaults mailerflags="-t", passwd_tries=1, passwd_timeout=0, !lecture, !use_pty' \
        "$@" >"$JAIL/etc/sudoers"
    chmod 440 "$JAIL/etc/sudoers"
}

@test "sudo mails a wrong password" {
    sudoers 'Defaults mail_badpass' 'alice ALL=(ALL) ALL'
    alice_setid sudo -S true <<<'not-the-password'
    assert_status 1
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test
    assert_header 1 From alice@mail.test
    look 1 header Subject | assert_in - 'SECURITY information for '
    look 1 body | assert_in - 'alice : 1 incorrect password attempt ;.*COMMAND='
}

@test "sudo mails a command that is not allowed" {
    sudoers 'Defaults mail_no_perms, !authenticate' 'alice ALL=(ALL) /usr/bin/true'
    alice_setid sudo -n cat /etc/shadow
    assert_status 1
    wait_for 60 has_arrived 1
    assert_arrived alice@mail.test bob@mail.test
    look 1 body | assert_in - 'alice : command not allowed ;.*COMMAND=/.*cat /etc/shadow'
}

@test "sudo runs the command though its mail cannot be sent" {
    dead_profile
    sudoers 'Defaults mail_always' 'alice ALL=(ALL) NOPASSWD: ALL'
    alice_setid sudo -n echo it ran
    assert_status 0
    [ "$output" = 'it ran' ]
    wait_for 60 test -s "$HERE/log"
    assert_log '127\.0\.0\.1: Connection refused'
    assert_nothing
}
