/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "codec/inflate_ops.h"

const struct inflate_ops *inflate_ops_zstd(void)
{
	return NULL;
}
