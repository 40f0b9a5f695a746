#!/bin/sh
# SPDX-License-Identifier: MIT
# Kernel TLS for real where the running kernel has none: boots a kernel of Debian's in an emulator, with test/ktls_real_test.c and
# what it needs in the first file system. Minutes, and 70 MB. KERNEL_FOLDER is where
# another kernel and its modules are unpacked. Not part of make test.
set -eu
B=${B:-build}
vm=$B/vm
program=$B/test/ktls_real_test
[ "$(uname -m)" = x86_64 ] || { echo "ktls-vm: x86_64 alone"; exit 0; }
mkdir -p "$vm"
vm=$(cd "$vm" && pwd)
program=$(cd "$(dirname "$program")" && pwd)/ktls_real_test

# The package's files, unpacked beside, never installed.
unpacked() {
    [ -d "$vm/$1" ] && return
    (cd "$vm" && rm -f ./*.deb && apt-get -q download "$2" >/dev/null 2>&1 && mkdir "$1.new" && dpkg-deb -x ./*.deb "$1.new" && mv "$1.new" "$1")
}
if [ -z "${KERNEL_FOLDER:-}" ]; then
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
    [ -n "$package" ] || { echo "ktls-vm: no kernel package is known"; exit 1; }
    unpacked "$package" "$package"
    KERNEL_FOLDER=$vm/$package
fi
unpacked busybox busybox-static
unpacked kmod kmod
kernel=$(find "$KERNEL_FOLDER" -name 'vmlinuz*' -type f | head -n 1)
modules=$(dirname "$(find "$KERNEL_FOLDER" -name modules.order | head -n 1)")
release=$(basename "$modules")

root=$vm/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/sbin" "$root/proc" "$root/sys" "$root/dev" "$root/lib/modules/$release"
cp "$(find "$vm/busybox" -path "*bin/busybox" -type f | head -n 1)" "$root/bin/busybox"
cp "$(find "$vm/kmod" -path '*bin/kmod' -type f | head -n 1)" "$root/bin/kmod"
cp "$program" "$root/bin/test"
ln -s busybox "$root/bin/sh"
ln -s ../bin/kmod "$root/sbin/modprobe"
for file in $(ldd "$root/bin/test" "$root/bin/kmod" | grep -oE '/[^ )]+\.so[^ )]*' | sort -u); do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
done
# tls, and the ciphers it asks the kernel for by name.
find "$modules/kernel/net/tls" "$modules/kernel/crypto" "$modules/kernel/arch/x86/crypto" "$modules/kernel/lib" "$modules/kernel/arch/x86/lib" \
    -name '*.ko*' 2>/dev/null | while read -r module; do
    to=$root/lib/modules/$release/${module#"$modules/"}
    mkdir -p "$(dirname "$to")"
    cp "$module" "$to"
done
cp "$modules"/modules.builtin* "$modules/modules.order" "$root/lib/modules/$release/"
depmod=$(command -v depmod || true)
[ -n "$depmod" ] || { ln -sf kmod "$root/bin/depmod"; cp "$root/bin/kmod" "$vm/depmod"; depmod=$vm/depmod; }
"$depmod" -b "$root" "$release"

cat >"$root/init" <<'END'
#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox ifconfig lo 127.0.0.1 up
echo /sbin/modprobe >/proc/sys/kernel/modprobe
/sbin/modprobe tls
/bin/busybox uname -r
/bin/test
echo "ktls-vm: exit status $?"
/bin/busybox poweroff -f
END
chmod 755 "$root/init"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$vm/initramfs"

timeout -k 10 "${VM_SECONDS:-900}" qemu-system-x86_64 -m 512 -cpu max -display none -no-reboot -serial stdio -monitor none -net none \
    -kernel "$kernel" -initrd "$vm/initramfs" -append 'console=ttyS0 quiet panic=-1' </dev/null | tee "$vm/log"
grep -q 'ktls-vm: exit status 0' "$vm/log"
