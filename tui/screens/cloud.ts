import type { MembershipState } from "../../core/model/records.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { type TextLine, TextView } from "../widgets/text.ts";
import type { Control, Screen } from "./screen.ts";

const leadWidth = 14;
/** Sixteen bytes a line: both halves of a fingerprint are read out in one breath. */
const perLine = 16;

/** Cloud: the certificate that a person compares when this node is added, and the cloud that it belongs to. */
export function cloudScreen(control: Control): Screen {
  const text = new TextView();

  async function load(): Promise<void> {
    const state = await control.attempt(() => control.client.call("membership", {}));
    if (state !== undefined) text.set(linesOf(control.view().t, state));
    control.redraw();
  }

  return {
    title: "cloud.title",
    help: "help.cloud",
    hints: () => [["/", "hint.search"]],
    typing: () => text.typing,
    enter: () => void load(),
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      if (text.length > 0) text.draw(body, t);
      else body.text(0, 0, t("missing.pending"), "dim");
    },
    key: (key) => text.key(key),
  };
}

function linesOf(t: Translate, { port, fingerprint, cloud, hostUuid }: MembershipState): TextLine[] {
  if (port === null || fingerprint === null) return [{ text: t("cloud.notListening"), style: "warn" }];
  const row = (lead: string, value: string): TextLine => ({ lead, leadWidth, text: value });
  const digits = (value: string): TextLine[] => {
    const bytes = value.split(":");
    return [bytes.slice(0, perLine), bytes.slice(perLine)].map((half) => ({ text: `  ${half.join(":")}` }));
  };
  return [
    { text: t("cloud.certificate"), style: "heading" },
    ...digits(fingerprint),
    { text: t("cloud.compare"), style: "dim" },
    { text: "" },
    { text: t("cloud.of"), style: "heading" },
    ...(cloud === null ? [{ text: `  ${t("cloud.none")}` }] : digits(cloud)),
    { text: "" },
    ...(hostUuid === null ? [] : [row(t("cloud.host"), hostUuid)]),
    row(t("cloud.port"), `TCP ${port}`),
  ];
}
