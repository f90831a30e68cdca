/** Files of another system's root, by which it is known. */
export const debianFiles = {
  "etc/os-release":
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
  "etc/hostname": "oldhost\n",
  "etc/fstab": "LABEL=debian / ext4 errors=remount-ro 0 1\n",
  "home/keep/letter.txt": "Do not erase me.\n",
};

const version = "0.0.9";

/** /boot and the root partition of an older installation, without a kernel and without a system that could start. */
export const binnacleBootFiles = {
  [`${version}/vmlinuz`]: "no kernel\n",
  [`${version}/initrd.img`]: "no initramfs\n",
  "grub/grub.cfg": "# no menu\n",
};
export const binnacleRootFiles = {
  [`systems/${version}/manifest.json`]: `{ "product": "Binnacle", "version": "${version}" }\n`,
  [`systems/${version}/system.squashfs`]: "no system\n",
  "state/etc/hostname": "oldnode\n",
  "state/etc/binnacle/node.json": '{ "role": "management" }\n',
  "state/var/lib/binnacle/keep.txt": "Do not erase me.\n",
};
