import { XMLBuilder } from "fast-xml-parser";
import type { MachineSpec } from "../driver.ts";
import { serialLine } from "./consoles.ts";

export type DomainOptions = {
  /** Whether the host's processor does the work; without it QEMU translates, for tests and nested hosts. */
  hasKvm: boolean;
};

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: "@", suppressEmptyNode: true });

/**
 * A machine as libvirt wants it. Source: libvirt's "Domain XML format". It is known by its uuid, in libvirt's form with
 * hyphens and, as its name, in ours; the name that people gave it is a title, for nobody to find it by.
 */
export function domainXml(spec: MachineSpec, { hasKvm }: DomainOptions): string {
  const { uuid, name, cpuNum, memorySize, disks, nics } = spec;
  const kibibytes = Math.floor(memorySize / 1024);
  return builder.build({
    domain: {
      "@type": hasKvm ? "kvm" : "qemu",
      name: uuid,
      uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
      title: printable(name),
      memory: { "@unit": "KiB", "#text": kibibytes },
      currentMemory: { "@unit": "KiB", "#text": kibibytes },
      vcpu: { "@placement": "static", "#text": cpuNum },
      os: { type: { "@arch": "x86_64", "@machine": "q35", "#text": "hvm" }, boot: { "@dev": "hd" } },
      features: { acpi: "", apic: "" },
      ...(hasKvm ? { cpu: { "@mode": "host-model" } } : {}),
      clock: { "@offset": "utc" },
      on_poweroff: "destroy",
      on_reboot: "restart",
      // What becomes of it then is for the manager to say, which knows of all hosts.
      on_crash: "destroy",
      devices: {
        disk: disks.map(({ path, format }, nth) => ({
          "@type": "file",
          "@device": "disk",
          // Without the host's cache: what a guest has flushed is on the storage, where another host reads it after a move.
          driver: { "@name": "qemu", "@type": format, "@cache": "none", "@discard": "unmap" },
          source: { "@file": path },
          // Said, so that libvirt does not ask the file: a guest may write there what it wants.
          backingStore: "",
          target: { "@dev": `vd${letterOf(nth)}`, "@bus": "virtio" },
        })),
        interface: nics.map(({ mac, bridge }) => ({
          "@type": "bridge",
          mac: { "@address": mac },
          source: { "@bridge": bridge },
          model: { "@type": "virtio" },
        })),
        serial: serialLine(uuid),
        channel: { "@type": "unix", target: { "@type": "virtio", "@name": "org.qemu.guest_agent.0" } },
        input: { "@type": "tablet", "@bus": "usb" },
        // A socket in the file system, in the folder that libvirt makes for the machine: the network has nothing to reach.
        graphics: { "@type": "vnc", "@sharePolicy": "force-shared", listen: { "@type": "socket" } },
        video: { model: { "@type": "vga" } },
        memballoon: { "@model": "virtio" },
        rng: { "@model": "virtio", backend: { "@model": "random", "#text": "/dev/urandom" } },
      },
    },
  });
}

/** `a` to `z`, then `aa`. */
function letterOf(nth: number): string {
  const letter = String.fromCharCode(97 + (nth % 26));
  return nth < 26 ? letter : `${letterOf(Math.floor(nth / 26) - 1)}${letter}`;
}

/** XML 1.0 has no control characters, not even escaped ones. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, " ");
}
