# SPDX-License-Identifier: Apache-2.0
"""What the hosts of the laboratory have and lack, each as a piece of shell that guest/setup and
guest/as-user source: it sets LAB_* words, and may define lab_before() and lab_after(), which root
runs at boot."""
import collections

Variant = collections.namedtuple("Variant", "name about script")

VARIANTS = {v.name: v for v in (
    Variant("normal", "nothing is missing but a delegated cgroup", ""),
    Variant("delegated", "a cgroup v2 subtree is the user's, as systemd delegates one", """
LAB_CGROUP=/sys/fs/cgroup/lab.slice/user
lab_after()
{
	for dir in /sys/fs/cgroup /sys/fs/cgroup/lab.slice; do
		mkdir -p $dir
		for controller in cpu memory pids; do
			echo +$controller >$dir/cgroup.subtree_control
		done
	done
	mkdir $LAB_CGROUP
	chown lab:lab $LAB_CGROUP
	while read -r file; do
		[ ! -e "$LAB_CGROUP/$file" ] || chown lab:lab "$LAB_CGROUP/$file"
	done </sys/kernel/cgroup/delegate
}
"""),
    Variant("no-subuid", "the user has no line in /etc/subuid and /etc/subgid", """
lab_before()
{
	: >/etc/subuid
	: >/etc/subgid
}
"""),
)}
