import type { NetworkAnswers } from "../../../core/model/installation/draft.ts";
import type { InstallLink } from "../../../core/model/installation/hardware.ts";
import type { Canvas } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import { Table } from "../../widgets/table.ts";
import { linkColumns } from "../link-words.ts";
import { NetworkForm } from "../network-form.ts";
import { errorsOf, problemWords } from "../problems.ts";
import type { Control, Screen, View } from "../screen.ts";

/** Lines for interfaces; a machine with more shows the others in the list to pick from. */
const mostLinks = 6;

/** What came of asking for an address. */
type Lease =
  | { state: "none" }
  | { state: "asking"; link: string }
  | { state: "got"; link: string; address: string; gateway: string | null; nameServers: string[] }
  | { state: "failed"; link: string; why: string };

/** Step 5: network and host name. DHCP is tried at once, so that what it gives is known before anything is installed. */
export function networkPage(control: Control): Screen {
  const t = () => control.view().t;
  const links = () => control.known().hardware.links;
  const form = new NetworkForm(control, () => submit());
  let lease: Lease = { state: "none" };
  /** What the last lease was asked for; another choice asks again. */
  let askedFor = "";
  let asking = 0;
  let shown = false;

  const table = new Table<InstallLink>({
    items: () => links().slice(0, mostLinks),
    id: ({ name }) => name,
    columns: () => linkColumns(t(), links(), ({ name }) => form.links.includes(name)),
    select: false,
    filter: false,
    empty: () => t()("install.links.none"),
  });

  /** Asks for an address when one is wanted and the choice is another than last time, or `again`. */
  async function tryDhcp(again = false): Promise<void> {
    const answers = form.answers();
    if (answers === undefined) return;
    const wanted = JSON.stringify([answers.links, answers.bond, answers.vlan, answers.ipv4.method]);
    if (wanted === askedFor && !again) return;
    askedFor = wanted;
    asking += 1;
    const mine = asking;
    if (answers.ipv4.method !== "dhcp" || answers.links.length === 0) {
      lease = { state: "none" };
      control.redraw();
      return;
    }
    const link = `${answers.bond?.name ?? answers.links.join(" ")}${answers.vlan === null ? "" : `.${answers.vlan}`}`;
    lease = { state: "asking", link };
    control.redraw();
    const outcome = await ask(answers, link);
    // Another choice was made meanwhile, or the page was left.
    if (mine !== asking) return;
    lease = outcome;
    if (!shown) askedFor = "";
    control.redraw();
  }

  async function ask(answers: NetworkAnswers, link: string): Promise<Lease> {
    try {
      if (!isSame(control.known().draft.network, answers)) await control.client.call("setNetwork", answers);
      return { state: "got", link, ...(await control.client.call("tryDhcp", {})) };
    } catch (error) {
      return { state: "failed", link, why: control.describe(error) };
    }
  }

  async function submit(): Promise<void> {
    const answers = form.answers();
    if (answers === undefined) return;
    const went = await control.attempt(async () => {
      await control.client.call("setNetwork", answers);
      await control.settled(({ network }) => isSame(network, answers));
    });
    if (!went) return;
    const [problem] = errorsOf(control.view().state, "network");
    if (problem === undefined) control.next();
    else form.refuse(problemWords(t(), problem), problem.field);
  }

  return {
    title: "install.network.title",
    help: "install.help.network",
    hints: () => [
      ["Enter", "install.hint.next"],
      ["Tab", "hint.next"],
      ["F5", "install.hint.dhcp", "spare"],
    ],
    enter() {
      shown = true;
      form.restart();
      void tryDhcp();
    },
    leave() {
      shown = false;
    },
    typing: () => form.typing,
    draw(canvas, view) {
      const rows = Math.min(Math.max(links().length, 1), mostLinks) + 1;
      table.draw(canvas.part(2, 1, canvas.width - 4, rows), view.t);
      let y = rows + 1;
      if (links().length > mostLinks)
        canvas.text(4, y++, view.t("install.links.more", { count: links().length - mostLinks }), "dim");
      y += drawLease(canvas.part(2, y, canvas.width - 4), view, lease);
      form.draw(canvas.part(2, y + 1, canvas.width - 4), view.t);
    },
    key(key) {
      if (key.name === "f5") {
        void tryDhcp(true);
        return true;
      }
      const used = form.key(key);
      // Not while a number is being typed: what stands there then is half of it.
      if (used && (key.name !== "char" || !form.typing)) void tryDhcp();
      return used;
    },
  };
}

function isSame(network: NetworkAnswers, other: NetworkAnswers): boolean {
  return JSON.stringify(Object.entries(network).sort()) === JSON.stringify(Object.entries(other).sort());
}

/** What DHCP gave, or why it gave nothing; returns the lines that it took. */
function drawLease(canvas: Canvas, { t }: View, lease: Lease): number {
  switch (lease.state) {
    case "none":
      return 0;
    case "asking":
      canvas.text(0, 0, t("install.dhcp.asking", { link: lease.link }), "dim");
      return 1;
    case "got": {
      const { link, address, gateway, nameServers } = lease;
      const given = { link, address, gateway: gateway ?? "-", servers: nameServers.join(" ") || "-" };
      canvas.text(0, 0, t("install.dhcp.got", given), "good");
      return 1;
    }
    case "failed": {
      const lines = wrap(t("install.dhcp.failed", { link: lease.link, why: lease.why }), canvas.width);
      lines.forEach((line, y) => canvas.text(0, y, line, "warn"));
      return lines.length;
    }
  }
}
