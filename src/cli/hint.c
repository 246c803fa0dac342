/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "runtime/idmap.h"

void cli_hint_access(struct error *err)
{
	if (err && err->code == -EACCES && secure_getenv(IDMAP_MAPPER_ENV))
		error_hint(err, "called by root, carrel acts as host id %u: give it access there",
			   getuid());
}
