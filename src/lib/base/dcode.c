/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/dcode.h"

#include <stddef.h>

static const struct dcode_row rows[DCODE_MAX] = {
	[DCODE_USERNS_OFF] = {
		DCODE_USERNS_OFF, "D-01", "user namespaces are disabled on this host",
		"run, exec and the unpacking of layers",
		"ask an administrator: sysctl -w user.max_user_namespaces=15000 "
		"kernel.unprivileged_userns_clone=1",
	},
	[DCODE_USERNS_DENIED] = {
		DCODE_USERNS_DENIED, "D-02", "a security module refuses user namespaces",
		"run, exec and the unpacking of layers",
		"ask an administrator: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, "
		"or a profile with `userns,` for the carrel program",
	},
	[DCODE_NO_SUBID] = {
		DCODE_NO_SUBID, "D-03", "the user has no range of subordinate ids",
		"containers with more than one id",
		"ask an administrator: usermod --add-subuids 100000-165535 "
		"--add-subgids 100000-165535 USER (a range that no other user has)",
	},
	[DCODE_NO_NEWIDMAP] = {
		DCODE_NO_NEWIDMAP, "D-04", "newuidmap and newgidmap are not installed",
		"containers with more than one id",
		"ask an administrator: apt-get install uidmap (shadow-utils elsewhere)",
	},
	[DCODE_NEWIDMAP_PRIV] = {
		DCODE_NEWIDMAP_PRIV, "D-05", "newuidmap has no privilege to write the map",
		"containers with more than one id",
		"ask an administrator: chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap (and no "
		"nosuid on that mount); it cannot work under no_new_privs",
	},
	[DCODE_NO_OVERLAY] = {
		DCODE_NO_OVERLAY, "D-06", "overlay mounts are refused in a user namespace",
		"run of any image",
		"needs Linux 5.11 and a store on ext4, xfs, btrfs or tmpfs (6.6); try --root on a "
		"local disk, or ask an administrator: modprobe overlay",
	},
	[DCODE_NO_TUN] = {
		DCODE_NO_TUN, "D-07", "/dev/net/tun cannot be opened",
		"--network private",
		"use --network host or none, or ask an administrator: modprobe tun; "
		"chmod 0666 /dev/net/tun",
	},
	[DCODE_NO_CGROUP] = {
		DCODE_NO_CGROUP, "D-08", "no cgroup v2 subtree is delegated to the user",
		"limits by cgroups",
		"nothing to do for now: limits are not part of this version",
	},
	[DCODE_STORE_FS] = {
		DCODE_STORE_FS, "D-09", "the store's file system lacks user xattrs, or is remote",
		"layers on that file system",
		"use --root or CARREL_ROOT with a directory on a local disk",
	},
	[DCODE_NO_RUNTIME_DIR] = {
		DCODE_NO_RUNTIME_DIR, "D-10", "XDG_RUNTIME_DIR is unset or unusable",
		"nothing: a private directory in /tmp is used instead",
		"log in through PAM (ssh, console), or set XDG_RUNTIME_DIR to a local directory of "
		"yours with mode 0700",
	},
	[DCODE_CHROOT] = {
		DCODE_CHROOT, "D-11", "this shell runs inside chroot(2)",
		"run, exec and the unpacking of layers: the kernel refuses user namespaces there",
		"enter the tree by pivot_root instead (systemd-nspawn, bwrap, unshare --root are "
		"different: unshare --root is a chroot too)",
	},
	[DCODE_PROC_MASKED] = {
		DCODE_PROC_MASKED, "D-12", "parts of /proc are hidden by other mounts",
		"a private /proc inside containers",
		"in an outer container: start that one with --security-opt unmask=ALL "
		"(podman) or systempaths=unconfined (docker)",
	},
	[DCODE_NETNS_OFF] = {
		DCODE_NETNS_OFF, "D-13", "no network namespace can be made",
		"--network private and none",
		"use --network host, or ask an administrator: sysctl -w "
		"user.max_net_namespaces=15000",
	},
	[DCODE_NO_SECCOMP] = {
		DCODE_NO_SECCOMP, "D-14", "the kernel has no seccomp filters",
		"the default system call profile",
		"use --security-opt seccomp=unconfined, or a kernel with CONFIG_SECCOMP_FILTER",
	},
	[DCODE_STORE_WRITE] = {
		DCODE_STORE_WRITE, "D-15", "the store cannot be written",
		"pull, run and everything that keeps state",
		"free space or quota there, or use --root or CARREL_ROOT with another directory",
	},
	[DCODE_PING] = {
		DCODE_PING, "D-16", "the host's ping_group_range does not include the user",
		"ping from a private network",
		"ask an administrator: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
	},
	[DCODE_KERNEL_OLD] = {
		DCODE_KERNEL_OLD, "D-17", "the kernel is too old",
		"run",
		"carrel needs Linux 5.14, or 5.11 with its fallbacks",
	},
	[DCODE_ROOT_SUBID] = {
		DCODE_ROOT_SUBID, "D-18", "root has no range of subordinate ids",
		"everything that needs a user namespace: host id 0 is never mapped",
		"usermod --add-subuids 100000-165536 --add-subgids 100000-165536 root (65537 ids "
		"that no other user has); contrib/try does it",
	},
	[DCODE_SUBID_CHANGED] = {
		DCODE_SUBID_CHANGED, "D-19", "layers were unpacked under another subuid range",
		"the use of those layers",
		"pull the image again; only root can remove the old tree",
	},
	[DCODE_NO_CONTROLLER] = {
		DCODE_NO_CONTROLLER, "D-20", "a cgroup controller is not delegated to the user",
		"the limits that need that controller (--cpuset-cpus: cpuset, --device-*: io)",
		"ask an administrator: Delegate=cpu cpuset io memory pids under [Service] in "
		"/etc/systemd/system/user@.service.d/delegate.conf, then log in again",
	},
	[DCODE_NO_FUSE] = {
		DCODE_NO_FUSE, "D-21", "/dev/fuse or fuse-overlayfs is missing",
		"images on hosts where the kernel refuses overlay (D-06)",
		"ask an administrator: apt-get install fuse-overlayfs; modprobe fuse; "
		"chmod 0666 /dev/fuse",
	},
	[DCODE_NO_LINGER] = {
		DCODE_NO_LINGER, "D-22", "the host ends the user's session scopes at logout",
		"containers in the background after the last logout",
		"loginctl enable-linger USER (an administrator's right on some hosts)",
	},
	[DCODE_NOEXEC] = {
		DCODE_NOEXEC, "D-23", "the store lies on a noexec or nosuid mount",
		"set-id programs of images (nosuid) or all of their programs (noexec)",
		"use --root or CARREL_ROOT with a directory on another mount",
	},
	[DCODE_NO_PASSWD] = {
		DCODE_NO_PASSWD, "D-24", "the user has no passwd entry",
		"ranges of subordinate ids that are given by user name",
		"set HOME; ask an administrator for a passwd entry, or for a line with the user's "
		"number in /etc/subuid and /etc/subgid",
	},
	[DCODE_TMP] = {
		DCODE_TMP, "D-25", "/tmp is full or cannot be written",
		"the fallback for XDG_RUNTIME_DIR (D-10)",
		"free space in /tmp, or log in through PAM, which sets XDG_RUNTIME_DIR",
	},
	[DCODE_NO_SWAP_LIMIT] = {
		DCODE_NO_SWAP_LIMIT, "D-26", "the kernel does not account swap",
		"--memory-swap: a container's swap is not limited",
		"ask an administrator: boot with swapaccount=1, or swapoff -a",
	},
};

const struct dcode_row *dcode_get(enum dcode code)
{
	if (code <= DCODE_NONE || code >= DCODE_MAX || !rows[code].name)
		return NULL;
	return &rows[code];
}
