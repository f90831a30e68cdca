import { XMLBuilder, XMLParser } from "fast-xml-parser";
import * as z from "zod/mini";
import { type BootDevice, drivesOfMachine } from "../device-commands.ts";
import type { MachineSpec } from "../driver.ts";
import type { NicSpec } from "../nic-spec.ts";
import { cardName } from "./network/links.ts";

/* Drives and network cards of a machine as libvirt wants them. Source: libvirt's "Domain XML format". */

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: "@", suppressEmptyNode: true });

/** `order`: its place among the devices that the machine boots from. */
type Boots = { order?: number | undefined };
export type Drive = Boots & { target: string; path?: string | undefined };

/** The drives of a machine that is to be started. They are there without an image, too: none can be added later. */
export function drivesOf({ isos = [] }: Pick<MachineSpec, "isos">, orders: readonly (number | undefined)[]): object[] {
  return Array.from({ length: drivesOfMachine }, (_, nth) =>
    driveOf({ target: `sd${"abc"[nth]}`, path: isos[nth], order: orders[nth] }),
  );
}

/** One drive, as it is to be from now on. */
export function driveXml(drive: Drive): string {
  return builder.build({ disk: driveOf(drive) });
}

function driveOf({ target, path, order }: Drive) {
  // It stays root's, as an image that volumes stand on: other machines may have it, too.
  const seclabel = { "@model": "dac", "@relabel": "no" };
  return {
    "@type": "file",
    "@device": "cdrom",
    driver: { "@name": "qemu", "@type": "raw" },
    ...(path === undefined ? {} : { source: { "@file": path, seclabel } }),
    target: { "@dev": target, "@bus": "sata" },
    readonly: "",
    ...bootOf(order),
  };
}

/** A network card; `bridge`: of its network on this host. */
export function nicXml(nic: NicSpec, bridge: string): string {
  return builder.build({ interface: nicOf(nic, bridge) });
}

export function nicOf({ mac, segment, sentBytesPerSecond }: NicSpec, bridge: string, order?: number) {
  return {
    "@type": "bridge",
    mac: { "@address": mac },
    source: { "@bridge": bridge },
    target: { "@dev": cardName(mac) },
    ...bandwidth(sentBytesPerSecond),
    model: { "@type": "virtio" },
    // A guest knows it then before it has any address.
    mtu: { "@size": segment.mtu },
    ...bootOf(order),
  };
}

/** libvirt counts in units of `tc`: 1000 bytes a second. What is outbound comes from the guest. */
function bandwidth(bytesPerSecond: number | undefined) {
  if (bytesPerSecond === undefined) return {};
  return { bandwidth: { outbound: { "@average": Math.max(1, Math.floor(bytesPerSecond / 1000)) } } };
}

export function bootOf(order: number | undefined) {
  return order === undefined ? {} : { boot: { "@order": order } };
}

const usualOrder: BootDevice[] = ["HardDisk", "CdRom"];

/**
 * The places of a machine's devices among those that it boots from: its first disk, all of its drives, for one may get an
 * image while it runs, and all of its cards, in the order of their kinds.
 */
export function bootOrders({ bootOrder = usualOrder, disks, nics }: MachineSpec) {
  const counts: Record<BootDevice, number> = {
    HardDisk: Math.min(1, disks.length),
    CdRom: drivesOfMachine,
    Network: nics.length,
  };
  const orders: Record<BootDevice, number[]> = { HardDisk: [], CdRom: [], Network: [] };
  let next = 1;
  for (const kind of bootOrder) for (let nth = 0; nth < counts[kind]; nth++) orders[kind].push(next++);
  return orders;
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  isArray: (name) => name === "disk",
});
const domain = z.object({
  domain: z.object({
    devices: z.object({
      disk: z.optional(
        z.array(
          z.object({
            "@device": z.optional(z.string()),
            source: z.optional(z.union([z.literal(""), z.object({ "@file": z.optional(z.string()) })])),
            target: z.object({ "@dev": z.string() }),
            boot: z.optional(z.object({ "@order": z.string() })),
          }),
        ),
      ),
    }),
  }),
});

/** The drives that a machine has, as libvirt tells of it. */
export function drivesIn(xml: string): Drive[] {
  const found = domain.safeParse(parser.parse(xml));
  const disks = found.success ? (found.data.domain.devices.disk ?? []) : [];
  return disks
    .filter((disk) => disk["@device"] === "cdrom")
    .map(({ source, target, boot }) => ({
      target: target["@dev"],
      path: typeof source === "object" ? source["@file"] : undefined,
      order: boot === undefined ? undefined : Number(boot["@order"]),
    }));
}
