/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/num.h"
#include "base/str.h"

/* Inode number of the user namespace that userns_enter() made: survives our own execs, and means
 * nothing in any other namespace. */
static const char inside_env[] = "CARREL_USERNS";

static int userns_inode(ino_t *ret)
{
	struct stat st;

	if (stat("/proc/self/ns/user", &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

bool userns_is_inside(void)
{
	const char *s = secure_getenv(inside_env);
	uint64_t want;
	ino_t now = 0;

	return s && num_u64(s, &want) == 0 && userns_inode(&now) == 0 && now == want;
}

int userns_mark_inside(void)
{
	char text[24];
	ino_t ino = 0;
	int r;

	if (userns_inode(&ino) < 0)
		return 0; /* no /proc: our own programs will enter again, and be refused */
	r = str_print(text, sizeof(text), "%llu", (unsigned long long)ino);
	if (r < 0)
		return r;
	return setenv(inside_env, text, 1) < 0 ? -errno : 0;
}
