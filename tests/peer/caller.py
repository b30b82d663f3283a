#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The scripted caller: talks SMTP to a program on its stdin and stdout (sendmail -bs).

    caller.py [--time 30] SCRIPT COMMAND [ARGUMENT...]

Prints the dialogue on stdout, "C: .." and "S: .." a line; the command keeps our stderr.
Exit status: the command's (128 + N for a signal), if the whole script was played; 99 after a
mismatch, which is told on stderr; 98 if the command hangs.

The script:
    # comment          comments and empty lines are passed over
    C: text            sends text CRLF; lines in a row go in one write (pipelined)
    L: text            the same with a bare LF
    C\\: a\\r\\nb\\x00     bytes with escapes, no line end added
    FILE path          the bytes of a file, in the same write
    TRICKLE path       the bytes of a file, each sent when the one before was read
    S: GLOB            reads one reply, of any number of lines, which must match GLOB ("\\n"
                       between the lines stands as a blank there)
    S-NONE seconds     nothing may be answered for that long
    AWAIT path REGEX   waits until a line of the file matches
    DO command         runs a shell command
    SIGNAL NAME        sends a signal to the command
    PEAK kilobytes     the command's memory was never larger (VmHWM)
    EOF                closes the command's stdin
    DEAF               closes our end of its stdout
At the script's end the command must end by itself, with no further word.
"""
import argparse
import array
import fcntl
import fnmatch
import os
import re
import signal
import select
import subprocess
import sys
import termios
import time


class Mismatch(Exception):
    """The command did something else than the script wants."""


def escape(data):
    names = {0x5c: "\\\\", 13: "\\r", 10: "\\n", 9: "\\t"}
    return "".join(names.get(b) or (chr(b) if 32 <= b < 127 else "\\x%02x" % b) for b in data)


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


class Caller:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0, restore_signals=True)
        self.to = self.process.stdin.fileno()
        self.pending = []
        self.buf = b""
        self.shown = None

    def show(self, text):
        """On our stdout; what comes a thousand times stands there once."""
        if text != self.shown:
            print(text)
        self.shown = text

    def write(self, data):
        try:
            while data:
                data = data[os.write(self.to, data):]
        except BrokenPipeError:
            raise Mismatch("the command reads no more") from None

    def flush(self):
        data, self.pending = b"".join(self.pending), []
        for line in data[:20000].split(b"\n")[:50]:
            if line:
                self.show("C: " + escape(line.rstrip(b"\r"))[:300])
        self.write(data)

    def drained(self):
        """Waits until all that was written has been read."""
        left = array.array("i", [1])
        while True:
            fcntl.ioctl(self.to, termios.FIONREAD, left)
            if left[0] == 0 or self.process.poll() is not None:
                return
            time.sleep(0.0002)

    def line(self):
        while b"\n" not in self.buf:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Mismatch("no more replies, %s left" % escape(self.buf))
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        self.show("S: " + escape(line.rstrip(b"\r")))
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise Mismatch("the line end of " + escape(line))
        return line[:-1].decode("utf-8", "surrogateescape")

    def reply(self):
        lines = [self.line()]
        while re.match(r"\d{3}-", lines[-1]):
            lines.append(self.line())
        codes = {re.match(r"\d{3}[- ]|$", line).group()[:3] for line in lines}
        if len(codes) != 1 or "" in codes:
            raise Mismatch("no SMTP reply: %s" % lines)
        return " ".join(lines)

    def do(self, word, text):
        if word == "C:":
            self.pending.append(to_bytes(text) + b"\r\n")
        elif word == "L:":
            self.pending.append(to_bytes(text) + b"\n")
        elif word == "C\\:":
            self.pending.append(to_bytes(text).decode("unicode_escape").encode("latin-1"))
        elif word == "FILE":
            with open(text, "rb") as file:
                self.pending.append(file.read())
        else:
            self.flush()
            self.act(word, text)

    def act(self, word, text):
        if word == "S:":
            got = self.reply()
            if not fnmatch.fnmatchcase(got, text):
                raise Mismatch('wanted "%s" got "%s"' % (text, escape(to_bytes(got))))
        elif word == "S-NONE":
            if self.buf or select.select([self.process.stdout], [], [], float(text))[0]:
                raise Mismatch("wanted no answer")
        elif word == "TRICKLE":
            with open(text, "rb") as file:
                for byte in file.read():
                    self.write(bytes([byte]))
                    self.drained()
        elif word == "AWAIT":
            path, pattern = text.split(" ", 1)
            while True:
                with open(path, "rb") as file:
                    if re.search(to_bytes(pattern), file.read(), re.M):
                        return
                time.sleep(0.005)
        elif word == "DO":
            subprocess.run(text, shell=True, check=True)
        elif word == "SIGNAL":
            self.process.send_signal(getattr(signal, "SIG" + text))
        elif word == "PEAK":
            with open("/proc/%d/status" % self.process.pid) as file:
                peak = int(re.search(r"VmHWM:\s*(\d+)", file.read())[1])
            if peak > int(text):
                raise Mismatch("%d kB of memory, not %s" % (peak, text))
        elif word == "EOF":
            self.process.stdin.close()
        elif word == "DEAF":
            self.process.stdout.close()
        else:
            raise Mismatch("the script: " + word)

    def end(self):
        if not self.process.stdout.closed:
            rest = self.buf + self.process.stdout.read()
            if rest:
                raise Mismatch("said too much: " + escape(rest))
        status = self.process.wait()
        return status if status >= 0 else 128 - status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--time", type=int, default=30)
    parser.add_argument("script")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with open(options.script, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        script = file.read().split("\n")
    caller = Caller(options.command)

    def hangs(_signal, _frame):
        caller.process.kill()
        print("caller: line %d: the command hangs" % number, file=sys.stderr)
        sys.stdout.flush()
        os._exit(98)

    signal.signal(signal.SIGALRM, hangs)
    signal.alarm(options.time)
    number = 0
    try:
        for number, line in enumerate(script, 1):
            if line and not line.startswith("#"):
                caller.do(*line.partition(" ")[::2])
        caller.flush()
        return caller.end()
    except Mismatch as error:
        print("caller: line %d: %s" % (number, error), file=sys.stderr)
        caller.process.kill()
        return 99


if __name__ == "__main__":
    sys.exit(main())
