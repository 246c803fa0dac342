# SPDX-License-Identifier: Apache-2.0
# Debian 12 package lists, read by contrib/try, contrib/check and contrib/check-fresh.
# shellcheck shell=sh disable=SC2034

# Needed to build, and to run what was built.
PACKAGES_BUILD="
	autoconf automake make gcc libc6-dev pkg-config
	libjson-c-dev libcap-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libisal-dev libzstd-dev
	libslirp-dev libglib2.0-dev libseccomp-dev libsystemd-dev
	busybox-static uidmap ca-certificates
"

# Wanted at run time on some hosts, and by the tests: for containers where overlay is refused.
PACKAGES_RECOMMENDED="fuse-overlayfs"

# Needed by the tests on top of that.
PACKAGES_TEST="
	libcmocka-dev libarchive-dev python3 python3-pytest python3-pytest-xdist
	docker-registry skopeo umoci mmdebstrap user-mode-linux e2fsprogs mandoc clang-format-14 binutils
	iproute2 iputils-ping strace apache2-utils openssl apt-utils curl attr util-linux procps zstd gzip slirp4netns
	zsh fish
"

# path_usable PATH: neither autoconf nor make can work where a name has blanks or shell's characters.
path_usable()
{
	case $1 in
	*[[:space:]\\\"\'\`\#\$\&]*) return 1 ;;
	esac
}

# packages_missing NAME...: those that dpkg does not call installed.
packages_missing()
{
	for package in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*" installed") ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# packages_install NAME...: installs what is missing; SUDO is empty, or the word to put before.
packages_install()
{
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "this is not Debian: install the equivalents of: $missing" >&2
		return 1
	fi
	echo "installing: $missing"
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND
	$SUDO apt-get -qq update &&
		$SUDO env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
			install $missing >/dev/null
}

# subid_ensure FILE NAME COUNT: a range of COUNT ids for NAME, above all that FILE gives away.
# Returns 1 (and does nothing) when NAME has one that is as long.
subid_ensure()
{
	[ -e "$1" ] || : >"$1"
	awk -F: -v n="$2" -v c="$3" '$1 == n && $3 + 0 >= c { f = 1 } END { exit !f }' "$1" &&
		return 1
	first=$(awk -F: 'BEGIN { m = 100000 } $2 + $3 > m { m = $2 + $3 } END { print m }' "$1")
	echo "$2:$first:$3" >>"$1"
}
