/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "dns.h"
#include "flows.h"
#include "frag.h"
#include "frame.h"
#include "netctl.h"
#include "ping.h"
#include "pollset.h"
#include "split.h"
#include "tap.h"

/*
 * Theory of operation
 *
 * One loop: fill the poll set (libslirp, DNS, ping, tap, control), wait, read up to
 * STACK_FRAMES_PER_ROUND frames, then let libslirp serve its sockets. Each frame passes the filter
 * (frame.c) first.
 *
 * Speed at MTU 1500: the tap has TCP segmentation offload in both directions. The container's
 * kernel hands us segments of up to 64 KiB; libslirp (which goes by its own MTU, not by the MSS
 * that the container offers) makes segments of STACK_MTU, and the virtio header tells the
 * container's kernel to treat them as a row of MTU-sized packets. libslirp's cost is per packet, so
 * this is most of it.
 *
 * DNS by TCP: packets to the resolver's address get the address of one of the host's resolvers
 * (127.0.0.53 included, which no packet of the container's own may name), answers get it back.
 * Where the host has resolvers of the other IP family only, the packet's IP header is changed as
 * well: resolv.conf inside names one address, by IPv4, wherever the host's resolvers are.
 */

struct stack {
	Slirp *slirp;
	int tap_fd, control_fd;
	int tap_index, control_index;
	bool has_mtu;	  /* the kernel takes no larger packet: a veth pair, not a tap */
	uint32_t next_id; /* of an IPv6 datagram in fragments */
	struct frame_net net;
	struct flows *flows;
	struct frag *frag;
	struct dns *dns;
	struct ping *ping;
	struct pollset ps;
	struct {
		struct virtio_net_hdr head;
		uint8_t frame[FRAME_MAX];
	} __attribute__((packed)) in;
	uint8_t other[FRAME_MAX + FRAME_IP6_LEN]; /* `in` in the other IP family */
};

unsigned stack_max_fds(void)
{
	return FLOWS_TCP_MAX + FLOWS_UDP_MAX + DNS_FDS_MAX + PING_FLOWS_MAX + STACK_SPARE_FDS;
}

/* --- to the container --- */

/* #syscalls: writev */
static void tap_write(struct stack *s, struct iovec *iov, int n)
{
	/* A full queue loses the frame, as a wire would; TCP sends it again. */
	ignore_result(writev(s->tap_fd, iov, n));
}

static void send_own_frame(const uint8_t *frame, size_t len, void *data)
{
	struct virtio_net_hdr head = { 0 };
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)frame, .iov_len = len },
	};

	tap_write(data, iov, 2);
}

static void send_fragments(struct stack *s, struct split *sp)
{
	struct virtio_net_hdr virtio = { 0 };
	uint8_t head[SPLIT_HEAD_MAX];
	const uint8_t *data;
	size_t head_len, n;

	while ((n = split_next(sp, head, &head_len, &data)) > 0) {
		struct iovec iov[3] = {
			{ .iov_base = &virtio, .iov_len = sizeof(virtio) },
			{ .iov_base = head, .iov_len = head_len },
			{ .iov_base = (void *)(uintptr_t)data, .iov_len = n },
		};

		tap_write(s, iov, 3);
	}
}

/* What is not TCP, whose larger segments the kernel cuts. */
static void send_datagram(struct stack *s, const uint8_t *frame, size_t len)
{
	struct split sp;

	if (s->has_mtu && split_init(&sp, frame, len, TAP_MTU, s->next_id)) {
		s->next_id++;
		send_fragments(s, &sp);
	} else {
		send_own_frame(frame, len, s);
	}
}

/*
 * The checksum is left to the container's kernel, which takes a frame from its own tap on trust:
 * one pass over the data less.
 */
static void offload_fill(struct virtio_net_hdr *head, uint8_t *frame, const struct frame_info *info)
{
	size_t mtu_len = FRAME_ETH_LEN + TAP_MTU;

	head->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	head->csum_start = (uint16_t)info->l4;
	head->csum_offset = 16;
	frame_put16(frame + info->l4 + 16, frame_pseudo_sum(frame, info));
	if (info->end <= mtu_len)
		return;
	head->gso_type = info->is_ip6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	head->hdr_len = (uint16_t)info->payload;
	head->gso_size = (uint16_t)(mtu_len - info->payload);
}

/* What a resolver answers seems to come from the address that was asked. */
static bool from_dns(struct stack *s, const uint8_t *frame, uint8_t *copy, struct frame_info *info)
{
	const struct frame_net *net = &s->net;
	bool is_ip6;

	if (!flows_is_dns(s->flows, info, &is_ip6))
		return true;
	if (is_ip6 != info->is_ip6)
		return frame_change_family(frame, info, is_ip6 ? &net->dns6 : &net->dns4,
					   is_ip6 ? &net->guest6 : &net->guest4, copy, info);
	frame_set_addr(copy, info, FRAME_SOURCE, is_ip6 ? &net->dns6 : &net->dns4);
	return true;
}

/* libslirp's frames are its own memory: headers are changed in a copy. */
static void send_tcp_frame(struct stack *s, const uint8_t *frame, struct frame_info *info)
{
	struct virtio_net_hdr head = { 0 };
	uint8_t copy[FRAME_HEAD_MAX];
	struct iovec iov[3] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = copy },
		{ .iov_base = (void *)(uintptr_t)(frame + info->payload),
		  .iov_len = info->end - info->payload },
	};

	memcpy(copy, frame, info->payload);
	if (info->sport == 53 && !from_dns(s, frame, copy, info))
		return;
	iov[1].iov_len = info->payload;
	offload_fill(&head, copy, info);
	tap_write(s, iov, 3);
}

static ssize_t on_send_packet(const void *buf, size_t len, void *opaque)
{
	struct stack *s = opaque;
	struct frame_info info;

	if (!frame_may_enter(buf, len))
		return (ssize_t)len;
	if (frame_parse_tcp_out(buf, len, &info)) {
		flows_note_out(s->flows, &info);
		send_tcp_frame(s, buf, &info);
	} else {
		send_datagram(s, buf, len);
	}
	return (ssize_t)len;
}

/* --- from the container --- */

static void refuse(struct stack *s, const uint8_t *frame, const struct frame_info *info)
{
	uint8_t buf[FRAME_REPLY_MAX];
	size_t n = frame_make_refusal(&s->net, frame, info, FRAME_PROHIBITED, buf);

	if (n)
		send_own_frame(buf, n, s);
}

static void fill_checksum(uint8_t *frame, const struct frame_info *info)
{
	uint8_t *sum = frame + info->l4 + (info->proto == FRAME_TCP ? 16 : 6);
	uint16_t v;

	frame_put16(sum, 0);
	v = frame_l4_checksum(frame, info);
	frame_put16(sum, v || info->proto == FRAME_TCP ? v : 0xffff);
}

static void give_to_slirp(struct stack *s, uint8_t *frame, const struct frame_info *info)
{
	flows_input_begin(s->flows, info);
	slirp_input(s->slirp, frame, (int)info->end);
	flows_input_end(s->flows);
	flows_note_in(s->flows, frame, info);
}

/*
 * libslirp takes an IPv4 segment of any size, but no IPv6 packet beyond its MTU. Each part gets its
 * headers in front, over bytes that have been given already.
 */
static void give_in_parts(struct stack *s, uint8_t *frame, const struct frame_info *info)
{
	uint8_t head[FRAME_ETH_LEN + FRAME_IP6_LEN + 60], *tcp;
	size_t len = info->end - info->payload, at, n;
	size_t max = FRAME_ETH_LEN + STACK_MTU - info->payload;

	memcpy(head, frame, info->payload);
	for (at = 0; at < len; at += n) {
		struct frame_info part = *info;

		n = len - at < max ? len - at : max;
		part.end = info->payload + n;
		part.seq += (uint32_t)at;
		if (at + n < len)
			part.tcp_flags &= (uint8_t) ~(FRAME_TCP_FIN | FRAME_TCP_PSH);
		memcpy(frame + at, head, info->payload);
		tcp = frame + at + info->l4;
		frame_put16(frame + at + FRAME_ETH_LEN + 4, (uint16_t)(part.end - part.l4));
		frame_put16(tcp + 4, (uint16_t)(part.seq >> 16));
		frame_put16(tcp + 6, (uint16_t)part.seq);
		tcp[13] = part.tcp_flags;
		fill_checksum(frame + at, &part);
		give_to_slirp(s, frame + at, &part);
	}
}

static void pass_to_slirp(struct stack *s, uint8_t *frame, struct frame_info *info)
{
	bool has_sum = info->proto == FRAME_TCP || info->proto == FRAME_UDP;

	if (info->proto == FRAME_TCP)
		frame_clear_urgent(frame, info);
	if (info->proto == FRAME_TCP && info->is_ip6 && info->end - FRAME_ETH_LEN > STACK_MTU) {
		give_in_parts(s, frame, info);
		return;
	}
	/* The kernel left the checksum to the device; libslirp wants it. Its hints on where that
	 * is are not needed, and container root can shape them. */
	if ((s->in.head.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && has_sum)
		fill_checksum(frame, info);
	give_to_slirp(s, frame, info);
}

static void pass_to_server(struct stack *s, uint8_t *frame, struct frame_info *info,
			   const struct frame_server *server)
{
	const struct frame_addr *own = server->is_ip6 ? &s->net.guest6 : &s->net.guest4;
	const uint8_t *data = frame + info->payload;
	size_t len = info->end - info->payload;

	if (server->is_ip6 == info->is_ip6) {
		frame_set_addr(frame, info, FRAME_DESTINATION, &server->addr);
		info->dst = server->addr;
	} else {
		if (!frame_change_family(frame, info, own, &server->addr, s->other, info))
			return;
		frame = s->other;
		memcpy(frame + info->payload, data, len);
		fill_checksum(frame, info);
	}
	pass_to_slirp(s, frame, info);
}

static void input_dns_tcp(struct stack *s, uint8_t *frame, struct frame_info *info)
{
	struct frame_server server;

	if ((info->tcp_flags & (FRAME_TCP_SYN | FRAME_TCP_ACK)) == FRAME_TCP_SYN) {
		if (!dns_tcp_server(s->dns, info->is_ip6, &server)) {
			refuse(s, frame, info);
			return;
		}
		flows_set_dns(s->flows, info, &server);
	} else if (!flows_get_dns(s->flows, info, &server)) {
		return;
	}
	pass_to_server(s, frame, info, &server);
}

static void input_frame(struct stack *s, uint8_t *frame, size_t len)
{
	struct frame_info info;
	enum frame_verdict verdict = frame_classify(&s->net, frame, len, &info);

	if (verdict == FRAME_FRAGMENT) {
		len = frag_add(s->frag, frame, &info, s->ps.now_ms, &frame);
		if (!len)
			return;
		verdict = frame_classify(&s->net, frame, len, &info);
	}
	switch (verdict) {
	case FRAME_DROP:
	case FRAME_FRAGMENT: /* fragments of fragments */
		return;
	case FRAME_PASS:
		if (flows_admit(s->flows, &info))
			pass_to_slirp(s, frame, &info);
		return;
	case FRAME_REFUSE:
		refuse(s, frame, &info);
		return;
	case FRAME_DNS:
		dns_query(s->dns, frame, &info, s->ps.now_ms);
		return;
	case FRAME_DNS_TCP:
		if (flows_admit(s->flows, &info))
			input_dns_tcp(s, frame, &info);
		return;
	case FRAME_PING:
		ping_request(s->ping, frame, &info, s->ps.now_ms);
		return;
	}
}

/* #syscalls: read
 * 1: the interface is not there any more. */
static int tap_read(struct stack *s)
{
	for (unsigned i = 0; i < STACK_FRAMES_PER_ROUND; i++) {
		ssize_t n = read(s->tap_fd, &s->in, sizeof(s->in));

		if (n < 0 && (errno == EBADFD || errno == EFAULT))
			return 1;
		/* ENETDOWN: container root took the link down, where it is a veth pair. */
		if (n < 0)
			return errno == EAGAIN || errno == EINTR || errno == ENETDOWN ? 0 : -errno;
		if ((size_t)n > sizeof(s->in.head))
			input_frame(s, s->in.frame, (size_t)n - sizeof(s->in.head));
	}
	return 0;
}

/* --- libslirp --- */

/*
 * What libslirp and the allocator under it call. No accept and no listen: nothing is published yet;
 * no open, fork or exec: its DNS, TFTP and forwarding to programs are off.
 * #syscalls: socket connect bind setsockopt getsockopt getsockname getpeername ioctl fcntl
 * #syscalls: shutdown sendto sendmsg recvfrom recvmsg read write close
 * #syscalls: brk mmap munmap mremap madvise futex getrandom
 */

static void on_guest_error(const char *msg _unused_, void *opaque _unused_)
{
}

/* #syscalls: clock_gettime gettimeofday */
static int64_t on_clock_get_ns(void *opaque _unused_)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The only timer sends router advertisements, and addresses are static: it never fires. */
static void *on_timer_new(SlirpTimerId id _unused_, void *cb_opaque _unused_, void *opaque)
{
	return opaque;
}

static void on_timer_free(void *timer _unused_, void *opaque _unused_)
{
}

static void on_timer_mod(void *timer _unused_, int64_t expire _unused_, void *opaque _unused_)
{
}

static void on_register(int fd, void *opaque)
{
	struct stack *s = opaque;

	flows_open(s->flows, fd);
}

static void on_unregister(int fd, void *opaque)
{
	struct stack *s = opaque;

	flows_close(s->flows, fd);
}

static void on_notify(void *opaque _unused_)
{
}

static void on_init_completed(Slirp *slirp _unused_, void *opaque _unused_)
{
}

#if SLIRP_CONFIG_VERSION_MAX >= 6
#define REGISTER_FIELD	 register_poll_socket
#define UNREGISTER_FIELD unregister_poll_socket
#define POLLFDS_FILL	 slirp_pollfds_fill_socket
#define CONFIG_VERSION	 6
#else
#define REGISTER_FIELD	 register_poll_fd
#define UNREGISTER_FIELD unregister_poll_fd
#define POLLFDS_FILL	 slirp_pollfds_fill
#define CONFIG_VERSION	 4
#endif

static const SlirpCb callbacks = {
	.send_packet = on_send_packet,
	.guest_error = on_guest_error,
	.clock_get_ns = on_clock_get_ns,
	.timer_new_opaque = on_timer_new,
	.timer_free = on_timer_free,
	.timer_mod = on_timer_mod,
	.REGISTER_FIELD = on_register,
	.UNREGISTER_FIELD = on_unregister,
	.notify = on_notify,
	.init_completed = on_init_completed,
};

static struct in_addr in4(const struct frame_addr *a)
{
	struct in_addr r;

	memcpy(&r, a->b, sizeof(r));
	return r;
}

static struct in6_addr in6(const struct frame_addr *a)
{
	struct in6_addr r;

	memcpy(&r, a->b, sizeof(r));
	return r;
}

static Slirp *make_slirp(struct stack *s)
{
	const SlirpConfig config = {
		.version = CONFIG_VERSION,
		.in_enabled = true,
		.vnetwork = in4(&s->net.net4),
		.vnetmask = { .s_addr = htonl(0xffffffffu << (32 - NETCTL_IPV4_MASK)) },
		.vhost = in4(&s->net.gateway4),
		.vnameserver = in4(&s->net.dns4),
		.vdhcp_start = in4(&s->net.guest4),
		.in6_enabled = true,
		.vprefix_addr6 = in6(&s->net.net6),
		.vprefix_len = NETCTL_IPV6_LEN,
		.vhost6 = in6(&s->net.gateway6),
		.vnameserver6 = in6(&s->net.dns6),
		.if_mtu = STACK_MTU,
		.if_mru = STACK_MTU,
		.disable_host_loopback = true,
		.disable_dns = true,
		.disable_dhcp = true,
	};

	return slirp_new(&config, &callbacks, s);
}

static int on_add_poll(int fd, int events, void *opaque)
{
	struct stack *s = opaque;
	short e = 0;

	/* Never POLLPRI: urgent data is read in line (SO_OOBINLINE), libslirp's own code for it
	 * stays unused. */
	if (events & SLIRP_POLL_IN)
		e |= POLLIN;
	if (events & SLIRP_POLL_OUT) {
		e |= POLLOUT;
		flows_wants_out(s->flows, fd);
	}
	return pollset_add(&s->ps, fd, e);
}

static int on_get_revents(int index, void *opaque)
{
	struct stack *s = opaque;
	short e = pollset_revents(&s->ps, index);

	return (e & POLLIN ? SLIRP_POLL_IN : 0) | (e & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (e & POLLERR ? SLIRP_POLL_ERR : 0) | (e & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* --- the loop --- */

struct stack *stack_new(int control_fd, int reader_fd, struct error *err)
{
	struct stack *s = xcalloc(1, sizeof(*s));

	s->tap_fd = -1;
	s->control_fd = control_fd;
	frame_net_init(&s->net);
	pollset_init(&s->ps, stack_max_fds());
	s->flows = flows_new(stack_max_fds());
	s->frag = frag_new();
	s->dns = dns_new(&s->net, reader_fd, send_own_frame, s);
	s->ping = ping_new(&s->net, send_own_frame, s);
	s->slirp = make_slirp(s);
	if (!s->slirp) {
		error_set(err, -EINVAL, "start libslirp %s", slirp_version_string());
		stack_free(s);
		return NULL;
	}
	return s;
}

/* #syscalls: getsockopt */
void stack_set_tap(struct stack *s, int tap_fd)
{
	socklen_t len = sizeof(int);
	int type;

	s->tap_fd = tap_fd;
	s->has_mtu = getsockopt(tap_fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	if (s->slirp)
		slirp_cleanup(s->slirp);
	ping_free(s->ping);
	dns_free(s->dns);
	frag_free(s->frag);
	flows_free(s->flows);
	pollset_done(&s->ps);
	fd_close(s->tap_fd);
	free(s);
}

static void end_finished_flows(struct stack *s)
{
	uint8_t reset[FRAME_RESET_MAX];

	for (;;) {
		size_t n = flows_next_reset(s->flows, reset);

		if (!n)
			return;
		slirp_input(s->slirp, reset, (int)n);
	}
}

static void fill(struct stack *s)
{
	uint32_t timeout = UINT32_MAX;

	pollset_start(&s->ps);
	s->control_index = pollset_add(&s->ps, s->control_fd, POLLIN);
	s->tap_index = pollset_add(&s->ps, s->tap_fd, POLLIN);
	dns_fill(s->dns, &s->ps);
	ping_fill(s->ping, &s->ps);
	flows_fill_begin(s->flows);
	POLLFDS_FILL(s->slirp, &timeout, on_add_poll, s);
	if (timeout != UINT32_MAX)
		pollset_wake_at(&s->ps, s->ps.now_ms + timeout);
}

/* Nothing is ever said on the control socket: an event is its end. */
int stack_run(struct stack *s)
{
	for (;;) {
		int r;

		fill(s);
		end_finished_flows(s);
		r = pollset_wait(&s->ps);
		if (r < 0)
			return r;
		if (pollset_revents(&s->ps, s->control_index))
			return 0;
		if (pollset_revents(&s->ps, s->tap_index)) {
			r = tap_read(s);
			if (r != 0)
				return r < 0 ? r : 0;
		}
		dns_poll(s->dns, &s->ps);
		ping_poll(s->ping, &s->ps);
		/* select_error stays 0: frames that came in this round do not cost the sockets
		 * their turn. Sockets made in between have no index yet and wait one round. */
		slirp_pollfds_poll(s->slirp, 0, on_get_revents, s);
	}
}
