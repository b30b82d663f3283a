/* SPDX-License-Identifier: ISC */
/*
 * inject.c: runs a program and lets chosen system calls of it go wrong, by ptrace.
 *
 *     inject [-l FILE] [NAME:WHICH:WHAT]... -- PROGRAM ARGUMENT...
 *
 * NAME is a call's name, or "any". WHICH: 7 (the seventh of
 * that name), 7+ (from it on), odd (the first, the third, ...: a call that is tried again goes
 * through), all. WHAT: fail=ERRNO (a number; the call isn't made), len=N (its third argument, a
 * length, is N at most), short=N (the same for the total of writev by its first non-empty piece
 * alone), signal=N (the signal comes while the call is being made), delay=N (it is made N ms later,
 * so that what the peer says meanwhile is there). -l: the names of the calls in
 * their order, a line each, with the first argument. The end is the program's own, its death by a
 * signal too.
 * x86_64 only. -- the strace that could do the same lies about short writes, and is slow.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}

static const struct {
	const char *name;
	long number;
} calls[] = {
	CALL(read), CALL(write), CALL(open), CALL(close), CALL(stat), CALL(fstat), CALL(lstat),
	CALL(poll), CALL(lseek), CALL(mmap), CALL(mprotect), CALL(munmap), CALL(brk),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(ioctl), CALL(pread64), CALL(pwrite64),
	CALL(readv), CALL(writev), CALL(access), CALL(madvise), CALL(dup), CALL(getpid),
	CALL(socket), CALL(connect), CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg),
	CALL(bind), CALL(getsockname), CALL(getpeername), CALL(setsockopt), CALL(getsockopt),
	CALL(exit), CALL(uname), CALL(fcntl), CALL(fsync), CALL(ftruncate), CALL(getcwd),
	CALL(rename), CALL(unlink), CALL(readlink), CALL(fchmod), CALL(umask), CALL(getuid),
	CALL(getgid), CALL(geteuid), CALL(getegid), CALL(prctl), CALL(arch_prctl),
	CALL(setrlimit), CALL(getrlimit), CALL(prlimit64), CALL(gettid), CALL(time),
	CALL(set_tid_address), CALL(clock_gettime), CALL(exit_group), CALL(openat),
	CALL(newfstatat), CALL(unlinkat), CALL(ppoll), CALL(signalfd4), CALL(pipe2),
	CALL(getrandom), CALL(memfd_create), CALL(seccomp), CALL(statx), CALL(mremap),
	CALL(fdatasync), CALL(nanosleep), CALL(clock_nanosleep), CALL(restart_syscall),
	CALL(link), CALL(linkat), CALL(renameat), CALL(faccessat), CALL(rt_sigreturn),
	{"landlock_create_ruleset", 444}, {"landlock_add_rule", 445},
	{"landlock_restrict_self", 446},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))
#define PLANS 16

enum what { FAIL, LEN, SHORT, SIGNAL, DELAY };

struct plan {
	char name[32];
	long from, seen;
	bool on, odd;
	enum what what;
	long value;
};

static struct plan plans[PLANS];
static size_t n_plans;
static FILE *list;

static void
die(const char *what)
{
	perror(what);
	exit(125);
}

static const char *
name_of(long number)
{
	static char buf[32];
	size_t i;

	for (i = 0; i < CALLS; i++) {
		if (calls[i].number == number)
			return calls[i].name;
	}
	snprintf(buf, sizeof(buf), "call%ld", number);
	return buf;
}

static void
read_plan(const char *text)
{
	static const char *const whats[] = {"fail=", "len=", "short=", "signal=", "delay="};
	struct plan *p = &plans[n_plans++];
	char which[16], what[32];
	size_t i;

	if (n_plans > PLANS || sscanf(text, "%31[^:]:%15[^:]:%31s", p->name, which, what) != 3)
		die(text);
	p->odd = strcmp(which, "odd") == 0;
	p->on = p->odd || strcmp(which, "all") == 0 || strchr(which, '+') != NULL;
	p->from = p->on && strchr(which, '+') == NULL ? 1 : atol(which);
	for (i = 0; i < 5; i++) {
		if (strncmp(what, whats[i], strlen(whats[i])) == 0) {
			p->what = (enum what)i;
			p->value = atol(what + strlen(whats[i]));
			return;
		}
	}
	die(text);
}

static bool
is_due(struct plan *p, const char *name)
{
	if (strcmp(p->name, name) != 0 && strcmp(p->name, "any") != 0)
		return false;
	p->seen++;
	if (p->odd)
		return p->seen % 2 == 1;
	return p->on ? p->seen >= p->from : p->seen == p->from;
}

/* writev of a first piece alone, and of so much of it: what a full pipe or socket would take. */
static void
shorten_writev(pid_t pid, struct user_regs_struct *regs, long max)
{
	struct iovec io;
	unsigned long at = regs->rsi, left = regs->rdx;
	long word;

	for (; left > 0; at += sizeof(io), left--) {
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, at + sizeof(void *), NULL);
		if (errno != 0)
			return;
		if (word == 0)
			continue;
		if (word > max)
			ptrace(PTRACE_POKEDATA, pid, at + sizeof(void *), max);
		regs->rsi = at;
		regs->rdx = 1;
		ptrace(PTRACE_SETREGS, pid, NULL, regs);
		return;
	}
}

/* At a call's entry; returns the errno that it shall fail with, or 0. */
static long
enter(pid_t pid, struct user_regs_struct *regs)
{
	const char *name = name_of((long)regs->orig_rax);
	long error = 0;
	size_t i;

	if (list != NULL)
		fprintf(list, "%s %lld\n", name, (long long)regs->rdi);
	for (i = 0; i < n_plans; i++) {
		struct plan *p = &plans[i];

		if (!is_due(p, name))
			continue;
		if (p->what == FAIL)
			error = p->value;
		else if (p->what == SIGNAL)
			kill(pid, (int)p->value);
		else if (p->what == DELAY)
			usleep((useconds_t)p->value * 1000);
		else if (strcmp(name, "writev") == 0)
			shorten_writev(pid, regs, p->value);
		else if (regs->rdx > (unsigned long)p->value) {
			regs->rdx = (unsigned long)p->value;
			ptrace(PTRACE_SETREGS, pid, NULL, regs);
		}
	}
	if (error != 0) {
		regs->orig_rax = (unsigned long long)-1;
		ptrace(PTRACE_SETREGS, pid, NULL, regs);
	}
	return error;
}

static void
end_like(int status)
{
	const struct rlimit none = {0, 0};
	sigset_t all;

	if (list != NULL)
		fclose(list);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(WTERMSIG(status));
	_exit(126);
}

static void
trace(pid_t pid)
{
	struct user_regs_struct regs;
	bool inside = false;
	long error = 0;
	int status, deliver = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (long)deliver) == -1 && errno != ESRCH)
			die("ptrace");
		deliver = 0;
		if (waitpid(pid, &status, 0) == -1)
			die("waitpid");
		if (WIFEXITED(status) || WIFSIGNALED(status))
			end_like(status);
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			deliver = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
			continue;
		}
		if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) == -1)
			continue;
		inside = !inside;
		if (inside) {
			error = enter(pid, &regs);
			continue;
		}
		if (error != 0) {
			regs.rax = (unsigned long long)-error;
			ptrace(PTRACE_SETREGS, pid, NULL, &regs);
		}
	}
}

int
main(int argc, char *argv[])
{
	int i = 1, status;
	pid_t pid;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "-l") == 0 && i + 1 < argc)
			list = fopen(argv[++i], "we");
		else
			read_plan(argv[i]);
	}
	if (i + 1 >= argc)
		die("no program");
	pid = fork();
	if (pid == -1)
		die("fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[i + 1], argv + i + 1);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) == -1 || !WIFSTOPPED(status))
		die("the program doesn't start");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		    (long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC)) == -1)
		die("ptrace");
	trace(pid);
}
