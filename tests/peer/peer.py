#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The scripted peer: plays a mail server to a client under test, from a transcript.

    peer.py --script FILE --dir DIR --certs CERTDIR [--cert good] [--implicit]
            [--address 127.0.0.1] [--port 0] [--time 60]

DIR/port     the port, written when the peer listens
DIR/log      one line per event, each flushed at once (see below)
DIR/body.N   the Nth message of the run, dots unstuffed; DIR/body.N.raw as on the wire
DIR/result   at the end: "ok", or the first mismatch

Exit status: 0 if every section was played without a mismatch, 1 if not, 2 for a
script that cannot be read.  SIGTERM ends the run: whoever still waits for the client
has one second left.  The first mismatch ends it in the same way.

The log:  1 CONNECT              the first number is the connection's
          1 < EHLO foo           a line that came, without its CRLF
          1 <- abc\\x00           bytes that came without (or before) a CRLF
          1 > 250 ok             a line that was sent; 1 >- bytes without a CRLF
          1 SNI localhost        the server name of the ClientHello, "-" if there is none
          1 TLS TLSv1.2 SUITE    handshake done
          1 TLS-FAILED reason    handshake failed; its raw bytes stand before it as <-
          1 TLS-ERROR reason     the client broke TLS (or sent an alert) later on
          1 CLIENT-CERT name     the certificate that the client showed, "-" if none
          1 SASL PLAIN alice     the log-in was right; 1 SASL-REFUSED reason: it wasn't
          1 BODY 2 1234 bytes    a message was read into body.2
          1 CLOSE_NOTIFY         the client ended TLS properly
          1 EOF                  the client closed TCP (after CLOSE_NOTIFY or without it)
          1 RESET                the client reset TCP
          1 CLOSED               the peer closed TCP itself, before the client did
          1 SEND-FAILED reason   the client was gone; by itself this is no mismatch
          1 NOTE ..., 1 MISMATCH wanted "..." got "..." (script line N)
          1 OVER                 the connection's last line
EOF and CLOSE_NOTIFY are logged when they are read, which is when more is wanted.
Bytes are escaped as \\r \\n \\t \\\\ \\xNN.  All bytes that come are in the log, those of
messages in body.N.raw, also what comes after the script's end.

The transcript:
    # comment               comments and empty lines are passed over
    === connection          begins the next connection's section; the first needs none
    === every connection    this section serves all further connections
    S: text                 sends text CRLF
    S-: text                sends text without a line end
    S\\: a\\r\\nb\\x00          sends bytes with escapes, no line end added
    FLUSH                   S lines in a row are sent in one write; this splits them
                            (with a SLEEP the client reads them one by one, too)
    C: GLOB                 reads a line which must match GLOB, case and all; * ? [ are
                            special ([[] is a [).  A bare CR or LF is a mismatch, as is EOF.
    C*: GLOB                the same, but it only notes the difference
    C-NONE seconds          nothing may come for that long (but the client may go)
    LOCKSTEP                from here on the client may not send a command before it
                            has the reply to the last one (no PIPELINING).  After EHLO,
                            HELO, AUTH, STARTTLS and DATA that holds in any case.
    TLS [must fail|may fail] [cert=NAME] [min=1.3] [max=1.1] [ciphers=LIST] [ask=NAME]
        [demand=NAME]       handshake with CERTDIR/NAME.pem and .key.  Once it failed,
                            the section is over: what still comes is logged.  With ask
                            the client may show a certificate by CERTDIR/NAME.pem, with
                            demand it has to.
                            Where CERTDIR/NAME.hello is, its bytes answer the ClientHello
                            instead, whatever they are; such a handshake always fails.
    SASL NAME USER PASSWORD [OPTION=VALUE ...]
                            plays one AUTH as the server, from the client's line to the
                            last reply, which is right (235, 535) unless an option has it
                            otherwise: see sasl.py.  What the RFCs don't allow a client
                            to say is a mismatch, but a wrong password is none.
    BODY                    reads up to CRLF.CRLF; a bare CR or LF is a mismatch
    BDAT                    reads one BDAT command and its bytes; LAST ends the message
    READ n                  reads n bytes into the log
    DROP-AFTER n            in place of BODY: reads n bytes of content, then goes on
    DRIP ms text            sends text byte by byte, one each ms milliseconds, then CRLF
    SLEEP s                 sends what is pending, waits
    STALL                   reads nothing, sends nothing, until the client goes
    DRAIN                   reads and logs all up to the client's EOF
    CLOSE                   close_notify, then closes TCP
    CUT                     closes TCP without close_notify
    RESET                   resets TCP
    LOOP n .. END           the lines between, n times (sections, too)
    @name                   the lines of the macro, see MACROS
At a section's end the peer closes its sending side (close_notify, FIN) and reads on
until the client closes.  When all sections are taken it no longer listens.
"""
import argparse
import fnmatch
import os
import re
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import traceback
import warnings

sys.dont_write_bytecode = True
import sasl     # not before the line above: the tree stays clean

TICK = 0.05     # how often a waiting thread looks whether the run is over
GRACE = 1.0     # how long after a stop a client may still finish

MACROS = {
    "@greet": "S: 220 mail.test ESMTP ready",
    "@offer": """
        C: EHLO *
        S: 250-mail.test
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS""",
    # All that comes before the TLS line of port 587.
    "@starttls": "@greet\nLOCKSTEP\n@offer",
    # The EHLO under TLS, without and with PIPELINING.
    "@ehlo": """
        C: EHLO *
        S: 250-mail.test
        S: 250-SIZE 50000000
        S: 250-8BITMIME
        S: 250 AUTH PLAIN LOGIN""",
    "@ehlop": """
        C: EHLO *
        S: 250-mail.test
        S: 250-PIPELINING
        S: 250-SIZE 50000000
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250 AUTH PLAIN LOGIN""",
    "@587": "@starttls\nTLS\n@ehlo",
    "@587p": "@greet\n@offer\nTLS\n@ehlop",
    "@465": "TLS\nLOCKSTEP\n@greet\n@ehlo",
    "@465p": "TLS\n@greet\n@ehlop",
    "@login": """
        C: AUTH PLAIN *
        S: 235 2.7.0 ok""",
    "@send": """
        C: MAIL FROM:<*
        S: 250 2.1.0 ok
        C: RCPT TO:<*
        S: 250 2.1.5 ok
        C: DATA
        S: 354 go ahead
        BODY
        S: 250 2.0.0 Ok: queued as 4F1A
        C*: QUIT
        S: 221 bye""",
}

# Command: the pattern of its argument.
COMMANDS = {
    "S:": r".*", "S-:": r".*", "S\\:": r".*", "C:": r".+", "C*:": r".+",
    "C-NONE": r"[0-9.]+", "SLEEP": r"[0-9.]+", "DRIP": r"\d+ .*", "READ": r"\d+",
    "DROP-AFTER": r"\d+", "FLUSH": r"", "LOCKSTEP": r"", "BODY": r"", "BDAT": r"",
    "SASL": r".+", "STALL": r"", "DRAIN": r"", "CLOSE": r"", "CUT": r"", "RESET": r"",
    "TLS": r"((must|may) fail\b ?)?((cert|min|max|ciphers|ask|demand)=\S+ ?)*",
}
FINAL = ("CLOSE", "CUT", "RESET")
VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# After these a client waits, whatever the server offers (RFC 2920, RFC 3207, RFC 4954).
WAITS_AFTER = re.compile(rb"(EHLO|HELO|AUTH|STARTTLS|DATA)\b", re.I)


class ScriptError(Exception):
    """The transcript cannot be read."""


class Mismatch(Exception):
    """The client did something else than the transcript wants."""

    def __init__(self, wanted, got):
        super().__init__('wanted "%s" got %s' % (wanted, got))


class Stopped(Exception):
    """The run is over while the client was waited for."""


def escape(data):
    """Bytes as one line of printable ASCII."""
    names = {0x5c: "\\\\", 13: "\\r", 10: "\\n", 9: "\\t"}
    return "".join(names.get(b) or (chr(b) if 32 <= b < 127 else "\\x%02x" % b) for b in data)


def quote(data):
    return '"%s"' % escape(data)


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def write_file(path, data):
    """Atomically: a reader sees nothing or all of it."""
    with open(path + ".new", "wb") as out:
        out.write(data)
    os.rename(path + ".new", path)


# --- the transcript -----------------------------------------------------------------

def expand(lines):
    """Numbered lines without comments, macros and loops put in place."""
    out = []
    while lines:
        number, text = lines.pop(0)
        text = text.lstrip()
        word = text.split(" ")[0]
        if not text or text.startswith("#"):
            continue
        if word.startswith("@"):
            if text.rstrip() not in MACROS:
                raise ScriptError("line %d: no macro %s" % (number, text))
            out += expand([(number, l) for l in MACROS[text.rstrip()].split("\n")])
        elif word == "LOOP":
            if not re.fullmatch(r"LOOP \d+\s*", text):
                raise ScriptError("line %d: LOOP wants a number" % number)
            inner, depth = [], 1
            while depth:
                if not lines:
                    raise ScriptError("line %d: LOOP without END" % number)
                inner.append(lines.pop(0))
                first = inner[-1][1].split()[:1]
                depth += (first == ["LOOP"]) - (first == ["END"])
            out += expand(inner[:-1]) * int(text.split()[1])
        else:
            out.append((number, text))
    return out


def parse(text, implicit):
    """The sections, and the one for every further connection or None.

    A section is a list of (line number, command, argument)."""
    sections, every = [[]], None
    for number, line in expand(list(enumerate(text.split("\n"), 1))):
        if line.startswith("==="):
            if every is not None:
                raise ScriptError("line %d: nothing can follow === every connection" % number)
            if line.split() == ["===", "every", "connection"]:
                every = []
            elif line.split() == ["===", "connection"]:
                sections.append([])
            else:
                raise ScriptError("line %d: %s" % (number, line))
            continue
        command, _, argument = line.partition(" ")
        if not command.endswith(":"):
            argument = argument.strip()
        if not re.fullmatch(COMMANDS.get(command, r"(?!)"), argument) or \
                command == "SASL" and not sasl.usable(argument):
            raise ScriptError("line %d: %s" % (number, line))
        section = sections[-1] if every is None else every
        if section and section[-1][1] in FINAL:
            raise ScriptError("line %d: the connection is closed here" % number)
        section.append((number, command, argument))
    if not sections[0]:
        sections.pop(0)         # nothing before the first === line
    if not sections and every is None:
        raise ScriptError("line 1: nothing to play")
    if implicit:
        for section in sections + ([every] if every is not None else []):
            if not section or section[0][1] != "TLS":
                section.insert(0, (0, "TLS", ""))
    return sections, every


# --- one connection -----------------------------------------------------------------

BARE = re.compile(rb"(?<!\r)\n|\r[^\n]", re.S)


def bare_at(data, start, end):
    """Where the first bare CR or LF is, -1 if there is none."""
    found = BARE.search(data, start, end)
    return found.start() if found else -1


class Connection:
    """Bytes in and out, plain or through TLS, all of them logged; plays a section.

    TLS works on memory buffers: that way the raw bytes of a failed handshake can be
    logged, and close_notify can be told from a plain EOF."""

    def __init__(self, run, number, sock):
        self.run, self.number, self.sock = run, number, sock
        self.buf = bytearray()      # came, and is not yet used
        self.pending = []           # S lines not yet sent: (mark, bytes for the log, bytes)
        self.gone = False           # TCP is at its end
        self.ended = False          # the stream is: EOF or close_notify
        self.tls = self.tls_in = self.tls_out = None
        self.server_cert = self.client_cert = None      # DER
        self.bdat = bytearray()
        self.lockstep = False
        self.must_wait = False      # nothing may have come before the next reply is sent

    def log(self, text):
        self.run.log(self.number, text)

    # Receiving.

    def receive(self, timeout=None):
        """Raw bytes of the socket; b"" at its end, None when the time ran out."""
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        while not self.gone:
            left = max(0, min(TICK, until - time.monotonic()))
            if select.select([self.sock], [], [], left)[0]:
                try:
                    data = self.sock.recv(65536)
                    if not data:
                        self.log("EOF")
                except ConnectionError:
                    data = b""
                    self.log("RESET")
                self.gone = not data
                return data
            if time.monotonic() >= until:
                return None
            if self.run.deadline_passed():
                raise Stopped
        return b""

    def decrypt(self):
        """Moves one record that TLS has for us to buf; True if there was one."""
        data = b""
        try:
            data = self.tls.read(65536)
            if not data:
                self.ended = True
                self.log("CLOSE_NOTIFY")
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.ended = True
            if not self.gone:       # that is logged already
                self.log("TLS-ERROR %s" % (error.reason or error))
        self.push()
        self.buf += data
        return bool(data)

    def fill(self, timeout=None):
        """Waits until there is more in buf; False at the end or when the time ran out."""
        while not self.ended:
            if self.tls and self.decrypt():
                return True
            if self.ended:
                break
            data = self.receive(timeout)
            if data is None:
                return False
            if self.tls:
                self.tls_in.write(data)
                if self.gone:
                    self.tls_in.write_eof()
            elif data:
                self.buf += data
                return True
            else:
                self.ended = True
        return False

    def log_whole_lines(self):
        *lines, rest = self.buf.split(b"\r\n")
        for line in lines:
            self.log("< " + escape(line))
        self.buf[:] = rest

    def log_rest(self):
        """Logs what is in buf, to the last byte, and what TLS has not looked at."""
        self.log_whole_lines()
        if self.buf:
            self.log("<- " + escape(self.buf))
            self.buf.clear()
        if self.tls and self.ended and self.tls_in.pending:
            self.log("<- " + escape(self.tls_in.read()))

    def drain(self):
        """Reads to the EOF of TCP and logs all of it."""
        while self.fill():
            self.log_whole_lines()
        self.log_rest()
        while not self.gone:
            data = self.receive()   # behind the close_notify or a failed handshake
            if data:
                self.log("<- " + escape(data))

    def read_line(self):
        """The next line with its line end; None at the end of the stream."""
        start = 0
        while (end := self.buf.find(b"\n", start)) < 0:
            start = len(self.buf)
            if not self.fill():
                return None
        line = bytes(self.buf[:end + 1])
        del self.buf[:end + 1]
        whole = line.endswith(b"\r\n") and b"\r" not in line[:-2]
        self.log("< " + escape(line[:-2]) if whole else "<- " + escape(line))
        return line

    def take(self, count):
        """Exactly count bytes."""
        while len(self.buf) < count:
            if not self.fill():
                raise Mismatch("%d bytes" % count, "EOF after %d" % len(self.buf))
        data = bytes(self.buf[:count])
        del self.buf[:count]
        return data

    # Sending.

    def push(self):
        """What TLS wants sent goes out."""
        self.write_raw(self.tls_out.read())

    def write_raw(self, data):
        if not data or self.gone:
            return
        try:
            self.sock.sendall(data)
        except OSError as error:
            self.log("SEND-FAILED %s" % error.strerror)

    def write(self, data):
        if not self.tls:
            self.write_raw(data)
            return
        try:
            self.tls.write(data)
        except ssl.SSLError as error:
            self.log("SEND-FAILED %s" % (error.reason or error))
        self.push()

    def flush(self):
        """Sends the S lines so far, in one write."""
        if not self.pending:
            return
        if self.must_wait:
            self.fill(0)
            if self.buf:
                raise Mismatch("nothing before the reply", quote(self.buf))
            self.must_wait = False
        for mark, shown, _ in self.pending:
            self.log("%s %s" % (mark, escape(shown)))
        self.write(b"".join(data for _, _, data in self.pending))
        self.pending = []

    def end_sending(self, close_notify):
        if self.tls and close_notify:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass                # it waits for the client's close_notify; we do not
        try:
            self.sock.sendall(self.tls_out.read() if self.tls else b"")
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass                    # the client was faster

    # The commands.

    def expect_line(self, glob, strict):
        line = self.read_line()
        if line is None:
            got = "EOF" if not self.buf else quote(self.buf) + " and EOF"
        elif not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            got = quote(line) + " (line end)"
        elif fnmatch.fnmatchcase(line[:-2].decode("utf-8", "surrogateescape"), glob):
            got = None
        else:
            got = quote(line[:-2])
        if line is not None:
            self.must_wait = self.lockstep or bool(WAITS_AFTER.match(line))
        if got and strict:
            raise Mismatch(escape(to_bytes(glob)), got)
        if got:
            self.log('NOTE wanted "%s" got %s' % (escape(to_bytes(glob)), got))

    def start_tls(self, argument):
        """Handshake; False if it failed and was allowed to."""
        if self.tls:
            raise ScriptError("TLS is on already")
        if self.buf:
            raise Mismatch("nothing before the TLS handshake", quote(self.buf))
        options = dict(w.split("=", 1) for w in argument.split() if "=" in w)
        hello = self.run.certificate(options) + ".hello"
        if os.path.exists(hello):
            return self.answer_hello(hello, argument)
        context = self.run.context(options)
        context.sni_callback = lambda _tls, name, _context: self.log("SNI " + (name or "-"))
        self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.tls_in, self.tls_out, server_side=True)
        came, failure = bytearray(), None
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.push()
                data = self.receive()
                came += data
                self.tls_in.write(data)
                if self.gone:
                    self.tls_in.write_eof()
            except ssl.SSLError as error:
                failure = error.reason or str(error)
                break
        self.push()                 # the end of the handshake, or an alert
        if failure is None:
            self.tls = tls
            self.log("TLS %s %s" % (tls.version(), tls.cipher()[0]))
            self.certificates(options)
            if argument.startswith("must fail"):
                raise Mismatch("a failed handshake", "TLS")
            return True
        return self.tls_failed(argument, came, failure)

    def tls_failed(self, argument, came, failure):
        if came:
            self.log("<- " + escape(came))
        self.log("TLS-FAILED " + failure)
        if not argument.startswith(("must fail", "may fail")):
            raise Mismatch("TLS", failure)
        return False

    def answer_hello(self, path, argument):
        """Sends a file in answer to the client's first bytes; what it says to that is logged."""
        came = bytearray(self.receive())
        with open(path, "rb") as file:
            self.write_raw(file.read())
        while data := self.receive():
            came += data
        return self.tls_failed(argument, came, "as " + os.path.basename(path) + " wants it")

    def certificates(self, options):
        """Keeps both sides' certificates, for SASL."""
        path = self.run.certificate(options) + ".pem"
        with open(path, encoding="ascii") as pem:
            first = pem.read().partition("-----END CERTIFICATE-----")
        self.server_cert = ssl.PEM_cert_to_DER_cert(
            first[0][first[0].index("-----BEGIN CERTIFICATE-----"):] + first[1])
        if "ask" in options or "demand" in options:
            self.client_cert = self.tls.getpeercert(True)
            subject = (self.tls.getpeercert() or {}).get("subject", ())
            self.log("CLIENT-CERT " + (", ".join(v for s in subject for _, v in s) or "-"))

    def play_sasl(self, argument):
        """One AUTH, as sasl.py has it."""
        account = sasl.Account(argument.split(), self.server_cert, self.client_cert)

        def read():
            line = self.read_line()
            if line is None or not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                raise sasl.Broken("EOF" if line is None else "line end")
            self.must_wait = True
            return line[:-2]

        def send(line):
            self.pending.append((">", line, line + b"\r\n"))
            self.flush()

        try:
            self.log("SASL %s %s" % (account.name, escape(sasl.serve(account, read, send))))
        except sasl.Refused as error:
            self.log("SASL-REFUSED %s" % error)
        except sasl.Broken as error:
            raise Mismatch("AUTH %s" % account.name, str(error)) from None
        except sasl.Cut:
            pass

    def read_body(self):
        number, seen = self.run.next_body(), 0
        while True:
            end = self.buf.find(b"\r\n.\r\n", max(0, seen - 4)) + 5
            if self.buf.startswith(b".\r\n"):
                end = 3             # an empty message
            elif end < 5:
                end = None
            bare = bare_at(self.buf, max(0, seen - 1), len(self.buf) if end is None else end)
            if bare >= 0:
                wrong = quote(self.buf[max(0, bare - 20):bare + 20])
                self.save(number, self.take(len(self.buf)))
                raise Mismatch("CRLF line ends", "%s at byte %d" % (wrong, bare))
            if end is not None:
                break
            seen = len(self.buf)
            if not self.fill():
                self.save(number, self.take(seen))
                raise Mismatch("the message's end", "EOF after %d bytes" % seen)
        raw = bytes(self.buf[:end])
        del self.buf[:end]
        self.save(number, raw, re.sub(rb"(?m)^\.", b"", raw[:-3]))
        self.must_wait = self.lockstep

    def read_bdat(self):
        line = self.read_line() or b""
        wanted = re.fullmatch(rb"BDAT (\d+)( LAST)?\r\n", line, re.I)
        if not wanted:
            raise Mismatch("BDAT n", quote(line))
        self.bdat += self.take(int(wanted[1]))
        if wanted[2]:
            self.save(self.run.next_body(), self.bdat, self.bdat)
            self.bdat = bytearray()
        self.must_wait = self.lockstep

    def save(self, number, raw, message=None):
        """Writes body.N.raw, and body.N if the message is complete."""
        path = self.run.path("body.%d" % number)
        write_file(path + ".raw", raw)
        if message is not None:
            write_file(path, message)
        part = "" if message is not None else ", not all"
        self.log("BODY %d %d bytes%s" % (number, len(raw), part))

    def stall(self):
        """Until the client hangs up, which shows without a read."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        while not poll.poll(TICK * 1000) and not self.run.stopping():
            pass

    def close(self, how):
        """The connection's end by our will; what has come by now is still logged."""
        if how != "RESET":
            self.end_sending(how == "CLOSE")
        while self.fill(0):
            pass
        self.log_rest()
        if how == "RESET":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if not self.gone:
            self.log("CLOSED")
        self.sock.close()

    def do(self, command, argument):
        """Plays one line; False if the section ends with it."""
        if command == "S:":
            self.pending.append((">", to_bytes(argument), to_bytes(argument) + b"\r\n"))
            return True
        if command in ("S-:", "S\\:"):
            data = to_bytes(argument)
            if command == "S\\:":
                data = data.decode("unicode_escape").encode("latin-1")
            self.pending.append((">-", data, data))
            return True
        self.flush()
        if command in ("C:", "C*:"):
            self.expect_line(argument, command == "C:")
        elif command == "C-NONE":
            if self.buf or self.fill(float(argument)):
                raise Mismatch("nothing", quote(self.buf))
        elif command == "LOCKSTEP":
            self.lockstep = True
        elif command == "TLS":
            return self.start_tls(argument)
        elif command == "BODY":
            self.read_body()
        elif command == "BDAT":
            self.read_bdat()
        elif command == "SASL":
            self.play_sasl(argument)
        elif command == "READ":
            self.log("<- " + escape(self.take(int(argument))))
            self.must_wait = False
        elif command == "DROP-AFTER":
            self.save(self.run.next_body(), self.take(int(argument)))
            self.must_wait = False
        elif command == "SLEEP":
            time.sleep(float(argument))
        elif command == "DRIP":
            pause, _, text = argument.partition(" ")
            self.log("> " + text)
            for byte in to_bytes(text):
                self.write(bytes([byte]))
                time.sleep(int(pause) / 1000)
            self.write(b"\r\n")
        elif command == "STALL":
            self.stall()
        elif command == "DRAIN":
            self.drain()
        elif command in FINAL:
            self.close(command)
            return False
        return True

    def play(self, section):
        """The whole section; a mismatch goes to the run."""
        where = 0
        try:
            for where, command, argument in section:
                if not self.do(command, argument):
                    break
            self.flush()
            if self.sock.fileno() >= 0:
                self.end_sending(True)
                try:
                    self.drain()
                except Stopped:
                    self.log_rest()
                    self.log("NOTE stopped while the client was connected")
                self.sock.close()
        except Mismatch as error:
            self.run.mismatch(self.number, "%s (script line %d)" % (error, where))
            self.close("CLOSE")
        except Stopped:
            self.log_rest()
            self.run.mismatch(self.number, 'wanted "%s %s" got %s (script line %d)'
                              % (command, argument, self.run.why, where))
        except Exception as error:  # a fault of the peer must not look like a good run
            traceback.print_exc()
            self.run.mismatch(self.number, "the peer failed: %r (script line %d)" % (error, where))
            self.sock.close()
        finally:
            self.log("OVER")


# --- the run ------------------------------------------------------------------------

class Run:
    """What the connections share: log, message count, deadline, result."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.log_file = open(self.path("log"), "ab", buffering=0)
        self.bodies = 0
        self.result = None
        self.stopped = False
        self.why = "nothing before the time was over"
        self.deadline = time.monotonic() + options.time

    def path(self, name):
        return os.path.join(self.options.dir, name)

    def log(self, number, text):
        with self.lock:
            self.log_file.write(to_bytes("%d %s\n" % (number, text)))

    def next_body(self):
        with self.lock:
            self.bodies += 1
            return self.bodies

    def certificate(self, options):
        """The path of our certificate, without its ending."""
        return os.path.join(self.options.certs, options.get("cert", self.options.cert))

    def context(self, options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        name = self.certificate(options)
        # Python would take an EOF without close_notify for one with it.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        # Level 0: what is too weak, the client has to tell, not OpenSSL.
        context.set_ciphers(options.get("ciphers", "DEFAULT") + ":@SECLEVEL=0")
        if options.get("max") in ("1.0", "1.1"):
            context.minimum_version = VERSIONS[options["max"]]
        if "min" in options:
            context.minimum_version = VERSIONS[options["min"]]
        if "max" in options:
            context.maximum_version = VERSIONS[options["max"]]
        context.load_cert_chain(name + ".pem", name + ".key")
        signer = options.get("demand", options.get("ask"))
        if signer:
            context.load_verify_locations(os.path.join(self.options.certs, signer + ".pem"))
            context.verify_mode = ssl.CERT_REQUIRED if "demand" in options else ssl.CERT_OPTIONAL
        return context

    def stop(self, why="nothing before the peer was stopped"):
        if not self.stopped:
            self.why, self.stopped = why, True
            self.deadline = min(self.deadline, time.monotonic() + GRACE)

    def stopping(self):
        return self.stopped or self.deadline_passed()

    def deadline_passed(self):
        return time.monotonic() >= self.deadline

    def mismatch(self, number, text):
        self.log(number, "MISMATCH " + text)
        with self.lock:
            self.result = self.result or "%d MISMATCH %s" % (number, text)
        self.stop()

    def serve(self, listener, sections, every):
        threads = []
        while (sections or every is not None) and not self.stopping():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            section = sections.pop(0) if sections else every
            number = len(threads) + 1
            self.log(number, "CONNECT")
            sock.setblocking(True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threads.append(threading.Thread(
                target=Connection(self, number, sock).play, args=(section,), daemon=True))
            threads[-1].start()
        listener.close()
        for number, thread in enumerate(threads, 1):
            while thread.is_alive():
                thread.join(TICK)
                if time.monotonic() > self.deadline + GRACE:    # it hangs in a write
                    self.mismatch(number, 'wanted "an end" got %s' % self.why)
                    break
        if sections:
            self.mismatch(len(threads) + 1, 'wanted "a connection" got %s' % self.why)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--certs", required=True)
    parser.add_argument("--cert", default="good")
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--time", type=float, default=60)
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)     # TLS 1.0, which is our wish
    run = Run(options)
    try:
        with open(options.script, "rb") as script:
            text = script.read().decode("utf-8", "surrogateescape")
        sections, every = parse(text, options.implicit)
    except ScriptError as error:
        print("peer: %s: %s" % (options.script, error), file=sys.stderr)
        write_file(run.path("result"), to_bytes("script error: %s\n" % error))
        return 2
    signal.signal(signal.SIGTERM, lambda _signal, _frame: run.stop())
    family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
    listener = socket.create_server((options.address, options.port), family=family, backlog=128)
    listener.settimeout(TICK)
    port = listener.getsockname()[1]
    run.log(0, "LISTEN %s %d" % (options.address, port))
    write_file(run.path("port"), b"%d\n" % port)
    run.serve(listener, sections, every)
    write_file(run.path("result"), to_bytes((run.result or "ok") + "\n"))
    return 1 if run.result else 0


if __name__ == "__main__":
    sys.exit(main())
