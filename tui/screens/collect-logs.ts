import { collectJob, type LogCollections } from "../../core/model/archives.ts";
import { formatBytes } from "../widgets/format.ts";
import { archivesScreen, type Making } from "./archives.ts";
import type { Control, Screen } from "./screen.ts";

/** Collect Logs: this node's logs of a chosen time, as an archive that a browser or a phone can fetch. */
export function collectLogsScreen(control: Control): Screen {
  const t = () => control.view().t;
  return archivesScreen<LogCollections>(control, {
    kind: "logs",
    jobKind: collectJob,
    title: "collect.title",
    help: "help.collect",
    group: "collect.group",
    load: () => control.client.call("logCollections", {}),
    makings: ({ estimates }) =>
      estimates.map(({ range, logBytes, neededBytes, freeBytes }): Making => {
        const free = formatBytes(freeBytes);
        const fits = freeBytes >= neededBytes;
        const note = !fits
          ? t()("collect.noRoom", { needed: formatBytes(neededBytes), free })
          : logBytes === null
            ? t()("collect.sizeUnknown", { free })
            : t()("collect.size", { size: formatBytes(logBytes), free });
        return {
          id: range,
          text: t()(`collect.range.${range}`),
          note,
          style: fits ? "dim" : "warn",
          start: () => control.client.call("startCollecting", { body: { range } }),
        };
      }),
    above(canvas, view, loaded) {
      canvas.text(0, 0, view.t("collect.nodeOnly"), "text");
      if (loaded === undefined) canvas.text(0, 2, view.t("collect.loading"), "dim");
      return 2;
    },
    below: ({ t }, { folder }) => t("collect.folder", { folder }),
  });
}
