/* SPDX-License-Identifier: ISC */
/*
 * probe.c: what the sandbox lets through, asked of the kernel from inside.
 *
 *     probe calls          each number of a system call, with senseless arguments: the number, and
 *                          "yes", "no" (EPERM) or "dies"
 *     probe rules DIR      the rules that look at arguments: a name and the outcome, a line each.
 *                          DIR has folders letters, spool, read, other, with a file "f" in each
 *
 * One child a question: there is no way back out of a sandbox.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGHEST 600
#define X32     0x40000000

static char folder[4096];
static int letters;

static const char *
in(const char *name)
{
	static char path[2][4200];
	static int turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static long
read_granted(void)
{
	return open(in("read/f"), O_RDONLY);
}

static long
read_other(void)
{
	return open(in("other/f"), O_RDONLY);
}

static long
write_granted(void)
{
	return open(in("read/f"), O_WRONLY);
}

static long
write_by_openat(void)
{
	return openat(AT_FDCWD, in("read/f"), O_RDWR);
}

static long
truncate_granted(void)
{
	return open(in("read/f"), O_RDONLY | O_TRUNC);
}

static long
new_letter(void)
{
	return openat(letters, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
old_letter(void)
{
	return openat(letters, "f", O_WRONLY | O_CREAT, 0600);
}

static long
letter_elsewhere(void)
{
	return openat(AT_FDCWD, in("other/new"), O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
letter_by_absolute_path(void)
{
	return openat(letters, in("other/new"), O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
letter_upwards(void)
{
	return openat(letters, "../other/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
unnamed_in_spool(void)
{
	return openat(AT_FDCWD, in("spool"), O_RDWR | O_TMPFILE, 0600);
}

static long
unnamed_elsewhere(void)
{
	return openat(AT_FDCWD, in("other"), O_RDWR | O_TMPFILE, 0600);
}

static long
memory_file(void)
{
	return memfd_create("x", 0);
}

static long
remove_letter(void)
{
	return unlink(in("letters/f"));
}

static long
remove_elsewhere(void)
{
	return unlink(in("other/f"));
}

static long
tcp4(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static long
udp6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static long
raw4(void)
{
	return socket(AF_INET, SOCK_RAW, 1);
}

static long
unix_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long
netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long
packet(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

static long
memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static long
code_memory(void)
{
	/* musl's own mmap makes ENOMEM of EPERM. */
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);
}

static long
code_by_mprotect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long
window_size(void)
{
	struct winsize w;

	/* Not a terminal, which is another answer than EPERM. */
	return ioctl(open("/dev/null", O_RDONLY), TIOCGWINSZ, &w) == -1 && errno == EPERM ? -1 : 0;
}

static long
type_for_user(void)
{
	return ioctl(0, TIOCSTI, "x");
}

static long
signal_ourselves(void)
{
	return syscall(SYS_tkill, getpid(), 0);
}

static long
signal_parent(void)
{
	return syscall(SYS_tkill, getppid(), 0);
}

static long
other_abi(void)
{
	return syscall(X32 | SYS_read, -1, 0, 0);
}

static long
tracers_number(void)
{
	return syscall(-1);
}

static long
new_privileges(void)
{
	return setuid(65534);
}

static const struct {
	const char *name;
	long (*ask)(void);
} questions[] = {
	{"read_granted",	    read_granted           },
	{"read_other",              read_other             },
	{"write_granted",           write_granted          },
	{"write_by_openat",         write_by_openat        },
	{"truncate_granted",        truncate_granted       },
	{"new_letter",              new_letter             },
	{"old_letter",              old_letter             },
	{"letter_elsewhere",        letter_elsewhere       },
	{"letter_by_absolute_path", letter_by_absolute_path},
	{"letter_upwards",          letter_upwards         },
	{"unnamed_in_spool",        unnamed_in_spool       },
	{"unnamed_elsewhere",       unnamed_elsewhere      },
	{"memory_file",             memory_file            },
	{"remove_letter",           remove_letter          },
	{"remove_elsewhere",        remove_elsewhere       },
	{"tcp4",		    tcp4                   },
	{"udp6",		    udp6                   },
	{"raw4",		    raw4                   },
	{"unix_socket",             unix_socket            },
	{"netlink",                 netlink                },
	{"packet",                  packet                 },
	{"memory",                  memory                 },
	{"code_memory",             code_memory            },
	{"code_by_mprotect",        code_by_mprotect       },
	{"window_size",             window_size            },
	{"type_for_user",           type_for_user          },
	{"signal_ourselves",        signal_ourselves       },
	{"signal_parent",           signal_parent          },
	{"other_abi",               other_abi              },
	{"tracers_number",          tracers_number         },
	{"new_privileges",          new_privileges         },
};

static void
enter(const struct sandbox_needs *needs)
{
	struct err e = {.kind = ERR_NONE};

	if (sandbox_enter(needs, &e) == 0)
		return;
	(void)fprintf(stderr, "%s\n", e.text);
	_exit(9);
}

/* What a child's end tells: 0 yes, 1 EPERM, 2 EACCES, 3 another error, 9 no sandbox. */
static const char *
outcome(pid_t child)
{
	static const char *const words[] = {"yes", "no", "no-access", "error"};
	int status = 0;

	if (waitpid(child, &status, 0) == -1)
		exit(71);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? "dies" : "yes";
	if (WEXITSTATUS(status) == 9)
		exit(71);
	return WEXITSTATUS(status) < 4 ? words[WEXITSTATUS(status)] : "yes";
}

static void
ask_calls(const struct sandbox_needs *needs)
{
	long number;
	pid_t child;

	for (number = 0; number < HIGHEST; number++) {
		child = fork();
		if (child == 0) {
			(void)alarm(5);
			enter(needs);
			_exit(syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) == -1 && errno == EPERM);
		}
		(void)printf("%ld %s\n", number, outcome(child));
	}
}

static void
ask_rules(const struct sandbox_needs *needs, const char *suffix)
{
	size_t i;
	pid_t child;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		child = fork();
		if (child == 0) {
			(void)alarm(5);
			enter(needs);
			_exit(questions[i].ask() != -1 ? 0
				: errno == EPERM       ? 1
				: errno == EACCES      ? 2
						       : 3);
		}
		(void)printf("%s%s %s\n", questions[i].name, suffix, outcome(child));
	}
}

int
main(int argc, char *argv[])
{
	struct sandbox_needs needs = {.letters = -1};
	char read[4200], spool[4200], removes[4200];

	(void)setvbuf(stdout, NULL, _IONBF, 0);
	if (argc == 2 && strcmp(argv[1], "calls") == 0) {
		ask_calls(&needs);
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "rules") != 0)
		return 64;
	(void)snprintf(folder, sizeof(folder), "%s", argv[2]);
	(void)snprintf(read, sizeof(read), "%s", in("read"));
	(void)snprintf(spool, sizeof(spool), "%s", in("spool"));
	(void)snprintf(removes, sizeof(removes), "%s", in("letters"));
	letters = open(removes, O_RDONLY | O_DIRECTORY);
	needs.readable[0] = read;
	ask_rules(&needs, "");
	needs.letters = letters;
	ask_rules(&needs, "+letters");
	needs.letters = -1;
	needs.spool_folder = spool;
	ask_rules(&needs, "+spool");
	needs.spool_folder = NULL;
	needs.removes_folder = removes;
	ask_rules(&needs, "+removes");
	return 0;
}
