/* SPDX-License-Identifier: ISC */
/* hosts.h: what /etc/hosts and /etc/resolv.conf say. Asks nobody. */
#ifndef MAILCHUTE_HOSTS_H
#define MAILCHUTE_HOSTS_H

#include "net.h"

#define HOSTS_SERVERS_MAX 3

/* resolv.conf(5). Where there is no such file, the server is 127.0.0.1. */
struct hosts_setup {
	size_t n;
	struct net_address servers[HOSTS_SERVERS_MAX];
	unsigned dots;     /* a name with fewer is looked for in the search domains first */
	unsigned timeout;  /* seconds, of all attempts together */
	unsigned attempts; /* at least 1 */
	char search[2048]; /* domains, with blanks between them; room for the longest line */
};

void hosts_setup(struct hosts_setup *s);

/* An IP address as text, of this family or, with AF_UNSPEC, of either. */
bool hosts_literal(struct net_address *a, const char *text, int family, unsigned port);

/*
 * Appends the addresses that /etc/hosts has for name, IPv6's to v6, IPv4's to v4, as far as there
 * is room. Returns whether the name stands there at all, be it with the other family.
 */
bool hosts_find(struct net_addresses *v6, struct net_addresses *v4, const char *name, int family,
	unsigned port);

#endif
