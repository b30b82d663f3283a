/* SPDX-License-Identifier: ISC */
/* fuzz.h: what the targets share: a world in memory, and references written another way. */
#ifndef MAILCHUTE_FUZZ_H
#define MAILCHUTE_FUZZ_H

#include "text.h"
#include "world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target's invariant. */
#define must(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* Input under way: options first, in bytes that print ('0' is none), then the text. */
struct fuzz_input {
	const char *at;
	size_t n;
};
unsigned fuzz_option(struct fuzz_input *in);

/* Takes the text up to a form feed, or all of it. */
struct fuzz_input fuzz_part(struct fuzz_input *in);

/*
 * Files in memory, by the descriptor that open() gives; at most `piece` bytes a read (0: any
 * number). FUZZ_STDIN is descriptor 0. What is written is kept in fuzz_written.
 */
enum { FUZZ_STDIN, FUZZ_FILE, FUZZ_HOSTS, FUZZ_SETUP, FUZZ_FILES };
#define FUZZ_PATH "/file"
void fuzz_file(int which, const char *data, size_t n, size_t piece);
int fuzz_descriptor(int which);

struct fuzz_bytes {
	size_t n;
	char at[1 << 18];
};
extern struct fuzz_bytes fuzz_written;
extern const char *fuzz_place; /* in the file, of the last pwrite */

/* What time() says. */
extern const time_t fuzz_now;

/* The n-th allocation from here fails, and all that follow; 0: none does. */
extern size_t fuzz_memory;

/* A process without a name, a home or an environment but for NAME=value. */
extern const struct world fuzz_world;

/*
 * A server in memory: it says a part of `script` (form feeds separate them) each time when it was
 * spoken to. What it was told is in fuzz_sent; fuzz_heard is how much of the script was read.
 */
void fuzz_server(struct fuzz_input script, size_t piece, bool eager);
extern struct fuzz_bytes fuzz_sent;
extern struct fuzz_bytes fuzz_said; /* what of the script was received, without what parts it */
extern size_t fuzz_heard;

/* The script is one of name servers: a length of two bytes, a reply, and so on. */
extern bool fuzz_has_name_servers;
extern unsigned fuzz_connections;

/* Line ends as SMTP wants them, NULs dropped, the last line ended. Returns the bytes. */
size_t fuzz_lines(const char *s, size_t n, char *out);

/* True for text that SMTP can carry: CRLF alone ends lines, the last one too. */
bool fuzz_is_smtp(const char *s, size_t n);
bool fuzz_has_control(const char *s, size_t n);

/* True where the n bytes at s hold the word, whatever its case. */
bool fuzz_holds(const char *s, size_t n, const char *word);

#endif
