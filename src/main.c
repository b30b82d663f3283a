/* SPDX-License-Identifier: ISC */
/* main.c: picks the face. The only place that ends the process. */
#include "admin.h"
#include "identity.h"
#include "sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * A caller may have closed 0, 1 or 2 (mailutils does): a socket must not become stderr, or an
 * error text would go into the stream. What stands in its place is a /dev/null of the other
 * direction, so that reading a closed stdin fails, as it should.
 */
static void
occupy(int fd)
{
	int pair[2];

	if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
		return;
	if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDWR) != -1 || pipe(pair) == -1)
		return;
	/* No /dev in a bare chroot: the end of a pipe that can't be used the wrong way either. */
	if (fd == STDIN_FILENO)
		(void)dup2(pair[1], fd);
	if (pair[1] > STDERR_FILENO)
		(void)close(pair[1]);
}

/* One call finds what is closed; where it fails, each is looked at. */
static void
occupy_all(void)
{
	struct pollfd fds[STDERR_FILENO + 1] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
	int ready = poll(fds, STDERR_FILENO + 1, 0), fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (ready == -1 || (fds[fd].revents & POLLNVAL) != 0)
			occupy(fd);
	}
}

/* No core file, and nobody of the same uid may look into our memory: a password will be in it. */
static void
keep_secrets_in(void)
{
	const struct rlimit none = {0, 0};

	(void)prlimit(0, RLIMIT_CORE, &none, NULL);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Under our own name the first word decides: a flag means the sendmail face. */
static int
is_admin(const char *name, int argc, char *const argv[])
{
	if (strcmp(name, "mailchute") != 0)
		return 0;
	return argc < 2 || argv[1][0] != '-' || strcmp(argv[1], "--help") == 0 ||
	       strcmp(argv[1], "--version") == 0;
}

int
main(int argc, char *argv[])
{
	struct identity id;
	struct world w;
	const char *name = argc > 0 ? base_name(argv[0]) : "sendmail";

	occupy_all();
	keep_secrets_in();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a full quota is an error of write(2), not our end */
	identity_take(&id, &w);
	if (is_admin(name, argc, argv))
		return admin_run(argc, argv, &w);
	return sendmail_run(name, argc, argv, &w);
}
