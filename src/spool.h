/* SPDX-License-Identifier: ISC */
/* spool.h: the message's bytes as they came, rewindable. Knows nothing of what they mean. */
#ifndef MAILCHUTE_SPOOL_H
#define MAILCHUTE_SPOOL_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes kept in memory; what comes after them goes to a file without a name. */
#define SPOOL_MEMORY (128 * 1024)
#define SPOOL_WINDOW (16 * 1024)

/*
 * A sequence of bytes of known size. A regular file is not copied: it is read in place, from the
 * offset at which we were given it to the size it had then.
 */
struct spool {
	uint64_t size;
	char *memory;       /* the first bytes; NULL: none are in memory */
	uint64_t in_memory; /* how many */
	int fd;             /* the rest; -1: nothing more */
	bool fd_is_ours;
	int64_t fd_offset; /* of the byte behind those in memory */
	uint64_t window_at;
	size_t window_len;
	char window[SPOOL_WINDOW];
};

/* An empty spool. */
void spool_init(struct spool *s);

/*
 * Reads fd to its end. dot_ends: a line with a lone dot ends it too, and on a terminal reading
 * stops there. folder: where an unnamed file may be made, absolute. Errors: ERR_INPUT where
 * fd can't be read, ERR_SYSTEM where the bytes can't be kept.
 */
int spool_fill(struct spool *s, int fd, const char *folder, bool dot_ends, struct err *e);

/* Adds bytes to a spool that isn't a file's in place; begin with spool_init. Error: ERR_SYSTEM. */
int spool_add(struct spool *s, const char *data, size_t n, const char *folder, struct err *e);

/*
 * Bytes from offset on: at least one, as many as lie together. 0: offset is the end. -1: error
 * (ERR_INPUT where a file has become shorter). *at is good until the next call.
 */
long spool_view(struct spool *s, uint64_t offset, const char **at, struct err *e);

/* The first n bytes of a file that is read in place are none of the spool's any more. */
void spool_skip(struct spool *s, uint64_t n);

void spool_close(struct spool *s);

#endif
