import { firstDraft } from "../../../core/model/installation/defaults.ts";
import { draftPlan } from "../../../core/model/installation/disk-problems.ts";
import type { Draft } from "../../../core/model/installation/draft.ts";
import type { Hardware, InstallDisk } from "../../../core/model/installation/hardware.ts";
import { layoutOf } from "../../../iso/engine/layout.ts";
import type { Manifest } from "../../../iso/engine/manifest.ts";
import type { Job } from "../../../iso/engine/work.ts";

/** Any hash of the right form. */
export const someHash = `$y$j9T$${"a".repeat(22)}$${"b".repeat(43)}`;

export function aDisk(name: string, more: Partial<InstallDisk> = {}): InstallDisk {
  return {
    name,
    path: `/dev/${name}`,
    sizeBytes: 64e9,
    sectorBytes: 512,
    model: "SAMSUNG",
    serial: `S-${name}`,
    bus: "sata",
    rotational: false,
    health: "healthy",
    healthWhy: null,
    partitionTable: null,
    contents: [],
    empty: true,
    unusable: null,
    ...more,
  };
}

export function aMachine(more: Partial<Hardware> = {}): Hardware {
  return {
    cpus: 8,
    memoryBytes: 64e9,
    virtualization: "on",
    firmware: "bios",
    secureBoot: false,
    clock: { now: Date.UTC(2026, 5, 1), plausible: true },
    vendor: null,
    model: null,
    disks: [aDisk("sda")],
    links: [
      { name: "eno1", mac: "52:54:00:12:34:56", driver: "e1000e", carrier: true, speedMbps: 1000, addresses: [] },
      { name: "eno2", mac: "52:54:00:12:34:57", driver: "e1000e", carrier: true, speedMbps: 1000, addresses: [] },
    ],
    ...more,
  };
}

export function aDraft(hardware: Hardware, more: Partial<Draft> = {}): Draft {
  const first = firstDraft(hardware);
  return { ...first, passwords: { root: someHash, admin: someHash }, ...more };
}

/** UUIDs that count: 00000001-0000-4000-8000-000000000000 and so on. */
export function countedUuids(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${String(count).padStart(8, "0")}-0000-4000-8000-000000000000`;
  };
}

const file = { sha256: "0".repeat(64), sizeBytes: 1000 };
export const aManifest: Manifest = {
  product: "Binnacle",
  version: "1.2.3",
  files: { vmlinuz: file, "initrd.img": file, "system.squashfs": file },
};

export function aJob(hardware: Hardware, draft: Draft = aDraft(hardware)): Job {
  const layout = layoutOf(draftPlan(draft, hardware), draft, hardware, countedUuids());
  return { draft, hardware, manifest: aManifest, layout, consoles: ["tty0", "ttyS0,115200n8"] };
}
