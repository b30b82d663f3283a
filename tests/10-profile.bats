# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The profile: which file is read, who may own it, what its lines may be, what values mean,
# where secrets may stand. What each single key does is told in 11-keys.bats.

bats_require_minimum_version 1.5.0
load lib
load cage

setup() { setup_case; }
teardown() {
    # A set-id file must not stay behind.
    [ -z "${SET_ID-}" ] || rm -rf "${SET_ID:?}"
    teardown_case
}

# show [NAME]: the profile in force, as mailchute show prints it.
show() {
    run --separate-stderr "$BIN/mailchute" show "$@"
}

# lines TEXT: TEXT, with printf's escapes, becomes the profile.
lines() {
    ln -sf "$MC" "$BIN/mailchute"
    # shellcheck disable=SC2059
    (umask 077; printf "$1" >"$MAILCHUTE_CONFIG")
}

# refused LINE WORDS: show ends with 78 and a line "FILE:LINE: ..WORDS..", and the sendmail
# face ends with 78 and the same words in its one line.
refused() {
    ln -sf "$MC" "$BIN/mailchute"
    show
    assert_status 78
    [ -z "$output" ] || fail "something on stdout: $output"
    grep -qF -e "$MAILCHUTE_CONFIG:$1: " <<<"$stderr" || { show_run; fail "no complaint about line $1"; }
    grep -F -e "$MAILCHUTE_CONFIG:$1: " <<<"$stderr" | grep -qF -e "$2" ||
        { show_run; fail "line $1, but not: $2"; }
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has "$MAILCHUTE_CONFIG:$1: "
    assert_output_has "$2"
}

# refused_whole WORDS: 78 and these words, for what isn't one line's fault.
refused_whole() {
    ln -sf "$MC" "$BIN/mailchute"
    show
    assert_status 78
    assert_output_has "$1"
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has "$1"
}

# shown LINE: show ends with 0 and prints the line.
shown() {
    ln -sf "$MC" "$BIN/mailchute"
    show
    assert_status 0
    grep -qxF -e "$1" <<<"$output" || { show_run; fail "not shown: $1"; }
}

# --- which file is read ----------------------------------------------------------------
# Goal: the system's file, where it exists, is the only one; others count only if it says so,
# and nothing that a web server's user can set leads to another file.

# bats test_tags=cage
@test "the system's profile is the only one, though others are there" {
    setup_cage
    cage_profile "$SYSTEM"
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
}

# bats test_tags=cage
@test "the system's profile is what sending goes by, too" {
    setup_cage
    peer <<< $'@587\n@send'
    cage_profile "$SYSTEM" helo=system.test
    cage_profile /own.ini helo=own.test host=localhost:1
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    peer_log | assert_in - '< EHLO system\.test$'
}

# bats test_tags=cage
@test "user_profiles = yes lets MAILCHUTE_CONFIG name the file" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /own.ini
}

# bats test_tags=cage
@test "user_profiles = yes lets the home file count" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes
    cage_profile /home/alice/.config/mailchute.ini
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /home/alice/.config/mailchute.ini
}

# bats test_tags=cage
@test "user_profiles = yes without a file of the user's leaves the system's in force" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
}

# bats test_tags=cage
@test "user_profiles = yes counts in [default] only" {
    setup_cage
    cage_profile "$SYSTEM" '[other]' 'user_profiles = yes'
    cage_profile /own.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
}

# bats test_tags=cage
@test "user_profiles in a user's own file opens no door" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=no
    cage_profile /own.ini user_profiles=yes
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
}

# bats test_tags=cage
@test "without a system's profile MAILCHUTE_CONFIG comes before the home file" {
    setup_cage
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /own.ini
}

# bats test_tags=cage
@test "without both the home file is read" {
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /home/alice/.config/mailchute.ini
}

# bats test_tags=cage
@test "an empty MAILCHUTE_CONFIG is none" {
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG='' run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /home/alice/.config/mailchute.ini
}

# bats test_tags=cage
@test "MAILCHUTE_CONFIG naming a file that isn't there is 78, not the home file" {
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=/none.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has /none.ini
}

# bats test_tags=cage
@test "a relative MAILCHUTE_CONFIG is 78, not the home file" {
    setup_cage
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has own.ini
    assert_output_has absolute
}

# bats test_tags=cage
@test "neither HOME nor XDG_CONFIG_HOME nor a login's variables lead to a file" {
    setup_cage
    cage_profile /home/bob/.config/mailchute.ini
    cage_profile /home/bob/mailchute.ini
    HOME=/home/bob XDG_CONFIG_HOME=/home/bob USER=bob LOGNAME=bob \
        run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has 'no profile'
}

# bats test_tags=cage
@test "a set HOME doesn't hide the home that the password database names" {
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    cage_profile /home/bob/.config/mailchute.ini
    HOME=/home/bob XDG_CONFIG_HOME=/home/bob run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile /home/alice/.config/mailchute.ini
}

# bats test_tags=cage
@test "a user whom the password database doesn't know has no home file" {
    setup_cage
    cage_profile /home/alice/.config/mailchute.ini
    HOME=/home/alice run --separate-stderr in_cage stranger /bin/mailchute show
    assert_status 78
}

# bats test_tags=cage
@test "root reads no home file" {
    setup_cage
    cage_profile /root/.config/mailchute.ini
    HOME=/root run --separate-stderr in_cage root /bin/mailchute show
    assert_status 78
    assert_output_has 'no profile'
}

# bats test_tags=cage
@test "no profile at all is 78 and names the places" {
    setup_cage
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has "$SYSTEM"
    assert_output_has MAILCHUTE_CONFIG
    assert_output_has .config/mailchute.ini
}

# --- a file that can't be read, or isn't to be trusted -----------------------------------
# Goal: what exists counts; there is no falling through to a file of less standing.

# bats test_tags=cage
@test "an unreadable system's profile is 78, never the next file" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes
    chmod 600 "${CAGE:?}$SYSTEM"
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM"
    assert_output_has 0640
}

# bats test_tags=cage
@test "a system's profile in a folder that can't be searched is 78, never the next file" {
    setup_cage
    cage_profile "$SYSTEM"
    chmod 700 "$CAGE${SYSTEM%/*}"
    cage_profile /home/alice/.config/mailchute.ini
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM"
}

# bats test_tags=cage
@test "a system's profile that is a dangling link is 78, never the next file" {
    setup_cage
    ln -s /gone "${CAGE:?}$SYSTEM"
    cage_profile /home/alice/.config/mailchute.ini
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM"
}

# bats test_tags=cage
@test "a system's profile that is a folder or a pipe is 78, without a wait" {
    setup_cage
    local kind
    cage_profile /home/alice/.config/mailchute.ini
    for kind in mkdir mkfifo; do
        "$kind" -m 755 "${CAGE:?}$SYSTEM"
        run --separate-stderr timeout 10 chroot --userspec=61001:61001 --groups= "$CAGE" /bin/mailchute show
        assert_status 78
        assert_output_has "$SYSTEM"
        rm -r "${CAGE:?}$SYSTEM"
    done
}

# bats test_tags=cage
@test "a faulty system's profile is 78, never the next file" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes 'no such line'
    cage_profile /own.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM:"
}

# bats test_tags=cage
@test "an unreadable own profile is 78, not the system's" {
    setup_cage
    cage_profile "$SYSTEM" user_profiles=yes
    cage_profile /own.ini
    chmod 600 "${CAGE:?}/own.ini"
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    chmod 600 "${CAGE:?}/home/alice/.config/mailchute.ini"
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has /home/alice/.config/mailchute.ini
}

# bats test_tags=cage
@test "a profile of the effective user's own counts like root's" {
    setup_cage
    cage_profile "$SYSTEM"
    chown 61001 "${CAGE:?}$SYSTEM"
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_profile "$SYSTEM"
}

# bats test_tags=cage
@test "a profile that belongs to somebody else is 78, wherever it is" {
    setup_cage
    local path
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    chown 61002 "${CAGE:?}/own.ini" "${CAGE:?}/home/alice/.config/mailchute.ini"
    for path in /own.ini ''; do
        MAILCHUTE_CONFIG=$path run --separate-stderr in_cage alice /bin/mailchute show
        assert_status 78
        assert_output_has 'belongs to uid 61002'
    done
    cage_profile "$SYSTEM"
    chown 61002 "${CAGE:?}$SYSTEM"
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM belongs to uid 61002"
}

# bats test_tags=cage
@test "a user's profile isn't root's, even where root names it" {
    setup_cage
    cage_profile /own.ini
    chown 61001 "${CAGE:?}/own.ini"
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage root /bin/mailchute show
    assert_status 78
    assert_output_has 'belongs to uid 61001'
}

@test "a profile that its group or others can write is 78, with the chmod that mends it" {
    local mode
    profile password= user=
    for mode in 620 602 622 660 666; do
        chmod "$mode" "$MAILCHUTE_CONFIG"
        refused_whole "chmod go-w $MAILCHUTE_CONFIG"
    done
    chmod 644 "$MAILCHUTE_CONFIG"
    shown 'domain = mail.test'
}

@test "an alias that is called password is no secret" {
    profile password= user= '[aliases]' 'password = ops@x.test'
    chmod 644 "$MAILCHUTE_CONFIG"
    shown 'domain = mail.test'
}

@test "a profile below a file isn't there" {
    profile
    MAILCHUTE_CONFIG=$MAILCHUTE_CONFIG/x run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 78
    assert_output_has "MAILCHUTE_CONFIG=$MAILCHUTE_CONFIG/x isn't there"
}

# bats test_tags=strace
@test "without a profile stdin is read to its end all the same, whatever interrupts" {
    local how
    need strace
    message >"$BATS_TEST_TMPDIR/input"
    rm -f "$MAILCHUTE_CONFIG"
    for how in EINTR EAGAIN; do
        exec 7<"$BATS_TEST_TMPDIR/input"
        run --separate-stderr strace -qq -P "$BATS_TEST_TMPDIR/input" -o "$BATS_TEST_TMPDIR/trace" \
            -e "inject=read:error=$how:when=1" "$BIN/sendmail" bob@mail.test <&7
        exec 7<&-
        assert_status 78
        assert_in "$BATS_TEST_TMPDIR/trace" INJECTED
        assert_in "$BATS_TEST_TMPDIR/trace" '^read\(0, "", .* = 0$'
    done
}

# --- set-id ----------------------------------------------------------------------------
# Goal: a set-id binary takes nothing from whoever starts it. The cage is under build/ here,
# as /tmp is often mounted nosuid.

# set_id_cage: a cage whose binaries belong to alice and are set-user-id; bob calls them.
set_id_cage() {
    grep -q '^NoNewPrivs:[[:space:]]*0$' /proc/self/status || {
        [ -z "${NO_SKIP:-}" ] || fail "set-id has no effect here: no_new_privs" || return 1
        printf '# SKIPPED: %s: no_new_privs is set\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "set-id has no effect here: no_new_privs"
    }
    mkdir -p "$ROOT/build/tests"
    SET_ID=$(mktemp -d "$ROOT/build/tests/cage.XXXXXX")
    chmod 755 "$SET_ID"
    setup_cage "$SET_ID"
    chown 61001 "${CAGE:?}/bin/mailchute"
    chmod 4755 "${CAGE:?}/bin/mailchute"
}

# bats test_tags=cage
@test "set-id: MAILCHUTE_CONFIG doesn't count" {
    set_id_cage
    cage_profile /own.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage bob /bin/mailchute show
    assert_status 78
    assert_output_has 'no profile'
}

# bats test_tags=cage
@test "set-id: user_profiles and home files don't count" {
    set_id_cage
    cage_profile "$SYSTEM" user_profiles=yes
    cage_profile /own.ini
    cage_profile /home/alice/.config/mailchute.ini
    cage_profile /home/bob/.config/mailchute.ini
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage bob /bin/mailchute show
    assert_profile "$SYSTEM"
    rm "${CAGE:?}$SYSTEM"
    run --separate-stderr in_cage bob /bin/mailchute show
    assert_status 78
}

# bats test_tags=cage
@test "set-id: \${NAME} is unset, whatever the environment holds" {
    set_id_cage
    cage_profile "$SYSTEM" 'helo=${NAME}.test'
    NAME=evil run --separate-stderr in_cage bob /bin/mailchute show
    assert_status 78
    assert_output_has '${NAME}'
}

# bats test_tags=cage
@test "set-id: CREDENTIALS_DIRECTORY doesn't count" {
    set_id_cage
    cage_profile "$SYSTEM" user=alice password_file=secret
    mkdir -m 755 "${CAGE:?}/cred"
    echo s3cret-alice >"${CAGE:?}/cred/secret"
    CREDENTIALS_DIRECTORY=/cred run --separate-stderr in_cage bob /bin/sendmail -i bob@mail.test < <(message)
    assert_status 78
    assert_output_has CREDENTIALS_DIRECTORY
}

# bats test_tags=cage
@test "set-id: --profile chooses nothing" {
    set_id_cage
    peer <<< '=== every connection
@587
@send'
    cage_profile "$SYSTEM" helo=default.test '[other]' 'selectable = yes' 'helo = other.test'
    run --separate-stderr in_cage bob /bin/sendmail --profile=other -i bob@mail.test < <(message)
    [[ $status = 0 || $status = 78 ]] || { show_run; fail "neither refused nor sent by [default]"; }
    peer_stop
    peer_log | refute_in - 'EHLO other\.test'
}

# bats test_tags=cage,strace
@test "set-id: TMPDIR doesn't count" {
    need strace
    set_id_cage
    mkdir -m 1777 "${CAGE:?}/mine"
    cage_profile "$SYSTEM"
    head -c 400000 /dev/zero | tr '\0' 'x' | fold -w 70 >"$BATS_TEST_TMPDIR/large"
    # strace (as root) outside of the cage, so that set-id has its effect.
    TMPDIR=/mine run strace -f -e trace=open,openat,memfd_create -o "$BATS_TEST_TMPDIR/trace" \
        chroot --userspec=61002:61002 --groups= "$CAGE" /bin/sendmail -i bob@mail.test \
        < <(message; cat "$BATS_TEST_TMPDIR/large")
    assert_status 69    # nobody listens: all up to there was done
    assert_in "$BATS_TEST_TMPDIR/trace" '"/tmp", .*O_TMPFILE'
    refute_in "$BATS_TEST_TMPDIR/trace" '"/mine'
}

# bats test_tags=cage,strace
@test "without set-id TMPDIR does count (so that the test above can fail)" {
    setup_cage
    need strace
    mkdir -m 1777 "${CAGE:?}/mine"
    cage_profile "$SYSTEM"
    head -c 400000 /dev/zero | tr '\0' 'x' | fold -w 70 >"$BATS_TEST_TMPDIR/large"
    TMPDIR=/mine run strace -f -e trace=open,openat,memfd_create -o "$BATS_TEST_TMPDIR/trace" \
        chroot --userspec=61002:61002 --groups= "$CAGE" /bin/sendmail -i bob@mail.test \
        < <(message; cat "$BATS_TEST_TMPDIR/large")
    assert_status 69
    assert_in "$BATS_TEST_TMPDIR/trace" '"/mine", .*O_TMPFILE'
}

# bats test_tags=cage,strace
@test "a TMPDIR that doesn't begin at the root doesn't count" {
    setup_cage
    need strace
    mkdir -m 1777 "${CAGE:?}/mine"
    cage_profile "$SYSTEM"
    head -c 400000 /dev/zero | tr '\0' 'x' | fold -w 70 >"$BATS_TEST_TMPDIR/large"
    TMPDIR=mine run strace -f -e trace=open,openat,memfd_create -o "$BATS_TEST_TMPDIR/trace" \
        chroot --userspec=61002:61002 --groups= "$CAGE" /bin/sendmail -i bob@mail.test \
        < <(message; cat "$BATS_TEST_TMPDIR/large")
    assert_status 69
    assert_in "$BATS_TEST_TMPDIR/trace" '"/tmp", .*O_TMPFILE'
    refute_in "$BATS_TEST_TMPDIR/trace" '"mine'
}

# --- sections --------------------------------------------------------------------------
# Goal: [default] is in force and everybody's parent; another section only by --profile, and
# only where it says selectable = yes.

@test "[default] is in force where nothing chooses another" {
    peer <<< $'@587\n@login\n@send'
    profile helo=default.test '[other]' 'selectable = yes' 'helo = other.test'
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    peer_log | assert_in - '< EHLO default\.test$'
}

@test "a section that is chosen has its own values, and its parent's for the rest" {
    local flag
    profile timeout=7s '[other]' 'selectable = yes' 'helo = other.test'
    for flag in --profile=other --account=other -aother; do
        peer <<< $'@587\n@login\n@send'
        sed -i "s/^host = .*/host = localhost:$PORT/" "$MAILCHUTE_CONFIG"
        run --separate-stderr "$BIN/sendmail" "$flag" -i bob@mail.test < <(message)
        assert_status 0
        peer_done
        peer_log | assert_in - '< EHLO other\.test$'
        peer_log | assert_in - '< MAIL FROM:<alice@mail\.test>'
    done
}

@test "-a takes its section from the next word, too" {
    peer <<< $'@587\n@login\n@send'
    profile '[other]' 'selectable = yes' 'helo = other.test'
    run --separate-stderr "$BIN/sendmail" -a other -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    peer_log | assert_in - '< EHLO other\.test$'
}

@test "a section that isn't selectable is 78" {
    profile '[other]' 'helo = other.test' '[third]' 'selectable = no'
    for name in other third; do
        run --separate-stderr "$BIN/sendmail" --profile="$name" -i bob@mail.test < <(message)
        assert_status 78
        assert_one_line
        assert_output_has "[$name]"
        assert_output_has selectable
    done
}

@test "selectable in [default] isn't inherited" {
    profile selectable=yes '[other]' 'helo = other.test'
    run --separate-stderr "$BIN/sendmail" --profile=other -i bob@mail.test < <(message)
    assert_status 78
    assert_output_has selectable
}

@test "a section that isn't there is 78, and so is [aliases]" {
    profile selectable=yes '[aliases]' 'root = alice@mail.test'
    for name in nobody aliases ''; do
        run --separate-stderr "$BIN/sendmail" --profile="$name" -i bob@mail.test < <(message)
        assert_status 78
        assert_output_has "no section [$name]"
    done
}

@test "a section before [default] inherits from it all the same" {
    lines '[other]\nselectable = yes\nhelo = other.test\n[default]\nhost = localhost:1\ndomain = mail.test\n'
    show other
    assert_status 0
    assert_output_has 'helo = other.test'
    assert_output_has 'domain = mail.test'
}

@test "a section that isn't in force is checked like any other" {
    lines '[default]\nhost = localhost\n[other]\nport = none\n'
    refused 4 port
}

@test "without a host in [default] there is none, and that is 78" {
    lines '[default]\ndomain = mail.test\n[other]\nhost = localhost\n'
    refused_whole '[default] names no host'
    lines ''
    show
    assert_status 78
    assert_output_has '[default] names no host'
}

# --- unknown and doubled keys ------------------------------------------------------------
# Goal: a line that isn't wholly understood stops us, with its number and the way out.

@test "an unknown key is 78, with the nearest known one" {
    local pair
    for pair in pasword:password hots:host tls_trsut:tls_trust Host:host \
        timeouts:timeout domian:domain conect_timeout:connect_timeout; do
        lines "[default]\nhost = localhost\n${pair%:*} = x\n"
        refused 3 "unknown key \"${pair%:*}\", did you mean \"${pair#*:}\"?"
    done
}

@test "an unknown key that is near nothing is 78 without a guess" {
    lines '[default]\nhost = localhost\nzzzzzzzzzzzzzzz = x\n'
    refused 3 'unknown key "zzzzzzzzzzzzzzz"'
    refute_output_has 'did you mean'
}

@test "a doubled key is 78, with both lines" {
    lines '[default]\nhost = localhost\n\nhost = localhost\n'
    refused 4 'host stands in line 2 already'
}

@test "a key doubled in a section that is opened twice is 78" {
    lines '[default]\nhost = localhost\nhelo = a.test\n[other]\nhelo = c.test\n[default]\nhelo = b.test\n'
    refused 7 'helo stands in line 3 already'
}

@test "the same key in two sections is no doubled one" {
    lines '[default]\nhost = localhost\nhelo = a.test\n[other]\nhelo = b.test\n'
    shown 'helo = a.test'
}

# --- lines that a lax parser would guess at ----------------------------------------------
# Goal: each is refused by its number; what looks alike and is meant is taken whole.

@test "a key before any section is 78" {
    lines '# comment\nhost = localhost\n[default]\nport = 587\n'
    refused 2 'before any section'
}

@test "a comment behind a value is 78: it may be a part of the password" {
    lines '[default]\nhost = localhost\nuser = alice\npassword = abc ;def\n'
    refused 4 '" ;"'
    lines '[default]\nhost = localhost\nuser = alice\npassword = abc\t; def\n'
    refused 4 ';'
    lines '[default]\nhost = localhost\nuser = alice\npassword = ;def\n'
    refused 4 ';'
    lines '[default] ; the rest\nhost = localhost\n'
    refused 1 ';'
}

# password_sent PASSWORD: what AUTH PLAIN carried was alice's with this one.
password_sent() {
    local sent
    sent=$(peer_log | sed -n 's/^1 < AUTH PLAIN //p')
    [ "$sent" = "$(printf '\0alice\0%s' "$1" | base64 -w 0)" ] ||
        fail "not the password $1: $(base64 -d <<<"$sent" | tr '\0' ' ')"
}

@test "a semicolon without a blank before it, a number sign, an equals sign are the password's" {
    local password
    for password in 'abc;def' ';abc' 'abc #def' '#abc' 'a=b:c' '"a b"' "it's" 'a\b' 'ä€'; do
        peer <<< $'@587\n@login\n@send'
        profile password=
        printf 'password =%s\n' "$password" >>"$MAILCHUTE_CONFIG"
        run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
        assert_status 0
        peer_done
        password_sent "$password"
    done
}

@test "an indented line is 78, but below a list key" {
    lines '  host = localhost\n'
    refused 1 indented
    lines '[default]\n  host = localhost\n'
    refused 2 indented
    lines '[default]\nhost = localhost\nhelo = a.test\n  port = 25\n'
    refused 4 indented
    lines '[default]\nhost = localhost\nhelo = a.test\n\t[other]\n'
    refused 4 indented
}

@test "an indented line goes on with the hosts above it" {
    lines '[default]\nhost = one.test\n  two.test:25,\n# comment\n\n\tthree.test:2525\n  # another\nhelo = a.test\n'
    shown 'host = one.test:587 two.test:25 three.test:2525'
}

@test "an indented line goes on with an IPv6 address in brackets, too" {
    lines '[default]\nhost = one.test\n  [::1]:2525\n'
    shown 'host = one.test:587 [::1]:2525'
}

@test "an indented line that looks like a key is a host, and no key" {
    lines '[default]\nhost = localhost\n  port = 25\n'
    refused 3 host
}

@test "a NUL byte is 78" {
    lines '[default]\nhost = localhost\nuser = alice\npassword = abc\0def\n'
    refused 4 control
}

@test "a lone carriage return is 78, so is a file that has nothing else" {
    lines '[default]\nhost = local\rhost\n'
    refused 2 control
    lines '[default]\rhost = localhost\r'
    refused 1 control
}

@test "CRLF line ends are understood" {
    lines '[default]\r\nhost = localhost\r\n\r\n# x\r\nhelo = a.test\r\n'
    shown 'helo = a.test'
}

@test "another control character is 78" {
    lines '[default]\nhost = localhost\nhelo = a\033b\n'
    refused 3 control
    [[ $stderr != *$'\033'* ]] || fail "it was printed as it is"
}

# long N: a line "password = xxx" of N bytes.
long() {
    printf 'password = %s' "$(printf '%*s' $(($1 - 11)) '' | tr ' ' x)"
}

@test "a line over 199 bytes is 78 and names the way out" {
    lines "[default]\nhost = localhost\nuser = alice\n$(long 200)\n"
    refused 4 199
    assert_output_has password_file
    lines "[default]\nhost = localhost\nuser = alice\n$(long 70000 | head -c 30000)\n"
    refused 4 199
}

@test "a line of 199 bytes is taken whole" {
    peer <<< $'@587\n@login\n@send'
    profile password=
    printf '%s\n' "$(long 199)" >>"$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent "$(long 199 | sed 's/^password = //')"
}

@test "a comment over 199 bytes is 78, too: its end could become a key" {
    lines "[default]\nhost = localhost\n# $(printf '%*s' 197 '' | tr ' ' x)helo = evil.test\n"
    refused 3 199
}

@test "a section's name over 49 bytes is 78, one of 49 isn't" {
    local name
    name=$(printf '%*s' 49 '' | tr ' ' s)
    lines "[default]\nhost = localhost\n[${name}s]\nhelo = a.test\n"
    refused 3 49
    lines "[default]\nhost = localhost\n[$name]\nselectable = yes\nhelo = a.test\n"
    show "$name"
    assert_status 0
    assert_output_has 'helo = a.test'
}

@test "a key over 49 bytes is 78" {
    lines "[default]\nhost = localhost\n$(printf '%*s' 50 '' | tr ' ' k) = 1\n"
    refused 3 49
    lines "[default]\nhost = localhost\n$(printf '%*s' 49 '' | tr ' ' k) = 1\n"
    refused 3 unknown
}

@test "a section's line with a word behind it, without its bracket or without a name is 78" {
    local line
    for line in '[default] x' '[default' '[]' '[default]]'; do
        lines "# x\n$line\nhost = localhost\n"
        refused 2 section
    done
}

@test "a line that is neither section nor pair nor comment is 78" {
    lines '[default]\nhost = localhost\nhelo\n'
    refused 3 'key = value'
    lines '[default]\nhost = localhost\n= x\n'
    refused 3 'key = value'
}

@test "an empty value is 78" {
    local key
    for key in host user password from domain helo timeout; do
        lines "[default]\n$key =\n"
        refused 2 "$key"
    done
}

@test "comments by # and ;, blank lines, blanks around = and a byte order mark are understood" {
    lines '\357\273\277; one\n[default]\n# two\n\n   \nhost=localhost\nhelo\t =  a.test  \n'
    shown 'helo = a.test'
}

@test "a last line without its line end counts" {
    lines '[default]\nhost = localhost\nhelo = a.test'
    shown 'helo = a.test'
}

@test "a profile over 64 KiB is 78, one of 64 KiB isn't" {
    lines '[default]\nhost = localhost\nhelo = a.test\n'
    local size
    size=$(stat -c %s "$MAILCHUTE_CONFIG")
    yes '# comment' | head -c $((65536 - size)) >>"$MAILCHUTE_CONFIG"
    [ "$(stat -c %s "$MAILCHUTE_CONFIG")" = 65536 ]
    shown 'helo = a.test'
    echo >>"$MAILCHUTE_CONFIG"
    refused_whole '64 KiB'
}

# --- several complaints ------------------------------------------------------------------
# Goal: one run tells all that is wrong.

@test "show tells all complaints, a line each, in the file's order" {
    lines '[default]\nhost = localhost\npasword = x\n oops\nport = 0\nhelo = a;b ;c\ntimeout = soon\n[other]\nnope\n'
    show
    assert_status 78
    [ "$(cut -d: -f 2 <<<"$stderr" | sort -n | tr '\n' ' ')" = '3 4 5 6 7 9 ' ] ||
        { show_run; fail "not lines 3 4 5 6 7 9"; }
    [ "$(grep -c "^$MAILCHUTE_CONFIG:[0-9]*: ." <<<"$stderr")" = 6 ] ||
        { show_run; fail "not six lines FILE:LINE: words"; }
}

@test "the sendmail face tells all complaints in one line" {
    lines '[default]\nhost = localhost\npasword = x\nport = 0\ntimeout = soon\n'
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    for line in 3 4 5; do assert_output_has "$MAILCHUTE_CONFIG:$line: "; done
}

@test "a section's line that is lost doesn't hide the complaints before it" {
    lines '[default]\nhost = localhost\npasword = x\n[other\nhelo = a.test\n'
    show
    assert_status 78
    assert_output_has "$MAILCHUTE_CONFIG:4: "
    assert_output_has "$MAILCHUTE_CONFIG:3: "
}

@test "a thousand faulty lines are one line on stderr, of 2 KiB at most" {
    lines '[default]\nhost = localhost\n'
    for ((i = 0; i < 1000; i++)); do echo "nosuchkey$i = x"; done >>"$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    [ ${#stderr} -le 2048 ] || fail "${#stderr} bytes"
}

# --- the environment in values -------------------------------------------------------------
# Goal: ${NAME} is expanded behind the parser and checked like any value.

@test "\${NAME} is the environment's" {
    profile 'helo=${FIRST}.${SECOND}' 'timeout=${T}'
    FIRST=a SECOND=test T=7s shown 'helo = a.test'
    FIRST=a SECOND=test T=7s shown 'timeout = 7s'
}

@test "\${NAME} in a password reaches the server, as it is" {
    peer <<< $'@587\n@login\n@send'
    profile 'password=x${SECRET}y'
    SECRET='a ;b ${HOME} $${' run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent 'xa ;b ${HOME} $${y'
}

@test "\${NAME} that isn't set is 78, with the line" {
    lines '[default]\nhost = localhost\nhelo = ${MAILCHUTE_TEST_UNSET}\n'
    refused 3 '${MAILCHUTE_TEST_UNSET}'
}

@test "\${NAME} is checked like any value" {
    lines '[default]\nhost = localhost\nport = ${P}\n'
    P=0 refused 3 port
    P=587x refused 3 port
    P='' refused 3 port
    P=2525 shown 'host = localhost:2525'
    lines '[default]\nhost = ${H}\n'
    H='a b!c' refused 2 host
}

@test "\${NAME} with a control character is 78" {
    lines '[default]\nhost = localhost\nuser = ${U}\npassword = x\n'
    U=$'alice\r\nRCPT' refused 3 control
    U=$'alice\n' refused 3 control
    U=$'a\tb' refused 3 control
    U=$'a\x7fb' refused 3 control
}

@test "\${NAME} without an end, without a name, or too long a value is 78" {
    lines '[default]\nhost = localhost\nhelo = ${HOME\n'
    refused 3 '${'
    lines '[default]\nhost = localhost\nhelo = ${}\n'
    refused 3 '${'
    lines '[default]\nhost = localhost\nuser = ${LONG}\npassword = x\n'
    LONG=$(printf '%*s' 5000 '' | tr ' ' x) refused 3 long
}

@test "\$\${ is a literal \${, and a lone \$ is a \$" {
    local pair
    for pair in 'a$${HOME}b a${HOME}b' '$HOME $HOME' 'a$ a$' '$$ $$' '{x} {x}'; do
        peer <<< $'@587\n@login\n@send'
        profile password="${pair% *}"
        run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
        assert_status 0
        peer_done
        password_sent "${pair#* }"
    done
}

@test "\${NAME} isn't expanded in names" {
    lines '[default]\nhost = localhost\n${KEY} = a.test\n'
    KEY=helo refused 3 'unknown key "${KEY}"'
    lines '[default]\nhost = localhost\n[${NAME}]\nselectable = yes\nhelo = a.test\n'
    NAME=other show other
    assert_status 78
    assert_output_has 'no section [other]'
}

@test "\${NAME} isn't expanded in a file that is named" {
    peer <<< $'@587\n@login\n@send'
    (umask 077; echo 'x${SECRET}y' >"$BATS_TEST_TMPDIR/secret")
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    SECRET=nonsense run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent 'x${SECRET}y'
}

# --- paths -----------------------------------------------------------------------------
# Goal: the working folder is a web server's document root, so nothing is relative to it.

@test "a relative path is 78" {
    local pair
    for pair in 'tls_trust = ca.pem' 'tls_trust = ./ca.pem' 'log = log' 'log = ../log' \
        'password_file = ./secret' 'password_file = a/secret'; do
        lines "[default]\nhost = localhost\nuser = alice\n$pair\n"
        refused 4 "${pair%% *}"
    done
}

# bats test_tags=cage
@test "~/ is the password database's home, in a home profile" {
    setup_cage
    local log=/home/alice/log
    cage_profile /home/alice/.config/mailchute.ini 'log=~/log'
    HOME=/home/bob run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 0
    assert_output_has "log = $log"
    HOME=/home/bob run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 69
    assert_in "$CAGE$log" 'exit=69'
}

# bats test_tags=cage
@test "~/ in another profile than the home's is 78" {
    setup_cage
    cage_profile "$SYSTEM" 'log=~/log'
    run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
    assert_output_has "$SYSTEM:"
    assert_output_has 'absolute'
    rm "${CAGE:?}$SYSTEM"
    cage_profile /own.ini 'log=~/log'
    MAILCHUTE_CONFIG=/own.ini run --separate-stderr in_cage alice /bin/mailchute show
    assert_status 78
}

@test "~user/ and a path that only begins with a tilde are 78" {
    lines '[default]\nhost = localhost\nlog = ~root/log\n'
    refused 3 log
    lines '[default]\nhost = localhost\nlog = ~\n'
    refused 3 log
}

# --- secrets ---------------------------------------------------------------------------
# Goal: a secret that others can read is refused with the chmod that mends it.

@test "a password in a profile that others can read is 78, with the chmod" {
    profile
    chmod 604 "$MAILCHUTE_CONFIG"
    refused_whole "chmod o-rwx $MAILCHUTE_CONFIG"
    chmod 644 "$MAILCHUTE_CONFIG"
    refused_whole "chmod o-rwx $MAILCHUTE_CONFIG"
}

@test "a password in a section that isn't in force is guarded like any other" {
    profile user= password= '[other]' 'selectable = yes' 'user = alice' 'password = s3cret'
    chmod 644 "$MAILCHUTE_CONFIG"
    refused_whole "chmod o-rwx $MAILCHUTE_CONFIG"
}

@test "secret_mode = any lets others read the profile" {
    peer <<< $'@587\n@login\n@send'
    profile secret_mode=any
    chmod 644 "$MAILCHUTE_CONFIG"
    run --separate-stderr "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent s3cret-alice
}

# bats test_tags=cage
@test "a profile of root's that its group can read (0640) may hold a password" {
    setup_cage
    peer <<< $'@587\n@login\n@send'
    cage_profile "$SYSTEM" user=alice password=s3cret-alice
    chgrp 61001 "${CAGE:?}$SYSTEM"
    chmod 640 "${CAGE:?}$SYSTEM"
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent s3cret-alice
}

@test "a profile without a password may be read by all" {
    profile user= password=
    chmod 644 "$MAILCHUTE_CONFIG"
    shown 'domain = mail.test'
}

# secret MODE TEXT [FILE]: a password_file, TEXT with printf's escapes.
secret() {
    # shellcheck disable=SC2059
    printf "$2" >"${3:-$BATS_TEST_TMPDIR/secret}"
    chmod "$1" "${3:-$BATS_TEST_TMPDIR/secret}"
}

# sends_secret PASSWORD [NAME=VALUE]: the profile in force leads to this password.
sends_secret() {
    peer <<< $'@587\n@login\n@send'
    sed -i "s/^host = .*/host = localhost:$PORT/" "$MAILCHUTE_CONFIG"
    run --separate-stderr env "${@:2}" "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent "$1"
}

# refuses_secret WORDS [NAME=VALUE]: 78, one line with these words, and no connection.
refuses_secret() {
    run --separate-stderr env "${@:2}" "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has "$1"
}

@test "password_file: the first line is the password, without its line end" {
    local text
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    for text in 's3 cret\n' 's3 cret' 's3 cret\r\n' 's3 cret\nsecond\n' 's3 cret\n\n'; do
        secret 600 "$text"
        sends_secret 's3 cret'
    done
}

@test "password_file: blanks at its ends and a length no profile line has are kept" {
    local long
    long=$(printf '%*s' 350 '' | tr ' ' x)
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    secret 600 '  s3 ;cret#  \n'
    sends_secret '  s3 ;cret#  '
    secret 600 "$long\n"
    sends_secret "$long"
}

@test "password_file: an empty first line, a NUL in it, or no file is 78" {
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    refuses_secret "$BATS_TEST_TMPDIR/secret"
    for text in '' '\n' '\nsecond\n' 'a\0b\n'; do
        secret 600 "$text"
        refuses_secret "$BATS_TEST_TMPDIR/secret"
    done
}

@test "password_file: a folder or a pipe is 78, without a wait" {
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    mkdir "$BATS_TEST_TMPDIR/secret"
    refuses_secret 'no regular file'
    rmdir "$BATS_TEST_TMPDIR/secret"
    mkfifo "$BATS_TEST_TMPDIR/secret"
    run --separate-stderr timeout 10 "$BIN/sendmail" -i bob@mail.test < <(message)
    assert_status 78
}

@test "password_file: one that others can read is 78, with the chmod" {
    profile password= password_file="$BATS_TEST_TMPDIR/secret"
    secret 644 's3cret\n'
    refuses_secret "chmod o-rwx $BATS_TEST_TMPDIR/secret"
    secret 604 's3cret\n'
    refuses_secret "chmod o-rwx $BATS_TEST_TMPDIR/secret"
    secret 640 's3cret\n'
    sends_secret s3cret
}

@test "password_file: secret_mode = any lets others read it" {
    profile password= password_file="$BATS_TEST_TMPDIR/secret" secret_mode=any
    secret 644 's3cret\n'
    sends_secret s3cret
}

# bats test_tags=cage
@test "password_file: what lies under /run/secrets may have any mode" {
    setup_cage
    peer <<< $'@587\n@login\n@send'
    cage_profile "$SYSTEM" user=alice password_file=/run/secrets/smtp
    secret 444 's3cret\n' "${CAGE:?}/run/secrets/smtp"
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    password_sent s3cret
}

# bats test_tags=cage
@test "password_file: one that only root can read is 78 for another" {
    setup_cage
    cage_profile "$SYSTEM" user=alice password_file=/smtp
    secret 600 's3cret\n' "${CAGE:?}/smtp"
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 78
    assert_one_line
    assert_output_has 'password_file /smtp'
}

@test "password_file: a bare name is looked for in CREDENTIALS_DIRECTORY, with any mode" {
    mkdir "$BATS_TEST_TMPDIR/cred"
    profile password= password_file=smtp
    secret 444 's3cret\n' "$BATS_TEST_TMPDIR/cred/smtp"
    sends_secret s3cret CREDENTIALS_DIRECTORY="$BATS_TEST_TMPDIR/cred"
}

@test "password_file: a bare name without CREDENTIALS_DIRECTORY, or with a relative one, is 78" {
    mkdir "$BATS_TEST_TMPDIR/cred"
    profile password= password_file=smtp
    secret 600 's3cret\n' "$BATS_TEST_TMPDIR/cred/smtp"
    cd "$BATS_TEST_TMPDIR/cred"
    refuses_secret CREDENTIALS_DIRECTORY
    refuses_secret CREDENTIALS_DIRECTORY CREDENTIALS_DIRECTORY=.
    refuses_secret CREDENTIALS_DIRECTORY CREDENTIALS_DIRECTORY=
}

@test "password_file: CREDENTIALS_DIRECTORY doesn't excuse the mode of a file elsewhere" {
    mkdir "$BATS_TEST_TMPDIR/cred" "$BATS_TEST_TMPDIR/cred2"
    profile password= password_file="$BATS_TEST_TMPDIR/cred2/smtp"
    secret 644 's3cret\n' "$BATS_TEST_TMPDIR/cred2/smtp"
    refuses_secret 'chmod o-rwx' CREDENTIALS_DIRECTORY="$BATS_TEST_TMPDIR/cred"
}

@test "password and password_file together, a password without user, a user without one: 78" {
    lines '[default]\nhost = localhost\ndomain = mail.test\nuser = alice\npassword = x\npassword_file = /x\n'
    refused_whole password_file
    lines '[default]\nhost = localhost\ndomain = mail.test\npassword = x\n'
    refused_whole user
    lines '[default]\nhost = localhost\ndomain = mail.test\npassword_file = /x\n'
    refused_whole user
    lines '[default]\nhost = localhost\ndomain = mail.test\nuser = alice\n'
    refused_whole password
}

@test "no complaint repeats a password" {
    lines '[default]\nhost = localhost\nuser = alice\npassword = s3cret-1 ;s3cret-2\npassword = s3cret-3\npassword = s3\033cret-4\npasword = s3cret-5\n'
    show
    assert_status 78
    refute_output_has cret-
}

# --- [aliases] -------------------------------------------------------------------------
# Goal: a bare name becomes addresses, and nothing but addresses.

@test "an alias leads a bare name to its addresses, over several lines" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: RCPT TO:<b@y.test>
S: 250 ok
C: RCPT TO:<c@mail.test>
S: 250 ok
C: DATA
S: 354 go ahead
BODY
S: 250 ok
C*: QUIT
END
    profile '[aliases]' 'root = a@x.test, b@y.test' '  c'
    run --separate-stderr "$BIN/sendmail" -i root < <(message)
    assert_status 0
    peer_done
}

@test "an alias that would run or open something is 78, with its line" {
    local value
    for value in '|/bin/sh' /var/mail/root ':include:/etc/passwd' '<>'; do
        lines "[default]\nhost = localhost\n[aliases]\nroot = $value\n"
        refused 4 ''
    done
}

@test "the same in quotes, as other programs write it, is 78, too" {
    local value
    for value in '"|/bin/sh -c x"' '"/var/mail/root"' '":include:/etc/passwd"'; do
        lines "[default]\nhost = localhost\n[aliases]\nroot = $value\n"
        refused 4 ''
    done
}

@test "an alias that leads to nobody is 78: its mail would be lost in silence" {
    local value
    for value in '' ',' 'group:;'; do
        lines "[default]\nhost = localhost\n[aliases]\nroot = $value\n"
        refused 4 ''
    done
}

@test "an alias that isn't an address list is 78, with its line" {
    local value
    for value in 'a@@b' 'a b@c' '<a@b' 'a@b, (open'; do
        lines "[default]\nhost = localhost\n[aliases]\nbob = a@x.test\nroot = $value\n"
        refused 5 ''
    done
}

@test "a faulty line that goes on with an alias is told by its own number" {
    lines '[default]\nhost = localhost\n[aliases]\nroot = a@x.test,\n  |/bin/sh\n'
    refused 5 ''
}

@test "a doubled alias is 78, also in other letters: names are compared without case" {
    lines '[default]\nhost = localhost\n[aliases]\nroot = a@x.test\nroot = b@x.test\n'
    refused 5 'line 4'
    lines '[default]\nhost = localhost\n[aliases]\nroot = a@x.test\nRoot = b@x.test\n'
    refused 5 'line 4'
}

@test "an alias called like a key is an alias" {
    lines '[default]\nhost = localhost\n[aliases]\nhost = a@x.test\nport = b@x.test\n'
    shown 'host = localhost:587'
}

@test "\${NAME} is expanded in an alias's value, and checked" {
    peer <<'END'
@587
@login
C: MAIL FROM:<*
S: 250 ok
C: RCPT TO:<admin@x.test>
S: 250 ok
C: DATA
S: 354 go ahead
BODY
S: 250 ok
C*: QUIT
END
    profile '[aliases]' 'root = ${ADMIN}'
    ADMIN=admin@x.test run --separate-stderr "$BIN/sendmail" -i root < <(message)
    assert_status 0
    peer_done
    ADMIN='|/bin/sh' run --separate-stderr "$BIN/sendmail" -i root < <(message)
    assert_status 78
    run --separate-stderr "$BIN/sendmail" -i root < <(message)
    assert_status 78
}
