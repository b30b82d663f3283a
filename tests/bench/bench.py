#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What a message costs: mailchute and other mailers against one sink, side by side.

    tests/bench/run [--quick] [--save] [--only LABEL,..] [--again]

--quick   mailchute alone, and only what can be counted: key=value lines on stdout, "none" for
          a round trip that could not be counted since the message was not accepted
--save    puts the table and the picture into tests/bench/, and both into the README, too
--again   takes the figures that were saved last, and counts anew only what is counted of mailchute
--only    these alone: mailchute-sys, msmtp-ca, curl-sys, ..

Writes figures.json, bench.md and bench.svg into build/bench.  Status 1 if a client of ours
failed, or its wall time at 100 ms isn't what its round trips say.  The binary is $MAILCHUTE, or
build/mailchute; where this machine has an /etc/mailchute.ini, which no caller can get past,
build/test/mailchute, which is the same program.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import clients
import measure
import plot
import wall

ROOT = measure.HERE.parent.parent
SYSTEM_BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
PORTS = tuple(clients.TLS)
ROUNDS = {"rate": 3, "many": 2, "wall": 2}
MANY, FEW = 200, 60
SLOW = 15       # messages a second: whoever has fewer sends only FEW, and once
RTTS = (0, 20, 100)
# What mailchute can do with what is offered; the keys are the profile's.
MODES = {"chunking": ("full", {}), "pipelining": ("pipe", {}),
         "auth_pipelining": ("pipe", {"auth_pipelining": "yes"}), "plain": ("plain", {})}


BEGUN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGUN:4.0f} s  {text}", file=sys.stderr, flush=True)


def binary():
    if os.environ.get("MAILCHUTE"):
        return os.path.abspath(os.environ["MAILCHUTE"])
    test = os.path.lexists("/etc/mailchute.ini")
    return str(ROOT / "build" / ("test/mailchute" if test else "mailchute"))


def modes(work):
    return {name: clients.Mailchute(work, "sys", binary(), offer, name, **keys)
            for name, (offer, keys) in MODES.items()}


def prepare(work):
    root = (measure.BENCH / "certs/root.pem").read_text("ascii")
    clients.write(work / "ca.pem", root)
    clients.write(work / "strange.pem", SYSTEM_BUNDLE.read_text("utf-8"))
    clients.write(work / "sys.pem", SYSTEM_BUNDLE.read_text("utf-8") + root)
    (work / "home").mkdir()
    clients.write_messages(work)


def missing_tools():
    return [tool for tool in ("valgrind", "strace") if not shutil.which(tool)]


# --- --quick ---

def quick(work):
    status = 0
    with measure.Sink(work / "sink", 25) as sink:
        for name, client in modes(work).items():
            for port in PORTS:
                try:
                    last, end, _ = measure.round_trips(client, sink, port)
                except measure.Failed as error:
                    say(f"{name}, {port}: {error}")
                    sink.forget()
                    last = end = "none"
                print(f"rt_{port}_{name}={last}\nrt_exit_{port}_{name}={end}", flush=True)
        for trust in ("sys", "ca"):
            client = clients.Mailchute(work, trust, binary())
            try:
                calls, files, _ = measure.system_calls(client, sink)
                print(f"syscalls_{trust}={calls}\nfiles_{trust}={files}")
                print(f"instructions_{trust}={measure.instructions(client, sink)}")
                for size in clients.SIZES:
                    print(f"rss_kb_{size}_{trust}={measure.resident_kb(client, sink, size)}",
                          flush=True)
            except measure.Failed as error:
                say(f"{client.label}: {error}")
                status = 1
        try:
            client = clients.Mailchute(work, "sys", binary(), label="wide")
            client.recipients = [f"r{n}@mail.test" for n in range(clients.WIDE_RECIPIENTS)]
            print(f"rss_kb_wide_sys={measure.resident_kb(client, sink, 'wide')}", flush=True)
        except measure.Failed as error:
            say(f"{client.label}: {error}")
            status = 1
    print(f"binary_bytes={os.path.getsize(binary())}")
    return status


# --- the whole ---

class Table:
    """Figures by client; whoever fails is left out from there on, with the reason."""

    def __init__(self, those):
        self.clients = those
        self.figures = collections.defaultdict(dict)
        self.left_out = {}

    def drop(self, client, why):
        say(f"  {client.label} is left out: {why}")
        self.left_out[client.label] = str(why)
        self.clients = [one for one in self.clients if one is not client]
        self.figures.pop(client.label, None)

    def each(self, what, sink, function):
        """Calls function(client, its figures) for each client."""
        say(what)
        for client in list(self.clients):
            try:
                function(client, self.figures[client.label])
            except (measure.Failed, OSError, ValueError, TypeError) as error:
                self.drop(client, error)
                sink.forget()


def count(table, sink):
    def trips(client, row):
        for key in ("rt", "rt_exit"):
            row.setdefault(key, {})
        for port in PORTS:
            row["rt"][port], row["rt_exit"][port], row["tls"] = \
                measure.round_trips(client, sink, port)

    def verifies(client, row):
        row["verifies"] = measure.verifies(client, sink)

    def calls(client, row):
        row["syscalls"], row["files"], row["disk"] = measure.system_calls(client, sink)

    def instructions(client, row):
        row["instructions"] = measure.instructions(client, sink)

    def memory(client, row):
        row["rss_kb"] = {size: measure.resident_kb(client, sink, size) for size in clients.SIZES}

    table.each("round trips", sink, trips)
    table.each("who verifies the server", sink, verifies)
    table.each("system calls", sink, calls)
    table.each("instructions", sink, instructions)
    table.each("memory", sink, memory)


def clock(table, sink):
    def rate(client, row):
        speed, cpu = measure.rate(client, sink)
        row["mb_s"] = max(speed, row.get("mb_s", 0))
        row["cpu_ms_25m"] = min(cpu, row.get("cpu_ms_25m", cpu))

    def many(client, row):
        if "messages" not in row:
            quick_enough = measure.many(client, sink, measure.AT_ONCE)[0] >= SLOW
            row["messages"] = MANY if quick_enough else FEW
        elif row["messages"] == FEW:
            return
        speed, cpu = measure.many(client, sink, row["messages"])
        row["messages_s"] = max(speed, row.get("messages_s", 0))
        row["cpu_ms"] = min(cpu, row.get("cpu_ms", cpu))

    def memory(client, row):
        row["memory_kb_20"] = measure.memory_at_once(client, sink)

    for turn in range(ROUNDS["rate"]):
        table.each(f"25 MB, round {turn + 1}", sink, rate)
    for turn in range(ROUNDS["many"]):
        table.each(f"200 messages, round {turn + 1}", sink, many)
    table.each("memory of 20 at once", sink, memory)


def walls(table, work):
    """Fills in the walls; returns how delay is made."""
    say("wall time")
    kind, found = wall.walls(work, table.clients, RTTS, ROUNDS["wall"])
    for client in list(table.clients):
        times = found[client.label]
        if "failed" in times:
            table.drop(client, times["failed"])
        else:
            table.figures[client.label]["wall_ms"] = times
    return kind


def count_modes(work, sink):
    """Those that this binary has, and their round trips."""
    ours, rows = {}, {}
    for name, client in modes(work).items():
        try:
            trips = {port: measure.round_trips(client, sink, port) for port in PORTS}
        except measure.Failed as error:
            say(f"  mailchute, {name}: {error}")
            sink.forget()
            continue
        ours[name] = client
        rows[name] = {"rt": {port: trips[port][0] for port in PORTS},
                      "rt_exit": {port: trips[port][1] for port in PORTS}}
    return ours, rows


def confirm(work, ours, rows):
    """Wall time at 100 ms in units of it, to be near the round trips; says whether it is.

    Nothing makes it shorter than it is, and much makes it longer: so there are several tries.
    """
    say("wall time by what is offered")
    for _ in range(8):
        _, found = wall.walls(work, ours.values(), [100], 1)
        apart = {}
        for name, row in rows.items():
            if "failed" in found[name]:
                say(f"  mailchute, {name}: {found[name]['failed']}")
                return False
            row.setdefault("wall_rtt", {})
            for port, ms in found[name]["100"].items():
                row["wall_rtt"][port] = min(ms / 100, row["wall_rtt"].get(port, ms))
                apart[name, port] = row["wall_rtt"][port] - row["rt_exit"][port]
        if all(abs(by) < 0.5 for by in apart.values()):
            return True
    for (name, port), by in apart.items():
        say(f"  mailchute, {name}, {port}: {by:+.2f} round trips by the clock")
    return False


def first(pattern, path):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.M)
    return " ".join(found[1].split()) if found else "unknown"


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def machine():
    """What kind it is, not which."""
    return {
        "cpu": first(r"^model name\s*:\s*(.*)$", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": re.match(r"[0-9.]*[0-9]", platform.release())[0],
        "system": first(r'^PRETTY_NAME="?([^"\n]*)', "/etc/os-release"),
        "openssl": " ".join(output("openssl", "version").split()[:2]),
        "valgrind": output("valgrind", "--version"),
    }


def finish(figures, save):
    """Writes everything, and prints the table."""
    text = json.dumps(figures, indent=1) + "\n"
    for folder in [measure.BENCH] + [measure.HERE] * save:
        (folder / "figures.json").write_text(text, "utf-8")
        plot.write(figures, folder)
    if save:
        plot.write_readme(figures, ROOT / "README.md")
    print((measure.BENCH / "bench.md").read_text("utf-8"))


def again(work, save):
    figures = json.loads((measure.HERE / "figures.json").read_text("utf-8"))
    table = Table([clients.Mailchute(work, trust, binary()) for trust in ("sys", "ca")])
    with measure.Sink(work / "sink.count", 25) as sink:
        _, rows = count_modes(work, sink)
        count(table, sink)
    for row in figures["clients"]:
        row.update(table.figures.get(row["label"], {}))
    for name, row in rows.items():
        figures["modes"][name].update(row)
    figures["binary_bytes"] = os.path.getsize(binary())
    finish(figures, save)
    return 0 if len(table.figures) == 2 else 1


def whole(work, only, save):
    subprocess.run([measure.HERE / "rivals"], check=True)
    if os.getloadavg()[0] > os.cpu_count() / 2:
        say("this machine is busy: what is timed will say little")
    those = [clients.Mailchute(work, trust, binary()) for trust in ("sys", "ca")]
    those += clients.rivals(work, measure.BENCH / "rivals")
    if only:
        those = [client for client in those if client.label in only]
    table = Table(those)
    with measure.Sink(work / "sink.count", 25) as sink:
        ours, rows = count_modes(work, sink)
        count(table, sink)
    with measure.Sink(work / "sink.speed", 0) as sink:
        clock(table, sink)
    kind = walls(table, work)
    good = confirm(work, ours, rows)
    for label, row in table.figures.items():
        if label.startswith("mailchute") and not row["verifies"]:
            say(f"{label} takes a server that it can't know")
            good = False
    if any(label.startswith("mailchute") for label in table.left_out):
        good = False
    version = output(binary(), "--version").split("\n")[0].split()
    figures = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": machine(),
        "network": kind,
        "binary_bytes": os.path.getsize(binary()),
        "clients": [{"label": client.label, "name": client.name, "trust": client.trust,
                     "version": client.version or (version[-1] if version else ""),
                     **table.figures[client.label]} for client in table.clients],
        "modes": rows,
        "left_out": table.left_out,
    }
    finish(figures, save)
    return 0 if good else 1


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    if missing_tools():
        sys.exit("tests/bench/run: needs " + ", ".join(missing_tools()))
    if not os.access(binary(), os.X_OK):
        sys.exit(f"tests/bench/run: no binary to measure: {binary()}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # what was started ends, too
    with tempfile.TemporaryDirectory(dir=measure.BENCH, prefix="run.") as folder:
        work = pathlib.Path(folder)
        prepare(work)
        if arguments.quick:
            return quick(work)
        if arguments.again:
            return again(work, arguments.save)
        return whole(work, [word for word in arguments.only.split(",") if word], arguments.save)


if __name__ == "__main__":
    sys.exit(main())
