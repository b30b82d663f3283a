#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Name servers that do wrong, a row each, and what must come of it for the program that asks them.

    names.py DIR PROGRAM CERTS

Each row is a DNS server (servers/dns.py) of its own and one run of the program, in a root folder
of its own in DIR, whose resolv.conf leads there; a dozen are played at once. Two mail servers
serve all rows, by one port: a good one at 127.0.0.5, who is mail.test, and at 127.0.0.1 and ::1,
whereto the lies lead, one that would take everything and has another's certificate. At 127.0.0.2
nobody answers at all; elsewhere connections are refused. (By another port the good one serves
alone, and it is ::1 where nobody answers.)

In every row: the program ends by itself, in time; 0 if and only if the good server took the
message, once; else one line on stderr; the other one hears no log-in, no envelope and no content.
Needs root. Status: 0 if all rows came out as wanted, else 1 and a few lines on stderr for each other.
"""
import argparse
import concurrent.futures
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "servers"), HERE]
import dns          # not before the line above
import hostile

AT_ONCE = 12
PATIENCE = 6.0
GOOD, EVIL, DEAF = "127.0.0.5", "127.0.0.1", "127.0.0.2"
LOST = (68, 75)     # no such name; or who knows


class Mail:
    """A mail server: what hostile.py's connections need of a play."""

    def __init__(self, lab, cert, addresses, port=0):
        self.lab, self.commands, self.faults, self.chunked = self, [], [], 0
        self.received = self.confirmed = self.refused = self.done = False
        self.row = hostile.Row("good", "none", None, port=465)
        self.tls_context = lab(cert)
        self.taken, self.lock = {}, threading.Lock()
        self.listeners = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self.listeners.append(socket.create_server((address, port), family=family, backlog=64))
            port = self.listeners[-1].getsockname()[1]
            threading.Thread(target=self.accept, args=(self.listeners[-1],), daemon=True).start()
        self.port = port

    def context(self, _cipher):
        return self.tls_context

    def accept(self, listener):
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=Session(self, sock).run, daemon=True).start()


class Session(hostile.Connection):
    """One that knows whose message it has: the recipient is the row's own."""

    def do_rcpt(self, rest):
        self.recipient = re.search("<(.*)>", rest)[1]
        super().do_rcpt(rest)

    def do_data(self, rest):
        super().do_data(rest)
        with self.play.lock:
            self.play.taken[self.recipient] = self.play.taken.get(self.recipient, 0) + 1


class Row:
    """A name server, and what is wanted."""

    def __init__(self, name, *faults, status=0, records=("mail.test=" + GOOD,), takes=1, says="",
                 options="options timeout:1 attempts:2", host="mail.test", keys=None, least=0,
                 port=None):
        self.name, self.faults, self.records = name, faults, records
        self.status = (status,) if isinstance(status, int) else status
        self.takes, self.says, self.options, self.host = takes, says, options, host
        self.keys, self.least, self.port = keys or {}, least, port


class Play:
    """A row, played."""

    def __init__(self, place, row, number):
        self.place, self.row = place, row
        self.to = "row%d@mail.test" % number
        self.root = os.path.join(place.folder, "row%d" % number)
        os.mkdir(self.root)
        os.mkdir(self.root + "/etc")
        os.link(place.program, self.root + "/sendmail")
        shutil.copy(place.certs + "/ca.pem", self.root)

    def name_server(self):
        server = dns.Server(argparse.Namespace(
            records=list(self.row.records), fault=list(self.row.faults), dir=self.root,
            address="auto", port=53, tcp=False, tcp_mute=False))
        threading.Thread(target=server.serve, daemon=True).start()
        return server.address

    def run(self):
        row, port = self.row, self.row.port or self.place.port
        hosts = " ".join("%s:%d" % (host, port) for host in row.host.split())
        keys = {"host": hosts, "tls": "implicit", "tls_trust": "/ca.pem", "tls_name": "localhost",
                "user": "alice", "password": "s3cret-alice", "from": "alice@mail.test",
                "domain": "mail.test", "helo": "client.test", "log": "/log", "tempfail_exit": "75",
                "connect_timeout": "2s"}
        keys.update(row.keys)
        with open(self.root + "/mailchute.ini", "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("[default]\n" + "".join("%s = %s\n" % pair for pair in keys.items()))
        with open(self.root + "/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write("nameserver %s\n%s\n" % (self.name_server(), row.options))
        began = time.monotonic()
        with subprocess.Popen(
                ["chroot", self.root, "/sendmail", self.to], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                env={"PATH": os.environ["PATH"], "MAILCHUTE_CONFIG": "/mailchute.ini"}) as process:
            try:
                out, err = process.communicate(hostile.SMALL, timeout=row.takes + 20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
        self.status, self.took = process.returncode, time.monotonic() - began
        self.told, self.out = err.decode("utf-8", "surrogateescape"), out
        return self

    def wrong(self):
        row, taken = self.row, self.place.good.taken.get(self.to, 0)
        if self.status not in row.status:
            yield "status %d, not %s" % (self.status, row.status)
        if not row.least <= self.took <= row.takes + PATIENCE:
            yield "it took %.1f s, not %.1f" % (self.took, row.takes)
        if taken != (self.status == 0):
            yield "THE LAW: status %d, and the server has it %d times" % (self.status, taken)
        if self.status == 0 and (self.told or self.out):
            yield "0, but not silent"
        if self.status != 0 and not re.fullmatch(r"[ -~]{20,2047}\n", self.told):
            yield "stderr isn't one line"
        if not re.search(row.says, self.told):
            yield "it doesn't say: " + row.says


class Place:
    """What all rows share."""

    def __init__(self, folder, program, certs):
        self.folder, self.program, self.certs = folder, folder + "/program", certs
        shutil.copy(program, self.program)
        six = os.path.exists("/proc/net/if_inet6")
        # A port that is free on one address may be in use on another.
        for last in [False] * 20 + [True]:
            self.good = Mail(self.context, "good", [GOOD])
            self.port = self.good.port
            try:
                self.evil = Mail(self.context, "wrongname", [EVIL] + ["::1"] * six, self.port)
                break
            except OSError as error:
                if last or error.errno != errno.EADDRINUSE:
                    raise
        self.late = Mail(self.context, "good", [GOOD])
        self.held = []
        self.fill(DEAF, self.port)
        if six:
            self.fill("::1", self.late.port)

    def context(self, cert):
        context = hostile.ssl.SSLContext(hostile.ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("%s/%s.pem" % (self.certs, cert), "%s/%s.key" % (self.certs, cert))
        return context

    def fill(self, address, port):
        """A listener whose queue is full: the kernel drops what else comes."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        self.held.append(listener)
        for _ in range(8):
            client = socket.socket(family)
            client.setblocking(False)
            client.connect_ex((address, port))
            self.held.append(client)


BROKEN = ("silence servfail refused formerr notimp empty truncated wrong-id wrong-source garbage "
          "short nothing count overrun no-length odd-length pointer-loop pointer-out cname-loop "
          "not-an-answer no-question").split()
LIES = ("wrong-question", "wrong-name", "wrong-type")
HARMLESS = ("ok", "truncated-part", "cname-long=4", "many=5", "forged=" + EVIL,
            "twice=" + EVIL, "delay=300", "first=1/silence", "first=1/wrong-id", "first=1/garbage",
            "first=1/servfail")


def rows():
    for fault in BROKEN:
        # What a resolver may make of it is its own; no answer is known in time, or none.
        yield Row("both families: " + fault, "any:" + fault,
                  status=(0, 76) + LOST if fault in MAYBE else LOST, takes=4, says=" |^$")
        yield Row("AAAA: " + fault, "AAAA:" + fault, takes=3)
    for fault in LIES:
        yield Row("both families: " + fault, "any:" + fault, status=(76,) + LOST, takes=4)
        yield Row("AAAA: " + fault, "AAAA:" + fault, takes=3)
    for fault in HARMLESS:
        yield Row("both families: " + fault, "any:" + fault, takes=3)
    yield Row("no such name", "any:nxdomain", status=68, says="cannot look up mail.test")
    yield Row("no such name but of one family", "AAAA:nxdomain", takes=1)
    yield Row("12 addresses of which one serves", "A:many=12", takes=3)
    yield Row("a chain of 200 aliases", "any:cname-long=200", status=LOST, takes=4)
    yield Row("100 addresses", "any:many=100", status=(0,) + LOST, takes=4)
    yield Row("it leads to another server", records=["mail.test=" + EVIL], status=76,
              says="elsewhere.test")
    yield Row("it leads to another server, by an alias", records=[
        "mail.test=CNAME:evil.test", "evil.test=" + EVIL], status=76)
    yield Row("it leads to another server first", records=["mail.test=%s,%s" % (EVIL, GOOD)])
    yield Row("it leads to another server by IPv6", records=["mail.test=::1," + GOOD])
    yield Row("it leads nowhere", records=["mail.test=127.9.9.9"], status=75, says="127.9.9.9")
    yield Row("it leads to a server that says nothing", records=["mail.test=" + DEAF], status=75,
              takes=2, says="no answer")
    yield Row("it leads to addresses that are none", records=["mail.test=0.0.0.0,255.255.255.255"],
              status=(75, 76), takes=3)
    yield Row("the first host's server is silent, the second host's name is fine",
              "other.test:silence", host="other.test mail.test", takes=4)
    yield Row("the first host doesn't exist", host="other.test mail.test")
    # A first round in which the name isn't found, or nobody knows; the next one finds it.
    yield Row("a name that comes back, by retry_for, from NXDOMAIN", "any:first=2/nxdomain", takes=2,
              least=0.4, keys={"retry_for": "20s"})
    yield Row("a name that comes back, by retry_for, from silence", "any:first=4/silence", takes=5,
              least=2, keys={"retry_for": "20s"})
    yield Row("a name that doesn't, and retry_for", "any:nxdomain", takes=2, least=2, status=68,
              says="after [34] rounds", keys={"retry_for": "2s"})
    # As installed: 5 s for a look-up, of both families at once; the deadline ends it sooner.
    yield Row("no answer at all, with no options", "any:silence", options="", status=75, takes=5,
              least=4, says="cannot look up mail.test")
    yield Row("nobody there, with no options", options="nameserver 127.9.9.9", takes=1)
    yield Row("no answer to AAAA, with no options", "AAAA:silence", options="", takes=1)
    yield Row("SERVFAIL to AAAA, with no options", "AAAA:servfail", options="", takes=1)
    yield Row("no answer to A, with no options", "A:silence", options="", takes=1, status=76,
              records=["mail.test=::1," + GOOD])
    yield Row("no answer at all, and a deadline", "any:silence", options="", status=75, takes=2,
              says="mail.test", keys={"deadline": "2s"})
    yield Row("no answer for any of three hosts, and a deadline", "any:silence", options="", status=75,
              takes=2, keys={"deadline": "2s"}, host="mail.test other.test third.test")


# A resolver that takes them, is as right as one that doesn't.
MAYBE = ("not-an-answer", "no-question", "count", "garbage", "pointer-loop")


def cost(place):
    """What a first address that doesn't answer costs, in seconds: an IPv4 one, an IPv6 one; the best
    of five runs each."""
    def best(number, records, port):
        runs = [Play(place, Row("", records=["mail.test=" + records], port=port), number + i).run()
                for i in range(5)]
        return min(run.took if run.status == 0 else 99 for run in runs)

    plain = best(9000, GOOD, place.port)
    return (best(9100, DEAF + "," + GOOD, place.port) - plain,
            best(9200, "::1," + GOOD, place.late.port) - plain)


def main():
    place = Place(*sys.argv[1:])
    only = os.environ.get("NAMES_ONLY", "")
    all_rows = [row for row in rows() if re.search(only, row.name)]
    # The longest first.
    order = sorted(enumerate(all_rows), key=lambda pair: -pair[1].takes)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        plays = list(pool.map(lambda pair: Play(place, pair[1], pair[0]).run(), order))
    failed = 0
    for play in plays:
        wrong = list(play.wrong())
        if os.environ.get("NAMES_SHOW"):
            print("%s: %d %.2f s: %s" % (play.row.name, play.status, play.took, play.told.rstrip()))
        if wrong:
            failed += 1
            with open(play.root + "/log", encoding="utf-8", errors="replace") as file:
                log = file.read()
            print("--- %s" % play.row.name, *wrong, "said: %s" % play.told.rstrip(),
                  "logs: " + log.rstrip(), sep="\n    ", file=sys.stderr)
    if place.evil.commands:
        failed += 1
        print("--- the other server heard %s" % place.evil.commands, file=sys.stderr)
    costs = cost(place)
    if max(costs) > 0.4:
        failed += 1
        print("--- a silent first address cost %.3f s, or %.3f s" % costs, file=sys.stderr)
    print("names: %d servers, the longest run %.1f s, a silent address cost %d ms, an IPv6 one %d ms, "
          "%d came out wrong" % (len(plays), max(play.took for play in plays), costs[0] * 1000,
                                 costs[1] * 1000, failed))
    return 1 if failed or not plays else 0


if __name__ == "__main__":
    sys.exit(main())
