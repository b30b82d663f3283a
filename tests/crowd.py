#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A crowd of programs at once, and a server that takes few of them at a time.

    crowd.py DIR PROGRAM CERTS KIND NUMBER [KEY=VALUE]...

NUMBER of them send a message each, to a recipient of their own; the server has room for 20 and
keeps each for a fifth of a second. KIND is what happens to the others:
    421     they get a greeting of 421, and are hung up on
    full    they get a 4yz to their log-in, MAIL, RCPT or content, in turn
    reset   their connection is reset
    queue   nobody accepts them: they wait in the kernel's queue, or before it, as it is short
KEY=VALUE goes into the profile. In every case: all come to an end within a minute; who ended with 0
has the message there once, and the others not at all, and one line on stderr says so.

Prints how many were delivered, were told, and called how often. Status: 0 if all that holds.
"""
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

ROOM, STAY, LIMIT = 20, 0.2, 60
MESSAGE = (b"From: Alice <alice@mail.test>\nTo: bob@mail.test\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
           b"Message-ID: <1@mail.test>\nSubject: a test\n\nHello, Bob.\n")


class Server:
    """The one that they all call."""

    def __init__(self, kind, certs):
        self.kind = kind
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certs + "/good.pem", certs + "/good.key")
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(5 if kind == "queue" else 512)
        self.port = self.listener.getsockname()[1]
        self.room = threading.Semaphore(ROOM)
        self.lock = threading.Lock()
        self.calls = self.inside = self.most = self.refused = 0
        self.taken = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            if self.kind == "queue":
                self.room.acquire()
            sock, _ = self.listener.accept()
            self.calls += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        sock.settimeout(LIMIT)
        inside = self.kind == "queue" or self.room.acquire(blocking=False)
        try:
            with self.lock:
                self.inside += inside
                self.most = max(self.most, self.inside)
                self.refused += not inside
                turn = self.refused % 4
            if inside:
                self.talk(sock, None)
                time.sleep(STAY)
            elif self.kind == "421":
                sock.sendall(b"421 4.3.2 too many connections\r\n")
            elif self.kind == "full":
                self.talk(sock, ("AUTH", "MAIL", "RCPT", ".")[turn])
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        finally:
            sock.close()
            if inside:
                with self.lock:
                    self.inside -= 1
                self.room.release()

    def talk(self, sock, refuses):
        """One session; refuses: the command that is put off."""
        stream, to = sock.makefile("rwb"), None

        def say(text):
            stream.write(text + b"\r\n")
            stream.flush()

        say(b"220 mail.test ESMTP")
        while line := stream.readline():
            verb = line.split()[0].decode("latin-1")
            if verb == refuses:
                say(b"451 4.3.2 not now")
            elif verb == "EHLO":
                say(b"250-mail.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN")
            elif verb == "STARTTLS":
                say(b"220 go")
                sock = self.context.wrap_socket(sock, server_side=True)
                stream = sock.makefile("rwb")
            elif verb == "AUTH":
                say(b"235 ok")
            elif verb == "DATA" and to is None:
                say(b"503 who?")
            elif verb == "DATA":
                say(b"354 go")
                while (line := stream.readline()) not in (b".\r\n", b""):
                    pass
                if not line:
                    break
                if refuses == ".":
                    say(b"451 4.3.2 not now")
                    continue
                with self.lock:
                    self.taken[to] = self.taken.get(to, 0) + 1
                time.sleep(STAY)
                say(b"250 2.0.0 queued")
            elif verb == "QUIT":
                say(b"221 bye")
                break
            else:
                if verb == "RCPT":
                    to = re.search(rb"<(\w+)@", line)[1].decode()
                say(b"250 ok")


def profile(folder, certs, port, keys):
    path = os.path.join(folder, "profile")
    lines = {"host": "localhost:%d" % port, "tls": "starttls", "tls_trust": certs + "/ca.pem",
             "user": "alice", "password": "s3cret-alice", "from": "alice@mail.test",
             "domain": "mail.test", "helo": "client.test", "log": "off", "tempfail_exit": "75"}
    lines.update(key.split("=", 1) for key in keys)
    with open(path, "w", encoding="ascii",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("[default]\n" + "".join("%s = %s\n" % pair for pair in lines.items()))
    return path


def main():
    folder, program, certs, kind, number = sys.argv[1:6]
    server = Server(kind, certs)
    path = profile(folder, certs, server.port, sys.argv[6:])
    with open(folder + "/message", "wb") as file:
        file.write(MESSAGE)
    began, crowd, faults = time.monotonic(), {}, []
    for i in range(int(number)):
        with open(folder + "/message", "rb") as message:
            crowd["r%d" % i] = subprocess.Popen(
                [program, "r%d@mail.test" % i], stdin=message, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, env={"MAILCHUTE_CONFIG": path})
    delivered, statuses = 0, {}
    for name, process in crowd.items():
        try:
            _, told = process.communicate(timeout=max(0.1, began + LIMIT - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            faults.append("%s is stuck" % name)
            continue
        status, times = process.returncode, server.taken.get(name, 0)
        statuses[status] = statuses.get(status, 0) + 1
        delivered += status == 0
        if times != (status == 0):
            faults.append("THE LAW: %s has it %d times, and the status is %d" % (name, times, status))
        if status == 0 and told:
            faults.append("%s: 0, but not silent: %r" % (name, told))
        if status != 0 and not (status == 75 and re.fullmatch(rb"mailchute: not sent: [^\n]*\n", told)):
            faults.append("%s: %d, and it says %r" % (name, status, told))
    if server.most > ROOM:
        faults.append("%d were inside" % server.most)
    if kind != "queue" and server.refused == 0:
        faults.append("nobody was refused")
    print(*faults[:20], sep="\n", end="\n" if faults else "", file=sys.stderr)
    print("crowd %s: %d delivered of %d, %d told, %d calls, %d at once, %.1f s" % (
        kind, delivered, len(crowd), len(crowd) - delivered, server.calls, server.most,
        time.monotonic() - began))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
