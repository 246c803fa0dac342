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
	FLOWS_DNS_MAX = 64, /* DNS connections by TCP at a time */
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

/* TCP to the resolver's address: which of the host's servers stands behind this client port. */
void flows_set_dns(struct flows *f, const struct frame_info *info, const struct frame_addr *server);
bool flows_get_dns(const struct flows *f, const struct frame_info *info, struct frame_addr *ret);
/* A packet from the stack: is it the answer of such a server? */
bool flows_is_dns(const struct flows *f, const struct frame_info *info);
