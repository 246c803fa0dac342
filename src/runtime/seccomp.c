/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/sys.h"

/* An instruction whose constant is another one when the container has one of these. */
struct seccomp_patch {
	unsigned at;
	uint64_t caps;
	uint32_t with;
};

#include "seccomp_default.h"

_Static_assert(ARRAY_SIZE(seccomp_default_filter) <= SECCOMP_INSNS_MAX, "filter fits its buffer");

unsigned seccomp_program(uint64_t caps, struct sock_filter ret[SECCOMP_INSNS_MAX])
{
	memcpy(ret, seccomp_default_filter, sizeof(seccomp_default_filter));
	for (size_t i = 0; i < ARRAY_SIZE(seccomp_default_patches); i++) {
		const struct seccomp_patch *p = &seccomp_default_patches[i];

		if (caps & p->caps)
			ret[p->at].k = p->with;
	}
	return ARRAY_SIZE(seccomp_default_filter);
}

int seccomp_apply(uint64_t caps, struct error *err)
{
	struct sock_filter code[SECCOMP_INSNS_MAX];
	struct sock_fprog prog = { .len = (unsigned short)seccomp_program(caps, code),
				   .filter = code };
	int r = sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);

	if (r == 0)
		return 0;
	error_code(err, r, "load the system call filter");
	if (r == -EINVAL || r == -ENOSYS)
		error_host(err, DCODE_NO_SECCOMP);
	return r;
}
