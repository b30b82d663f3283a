/* SPDX-License-Identifier: ISC */
/* dead.h: a message that could not be sent, as a file: written, read again, settled. Sends nothing. */
#ifndef MAILCHUTE_DEAD_H
#define MAILCHUTE_DEAD_H

#include "envelope.h"
#include "err.h"
#include "message.h"
#include "spool.h"
#include "transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The form of a letter: the line DEAD_MAGIC, lines "Key: value", the line DEAD_MARKER, then the
 * message as it would have left. What is ours comes first and ends at the marker, so that nothing in
 * a message can pass for it. A recipient's line begins with a word for what is known of him, which is
 * replaced in place.
 */
#define DEAD_MAGIC     "Mailchute-Letter: 1"
#define DEAD_MARKER    "--- the message ---"
#define DEAD_WORD_LEN  7
#define DEAD_LINE_SIZE (5 * ADDR_SIZE)

enum dead_state { DEAD_WAITING, DEAD_REFUSED, DEAD_UNKNOWN, DEAD_SENT, DEAD_STATES };

extern const char dead_words[DEAD_STATES][DEAD_WORD_LEN + 1];

enum dead_state dead_state_of(const struct rcpt *r);

/* The longest name of a letter's file, NUL included. */
#define DEAD_NAME_SIZE 64

/* What is kept of a message. */
struct dead_content {
	const struct envelope *envelope; /* those who haven't got it, and weren't told so before */
	struct message *message;         /* edited and counted */
	const struct transaction_mail *mail;
	const char *section; /* of the profile */
	const char *reason;  /* one line */
	bool seven_bit;      /* -B 7BIT */
};

/* True where there is somebody to keep the message for. */
bool dead_is_for_somebody(const struct envelope *env);

/* Opens the folder for letters (O_PATH does where it can't be listed). -1: ERR_SYSTEM. */
int dead_open(const char *folder, struct err *e);

/*
 * Writes a new file into the folder: mode 0600, the bytes of the message as they would have left,
 * fsynced. name gets its name, DEAD_NAME_SIZE bytes. -1: ERR_SYSTEM, or ERR_INPUT where the
 * message can't be read again; the file is empty then.
 */
int dead_write(int folder, const struct dead_content *c, char *name, struct err *e);

/* A letter that was read. */
struct dead_letter {
	int fd;                    /* open for writing, locked */
	struct envelope *envelope; /* the caller's: all but those it was sent to; RCPT_OPEN */
	enum dead_state *states;   /* of these, as the file has them */
	uint64_t *places;          /* and where in the file */
	size_t size;               /* of both arrays */
	char section[64];
	char ret[8], envid[128], notify[64];
	bool utf8, seven_bit;
};

/*
 * Opens, locks and reads a letter: a regular file of this user's that nobody else may write. Errors:
 * ERR_DATA where it is none, is not whole, or is under way elsewhere; ERR_SYSTEM. The caller
 * closes it in any case. envelope (empty, it outlives d): becomes the letter's; spool: becomes the
 * message, read in place.
 */
int dead_read(struct dead_letter *d, struct envelope *envelope, struct spool *spool,
	const char *path, uid_t owner, struct err *e);

/* How many of its recipients are in this state. */
size_t dead_count(const struct dead_letter *d, enum dead_state state);

/* Before a commit window opens: whatever becomes of us, the file says that nobody knows. */
int dead_doubt(struct dead_letter *d, struct err *e);

/*
 * Writes down what became of each recipient; one whose fate wasn't known stays unknown unless it
 * was sent now. True where nobody is left.
 */
bool dead_settle(struct dead_letter *d, struct err *e);

/* Removes the file, if it is still the one that was read. -1: ERR_SYSTEM. */
int dead_remove(const struct dead_letter *d, const char *path, struct err *e);

void dead_close(struct dead_letter *d);

#endif
