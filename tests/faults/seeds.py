# SPDX-License-Identifier: ISC
"""Faults of our own making, to show that the groups of faults.py see them: seeds.py NAME...|all|look

Each is a change to a copy of the tree (build/faults/seed); the program built from it must break the
law in its groups. A seed that no group sees is a failure, and so is one that doesn't apply any more; look asks for
the latter alone, and builds nothing.
"""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = os.path.join(ROOT, "build/faults/seed")

# name, groups each of which must see it (and options for faults.py), file, what stands there, what
# stands there instead
SEEDS = [
    ("window-is-temporary", ("server_tcp_cut", "server_plain_cut", "server_tcp_stalled",
                             "server_plain_stalled", "rounds", "letters"),
     "src/smtp.c", "phase == SMTP_AT_END ? ERR_UNKNOWN : ERR_TEMP", "ERR_TEMP"),
    ("end-is-yes", ("client_tcp_cut", "client_plain_cut", "client_large_cut"),
     "src/steps.c",
     "	return smtp_get_by(s, SMTP_AT_END, is_last || by < all ? by : all, e);",
     "	(void)smtp_get_by(s, SMTP_AT_END, is_last || by < all ? by : all, e);\n"
     "	err_clear(e);\n	s->reply.code = 250;\n	return 0;"),
    ("waits-for-ever", ("client_tcp_stalled", "client_plain_stalled", "client_large_stalled", "--limit=30"),
     "src/net.c", "		if (left < 0)\n			return set_fault(n, NET_TIMEOUT, 0);",
     "		if (left < 60000 && deadline != NET_AT_ONCE)\n			left = 60000;"),
    ("refused-is-taken", ("answers",),
     "src/steps.c", "	if (code / 100 == 2) {\n		r->fate = RCPT_TAKEN;\n		st->taken++;",
     "	if (code / 100 >= 2) {\n		r->fate = RCPT_TAKEN;\n		st->taken++;"),
    ("close-sends", ("calls_failing", "--only=signalfd"),
     "src/transaction.c", "	s->net->mute = true;\n	e->lost_peer = true;\n	return -1;",
     "	e->lost_peer = true;\n	return -1;"),
    ("read-error-is-end", ("calls_failing",), "src/spool.c", "EINTR", "EIO"),
    ("short-is-whole", ("calls_short",),
     "src/log.c", "			at += (size_t)done;", "			at = out.len;"),
    ("no-second-try", ("calls_interrupted",),
     "src/net.c", "	while (got == -1 && errno == EINTR);", "	while (false);"),
    ("two-looks", ("calls_late",),
     "src/content.c", "	return s->net->fault.kind == NET_FINE ? 0 : broken_off(s, e);",
     "	return s->net->fault.kind == NET_FINE && !wire_has_input(&s->wire) ? 0 : broken_off(s, e);"),
    ("unchecked", ("allocations",),
     "src/profile_lines.c", "		if (more == NULL)\n			return -1;\n", ""),
    ("leak", ("allocations",), "src/profile_lines.c", "		profile_free_entry(&copy);\n", ""),
    ("no-line-end", ("stdin_cut",), "src/dot.c", "	if (d->line > 0)\n", "	if (d->line > 1000)\n"),
    ("signals-not-held", ("signals", "signal_steps"),
     "src/net.c", "	if (sigprocmask(SIG_BLOCK, &n->held, NULL) == -1)",
     "	(void)sigemptyset(&n->held);\n	if (sigprocmask(SIG_BLOCK, &n->held, NULL) == -1)"),
    ("file-is-pipe", ("letters_calls", "--only=fstat"),
     "src/spool.c",
     "	if (fstat(fd, &st) == -1)\n"
     "		return err_errno(e, ERR_INPUT, \"cannot read the message\");\n"
     "	if (S_ISREG(st.st_mode)) {",
     "	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {"),
    ("piece-is-line", ("replies_split",), "src/wire.c", "		whole = end != NULL;",
     "		whole = end != NULL || len + n >= 20;"),
    ("dot-at-border", ("content_split", "--limit=4000", "--only=chunking=False"), "src/dot.c", "			if (d->stuff)",
     "			if (d->stuff && len > 0)"),
]


def copy_tree():
    shutil.rmtree(TREE, ignore_errors=True)
    for name in ("Makefile", "src", "compat", "etc", "tests/certs", "tests/faults", "build/obj",
                 "build/lib", "build/include", "build/test", "build/tests/certs", "build/roots"):
        to = os.path.join(TREE, name)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        subprocess.run(["cp", "-a", os.path.join(ROOT, name), to], check=True)


def build(targets):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", "-s", "-C", TREE, *targets], env=env, timeout=300,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)


def seen(group, options):
    """True where the group finds fault with the program of the copy."""
    run = subprocess.run([sys.executable, os.path.join(ROOT, "tests/faults/faults.py"), "--quick",
                          "--first", "--show", "1", "--build", os.path.join(TREE, "build"), *options, group],
                         stdout=subprocess.PIPE, text=True, timeout=600, check=False)
    first = run.stdout.splitlines()
    last = first[-1] if first else "no result"
    print("    %s: %s%s" % (group, last, ", among them: " + first[1].strip() if run.returncode else ""),
          flush=True)
    return run.returncode != 0 and last.endswith(" failed") and not last.endswith(" 0 failed")


def applies(tree, seed):
    """The text of the seed's file if it applies to it, else None."""
    name, _, path, old, new = seed
    print(name, flush=True)
    file = os.path.join(tree, path)
    if os.path.exists(file):
        with open(file, encoding="utf-8") as f:
            text = f.read()
        if old in text and old != new:
            return text
    print("    %s has changed: the seed doesn't apply" % path)
    return None


def plant(seed):
    _, groups, path, old, new = seed
    text = applies(TREE, seed)
    if text is None:
        return False
    file = os.path.join(TREE, path)
    with open(file, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    made = build(["build/test/mailchute", "build/faults/mailchute"])
    if made.returncode != 0:
        print("    it doesn't build:", made.stderr[-1500:])
    result = made.returncode == 0 and all([
        seen(g, [o for o in groups if o.startswith("--")])
        for g in groups if not g.startswith("--")])
    with open(file, "w", encoding="utf-8") as f:
        f.write(text)
    return result


def main():
    if sys.argv[1:] == ["look"]:
        results = [applies(ROOT, s) is not None for s in SEEDS]
        print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
        return 0 if all(results) else 1
    wanted = [s for s in SEEDS if s[0] in sys.argv[1:] or sys.argv[1:] == ["all"]]
    if not wanted:
        sys.exit("seeds: no such seed; there are: " + " ".join(s[0] for s in SEEDS))
    copy_tree()
    results = [plant(s) for s in wanted]
    shutil.rmtree(TREE, ignore_errors=True)
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
