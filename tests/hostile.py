#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Servers that do wrong, a row each, and what must come of it for the program that meets them.

    hostile.py DIR BIN CERTS LAUNCH FAMILY

DIR is for profiles, logs and messages, BIN the folder of links to the program, LAUNCH the program
of bench/launch.c. FAMILY is a function of the table below: it yields rows. Each row is a server of
its own and one run of the program; a dozen are played at once.

A server is a good one up to a phase: greeting ehlo starttls handshake ehlo2 auth mail rcpt go (the
answer to DATA) chunk (to a BDAT that isn't the last) content (within it) end quit. There its act
takes over: it is given the connection and the good answer, and says whether the dialogue goes on.

In every row: the program ends by itself, in time; its resident set stays under 1,000 kB; 0 if and
only if the server said yes to the whole message; else one line on stderr, of 2 KiB at most and
without a control character, and one in the log with the same status (a caller of -bs is told the same by the
answers to his commands); where the server has all of
the message and hasn't refused it, the line says "may have accepted", and nowhere else; there was
one connection. Where a second host is named, a good one, it gets the message, once, if the first one
can't have it and nobody was refused for good; else it isn't even called. What a row wants besides
stands in it.

Status: 0 if all rows came out as wanted, else 1 and a few lines on stderr for each other.
"""
import concurrent.futures
import hmac
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

AT_ONCE = 12
PATIENCE = 6.0      # what a busy machine may add to a time
PEAK_KB = int(os.environ.get("HOSTILE_PEAK_KB", "1000"))    # sanitizers need more
MIB = 1 << 20
SMALL = b"From: Alice <alice@mail.test>\nTo: bob@mail.test\nSubject: a test\n\nHello, Bob.\n"
LARGE = SMALL + b"a line of the body of some message\n" * 240000
# What a caller of -bs says; where he is refused, the message is a few wrong commands.
SESSION = (b"HELO shop.test\r\nMAIL FROM:<alice@mail.test>\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\n" +
           SMALL.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")
PASSWORD = "s3cret-alice"
# C0, C1, DEL, bytes that are no UTF-8, line ends of Unicode, and what turns the writing round.
CONTROLS = "[\x00-\x09\x0b-\x1f\x7f-\x9f\udc80-\udcff\u2028-\u202e\u2066-\u2069]"
DATA, CHUNK = 23, 16384
ALERT, HANDSHAKE, CHANGE = 21, 22, 20
OFFERS = {"both": ("PIPELINING", "CHUNKING"), "pipelining": ("PIPELINING",),
          "chunking": ("CHUNKING",), "neither": ()}
CLEAR = ("greeting", "ehlo", "starttls")
# In this order, on each port; handshake and content have families of their own.
PHASES = {587: ("greeting", "ehlo", "starttls", "ehlo2", "auth", "mail", "rcpt", "go", "end"),
          465: ("greeting", "ehlo2", "auth", "mail", "rcpt", "go", "end")}


class Over(Exception):
    """The connection is over, or its act is."""


# --- records of our own: what OpenSSL wouldn't send ---------------------------------

def prf(secret, label, seed, size):
    """RFC 5246 5."""
    out, a = b"", label + seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + label + seed, "sha256")
    return out[:size]


def chacha(key, counter, nonce):
    """One block of RFC 8439 2.3."""
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) +
                               nonce))
    x = start[:]

    def quarter(a, b, c, d):
        for one, two, three, left in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[one] = (x[one] + x[two]) & 0xffffffff
            x[three] ^= x[one]
            x[three] = (x[three] << left | x[three] >> (32 - left)) & 0xffffffff

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(x, start)))


def sealed(key, nonce, text, extra):
    """RFC 8439 2.8."""
    stream = b"".join(chacha(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
    out = bytes(a ^ b for a, b in zip(text, stream))
    one = chacha(key, 0, nonce)
    r = int.from_bytes(one[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    tag = 0

    def padded(data):
        return data + bytes(-len(data) % 16)

    whole = padded(extra) + padded(out) + struct.pack("<QQ", len(extra), len(out))
    for i in range(0, len(whole), 16):
        tag = (tag + int.from_bytes(whole[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    tag = (tag + int.from_bytes(one[16:32], "little")) & ((1 << 128) - 1)
    return out + tag.to_bytes(16, "little")


def plain_record(kind, data):
    return struct.pack(">BHH", kind, 0x0303, len(data)) + data


# --- the server ---------------------------------------------------------------------

class Connection:
    """One of a row's server."""

    def __init__(self, play, sock):
        self.play, self.row, self.sock = play, play.row, sock
        sock.settimeout(25)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.tls = self.tls_in = self.tls_out = None
        self.randoms, self.keys, self.records = [b"", b""], None, 0
        self.came, self.theirs = b"", None      # the client's records; its key and start

    # Bytes.

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Over from None

    def push(self):
        data = self.tls_out.read()
        at = 0
        while at < len(data):
            self.records += 1
            at += 5 + int.from_bytes(data[at + 3:at + 5], "big")
        if data:
            self.raw(data)

    def write(self, data):
        if self.keys:
            for i in range(0, len(data), CHUNK):
                self.record(DATA, data[i:i + CHUNK])
        elif self.tls:
            try:
                for i in range(0, len(data), CHUNK):
                    self.tls.write(data[i:i + CHUNK])
                    self.push()
            except ssl.SSLError:
                raise Over from None
        else:
            self.raw(data)

    def say(self, text):
        self.write(text.encode("latin-1") + b"\r\n")

    def receive(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Over
        return data

    def open_record(self):
        """The next of the client's records, by our own keys."""
        while len(self.came) < 5 or len(self.came) < 5 + int.from_bytes(self.came[3:5], "big"):
            self.came += self.receive()
        size = int.from_bytes(self.came[3:5], "big")
        kind, text, self.came = self.came[0], self.came[5:5 + size - 16], self.came[5 + size:]
        key, start, number = self.theirs
        self.theirs = key, start, number + 1
        nonce = (start ^ number).to_bytes(12, "big")
        stream = b"".join(chacha(key, 1 + i, nonce) for i in range((len(text) + 63) // 64))
        if kind == DATA:
            self.buf += bytes(a ^ b for a, b in zip(text, stream))
        elif kind == ALERT and (text[0] ^ stream[0] == 2 or text[1] ^ stream[1] == 0):
            raise Over

    def fill(self):
        while True:
            if self.tls is None:
                self.buf += self.receive()
                return
            if self.theirs:
                self.open_record()
                if self.buf:
                    return
                continue
            try:
                data = self.tls.read(65536)
                if not data:
                    raise Over
                self.buf += data
                return
            except ssl.SSLWantReadError:
                data = self.receive()
                self.tls_in.write(data)
                if self.row.cipher:
                    self.came += data
            except ssl.SSLError:
                raise Over from None

    def take(self, size):
        while len(self.buf) < size:
            self.fill()
        out, self.buf = self.buf[:size], self.buf[size:]
        return out

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        line, _, self.buf = self.buf.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def stall(self):
        """Reads nothing, until the client goes."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        poll.poll(25000)
        raise Over

    def drain(self):
        """Reads all that comes."""
        while True:
            self.receive()

    # TLS.

    def passed(self):
        """How many encrypted records of the client's OpenSSL has read; they are forgotten."""
        at, count = 0, None
        while at < len(self.came):
            if count is not None:
                count += 1
            if self.came[at] == CHANGE:
                count = 0
            at += 5 + int.from_bytes(self.came[at + 3:at + 5], "big")
        self.came = b""
        return count

    def record(self, kind, data):
        """A record of our own; from here on all are."""
        if self.keys is None:
            # Ours since the handshake, Finished among them.
            self.records += 1
            secret = self.play.lab.master(self.randoms[0])
            block = prf(secret, b"key expansion", self.randoms[1] + self.randoms[0], 88)
            self.keys = block[32:64], int.from_bytes(block[76:88], "big")
            self.theirs = block[:32], int.from_bytes(block[64:76], "big"), self.passed()
        key, start = self.keys
        nonce = (start ^ self.records).to_bytes(12, "big")
        extra = struct.pack(">QBHH", self.records, kind, 0x0303, len(data))
        self.raw(plain_record(kind, sealed(key, nonce, data, extra)))
        self.records += 1

    def handshake(self):
        self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.play.lab.context(self.row.cipher).wrap_bio(
            self.tls_in, self.tls_out, server_side=True)
        hello, flight = self.buf, 0
        self.tls_in.write(hello)
        self.buf = b""
        while True:
            done = True
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError:
                raise Over from None
            data = self.tls_out.read()
            if data:
                flight += 1
                if flight == 1:
                    self.randoms = [hello[11:43], data[11:43]]
                if self.row.phase == "handshake" and self.row.flight == flight:
                    self.row.act(self, data)
                else:
                    self.raw(data)
            if done:
                break
            came = self.receive()
            hello += came
            self.tls_in.write(came)
        self.tls, self.records, self.came = tls, 0, hello

    # The dialogue.

    def reply(self, phase, text, last=False):
        text = text.encode("latin-1") + b"\r\n"
        if self.row.phase == phase:
            if not self.row.act(self, text):
                raise Over
        else:
            self.write(text)
            self.play.confirmed = self.play.confirmed or last

    def confirm(self, text="250 2.0.0 Ok: queued as 4F1A"):
        """The complete yes to the message."""
        self.say(text)
        self.play.confirmed = True

    def serve(self):
        if self.row.port == 465:
            self.handshake()
        self.reply("greeting", "220 mail.test ESMTP")
        while True:
            verb, _, rest = self.line().partition(" ")
            self.play.commands.append(verb)
            getattr(self, "do_" + verb.lower())(rest)

    def do_ehlo(self, _rest):
        words = ["mail.test", "STARTTLS"]
        if self.tls:
            words = ["mail.test", "8BITMIME", "SIZE 50000000", *OFFERS[self.row.offer], "AUTH PLAIN"]
        text = "".join("250-%s\r\n" % word for word in words[:-1]) + "250 " + words[-1]
        self.reply("ehlo2" if self.tls else "ehlo", text)

    def do_starttls(self, _rest):
        self.reply("starttls", "220 go ahead")
        self.handshake()

    def do_auth(self, _rest):
        self.reply("auth", "235 2.7.0 ok")

    def do_mail(self, _rest):
        self.reply("mail", "250 2.1.0 ok")

    def do_rcpt(self, _rest):
        self.reply("rcpt", "250 2.1.5 ok")

    def do_rset(self, _rest):
        self.say("250 ok")

    def within(self, got):
        if self.row.phase == "content" and got >= self.row.after:
            if not self.row.act(self, b""):
                raise Over

    def do_data(self, _rest):
        self.reply("go", "354 go ahead")
        content = bytearray()
        while not content.endswith(b"\r\n.\r\n"):
            if not self.buf:
                self.fill()
            content += self.buf
            self.buf = b""
            self.within(len(content))
        self.play.received = True
        self.reply("end", "250 2.0.0 Ok: queued as 4F1A", True)

    def do_bdat(self, rest):
        size, _, last = rest.partition(" ")
        left = int(size)
        while left > 0:
            if not self.buf:
                self.fill()
            part = min(left, len(self.buf))
            left, self.buf = left - part, self.buf[part:]
            self.play.chunked += part
            self.within(self.play.chunked)
        if not last:
            self.reply("chunk", "250 2.0.0 " + size)
            return
        self.play.received = True
        self.reply("end", "250 2.0.0 Ok: queued as 4F1A", True)

    def do_quit(self, _rest):
        self.reply("quit", "221 bye")
        raise Over

    def run(self):
        try:
            self.serve()
        except Over:
            pass
        except Exception as error:      # a fault of the server must not look like a good run
            self.play.faults.append("the server failed: %r" % error)
        try:
            if self.row.drains:
                self.drain()
            else:
                self.stall()
        except Over:
            pass
        self.sock.close()


class Lab:
    """What all rows share."""

    def __init__(self, folder, program, certs, launch):
        self.folder, self.program, self.certs, self.launch = folder, program, certs, launch
        self.key_log = os.path.join(folder, "keys")
        self.contexts = {}
        self.lock = threading.Lock()
        for name, text in (("small", SMALL), ("large", LARGE), ("session", SESSION)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(text)

    def context(self, cipher):
        with self.lock:
            if cipher not in self.contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(self.certs + "/good.pem", self.certs + "/good.key")
                if cipher:
                    context.set_ciphers(cipher)
                    context.keylog_filename = self.key_log
                self.contexts[cipher] = context
            return self.contexts[cipher]

    def master(self, client_random):
        with open(self.key_log, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[:2] == ["CLIENT_RANDOM", client_random.hex()]:
                    return bytes.fromhex(words[2])
        raise ValueError("no secret was logged")


# --- rows ---------------------------------------------------------------------------

class Row:
    """A server that does wrong, and what is wanted."""

    def __init__(self, name, phase, act, **more):
        self.name, self.phase, self.act = name, phase, act
        self.port = more.pop("port", 465)
        self.offer = more.pop("offer", "neither")
        self.status = more.pop("status", 75)
        self.says = more.pop("says", [])
        self.lacks = more.pop("lacks", [])
        self.keys = {"timeout": "1s", "commit_timeout": "1s", "connect_timeout": "2s"}
        self.soon = more.pop("soon", False)     # long before a timeout
        if self.soon:
            self.keys = {"timeout": "60s", "commit_timeout": "60s"}
        self.keys.update(more.pop("keys", {}))
        self.takes = more.pop("takes", 0 if self.soon else 1)   # seconds it takes, with PATIENCE
        self.message = more.pop("message", "small")
        self.after = more.pop("after", 20000)   # of the content
        self.flight = more.pop("flight", 1)     # of the handshake
        self.cipher = more.pop("cipher", "")
        self.drains = more.pop("drains", True)
        self.to = more.pop("to", ["bob@mail.test"])
        self.bs = more.pop("bs", False)
        self.second = False     # there is another host, a good one
        self.verbose = more.pop("verbose", False)
        if self.verbose:
            self.to.insert(0, "-v")
        if self.bs:
            self.message, self.to = "session", ["-bs"]
        ahead = self.offer == "both" and phase in ("mail", "rcpt") and self.message == "small"
        self.doubt = more.pop("doubt", (phase == "end" or ahead) and self.status == 75)
        if more:
            raise TypeError(more)

    def leads_on(self):
        """Whether another host may have the message."""
        if self.doubt or self.status in (0, 67, 77):
            return False
        return self.status != 69 or self.phase in ("greeting", "ehlo") or \
            (self.phase == "ehlo2" and self.port == 465)

    def __str__(self):
        return "%s at %s, port %d, offers %s%s" % (
            self.name, self.phase, self.port, self.offer, ", and a second host" * self.second)


class Play:
    """A row, played."""

    def __init__(self, lab, row, number):
        self.lab, self.row, self.other = lab, row, None
        if number is not None:
            self.folder = os.path.join(lab.folder, "row%d" % number)
            os.mkdir(self.folder)
        self.commands, self.faults, self.calls, self.chunked = [], [], 0, 0
        self.received = self.confirmed = self.refused = self.done = False
        self.threads, self.socks = [], []

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.calls += 1
            self.socks.append(sock)
            self.threads.append(threading.Thread(target=Connection(self, sock).run, daemon=True))
            self.threads[-1].start()

    def listen(self):
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        return listener

    def hang_up(self, listener):
        self.done = True
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in self.threads if self.row.drains else []:
            thread.join(2)
        for sock, thread in zip(self.socks, self.threads):
            # One that reads no more may never see the end.
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            thread.join(5)

    def profile(self, *listeners):
        keys = {"host": " ".join("localhost:%d" % one.getsockname()[1] for one in listeners),
                "tls": "implicit" if self.row.port == 465 else "starttls",
                "tls_trust": self.lab.certs + "/ca.pem", "user": "alice", "password": PASSWORD,
                "from": "alice@mail.test", "domain": "mail.test", "helo": "client.test",
                "log": self.folder + "/log", "tempfail_exit": "75"}
        keys.update(self.row.keys)
        with open(self.folder + "/profile", "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("[default]\n" + "".join("%s = %s\n" % pair for pair in keys.items()))

    def run(self):
        listeners = [self.listen()]
        if self.row.second:
            self.other = Play(self.lab, Row("good", "none", None, port=self.row.port), None)
            listeners.append(self.other.listen())
        self.profile(*listeners)
        began = time.monotonic()
        with subprocess.Popen(
                [self.lab.launch, "-m", "-i", os.path.join(self.lab.folder, self.row.message),
                 self.lab.program + "/sendmail", *self.row.to],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={"PATH": os.environ["PATH"], "MAILCHUTE_CONFIG": self.folder + "/profile"},
                start_new_session=True) as process:
            try:
                out, err = process.communicate(timeout=self.row.takes + 15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
        self.took = time.monotonic() - began
        self.hang_up(listeners[0])
        if self.other:
            self.other.hang_up(listeners[1])
        self.told = err.decode("utf-8", "surrogateescape")
        self.heard, _, out = out.decode("latin-1").rpartition("rss_kb=")
        found = re.fullmatch(r"(\d+) status=(\d+) failed=\d\n", out)
        self.peak, self.status = (int(found[1]), int(found[2])) if found else (0, None)
        if not found:
            self.faults.append("it hangs, or printed something: %r" % out)
        return self

    def wrong(self):
        """All that isn't as it should be."""
        row = self.row
        yield from self.faults
        if self.status is None:
            return
        if self.other:
            yield from self.other.faults
            if self.other.confirmed and (self.confirmed or self.received and not self.refused):
                yield "THE LAW: both may have it"
            if self.other.calls != row.leads_on():
                yield "the second host was called %d times" % self.other.calls
        if row.second and row.leads_on():
            if self.status != 0 or not self.other.confirmed or self.confirmed or self.told:
                yield "the second host doesn't have it: status %d" % self.status
            return
        if self.status not in ((75, 76) if row.status is None else (row.status,)):
            yield "status %d, not %s" % (self.status, row.status)
        if self.took > row.takes + PATIENCE:
            yield "it took %.1f s, not %.1f" % (self.took, row.takes)
        if not 0 < self.peak < PEAK_KB:
            yield "%d kB of memory" % self.peak
        if not row.bs and (self.status == 0) != self.confirmed:
            yield "THE LAW: status %d, and the server %s" % (
                self.status, "said yes" if self.confirmed else "didn't say yes")
        if self.calls != 1:
            yield "%d connections" % self.calls
        if not row.bs:
            yield from self.wrong_words()
            if self.heard:
                yield "it printed %r" % self.heard
            return
        yield from self.wrong_answers()

    def wrong_answers(self):
        """What a caller of -bs has heard; his own status is 0 then."""
        lines = self.heard.splitlines()
        codes = [line[:3] for line in lines]
        dot = codes[codes.index("354") + 1] if "354" in codes else ""
        # Of the calls for nothing the last is QUIT.
        if codes[0] != "220" or codes[-1] != "221" or len(codes) not in (7, 12):
            yield "answers: %s" % lines
        if (dot[:1] == "2") != self.confirmed:
            yield "THE LAW: %s to the message, and the server %s" % (
                dot or "nothing", "said yes" if self.confirmed else "didn't say yes")
        doubt = "may have accepted" in self.heard
        if doubt != self.row.doubt or (doubt and dot[:1] != "4"):
            yield "it says %sthat it may have been accepted" % ("" if doubt else "not ")
        if self.received and dot[:1] != "2" and not doubt and not self.refused:
            yield "THE LAW: the server may have accepted it"
        if PASSWORD in self.heard or re.search("[\0-\x09\x0b\x0c\x0e-\x1f\x7f]", self.heard):
            yield "a secret or a control"
        for pattern in self.row.says:
            if not re.search(pattern, self.heard):
                yield "it isn't said: " + pattern
        if self.told:
            yield "something on stderr"

    def wrong_words(self):
        row, told = self.row, self.told
        doubt = "may have accepted" in told
        if self.status == 0 and told and not row.verbose:
            yield "0, but not silent"
        lines = told.split("\n")[:-1][-1 if row.verbose else 0:]
        if self.status != 0 and (len(lines) != 1 or not 20 < len(lines[0]) < 2049):
            yield "stderr isn't one line of 2 KiB at most"
        if re.search(CONTROLS, told):
            yield "a control on stderr"
        if PASSWORD in told:
            yield "the password on stderr"
        if doubt != row.doubt:
            yield "it says %sthat it may have been accepted" % ("" if doubt else "not ")
        if self.received and self.status != 0 and not doubt and not self.refused:
            yield "THE LAW: the server may have accepted it"
        for pattern in row.says:
            if not re.search(pattern, told):
                yield "it doesn't say: " + pattern
        for pattern in row.lacks:
            if re.search(pattern, told):
                yield "it says: " + pattern
        with open(self.folder + "/log", encoding="utf-8", errors="surrogateescape") as file:
            log = file.read()
        # A value that holds a blank or a quotation mark is quoted: no server adds a field.
        fields = re.fullmatch(r"\S+ mailchute\[\d+\]:((?: [a-z_]+=(?:\"(?:[^\"\\]|\\.)*\"|[^ \"\n]+))+)\n",
                              log)
        found = re.findall(r' exit=(\d+)', re.sub(r'"(?:[^"\\]|\\.)*"', '""', log))
        if not fields or found != [str(self.status)]:
            yield "the log isn't one line with the status: " + log
        if PASSWORD in log or re.search(CONTROLS, log):
            yield "a secret or a control in the log: " + log


# --- acts ---------------------------------------------------------------------------

def silent(connection, _text):
    connection.stall()


def says(*parts, then=False):
    """Sends this (bytes; text gets a CRLF) in one write, and then goes on, or no more."""
    data = b"".join(part if isinstance(part, bytes) else part.encode("latin-1") + b"\r\n"
                    for part in parts)

    def act(connection, _text):
        connection.write(data)
        return then
    return act


def refuses(*parts):
    """The same, and it is a complete refusal."""
    inner = says(*parts)

    def act(connection, text):
        connection.play.refused = True
        return inner(connection, text)
    return act


def drips(pieces, pause):
    """A piece at a time, and never the end."""
    def act(connection, text):
        for piece in pieces(text):
            connection.write(piece)
            time.sleep(pause)
        connection.stall()
    return act


def byte_by_byte(text):
    """The good answer, with a long text."""
    code = text[:3]
    for byte in code + b" " + b"w" * 1900:
        yield bytes([byte])


def line_by_line(text):
    for _ in range(120):
        yield text[:3] + b"-wait\r\n"


def floods(piece, size=256 * MIB):
    """So many bytes of it."""
    def act(connection, text):
        block = (piece if isinstance(piece, bytes) else piece(text))
        block *= 1 + 65536 // len(block)
        for _ in range(size // len(block)):
            connection.write(block)
        connection.stall()
    return act


def phases(port, *leave_out, offer="neither"):
    """Where an answer is due on this port; without DATA where there is BDAT."""
    for phase in PHASES[port]:
        if phase not in leave_out and not (phase == "go" and "chunking" in offer.replace(
                "both", "chunking")):
            yield phase


def everywhere(offers=("neither", "both")):
    """(phase, how) for each port and offer, what is clear only once."""
    for port in (587, 465):
        for offer in offers:
            for phase in phases(port, offer=offer):
                if port == 587 and offer != offers[0] and phase in CLEAR:
                    continue
                yield phase, {"port": port, "offer": offer}


# --- the families -------------------------------------------------------------------

def drip():
    """An answer that comes byte by byte, or line by line, and never to its end."""
    for phase, how in everywhere():
        yield Row("drips", phase, drips(byte_by_byte, 0.04), says=["in time"], **how)
    for phase, how in everywhere(("neither",)):
        yield Row("drips lines", phase, drips(line_by_line, 0.04), says=["in time"], **how)
    # The run's deadline holds where each answer has all the time of the world.
    for phase in ("auth", "mail", "rcpt"):
        yield Row("drips past the deadline", phase, drips(byte_by_byte, 0.04), says=["in time"],
                  keys={"timeout": "60s", "deadline": "1s"})
    yield Row("drips past commit_timeout", "end", drips(byte_by_byte, 0.04), says=["in time"],
              keys={"timeout": "60s", "commit_timeout": "1s"})


def silence():
    """No answer at all, in clear, in each flight of the handshake, under TLS."""
    for phase, how in everywhere(tuple(OFFERS)):
        if how["port"] == 465 or phase in ("ehlo2", "end"):
            yield Row("is silent", phase, silent, says=["in time"], **how)

    def part(size):
        def act(connection, data):
            n = size if isinstance(size, int) else int(len(data) * size)
            connection.raw(data[:n] if n >= 0 else data[:len(data) + n])
            connection.stall()
        return act

    for port in (587, 465):
        for flight in (1, 2):
            for size in (0, 1, 5, 0.5, -1):
                yield Row("stalls after %s of a flight" % size, "handshake", part(size), port=port,
                          flight=flight, says=["in time"])

    def slowly(connection, data):
        for byte in data:
            connection.raw(bytes([byte]))
            time.sleep(0.03)

    yield Row("drips its handshake", "handshake", slowly, says=["in time"])
    def slow(connection, text):
        time.sleep(0.3)
        connection.write(text)
        return True

    # Behind a BDAT that has gone: each answer is in time, but not all of them.
    for keys, takes in (({"timeout": "1m", "commit_timeout": "1s", "deadline": "2s"}, 2),
                        ({"timeout": "1m", "commit_timeout": "3s", "deadline": "1s"}, 3)):
        yield Row("answers 60 recipients one by one", "rcpt", slow, offer="both", keys=keys,
                  takes=takes, says=["in time"], to=["r%d@mail.test" % i for i in range(60)])
    for offer in ("neither", "both"):
        yield Row("neither reads nor answers 1,000 recipients", "mail", silent, offer=offer,
                  says=["in time"], drains=False, to=["r%d@mail.test" % i for i in range(1000)],
                  keys={"max_recipients": "1000"}, doubt=False, message="large")


def flood():
    """256 MiB of this and that, and whatever is larger than it may be."""
    kinds = {"a line without end": lambda text: text[:3] + b"-" + b"y" * 65000,
             "lines without end": lambda text: text[:3] + b"-" + b"y" * 500 + b"\r\n",
             "empty lines": lambda _text: b"\r\n", "NULs": lambda _text: bytes(65536),
             "line feeds in lines": lambda text: text[:3] + b"-\n"}
    for name, piece in kinds.items():
        yield Row("sends " + name, "greeting", floods(piece), port=587, soon=True)
    for phase, how in everywhere():
        if how["port"] == 465:
            yield Row("sends lines without end", phase, floods(kinds["lines without end"], 64 * MIB),
                      soon=True, **how)
            yield Row("sends a line without end", phase, floods(kinds["a line without end"], 64 * MIB),
                      soon=True, **how)
    yield Row("sends clear text for ever behind its 220", "starttls",
              lambda c, text: floods(text + b"250 x\r\n" * 9000)(c, text), port=587, soon=True,
              status=76, doubt=False)
    for offer in OFFERS:
        yield Row("talks for ever within the content", "content", floods(b"250-wait\r\n", 16 * MIB),
                  offer=offer, message="large", doubt=False)
        yield Row("talks for ever after its yes", "end", talks_on, offer=offer, soon=True, status=0)
    # EHLO: what can be used of a huge one, and what can't be.
    many = "".join("250-X%d %s\r\n" % (i, "y" * 490) for i in range(120))
    for port in (587, 465):
        yield Row("has 120 long keywords", "ehlo2", says(many + "250 AUTH PLAIN", then=True),
                  port=port, soon=True, status=0)
        yield Row("has 5,000 keywords", "ehlo2",
                  says("250-X\r\n" * 5000 + "250 AUTH PLAIN", then=True), port=port, soon=True)
        yield Row("has a keyword of 64 KiB", "ehlo2",
                  says("250-" + "y" * 65536 + "\r\n250 AUTH PLAIN", then=True), port=port, soon=True)
        yield Row("has 64 KiB of mechanisms", "ehlo2",
                  says("250-AUTH PLAIN" + " X" * 32768 + "\r\n250 x", then=True), port=port,
                  soon=True)
        yield Row("has 2,000 bytes of mechanisms", "ehlo2",
                  says("250-x\r\n250-AUTH" + " X" * 950 + " PLAIN\r\n250 SIZE 0", then=True), port=port,
                  soon=True, status=0)
        yield Row("says AUTH 100 times", "ehlo2",
                  says("250-AUTH PLAIN LOGIN X\r\n" * 100 + "250 AUTH PLAIN", then=True), port=port,
                  soon=True, status=0)
    yield Row("has 5,000 keywords in clear", "ehlo",
              says("250-X\r\n" * 5000 + "250 STARTTLS", then=True), port=587, soon=True)
    for size in ("SIZE 99999999999999999999999999", "SIZE -1", "SIZE", "SIZE x", "SIZE 0",
                 "SIZE=5", "SIZE 9223372036854775807"):
        yield Row("announces " + size, "ehlo2", says("250-x\r\n250-" + size + "\r\n250 AUTH PLAIN",
                                                     then=True), soon=True, status=0)


def talks_on(connection, _text):
    connection.confirm()
    floods(b"250 2.0.0 and more\r\n", 4 * MIB)(connection, b"250")


def garbage():
    """Answers that are none: not one of them is taken for a yes."""
    for phase, how in everywhere():
        if how["port"] == 587 and phase not in CLEAR:
            continue
        good = {"greeting": "220", "starttls": "220", "auth": "235", "go": "354"}.get(phase, "250")
        other = "251" if good != "251" else "252"
        rows = {
            "mixed codes": good + "-one\r\n" + other + " two",
            "a refusal within a yes": good + "-one\r\n550-two\r\n" + good + " three",
            "a yes within a refusal": "550-one\r\n" + good + " two",
            "a NUL in its code": good[:2] + "\0" + good[2:] + " ok",
            "a NUL for a blank": good + "\0ok",
            "a NUL at the beginning": "\0" + good + " ok",
            "a tab for a blank": good + "\tok",
            "two digits": good[:2] + " ok",
            "four digits": good + "0 ok",
            "other digits": "\xb2\xb5\xb0 ok",
            "no line end but a CR": good + " ok\r",
            "a header of HTTP": "HTTP/1.1 200 OK",
            "an empty line": "",
            "a signed code": "+" + good[1:] + " ok",
        }
        for name, text in rows.items():
            ends = name != "no line end but a CR"
            act = says(text) if ends else says((text + good + " ok\r").encode("latin-1"))
            yield Row(name, phase, act, soon=ends, says=[] if ends else ["in time"], **how)


def fine():
    """What is odd and good: it is no reason to fail."""
    for phase, how in everywhere():
        if how["port"] == 587 and phase not in CLEAR:
            continue
        good = {"greeting": "220", "starttls": "220", "auth": "235", "go": "354"}.get(phase, "250")
        offer = "x\r\n250-" + ("AUTH PLAIN" if phase == "ehlo2" else "STARTTLS")
        rows = {"a bare code": good, "a code and a blank": good + " ",
                "a NUL in the text": good + " o\0k", "8-bit text": good + " \xff\xfe",
                "bare line feeds": good + "-a\n" + good + " ok",
                "127 lines more": (good + "-\r\n") * 127 + good}
        for name, text in rows.items():
            if phase in ("ehlo", "ehlo2"):
                text = good + "-" + offer + "\r\n" + text
                if name == "127 lines more":
                    text = good + "-" + offer + "\r\n" + (good + "-\r\n") * 125 + good

            def act(connection, _text, text=text, phase=phase):
                if phase == "end":
                    connection.confirm(text)
                else:
                    connection.say(text)
                return True
            yield Row(name, phase, act, soon=True, status=0, **how)


def early():
    """Answers before what they answer: they never count, and nothing goes on behind them."""
    next_code = {"greeting": "250 x", "ehlo": "220 go", "starttls": "250 x", "ehlo2": "235 ok",
                 "auth": "250 ok", "mail": "250 ok", "rcpt": "354 go", "go": "250 Ok: queued as EARLY"}
    for phase, how in everywhere(tuple(OFFERS)):
        if phase == "end" or (how["port"] == 587 and phase not in CLEAR):
            continue
        # In one flight with what they answer, they are only as wrong as any answer can be.
        pipelined = how["offer"] in ("both", "pipelining") and phase in ("mail", "rcpt")
        chunked = how["offer"] in ("both", "chunking")
        extra = "250 Ok: queued as EARLY" if phase == "rcpt" and chunked else next_code[phase]

        def act(connection, text, extra=extra):
            connection.write(text + extra.encode("latin-1") + b"\r\n")
            return True
        if not pipelined:
            yield Row("answers ahead", phase, act, soon=True, doubt=False,
                      status=76 if phase == "starttls" else 75, **how)
        if phase in CLEAR or pipelined:
            continue

        def all_of_them(connection, text):
            connection.write(text + b"235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n250 x\r\n" * 3)
            return True
        yield Row("answers all ahead", phase, all_of_them, soon=True, doubt=False, **how)
    for offer in OFFERS:
        for name, text in (("says yes", b"250 2.0.0 Ok: queued as EARLY\r\n"),
                           ("says yes 300 times", b"250 2.0.0 Ok\r\n" * 300),
                           ("says 354", b"354 go\r\n"), ("sends garbage", b"\0\1\2\r\n")):
            def within(connection, _text, text=text):
                connection.row.act = lambda _connection, _text: True
                connection.write(text)
                return True
            # To a BDAT that has gone one answer is due, however early; to those of this message 300
            # are too many.
            due = name == "says yes" and offer in ("both", "chunking")
            if not due:
                yield Row(name + " within the content", "content", within, offer=offer, soon=True,
                          message="large", doubt=False)


def deaf():
    """It takes nothing more, or by the sip."""
    def sips(connection, _text):
        try:
            while not connection.play.done and connection.sock.recv(1024):
                time.sleep(0.1)
        except OSError:
            pass
        raise Over

    for port in (587, 465):
        for offer in OFFERS:
            how = {"port": port, "offer": offer, "message": "large", "doubt": False}
            yield Row("reads no more", "content", silent, says=["in time"], drains=False, **how)
            yield Row("reads by the sip", "content", sips, says=["in time"], drains=False,
                      keys={"timeout": "60s", "deadline": "2s"}, takes=2, **how)
    yield Row("reads nothing behind its 354", "go", lambda c, text: c.write(text) or c.stall(),
              says=["in time"], message="large", drains=False, doubt=False)


def farewell():
    """After the complete yes nothing counts: 0, and at once."""
    def after_yes(then):
        def act(connection, _text):
            connection.confirm()
            then(connection)
            raise Over
        return act

    def reset(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.1)     # the yes is to be read
        connection.sock.close()

    endings = {
        "then says nothing": lambda c: c.stall(), "then reads on and says nothing": lambda c: c.drain(),
        "then closes without close_notify": lambda c: c.sock.shutdown(socket.SHUT_WR),
        "then resets": reset, "then says 421": lambda c: c.say("421 bye"),
        "then says 550": lambda c: c.say("550 I have changed my mind"),
        "then sends garbage": lambda c: c.raw(os.urandom(300)),
        "then sends clear text": lambda c: c.raw(b"550 no\r\n"),
        "then sends half a record": lambda c: c.raw(b"\x17\x03\x03\x40\x00abc"),
        "then asks to renegotiate": lambda c: c.record(HANDSHAKE, bytes(4)),
        "then sends a fatal alert": lambda c: c.record(ALERT, b"\2\x28"),
        "then sends close_notify and stays": lambda c: (c.record(ALERT, b"\1\0"), c.stall()),
    }
    for name, then in endings.items():
        for port in (587, 465):
            for offer in ("neither", "both"):
                yield Row("says yes, " + name, "end", after_yes(then), port=port, offer=offer,
                          soon=True, status=0, cipher="ECDHE+CHACHA20")
    for name, act in {"is silent": silent, "closes": lambda c, _t: False,
                      "says 500": says("500 what?"), "floods": floods(b"221-x\r\n", 4 * MIB)}.items():
        for offer in ("neither", "both"):
            yield Row("to QUIT " + name, "quit", act, offer=offer, soon=True, status=0)


def storms(kind, data, count=4000):
    """So many records of this kind, and then silence."""
    def act(connection, _text):
        if connection.tls is None:
            for _ in range(count):
                connection.raw(plain_record(kind, data) * 16)
                time.sleep(0.01)
        for _ in range(count):
            connection.record(kind, data)
        connection.stall()
    return act


def once(kind, data, then=True):
    """One such record, and then the good answer."""
    def act(connection, text):
        connection.record(kind, data)
        if then:
            connection.write(text)
            connection.play.confirmed = connection.row.phase == "end"
        return then
    return act


def tls():
    """Records and handshakes that no sane server sends."""
    how = {"cipher": "ECDHE+CHACHA20"}
    for phase in phases(465):
        for offer in ("neither", "both"):
            if offer == "both" and phase in ("go", "greeting", "ehlo2"):
                continue
            these = dict(how, offer=offer)
            yield Row("sends empty records for ever", phase, storms(DATA, b""), says=["in time"], **these)
            yield Row("asks to renegotiate for ever", phase, storms(HANDSHAKE, bytes(4)), **these)
            yield Row("sends warnings for ever", phase, storms(ALERT, b"\1\x5a"), **these)
            yield Row("sends an alert and closes", phase, once(ALERT, b"\2\x28", False), soon=True,
                      **these)
            yield Row("asks to renegotiate once", phase, once(HANDSHAKE, bytes(4)), soon=True,
                      status=0, **these)
            yield Row("sends an empty record once", phase, once(DATA, b""), soon=True, status=0,
                      **these)
            yield Row("sends close_notify and stays", phase,
                      lambda c, _t: c.record(ALERT, b"\1\0") or c.stall(), soon=True, **these)
            yield Row("sends clear text under TLS", phase, lambda c, text: c.raw(text), soon=True,
                      **these)
            yield Row("sends a record of another's", phase,
                      lambda c, text: c.raw(plain_record(DATA, os.urandom(60))), soon=True, **these)
            yield Row("sends a heartbeat", phase, once(24, b"\1\x40\0", False), soon=True, **these)
            yield Row("changes its cipher again", phase,
                      lambda c, text: c.raw(plain_record(CHANGE, b"\1")), soon=True, **these)
            yield Row("announces a record of 65,535 bytes", phase,
                      lambda c, text: c.raw(b"\x17\x03\x03\xff\xff" + bytes(70000)), soon=True,
                      **these)


def handshakes():
    """Within the handshake, where nobody is sure of anybody."""
    def again(change, stay=True):
        """change(flight) are the bytes to send in its place."""
        def act(connection, data):
            for piece in change(data):
                connection.raw(piece)
            if stay:
                connection.stall()
        return act

    def messages(flight):
        """The handshake messages of a flight that is all in clear."""
        text, at = b"", 0
        while at < len(flight):
            size = int.from_bytes(flight[at + 3:at + 5], "big")
            text += flight[at + 5:at + 5 + size]
            at += 5 + size
        at = 0
        while at < len(text):
            size = 4 + int.from_bytes(text[at + 1:at + 4], "big")
            yield text[at:at + size]
            at += size

    def crumbs(flight):
        yield b"".join(plain_record(HANDSHAKE, bytes([byte]))
                       for message in messages(flight) for byte in message)

    def one_record(flight):
        yield plain_record(HANDSHAKE, b"".join(messages(flight)))

    def endless(header, filler, size=64 * MIB):
        def change(flight):
            yield plain_record(HANDSHAKE, next(messages(flight)))
            yield plain_record(HANDSHAKE, header)
            block = plain_record(HANDSHAKE, filler * (16000 // len(filler))) * 4
            for _ in range(size // len(block)):
                yield block
        return change

    def repeat(record, count=100000):
        def change(_flight):
            for _ in range(count):
                yield record * 16
                time.sleep(0.002)
        return change

    rows = {
        "sends its flight in records of a byte": (again(crumbs, False), {"soon": True, "status": 0}),
        "sends its flight in one record": (again(one_record, False), {"soon": True, "status": 0}),
        "shows 16 MiB of certificates": (again(endless(b"\x0b\xff\xff\xff\xff\xff\xfc",
                                                       b"\0\x20\0" + bytes(8192))), {"soon": True}),
        "shows one certificate of 16 MiB": (again(endless(b"\x0b\xff\xff\xff\xff\xff\xfc\xff\xff\xf9",
                                                          b"\x30")), {"soon": True}),
        "shows a million empty certificates": (again(endless(b"\x0b\xff\xff\xff\xff\xff\xfc",
                                                             b"\0\0\0")), {"soon": True, "takes": 8}),
        "says hello twice": (again(lambda flight: [flight, flight]), {"soon": True}),
        "sends empty handshake records for ever": (again(repeat(plain_record(HANDSHAKE, b""))), {}),
        "sends empty data records for ever": (again(repeat(plain_record(DATA, b""))), {}),
        "sends warnings for ever": (again(repeat(plain_record(ALERT, b"\1\x5a"))), {}),
        "asks for a hello for ever": (again(repeat(plain_record(HANDSHAKE, bytes(4)))), {}),
        "sends a fatal alert": (again(lambda _flight: [plain_record(ALERT, b"\2\x28")]),
                                {"soon": True}),
        "sends clear text": (again(lambda _flight: [b"220 mail.test ESMTP\r\n" * 9]), {"soon": True}),
        "sends zeros for ever": (again(repeat(bytes(65536), 4000)), {"soon": True}),
        "announces a hello of 16 MiB": (again(repeat(plain_record(
            HANDSHAKE, b"\2\xff\xff\xff" + bytes(8000)), 2000)), {"soon": True}),
        "closes": (lambda c, _d: c.sock.shutdown(socket.SHUT_WR), {"soon": True}),
    }
    for port in (587, 465):
        for name, (act, more) in rows.items():
            yield Row(name, "handshake", act, port=port, **{"doubt": False, "status": None, **more})
    # Behind our Finished.
    for name, act in {"garbage for its Finished": again(lambda flight: [flight[:-8] + bytes(8)], False),
                      "warnings for ever": again(repeat(plain_record(ALERT, b"\1\x5a"))),
                      "no Finished but data": again(lambda flight: [
                          flight[:6], plain_record(DATA, bytes(40))])}.items():
        yield Row(name, "handshake", act, flight=2, doubt=False, status=None,
                  soon="for ever" not in name)


def goodbye():
    """421 at any point, and whatever comes behind it."""
    last = refuses("421 4.3.2 going down")

    def closes(connection, text):
        last(connection, text)
        connection.sock.shutdown(socket.SHUT_WR)

    for phase, how in everywhere(tuple(OFFERS)):
        if how["port"] == 587 and phase not in CLEAR + ("ehlo2", "end"):
            continue
        # A 421 to MAIL or to each RCPT says that nothing was taken, though the content may have gone.
        for name, act in (("says 421 and closes", closes), ("says 421 and stays", last),
                          ("says 421 again and again", refuses(*["421 4.3.2 going down"] * 500))):
            yield Row(name, phase, act, soon=True, says=["421 4.3.2 going down"], doubt=False, **how)


def words():
    """What the server says is shown, but not all that it can do to a terminal; and no secret."""
    evil = {
        "escapes": "\x1b]0;owned\x07\x1b[2J\x1b[31m red",
        "C1": "\x9b31m\x9d0;owned\x9c\x85\x84",
        "C1 in UTF-8": "\xc2\x9b31m\xc2\x9d0;owned\xc2\x9c\xc2\x85",
        "overlong UTF-8": "\xc0\x9b\xe0\x80\x9b\xf0\x80\x80\x9b",
        "half UTF-8": "\xe2\x82", "bad UTF-8": "\xff\xfe\xed\xa0\x80\xf4\x90\x80\x80",
        "backspaces": "no\x08\x08yes \x7f\x7f", "CRs": "550 no\r250 2.0.0 ok\rsent",
        "tabs and feeds": "\t\x0b\x0c\x0e\x0f", "NULs": "\0\0\0",
        "U+2028 and U+202E": "\xe2\x80\xa8\xe2\x80\xae reversed \xe2\x81\xa6",
        "a very long line": "y" * 2000,
        "fields of a log": '" status=sent exit=0 delivered=1 x="\\" exit=0 \\\\" exit=0 ',
        "what reads like our words": "mailchute: sent. (the server may have accept3d it)",
        "the password": "who says " + PASSWORD + " is wrong",
        "the password, often": " ".join([PASSWORD] * 90),
        "the password in base64": "AGFsaWNlAHMzY3JldC1hbGljZQ== or czNjcmV0LWFsaWNl",
        "the password in a word": "xx" + PASSWORD + "xx" + PASSWORD,
    }
    status = {"auth": 77, "rcpt": 67}
    for phase, how in everywhere(("neither",)):
        if how["port"] == 587 and phase not in CLEAR:
            continue
        kind = 76 if phase == "starttls" else status.get(phase, 69)
        for name, text in evil.items():
            if "password" in name and phase in ("ehlo2", "greeting") + CLEAR:
                continue
            for verbose in (False, True):
                yield Row("answers with " + name + ", -v" * verbose, phase,
                          refuses("550 5.7.1 " + text + " END"), soon=True, status=kind, doubt=False,
                          verbose=verbose, lacks=["s3cret", "czNjcmV0", "AGFsaWNlAH"], **how)
        yield Row("answers with 60 KiB", phase, refuses(*["550-" + "z" * 1000] * 59, "550 END"),
                  soon=True, status=kind, doubt=False, **how)


def second():
    """Much of the above, with a good second host: it has the message, or nobody asks it."""
    for one in (drip, garbage, early, farewell, tls, handshakes, goodbye, words):
        for row in one():
            if "deadline" in row.keys or row.verbose or (one is not drip and row.takes):
                continue
            row.second = True
            # What it waits for behind an early end of the first.
            row.keys.update(timeout="3s", commit_timeout="3s") if row.soon else None
            yield row


def callers():
    """The same behind sendmail -bs: its caller has his answers in time, and the true ones."""
    for phase, how in everywhere():
        if how["port"] == 587 and phase not in CLEAR:
            continue
        # Step by step: nothing is in flight behind MAIL and RCPT here.
        how = dict(how, bs=True, status=0, doubt=phase == "end")
        good = {"greeting": b"220", "starttls": b"220", "auth": b"235", "go": b"354"}.get(phase, b"250")
        yield Row("drips", phase, drips(byte_by_byte, 0.04), says=["in time"], **how)
        yield Row("is silent", phase, silent, says=["in time"], **how)
        yield Row("closes", phase, lambda c, _t: c.sock.shutdown(socket.SHUT_WR), soon=True, **how)
        yield Row("sends lines without end", phase, floods(good + b"-yyyy\r\n", 16 * MIB), soon=True,
                  **how)
        yield Row("sends garbage", phase, says("what?"), soon=True, **how)
        yield Row("mixes codes", phase, says(good + b"-x\r\n", "550 y"), soon=True, **how)
        how["doubt"] = False
        yield Row("says 421", phase, refuses("421 4.3.2 going down"), soon=True,
                  says=["421 4.3.2 going down"], **how)
        yield Row("answers with controls", phase, refuses("550 5.7.1 \x1b[2J\x9b31m\x07 " + PASSWORD
                                                         if phase not in CLEAR + ("ehlo2",) else
                                                         "550 5.7.1 \x1b[2J\x9b31m\x07"),
                  soon=True, **how)


FAMILIES = [drip, silence, flood, garbage, fine, early, deaf, farewell, tls, handshakes, goodbye, words,
            second, callers]


def main():
    folder, program, certs, launch, family = sys.argv[1:]
    rows = list({one.__name__: one for one in FAMILIES}[family]())
    only = os.environ.get("HOSTILE_ONLY")
    if only:
        rows = [row for row in rows if re.search(only, str(row))]
    lab = Lab(folder, program, certs, launch)
    began, failed = time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        plays = list(pool.map(lambda pair: Play(lab, pair[1], pair[0]).run(), enumerate(rows)))
    for play in plays:
        wrong = list(play.wrong())
        if os.environ.get("HOSTILE_SHOW"):
            print("%s: %s %.2f s %d kB: %s" % (play.row, play.status, play.took, play.peak,
                                             play.told.rstrip()))
        if wrong:
            failed += 1
            print("--- %s" % play.row, *wrong, "said: %s" % play.told.rstrip(),
                  "heard: %s" % " ".join(play.commands[:20]), "status %s, %.2f s, %d kB" % (
                      play.status, play.took, play.peak), sep="\n    ", file=sys.stderr)
    print("%s: %d servers, the longest run %.1f s, the largest %d kB, %d came out wrong, %.0f s" % (
        family, len(rows), max(play.took for play in plays), max(play.peak for play in plays),
        failed, time.monotonic() - began))
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
