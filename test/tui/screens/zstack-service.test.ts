import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { type NodeRole, nodeRoles } from "../../../core/model/facts.ts";
import { serviceActions } from "../../../core/model/service.ts";
import { en } from "../../../tui/i18n/en.ts";
import { channelScreen } from "../../../tui/screens/channel.ts";
import { cloudPasswordScreen } from "../../../tui/screens/cloud-password.ts";
import { configurationScreen, entriesOf } from "../../../tui/screens/configuration.ts";
import { consoleProxyScreen } from "../../../tui/screens/console-proxy.ts";
import { passwordsScreen } from "../../../tui/screens/passwords.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { serviceActionScreen } from "../../../tui/screens/service-action.ts";
import { storePasswordScreen } from "../../../tui/screens/store-password.ts";
import { zstackServiceScreen } from "../../../tui/screens/zstack-service.ts";
import { matchesGoldenLines } from "../../support/golden.ts";
import { press } from "../widgets/support.ts";
import {
  type Answers,
  consoleWith,
  facts,
  hopeless,
  imageWithout,
  impactFor,
  job,
  looks,
  noManager,
  proxyState,
  running,
  singleNode,
  withEtcd,
  without,
} from "./service-bed.ts";
import { type Bed, type BedOptions, untilAnswered } from "./support.ts";

const frames: [name: string, answers: Answers, make: (control: Bed["control"]) => Screen, Partial<BedOptions>?][] = [
  ["service", { service: running }, zstackServiceScreen],
  ["service-no-manager", { service: without }, zstackServiceScreen],
  ...serviceActions.map((action): (typeof frames)[number] => [
    `service-${action}`,
    { serviceImpact: impactFor(action) },
    (control) => serviceActionScreen(control, action),
  ]),
  [
    "service-resetDrop-hopeless",
    { serviceImpact: impactFor("resetDrop", { store: hopeless, lastBackupAt: null, otherConsoles: [] }) },
    (control) => serviceActionScreen(control, "resetDrop"),
  ],
  [
    "service-reset-refused",
    { serviceImpact: impactFor("reset", { refusal: noManager }) },
    (control) => serviceActionScreen(control, "reset"),
  ],
  ["console-proxy", { consoleProxy: proxyState }, consoleProxyScreen],
  [
    "console-proxy-absent",
    { consoleProxy: { isSet: true, address: "192.0.2.7", port: 5900, unit: "absent" } },
    consoleProxyScreen,
  ],
  ["passwords-menu", { managerPasswords: singleNode }, passwordsScreen],
  ["passwords-cloud", {}, cloudPasswordScreen],
  ["passwords-channel", {}, (control) => channelScreen(control, singleNode)],
  ["passwords-store", {}, (control) => storePasswordScreen(control, "storeService", withEtcd)],
  [
    "service-resetDrop-silent",
    { serviceImpact: impactFor("resetDrop", { cloud: { state: "silent", why: "nothing listens yet" } }) },
    (control) => serviceActionScreen(control, "resetDrop"),
  ],
];

describe("the screen", () => {
  for (const [name, answers, make] of frames)
    for (const { profile, language } of looks)
      test(`${name} is laid out, ${profile}, ${language}`, async () => {
        const made = await consoleWith(answers, { language, rich: profile === "rich" });
        const screen = make(made.control);
        made.control.open(screen);
        await settled(made.asked, answers);
        matchesGoldenLines(made.lines(screen), { machine: "service", screen: name, size: "80x24", profile, language });
      });

  for (const { profile, language } of looks)
    test(`of passwords says why there are none without a manager, ${profile}, ${language}`, async () => {
      const answers = { managerPasswords: imageWithout };
      const made = await consoleWith(answers, {
        ...(await facts({ noManager: true })),
        language,
        rich: profile === "rich",
      });
      const screen = passwordsScreen(made.control);
      made.control.open(screen);
      await settled(made.asked, answers);
      press(screen, "down", "enter");
      const shown = made.opened.at(-1) ?? screen;
      assert.notEqual(shown, screen);
      const golden = { machine: "service", screen: "passwords-no-manager", size: "80x24", profile, language } as const;
      matchesGoldenLines(made.lines(shown), golden);
    });
});

/** Every call that the screen makes has been answered. */
async function settled(asked: readonly unknown[], answers: Answers): Promise<void> {
  // A form asks for nothing.
  if (Object.keys(answers).length === 0) return;
  await untilAnswered(
    () => asked.length > 0,
    () => "",
  );
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the list of System Configuration", () => {
  const labels = (role: NodeRole | undefined): string[] => entriesOf(role).map(({ label }) => en[label]);
  const ofManagement = [
    "Configure Console Proxy",
    "Start/Stop/Restart ZStack Service",
    "Reset ZStack Service",
    "Reset ZStack Service & Drop Database",
  ];

  test("has the manual's entries in its order on a management node", () => {
    const ours = ["Change Passwords", "Test Network", ...ofManagement, "Terminal Info"];
    assert.deepEqual(
      labels("management").filter((label) => ours.includes(label)),
      ours,
    );
  });

  for (const role of nodeRoles)
    test(`of a node with the role ${role} has what works there`, () => {
      const shown = labels(role);
      for (const label of ["Change Passwords", "Test Network", "Terminal Info", "Services", "Audit"])
        assert.ok(shown.includes(label), label);
      const expected = role === "management" ? ofManagement : role === "none" ? ofManagement.slice(0, 1) : [];
      assert.deepEqual(
        shown.filter((label) => ofManagement.includes(label)),
        expected,
      );
    });

  test("hides nothing while the role is not known", () => {
    assert.deepEqual(labels(undefined), labels("management"));
  });

  test("changes when the role becomes known", async () => {
    const { control, lines, change } = await consoleWith({}, await facts({ role: "expert" }));
    const screen = configurationScreen(control);
    control.open(screen);
    assert.ok(!lines(screen, 80, 40).join("\n").includes("ZStack"));
    change((await facts({ role: "management" })).facts);
    assert.ok(lines(screen, 80, 40).join("\n").includes("Reset ZStack Service & Drop Database"));
  });

  for (const role of ["management", "compute", "storage", "expert", "none"] as const)
    for (const { profile, language } of looks)
      test(`is laid out for ${role}, ${profile}, ${language}`, async () => {
        const made = await consoleWith({}, { ...(await facts({ role })), language, rich: profile === "rich" });
        const screen = configurationScreen(made.control);
        const golden = {
          machine: "service",
          screen: `configuration-${role}`,
          size: "80x24",
          profile,
          language,
        } as const;
        matchesGoldenLines(made.lines(screen), golden);
      });
});

describe("Change Passwords", () => {
  const opened = async (answers: Answers, make: (control: Bed["control"]) => Screen) => {
    const made = await consoleWith(answers);
    const screen = make(made.control);
    made.control.open(screen);
    return {
      ...made,
      screen,
      text: () =>
        made
          .lines(made.opened.at(-1) ?? screen)
          .join("\n")
          .replace(/\s+/g, " "),
    };
  };

  test("asks in its question for what else has to be done: a restart, and other management nodes", async () => {
    const { screen, text, asked } = await opened({ startStorePasswordJob: job }, (control) =>
      storePasswordScreen(control, "storeService", withEtcd),
    );
    press(screen, "authority", "tab", "A-new-secret-5", "tab", "A-new-secret-5", "tab", "enter");
    assert.match(text(), /Other management nodes use the same store: mgmt02/);
    assert.match(text(), /password of binnacle in the store\? The manager is restarted/);
    assert.deepEqual(asked, []);
  });

  test("of the store's root restarts nothing, unless the manager is root there", async () => {
    for (const [storeUser, restarts] of [
      ["binnacle", false],
      ["root", true],
    ] as const) {
      const { screen, text } = await opened({}, (control) =>
        storePasswordScreen(control, "storeAdmin", { ...withEtcd, storeUser }),
      );
      press(screen, "authority", "tab", "A-new-secret-5", "tab", "A-new-secret-5", "tab", "enter");
      assert.equal(/is restarted/.test(text()), restarts, storeUser);
    }
  });

  test("says a wrong authority at the form, takes it away, and keeps the new password", async () => {
    const {
      screen,
      text,
      opened: screens,
      asked,
    } = await opened({ changeCloudPassword: new NodeError("AUTH.WRONG_PASSWORD", "") }, cloudPasswordScreen);
    press(screen, "wrong-one", "tab", "A-new-secret-5", "tab", "A-new-secret-5", "tab", "tab", "enter");
    const question = screens.at(-1);
    assert.ok(question !== undefined && question !== screen);
    press(question, "y");
    await untilAnswered(() => text().includes("AUTH.WRONG_PASSWORD"), text);
    press(screen, "right-one", "tab", "tab", "tab", "tab", "enter");
    press(screens.at(-1) ?? screen, "y");
    await untilAnswered(() => asked.length === 2, text);
    const bodies = asked.map(([, request]) => request);
    assert.deepEqual(bodies, [
      { body: { root: "wrong-one", new: "A-new-secret-5", mustChange: false } },
      { body: { root: "right-one", new: "A-new-secret-5", mustChange: false } },
    ]);
  });

  test("is the form for root alone on every node but a management node", async () => {
    for (const role of ["compute", "storage", "expert", "none"] as const) {
      const { control, lines } = await consoleWith({}, await facts({ role }));
      assert.match(lines(passwordsScreen(control)).join("\n"), /System root[\s\S]*New password again/, role);
    }
  });

  test("opens the form for root from the menu", async () => {
    const { control, lines, opened } = await consoleWith({});
    const screen = passwordsScreen(control);
    control.open(screen);
    press(screen, "enter");
    assert.match(lines(opened.at(-1) ?? screen).join("\n"), /New password again/);
  });
});
