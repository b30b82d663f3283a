/* SPDX-License-Identifier: ISC */
/* identity.c: who is asking, and the little of the environment that counts. */
#include "identity.h"
#include "text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#ifndef MAILCHUTE_SYSTEM_PROFILE
#define MAILCHUTE_SYSTEM_PROFILE "/etc/mailchute.ini"
#endif

static const char *
variable(const struct world *w, const char *name)
{
	return w->set_id ? NULL : getenv(name);
}

/*
 * The name in the GECOS field: up to the first comma, "&" is the login with a capital. What isn't
 * printable makes it no name: it goes into a header.
 */
static void
take_full_name(struct identity *id, const char *gecos)
{
	struct text name;
	size_t i;

	text_fixed(&name, id->full_name, sizeof(id->full_name));
	for (i = 0; gecos[i] != '\0' && gecos[i] != ','; i++) {
		if (gecos[i] != '&')
			text_char(&name, gecos[i]);
		else if (id->login[0] >= 'a' && id->login[0] <= 'z')
			text_printf(&name, "%c%s", id->login[0] - 'a' + 'A', id->login + 1);
		else
			text_puts(&name, id->login);
	}
	for (i = 0; i < name.len; i++) {
		if (text_is_control(id->full_name[i]))
			id->full_name[0] = '\0';
	}
	if (name.cut)
		id->full_name[0] = '\0';
}

/* The field of a passwd line behind so many colons; ends it there. NULL: there are fewer. */
static char *
field_of(char *line, unsigned colons)
{
	char *end;

	for (; colons > 0; colons--) {
		line = strchr(line, ':');
		if (line == NULL)
			return NULL;
		line++;
	}
	end = strchr(line, ':');
	if (end != NULL)
		*end = '\0';
	return line;
}

/* passwd(5): name, password, uid, gid, gecos, home, shell. True where the line is this user's. */
static bool
take_line(struct identity *id, uid_t uid, char *line)
{
	char *folder = field_of(line, 5), *gecos = field_of(line, 4), *number = field_of(line, 2),
	     *name = field_of(line, 0);

	if (folder == NULL || name[0] == '\0' ||
		text_number(number, 4294967295LL) != (long long)uid)
		return false;
	if (!text_format(id->login, sizeof(id->login), "%s", name))
		id->login[0] = '\0';
	take_full_name(id, gecos);
	if (!text_format(id->home, sizeof(id->home), "%s", folder))
		id->home[0] = '\0';
	return true;
}

/*
 * The password database is /etc/passwd: a static binary can't load what else nsswitch.conf names,
 * and libc's own reader would be 4 KB larger. A line that is longer than the buffer is nobody's.
 */
static void
read_passwd(struct identity *id, uid_t uid)
{
	char buf[4096];
	size_t have = 0;
	ssize_t got;
	char *end;
	bool skipping = false;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		return;
	while ((got = read(fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		have += (size_t)got;
		buf[have] = '\0';
		while ((end = memchr(buf, '\n', have)) != NULL) {
			*end++ = '\0';
			if (!skipping && take_line(id, uid, buf))
				goto out;
			skipping = false;
			have -= (size_t)(end - buf);
			memmove(buf, end, have + 1);
		}
		if (have == sizeof(buf) - 1) {
			skipping = true;
			have = 0;
		}
	}
	if (have > 0 && !skipping)
		(void)take_line(id, uid, buf);
out:
	(void)close(fd);
}

/* USER, LOGNAME and HOME are useless (cron) or an attacker's: the password database alone counts. */
static struct identity *
look_up(const struct world *w)
{
	struct identity *id = w->cache;

	if (id->looked_up)
		return id;
	id->looked_up = true;
	read_passwd(id, w->uid);
	/* Normal in a container. */
	if (id->login[0] == '\0')
		(void)text_format(id->login, sizeof(id->login), "uid-%ld", (long)w->uid);
	return id;
}

static const char *
login(const struct world *w)
{
	return look_up(w)->login;
}

static const char *
full_name(const struct world *w)
{
	return look_up(w)->full_name;
}

static const char *
home(const struct world *w)
{
	const struct identity *id = look_up(w);

	return id->home[0] == '/' ? id->home : NULL;
}

void
identity_take(struct identity *id, struct world *w)
{
	const char *folder;

	*id = (struct identity){.looked_up = false};
	if (gethostname(id->host_name, sizeof(id->host_name) - 1) == -1)
		id->host_name[0] = '\0';
	*w = (struct world){
		.uid = (uid_t)getauxval(AT_UID),
		.euid = (uid_t)getauxval(AT_EUID),
		.set_id = getauxval(AT_SECURE) != 0,
		.system_path = MAILCHUTE_SYSTEM_PROFILE,
		.host_name = id->host_name,
		.variable = variable,
		.login = login,
		.full_name = full_name,
		.home = home,
		.cache = id,
	};
	folder = variable(w, "TMPDIR");
	w->spool_folder = folder != NULL && folder[0] == '/' ? folder : "/tmp";
}
