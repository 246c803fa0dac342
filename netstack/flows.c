/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "flows.h"

#include <string.h>

enum {
	PORTS = 65536,
};

struct owner {
	uint8_t proto; /* 0 = not libslirp's */
	bool is_ip6;
	bool host_fin, closing, wants_out;
	uint16_t port, dport;
	struct frame_addr dst;
	uint32_t host_fin_end; /* sequence number after the host's FIN */
};

/* A flow whose both sides have sent FIN, and the reset that will end it. */
struct closing {
	int fd;
	uint8_t reset_len;
	uint8_t reset[FRAME_RESET_MAX];
};

struct dns_flow {
	bool used, is_ip6;
	uint16_t port;
	struct frame_server server; /* of either family */
};

struct flows {
	unsigned n_tcp, n_udp, max_fds;
	struct owner input; /* flow of the packet that libslirp works on */
	struct owner *owners;
	struct closing closing[FLOWS_TCP_MAX];
	unsigned n_closing, next_closing;
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
		return !is_syn(info) || f->n_tcp < FLOWS_TCP_MAX;
	if (info->proto == FRAME_UDP)
		return f->n_udp < FLOWS_UDP_MAX ||
		       (f->udp_ports[info->is_ip6][info->sport / 8] & (1u << info->sport % 8));
	return true;
}

void flows_input_begin(struct flows *f, const struct frame_info *info)
{
	f->input = (struct owner){
		.proto = info->proto,
		.is_ip6 = info->is_ip6,
		.port = info->sport,
		.dport = info->dport,
		.dst = info->dst,
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

static void closing_remove(struct flows *f, int fd)
{
	for (unsigned i = 0; i < f->n_closing; i++)
		if (f->closing[i].fd == fd) {
			f->closing[i] = f->closing[--f->n_closing];
			return;
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
	if (o->closing)
		closing_remove(f, fd);
	*o = (struct owner){ 0 };
}

static struct owner *tcp_find(struct flows *f, bool is_ip6, uint16_t port, uint16_t dport,
			      const struct frame_addr *dst)
{
	unsigned left = f->n_tcp;

	/* Twice in the life of a connection: a table to look it up in would cost more. */
	for (unsigned fd = 0; fd < f->max_fds && left; fd++) {
		struct owner *o = &f->owners[fd];

		if (o->proto != FRAME_TCP)
			continue;
		left--;
		if (o->port == port && o->dport == dport && o->is_ip6 == is_ip6 &&
		    memcmp(o->dst.b, dst->b, is_ip6 ? 16 : 4) == 0)
			return o;
	}
	return NULL;
}

void flows_note_out(struct flows *f, const struct frame_info *info)
{
	struct owner *o;

	if (!(info->tcp_flags & FRAME_TCP_FIN))
		return;
	o = tcp_find(f, info->is_ip6, info->dport, info->sport, &info->src);
	if (!o)
		return;
	o->host_fin = true;
	o->host_fin_end = info->seq + (uint32_t)(info->end - info->payload) + 1;
}

void flows_note_in(struct flows *f, const uint8_t *frame, const struct frame_info *info)
{
	struct closing *c;
	struct owner *o;

	if (info->proto != FRAME_TCP || !(info->tcp_flags & FRAME_TCP_FIN))
		return;
	o = tcp_find(f, info->is_ip6, info->sport, info->dport, &info->dst);
	/* Only when all that the host sent has arrived, its FIN included. */
	if (!o || o->closing || !o->host_fin || info->ack != o->host_fin_end ||
	    f->n_closing == FLOWS_TCP_MAX)
		return;
	o->closing = true;
	c = &f->closing[f->n_closing++];
	c->fd = (int)(o - f->owners);
	c->reset_len = (uint8_t)frame_make_reset(frame, info, c->reset);
}

void flows_fill_begin(struct flows *f)
{
	for (unsigned i = 0; i < f->n_closing; i++)
		f->owners[f->closing[i].fd].wants_out = false;
	f->next_closing = 0;
}

void flows_wants_out(struct flows *f, int fd)
{
	if (fd >= 0 && (unsigned)fd < f->max_fds)
		f->owners[fd].wants_out = true;
}

size_t flows_next_reset(struct flows *f, uint8_t buf[FRAME_RESET_MAX])
{
	while (f->next_closing < f->n_closing) {
		const struct closing *c = &f->closing[f->next_closing];
		size_t len;

		if (f->owners[c->fd].wants_out) {
			f->next_closing++;
			continue;
		}
		len = c->reset_len;
		memcpy(buf, c->reset, len);
		/* Whatever libslirp makes of it, there is no second one. */
		f->owners[c->fd].closing = false;
		closing_remove(f, c->fd);
		return len;
	}
	return 0;
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

static bool is_of(const struct dns_flow *d, uint16_t port, bool is_ip6,
		  const struct frame_addr *server)
{
	return d->used && d->port == port && d->server.is_ip6 == is_ip6 &&
	       memcmp(d->server.addr.b, server->b, is_ip6 ? 16 : 4) == 0;
}

void flows_set_dns(struct flows *f, const struct frame_info *info,
		   const struct frame_server *server)
{
	struct dns_flow *d = dns_find(f, info->is_ip6, info->sport);

	/* One port asks the same server by both families: behind us they would be one flow. */
	for (unsigned i = 0; i < FLOWS_DNS_MAX; i++)
		if (is_of(&f->dns[i], info->sport, server->is_ip6, &server->addr))
			f->dns[i].used = &f->dns[i] == d;

	if (!d)
		d = &f->dns[f->next_dns++ % FLOWS_DNS_MAX];
	*d = (struct dns_flow){
		.used = true,
		.is_ip6 = info->is_ip6,
		.port = info->sport,
		.server = *server,
	};
}

bool flows_get_dns(const struct flows *f, const struct frame_info *info, struct frame_server *ret)
{
	const struct dns_flow *d = dns_find(f, info->is_ip6, info->sport);

	if (d)
		*ret = d->server;
	return d != NULL;
}

bool flows_is_dns(const struct flows *f, const struct frame_info *info, bool *ret_is_ip6)
{
	for (unsigned i = 0; i < FLOWS_DNS_MAX; i++)
		if (is_of(&f->dns[i], info->dport, info->is_ip6, &info->src)) {
			*ret_is_ip6 = f->dns[i].is_ip6;
			return true;
		}
	return false;
}
