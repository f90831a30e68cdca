/** The medium's boot menu, for BIOS and UEFI alike. */
export function menu(label: string): string {
  const system = `boot=binnacle binnacle.medium=${label}`;
  // The kernel's last console is where the system's own messages go; the installer itself runs on all of them.
  const screen = "console=ttyS0,115200n8 console=tty0";
  const serial = "console=tty0 console=ttyS0,115200n8";
  const install = `${system} binnacle.mode=install quiet`;
  const entries: readonly Entry[] = [
    { title: "Install Binnacle", id: "install", options: `${install} ${screen}` },
    { title: "Install over VNC", id: "vnc", options: `${install} binnacle.vnc ${screen}` },
    { title: "Install in text mode on the serial line", id: "serial", options: `${install} ${serial}` },
    { title: "Rescue", id: "rescue", options: `${system} binnacle.mode=rescue ${screen}` },
  ];
  return `${head}${entries.map(entryText).join("\n")}\n${firstDisk}`;
}

type Entry = { title: string; id: string; options: string };

/** A serial line where there is one, beside the screen: the menu is on both. */
const head = `set default=install
set timeout=10
if serial --unit=0 --speed=115200 --word=8 --parity=no --stop=1; then
  terminal_input --append serial
  terminal_output --append serial
fi

`;

function entryText({ title, id, options }: Entry): string {
  return `menuentry "${title}" --id ${id} {
  echo "Loading the system ..."
  linux /binnacle/vmlinuz ${options}
  initrd /binnacle/initrd.img
}
`;
}

/** An installed node's own menu where there is one; else whatever the first disk starts. */
const firstDisk = `menuentry "Boot from the first disk" --id disk {
  if search --no-floppy --label --set=root binnacle-boot; then
    configfile /grub/grub.cfg
  elif [ "$grub_platform" = efi ]; then
    exit 1
  elif [ "$root" = hd0 -o "$root" = hd0,msdos1 ]; then
    set root=(hd1)
    chainloader +1
  else
    set root=(hd0)
    chainloader +1
  fi
}
`;
