# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A cage: a root folder of the test's own, for everything that depends on files with fixed
# names: the system's profile, /etc/passwd, /etc/mailname, /dev/log, /run/secrets.
#
# It is a chroot, not a mount namespace: the binary is static and needs nothing around it,
# a chroot works for root in any container (mounting doesn't), the tests can run in parallel,
# and no file of the machine is hidden or touched. The network stays the machine's, so that
# the scripted peer on loopback can be reached.
#
#     load lib
#     load cage
#     setup() { setup_case; }
#
#     # bats test_tags=cage           # not for a binary that needs libraries (sanitizers)
#     @test "..." {
#     setup_cage
#     cage_profile "$SYSTEM" helo=system.test
#     run --separate-stderr in_cage alice /bin/mailchute show
#     }

# In the cage's own password database; numbers that no real system uses.
declare -gA CAGE_IDS=([root]=0 [alice]=61001 [bob]=61002 [stranger]=61099)

# setup_cage [DIR]: makes $CAGE, finds $SYSTEM (where the binary looks for the system's
# profile), and takes $MAILCHUTE_CONFIG out of the environment. Needs root.
setup_cage() {
    if [ "$(id -u)" != 0 ]; then
        [ -z "${NO_SKIP:-}" ] || fail "a chroot needs root" || return 1
        printf '# SKIPPED: %s: needs root\n' "$BATS_TEST_DESCRIPTION" >&3
        skip "a chroot needs root"
    fi
    CAGE=${1:-$BATS_TEST_TMPDIR/cage}
    # The tests' build knows build/test/etc/, the other /etc/.
    SYSTEM=$(grep -aoE '/[A-Za-z0-9._/+-]*/build/test/etc/mailchute\.ini' "$MC" | head -n 1) || true
    SYSTEM=${SYSTEM:-/etc/mailchute.ini}
    unset MAILCHUTE_CONFIG
    mkdir -p "$CAGE"/{bin,etc/ssl/certs,dev,root/.config,run/secrets,log,tmp} \
        "$CAGE"/home/{alice,bob}/.config "$CAGE$CERTS" "$CAGE${SYSTEM%/*}"
    chmod 1777 "$CAGE/tmp" "$CAGE/log"
    chown -R "${CAGE_IDS[alice]}" "$CAGE/home/alice"
    chown -R "${CAGE_IDS[bob]}" "$CAGE/home/bob"
    install -m 755 "$MC" "$CAGE/bin/mailchute"
    ln -s mailchute "$CAGE/bin/sendmail"
    cp "$CERTS/ca.pem" "$CAGE$CERTS/ca.pem"
    echo '127.0.0.1 localhost' >"$CAGE/etc/hosts"
    cat >"$CAGE/etc/passwd" <<END
root:x:0:0:root:/root:/bin/sh
alice:x:${CAGE_IDS[alice]}:${CAGE_IDS[alice]}:Alice Example,,,:/home/alice:/bin/sh
bob:x:${CAGE_IDS[bob]}:${CAGE_IDS[bob]}::/home/bob:/bin/sh
END
}

# in_cage NAME COMMAND...: runs it in the cage as one of CAGE_IDS. The environment is the
# caller's: VAR=x in_cage ...
in_cage() {
    local id=${CAGE_IDS[$1]}
    shift
    chroot --userspec="$id:$id" --groups= "${CAGE:?}" "$@"
}

# cage_profile PATH [KEY=VALUE...]: as profile, without a password, for a path in the cage;
# owned by root and readable by all.
cage_profile() {
    local path=$1
    shift
    MAILCHUTE_CONFIG=${CAGE:?}$path profile user= password= log=off "$@"
    chmod 644 "$CAGE$path"
}

# assert_profile PATH: the last "run" was "show", and this was the file.
assert_profile() {
    assert_status 0
    [ "${output%%$'\n'*}" = "# $1" ] || { show_run; fail "not the profile $1"; }
}
