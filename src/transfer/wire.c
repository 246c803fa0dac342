/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "transfer/wire.h"

#include <errno.h>
#include <string.h>

int wire_tell_take(const void *p, size_t n, struct wire_tell *ret)
{
	struct error said;

	if (n != sizeof(*ret))
		return -EPROTO;
	memcpy(ret, p, n);
	ret->content_type[sizeof(ret->content_type) - 1] = '\0';
	if (ret->result >= 0) {
		error_clear(&ret->err);
		ret->result = 0;
	} else {
		said = ret->err;
		error_import(&ret->err, &said);
		ret->err.exit_status = 0;
		ret->result = ret->err.code;
	}
	return ret->slot < WIRE_SLOTS && ret->len <= MANIFEST_SIZE_MAX ? 0 : -EPROTO;
}
