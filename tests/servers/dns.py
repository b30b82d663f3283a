#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A DNS server for tests: a table of names, and everything that a server can do wrong.

    dns.py --dir DIR [--address auto] [--port 53] [--tcp|--tcp-mute] [--fault RULE]... [RECORD]...

RECORD is NAME=VALUE[,VALUE]..., where a value is an IPv4 or IPv6 address or CNAME:NAME. A name
that stands nowhere doesn't exist (NXDOMAIN); one without an address of the family that is asked
for has none (an empty answer). Names have no case.

--tcp-mute listens for TCP, too, but accepts no connection: the kernel does, and nothing follows.

--address auto takes a free address of 127.0.0.0/8, so that tests can run side by side: resolvers
know only port 53. DIR/address has it as soon as the server listens; DIR/log one line per question:
    A mail.test. udp: answer            the family, the name, how it came: what was done
SIGTERM ends it.

RULE is WHAT[,WHAT]...:FAULT. What is A, AAAA or any (families), or a NAME, or NAME/A, NAME/AAAA;
the last rule that fits counts. Each family of a name is asked for by a question of its own.
    ok                  as the table says
    silence             no answer
    delay=MS            the right answer, later
    first=N/FAULT       the fault for the first N questions of this kind, then ok
    servfail refused formerr notimp nxdomain    this code, and nothing else
    empty               no error, and no answer
    truncated           TC, no records: it should be asked for by TCP
    truncated-part      TC, and the records
    wrong-id            another id than the question's
    wrong-question      question and answer are about evil.test
    wrong-name          the question is right, the record is evil.test's
    wrong-type          the record is of the other family (and of its length)
    wrong-source        from another port
    not-an-answer       QR isn't set
    no-question         the question isn't repeated
    garbage             random bytes behind the right id
    short               the first 7 bytes
    nothing             an empty datagram
    count               more records are announced than there are
    overrun             a record's length goes beyond the end
    no-length           an address of 0 bytes
    odd-length          an address of 3 bytes
    pointer-loop        a name that points to itself
    pointer-out         a name that points behind the end
    cname-loop          NAME is an alias of itself, by way of another
    cname-long=N        a chain of N aliases before the address
    many=N              N addresses, the table's first one last
    forged=ADDRESS      first a wrong id with this address, then the right answer
    twice=ADDRESS       first the right answer, then another one with this address
"""
import argparse
import ipaddress
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import time

TYPES = {1: "A", 28: "AAAA"}
CNAME = 5
CODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5}
SIMPLE = set(CODES) | set(
    "ok silence empty truncated truncated-part wrong-id wrong-question wrong-name wrong-type "
    "wrong-source not-an-answer no-question garbage short nothing count overrun no-length "
    "odd-length pointer-loop pointer-out cname-loop".split())
WITH_VALUE = {"delay", "first", "cname-long", "many", "forged", "twice"}
FLAG_TC = 0x0200
ANSWER = 0x8180         # QR, RD, RA


def clean(name):
    return name.lower().rstrip(".") + "."


def packed(name):
    labels = [label.encode("latin-1") for label in clean(name).split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(name, kind, data, length=None):
    """name: text, or bytes as they shall stand there."""
    if isinstance(name, str):
        name = packed(name)
    length = len(data) if length is None else length
    return name + struct.pack(">HHIH", kind, 1, 60, length) + data


def parse_fault(text):
    name, _, value = text.partition("=")
    known = value if name in WITH_VALUE else name in SIMPLE and not _
    if not known:
        raise SystemExit("dns.py: no such fault: %s" % text)
    if name == "first":
        count, _, rest = value.partition("/")
        return (name, (int(count), parse_fault(rest)))
    if name in ("delay", "many", "cname-long"):
        return (name, int(value))
    if name in ("forged", "twice"):
        return (name, ipaddress.ip_address(value))
    return (name, None)


class Table:
    """The names, and the rules for what to do wrong with them."""

    def __init__(self, records, rules):
        self.names, self.rules, self.counts = {}, [], {}
        for text in records:
            name, equals, values = text.partition("=")
            if not equals:
                raise SystemExit("dns.py: no record: %s" % text)
            entry = self.names.setdefault(clean(name), [])
            for value in filter(None, values.split(",")):
                if value.startswith("CNAME:"):
                    entry.append(clean(value[6:]))
                else:
                    entry.append(ipaddress.ip_address(value))
        for text in rules:
            # The fault may hold a colon (an IPv6 address), what it is for doesn't.
            whats, colon, fault = text.partition(":")
            if not colon:
                raise SystemExit("dns.py: no rule: %s" % text)
            self.rules += [(what, parse_fault(fault)) for what in whats.split(",")]

    def fault(self, name, kind):
        found = ("ok", None)
        for what, fault in self.rules:
            which, slash, family = what.partition("/")
            if not slash and which in ("A", "AAAA", "any"):
                fits = which in ("any", kind)
            else:
                fits = clean(which) == name and family in ("", kind)
            if fits:
                found = fault
        while found[0] == "first":
            count, inner = found[1]
            seen = self.counts[name, kind, count] = self.counts.get((name, kind, count), 0) + 1
            found = inner if seen <= count else ("ok", None)
        return found

    def look_up(self, name, number):
        """Records, or None where there is no such name."""
        out, at, kind = [], name, TYPES.get(number)
        for _ in range(20):
            entry = self.names.get(at)
            if entry is None:
                return out or None
            aliases = [value for value in entry if isinstance(value, str)]
            if not aliases:
                return out + [record(at, number, value.packed) for value in entry
                              if kind == ("A" if value.version == 4 else "AAAA")]
            out.append(record(at, CNAME, packed(aliases[0])))
            at = aliases[0]
        return out


class Question:
    """One question as it came."""

    def __init__(self, data):
        self.id, _, count = struct.unpack(">HHH", data[:6])
        if count != 1:
            raise ValueError("not one question")
        at, labels = 12, []
        while data[at]:
            if data[at] > 63:
                raise ValueError("a pointer in a question")
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        self.number, _ = struct.unpack(">HH", data[at + 1:at + 5])
        self.bytes = data[12:at + 5]
        self.name = clean(".".join(labels))
        self.kind = TYPES.get(self.number, str(self.number))


def message(question, records, flags=ANSWER, number=None, asked=None, count=None):
    asked = question.bytes if asked is None else asked
    head = struct.pack(">HHHHHH", question.id if number is None else number, flags,
                       1 if asked else 0, len(records) if count is None else count, 0, 0)
    return head + asked + b"".join(records)


def address_record(question, address):
    return record(question.name, 1 if address.version == 4 else 28, address.packed)


def replies(table, question):
    """(what was done, [(seconds to wait, bytes, from another port)])."""
    records = table.look_up(question.name, question.number)
    name, value = table.fault(question.name, question.kind)
    code = 3 if records is None else 0
    records = records or []
    right = message(question, records, ANSWER | code)
    size = 4 if question.number == 1 else 16
    wrong = b"\x7f\x00\x00\x01".rjust(size, b"\0")
    one = record(question.name, question.number, wrong)
    evil = packed("evil.test") + struct.pack(">HH", question.number, 1)
    label = name if value is None else "%s=%s" % (name, value)
    at = struct.pack(">H", 0xc000 | 12 + len(question.bytes))

    if name == "ok":
        return ("answer" if not code else "NXDOMAIN"), [(0, right, False)]
    if name in CODES:
        return label, [(0, message(question, [], ANSWER | CODES[name]), False)]
    other = (question.id + 1) & 0xffff
    addresses = [entry.packed for entry in table.names.get(question.name, [])
                 if not isinstance(entry, str) and len(entry.packed) == size]
    loop = [record(question.name, CNAME, packed("loop.test")),
            record("loop.test", CNAME, packed(question.name))]
    made = {
        "silence": lambda: [],
        "delay": lambda: [(value / 1000, right, False)],
        "empty": lambda: [(0, message(question, []), False)],
        "truncated": lambda: [(0, message(question, [], ANSWER | FLAG_TC), False)],
        "truncated-part": lambda: [(0, message(question, records, ANSWER | FLAG_TC), False)],
        "wrong-id": lambda: [(0, message(question, records, number=other), False)],
        "wrong-question": lambda: [(0, message(
            question, [record("evil.test", question.number, wrong)], asked=evil), False)],
        "wrong-name": lambda: [(0, message(
            question, [record("evil.test", question.number, wrong)]), False)],
        "wrong-type": lambda: [(0, message(question, [record(
            question.name, 29 - question.number,
            b"\x7f\x00\x00\x01".rjust(20 - size, b"\0"))]), False)],
        "wrong-source": lambda: [(0, right, True)],
        "not-an-answer": lambda: [(0, message(question, records, ANSWER & 0x7fff), False)],
        "no-question": lambda: [(0, message(question, records, asked=b""), False)],
        "garbage": lambda: [(0, struct.pack(">H", question.id) + random.randbytes(400), False)],
        "short": lambda: [(0, right[:7], False)],
        "nothing": lambda: [(0, b"", False)],
        "count": lambda: [(0, message(question, records, count=len(records) + 40), False)],
        "overrun": lambda: [(0, message(question, [record(
            question.name, question.number, wrong, 400)]), False)],
        "no-length": lambda: [(0, message(question, [record(
            question.name, question.number, b"")]), False)],
        "odd-length": lambda: [(0, message(question, [record(
            question.name, question.number, b"\x7f\0\0")]), False)],
        "pointer-loop": lambda: [(0, message(question, [record(
            at, CNAME, at), one]), False)],
        "pointer-out": lambda: [(0, message(question, [record(
            b"\xff\xff", question.number, wrong)]), False)],
        "cname-loop": lambda: [(0, message(question, loop), False)],
        "cname-long": lambda: [(0, message(question, [
            record("c%d.test" % i if i else question.name, CNAME, packed("c%d.test" % (i + 1)))
            for i in range(value)] + [record(
                "c%d.test" % value, question.number, address) for address in addresses]),
            False)],
        "many": lambda: [(0, message(question, [record(
            question.name, question.number,
            (b"\x7f\x00\x01" + bytes([i % 250 + 1])).rjust(size, b"\0"))
            for i in range(value - 1)] + records), False)],
        "forged": lambda: [
            (0, message(question, [address_record(question, value)], number=other), False),
            (0, right, False)],
        "twice": lambda: [
            (0, right, False),
            (0, message(question, [address_record(question, value)]), False)],
    }
    return label, made[name]()


class Server:
    """The sockets and the log."""

    def __init__(self, options):
        self.table = Table(options.records, options.fault)
        self.dir = options.dir
        self.log_file = open(os.path.join(options.dir, "log"), "ab", buffering=0)
        self.lock = threading.Lock()
        self.udp = self.tcp = None
        self.bind(options)
        self.address = self.udp.getsockname()[0]
        self.other = socket.socket(self.udp.family, socket.SOCK_DGRAM)
        self.other.bind((self.address, 0))

    def bind(self, options):
        tries = [options.address]
        if options.address == "auto":
            tries = ["127.%d.%d.%d" % (random.randint(64, 250), random.randint(0, 250),
                                       random.randint(1, 250)) for _ in range(20)]
        for address in tries:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            try:
                self.udp = socket.socket(family, socket.SOCK_DGRAM)
                self.udp.bind((address, options.port))
                if options.tcp_mute:
                    self.mute = socket.create_server(self.udp.getsockname()[:2], family=family)
                if options.tcp:
                    self.tcp = socket.create_server(self.udp.getsockname()[:2], family=family)
                return
            except OSError as error:
                failure = error
                self.udp.close()
        raise SystemExit("dns.py: cannot bind %s: %s" % (tries[-1], failure))

    def answer(self, data, way):
        try:
            question = Question(data)
        except (ValueError, IndexError, struct.error):
            self.log("not understood")
            return []
        with self.lock:
            done, out = replies(self.table, question)
        self.log("%s %s %s: %s" % (question.kind, question.name, way, done))
        return out

    def log(self, text):
        self.log_file.write(text.encode("latin-1", "replace") + b"\n")

    def send(self, out, client):
        for wait, data, elsewhere in out:
            if wait:
                threading.Timer(wait, self.udp.sendto, (data, client)).start()
            else:
                (self.other if elsewhere else self.udp).sendto(data, client)

    def serve_tcp(self):
        client, _ = self.tcp.accept()
        with client:
            client.settimeout(5)
            try:
                size = struct.unpack(">H", client.recv(2))[0]
                for wait, data, _ in self.answer(client.recv(size), "tcp"):
                    time.sleep(wait)
                    client.sendall(struct.pack(">H", len(data)) + data)
            except (OSError, struct.error):
                pass

    def serve(self):
        path = os.path.join(self.dir, "address")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(self.address + "\n")
        os.rename(path + ".new", path)
        sockets = [self.udp] + ([self.tcp] if self.tcp else [])
        while True:
            for ready in select.select(sockets, [], [])[0]:
                if ready is self.udp:
                    data, client = self.udp.recvfrom(4096)
                    self.send(self.answer(data, "udp"), client)
                else:
                    self.serve_tcp()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--address", default="auto")
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--tcp-mute", action="store_true")
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("records", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: os._exit(0))
    Server(options).serve()


if __name__ == "__main__":
    sys.exit(main())
