import type { InstallLink } from "../../core/model/installation/hardware.ts";
import type { Style } from "../terminal/canvas.ts";
import { displayWidth, pad } from "../terminal/width.ts";
import { formatSpeed } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import type { InstallerTranslate } from "./texts.ts";

/** UP with a carrier, DOWN without, a dash where the driver does not tell. */
export function carrierWords(t: InstallerTranslate, { carrier }: InstallLink): string {
  return carrier === null ? "-" : t(carrier ? "nic.up" : "nic.down");
}

function carrierStyle({ carrier }: InstallLink): Style {
  return carrier === true ? "good" : carrier === false ? "warn" : "dim";
}

/** One line for a list to pick from: `eno1  UP  10G  52:54:00:12:34:56  ixgbe`. */
export function linkLine(t: InstallerTranslate, link: InstallLink): string {
  return [
    pad(link.name, 15),
    pad(carrierWords(t, link), 5),
    pad(formatSpeed(link.speedMbps), 5),
    link.mac ?? "-",
    link.driver ?? "",
  ]
    .join("  ")
    .trimEnd();
}

export function linkColumns(
  t: InstallerTranslate,
  links: readonly InstallLink[],
  isChosen: (link: InstallLink) => boolean,
): readonly Column<InstallLink>[] {
  const widest = Math.max(4, ...links.map(({ name }) => displayWidth(name)));
  return [
    { title: "", min: 1, value: (link) => (isChosen(link) ? "x" : ""), style: () => "strong" },
    { title: t("interfaces.column.name"), min: Math.min(widest, 15), value: ({ name }) => name },
    { title: t("interfaces.column.state"), min: 5, value: (link) => carrierWords(t, link), style: carrierStyle },
    { title: t("interfaces.column.speed"), min: 5, align: "right", value: ({ speedMbps }) => formatSpeed(speedMbps) },
    { title: t("interfaces.column.mac"), min: 17, value: ({ mac }) => mac ?? "-", priority: 2 },
    {
      title: t("interfaces.column.address"),
      min: 10,
      grow: true,
      value: ({ addresses }) => addresses.join(" "),
      priority: 3,
    },
  ];
}
