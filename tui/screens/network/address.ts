import { parseAddress } from "../../../core/model/address.ts";
import { furtherAddresses } from "../../../core/model/network/configuration.ts";
import { valueOf } from "../../../core/model/reading.ts";
import type { Style } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import type { Control, Screen } from "../screen.ts";
import { AddressForm } from "./address-form.ts";
import type { NetworkDesk } from "./desk.ts";
import type { Current } from "./family-fields.ts";
import { propose } from "./propose.ts";

/** One interface: its addresses, gateway, name servers and MTU. What the change would do is shown before it is done. */
export function addressScreen(control: Control, desk: NetworkDesk, link: string): Screen {
  const t = () => control.view().t;
  const settings = desk.settingsOf(link);
  const form = new AddressForm({
    t,
    link,
    settings,
    isMember: desk.masterOf(link) !== undefined,
    current: { four: currentOf(control, link, "inet"), six: currentOf(control, link, "inet6") },
    onSubmit: () =>
      propose(control, {
        operations: form.operations(),
        refuse: (sentence, path) => form.refuse(sentence, path),
        from: screen,
      }),
  });

  /** What a technician should know before typing anything. */
  function warnings(): string[] {
    const item = desk.find(link);
    const master = desk.masterOf(link);
    return [
      item !== undefined && desk.isManagement(item) ? t()("network.address.management", { link }) : undefined,
      master === undefined ? undefined : t()("network.address.member", { link, master: master.name }),
    ].filter((line) => line !== undefined);
  }

  /** What the form does not show: it stays as it is, or goes with its family. */
  function unseen(): { text: string; style: Style }[] {
    if (settings === undefined) return [];
    const families = [settings.ipv4, settings.ipv6].map((family, i) => ({
      addresses: furtherAddresses(family).length,
      routes: family.routes.length,
      isOff: form.isOff(i === 0 ? 4 : 6),
    }));
    const words = (isOff: boolean, key: "network.address.lost" | "network.address.kept") => {
      const of = families.filter((family) => family.isOff === isOff);
      const [addresses, routes] = [sum(of.map((each) => each.addresses)), sum(of.map((each) => each.routes))];
      return addresses + routes === 0 ? undefined : t()(key, { addresses, routes });
    };
    const [kept, lost] = [words(false, "network.address.kept"), words(true, "network.address.lost")];
    return [
      ...(lost === undefined ? [] : [{ text: lost, style: "warn" as const }]),
      ...(kept === undefined ? [] : [{ text: kept, style: "dim" as const }]),
    ];
  }

  const screen: Screen = {
    title: "network.address.title",
    help: "help.network.address",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const kind = desk.find(link)?.link?.kind;
      const end = body.text(0, 0, link, "strong");
      if (kind !== undefined) body.text(end + 3, 0, view.t(`interfaces.kind.${kind}`), "dim");
      let y = 1;
      for (const warning of warnings()) for (const line of wrap(warning, body.width)) body.text(0, y++, line, "warn");
      for (const { text, style } of unseen()) for (const line of wrap(text, body.width)) body.text(0, y++, line, style);
      form.form.draw(body.part(0, y + 1), view.t);
    },
    key: (key) => form.form.key(key),
  };
  return screen;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** The global address that an interface has now, and the gateway behind it. */
function currentOf(control: Control, name: string, family: "inet" | "inet6"): Current {
  const network = valueOf(control.view().state.facts.network);
  const link = network?.links.find((each) => each.name === name);
  const own = link?.addresses.find((address) => address.family === family && address.scope === "global");
  const number = family === "inet" ? 4 : 6;
  const gateway = network?.gateways.find((each) => each.link === name && parseAddress(each.address)?.family === number);
  return {
    own: own === undefined ? undefined : { address: own.address, prefix: own.prefix },
    gateway: gateway?.address ?? null,
  };
}
