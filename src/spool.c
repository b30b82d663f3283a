/* SPDX-License-Identifier: ISC */
/* spool.c: the message's bytes as they came, rewindable. Knows nothing of what they mean. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
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

	do
		got = read(fd, buf, size);
	while (got == -1 && errno == EINTR);
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
fill_memory(struct spool *s, int fd, struct err *e)
{
	ssize_t got;

	s->memory = mmap(
		NULL, SPOOL_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->memory == MAP_FAILED) {
		s->memory = NULL;
		return err_errno(e, ERR_SYSTEM, "no memory for the message");
	}
	while (s->in_memory < SPOOL_MEMORY) {
		got = read_some(fd, s->memory + s->in_memory, SPOOL_MEMORY - s->in_memory);
		if (got == -1)
			return err_errno(e, ERR_INPUT, "cannot read the message");
		if (got == 0)
			break;
		s->in_memory += (uint64_t)got;
	}
	s->size = s->in_memory;
	return 0;
}

static int
fill_file(struct spool *s, int fd, const char *folder, struct err *e)
{
	ssize_t got = read_some(fd, s->window, sizeof(s->window));

	if (got > 0) {
		s->fd = open_unnamed(folder);
		if (s->fd == -1)
			return err_errno(e, ERR_SYSTEM, "no room for a message over %d KiB",
				SPOOL_MEMORY / 1024);
		s->fd_is_ours = true;
	}
	for (; got > 0; got = read_some(fd, s->window, sizeof(s->window))) {
		if (write_all(s->fd, s->window, (size_t)got) == -1)
			return err_errno(e, ERR_SYSTEM, "cannot keep the message");
		s->size += (uint64_t)got;
	}
	if (got == -1)
		return err_errno(e, ERR_INPUT, "cannot read the message");
	return 0;
}

int
spool_fill(struct spool *s, int fd, const char *folder, struct err *e)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		at = lseek(fd, 0, SEEK_CUR);
		if (at == -1)
			return err_errno(e, ERR_INPUT, "cannot read the message");
		s->fd = fd;
		s->fd_offset = at;
		s->size = st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
		return 0;
	}
	if (fill_memory(s, fd, e) == -1)
		return -1;
	return s->in_memory < SPOOL_MEMORY ? 0 : fill_file(s, fd, folder, e);
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
		if (got == -1)
			return err_errno(e, ERR_INPUT, "cannot read the message again");
		if (got == 0)
			return err_set(e, ERR_INPUT, "the message became shorter while it was read");
		s->window_len = (size_t)got;
	}
	*at = s->window + (offset - s->window_at);
	return (long)(s->window_len - (size_t)(offset - s->window_at));
}
