# SPDX-License-Identifier: ISC
"""One run: the real binary, two servers of ours, a fault; and the judge.

A Place has its own folder, listeners and profiles, and serves one run after the other. What a run
came to is an Outcome; judge() says which of the law's clauses it breaks.
"""

import os
import re
import select
import signal
import socket
import ssl
import struct
import time

import server

BOB, CAROL = "bob@mail.test", "carol@mail.test"
HEADER = (b"From: Alice <alice@mail.test>\nTo: bob@mail.test\nDate: Sat, 28 Nov 2026 16:00:00 +0000\n"
          b"Message-ID: <1@mail.test>\nSubject: a fault\n\n")
SMALL = HEADER + b"Hello, Bob.\n.\n..dots\nThe end.\n"
STATUSES = {0, 64, 65, 67, 68, 69, 70, 71, 74, 76, 77, 78}
IN_DOUBT = "may have accepted"
SLACK = 8.0          # seconds: the machine may be busy
# The profile's, and as PLAIN sends it: nothing that is shown has them.
SECRETS = ("s3cret", "AGFsaWNlAHMzY3JldA")


def wire_form(body):
    """What arrives of a body: CRLF lines, NULs dropped, CRs as dot.h has them."""
    body = body.replace(b"\0", b"")
    out = bytearray()
    for part in re.split(rb"(\r{0,2}\n|\r)", body):
        out += b"\r\n" if part[-1:] in (b"\n", b"\r") else part
    if out and not out.endswith(b"\r\n"):
        out += b"\r\n"
    return bytes(out)


def build(message):
    """A message, or the words that make a large one: bytes in front, what then, bytes behind, and
    the line end of all but what stands in the middle."""
    if isinstance(message, bytes):
        return message
    front, middle, behind, end = message
    line = b"All work and no play makes Jack a dull boy, and the line goes on." + end
    header = HEADER.replace(b"\n", end)
    out = header + (line * (front // len(line) + 1))[:max(front - len(header), 0)]
    return out + middle + (line * (behind // len(line) + 1))[:behind]


class Case:
    """A run to be made. All of it is plain data, so that a failure can be repeated by its words."""

    def __init__(self, **words):
        self.port = "starttls"         # or implicit, clear
        self.chunking = self.pipelining = True
        self.fault = None              # (stream, n, how) at the first server, or at both
        self.both = False
        self.hosts = 2
        self.addresses = False         # two addresses of one host in place of two hosts
        self.bs = False
        self.message = SMALL
        self.stdin = "pipe"            # or file
        self.cut = None                # so many bytes of stdin alone
        self.refuse = {}
        self.answers = {}              # of the first server
        self.split = 0
        self.inject = ()               # plans of inject.c
        self.signal = None             # (number, command): once the server has read it
        self.malloc = None             # "7" or "7+": FAULT_MALLOC
        self.binary = "test"
        self.short = False             # timeouts of a second
        self.content = True            # what arrives must be what was sent
        self.may_be_mute = False       # stderr or the log may be what failed
        self.extra = ()                # lines of the profile
        self.buffer = 0                # the servers' receive buffers
        self.list = False              # inject.c lists the calls
        self.times = 1 << 30           # so many connections have the fault, later ones don't
        self.dead = False              # a dead letter is kept, and resent: by `later`, then as it is
        self.later = {}                # what goes wrong with the first resend
        self.resend = None             # a letter's path, in place of a message
        self.expect = None             # a status that must come,
        self.or_else = None            # or this one
        self.sessions = None           # so many connections, and no more
        self.bs_cut = None             # -bs: so many bytes are said, then the end
        for key, value in words.items():
            if not hasattr(self, key):
                raise KeyError(key)
            setattr(self, key, value)
        self.words = words
        self.message = build(self.message)

    def __repr__(self):
        return " ".join("%s=%r" % (k, v)
                        for k, v in sorted(self.words.items()))


class Outcome:
    def __init__(self):
        self.status = self.hung = None
        self.stderr = self.stdout = self.log = ""
        self.taken = {}
        self.sessions = []
        self.replies = []              # of -bs: (what was said, the answer)
        self.calls = []
        self.elapsed = 0
        self.allocations = 0
        self.resent = []               # (status, stderr) of each resend
        self.letters = [0]             # letters that are there after each run


class Connection:
    def __init__(self, sock, session):
        self.sock, self.session, self.sent = sock, session, 0
        self.finished = False


class Place:
    def __init__(self, root, folder, build):
        self.root, self.folder, self.build = root, folder, build
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.log = os.path.join(folder, "log")
        self.letters = os.path.join(folder, "letters")
        os.makedirs(self.letters, mode=0o700, exist_ok=True)
        self.certs = os.path.join(root, "build/tests/certs")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_TICKET
        self.context.load_cert_chain(os.path.join(self.certs, "good.pem"),
                                     os.path.join(self.certs, "good.key"))
        self.listeners = self.listen()
        self.profiles = {}

    @staticmethod
    def listen():
        """Two hosts, and the first one's other address: the same port of ::1."""
        while True:
            made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
            port = made[0].getsockname()[1]
            try:
                made.append(socket.create_server(("::1", port), family=socket.AF_INET6))
            except OSError:            # somebody else's; another port will do
                for s in made:
                    s.close()
                continue
            for s in made:
                s.setblocking(False)
            return made

    def close(self):
        for s in self.listeners:
            s.close()

    def profile(self, case):
        key = (case.port, case.hosts, case.short, case.extra, case.dead, case.addresses)
        if key in self.profiles:
            return self.profiles[key]
        path = os.path.join(self.folder, "profile%d" % len(self.profiles))
        times = ("1s", "1s", "6s") if case.short else ("25s", "25s", "30s")
        lines = ["[default]",
                 "host = " + (", ".join("127.0.0.1:%d" % s.getsockname()[1]
                                        for s in self.listeners[:case.hosts])
                              if not case.addresses else
                              "mail.test:%d" % self.listeners[0].getsockname()[1]),
                 "tls = " + {"clear": "off"}.get(case.port, case.port),
                 "tls_trust = " + os.path.join(self.certs, "ca.pem"),
                 "from = alice@mail.test", "domain = mail.test", "helo = client.test",
                 "log = " + self.log, "connect_timeout = 1s",
                 "timeout = %s\ncommit_timeout = %s\ndeadline = %s" % times]
        if case.port != "clear":
            lines += ["user = alice", "password = s3cret"]
        if case.dead:
            lines.append("dead_letter = " + self.letters)
        lines += case.extra
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("\n".join(lines) + "\n")
        self.profiles[key] = path
        return path

    def run(self, case):
        out = Run(self, case).play()
        if case.dead:
            self.resend(case, out)
        return out

    def letter(self):
        names = os.listdir(self.letters)
        return os.path.join(self.letters, names[0]) if names else None

    def resend(self, case, out):
        """The letter that was kept is sent again: once as case.later has it, once undisturbed."""
        out.letters = [len(os.listdir(self.letters))]
        for words in (case.later, {}):
            path = self.letter()
            if path is None:
                break
            again = Run(self, Case(**{**dict(port=case.port, chunking=case.chunking, dead=True,
                                             resend=path), **words}))
            again.out.taken = out.taken
            again.play()
            out.resent.append((again.out.status, again.out.stderr))
            out.sessions += again.out.sessions
            out.letters.append(len(os.listdir(self.letters)))
        for name in os.listdir(self.letters):
            os.unlink(os.path.join(self.letters, name))


class Run:
    def __init__(self, place, case):
        self.place, self.case, self.out = place, case, Outcome()
        self.connections, self.pipes = {}, {}
        self.poll = select.poll()
        self.pid = None
        self.stdin = -1
        self.todo = b""
        self.script = None
        self.told = 0
        self.signalled = False

    # --- the program

    def start(self):
        case, place = self.case, self.place
        binary = os.path.join(place.build, {"test": "test/mailchute",
                                            "malloc": "faults/mailchute"}[case.binary])
        argv = [binary, "-bs"] if case.bs else [binary, "-i", BOB, CAROL]
        if case.resend:
            argv = [binary, "resend", case.resend]
        if case.inject or case.list:
            argv = [os.path.join(place.root, "build/faults/inject"),
                    *(["-l", place.folder + "/calls"] if case.list else []),
                    *case.inject, "--", *argv]
        env = {"MAILCHUTE_CONFIG": place.profile(case), "HOME": place.folder, "PATH": "/bin",
               "ASAN_OPTIONS": "exitcode=99:detect_stack_use_after_return=1",
               "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1"}
        if case.binary == "malloc" and not case.malloc:
            env["FAULT_MALLOC_FILE"] = place.folder + "/allocations"
        if case.malloc:
            env["FAULT_MALLOC"] = case.malloc
        with open(place.log, "w"):
            pass
        message = case.message if case.cut is None else case.message[:case.cut]
        if case.stdin == "file" and not case.bs:
            path = os.path.join(place.folder, "message")
            with open(path, "wb") as f:
                f.write(message)
            inward = os.open(path, os.O_RDONLY)
        else:
            inward, self.stdin = os.pipe()
        ends = [os.pipe(), os.pipe()]
        actions = [(os.POSIX_SPAWN_DUP2, inward, 0), (os.POSIX_SPAWN_DUP2, ends[0][1], 1),
                   (os.POSIX_SPAWN_DUP2, ends[1][1], 2)]
        self.pid = os.posix_spawn(argv[0], argv, env, file_actions=actions,
                                  setsigdef=[signal.SIGPIPE])
        self.pidfd = os.pidfd_open(self.pid)
        for fd in (inward, ends[0][1], ends[1][1]):
            os.close(fd)
        for fd, name in ((ends[0][0], "stdout"), (ends[1][0], "stderr")):
            self.pipes[fd] = [name, bytearray()]
            self.poll.register(fd, select.POLLIN)
        self.poll.register(self.pidfd, select.POLLIN)
        for s in place.listeners:
            self.poll.register(s.fileno(), select.POLLIN)
        if case.bs:
            self.script = bs_script(case, self.out.replies)
            next(self.script)
        else:
            self.todo = b"" if case.resend else message
        if self.stdin != -1:
            os.set_blocking(self.stdin, False)
            self.feed()

    def feed(self):
        try:
            while self.todo:
                self.todo = self.todo[os.write(self.stdin, self.todo[:65536]):]
        except BlockingIOError:
            self.poll.register(self.stdin, select.POLLOUT)
            return
        except BrokenPipeError:
            self.todo = b""
        if self.script is None:
            self.close_stdin()
        else:
            self.poll_off(self.stdin)

    def poll_off(self, fd):
        try:
            self.poll.unregister(fd)
        except KeyError:
            pass

    def close_stdin(self):
        if self.stdin != -1:
            self.poll_off(self.stdin)
            os.close(self.stdin)
            self.stdin = -1

    def take_output(self, fd):
        data = os.read(fd, 65536)
        if not data:
            self.poll.unregister(fd)
            os.close(fd)
            self.finish_pipe(fd)
            return
        name, buf = self.pipes[fd]
        buf += data
        if name != "stdout" or self.script is None:
            return
        while True:
            found = re.match(rb"(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n", buf)
            if not found:
                return
            words = bytes(found.group())
            del found                      # it holds the buffer
            del buf[:len(words)]
            self.answered(words.decode("utf-8", "replace"))

    def answered(self, words):
        try:
            said = self.script.send(words)
        except StopIteration:
            self.close_stdin()
            return
        if self.case.bs_cut is not None:
            said = said[:self.case.bs_cut - self.told]
        self.told += len(said)
        if self.stdin != -1:
            self.todo += said
            self.feed()
            if self.told == self.case.bs_cut and not self.todo:
                self.close_stdin()

    def finish_pipe(self, fd):
        name, buf = self.pipes.pop(fd)
        setattr(self.out, name, buf.decode("utf-8", "replace"))

    # --- the servers

    def accept(self, index):
        try:
            sock, _ = self.place.listeners[index].accept()
        except (BlockingIOError, OSError):
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        case = self.case
        faulty = case.fault is not None and (index == 0 or case.both) and \
            len(self.out.sessions) < case.times
        if case.buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, case.buffer)
        options = server.Options(case.port == "implicit", case.pipelining, case.chunking,
                                 case.refuse, case.split,
                                 case.answers if index == 0 or case.both else None)
        session = server.Session(self.place.context, options,
                                 server.Fault(*case.fault) if faulty else server.NONE,
                                 self.out.taken)
        session.host = index
        self.out.sessions.append(session)
        c = Connection(sock, session)
        self.connections[sock.fileno()] = c
        self.poll.register(sock.fileno(), select.POLLIN)
        if faulty and case.fault[0].endswith("-in") and case.fault[1] == 0:
            session.end(case.fault[2])
            session.deaf = True
        self.push(c)

    def push(self, c):
        """What the session has to say, up to where its stream is cut."""
        s, f = c.session, c.session.fault
        data = bytes(s.raw)
        cut = f.stream == "tcp-out" and c.sent + len(data) >= f.n and not s.mute
        if cut:
            data = data[:f.n - c.sent]
        s.raw.clear()
        step = s.options.split or len(data)
        try:
            for at in range(0, len(data), step or 1):
                # Replies are far smaller than any buffer.
                c.sent += c.sock.send(data[at:at + step])
        except OSError:
            pass
        s.wire_said = c.sent
        if cut:
            s.end(f.how)
        if s.over == "reset":
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.drop(c)
        elif s.over in ("fin", "notify") and not c.finished:
            c.finished = True
            try:
                c.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if s.deaf and c.sock.fileno() in self.connections:
            if f.how == "deaf":
                self.poll_off(c.sock.fileno())

    def drop(self, c):
        fd = c.sock.fileno()
        if fd in self.connections:
            del self.connections[fd]
            self.poll_off(fd)
            c.sock.close()

    def serve(self, c):
        try:
            data = c.sock.recv(65536 if not self.case.buffer else 2048)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(c)
            return
        before = len(c.session.commands)
        c.session.receive(data)
        if self.case.signal and not self.signalled:
            for line in c.session.commands[before:]:
                if line.startswith(self.case.signal[1]):
                    self.signalled = True
                    if self.out.status is None:
                        os.kill(self.pid, self.case.signal[0])
        self.push(c)

    # --- all together

    def limit(self):
        if self.case.short:
            return 6 + 1 + 2 + SLACK
        return 30 + 25 + 2 + SLACK + (60 if self.case.binary == "malloc" else 0)

    def play(self):
        began = time.monotonic()
        self.start()
        listeners = {s.fileno(): i for i, s in enumerate(self.place.listeners)}
        ended = None
        try:
            while True:
                now = time.monotonic()
                if ended is None and now - began > self.limit():
                    self.out.hung = True
                    os.kill(self.pid, signal.SIGKILL)
                if ended is not None and ((not self.connections and not self.pipes)
                                          or now - ended > 3):
                    break
                for fd, _ in self.poll.poll(500 if ended is None else 20):
                    if fd == self.pidfd:
                        _, status = os.waitpid(self.pid, 0)
                        self.out.status = os.waitstatus_to_exitcode(status)
                        ended = time.monotonic()
                        self.poll.unregister(fd)
                        self.close_stdin()
                        self.wake_deaf()
                    elif fd in listeners:
                        self.accept(listeners[fd])
                    elif fd in self.pipes:
                        self.take_output(fd)
                    elif fd == self.stdin:
                        self.feed()
                    elif fd in self.connections:
                        self.serve(self.connections[fd])
        finally:
            self.clean_up(ended)
        self.out.elapsed = (ended or time.monotonic()) - began
        with open(self.place.log, encoding="utf-8", errors="replace") as f:
            self.out.log = f.read()
        counted = self.place.folder + "/allocations"     # at its end; it may have been killed
        if self.case.binary == "malloc" and not self.case.malloc and os.path.exists(counted):
            with open(counted, encoding="ascii") as f:
                self.out.allocations = int(f.read())
        if self.case.list:
            with open(self.place.folder + "/calls", encoding="ascii") as f:
                self.out.calls = f.read().splitlines()
        return self.out

    def wake_deaf(self):
        """The program is gone: what it left with a server that didn't read is nobody's."""
        for c in list(self.connections.values()):
            if c.session.fault.how == "deaf" and c.session.deaf:
                self.drop(c)

    def clean_up(self, ended):
        if ended is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.close_stdin()
        for c in list(self.connections.values()):
            self.drop(c)
        for fd in list(self.pipes):
            os.close(fd)
            self.finish_pipe(fd)
        for s in self.place.listeners:      # those that nobody waits for any more
            try:
                while True:
                    s.accept()[0].close()
            except (BlockingIOError, OSError):
                pass


def bs_script(case, log):
    """-bs: a message to each, each command after the answer to the one before. A generator: gets
    the answers, gives what is to be said; log gets (recipient, answer to the content)."""
    lines = wire_form(case.message).replace(b"\r\n.", b"\r\n..") + b".\r\n"
    yield b""                            # primed; the greeting comes by the first send
    yield b"EHLO caller.test\r\n"
    for rcpt in (BOB, CAROL):
        answer = yield b"MAIL FROM:<alice@mail.test>\r\n"
        if answer[0] == "2":
            answer = yield b"RCPT TO:<%s>\r\n" % rcpt.encode()
        if answer[0] == "2":
            answer = yield b"DATA\r\n"
        if answer[0] == "3":
            answer = yield lines
        log.append((rcpt, answer))
        if answer[0] != "2":
            yield b"RSET\r\n"
    yield b"QUIT\r\n"


# --- the judge

def log_fields(line):
    fields = {}
    for key, quoted, bare in re.findall(r' (\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line):
        fields[key] = quoted or bare
    return fields


def judge(case, out):
    """The law, recipient by recipient. Returns the clauses that are broken, in words."""
    return judge_letters(case, out) if case.dead else judge_run(case, out)


def judge_letters(case, out):
    """Nothing lost, nothing twice, with a letter in between: who isn't served is in it."""
    bad = []
    served = {r: len(out.taken.get(r, ())) for r in (BOB, CAROL)}
    bad += ["%s got it %d times" % (r, n) for r, n in served.items() if n > 1]
    killed = out.status is None or out.status < 0
    bad += judge_content(case, out)
    if out.hung or out.status == 99:
        bad.append("hung, or a fault")
    if "not kept in" in out.stderr:     # said; what is there is an empty file
        return bad + ["exit 0, but it isn't kept"] * (out.status == 0)
    if not killed and out.letters[-1] == 0 and 0 in served.values():
        bad.append("somebody is without, and there is no letter")
    if max(out.letters) > 1:
        bad.append("%d letters" % max(out.letters))
    if not killed and (out.status == 0) != (out.letters[0] == 0):
        bad.append("status %s, and %d letters" % (out.status, out.letters[0]))
    if out.resent:
        status, words = out.resent[-1]
        if status == 0 and (0 in served.values() or out.letters[-1]):
            bad.append("resend: exit 0, but not all got it, or the letter stayed")
        if status != 0 and out.letters[-1] == 0:
            bad.append("resend: status %s, and the letter is gone" % status)
        if len(out.resent) == 2 and status not in (0, 64):
            bad.append("resend: status %s: %s" % (status, words))
    return bad


def judge_run(case, out):
    bad = []
    served = {r: len(out.taken.get(r, ())) for r in (BOB, CAROL)}
    if out.hung:
        bad.append("hung past its deadline")
    for r, n in served.items():
        if n > 1:
            bad.append("%s got it %d times" % (r, n))
    if "ERROR: " in out.stderr or "runtime error" in out.stderr or out.status == 99:
        bad.append("a sanitizer complains")
    killed = [int(p.rsplit("=", 1)[1]) for p in case.inject if "signal=" in p]
    killed += [case.signal[0]] if case.signal else []
    if out.status is not None and out.status < 0:
        if -out.status not in killed:
            bad.append("crashed by signal %d" % -out.status)
        if case.bs:
            return bad + judge_bs(case, out, served)
        if -out.status != signal.SIGKILL and any(served.values()):
            bad.append("ended by a signal, but the message was taken")
        return bad
    if case.content:
        bad += judge_content(case, out)
    if case.sessions is not None and len(out.sessions) != case.sessions:
        bad.append("%d sessions" % len(out.sessions))
    if any(s in out.stderr + out.log for s in SECRETS):
        bad.append("the password is shown")
    if case.bs:
        return bad + judge_bs(case, out, served)
    if out.status not in STATUSES:
        bad.append("status %r" % out.status)
    lines = out.log.splitlines()
    fields = log_fields(lines[-1]) if lines else {}
    words = out.stderr + " " + fields.get("error", "")
    if not case.may_be_mute:
        bad += judge_form(out, lines, fields)
    if case.expect is not None and out.status not in (case.expect, case.or_else):
        bad.append("status %r, not %d" % (out.status, case.expect))
    if out.status == 0:
        bad += ["exit 0, but %s didn't get it" % r for r, n in served.items() if n == 0]
        return bad
    n_served = sum(n > 0 for n in served.values())
    doubt = IN_DOUBT in words
    told = int(fields.get("delivered", 0)) if lines else 0
    unknown = int(fields.get("unknown", 0)) if lines else 0
    if not lines:                       # the line on stderr has to do
        found = re.search(r"delivered to (\d+) of", words)
        told = int(found.group(1)) if found else 0
        unknown = 2 if doubt else 0
    if n_served > told + unknown:
        bad.append("told as delivered %d and unknown %d, but %d got it" % (told, unknown, n_served))
    if n_served < told:
        bad.append("told as delivered to %d, but %d got it" % (told, n_served))
    if n_served > 0 and not doubt and "delivered to" not in words:
        bad.append("not sent, it says, but it was taken")
    if unknown > 0 and not doubt and lines and not case.may_be_mute:
        bad.append("unknown in the log alone")
    for r in re.findall(r"<([^>]*)>: ", fields.get("refused", "")):
        if served.get(r) and not doubt:
            bad.append("%s is told as refused, but got it" % r)
    if doubt and window_was_shut(case, out):
        bad.append("in doubt, it says, but the end of the message never left")
    return bad


def window_was_shut(case, out):
    """Where all that was written arrives, and not the end: then nothing is in doubt."""
    if case.fault is None or case.fault[2] not in ("fin", "notify", "stall") or \
            not case.fault[0].endswith("-out") or case.inject:
        return False
    return not any(s.complete for s in out.sessions)


def judge_form(out, lines, fields):
    bad = []
    n = len(out.stderr.splitlines())
    if out.status == 0 and out.stderr:
        bad.append("exit 0, but stderr says something")
    if out.status != 0 and n != 1:
        bad.append("%d lines on stderr" % n)
    if len(lines) != 1:
        bad.append("%d lines in the log" % len(lines))
    elif fields.get("exit") != str(out.status):
        bad.append("the log's exit is %s" % fields.get("exit"))
    elif (fields.get("status") == "sent") != (out.status == 0):
        bad.append("the log's status is %s" % fields.get("status"))
    return bad


def judge_content(case, out):
    message = case.message if case.cut is None else case.message[:case.cut]
    end = re.search(rb"\n\r?\n", message)
    body = message[end.end():] if end else None
    bad = []
    for r, copies in out.taken.items():
        for copy in copies:
            head, _, got = copy.partition(b"\r\n\r\n")
            if body is not None and got != wire_form(body):
                bad.append("%s got another body (%d bytes for %d)" %
                           (r, len(got), len(wire_form(body))))
            if b"\n" in head.replace(b"\r\n", b""):
                bad.append("a bare LF in the header")
    return bad


def judge_bs(case, out, served):
    """The answers are the promise: by each message's last one."""
    bad = []
    answers = dict(out.replies)
    if case.expect == 0 and (len(answers) < 2 or any(a[0] != "2" for a in answers.values())):
        bad.append("-bs said %r" % answers)
    killed = out.status is not None and out.status < 0
    if case.fault is None and not case.inject and case.bs_cut is None and not case.signal and not case.malloc and \
            not killed and out.status != 0:
        bad.append("-bs ended with %r" % out.status)
    for r, n in served.items():
        answer = answers.get(r)
        if answer is None:
            # A caller that got no answer knows nothing; but we may only fall silent by force.
            if n > 0 and not case.may_be_mute and -(out.status or 0) != signal.SIGKILL:
                bad.append("%s got it, and -bs said nothing" % r)
        elif answer[0] == "2" and n == 0:
            bad.append("-bs said %s, but %s didn't get it" % (answer[:3], r))
        elif answer[0] != "2" and n > 0 and IN_DOUBT not in answer:
            bad.append("-bs said %s, but %s got it" % (answer[:3], r))
    return bad
