import { NodeError } from "../../core/model/error.ts";
import type { Hardware } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { formatBytes } from "../widgets/format.ts";
import { type TextLine, TextView } from "../widgets/text.ts";
import type { Control, Screen } from "./screen.ts";

const leadWidth = 14;

/** What the machine is made of: maker, board, firmware, processors, memory modules. */
export function hardwareScreen(control: Control): Screen {
  const text = new TextView();
  let state: "loading" | "slow" | "failed" = "loading";
  let here = false;
  let asking = false;

  /** Asks until there is an answer: a reading that takes long goes on in the agent, and the next call gets its outcome. */
  async function load(): Promise<void> {
    asking = true;
    for (state = "loading"; here; state = "slow") {
      try {
        text.set(linesOf(control.view().t, await control.client.call("hardware", {})));
        break;
      } catch (error) {
        if (error instanceof NodeError && error.code === "HARDWARE.TIMEOUT") {
          control.redraw();
          continue;
        }
        state = "failed";
        await control.attempt(() => Promise.reject(error));
        break;
      }
    }
    asking = false;
    control.redraw();
  }

  return {
    title: "hardware.title",
    help: "help.hardware",
    hints: () => [["/", "hint.search"]],
    typing: () => text.typing,
    enter() {
      here = true;
      if (text.length === 0 && !asking) void load();
    },
    leave() {
      here = false;
    },
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      if (text.length > 0) text.draw(body, t);
      else body.text(0, 0, state === "failed" ? "-" : t(state === "slow" ? "hardware.slow" : "missing.pending"), "dim");
    },
    key: (key) => text.key(key),
  };
}

function linesOf(t: Translate, hardware: Hardware): TextLine[] {
  const { cpu, memory } = hardware;
  const row = (lead: string, value: string | null): TextLine => ({
    lead,
    leadWidth,
    text: value ?? `-  ${t("hardware.notTold")}`,
    style: value === null ? "dim" : "text",
  });
  const total = memory.reduce((sum, module) => sum + module.sizeBytes, 0);
  return [
    row(t("hardware.vendor"), hardware.vendor),
    row(t("hardware.model"), hardware.model),
    row(t("hardware.serial"), hardware.serial),
    row(t("hardware.board"), hardware.board),
    row(t("hardware.firmware"), joined([hardware.firmware, hardware.firmwareDate])),
    { text: "" },
    row(t("hardware.cpu"), cpu.model),
    row(
      "",
      joined([
        t("hardware.cores", { sockets: cpu.sockets, cores: cpu.cores, threads: cpu.threads }),
        cpu.maxGhz === null ? null : t("hardware.ghz", { ghz: cpu.maxGhz }),
        cpu.l3Bytes === null ? null : t("hardware.cache", { size: formatBytes(cpu.l3Bytes) }),
      ]),
    ),
    { text: "" },
    row(t("hardware.memory"), t("hardware.modules", { total: formatBytes(total), count: memory.length })),
    ...memory.map((module) =>
      row(
        "",
        joined([
          module.slot,
          formatBytes(module.sizeBytes),
          module.type,
          module.mhz === null ? null : t("hardware.mhz", { mhz: module.mhz }),
          module.ecc === true ? t("hardware.ecc") : null,
          joined([module.vendor, module.part], " "),
        ]),
      ),
    ),
  ];
}

/** The parts that are known, or null when none is. */
function joined(parts: readonly (string | null)[], gap = "   "): string | null {
  const known = parts.filter((part) => part !== null);
  return known.length === 0 ? null : known.join(gap);
}
