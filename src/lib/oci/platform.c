/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oci/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/str.h"

/* Kernel and distribution names for Go's, as containerd normalises them. */
static const struct arch_alias {
	const char *name, *arch, *variant;
} arch_aliases[] = {
	{ "x86_64", "amd64", "" },   { "x86-64", "amd64", "" },	   { "i386", "386", "" },
	{ "i486", "386", "" },	     { "i586", "386", "" },	   { "i686", "386", "" },
	{ "aarch64", "arm64", "" },  { "armhf", "arm", "v7" },	   { "armel", "arm", "v6" },
	{ "armv5tel", "arm", "v5" }, { "armv6l", "arm", "v6" },	   { "armv7l", "arm", "v7" },
	{ "armv8l", "arm", "v7" },   { "mips64", "mips64le", "" }, { "loongarch64", "loong64", "" },
};

void platform_normalize(struct platform *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch_aliases); i++) {
		const struct arch_alias *a = &arch_aliases[i];

		if (!str_eq(p->arch, a->name))
			continue;
		/* Table strings are shorter than the fields. */
		ignore_result(str_copy(p->arch, sizeof(p->arch), a->arch));
		if (!p->variant[0])
			ignore_result(str_copy(p->variant, sizeof(p->variant), a->variant));
		break;
	}
	if (str_eq(p->arch, "arm64") && (str_eq(p->variant, "v8") || str_eq(p->variant, "8")))
		p->variant[0] = '\0';
	if (str_eq(p->arch, "amd64") && str_eq(p->variant, "v1"))
		p->variant[0] = '\0';
	if (str_eq(p->arch, "arm") && strlen(p->variant) == 1) {
		p->variant[1] = p->variant[0];
		p->variant[0] = 'v';
		p->variant[2] = '\0';
	}
}

/* One component into a field; empty, over-long or odd ones are refused. */
static int take_part(const char *s, size_t n, char buf[32])
{
	if (n == 0 || n >= 32)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= 'A' && s[i] <= 'Z') &&
		    !(s[i] >= '0' && s[i] <= '9') && s[i] != '.' && s[i] != '_' && s[i] != '-')
			return -EINVAL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	return 0;
}

/* Of Go's, those that images are made for. A word alone that is none of them is an architecture. */
static bool is_os(const char *s)
{
	static const char *const names[] = { "linux", "windows", "darwin", "freebsd" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(s, names[i]))
			return true;
	return false;
}

/* As docker has it: an architecture of Linux, or an operating system on this machine's own. */
static int take_word(const char *s, size_t n, struct platform *p)
{
	int r = take_part(s, n, p->arch);

	if (r < 0 || !is_os(p->arch))
		return r;
	platform_host(p);
	return take_part(s, n, p->os);
}

int platform_parse(const char *s, struct platform *ret, struct error *err)
{
	const char *parts[3];
	size_t len[3], n = 0;
	struct platform p = { .os = "linux" };
	int r = 0;

	for (const char *at = s;; n++) {
		size_t k = strcspn(at, "/");

		if (n == ARRAY_SIZE(parts))
			break;
		parts[n] = at;
		len[n] = k;
		if (!at[k]) {
			n++;
			goto split;
		}
		at += k + 1;
	}
	goto bad;
split:
	if (n == 1) {
		r = take_word(parts[0], len[0], &p);
	} else {
		r = take_part(parts[0], len[0], p.os);
		if (r == 0)
			r = take_part(parts[1], len[1], p.arch);
		if (r == 0 && n == 3)
			r = take_part(parts[2], len[2], p.variant);
	}
	if (r < 0)
		goto bad;
	platform_normalize(&p);
	*ret = p;
	return 0;
bad:
	error_set(err, -EINVAL, "bad platform '%s'", s);
	error_hint(err, "write OS/ARCH[/VARIANT], for example linux/amd64 or linux/arm/v7");
	return -EINVAL;
}

void platform_host(struct platform *ret)
{
	struct utsname u = { 0 };
	struct platform p = { .os = "linux" };

	ignore_result(uname(&u)); /* fails only for a bad pointer */
	if (str_copy(p.arch, sizeof(p.arch), u.machine) < 0)
		p.arch[0] = '\0';
	platform_normalize(&p);
	*ret = p;
}

bool platform_match(const struct platform *want, const struct platform *have)
{
	if (!str_eq(want->os, have->os) || !str_eq(want->arch, have->arch))
		return false;
	if (!want->variant[0] || !have->variant[0] || str_eq(want->variant, have->variant))
		return true;
	/* A newer 32-bit ARM runs what was made for an older one. */
	return str_eq(want->arch, "arm") && strlen(want->variant) == 2 &&
	       strlen(have->variant) == 2 && have->variant[1] < want->variant[1];
}

bool platform_allows(const struct platform *want, const struct platform *have)
{
	struct platform p = *have;

	if (!p.os[0])
		memcpy(p.os, want->os, sizeof(p.os));
	if (!p.arch[0])
		memcpy(p.arch, want->arch, sizeof(p.arch));
	return platform_match(want, &p);
}

char *platform_format(const struct platform *p, char buf[100])
{
	(void)snprintf(buf, 100, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
	return buf;
}
