import type { PartitionSizes } from "../../../core/model/installation/draft.ts";
import type { Partition } from "../../../core/model/installation/protocol.ts";
import type { Canvas } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import { ChoiceField, TextField, ToggleField } from "../../widgets/fields.ts";
import { formatBytes } from "../../widgets/format.ts";
import { diskWords, offeredDisks } from "../disk-words.ts";
import { ReadyForm } from "../fields.ts";
import { drawProblems, errorsOf } from "../problems.ts";
import type { Control, Screen, SeenDraft, View } from "../screen.ts";
import { parseSize, sizeWords } from "../sizes.ts";

type DiskAnswers = Omit<SeenDraft["disk"], "erase">;

/** Step 4, second page: the mirror and the partitions. What results is shown as the engine plans it. */
export function layoutPage(control: Control): Screen {
  const t = () => control.view().t;
  const { draft, hardware } = control.known();
  const { disk: chosen, mirror: chosenMirror, custom } = draft.disk;
  const others = offeredDisks(hardware.disks).filter(({ name }) => name !== chosen);

  const mirror = new ChoiceField<string | null>({
    label: () => t()("install.layout.mirror"),
    when: () => others.length > 0,
    options: [
      { value: null, text: () => t()("install.none") },
      ...others.map((disk) => ({ value: disk.name, text: () => `${disk.name}  ${diskWords(disk)}` })),
    ],
    value: chosenMirror,
    width: 56,
  });
  const scheme = new ChoiceField<"automatic" | "custom">({
    label: () => t()("install.layout.scheme"),
    options: [
      { value: "automatic", text: () => t()("install.layout.automatic") },
      { value: "custom", text: () => t()("install.layout.custom") },
    ],
    value: custom === null ? "automatic" : "custom",
  });
  const isCustom = () => scheme.value === "custom";
  const sizes = { ...planned(control.view().state.plan), ...custom?.sizes };
  const size = (label: "efi" | "boot" | "swap" | "root" | "data", value: number | null, rest: boolean) =>
    new TextField({
      label: () => t()(`install.layout.${label}`),
      hint: () => t()(rest ? "install.layout.sizeOrRest" : "install.layout.sizeHint"),
      when: () => isCustom() && (label !== "efi" || hardware.firmware === "uefi"),
      value: value === null ? "" : sizeWords(value),
      ...(rest ? { placeholder: () => t()("install.layout.rest") } : {}),
      width: 12,
      validate: (text) =>
        (text.trim() === "" && rest) || parseSize(text) !== undefined ? undefined : t()("install.layout.noSize"),
    });
  const efi = size("efi", sizes.efiBytes, false);
  const boot = size("boot", sizes.bootBytes, false);
  const swap = size("swap", sizes.swapBytes, false);
  const root = size("root", sizes.rootBytes, true);
  const data = size("data", sizes.dataBytes, true);
  const lvm = new ToggleField({ label: () => t()("install.layout.lvm"), when: isCustom, value: custom?.lvm ?? false });

  const form = new ReadyForm({
    fields: [mirror, scheme, efi, boot, swap, root, data, lvm],
    submit: () => t()("install.continue"),
    validate: () =>
      isCustom() && root.value.trim() === "" && data.value.trim() === "" ? t()("install.layout.twoRests") : undefined,
    onSubmit: () => submit(),
  });

  /** The answers as they are typed; undefined while one of them is no size. */
  function answers(): DiskAnswers | undefined {
    const { disk } = control.known().draft.disk;
    if (!isCustom()) return { disk, mirror: mirror.value, custom: null };
    const fixed = [efi, boot, swap].map(({ value }) => parseSize(value));
    const [efiBytes, bootBytes, swapBytes] = fixed;
    const rootBytes = restOr(root.value);
    const dataBytes = restOr(data.value);
    if (efiBytes === undefined || bootBytes === undefined || swapBytes === undefined) return undefined;
    if (rootBytes === undefined || dataBytes === undefined || (rootBytes === null && dataBytes === null))
      return undefined;
    const sizes: PartitionSizes = { efiBytes, bootBytes, swapBytes, rootBytes, dataBytes };
    return { disk, mirror: mirror.value, custom: { sizes, lvm: lvm.value } };
  }

  let sent = JSON.stringify(answers());
  /** While one change is on its way the next one waits, and only the newest goes. */
  let sending: Promise<void> | undefined;
  function update(): void {
    const next = answers();
    if (sending !== undefined || next === undefined || JSON.stringify(next) === sent) return;
    sent = JSON.stringify(next);
    sending = control.client
      .call("setDisk", next)
      .then(
        () => {},
        (error: unknown) => control.notify(control.describe(error), "bad"),
      )
      .finally(() => {
        sending = undefined;
        update();
      });
  }

  async function submit(): Promise<void> {
    const wanted = answers();
    if (wanted === undefined) return;
    const went = await control.attempt(async () => {
      await sending;
      await control.client.call("setDisk", wanted);
      await control.settled(({ disk }) => sameAnswers(disk, wanted));
    });
    if (!went) return;
    if (errorsOf(control.view().state, "disk").length === 0) control.next();
    else control.notify(t()("install.layout.wrong"), "bad");
  }

  return {
    title: "install.layout.title",
    help: "install.help.layout",
    hints: () => [
      ["Enter", "install.hint.next"],
      ["Tab", "hint.next"],
    ],
    enter() {
      form.restart();
    },
    typing: () => form.typing,
    draw(canvas, view) {
      const formHeight =
        (isCustom() ? 8 : 2) + (others.length > 0 ? 1 : 0) + (hardware.firmware === "uefi" || !isCustom() ? 0 : -1) + 3;
      form.draw(canvas.part(2, 1, canvas.width - 4, Math.min(formHeight, canvas.height - 8)), view.t);
      const top = Math.min(formHeight, canvas.height - 8) + 2;
      drawPlan(canvas.part(2, top, canvas.width - 4, canvas.height - top), view, control.known().draft);
    },
    key(key) {
      const used = form.key(key);
      if (used && key.name !== "enter") update();
      return used;
    },
  };
}

function restOr(text: string): number | null | undefined {
  return text.trim() === "" ? null : parseSize(text);
}

/** What the custom sizes start from: the automatic plan, with `/` taking the rest. */
function planned(plan: readonly Partition[]): PartitionSizes {
  const of = (purpose: Partition["purpose"], fallback: number) =>
    plan.find((one) => one.purpose === purpose)?.sizeBytes ?? fallback;
  return {
    efiBytes: of("efi", 500 * 1024 ** 2),
    bootBytes: of("boot", 1024 ** 3),
    swapBytes: of("swap", 2 * 1024 ** 3),
    rootBytes: null,
    dataBytes: 0,
  };
}

function sameAnswers(draft: SeenDraft["disk"], wanted: DiskAnswers): boolean {
  const { disk, mirror, custom } = draft;
  return (
    JSON.stringify([disk, mirror, custom === null]) ===
    JSON.stringify([wanted.disk, wanted.mirror, wanted.custom === null])
  );
}

/** The partitions that result, and what is wrong with them. */
function drawPlan(canvas: Canvas, view: View, draft: SeenDraft): void {
  const { t, state } = view;
  const { disk, mirror } = draft.disk;
  const shown = state.plan.filter((partition) => partition.disk === state.plan[0]?.disk);
  const names = mirror === null ? (disk ?? "-") : `${disk} + ${mirror}`;
  let y = 0;
  canvas.text(0, y++, t("install.layout.plan", { disk: names }), "heading");
  for (const { number, purpose, sizeBytes } of shown) {
    canvas.textRight(3, y, String(number));
    canvas.text(5, y, t(`install.partition.${purpose}`), "text", 26);
    canvas.textRight(40, y, formatBytes(sizeBytes));
    y++;
  }
  const errors = drawProblems(canvas.part(0, y), view, "disk");
  if (shown.length === 0 && errors === 0)
    for (const line of wrap(t("install.layout.noPlan"), canvas.width)) canvas.text(0, y++, line, "dim");
}
