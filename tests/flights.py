#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Plays one message to two servers in turn, a row for each way in which the first can answer, and
tells which came out wrong.

    flights.py DIR BIN CERTS < ROWS

DIR is for profile, logs and messages, BIN the folder of links to the program. A row is a line, in
words as a shell's:
    [in=MODE,..] ANSWERS and CIRCUMSTANCES : WANTED
It is played once for each of the modes: both (PIPELINING and CHUNKING are offered), pipelining,
chunking, neither; all of them unless the row names some.

Answers of the first server. It reads a whole flight, then answers all of it. Where it doesn't offer
PIPELINING and a command comes before the one before is answered, it says 500 and closes, as
OpenSMTPD does, and the row is wrong.
    mail= rcpt.NAME= go= chunk= end= rset=
            to MAIL, RCPT, DATA or the first BDAT, to a chunk that isn't the last, to the end of the
            message, to RSET: CODE[:HOW], a / between those of successive transactions. HOW is
            close (and then it closes), cut (it closes in place of the answer), half (in the middle
            of it), reset (TCP, in place of the answer), twice (and says it once more).
            What isn't said is a yes, as far as it makes sense.
    early=CODE[:HOW]@BYTES  after so much of the content, while it reads on; or close; or deaf: it
            reads no more
    blurt=CODE,CODE..[:close]  it says all this to a flight that it has no room for and hasn't read,
            and nothing more to as many commands; or closes
    before=CODE,CODE..      it says this behind the answer to EHLO, in a record of its own
    size=BYTES              it announces this SIZE
    sips=1                  it reads byte by byte, and has little room
    talks=LINES             each answer is so many lines of 500 bytes, and is said at once, whatever
            else there is to read
Circumstances:
    to=NAME,..              the recipients (bob), or their number (r1,r2,..)
    body=BYTES              of the message, as it is sent; or like=KIND: what KINDS has, behind
            pad=BYTES of something else
    stdin=pipe              (a file)
    tls=off; set.KEY=VALUE  keys of the profile
    under=COMMAND           the program is run by it
    hosts=1                 there is no second server
The second server offers the same, and takes everything.

Wanted:
    status=N log=WORD       the exit status, status= in the log
    says=PATTERN lacks=PATTERN  in the line on stderr, and not (as often as one likes)
    took=NAME,..            who has the message from the first server, which has said so; or all
    perhaps=NAME,..         who may have it: all of it came, and the answer was lost
    then=NAME,..            who has it from the second
    calls=N,N               connections to each
    delivered=N unknown=N   fields of the log; refused=PATTERN reply=PATTERN: in those fields
    heard=PATTERN           in what the first server heard, in the last connection: its commands,
            with "; " between them
Whoever isn't wanted to have it must not; * is anything. Besides, the law holds in every row: 0 if
and only if each recipient got it from a server that said so; nobody gets it twice; where a server
may have it, nobody says "not sent"; and what arrives is the message, byte for byte, as large as
MAIL said.
MODE.status= and so on is for that mode alone, and stands for what else is wanted there.
Status: 0 if all rows were as wanted, else 1 and a few lines on stderr for each other.
"""
import argparse
import os
import random
import re
import select
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer"))
import peer     # not before the line above

HEADER = (b"From: Alice <alice@mail.test>\nTo: bob@mail.test\n"
          b"Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@mail.test>\nSubject: a test\n\n")
MODES = {"both": ("PIPELINING", "CHUNKING"), "pipelining": ("PIPELINING",),
         "chunking": ("CHUNKING",), "neither": ()}
ANSWERS = r"(mail|rcpt\.\w+|go|chunk|end|rset)=\d\d\d(:\w+)?(/\d\d\d(:\w+)?)*|" \
          r"early=\d\d\d(:\w+)?@\d+|blurt=[\d,]+(:close)?|before=[\d,]+|size=\d+|sips=1|talks=\d+"
CIRCUMSTANCES = r"in=[\w,]+|to=[\w,]+|(body|pad|hosts)=\d+|like=\w+|stdin=pipe|tls=off|" \
                r"set\.\w+=.*|under=.*"
WANTED = r"(\w+\.)?(status|log|says|lacks|took|perhaps|then|calls|delivered|unknown|refused|" \
         r"reply|heard)=.*"
# All that the two ways of sending content treat differently, or that could be cut at a border.
KINDS = {
    "dots": b".\n..\n...\n.x\n",
    "crlf": b"line\r\n.\r\n\r\n",
    "cr": b"one\rtwo\r\rthree\r\r\nfour\r.\n",
    "nul": b"a\0b\n\0.c\n\0\n",
    "end": b".\n.\nRSET\n.\n\n",
    "long": b"." * 997 + b"\n",
}
DRY = 0.02      # a client that pipelines has sent the rest of its flight by then, mostly
LATE = 1.0      # .. and surely by then


class Gone(Exception):
    """The connection is over."""


class Server(peer.Connection):
    """One connection."""

    def __init__(self, run, number, sock):
        super().__init__(run, number, sock)
        self.row = run.row
        self.transaction, self.sent = 0, 0
        self.replies, self.ending, self.mute, self.said = [], None, False, True
        self.answered = 0       # so many commands ahead
        self.accepted, self.content, self.chunks, self.failed = [], bytearray(), 0, False
        self.early, self.deaf = None, False
        self.commands = []
        self.size = None

    def planned(self, key):
        """The row's answer to this, or None."""
        answers = self.row.get(key) if self.run.first else None
        if not answers:
            return None
        answers = answers.split("/")
        return answers[min(max(self.transaction, 1), len(answers)) - 1]

    def reply(self, key, plain):
        """Puts an answer into the queue; returns the code."""
        code, _, how = (self.planned(key) or str(plain)).partition(":")
        self.said = not self.mute and how not in ("cut", "half", "reset")
        text = self.line(code, key)
        if self.answered:
            self.answered -= 1
        elif not self.mute:
            if how == "half":
                text = text[:len(text) // 2]
            if how not in ("cut", "reset"):
                self.replies.append(text)
            if how == "twice":
                self.replies.append(text)
        if how in ("close", "cut", "half", "reset") and not self.mute:
            self.mute, self.ending = True, how
        return int(code)

    def say(self):
        """The queue goes out, and whatever ends the connection then."""
        if self.replies:
            for text in self.replies:
                self.log("> " + peer.escape(text.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]))
            self.write(b"".join(self.replies))
        self.replies = []
        if self.ending:
            if self.ending == "reset":
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
            else:
                self.end_sending(self.ending == "close")
            raise Gone

    def settle(self, over):
        """After a command; over: a client that pipelines waits for the answer to this one."""
        if "PIPELINING" in self.run.offer:
            wait = LATE if self.ending else DRY
            if "talks" not in self.row and not over and (self.buf or self.fill(wait)):
                return
        elif self.buf or self.fill(0):
            self.run.faults.append("pipelined: %s" % peer.quote(self.buf[:30]))
            self.replies = [b"500 5.5.1 Invalid command: Pipelining not supported\r\n"]
            self.ending = "close"
        self.say()

    def serve(self):
        if not self.row.get("tls") and not self.start_tls("may fail"):
            return
        self.replies.append(b"220 mail.test ESMTP\r\n")
        self.say()
        while True:
            line = self.read_line()
            if line is None:
                return
            self.commands.append(line.decode("latin-1").rstrip("\r\n"))
            verb, _, rest = self.commands[-1].partition(" ")
            getattr(self, "do_" + verb.lower())(rest)

    def do_ehlo(self, _rest):
        words = ["mail.test", "8BITMIME", "SIZE " + self.row.get("size", "50000000")]
        words += self.run.offer
        text = "".join("250%s%s\r\n" % (" " if word is words[-1] else "-", word)
                       for word in words).encode()
        self.log("> 250 " + " ".join(words))
        # Two records, one packet.
        if self.run.first and self.row.get("before"):
            if self.tls:
                self.tls.write(text)
                text = b""
            text += self.lines("before")
        self.write(text)
        if self.run.first and self.row.get("blurt"):
            # Until the client is stuck in the middle of its flight.
            select.select([self.sock], [], [])
            time.sleep(DRY)
            self.replies = [self.lines("blurt")]
            self.ending = self.row["blurt"].partition(":")[2] or None
            self.say()
            self.answered = self.row["blurt"].count(",") + 1

    def line(self, code, words):
        long = "%s-%s\r\n" % (code, "-" * 494) * int(self.row.get("talks", "0"))
        return ("%s%s %s.0.0 %s\r\n" % (long, code, code[0], words)).encode()

    def lines(self, key):
        return b"".join(self.line(code, key)
                        for code in self.row[key].partition(":")[0].split(","))

    def receive(self, timeout=None):
        if not (self.run.first and self.row.get("sips")):
            return super().receive(timeout)
        if timeout is not None and not select.select([self.sock], [], [], timeout)[0]:
            return None
        data = self.sock.recv(1)
        self.gone = not data
        return data

    def do_mail(self, rest):
        self.size = int(re.search(r" SIZE=(\d+)", rest)[1])
        self.transaction += 1
        self.accepted, self.content, self.chunks, self.failed = [], bytearray(), 0, False
        self.failed = self.reply("mail", 250) >= 300
        self.settle(False)

    def do_rcpt(self, rest):
        name = re.match(r"TO:<([^@>]*)", rest)[1]
        if self.reply("rcpt." + name, 503 if self.failed else 250) < 300 and not self.failed:
            self.accepted.append(name)
        self.settle(False)

    def do_data(self, _rest):
        code = self.reply("go", 354 if self.accepted else 554)
        self.settle(True)
        if code == 354:
            while not self.content.endswith(b"\r\n.\r\n"):
                self.more_content()
            self.content = bytearray(re.sub(rb"(?m)^\.", b"", self.content[:-3]))
            self.finish()
            self.settle(True)

    def do_bdat(self, rest):
        size, _, last = rest.partition(" ")
        self.chunks += 1
        until = len(self.content) + int(size)
        while len(self.content) < until:
            self.more_content(until)
        if self.chunks == 1 and self.planned("go"):
            self.failed = True
            self.reply("go", 0)
        elif not self.accepted or self.failed:
            if last:
                self.finish()
            else:
                self.reply("rejected", 503)
        elif last:
            self.finish()
        else:
            self.failed = self.reply("chunk", 250) >= 300
        self.settle(bool(last))

    def more_content(self, until=None):
        """Takes what there is; says what the row wants said in between."""
        if not self.buf and not self.fill():
            raise Gone
        part = bytes(self.buf[:until and until - len(self.content)])
        del self.buf[:len(part)]
        self.content += part
        if self.run.first and self.row.get("early") and not self.early:
            answer, _, count = self.row["early"].partition("@")
            if len(self.content) >= int(count):
                self.early, self.failed = answer, True
                code, _, how = answer.partition(":")
                self.replies.append(self.line(code, "early"))
                self.ending = "close" if how == "close" else None
                self.say()
                if how == "deaf":
                    self.deaf = True
                    self.stall()
                    raise Gone

    def finish(self):
        """All of the content is here."""
        whole = bytes(self.content) == self.run.wanted and self.size == len(self.run.wanted)
        ok = bool(self.accepted) and not self.failed
        code = self.reply("end", 250 if ok else 554)
        if ok and code < 400:
            self.run.taken.append((self.accepted, whole, self.said and code < 300))
        self.accepted = []

    def do_rset(self, _rest):
        self.reply("rset", 250)
        self.accepted = []
        self.settle(True)

    def do_quit(self, _rest):
        self.replies.append(b"221 bye\r\n")
        self.say()

    def play(self, _section=None):
        try:
            self.serve()
        except Gone:
            pass
        except Exception as error:  # a fault of the server must not look like a good run
            self.run.faults.append("the server failed: %r" % error)
        try:
            # What still comes is read, so that the end is no reset that eats our answer.
            if self.ending != "reset" and "blurt" not in self.row and not self.deaf:
                self.end_sending(True)
                while self.receive(5):
                    pass
        except (peer.Stopped, OSError):
            pass
        self.sock.close()
        self.log("OVER")


class Host(peer.Run):
    """A server, for one run of the program."""

    def __init__(self, folder, certs, row, offer, wanted, first):
        os.makedirs(folder, exist_ok=True)
        super().__init__(argparse.Namespace(dir=folder, certs=certs, cert="good", time=30))
        self.row, self.offer, self.wanted, self.first = row, offer, wanted, first
        self.taken, self.faults, self.calls = [], [], []
        self.threads = []
        self.listener = socket.socket()
        self.address, self.name = "127.0.0.1", "localhost"
        if first and ("sips" in row or "blurt" in row or "talks" in row):
            # With small segments the client's side has little room, too; unless the kernel has
            # learnt from others how much goes to this address. So it is one of its own.
            self.address = self.name = "127.%d.%d.%d" % tuple(random.choices(range(1, 255), k=3))
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 300)
        self.listener.bind((self.address, 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.waker, self.wake = os.pipe()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def context(self, options):
        # Made once: reading the key takes longer than the rest of a row.
        if not hasattr(Host, "kept"):
            Host.kept = super().context(options)
        return Host.kept

    def certificates(self, options):
        pass

    def accept(self):
        while True:
            ready = select.select([self.listener, self.waker], [], [])[0]
            if self.listener not in ready:
                return
            sock, _ = self.listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.calls.append(Server(self, len(self.calls) + 1, sock))
            self.log(len(self.calls), "CONNECT")
            self.threads.append(threading.Thread(target=self.calls[-1].play, daemon=True))
            self.threads[-1].start()

    def end(self):
        os.write(self.wake, b".")
        self.thread.join(5)
        self.stop()
        for thread in self.threads:
            thread.join(10)
            if thread.is_alive():
                self.faults.append("a connection doesn't end")
        self.listener.close()
        os.close(self.waker)
        os.close(self.wake)
        self.log_file.close()

    def names(self, confirmed):
        return [name for names, _, said in self.taken if said == confirmed for name in names]


def message_for(row):
    """The message, as it comes in."""
    if "like" in row:
        text = KINDS[row["like"]]
        return HEADER + b"x" * int(row.get("pad", "0")) + b"\n" + \
            text * (40000 // len(text)) + b"no end of line"
    size = int(row.get("body", "300")) - len(as_sent(HEADER)) - 2
    lines = b"a line of the body of some message\n"
    lines *= size // (len(lines) + 1)
    return HEADER + lines + b"x" * (size - len(as_sent(lines)) * bool(lines)) + b"\n"


def as_sent(text):
    """The message on its way: CRLF alone ends a line, and the last line has an end, too."""
    text = re.sub(rb"\r\r\n|\r\n|\r|\n", b"\r\n", text.replace(b"\0", b""))
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def field(line, name):
    """The value of a log line's field, without its quotation marks."""
    found = re.search(r' %s=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))(?: |$)' % name, line)
    return (found[1] or found[2] or "") if found else ""


class Play:
    """A row in a mode."""

    def __init__(self, place, row, mode):
        self.place, self.row, self.mode = place, row, mode
        self.to = row.get("to", "bob")
        self.to = ["r%d" % i for i in range(1, int(self.to) + 1)] if self.to.isdigit() else \
            self.to.split(",")
        self.message = message_for(row)
        wanted = as_sent(self.message)
        assert "body" not in row or len(wanted) == int(row["body"]), len(wanted)
        self.hosts = []
        for i in range(int(row.get("hosts", "2"))):
            self.hosts.append(Host("%s/host%d" % (place.folder, i + 1), place.certs, row,
                                   MODES[mode], wanted, i == 0))

    def run(self):
        place = self.place
        keys = {
            "host": " ".join("%s:%d" % (host.name, host.port) for host in self.hosts),
            "tls_name": "localhost",
            "tls": self.row.get("tls", "implicit"), "tls_trust": place.certs + "/ca.pem",
            "from": "alice@mail.test", "domain": "mail.test", "helo": "client.test",
            "max_recipients": "1000",
            "log": place.folder + "/log", "timeout": "3s", "commit_timeout": "3s"}
        keys.update((key[4:], value) for key, value in self.row.items() if key.startswith("set."))
        for path in ("profile", "log"):
            if os.path.exists(place.folder + "/" + path):
                os.unlink(place.folder + "/" + path)
        with open(place.folder + "/profile", "w", encoding="utf-8") as file:
            file.write("[default]\n" + "".join("%s = %s\n" % pair for pair in keys.items()))
        with open(place.folder + "/message", "wb") as file:
            file.write(self.message)
        command = shlex.split(self.row.get("under", "")) + [place.program + "/sendmail"]
        command += [name + "@mail.test" for name in self.to]
        with open(place.folder + "/message", "rb") as file:
            stdin = {"input": self.message} if "stdin" in self.row else {"stdin": file}
            try:
                self.done = subprocess.run(
                    command, **stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=15,
                    env={"PATH": os.environ["PATH"],
                         "MAILCHUTE_CONFIG": place.folder + "/profile"}, check=False)
            except subprocess.TimeoutExpired:
                self.done = None
        for host in self.hosts:
            host.end()
        self.log = ""
        if os.path.exists(place.folder + "/log"):
            with open(place.folder + "/log", encoding="utf-8", errors="replace") as file:
                self.log = file.read()

    def law(self, told):
        """What holds whatever the row wants."""
        sure = [name for host in self.hosts for name in host.names(True)]
        perhaps = [name for host in self.hosts for name in host.names(False)]
        for host in self.hosts:
            yield from host.faults
            if not all(whole for _, whole, _ in host.taken):
                yield "what arrived isn't what was sent"
        if (self.done.returncode == 0) != (sorted(sure) == sorted(self.to)):
            yield "THE LAW: status %d, and %s have it" % (self.done.returncode, sure)
        for name in self.to:
            if (sure + perhaps).count(name) > 1:
                yield "THE LAW: %s gets it twice" % name
        if "not sent" in told and sure + perhaps:
            yield "THE LAW: not sent, but %s may have it" % (sure + perhaps)
        if self.done.returncode == 0 and (told or self.done.stdout):
            yield "0, but not silent"
        if self.done.returncode != 0 and (told.count("\n") != 1 or not told.endswith("\n")):
            yield "stderr is not one line"
        if self.log.count("\n") != 1 or " exit=%d " % self.done.returncode not in self.log:
            yield "the log is not one line with this status"

    def wrong(self, wanted):
        """All that isn't as it should be."""
        if self.done is None:
            yield "it hangs"
            return
        told = self.done.stderr.decode("utf-8", "replace")
        yield from self.law(told)

        def names(host, confirmed):
            return ",".join(sorted(self.hosts[host].names(confirmed) if host < len(self.hosts)
                                   else []))

        got = {"status": str(self.done.returncode), "log": field(self.log, "status"),
               "took": names(0, True), "perhaps": names(0, False), "then": names(1, True),
               "delivered": field(self.log, "delivered"), "unknown": field(self.log, "unknown"),
               "calls": ",".join(str(len(host.calls)) for host in self.hosts)}
        calls = self.hosts[0].calls
        for key, have in got.items():
            default = {"log": have, "calls": have,
                       "delivered": "" if got["status"] == "0" else "0"}.get(key, "")
            want = wanted.get(key, [default])[0]
            if key in ("took", "then", "perhaps"):
                want = self.to if want == "all" else filter(None, want.split(","))
                want = ",".join(sorted(want))
            if want not in (have, "*"):
                yield "%s: %s, not %s" % (key, have[:200] or "nothing", want[:200] or "nothing")
        texts = {"says": told, "refused": field(self.log, "refused"),
                 "reply": field(self.log, "reply"),
                 "heard": "; ".join(calls[-1].commands) if calls else ""}
        for key, text in texts.items():
            for pattern in wanted.get(key, []):
                if not re.search(pattern, text):
                    yield "not in %s: %s" % (key, pattern)
        for pattern in wanted.get("lacks", []):
            if re.search(pattern, told):
                yield "said: %s" % pattern

    def show(self):
        yield "said: %s" % (self.done and self.done.stderr.decode("utf-8", "replace").rstrip())
        yield "log: " + self.log.rstrip()
        for host in self.hosts:
            with open(host.path("log"), encoding="utf-8", errors="replace") as file:
                lines = [line[:80].rstrip() for line in file if re.match(r"\d+ [<>] ", line)]
            yield "server: " + " | ".join(lines[-30:])


class Place:
    """What all rows share."""

    def __init__(self, folder, program, certs):
        self.folder, self.program, self.certs = folder, program, certs

    def clean(self):
        for i in (1, 2):
            path = "%s/host%d/log" % (self.folder, i)
            if os.path.exists(path):
                os.unlink(path)


def parse(line):
    words = shlex.split(line, comments=True)
    if not words:
        return None
    split = words.index(":")
    row, wanted = {}, {}
    for word in words[:split]:
        if not re.fullmatch(ANSWERS + "|" + CIRCUMSTANCES, word):
            sys.exit("no such word in a row: " + word)
        key, _, value = word.partition("=")
        row[key] = value
    for word in words[split + 1:]:
        if not re.fullmatch(WANTED, word):
            sys.exit("nothing can be wanted by: " + word)
        key, _, value = word.partition("=")
        wanted.setdefault(key, []).append(value)
    return row, wanted


def main():
    place = Place(*sys.argv[1:])
    played = failed = 0
    for line in sys.stdin.read().replace("\\\n", " ").split("\n"):
        parsed = parse(line)
        if parsed is None:
            continue
        row, all_wanted = parsed
        for mode in row.get("in", ",".join(MODES)).split(","):
            wanted = {key: value for key, value in all_wanted.items() if "." not in key}
            wanted.update((key.split(".")[1], value) for key, value in all_wanted.items()
                          if key.split(".")[0] == mode and "." in key)
            played += 1
            place.clean()
            began = time.monotonic()
            play = Play(place, row, mode)
            play.run()
            wrong = list(play.wrong(wanted))
            if os.environ.get("FLIGHTS_SHOW"):
                print("%.3f %s" % (time.monotonic() - began, mode), *play.show(), sep="\n   ")
            if wrong:
                failed += 1
                print("--- wrong where it offers %s: %s" % (mode, line.strip()), *wrong,
                      *play.show(), sep="\n    ", file=sys.stderr)
    if not played:
        print("there is no row", file=sys.stderr)
    return 1 if failed or not played else 0


if __name__ == "__main__":
    sys.exit(main())
