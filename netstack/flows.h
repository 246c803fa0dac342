/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "frame.h"

/*
 * What libslirp has open for the container: counted by its own register and unregister calls, so
 * that one container cannot make the stack grow without bound (slirp4netns: 800 MB after two
 * seconds of short connections). Beyond the limit a new flow's first packet is lost and the
 * sender's retry comes later: back pressure, not failure.
 */
enum {
	FLOWS_TCP_MAX = 1024, /* 256 KiB of buffers each at worst */
	FLOWS_UDP_MAX = 1024, /* source ports in use; libslirp keeps each for four minutes */
	FLOWS_DNS_MAX = 64,   /* DNS connections by TCP at a time */
};

struct flows;

struct flows *flows_new(unsigned max_fds);
void flows_free(struct flows *f);

/* May this packet go to libslirp? */
bool flows_admit(const struct flows *f, const struct frame_info *info);
/* Around slirp_input(): a descriptor that is opened belongs to this packet's flow. */
void flows_input_begin(struct flows *f, const struct frame_info *info);
void flows_input_end(struct flows *f);
void flows_open(struct flows *f, int fd);
void flows_close(struct flows *f, int fd);

/*
 * libslirp keeps a TCP flow with its buffers for ten seconds after the end (TIME_WAIT), which is of
 * no use on a wire that neither loses nor reorders: at 1024 flows that would be 100 connections a
 * second. So a flow whose both ends have said goodbye, and whose data has gone out to the host's
 * socket, is ended by a reset that the container's side seems to send. What is noted: the FINs.
 */
void flows_note_out(struct flows *f, const struct frame_info *info);
/* After slirp_input() of the same packet. */
void flows_note_in(struct flows *f, const uint8_t *frame, const struct frame_info *info);
/* Around libslirp's filling of the poll set: flows_wants_out() for what it wants to write to. */
void flows_fill_begin(struct flows *f);
void flows_wants_out(struct flows *f, int fd);
/* The next reset to give to slirp_input(), or 0 when no flow is left to end. */
size_t flows_next_reset(struct flows *f, uint8_t buf[FRAME_RESET_MAX]);

/* TCP to the resolver's address: which of the host's servers stands behind this client port. */
void flows_set_dns(struct flows *f, const struct frame_info *info,
		   const struct frame_server *server);
bool flows_get_dns(const struct flows *f, const struct frame_info *info, struct frame_server *ret);
/* A packet from the stack: is it the answer of such a server? *ret_is_ip6: that the client asked by
 * IPv6. */
bool flows_is_dns(const struct flows *f, const struct frame_info *info, bool *ret_is_ip6);
