# SPDX-License-Identifier: ISC
"""One figure of one client at a time, each against the sink.  Compares nothing."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from clients import SIZES, WIDE_HEADER, WIDE_RECIPIENTS

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent.parent / "build" / "bench"

# The sink's listeners, each on both ports: what is offered beside AUTH, SIZE and 8BITMIME.
OFFERS = {"full": "pipelining,chunking,", "pipe": "pipelining,", "plain": "",
          "pause": "pipelining,chunking,pause,"}
AT_ONCE = 20
PATIENCE = 120      # seconds for any one measurement


class Failed(Exception):
    """A client, or a tool, that did not do what it should."""


def pairs(line):
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


class Server:
    """A program that tells its ports in FOLDER/ports once it is ready.  A context: ends it."""

    def __init__(self, folder, command):
        self.folder = folder
        folder.mkdir()
        self.process = subprocess.Popen([str(word) for word in command],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(1000):
            if (folder / "ports").exists():
                break
            if self.process.poll() is not None:
                raise Failed(f"{command[0]} ended")
            time.sleep(0.01)
        else:
            self.__exit__()
            raise Failed(f"{command[0]} does not start")
        self.ports = dict(line.split() for line in
                          (folder / "ports").read_text("ascii").splitlines())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Sink(Server):
    """quiet: how long it listens before it answers, ms; 0 where speed is measured."""

    def __init__(self, folder, quiet, address=None):
        listeners = [f"{port}-{offer}={'implicit,' * (port == '465')}{words}auth,size,8bitmime"
                     for port in ("587", "465") for offer, words in OFFERS.items()]
        super().__init__(folder, [
            BENCH / "sink", *(["-a", address] if address else []), "-q", quiet,
            "-c", BENCH / "certs/chain.pem", "-k", BENCH / "certs/chain.key", "-d", folder,
            *listeners])
        self.seen = 0

    def forget(self):
        """What has been begun comes to its end, and isn't looked at."""
        before = -1
        while self.seen != before:
            before = self.seen
            time.sleep(0.3)
            self.seen = len((self.folder / "log").read_text("ascii").split("\n")) - 1

    def taken(self, wanted, size):
        """The sessions since the last call: so many must have brought a message, whole."""
        least = SIZES.get(size, WIDE_HEADER)
        recipients = 1 if size in SIZES else WIDE_RECIPIENTS
        for _ in range(150):
            lines = (self.folder / "log").read_text("ascii").split("\n")[self.seen:-1]
            if len(lines) >= wanted:
                break
            time.sleep(0.02)
        self.seen += len(lines)
        sessions = [one for one in map(pairs, lines)
                    if one["accepted"] == "yes" and int(one["bytes"]) >= least
                    and int(one["recipients"]) == recipients]
        if len(sessions) != wanted:
            raise Failed(f"{len(sessions)} of {wanted} messages arrived")
        if any(one["bare"] != "0" for one in sessions):
            raise Failed("bare LFs on the wire")
        return sessions


def launch(client, port, number, size, options=(), tool=()):
    """Runs the client by launch(1 of ours), perhaps by a tool; returns what that says."""
    command = [BENCH / "launch", *options, "-i", client.message(size), "-f", client.input_fd,
               *tool, *client.command(port, number, size)]
    errors = client.work / "stderr"
    with open(errors, "wb") as stderr, subprocess.Popen(
            [str(word) for word in command], env=client.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Failed("it took too long") from None
    if process.returncode != 0:
        text = errors.read_text("utf-8", "replace").strip().split("\n")
        raise Failed(text[-1] or f"status {process.returncode}")
    # Whatever the client printed stands before it.
    return {key: float(value) for key, value in
            pairs(output.decode("utf-8", "replace").splitlines()[-1]).items()}


def send(client, sink, size="2k", port="587", **how):
    took = launch(client, port, sink.ports[f"{port}-{client.offer}"], size, **how)
    return took, sink.taken(1, size)[0]


# --- what is counted ---

def round_trips(client, sink, port):
    """To the final reply, to the end; and the version of TLS.

    Of five runs the least: on a busy machine a client can be too slow for one flight to be seen as
    one, and nothing makes two of them one. But a client that leaves Nagle's algorithm on waits for
    bare ACKs, which may come by themselves before the sink has looked: there it is what most runs
    have.
    """
    sessions = [send(client, sink, port=port)[1] for _ in range(5)]
    found = [(int(one["rt"]), int(one["rt_exit"])) for one in sessions]
    waits = client.nagle and any(one["held"] != "0" for one in sessions)
    return (*(max(found, key=lambda one: (found.count(one), one)) if waits else min(found)),
            sessions[0]["tls"])


def verifies(client, sink):
    """Whether it refuses a server whose root it doesn't have."""
    roots, client.roots = client.roots, client.work / "strange.pem"
    try:
        launch(client, "587", sink.ports["587-full"], "2k")
        return False
    except Failed:
        return True
    finally:
        client.roots = roots
        sink.forget()


def instructions(client, sink):
    logs = client.work / "callgrind"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    send(client.under_valgrind(), sink, tool=(
        shutil.which("valgrind"), "--tool=callgrind", "--trace-children=yes",
        "--callgrind-out-file=/dev/null", f"--log-file={logs}/%p"))
    # A helper that the client doesn't wait for comes to its end a little later.
    for _ in range(600):
        texts = [log.read_text("utf-8", "replace") for log in logs.iterdir()]
        found = [re.search(r"Collected : (\d+)", text) for text in texts]
        if all(found):
            return sum(int(one[1]) for one in found)
        time.sleep(0.1)
    raise Failed("callgrind has no figure for one of its processes")


OPENED = re.compile(r"\b(?:open|openat|openat2|creat)(?:\(| resumed).*= \d+")
NAMED = re.compile(r'\b(?:open|openat|execve)\([^"]*"([^"]+)".*= \d+')


def system_calls(client, sink):
    """System calls; files opened; bytes on disk of all files that must be there for it."""
    log = client.work / "strace"
    send(client, sink, tool=(shutil.which("strace"), "-f", "-qq", "-e", "signal=none",
                             "-o", log))
    lines = log.read_text("utf-8", "replace").splitlines()
    files = {}
    for line in lines:
        path = NAMED.search(line)
        if path and not path[1].startswith(("/proc/", "/dev/", "/sys/")) and \
                not client.owns(os.path.normpath(path[1])) or path and path[1] == client.path:
            real = os.path.realpath(path[1])
            if os.path.isfile(real):
                files[real] = os.path.getsize(real)
    return (sum(1 for line in lines if " resumed>" not in line and "+++" not in line),
            sum(1 for line in lines if OPENED.search(line) and "O_PATH" not in line),
            sum(files.values()))


def resident_kb(client, sink, size):
    return int(send(client, sink, size, options=("-m",))[0]["rss_kb"])


def memory_at_once(client, sink):
    """KB of AT_ONCE of them, while all wait for the final reply: pages they share count once."""
    command = [BENCH / "launch", "-n", AT_ONCE, "-j", AT_ONCE, "-i", client.message("2k"),
               "-f", client.input_fd, *client.command("587", sink.ports["587-pause"], "2k")]
    most = 0
    with subprocess.Popen([str(word) for word in command], env=client.environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, proportional_kb(process.pid))
            time.sleep(0.1)
    sink.taken(AT_ONCE, "2k")
    return most


def proportional_kb(parent):
    """Of all children of that process."""
    total = 0
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
    with contextlib.suppress(OSError):
        for pid in children.read_text("ascii").split():
            with contextlib.suppress(OSError):
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
                total += int(re.search(r"^Pss: +(\d+)", text, re.M)[1])
    return total


# --- what is timed ---

def rate(client, sink):
    """Of 25 MB: MB/s, ms of CPU."""
    took, session = send(client, sink, "25m")
    return int(session["bytes"]) / 1000 / took["ms"], took["cpu_ms"]


def many(client, sink, times):
    """AT_ONCE at once: messages a second, ms of CPU for one."""
    took = launch(client, "587", sink.ports[f"587-{client.offer}"], "2k",
                  ("-n", times, "-j", AT_ONCE))
    sink.taken(times, "2k")
    return times * 1000 / took["ms"], took["cpu_ms"] / times
