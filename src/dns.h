/* SPDX-License-Identifier: ISC */
/* dns.h: a host's addresses. Knows no SMTP. */
#ifndef MAILCHUTE_DNS_H
#define MAILCHUTE_DNS_H

#include "net.h"

/*
 * Looks host up: an address (without brackets), a name in /etc/hosts, or one that the name servers
 * of /etc/resolv.conf know. The families take turns, IPv6 first (RFC 8305 4). family: AF_UNSPEC, or
 * AF_INET or AF_INET6 alone. Errors: ERR_HOST where there is no such name or it has no address,
 * ERR_TEMP where nobody could say until the deadline, or in resolv.conf's time.
 *
 * What a server says is believed as far as it answers our question, no further: that it is true
 * shows when TLS finds the name in the certificate.
 */
int dns_resolve(struct net_addresses *as, const char *host, unsigned port, int family,
	int64_t deadline, struct err *e);

#endif
