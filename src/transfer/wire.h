/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transfer/ring.h"

/*
 * Theory of operation. Three kinds of process make a pull:
 *
 *	coordinator   owns the store and is root in U; parses manifests and configs, verifies their
 *	              digests, starts the others, publishes. No network (own network namespace).
 *	fetcher       one; the network (or an image layout on disk) and the credentials. No store,
 *	              no capability. Parses HTTP, TLS and compressed streams: hostile to the others.
 *	unpacker      one for each layer under way; sees only its own staging directory. Reads the
 *	              tar stream from its ring and checks the diff-id.
 *
 * All memory that the fetcher shares is this one mapping, made before the first fork; the unpackers
 * have one more among them (bomb.h). Documents (small) are copied out of it before anybody looks at
 * them; layers flow through the rings. The fetcher answers each ask with one tell over a SEQPACKET
 * pair. Whoever fails, the coordinator kills all and removes what was staged; when the coordinator
 * dies, the kernel kills the others.
 */
enum {
	WIRE_SLOTS = 3, /* layers under way at a time */
};

struct wire_slot {
	_Atomic uint64_t received; /* compressed bytes, for the progress display only */
	struct ring ring;
};

struct wire {
	struct wire_slot slots[WIRE_SLOTS];
	char doc[MANIFEST_SIZE_MAX];
};

_Static_assert(MANIFEST_SIZE_MAX >= 4 << 20, "configs pass through doc, too");

enum wire_ask_op {
	WIRE_GET_MANIFEST, /* by name; "" = the layout's index */
	WIRE_GET_CONFIG,   /* by digest and size */
	WIRE_GET_LAYER,	   /* the same, into slot */
};

struct wire_ask {
	enum wire_ask_op op;
	unsigned slot;
	char name[REFERENCE_TAG_MAX + 1 > DIGEST_STR_MAX ? REFERENCE_TAG_MAX + 1 : DIGEST_STR_MAX];
	struct digest digest;
	uint64_t size;
};

struct wire_tell {
	enum wire_ask_op op;
	unsigned slot;
	int result; /* 0, or -errno with err */
	uint64_t len;
	char content_type[128];
	struct error err;
};

/*
 * Of the bytes that came, n of them. The fetcher is hostile: texts are terminated, a failure has an
 * error that can be printed, a success none, no exit status is believed. -EPROTO: no tell at all.
 */
int wire_tell_take(const void *p, size_t n, struct wire_tell *ret) _nodiscard_;
