/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/seccomp.h"

#include <string.h>

#include "base/sandbox.h"

/* An instruction whose constant is another one when the container has one of these. */
struct seccomp_patch {
	unsigned at;
	uint64_t caps;
	uint32_t with;
};

#include "seccomp_default.h"
#include "seccomp_one_id.h"

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

unsigned seccomp_answers(const struct sock_filter **ret)
{
	*ret = seccomp_one_id_filter;
	return ARRAY_SIZE(seccomp_one_id_filter);
}

int seccomp_apply(uint64_t caps, struct error *err)
{
	struct sock_filter code[SECCOMP_INSNS_MAX];

	return sandbox_load(code, seccomp_program(caps, code), err);
}

int seccomp_apply_answers(struct error *err)
{
	const struct sock_filter *code;
	unsigned n = seccomp_answers(&code);

	return sandbox_load(code, n, err);
}
