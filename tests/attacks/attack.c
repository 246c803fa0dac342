/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * What root of a container may try (doc/SECURITY-MODEL.md). Static, compiled by
 * tests/cli/test_security.py and put into its images: attack NAME [ARG...]. Each prints one line
 * for each thing tried, "THING ok" or "THING ERRNO-TEXT"; the tests know which must be which. This
 * is no code of carrel's and depends on nothing of it.
 */
static void say(const char *thing, long r)
{
	printf("%s %s\n", thing, r < 0 ? strerror(errno) : "ok");
	fflush(stdout);
}

/* Rule 5: type a line into whatever terminal the standard descriptors are. */
static int try_tty(char **argv)
{
	(void)argv;
	for (int fd = 0; fd < 3; fd++) {
		char name[32];

		snprintf(name, sizeof(name), "sti%d", fd);
		say(name, ioctl(fd, TIOCSTI, "X"));
		snprintf(name, sizeof(name), "sti-high%d", fd);
		say(name, syscall(SYS_ioctl, fd, 0x100000000UL | TIOCSTI, "X"));
	}
	return 0;
}

/* Host side of the keyring attack: a session keyring with a secret, then the program. */
static int with_key(char **argv)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", "carrel-test-secret", "s3cret", 6,
		    KEY_SPEC_SESSION_KEYRING) < 0) {
		perror("key");
		return 99;
	}
	execv(argv[0], argv);
	return 98;
}

static int find_key(char **argv)
{
	(void)argv;
	say("key", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
			   "carrel-test-secret", 0));
	return 0;
}

/* Rule 2: change the program that runs us. */
static int overwrite(char **argv)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/exe", argv[0] ? argv[0] : "1");
	say("write", open(path, O_WRONLY | O_APPEND));
	say("chmod", chmod(path, 0777));
	say("chown", chown(path, 33, 33));
	return 0;
}

static int is_host_program(int pid)
{
	char path[64], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = '\0';
	close(fd);
	return strncmp(comm, "carrel", 6) == 0;
}

static int open_of(int pid, const char *what, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	return open(path, flags);
}

/* -1: it was not carrel itself any more. */
static int reach(int pid)
{
	char name[16];
	int got = 0, status;
	bool still;

	got |= open_of(pid, "mem", O_RDWR) >= 0;
	got |= open_of(pid, "root/.", O_RDONLY) >= 0;
	for (int fd = 3; fd < 16; fd++) {
		snprintf(name, sizeof(name), "fd/%d", fd);
		got |= open_of(pid, name, O_RDONLY) >= 0;
	}
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0)
		return is_host_program(pid) ? got : -1;
	/* Whose program has begun is ours by right. It must not stay: a detach fails before it has
	 * stopped, and behind the stop of its exec waits ours. */
	still = is_host_program(pid);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		;
	return still ? 1 : -1;
}

/* Rule 1: catch the joining process of `exec` before its program starts. Still the host's program
 * after the attempts: they reached carrel itself. argv[0] sightings are enough. */
static int joined(char **argv)
{
	int want = atoi(argv[0]), seen = 0, got = 0;
	time_t end = time(NULL) + 20;

	printf("ready\n");
	fflush(stdout);
	while (seen < want && time(NULL) < end) {
		/* The next numbers: a child of ours tells where they are now. */
		pid_t probe = fork();

		if (probe == 0)
			_exit(0);
		waitpid(probe, NULL, 0);
		for (int pid = 2; pid <= probe + 3; pid++) {
			int r;

			if (!is_host_program(pid))
				continue;
			r = reach(pid);
			if (r < 0)
				continue;
			seen++;
			got += r;
		}
	}
	printf("seen %d got %d\n", seen, got);
	return 0;
}

/* Every process and file system that can be seen. */
static int look(char **argv)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	(void)argv;
	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			printf("pid %s\n", e->d_name);
	if (d)
		closedir(d);
	d = opendir("/proc/self/fd");
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			printf("fd %s\n", e->d_name);
	return 0;
}

/* Ways to more privilege or to the kernel's less tested doors. */
static int escalate(char **argv)
{
	(void)argv;
	say("mount", mount("x", "/tmp", "tmpfs", 0, NULL));
	say("remount-proc-sys", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
	say("unmask", umount2("/proc/keys", MNT_DETACH));
	say("unshare-user", syscall(SYS_unshare, 0x10000000));
	say("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	say("clone3", syscall(SYS_clone3, NULL, 0));
	say("mknod", mknod("/tmp/disk", S_IFBLK | 0600, 0x800));
	say("swappiness", open("/proc/sys/vm/swappiness", O_WRONLY));
	say("sysrq", open("/proc/sysrq-trigger", O_WRONLY));
	say("kcore", lseek(open("/proc/kcore", O_RDONLY), 1, SEEK_END) > 1 ? 0 : -1);
	say("sethostname", sethostname("evil", 4));
	say("alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
	say("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **argv);
} attacks[] = {
	{ "tty", try_tty },	    { "with-key", with_key }, { "find-key", find_key },
	{ "overwrite", overwrite }, { "joined", joined },     { "look", look },
	{ "escalate", escalate },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (strcmp(argv[1], attacks[i].name) == 0)
			return attacks[i].run(argv + 2);
	fprintf(stderr, "attack: which one?\n");
	return 2;
}
