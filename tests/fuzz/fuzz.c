/* SPDX-License-Identifier: ISC */
/* fuzz.c: files, memory, time and chance for the targets, without a system call. */
#include "fuzz.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FIRST_DESCRIPTOR 1000

static struct {
	const char *data;
	size_t n, at, piece;
} files[FUZZ_FILES];

struct fuzz_bytes fuzz_written;
const char *fuzz_place;
size_t fuzz_memory;

void
fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: must be: %s\n", file, line, condition);
	__builtin_trap();
}

unsigned
fuzz_option(struct fuzz_input *in)
{
	unsigned value = 0;

	if (in->n > 0) {
		value = (unsigned char)*in->at - (unsigned)'0';
		in->at++;
		in->n--;
	}
	return value & 0xff;
}

struct fuzz_input
fuzz_part(struct fuzz_input *in)
{
	const char *end = in->n > 0 ? memchr(in->at, '\f', in->n) : NULL;
	struct fuzz_input part = {in->at, end != NULL ? (size_t)(end - in->at) : in->n};

	in->at += part.n + (end != NULL);
	in->n -= part.n + (end != NULL);
	return part;
}

void
fuzz_file(int which, const char *data, size_t n, size_t piece)
{
	files[which].data = data;
	files[which].n = n;
	files[which].at = 0;
	files[which].piece = piece > 0 ? piece : n + 1;
}

int
fuzz_descriptor(int which)
{
	return which == FUZZ_STDIN ? STDIN_FILENO : FIRST_DESCRIPTOR + which;
}

static int
which_file(int fd)
{
	int which = fd == STDIN_FILENO ? FUZZ_STDIN : fd - FIRST_DESCRIPTOR;

	must(which >= 0 && which < FUZZ_FILES);
	return which;
}

/* objcopy puts these in the place of libc's, in our own objects alone. */
int fuzz_open(const char *path, int flags, ...);
int fuzz_openat(int folder, const char *path, int flags, ...);
int fuzz_close(int fd);
ssize_t fuzz_read(int fd, void *buf, size_t n);
ssize_t fuzz_pread(int fd, void *buf, size_t n, off_t at);
ssize_t fuzz_write(int fd, const void *buf, size_t n);
ssize_t fuzz_pwrite(int fd, const void *buf, size_t n, off_t at);
off_t fuzz_lseek(int fd, off_t at, int from);
int fuzz_flock(int fd, int what);
int fuzz_fdatasync(int fd);
int fuzz_fsync(int fd);
int fuzz_ftruncate(int fd, off_t n);
int fuzz_fstat(int fd, struct stat *st);
int fuzz_lstat(const char *path, struct stat *st);
int fuzz_stat(const char *path, struct stat *st);
ssize_t fuzz_getrandom(void *buf, size_t n, unsigned flags);
time_t fuzz_time(time_t *t);
void fuzz_br_hmac_init(br_hmac_context *ctx, const br_hmac_key_context *key, size_t n);
void fuzz_br_hmac_update(br_hmac_context *ctx, const void *data, size_t n);
size_t fuzz_br_hmac_out(const br_hmac_context *ctx, void *out);
void *fuzz_malloc(size_t n);
void *fuzz_calloc(size_t n, size_t size);
void *fuzz_realloc(void *p, size_t n);

int
fuzz_open(const char *path, int flags, ...)
{
	static const struct {
		const char *path;
		int which;
	} paths[] = {
		{FUZZ_PATH,                     FUZZ_FILE },
                {"/home/.config/mailchute.ini", FUZZ_FILE },
		{"/etc/hosts",                  FUZZ_HOSTS},
                {"/etc/resolv.conf",            FUZZ_SETUP}
        };
	size_t i;

	(void)flags;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(path, paths[i].path) == 0 && files[paths[i].which].data != NULL) {
			files[paths[i].which].at = 0;
			return FIRST_DESCRIPTOR + paths[i].which;
		}
	}
	errno = ENOENT;
	return -1;
}

int
fuzz_openat(int folder, const char *path, int flags, ...)
{
	(void)folder;
	/* What is written into a new file is in fuzz_written. */
	return (flags & O_CREAT) != 0 ? FIRST_DESCRIPTOR + FUZZ_FILE : fuzz_open(path, flags);
}

int
fuzz_close(int fd)
{
	(void)fd;
	return 0;
}

ssize_t
fuzz_read(int fd, void *buf, size_t n)
{
	int which = which_file(fd);
	size_t left = files[which].n - files[which].at;

	if (n > files[which].piece)
		n = files[which].piece;
	if (n > left)
		n = left;
	if (n > 0)
		memcpy(buf, files[which].data + files[which].at, n);
	files[which].at += n;
	return (ssize_t)n;
}

ssize_t
fuzz_pread(int fd, void *buf, size_t n, off_t at)
{
	int which = which_file(fd);

	if ((size_t)at > files[which].n)
		return 0;
	files[which].at = (size_t)at;
	return fuzz_read(fd, buf, n);
}

ssize_t
fuzz_write(int fd, const void *buf, size_t n)
{
	(void)fd;
	if (n > sizeof(fuzz_written.at) - fuzz_written.n) {
		errno = EPIPE;
		return -1;
	}
	memcpy(fuzz_written.at + fuzz_written.n, buf, n);
	fuzz_written.n += n;
	return (ssize_t)n;
}

/* Nothing is changed: the target looks at what would have been, and where. */
ssize_t
fuzz_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	int which = which_file(fd);

	must(at >= 0 && (size_t)at + n <= files[which].n);
	fuzz_place = files[which].data + at;
	return fuzz_write(fd, buf, n);
}

off_t
fuzz_lseek(int fd, off_t at, int from)
{
	(void)fd;
	(void)from;
	return at;
}

int
fuzz_flock(int fd, int what)
{
	(void)fd;
	(void)what;
	return 0;
}

int
fuzz_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
fuzz_fsync(int fd)
{
	return fuzz_fdatasync(fd);
}

int
fuzz_ftruncate(int fd, off_t n)
{
	(void)n;
	return fuzz_fdatasync(fd);
}

int
fuzz_fstat(int fd, struct stat *st)
{
	*st = (struct stat){.st_mode = S_IFREG | 0600,
		.st_nlink = 1,
		.st_size = (off_t)files[which_file(fd)].n};
	return 0;
}

int
fuzz_lstat(const char *path, struct stat *st)
{
	(void)path;
	(void)st;
	errno = ENOENT;
	return -1;
}

int
fuzz_stat(const char *path, struct stat *st)
{
	return fuzz_lstat(path, st);
}

ssize_t
fuzz_getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	memset(buf, 0, n);
	return (ssize_t)n;
}

/* Within the validity of what is in the corpora. */
const time_t fuzz_now = 1800000000;

time_t
fuzz_time(time_t *t)
{
	if (t != NULL)
		*t = fuzz_now;
	return fuzz_now;
}

/* BearSSL's HMAC is proved elsewhere, and SCRAM's 4096 turns of it would leave few runs. */
static uint32_t sum;

void
fuzz_br_hmac_init(br_hmac_context *ctx, const br_hmac_key_context *key, size_t n)
{
	(void)n;
	ctx->out_len = key->dig_vtable->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
	sum = 2166136261U;
}

void
fuzz_br_hmac_update(br_hmac_context *ctx, const void *data, size_t n)
{
	const unsigned char *at = data;

	(void)ctx;
	if (n > 0)
		sum = (sum ^ at[0] ^ (uint32_t)n ^ at[n - 1]) * 16777619U;
}

size_t
fuzz_br_hmac_out(const br_hmac_context *ctx, void *out)
{
	memset(out, (int)(sum >> 24), ctx->out_len);
	return ctx->out_len;
}

static bool
memory_is_out(void)
{
	return fuzz_memory > 0 && (fuzz_memory == 1 || --fuzz_memory == 0);
}

void *
fuzz_malloc(size_t n)
{
	return memory_is_out() ? NULL : malloc(n);
}

void *
fuzz_calloc(size_t n, size_t size)
{
	return memory_is_out() ? NULL : calloc(n, size);
}

void *
fuzz_realloc(void *p, size_t n)
{
	return memory_is_out() ? NULL : realloc(p, n);
}

static const char *
variable(const struct world *w, const char *name)
{
	(void)w;
	return strcmp(name, "NAME") == 0 ? "value" : NULL;
}

static const char *
login(const struct world *w)
{
	(void)w;
	return "alice";
}

static const char *
full_name(const struct world *w)
{
	(void)w;
	return "";
}

static const char *
nothing(const struct world *w)
{
	(void)w;
	return NULL;
}

const struct world fuzz_world = {.uid = 0,
	.euid = 0,
	.system_path = FUZZ_PATH,
	.spool_folder = "/",
	.host_name = "client.test",
	.variable = variable,
	.login = login,
	.full_name = full_name,
	.home = nothing};

size_t
fuzz_lines(const char *s, size_t n, char *out)
{
	size_t i, k, len = 0, bytes = 0;
	char *plain = malloc(n + 3);

	must(plain != NULL);
	for (i = 0; i < n; i++) {
		if (s[i] != '\0')
			plain[len++] = s[i];
	}
	memset(plain + len, 0, 3);
	for (i = 0; i < len; i += k) {
		k = strncmp(plain + i, "\r\r\n", 3) == 0 ? 3
		    : strncmp(plain + i, "\r\n", 2) == 0 ? 2
							 : 1;
		if (plain[i] == '\r' || plain[i] == '\n') {
			out[bytes++] = '\r';
			out[bytes++] = '\n';
		} else
			out[bytes++] = plain[i];
	}
	if (bytes > 0 && out[bytes - 1] != '\n') {
		out[bytes++] = '\r';
		out[bytes++] = '\n';
	}
	free(plain);
	return bytes;
}

bool
fuzz_is_smtp(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\0' || (s[i] == '\n' && (i == 0 || s[i - 1] != '\r')) ||
			(s[i] == '\r' && (i + 1 == n || s[i + 1] != '\n')))
			return false;
	}
	return n == 0 || s[n - 1] == '\n';
}

bool
fuzz_has_control(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 32 || s[i] == 127)
			return true;
	}
	return false;
}

bool
fuzz_holds(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word), i;

	for (i = 0; i + len <= n; i++) {
		if (strncasecmp(s + i, word, len) == 0)
			return true;
	}
	return false;
}
