# SPDX-License-Identifier: ISC
"""Wall time in a network with delay: by delay.py's wire, or its proxy where there can be none."""
import contextlib
import ctypes
import itertools
import json
import os
import signal
import sys

from clients import TLS
from measure import HERE, Failed, Server, Sink, launch

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


def fresh(work, name):
    """A folder that isn't there."""
    return next(path for path in (work / f"{name}.{turn}" for turn in itertools.count())
                if not path.exists())


def delay(work, kind, rtt, *ports):
    folder = fresh(work, f"{kind}.{rtt}")
    return Server(folder, ["/usr/bin/python3", HERE / "delay.py", kind, rtt, folder, *ports])


def time_all(found, clients, rtt, ports):
    """The least of all rounds: {label: {rtt: {port: ms}}}; a client that failed has the reason."""
    for client in clients:
        times = found.setdefault(client.label, {}).setdefault(str(rtt), {})
        for port in TLS:
            try:
                took = launch(client, port, ports[f"{port}-{client.offer}"], "2k")["ms"]
                times[port] = min(took, times.get(port, took))
            except Failed as error:
                found[client.label]["failed"] = str(error)


def by_wire(work, clients, rtts, rounds):
    """In a network namespace: a delay of 0 isn't for here."""
    found = {}
    for rtt in rtts:
        with delay(work, "wire", rtt), Sink(fresh(work, "sink"), 0, "127.0.0.2") as sink:
            for _ in range(rounds):
                time_all(found, clients, rtt, sink.ports)
    return found


def by_proxy(work, clients, rtts, rounds):
    found = {}
    with Sink(fresh(work, "sink"), 0) as sink:
        for rtt in rtts:
            if rtt == 0:
                for _ in range(rounds):
                    time_all(found, clients, 0, sink.ports)
                continue
            pairs = [f"{name}={port}" for name, port in sink.ports.items()]
            with delay(work, "proxy", rtt, *pairs) as proxy:
                for _ in range(rounds):
                    time_all(found, clients, rtt, proxy.ports)
    return found


def in_namespace(work, clients, rtts, rounds):
    """by_wire in a child with a network of its own; None, and the reason, where it has none."""
    read, write = os.pipe()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException), open(write, "w", encoding="utf-8") as answer:
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if libc.unshare(CLONE_NEWNET) != 0:
                    raise Failed("no network namespace: " + os.strerror(ctypes.get_errno()))
                json.dump([by_wire(work, clients, rtts, rounds), ""], answer)
            except Exception as error:      # whatever it is: there is the proxy
                json.dump([None, str(error)], answer)
        os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text or '[null, "it ended"]')


def walls(work, clients, rtts, rounds):
    """By which means, and what time_all found.  The clients' profiles change while it runs."""
    delayed = [rtt for rtt in rtts if rtt > 0]
    found, why = in_namespace(work, clients, delayed, rounds)
    kind = "wire"
    if found is None:
        print(f"tests/bench: no wire ({why}): a proxy delays", file=sys.stderr)
        found, kind = by_proxy(work, clients, delayed, rounds), "proxy"
    for label, times in by_proxy(work, clients, [0], rounds).items() if 0 in rtts else ():
        found[label].update(times)
    return kind, found
