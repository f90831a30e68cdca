import { backupJob, type StoreBackups } from "../../core/model/archives.ts";
import { wrap } from "../terminal/width.ts";
import { formatBytes } from "../widgets/format.ts";
import { archivesScreen } from "./archives.ts";
import type { Control, Screen } from "./screen.ts";

/** Backup Database: this node's store as a file that can be fetched. Most nodes have none, and the screen says so. */
export function backupScreen(control: Control): Screen {
  const t = () => control.view().t;
  return archivesScreen<StoreBackups & { archives: StoreBackups["backups"] }>(control, {
    kind: "backup",
    jobKind: backupJob,
    title: "backup.title",
    help: "help.backup",
    group: "backup.group",
    load: async () => {
      const found = await control.client.call("storeBackups", {});
      return { ...found, archives: found.backups };
    },
    makings: ({ store, freeBytes }) => {
      if (store === null) return [];
      const sizes = { size: formatBytes(store.sizeBytes), free: formatBytes(freeBytes) };
      return [
        {
          id: "now",
          text: t()("backup.now"),
          note: t()("collect.size", sizes),
          start: () => control.client.call("startBackup", {}),
        },
      ];
    },
    above(canvas, view, loaded) {
      if (loaded === undefined) {
        canvas.text(0, 0, view.t("missing.pending"), "dim");
        return 2;
      }
      if (loaded.store !== null) return 0;
      const lines = wrap(view.t("backup.none"), canvas.width);
      lines.forEach((line, y) => {
        canvas.text(0, y, line, "warn");
      });
      return lines.length + 1;
    },
    below: ({ t }, { folder }) => t("backup.folder", { folder }),
  });
}
