import type { NetworkAnswers } from "../../core/model/installation/draft.ts";
import type { SeenDraft } from "./screen.ts";
import type { InstallerTranslate } from "./texts.ts";

/** The answers, a line each: what another console follows and what stands above the last question. */
export function answerLines(t: InstallerTranslate, draft: SeenDraft): string[] {
  const { locale, role, network } = draft;
  const keyboard = t.find(`install.keyboard.${locale.keyboard}`) ?? locale.keyboard;
  return [
    t("install.summary.role", { role: t(`role.${role}`) }),
    t("install.summary.locale", {
      language: t(`install.language.${locale.language}`),
      keyboard,
      timezone: locale.timezone,
    }),
    t("install.summary.network", { host: network.hostname, network: networkWords(t, network) }),
    t("install.summary.disk", { disk: diskAnswerWords(t, draft) }),
  ];
}

function diskAnswerWords(t: InstallerTranslate, { disk }: SeenDraft): string {
  const { mirror, custom } = disk;
  if (disk.disk === null) return t("install.none");
  const where = mirror === null ? disk.disk : t("install.summary.mirror", { disk: disk.disk, mirror });
  const layout = custom === null ? "automatic" : custom.lvm ? "lvm" : "custom";
  return `${where}, ${t(`install.summary.layout.${layout}`)}`;
}

function networkWords(t: InstallerTranslate, network: NetworkAnswers): string {
  const { links, bond, vlan, ipv4, ipv6 } = network;
  if (links.length === 0) return t("install.summary.noNetwork");
  const link = bond === null ? links.join(" ") : `${bond.name} (${links.join(" ")}, ${bond.mode})`;
  const tag = vlan === null ? "" : `, VLAN ${vlan}`;
  const addresses = [ipv4, ipv6].flatMap((one) => {
    if (one.method === "none") return [];
    return one.method === "static" ? [`${one.address}/${one.prefix}`] : [t(`install.method.short.${one.method}`)];
  });
  return `${link}${tag}, ${[...new Set(addresses)].join(", ")}`;
}
