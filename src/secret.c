/* SPDX-License-Identifier: ISC */
/* secret.c: passwords and tokens, from where the profile says. Sends and prints nothing. */
#include "secret.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line of the file, without its line end. */
static int
read_secret(int fd, const char *path, struct text *out, struct err *e)
{
	char buf[8192];
	size_t len = 0, n;
	ssize_t got;

	do {
		got = read(fd, buf + len, sizeof(buf) - len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len < sizeof(buf)) || (got == -1 && errno == EINTR));
	for (n = 0; n < len && buf[n] != '\n' && buf[n] != '\r'; n++)
		;
	if (got == -1)
		(void)err_errno(e, ERR_CONFIG, "cannot read %s", path);
	else if (n == 0 || n == sizeof(buf) || memchr(buf, '\0', n) != NULL)
		(void)err_set(e, ERR_CONFIG, "the first line of %s is no secret", path);
	else
		text_add(out, buf, n);
	text_wipe(buf, sizeof(buf));
	return e->kind == ERR_NONE ? 0 : -1;
}

/* True for the folders whose guardian is somebody else, who chose the mode. */
static bool
is_guarded(const char *path, const char *credentials)
{
	size_t n = credentials != NULL ? strlen(credentials) : 0;

	if (strncmp(path, "/run/secrets/", 13) == 0)
		return true;
	return n > 0 && strncmp(path, credentials, n) == 0 && path[n] == '/';
}

/* Who asks, whose it is, and the ways out. */
static int
refuse_unreadable(const struct world *w, const char *key, const char *path, struct err *e)
{
	int cause = errno;
	char is[96] = "";
	struct stat st;

	if (stat(path, &st) == 0)
		(void)text_format(is, sizeof(is), ", and it is mode 0%c%c%c of uid %ld, gid %ld",
			'0' + (int)(st.st_mode >> 6 & 7), '0' + (int)(st.st_mode >> 3 & 7),
			'0' + (int)(st.st_mode & 7), (long)st.st_uid, (long)st.st_gid);
	errno = cause;
	if (cause != EACCES)
		return err_errno(e, ERR_CONFIG, "cannot open the %s %s", key, path);
	return err_errno(e, ERR_CONFIG,
		"cannot open the %s %s as uid %ld%s (let a group of this user read it: chown "
		"root:GROUP, chmod 0640; or give this user a file of his own)",
		key, path, (long)w->euid, is);
}

int
secret_open(const struct profile *p, const struct world *w, const char *key, const char *name,
	char *path, size_t size, struct err *e)
{
	const char *credentials = w->set_id ? NULL : w->variable(w, "CREDENTIALS_DIRECTORY");
	struct stat st;
	int fd;

	if (name[0] == '/')
		(void)text_format(path, size, "%s", name);
	else if (credentials == NULL || credentials[0] != '/')
		return err_set(
			e, ERR_CONFIG, "%s = %s: $CREDENTIALS_DIRECTORY isn't set", key, name);
	else
		(void)text_format(path, size, "%s/%s", credentials, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return refuse_unreadable(w, key, path, e);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		(void)err_set(e, ERR_CONFIG, "the %s %s is no regular file", key, path);
	else if ((st.st_mode & S_IROTH) != 0 && p->secret_mode == SECRET_STRICT &&
		 !is_guarded(path, credentials))
		(void)err_set(e, ERR_CONFIG, "others can read the %s %s: chmod o-rwx %s", key, path,
			path);
	if (e->kind == ERR_NONE)
		return fd;
	(void)close(fd);
	return -1;
}

static int
from_file(const struct profile *p, const struct world *w, const char *key, const char *name,
	struct text *out, struct err *e)
{
	char path[4096];
	int fd = secret_open(p, w, key, name, path, sizeof(path), e), result;

	if (fd == -1)
		return -1;
	result = read_secret(fd, path, out, e);
	(void)close(fd);
	return result;
}

int
secret_password(const struct profile *p, const struct world *w, struct text *out, struct err *e)
{
	if (p->password_file != NULL)
		return from_file(p, w, "password_file", p->password_file, out, e);
	if (p->password_command != NULL)
		return command_read("password_command", p->password_command, out, e);
	if (p->password != NULL)
		text_puts(out, p->password);
	return out->cut ? err_set(e, ERR_CONFIG, "the password is too long") : 0;
}

/* RFC 6750 2.1: what a bearer token may be made of, so that it can't end its field. */
static bool
is_token(const struct text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		if (t->at[i] <= ' ' || t->at[i] > '~')
			return false;
	}
	return true;
}

int
secret_token(const struct profile *p, const struct world *w, struct text *out, struct err *e)
{
	int result = 0;

	if (p->oauth_token_file != NULL)
		result = from_file(p, w, "oauth_token_file", p->oauth_token_file, out, e);
	else if (p->oauth_token_command != NULL)
		result = command_read("oauth_token_command", p->oauth_token_command, out, e);
	if (result == 0 && !is_token(out))
		return err_set(
			e, ERR_CONFIG, "the OAuth token holds a blank or a control character");
	return result;
}
