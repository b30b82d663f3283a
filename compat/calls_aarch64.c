/* SPDX-License-Identifier: ISC */
/* calls_aarch64.c: what a message needs of the kernel, once it is read and all is opened: 64-bit ARM. */
#include "sandbox.h"

#include <sys/syscall.h>

/* AUDIT_ARCH_AARCH64: EM_AARCH64, 64 bits, little-endian. */
const unsigned sandbox_arch = 0xc00000b7;

/* The most frequent first: the kernel goes through them one by one. */
const struct sandbox_call sandbox_calls[] = {
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

const size_t sandbox_calls_n = sizeof(sandbox_calls) / sizeof(sandbox_calls[0]);
