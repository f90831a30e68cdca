import type { InstallQuestion } from "../../core/model/installation/protocol.ts";
import type { SeenDraft } from "./screen.ts";

/** What a page shows of the draft. */
export function answersOf(page: InstallQuestion, draft: SeenDraft): unknown {
  const { locale, role, disk, network, passwordsSet } = draft;
  switch (page) {
    case "locale":
      return locale;
    case "role":
      return role;
    case "disk":
    case "layout":
      return disk;
    case "network":
      return network;
    case "passwords":
      return [role, passwordsSet];
    default:
      return draft;
  }
}
