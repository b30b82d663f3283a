# SPDX-License-Identifier: ISC
"""Every place where a run can break, broken once: faults.py [--quick] [--jobs N] [GROUP...]

Run by tests/faults/run, which builds what is needed. The groups are the functions of GROUPS below;
each lists its cases, a case is one run (one.py), and after it one judge holds what the servers took
against what the program said. --quick takes each group's cases in strides. Prints a table, the
violations above it, and "N passed, N failed".
"""

import argparse
import ctypes
import errno
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import time

import one
from one import BOB, CAROL, Case

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open("/etc/hosts", encoding="utf-8", errors="replace") as f:
    HOSTS = f.read()           # tests/faults/run gives mail.test two addresses, where it can
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
# The four ways in which a message goes.
WAYS = [dict(port=p, chunking=c) for p in ("starttls", "implicit") for c in (True, False)]
LARGE = (300000, b"", 0, b"\n")       # more than one chunk, and more than the sockets hold

# What each call may answer in earnest.
ERRNOS = {
    "open": "ENOENT EACCES EMFILE EINTR EIO", "openat": "ENOENT EACCES EMFILE EINTR ENOSPC",
    "read": "EIO EINTR EISDIR", "pread64": "EIO EINTR", "close": "EIO EINTR",
    "fstat": "EIO ENOMEM", "lstat": "EACCES ENOENT EIO", "stat": "EACCES ENOENT EIO",
    "newfstatat": "EACCES ENOENT", "statx": "EACCES ENOENT ENOSYS",
    "socket": "EMFILE ENOBUFS EACCES EAFNOSUPPORT", "setsockopt": "EINVAL ENOBUFS",
    "connect": "ECONNREFUSED ENETUNREACH ETIMEDOUT EINTR EPERM EAGAIN",
    "getsockopt": "EINVAL ENOBUFS", "getsockname": "ENOBUFS", "poll": "EINTR ENOMEM EINVAL",
    "recvfrom": "ECONNRESET ETIMEDOUT EINTR EAGAIN EIO ENOMEM",
    "sendto": "EPIPE ECONNRESET EINTR EAGAIN ENOBUFS EIO",
    "write": "EIO ENOSPC EPIPE EINTR EAGAIN", "writev": "EIO ENOSPC EPIPE EINTR EAGAIN",
    "rt_sigprocmask": "EINVAL", "rt_sigaction": "EINVAL", "signalfd4": "EMFILE ENOMEM ENOSYS",
    "mmap": "ENOMEM", "brk": "ENOMEM", "munmap": "ENOMEM", "mremap": "ENOMEM",
    "getrandom": "EAGAIN EINTR ENOSYS", "fcntl": "EBADF EINVAL", "prlimit64": "EPERM",
    "prctl": "EINVAL EPERM", "seccomp": "EINVAL ENOSYS", "uname": "EFAULT",
    "memfd_create": "EMFILE ENOSYS", "lseek": "ESPIPE", "fsync": "EIO ENOSPC",
    "ftruncate": "EIO", "rename": "EACCES EIO", "unlink": "EACCES EIO", "link": "EACCES EIO",
    "landlock_create_ruleset": "ENOSYS EOPNOTSUPP", "landlock_add_rule": "EINVAL",
    "landlock_restrict_self": "EPERM", "clock_gettime": "EINVAL", "nanosleep": "EINTR",
    "ioctl": "ENOTTY", "getpid": "", "getuid": "", "geteuid": "", "exit_group": "", "exit": "",
    "arch_prctl": "", "set_tid_address": "", "rt_sigreturn": "", "gettid": "",
}
MOVES_BYTES = ("read", "pread64", "recvfrom", "sendto", "write")


def dry(place, **words):
    """A run without a fault: what there is to be broken."""
    case = Case(list="binary" not in words, **words)
    out = place.run(case)
    bad = one.judge(case, out)
    if bad or (out.status != 0 and not case.bs):
        raise SystemExit("faults: a run without a fault fails: %r: %s %s %s" %
                         (case, bad, out.status, out.stderr))
    return out


def calls_of(out):
    """(name, which) of each call, in order; those of the C library's start aren't ours."""
    seen, rows = {}, []
    for line in out.calls:
        name = line.split()[0]
        seen[name] = seen.get(name, 0) + 1
        rows.append((name, seen[name], int(line.split()[1])))
    return rows


def variants(n):
    """What every so many places is tried besides."""
    if n % 5 == 1:
        yield dict(both=True)
    if n % 5 == 2 and "mail.test" in HOSTS:
        yield dict(addresses=True, both=True, times=1)
    if n % 17 == 8:
        yield dict(binary="malloc")    # under ASan: what is left behind by a run that broke off
    if n % 17 == 9:
        yield dict(binary="malloc", bs=True)
    if n % 7 == 2:
        yield dict(pipelining=False)
    if n % 7 == 3:
        yield dict(bs=True)
    if n % 11 == 4:
        yield dict(refuse={CAROL: "550 5.1.1 No such user"})
    if n % 11 == 5:
        yield dict(refuse={CAROL: "450 4.2.0 Later"})
    if n % 13 == 6:
        yield dict(extra=("recipients = all",))
    if n % 13 == 7:
        yield dict(extra=("auth_pipelining = yes",))


def stream(place, name, sizes, hows, short=False, ways=None):
    for way in ways or WAYS:
        total = sizes(dry(place, **way).sessions[0])
        for n in range(total + 3):
            for how in hows:
                case = dict(way, fault=(name, n, how), short=short)
                yield case
                for more in variants(n) if how == hows[0] else ():
                    yield {**case, **more}


def raw_out(session):
    return session.wire_said


def server_tcp_cut(place):
    yield from stream(place, "tcp-out", raw_out, ("fin", "reset"))


def server_tcp_stalled(place):
    yield from stream(place, "tcp-out", raw_out, ("stall",), short=True)


def server_plain_cut(place):
    yield from stream(place, "plain-out", lambda s: s.said, ("fin", "notify", "reset"))


def server_plain_stalled(place):
    yield from stream(place, "plain-out", lambda s: s.said, ("stall",), short=True)


def client_tcp_cut(place):
    yield from stream(place, "tcp-in", lambda s: s.raw_heard, ("reset", "fin"))


def client_tcp_stalled(place):
    yield from stream(place, "tcp-in", lambda s: s.raw_heard, ("deaf",), short=True)


def client_plain_cut(place):
    yield from stream(place, "plain-in", lambda s: s.heard, ("reset", "notify"))


def client_plain_stalled(place):
    yield from stream(place, "plain-in", lambda s: s.heard, ("deaf",), short=True)


def client_large_cut(place):
    for way in WAYS:
        for n in list(range(600, 304000, 997)) + list(range(304000, 304800, 17)):
            for how in ("reset", "fin"):
                yield dict(way, message=LARGE, fault=("plain-in", n, how), stdin="file")


def client_large_stalled(place):
    for way in WAYS:
        for n in list(range(600, 304000, 9973)) + list(range(304000, 304800, 97)):
            yield dict(way, message=LARGE, fault=("plain-in", n, "deaf"), short=True, buffer=4096)


def answers(place):
    del place
    replies = ("421 4.3.2 Closing", "421 Bye", "450 4.2.1 Later", "451 4.3.0 Oops",
               "452 4.5.3 Too many", "550 5.7.1 No", "552 5.2.2 Full", "554 5.7.0 Never",
               "535 5.7.8 Bad", "250 2.0.0 Ok", "354 Go", "235 Yes", "220 Hm", "199 odd", "word",
               "250-half\r\n550 mixed", "600 beyond", "")
    for way in WAYS:
        for command in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "END", "RSET"):
            for reply in replies:
                for more in ({}, dict(both=True), dict(pipelining=False), dict(bs=True),
                             dict(message=(40000, b"", 0, b"\n")), dict(extra=("recipients = all",)),
                             dict(refuse={CAROL: "450 4.2.0 Later"})):
                    if command == "STARTTLS" and way["port"] != "starttls":
                        continue
                    yield dict(way, answers={command: reply}, short=True, **more)


FACES = [dict(port="starttls", chunking=True), dict(port="implicit", chunking=False),
         dict(port="starttls", chunking=False, stdin="file"),
         dict(port="clear", message=LARGE, stdin="file"), dict(message=LARGE),
         dict(message=LARGE, chunking=False), dict(bs=True), dict(bs=True, chunking=False)]


def calls_failing(place):
    for face in FACES:
        for name, which, fd in calls_of(dry(place, **face)):
            for word in ERRNOS.get(name, "EINVAL").split():
                case = dict(face, may_be_mute=True,
                            inject=("%s:%d:fail=%d" % (name, which, getattr(errno, word)),))
                if name in ("read", "pread64") and fd == 0 and word == "EIO" and \
                        not face.get("bs"):
                    case["expect"] = 74
                elif word not in ("EINTR", "EAGAIN") and face in (FACES[0], FACES[6]):
                    # The same for good: from that call on.
                    yield {**case, "inject": (case["inject"][0].replace(":fail", "+:fail"),)}
                if word == "EINTR" and name in ("read", "recvfrom", "sendto", "poll", "pread64"):
                    # A call broken off by a signal is made again, and nothing is said of it.
                    case["expect"] = None if face.get("bs") else 0
                yield case


def calls_short(place):
    for face in FACES:
        rows = calls_of(dry(place, **face))
        for name in sorted({r[0] for r in rows} & set(MOVES_BYTES)):
            large = "message" in face
            for k in (1, 2, 3, 5, 7, 64) if not large else (4000,):
                yield dict(face, expect=None if face.get("bs") else 0,
                           inject=("%s:all:len=%d" % (name, k),))
        for name, which, _ in rows:
            if name in MOVES_BYTES:
                for k in (1, 6):
                    yield dict(face, expect=None if face.get("bs") else 0,
                               inject=("%s:%d:len=%d" % (name, which, k),))


def calls_cut(place):
    """A part is taken, and the rest fails: within each record that goes out, the last one too."""
    for face in FACES:
        for name, which, _ in calls_of(dry(place, **face)):
            if name in ("sendto", "write"):
                for k in (1, 3, 17):
                    yield dict(face, may_be_mute=True,
                               inject=("%s:%d:len=%d" % (name, which, k),
                                       "%s:%d+:fail=%d" % (name, which + 1, errno.ECONNRESET)))


def calls_interrupted(place):
    """EINTR storms: each call of a kind, and of all kinds that may be, broken off before it works."""
    for face in FACES:
        rows = calls_of(dry(place, **face))
        names = sorted({r[0] for r in rows} &
                       {"read", "pread64", "recvfrom", "sendto", "write", "poll"})
        for several in [(n,) for n in names] + [tuple(names)]:
            yield dict(face, expect=None if face.get("bs") else 0,
                       inject=tuple("%s:odd:fail=%d" % (n, errno.EINTR) for n in several))


def calls_late(place):
    """What the server says comes between any two of our looks: nothing may come of it."""
    for face in FACES[3:6] + FACES[:2] + [dict(bs=True, message=LARGE)]:
        for name, which, _ in calls_of(dry(place, **face)):
            if name in ("poll", "recvfrom", "sendto"):
                for ms in (3, 20):
                    yield dict(face, expect=0, hosts=1, sessions=1,
                               inject=("%s:%d:delay=%d" % (name, which, ms),))


def allocations(place):
    for face in FACES[:5] + [dict(bs=True), dict(extra=ALL_KEYS)]:
        words = dict(face, binary="malloc", may_be_mute=True, or_else=71,
                     expect=None if face.get("bs") else 0)
        total = dry(place, **words).allocations
        if total == 0:
            raise SystemExit("faults: no allocation was counted: %r" % (face,))
        for n in range(1, total + 1):
            yield dict(words, malloc="%d" % n)
            yield dict(words, malloc="%d+" % n)
    # A server that repeats what it was told, and no memory to know the secret by.
    words = dict(binary="malloc", answers={"AUTH": "535 5.7.8 not " + " ".join(one.SECRETS)},
                 may_be_mute=True, expect=77, or_else=71)
    for n in range(1, place.run(Case(**words)).allocations + 1):
        yield dict(words, malloc="%d" % n)
    # A wrong profile is none, though there be no memory to say what is wrong.
    words = dict(binary="malloc", extra=("no_such_key = 1",), may_be_mute=True, expect=78, or_else=71)
    for n in range(1, place.run(Case(**words)).allocations + 1):
        yield dict(words, malloc="%d" % n)


CERTS = os.path.join(ROOT, "build/tests/certs")
ALL_KEYS = ("tls_cert = %s/good.pem" % CERTS, "tls_key = %s/good.key" % CERTS, "secret_mode = any",
            "add_header = X-Host: web1\n\tX-Other: 2", "reply_to = office@example.com",
            "rewrite_headers = yes", "full_name = The Shop", "sender_header = yes",
            "from_header = force", "dsn_notify = failure,delay", "dsn_return = hdrs",
            "[aliases]\nbob@mail.test = carol@mail.test\nroot = a@mail.test, b@mail.test",
            "[other]\nmatch = user:nobody\n\trcpt:*@elsewhere.test\nfrom = x@mail.test")


def stdin_cut(place):
    del place
    for face in (dict(), dict(chunking=False), dict(port="clear"), dict(stdin="file")):
        for n in range(len(one.SMALL) + 1):
            yield dict(face, cut=n, content=n > len(one.HEADER), expect=0 if n > 0 else 65)
    for n in range(16, 400):
        yield dict(bs=True, bs_cut=n)


def signals(place):
    for face in FACES[:4] + FACES[6:]:
        total = len(dry(place, **face).calls)
        for k in range(1, total + 1):
            for sig in ENDING:
                yield dict(face, inject=("any:%d:signal=%d" % (k, sig),), may_be_mute=True)


def signal_steps(place):
    del place
    for face in FACES[:2] + FACES[6:]:
        for command in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "END", "QUIT"):
            for sig in ENDING:
                for more in ({}, dict(fault=("plain-out", 1 << 40, "fin")), dict(pipelining=False)):
                    yield dict(face, signal=(int(sig), command), **more)


def replies_split(place):
    del place
    for way in WAYS + [dict(port="clear")]:
        for k in range(1, 65):
            yield dict(way, split=k, expect=0)
            yield dict(way, inject=("recvfrom:all:len=%d" % k,), expect=0)
            if k % 8 == 1:
                yield dict(way, split=k, pipelining=False, expect=0)
                yield dict(way, split=k, bs=True)


# Buffers of the way: the input's, a record's, what goes ahead of the answers, what stays in memory,
# a chunk's.
BORDERS = (4096, 8192, 16384, 32768, 65536, 131072, 262144)
ODDITIES = (b"\n.\n", b"\r\n.\r\n", b"\n..\n", b"\r.\r", b"\r\r\n.\r\r\n", b"\n\n\n", b"\0.\0\n.\n")


def content_split(place):
    del place
    for border in BORDERS:
        for k in range(-1, 65):
            for i, odd in enumerate(ODDITIES):
                for way in (dict(), dict(chunking=False), dict(port="clear", chunking=False)):
                    # CRLF leaves as long as it came: so the borders of records are met, too.
                    for end in (b"\n", b"\r\n"):
                        yield dict(way, message=(border - k, odd, 70, end), expect=0,
                                   stdin="file" if (k + i) % 2 else "pipe")
    for k in range(1, 65):
        yield dict(inject=("read:all:len=%d" % k,), expect=0)
        yield dict(inject=("sendto:all:len=%d" % k,), expect=0)
        yield dict(inject=("sendto:all:len=%d" % k,), chunking=False, expect=0)


DOWN = dict(fault=("tcp-out", 0, "fin"), both=True)      # neither server says a word


def rounds(place):
    """retry_for: the first connection to each server breaks; the second round finds them well."""
    for way in WAYS[:1] + WAYS[3:]:
        for n in range(0, dry(place, **way).sessions[0].said + 1, 3):
            yield dict(way, fault=("plain-out", n, "fin"), both=True, times=2,
                       extra=("retry_for = 5s",))


def letters(place):
    """dead_letter: cut at every byte, by both servers; then the letter is sent again."""
    for way in WAYS[:1] + WAYS[3:]:
        for n in range(dry(place, **way).sessions[0].said + 1):
            yield dict(way, dead=True, fault=("plain-out", n, "fin"), both=True)
            if n % 3 == 0:
                yield dict(way, dead=True, later=dict(fault=("plain-out", n, "fin"), both=True),
                           **DOWN)


def letters_calls(place):
    """The same, with calls that fail and signals while the letter is written, and while it is sent."""
    for face in (dict(), dict(chunking=False)):
        first = dry(place, dead=True, **face)
        down = place.run(Case(dead=True, list=True, **face, **DOWN))
        for k in range(len(first.calls) - 2):
            for sig in (signal.SIGTERM, signal.SIGKILL):
                yield dict(face, dead=True, later=dict(inject=("any:%d:signal=%d" % (k, sig),)),
                           **DOWN)
        for name, which, _ in calls_of(first):
            for word in ERRNOS.get(name, "EINVAL").split()[:2]:
                plan = "%s:%d:fail=%d" % (name, which, getattr(errno, word))
                yield dict(face, dead=True, later=dict(inject=(plan,)), **DOWN)
        for name, which, _ in calls_of(down):
            # The last name and the last file are the letter's.
            last = name in ("getrandom", "openat") and \
                (name, which + 1) not in [c[:2] for c in calls_of(down)]
            if last or name in ("write", "fsync", "rename", "link", "linkat", "ftruncate"):
                for word in ERRNOS.get(name, "EIO").split():
                    plan = "%s:%d:fail=%d" % (name, which, getattr(errno, word))
                    yield dict(face, dead=True, inject=(plan,), may_be_mute=True, **DOWN)


def letters_allocations(place):
    """Memory runs out while the letter is sent again."""
    del place
    for n in range(1, 201):
        for more in ("", "+"):
            yield dict(dead=True, later=dict(binary="malloc", malloc="%d%s" % (n, more)), **DOWN)


# Their letters are those of README.md's table; patient: most of the time is spent waiting.
GROUPS = [
    ("a", server_tcp_cut, False), ("a", server_tcp_stalled, True),
    ("a", server_plain_cut, False), ("a", server_plain_stalled, True),
    ("b", client_tcp_cut, False), ("b", client_tcp_stalled, True),
    ("b", client_plain_cut, False), ("b", client_plain_stalled, True),
    ("b", client_large_cut, False), ("b", client_large_stalled, True),
    ("a", answers, False),
    ("c", calls_failing, False), ("c", calls_short, False), ("c", calls_cut, False),
    ("c", calls_interrupted, False), ("c", calls_late, False), ("d", allocations, False),
    ("e", stdin_cut, False), ("e", signals, False), ("e", signal_steps, False),
    ("g", rounds, True), ("g", letters, False), ("g", letters_calls, False),
    ("g", letters_allocations, False),
    ("f", replies_split, False), ("f", content_split, False),
]
QUICK = {False: 400, True: 96}         # runs of a group


class State:
    place = None
    folder = os.path.join(ROOT, "build/faults", "work.%d" % os.getpid())


def new_place(build):
    return one.Place(ROOT, os.path.join(State.folder, "%d" % os.getpid()), build)


def begin_worker(build):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Nobody is left behind, however the parent ends: PR_SET_PDEATHSIG.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    State.place = new_place(build)


def work(words):
    case = Case(**words)
    try:
        out = State.place.run(case)
        bad = one.judge(case, out)
    except Exception as e:       # a fault of the harness is one, too
        return ["the harness: %s: %s" % (type(e).__name__, e)], repr(case), "", 0
    shown = "status %s, %.1f s, stderr %r, log %r, replies %r, taken %r, sessions %r" % (
        out.status, out.elapsed, out.stderr[-1500:], out.log[-700:], out.replies,
        {k: len(v) for k, v in out.taken.items()}, [s.commands for s in out.sessions])
    return bad, repr(case), shown, out.elapsed


def unique(cases):
    seen = set()
    for c in cases:
        key = pickle.dumps(sorted(c.items()))
        if key not in seen:
            seen.add(key)
            yield c


def play(name, function, patient, options):
    began = time.monotonic()
    cases = list(unique(function(State.place)))
    places = len(cases)
    cases = [c for c in cases if options.only in repr(Case(**c))]
    if options.quick or options.limit:
        stride = -(-len(cases) // (options.limit or QUICK[patient]))
        cases = cases[stride // 2::stride] if stride > 1 else cases
    jobs = options.jobs * 16 if patient else options.jobs
    runs, violations, slowest = 0, 0, (0, "", "")
    with multiprocessing.Pool(jobs, begin_worker, (options.build,)) as pool:
        for bad, case, shown, elapsed in pool.imap_unordered(work, cases, 1 if patient else 4):
            runs += 1
            slowest = max(slowest, (elapsed, case, shown))
            if not bad:
                continue
            violations += 1
            if violations <= options.show:
                print("%s: %s\n  %s\n  %s" % (name, case, "; ".join(bad), shown), flush=True)
            if options.first:
                pool.terminate()
                break
        pool.close()
        pool.join()
    if options.slow:
        print("%s: slowest: %.1f s: %s\n  %s" % ((name,) + slowest))
    return places, runs, violations, time.monotonic() - began


def report(options):
    rows = []
    for letter, function, patient in GROUPS:
        name = function.__name__
        if options.groups and name not in options.groups and letter not in options.groups:
            continue
        rows.append((letter, name.replace("_", " "), *play(name, function, patient, options)))
        print("%s %-24s %6d places %6d runs %4d violations %6.1f s" % rows[-1], flush=True)
    print("\n| | group | places | runs | violations |\n|---|---|---|---|---|")
    for letter, name, places, runs, violations, _ in rows:
        print("| %s | %s | %d | %d | %d |" % (letter, name, places, runs, violations))
    runs, failed = sum(r[3] for r in rows), sum(r[4] for r in rows)
    print("| | all | %d | %d | %d |" % (sum(r[2] for r in rows), runs, failed))
    print("%d passed, %d failed" % (runs - failed, failed))
    State.place.close()
    return 0 if failed == 0 and runs > 0 else 1


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true")
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--show", type=int, default=5)
    p.add_argument("--first", action="store_true", help="leave a group at its first violation")
    p.add_argument("--limit", type=int, default=0, help="so many runs of a group")
    p.add_argument("--only", default="", help="cases with this in their words")
    p.add_argument("--slow", action="store_true", help="show each group's slowest run")
    p.add_argument("--build", default=os.path.join(ROOT, "build"))
    p.add_argument("groups", nargs="*")
    options = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        State.place = new_place(options.build)
        return report(options)
    finally:
        shutil.rmtree(State.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
