/* SPDX-License-Identifier: ISC */
/* value.c: a key's value: ${NAME} in it expanded, set, shown, cleared. Knows no key by name. */
#include "value_kinds.h"

#include <stdlib.h>
#include <string.h>

/* ${NAME} is the environment's; $${ is a literal ${. */
static int
expand(const struct value_reading *r, const char *text, struct text *out)
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
			return value_wrong(
				r, "%s", "a ${NAME} is open, empty or too long; $${ is a plain ${");
		memcpy(name, at + 2, n);
		name[n] = '\0';
		value = r->world->variable(r->world, name);
		if (value == NULL)
			return value_wrong(r, "${%s} isn't set in the environment", name);
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
value_expand(const char *text, const struct world *w, char *out, size_t size, struct err *why)
{
	struct value_reading r = {.world = w, .why = why};
	struct text expanded;

	err_clear(why);
	text_fixed(&expanded, out, size);
	if (expand(&r, text, &expanded) == -1)
		return -1;
	if (expanded.cut)
		return value_wrong(&r, "%s", "it is too long");
	return is_clean(out) ? 0 : value_wrong(&r, "%s", "it holds a control character");
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
	const struct world *w, struct err *why)
{
	struct value_reading r = {key, (char *)base + key->field, continues, of_home, w, why};
	char buf[VALUE_EXPANDED_MAX];
	int result;

	err_clear(why);
	/* The environment chooses no file and no program. */
	if ((key->kind == VALUE_PATH || key->kind == VALUE_COMMAND) && has_variable(text))
		return value_wrong(&r, "%s", "no ${NAME} can stand in a path or a command");
	result = value_expand(text, w, buf, sizeof(buf), why);
	if (result == 0)
		result = value_read(&r, buf);
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
		value_clear_hosts(field);
	if (is_list(key))
		value_clear_list(field);
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
