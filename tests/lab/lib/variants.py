# SPDX-License-Identifier: Apache-2.0
"""What the hosts of the laboratory have and lack, each as a piece of shell that guest/setup and
guest/as-user source: it sets LAB_* words, and may define lab_before() and lab_after(), which root
runs at boot."""
import collections

Variant = collections.namedtuple("Variant", "name about script")

# As systemd delegates: the directory, and each file that the kernel names. It has two levels, for
# one that has processes cannot hand controllers on.
DELEGATE = """
lab_after()
{
	dir=/sys/fs/cgroup/lab.slice/user
	mkdir -p $dir/shell
	for parent in /sys/fs/cgroup /sys/fs/cgroup/lab.slice; do
		for controller in cpu memory pids; do
			echo +$controller >$parent/cgroup.subtree_control
		done
	done
	for dir in $dir $dir/shell; do
		chown lab:lab $dir
		while read -r file; do
			[ ! -e "$dir/$file" ] || chown lab:lab "$dir/$file"
		done </sys/kernel/cgroup/delegate
	done
}
"""

VARIANTS = {v.name: v for v in (
    Variant("normal", "nothing is wrong, and no cgroup is delegated", ""),
    Variant("delegated", "a cgroup v2 subtree is the user's, who is in a leaf of it", DELEGATE + """
LAB_CGROUP=/sys/fs/cgroup/lab.slice/user/shell
"""),
    Variant("delegated-own", "the cgroup that the user is in is delegated", DELEGATE + """
LAB_CGROUP=/sys/fs/cgroup/lab.slice/user
"""),
    Variant("delegated-no-cpu", "the subtree has no cpu controller", DELEGATE.replace(
        "cpu memory pids", "memory pids") + """
LAB_CGROUP=/sys/fs/cgroup/lab.slice/user/shell
"""),
    Variant("no-subuid", "the user has no line in /etc/subuid and /etc/subgid", """
lab_before()
{
	: >/etc/subuid
	: >/etc/subgid
}
"""),
    Variant("newuidmap-bit", "newuidmap and newgidmap have lost their set-uid bits", """
lab_before()
{
	chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap
}
"""),
    Variant("no-fuse", "no /dev/fuse", """
LAB_MODULES='overlay tun veth'
"""),
    Variant("no-tun", "no /dev/net/tun", """
LAB_MODULES='overlay fuse veth'
lab_after()
{
	rm -rf /dev/net
}
"""),
    Variant("no-link", "no /dev/net/tun, and no veth in the kernel", """
LAB_MODULES='overlay fuse'
lab_after()
{
	rm -rf /dev/net
}
"""),
    Variant("no-overlay", "a kernel without overlay", """
LAB_MODULES='fuse tun veth'
"""),
    Variant("no-layers", "a kernel without overlay, and no /dev/fuse", """
LAB_MODULES='tun veth'
"""),
    Variant("readonly-home", "the home directory is read-only", """
lab_after()
{
	mount --bind /home /home && mount -o remount,bind,ro /home
}
"""),
    Variant("full-tmp", "/tmp has no byte left", """
lab_after()
{
	mount -o remount,size=64k /tmp
	cat /dev/zero >/tmp/full 2>/dev/null
	chmod 1777 /tmp
}
"""),
    Variant("tiny-home", "a home directory of 30 MB", """
LAB_MODULES='overlay fuse tun veth loop'
lab_after()
{
	truncate -s 30M /var/home.ext4
	mke2fs -q -t ext4 -O ^has_journal -m 0 /var/home.ext4
	mount -o loop /var/home.ext4 /home/lab
	chown lab:lab /home/lab
}
"""),
    Variant("no-runtime-dir", "XDG_RUNTIME_DIR is not set, and /run/user does not exist", """
LAB_RUNTIME=
lab_after()
{
	rm -rf /run/user
}
"""),
    Variant("no-passwd", "the user has no passwd entry", """
LAB_UID=4242 LAB_USER= LAB_GROUPS=--clear-groups LAB_HOME=/home/ghost LAB_RUNTIME=
lab_after()
{
	mkdir -p /home/ghost
	chown 4242:4242 /home/ghost
}
"""),
    Variant("masked-proc", "parts of /proc are covered, as inside docker", """
lab_after()
{
	mount --bind /dev/null /proc/kcore
	mount --bind /dev/null /proc/keys
	mount -t tmpfs -o ro tmpfs /proc/fs
	mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
}
"""),
    Variant("no-userns", "user.max_user_namespaces is 0", """
lab_after()
{
	echo 0 >/proc/sys/user/max_user_namespaces
}
"""),
    Variant("noexec-home", "the home directory's mount forbids programs", """
lab_after()
{
	mount --bind /home /home && mount -o remount,bind,noexec /home
}
"""),
    Variant("nosuid-home", "the home directory's mount ignores set-uid bits", """
lab_after()
{
	mount --bind /home /home && mount -o remount,bind,nosuid,nodev /home
}
"""),
    Variant("chroot", "the user's processes are in a chroot", """
LAB_WRAP='chroot /srv/root'
lab_after()
{
	mkdir -p /srv/root && mount --rbind / /srv/root
}
"""),
)}
