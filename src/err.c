/* SPDX-License-Identifier: ISC */
/* err.c: failures as values, and the one table from kind to exit status. Prints nothing. */
#include "err.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Never 75: sendmail(8) means "queued" by it, and PHP from 8.5 on takes it for success. */
static const struct {
	int status; /* -1: the profile's tempfail_exit */
	const char *word;
	char reply[10]; /* what -bs answers, where no server did */
} kinds[ERR_KINDS] = {
	[ERR_NONE] = {0,  "sent",               "250 2.0.0"},
	[ERR_USAGE] = {64, "usage",              "503 5.5.1"},
	[ERR_DATA] = {65, "unsendable",         "554 5.6.0"},
	[ERR_INPUT] = {74, "input",              "451 4.3.0"},
	[ERR_RCPT] = {67, "recipients-refused", "550 5.1.1"},
	[ERR_PARTIAL] = {69, "partial",            "451 4.3.0"},
	[ERR_HOST] = {68, "no-host",            "451 4.4.4"},
	[ERR_REFUSED] = {69, "refused",            "554 5.0.0"},
	[ERR_TLS] = {76, "tls",                "451 4.7.5"},
	[ERR_AUTH] = {77, "auth",               "554 5.7.8"},
	[ERR_CONFIG] = {78, "profile",            "451 4.3.5"},
	[ERR_TEMP] = {-1, "temporary",          "451 4.4.1"},
	[ERR_UNKNOWN] = {-1, "unknown",            "451 4.4.2"},
	[ERR_SYSTEM] = {71, "system",             "451 4.3.0"},
	[ERR_FAULT] = {70, "fault",              "451 4.3.0"},
};

void
err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->code = 0;
	e->lost_peer = false;
	e->text[0] = '\0';
}

static void
set_words(struct err *e, enum err_kind kind, const char *fmt, va_list ap, const char *cause)
{
	struct text words;

	e->kind = kind;
	text_fixed(&words, e->text, sizeof(e->text));
	text_vprintf(&words, fmt, ap);
	if (cause != NULL)
		text_printf(&words, ": %s", cause);
	text_mask(&words, 0);
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (e->kind != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	set_words(e, kind, fmt, ap, NULL);
	va_end(ap);
	return -1;
}

int
err_errno(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	int number = errno;
	va_list ap;

	if (e->kind != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	set_words(e, kind, fmt, ap, strerror(number));
	va_end(ap);
	return -1;
}

void
err_add(struct err *e, const char *fmt, ...)
{
	char buf[ERR_TEXT_SIZE / 2];
	struct text words, line;
	va_list ap;
	size_t len = strlen(e->text), room;

	text_fixed(&words, buf, sizeof(buf));
	text_puts(&words, "; ");
	va_start(ap, fmt);
	text_vprintf(&words, fmt, ap);
	va_end(ap);
	/* Whoever prints it puts a name in front. */
	room = sizeof(e->text) - words.len - 32;
	text_fixed(&line, e->text + (len < room ? len : room), words.len + 1);
	text_add(&line, words.at, words.len);
	text_mask(&line, 0);
}

int
err_copy(struct err *e, const struct err *from)
{
	if (e->kind == ERR_NONE && e != from)
		*e = *from;
	return -1;
}

int
err_status(enum err_kind kind, int tempfail_exit)
{
	if ((unsigned)kind >= ERR_KINDS)
		return kinds[ERR_FAULT].status;
	return kinds[kind].status == -1 ? tempfail_exit : kinds[kind].status;
}

const char *
err_word(enum err_kind kind)
{
	return kinds[(unsigned)kind < ERR_KINDS ? kind : ERR_FAULT].word;
}

const char *
err_reply(enum err_kind kind)
{
	return kinds[(unsigned)kind < ERR_KINDS ? kind : ERR_FAULT].reply;
}
