/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "base/error.h"
#include "oci/reference.h"
#include "registry/registry.h"
#include "transfer/wire.h"

/* The network half (wire.h). Runs in a process of its own; never returns to the coordinator. */
struct fetcher_start {
	struct wire *wire;
	int control; /* SEQPACKET: wire_ask in, wire_tell out; its end is the end */
	int auth_fd; /* credentials file, or -1 */
	char auth_path[PATH_MAX];
	int layout_fd;	    /* an image layout instead of a registry, or -1 */
	const char *layout; /* its name */
	pid_t parent;
	struct reference ref;
	enum registry_tls tls;
};

int fetcher_main(void *start);
