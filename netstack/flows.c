/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "flows.h"

#include <string.h>

#include "stack.h"

enum {
	PORTS = 65536,
};

struct owner {
	uint8_t proto; /* 0 = not libslirp's */
	bool is_ip6;
	uint16_t port;
};

struct dns_flow {
	bool used, is_ip6;
	uint16_t port;
	struct frame_addr server;
};

struct flows {
	unsigned n_tcp, n_udp, max_fds;
	struct owner input; /* flow of the packet that libslirp works on */
	struct owner *owners;
	uint8_t udp_ports[2][PORTS / 8]; /* source ports that have a socket */
	struct dns_flow dns[FLOWS_DNS_MAX];
	unsigned next_dns;
};

struct flows *flows_new(unsigned max_fds)
{
	struct flows *f = xcalloc(1, sizeof(*f));

	f->max_fds = max_fds;
	f->owners = xcalloc(max_fds, sizeof(*f->owners));
	return f;
}

void flows_free(struct flows *f)
{
	if (!f)
		return;
	free(f->owners);
	free(f);
}

static bool is_syn(const struct frame_info *info)
{
	return (info->tcp_flags & (FRAME_TCP_SYN | FRAME_TCP_ACK)) == FRAME_TCP_SYN;
}

bool flows_admit(const struct flows *f, const struct frame_info *info)
{
	if (info->proto == FRAME_TCP)
		return !is_syn(info) || f->n_tcp < STACK_TCP_MAX;
	if (info->proto == FRAME_UDP)
		return f->n_udp < STACK_UDP_MAX ||
		       (f->udp_ports[info->is_ip6][info->sport / 8] & (1u << info->sport % 8));
	return true;
}

void flows_input_begin(struct flows *f, const struct frame_info *info)
{
	f->input = (struct owner){
		.proto = info->proto,
		.is_ip6 = info->is_ip6,
		.port = info->sport,
	};
}

void flows_input_end(struct flows *f)
{
	f->input = (struct owner){ 0 };
}

void flows_open(struct flows *f, int fd)
{
	if (fd < 0 || (unsigned)fd >= f->max_fds)
		return;
	f->owners[fd] = f->input;
	if (f->input.proto == FRAME_TCP)
		f->n_tcp++;
	if (f->input.proto == FRAME_UDP) {
		f->n_udp++;
		f->udp_ports[f->input.is_ip6][f->input.port / 8] |=
			(uint8_t)(1u << f->input.port % 8);
	}
}

void flows_close(struct flows *f, int fd)
{
	struct owner *o;

	if (fd < 0 || (unsigned)fd >= f->max_fds)
		return;
	o = &f->owners[fd];
	if (o->proto == FRAME_TCP)
		f->n_tcp--;
	if (o->proto == FRAME_UDP) {
		f->n_udp--;
		f->udp_ports[o->is_ip6][o->port / 8] &= (uint8_t) ~(1u << o->port % 8);
	}
	*o = (struct owner){ 0 };
}

static struct dns_flow *dns_find(const struct flows *f, bool is_ip6, uint16_t port)
{
	for (unsigned i = 0; i < FLOWS_DNS_MAX; i++) {
		const struct dns_flow *d = &f->dns[i];

		if (d->used && d->is_ip6 == is_ip6 && d->port == port)
			return (struct dns_flow *)(uintptr_t)d;
	}
	return NULL;
}

void flows_set_dns(struct flows *f, const struct frame_info *info, const struct frame_addr *server)
{
	struct dns_flow *d = dns_find(f, info->is_ip6, info->sport);

	if (!d)
		d = &f->dns[f->next_dns++ % FLOWS_DNS_MAX];
	*d = (struct dns_flow){
		.used = true,
		.is_ip6 = info->is_ip6,
		.port = info->sport,
		.server = *server,
	};
}

bool flows_get_dns(const struct flows *f, const struct frame_info *info, struct frame_addr *ret)
{
	const struct dns_flow *d = dns_find(f, info->is_ip6, info->sport);

	if (d)
		*ret = d->server;
	return d != NULL;
}

bool flows_is_dns(const struct flows *f, const struct frame_info *info)
{
	const struct dns_flow *d = dns_find(f, info->is_ip6, info->dport);

	return d && memcmp(d->server.b, info->src.b, info->is_ip6 ? 16 : 4) == 0;
}
