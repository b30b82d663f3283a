#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The sandbox: what a message doesn't need the kernel doesn't give, from before the first packet on;
# what it needs goes on as it did; and where it goes wrong nothing that was taken is told otherwise.

load lib
load bs
load cage
load dns
setup() {
    setup_case
    ln -sf "$MC" "$BIN/mailchute"
    PROBE=$ROOT/build/test/probe
}
teardown() { teardown_case; }

# calls: asks for each number, once for all tests; the answers are in CALLS then.
calls() {
    CALLS=$BATS_FILE_TMPDIR/calls
    [ ! -e "$CALLS" ] || return 0
    "$PROBE" calls >"$CALLS.all"
    [ "$(wc -l <"$CALLS.all")" = 600 ]
    # Two that newer kernels of x86-64 keep for probes of their own, and never show to a filter.
    if [ "$(uname -m)" = x86_64 ]; then sed -i '/^33[56] /d' "$CALLS.all"; fi
    mv "$CALLS.all" "$CALLS"
}

# listed: an extended regular expression of lines in this architecture's list; the numbers of these.
listed() {
    sed -nE "/^#/d; /$1/s/ .*//p" "$ROOT/tests/sandbox/allowed.$(uname -m)"
}

# --- what it lets through, asked of the kernel from inside ---------------------------------
# Goal: neither more nor less than the lists say; the lists are the tests' own.

# bats test_tags=cage
@test "of all system calls those on the list go through, and no other" {
    calls
    diff <(listed '^[0-9]+ [^ ]+$') <(sed -n 's/ yes$//p' "$CALLS")
}

# bats test_tags=cage
@test "execve, fork, clone, ptrace and their kin end the process, and nothing else does" {
    calls
    diff <(listed ' dies$') <(sed -n 's/ dies$//p' "$CALLS")
}

# rules: asks about those that look at arguments, once for all tests; the answers are in RULES then.
rules() {
    local name
    RULES=$BATS_FILE_TMPDIR/rules
    [ ! -e "$RULES" ] || return 0
    for name in letters spool read other; do
        mkdir -p "$BATS_FILE_TMPDIR/tree/$name"
        echo x >"$BATS_FILE_TMPDIR/tree/$name/f"
    done
    "$PROBE" rules "$BATS_FILE_TMPDIR/tree" >"$RULES.all"
    mv "$RULES.all" "$RULES"
}

# outcomes WORD NAME...: each of them came to that.
outcomes() {
    local word=$1 name
    shift
    for name; do
        assert_in "$RULES" "^$name $word\$"
    done
}

# bats test_tags=cage
@test "files: what is granted is read, nothing is written, and other files aren't seen" {
    rules
    outcomes yes read_granted
    outcomes no write_granted write_by_openat truncate_granted new_letter old_letter \
        letter_elsewhere letter_by_absolute_path unnamed_in_spool memory_file remove_letter
    outcomes no-access read_other
}

# bats test_tags=cage
@test "letters: a new file in their folder, in no other way and in no other place" {
    rules
    outcomes yes 'new_letter\+letters'
    outcomes no 'old_letter\+letters' 'letter_elsewhere\+letters' 'unnamed_in_spool\+letters' \
        'write_granted\+letters' 'remove_letter\+letters'
    # By Landlock: the filter can't read a path.
    outcomes no-access 'letter_by_absolute_path\+letters' 'letter_upwards\+letters'
}

# bats test_tags=cage
@test "-bs: unnamed files, in the folder for them, and in memory" {
    rules
    outcomes yes 'unnamed_in_spool\+spool' 'memory_file\+spool'
    outcomes no 'new_letter\+spool' 'write_granted\+spool' 'remove_letter\+spool'
    [ "$(sed -n 's/^unnamed_elsewhere+spool //p' "$RULES")" != yes ]
}

# bats test_tags=cage
@test "resend: a letter can be removed, and nothing elsewhere" {
    rules
    outcomes yes 'remove_letter\+removes'
    outcomes no-access 'remove_elsewhere\+removes'
}

# bats test_tags=cage
@test "sockets are TCP and UDP over IP: no local ones, no raw ones, no kernel's" {
    rules
    outcomes yes tcp4 udp6
    outcomes no raw4 unix_socket netlink packet
}

# bats test_tags=cage
@test "memory can't become code, a terminal can't be typed at, nobody else is signalled" {
    rules
    outcomes yes memory window_size signal_ourselves
    outcomes no code_memory code_by_mprotect type_for_user signal_parent new_privileges
}

# bats test_tags=cage
@test "numbers of another ABI, and tracers' own, fail and don't kill" {
    rules
    outcomes no other_abi tracers_number
}

# --- in the program ------------------------------------------------------------------------
# Goal: it stands before the first packet, in every mode that sends.

# order FILE: the filter came before any socket of the Internet, and was the last of the three.
order() {
    local filter
    filter=$(sed -n '/PR_SET_SECCOMP.*= 0/=' "$1")
    [ -n "$filter" ] || fail 'no filter' "$(cat "$1")" || return 1
    [ "$(sed -n '/PR_SET_NO_NEW_PRIVS.*= 0/=' "$1")" -lt "$filter" ]
    [ "$filter" -lt "$(sed -n '/socket(AF_INET/=' "$1" | head -n 1)" ]
}

TRACE=(strace -qq -e 'trace=prctl,socket')

# bats test_tags=strace
@test "it stands before the first packet: a message, -bv, -bs, resend" {
    need strace
    mkdir "$BATS_TEST_TMPDIR/dead"
    PORT=1 profile dead_letter="$BATS_TEST_TMPDIR/dead"
    run --separate-stderr "${TRACE[@]}" -o "$BATS_TEST_TMPDIR/1" "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    order "$BATS_TEST_TMPDIR/1"
    run --separate-stderr "${TRACE[@]}" -o "$BATS_TEST_TMPDIR/2" "$BIN/sendmail" -bv bob@mail.test
    order "$BATS_TEST_TMPDIR/2"
    run --separate-stderr "${TRACE[@]}" -o "$BATS_TEST_TMPDIR/3" "$BIN/mailchute" resend \
        "$BATS_TEST_TMPDIR"/dead/*
    assert_status 69
    order "$BATS_TEST_TMPDIR/3"
    run --separate-stderr "${TRACE[@]}" -o "$BATS_TEST_TMPDIR/4" "$BIN/sendmail" -bs \
        < <(printf 'HELO x\r\nMAIL FROM:<a@x.test>\r\nQUIT\r\n')
    order "$BATS_TEST_TMPDIR/4"
}

# bats test_tags=strace
@test "sandbox = no: there is none" {
    need strace
    PORT=1 profile sandbox=no
    run --separate-stderr "${TRACE[@]}" -o "$BATS_TEST_TMPDIR/1" "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    refute_in "$BATS_TEST_TMPDIR/1" 'SECCOMP|NO_NEW_PRIVS'
}

# bats test_tags=strace
@test "where the kernel has no filter nothing is sent, and the line says which key to write" {
    need strace
    peer <<< '=== every connection'
    profile
    run --separate-stderr strace -qq -o /dev/null -e inject=prctl:error=EINVAL:when=3 \
        "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 71
    assert_one_line
    assert_output_has 'sandbox = no'
    peer_stop
    refute_in "$PEER/log" CONNECT
}

# bats test_tags=strace
@test "where the kernel has no Landlock the filter alone serves" {
    need strace
    peer <<< $'@587\n@login\n@send'
    profile
    run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/1" -e trace=prctl,socket \
        -e inject=landlock_create_ruleset:error=ENOSYS "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    order "$BATS_TEST_TMPDIR/1"
}

# bats test_tags=strace
@test "whatever fails with EPERM behind the 250: it was sent, 0" {
    need strace
    peer <<< $'=== every connection\n@587\n@login\n@send'
    profile
    run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/first" "$BIN/sendmail" bob@mail.test \
        < <(message)
    assert_status 0
    # So many calls of each kind came up to the last answer; every one behind it shall fail.
    "$PYTHON" - "$BATS_TEST_TMPDIR/first" >"$BATS_TEST_TMPDIR/inject" <<'END'
import collections, sys
calls = [line.split("(")[0] for line in open(sys.argv[1], errors="replace") if "(" in line]
last = max(i for i, name in enumerate(calls) if name == "recvfrom")
before = collections.Counter(calls[:last + 1])
for name in sorted(set(calls[last + 1:]) - {"exit_group"}):
    print("-e", "inject=%s:error=EPERM:when=%d+" % (name, before[name] + 1))
END
    grep -q inject=sendto "$BATS_TEST_TMPDIR/inject"
    # shellcheck disable=SC2046   # words
    run --separate-stderr strace -qq -o "$BATS_TEST_TMPDIR/second" \
        $(cat "$BATS_TEST_TMPDIR/inject") "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    grep -q INJECTED "$BATS_TEST_TMPDIR/second"
    peer_stop
    arrived 2 >/dev/null
}

# --- what works in it ----------------------------------------------------------------------

@test "in it: failing over, another round, the log, a dead letter" {
    mkdir "$BATS_TEST_TMPDIR/dead"
    peer -n a <<< $'=== every connection\nS: 421 4.3.2 later'
    peer -n b <<< $'S: 421 4.3.2 later\nCLOSE\n=== connection\n@587\n@login\n@send'
    profile host="localhost:$PORT_a localhost:$PORT_b" retry_for=20s
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    assert_in "$BATS_TEST_TMPDIR/log" 'status=sent.* rounds=2 '
    profile host="localhost:$PORT_a" dead_letter="$BATS_TEST_TMPDIR/dead"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    assert_output_has 'kept in'
    peer_stop a
}

# bats test_tags=cage
@test "in it: a host that only name servers know, one of them silent, the answer one of TCP" {
    peer --cert good-rsa --address 127.0.0.1 <<< $'@587\n@send'
    dns --fault any:silence mail.test=127.0.0.9
    dns -n good --tcp --fault A:first=1/truncated mail.test=127.0.0.1
    setup_cage
    rm "$CAGE/etc/hosts"
    cage_profile "$SYSTEM" host="mail.test:$PORT" tls_trust="$CERTS/ca.pem"
    resolved "nameserver $DNS_good"
    run --separate-stderr in_cage alice /bin/sendmail -i bob@mail.test < <(message)
    assert_status 0
    peer_done
    assert_in "$DNS_DIR_good/log" '^A mail\.test\. tcp: answer$'
}

@test "in it: resend sends a dead letter, and removes it" {
    mkdir "$BATS_TEST_TMPDIR/dead"
    PORT=1 profile dead_letter="$BATS_TEST_TMPDIR/dead"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    peer <<< $'@587\n@login\n@send'
    profile dead_letter="$BATS_TEST_TMPDIR/dead"
    run --separate-stderr "$BIN/mailchute" resend "$BATS_TEST_TMPDIR"/dead/*
    assert_status 0
    peer_done
    [ -z "$(ls "$BATS_TEST_TMPDIR/dead")" ]
}

@test "in it: -bs takes one large message after another" {
    message "$(head -c 700000 /dev/zero | tr '\0' x | fold -w 70)" >"$BATS_TEST_TMPDIR/big"
    peer < <(printf '%s\n' @587 @login; takes AAA; takes BBB; echo 'C*: QUIT')
    profile
    run --separate-stderr "$BIN/sendmail" -bs < <(
        printf 'HELO x\r\n'
        for turn in 1 2; do
            printf 'MAIL FROM:<alice@mail.test>\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\n'
            sed 's/$/\r/' "$BATS_TEST_TMPDIR/big"
            printf '.\r\n'
        done
        printf 'QUIT\r\n')
    assert_status 0
    [ "$(grep -c '^250 2.0.0 Ok: queued as' <<<"$output")" = 2 ]
    peer_done
}

@test "in it: a folder of roots, and a file of roots that is a link" {
    mkdir "$BATS_TEST_TMPDIR/roots"
    cp "$CERTS/ca.pem" "$BATS_TEST_TMPDIR/roots/"
    ln -s "$CERTS/ca.pem" "$BATS_TEST_TMPDIR/link.pem"
    peer <<< $'=== every connection\n@587\n@login\n@send'
    profile tls_trust="$BATS_TEST_TMPDIR/roots"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    profile tls_trust="$BATS_TEST_TMPDIR/link.pem"
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    peer_stop
}
