/* SPDX-License-Identifier: ISC */
/* launch.c: runs a command many times, some at once, and says what that took. Judges nothing. */
/*
 * launch [-n TIMES] [-j AT-ONCE] [-i FILE [-f FD]] COMMAND [ARGUMENT..]
 * launch -m [-i FILE [-f FD]] COMMAND [ARGUMENT..]
 *
 * Prints "ms=12.345 cpu_ms=3.456 failed=0": wall time of all, CPU time of all, how many didn't
 * end with 0; with -m "rss_kb=512 status=0 failed=0": the largest resident set the process had,
 * and its exit status (128 and more: a signal). TIMES and AT-ONCE are 1.
 *
 * ru_maxrss won't do for small programs: the kernel counts by the batch (32 pages a CPU may be
 * missing), and a child begins with its parent's peak. A resident set shrinks by a few system
 * calls only; so -m stops at these (by a seccomp filter: at no others, so that it costs little)
 * and has the pages counted (smaps_rollup) before each. Of several processes it is the largest.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of linux/seccomp.h and linux/filter.h, which musl's headers don't reach. */
#define MODE_FILTER 2
#define RET_TRACE   0x7ff00000
#define RET_ALLOW   0x7fff0000
#define LOAD        0x20 /* BPF_LD | BPF_W | BPF_ABS: at 0 is the number of the call */
#define EQUAL       0x15 /* BPF_JMP | BPF_JEQ | BPF_K */
#define RETURN      0x06 /* BPF_RET | BPF_K */

struct step {
	unsigned short code;
	unsigned char yes, no;
	unsigned k;
};

struct steps {
	unsigned short n;
	struct step *list;
};

/* The calls that can make a resident set smaller, and those at whose end it is too late. */
static const unsigned shrinking[] = {SYS_munmap, SYS_mremap, SYS_mmap, SYS_brk, SYS_madvise,
	SYS_execve, SYS_exit, SYS_exit_group};

#define SHRINKING (sizeof(shrinking) / sizeof(shrinking[0]))

/* From here on the tracer is asked before each of them, and before no other. */
static int
trace_shrinking(void)
{
	struct step list[SHRINKING + 3] = {
		{LOAD, 0, 0, 0}
        };
	struct steps steps = {SHRINKING + 3, list};
	unsigned i;

	for (i = 0; i < SHRINKING; i++)
		list[1 + i] = (struct step){EQUAL, (unsigned char)(SHRINKING - i), 0, shrinking[i]};
	list[SHRINKING + 1] = (struct step){RETURN, 0, 0, RET_ALLOW};
	list[SHRINKING + 2] = (struct step){RETURN, 0, 0, RET_TRACE};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	return prctl(PR_SET_SECCOMP, MODE_FILTER, &steps);
}

struct input {
	const char *file; /* NULL: none */
	int fd;
};

static pid_t
start(const struct input *input, int traced, char **command)
{
	pid_t pid = fork();
	int fd;

	if (pid == -1)
		exit(71);
	if (pid > 0)
		return pid;
	if (input->file != NULL) {
		fd = open(input->file, O_RDONLY);
		if (fd == -1 || dup2(fd, input->fd) == -1)
			_exit(127);
		if (fd != input->fd)
			close(fd);
	}
	if (traced) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(127);
		raise(SIGSTOP); /* until the tracer has set its options */
		if (trace_shrinking() == -1)
			_exit(127);
	}
	execv(command[0], command);
	_exit(127);
}

/* Of a file in /proc; -1 if it can't be read. */
static long
line_kb(pid_t pid, const char *file, const char *format)
{
	char path[64], text[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	while (fgets(text, sizeof(text), f) != NULL && sscanf(text, format, &kb) != 1)
		continue;
	fclose(f);
	return kb;
}

/* Of a process that isn't dumpable only root sees the maps: there the kernel's sum must do. */
static long
resident_kb(pid_t pid)
{
	long kb = line_kb(pid, "smaps_rollup", "Rss: %ld");

	return kb != -1 ? kb : line_kb(pid, "status", "VmRSS: %ld");
}

static int
measure_memory(const struct input *input, char **command)
{
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	pid_t first = start(input, 1, command), pid;
	long kb, most = 0, event, signal;
	int status, result = 1, begun = 0;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (pid == first)
				result = status;
			continue;
		}
		event = status >> 16;
		signal = WSTOPSIG(status);
		if (pid == first && !begun && signal == SIGSTOP)
			ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options);
		if (event == PTRACE_EVENT_EXEC)
			begun = 1;
		/* What stands before the command's own start is this program. */
		if (event == PTRACE_EVENT_SECCOMP && begun && (kb = resident_kb(pid)) > most)
			most = kb;
		/* A stop is the tracer's, and a new child's first one, too. */
		if (event != 0 || signal == SIGSTOP || signal == SIGTRAP)
			signal = 0;
		ptrace(PTRACE_CONT, pid, NULL, (void *)signal);
	}
	printf("rss_kb=%ld status=%d failed=%d\n", most,
		WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result), result != 0);
	return result != 0;
}

static double
ms_of(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int
measure_time(long times, long jobs, const struct input *input, char **command)
{
	long started = 0, running = 0, failed = 0;
	struct timespec from, to;
	struct rusage used;
	double cpu = 0;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &from);
	while (started < times || running > 0) {
		if (started < times && running < jobs) {
			(void)start(input, 0, command);
			started++;
			running++;
			continue;
		}
		if (wait4(-1, &status, 0, &used) == -1)
			return 71;
		running--;
		failed += status != 0;
		cpu += ms_of(used.ru_utime) + ms_of(used.ru_stime);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("ms=%.3f cpu_ms=%.3f failed=%ld\n",
		(double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6,
		cpu, failed);
	return failed > 0;
}

int
main(int argc, char **argv)
{
	long times = 1, jobs = 1;
	struct input input = {NULL, 0};
	int option, memory = 0;

	while ((option = getopt(argc, argv, "+f:i:j:mn:")) != -1) {
		switch (option) {
		case 'f':
			input.fd = (int)strtol(optarg, NULL, 10);
			break;
		case 'i':
			input.file = optarg;
			break;
		case 'j':
			jobs = strtol(optarg, NULL, 10);
			break;
		case 'm':
			memory = 1;
			break;
		case 'n':
			times = strtol(optarg, NULL, 10);
			break;
		default:
			return 64;
		}
	}
	if (optind == argc)
		return 64;
	if (memory)
		return measure_memory(&input, argv + optind);
	return measure_time(times, jobs, &input, argv + optind);
}
