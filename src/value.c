/* SPDX-License-Identifier: ISC */
/* value.c: the kinds of values that a profile's keys have. Knows no key by name. */
#include "value.h"
#include "addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* What a value is read with. */
struct reading {
	const struct value_key *key;
	void *field;
	bool continues, of_home;
	const struct world *world;
	char *why;
	size_t why_size;
};

static int
wrong(const struct reading *r, const char *fmt, const char *detail)
{
	(void)text_format(r->why, r->why_size, fmt, detail);
	return -1;
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
keep(const struct reading *r, const char *text)
{
	char **field = r->field, *copy = text_copy(text, strlen(text));

	if (copy == NULL)
		return wrong(r, "%s", "memory ran out");
	if (*field != NULL)
		text_wipe(*field, strlen(*field));
	free(*field);
	*field = copy;
	return 0;
}

static int
set_text(const struct reading *r, const char *text)
{
	return text[0] == '\0' ? wrong(r, "%s", "it is empty") : keep(r, text);
}

static int
set_path(const struct reading *r, const char *text)
{
	char path[VALUE_EXPANDED_MAX];
	const char *home, *words = r->key->words;

	if (word_number(words, text, strlen(text)) != -1 || text[0] == '/')
		return keep(r, text);
	if (strncmp(text, "~/", 2) == 0 && r->of_home) {
		home = r->world->home(r->world);
		if (home == NULL)
			return wrong(r, "%s", "the password database names no home");
		if (!text_format(path, sizeof(path), "%s%s", home, text + 1))
			return wrong(r, "%s", "it is too long");
		return keep(r, path);
	}
	if (words != NULL && strcmp(words, "*") == 0 && text[0] != '\0' &&
		strchr(text, '/') == NULL)
		return keep(r, text);
	return wrong(r, "\"%s\" is no absolute path", text);
}

static int
set_host(const struct reading *r, const char *text)
{
	return addr_is_host(text) ? keep(r, text) : wrong(r, "\"%s\" is no host name", text);
}

static int
set_address(const struct reading *r, const char *text)
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
		return wrong(r, "%s", cause);
	}
	if (box.null)
		return wrong(r, "%s", "it is the null address");
	/* Angle brackets and a display name aren't part of it. */
	(void)text_format(sample, sizeof(sample), "%.*s", (int)(box.spec.end - box.spec.start),
		text + box.spec.start);
	return keep(r, sample);
}

/* Splits "name:port", "[v6]:port", "v6" in place. */
static int
read_host(const struct reading *r, char *item, struct value_host *h)
{
	unsigned char v6[16];
	char *name = item, *port = NULL, *close;

	if (inet_pton(AF_INET6, item, v6) != 1)
		port = strrchr(item, ':');
	if (item[0] == '[') {
		close = strchr(item, ']');
		if (close == NULL || (close[1] != '\0' && close[1] != ':'))
			return wrong(r, "\"%s\" is no host", item);
		port = close[1] == ':' ? close + 1 : NULL;
		*close = '\0';
		name = item + 1;
		if (inet_pton(AF_INET6, name, v6) != 1)
			return wrong(r, "\"%s\" is no IPv6 address", name);
	}
	h->port = 0;
	h->tls = 0;
	if (port != NULL) {
		*port = '\0';
		h->port = (int)text_number(port + 1, 65535);
		if (h->port < 1)
			return wrong(r, "\"%s\" is no port", port + 1);
	}
	if (!addr_is_host(name))
		return wrong(r, "\"%s\" is no host name", name);
	h->name = text_copy(name, strlen(name));
	return h->name != NULL ? 0 : wrong(r, "%s", "memory ran out");
}

static void
clear_hosts(struct value_hosts *hosts)
{
	while (hosts->n > 0)
		free(hosts->list[--hosts->n].name);
}

static int
set_hosts(const struct reading *r, const char *text)
{
	struct value_hosts *hosts = r->field;
	char item[300];
	size_t n;

	if (!r->continues)
		clear_hosts(hosts);
	for (text += strspn(text, ", \t"); *text != '\0'; text += strspn(text, ", \t")) {
		n = strcspn(text, ", \t");
		if (hosts->n == VALUE_HOSTS_MAX || n >= sizeof(item))
			return wrong(r, "%s", "too many hosts, or too long a name");
		memcpy(item, text, n);
		item[n] = '\0';
		if (read_host(r, item, &hosts->list[hosts->n]) == -1)
			return -1;
		hosts->n++;
		text += n;
	}
	return hosts->n > 0 ? 0 : wrong(r, "%s", "it is empty");
}

static void
clear_list(struct value_list *list)
{
	while (list->n > 0)
		free(list->item[--list->n]);
}

static int
set_list(const struct reading *r, const char *text)
{
	struct value_list *list = r->field;

	if (!r->continues)
		clear_list(list);
	if (text[0] == '\0')
		return wrong(r, "%s", "it is empty");
	if (list->n == VALUE_LIST_MAX)
		return wrong(r, "%s", "the list is too long");
	list->item[list->n] = text_copy(text, strlen(text));
	if (list->item[list->n] == NULL)
		return wrong(r, "%s", "memory ran out");
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
set_pins(const struct reading *r, const char *text)
{
	struct reading item = *r;
	char pin[64];
	size_t n;

	for (text += strspn(text, ", \t"); *text != '\0'; text += strspn(text, ", \t")) {
		n = strcspn(text, ", \t");
		if (!text_format(pin, sizeof(pin), "%.*s", (int)n, text) || !is_pin(pin))
			return wrong(r, "%s",
				"a pin is sha256: and the base64 of a key's SHA-256 (32 bytes)");
		if (set_list(&item, pin) == -1)
			return -1;
		item.continues = true;
		text += n;
	}
	return item.continues ? 0 : wrong(r, "%s", "it is empty");
}

static int
set_command(const struct reading *r, const char *text)
{
	return text[0] == '/' ? keep(r, text)
			      : wrong(r, "%s", "it begins with the absolute path of a program");
}

static int
set_word(const struct reading *r, const char *text)
{
	int number = word_number(r->key->words, text, strlen(text));

	if (number == -1)
		return wrong(r, "it is one of: %s", r->key->words);
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
set_words(const struct reading *r, const char *text)
{
	const char *at = text;
	size_t n;
	int number;

	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		n = strcspn(at, " ");
		number = any_case_number(r->key->words, at, n);
		/* The two of small letters stand alone: "auto", "off". */
		if (number == -1 || (number < 2 && (n != strlen(text) || text_lower(*at) != *at)))
			return wrong(r,
				"it is one of the first two words alone, or some of the "
				"others, with blanks between them: %s",
				r->key->words);
		at += n;
	}
	return set_text(r, text);
}

static int
set_yes(const struct reading *r, const char *text)
{
	int number = word_number("no yes", text, strlen(text));

	if (number == -1)
		return wrong(r, "%s", "it is yes or no");
	*(bool *)r->field = number == 1;
	return 0;
}

static int
set_range(const struct reading *r, long long value, const char *unit)
{
	if (value >= r->key->low && value <= r->key->high) {
		*(int *)r->field = (int)value;
		return 0;
	}
	(void)text_format(
		r->why, r->why_size, "it is a %s from %d to %d", unit, r->key->low, r->key->high);
	return -1;
}

static int
set_number(const struct reading *r, const char *text)
{
	return set_range(r, text_number(text, 1000000000), "number");
}

static int
set_port(const struct reading *r, const char *text)
{
	if (strcmp(text, "auto") != 0)
		return set_range(r, text_number(text, 1000000000), "port, or auto; a number");
	*(int *)r->field = VALUE_PORT_AUTO;
	return 0;
}

/* A number with one letter for its unit behind it, or none. */
static int
set_units(const struct reading *r, const char *text, const char *letters, const int *factors,
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
set_time(const struct reading *r, const char *text)
{
	static const int seconds[] = {1, 60, 3600, 86400};

	return set_units(r, text, "smhd", seconds, "time (10s, 5m, 1h) in seconds");
}

static int
set_size(const struct reading *r, const char *text)
{
	static const int bytes[] = {1024, 1024 * 1024};

	return set_units(r, text, "KM", bytes, "size (64K, 25M) in bytes");
}

static const struct {
	int (*set)(const struct reading *r, const char *text);
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

/* ${NAME} is the environment's; $${ is a literal ${. */
static int
expand(const struct reading *r, const char *text, struct text *out)
{
	char name[128];
	const char *at = text, *end, *value;
	size_t n;

	while ((at = strchr(at, '$')) != NULL) {
		if (at[1] == '$' && at[2] == '{') {
			text_add(out, text, (size_t)(at - text));
			text_add(out, "${", 2);
			text = at = at + 3;
			continue;
		}
		if (at[1] != '{') {
			at++;
			continue;
		}
		text_add(out, text, (size_t)(at - text));
		end = strchr(at, '}');
		n = end != NULL ? (size_t)(end - at) - 2 : 0;
		if (n == 0 || n >= sizeof(name))
			return wrong(
				r, "%s", "a ${NAME} is open, empty or too long; $${ is a plain ${");
		memcpy(name, at + 2, n);
		name[n] = '\0';
		value = r->world->variable(r->world, name);
		if (value == NULL)
			return wrong(r, "${%s} isn't set in the environment", name);
		text_puts(out, value);
		text = at = end + 1;
	}
	text_puts(out, text);
	return 0;
}

static bool
is_clean(const char *s)
{
	for (; *s != '\0'; s++) {
		if (text_is_control(*s))
			return false;
	}
	return true;
}

int
value_expand(
	const char *text, const struct world *w, char *out, size_t size, char *why, size_t why_size)
{
	struct reading r = {.world = w, .why = why, .why_size = why_size};
	struct text expanded;

	text_fixed(&expanded, out, size);
	if (expand(&r, text, &expanded) == -1)
		return -1;
	if (expanded.cut)
		return wrong(&r, "%s", "it is too long");
	return is_clean(out) ? 0 : wrong(&r, "%s", "it holds a control character");
}

static bool
is_list(const struct value_key *key)
{
	return key->kind == VALUE_LIST || key->kind == VALUE_PINS;
}

bool
value_is_list(const struct value_key *key)
{
	return key->kind == VALUE_HOSTS || is_list(key);
}

static bool
has_variable(const char *text)
{
	while ((text = strchr(text, '$')) != NULL) {
		if (*++text == '{')
			return true;
	}
	return false;
}

int
value_set(const struct value_key *key, void *base, const char *text, bool continues, bool of_home,
	const struct world *w, char *why, size_t why_size)
{
	struct reading r = {key, (char *)base + key->field, continues, of_home, w, why, why_size};
	char buf[VALUE_EXPANDED_MAX];
	int result;

	/* The environment chooses no file and no program. */
	if ((key->kind == VALUE_PATH || key->kind == VALUE_COMMAND) && has_variable(text))
		return wrong(&r, "%s", "no ${NAME} can stand in a path or a command");
	result = value_expand(text, w, buf, sizeof(buf), why, why_size);
	if (result == 0)
		result = kinds[key->kind].set(&r, buf);
	text_wipe(buf, sizeof(buf));
	return result;
}

static bool
is_string(const struct value_key *key)
{
	return key->kind <= VALUE_ADDRESS || key->kind == VALUE_WORDS;
}

void
value_clear(const struct value_key *key, void *base)
{
	void *field = (char *)base + key->field;
	char **string = field;

	if (key->kind == VALUE_HOSTS)
		clear_hosts(field);
	if (is_list(key))
		clear_list(field);
	if (!is_string(key) || *string == NULL)
		return;
	text_wipe(*string, strlen(*string));
	free(*string);
	*string = NULL;
}

void
value_host_words(const struct value_host *h, struct text *out)
{
	text_printf(out, strchr(h->name, ':') != NULL ? "[%s]:" : "%s:", h->name);
	if (h->port == VALUE_PORT_AUTO)
		text_puts(out, "auto");
	else
		text_printf(out, "%d", h->port);
}

static void
show_hosts(const struct value_hosts *hosts, struct text *out)
{
	size_t i;

	for (i = 0; i < hosts->n; i++) {
		const struct value_host *h = &hosts->list[i];

		text_puts(out, i > 0 ? " " : "");
		value_host_words(h, out);
	}
}

static void
show_list(const struct value_list *list, struct text *out)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		text_puts(out, i > 0 ? "\n  " : "");
		text_puts(out, list->item[i]);
	}
}

static void
show_word(const struct value_key *key, int number, struct text *out)
{
	const char *words = key->words;

	for (number -= key->low; number > 0; number--)
		words += strcspn(words, " ") + 1;
	text_add(out, words, strcspn(words, " "));
}

void
value_show(const struct value_key *key, const void *base, struct text *out)
{
	const void *field = (const char *)base + key->field;
	const char *string = is_string(key) ? *(char *const *)field : NULL;
	bool unset = (is_string(key) && string == NULL) ||
		     ((key->kind == VALUE_NUMBER || key->kind == VALUE_PORT ||
			      key->kind == VALUE_SIZE) &&
			     *(const int *)field == 0) ||
		     (is_list(key) && ((const struct value_list *)field)->n == 0) ||
		     (key->kind == VALUE_WORD && *(const int *)field < key->low) ||
		     (key->kind == VALUE_HOSTS && ((const struct value_hosts *)field)->n == 0);

	if (unset)
		return;
	text_printf(out, "%s = ", key->name);
	if (key->kind == VALUE_SECRET)
		text_puts(out, "***");
	else if (is_string(key))
		text_puts(out, string);
	else if (key->kind == VALUE_HOSTS)
		show_hosts(field, out);
	else if (is_list(key))
		show_list(field, out);
	else if (key->kind == VALUE_WORD)
		show_word(key, *(const int *)field, out);
	else if (key->kind == VALUE_PORT && *(const int *)field == VALUE_PORT_AUTO)
		text_puts(out, "auto");
	else if (key->kind == VALUE_YES)
		text_puts(out, *(const bool *)field ? "yes" : "no");
	else
		text_printf(out, "%d%s", *(const int *)field, key->kind == VALUE_TIME ? "s" : "");
	text_char(out, '\n');
}
