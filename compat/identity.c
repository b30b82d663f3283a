/* SPDX-License-Identifier: ISC */
/* identity.c: who is asking, and the little of the environment that counts. */
#include "identity.h"
#include "text.h"

#include <pwd.h>
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

/* USER, LOGNAME and HOME are useless (cron) or an attacker's: the password database alone counts. */
static struct identity *
look_up(const struct world *w)
{
	struct identity *id = w->cache;
	const struct passwd *pw;

	if (id->looked_up)
		return id;
	id->looked_up = true;
	pw = getpwuid(w->uid);
	if (pw == NULL || pw->pw_name[0] == '\0' || strlen(pw->pw_name) >= sizeof(id->login)) {
		/* Normal in a container. */
		(void)text_format(id->login, sizeof(id->login), "uid-%ld", (long)w->uid);
		return id;
	}
	(void)text_format(id->login, sizeof(id->login), "%s", pw->pw_name);
	if (pw->pw_gecos != NULL)
		take_full_name(id, pw->pw_gecos);
	if (pw->pw_dir != NULL && strlen(pw->pw_dir) < sizeof(id->home))
		(void)text_format(id->home, sizeof(id->home), "%s", pw->pw_dir);
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
		.uid = getuid(),
		.euid = geteuid(),
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
