# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317   # names shared with lib.bash and input.bash
# The message: what comes in on stdin, and the bytes that go out.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# --- line ends ----------------------------------------------------------------------
# Goal: whatever ends the lines that come in, CRLF ends those that go out, and no bare CR or
# LF leaves.  (The peer takes a bare one for a mismatch, too.)

@test "LF becomes CRLF" {
    carries "$WHOLE"'\none\n\ntwo\n' "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n.\r\n'
}

@test "CRLF stays CRLF, in header and body" {
    carries "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n' "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n.\r\n'
}

@test "CR CR LF is one line end, in header, seam and body" {
    carries "${WHOLE//\\n/\\r\\r\\n}"'\r\r\none\r\r\n\r\r\ntwo\r\r\n' \
        "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n.\r\n'
}

@test "a CRLF header with an LF body keeps its lines" {
    carries "$WHOLE_CRLF"'\r\none\ntwo\n' "$WHOLE_CRLF"'\r\none\r\ntwo\r\n.\r\n'
}

@test "an LF header with a CRLF body keeps its lines" {
    carries "$WHOLE"'\none\r\ntwo\r\n' "$WHOLE_CRLF"'\r\none\r\ntwo\r\n.\r\n'
}

@test "a header with a mixture of line ends ends at the first empty line" {
    carries "$WHOLE"'X-One: 1\r\nX-Two: 2\r\r\nX-Three: 3\n\r\nbody: yes\n' \
        "$WHOLE_CRLF"'X-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n\r\nbody: yes\r\n.\r\n'
}

@test "a lone CR in the body becomes a line end" {
    carries "$WHOLE"'\none\rtwo\n' "$WHOLE_CRLF"'\r\none\r\ntwo\r\n.\r\n'
}

@test "CR CR CR LF is a lone CR and a line end" {
    carries "$WHOLE"'\none\r\r\r\ntwo\n' "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n.\r\n'
}

@test "CRs at the very end become line ends" {
    carries "$WHOLE"'\none\r\r' "$WHOLE_CRLF"'\r\none\r\n\r\n.\r\n'
}

@test "LF CR is an LF and a lone CR" {
    carries "$WHOLE"'\none\n\rtwo\n' "$WHOLE_CRLF"'\r\none\r\n\r\ntwo\r\n.\r\n'
}

@test "a lone CR in the header leaves none, and loses nothing" {
    relay
    profile
    printf %b "${WHOLE/a test/one\\rtwo}"'\nbody\n' >"$BATS_TEST_TMPDIR/input"
    run --separate-stderr sendmail bob@mail.test <"$BATS_TEST_TMPDIR/input"
    assert_status 0
    peer_done
    arrived | assert_in - 'one'
    arrived | assert_in - 'two$'
    arrived | assert_in - '^body$'
}

@test "smuggled ends of data stay content" {
    # Each of the sequences that some server takes for the end of the message.
    carries "$WHOLE"'\n\n.\n1\n.\r\n2\r\n.\n3\r.\r4\r\n.\r5\r.\n6\n.\r7\r.\r\n8\r\r\n.\r\r\n9\n.\r\r\n0\n' \
        "$WHOLE_CRLF"'\r\n\r\n..\r\n1\r\n..\r\n2\r\n..\r\n3\r\n..\r\n4\r\n..\r\n5\r\n..\r\n6\r\n..\r\n7\r\n..\r\n8\r\n..\r\n9\r\n..\r\n0\r\n.\r\n'
}

@test "NUL beside a smuggled end of data changes nothing" {
    KEYS=(log=off)
    carries "$WHOLE"'\n1\r\0\n.\r\n2\n\0.\0\n3\r\n.\0\r\n4\r\0\r\n\0.\r\0\r\n5\n' \
        "$WHOLE_CRLF"'\r\n1\r\n..\r\n2\r\n..\r\n3\r\n..\r\n4\r\n..\r\n5\r\n.\r\n'
}

# Any of the bytes that matter at any place of every buffer: a lot of noise with a fixed seed,
# against the rules in one line of Python.
noise() { # noise SIZE: "noise" and "wanted" in the test's folder
    "$PYTHON" - "$1" "$BATS_TEST_TMPDIR" "$(printf %b "$WHOLE_CRLF")" <<'PY'
import random, re, sys
size, folder, head = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
random.seed(587)
head = head.rstrip(b"\n").rstrip(b"\r") + b"\r\n"
body = b"".join(random.choices(
    [b"\r", b"\n", b"\r\n", b"\r\r\n", b".", b"\0", b"a", b"bc" * 9, b"z" * 500],
    [8, 4, 8, 4, 12, 2, 4, 2, 1], k=size // 11))
lines = re.sub(rb"\r\r\n|\r\n|\r|\n", b"\r\n", body.replace(b"\0", b""))
if not lines.endswith(b"\r\n"):
    lines += b"\r\n"
with open(folder + "/noise", "wb") as out:
    out.write(head + b"\r\n" + body)
with open(folder + "/wanted", "wb") as out:
    out.write(head + b"\r\n" + re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n")
PY
}

@test "line ends, dots and NULs are right at every place of a buffer, from a pipe" {
    noise 900000
    sends 1 bob@mail.test < <(cat "$BATS_TEST_TMPDIR/noise")
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "line ends, dots and NULs are right at every place of a buffer, from a file" {
    noise 900000
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/noise"
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "line ends are right however the writer cuts them" {
    noise 3000
    sends 1 bob@mail.test < <("$PYTHON" -c '
import os, sys, time
data = open(sys.argv[1], "rb").read()
for at in range(len(data)):
    os.write(1, data[at:at + 1])' "$BATS_TEST_TMPDIR/noise")
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "SIZE is what is sent, stuffed dots not counted" {
    noise 30000
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/noise"
    assert_in "$PEER/log" "^1 < MAIL FROM:<[^ ]*> SIZE=$(stat -c %s "$PEER/body.1")\$"
}

# --- dots and the end ---------------------------------------------------------------
# Goal: a dot at the start of a line is doubled, none ends the input, the last line ends.

@test "dots at the start of a line are doubled, others are not" {
    carries "$WHOLE"'\n.first\n..two\n.\n x.\n...\n.' \
        "$WHOLE_CRLF"'\r\n..first\r\n...two\r\n..\r\n x.\r\n....\r\n..\r\n.\r\n'
}

@test "a lone dot does not end the input, without -i" {
    carries "$WHOLE"'\none\n.\ntwo\n' "$WHOLE_CRLF"'\r\none\r\n..\r\ntwo\r\n.\r\n'
}

@test "a lone dot does not end the input, with -i" {
    carries "$WHOLE"'\none\n.\ntwo\n' "$WHOLE_CRLF"'\r\none\r\n..\r\ntwo\r\n.\r\n' \
        -i bob@mail.test
}

@test "a lone dot does not end the input, with -oi" {
    carries "$WHOLE"'\none\r\n.\r\ntwo\n' "$WHOLE_CRLF"'\r\none\r\n..\r\ntwo\r\n.\r\n' \
        -oi bob@mail.test
}

# at_terminal TEXT ARGUMENT...: sendmail with a terminal for stdin on which TEXT is typed,
# then (if it is still there after a second) the end of file.
at_terminal() {
    "$PYTHON" - "$@" <<'PY'
import os, pty, select, subprocess, sys
master, slave = pty.openpty()
child = subprocess.Popen(sys.argv[2:], stdin=slave, close_fds=True)
os.close(slave)
os.write(master, sys.argv[1].encode())
try:
    child.wait(1.5)
except subprocess.TimeoutExpired:
    os.write(master, b"after the dot\n\x04")
    child.wait(10)
sys.exit(child.returncode)
PY
}

@test "at a terminal a lone dot ends the input" {
    relay
    profile
    run --separate-stderr at_terminal $'Subject: typed\n\none\nx\n.\n' "$BIN/sendmail" bob@mail.test
    assert_status 0
    peer_done
    [ "$(body)" = $'one\nx' ]
}

@test "at a terminal a lone dot ends nothing with -i" {
    relay
    profile
    run --separate-stderr at_terminal $'Subject: typed\n\none\n.\n' "$BIN/sendmail" -i bob@mail.test
    assert_status 0
    peer_done
    [ "$(body)" = $'one\n.\nafter the dot' ]
}

@test "a body without a final line end gets one" {
    carries "$WHOLE"'\none\ntwo' "$WHOLE_CRLF"'\r\none\r\ntwo\r\n.\r\n'
}

@test "an empty body stays empty" {
    carries "$WHOLE"'\n' "$WHOLE_CRLF"'\r\n.\r\n'
}

@test "a header without the empty line gets it" {
    carries "$WHOLE" "$WHOLE_CRLF"'\r\n.\r\n'
}

@test "a header without its last line end gets it" {
    carries "${WHOLE%\\n}" "$WHOLE_CRLF"'\r\n.\r\n'
}

@test "empty lines at the end stay" {
    carries "$WHOLE"'\none\n\n\n' "$WHOLE_CRLF"'\r\none\r\n\r\n\r\n.\r\n'
}

# --- NUL ----------------------------------------------------------------------------
# Goal: SMTP can't carry NUL; a cron job's binary output arrives without it, and says so.

@test "NUL bytes are dropped, in header and body" {
    KEYS=(log=off)
    carries "${WHOLE/a test/a te\\0st}"'\no\0n\0e\0\n\0' "$WHOLE_CRLF"'\r\none\r\n.\r\n'
}

@test "dropped NUL bytes are a warning in the log, and on stderr with -v only" {
    relay
    profile
    run --separate-stderr sendmail bob@mail.test < <(message; printf 'a\0b\n')
    assert_status 0
    assert_silent
    assert_in "$BATS_TEST_TMPDIR/log" 'warn=.*NUL'
    relay
    profile
    run --separate-stderr sendmail -v bob@mail.test < <(message; printf 'a\0b\n')
    assert_status 0
    [[ $stderr == *NUL* ]]
}

@test "without NUL bytes there is no warning" {
    sends 1 bob@mail.test < <(message)
    refute_in "$BATS_TEST_TMPDIR/log" 'warn='
}

# --- the mbox line, the seam ---------------------------------------------------------
# Goal: a mailbox's From line is no field; no first line is lost; no body line is a field.

@test "a leading From line of a mailbox is dropped" {
    carries 'From alice Mon Jan  1 00:00:00 2024\n'"$WHOLE"'\nbody\n' \
        "$WHOLE_CRLF"'\r\nbody\r\n.\r\n'
}

@test "a leading >From line is dropped" {
    carries '>From alice Mon Jan  1 00:00:00 2024\n'"$WHOLE"'\nbody\n' \
        "$WHOLE_CRLF"'\r\nbody\r\n.\r\n'
}

@test "a leading From line that ends in CRLF is dropped" {
    carries 'From alice Mon Jan  1 00:00:00 2024\r\n'"$WHOLE_CRLF"'\r\nbody\r\n' \
        "$WHOLE_CRLF"'\r\nbody\r\n.\r\n'
}

@test "From lines further down stay as they are" {
    carries "$WHOLE"'\nFrom here on\n>From there\n' \
        "$WHOLE_CRLF"'\r\nFrom here on\r\n>From there\r\n.\r\n'
}

@test "only one leading From line is dropped" {
    sends 1 bob@mail.test < <(printf 'From a Mon\nFrom b Mon\nSubject: x\n\nbody\n')
    body | assert_in - '^From b Mon$'
    body | assert_in - '^body$'
}

@test "a first line that only begins like From is a field" {
    sends 1 bob@mail.test < <(printf 'From-Where: x\nSubject: y\n\nbody\n')
    [ "$(field From-Where)" = x ]
    [ "$(field Subject)" = y ]
}

@test "a first field From with a blank before the colon is a field" {
    sends 1 bob@mail.test < <(printf 'From : carol@mail.test\nSubject: y\n\nbody\n')
    header | assert_in - '^From ?: carol@mail.test$'
    [ "$(body)" = body ]
}

@test "input without a header gets an empty line in front, and keeps its first line" {
    sends 1 bob@mail.test < <(printf 'Hello, Bob.\nThe disk: full.\n')
    [ "$(body)" = $'Hello, Bob.\nThe disk: full.' ]
    header | assert_in - '^From: '
    refute_in <(header) 'Hello'
    refute_in <(header) 'disk'
}

@test "input of one line without a line end is a body" {
    sends 1 bob@mail.test < <(printf 'Hello')
    [ "$(body)" = Hello ]
}

@test "input that begins with an empty line has no header" {
    sends 1 bob@mail.test < <(printf '\nTo: nobody@mail.test\n')
    [ "$(body)" = 'To: nobody@mail.test' ]
    [ "$(field To)" = 'undisclosed-recipients:;' ]
}

@test "input that begins with a blank is a body" {
    sends 1 bob@mail.test < <(printf ' indented\nSubject: x\n')
    [ "$(body)" = $' indented\nSubject: x' ]
}

@test "a line that is no field ends the header, and is not lost" {
    sends 1 bob@mail.test < <(printf 'Subject: x\nno field\nmore: text\n\nend\n')
    [ "$(field Subject)" = x ]
    [ "$(body)" = $'no field\nmore: text\n\nend' ]
}

@test "a colon without a name is no field" {
    sends 1 bob@mail.test < <(printf ': x\nSubject: y\n')
    [ "$(body)" = $': x\nSubject: y' ]
}

@test "a name with a byte over 0x7f is no field" {
    sends 1 bob@mail.test < <(printf 'Grüße: x\nmore\n')
    [ "$(body)" = $'Grüße: x\nmore' ]
}

@test "a blank before the colon makes no other field of it" {
    sends 2 -t < <(printf 'From: alice@mail.test\nTo : bob@mail.test\nCc\t: carol@mail.test\n\nx\n')
    assert_recipients bob@mail.test carol@mail.test
    [ "$(body)" = x ]
}

@test "fields with a blank before the colon are not added a second time" {
    sends 1 bob@mail.test < <(printf 'Subject: x\nFrom : carol@mail.test\nTo : bob@mail.test
Date : Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID : <1@mail.test>\n\nx\n')
    assert_same "$(header | grep -ic '^from *:')" 1
    assert_same "$(header | grep -ic '^to *:')" 1
    assert_same "$(header | grep -ic '^date *:')" 1
    assert_same "$(header | grep -ic '^message-id *:')" 1
}

@test "under -t no body line becomes a recipient, with LF" {
    sends 1 -t < <(printf 'To: bob@mail.test\n\nTo: evil@mail.test\nBcc: evil@mail.test\n')
    assert_recipients bob@mail.test
    [ "$(body)" = $'To: evil@mail.test\nBcc: evil@mail.test' ]
}

@test "under -t no body line becomes a recipient, with CRLF" {
    sends 1 -t < <(printf 'To: bob@mail.test\r\n\r\nTo: evil@mail.test\r\nBcc: evil@mail.test\r\n')
    assert_recipients bob@mail.test
    [ "$(body)" = $'To: evil@mail.test\nBcc: evil@mail.test' ]
}

@test "under -t no body line becomes a recipient, with a CRLF header and an LF body" {
    sends 1 -t < <(printf 'To: bob@mail.test\r\n\nTo: evil@mail.test\n')
    assert_recipients bob@mail.test
}

@test "under -t no body line becomes a recipient, with CR CR LF" {
    sends 1 -t < <(printf 'To: bob@mail.test\r\r\n\r\r\nTo: evil@mail.test\r\r\n')
    assert_recipients bob@mail.test
}

# --- fields that leave, fields that don't --------------------------------------------
# Goal: Bcc never leaves, in any spelling, with or without -t; what others set or read on
# delivery doesn't either; all else stays as it is, byte for byte.

# hides FIELD [ARGUMENT...]: with the field's bytes (printf %b) in the middle, the header is
# sent as if it was not there.
hides() {
    carries "${WHOLE/Date/"$1"Date}"'\nbody\n' "$WHOLE_CRLF"'\r\nbody\r\n.\r\n' "${@:2}"
}

@test "Bcc does not leave, without -t" {
    hides 'Bcc: secret@mail.test\n'
}

@test "BCC and bCc do not leave" {
    hides 'BCC: secret@mail.test\nbCc: secret@mail.test\n'
}

@test "Bcc with blanks before the colon does not leave" {
    hides 'Bcc : secret@mail.test\nBcc\t \t: secret@mail.test\n'
}

@test "a folded Bcc does not leave, nor do its folds" {
    hides 'Bcc:\n secret@mail.test,\n\tsecret2@mail.test\n'
}

@test "a folded Bcc with CRLF and CR CR LF does not leave" {
    hides 'Bcc: a@mail.test,\r\n secret@mail.test\r\r\n ,secret2@mail.test\r\n'
}

@test "a Bcc without a blank behind the colon does not leave" {
    hides 'Bcc:secret@mail.test\n'
}

@test "an empty Bcc does not leave" {
    hides 'Bcc:\n'
}

@test "a Bcc that can't be read does not leave" {
    hides 'Bcc: "secret <<(\n'
}

@test "a Bcc with NUL in its name does not leave" {
    KEYS=(log=off)
    hides 'B\0cc: secret@mail.test\n'
}

@test "a Bcc behind a lone CR does not leave" {
    relay
    profile
    run --separate-stderr sendmail bob@mail.test \
        < <(printf 'Subject: x\rBcc: secret@mail.test\nX-More: y\n\nbody\n')
    assert_status 0
    peer_done
    refute_in "$PEER/body.1.raw" '^Bcc'
}

@test "Resent-Bcc does not leave, in any spelling" {
    hides 'Resent-Bcc: secret@mail.test\nRESENT-BCC : secret@mail.test\nresent-bcc:\n secret@mail.test\n'
}

@test "Return-Path and Content-Length do not leave" {
    hides 'Return-Path: <web@mail.test>\nreturn-path : <web@mail.test>\nContent-Length: 12\ncontent-length:\n 13\n'
}

@test "under -t Bcc is read, and does not leave" {
    sends 3 -t < <(printf 'To: bob@mail.test\nBcc : carol@mail.test,\n dave@mail.test\n\nx\n')
    assert_recipients bob@mail.test carol@mail.test dave@mail.test
    refute_in "$PEER/body.1.raw" '[Bb]cc|carol|dave'
}

@test "under -t Resent-Bcc is read, and does not leave" {
    sends 2 -t < <(printf 'To: old@mail.test\nResent-To: bob@mail.test\nResent-Bcc: carol@mail.test\n\nx\n')
    assert_recipients bob@mail.test carol@mail.test
    refute_in "$PEER/body.1.raw" 'Bcc|carol'
}

@test "a Return-Path of the message is not the sender" {
    sends 1 -t < <(printf 'Return-Path: <evil@mail.test>\nTo: bob@mail.test\n\nx\n')
    [ "$(sender)" = '<alice@mail.test>' ]
}

@test "all other fields stay as they are, in their order" {
    local odd='Received: from x by y;\n\tMon, 1 Jan 2024 00:00:00 +0000\nX-Empty:\nX-Blank: \n'
    odd+='x-CASE:no blank\nX-Twice: 1\nX-Twice: 2\nX.odd_name!#: <>\nX-Bcc: stays\nBcc-X: stays\n'
    odd+='X-Folded: a\n  b \n\t c\nContent-Type: text/plain\n'
    odd+='Subject : with  blanks \n'
    # "Subject :" loses its blank, nothing else.
    carries "$WHOLE$odd"'\nbody\n' \
        "$WHOLE_CRLF$(sed 's/Subject :/Subject:/; s/\\n/\\r\\n/g' <<<"$odd")"'\r\nbody\r\n.\r\n'
}

@test "no Received is added" {
    sends 1 bob@mail.test < <(message)
    refute_in <(header) '^Received'
}

# --- what is added -------------------------------------------------------------------
# Goal: Date, Message-ID, From, To where they are missing, and only there.

@test "a missing Date is added: now, in UTC" {
    sends 1 bob@mail.test < <(message)
    "$PYTHON" - "$(field Date)" <<'PY'
import email.utils, re, sys, time
text = sys.argv[1]
assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", text), text
when = email.utils.parsedate_to_datetime(text)
assert abs(when.timestamp() - time.time()) < 60, text
assert when.strftime("%a") == text[:3], text
PY
}

# bats test_tags=strace
@test "TZ does not change the Date, and its file is not opened" {
    need strace
    relay
    profile
    TZ=/usr/share/zoneinfo/Asia/Tokyo run --separate-stderr strace -f -e trace=%file \
        -o "$BATS_TEST_TMPDIR/trace" "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 0
    field Date | assert_in - '\+0000$'
    refute_in "$BATS_TEST_TMPDIR/trace" 'Tokyo'
}

@test "a missing Message-ID is added, with the domain" {
    sends 1 bob@mail.test < <(message)
    field Message-ID | assert_in - '^<[A-Za-z0-9.]{16,}@mail\.test>$'
}

@test "two equal messages get two Message-IDs" {
    sends 1 bob@mail.test < <(message)
    local first
    first=$(field Message-ID)
    sends 1 bob@mail.test < <(message)
    [ "$first" != "$(field Message-ID)" ]
}

@test "nothing is added twice, however the names are spelt" {
    carries 'FROM: alice@mail.test\nTO: bob@mail.test\nDATE: x\nMESSAGE-ID: <1@x>\n\n' \
        'FROM: alice@mail.test\r\nTO: bob@mail.test\r\nDATE: x\r\nMESSAGE-ID: <1@x>\r\n\r\n.\r\n'
}

@test "a missing From is the sender with the name of -F" {
    sends 1 -F 'Carol Doe' -f carol@mail.test bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(field From)" = 'Carol Doe <carol@mail.test>' ]
}

@test "-F takes its name attached, too" {
    sends 1 -FCronDaemon bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(field From)" = 'CronDaemon <alice@mail.test>' ]
}

@test "-F '' gives a From without a name" {
    sends 1 -F '' bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(field From)" = alice@mail.test ]
}

@test "a name of -F with specials is quoted" {
    sends 1 -F 'Doe, Carol (x) "C"' bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(field From)" = '"Doe, Carol (x) \"C\"" <alice@mail.test>' ]
}

@test "a name of -F that is quoted already is not quoted twice" {
    sends 1 -F '"Reminder Service"' bob@mail.test < <(printf 'Subject: x\n\n')
    "$PYTHON" - "$(field From)" <<'PY'
import email.utils, sys
assert email.utils.parseaddr(sys.argv[1]) == ("Reminder Service", "alice@mail.test"), sys.argv
PY
}

@test "without -F the name is that of the password database" {
    local name
    name=$("$PYTHON" -c 'import os, pwd
entry = pwd.getpwuid(os.getuid())
print(entry.pw_gecos.split(",")[0].replace("&", entry.pw_name.capitalize()) or entry.pw_name)')
    sends 1 bob@mail.test < <(printf 'Subject: x\n\n')
    "$PYTHON" - "$(field From)" "$name" <<'PY'
import email.utils, sys
assert email.utils.parseaddr(sys.argv[1]) == (sys.argv[2], "alice@mail.test"), sys.argv
PY
}

@test "with the null sender a missing From is that of the profile" {
    sends 1 -F X -f '' bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(sender)" = '<>' ]
    [ "$(field From)" = 'X <alice@mail.test>' ]
}

@test "with the null sender and no from in the profile it is the login" {
    KEYS=(from=)
    sends 1 -F X -f '<>' bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(sender)" = '<>' ]
    [ "$(field From)" = "X <$(id -un)@mail.test>" ]
}

@test "a From that is there is not changed by -F and -f" {
    sends 1 -F Carol -f carol@mail.test bob@mail.test < <(message)
    [ "$(field From)" = 'Alice <alice@mail.test>' ]
    [ "$(sender)" = '<carol@mail.test>' ]
}

@test "an empty From is taken for a missing one" {
    sends 1 -F Carol bob@mail.test < <(printf 'From:\nSubject: x\n\n')
    [ "$(field From)" = 'Carol <alice@mail.test>' ]
}

@test "without To and Cc there is undisclosed-recipients" {
    sends 1 bob@mail.test < <(printf 'Subject: x\n\n')
    [ "$(field To)" = 'undisclosed-recipients:;' ]
}

@test "where only Bcc stood there is undisclosed-recipients" {
    sends 1 -t < <(printf 'Bcc: bob@mail.test\n\nx\n')
    [ "$(field To)" = 'undisclosed-recipients:;' ]
    refute_in <(arrived) bob
}

@test "with a Cc no To is added" {
    sends 1 bob@mail.test < <(printf 'Cc: bob@mail.test\n\n')
    refute_in <(header) '^To'
}

@test "an empty To is taken for a missing one" {
    sends 1 bob@mail.test < <(printf 'To: \nSubject: x\n\n')
    [ "$(field To)" = 'undisclosed-recipients:;' ]
}

@test "bare names in address fields get the domain, comments and phrases stay" {
    local in='From: root (Cron Daemon)\nSender: Anacron <root>\nReply-To: ops, dev@x.test\n'
    in+='To: bob\nCc: team: bob, "Doe, Carol" <carol>, (x) dave (y);\nResent-From: root\n'
    in+='Resent-Sender: <root>\nResent-Reply-To: a,b\nResent-To: root\nResent-Cc: root,\n root2\n'
    local out=${in//root/root@mail.test}
    out=${out/ops/ops@mail.test}
    out=${out/To: bob/To: bob@mail.test}
    out=${out/team: bob/team: bob@mail.test}
    out=${out/<carol>/<carol@mail.test>}
    out=${out/dave (y)/dave@mail.test (y)}
    out=${out/a,b/a@mail.test,b@mail.test}
    out=${out/root@mail.test2/root2@mail.test}
    local rest='Date: x\nMessage-ID: <1@x>\n'
    carries "$in$rest"'\n' "${out//\\n/\\r\\n}${rest//\\n/\\r\\n}"'\r\n.\r\n'
}

@test "names in other fields get no domain" {
    carries "${WHOLE/a test/root}"'X-To: root\nErrors-To: root\n\n' \
        "${WHOLE_CRLF/a test/root}"'X-To: root\r\nErrors-To: root\r\n\r\n.\r\n'
}

@test "an address field that can't be read stays as it is, with a warning" {
    carries "${WHOLE/To: bob@mail.test/To: bob bob <<x\\nReply-To: \"open}"'\n' \
        "${WHOLE_CRLF/To: bob@mail.test/To: bob bob <<x\\r\\nReply-To: \"open}"'\r\n.\r\n'
    assert_in "$BATS_TEST_TMPDIR/log" 'warn='
}

# --- long lines ----------------------------------------------------------------------
# Goal: header lines over 998 bytes are folded at blanks; body lines are never broken.

@test "a body line over 998 bytes is sent as it is, with a warning in the log" {
    local long
    long=$(printf 'x%.0s' {1..5000})
    carries "$WHOLE"'\n'"$long"' '"$long"'\n' "$WHOLE_CRLF"'\r\n'"$long"' '"$long"'\r\n.\r\n'
    assert_in "$BATS_TEST_TMPDIR/log" 'warn=.*998'
}

@test "a body line of 998 bytes is no warning" {
    sends 1 bob@mail.test < <(message "$(printf 'x%.0s' {1..998})")
    refute_in "$BATS_TEST_TMPDIR/log" 'warn='
}

# folded NAME: the field's lines are 998 bytes at most, none is blank, and unfolded they are
# the file "value" again (blanks that a fold adds behind a comma not counted).
folded() {
    "$PYTHON" - "$PEER/body.1" "$1" "$BATS_TEST_TMPDIR/value" <<'PY'
import re, sys
data = open(sys.argv[1], "rb").read()
head = data[:data.index(b"\r\n\r\n") + 2]
lines = head.split(b"\r\n")[:-1]
assert all(len(line) <= 998 for line in lines), max(len(line) for line in lines)
assert all(line.strip() for line in lines), "a line of blanks alone"
unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head).split(b"\r\n")
got = [l for l in unfolded if l.startswith(sys.argv[2].encode() + b":")]
assert len(got) == 1, got
got = got[0].split(b":", 1)[1].strip()
wanted = open(sys.argv[3], "rb").read().strip()
if b"," in wanted:
    got, wanted = (re.sub(rb",\s*", b",", text) for text in (got, wanted))
assert got == wanted, (got[:2000], wanted[:2000])
assert len(lines) > 8 + 3, "not folded at all"
PY
}

@test "a long Subject is folded at blanks" {
    printf 'word%s ' {1..900} >"$BATS_TEST_TMPDIR/value"
    sends 1 bob@mail.test < <(printf 'Subject: %s\n\nx\n' "$(cat "$BATS_TEST_TMPDIR/value")")
    folded Subject
}

@test "long References and an unknown field are folded at blanks" {
    printf '<%s@mail.test>\t' {1..900} >"$BATS_TEST_TMPDIR/value"
    sends 1 bob@mail.test < <(printf 'References: %s\n\nx\n' "$(cat "$BATS_TEST_TMPDIR/value")")
    folded References
    sends 1 bob@mail.test < <(printf 'X-Any: %s\n\nx\n' "$(cat "$BATS_TEST_TMPDIR/value")")
    folded X-Any
}

@test "a long To without blanks is folded behind commas" {
    printf 'user%s@mail.test,' {1..900} >"$BATS_TEST_TMPDIR/value"
    sends 1 bob@mail.test < <(printf 'To: %s\n\nx\n' "$(cat "$BATS_TEST_TMPDIR/value")")
    folded To
}

@test "a long To is not folded behind commas within quotes" {
    printf '"a,b,c"<u%s@mail.test>,' {1..900} >"$BATS_TEST_TMPDIR/value"
    sends 1 bob@mail.test < <(printf 'To: %s\n\nx\n' "$(cat "$BATS_TEST_TMPDIR/value")")
    folded To
    refute_in "$PEER/body.1" '("a|b),.$'
}

@test "quoted strings of a folded list stay as they are" {
    # Many fields, so that the folds fall on every byte of a member.
    "$PYTHON" - >"$BATS_TEST_TMPDIR/input" <<'PY'
for shift in range(33):
    members = ['"Q a,b,c,d e,f" <u%d@mail.test>' % i for i in range(100)]
    print("Cc: %s@x.test," % ("s" * (shift + 1)) + ",".join(members))
print("\nbody")
PY
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/input"
    "$PYTHON" - "$PEER/body.1" <<'PY'
import email, email.utils, re, sys
with open(sys.argv[1], "rb") as message:
    fields = email.message_from_binary_file(message).get_all("Cc")
assert len(fields) == 33
for value in fields:
    assert "\n" in value, "not folded at all"
    found = email.utils.getaddresses([re.sub(r"\r?\n(?=[ \t])", "", value)])
    assert found[1:] == [("Q a,b,c,d e,f", "u%d@mail.test" % i) for i in range(100)], found
PY
}

@test "one long line of a folded field is folded, the others stay" {
    sends 1 bob@mail.test < <(printf 'Subject: one\n two %s\n\tthree\n\nx\n' "$(printf 'w%s ' {1..400})")
    field Subject | assert_in - '^one$'
    field Subject | assert_in - '^	three$'
    field Subject | awk 'length > 998 { exit 1 }'
}

@test "a header line of 998 bytes stays as it is" {
    local value
    value=$(printf 'x%.0s' {1..980})' '$(printf 'y%.0s' {1..8})     # with "Subject: " 998
    carries "${WHOLE/a test/"$value"}"'\n' "${WHOLE_CRLF/a test/"$value"}"'\r\n.\r\n'
}

@test "a header line of 999 bytes is folded" {
    local value
    value=$(printf 'x%.0s' {1..980})' '$(printf 'y%.0s' {1..9})
    carries "${WHOLE/a test/"$value"}"'\n' "${WHOLE_CRLF/a test/${value/ /'\r\n' }}"'\r\n.\r\n'
}

@test "a long line of blanks does not end the header" {
    sends 1 bob@mail.test < <(printf 'Subject: x%2000sy\nX-More: z%3000s\n\nbody\n' '' '')
    [ "$(field X-More | tr -d '\n ')" = z ]
    [ "$(field Subject | tr -d '\n ')" = xy ]
    refute_in <(header) '^[ 	]+$'
    [ "$(body)" = body ]
}

# --- where it comes from -------------------------------------------------------------
# Goal: a pipe, a file from its offset, a socket; of any size, with no named file and with
# little memory.

@test "a file on stdin is read from its offset" {
    printf 'this is no part\nSubject: x\n\nbody\n' >"$BATS_TEST_TMPDIR/input"
    relay
    profile
    {
        read -r _
        run --separate-stderr sendmail bob@mail.test
    } <"$BATS_TEST_TMPDIR/input"
    assert_status 0
    peer_done
    [ "$(field Subject)" = x ]
    [ "$(body)" = body ]
    refute_in <(arrived) 'no part'
}

@test "a large file on stdin is read from its offset" {
    noise 400000
    { head -c 300001 /dev/zero | tr '\0' x; cat "$BATS_TEST_TMPDIR/noise"; } >"$BATS_TEST_TMPDIR/input"
    relay
    profile
    run --separate-stderr "$PYTHON" -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.lseek(fd, 300001, os.SEEK_SET)
os.dup2(fd, 0)
os.execv(sys.argv[2], ["sendmail", "bob@mail.test"])' "$BATS_TEST_TMPDIR/input" "$BIN/sendmail"
    assert_status 0
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "a file at its end is empty input" {
    echo x >"$BATS_TEST_TMPDIR/input"
    {
        read -r _
        refuses 65 bob@mail.test
    } <"$BATS_TEST_TMPDIR/input"
}

@test "empty input is refused" {
    refuses 65 bob@mail.test </dev/null
    refuses 65 -t < <(:)
}

@test "a directory on stdin can't be read" {
    refuses 74 bob@mail.test <"$BATS_TEST_TMPDIR"
}

@test "a socket on stdin is read to its end" {
    noise 300000
    relay
    profile
    run --separate-stderr "$PYTHON" -c 'import socket, subprocess, sys
mine, yours = socket.socketpair()
child = subprocess.Popen(sys.argv[2:], stdin=yours)
yours.close()
mine.sendall(open(sys.argv[1], "rb").read())
mine.close()
sys.exit(child.wait())' "$BATS_TEST_TMPDIR/noise" "$BIN/sendmail" bob@mail.test
    assert_status 0
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "input of exactly the size kept in memory, one byte less, one more arrives whole" {
    local size
    for size in 131071 131072 131073; do
        { printf 'Subject: x\n\n'; head -c $((size - 13)) /dev/zero | tr '\0' x; echo; } >"$BATS_TEST_TMPDIR/input"
        [ "$(stat -c %s "$BATS_TEST_TMPDIR/input")" = $size ]
        sends 1 bob@mail.test < <(cat "$BATS_TEST_TMPDIR/input")
        [ "$(body | wc -c)" = $((size - 12)) ]
    done
}

# traced FILTER ARGUMENT...: sendmail under strace; the calls of all threads in "trace".
traced() {
    need strace
    strace -f -y -e "trace=$1" -o "$BATS_TEST_TMPDIR/trace" "$BIN/sendmail" "${@:2}"
}
CREATING=open,openat,openat2,creat,memfd_create,mknod,mknodat,mkdir,mkdirat,link,linkat,rename,renameat,symlink,symlinkat

# bats test_tags=strace
@test "for a message of 2 KB no file is created" {
    relay
    profile log=off
    run --separate-stderr traced "$CREATING" bob@mail.test < <(message "$(printf 'x%.0s' {1..2000})")
    assert_status 0
    peer_done
    assert_in "$BATS_TEST_TMPDIR/trace" 'open'          # it did trace
    refute_in "$BATS_TEST_TMPDIR/trace" 'O_CREAT|O_TMPFILE|O_WRONLY|O_RDWR|memfd|creat|mk|link|rename'
}

# bats test_tags=strace
@test "a pipe over 128 KiB goes to a file without a name, in TMPDIR" {
    mkdir "$BATS_TEST_TMPDIR/spool"
    noise 700000
    relay
    profile log=off
    TMPDIR=$BATS_TEST_TMPDIR/spool run --separate-stderr traced "$CREATING" bob@mail.test \
        < <(cat "$BATS_TEST_TMPDIR/noise")
    assert_status 0
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
    refute_in "$BATS_TEST_TMPDIR/trace" 'O_CREAT|creat\(|mk|link|rename'
    assert_in "$BATS_TEST_TMPDIR/trace" '/spool".*O_TMPFILE'
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/spool")" ]
}

@test "where there is no room for it, the line says where" {
    profile
    message "$(head -c 300000 /dev/zero | tr '\0' x | fold -w 70)" >"$BATS_TEST_TMPDIR/big"
    run --separate-stderr bash -c 'trap "" XFSZ; ulimit -f 64; cat "$1" | TMPDIR="$2" "$3" bob@mail.test' \
        - "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR" "$BIN/sendmail"
    assert_status 71
    assert_one_line
    assert_output_has "cannot keep the message (TMPDIR: $BATS_TEST_TMPDIR): File too large"
}

@test "where TMPDIR bears no such file the message is kept in memory" {
    noise 700000
    relay
    profile
    TMPDIR=/proc run --separate-stderr sendmail bob@mail.test \
        < <(cat "$BATS_TEST_TMPDIR/noise")
    assert_status 0
    assert_silent
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

# bats test_tags=strace
@test "a large file on stdin is not copied" {
    noise 700000
    relay
    profile log=off
    run --separate-stderr traced "$CREATING" bob@mail.test <"$BATS_TEST_TMPDIR/noise"
    assert_status 0
    peer_done
    refute_in "$BATS_TEST_TMPDIR/trace" 'O_CREAT|O_TMPFILE|memfd'
}

# slow_relay: a peer that waits a while before its answer to DATA; its log tells when.
slow_relay() {
    peer < <(relay_script | sed 's/^S: 354.*/SLEEP 1\n&/')
}
wait_for_data() {
    local turn
    for ((turn = 0; turn < 500; turn++)); do
        ! grep -q ' < DATA$' "$PEER/log" || return 0
        sleep 0.02
    done
    fail 'DATA never came'
}

@test "a file that grows while it is sent is sent to the size then seen" {
    noise 400000
    slow_relay
    profile
    "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/noise" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
    local pid=$!
    started $pid
    wait_for_data
    echo 'this is too late' >>"$BATS_TEST_TMPDIR/noise"
    wait $pid
    peer_done
    assert_bytes "$PEER/body.1.raw" "$BATS_TEST_TMPDIR/wanted"
}

@test "a file that is cut while it is sent is not committed" {
    noise 400000
    slow_relay
    profile
    "$BIN/sendmail" bob@mail.test <"$BATS_TEST_TMPDIR/noise" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- &
    local pid=$! status=0
    started $pid
    wait_for_data
    truncate -s 100000 "$BATS_TEST_TMPDIR/noise"
    wait $pid || status=$?
    assert_status 74
    [ "$(wc -l <"$BATS_TEST_TMPDIR/stderr")" = 1 ]
    peer_stop
    refute_in "$PEER/log" '> 250 2.0.0'
    [ ! -e "$PEER/body.1" ]
}

# --- memory --------------------------------------------------------------------------
# Goal: peak memory is under 1 MB, for 2 KB and for 25 MB alike.

assert_peak() {
    [ "$1" -gt 50 ] || fail "a peak of $1 KiB can't be"
    # A sanitizer's memory is its own.
    [ "$1" -lt 1000 ] || grep -q __asan_init "$MC" || fail "peak memory is $1 KiB"
}

large() {
    { message; yes 'All work and no play makes Jack a dull boy, and no mail.' | head -c 25000000; } \
        >"$BATS_TEST_TMPDIR/input"
}

@test "peak memory for 2 KB is under 1 MB" {
    message "$(printf 'x%.0s' {1..2000})" >"$BATS_TEST_TMPDIR/input"
    assert_peak "$(peak 1 PIPE "$BATS_TEST_TMPDIR/input" bob@mail.test)"
}

@test "peak memory for 25 MB from a pipe is under 1 MB" {
    large
    assert_peak "$(peak 1 PIPE "$BATS_TEST_TMPDIR/input" bob@mail.test)"
}

@test "peak memory for 25 MB from a file is under 1 MB" {
    large
    assert_peak "$(peak 1 FILE "$BATS_TEST_TMPDIR/input" bob@mail.test)"
}

@test "25 MB arrive whole" {
    large
    sends 1 bob@mail.test < <(cat "$BATS_TEST_TMPDIR/input")
    assert_bytes <(body) <(sed '1,/^$/d' "$BATS_TEST_TMPDIR/input"; echo)
}
