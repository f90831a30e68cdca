import { parseAddress } from "../../../core/model/address.ts";
import type { LinkSettings } from "../../../core/model/network/configuration.ts";
import { valueOf } from "../../../core/model/reading.ts";
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

  /** What the form does not show, and leaves as it is. */
  function kept(): string | undefined {
    if (settings === undefined) return undefined;
    const beside = ({ method, addresses }: LinkSettings["ipv4"] | LinkSettings["ipv6"]) =>
      method === "static" ? Math.max(addresses.length - 1, 0) : addresses.length;
    const addresses = beside(settings.ipv4) + beside(settings.ipv6);
    const routes = settings.ipv4.routes.length + settings.ipv6.routes.length;
    return addresses + routes === 0 ? undefined : t()("network.address.kept", { addresses, routes });
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
      const stays = kept();
      if (stays !== undefined) body.text(0, y++, stays, "dim");
      form.form.draw(body.part(0, y + 1), view.t);
    },
    key: (key) => form.form.key(key),
  };
  return screen;
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
