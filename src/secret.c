/* SPDX-License-Identifier: ISC */
/* secret.c: the password, from where the profile says. Sends and prints nothing. */
#include "secret.h"

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
		(void)err_set(e, ERR_CONFIG, "the first line of %s is no password", path);
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

static int
read_password_file(const struct profile *p, const struct world *w, struct text *out, struct err *e)
{
	const char *credentials = w->set_id ? NULL : w->variable(w, "CREDENTIALS_DIRECTORY");
	char path[4096];
	struct stat st;
	int fd, result = -1;

	if (p->password_file[0] == '/')
		(void)text_format(path, sizeof(path), "%s", p->password_file);
	else if (credentials == NULL || credentials[0] != '/')
		return err_set(e, ERR_CONFIG,
			"password_file = %s: $CREDENTIALS_DIRECTORY isn't set", p->password_file);
	else
		(void)text_format(path, sizeof(path), "%s/%s", credentials, p->password_file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return err_errno(e, ERR_CONFIG, "cannot open the password_file %s as uid %ld", path,
			(long)w->euid);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		(void)err_set(e, ERR_CONFIG, "the password_file %s is no regular file", path);
	else if ((st.st_mode & S_IROTH) != 0 && p->secret_mode == SECRET_STRICT &&
		 !is_guarded(path, credentials))
		(void)err_set(e, ERR_CONFIG, "others can read the password_file %s: chmod o-rwx %s",
			path, path);
	else
		result = read_secret(fd, path, out, e);
	(void)close(fd);
	return result;
}

int
secret_password(const struct profile *p, const struct world *w, struct text *out, struct err *e)
{
	if (p->password_file != NULL)
		return read_password_file(p, w, out, e);
	if (p->password != NULL)
		text_puts(out, p->password);
	return out->cut ? err_set(e, ERR_CONFIG, "the password is too long") : 0;
}
