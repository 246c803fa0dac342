#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mkimage.sh HELLO BUSYBOX ARCH OUT: an OCI image layout of one layer, run by make.
# The same inputs give the same bytes: fixed owners, times, order, and gzip without a name.
# Needs sh, GNU tar, gzip, sha256sum, stat. No container tool.
set -eu
hello=$1 busybox=$2 arch=$3 out=$4

case $arch in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 variant=', "variant": "v8"' ;;
armv7*) arch=arm variant=', "variant": "v7"' ;;
powerpc64le) arch=ppc64le ;;
i?86) arch=386 ;;
esac
variant=${variant-}

work=$out.tmp
rm -rf "$work" "$out"
mkdir -p "$work/blobs/sha256" "$work/root"
root=$work/root
mkdir -m 755 "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/sys" "$root/run" "$root/usr"
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp"
install -m 755 "$hello" "$root/bin/hello"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
shell=
if [ "$busybox" != no ]; then
	install -m 755 "$busybox" "$root/bin/busybox"
	for applet in ash awk cat chmod chown clear cp cut date df dmesg du echo env false find free \
		grep head hostname id ifconfig ip kill less ln ls mkdir mount mv nc nslookup od \
		ping ps pwd rm sed sh sleep sort stat tail touch top tr true tty umount uname uniq \
		vi wc wget which whoami xargs; do
		ln -s busybox "$root/bin/$applet"
	done
	shell=' (and /bin/sh of busybox)'
fi
ln -s ../bin "$root/usr/bin"
chmod 755 "$root"
chmod 644 "$root/etc/passwd" "$root/etc/group"

# put FILE: moves it to its place among the blobs, prints "digest size".
put()
{
	sum=$(sha256sum <"$1")
	sum=${sum%% *}
	size=$(stat -c %s "$1")
	mv "$1" "$work/blobs/sha256/$sum"
	echo "sha256:$sum $size"
}

tar --create --file="$work/layer" --directory="$root" --format=ustar --sort=name \
	--owner=0 --group=0 --numeric-owner --mtime=@0 .

diff_id=$(sha256sum <"$work/layer")
diff_id=sha256:${diff_id%% *}
gzip -n -9 "$work/layer"
set -- $(put "$work/layer.gz")
layer=$1 layer_size=$2

cat >"$work/config" <<END
{"created": "1970-01-01T00:00:00Z", "architecture": "$arch", "os": "linux"$variant,
"config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/hello"], "WorkingDir": "/"},
"rootfs": {"type": "layers", "diff_ids": ["$diff_id"]},
"history": [{"created": "1970-01-01T00:00:00Z", "created_by": "make", "comment": "hello$shell"}]}
END
set -- $(put "$work/config")
config=$1 config_size=$2

cat >"$work/manifest" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "$config", "size": $config_size},
"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "$layer", "size": $layer_size}]}
END
set -- $(put "$work/manifest")

echo '{"imageLayoutVersion": "1.0.0"}' >"$work/oci-layout"
cat >"$work/index.json" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
"manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "$1", "size": $2,
"platform": {"architecture": "$arch", "os": "linux"$variant},
"annotations": {"org.opencontainers.image.ref.name": "latest"}}]}
END
rm -rf "$root"
mv "$work" "$out"
