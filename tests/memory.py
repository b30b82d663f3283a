#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs a command, stops it in its exit, and looks for texts in all of its memory.

    memory.py FOUND TEXT[,TEXT]... COMMAND [ARGUMENT]...

Each TEXT (hex:DIGITS for other bytes) is looked for as it is and in base64, wherever it begins in
it, but not where the kernel has put argv and the environment. FOUND gets a line for each:
    stack +0x1a0 "s3cret" ..what stands around it..
The command's status is the status; 99 where it could not be looked into. Needs root: the command
keeps others out of its memory.
"""
import base64
import ctypes
import os
import re
import signal
import sys

PTRACE_TRACEME, PTRACE_CONT, PTRACE_SETOPTIONS = 0, 7, 0x4200
PTRACE_O_TRACEEXIT, PTRACE_EVENT_EXIT = 0x40, 6
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=0):
    if libc.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def forms(text):
    """The text, and its base64 with 0, 1 and 2 bytes before it; at the ends other bytes have a
    share in a digit, which is left out."""
    yield text
    for before in range(3):
        digits = base64.b64encode(b"\0" * before + text)
        first = (before * 8 + 5) // 6
        last = (before + len(text)) * 8 // 6
        yield digits[first:last]


def look(pid, texts):
    """A line for each that is in the memory."""
    with open("/proc/%d/stat" % pid, encoding="latin-1") as file:
        fields = file.read().rpartition(")")[2].split()
    # proc(5): arg_start is field 48, env_end 51; the state, field 3, is the first here.
    start, end = int(fields[45]), int(fields[48])
    with open("/proc/%d/maps" % pid, encoding="latin-1") as file:
        maps = [line.split(None, 5) for line in file]
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
        for words in maps:
            low, high = (int(part, 16) for part in words[0].split("-"))
            name = words[5].strip() if len(words) > 5 else "heap"
            if "r" not in words[1] or name.startswith("[v"):
                continue
            memory.seek(low)
            data = memory.read(high - low)
            if start >= low and end <= high:
                data = data[:start - low] + b"\0" * (end - start) + data[end - low:]
            for text in texts:
                for at in (found.start() for form in forms(text)
                           for found in re.finditer(re.escape(form), data)):
                    yield "%s +%#x %r: %r" % (
                        name, low + at, text.decode("latin-1"),
                        data[max(0, at - 24):at + len(text) + 24])


def main():
    report, command = sys.argv[1], sys.argv[3:]
    texts = [bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()
             for text in sys.argv[2].split(",")]
    pid = os.fork()
    if pid == 0:
        ptrace(PTRACE_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execv(command[0], command)
    os.waitpid(pid, 0)
    ptrace(PTRACE_SETOPTIONS, pid, PTRACE_O_TRACEEXIT)
    # Of a run that dies or isn't looked into there is no report.
    if os.path.exists(report):
        os.unlink(report)
    seen, pass_on = False, 0
    while True:
        ptrace(PTRACE_CONT, pid, pass_on)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            return os.WEXITSTATUS(status) if seen else 99
        if os.WIFSIGNALED(status):
            return 128 + os.WTERMSIG(status)
        pass_on = os.WSTOPSIG(status)
        if status >> 16 == PTRACE_EVENT_EXIT:
            with open(report, "w", encoding="ascii") as file:
                file.writelines(line + "\n" for line in look(pid, texts))
            seen = True
        if status >> 16 or pass_on == signal.SIGTRAP:
            pass_on = 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as failure:
        print("memory.py: %s" % failure, file=sys.stderr)
        sys.exit(99)
