/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the CLI calls libexec/carrel/transfer. Progress goes to stderr, the image id (config digest,
 * "sha256:...") to stdout; exit status 0 or 125, errors printed by transfer itself.
 *
 *	transfer pull --root PATH --reference REF [--platform P] [--tls-verify=BOOL]
 *		[--auth-fd N] [--progress auto|plain|none] [--quiet] [--ids-told]
 *	transfer verify --root PATH --layer HEX   (one layer's tree and content against its record;
 *		prints nothing but warnings; exit status 1: it differed and was dropped)
 *	transfer import --root PATH --layout DIR --reference REF   (an OCI image layout on disk)
 */
