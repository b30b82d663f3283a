/* SPDX-License-Identifier: ISC */
/* dns.c: /etc/hosts, /etc/resolv.conf, and replies of lying name servers (dns.c, hosts.c). */
#include "dns.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 2048

/* An address is one that was said: its bytes stand in a reply, or its text in /etc/hosts. */
static void
check_said(const struct net_address *a, const struct fuzz_input *hosts, int family)
{
	bool is_v6 = a->name.any.sa_family == AF_INET6;
	const void *bytes =
		is_v6 ? (const void *)&a->name.v6.sin6_addr : (const void *)&a->name.v4.sin_addr;

	must(is_v6 || a->name.any.sa_family == AF_INET);
	must(family == AF_UNSPEC || family == a->name.any.sa_family);
	must(a->len == (is_v6 ? sizeof(a->name.v6) : sizeof(a->name.v4)) && !a->tried);
	must((is_v6 ? a->name.v6.sin6_port : a->name.v4.sin_port) == htons(587));
	if (hosts->n == 0)
		must(memmem(fuzz_said.at, fuzz_said.n, bytes, is_v6 ? 16 : 4) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNSPEC};
	static const char *const names[] = {"mail.test", "mail", "mail.test.", "192.0.2.1"};
	struct fuzz_input in = {(const char *)data, size}, hosts, setup;
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in), i, k;
	struct net_addresses as;
	struct err e;
	int result;

	if (in.n > TEXT_MAX)
		return 0;
	hosts = fuzz_part(&in);
	setup = fuzz_part(&in);
	fuzz_file(FUZZ_HOSTS, hosts.at, hosts.n, 0);
	fuzz_file(FUZZ_SETUP, setup.at, setup.n, 0);
	fuzz_server(in, piece, false);
	fuzz_has_name_servers = true;
	err_clear(&e);
	result = dns_resolve(&as, names[option / 4 % 4], 587, families[option % 4], 20000, &e);
	must(result == 0 ? as.n > 0 && e.kind == ERR_NONE
			 : as.n == 0 && (e.kind == ERR_HOST || e.kind == ERR_TEMP));
	must(as.n <= NET_ADDRESSES_MAX && net_clock() < 60000);
	for (i = 0; i < as.n && option / 4 % 4 != 3; i++) {
		check_said(&as.list[i], &hosts, families[option % 4]);
		for (k = 0; k < i; k++)
			must(as.list[i].len != as.list[k].len ||
				memcmp(&as.list[i].name, &as.list[k].name, as.list[i].len) != 0);
	}
	return 0;
}
