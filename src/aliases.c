/* SPDX-License-Identifier: ISC */
/* aliases.c: names and what they stand for, from [aliases] and an aliases file. Sends nothing. */
#include "aliases.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (4 * 1024 * 1024)

void
aliases_init(struct aliases *a)
{
	*a = (struct aliases){.n = 0};
}

void
aliases_free(struct aliases *a)
{
	free(a->list);
	free(a->text);
	aliases_init(a);
}

static int
add(struct aliases *a, const char *name, const char *value, struct err *e)
{
	struct alias *more;

	if ((a->n & (a->n - 1)) == 0) {
		more = realloc(a->list, (a->n == 0 ? 1 : a->n * 2) * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_SYSTEM, "no memory for the aliases");
		a->list = more;
	}
	a->list[a->n] = (struct alias){name, value, a->n};
	a->n++;
	return 0;
}

/* Without case; a missing one of the two comes first. */
static int
compare_names(const char *a, const char *b)
{
	while (*a != '\0' && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return (unsigned char)text_lower(*a) - (unsigned char)text_lower(*b);
}

static int
compare(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int order = compare_names(x->name, y->name);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static char *
read_text(int fd, size_t size, size_t *text_len)
{
	char *text = malloc(size + 1);
	size_t len = 0;
	ssize_t got = 1;

	while (text != NULL && len < size && got != 0) {
		got = read(fd, text + len, size - len);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			free(text);
			return NULL;
		}
		len += (size_t)got;
	}
	if (text != NULL)
		text[len] = '\0';
	*text_len = len;
	return text;
}

static int
open_file(struct aliases *a, const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1)
		return err_errno(e, ERR_CONFIG, "cannot open the aliases_file %s", path);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		(void)err_set(e, ERR_CONFIG, "the aliases_file %s is no file of a sane size", path);
	else if ((st.st_mode & S_IWOTH) != 0)
		(void)err_set(e, ERR_CONFIG, "others can write the aliases_file %s: chmod o-w %s",
			path, path);
	else {
		a->text = read_text(fd, (size_t)st.st_size, &a->text_len);
		if (a->text == NULL)
			(void)err_errno(e, ERR_CONFIG, "cannot read the aliases_file %s", path);
	}
	(void)close(fd);
	return a->text != NULL ? 0 : -1;
}

/* "name: values" or "\"name\": values", NUL-terminated: split in place. */
static int
split(char *line, char **name, char **value)
{
	char *end = line;

	*name = line;
	if (*line == '"') {
		*name = line + 1;
		end = strchr(line + 1, '"');
		if (end == NULL)
			return -1;
		*end++ = '\0';
	}
	end = strchr(end, ':');
	if (end == NULL)
		return -1;
	*end = '\0';
	*value = end + 1;
	for (end = *name + strlen(*name); end > *name && text_is_blank(end[-1]); end--)
		end[-1] = '\0';
	return **name != '\0' ? 0 : -1;
}

/* The end of a logical line: where one begins that isn't indented. Line ends in it become blanks. */
static char *
join_lines(char *at, unsigned *lines)
{
	char *end;

	for (;;) {
		end = at + strcspn(at, "\n");
		++*lines;
		if (*end == '\0' || !text_is_blank(end[1]))
			return end;
		*end = ' ';
		if (end > at && end[-1] == '\r')
			end[-1] = ' ';
		at = end;
	}
}

/* A comment becomes blanks, so that one within a list doesn't end it. */
static void
blank_comments(char *at)
{
	size_t n;

	for (; *at != '\0'; at += n + (at[n] != '\0')) {
		n = strcspn(at, "\n");
		if (at[strspn(at, " \t")] == '#')
			memset(at, ' ', n);
	}
}

static int
parse(struct aliases *a, const char *path, struct err *e)
{
	char *at = a->text, *end, *name, *value;
	unsigned line = 1, lines;

	/* What would end the text, or make one line of many, would hide the names behind it. */
	for (end = at; end < at + a->text_len; end++) {
		if (*end == '\0' || (*end == '\r' && end[1] != '\n'))
			return err_set(e, ERR_CONFIG,
				"%s: a NUL or a lone carriage return is in it", path);
	}
	blank_comments(at);
	for (; *at != '\0'; line += lines) {
		lines = 0;
		end = join_lines(at, &lines);
		value = end;
		end += *end != '\0';
		*value = '\0';
		if (value > at && value[-1] == '\r')
			value[-1] = '\0';
		if (at[strspn(at, " \t\r")] != '\0') {
			at += strspn(at, " \t\r");
			if (split(at, &name, &value) == -1)
				return err_set(e, ERR_CONFIG,
					"%s:%u: neither name: value nor # comment", path, line);
			if (add(a, name, value, e) == -1)
				return -1;
		}
		at = end;
	}
	return 0;
}

int
aliases_load(struct aliases *a, const struct profile_file *f, const char *path, struct err *e)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->entries[i].section, "aliases") == 0 &&
			add(a, f->entries[i].key, f->entries[i].value, e) == -1)
			return -1;
	}
	if (path != NULL && (open_file(a, path, e) == -1 || parse(a, path, e) == -1))
		return -1;
	if (a->n > 1)
		qsort(a->list, a->n, sizeof(a->list[0]), compare);
	return 0;
}

const struct alias *
aliases_find(const struct aliases *a, const char *name, size_t *n)
{
	size_t low = 0, high = a->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_names(a->list[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < a->n && compare_names(a->list[low + *n].name, name) == 0;)
		++*n;
	return *n > 0 ? &a->list[low] : NULL;
}

int
aliases_check(const struct aliases *a, struct err *e)
{
	struct err cause;
	size_t i;

	for (i = 0; i < a->n; i++) {
		err_clear(&cause);
		if (profile_check_alias(a->list[i].value, &cause) == -1)
			return err_set(e, ERR_CONFIG, "alias %s: %s", a->list[i].name, cause.text);
	}
	return 0;
}
