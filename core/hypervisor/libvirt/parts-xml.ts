import { XMLParser } from "fast-xml-parser";
import * as z from "zod/mini";

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: (name) => ["disk", "interface", "serial"].includes(name),
});

const text = z.catch(z.string(), "");
/** Where a disk's content is, whatever kind of place that is. */
const source = z.catch(z.object({ "@file": text, "@dev": text, "@name": text, "@bridge": text, "@network": text }), {
  ...{ "@file": "", "@dev": "", "@name": "", "@bridge": "", "@network": "" },
});
const target = z.catch(z.object({ "@dev": text }), { "@dev": "" });
const domain = z.object({
  domain: z.object({
    devices: z.object({
      disk: z.catch(z.array(z.object({ source, target })), []),
      interface: z.catch(
        z.array(z.object({ mac: z.catch(z.object({ "@address": text }), { "@address": "" }), source, target })),
        [],
      ),
      serial: z.catch(z.array(z.object({ "@type": text })), []),
    }),
  }),
});

export type XmlParts = {
  disks: { target: string; path: string }[];
  nics: { mac: string; on: string; target: string }[];
  hasSerial: boolean;
};

/** What a domain consists of; nothing of what can't be read. */
export function partsInXml(xml: string): XmlParts {
  const found = domain.safeParse(parser.parse(xml));
  if (!found.success) return { disks: [], nics: [], hasSerial: false };
  const { disk, interface: cards, serial } = found.data.domain.devices;
  return {
    disks: disk.map((one) => ({
      target: one.target["@dev"],
      path: one.source["@file"] || one.source["@dev"] || one.source["@name"],
    })),
    nics: cards.map((one) => ({
      mac: one.mac["@address"],
      on: one.source["@bridge"] || one.source["@network"] || one.source["@dev"],
      target: one.target["@dev"],
    })),
    hasSerial: serial.some((one) => one["@type"] === "unix"),
  };
}
