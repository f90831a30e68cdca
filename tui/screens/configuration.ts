import type { NodeRole } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import { List } from "../widgets/list.ts";
import { Opener } from "./opener.ts";
import type { Control, Screen } from "./screen.ts";

/**
 * An entry of System Configuration. Its screen's code is loaded when it is opened: one that nobody opens costs nothing.
 * `roles`: the nodes that have it; all of them where it names none. Source: console.md, "Node modes".
 */
type Entry = {
  id: string;
  label: MessageKey;
  about: MessageKey;
  roles?: readonly NodeRole[];
  open: (control: Control) => Promise<Screen>;
};

type Group = { heading: MessageKey; entries: readonly Entry[] };

const groups: readonly Group[] = [
  {
    heading: "configuration.configure",
    entries: [
      {
        id: "passwords",
        label: "passwords.title",
        about: "passwords.about",
        open: async (c) => (await import("./passwords.ts")).passwordsScreen(c),
      },
      {
        id: "rename",
        label: "network.rename.title",
        about: "network.rename.about",
        open: async (c) => (await import("./network/rename.ts")).renameScreen(c),
      },
      {
        id: "ping",
        label: "ping.title",
        about: "ping.about",
        open: async (c) => (await import("./ping.ts")).pingScreen(c),
      },
      {
        id: "networks",
        label: "network.title",
        about: "network.about",
        open: async (c) => (await import("./network/networks.ts")).networksScreen(c),
      },
      {
        id: "management",
        label: "network.management.title",
        about: "network.management.about",
        open: async (c) => (await import("./network/management.ts")).managementScreen(c),
      },
      {
        id: "names",
        label: "network.names.title",
        about: "network.names.about",
        open: async (c) => (await import("./network/names.ts")).namesScreen(c),
      },
      {
        id: "earlier",
        label: "network.earlier.title",
        about: "network.earlier.about",
        open: async (c) => (await import("./network/earlier.ts")).earlierScreen(c),
      },
      {
        id: "consoleProxy",
        label: "proxy.title",
        about: "proxy.about",
        roles: ["management", "none"],
        open: async (c) => (await import("./console-proxy.ts")).consoleProxyScreen(c),
      },
      {
        id: "collect",
        label: "collect.title",
        about: "collect.about",
        open: async (c) => (await import("./collect-logs.ts")).collectLogsScreen(c),
      },
      {
        id: "backup",
        label: "backup.title",
        about: "backup.about",
        roles: ["management", "none"],
        open: async (c) => (await import("./backup.ts")).backupScreen(c),
      },
      {
        id: "service",
        label: "service.title",
        about: "service.about",
        roles: ["management"],
        open: async (c) => (await import("./zstack-service.ts")).zstackServiceScreen(c),
      },
      {
        id: "reset",
        label: "service.title.reset",
        about: "service.about.reset",
        roles: ["management"],
        open: async (c) => (await import("./service-action.ts")).serviceActionScreen(c, "reset"),
      },
      {
        id: "resetDrop",
        label: "service.title.resetDrop",
        about: "service.about.resetDrop",
        roles: ["management"],
        open: async (c) => (await import("./service-action.ts")).serviceActionScreen(c, "resetDrop"),
      },
      {
        id: "terminals",
        label: "terminals.title",
        about: "terminals.about",
        open: async (c) => (await import("./terminals.ts")).terminalsScreen(c),
      },
      {
        id: "language",
        label: "language.title",
        about: "language.about",
        open: async (c) => (await import("./language.ts")).languageScreen(c),
      },
      {
        id: "settings",
        label: "settings.title",
        about: "settings.about",
        open: async (c) => (await import("./settings.ts")).settingsScreen(c),
      },
    ],
  },
  {
    heading: "configuration.watch",
    entries: [
      {
        id: "diagnostics",
        label: "diagnostics.title",
        about: "diagnostics.about",
        open: async (c) => (await import("./diagnostics.ts")).diagnosticsScreen(c),
      },
      {
        id: "cloud",
        label: "cloud.title",
        about: "cloud.about",
        open: async (c) => (await import("./cloud.ts")).cloudScreen(c),
      },
      {
        id: "hardware",
        label: "hardware.title",
        about: "hardware.about",
        open: async (c) => (await import("./hardware.ts")).hardwareScreen(c),
      },
      {
        id: "interfaces",
        label: "interfaces.title",
        about: "interfaces.about",
        open: async (c) => (await import("./interfaces.ts")).interfacesScreen(c),
      },
      {
        id: "disks",
        label: "disks.title",
        about: "disks.about",
        open: async (c) => (await import("./disks.ts")).disksScreen(c),
      },
      {
        id: "services",
        label: "services.title",
        about: "services.about",
        open: async (c) => (await import("./services.ts")).servicesScreen(c),
      },
      {
        id: "machines",
        label: "machines.title",
        about: "machines.about",
        open: async (c) => (await import("./machines.ts")).machinesScreen(c),
      },
      {
        id: "cpu",
        label: "cpu.title",
        about: "cpu.about",
        open: async (c) => (await import("./cpu.ts")).cpuScreen(c),
      },
      {
        id: "memory",
        label: "memory.title",
        about: "memory.about",
        open: async (c) => (await import("./memory.ts")).memoryScreen(c),
      },
      {
        id: "logs",
        label: "logs.title",
        about: "logs.about",
        open: async (c) => (await import("./logs.ts")).logsScreen(c),
      },
      {
        id: "jobs",
        label: "jobs.title",
        about: "jobs.about",
        open: async (c) => (await import("./jobs.ts")).jobsScreen(c),
      },
      {
        id: "audit",
        label: "audit.title",
        about: "audit.about",
        open: async (c) => (await import("./audit.ts")).auditScreen(c),
      },
    ],
  },
];

type Item = Entry & { heading: MessageKey };
const items: readonly Item[] = groups.flatMap(({ heading, entries }) =>
  entries.map((entry) => ({ ...entry, heading })),
);

/**
 * The entries that a node of this role has, in the manual's order. While the role is not known all are there: the agent
 * refuses what is not for this node, and a technician must not look in vain for what would help.
 */
export function entriesOf(role: NodeRole | undefined): readonly Item[] {
  return items.filter(({ roles }) => role === undefined || roles === undefined || roles.includes(role));
}

/**
 * System Configuration: everything behind the password. F2 goes back to the home screen; F12 is the same as there, and the
 * password has been given.
 */
export function configurationScreen(control: Control): Screen {
  const t = (key: MessageKey) => control.view().t(key);
  const opener = new Opener(control);
  const list = new List<Item>({
    items: () => entriesOf(valueOf(control.view().state.facts.identity)?.role),
    id: (item) => item.id,
    text: (item) => t(item.label),
    note: (item) => t(item.about),
    group: (item) => t(item.heading),
    onOpen: (item) => opener.open(() => item.open(control)),
  });
  /** The language whose words the filter was typed for: in another one they would find nothing. */
  let { language } = control.view().t;
  function followLanguage(): void {
    if (control.view().t.language === language) return;
    language = control.view().t.language;
    list.clearFilter();
  }
  return {
    title: "configuration.title",
    help: "help.configuration",
    hints: () => [
      ["Enter", "hint.open"],
      ["/", "hint.filter"],
      ["F2", "hint.lock"],
      ["F12", "hint.power", "spare"],
    ],
    typing: () => list.typing,
    enter() {
      opener.enter();
      followLanguage();
    },
    changed: followLanguage,
    leave: () => opener.leave(),
    draw: (canvas, view) => list.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key(key) {
      if (key.name === "f2") {
        control.goHome();
        return true;
      }
      if (key.name === "f12") {
        opener.open(async () => (await import("./power.ts")).powerScreen(control));
        return true;
      }
      return list.key(key);
    },
  };
}
