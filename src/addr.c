/* SPDX-License-Identifier: ISC */
/* addr.c: RFC 5322 address lists taken apart. Knows no profile and changes nothing. */
#include "addr.h"
#include "text.h"

#include <arpa/inet.h>
#include <string.h>

void
addr_open(struct addr_list *l, const char *text, size_t len, bool folded)
{
	*l = (struct addr_list){.text = text, .len = len, .folded = folded};
}

/* On a command line a control character is an attack, wherever it stands; a header folds lines. */
static bool
has_control(const struct addr_list *l)
{
	size_t i;

	for (i = 0; !l->folded && i < l->len; i++) {
		if (text_is_control(l->text[i]) && l->text[i] != '\t')
			return true;
	}
	return false;
}

size_t
addr_enclosed(const char *s, size_t n)
{
	bool comment = s[0] == '(';
	size_t depth = 0, i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\\') {
			i++;
			continue;
		}
		if (comment && s[i] == '(')
			depth++;
		if (comment ? s[i] == ')' && --depth == 0 : s[i] == '"' && i > 0)
			return i + 1;
	}
	return 0;
}

static bool
is_space(const struct addr_list *l, char c)
{
	return text_is_blank(c) || (l->folded && (c == '\r' || c == '\n'));
}

/* RFC 5322 3.2.3 atext, and any byte of UTF-8 (RFC 6532 3.2). */
static bool
is_atom(char c)
{
	return c != '\0' && !text_is_control(c) && strchr(" ()<>[]:;@\\,.\"", c) == NULL;
}

static int
refuse(const struct addr_list *l, const char *why, struct err *e)
{
	struct text shown;
	char buf[160];
	size_t start = l->at < l->len ? l->at : 0, n = l->len - start;

	text_fixed(&shown, buf, sizeof(buf));
	text_masked(&shown, l->text + start, n < 100 ? n : 100);
	return err_set(e, ERR_DATA, "not an address: \"%s%s\": %s", buf, n > 100 ? "..." : "", why);
}

/*
 * Steps over blanks and comments from i on. Returns the new place, or len + 1 where a comment never
 * ends.
 */
static size_t
skip_blanks(const struct addr_list *l, size_t i)
{
	size_t n;

	while (i < l->len) {
		if (is_space(l, l->text[i]))
			i++;
		else if (l->text[i] == '(') {
			n = addr_enclosed(l->text + i, l->len - i);
			if (n == 0)
				return l->len + 1;
			i += n;
		} else
			break;
	}
	return i;
}

/* RFC 5321 4.1.3: the inside of [192.0.2.1], [IPv6:2001:db8::1], [tag:...]. */
static bool
is_literal(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!text_is_alnum(s[i]) && (s[i] == '\0' || strchr(".:-", s[i]) == NULL))
			return false;
	}
	return n > 0;
}

/* Bytes of the token at i: a word (atom, quoted string), a domain literal, or one special. */
static size_t
token(const struct addr_list *l, size_t i)
{
	size_t n = 0;

	if (l->text[i] == '"')
		return addr_enclosed(l->text + i, l->len - i);
	if (l->text[i] == '[') {
		while (i + n < l->len && l->text[i + n] != ']')
			n++;
		return i + n < l->len ? n + 1 : 0;
	}
	while (i + n < l->len && is_atom(l->text[i + n]))
		n++;
	return n > 0 ? n : 1;
}

/* A character that ends a line or steers a terminal: ASCII's, C1's, U+2028 and U+2029. */
static bool
is_control(const char *s, size_t n)
{
	if (n == 1)
		return text_is_control(s[0]);
	if (n == 2)
		return s[0] == '\xc2' && (unsigned char)s[1] < 0xa0;
	return n == 3 && (memcmp(s, "\xe2\x80\xa8", 3) == 0 || memcmp(s, "\xe2\x80\xa9", 3) == 0);
}

/* A token's bytes into the address: no control may get through, folding least of all. */
static int
take(const struct addr_list *l, struct text *out, size_t i, size_t n, struct err *e)
{
	size_t k, u;

	for (k = 0; k < n; k += u) {
		u = text_utf8(l->text + i + k, n - k);
		if (u == 0)
			return refuse(l, "it is not UTF-8", e);
		if (is_control(l->text + i + k, u))
			return refuse(l, "it holds a control character", e);
	}
	text_add(out, l->text + i, n);
	return out->cut ? refuse(l, "it is too long", e) : 0;
}

/* What a token may follow within local-part or domain. */
enum place { AT_START, AFTER_WORD, AFTER_DOT };

/* Reads addr-spec from i to end (RFC 5322 3.4.1, obs-local-part); a bare local part will do. */
static int
read_spec(const struct addr_list *l, size_t i, size_t end, struct addr_box *box, struct err *e)
{
	enum place place = AT_START;
	struct text out;
	size_t n;

	text_fixed(&out, box->address, sizeof(box->address));
	box->spec.start = box->spec.end = i;
	for (i = skip_blanks(l, i); i < end; i = skip_blanks(l, i + n)) {
		char c = l->text[i];

		n = token(l, i);
		if (n == 0 || i + n > end)
			return refuse(l, "a quote or bracket is open", e);
		if (out.len == 0)
			box->spec.start = i;
		if (c == '@') {
			if (box->domain != NULL || place == AT_START)
				return refuse(l, "an @ is out of place", e);
			box->domain = box->address + out.len + 1;
			place = AT_START;
		} else if (c == '.') {
			place = AFTER_DOT;
		} else if (is_atom(c) || (c == '"' && box->domain == NULL) ||
			   (c == '[' && box->domain != NULL && place == AT_START)) {
			if (place == AFTER_WORD)
				return refuse(l, "words without a dot or @ between them", e);
			if (c == '[' && !is_literal(l->text + i + 1, n - 2))
				return refuse(l, "between [ and ] is no address", e);
			place = AFTER_WORD;
		} else
			return refuse(l, "a special character is out of place", e);
		if (take(l, &out, i, n, e) == -1)
			return -1;
		box->spec.end = i + n;
	}
	if (out.len == 0)
		return refuse(l, "nothing is there", e);
	if (box->domain != NULL && place == AT_START)
		return refuse(l, "nothing follows the @", e);
	for (i = 0; i < out.len; i++)
		box->eight_bit = box->eight_bit || (unsigned char)box->address[i] > 0x7f;
	return 0;
}

/* What stands between angle brackets: i is behind the opening one. Returns the place behind. */
static int
read_angle(struct addr_list *l, size_t i, struct addr_box *box, struct err *e)
{
	size_t first = skip_blanks(l, i), end = first, start = first, n;

	for (; end < l->len && l->text[end] != '>'; end = skip_blanks(l, end + n)) {
		n = token(l, end);
		if (n == 0)
			return refuse(l, "a quote or bracket is open", e);
		if (l->text[end] == '<')
			return refuse(l, "a bracket within brackets", e);
		/* RFC 5322 4.4: <@a,@b:user@c> has a route, to be ignored. */
		if (l->text[end] == ':' && l->text[first] == '@')
			start = end + 1;
	}
	if (end >= l->len)
		return refuse(l, "a bracket is open", e);
	if (end == first) {
		box->null = true;
		box->address[0] = '\0';
		box->spec = (struct addr_span){end, end};
	} else if (read_spec(l, start, end, box, e) == -1)
		return -1;
	i = skip_blanks(l, end + 1);
	if (i < l->len && l->text[i] != ',' && l->text[i] != ';')
		return refuse(l, "words follow the bracket", e);
	l->at = i;
	return 1;
}

/* Steps over what separates list members. */
static size_t
skip_separators(const struct addr_list *l, size_t i)
{
	for (i = skip_blanks(l, i); i < l->len; i = skip_blanks(l, i + 1)) {
		if (l->text[i] != ',' && l->text[i] != ';')
			break;
	}
	return i;
}

/* A group's name ends behind i: begins again with its first member. -1 where it is no name. */
static int
enter_group(struct addr_list *l, size_t i, bool is_phrase, struct err *e)
{
	/* bob@x y: carol@x has lost a comma, and bob must not be lost with it. */
	if (!is_phrase)
		return refuse(l, "a colon is out of place", e);
	l->at = skip_separators(l, i + 1);
	return 0;
}

int
addr_next(struct addr_list *l, struct addr_box *box, struct err *e)
{
	bool is_phrase = true; /* words alone, so far: a group's name may be made of them */
	size_t start, i, n;

	box->domain = NULL;
	box->angle = box->null = box->eight_bit = false;
	box->name = (struct addr_span){0, 0};
	if (l->at == 0 && has_control(l))
		return refuse(l, "it holds a control character", e);
	start = l->at = skip_separators(l, l->at);
	for (i = start; i < l->len; i = skip_blanks(l, i + n)) {
		if (l->text[i] == ',' || l->text[i] == ';')
			break;
		n = token(l, i);
		if (n == 0)
			return refuse(l, "a quote or bracket is open", e);
		if (l->text[i] == ':' && i > start) {
			if (enter_group(l, i, is_phrase, e) == -1)
				return -1;
			start = i = l->at;
			is_phrase = true;
			n = 0;
			continue;
		}
		if (l->text[i] == '<') {
			box->name = (struct addr_span){start, i};
			box->angle = true;
			return read_angle(l, i + 1, box, e);
		}
		is_phrase = is_phrase && (is_atom(l->text[i]) || strchr("\".", l->text[i]) != NULL);
	}
	if (i > l->len)
		return refuse(l, "a comment is open", e);
	if (start >= l->len)
		return 0;
	if (read_spec(l, start, i, box, e) == -1)
		return -1;
	l->at = i;
	return 1;
}

int
addr_one(const char *text, const char *what, struct addr_box *box, struct err *e)
{
	struct addr_list l;
	struct addr_box more;
	struct err own = {.kind = ERR_NONE};
	int got;

	addr_open(&l, text, strlen(text), false);
	got = addr_next(&l, box, &own);
	if (got == -1)
		return err_set(e, ERR_DATA, "%s: %s", what, own.text);
	if (got == 1)
		got = addr_next(&l, &more, &own) == 0 ? 1 : 0;
	if (got == 1)
		return 0;
	l.at = 0;
	(void)refuse(&l, "one address is wanted", &own);
	return err_set(e, ERR_DATA, "%s: %s", what, own.text);
}

/* Bytes at the start of s that are letters, digits, UTF-8 or one of others. */
static size_t
host_bytes(const char *s, const char *others)
{
	size_t n = 0;

	while (s[n] != '\0' && (text_is_alnum(s[n]) || (unsigned char)s[n] >= 0x80 ||
				       strchr(others, s[n]) != NULL))
		n++;
	return n;
}

bool
addr_is_host(const char *s)
{
	size_t n = strlen(s), label;
	unsigned char v6[16];

	if (n > 253)
		return false;
	if (s[0] == '[')
		return n > 2 && s[n - 1] == ']' && host_bytes(s + 1, "-.:") == n - 2;
	if (strchr(s, ':') != NULL)
		return inet_pton(AF_INET6, s, v6) == 1;
	do {
		label = host_bytes(s, "-_");
		if (label == 0)
			return false;
		s += label;
	} while (s[0] == '.' && *++s != '\0');
	return s[0] == '\0';
}
