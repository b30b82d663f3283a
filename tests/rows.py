#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Plays rows of a flag table, each a run of its own, and tells which went wrong.

    rows.py ROWS BIN PEER LOG

ROWS holds them as face.bash's "row" notes them: words ended by NUL, their number in front. BIN is
the folder of links to the program, PEER that of a peer that takes every message, LOG the log that
the profile names. Status: 0 if all rows were as wanted, else 1 and a few lines on stderr for each
other. In one process, for there are hundreds.
"""
import re
import subprocess
import sys

MESSAGE = r"From: Alice <alice@mail.test>\nTo: else@mail.test\nSubject: row\n\nHello.\n"


def read_rows(path):
    with open(path, "rb") as file:
        words = file.read().split(b"\0")[:-1]
    while words:
        count = int(words[0])
        yield words[1:1 + count]
        words = words[1 + count:]


def field(line, name):
    """The value of a log line's field, without its quotation marks."""
    found = re.search(r' %s=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))(?: |$)' % name, line)
    return (found[1] or found[2] or "") if found else ""


def said_since(peer, start):
    """What the server was told on the connections begun since, and the message's number."""
    mail, rcpt, number, body = "", "", None, None
    with open(peer + "/log", "rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", "backslashreplace").splitlines()
    for line in lines:
        connection, _, event = line.partition(" ")
        if event == "CONNECT":
            number = connection
        if connection != number:        # the end of an earlier one
            continue
        if event.startswith("< MAIL FROM:"):
            mail += re.sub(r" SIZE=\d+", "", event[12:])
        elif event.startswith("< RCPT TO:"):
            rcpt += event[10:]
        elif event.startswith("BODY "):
            body = event.split(" ")[1]
    return mail, rcpt, body


def size_of(path):
    with open(path, "rb") as file:
        return file.seek(0, 2)


def play(words, number, folder, peer, log):
    """Runs a row; returns its command line and what is wrong about it."""
    me = "r%d@mail.test" % number
    words = [word.decode("utf-8", "surrogateescape").replace("WHO", me) for word in words]
    split = words.index(":")
    want = {"mail": "<alice@mail.test>", "rcpt": "<%s>" % me, "ignored": "", "warn": "",
            "in": MESSAGE, "name": "sendmail", "has": "", "lacks": "", "dsn": "", "tag": "mailchute"}
    for pair in words[:split]:
        key, _, want_value = pair.partition("=")
        if key not in want:
            return words, ["no such key: " + key]
        want[key] = want_value
    text = want["in"].encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1")
    open(log, "wb").close()
    start = size_of(peer + "/log")
    wrong = []

    def check(what, got, wanted):
        if got != wanted:
            wrong.append("%s: %s, not: %s" % (what, got, wanted))

    command = [folder + "/" + want["name"]] + words[split + 1:]
    try:
        run = subprocess.run([part.encode("utf-8", "surrogateescape") for part in command], input=text,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return command, ["it hangs"]
    check("status", run.returncode, 0)
    check("printed", run.stdout.decode("utf-8", "replace"), "")
    mail, rcpt, body = said_since(peer, start)
    check("MAIL FROM", mail, want["mail"])
    check("RCPT TO", rcpt, want["rcpt"])
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    check("lines in the log", len(lines) - 1, 1)
    check("ignored", field(lines[0], "ignored"), want["ignored"])
    check("dsn", field(lines[0], "dsn"), want["dsn"])
    check("tag", lines[0].partition(" ")[2].partition("[")[0], want["tag"])
    warning = field(lines[0], "warn")
    if not (re.search(want["warn"], warning) if want["warn"] else warning == ""):
        check("warn", warning, want["warn"])
    if body is None:
        return command, wrong + ["no message arrived"]
    with open("%s/body.%s" % (peer, body), "rb") as file:
        message = file.read().replace(b"\r", b"").decode("utf-8", "replace")
    if want["has"] and not re.search(want["has"], message, re.M):
        wrong.append("not in the message: %s\n%s" % (want["has"], message))
    if want["lacks"] and re.search(want["lacks"], message, re.M):
        wrong.append("in the message: %s\n%s" % (want["lacks"], message))
    return command, wrong


def main():
    rows, folder, peer, log = sys.argv[1:]
    failed = number = 0
    for number, words in enumerate(read_rows(rows), 1):
        command, wrong = play(words, number, folder, peer, log)
        if wrong:
            failed += 1
            print("row %d: %r\n    %s" % (number, command, "\n    ".join(wrong)), file=sys.stderr)
    if number == 0:
        print("there is no row", file=sys.stderr)
    return 1 if failed or number == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
