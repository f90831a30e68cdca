/*
 * The texts that GRUB reads on an installed disk. Pure: the installation and the upgrade write what these functions give.
 *
 * /boot/grub/grubenv holds who is started: `default_version` is known to work; `trial_version` is started instead as
 * long as `trial_left` is above 0, and each start takes one away before the kernel is loaded. A trial that passes its
 * role check becomes the default; one that does not has used up its starts, and the former version is started again.
 */

/** Starts that a new version gets to prove itself. */
export const trialStarts = 3;

export type GrubMenu = {
  /** UUID of the file system that holds /VERSION/vmlinuz and /grub. */
  bootUuid: string;
  /** UUID of the root partition's file system, where the systems lie. */
  rootUuid: string;
  /** Newest first. */
  versions: readonly string[];
  /** Kernel consoles in the kernel's own words, the main one last: `tty0`, `ttyS0,115200n8`. */
  consoles: readonly string[];
  /**
   * GRUB can't write to a RAID. There it counts no starts: the kernel's command line says `binnacle.trial`, and the
   * initial RAM disk of the system that is being tried takes all its starts away, before it looks for a root.
   */
  canCount: boolean;
  /** An expert node: its whole root can be written. */
  isExpert: boolean;
};

/** /boot/grub/grub.cfg. Source of the commands: GRUB 2.12's manual. Debian's signed GRUB can't load modules. */
export function grubConfig(menu: GrubMenu): string {
  const entries = menu.versions.map((version, nth) =>
    entryText(menu, {
      title: nth === 0 ? version : `${version} (former)`,
      id: idPrefix + requireVersion(version),
      version,
    }),
  );
  const recoveries = menu.versions.map((version) =>
    entryText(menu, {
      title: `${version}, recovery`,
      id: `recovery-${version}`,
      version,
      more: "systemd.unit=rescue.target",
    }),
  );
  return `${head(menu)}
${[...entries, ...recoveries].join("\n")}`;
}

/**
 * What GRUB knows an entry by is this and its version. It must not begin with a digit: GRUB takes `0.1.0` for the
 * number 0, which is the first entry, whatever comes behind (get_entry_number of its menu).
 */
const idPrefix = "version-";

function head(menu: GrubMenu): string {
  return `# Written by Binnacle's installation and upgrade; changes are lost at the next one.
search --no-floppy --fs-uuid --set=root ${requireUuid(menu.bootUuid)}
set timeout=3
set default="${idPrefix}${menu.versions[0] ?? ""}"
load_env default_version trial_version trial_left
if [ -n "\${default_version}" ]; then set default="${idPrefix}\${default_version}"; fi
${trial(menu)}
${serial(menu.consoles)}`;
}

function trial({ canCount, bootUuid }: GrubMenu): string {
  if (!canCount)
    return `if [ -n "\${trial_version}" -a -n "\${trial_left}" -a "\${trial_left}" != "0" ]; then
  set default="${idPrefix}\${trial_version}"
  set trial="binnacle.trial=UUID=${bootUuid}"
fi
`;
  const steps = Array.from({ length: trialStarts }, (_, nth) => trialStarts - nth).map(
    (left, nth) =>
      `  ${nth === 0 ? "if" : "elif"} [ "\${trial_left}" = "${left}" ]; then set trial_left=${left - 1}; set trying=yes`,
  );
  // Who can't write that a start was taken would try for ever: it starts what is known to work.
  return `set trying=no
if [ -n "\${trial_version}" ]; then
${steps.join("\n")}
  fi
  if [ "\${trying}" = "yes" ]; then
    if save_env trial_left; then set default="${idPrefix}\${trial_version}"; fi
  fi
fi
`;
}

/** The menu is on the serial line of the kernel's consoles as well as on the screen. */
function serial(consoles: readonly string[]): string {
  const line = consoles.map(serialLine).find((found) => found !== undefined);
  if (line === undefined) return "";
  return `if serial --unit=${line.unit} --speed=${line.speed} --word=8 --parity=no --stop=1; then
  terminal_input console serial
  terminal_output console serial
fi
`;
}

function serialLine(console: string): { unit: string; speed: string } | undefined {
  const found = /^ttyS([0-3])(?:,(\d+))?/.exec(console);
  return found === null ? undefined : { unit: found[1] ?? "0", speed: found[2] ?? "9600" };
}

type Entry = { title: string; id: string; version: string; more?: string };

function entryText({ rootUuid, consoles, isExpert, canCount }: GrubMenu, { title, id, version, more }: Entry): string {
  const options = [
    "boot=binnacle",
    `binnacle.root=UUID=${requireUuid(rootUuid)}`,
    `binnacle.system=${version}`,
    ...(isExpert ? ["binnacle.overlay=root"] : []),
    ...(canCount ? [] : [`\${trial}`]),
    ...consoles.map((console) => `console=${requireConsole(console)}`),
    // A kernel that gives up, or a root that can't be mounted, must not wait for somebody to press a button.
    "panic=60",
    ...(more === undefined ? ["quiet"] : [more]),
  ];
  return `menuentry "Binnacle ${title}" --id ${id} {
  echo "Loading Binnacle ${version} ..."
  linux /${version}/vmlinuz ${options.join(" ")}
  initrd /${version}/initrd.img
}
`;
}

/** EFI/debian/grub.cfg of the EFI system partition: Debian's signed GRUB looks nowhere else. */
export function efiStub(bootUuid: string): string {
  return `search --no-floppy --fs-uuid --set=root ${requireUuid(bootUuid)}
set prefix=($root)/grub
configfile $prefix/grub.cfg
`;
}

const fallbackConsoles = ["tty0", "ttyS0,115200n8"];

/** Consoles of a kernel command line, in their order; screen and first serial line when it names none. */
export function consolesOf(commandLine: string): string[] {
  const named = [...commandLine.matchAll(/(?:^|\s)console=(\S+)/g)].map((found) => found[1] ?? "");
  const usable = [...new Set(named.filter((name) => consolePattern.test(name)))];
  return usable.length > 0 ? usable : fallbackConsoles;
}

const consolePattern = /^[A-Za-z0-9]+(,[A-Za-z0-9]+)?$/;

/** What stands in a configuration file must not be able to change it. */
function requireConsole(console: string): string {
  return requirePattern(console, consolePattern, "console");
}

/** Whether a version can be the name of a folder and of a boot entry. */
export function isVersion(text: string): boolean {
  return versionPattern.test(text);
}

const versionPattern = /^\d[A-Za-z0-9.+~-]{0,60}$/;

function requireVersion(version: string): string {
  return requirePattern(version, versionPattern, "version");
}

function requireUuid(uuid: string): string {
  return requirePattern(uuid, /^[0-9A-Fa-f-]{9,36}$/, "UUID");
}

function requirePattern(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text)) throw new RangeError(`'${text}' is no ${what}.`);
  return text;
}
