/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/dcode.h"

#include <stddef.h>

static const struct dcode_row rows[DCODE_MAX] = {
	[DCODE_USERNS_OFF] = {
		.code = DCODE_USERNS_OFF,
		.name = "D-01",
		.probe = "userns",
		.title = "user namespaces are disabled on this host",
		.lost = "run, exec and the unpacking of layers",
		.fix = "ask an administrator: sysctl -w user.max_user_namespaces=15000 "
			"kernel.unprivileged_userns_clone=1",
		.manual = "A container of an unprivileged user lives in a user namespace. The "
			"sysctl user.max_user_namespaces (0, or used up by other processes of the user) "
			"or Debian's kernel.unprivileged_userns_clone forbids new ones, or the kernel is "
			"built without them. It is found by making one, and then by reading those "
			"sysctls. Nothing replaces it; images can still be listed, inspected, tagged and "
			"removed.",
	},
	[DCODE_USERNS_DENIED] = {
		.code = DCODE_USERNS_DENIED,
		.name = "D-02",
		.probe = "userns",
		.title = "a security module or filter refuses user namespaces",
		.lost = "run, exec and the unpacking of layers",
		.fix = "ask an administrator: sysctl -w "
			"kernel.apparmor_restrict_unprivileged_userns=0",
		.manual = "AppArmor (Ubuntu from 23.10 on), SELinux or the system call filter of "
			"an outer container or sandbox refuses a new user namespace, or makes one "
			"that gives no right to mount. It is found by making one and mounting in "
			"it; the message names AppArmor's sysctl or the filter where one of them "
			"is seen. A profile with `userns,` for the carrel program does as well as "
			"AppArmor's sysctl. In a container of another tool, that one has to be "
			"started with a seccomp profile that allows unshare and clone.",
	},
	[DCODE_NO_SUBID] = {
		.code = DCODE_NO_SUBID,
		.name = "D-03",
		.probe = "subids",
		.title = "the user has no range of subordinate ids, or a short one",
		.lost = "users and groups other than root, or above the range, in containers, and "
			"true owners of the files of images",
		.fallback = "without a range one id: root inside is you, chown and su are "
			"answered, not done; with a short one the ids above it are refused",
		.fix = "ask an administrator: usermod --add-subuids FIRST-LAST --add-subgids "
			"FIRST-LAST USER (65536 ids that nobody has)",
		.manual = "Users and groups other than root inside a container are ids of a range "
			"that /etc/subuid and /etc/subgid give to the user, by name or by number. "
			"It is found by reading the two files: there is no line for the user, or "
			"the range is shorter than 65535 ids (then the higher ids of an image "
			"cannot be used). Lines that name host id 0 or the user's own id are "
			"skipped. An administrator adds a range that overlaps with no other one; "
			"the doctor names one. Without it there is one id: the files of all ids "
			"of an image belong to the user (carrel-run(1), ONE ID). With a short "
			"range those of higher ids belong to its highest one, and chown(2) to "
			"them is EINVAL inside.",
	},
	[DCODE_NO_NEWIDMAP] = {
		.code = DCODE_NO_NEWIDMAP,
		.name = "D-04",
		.probe = "idmap",
		.title = "newuidmap and newgidmap are not installed",
		.lost = "users and groups other than root in containers, and true owners of the files "
			"of images",
		.fallback = DCODE_ONE_ID,
		.fix = "ask an administrator: apt-get install uidmap (or shadow-utils)",
		.manual = "The kernel lets an unprivileged user map only the own id; "
			"newuidmap(1) and newgidmap(1) write the map of the whole range. They are found "
			"by looking in /usr/bin, /bin and /usr/local/bin.",
	},
	[DCODE_NEWIDMAP_PRIV] = {
		.code = DCODE_NEWIDMAP_PRIV,
		.name = "D-05",
		.probe = "idmap",
		.title = "newuidmap has no privilege to write the map",
		.lost = "users and groups other than root in containers, and true owners of the files "
			"of images",
		.fallback = DCODE_ONE_ID,
		.fix = "leave the sandbox that sets no_new_privs, or ask an administrator: chmod "
			"u+s /usr/bin/new[ug]idmap (not nosuid)",
		.manual = "It is found by starting newuidmap(1), which could not write the map. "
			"The message says which of its needs is missing: the setuid bit or file "
			"capabilities (images of hosts and network roots lose them), a mount without "
			"nosuid, or a caller without no_new_privs, which every sandbox sets. In a sandbox "
			"only its owner can help.",
	},
	[DCODE_NO_OVERLAY] = {
		.code = DCODE_NO_OVERLAY,
		.name = "D-06",
		.probe = "overlay",
		.title = "overlay mounts are refused in a user namespace",
		.lost = "run of any image, unless fuse-overlayfs can be used (D-21)",
		.fallback = "fuse-overlayfs, if it can be used (D-21): many files are slower",
		.fix = "use Linux 5.11 and --root on a local disk (ext4, xfs, btrfs), or ask an "
			"administrator: modprobe overlay",
		.manual = "The layers of an image are joined by the kernel's overlay file system. "
			"It is found by mounting one in the store and by removing and making "
			"again a directory of its lower layer, which is where a file system "
			"without user xattrs (tmpfs before Linux 6.6, ramfs, many network file "
			"systems) fails. The file system type may be missing (modprobe), too old "
			"for user namespaces (before Linux 5.11), or may refuse the store's file "
			"system; a store on a local disk helps against the latter; tmpfs can hold "
			"it from Linux 6.6 on. Without it fuse-overlayfs(1) does the same as a "
			"process of the user, and each start says so.",
	},
	[DCODE_NO_TUN] = {
		.code = DCODE_NO_TUN,
		.name = "D-07",
		.probe = "tun",
		.title = "/dev/net/tun cannot be opened",
		.lost = "--network private, which is the default, unless a veth pair can be made "
			"(D-27)",
		.fallback = "a veth pair and a packet socket, where they can be made (D-27)",
		.fix = "ask an administrator: modprobe tun; chmod 0666 /dev/net/tun",
		.manual = "The private network of a container is a tap interface whose other end "
			"is a process of the user. It is found by opening /dev/net/tun and making "
			"an interface in a new network namespace. Where that cannot be, the "
			"interface is one end of a veth pair, whose other end the process reads "
			"by a packet socket: programs see no difference, and many streams at once "
			"may be slower. Where that cannot be either, carrel does not choose "
			"another network by itself: none would break programs, and host would "
			"show them the host's network; both work when they are asked for.",
	},
	[DCODE_NO_CGROUP] = {
		.code = DCODE_NO_CGROUP,
		.name = "D-08",
		.probe = "cgroup",
		.title = "no cgroup v2 subtree is delegated to the user",
		.lost = "limits by cgroups: --cpus and throttles are not held at all",
		.fallback = "a watchdog, RLIMIT_NPROC, nice and affinity; each start says it",
		.fix = "log in by ssh or console where systemd has cgroup v2 alone, or name a "
			"cgroup of yours in carrel.conf",
		.manual = "Limits of memory, processes and CPU time are kept by control groups. "
			"An unprivileged user needs a cgroup v2 subtree with the memory and pids "
			"controllers that belongs to the user: systemd gives one on request of "
			"the user's session; another may be named by CARREL_CGROUP or by the key "
			"cgroup in carrel.conf. It is found by looking at the own cgroup and "
			"those above it, by asking systemd for a scope, and by making a cgroup "
			"there. Hosts with cgroup v1 or with both hierarchies have none, until an "
			"administrator boots them with systemd.unified_cgroup_hierarchy=1. "
			"Without one memory is held by a watchdog, the number of processes by "
			"RLIMIT_NPROC, the CPU weight by nice, and sets of CPUs by affinity.",
	},
	[DCODE_STORE_FS] = {
		.code = DCODE_STORE_FS,
		.name = "D-09",
		.probe = "store-fs",
		.title = "the store's file system cannot hold layers, or is remote",
		.lost = "layers on that file system; where it is only remote: speed",
		.fix = "use --root or CARREL_ROOT with a directory on a local disk",
		.manual = "Layers are unpacked with the owners, user xattrs and whiteouts "
			"(character devices 0:0) that they have. It is found by making such files in the "
			"store inside a user namespace. NFS, SMB, Lustre and FUSE servers know nothing of "
			"the user's subordinate ids and refuse them; where they accept everything they "
			"are reported as remote only.",
	},
	[DCODE_NO_RUNTIME_DIR] = {
		.code = DCODE_NO_RUNTIME_DIR,
		.name = "D-10",
		.probe = "runtime-dir",
		.title = "XDG_RUNTIME_DIR is unset or unusable",
		.lost = "nothing while /tmp is local and can be written",
		.fallback = "a private directory /tmp/carrel-UID",
		.fix = "log in through PAM (ssh, console), or set XDG_RUNTIME_DIR to a local "
			"directory of yours with mode 0700",
		.manual = "Locks and sockets of running containers lie in a directory of this "
			"host alone. XDG_RUNTIME_DIR is set by PAM at login; it is missing under cron, in "
			"batch steps, after su. Not used is one that is gone, or where carrel can "
			"make no directory of its own with mode 0700, or where others may write and no "
			"sticky bit keeps them from moving it. It is found by using it. Then "
			"/tmp/carrel-UID is used, made with mode 0700; one that belongs to somebody else "
			"is refused. Commands with and without the variable see each other's containers.",
	},
	[DCODE_CHROOT] = {
		.code = DCODE_CHROOT,
		.name = "D-11",
		.probe = "userns",
		.title = "this shell runs inside chroot(2)",
		.lost = "run, exec and the unpacking of layers",
		.fix = "enter the tree by pivot_root instead (systemd-nspawn, bwrap; unshare "
			"--root is a chroot too)",
		.manual = "The kernel refuses new user namespaces to a process whose root "
			"directory is not that of its mount namespace, also to root. It is found "
			"by making one, and then by looking at the root directory: it is no mount "
			"point, or process 1 sees its mount below another root, or nothing else "
			"is left that refuses with this error. unshare --root makes a chroot, "
			"too. The tree has to be entered by pivot_root(2).",
	},
	[DCODE_PROC_MASKED] = {
		.code = DCODE_PROC_MASKED,
		.name = "D-12",
		.probe = "proc",
		.title = "parts of /proc are hidden by other mounts",
		.lost = "run: containers get no /proc of their own",
		.fix = "in an outer container: start that one with --security-opt unmask=ALL "
			"(podman) or systempaths=unconfined (docker)",
		.manual = "Outer containers hide parts of /proc by mounts over it. The kernel "
			"then refuses a new proc file system in a user namespace, because that would show "
			"the hidden parts again. It is found by mounting one in a new pid namespace.",
	},
	[DCODE_NETNS_OFF] = {
		.code = DCODE_NETNS_OFF,
		.name = "D-13",
		.probe = "netns",
		.title = "no network namespace can be made",
		.lost = "--network private and none",
		.fix = "use --network host, or ask an administrator: sysctl -w "
			"user.max_net_namespaces=15000",
		.manual = "The sysctl user.max_net_namespaces is 0 or reached, or a sandbox "
			"refuses it. It is found by making one and by bringing its loopback interface up. "
			"carrel does not use the host's network by itself, because that would give a "
			"container more than it was asked to have.",
	},
	[DCODE_NO_SECCOMP] = {
		.code = DCODE_NO_SECCOMP,
		.name = "D-14",
		.probe = "seccomp",
		.title = "the kernel has no seccomp filters",
		.lost = "run with the default system call profile, private networks, pull",
		.fix = "use a kernel with CONFIG_SECCOMP_FILTER; run works with --security-opt "
			"seccomp=unconfined and --network none or host",
		.manual = "The default profile of containers and the sandboxes of carrel's own "
			"helper programs are seccomp filters. It is found by loading a filter that allows "
			"everything. A container without a profile has to be asked for; helpers do not "
			"run without theirs.",
	},
	[DCODE_STORE_WRITE] = {
		.code = DCODE_STORE_WRITE,
		.name = "D-15",
		.probe = "store",
		.title = "the store cannot be written, or is nearly full",
		.lost = "pull, run and everything that keeps state",
		.fix = "free space or quota there, or use --root or CARREL_ROOT with another "
			"directory",
		.manual = "The store is ~/.local/share/carrel unless --root, CARREL_ROOT or "
			"XDG_DATA_HOME name another place. It is found by writing a file there and "
			"waiting until it is on disk: read-only mounts, quotas, full disks and foreign "
			"owners show at the latest then. Less than 1 GiB of free space is reported as "
			"degraded. Listing and inspecting work without writing.",
	},
	[DCODE_PING] = {
		.code = DCODE_PING,
		.name = "D-16",
		.probe = "ping",
		.title = "the host's ping_group_range does not include the user",
		.lost = "ping from a private network",
		.fix = "ask an administrator: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
		.manual = "Pings of a private network leave the host by an echo socket of the "
			"user. It is found by opening one; the sysctl net.ipv4.ping_group_range has to "
			"include a group of the user. Inside, ping is answered as administratively "
			"prohibited.",
	},
	[DCODE_KERNEL_OLD] = {
		.code = DCODE_KERNEL_OLD,
		.name = "D-17",
		.probe = "kernel",
		.title = "the kernel is too old",
		.lost = "run",
		.fix = "carrel needs Linux 5.14, or 5.11 with its fallbacks",
		.manual = "Overlay in user namespaces came with Linux 5.11; below that nothing "
			"runs. From 5.11 to 5.13 older system calls are used in place of missing ones, "
			"which is reported as degraded. It is found by the kernel's release number, and "
			"by a system call that does not exist.",
	},
	[DCODE_ROOT_SUBID] = {
		.code = DCODE_ROOT_SUBID,
		.name = "D-18",
		.probe = "caller",
		.title = "root has no range of subordinate ids",
		.lost = "everything that needs a user namespace: host id 0 is never mapped",
		.fix = "usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST root, with 65536 "
			"ids that no other user has; contrib/try does it",
		.manual = "Called by root, carrel becomes the first id of root's range in "
			"/etc/subuid and goes on as an unprivileged user. Were root's own id mapped, root "
			"of a container could write to the host. It is found when root calls.",
	},
	[DCODE_SUBID_CHANGED] = {
		.code = DCODE_SUBID_CHANGED,
		.name = "D-19",
		.probe = "stored-layers",
		.title = "layers were unpacked for other ids than there are now",
		.lost = "the use of those layers",
		.fallback = "pull and run fetch them again, where a registry may be asked",
		.fix = "pull the image again; only root removes those of an old tree's files that "
			"are not yours",
		.manual = "The files of a layer belong to the ids that the user had when it was "
			"unpacked. After a change in /etc/subuid or /etc/subgid they belong to ids that "
			"are not the user's any more, or all of them are the user's own, where there "
			"was one id then; or they had no id, where the range was too short. It is found by "
			"comparing the map that the layer's record names with the present one. What a "
			"container wrote itself cannot be fetched again: a start whose map is not the "
			"recorded one says so, and refuses with --strict. The old range, put back, makes "
			"all good again.",
	},
	[DCODE_NO_CONTROLLER] = {
		.code = DCODE_NO_CONTROLLER,
		.name = "D-20",
		.probe = "cgroup",
		.title = "a cgroup controller is not delegated to the user",
		.lost = "the limits that need that controller (--cpus: cpu, --cpuset-cpus: "
			"cpuset, --device-*: io)",
		.fallback = "weaker means for those limits, where there are any (D-08)",
		.fix = "ask an administrator: Delegate=cpu cpuset io memory pids for "
			"user@.service (without systemd: cgroup.subtree_control)",
		.manual = "A cgroup v2 subtree is delegated, but not all controllers with it. "
			"systemd gives cpu, memory and pids to users, and cpuset and io only "
			"where an administrator says so, by Delegate=cpu cpuset io memory pids "
			"under [Service] in /etc/systemd/system/user@.service.d/delegate.conf: "
			"the doctor takes that for usual. Without systemd the file "
			"cgroup.subtree_control of each cgroup above has to name them. It is "
			"found by reading cgroup.controllers.",
	},
	[DCODE_NO_FUSE] = {
		.code = DCODE_NO_FUSE,
		.name = "D-21",
		.probe = "fuse",
		.title = "/dev/fuse or fuse-overlayfs is missing",
		.lost = "images on hosts where the kernel refuses overlay (D-06)",
		.fix = "ask an administrator: apt-get install fuse-overlayfs; modprobe fuse; "
			"chmod 0666 /dev/fuse",
		.manual = "Where the kernel refuses overlay, fuse-overlayfs(1) can join the "
			"layers of an image. It is found by opening /dev/fuse, which has to be open to the "
			"user, and by mounting and using it. Where overlay works nothing is missing "
			"without it.",
	},
	[DCODE_NO_LINGER] = {
		.code = DCODE_NO_LINGER,
		.name = "D-22",
		.probe = "linger",
		.title = "the host ends containers at logout",
		.lost = "containers in the background after the last logout",
		.fix = "loginctl enable-linger USER (on some hosts by an administrator)",
		.manual = "systemd stops user@UID.service, and with it every cgroup that was "
			"delegated below it, some seconds after the user's last session ends, unless the "
			"user lingers: containers with limits are there. It is found by looking for the "
			"user's file in /var/lib/systemd/linger where systemd runs a session of the user. "
			"Containers without limits are in the cgroup of the login, and stay, unless "
			"logind.conf(5) says that logind kills what a session has left "
			"(KillUserProcesses), lingering or not; one limit, as --pids-limit 2048, gives a "
			"container a scope of its own there. What a service of the user's starts, as "
			"systemd-run --user does, ends with that service. Starting a container in the background "
			"tells it where it would end.",
	},
	[DCODE_NOEXEC] = {
		.code = DCODE_NOEXEC,
		.name = "D-23",
		.probe = "mount-flags",
		.title = "the store lies on a noexec or nosuid mount",
		.lost = "set-id programs (nosuid) or all programs (noexec) of images",
		.fix = "use --root or CARREL_ROOT with a directory on another mount",
		.manual = "The root file system of a container is a mount with flags of its own, "
			"and the kernel's overlay does not take over those of the store's mount. It is "
			"found by mounting an overlay in the store and by asking there for the right to "
			"execute a file; where that is granted the flags of the store's mount are shown, "
			"but are no finding.",
	},
	[DCODE_NO_PASSWD] = {
		.code = DCODE_NO_PASSWD,
		.name = "D-24",
		.probe = "passwd",
		.title = "the user has no passwd entry",
		.lost = "users and groups other than root in containers: newuidmap does not serve "
			"users without a name",
		.fallback = DCODE_ONE_ID,
		.fix = "ask an administrator for a passwd entry; set HOME if it is unset",
		.manual = "Directory services that are out of reach, containers and batch nodes "
			"leave a user without an entry in passwd(5). It is found by looking it up, by "
			"newuidmap(1), which wants a name, and where HOME is not set and a home directory "
			"is needed.",
	},
	[DCODE_TMP] = {
		.code = DCODE_TMP,
		.name = "D-25",
		.probe = "tmp",
		.title = "/tmp is full or cannot be written",
		.lost = "the fallback for XDG_RUNTIME_DIR (D-10)",
		.fix = "free space in /tmp, or log in through PAM, which sets XDG_RUNTIME_DIR",
		.manual = "Where XDG_RUNTIME_DIR is not usable, locks and sockets of running "
			"containers lie in /tmp/carrel-UID. carrel itself needs nothing else there, and "
			"some KiB are enough. It is found by writing a file in /tmp.",
	},
	[DCODE_NO_SWAP_LIMIT] = {
		.code = DCODE_NO_SWAP_LIMIT,
		.name = "D-26",
		.probe = "cgroup",
		.title = "the kernel does not account swap",
		.lost = "--memory-swap: a container's swap is not limited",
		.fallback = "the limit of memory alone",
		.fix = "ask an administrator: boot with swapaccount=1, or swapoff -a",
		.manual = "The memory controller of this kernel has no memory.swap.max: it is "
			"built without CONFIG_SWAP, or, before Linux 6.1, booted with swapaccount=0. It "
			"is found by looking for that file in the delegated cgroup. Where the host has no "
			"swap nothing is lost.",
	},
	[DCODE_NO_VETH] = {
		.code = DCODE_NO_VETH,
		.name = "D-27",
		.probe = "veth",
		.title = "veth pairs or packet sockets cannot be made",
		.lost = "--network private where /dev/net/tun is not for the user (D-07)",
		.fix = "ask an administrator: modprobe veth; modprobe af_packet",
		.manual = "Where /dev/net/tun cannot be opened, the private network of a container "
			"is a veth pair and a packet socket. It is found by making both in a new network "
			"namespace, which a kernel without these modules, or a filter of the service that "
			"started the session, refuses. Where /dev/net/tun can be opened nothing is "
			"missing without them.",
	},
};

const struct dcode_row *dcode_get(enum dcode code)
{
	if (code <= DCODE_NONE || code >= DCODE_MAX || !rows[code].name)
		return NULL;
	return &rows[code];
}
