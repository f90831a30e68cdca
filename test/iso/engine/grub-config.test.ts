import assert from "node:assert/strict";
import { test } from "node:test";
import { consolesOf, efiStub, type GrubMenu, grubConfig } from "../../../core/model/grub-config.ts";

const menu: GrubMenu = {
  bootUuid: "b0000000-0000-4000-8000-000000000000",
  rootUuid: "a0000000-0000-4000-8000-000000000000",
  versions: ["1.3.0"],
  consoles: ["tty0", "ttyS0,115200n8"],
  canCount: true,
  isExpert: false,
};

const trialGolden = `set trying=no
if [ -n "\${trial_version}" ]; then
  if [ "\${trial_left}" = "3" ]; then set trial_left=2; set trying=yes
  elif [ "\${trial_left}" = "2" ]; then set trial_left=1; set trying=yes
  elif [ "\${trial_left}" = "1" ]; then set trial_left=0; set trying=yes
  fi
  if [ "\${trying}" = "yes" ]; then
    if save_env trial_left; then set default="version-\${trial_version}"; fi
  fi
fi
`;

const golden = `# Written by Binnacle's installation and upgrade; changes are lost at the next one.
search --no-floppy --fs-uuid --set=root b0000000-0000-4000-8000-000000000000
set timeout=3
set default="version-1.3.0"
load_env default_version trial_version trial_left
if [ -n "\${default_version}" ]; then set default="version-\${default_version}"; fi
${trialGolden}
if serial --unit=0 --speed=115200 --word=8 --parity=no --stop=1; then
  terminal_input console serial
  terminal_output console serial
fi

menuentry "Binnacle 1.3.0" --id version-1.3.0 {
  echo "Loading Binnacle 1.3.0 ..."
  linux /1.3.0/vmlinuz boot=binnacle binnacle.root=UUID=a0000000-0000-4000-8000-000000000000 binnacle.system=1.3.0 console=tty0 console=ttyS0,115200n8 panic=60 quiet
  initrd /1.3.0/initrd.img
}

menuentry "Binnacle 1.3.0, recovery" --id recovery-1.3.0 {
  echo "Loading Binnacle 1.3.0 ..."
  linux /1.3.0/vmlinuz boot=binnacle binnacle.root=UUID=a0000000-0000-4000-8000-000000000000 binnacle.system=1.3.0 console=tty0 console=ttyS0,115200n8 panic=60 systemd.unit=rescue.target
  initrd /1.3.0/initrd.img
}
`;

test("the menu of a fresh installation is exactly this text", () => {
  assert.equal(grubConfig(menu), golden);
});

test("after an upgrade the new version comes first and the former one stays, each with a recovery entry", () => {
  const titles = [...grubConfig({ ...menu, versions: ["1.3.0", "1.2.3"] }).matchAll(/^menuentry "(.*)" --id (\S+)/gm)];
  assert.deepEqual(
    titles.map(([, title, id]) => [title, id]),
    [
      ["Binnacle 1.3.0", "version-1.3.0"],
      ["Binnacle 1.2.3 (former)", "version-1.2.3"],
      ["Binnacle 1.3.0, recovery", "recovery-1.3.0"],
      ["Binnacle 1.2.3, recovery", "recovery-1.2.3"],
    ],
  );
});

test("whatever is started by its name has one that GRUB can't take for the number of an entry", () => {
  const names = [
    ...grubConfig({ ...menu, versions: ["1.3.0", "1.2.3"] }).matchAll(/(?:--id |set default=)"?([^"\s]+)/g),
  ];
  assert.deepEqual(
    names.map(([, name = ""]) => name).filter((name) => !/^[a-z]/.test(name)),
    [],
  );
  assert.equal(names.length, 7);
});

test("on a RAID, where GRUB can't write, the system that is tried is told to count its start", () => {
  const text = grubConfig({ ...menu, canCount: false });
  assert.doesNotMatch(text, /save_env/);
  assert.match(text, /"\$\{trial_left\}" != "0" \]; then\n {2}set default="version-\$\{trial_version\}"\n/);
  assert.match(text, /^ {2}set trial="binnacle\.trial=UUID=b0000000-0000-4000-8000-000000000000"$/m);
  assert.match(text, /^ {2}linux .* binnacle\.system=1\.3\.0 \$\{trial\} console=/m);
});

test("without a serial console the menu leaves the serial line alone; its unit and speed are the kernel's", () => {
  assert.doesNotMatch(grubConfig({ ...menu, consoles: ["tty0"] }), /serial/);
  assert.match(grubConfig({ ...menu, consoles: ["ttyS1,9600"] }), /serial --unit=1 --speed=9600 /);
});

test("Debian's signed GRUB is led to the menu on /boot", () => {
  assert.equal(
    efiStub(menu.bootUuid),
    `search --no-floppy --fs-uuid --set=root b0000000-0000-4000-8000-000000000000
set prefix=($root)/grub
configfile $prefix/grub.cfg
`,
  );
});

test("nothing that is not a version, a UUID or a console gets into the menu", () => {
  const bad: Partial<GrubMenu>[] = [
    { versions: ["1.0 init=/bin/sh"] },
    { versions: ["../1.0"] },
    { bootUuid: "" },
    { rootUuid: "x; reboot" },
    { consoles: ["ttyS0 init=/bin/sh"] },
  ];
  for (const part of bad) assert.throws(() => grubConfig({ ...menu, ...part }), RangeError, JSON.stringify(part));
});

test("consoles are carried over in their order, once each; screen and first serial line when none are named", () => {
  assert.deepEqual(consolesOf("quiet console=tty0 x console=ttyS1,115200n8 console=tty0\n"), [
    "tty0",
    "ttyS1,115200n8",
  ]);
  assert.deepEqual(consolesOf("boot=binnacle console=bad/name"), ["tty0", "ttyS0,115200n8"]);
});
