/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/ctr.h"
#include "runtime/seccomp.h"

#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

static const uint64_t admin = UINT64_C(1) << CAP_SYS_ADMIN;

/* The kernel's rules for the few instructions that the generator uses. */
static uint32_t interpret(const struct sock_filter *code, unsigned n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &code[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + f->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %x", f->code);
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t run(uint64_t caps, const struct seccomp_data *d)
{
	static struct sock_filter code[SECCOMP_INSNS_MAX];

	return interpret(code, seccomp_program(caps, code), d);
}

static uint32_t native_arch(void)
{
	return seccomp_arch_native() == SCMP_ARCH_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static uint32_t ask(uint64_t caps, const char *name, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = seccomp_syscall_resolve_name(name),
				  .arch = native_arch(),
				  .args = { a0, a1, a2 } };

	assert_true(d.nr >= 0);
	return run(caps, &d);
}

static void test_by_capability(void **state)
{
	static const struct {
		const char *name;
		unsigned cap;
		uint32_t without;
	} rows[] = {
		{ "unshare", CAP_SYS_ADMIN, ERRNO(EPERM) },
		{ "setns", CAP_SYS_ADMIN, ERRNO(EPERM) },
		{ "mount", CAP_SYS_ADMIN, ERRNO(EPERM) },
		{ "fsopen", CAP_SYS_ADMIN, ERRNO(EPERM) },
		{ "clone3", CAP_SYS_ADMIN, ERRNO(ENOSYS) },
		{ "bpf", CAP_BPF, ERRNO(EPERM) },
		{ "bpf", CAP_SYS_ADMIN, ERRNO(EPERM) },
		{ "syslog", CAP_SYSLOG, ERRNO(EPERM) },
		{ "reboot", CAP_SYS_BOOT, ERRNO(EPERM) },
		{ "kcmp", CAP_SYS_PTRACE, ERRNO(EPERM) },
		{ "open_by_handle_at", CAP_DAC_READ_SEARCH, ERRNO(EPERM) },
		{ "clock_settime", CAP_SYS_TIME, ERRNO(EPERM) },
		{ "init_module", CAP_SYS_MODULE, ERRNO(EPERM) },
		{ "chroot", CAP_SYS_CHROOT, ERRNO(EPERM) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ask(0, rows[i].name, 0, 0, 0), rows[i].without);
		assert_int_equal(ask(UINT64_C(1) << rows[i].cap, rows[i].name, 0, 0, 0),
				 SECCOMP_RET_ALLOW);
	}
	assert_int_equal(ask(caps_default, "chroot", 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(~UINT64_C(0), "keyctl", 0, 0, 0), ERRNO(EPERM));
	assert_int_equal(ask(~UINT64_C(0), "kexec_load", 0, 0, 0), ERRNO(EPERM));
}

static void test_arguments(void **state)
{
	const uint64_t high = UINT64_C(1) << 32;

	(void)state;
	assert_int_equal(ask(0, "clone", SIGCHLD, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "clone", CLONE_NEWUSER | SIGCHLD, 0, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "clone", CLONE_NEWNET, 0, 0), ERRNO(EPERM));
	assert_int_equal(ask(admin, "clone", CLONE_NEWUSER, 0, 0), SECCOMP_RET_ALLOW);
	/* CVE-2019-7303: the kernel looks at the lower half only. */
	assert_int_equal(ask(0, "ioctl", 0, TIOCSTI, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "ioctl", 0, high | TIOCSTI, 0), ERRNO(EPERM));
	assert_int_equal(ask(~UINT64_C(0), "ioctl", 0, high | TIOCLINUX, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "ioctl", 0, TIOCGWINSZ, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "personality", 0xffffffff, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "personality", 8, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "personality", 0x0040000, 0, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "socket", 2, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "socket", 16, 3, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "socket", 16, 3, 9), ERRNO(EINVAL));
	assert_int_equal(ask(0, "socket", 2, 3, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(0, "socket", 40, 1, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "socket", 38, 5, 0), ERRNO(EPERM));
	assert_int_equal(ask(0, "socket", 39, 5, 0), SECCOMP_RET_ALLOW);
}

/* Nothing slips in between two intervals of the tree: numbers without a name are refused. */
static void test_all_numbers(void **state)
{
	char *name;

	(void)state;
	for (int nr = 0; nr < 1200; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = native_arch() };
		uint32_t got = run(0, &d);

		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
		/* Numbers that have no name yet: only the newer ones of the profile. */
		if (!name && (nr < 451 || nr > 466))
			assert_int_equal(got, ERRNO(ENOSYS));
		if (name && (strncmp(name, "io_uring", 8) == 0 || strcmp(name, "clone3") == 0))
			assert_int_equal(got, ERRNO(ENOSYS));
		free(name);
	}
}

static void test_other_architectures(void **state)
{
	struct seccomp_data d = { .nr = 0, .arch = AUDIT_ARCH_S390X };

	(void)state;
	assert_int_equal(run(~UINT64_C(0), &d), SECCOMP_RET_KILL_PROCESS);
	if (native_arch() != AUDIT_ARCH_X86_64)
		return;
	/* The same rules by another door. */
	d.arch = AUDIT_ARCH_I386;
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "unshare");
	assert_int_equal(run(0, &d), ERRNO(EPERM));
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "mount");
	assert_int_equal(run(0, &d), ERRNO(EPERM));
	assert_int_equal(run(admin, &d), SECCOMP_RET_ALLOW);
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "ioctl");
	d.args[1] = TIOCSTI;
	assert_int_equal(run(0, &d), ERRNO(EPERM));
	d.arch = AUDIT_ARCH_X86_64;
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X32, "ioctl");
	assert_int_equal(run(0, &d), ERRNO(EPERM));
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X32, "unshare");
	assert_int_equal(run(0, &d), ERRNO(EPERM));
	d.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X32, "read");
	assert_int_equal(run(0, &d), SECCOMP_RET_ALLOW);
}

static uint32_t answer_for(uint32_t audit, uint32_t table, const char *name, uint64_t a0,
			   uint64_t a1, uint64_t a2, uint64_t a3)
{
	const struct sock_filter *code;
	unsigned n = seccomp_answers(&code);
	struct seccomp_data d = { .nr = seccomp_syscall_resolve_name_arch(table, name),
				  .arch = audit,
				  .args = { a0, a1, a2, a3 } };

	assert_true(d.nr >= 0);
	return interpret(code, n, &d);
}

static uint32_t answer(const char *name, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	return answer_for(native_arch(), seccomp_arch_native(), name, a0, a1, a2, a3);
}

#define ANSWERED ERRNO(0)

/* One id: the kernel does what is about it, everything else is answered. */
static void test_answers(void **state)
{
	const uint64_t none = UINT32_MAX, junk = UINT64_C(7) << 32;

	(void)state;
	assert_int_equal(answer("fchown", 9, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchown", 9, none, none, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchown", 9, none, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchown", 9, 1, 0, 0), ANSWERED);
	assert_int_equal(answer("fchown", 9, 0, 5, 0), ANSWERED);
	assert_int_equal(answer("fchown", 9, none, 5, 0), ANSWERED);
	/* 65535 is an id like any other here; the upper half is not looked at by the kernel. */
	assert_int_equal(answer("fchown", 9, 65535, 0, 0), ANSWERED);
	assert_int_equal(answer("fchown", 9, junk, junk | none, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchownat", 1, 2, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchownat", 1, 2, 0, 33), ANSWERED);
	assert_int_equal(answer("fchownat", 1, 2, 33, 0), ANSWERED);
	assert_int_equal(answer("setuid", 0, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("setuid", 33, 0, 0, 0), ANSWERED);
	assert_int_equal(answer("setresgid", none, none, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("setresgid", none, none, 4, 0), ANSWERED);
	assert_int_equal(answer("setresuid", 4, 0, 0, 0), ANSWERED);
	assert_int_equal(answer("setreuid", none, 4, 0, 0), ANSWERED);
	assert_int_equal(answer("setfsuid", 4, 0, 0, 0), ANSWERED);
	assert_int_equal(answer("setgroups", 0, 0, 0, 0), ANSWERED);
	/* Nothing else is. */
	assert_int_equal(answer("capset", 1, 2, 3, 4), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("mknodat", 1, 2, 020000, 4), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fsetxattr", 1, 2, 3, 4), SECCOMP_RET_ALLOW);
	assert_int_equal(answer("fchmod", 1, 2, 3, 4), SECCOMP_RET_ALLOW);
	if (native_arch() != AUDIT_ARCH_X86_64)
		return;
		/* The same by the other doors; ids of 16 bits in i386's old calls. */
#define I386(...) answer_for(AUDIT_ARCH_I386, SCMP_ARCH_X86, __VA_ARGS__)
	assert_int_equal(I386("chown32", 1, 33, 33, 0), ANSWERED);
	assert_int_equal(I386("chown32", 1, 65535, 0, 0), ANSWERED);
	assert_int_equal(I386("chown", 1, 33, 33, 0), ANSWERED);
	assert_int_equal(I386("chown", 1, 65535, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(I386("chown", 1, 0xffff0000, none, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(I386("setresuid", 0, 65535, 7, 0), ANSWERED);
	assert_int_equal(I386("setgroups32", 0, 0, 0, 0), ANSWERED);
	assert_int_equal(I386("read", 1, 2, 3, 4), SECCOMP_RET_ALLOW);
#define X32(...) answer_for(AUDIT_ARCH_X86_64, SCMP_ARCH_X32, __VA_ARGS__)
	assert_int_equal(X32("chown", 1, 33, 33, 0), ANSWERED);
	assert_int_equal(X32("chown", 1, none, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(X32("setuid", 33, 0, 0, 0), ANSWERED);
	assert_int_equal(X32("read", 1, 2, 3, 4), SECCOMP_RET_ALLOW);
}

static int says(long r, int e)
{
	return r == -1 && errno == e;
}

static int in_child(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_apply(caps_default, NULL) < 0)
		return 10;
	if (!says(syscall(SYS_unshare, CLONE_NEWUSER), EPERM))
		return 11;
	if (!says(syscall(SYS_clone3, NULL, 0), ENOSYS))
		return 12;
	if (!says(syscall(SYS_ioctl, 0, UINT64_C(0x100000000) | TIOCSTI, "x"), EPERM))
		return 13;
	if (!says(syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM))
		return 14;
	if (!says(syscall(9999), ENOSYS))
		return 15;
	if (getpid() <= 0 || fork() < 0)
		return 16;
	return 0;
}

/* Beside the profile: an answer wins over its permission, its refusals stay. */
static int answered_in_child(void)
{
	int r = in_child();

	if (r || seccomp_apply_answers(NULL) < 0)
		return r ? r : 20;
	if (syscall(SYS_fchown, -1, 33, 33) != 0 || syscall(SYS_setgroups, 0, NULL) != 0)
		return 21;
	if (!says(syscall(SYS_fchown, -1, 0, 0), EBADF))
		return 22;
	if (!says(syscall(SYS_unshare, CLONE_NEWUSER), EPERM))
		return 23;
	return 0;
}

/* The kernel takes the filters, and they do what the interpreter says. */
static void test_loaded(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(answered_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_capability),	    cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_all_numbers),	    cmocka_unit_test(test_loaded),
		cmocka_unit_test(test_other_architectures), cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
