import type { Language } from "../../core/model/records.ts";
import { type Catalogue, loadCatalogue, type MessageKey, translator, type Values } from "../i18n/catalogue.ts";
import { en } from "../i18n/en.ts";
import { installerEn } from "../i18n/installer.ts";

/** The installer's own texts and, for widgets and common keys, those of the console. */
export type InstallerKey = keyof typeof installerEn | MessageKey;

/** As the console's `Translate`, with the installer's keys: it serves the shared widgets as well. */
export type InstallerTranslate = ((key: InstallerKey, values?: Values) => string) & {
  find(key: string, values?: Values): string | undefined;
  readonly language: Language;
};

export function englishTexts(): InstallerTranslate {
  return together("en", en, installerEn);
}

/** The texts of a language; all but English are loaded when they are first asked for. */
export async function loadTexts(language: Language): Promise<InstallerTranslate> {
  if (language === "en") return englishTexts();
  const [common, { installerZh }] = await Promise.all([loadCatalogue(language), import("../i18n/installer-zh.ts")]);
  return together(language, common, installerZh);
}

function together(
  language: Language,
  common: Catalogue,
  own: Readonly<Record<keyof typeof installerEn, string>>,
): InstallerTranslate {
  const { find } = translator(language, { ...common, ...own });
  return Object.assign((key: InstallerKey, values?: Values) => find(key, values) ?? key, { find, language });
}
