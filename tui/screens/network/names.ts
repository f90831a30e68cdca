import { parseAddress } from "../../../core/model/address.ts";
import { hostnameFinding, nameServerFinding, timeServerFinding } from "../../../core/model/address-problems.ts";
import type { LinkSettings, NetworkConfiguration } from "../../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { wordsOf } from "../../addresses.ts";
import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import { NetworkDesk } from "./desk.ts";
import { firstOf, saying } from "./problem-words.ts";
import { propose } from "./propose.ts";
import { openRunning } from "./running.ts";

/** Host Name and Time: the node's name, and whom it asks for names and for the time. */
export async function namesScreen(control: Control): Promise<Screen> {
  const desk = new NetworkDesk(control);
  await desk.load();
  return namesForm(control, desk.configuration);
}

function namesForm(control: Control, configuration: NetworkConfiguration | undefined): Screen {
  const t = () => control.view().t;
  const asking = configuration === undefined ? undefined : asksForNames(configuration);
  const hostname = new TextField({
    label: () => t()("network.names.hostname"),
    value: configuration?.hostname ?? "",
    maxLength: 255,
    width: 44,
    validate: saying(t, (text) => hostnameFinding(text.trim())),
  });
  const nameServers = new TextField({
    label: () => t()("network.names.nameServers"),
    hint: () => t()("network.names.nameServersHint", { link: asking?.name ?? "" }),
    when: () => asking !== undefined,
    value: asking === undefined ? "" : [...asking.ipv4.nameServers, ...asking.ipv6.nameServers].join(" "),
    maxLength: 400,
    width: 44,
    validate: saying(t, (text) => firstOf(wordsOf(text), nameServerFinding)),
  });
  const timeServers = new TextField({
    label: () => t()("network.names.timeServers"),
    hint: () => t()("network.names.timeServersHint"),
    value: (configuration?.timeServers ?? []).join(" "),
    maxLength: 800,
    width: 44,
    validate: saying(t, (text) => firstOf(wordsOf(text), timeServerFinding)),
  });

  function operations(): NetworkOperation[] {
    if (configuration === undefined) return [];
    const changes: NetworkOperation[] = [];
    const name = hostname.value.trim();
    if (name !== configuration.hostname) changes.push({ do: "hostname", hostname: name });
    if (asking !== undefined) changes.push(...newNameServers(asking, wordsOf(nameServers.value)));
    const servers = wordsOf(timeServers.value);
    if (servers.join(" ") !== configuration.timeServers.join(" ")) changes.push({ do: "timeServers", servers });
    return changes;
  }

  const fieldOf = (path: string) =>
    path === "hostname"
      ? hostname
      : path.startsWith("timeServers")
        ? timeServers
        : path.includes("nameServers")
          ? nameServers
          : undefined;
  const form = new Form({
    fields: [hostname, nameServers, timeServers],
    submit: () => t()("network.submit"),
    onSubmit: () =>
      propose(control, {
        operations: operations(),
        refuse: (sentence, path) => form.refuse(sentence, fieldOf(path)),
        from: screen,
      }),
  });
  let entered = false;
  const screen: Screen = {
    title: "network.names.title",
    help: "help.network.names",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    enter() {
      if (!entered) openRunning(control);
      entered = true;
    },
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      if (configuration === undefined) body.text(0, 0, view.t("network.unknown"), "warn");
      else form.draw(body, view.t);
    },
    key: (key) => configuration !== undefined && form.key(key),
  };
  return screen;
}

/** The interface whose name servers are those of the node: that of the management network, or the first with any. */
function asksForNames({ links, managementLink }: NetworkConfiguration): LinkSettings | undefined {
  const isOn = ({ ipv4, ipv6 }: LinkSettings) => ipv4.method !== "none" || ipv6.method !== "none";
  return (
    links.find((link) => link.name === managementLink && isOn(link)) ??
    links.find((link) => link.ipv4.nameServers.length + link.ipv6.nameServers.length > 0) ??
    links.find(isOn)
  );
}

function newNameServers({ name, ipv4, ipv6 }: LinkSettings, servers: readonly string[]): NetworkOperation[] {
  const ofFamily = (family: 4 | 6) => servers.filter((server) => parseAddress(server)?.family === family);
  const [four, six] = [ofFamily(4), ofFamily(6)];
  const changed = {
    ...(four.join() === ipv4.nameServers.join() ? {} : { ipv4: { ...ipv4, nameServers: four } }),
    ...(six.join() === ipv6.nameServers.join() ? {} : { ipv6: { ...ipv6, nameServers: six } }),
  };
  return Object.keys(changed).length === 0 ? [] : [{ do: "address", link: name, others: "stay", ...changed }];
}
