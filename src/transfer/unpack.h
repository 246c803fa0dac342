/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "oci/digest.h"
#include "runtime/userns.h"
#include "storage/untar.h"
#include "transfer/wire.h"

/* The unpack half (wire.h): one process per layer, in U, without network. */
struct unpack_start {
	struct ring *ring;
	const char *dir; /* the layer's wrapper directory in staging; opened by the child, because
			    only mounts of its own namespace can be cloned */
	int result_fd;
	uint64_t size;		 /* compressed, as the manifest has it */
	_Atomic uint64_t *taken; /* bomb.h: shared by the unpackers of the image */
	pid_t parent;
	const struct idmap *map;
};

/* One write to result_fd; nothing there means that the process was killed. */
struct unpack_result {
	int result;
	struct digest diff_id; /* of the whole tar stream, computed from what was unpacked */
	struct untar_stats stats;
	struct error err;
};

int unpack_main(void *start);
