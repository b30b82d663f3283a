# SPDX-License-Identifier: ISC
"""The counters that all processes of build/coverage/mailchute share (attach.c).

    memory.py make KEY BINARY             makes the memory, all zero
    memory.py save KEY BINARY PROFRAW     writes what was counted as llvm-profdata reads it
    memory.py drop KEY BINARY             gives the memory back

A raw profile of LLVM 14 (InstrProfData.inc, version 8): a head, the table of functions and the names as
they stand in the binary, and between them the counters.
"""
import ctypes
import struct
import sys

MAGIC = 255 << 56 | int.from_bytes(b"lprofr", "big") << 8 | 129
VERSION = 8
RECORD = 48         # bytes of the table for each function
LAST_KIND = 1       # of the values that could be counted, and aren't
IPC_CREAT, IPC_EXCL, IPC_RMID, SHM_RDONLY = 0o1000, 0o2000, 0, 0o10000

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]


def check(result, what):
    if result in (-1, 2 ** 64 - 1):
        raise SystemExit("memory.py: %s: errno %d" % (what, ctypes.get_errno()))
    return result


def sections(path):
    """{name: (address, bytes)} of an ELF file of 64 bits."""
    with open(path, "rb") as f:
        file = f.read()
    start, = struct.unpack_from("<Q", file, 40)
    size, count, names = struct.unpack_from("<HHH", file, 58)
    rows = [struct.unpack_from("<IIQQQQ", file, start + i * size) for i in range(count)]
    strings = rows[names][4]
    found = {}
    for name, _, _, address, offset, length in rows:
        word = file[strings + name:file.index(b"\0", strings + name)].decode()
        found[word] = address, file[offset:offset + length]
    return found


def main(verb, key, binary, path=None):
    # The number as a C compiler takes it for a key_t.
    key = ctypes.c_int(int(key)).value
    found = sections(binary)
    counters, data, names = (found["__llvm_prf_" + w] for w in ("cnts", "data", "names"))
    size = len(counters[1])
    if verb == "make":
        check(libc.shmget(key, size, IPC_CREAT | IPC_EXCL | 0o666), "shmget")
        return
    segment = check(libc.shmget(key, size, 0), "shmget")
    if verb == "drop":
        check(libc.shmctl(segment, IPC_RMID, None), "shmctl")
        return
    at = check(libc.shmat(segment, None, SHM_RDONLY), "shmat")
    padding = -len(names[1]) % 8
    with open(path, "wb") as out:
        out.write(struct.pack("<11Q", MAGIC, VERSION, 0, len(data[1]) // RECORD, 0, size // 8, 0,
                              len(names[1]), (counters[0] - data[0]) % 2 ** 64, names[0], LAST_KIND))
        out.write(data[1] + ctypes.string_at(at, size) + names[1] + bytes(padding))


main(*sys.argv[1:])
