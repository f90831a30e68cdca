import type { Recording } from "../../core/node/fixture.ts";

/** The recording with what tells machines apart replaced: the same word by the same other word everywhere. */
export function masked(recorded: Recording): Recording {
  const text = JSON.stringify(recorded);
  const replacements = new Map<string, string>();
  for (const [, mac = ""] of text.matchAll(/\b((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b/g)) {
    if (!/^(00:){5}|^(ff:){5}/.test(mac)) replacements.set(mac, otherMac(replacements.size));
  }
  for (const serial of serialsOf(text, recorded)) replacements.set(serial, otherSerial(serial, replacements.size));
  const hostname = plain(recorded.files["/proc/sys/kernel/hostname"]).trim();
  if (hostname.length > 2) replacements.set(hostname, "host");
  let result = text;
  for (const [from, to] of replacements) result = result.replaceAll(from, to);
  const parsed: Recording = JSON.parse(result);
  if (hostname.length > 0) parsed.files["/proc/sys/kernel/hostname"] = "host\n";
  return parsed;
}

/** Values of every JSON member that names one piece of hardware, and the firmware's serial number. */
function serialsOf(text: string, recorded: Recording): Set<string> {
  const found = [...text.matchAll(/"(?:serial|serial_number|wwn|uuid|logical_unit_id)":"([^"]{4,})"/g)];
  const firmware = plain(recorded.files["/sys/class/dmi/id/product_serial"]).trim();
  return new Set([...found.map(([, serial = ""]) => serial), ...(firmware.length > 3 ? [firmware] : [])]);
}

/** Locally administered, so that it can belong to nobody. */
function otherMac(nth: number): string {
  return `02:00:00:00:${hex(nth >> 8)}:${hex(nth & 0xff)}`;
}

/** Of the same length and the same kinds of characters. */
function otherSerial(serial: string, nth: number): string {
  const count = String(nth);
  const blank = serial.replace(/[0-9]/g, "0").replace(/[a-z]/g, "x").replace(/[A-Z]/g, "X");
  return blank.slice(0, Math.max(blank.length - count.length, 0)) + count;
}

function plain(content: Recording["files"][string] | undefined): string {
  return typeof content === "string" ? content : "";
}

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}
