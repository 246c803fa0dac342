/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "storage/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int store_error(struct error *err, int code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_code(err, code, "%s", text);
	if (code == -EACCES || code == -EPERM) {
		error_hint(err,
			   "its owner or mode keeps you out: change that, or name another place "
			   "by --root, CARREL_ROOT or XDG_DATA_HOME");
		error_host(err, DCODE_STORE_WRITE);
	}
	store_error_full(err, code);
	return code;
}

int store_error_record(struct error *err, int code, const char *remedy, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	switch (code) {
	case -EINVAL:
		error_set(err, code, "%s is damaged", text);
		break;
	case -EPROTONOSUPPORT:
		error_set(err, code, "%s is in the form of a newer carrel", text);
		break;
	default:
		error_code(err, code, "read %s", text);
		break;
	}
	error_hint(err, "%s", remedy);
	return code;
}

void store_error_full(struct error *err, int code)
{
	if (code == -ENOSPC || code == -EDQUOT || code == -EROFS)
		error_host(err, DCODE_STORE_WRITE);
}
