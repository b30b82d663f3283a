/* SPDX-License-Identifier: ISC */
/* dead_file.c: a letter read again, and what became of each recipient written down in it. */
#include "dead.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A letter that is being read, line by line. */
struct reading {
	struct dead_letter *d;
	struct spool *spool;
	uint64_t at;   /* behind the line */
	uint64_t line; /* where it begins */
	uint64_t size; /* of the message, as the head has it */
	bool has_size, has_from;
	bool skipping; /* the last recipient has the message */
	char text[DEAD_LINE_SIZE];
};

/* The next line without its end. -1: there is none, or it is too long, or holds a control. */
static int
next_line(struct reading *r, struct err *e)
{
	const char *data, *end;
	size_t len = 0, n, i;
	long got;

	r->line = r->at;
	for (end = NULL; end == NULL; len += n, r->at += n) {
		got = spool_view(r->spool, r->at, &data, e);
		if (got <= 0)
			return -1;
		n = (size_t)got;
		end = memchr(data, '\n', n);
		if (end != NULL)
			n = (size_t)(end - data) + 1;
		if (n > sizeof(r->text) - len)
			return -1;
		memcpy(r->text + len, data, n);
	}
	r->text[len - 1] = '\0';
	for (i = 0; i + 1 < len; i++) {
		if (text_is_control(r->text[i]))
			return -1;
	}
	return 0;
}

/* What follows "KEY: " of the line, or NULL. */
static const char *
value_of(const struct reading *r, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(r->text, key, n) != 0 || r->text[n] != ':' || r->text[n + 1] != ' ')
		return NULL;
	return r->text + n + 2;
}

static int
take_from(struct reading *r, const char *value, struct err *e)
{
	struct addr_box box;

	if (addr_one(value, "From", &box, e) == -1)
		return -1;
	(void)text_format(r->d->envelope->from, sizeof(r->d->envelope->from), "%s", box.address);
	r->has_from = true;
	return 0;
}

static int
grow(struct dead_letter *d, struct err *e)
{
	size_t size = d->size < 64 ? 64 : 2 * d->size;
	enum dead_state *new_states;
	uint64_t *new_places;

	if (d->envelope->n < d->size)
		return 0;
	new_states = realloc(d->states, size * sizeof(*new_states));
	if (new_states != NULL)
		d->states = new_states;
	new_places = realloc(d->places, size * sizeof(*new_places));
	if (new_places != NULL)
		d->places = new_places;
	if (new_states == NULL || new_places == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the recipients");
	d->size = size;
	return 0;
}

/*
 * One word half written over another, where a page's end was between them when all power went: each
 * byte stands at its place in one of the words. Then nobody knows.
 */
static bool
is_torn(const char *value)
{
	size_t i;
	int state;

	for (i = 0; i < DEAD_WORD_LEN; i++) {
		for (state = 0; state < DEAD_STATES && dead_words[state][i] != value[i];)
			state++;
		if (state == DEAD_STATES)
			return false;
	}
	return true;
}

/* "waiting <address>". */
static int
take_rcpt(struct reading *r, const char *value, struct err *e)
{
	static const struct aliases none = {.n = 0};
	const struct envelope_rules rules = {&none, "localhost", ""};
	struct dead_letter *d = r->d;
	struct addr_box box;
	size_t n = d->envelope->n;
	int state;

	for (state = 0;
		state < DEAD_STATES && strncmp(value, dead_words[state], DEAD_WORD_LEN) != 0;)
		state++;
	if (state == DEAD_STATES && is_torn(value))
		state = DEAD_UNKNOWN;
	if (state == DEAD_STATES || value[DEAD_WORD_LEN] != ' ')
		return -1;
	r->skipping = state == DEAD_SENT;
	if (r->skipping)
		return 0;
	if (addr_one(value + DEAD_WORD_LEN + 1, "To", &box, e) == -1 || grow(d, e) == -1 ||
		envelope_add(d->envelope, &rules, &box, e) == -1)
		return -1;
	d->states[n] = (enum dead_state)state;
	d->places[n] = r->line + strlen("To: ");
	return 0;
}

/* Belongs to the recipient before it. */
static int
take_dsn(struct reading *r, const char *value, struct err *e)
{
	struct envelope *env = r->d->envelope;
	struct rcpt *last = env->n > 0 ? &env->rcpts[env->n - 1] : NULL;

	if (r->skipping)
		return 0;
	if (last == NULL || last->dsn != NULL)
		return -1;
	last->dsn = text_copy(value, strlen(value));
	return last->dsn != NULL ? 0 : err_set(e, ERR_SYSTEM, "no memory for the recipients");
}

static int
take_line(struct reading *r, struct err *e)
{
	struct dead_letter *d = r->d;
	const struct {
		const char *key;
		char *field;
		size_t size;
	} texts[] = {
		{"Section", d->section, sizeof(d->section)},
		{"Ret",     d->ret,     sizeof(d->ret)    },
		{"Envid",   d->envid,   sizeof(d->envid)  },
		{"Notify",  d->notify,  sizeof(d->notify) },
	};
	const char *value;
	long long number;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		value = value_of(r, texts[i].key);
		if (value != NULL)
			return text_format(texts[i].field, texts[i].size, "%s", value) ? 0 : -1;
	}
	if ((value = value_of(r, "To")) != NULL)
		return take_rcpt(r, value, e);
	if ((value = value_of(r, "Dsn")) != NULL)
		return take_dsn(r, value, e);
	if ((value = value_of(r, "From")) != NULL)
		return take_from(r, value, e);
	if ((value = value_of(r, "Size")) != NULL) {
		number = text_number(value, INT64_MAX / 2);
		r->size = (uint64_t)number;
		r->has_size = number > 0;
		return r->has_size ? 0 : -1;
	}
	d->utf8 = d->utf8 || value_of(r, "Smtputf8") != NULL;
	d->seven_bit = d->seven_bit || value_of(r, "Body") != NULL;
	return 0;
}

static int
read_head(struct reading *r, const char *path, struct err *e)
{
	bool whole = false;

	if (next_line(r, e) == 0 && strcmp(r->text, DEAD_MAGIC) == 0) {
		while (!whole && next_line(r, e) == 0) {
			whole = strcmp(r->text, DEAD_MARKER) == 0;
			if (!whole && take_line(r, e) == -1)
				break;
		}
	}
	if (e->kind != ERR_NONE)
		return -1;
	if (!whole || !r->has_from || !r->has_size || r->d->section[0] == '\0')
		return err_set(e, ERR_DATA, "%s is no letter of ours", path);
	if (r->spool->size - r->at != r->size)
		return err_set(e, ERR_DATA,
			"%s isn't whole: it has %llu bytes of a message of %llu", path,
			(unsigned long long)(r->spool->size - r->at), (unsigned long long)r->size);
	if (r->d->envelope->n == 0)
		return err_set(e, ERR_DATA, "%s was sent to everybody already", path);
	return 0;
}

/* Whoever may write the file decides who gets the message, and by whose account. */
static int
open_own(struct dead_letter *d, const char *path, uid_t owner, struct err *e)
{
	struct stat st;

	d->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (d->fd == -1)
		return err_errno(e, ERR_DATA, "cannot open %s", path);
	if (fstat(d->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%s is no regular file", path);
	if (st.st_uid != owner)
		return err_set(e, ERR_DATA,
			"%s belongs to uid %ld: only its owner can send it, and this is uid %ld",
			path, (long)st.st_uid, (long)owner);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_DATA,
			"others than its owner can write %s: look at it, then chmod go-w %s", path,
			path);
	if (flock(d->fd, LOCK_EX | LOCK_NB) == -1)
		return err_set(e, ERR_DATA, "%s is being sent by another process", path);
	/* Sent and removed while we came to it. */
	if (fstat(d->fd, &st) == -1 || st.st_nlink == 0)
		return err_set(e, ERR_DATA, "%s isn't there any more", path);
	return 0;
}

int
dead_read(struct dead_letter *d, struct envelope *envelope, struct spool *spool, const char *path,
	uid_t owner, struct err *e)
{
	struct reading r = {.d = d, .spool = spool};

	*d = (struct dead_letter){.fd = -1, .envelope = envelope};
	if (open_own(d, path, owner, e) == -1 || spool_fill(spool, d->fd, "", false, e) == -1 ||
		read_head(&r, path, e) == -1)
		return -1;
	spool_skip(spool, r.at);
	return 0;
}

size_t
dead_count(const struct dead_letter *d, enum dead_state state)
{
	size_t i, n = 0;

	for (i = 0; i < d->envelope->n; i++)
		n += d->states[i] == state;
	return n;
}

static int
write_state(const struct dead_letter *d, size_t i, enum dead_state state, struct err *e)
{
	ssize_t done;

	do
		done = pwrite(d->fd, dead_words[state], DEAD_WORD_LEN, (off_t)d->places[i]);
	while (done == -1 && errno == EINTR);
	if (done == DEAD_WORD_LEN)
		return 0;
	return err_errno(e, ERR_SYSTEM, "cannot write down what became of the message");
}

static int
write_states(const struct dead_letter *d, const enum dead_state *new_states, struct err *e)
{
	size_t i;

	for (i = 0; i < d->envelope->n; i++) {
		if (write_state(d, i, new_states != NULL ? new_states[i] : DEAD_UNKNOWN, e) == -1)
			return -1;
	}
	if (fdatasync(d->fd) == -1)
		return err_errno(e, ERR_SYSTEM, "cannot write down what became of the message");
	return 0;
}

int
dead_doubt(struct dead_letter *d, struct err *e)
{
	return write_states(d, NULL, e);
}

bool
dead_settle(struct dead_letter *d, struct err *e)
{
	size_t i, left = 0;

	for (i = 0; i < d->envelope->n; i++) {
		enum dead_state now = dead_state_of(&d->envelope->rcpts[i]);

		/* One that isn't tried is as it was; and no refusal now tells what was taken then. */
		if (now == DEAD_SENT || (now != DEAD_WAITING && d->states[i] != DEAD_UNKNOWN))
			d->states[i] = now;
		left += d->states[i] != DEAD_SENT;
	}
	return write_states(d, d->states, e) == 0 && left == 0;
}

int
dead_remove(const struct dead_letter *d, const char *path, struct err *e)
{
	struct stat ours, there;

	if (fstat(d->fd, &ours) == -1 || lstat(path, &there) == -1)
		return err_errno(e, ERR_SYSTEM, "cannot look at it again");
	if (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
		return err_set(e, ERR_SYSTEM, "another file has its name now");
	return unlink(path) == 0 ? 0 : err_errno(e, ERR_SYSTEM, "cannot remove it");
}

void
dead_close(struct dead_letter *d)
{
	free(d->states);
	free(d->places);
	d->states = NULL;
	d->places = NULL;
	if (d->fd != -1)
		(void)close(d->fd);
	d->fd = -1;
}
