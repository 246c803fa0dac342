/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/path.h"

void id_random(void *p, size_t n)
{
	char *s = p;

	while (n) {
		ssize_t r = getrandom(s, n, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			abort(); /* a predictable id or temporary name is not an alternative */
		s += r;
		n -= (size_t)r;
	}
}

char *id_hex(char *buf, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	unsigned char *raw = (unsigned char *)buf + n;

	/* The raw bytes sit in the upper half; digit pairs never overtake them. */
	id_random(raw, n);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = raw[i];

		buf[2 * i] = digit[c >> 4];
		buf[2 * i + 1] = digit[c & 15];
	}
	buf[2 * n] = '\0';
	return buf;
}

char *id_temp(char buf[ID_TEMP_LEN + 1])
{
	return id_hex(buf, ID_TEMP_LEN / 2);
}

/* It stays the same as long as we live: read once. */
int id_boot(char buf[ID_BOOT_LEN + 1])
{
	static char known[ID_BOOT_LEN + 1];
	int r = known[0] ? 0
			 : path_read_line("/proc/sys/kernel/random/boot_id", known, sizeof(known));

	memcpy(buf, known, sizeof(known));
	return r;
}

/* FNV-1a, folded: a name, not a secret and not a digest. */
static uint32_t hash(const char *a, const char *b)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *a; a++)
		h = (h ^ (unsigned char)*a) * UINT64_C(0x100000001b3);
	for (; *b; b++)
		h = (h ^ (unsigned char)*b) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ (h >> 32));
}

char *id_node(char buf[ID_NODE_LEN + 1])
{
	char machine[64], boot[ID_BOOT_LEN + 1], host[256] = "";

	/* Images of machines share a machine-id, so the host name goes in as well. */
	/* Whatever is missing leaves its part empty. */
	ignore_result(path_read_line("/etc/machine-id", machine, sizeof(machine)));
	ignore_result(id_boot(boot));
	ignore_result(gethostname(host, sizeof(host) - 1));
	(void)snprintf(buf, ID_NODE_LEN + 1, "%08x%08x", hash(machine, host), hash(boot, ""));
	return buf;
}
