import { isMac } from "../../model/address.ts";
import type { Machine } from "../machine.ts";
import type { Present } from "./present.ts";

/** What a card can be known by over a restart. */
export type Card = {
  name: string;
  mac: string | null;
  /** The address that is burnt into it; null: it has none, and gets another one whenever it likes. */
  permanentMac: string | null;
  /** Where it is plugged in, in udev's words: `pci-0000:03:00.0`. */
  path: string | null;
  driver: string | null;
};

const timeoutMs = 4_000;

/** The cards of the machine, asked for what the kernel's usual answers leave out. */
export function readCards(
  machine: Machine,
  { network, hardware }: Pick<Present, "network" | "hardware">,
  signal: AbortSignal,
): Promise<Card[]> {
  const cards = network.links.filter(({ name }) => hardware.links.some((card) => card.name === name));
  return Promise.all(
    cards.map(async ({ name, mac, permanentMac, driver }) => ({
      name,
      mac,
      permanentMac: await readPermanentMac(machine, name, permanentMac ?? mac, signal),
      path: await readPath(machine, name, signal),
      driver,
    })),
  );
}

/**
 * `ip` tells a permanent address only where it differs from the present one, and a card that has none looks the same.
 *
 * @param assumed where nobody can be asked
 */
async function readPermanentMac(
  machine: Machine,
  link: string,
  assumed: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const run = machine.run("ethtool", ["-P", link], { timeoutMs, signal, reason: "tell cards apart" });
  const text = await run.then(
    ({ stdout }) => stdout,
    () => "",
  );
  const told = /^Permanent address: (.+)$/m.exec(text)?.[1]?.trim().toLowerCase();
  if (told === undefined) return assumed;
  return isMac(told) && told !== "00:00:00:00:00:00" ? told : null;
}

async function readPath(machine: Machine, link: string, signal: AbortSignal): Promise<string | null> {
  const args = ["info", "--query=property", "--property=ID_PATH", "--value", `--path=/sys/class/net/${link}`];
  const run = machine.run("udevadm", args, { timeoutMs, signal, reason: "tell cards apart" });
  const text = await run.then(
    ({ code, stdout }) => (code === 0 ? stdout.trim() : ""),
    () => "",
  );
  return text === "" ? null : text;
}
