/* SPDX-License-Identifier: ISC */
/* log.h: one line a message, for the administrator. Never changes how a run ends. */
#ifndef MAILCHUTE_LOG_H
#define MAILCHUTE_LOG_H

#include "err.h"
#include "text.h"

/* Where lines go. */
enum log_kind { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_NOWHERE };

struct log {
	enum log_kind kind;
	int fd;     /* of the file; -1: none */
	int syslog; /* a socket for the syslog; -1: made when it is wanted */
};

/*
 * target: "syslog", "stderr", "off" or an absolute path. A file is made with mode 0600 where there
 * is none, never through a symbolic link; where it can't be opened the syslog takes its place
 * (*e says why, and the log can be used all the same).
 */
void log_open(struct log *l, const char *target, struct err *e);

/* Makes what writing may want: in the sandbox there is no socket of this kind to be had. */
void log_ready(struct log *l);

/* Begins or goes on with a line: key=value, quoted where the value has blanks or quotes. */
void log_field(struct text *line, const char *key, const char *value);
void log_number(struct text *line, const char *key, long long value);

/* Writes the line, with the tag and our pid in front. failed: its priority is that of an error. */
void log_write(struct log *l, const char *tag, const struct text *line, bool failed);

void log_close(struct log *l);

#endif
