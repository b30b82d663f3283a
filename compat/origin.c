/* SPDX-License-Identifier: ISC */
/* origin.c: whom a message comes from, and the domain behind bare names. Sends nothing. */
#include "origin.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The profile's from, with %u for the login and %h for the host's name. */
static void
expand_from(const struct profile *p, const struct world *w, struct text *out)
{
	const char *at;

	for (at = p->from; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'u')
			text_puts(out, w->login(w));
		else if (at[0] == '%' && at[1] == 'h')
			text_puts(out, w->host_name);
		else {
			text_char(out, *at);
			continue;
		}
		at++;
	}
}

/* Debian's file with the name that mail from here bears. */
static bool
read_mailname(char *buf, size_t size)
{
	int fd = open("/etc/mailname", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got;

	if (fd == -1)
		return false;
	got = read(fd, buf, size - 1);
	(void)close(fd);
	if (got <= 0)
		return false;
	buf[got] = '\0';
	buf[strcspn(buf, "\r\n \t")] = '\0';
	return addr_is_host(buf);
}

static int
find_domain(struct origin *o, const struct profile *p, const struct world *w,
	const struct addr_box *from, struct err *e)
{
	const char *dot = strchr(w->host_name, '.');
	const char *user_at = p->user != NULL ? strrchr(p->user, '@') : NULL;

	if (p->domain != NULL)
		(void)text_format(o->domain, sizeof(o->domain), "%s", p->domain);
	else if (from != NULL && from->domain != NULL)
		(void)text_format(o->domain, sizeof(o->domain), "%.255s", from->domain);
	else if (read_mailname(o->domain, sizeof(o->domain)))
		return 0;
	else if (dot != NULL && dot[1] != '\0' && addr_is_host(w->host_name))
		(void)text_format(o->domain, sizeof(o->domain), "%.255s", w->host_name);
	else if (user_at != NULL && addr_is_host(user_at + 1))
		(void)text_format(o->domain, sizeof(o->domain), "%.255s", user_at + 1);
	else
		return err_set(e, ERR_CONFIG, "no domain for bare names: set domain or from in %s",
			p->file->path);
	return 0;
}

/* An address with the domain behind it, where it has none. */
static int
qualify(char *out, const struct addr_box *box, const char *domain, struct err *e)
{
	struct text address;

	text_fixed(&address, out, ADDR_SIZE);
	text_puts(&address, box->address);
	if (box->domain == NULL && !box->null)
		text_printf(&address, "@%s", domain);
	return address.cut ? err_set(e, ERR_DATA, "the sender's address is too long") : 0;
}

int
origin_find(struct origin *o, const struct profile *p, const struct world *w, const char *wanted,
	struct err *e)
{
	char words[ADDR_SIZE] = "";
	struct addr_box box, from = {.null = true}, mine = {.null = false};
	struct text expanded;

	/* Even where -f doesn't count: what isn't an address may be an attack, and is told. */
	if (wanted != NULL && wanted[0] != '\0' && addr_one(wanted, "-f", &box, e) == -1)
		return -1;
	/* Also where there is no domain: a section may be chosen by it that has one. */
	o->sender[0] = '\0';
	if (wanted != NULL && wanted[0] != '\0' && p->allow_from_override && box.domain != NULL)
		memcpy(o->sender, box.address, sizeof(o->sender));
	text_fixed(&expanded, words, sizeof(words));
	if (p->from != NULL) {
		expand_from(p, w, &expanded);
		if (addr_one(words, "from", &from, e) == -1)
			return -1;
	}
	if (find_domain(o, p, w, p->from != NULL ? &from : NULL, e) == -1)
		return -1;
	if (p->from == NULL)
		(void)text_format(mine.address, sizeof(mine.address), "%s", w->login(w));
	if (qualify(o->header_from, p->from != NULL ? &from : &mine, o->domain, e) == -1)
		return -1;
	memcpy(o->own, o->header_from, sizeof(o->own));
	if (wanted == NULL || !p->allow_from_override)
		memcpy(o->sender, o->header_from, sizeof(o->sender));
	else if (wanted[0] == '\0' || box.null)
		o->sender[0] = '\0';
	else if (qualify(o->sender, &box, o->domain, e) == -1)
		return -1;
	if (o->sender[0] != '\0')
		memcpy(o->header_from, o->sender, sizeof(o->sender));
	return 0;
}
