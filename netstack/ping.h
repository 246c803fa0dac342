/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "frame.h"
#include "pollset.h"

/*
 * Echo requests to the outside, by the kernel's ping sockets: one socket per family and identifier
 * where libslirp makes one per packet, and IPv6, which libslirp 4.7 lacks. Where the host's
 * ping_group_range excludes the user (D-16) every request is refused with "administratively
 * prohibited": never forged by other means, never silence.
 */
enum {
	PING_FLOWS_MAX = 32,
	PING_IDLE_MS = 20000,
};

struct ping;

typedef void (*ping_send)(const uint8_t *frame, size_t len, void *data);

struct ping *ping_new(const struct frame_net *net, ping_send send, void *data);
void ping_free(struct ping *ping);
/* A FRAME_PING frame. */
void ping_request(struct ping *ping, const uint8_t *frame, const struct frame_info *info,
		  int64_t now_ms);
void ping_fill(struct ping *ping, struct pollset *ps);
void ping_poll(struct ping *ping, const struct pollset *ps);
