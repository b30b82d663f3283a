/* SPDX-License-Identifier: ISC */
/* dns_message.h: a question to a name server, and what answers it (RFC 1035 4). Asks nobody. */
#ifndef MAILCHUTE_DNS_MESSAGE_H
#define MAILCHUTE_DNS_MESSAGE_H

#include "net.h"

#include <stdbool.h>
#include <stddef.h>

#define DNS_HEAD       12
#define DNS_NAME_BYTES 255

/* RFC 1035 3.2; RFC 3596 2.1. */
enum { DNS_TYPE_A = 1, DNS_TYPE_AAAA = 28 };

/* RFC 1035 4.1.1: in the third byte, the answer was cut; in the fourth, how it went. */
enum { DNS_FLAG_TC = 2, DNS_CODE = 15, DNS_NO_ERROR = 0, DNS_NO_NAME = 3 };

/* One family's addresses of a name. */
struct dns_question {
	struct net_addresses *found;
	unsigned type;
	unsigned port; /* of what is found */
	bool answered;
	unsigned refused; /* a bit for each server that won't answer, in this round */
	size_t len;
	unsigned char packet[DNS_HEAD + DNS_NAME_BYTES + 4];
};

/* Two bytes as a number, and a number as two bytes. */
size_t dns_word(const unsigned char *at);
void dns_put_word(unsigned char *at, size_t word);

/* Writes the question for this name; false where it can't be one. found, type and port are set. */
bool dns_put_question(struct dns_question *q, const char *name, const unsigned char id[2]);

/* True where these n bytes answer the question, whatever they say. */
bool dns_is_answer(const struct dns_question *q, const unsigned char *at, size_t n);

/* Takes the addresses out of an answer's records; false where they can't be read. */
bool dns_take_records(struct dns_question *q, const unsigned char *at, size_t n);

#endif
