/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>

#include "runtime/ctr.h"

#define CAP(n) (UINT64_C(1) << CAP_##n)

/* podman's eleven: docker's without MKNOD, AUDIT_WRITE and NET_RAW, which a nested user namespace
 * cannot use or does not need (ping works by ping_group_range). */
const uint64_t caps_default = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
			      CAP(KILL) | CAP(NET_BIND_SERVICE) | CAP(SETFCAP) | CAP(SETGID) |
			      CAP(SETPCAP) | CAP(SETUID) | CAP(SYS_CHROOT);

static const char *const names[] = {
	[CAP_CHOWN] = "CHOWN",
	[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
	[CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID",
	[CAP_KILL] = "KILL",
	[CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID",
	[CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST",
	[CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW",
	[CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER",
	[CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO",
	[CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE",
	[CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN",
	[CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE",
	[CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD",
	[CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
	[CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN",
	[CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ",
	[CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF",
	[CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

const char *caps_name(unsigned n)
{
	return n < ARRAY_SIZE(names) ? names[n] : NULL;
}

static bool same_name(const char *a, const char *upper)
{
	for (; *a && *upper; a++, upper++)
		if (toupper((unsigned char)*a) != *upper)
			return false;
	return *a == *upper;
}

int caps_parse(const char *name, uint64_t *ret, struct error *err)
{
	const char *s = name;

	if (same_name(s, "ALL")) {
		*ret = (UINT64_C(1) << ARRAY_SIZE(names)) - 1;
		return 0;
	}
	if ((s[0] == 'C' || s[0] == 'c') && (s[1] == 'A' || s[1] == 'a') &&
	    (s[2] == 'P' || s[2] == 'p') && s[3] == '_')
		s += 4;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (same_name(s, names[i])) {
			*ret = UINT64_C(1) << i;
			return 0;
		}
	error_set(err, -EINVAL, "there is no capability %s", name);
	error_hint(err, "names are those of capabilities(7), such as NET_ADMIN, or ALL");
	return -EINVAL;
}
