# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317   # names shared with lib.bash and input.bash
# Large and deep input: linear time and bounded memory up to the limits, 65 beyond them.

load lib
load input

setup() { setup_case; }
teardown() { teardown_case; }

# Goal: a header of 1 MiB, a list of 100,000 recipients, comments and groups 100,000 deep take
# time and memory in proportion.  Nobody listens at the profile's port, so that all of the work
# on the input is done, and nothing else: 69.

# grows CODE [WANTED [ARGUMENT...]]: CODE is Python that makes "header" of a number n.  For half
# of the size and the whole the status is WANTED (69; an expression); the whole takes 5 s of
# processor time at most (it takes some 0.1 s, and minutes if anything is quadratic), and no
# more than 2.6 times the half (best of three, 50 ms for free), and 64 MB of memory.
grows() {
    profile log=off connect_timeout=5s "${KEYS[@]}"
    "$PYTHON" - "$1" "${2-69}" "$BATS_TEST_TMPDIR/input" "$BIN/sendmail" "${@:3}" <<'PY'
import os, re, resource, sys
code, wanted, path, *command = sys.argv[1:]
if len(command) == 1:
    command.append("-t")

def write(n):       # in a child: our own memory would be counted for the program's
    child = os.fork()
    if child == 0:
        names = {"n": n}
        exec(code, names)
        with open(path, "wb") as out:
            out.write(names["header"].encode("utf-8", "surrogateescape") + b"\n\nbody\n")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

def run():
    child = os.fork()
    if child == 0:
        os.dup2(os.open(path, os.O_RDONLY), 0)
        os.dup2(os.open(path + ".err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        os.execv(command[0], command)
    _, status, used = os.wait4(child, 0)
    status = os.waitstatus_to_exitcode(status)
    with open(path + ".err", "rb") as err:
        words = err.read()
    assert re.fullmatch(wanted, str(status)), (status, words[:500])
    assert words.count(b"\n") == 1, words[:500]
    return used.ru_utime + used.ru_stime, used.ru_maxrss

times, memory = [], 0
for n in (50000, 100000):
    write(n)
    runs = [run() for _ in range(3)]
    times.append(min(time for time, _ in runs))
    memory = max(memory, *(kib for _, kib in runs))
print("%d bytes: %.3f s, then %.3f s; %d KiB" % (os.stat(path).st_size, *times, memory))
assert times[1] < 5, times
assert times[1] <= 2.6 * times[0] + 0.05, times
with open(command[0], "rb") as program:     # a sanitizer's memory is its own
    assert memory < 64 * 1024 or b"__asan_init" in program.read(), memory
PY
}

# --- recipients ------------------------------------------------------------------------

@test "100,000 recipients" {
    grows 'header = "Bcc: " + ",".join("%x@b" % i for i in range(n))'
}

@test "100,000 recipients, each in a field of its own" {
    grows 'header = "\n".join("To:%x" % i for i in range(n))'
}

@test "100,000 times the same recipient" {
    grows 'header = "Bcc: " + ",".join(["a@b.test"] * n)'
}

@test "100,000 recipients in falling order" {
    grows 'header = "Bcc: " + ",".join("%x@b" % i for i in reversed(range(n)))'
}

@test "100,000 bare names through aliases" {
    mapfile -t KEYS < <(echo '[aliases]'; printf 'name%s = x@y.test\n' {1..500}; echo 'name = a, b, c')
    grows 'header = "Bcc: " + ",".join("name%d" % (i % 600) for i in range(n))'
    grows 'header = "Bcc: " + ",".join(["name"] * (n // 3))'
}

@test "100,001 recipients are refused" {
    refuses 65 -t < <("$PYTHON" -c 'print("Bcc:", ",\n ".join("%x" % i for i in range(100001)), "\n\nx")')
    refuses 65 -t z@x.test < <("$PYTHON" -c 'print("Bcc:", ",\n ".join("%x" % i for i in range(100000)), "\n\nx")')
}

# --- addresses -------------------------------------------------------------------------

@test "comments nested 100,000 deep" {
    grows 'header = "To: a@b.test " + "(" * n + ")" * n'
}

@test "comments nested 100,000 deep before the address, 8-bit within" {
    grows 'header = "To: " + "(" * n + "\u00e4" + ")" * n + " a@b.test"'
}

@test "100,000 comments beside each other" {
    grows 'header = "To: " + "(x)" * n + "a@b.test"'
}

@test "250,000 comments beside each other, 8-bit" {
    grows 'header = "To: " + "(\u00e4)" * (n * 5 // 2) + "a@b.test"'
}

@test "100,000 comments within an address" {
    grows 'header = "To: a" + "(x)" * n + "@" + "(y)" * n + "b.test"'
}

@test "100,000 comments that open and never close" {
    grows 'header = "To: a@b.test " + "(" * n' 65
    grows 'header = "From: " + "(" * n + "\nTo: " + "a@b (x " * n' 65
}

@test "comments that open and never close, in 100,000 fields that are not asked" {
    grows 'header = "From:(\n" * n + "To: a@b.test"'
}

@test "quotes that open and never close, in 100,000 fields that are not asked" {
    grows 'header = "Cc:\"\n" * n + "To: a@b.test"' 69 z@x.test
}

@test "groups nested 100,000 deep" {
    grows 'header = "To: " + "g:" * n + "a@b.test" + ";" * n'
}

@test "100,000 empty groups" {
    grows 'header = "To: " + "g:;," * n + "a@b.test"'
}

@test "a route of 100,000 hosts" {
    grows 'header = "To: <" + ",".join(["@h.test"] * n) + ":a@b.test>"'
}

@test "100,000 brackets that open" {
    grows 'header = "To: a " + "<" * n' 65
}

@test "100,000 quoted strings in a phrase" {
    grows 'header = "To: " + "\"q, r\" " * n + "<a@b.test>"'
}

@test "100,000 quoted strings in a phrase, 8-bit" {
    grows 'header = "To: " + "\"\u00e4\" " * n + "<a@b.test>"'
}

@test "a quoted string of 100,000 escapes" {
    grows 'header = "To: \"" + "\\\\\\\"" * n + "\" <a@b.test>"'
}

@test "1 MiB of commas, semicolons, blanks" {
    grows 'header = "To: a@b.test" + ",;" * (n * 2) + "; , " * n'
}

@test "an address of 1 MiB is refused" {
    grows 'header = "To: " + "abc.d/efg." * n + "@b.test"' 65
    grows 'header = "To: a@" + "b." * n' 65
}

# --- the header ------------------------------------------------------------------------

@test "200,000 fields" {
    grows 'header = "To:a@b\n" + "a:\n" * n * 2'
}

@test "a field of 200,000 lines" {
    grows 'header = "To:a@b\nSubject: x" + "\n " * n + "\n y" * n'
}

@test "an address field of 100,000 lines" {
    grows 'header = "To:a@b" + ",\n a@b" * (n - 1)'
}

@test "a line of 1 MiB with blanks" {
    grows 'header = "To: a@b.test\nSubject: " + "some word " * n'
}

@test "a line of 1 MiB without blanks" {
    grows 'header = "To: a@b.test\nSubject: " + "somewords." * n'
}

@test "lines of blanks alone, 1 MiB" {
    grows 'header = "To: a@b.test\nSubject: x" + " " * (5 * n) + "y" + "\t" * (5 * n)'
}

@test "200,000 words of two and three bytes in a phrase" {
    grows 'header = "From: " + "\u00e4 b " * (209 * n // 100) + "<a@b.test>\nTo: a@b.test"'
}

@test "300,000 groups that are not ASCII" {
    grows 'header = "To: " + "\u00e4:" * (3 * n) + "a@b.test"'
}

@test "500,000 bare names that get the domain" {
    # What leaves may be too large, which is no lack of memory.
    grows 'header = "To: " + "a," * (5 * n)' '65|69' z@x.test
}

@test "a name of 1 MiB is no field" {
    grows 'header = "a" * (10 * n)' 69 z@x.test
}

@test "a name and blanks of 1 MiB before the colon" {
    grows 'header = "To: a@b.test\nSubject" + " " * (10 * n) + ": x"'
}

@test "one word of 1 MiB that is not ASCII" {
    grows 'header = "To: a@b.test\nSubject: " + "\u00e4" * (5 * n)'
}

@test "200,000 words that are not ASCII" {
    grows 'header = "To: a@b.test\nSubject: " + "\u00e4 b " * (209 * n // 100)'
}

@test "100,000 words that are not UTF-8" {
    grows 'header = "To: a@b.test\nSubject: " + "\udce4 b \u00e4 " * n'
}

@test "a header of 1 MiB less a little arrives whole" {
    "$PYTHON" -c 'print(end="X-Long: word\n" * 74000 + "\nbody\n")' >"$BATS_TEST_TMPDIR/input"
    sends 1 bob@mail.test <"$BATS_TEST_TMPDIR/input"
    assert_same "$(header | grep -c '^X-Long: word$')" 74000
    [ "$(body)" = body ]
}

@test "a header over 1 MiB is refused, of fields or of one line" {
    refuses 65 z@x.test < <("$PYTHON" -c 'print(end="X-Long: word\n" * 90000 + "\nbody\n")')
    [[ $stderr == *header* ]]
    refuses 65 z@x.test < <("$PYTHON" -c 'print(end="X-Long: " + "x" * 1100000 + "\n\nbody\n")')
    refuses 65 z@x.test < <("$PYTHON" -c 'print(end="X-Long: x\n" + " " * 30000000)')
}

@test "a large body is no large header" {
    sends 1 bob@mail.test < <("$PYTHON" -c 'print(end="X: y\n\n" + "X-Long: word\n" * 90000)')
    assert_same "$(body | grep -c '^X-Long: word$')" 90000
}

# --- memory ------------------------------------------------------------------------------
# Goal: a common message with a large header and many recipients stays small.

@test "a header of 64 KiB and 100 recipients stay within 1 MB" {
    "$PYTHON" -c '
print(end="To: " + ",\n ".join("user%d@mail.test" % i for i in range(100)) + "\n")
print(end="X-Long: %s\n" % ("word " * 14) * 780 + "\nbody\n")' >"$BATS_TEST_TMPDIR/input"
    local used
    used=$(peak 100 PIPE "$BATS_TEST_TMPDIR/input" -t)
    [ "$used" -gt 50 ]
    [ "$used" -lt 1000 ] || grep -q __asan_init "$MC" || fail "peak memory is $used KiB"
}
