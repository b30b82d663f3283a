#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Messages that hold what some server might take for their end, and what arrives of them.

    smuggling.py DIR PROGRAM CERTS FAMILY

Each probe is a message with an odd sequence of line ends, dots, NULs and blanks in it, behind which
stand the commands of a second message. The server takes down every byte that comes. In every case:
MAIL, RCPT and DATA (or BDAT) come once, and nobody hears of evil.test but in the content; all line
ends are CRLF, and no NUL is sent; CRLF.CRLF is there once, at the very end, or BDAT has counted
exactly; behind it comes QUIT and nothing else; and what arrives is the message, with each of its
line ends made CRLF (for that this file has rules of its own): nothing in it is lost, nothing ends it.

A family is a function of the table below. Status: 0 if all probes came out so, else 1 and a few
lines on stderr for each other.
"""
import concurrent.futures
import itertools
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

AT_ONCE = 3
WHOLE = (b"From: Alice <alice@mail.test>\nTo: bob@mail.test\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
         b"Message-ID: <1@mail.test>\nSubject: a test\n")
BEHIND = (b"MAIL FROM:<evil@evil.test>\r\nRCPT TO:<victim@evil.test>\r\nDATA\r\n"
          b"Subject: smuggled\r\n\r\nsmuggled\r\n")
KIB = 1024
BORDERS = (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB)

ENDS = (b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r", b"\r\r", b"\n\n", b"\0", b"\r\0\n", b"\0\r\n",
        b"\r\n\0", b"\xc2\x85")
DOTS = (b".", b"..", b". ", b" .", b".\0", b"\0.", b"\0", b"")
SEQUENCES = tuple(dict.fromkeys(b"".join(one) for one in itertools.product(ENDS, DOTS, ENDS)))
# Those by which servers have been fooled, and their near relations.
CORE = (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\n", b"\n.\r",
        b"\r.\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n.\0\n", b"\r\n.\r\r\n", b"\r\r\n.\r\n",
        b"\r\n\r.\r\n", b"\r\n..\r\n", b"\r\0\n.\r\0\n", b"\r\n.\n\r\n", b"\n\n.\n\n", b"\r\r.\r\r",
        b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.\r\n.\r\n", b"\n.\n.\n")


def as_sent(text):
    """A message on its way: each end of a line is CRLF, NULs are gone, the last line has an end."""
    text = re.sub(rb"\r\r\n|\r\n|\r|\n", b"\r\n", text.replace(b"\0", b""))
    return text if text.endswith(b"\r\n") else text + b"\r\n"


def unstuffed(text):
    """What a caller of -bs means by it (RFC 5321 4.5.2; behind a bare LF only by a doubled dot)."""
    return re.sub(rb"(?<!\r)(\n\.)\.", rb"\1", re.sub(rb"(\A|\r\n)\.", rb"\1", text))


class Server:
    """One connection after the other, in the thread that runs the client."""

    def __init__(self, tls):
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.port = self.listener.getsockname()[1]

    def take(self, offer, count=1):
        """One connection with so many messages: (commands, [content], [raw], what came behind)."""
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(20)
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
        with sock:
            return self.talk(sock, offer, count)

    def talk(self, sock, offer, count):
        self.buf, self.sock = b"", sock
        commands, contents, raws = [], [], []
        sock.sendall(b"220 mail.test\r\n")
        while count is None or len(contents) < count:
            while b"\n" not in self.buf:
                # Without a count until the client goes.
                if count is not None:
                    self.more()
                elif not self.waits():
                    return commands, contents, raws, self.buf
            line, _, self.buf = self.buf.partition(b"\n")
            if not line.endswith(b"\r"):
                raise ValueError("a bare LF ends %r" % line)
            commands.append(line[:-1])
            verb = line.split(b" ")[0].strip()
            if verb == b"EHLO":
                sock.sendall(b"250-mail.test\r\n250-8BITMIME\r\n" + offer + b"250 SIZE 0\r\n")
            elif verb == b"DATA":
                sock.sendall(b"354 go\r\n")
                raws.append(self.data())
                contents.append(re.sub(rb"(\A|\r\n)\.", rb"\1", raws[-1][:-3]))
                sock.sendall(b"250 ok\r\n")
            elif verb == b"BDAT":
                contents, raws = self.chunk(line, contents, raws)
            else:
                sock.sendall(b"250 ok\r\n")
        return commands, contents, raws, self.rest()

    def waits(self):
        """True if more comes."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.buf += data
        return bool(data)

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ValueError("the end, behind %r" % self.buf[-80:])
        self.buf += data

    def data(self):
        while not (self.buf.endswith(b"\r\n.\r\n") or self.buf == b".\r\n"):
            self.more()
        content, self.buf = self.buf, b""
        if (b"\r\n" + content).find(b"\r\n.\r\n") != len(content) - 3:
            raise ValueError("CRLF.CRLF within the content")
        return content

    def chunk(self, line, contents, raws):
        size = int(line.split()[1])
        while len(self.buf) < size:
            self.more()
        self.part = getattr(self, "part", b"") + self.buf[:size]
        self.buf = self.buf[size:]
        self.sock.sendall(b"250 ok\r\n")
        if line.split()[-1] != b"LAST":
            return contents, raws
        whole, self.part = self.part, b""
        return contents + [whole], raws + [whole]

    def rest(self):
        """All that comes until the client goes."""
        rest = self.buf
        try:
            while data := self.sock.recv(65536):
                rest += data
        except (ConnectionError, ssl.SSLError):
            pass
        return rest


def faults(probe, got):
    """What of it isn't as it must be."""
    commands, contents, raws, rest = got
    text = b"\n".join(commands)
    for verb in (b"MAIL FROM:", b"RCPT TO:"):
        count = len([line for line in commands if line.startswith(verb)])
        if count != probe.count:
            yield "%s came %d times" % (verb.decode(), count)
    if b"evil" in text or b"evil" in rest:
        yield "a command of the message's got out"
    if rest != b"QUIT\r\n":
        yield "behind the end came %r" % rest[:80]
    for raw in raws:
        if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw):
            yield "a bare CR, LF, or a NUL, in %r" % raw[-200:]
    for wanted, content in zip(probe.wanted, contents):
        if wanted is not None and content != wanted:
            yield "it is %r, not %r" % (content[-200:], wanted[-200:])
        if wanted is None and b"smuggled" not in content and not probe.ends:
            yield "not all of it has arrived: %r" % content[-200:]


class Probe:
    """A run: what goes in, and what must come out (None: only what holds for all)."""

    def __init__(self, name, text, wanted, arguments=("bob@mail.test",), **more):
        self.name, self.text, self.wanted = name, text, [wanted]
        self.arguments = list(arguments)
        self.offer = more.pop("offer", b"")
        self.tls = more.pop("tls", False)
        self.pipe = more.pop("pipe", True)
        self.ends = more.pop("ends", False)     # a dot ends it, by the profile
        self.count = 1
        assert not more, more

    def play(self, worker):
        stdin = subprocess.PIPE
        if not self.pipe:
            with open(worker.file, "wb") as file:
                file.write(self.text)
            stdin = open(worker.file, "rb")
        server = worker.servers[self.tls]
        with subprocess.Popen([worker.program, *self.arguments], stdin=stdin,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env={"MAILCHUTE_CONFIG": worker.profile(self)}) as process:
            try:
                if self.pipe:
                    process.stdin.write(self.text)
                    process.stdin.close()
                got = server.take(self.offer)
                process.wait(20)
                wrong = list(faults(self, got))
                if process.returncode != 0:
                    wrong.append("status %d" % process.returncode)
            except (ValueError, OSError, subprocess.TimeoutExpired) as error:
                process.kill()
                wrong = [repr(error)]
            said = process.stderr.read().decode("utf-8", "replace")
        if not self.pipe:
            stdin.close()
        return wrong + ["said: " + said] * bool(said)


class Session:
    """Many messages of a -bs caller, in one run."""

    def __init__(self, name, texts, line_end=b"\r\n", split=None, offer=b""):
        self.name, self.texts, self.line_end, self.split = name, texts, line_end, split
        self.offer = offer
        self.count, self.ends = len(texts), False
        self.wanted = [as_sent(WHOLE + b"\n" + unstuffed(text)) if line_end == b"\r\n" else None
                       for text in texts]
        self.tls = False

    def talk(self, process):
        """The caller's side; each line must get one answer, and each message one."""
        def reply(code):
            line = process.stdout.readline()
            while line[3:4] == b"-":
                line = process.stdout.readline()
            if not line.startswith(code):
                raise ValueError("%r, not %r" % (line, code))

        def say(text):
            for at in range(0, len(text), self.split or len(text)):
                os.write(process.stdin.fileno(), text[at:at + (self.split or len(text))])

        end = self.line_end
        reply(b"220")
        say(b"HELO shop.test" + end)
        reply(b"250")
        for text in self.texts:
            for command, code in ((b"MAIL FROM:<alice@mail.test>", b"250"),
                                  (b"RCPT TO:<bob@mail.test>", b"250"), (b"DATA", b"354")):
                say(command + end)
                reply(code)
            say((WHOLE + b"\n").replace(b"\n", end) + text + end + b"." + end)
            reply(b"250")
            if select.select([process.stdout], [], [], 0)[0]:
                raise ValueError("an answer too many behind %r" % text[:80])
        say(b"QUIT" + end)
        reply(b"221")
        process.stdin.close()

    def play(self, worker):
        found = []
        server = worker.servers[False]
        with subprocess.Popen([worker.program, "-bs"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                              env={"MAILCHUTE_CONFIG": worker.profile(self)}) as process:
            def serve():
                try:
                    found.append(server.take(self.offer, self.count))
                except (ValueError, OSError) as error:
                    found.append(error)
            thread = threading.Thread(target=serve)
            thread.start()
            try:
                self.talk(process)
                process.wait(20)
                wrong = ["status %d" % process.returncode] * bool(process.returncode)
            except (ValueError, OSError, subprocess.TimeoutExpired) as error:
                wrong = [repr(error)]
            process.kill()
            thread.join()
            said = process.stderr.read().decode("utf-8", "replace")
        if isinstance(found[0], Exception):
            return wrong + [repr(found[0])]
        return wrong + list(faults(self, found[0])) + ["said: " + said] * bool(said)


class Envelope:
    """A run whose commands are made of odd bytes: it may be refused, but not split in two."""

    count, tls, ends = 1, False, False
    # RFC 5321 4.1.2: <, > and blanks may stand within quotes, in a literal nearly all.
    PATH = rb'(?:"[^"\x00-\x1f\x7f]*"|\[[^]\x00-\x1f\x7f]*\]|[^][<>" \x00-\x1f\x7f])*'
    ONE = re.compile(rb"EHLO client\.test|(MAIL FROM|RCPT TO):<" + PATH +
                     rb">( [A-Z0-9]+(=[!-~]+)?)*|DATA|RSET|QUIT")

    def __init__(self, name, arguments, text):
        self.name, self.arguments, self.text = name, arguments, text

    def play(self, worker):
        server = worker.servers[False]
        wrong, called = [], False
        with subprocess.Popen([worker.program, *self.arguments], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={"MAILCHUTE_CONFIG": worker.profile(self)}) as process:
            process.stdin.write(self.text)
            process.stdin.close()
            while process.poll() is None and not called:
                called = select.select([server.listener], [], [], 0.02)[0]
            called = called or select.select([server.listener], [], [], 0)[0]
            if called:
                try:
                    commands, _, _, rest = server.take(b"", None)
                    wrong = list(self.split(commands, rest))
                except (ValueError, OSError) as error:
                    wrong = [repr(error)]
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                wrong.append("it hangs")
                process.kill()
            if process.returncode == 0 and not called and "-t" in self.arguments:
                wrong.append("0, and nobody was called")
        return wrong

    def split(self, commands, rest):
        """What isn't one command of ours a line."""
        for line in commands:
            if not self.ONE.fullmatch(line):
                yield "it says %r" % line
            # In a header the text before <..> may be a name, and victim meant; here nobody is.
            if "-bs" in self.arguments and re.match(rb'RCPT TO:<[^>@"]*@evil\.test>', line):
                yield "it says %r" % line
        if rest not in (b"QUIT\r\n", b""):
            yield "behind the end came %r" % rest[:80]


class Worker:
    """A thread's servers, profiles and file."""

    def __init__(self, folder, program, certs, number):
        self.folder = os.path.join(folder, "worker%d" % number)
        os.mkdir(self.folder)
        self.file = self.folder + "/message"
        self.program = self.folder + "/sendmail"
        os.symlink(program, self.program)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certs + "/good.pem", certs + "/good.key")
        self.servers = {False: Server(None), True: Server(context)}
        for tls, server in self.servers.items():
            for ends in (False, True):
                with open(self.path(tls, ends), "w", encoding="ascii",
                          opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                    file.write("[default]\nhost = localhost:%d\ntls = %s\ntls_trust = %s/ca.pem\n"
                               "auth = off\nfrom = alice@mail.test\ndomain = mail.test\n"
                               "helo = client.test\nlog = off\ntimeout = 10s\ndot_ends = %s\n" % (
                                   server.port, "implicit" if tls else "off", certs,
                                   "yes" if ends else "no"))

    def path(self, tls, ends):
        return "%s/profile%d%d" % (self.folder, tls, ends)

    def profile(self, probe):
        return self.path(probe.tls, probe.ends)


# --- the families -------------------------------------------------------------------

OFFERS = {"DATA": b"", "BDAT": b"250-PIPELINING\r\n250-CHUNKING\r\n"}


def body(text):
    """A message with this body, and what must come of it."""
    whole = WHOLE + b"\n" + text
    return whole, as_sent(whole)


def endings():
    """Every sequence in the middle of a body, by DATA and by BDAT."""
    for sequence in SEQUENCES:
        for way, offer in OFFERS.items():
            yield Probe("%r by %s" % (sequence, way), *body(b"text" + sequence + BEHIND),
                        offer=offer)


def places():
    """At the body's beginning and end, alone, twice, behind other line ends; operands and -t."""
    for sequence in CORE:
        texts = {"at the beginning": sequence + BEHIND, "at the end": BEHIND + b"text" + sequence,
                 "alone": sequence, "twice": b"text" + sequence + sequence + BEHIND,
                 "behind LFs": b"a\nb\n" + sequence + BEHIND,
                 "without its first byte, at the beginning": sequence[1:] + BEHIND,
                 "and a dot at the end": b"text" + sequence + BEHIND + b".",
                 "and a CR at the end": b"text" + sequence + BEHIND + b"\r.\r"}
        for name, text in texts.items():
            for way, offer in OFFERS.items():
                whole, wanted = body(text)
                yield Probe("%r %s, by %s" % (sequence, name, way), whole, wanted, offer=offer)
                yield Probe("%r %s, by %s, -t" % (sequence, name, way), whole, wanted,
                            arguments=["-t"], offer=offer)


def headers():
    """Within the header: in a field, in a name, before the first, in place of the empty line."""
    # As the header ends where a line isn't one, what is added to it isn't told here.
    for sequence in CORE:
        texts = {"in a field": WHOLE + b"X-Odd: a" + sequence + BEHIND + b"\n\nbody\n",
                 "in a name": WHOLE + b"X-O" + sequence + b"dd: a\n" + BEHIND,
                 "first": sequence + BEHIND + WHOLE + b"\nbody\n",
                 "for the empty line": WHOLE + sequence + BEHIND,
                 "in a fold": WHOLE + b"X-Odd: a\n " + sequence + BEHIND + b"\n\nbody\n",
                 "in the subject": b"Subject: hi" + sequence + BEHIND + WHOLE + b"\n\nbody\n"}
        for name, text in texts.items():
            for way, offer in OFFERS.items():
                yield Probe("%r %s, by %s" % (sequence, name, way), text, None, offer=offer)
                if name != "first" and name != "in the subject":
                    yield Probe("%r %s, by %s, -t" % (sequence, name, way), text, None,
                                arguments=["-t"], offer=offer)


def borders():
    """Over the borders of all buffers, in what comes in and in what goes out, encrypted."""
    head = len(as_sent(WHOLE)) + 2
    for border in BORDERS:
        for sequence in CORE[:12] if border < BORDERS[-1] else CORE[:6]:
            for shift in range(-1, len(sequence) + 2, 1 if border < BORDERS[-1] else 2):
                for way, offer in OFFERS.items():
                    for side, used in (("in", len(WHOLE) + 1), ("out", head)):
                        pad = border - used - shift
                        whole, wanted = body(b"x" * pad + sequence + BEHIND)
                        yield Probe("%r %d bytes before %d %s, by %s" % (
                            sequence, shift, border, side, way), whole, wanted, offer=offer,
                            tls=side == "out", pipe=shift % 2 == 0)


def dense():
    """Nothing but line ends and dots: whatever a buffer's border is, one of them stands there."""
    for pattern in (b"\n.", b"\r\n.", b"\r.", b"\r\n..", b"\n.\r", b"\r\r\n.", b"\0\n.", b".\n",
                    b"\r\0\n.\r\n", b"\r\n.\0"):
        for pad in range(len(pattern) + 1):
            for way, offer in OFFERS.items():
                whole, wanted = body(b"x" * pad + pattern * (300 * KIB // len(pattern)))
                yield Probe("%r behind %d, by %s" % (pattern, pad, way), whole, wanted, offer=offer,
                            tls=pad % 2 == 0, pipe=pad % 4 < 2)


def dots():
    """Where the profile says that a lone dot ends the message, what follows it goes nowhere."""
    for sequence in CORE:
        for way, offer in OFFERS.items():
            yield Probe("%r by %s" % (sequence, way), WHOLE + b"\ntext" + sequence + BEHIND, None,
                        offer=offer, ends=True)


def sessions():
    """-bs: what ends a message there is CRLF.CRLF and nothing else; all of the rest is content."""
    texts = [b"text" + sequence + BEHIND + b"text" for sequence in SEQUENCES
             if b"\r\n.\r\n" not in sequence]
    for at in range(0, len(texts), 120):
        yield Session("messages %d and on" % at, texts[at:at + 120])
    yield Session("to a server with BDAT", texts, offer=OFFERS["BDAT"])
    # Byte by byte, and at the borders of what is read at once.
    core = [b"text" + sequence + BEHIND + b"text" for sequence in CORE
            if b"\r\n.\r\n" not in sequence]
    yield Session("byte by byte", core, split=1)
    for border in (4 * KIB, 64 * KIB):
        yield Session("at %d" % border, [
            b"x" * (border - len(WHOLE) - 8 - shift) + text for text in core[:8]
            for shift in range(-4, 5)])
    # A caller that writes LF: there a lone dot between LFs is the end, and only that.
    yield Session("to a caller of LFs", [b"text" + text for text in (
        b"\r.\r" + BEHIND, b"\n..\n" + BEHIND, b"\n. \n" + BEHIND, b"\n .\n" + BEHIND,
        b"\n.\r.\n" + BEHIND, b"\r..\r\n" + BEHIND)], line_end=b"\n")


# What would be a command of its own, if it got out as it is.
SPLITS = tuple(before + command + after
               for before in (b"\r\n", b"\n", b"\r", b"\0\r\n", b">\r\n", b"\x85", b"\xe2\x80\xa8", b"\\\r\n",
                              b"\r\n ", b"> SIZE=1\r\n", b"\x0b", b"\x0c", b"%0d%0a", b"\xc4\x8d\xc4\x8a")
               for command in (b"RCPT TO:<victim@evil.test>", b"DATA") for after in (b"\r\n", b"\r", b""))


def envelopes():
    """Commands in what addresses are made of: in the header, for -t, and in what a caller of -bs says."""
    for split in SPLITS:
        fields = {"a name": b'"Bob ' + split + b'" <bob@mail.test>', "a comment": b"bob@mail.test (" + split + b")",
                  "a quoted part": b'"bob' + split + b'"@mail.test', "a local part": b"bob" + split + b"@mail.test",
                  "a domain": b"bob@mail" + split + b".test", "a literal": b"bob@[127.0.0.1" + split + b"]",
                  "an address": b"<bob@mail.test" + split + b">", "a group": b"all" + split + b": bob@mail.test;"}
        for name, field in fields.items():
            yield Envelope("%r in %s, -t" % (split, name), ["-t"], b"From: alice@mail.test\nTo: carl@mail.test, " +
                           field + b"\nSubject: a\n\nbody\n")
        lines = {"MAIL": (b"MAIL FROM:<alice" + split + b"@mail.test>", b"RCPT TO:<bob@mail.test>"),
                 "RCPT": (b"MAIL FROM:<alice@mail.test>", b"RCPT TO:<bob" + split + b"@mail.test>"),
                 "a quoted part": (b"MAIL FROM:<alice@mail.test>", b'RCPT TO:<"bob' + split + b'"@mail.test>'),
                 "SIZE": (b"MAIL FROM:<alice@mail.test> SIZE=1" + split, b"RCPT TO:<bob@mail.test>"),
                 "ENVID": (b"MAIL FROM:<alice@mail.test> ENVID=a" + split, b"RCPT TO:<bob@mail.test>"),
                 "ORCPT": (b"MAIL FROM:<alice@mail.test>",
                           b"RCPT TO:<bob@mail.test> ORCPT=rfc822;a" + split)}
        for name, (mail, rcpt) in lines.items():
            # Behind a line feed there is a command of the caller's own: that one may get out.
            if b"\n" not in split:
                yield Envelope("%r in %s, -bs" % (split, name), ["-bs"], b"HELO a\r\n" + mail + b"\r\n" + rcpt +
                               b"\r\nQUIT\r\n")


FAMILIES = [endings, places, headers, borders, dense, dots, sessions, envelopes]


def main():
    folder, program, certs, family = sys.argv[1:]
    probes = list({one.__name__: one for one in FAMILIES}[family]())
    only = os.environ.get("SMUGGLING_ONLY")
    if only:
        probes = [probe for probe in probes if only in probe.name]
    workers = [Worker(folder, program, certs, i) for i in range(AT_ONCE)]
    idle = list(workers)
    lock = threading.Lock()

    def play(probe):
        with lock:
            worker = idle.pop()
        wrong = probe.play(worker)
        with lock:
            idle.append(worker)
        return probe, wrong

    began, failed, messages = time.monotonic(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for probe, wrong in pool.map(play, probes):
            messages += probe.count
            if wrong:
                failed += 1
                print("--- %s" % probe.name, *wrong, sep="\n    ", file=sys.stderr)
    print("%s: %d messages, %d came out wrong, %.0f s" % (
        family, messages, failed, time.monotonic() - began))
    return 1 if failed or not messages else 0


if __name__ == "__main__":
    sys.exit(main())
