/* SPDX-License-Identifier: ISC */
/* value_kinds.c: what text a value of each kind can be, and what it becomes. Expands nothing. */
#include "value_kinds.h"
#include "addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int
value_wrong(const struct value_reading *r, const char *fmt, const char *detail)
{
	return err_set(r->why, ERR_CONFIG, fmt, detail);
}

static int
no_memory(const struct value_reading *r)
{
	return err_set(r->why, ERR_SYSTEM, "memory ran out");
}

/* "word" or "word word": the number of text among them, or -1. */
static int
word_number(const char *words, const char *text, size_t len)
{
	int number = 0;
	size_t n;

	for (; words != NULL && *words != '\0'; words += n, number++) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		if (n == len && strncmp(words, text, n) == 0)
			return number;
	}
	return -1;
}

static int
keep(const struct value_reading *r, const char *text)
{
	char **field = r->field, *copy = text_copy(text, strlen(text));

	if (copy == NULL)
		return no_memory(r);
	if (*field != NULL)
		text_wipe(*field, strlen(*field));
	free(*field);
	*field = copy;
	return 0;
}

static int
set_text(const struct value_reading *r, const char *text)
{
	return text[0] == '\0' ? value_wrong(r, "%s", "it is empty") : keep(r, text);
}

static int
set_path(const struct value_reading *r, const char *text)
{
	char path[VALUE_EXPANDED_MAX];
	const char *home, *words = r->key->words;

	if (word_number(words, text, strlen(text)) != -1 || text[0] == '/')
		return keep(r, text);
	if (strncmp(text, "~/", 2) == 0 && r->of_home) {
		home = r->world->home(r->world);
		if (home == NULL)
			return value_wrong(r, "%s", "the password database names no home");
		if (!text_format(path, sizeof(path), "%s%s", home, text + 1))
			return value_wrong(r, "%s", "it is too long");
		return keep(r, path);
	}
	if (words != NULL && strcmp(words, "*") == 0 && text[0] != '\0' &&
		strchr(text, '/') == NULL)
		return keep(r, text);
	return value_wrong(r, "\"%s\" is no absolute path", text);
}

static int
set_host(const struct value_reading *r, const char *text)
{
	return addr_is_host(text) ? keep(r, text) : value_wrong(r, "\"%s\" is no host name", text);
}

static int
set_address(const struct value_reading *r, const char *text)
{
	char sample[VALUE_EXPANDED_MAX], cause[256];
	struct err e = {.kind = ERR_NONE};
	struct addr_box box;
	size_t i;

	/* %u and %h are filled in later: here a letter stands for each. */
	(void)text_format(sample, sizeof(sample), "%s", text);
	for (i = 0; sample[i] != '\0'; i++) {
		if (sample[i] == '%' && (sample[i + 1] == 'u' || sample[i + 1] == 'h'))
			sample[i] = 'x';
	}
	if (addr_one(sample, "address", &box, &e) == -1) {
		(void)text_format(cause, sizeof(cause), "%.200s", e.text);
		return value_wrong(r, "%s", cause);
	}
	if (box.null)
		return value_wrong(r, "%s", "it is the null address");
	/* Angle brackets and a display name aren't part of it. */
	(void)text_format(sample, sizeof(sample), "%.*s", (int)(box.spec.end - box.spec.start),
		text + box.spec.start);
	return keep(r, sample);
}

/* Splits "name:port", "[v6]:port", "v6" in place. */
static int
read_host(const struct value_reading *r, char *item, struct value_host *h)
{
	unsigned char v6[16];
	char *name = item, *port = NULL, *close;

	if (inet_pton(AF_INET6, item, v6) != 1)
		port = strrchr(item, ':');
	if (item[0] == '[') {
		close = strchr(item, ']');
		if (close == NULL || (close[1] != '\0' && close[1] != ':'))
			return value_wrong(r, "\"%s\" is no host", item);
		port = close[1] == ':' ? close + 1 : NULL;
		*close = '\0';
		name = item + 1;
		if (inet_pton(AF_INET6, name, v6) != 1)
			return value_wrong(r, "\"%s\" is no IPv6 address", name);
	}
	h->port = 0;
	h->tls = 0;
	if (port != NULL) {
		*port = '\0';
		h->port = (int)text_number(port + 1, 65535);
		if (h->port < 1)
			return value_wrong(r, "\"%s\" is no port", port + 1);
	}
	if (!addr_is_host(name))
		return value_wrong(r, "\"%s\" is no host name", name);
	h->name = text_copy(name, strlen(name));
	return h->name != NULL ? 0 : no_memory(r);
}

void
value_clear_hosts(struct value_hosts *hosts)
{
	while (hosts->n > 0)
		free(hosts->list[--hosts->n].name);
}

static int
set_hosts(const struct value_reading *r, const char *text)
{
	struct value_hosts *hosts = r->field;
	char item[300];
	size_t n;

	if (!r->continues)
		value_clear_hosts(hosts);
	for (text += strspn(text, ", \t"); *text != '\0'; text += strspn(text, ", \t")) {
		n = strcspn(text, ", \t");
		if (hosts->n == VALUE_HOSTS_MAX || n >= sizeof(item))
			return value_wrong(r, "%s", "too many hosts, or too long a name");
		memcpy(item, text, n);
		item[n] = '\0';
		if (read_host(r, item, &hosts->list[hosts->n]) == -1)
			return -1;
		hosts->n++;
		text += n;
	}
	return hosts->n > 0 ? 0 : value_wrong(r, "%s", "it is empty");
}

void
value_clear_list(struct value_list *list)
{
	while (list->n > 0)
		free(list->item[--list->n]);
}

static int
set_list(const struct value_reading *r, const char *text)
{
	struct value_list *list = r->field;

	if (!r->continues)
		value_clear_list(list);
	if (text[0] == '\0')
		return value_wrong(r, "%s", "it is empty");
	if (list->n == VALUE_LIST_MAX)
		return value_wrong(r, "%s", "the list is too long");
	list->item[list->n] = text_copy(text, strlen(text));
	if (list->item[list->n] == NULL)
		return no_memory(r);
	list->n++;
	return 0;
}

/* RFC 7469 2.4 wrote it like this: the hash of a SubjectPublicKeyInfo. */
static bool
is_pin(const char *s)
{
	unsigned char hash[32];

	return strncmp(s, "sha256:", 7) == 0 &&
	       text_unbase64(s + 7, strlen(s + 7), hash, sizeof(hash)) == sizeof(hash);
}

static int
set_pins(const struct value_reading *r, const char *text)
{
	struct value_reading item = *r;
	char pin[64];
	size_t n;

	for (text += strspn(text, ", \t"); *text != '\0'; text += strspn(text, ", \t")) {
		n = strcspn(text, ", \t");
		if (!text_format(pin, sizeof(pin), "%.*s", (int)n, text) || !is_pin(pin))
			return value_wrong(r, "%s",
				"a pin is sha256: and the base64 of a key's SHA-256 (32 bytes)");
		if (set_list(&item, pin) == -1)
			return -1;
		item.continues = true;
		text += n;
	}
	return item.continues ? 0 : value_wrong(r, "%s", "it is empty");
}

static int
set_command(const struct value_reading *r, const char *text)
{
	return text[0] == '/'
		       ? keep(r, text)
		       : value_wrong(r, "%s", "it begins with the absolute path of a program");
}

static int
set_word(const struct value_reading *r, const char *text)
{
	int number = word_number(r->key->words, text, strlen(text));

	if (number == -1)
		return value_wrong(r, "it is one of: %s", r->key->words);
	*(int *)r->field = r->key->low + number;
	return 0;
}

/* The number of the word that these n bytes are, whatever their case. */
static int
any_case_number(const char *words, const char *text, size_t n)
{
	char word[32];
	size_t i;

	if (n >= sizeof(word))
		return -1;
	for (i = 0; i < n; i++)
		word[i] = text_lower(text[i]);
	if (word_number(words, word, n) != -1)
		return word_number(words, word, n);
	for (i = 0; i < n; i++)
		word[i] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i]);
	return word_number(words, word, n);
}

static int
set_words(const struct value_reading *r, const char *text)
{
	const char *at = text;
	size_t n;
	int number;

	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		n = strcspn(at, " ");
		number = any_case_number(r->key->words, at, n);
		/* The two of small letters stand alone: "auto", "off". */
		if (number == -1 || (number < 2 && (n != strlen(text) || text_lower(*at) != *at)))
			return value_wrong(r,
				"it is one of the first two words alone, or some of the "
				"others, with blanks between them: %s",
				r->key->words);
		at += n;
	}
	return set_text(r, text);
}

static int
set_yes(const struct value_reading *r, const char *text)
{
	int number = word_number("no yes", text, strlen(text));

	if (number == -1)
		return value_wrong(r, "%s", "it is yes or no");
	*(bool *)r->field = number == 1;
	return 0;
}

static int
set_range(const struct value_reading *r, long long value, const char *unit)
{
	if (value >= r->key->low && value <= r->key->high) {
		*(int *)r->field = (int)value;
		return 0;
	}
	return err_set(
		r->why, ERR_CONFIG, "it is a %s from %d to %d", unit, r->key->low, r->key->high);
}

static int
set_number(const struct value_reading *r, const char *text)
{
	return set_range(r, text_number(text, 1000000000), "number");
}

static int
set_port(const struct value_reading *r, const char *text)
{
	if (strcmp(text, "auto") != 0)
		return set_range(r, text_number(text, 1000000000), "port, or auto; a number");
	*(int *)r->field = VALUE_PORT_AUTO;
	return 0;
}

/* A number with one letter for its unit behind it, or none. */
static int
set_units(const struct value_reading *r, const char *text, const char *letters, const int *factors,
	const char *unit)
{
	char digits[12];
	size_t n = strlen(text);
	const char *letter = n > 0 ? strchr(letters, text[n - 1]) : NULL;
	int factor = 1;

	if (letter != NULL) {
		factor = factors[letter - letters];
		n--;
	}
	if (n >= sizeof(digits))
		n = 0;
	memcpy(digits, text, n);
	digits[n] = '\0';
	return set_range(r, text_number(digits, 2147483647) * factor, unit);
}

static int
set_time(const struct value_reading *r, const char *text)
{
	static const int seconds[] = {1, 60, 3600, 86400};

	return set_units(r, text, "smhd", seconds, "time (10s, 5m, 1h) in seconds");
}

static int
set_size(const struct value_reading *r, const char *text)
{
	static const int bytes[] = {1024, 1024 * 1024};

	return set_units(r, text, "KM", bytes, "size (64K, 25M) in bytes");
}

static const struct {
	int (*set)(const struct value_reading *r, const char *text);
} kinds[] = {
	[VALUE_TEXT] = {set_text},
	[VALUE_SECRET] = {set_text},
	[VALUE_PATH] = {set_path},
	[VALUE_HOST] = {set_host},
	[VALUE_COMMAND] = {set_command},
	[VALUE_ADDRESS] = {set_address},
	[VALUE_HOSTS] = {set_hosts},
	[VALUE_WORD] = {set_word},
	[VALUE_WORDS] = {set_words},
	[VALUE_YES] = {set_yes},
	[VALUE_NUMBER] = {set_number},
	[VALUE_PORT] = {set_port},
	[VALUE_LIST] = {set_list},
	[VALUE_PINS] = {set_pins},
	[VALUE_SIZE] = {set_size},
	[VALUE_TIME] = {set_time},
};

int
value_read(const struct value_reading *r, const char *text)
{
	return kinds[r->key->kind].set(r, text);
}
