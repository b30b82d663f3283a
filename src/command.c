/* SPDX-License-Identifier: ISC */
/* command.c: the first line that a program prints. Knows no profile; there is no shell in it. */
#include "command.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX   32
#define COMMAND_MAX 4096

/* Linux 5.9; the same number on every architecture. */
#define SYSCALL_CLOSE_RANGE 436L

/* Says "exec failed" where no program would. */
#define NOT_STARTED 127

struct words {
	char text[COMMAND_MAX];
	char *list[WORDS_MAX + 1];
};

/* Splits at blanks; quotes of either kind keep them. False: too many, or an open quote. */
static bool
split(const char *line, struct words *w)
{
	char *to = w->text;
	size_t n = 0;
	char quote;

	if (strlen(line) >= sizeof(w->text))
		return false;
	for (line += strspn(line, " \t"); *line != '\0'; line += strspn(line, " \t")) {
		if (n == WORDS_MAX)
			return false;
		w->list[n++] = to;
		for (quote = '\0'; *line != '\0' && (quote != '\0' || !text_is_blank(*line));
			line++) {
			if (*line == quote)
				quote = '\0';
			else if (quote == '\0' && (*line == '\'' || *line == '"'))
				quote = *line;
			else
				*to++ = *line;
		}
		if (quote != '\0')
			return false;
		*to++ = '\0';
	}
	w->list[n] = NULL;
	return n > 0 && w->list[0][0] == '/';
}

/* What the caller of sendmail left open is not for the program. */
static void
close_others(void)
{
	struct rlimit limit;
	rlim_t fd, end;

	if (syscall(SYSCALL_CLOSE_RANGE, 3U, ~0U, 0U) == 0)
		return;
	end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? limit.rlim_cur
									      : 65536;
	for (fd = 3; fd < end; fd++)
		(void)close((int)fd);
}

/* In the child: becomes the program. */
static _Noreturn void
become(struct words *w, int out)
{
	static const char path[] =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = {(char *)path, NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR), number;

	(void)setpgid(0, 0);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDERR_FILENO) == -1 ||
		dup2(out, STDOUT_FILENO) == -1)
		_exit(NOT_STARTED);
	close_others();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* What the caller of sendmail ignores is not for it, nor what we do. */
	for (number = 1; number < 32; number++)
		(void)signal(number, SIG_DFL);
	(void)execve(w->list[0], w->list, environment);
	_exit(NOT_STARTED);
}

/* Reads to the end or the deadline; false: too late. What doesn't fit is read and dropped. */
static bool
drain(int fd, char *buf, size_t size, size_t *len, int64_t deadline)
{
	char rest[256];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t got;
	int64_t left;

	*len = 0;
	while ((left = deadline - net_clock()) > 0) {
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		got = *len < size ? read(fd, buf + *len, size - *len)
				  : read(fd, rest, sizeof(rest));
		text_wipe(rest, sizeof(rest));
		if (got == 0)
			return true;
		if (got > 0 && *len < size)
			*len += (size_t)got;
	}
	return false;
}

/* Waits for its end, kills it where that doesn't come in time. Returns its status, or -1. */
static int
reap(pid_t pid, bool late, int64_t deadline)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	int status = -1;

	while (!late && waitpid(pid, &status, WNOHANG) == 0) {
		late = net_clock() >= deadline;
		(void)nanosleep(&moment, NULL);
	}
	if (!late)
		return status;
	(void)kill(-pid, SIGKILL);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

/* Runs it; the first line into out. */
static int
run(const char *key, struct words *w, struct text *out, struct err *e)
{
	int64_t deadline = net_clock() + COMMAND_TIME;
	char buf[COMMAND_MAX * 2];
	int ends[2], status;
	size_t len = 0, n;
	pid_t pid;
	bool whole;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_errno(e, ERR_SYSTEM, "no pipe for %s", key);
	/* Where the caller ignores it, the kernel would take the child's status away. */
	(void)signal(SIGCHLD, SIG_DFL);
	pid = _Fork();
	if (pid == 0)
		become(w, ends[1]);
	(void)close(ends[1]);
	if (pid == -1) {
		(void)close(ends[0]);
		return err_errno(e, ERR_SYSTEM, "no process for %s", key);
	}
	whole = drain(ends[0], buf, sizeof(buf), &len, deadline);
	(void)close(ends[0]);
	status = reap(pid, !whole, deadline);
	for (n = 0; n < len && buf[n] != '\n' && buf[n] != '\r'; n++)
		;
	if (status == -1)
		(void)err_set(e, ERR_TEMP, "%s: %s took more than %d s", key, w->list[0],
			COMMAND_TIME / 1000);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STARTED &&
		 access(w->list[0], X_OK) == -1)
		(void)err_errno(e, ERR_CONFIG, "%s: %s can't be run", key, w->list[0]);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_STARTED)
		(void)err_set(e, ERR_CONFIG, "%s: %s can't be run", key, w->list[0]);
	else if (status != 0)
		(void)err_set(e, ERR_TEMP, "%s: %s ended with %s %d", key, w->list[0],
			WIFEXITED(status) ? "status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	else if (n == 0 || n == sizeof(buf) || memchr(buf, '\0', n) != NULL)
		(void)err_set(e, ERR_CONFIG, "%s: the first line of what %s prints is no secret",
			key, w->list[0]);
	else
		text_add(out, buf, n);
	text_wipe(buf, sizeof(buf));
	return e->kind == ERR_NONE ? 0 : -1;
}

int
command_read(const char *key, const char *line, struct text *out, struct err *e)
{
	struct words w = {.text = ""};

	if (!split(line, &w))
		return err_set(e, ERR_CONFIG,
			"%s: it is an absolute path and words, with each quote closed, 4 KiB and "
			"%d words at most",
			key, WORDS_MAX);
	return run(key, &w, out, e);
}
