# SPDX-License-Identifier: ISC
"""A submission server for one connection, without a socket: bytes in, bytes out.

What it takes it takes for good: a recipient that it accepted counts as served once the end of the
message was read, whether or not the answer reaches anybody. That is the view which the law is
judged by.

A fault (see Fault) breaks one of its four streams, at a byte of it.
"""

import base64
import ssl

EHLO_WORDS = ("8BITMIME", "DSN", "ENHANCEDSTATUSCODES")


class Fault:
    """stream: tcp-out tcp-in (bytes on the wire), plain-out plain-in (bytes of the dialogue).
    After n bytes of it: how = fin (an end without a word of TLS), notify (close_notify, then the
    end), stall (silence, but all that comes is read), deaf (silence, nothing is read), reset."""

    def __init__(self, stream, n, how):
        self.stream, self.n, self.how = stream, n, how


NONE = Fault("none", 1 << 60, "none")


class Options:
    """What a server is like; the same for each of its connections."""

    def __init__(self, implicit=False, pipelining=True, chunking=True, refuse=(), split=0,
                 answers=None):
        self.implicit, self.pipelining, self.chunking = implicit, pipelining, chunking
        self.refuse = refuse           # {recipient: reply}
        self.split = split             # replies leave in pieces of so many bytes
        self.answers = answers or {}   # {command: reply} in place of its own


class Session:
    def __init__(self, context, options, fault, taken):
        self.context, self.options, self.fault, self.taken = context, options, fault, taken
        self.raw = bytearray()         # to the socket
        self.text = bytearray()        # from the client, decrypted
        self.tls = None
        self.shaken = False
        self.over = None               # how the stream ends, once it does
        self.mute = self.deaf = False  # nothing is said, nothing is read any more
        self.said = self.heard = 0     # bytes of plaintext
        self.raw_said = self.raw_heard = 0
        self.rcpts = []
        self.in_mail = False
        self.content = None            # of DATA or BDAT, under way
        self.in_data = False
        self.left = -1                 # bytes of the chunk under way
        self.last = False
        self.asked = None              # the log-in waits for a line
        self.complete = 0              # messages whose end was read
        self.commands = []
        self.seen = 0
        if options.implicit:
            self.start_tls()
        else:
            self.say("220 mail.test ESMTP\r\n")

    # --- the stream out

    def end(self, how):
        if self.over is None and not self.mute:
            if how == "notify" and self.tls is not None and self.shaken:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass
                self.drain()
            self.over = how if how in ("fin", "notify", "reset") else None
            self.mute = True
            self.deaf = how in ("deaf", "reset")

    def drain(self):
        self.raw += self.outgoing.read()

    def put(self, data):
        if self.tls is None:
            self.raw += data
        else:
            self.tls.write(data)
            self.drain()

    def say(self, words):
        data = words.encode()
        if self.mute:
            return
        cut = None
        if self.fault.stream == "plain-out":
            cut = self.fault.n - self.said
            if cut <= len(data):
                data = data[:cut]
            else:
                cut = None
        self.said += len(data)
        step = self.options.split or len(data)
        for at in range(0, len(data), step or 1):
            self.put(data[at:at + step])
        if cut is not None:
            self.end(self.fault.how)

    # --- the stream in

    def start_tls(self):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def receive(self, data):
        """Bytes of the wire."""
        if self.deaf:
            return
        cut = False
        if self.fault.stream == "tcp-in":
            room = self.fault.n - self.raw_heard
            if room <= len(data):
                data, cut = data[:room], True
        self.raw_heard += len(data)
        if self.tls is None:
            self.hear(data)
        else:
            self.incoming.write(data)
            self.decrypt()
        if cut:
            self.end(self.fault.how)
            self.deaf = True

    def decrypt(self):
        try:
            if not self.shaken:
                self.tls.do_handshake()
                self.shaken = True
                self.drain()
                if self.options.implicit:
                    self.say("220 mail.test ESMTP\r\n")
            while not self.deaf:
                data = self.tls.read(65536)
                if not data:
                    break
                self.hear(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            self.commands.append("TLS: %s" % e.reason)
            self.end("fin")
            self.deaf = True
        self.drain()

    def hear(self, data):
        """Bytes of the dialogue."""
        cut = False
        if self.fault.stream == "plain-in":
            room = self.fault.n - self.heard
            if room <= len(data):
                data, cut = data[:room], True
        self.heard += len(data)
        self.text += data
        while self.step():
            pass
        if cut:
            self.end(self.fault.how)
            self.deaf = True

    # --- the dialogue

    def step(self):
        """Takes a line, or content; False where more is needed."""
        if self.left >= 0:
            return self.take_chunk()
        if self.in_data:
            return self.take_data()
        at = self.text.find(b"\n")
        if at < 0:
            return False
        line = bytes(self.text[:at + 1])
        del self.text[:at + 1]
        if not line.endswith(b"\r\n"):
            self.commands.append("BARE LF")
        self.command(line.rstrip(b"\r\n").decode("latin-1"))
        return True

    def command(self, line):
        if self.asked is not None:
            self.asked = None
            return self.say("235 2.7.0 Welcome\r\n")
        verb = line.split(" ", 1)[0].upper()
        self.commands.append(line if verb != "AUTH" else "AUTH")
        if verb in self.options.answers and verb != "BDAT":
            self.say(self.options.answers[verb] + "\r\n")
            if self.options.answers[verb].startswith("421"):
                self.end("notify")
            return None
        method = getattr(self, "do_" + verb.lower(), None)
        if method is None:
            return self.say("500 5.5.1 What?\r\n")
        return method(line)

    def do_ehlo(self, _line):
        words = list(EHLO_WORDS)
        words += ["PIPELINING"] * self.options.pipelining + ["CHUNKING"] * self.options.chunking
        words += ["STARTTLS"] if self.tls is None else ["AUTH PLAIN"]
        self.say("250-mail.test\r\n" + "".join("250-%s\r\n" % w for w in words) +
                 "250 SIZE 100000000\r\n")

    def do_starttls(self, _line):
        self.say("220 2.0.0 Go ahead\r\n")
        if not self.mute:
            self.start_tls()
            if self.text:
                self.commands.append("BYTES BEHIND STARTTLS")
                self.text.clear()

    def do_auth(self, line):
        words = line.split()
        if len(words) == 2:
            self.asked = True
            return self.say("334 \r\n")
        ok = base64.b64decode(words[2]) == b"\0alice\0s3cret"
        return self.say("235 2.7.0 Welcome\r\n" if ok else "535 5.7.8 No\r\n")

    def do_mail(self, _line):
        self.rcpts, self.in_mail = [], True
        self.say("250 2.1.0 Sender ok\r\n")

    def do_rcpt(self, line):
        address = line[line.index("<") + 1:line.index(">")]
        refusal = self.options.refuse.get(address)
        if not self.in_mail:
            refusal = "503 5.5.1 MAIL first"
        if refusal is None:
            self.rcpts.append(address)
        self.say(refusal + "\r\n" if refusal else "250 2.1.5 Recipient ok\r\n")

    def do_data(self, _line):
        if not self.rcpts:
            return self.say("554 5.5.1 No recipients\r\n")
        self.content, self.in_data = bytearray(), True
        self.seen = 0
        return self.say("354 Go on\r\n")

    def do_bdat(self, line):
        words = line.split()
        self.left, self.last = int(words[1]), words[2:] == ["LAST"]
        if self.content is None:
            self.content = bytearray()

    def take_data(self):
        if self.text.startswith(b".\r\n") and not self.seen:
            end = 3
        else:
            at = self.text.find(b"\r\n.\r\n", max(self.seen - 5, 0))
            if at < 0:
                self.seen = len(self.text)
                return False
            end = at + 5
        data = bytes(self.text[:end - 3])
        del self.text[:end]
        lines = data.split(b"\r\n")
        self.content += b"\r\n".join(x[1:] if x.startswith(b".") else x for x in lines)
        self.commit()
        return True

    def take_chunk(self):
        part = self.text[:self.left]
        del self.text[:len(part)]
        self.content += part
        self.left -= len(part)
        if self.left > 0:
            return False
        self.left = -1
        if not self.rcpts:
            self.say("554 5.5.1 No recipients\r\n")
            self.content = None
        elif self.last:
            self.commit()
        else:
            answer = self.options.answers.get("BDAT", "250 2.0.0 Chunk ok")
            if not answer.startswith("2"):
                self.rcpts = []        # RFC 3030: nothing comes of this message any more
            self.say(answer + "\r\n")
        return True

    def commit(self):
        """The end of the message was read: from here on it is ours."""
        self.complete += 1
        last = self.options.answers.get("BDAT" if not self.in_data else "END")
        answer = self.options.answers.get("END", last or "250 2.0.0 Queued as 1")
        if answer.startswith("2"):
            for address in self.rcpts:
                self.taken.setdefault(address, []).append(bytes(self.content))
        self.content, self.rcpts, self.in_mail, self.in_data = None, [], False, False
        self.commands.append("END")
        self.say(answer + "\r\n")
        if answer.startswith("421"):
            self.end("notify")

    def do_rset(self, _line):
        self.rcpts, self.content, self.in_mail = [], None, False
        self.say("250 2.0.0 Ok\r\n")

    def do_noop(self, _line):
        self.say("250 2.0.0 Ok\r\n")

    def do_quit(self, _line):
        self.say("221 2.0.0 Bye\r\n")
        self.end("notify")
        self.deaf = True
