/* SPDX-License-Identifier: ISC */
/* log.c: one line a message, for the administrator. Never changes how a run ends. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* RFC 5424 6.2.1: facility mail (2), severity err (3) or info (6). */
#define PRIORITY_FAILED 19
#define PRIORITY_SENT   22

/* What a syslog daemon is sure to take whole in one datagram. */
#define SYSLOG_MAX 8000

void
log_open(struct log *l, const char *target, struct err *e)
{
	*l = (struct log){LOG_TO_SYSLOG, -1, -1};
	if (strcmp(target, "off") == 0)
		l->kind = LOG_TO_NOWHERE;
	else if (strcmp(target, "stderr") == 0)
		l->kind = LOG_TO_STDERR;
	if (target[0] != '/')
		return;
	l->fd = open(target,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		0600);
	if (l->fd == -1)
		(void)err_errno(e, ERR_SYSTEM, "cannot open the log %s", target);
	else
		l->kind = LOG_TO_FILE;
}

void
log_field(struct text *line, const char *key, const char *value)
{
	size_t i;

	text_printf(line, "%s%s=", line->len > 0 ? " " : "", key);
	if (value[0] != '\0' && strpbrk(value, " \"\\=") == NULL) {
		text_masked(line, value, strlen(value));
		return;
	}
	text_char(line, '"');
	for (i = 0; value[i] != '\0'; i++) {
		if (value[i] == '"' || value[i] == '\\')
			text_char(line, '\\');
		text_masked(line, value + i, 1);
	}
	text_char(line, '"');
}

void
log_number(struct text *line, const char *key, long long value)
{
	text_printf(line, "%s%s=%lld", line->len > 0 ? " " : "", key, value);
}

/* Also for a file: it may fail later, and then the syslog takes its place. */
void
log_ready(struct log *l)
{
	if (l->syslog == -1 && (l->kind == LOG_TO_SYSLOG || l->kind == LOG_TO_FILE))
		l->syslog = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* No time in front: every syslog daemon puts its own, and ours would need the zone's file. */
static void
write_syslog(struct log *l, const char *tag, const struct text *line, bool failed)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char buf[SYSLOG_MAX];
	struct text out;

	log_ready(l);
	if (l->syslog == -1)
		return;
	text_fixed(&out, buf, sizeof(buf));
	text_printf(&out, "<%d>%s[%ld]: ", failed ? PRIORITY_FAILED : PRIORITY_SENT, tag,
		(long)getpid());
	text_add(&out, line->at, line->len);
	(void)sendto(
		l->syslog, out.at, out.len, MSG_NOSIGNAL, (struct sockaddr *)&name, sizeof(name));
}

/* The whole line in one write, so that lines of many processes don't mix; a full disk may part it. */
static bool
write_file(int fd, const char *tag, const struct text *line)
{
	struct text out;
	struct tm utc;
	time_t now = time(NULL);
	ssize_t done = -1;
	size_t at = 0;

	text_heap(&out, line->len + 512);
	if (gmtime_r(&now, &utc) != NULL)
		text_printf(&out, "%04d-%02d-%02dT%02d:%02d:%02dZ ", utc.tm_year + 1900,
			utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
	text_printf(&out, "%s[%ld]: ", tag, (long)getpid());
	text_add(&out, line->at, line->len);
	text_char(&out, '\n');
	while (!out.cut && at < out.len) {
		done = write(fd, out.at + at, out.len - at);
		if (done > 0)
			at += (size_t)done;
		else if (done == 0 || errno != EINTR)
			break;
	}
	text_free(&out);
	return done > 0;
}

void
log_write(struct log *l, const char *tag, const struct text *line, bool failed)
{
	if (l->kind == LOG_TO_NOWHERE || line->len == 0)
		return;
	if (l->kind == LOG_TO_STDERR) {
		(void)write_file(STDERR_FILENO, tag, line);
		return;
	}
	if (l->kind == LOG_TO_FILE && write_file(l->fd, tag, line))
		return;
	write_syslog(l, tag, line, failed);
}

void
log_close(struct log *l)
{
	if (l->fd != -1)
		(void)close(l->fd);
	if (l->syslog != -1)
		(void)close(l->syslog);
	*l = (struct log){LOG_TO_NOWHERE, -1, -1};
}
