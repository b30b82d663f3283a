/* SPDX-License-Identifier: ISC */
/* dead.c: a message that could not be sent, as a file: written, read again, settled. Sends nothing. */
#include "dead.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SINK_SIZE 16384

const char dead_words[DEAD_STATES][DEAD_WORD_LEN + 1] = {
	[DEAD_WAITING] = "waiting",
	[DEAD_REFUSED] = "refused",
	[DEAD_UNKNOWN] = "unknown",
	[DEAD_SENT] = "is-sent",
};

int
dead_open(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 && errno == EACCES)
		fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd != -1 ? fd : err_errno(e, ERR_SYSTEM, "dead_letter: cannot open %s", folder);
}

/* A file that is written through a buffer; the first error sticks. */
struct file_sink {
	int fd;
	int error; /* errno; 0: none */
	size_t len;
	char buf[SINK_SIZE];
};

static void
flush(struct file_sink *f)
{
	size_t at = 0;
	ssize_t done;

	while (at < f->len && f->error == 0) {
		done = write(f->fd, f->buf + at, f->len - at);
		if (done >= 0)
			at += (size_t)done;
		else if (errno != EINTR)
			f->error = errno;
	}
	f->len = 0;
}

static char *
file_room(void *ctx, size_t *n)
{
	struct file_sink *f = ctx;

	if (sizeof(f->buf) - f->len < DEAD_LINE_SIZE)
		flush(f);
	*n = sizeof(f->buf) - f->len;
	return f->error == 0 ? f->buf + f->len : NULL;
}

static void
file_put(void *ctx, size_t n)
{
	struct file_sink *f = ctx;

	f->len += n;
}

static void put(struct file_sink *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One line of ours. What is cut here is longer than any line may be: reading finds it. */
static void
put(struct file_sink *f, const char *fmt, ...)
{
	struct text line;
	va_list ap;
	size_t room;
	char *at = file_room(f, &room);

	if (at == NULL)
		return;
	text_fixed(&line, at, DEAD_LINE_SIZE);
	va_start(ap, fmt);
	text_vprintf(&line, fmt, ap);
	va_end(ap);
	file_put(f, line.len);
}

static bool
is_kept(const struct rcpt *r)
{
	return r->fate != RCPT_DELIVERED && !r->told;
}

bool
dead_is_for_somebody(const struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->n; i++) {
		if (is_kept(&env->rcpts[i]))
			return true;
	}
	return false;
}

enum dead_state
dead_state_of(const struct rcpt *r)
{
	switch (r->fate) {
	case RCPT_DELIVERED:
		return DEAD_SENT;
	case RCPT_UNKNOWN:
		return DEAD_UNKNOWN;
	case RCPT_REFUSED:
		return DEAD_REFUSED;
	case RCPT_OPEN:
	case RCPT_TAKEN:
	case RCPT_DEFERRED:
		break;
	}
	return DEAD_WAITING;
}

static void
put_head(struct file_sink *f, const struct dead_content *c)
{
	const struct transaction_mail *mail = c->mail;
	size_t i;

	put(f, DEAD_MAGIC "\n");
	put(f, "Size: %llu\n", (unsigned long long)c->message->facts.size);
	put(f, "Section: %s\n", c->section);
	put(f, "Reason: %s\n", c->reason);
	if (mail->utf8_reason != NULL)
		put(f, "Smtputf8: yes\n");
	if (c->seven_bit)
		put(f, "Body: 7BIT\n");
	if (mail->dsn_return != NULL)
		put(f, "Ret: %s\n", mail->dsn_return);
	if (mail->dsn_envid != NULL)
		put(f, "Envid: %s\n", mail->dsn_envid);
	if (mail->dsn_notify != NULL)
		put(f, "Notify: %s\n", mail->dsn_notify);
	put(f, "From: <%s>\n", c->envelope->from);
	for (i = 0; i < c->envelope->n; i++) {
		const struct rcpt *r = &c->envelope->rcpts[i];

		if (!is_kept(r))
			continue;
		put(f, "To: %s <%s>\n", dead_words[dead_state_of(r)], r->address);
		if (r->dsn != NULL)
			put(f, "Dsn: %s\n", r->dsn);
	}
	put(f, DEAD_MARKER "\n");
}

/* By time, so that they sort; by chance, so that two processes never meet. */
static int
make_name(char *name, struct err *e)
{
	unsigned char random[8];
	struct text out;
	struct tm utc;
	time_t now = time(NULL);
	size_t i;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
		gmtime_r(&now, &utc) == NULL)
		return err_errno(e, ERR_SYSTEM, "no name for a dead letter");
	text_fixed(&out, name, DEAD_NAME_SIZE);
	text_printf(&out, "%04d%02d%02dT%02d%02d%02dZ-", utc.tm_year + 1900, utc.tm_mon + 1,
		utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
	for (i = 0; i < sizeof(random); i++)
		text_printf(&out, "%02x", (unsigned)random[i]);
	text_puts(&out, ".letter");
	return 0;
}

/* The folder as well, or the file is there after a power failure, and its name isn't. */
static int
sync_both(int fd, int folder)
{
	if (fsync(fd) == -1)
		return -1;
	/* One that can't be listed can't be synced, nor can some file systems' folders. */
	(void)fsync(folder);
	return 0;
}

int
dead_write(int folder, const struct dead_content *c, char *name, struct err *e)
{
	struct file_sink f = {.fd = -1};
	struct message_sink out = {file_room, file_put, &f};

	if (make_name(name, e) == -1)
		return -1;
	f.fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (f.fd == -1)
		return err_errno(e, ERR_SYSTEM, "cannot create a file");
	put_head(&f, c);
	if (message_emit(c->message, false, &out, NULL, e) == 0)
		flush(&f);
	if (f.error == 0 && e->kind == ERR_NONE && sync_both(f.fd, folder) == -1)
		f.error = errno;
	if (f.error != 0) {
		errno = f.error;
		(void)err_errno(e, ERR_SYSTEM, "cannot write the file");
	}
	/* What is cut short is none: the room is better used otherwise. */
	if (e->kind != ERR_NONE)
		(void)ftruncate(f.fd, 0);
	(void)close(f.fd);
	return e->kind == ERR_NONE ? 0 : -1;
}
