/* SPDX-License-Identifier: ISC */
/* dns_message.c: a question to a name server, and what answers it (RFC 1035 4). Asks nobody. */
#include "dns_message.h"
#include "text.h"

#include <string.h>

/* RFC 1035 3.2, 4.1. */
enum { CLASS_IN = 1, FLAG_QR = 0x80, FLAG_RD = 1 };

size_t
dns_word(const unsigned char *at)
{
	return (size_t)at[0] << 8 | at[1];
}

void
dns_put_word(unsigned char *at, size_t word)
{
	at[0] = (unsigned char)(word >> 8);
	at[1] = (unsigned char)word;
}

/* Writes the name as labels; returns their bytes, 0 where it can't be one. */
static size_t
put_name(unsigned char *to, const char *name)
{
	size_t used = 0, n;

	for (; *name != '\0'; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		if (n == 0 || n > 63 || used + n + 2 > DNS_NAME_BYTES)
			return 0;
		to[used] = (unsigned char)n;
		memcpy(to + used + 1, name, n);
		used += n + 1;
	}
	to[used] = 0;
	return used > 0 ? used + 1 : 0;
}

bool
dns_put_question(struct dns_question *q, const char *name, const unsigned char id[2])
{
	static const unsigned char head[DNS_HEAD] = {[2] = FLAG_RD, [5] = 1};
	size_t n = put_name(q->packet + DNS_HEAD, name);

	if (n == 0)
		return false;
	memcpy(q->packet, head, sizeof(head));
	memcpy(q->packet, id, 2);
	dns_put_word(q->packet + DNS_HEAD + n, q->type);
	dns_put_word(q->packet + DNS_HEAD + n + 2, CLASS_IN);
	q->len = DNS_HEAD + n + 4;
	q->answered = false;
	return true;
}

/* Where a name ends: at a root label, or with a pointer, which nobody has to follow. */
static size_t
skip_name(const unsigned char *at, size_t n, size_t i)
{
	while (i < n && at[i] != 0 && at[i] < 0xc0)
		i += 1 + (size_t)at[i];
	return i < n && at[i] != 0 ? i + 2 : i + 1;
}

bool
dns_take_records(struct dns_question *q, const unsigned char *at, size_t n)
{
	size_t i = q->len, left = dns_word(at + 6), size;
	size_t address = q->type == DNS_TYPE_AAAA ? 16 : 4;
	struct net_address a;

	for (; left > 0; left--, i += size) {
		i = skip_name(at, n, i);
		if (i + 10 > n)
			return false;
		size = dns_word(at + i + 8);
		i += 10;
		if (i + size > n)
			return false;
		if (dns_word(at + i - 10) != q->type || dns_word(at + i - 8) != CLASS_IN)
			continue;
		if (size != address)
			return false;
		net_set_address(&a, q->type == DNS_TYPE_AAAA ? AF_INET6 : AF_INET, at + i, q->port);
		net_add(q->found, &a);
	}
	return true;
}

/* RFC 5452 9: the same id and the same question. Names have no case, and some servers change it. */
bool
dns_is_answer(const struct dns_question *q, const unsigned char *at, size_t n)
{
	const char *question = (const char *)q->packet, *answer = (const char *)at;
	size_t i;

	if (n < q->len || memcmp(at, q->packet, 2) != 0 || (at[2] & (FLAG_QR | 0x78)) != FLAG_QR ||
		dns_word(at + 4) != 1)
		return false;
	for (i = DNS_HEAD; i < q->len; i++) {
		if (text_lower(question[i]) != text_lower(answer[i]))
			return false;
	}
	return true;
}
