import { valueOf } from "../../core/model/reading.ts";
import type { Job } from "../../core/model/records.ts";
import { JobFollower } from "../job-follower.ts";
import { ChoiceField, type ChoiceOption, TextField } from "../widgets/fields.ts";
import { Form } from "../widgets/form.ts";
import { TextView } from "../widgets/text.ts";
import type { Control, Screen } from "./screen.ts";

/** Rows that the form takes above the answers. */
const formHeight = 8;

/** Test Network: pings an address as a job, its answers live. Esc stops it, and leaves when nothing runs. */
export function pingScreen(control: Control): Screen {
  const t = () => control.view().t;
  const target = new TextField({
    label: () => t()("ping.target"),
    value: control.view().state.nodeSettings?.pingTarget ?? "",
    replaceOnType: true,
    maxLength: 253,
    width: 40,
    validate: (value) => (value.trim() === "" ? t()("ping.empty") : undefined),
  });
  const known = new KnownTargets(control, (address) => target.set(address));
  const from = new ChoiceField<string | undefined>({
    label: () => t()("ping.link"),
    options: [{ value: undefined, text: () => t()("ping.anyLink") }, ...linksOf(control)],
  });
  let follower: JobFollower | undefined;
  let id: string | undefined;
  const job = () => control.view().state.jobs.find((one) => one.id === id);
  const isRunning = () => job()?.state === "running";
  const output = new TextView({ follow: true, growing: isRunning, find: "none", capacity: 2000 });

  const form = new Form({
    fields: [target, from, known],
    submit: () => t()("ping.go"),
    onSubmit: async () => {
      const link = from.value;
      const started = await control.attempt(() =>
        control.client.call("startPing", {
          body: { target: target.value.trim(), ...(link === undefined ? {} : { link }) },
        }),
      );
      if (started !== undefined) watch(started);
    },
  });

  function watch(job: Job): void {
    id = job.id;
    follower?.close();
    follower = follow(job.id);
    follower.changed();
    control.redraw();
  }

  /** Tells all lines of the job, from its first. */
  function follow(job: string): JobFollower {
    output.clear();
    return new JobFollower(control, job, (lines) => output.append(lines.map((text) => ({ text }))));
  }

  return {
    title: "ping.title",
    help: "help.ping",
    hints: () => (isRunning() ? [["Esc", "hint.stop"]] : [["Enter", "hint.start"]]),
    typing: () => !isRunning() && form.typing,
    changed: () => follower?.changed(),
    enter() {
      if (id === undefined) return;
      follower ??= follow(id);
      follower.changed();
    },
    leave() {
      follower?.close();
      follower = undefined;
    },
    draw(canvas, view) {
      const current = job();
      form.draw(canvas.part(2, 1, canvas.width - 4, formHeight), view.t);
      const y = formHeight + 1;
      if (current === undefined) return;
      const running = current.state === "running";
      const error = current.error;
      const status = running
        ? view.t("ping.running", { target: current.subject })
        : error === null
          ? view.t("ping.ended")
          : (view.t.find(`error.${error.code}`, { target: current.subject }) ?? error.description);
      canvas.text(2, y, status, running ? "strong" : error === null ? "text" : "bad", canvas.width - 4);
      output.draw(canvas.part(2, y + 1, canvas.width - 4, canvas.height - y - 2), view.t);
    },
    key(key) {
      if (!isRunning()) return form.key(key);
      if (key.name === "esc") {
        const running = id;
        if (running !== undefined)
          void control.attempt(() => control.client.call("cancelJob", { params: { id: running } }));
        return true;
      }
      return output.key(key);
    },
  };
}

/** Addresses that are worth a try: the routers of this node, and where its manager answers. */
class KnownTargets extends ChoiceField<string> {
  readonly #onChange: (address: string) => void;

  constructor(control: Control, onChange: (address: string) => void) {
    const t = () => control.view().t;
    const { network, management } = control.view().state.facts;
    const gateways = (valueOf(network)?.gateways ?? []).map(
      ({ address, link }): ChoiceOption<string> => ({
        value: address,
        text: () => t()("ping.gateway", { address, link }),
      }),
    );
    const ui = hostOf(valueOf(management)?.uiAddress ?? "");
    const manager: ChoiceOption<string>[] =
      ui === "" ? [] : [{ value: ui, text: () => t()("ping.manager", { address: ui }) }];
    super({
      label: () => t()("ping.known"),
      options: [{ value: "", text: () => t()("ping.asTyped") }, ...gateways, ...manager],
      when: () => gateways.length + manager.length > 0,
      width: 50,
    });
    this.#onChange = onChange;
  }

  override key(key: Parameters<ChoiceField<string>["key"]>[0]): boolean {
    const before = this.value;
    const taken = super.key(key);
    if (this.value !== before && this.value !== "") this.#onChange(this.value);
    return taken;
  }
}

/** The address of a user interface without its port. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function linksOf(control: Control): ChoiceOption<string | undefined>[] {
  const links = valueOf(control.view().state.facts.network)?.links ?? [];
  return links
    .filter((link) => link.addresses.length > 0)
    .map((link) => ({ value: link.name, text: () => `${link.name} ${link.addresses[0]?.address ?? ""}` }));
}
