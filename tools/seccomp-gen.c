/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/str.h"
#include "runtime/ctr.h"

/*
 * Build program: system call filters as C arrays. libseccomp only tells names from numbers.
 *	seccomp-gen profile seccomp-profile.txt	the containers' default profile
 *	seccomp-gen answers seccomp-one-id.txt	what is answered in a container with one id
 *	seccomp-gen filter NAME GROUP SOURCE...	allow-list of a helper program from the tags
 *						"#syscalls: a b" (GROUP "") or "#syscalls:GROUP a b"
 *
 * A filter is a decision tree over the sorted numbers, one per architecture: about ten comparisons
 * a call and 100 us to load, where a list takes 700. What depends on capabilities is an instruction
 * whose constant the runtime replaces (struct patch), so that one array serves every --cap-add.
 */
enum {
	RULES_MAX = 2048,
	CODE_MAX = 4096,
	LINE_MAX_LEN = 4096,
	ARCHES_MAX = 3,
	X32_BIT = 0x40000000,
	X32_OWN = 512,
};

/* What happens with a call: one of these per number. */
enum kind {
	KIND_RETURN,	  /* `value` */
	KIND_CAPS,	  /* `value`, or ALLOW with one of `caps` */
	KIND_CLONE,	  /* new namespaces need SYS_ADMIN */
	KIND_PERSONALITY, /* the harmless ones */
	KIND_IOCTL,	  /* nothing that types into a terminal */
	KIND_SOCKET,	  /* no audit netlink without AUDIT_WRITE, no vsock */
	KIND_ANSWER,	  /* success without being done, unless all ids are 0 or -1 */
	KIND_ANSWER16,	  /* the same for ids of 16 bits */
};

struct action {
	enum kind kind;
	uint32_t value; /* KIND_ANSWER: a bit per argument that is an id */
	uint64_t caps;
};

struct rule {
	char name[40];
	int number; /* of all architectures, or -1 */
	struct action action;
};

struct entry {
	uint32_t nr;
	struct action action;
};

struct patch {
	unsigned at;
	uint64_t caps;
	uint32_t with;
};

struct code {
	struct sock_filter insn[CODE_MAX];
	unsigned n;
	struct patch patches[256];
	unsigned n_patches;
};

struct gen {
	struct rule rules[RULES_MAX];
	unsigned n;
	struct action otherwise;
};

static const uint32_t allow = SECCOMP_RET_ALLOW;
static const uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;
static const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;

static void __attribute__((noreturn)) die(const char *what, const char *word)
{
	(void)fprintf(stderr, "seccomp-gen: %s: %s\n", what, word);
	exit(1);
}

static void emit(struct code *c, uint16_t op, uint32_t k, unsigned jt, unsigned jf)
{
	if (c->n == CODE_MAX || jt > 255 || jf > 255)
		die("filter too long", "");
	c->insn[c->n++] = (struct sock_filter){ op, (uint8_t)jt, (uint8_t)jf, k };
}

static void emit_return(struct code *c, uint32_t value)
{
	emit(c, BPF_RET | BPF_K, value, 0, 0);
}

static void patch_last(struct code *c, uint64_t caps, uint32_t with)
{
	if (c->n_patches == ARRAY_SIZE(c->patches))
		die("too many patches", "");
	c->patches[c->n_patches++] = (struct patch){ c->n - 1, caps, with };
}

/* Arguments are 64 bits wide; what the kernel reads of these is the lower half. Comparing all 64
 * would let 0x100005412 pass as an unknown ioctl (CVE-2019-7303). */
static void emit_load_low(struct code *c, unsigned arg)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * arg),
	     0, 0);
}

static void emit_choice(struct code *c, const uint32_t *values, unsigned n, uint32_t yes,
			uint32_t no)
{
	for (unsigned i = 0; i < n; i++)
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, values[i], n - i, 0);
	emit_return(c, no);
	emit_return(c, yes);
}

static void emit_clone(struct code *c)
{
	const uint32_t flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
			       CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

	emit_load_low(c, 0);
	emit(c, BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1);
	patch_last(c, UINT64_C(1) << CAP_SYS_ADMIN, 0); /* no flag is looked at */
	emit_return(c, eperm);
	emit_return(c, allow);
}

static void emit_socket(struct code *c)
{
	enum {
		NETLINK_AUDIT_PROTOCOL = 9,
	};

	emit_load_low(c, 0);
	/* The kernel's cryptography: a page cache that it may write has changed read-only files of
	 * the host and of other containers (CVE-2026-31431). docker refuses it since 29.4.2. */
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, 6, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 5, 0); /* reaches the hypervisor */
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3);
	emit_load_low(c, 2);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, NETLINK_AUDIT_PROTOCOL, 0, 1);
	emit_return(c, SECCOMP_RET_ERRNO | EINVAL);
	patch_last(c, UINT64_C(1) << CAP_AUDIT_WRITE, allow);
	emit_return(c, allow);
	emit_return(c, eperm);
}

/* The caller's own id, and "leave it": the kernel does it, and says where it cannot. */
static void emit_answer(struct code *c, uint32_t args, uint32_t bits)
{
	const uint32_t answered = SECCOMP_RET_ERRNO | 0;
	unsigned left = 0;

	for (unsigned i = 0; i < 6; i++)
		left += args >> i & 1;
	if (left == 0) {
		emit_return(c, answered);
		return;
	}
	for (unsigned i = 0; i < 6; i++) {
		unsigned each = bits == 0xffff ? 4 : 3;

		if (!(args >> i & 1))
			continue;
		left--;
		emit_load_low(c, i);
		if (bits == 0xffff)
			emit(c, BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, bits, 0, left * each + 1);
	}
	emit_return(c, allow);
	emit_return(c, answered);
}

static void emit_action(struct code *c, const struct action *a)
{
	static const uint32_t persons[] = { PER_LINUX, PER_LINUX32, 0x20000 /* UNAME26 */, 0x20008,
					    0xffffffff /* only asks */ };
	static const uint32_t ioctls[] = { TIOCSTI, TIOCLINUX };

	switch (a->kind) {
	case KIND_RETURN:
		emit_return(c, a->value);
		return;
	case KIND_CAPS:
		emit_return(c, a->value);
		patch_last(c, a->caps, allow);
		return;
	case KIND_CLONE:
		emit_clone(c);
		return;
	case KIND_PERSONALITY:
		emit_load_low(c, 0);
		emit_choice(c, persons, ARRAY_SIZE(persons), allow, eperm);
		return;
	case KIND_IOCTL:
		emit_load_low(c, 1);
		emit_choice(c, ioctls, ARRAY_SIZE(ioctls), eperm, allow);
		return;
	case KIND_SOCKET:
		emit_socket(c);
		return;
	case KIND_ANSWER:
		emit_answer(c, a->value, 0xffffffff);
		return;
	case KIND_ANSWER16:
		emit_answer(c, a->value, 0xffff);
		return;
	}
}

static void append(struct code *to, const struct code *from)
{
	for (unsigned i = 0; i < from->n_patches; i++) {
		if (to->n_patches == ARRAY_SIZE(to->patches))
			die("too many patches", "");
		to->patches[to->n_patches] = from->patches[i];
		to->patches[to->n_patches++].at += to->n;
	}
	for (unsigned i = 0; i < from->n; i++)
		emit(to, from->insn[i].code, from->insn[i].k, from->insn[i].jt, from->insn[i].jf);
}

/* Intervals: entry i covers the numbers from its own up to the next one's. */
static void emit_tree(struct code *c, const struct entry *e, unsigned n)
{
	struct code *low, *high;
	unsigned half = n / 2;

	if (n == 1) {
		emit_action(c, &e->action);
		return;
	}
	low = xcalloc(1, sizeof(*low));
	high = xcalloc(1, sizeof(*high));
	emit_tree(low, e, half);
	emit_tree(high, e + half, n - half);
	if (low->n <= 255) {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, e[half].nr, low->n, 0);
	} else {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, e[half].nr, 0, 1);
		emit(c, BPF_JMP | BPF_JA, low->n, 0, 0);
	}
	append(c, low);
	append(c, high);
	free(low);
	free(high);
}

static bool same_action(const struct action *a, const struct action *b)
{
	return a->kind == b->kind && a->value == b->value && a->caps == b->caps;
}

static int compare_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

static void add_interval(struct entry *out, unsigned *n, uint32_t nr, const struct action *a)
{
	if (*n && same_action(&out[*n - 1].action, a))
		return;
	out[(*n)++] = (struct entry){ nr, *a };
}

static int resolve(const struct rule *r, uint32_t arch)
{
	if (r->number >= 0)
		return arch == SCMP_ARCH_X32 ? r->number | X32_BIT : r->number;
	return seccomp_syscall_resolve_name_arch(arch, r->name);
}

/* Where an architecture has "chown32", its "chown" takes ids of 16 bits. */
static struct action action_for(const struct rule *r, uint32_t arch)
{
	struct action a = r->action;
	char wide[sizeof(r->name) + 2];

	(void)snprintf(wide, sizeof(wide), "%s32", r->name);
	if (a.kind == KIND_ANSWER && seccomp_syscall_resolve_name_arch(arch, wide) >= 0)
		a.kind = KIND_ANSWER16;
	return a;
}

/* The tree over one table of numbers, from `first` on; the number is in the accumulator. */
static void emit_arch(struct code *c, const struct gen *g, uint32_t arch, uint32_t first)
{
	struct entry *known = xcalloc(RULES_MAX, sizeof(*known));
	struct entry *out = xcalloc(2 * RULES_MAX + 1, sizeof(*out));
	unsigned n_known = 0, n = 0;
	uint32_t next = 0;

	for (unsigned i = 0; i < g->n; i++) {
		int nr = resolve(&g->rules[i], arch);

		if (nr >= 0 && arch == SCMP_ARCH_X32)
			nr &= ~X32_BIT;
		if (nr >= (int)first) /* below 0: libseccomp's own number for "not here" */
			known[n_known++] =
				(struct entry){ (uint32_t)nr, action_for(&g->rules[i], arch) };
	}
	qsort(known, n_known, sizeof(*known), compare_entry);
	add_interval(out, &n, 0, &g->otherwise);
	for (unsigned i = 0; i < n_known; i++) {
		if (i && known[i].nr == known[i - 1].nr)
			continue; /* two names for one call */
		if (known[i].nr > next)
			add_interval(out, &n, next, &g->otherwise);
		if (known[i].nr == 0)
			n = 0;
		add_interval(out, &n, known[i].nr, &known[i].action);
		next = known[i].nr + 1;
	}
	add_interval(out, &n, next, &g->otherwise);
	emit_tree(c, out, n);
	free(known);
	free(out);
}

struct arch_set {
	const char *guard; /* of the compiler */
	struct {
		uint32_t audit, table;
	} arch[ARCHES_MAX];
};

static const struct arch_set arch_sets[] = {
	{ "__x86_64__",
	  { { AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64 }, { AUDIT_ARCH_I386, SCMP_ARCH_X86 } } },
	{ "__aarch64__",
	  { { AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64 }, { AUDIT_ARCH_ARM, SCMP_ARCH_ARM } } },
};

/* "if the architecture is not this one, skip the body" */
static void emit_if_arch(struct code *c, uint32_t audit, const struct code *body)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch), 0, 0);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, audit, 1, 0);
	emit(c, BPF_JMP | BPF_JA, body->n, 0, 0);
	append(c, body);
}

/*
 * The x32 table shares the architecture's number, and the numbers of the calls that are the same
 * with a bit set: for those the tree that follows decides. Its own calls have numbers from 512 on.
 */
static void emit_x32(struct code *c, const struct gen *g, bool compat)
{
	struct code *own = xcalloc(1, sizeof(*own));

	if (compat)
		emit_arch(own, g, SCMP_ARCH_X32, X32_OWN);
	else
		emit_return(own, SECCOMP_RET_KILL_PROCESS);
	if (own->n + 2 > 255)
		die("too many calls of x32", "");
	if (compat) {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, own->n + 2);
		emit(c, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT, 0, 0);
		emit(c, BPF_JMP | BPF_JGE | BPF_K, X32_OWN, 0, own->n);
	} else {
		emit(c, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, own->n);
	}
	append(c, own);
	free(own);
}

static void build(struct code *c, const struct gen *g, const struct arch_set *set, bool compat)
{
	/* A filter that only answers leaves the refusing to the one below it. */
	uint32_t others = g->otherwise.value == allow ? allow : SECCOMP_RET_KILL_PROCESS;

	for (unsigned i = 0; i < ARCHES_MAX && set->arch[i].audit && (i == 0 || compat); i++) {
		struct code *body = xcalloc(1, sizeof(*body));
		struct code *tree = xcalloc(1, sizeof(*tree));
		uint32_t table = set->arch[i].table;

		emit(body, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr), 0,
		     0);
		emit_arch(tree, g, table, 0);
		if (table == SCMP_ARCH_X86_64)
			emit_x32(body, g, compat);
		append(body, tree);
		emit_if_arch(c, set->arch[i].audit, body);
		free(body);
		free(tree);
	}
	emit_return(c, others);
}

static void print_code(const struct code *c, const char *name, bool patches)
{
	(void)printf("static const struct sock_filter %s_filter[] = {\n", name);
	for (unsigned i = 0; i < c->n; i++)
		(void)printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", c->insn[i].code, c->insn[i].jt,
			     c->insn[i].jf, c->insn[i].k);
	(void)printf("};\n");
	if (!patches || c->n_patches == 0)
		return;
	(void)printf("static const struct seccomp_patch %s_patches[] = {\n", name);
	for (unsigned i = 0; i < c->n_patches; i++)
		(void)printf("\t{ %u, UINT64_C(0x%llx), 0x%08x },\n", c->patches[i].at,
			     (unsigned long long)c->patches[i].caps, c->patches[i].with);
	(void)printf("};\n");
}

static void print_all(const struct gen *g, const char *name, bool profile)
{
	(void)printf("/* Made by seccomp-gen. */\n");
	for (size_t i = 0; i < ARRAY_SIZE(arch_sets); i++) {
		struct code *c = xcalloc(1, sizeof(*c));

		build(c, g, &arch_sets[i], profile);
		(void)printf("#%sif defined(%s)\n", i ? "el" : "", arch_sets[i].guard);
		print_code(c, name, profile);
		free(c);
	}
	(void)printf("#else\n#error \"no system call filter for this architecture yet\"\n#endif\n");
}

static void add_rule(struct gen *g, const char *word, size_t len, const struct action *a)
{
	struct rule *r = &g->rules[g->n];
	char *equals;
	uint32_t nr;

	if (g->n == RULES_MAX || len >= sizeof(r->name))
		die("too long", word);
	memcpy(r->name, word, len);
	r->name[len] = '\0';
	r->number = -1;
	r->action = *a;
	equals = strchr(r->name, '=');
	if (equals) {
		*equals = '\0';
		if (num_u32(equals + 1, &nr) < 0)
			die("not a number", equals + 1);
		r->number = (int)nr;
	} else if (seccomp_syscall_resolve_name(r->name) == __NR_SCMP_ERROR) {
		die("no such system call", r->name);
	}
	g->n++;
}

static void add_words(struct gen *g, const char *s, const struct action *a)
{
	for (s += strspn(s, " \t"); *s && *s != '*' && *s != '\n'; s += strspn(s, " \t")) {
		size_t n = strcspn(s, " \t\n*");

		add_rule(g, s, n, a);
		s += n;
	}
}

static uint64_t caps_of(char *words)
{
	uint64_t all = 0;
	char *next;

	for (char *w = words; *w; w = next) {
		struct error err = { 0 };
		uint64_t one;

		next = w + strcspn(w, " ");
		if (*next)
			*next++ = '\0';
		if (caps_parse(w, &one, &err) < 0)
			die(err.text, w);
		all |= one;
	}
	return all;
}

/* " 0 2": a bit for each. */
static uint32_t args_of(const char *s)
{
	uint32_t bits = 0;

	for (; *s; s++) {
		if (*s == ' ')
			continue;
		if (*s < '0' || *s > '5')
			die("not the number of an argument", s);
		bits |= 1u << (*s - '0');
	}
	return bits;
}

static struct action action_of(char *head)
{
	static const struct {
		const char *word;
		enum kind kind;
	} checks[] = { { "check clone", KIND_CLONE },
		       { "check personality", KIND_PERSONALITY },
		       { "check ioctl", KIND_IOCTL },
		       { "check socket", KIND_SOCKET } };

	if (str_eq(head, "allow"))
		return (struct action){ KIND_RETURN, allow, 0 };
	if (str_eq(head, "refuse"))
		return (struct action){ KIND_RETURN, eperm, 0 };
	if (str_starts(head, "answer"))
		return (struct action){ KIND_ANSWER, args_of(head + 6), 0 };
	if (str_starts(head, "needs "))
		return (struct action){ KIND_CAPS, eperm, caps_of(head + 6) };
	if (str_starts(head, "hidden without "))
		return (struct action){ KIND_CAPS, enosys, caps_of(head + 15) };
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (str_eq(head, checks[i].word))
			return (struct action){ checks[i].kind, 0, 0 };
	die("no such rule", head);
}

static void read_profile(struct gen *g, FILE *f)
{
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		struct action a;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!colon)
			die("no colon", line);
		*colon = '\0';
		a = action_of(line);
		add_words(g, colon + 1, &a);
	}
}

static void read_tags(struct gen *g, FILE *f, const char *group)
{
	const struct action yes = { KIND_RETURN, allow, 0 };
	char line[LINE_MAX_LEN], tag[64];

	if (str_print(tag, sizeof(tag), "#syscalls:%s ", group) < 0)
		die("too long", group);
	while (fgets(line, sizeof(line), f)) {
		char *p = strstr(line, tag);

		if (p)
			add_words(g, p + strlen(tag), &yes);
	}
}

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		die("cannot read", path);
	return f;
}

int main(int argc, char **argv)
{
	struct gen *g = xcalloc(1, sizeof(*g));

	g->otherwise = (struct action){ KIND_RETURN, enosys, 0 };
	if (argc == 3 && (str_eq(argv[1], "profile") || str_eq(argv[1], "answers"))) {
		bool answers = str_eq(argv[1], "answers");
		FILE *f = open_file(argv[2]);

		if (answers)
			g->otherwise.value = allow;
		read_profile(g, f);
		(void)fclose(f);
		print_all(g, answers ? "seccomp_one_id" : "seccomp_default", true);
	} else if (argc >= 5 && str_eq(argv[1], "filter")) {
		for (int i = 4; i < argc; i++) {
			FILE *f = open_file(argv[i]);

			read_tags(g, f, argv[3]);
			(void)fclose(f);
		}
		if (g->n == 0)
			die("no #syscalls tag in the sources of", argv[2]);
		print_all(g, argv[2], false);
	} else {
		die("usage", "profile FILE | answers FILE | filter NAME GROUP SOURCE...");
	}
	free(g);
	if (fflush(stdout) != 0)
		die("cannot write", "standard output");
	return 0;
}
