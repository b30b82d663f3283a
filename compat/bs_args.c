/* SPDX-License-Identifier: ISC */
/* bs_args.c: what a caller writes behind MAIL and RCPT, taken apart. Answers nobody. */
#include "bs_args.h"
#include "dialogue.h"

#include <string.h>

const char *
bs_read_path(const char *args, const char *keyword, struct addr_box *box, struct err *e)
{
	char path[DIALOGUE_LINE_MAX + 1];
	size_t n = strlen(keyword), end;

	if (!text_same_n(args, strnlen(args, n), keyword))
		return NULL;
	args += n;
	args += strspn(args, " ");
	end = strcspn(args, " ");
	/* A blank within quotes belongs to the path. */
	if (args[0] == '<' && args[1] == '"') {
		n = addr_enclosed(args + 1, strlen(args + 1));
		end = n > 0 ? 1 + n + strcspn(args + 1 + n, " ") : end;
	}
	memcpy(path, args, end);
	path[end] = '\0';
	if (addr_one(path, "the path", box, e) == -1)
		return NULL;
	return args + end;
}

/* The next "NAME=value" or "NAME" of a parameter list; false at its end. Values keep their case. */
static bool
next_parameter(const char **at, char *name, size_t name_size, char *value, size_t value_size)
{
	const char *s = *at + strspn(*at, " ");
	size_t n = strcspn(s, " "), split = strcspn(s, "= ");

	if (n == 0)
		return false;
	(void)text_format(name, name_size, "%.*s", (int)split, s);
	(void)text_format(value, value_size, "%.*s", split < n ? (int)(n - split - 1) : 0,
		s + split + (split < n));
	*at = s + n;
	return true;
}

const char *
bs_mail_parameters(struct letter *l, int max_size, const char *args)
{
	struct transaction_mail *mail = &l->mail;
	char name[32], value[256];
	long long size;

	while (next_parameter(&args, name, sizeof(name), value, sizeof(value))) {
		if (text_same(name, "SIZE")) {
			size = text_number(value, 1LL << 50);
			if (size == -1)
				return "501 5.5.4 SIZE is a number";
			mail->size = (uint64_t)size;
			if (max_size > 0 && size > max_size)
				return "552 5.3.4 the message is over max_size";
		} else if (text_same(name, "BODY")) {
			if (!text_same(value, "7BIT") && !text_same(value, "8BITMIME"))
				return "501 5.5.4 BODY is 7BIT or 8BITMIME";
		} else if (text_same(name, "SMTPUTF8"))
			mail->utf8_reason = "the caller's SMTPUTF8";
		else if (text_same(name, "RET")) {
			if (!text_same(value, "FULL") && !text_same(value, "HDRS"))
				return "501 5.5.4 RET is FULL or HDRS";
			mail->dsn_return = text_same(value, "FULL") ? "FULL" : "HDRS";
		} else if (text_same(name, "ENVID") &&
			   text_format(l->envid, sizeof(l->envid), "%s", value))
			mail->dsn_envid = l->envid;
		else if (!text_same(name, "AUTH"))
			return "555 5.5.4 this parameter isn't known here";
	}
	return NULL;
}

const char *
bs_rcpt_parameters(const char *args, struct text *dsn)
{
	char name[32], value[1024];

	while (next_parameter(&args, name, sizeof(name), value, sizeof(value))) {
		if (text_same(name, "NOTIFY") ? !profile_is_notify(value)
					      : !text_same(name, "ORCPT"))
			return "555 5.5.4 this parameter isn't known here";
		text_printf(dsn, "%s%s=", dsn->len > 0 ? " " : "", name);
		text_puts(dsn, value);
	}
	return dsn->cut ? "501 5.5.4 the parameters are too long" : NULL;
}
