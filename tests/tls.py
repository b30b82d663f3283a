#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Tries servers' certificates, each on both ports, and tells which went wrong.

    tls.py FOLDER PEERS BIN PROFILE HEARD < ROWS
    tls.py FOLDER PEERS BIN PROFILE HEARD WORD...       one row

A row is a line, in words as a shell's:
    good NAME... [KEY=VALUE...]             the message goes out, and not a word is said
    bad NAME PATTERN... [KEY=VALUE...]      76, one line that can be read and that each PATTERN
                                            (a regular expression) is in, status=tls in the log,
                                            and not a byte of log-in, envelope or content sent
FOLDER holds NAME.pem and NAME.key, or NAME.hello (see peer.py); the keys are set in PROFILE for
this row, and tls_trust is NAME.roots.pem or root.pem, if FOLDER has one. within=SECONDS is how long
each port may take. In a pattern, TODAY is the date.
PEERS is the folder where tls.bash keeps its two peers, BIN that of links to the program; in HEARD
is left what the peers heard in the last row. Status: 0 if all rows were as wanted, else 1 and
a few lines on stderr for each other. In one process, for there are hundreds.
"""
import os
import re
import shlex
import subprocess
import sys
import time

MESSAGE = b"From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: a test\n\nHello, Bob.\n"
OURS = re.compile(r"<-? .*(AUTH|MAIL|RCPT|DATA|BDAT|s3cret|AGFsaWNl|Hello, Bob)| BODY ")
END = re.compile(r" OVER\n")


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


class Player:
    """The peers, the program and the profile that all rows share."""

    def __init__(self, folder, peers, program, profile, heard):
        self.folder, self.peers, self.heard = folder, peers, heard
        self.program, self.profile = program + "/sendmail", profile
        self.keys = dict(line.split(" = ", 1) for line in read(profile).split("\n")[1:-1])
        self.log = self.keys["log"]
        os.makedirs(heard, exist_ok=True)

    def show(self, name):
        """From now on the peers show this certificate."""
        for ending in (".pem", ".key", ".hello"):
            link = self.peers + "/shown" + ending
            if os.path.lexists(link):
                os.unlink(link)
            if os.path.exists(self.folder + "/" + name + ending):
                os.symlink("%s/%s%s" % (self.folder, name, ending), link)

    def set_up(self, kind, name, keys):
        """Writes the profile; the peer's log begins anew."""
        port, log = read("%s/%s" % (self.peers, kind)).split("\n")[:2]
        keys = {**self.keys, "host": "localhost:" + port, "tls": kind, **keys}
        for roots in (name + ".roots.pem", "root.pem"):
            if os.path.exists(self.folder + "/" + roots):
                keys["tls_trust"] = self.folder + "/" + roots
                break
        with open(self.profile, "w", encoding="utf-8") as file:
            file.write("[default]\n")
            file.writelines("%s = %s\n" % pair for pair in keys.items() if pair[1])
        for path in (log, self.log):
            with open(path, "w", encoding="utf-8"):
                pass        # both are appended to
        return log

    def try_one(self, kind, name, keys):
        """Sends the message; returns the run, what the peer heard, and the log line."""
        log = self.set_up(kind, name, keys)
        run = subprocess.run([self.program, "bob@mail.test"], input=MESSAGE, timeout=30,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        heard, until = "", time.monotonic() + 5
        while not END.search(heard) and time.monotonic() < until:
            time.sleep(0.002)
            heard = read(log)
        with open("%s/%s" % (self.heard, kind), "w", encoding="utf-8") as file:
            file.write(heard)
        return run, heard, read(self.log)


def faults(run, heard):
    """What is wrong whatever was wanted."""
    if heard.count(" CONNECT\n") != 1 or not END.search(heard) or "MISMATCH" in heard:
        yield "it is not one connection that was played to its end: " + heard
    if run.stdout:
        yield "it wrote to stdout: %r" % run.stdout


def good_faults(run, heard):
    if run.returncode != 0 or run.stderr:
        yield "status %d, not 0 in silence" % run.returncode
    if not re.search(r" < AUTH PLAIN .* BODY \d+ \d+ bytes\n", heard, re.S):
        yield "the message did not arrive: " + heard


def bad_faults(run, heard, line, patterns):
    if run.returncode != 76:
        yield "status %d, not 76" % run.returncode
    if OURS.search(heard):
        yield "something of ours was sent: " + heard
    if " status=tls exit=76 " not in line:
        yield "not in the log: status=tls exit=76: " + line
    try:
        told = run.stderr.decode("utf-8")
    except UnicodeDecodeError:
        yield "the words are no UTF-8"
        told = run.stderr.decode("latin-1")
    if not told.endswith("\n") or not told[:-1].isprintable() or len(run.stderr) > 2048:
        yield "the words are not one line that can be read"
    for pattern in patterns:
        if not re.search(pattern.replace("TODAY", time.strftime("%F", time.gmtime())), told[:-1]):
            yield "not told: " + pattern


def play(player, verdict, name, patterns, keys):
    """One row; says what is wrong on stderr, and returns whether nothing is."""
    within = float(keys.pop("within", 10))
    wrong, told = [], []
    player.show(name)
    for kind in ("starttls", "implicit"):
        began = time.monotonic()
        run, heard, line = player.try_one(kind, name, keys)
        found = list(faults(run, heard))
        if verdict == "good":
            found += good_faults(run, heard)
        else:
            found += bad_faults(run, heard, line, patterns)
            if kind == "implicit" and " < EHLO" in heard:
                found.append("EHLO was sent")
        if time.monotonic() - began > within:
            found.append("it took too long")
        wrong += [kind + ": " + fault[:1000] for fault in found]
        told.append("%s said: %s" % (kind, ascii(run.stderr.decode("utf-8", "backslashreplace"))))
    if wrong:
        print("--- the row %s is wrong:" % name, *wrong, *told, sep="\n    ", file=sys.stderr)
    return not wrong


def main():
    rows = [sys.argv[6:]] if sys.argv[6:] else [
        shlex.split(line, comments=True)
        for line in sys.stdin.read().replace("\\\n", " ").split("\n")]
    player = Player(*sys.argv[1:6])
    played = failed = 0
    for verdict, *words in filter(None, rows):
        keys = dict(word.split("=", 1) for word in words if re.match(r"[a-z_]+=", word))
        words = [word for word in words if not re.match(r"[a-z_]+=", word)]
        if verdict == "bad":
            names, patterns = words[:1], words[1:]
            if not patterns:
                sys.exit("no words to look for: %s" % names)
        elif verdict == "good":
            names, patterns = words, []
        else:
            sys.exit("no such row: %s" % verdict)
        for name in names:
            played += 1
            failed += not play(player, verdict, name, patterns, dict(keys))
    return 1 if failed or not played else 0


if __name__ == "__main__":
    sys.exit(main())
