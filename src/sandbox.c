/* SPDX-License-Identifier: ISC */
/* sandbox.c: from here on the process can do what a message needs, and nothing else. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl brings no linux/ headers: these are the kernel's, from filter.h, seccomp.h, landlock.h. */
#define LOAD                    0x20 /* BPF_LD | BPF_W | BPF_ABS */
#define AND                     0x54 /* BPF_ALU | BPF_AND | BPF_K */
#define IF_EQUAL                0x15 /* BPF_JMP | BPF_JEQ | BPF_K */
#define IF_ABOVE                0x25 /* BPF_JMP | BPF_JGT | BPF_K */
#define IF_ANY_BIT              0x45 /* BPF_JMP | BPF_JSET | BPF_K */
#define RETURN                  0x06 /* BPF_RET | BPF_K */
#define OUT_KILL                0x80000000u
#define OUT_EPERM               (0x00050000u | EPERM)
#define OUT_ALLOW               0x7fff0000u
#define MODE_FILTER             2
#define AT_NUMBER               0
#define AT_ARCH                 4
#define AT_ARGUMENT(n)          (16 + 8 * (n)) /* the lower half, on the little-endian machines we know */

#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE       445
#define LANDLOCK_RESTRICT_SELF  446
#define LANDLOCK_PATH_BENEATH   1
#define FS_WRITE_FILE           (1u << 1)
#define FS_READ_FILE            (1u << 2)
#define FS_READ_DIR             (1u << 3)
#define FS_REMOVE_FILE          (1u << 5)
#define FS_MAKE_REG             (1u << 8)
#define FS_ALL                  ((1u << 13) - 1) /* the first version's */

#define TIOCGWINSZ_NUMBER       0x5413
#define SIOCGIFINDEX_NUMBER     0x8933
#define TMPFILE_BIT             (O_TMPFILE & ~O_DIRECTORY)
#define WRITING                 (O_ACCMODE | O_CREAT | O_TRUNC | TMPFILE_BIT)

/*
 * What a message needs of the kernel, once it is read and all is opened; the most frequent first, since
 * the kernel goes through them one by one.
 */
static const struct sandbox_call calls[] = {
	{SYS_recvfrom,        SANDBOX_YES        },
	{SYS_sendto,          SANDBOX_YES        },
	{SYS_read,            SANDBOX_YES        },
	{SYS_write,           SANDBOX_YES        },
	{SYS_pread64,         SANDBOX_YES        },
	{SYS_close,           SANDBOX_YES        },
	{SYS_openat,          SANDBOX_OPENAT     },
	{SYS_socket,          SANDBOX_INTERNET   },
	{SYS_mmap,            SANDBOX_MEMORY     },
	{SYS_mprotect,        SANDBOX_MEMORY     },
	{SYS_munmap,          SANDBOX_YES        },
	{SYS_mremap,          SANDBOX_YES        },
	{SYS_readv,           SANDBOX_YES        },
	{SYS_writev,          SANDBOX_YES        },
	{SYS_pwrite64,        SANDBOX_YES        },
	{SYS_lseek,           SANDBOX_YES        },
	{SYS_fstat,           SANDBOX_YES        },
	{SYS_newfstatat,      SANDBOX_YES        },
	{SYS_getdents64,      SANDBOX_YES        },
	{SYS_fcntl,           SANDBOX_YES        },
	{SYS_ioctl,           SANDBOX_WINDOW_SIZE},
	{SYS_fsync,           SANDBOX_YES        },
	{SYS_fdatasync,       SANDBOX_YES        },
	{SYS_ftruncate,       SANDBOX_YES        },
	{SYS_memfd_create,    SANDBOX_SPOOLS     },
	{SYS_unlinkat,        SANDBOX_REMOVES    },
	{SYS_connect,         SANDBOX_YES        },
	{SYS_setsockopt,      SANDBOX_YES        },
	{SYS_getsockopt,      SANDBOX_YES        },
	{SYS_getsockname,     SANDBOX_YES        },
	{SYS_ppoll,           SANDBOX_YES        },
	{SYS_signalfd4,       SANDBOX_YES        },
	{SYS_rt_sigaction,    SANDBOX_YES        },
	{SYS_rt_sigprocmask,  SANDBOX_YES        },
	{SYS_rt_sigreturn,    SANDBOX_YES        },
	{SYS_restart_syscall, SANDBOX_YES        },
	{SYS_tkill,           SANDBOX_OURSELVES  },
	{SYS_futex,           SANDBOX_YES        },
	{SYS_clock_gettime,   SANDBOX_YES        },
	{SYS_getrandom,       SANDBOX_YES        },
	{SYS_getpid,          SANDBOX_YES        },
	{SYS_gettid,          SANDBOX_YES        },
	{SYS_exit,            SANDBOX_YES        },
	{SYS_exit_group,      SANDBOX_YES        },
	{SYS_execve,          SANDBOX_KILLS      },
	{SYS_execveat,        SANDBOX_KILLS      },
	{SYS_clone,           SANDBOX_KILLS      },
	{SYS_clone3,          SANDBOX_KILLS      },
	{SYS_ptrace,          SANDBOX_KILLS      },
};

/* struct sock_filter. */
struct step {
	uint16_t code;
	uint8_t yes, no; /* steps to pass over */
	uint32_t k;
};

/* The whole filter has to be shorter than this; a test of each rule runs in the kernel. */
#define STEPS_MAX 256

struct filter {
	size_t n;
	struct step steps[STEPS_MAX];
};

static void
add(struct filter *f, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	if (f->n < STEPS_MAX)
		f->steps[f->n] = (struct step){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
	f->n++;
}

static void
allow(struct filter *f)
{
	add(f, RETURN, OUT_ALLOW, 0, 0);
}

static void
load(struct filter *f, unsigned argument)
{
	add(f, LOAD, AT_ARGUMENT(argument), 0, 0);
}

/* Flags are argument `at` of open or openat. */
static void
add_open(struct filter *f, const struct sandbox_needs *needs, unsigned at)
{
	load(f, at);
	add(f, IF_ANY_BIT, WRITING, 1, 0);
	allow(f);
	/* open has no folder to start from. */
	if (at == 1)
		return;
	if (needs->letters != -1) {
		add(f, AND, O_CREAT | O_EXCL | O_TRUNC, 0, 0);
		add(f, IF_EQUAL, O_CREAT | O_EXCL, 0, 3);
		load(f, 0);
		add(f, IF_EQUAL, (uint32_t)needs->letters, 0, 1);
		allow(f);
	}
	if (needs->spool_folder != NULL) {
		load(f, at);
		add(f, IF_ANY_BIT, TMPFILE_BIT, 0, 1);
		allow(f);
	}
}

static void
add_socket(struct filter *f)
{
	load(f, 0);
	add(f, IF_EQUAL, AF_INET, 1, 0);
	add(f, IF_EQUAL, AF_INET6, 0, 4);
	load(f, 1);
	add(f, AND, 0xf, 0, 0);
	add(f, IF_ABOVE, SOCK_DGRAM, 1, 0);
	allow(f);
}

/* What follows "is it this call?": falls through to EPERM where the rule doesn't hold. */
static void
add_rule(struct filter *f, const struct sandbox_needs *needs, enum sandbox_rule rule)
{
	switch (rule) {
	case SANDBOX_YES:
		allow(f);
		break;
	case SANDBOX_KILLS:
		add(f, RETURN, OUT_KILL, 0, 0);
		break;
	case SANDBOX_OPEN:
		add_open(f, needs, 1);
		break;
	case SANDBOX_OPENAT:
		add_open(f, needs, 2);
		break;
	case SANDBOX_INTERNET:
		add_socket(f);
		break;
	case SANDBOX_MEMORY:
		load(f, 2);
		add(f, IF_ANY_BIT, PROT_EXEC, 1, 0);
		allow(f);
		break;
	case SANDBOX_WINDOW_SIZE:
		load(f, 1);
		add(f, IF_EQUAL, TIOCGWINSZ_NUMBER, 1, 0);
		add(f, IF_EQUAL, SIOCGIFINDEX_NUMBER, 0, 1); /* of a link-local name server */
		allow(f);
		break;
	case SANDBOX_OURSELVES:
		load(f, 0);
		add(f, IF_EQUAL, (uint32_t)getpid(), 0, 1);
		allow(f);
		break;
	case SANDBOX_SPOOLS:
		if (needs->spool_folder != NULL)
			allow(f);
		break;
	case SANDBOX_REMOVES:
		if (needs->removes_folder != NULL)
			allow(f);
		break;
	}
}

static void
add_call(struct filter *f, const struct sandbox_needs *needs, const struct sandbox_call *call)
{
	size_t at = f->n;

	add(f, IF_EQUAL, call->number, 0, 0);
	add_rule(f, needs, call->rule);
	if (call->rule > SANDBOX_KILLS)
		add(f, RETURN, OUT_EPERM, 0, 0);
	if (at < STEPS_MAX)
		f->steps[at].no = (uint8_t)(f->n - at - 1);
}

static void
make_filter(struct filter *f, const struct sandbox_needs *needs)
{
	size_t i;

	add(f, LOAD, AT_ARCH, 0, 0);
	add(f, IF_EQUAL, sandbox_arch, 1, 0);
	add(f, RETURN, OUT_KILL, 0, 0);
	add(f, LOAD, AT_NUMBER, 0, 0);
	for (i = 0; i < sandbox_own_calls_n; i++)
		add_call(f, needs, &sandbox_own_calls[i]);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		add_call(f, needs, &calls[i]);
	/* Numbers of another ABI and tracers' -1 among them. */
	add(f, RETURN, OUT_EPERM, 0, 0);
}

/* struct landlock_path_beneath_attr. */
struct beneath {
	uint64_t rights;
	int32_t parent;
} __attribute__((packed));

static int
add_rights(int rules, int parent, unsigned rights)
{
	struct beneath rule = {rights, parent};

	return (int)syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_PATH_BENEATH, &rule, 0);
}

/* Rights for a path and what is below it. 1: it isn't there, and can't be used either. */
static int
grant(int rules, const char *path, unsigned rights)
{
	int fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC), result;

	if (fd == -1)
		return 1;
	result = add_rights(rules, fd, rights);
	(void)close(fd);
	return result;
}

/* Roots: a file, or a folder, whose files may be links to anywhere (Debian's /etc/ssl/certs). */
static int
grant_roots(int rules, const char *path)
{
	int fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC), result;

	if (fd == -1)
		return 1;
	result = add_rights(rules, fd, FS_READ_FILE | FS_READ_DIR);
	if (result == 0)
		result = grant(rules, "/", FS_READ_FILE);
	else if (errno == EINVAL)
		result = add_rights(rules, fd, FS_READ_FILE);
	(void)close(fd);
	return result;
}

static int
fill_rules(int rules, const struct sandbox_needs *needs)
{
	size_t i;

	if (needs->roots != NULL && grant_roots(rules, needs->roots) == -1)
		return -1;
	for (i = 0; i < sizeof(needs->readable) / sizeof(needs->readable[0]); i++) {
		if (needs->readable[i] != NULL &&
			grant(rules, needs->readable[i], FS_READ_FILE) == -1)
			return -1;
	}
	if (needs->spool_folder != NULL &&
		grant(rules, needs->spool_folder, FS_READ_FILE | FS_WRITE_FILE | FS_MAKE_REG) == -1)
		return -1;
	if (needs->letters != -1 &&
		add_rights(rules, needs->letters, FS_WRITE_FILE | FS_MAKE_REG) == -1)
		return -1;
	if (needs->removes_folder != NULL &&
		grant(rules, needs->removes_folder, FS_REMOVE_FILE) == -1)
		return -1;
	return 0;
}

/* Files by Landlock, where the kernel has it: the filter can't look at a path. */
static int
bound_files(const struct sandbox_needs *needs)
{
	uint64_t handled = FS_ALL;
	int rules = (int)syscall(LANDLOCK_CREATE_RULESET, &handled, sizeof(handled), 0), result;

	if (rules == -1)
		return 0;
	result = fill_rules(rules, needs);
	if (result == 0)
		result = (int)syscall(LANDLOCK_RESTRICT_SELF, rules, 0);
	(void)close(rules);
	return result;
}

int
sandbox_enter(const struct sandbox_needs *needs, struct err *e)
{
	struct filter filter = {.n = 0};
	struct {
		unsigned short n; /* struct sock_fprog */
		struct step *steps;
	} program;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || bound_files(needs) == -1)
		return err_errno(e, ERR_SYSTEM, "cannot enter the sandbox (sandbox = no)");
	make_filter(&filter, needs);
	if (filter.n > STEPS_MAX)
		return err_set(e, ERR_FAULT, "the sandbox's filter is too long");
	program.n = (unsigned short)filter.n;
	program.steps = filter.steps;
	if (prctl(PR_SET_SECCOMP, MODE_FILTER, &program, 0, 0) == 0)
		return 0;
	return err_errno(e, ERR_SYSTEM,
		"cannot enter the sandbox: no filter of system calls by this kernel; to send "
		"without one say sandbox = no");
}
