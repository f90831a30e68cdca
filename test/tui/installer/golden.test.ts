import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { InstallerState } from "../../../core/model/installation/protocol.ts";
import { installerEn } from "../../../tui/i18n/installer.ts";
import { installerZh } from "../../../tui/i18n/installer-zh.ts";
import { beyondAscii, type ConsoleBed } from "../../support/console.ts";
import { matchesGolden } from "../../support/golden.ts";
import type { InstallMachine } from "../../support/install-machines.ts";
import { adminPassword, installerRoom, type Look, looks, rootPassword, untilPage } from "./room.ts";

/*
 * The installer's screens as a technician sees them, kept as text below test/fixtures/golden/installer.
 * UPDATE_GOLDEN=1 node --test test/tui/installer/golden.test.ts keeps them anew; read what it changed.
 */

const room = installerRoom();

const texts = { en: installerEn, zh: installerZh } as const;

async function matches(console: ConsoleBed, look: Look, machine: string, screen: string, sign: string): Promise<void> {
  const { profile, language } = look;
  await matchesGolden(console, { machine: `installer/${machine}`, screen, size: "80x24", profile, language }, sign);
}

function assertFits(console: ConsoleBed, look: Look): void {
  if (look.profile !== "basic") return;
  const at = beyondAscii(console.raw());
  assert.equal(at, -1, `a byte beyond ASCII was sent: ${JSON.stringify(console.raw().slice(at - 40, at + 40))}`);
}

/** In Chinese the first page is answered so: that the language changes at once is part of what is kept. */
async function chooseLanguage(console: ConsoleBed, look: Look): Promise<void> {
  await untilPage(console, installerEn["install.locale.title"]);
  if (look.language === "en") return;
  console.press("tab");
  console.press("right");
  await untilPage(console, installerZh["install.locale.title"]);
}

for (const machine of ["laptop-vm", "server"] as const satisfies readonly InstallMachine[])
  for (const look of looks) {
    const t = texts[look.language];
    it(`the questions on ${machine}, ${look.profile}, ${look.language}`, async () => {
      await room.engine(machine);
      const console = await room.open(look);
      await chooseLanguage(console, look);
      await matches(console, look, machine, "1-locale", t["install.continue"]);
      for (let i = 0; i < (look.language === "zh" ? 3 : 1); i++) console.press("enter");
      await matches(console, look, machine, "2-role", t["install.role.title"]);
      console.press("enter");
      await matches(console, look, machine, "3-checks", t["install.checks.title"]);
      console.press("enter");
      await matches(console, look, machine, "4-disk", t["install.disk.title"]);
      if (machine === "server") {
        console.press("down");
        await matches(console, look, machine, "4-disk-with-data", "vg_data");
      }
      console.press("enter");
      await matches(console, look, machine, "4-layout", t["install.layout.title"]);
      console.press("enter");
      await matches(console, look, machine, "5-network", "192.0.2.21/24");
      console.press("enter");
      await matches(console, look, machine, "6-passwords", t["install.passwords.title"]);
      console.type(`${rootPassword}\t${rootPassword}\t${adminPassword}\t${adminPassword}\r`);
      await matches(console, look, machine, "7-summary", t["install.summary.question"]);
      assertFits(console, look);
    });
  }

describe("a machine with no disk that could hold the system", () => {
  for (const look of looks) {
    const t = texts[look.language];
    it(`is told so on every page that it concerns, ${look.profile}, ${look.language}`, async () => {
      await room.engine("no-disk");
      const console = await room.open(look);
      await chooseLanguage(console, look);
      for (let i = 0; i < (look.language === "zh" ? 3 : 1); i++) console.press("enter");
      await matches(console, look, "no-disk", "2-role", t["install.mayGoOn"]);
      console.press("enter");
      await matches(console, look, "no-disk", "3-checks", t["install.checks.title"]);
      console.press("enter");
      await matches(console, look, "no-disk", "4-disk", t["install.unusable.too-small"]);
      assertFits(console, look);
    });
  }
});

const copying = {
  step: "copy",
  stepShare: 0.41,
  share: 0.37,
  elapsedSeconds: 65,
  remainingSeconds: 118,
} as const;

const failure = {
  step: "bootloader",
  code: "COMMAND.FAILED",
  description: "grub-install ended with status 1.",
  remedy: "Check that the disk can still be written to, and try again.",
  command: "grub-install --target=x86_64-efi --efi-directory=/target/boot/efi --bootloader-id=binnacle",
  lastLines: [
    "Installing for x86_64-efi platform.",
    "Could not prepare Boot variable: No space left on device",
    "grub-install: error: efibootmgr failed to register the boot entry: Input/output error.",
  ],
} as const;

const log = [
  "14:03:07 check: 64 CPUs, 508 GiB",
  "14:03:09 partition: sgdisk --zap-all /dev/nvme0n1",
  "14:03:11 format: mkfs.ext4 -L binnacle-root /dev/nvme0n1p4",
  "14:03:15 copy: system.squashfs 1.2 GiB",
];

/** What an engine in this phase tells; the sign is a text that says that the screen is there. */
const phases: readonly {
  name: string;
  state: Partial<InstallerState>;
  leader?: string;
  sign: keyof typeof installerEn;
}[] = [
  { name: "installing", state: { phase: "installing", progress: copying, log }, sign: "install.doing.copy" },
  {
    name: "watching",
    state: { phase: "installing", progress: copying, log },
    leader: "tty2",
    sign: "install.progress.watching",
  },
  {
    name: "failed",
    state: { phase: "failed", failure: { ...failure, lastLines: [...failure.lastLines] }, log },
    sign: "install.failure.retry",
  },
  { name: "done", state: { phase: "done", progress: { ...copying, elapsedSeconds: 412 } }, sign: "install.done.enter" },
  {
    name: "refused",
    state: {
      phase: "refused",
      refusal: [
        "answers.yaml:12: disk.match.size: no disk of at least 2 TB is empty; there are sda (1.2 TB, with data).",
        "answers.yaml:20: network.ipv4.gateway: 10.0.1.1 is not in 10.0.0.0/24.",
      ],
    },
    leader: "answers",
    sign: "install.refused.untouched",
  },
  { name: "following", state: {}, leader: "ttyS1", sign: "install.follow.soFar" },
  { name: "probing", state: { phase: "probing", hardware: null }, sign: "install.probing" },
];

describe("outside of the questions", () => {
  for (const look of looks)
    for (const { name, state, leader, sign } of phases)
      it(`${name}, ${look.profile}, ${look.language}`, async () => {
        const engine = await room.engine("server", { state, leader: leader ?? look.console });
        const { draft } = engine.state;
        if (look.language === "zh" && draft !== null)
          engine.set({ draft: { ...draft, locale: { ...draft.locale, language: "zh_CN" } } });
        const console = await room.open(look);
        await matches(console, look, "phases", name, texts[look.language][sign].slice(0, 12));
        assertFits(console, look);
      });

  it("an engine that is away is said at once", async () => {
    const [look] = looks;
    if (look === undefined) throw new Error("there are looks");
    const console = await room.open(look);
    await matches(console, look, "phases", "away", "not running");
  });
});
