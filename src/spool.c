/* SPDX-License-Identifier: ISC */
/* spool.c: the message's bytes as they came, rewindable. Knows nothing of what they mean. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void
spool_init(struct spool *s)
{
	s->size = 0;
	s->memory = NULL;
	s->in_memory = 0;
	s->fd = -1;
	s->fd_is_ours = false;
	s->fd_offset = 0;
	s->window_len = 0;
}

void
spool_skip(struct spool *s, uint64_t n)
{
	s->fd_offset += (int64_t)n;
	s->size -= n;
	s->window_len = 0;
}

void
spool_close(struct spool *s)
{
	if (s->memory != NULL)
		(void)munmap(s->memory, SPOOL_MEMORY);
	if (s->fd_is_ours)
		(void)close(s->fd);
	spool_init(s);
}

static ssize_t
read_some(int fd, char *buf, size_t size)
{
	ssize_t got;

	/* Somebody who shares the descriptor may have made it non-blocking. */
	while ((got = read(fd, buf, size)) == -1 && (errno == EINTR || errno == EAGAIN)) {
		if (errno == EAGAIN)
			(void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
	}
	return got;
}

static int
write_all(int fd, const char *buf, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, buf, n);
		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return -1;
		buf += done;
		n -= (size_t)done;
	}
	return 0;
}

/* A file that has no name and goes with the process; where no folder bears one, memory. */
static int
open_unnamed(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd != -1 ? fd : memfd_create("mailchute", MFD_CLOEXEC);
}

static int
open_memory(struct spool *s, struct err *e)
{
	s->memory = mmap(
		NULL, SPOOL_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->memory != MAP_FAILED)
		return 0;
	s->memory = NULL;
	(void)err_errno(e, ERR_SYSTEM, "no memory for the message");
	return -1;
}

/* What doesn't fit into memory any more. */
static int
add_to_file(struct spool *s, const char *data, size_t n, const char *folder, struct err *e)
{
	if (s->fd == -1) {
		s->fd = open_unnamed(folder);
		if (s->fd == -1)
			return err_errno(e, ERR_SYSTEM, "no room for a message over %d KiB",
				SPOOL_MEMORY / 1024);
		s->fd_is_ours = true;
	}
	if (write_all(s->fd, data, n) == -1)
		return err_errno(e, ERR_SYSTEM, "cannot keep the message (TMPDIR: %s)", folder);
	s->size += n;
	return 0;
}

int
spool_add(struct spool *s, const char *data, size_t n, const char *folder, struct err *e)
{
	size_t part = SPOOL_MEMORY - (size_t)s->in_memory;

	if (s->memory == NULL && open_memory(s, e) == -1)
		return -1;
	if (part > n)
		part = n;
	memcpy(s->memory + s->in_memory, data, part);
	s->in_memory += part;
	s->size += part;
	return part == n ? 0 : add_to_file(s, data + part, n - part, folder, e);
}

/* A terminal gives a line at a time: is this one a lone dot? */
static bool
is_lone_dot(const char *line, ssize_t n, bool at_start)
{
	return at_start && n == 2 && line[0] == '.' && line[1] == '\n';
}

/* Straight into memory as long as it lasts, then by way of the window. */
static int
fill_from(struct spool *s, int fd, const char *folder, bool dot_stops, struct err *e)
{
	bool at_start = true;
	ssize_t got;
	char *to;

	if (open_memory(s, e) == -1)
		return -1;
	for (;;) {
		bool in_memory = s->in_memory < SPOOL_MEMORY;

		to = in_memory ? s->memory + s->in_memory : s->window;
		got = read_some(
			fd, to, in_memory ? SPOOL_MEMORY - s->in_memory : sizeof(s->window));
		if (got == -1)
			return err_errno(e, ERR_INPUT, "cannot read the message");
		if (got == 0 || (dot_stops && is_lone_dot(to, got, at_start)))
			return 0;
		at_start = to[got - 1] == '\n';
		if (in_memory) {
			s->in_memory += (uint64_t)got;
			s->size += (uint64_t)got;
		} else if (add_to_file(s, to, (size_t)got, folder, e) == -1)
			return -1;
	}
}

/* What stands behind is as if it had never been read. */
static void
cut(struct spool *s, uint64_t size)
{
	s->size = size;
	if (s->in_memory > size)
		s->in_memory = size;
	s->window_len = 0;
}

/* Cuts the spool before the first line that is a lone dot. */
static int
cut_at_dot(struct spool *s, struct err *e)
{
	uint64_t at = 0, line = 0;
	unsigned seen =
		0; /* bytes of the line so far: 1 is the dot, 2 a CR behind it, 9 another line */
	const char *data;
	long n, i;

	while ((n = spool_view(s, at, &data, e)) > 0) {
		for (i = 0; i < n; i++) {
			if (data[i] == '\n' && (seen == 1 || seen == 2)) {
				cut(s, line);
				return 0;
			}
			if (data[i] == '\n') {
				line = at + (uint64_t)i + 1;
				seen = 0;
			} else if (seen == 0 && data[i] == '.')
				seen = 1;
			else
				seen = seen == 1 && data[i] == '\r' ? 2 : 9;
		}
		at += (uint64_t)n;
	}
	if (n == 0 && (seen == 1 || seen == 2))
		cut(s, line);
	return n == 0 ? 0 : -1;
}

int
spool_fill(struct spool *s, int fd, const char *folder, bool dot_ends, struct err *e)
{
	struct stat st;
	off_t at;

	/* Who took a file for a pipe would have it in memory, where spool_skip takes nothing away. */
	if (fstat(fd, &st) == -1)
		return err_errno(e, ERR_INPUT, "cannot read the message");
	if (S_ISREG(st.st_mode)) {
		at = lseek(fd, 0, SEEK_CUR);
		if (at == -1)
			return err_errno(e, ERR_INPUT, "cannot read the message");
		s->fd = fd;
		s->fd_offset = at;
		s->size = st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	} else if (fill_from(s, fd, folder, dot_ends && isatty(fd), e) == -1)
		return -1;
	return dot_ends ? cut_at_dot(s, e) : 0;
}

long
spool_view(struct spool *s, uint64_t offset, const char **at, struct err *e)
{
	ssize_t got;
	uint64_t want;

	if (offset >= s->size)
		return 0;
	if (offset < s->in_memory) {
		*at = s->memory + offset;
		return (long)(s->in_memory - offset);
	}
	if (s->window_len == 0 || offset < s->window_at || offset >= s->window_at + s->window_len) {
		want = s->size - offset < sizeof(s->window) ? s->size - offset : sizeof(s->window);
		s->window_at = offset;
		s->window_len = 0;
		do
			got = pread(s->fd, s->window, (size_t)want,
				s->fd_offset + (off_t)(offset - s->in_memory));
		while (got == -1 && errno == EINTR);
		if (got == -1) {
			(void)err_errno(e, ERR_INPUT, "cannot read the message again");
			return -1;
		}
		if (got == 0) {
			(void)err_set(e, ERR_INPUT, "the message became shorter while it was read");
			return -1;
		}
		s->window_len = (size_t)got;
	}
	*at = s->window + (offset - s->window_at);
	return (long)(s->window_len - (size_t)(offset - s->window_at));
}
