import assert from "node:assert/strict";
import type { ConsoleProxyState } from "../../../core/model/console-proxy.ts";
import { NodeError } from "../../../core/model/error.ts";
import type { NodeRole } from "../../../core/model/facts.ts";
import type { ManagerPasswords } from "../../../core/model/manager-passwords.ts";
import type { Job } from "../../../core/model/records.ts";
import type {
  CloudAtStake,
  Refusal,
  ServiceAction,
  ServiceImpact,
  ServiceState,
  StoreLook,
} from "../../../core/model/service.ts";
import type { Screen } from "../../../tui/screens/screen.ts";
import { type Bed, type BedOptions, bed, clientOf, type Recorded, recordedFacts } from "./support.ts";

export const noManager: Refusal = {
  code: "SERVICE.NO_MANAGER",
  description: "There is no ZStack service here: this image contains no manager.",
  remedy: "Upgrade the node to an image that contains one.",
  values: {},
};
export const runs: Refusal = {
  code: "SERVICE.RUNS",
  description: "The ZStack service runs already.",
  remedy: null,
  values: {},
};
export const units: ServiceState["units"] = [
  { unit: "binnacle-manager.service", active: "active" },
  { unit: "binnacle-console-proxy.service", active: "failed" },
  { unit: "binnacle-ui.service", active: "active" },
];
export const running: ServiceState = {
  units,
  refusals: { start: runs, stop: null, restart: null, reset: null, resetDrop: null },
};
export const without: ServiceState = {
  units: [],
  refusals: { start: noManager, stop: noManager, restart: noManager, reset: noManager, resetDrop: noManager },
};
export const readable: StoreLook = {
  state: "readable",
  records: 1_234,
  hosts: 4,
  machines: 120,
  sizeBytes: 9_400_000,
  keeping: { how: "move", to: "/var/lib/binnacle/kept-stores/2026-11-21T140307Z" },
};
export const hopeless: StoreLook = {
  state: "unreadable",
  why: "file is not a database",
  sizeBytes: 9_400_000,
  keeping: { how: "noRoom", neededBytes: 280_000_000, freeBytes: 12_000_000 },
};

const refusalOf = (code: string, description: string): Refusal => ({ code, description, remedy: null, values: {} });
const embedded = refusalOf("PASSWORDS.EMBEDDED", "The embedded store has no accounts and no password.");
/** A single management node whose manager runs. */
export const singleNode: ManagerPasswords = {
  refusals: { storeAdmin: embedded, storeService: embedded, agentChannel: null, cloudAdmin: null },
  storeUser: null,
  otherManagers: [],
  hosts: 4,
};
/** One of several, whose store is etcd. */
export const withEtcd: ManagerPasswords = {
  refusals: { storeAdmin: null, storeService: null, agentChannel: null, cloudAdmin: null },
  storeUser: "binnacle",
  otherManagers: ["mgmt02"],
  hosts: 4,
};
const absent = refusalOf("PASSWORDS.NO_MANAGER", "There is no manager on this node: this image contains none.");
export const imageWithout: ManagerPasswords = {
  refusals: { storeAdmin: absent, storeService: absent, agentChannel: absent, cloudAdmin: absent },
  storeUser: null,
  otherManagers: [],
  hosts: null,
};

export const known: CloudAtStake = {
  state: "known",
  hosts: { total: 4, connected: 3 },
  machines: { total: 120, running: 96 },
  tasks: { total: 2, names: ["Create machine web-1", "Add host kvm-5"] },
};

export function impactFor(action: ServiceAction, more: Partial<ServiceImpact> = {}): ServiceImpact {
  return {
    action,
    refusal: null,
    units,
    cloud: known,
    machineNames: ["web-1", "web-2", "db-1"],
    limitSeconds: 180,
    store: action === "resetDrop" ? readable : null,
    runningVirtualMachines: 3,
    haRole: "single",
    storageQuorum: null,
    lastBackupAt: 1_795_200_000_000,
    runningJobs: 1,
    otherConsoles: ["ttyS0"],
    uptimeSeconds: 4_000,
    ...more,
  };
}

export const job: Job = {
  id: "1",
  kind: "service.stop",
  subject: "binnacle-manager.service",
  console: "tty1",
  state: "running",
  startedAt: 0,
  endedAt: null,
  progress: 0.4,
  cancellable: false,
  error: null,
  lines: 0,
};

export type Answers = Record<string, unknown>;

/** A console on which each call gets its answer, or fails with it; what was asked is kept. */
export async function consoleWith(answers: Answers, options: Partial<BedOptions> = {}) {
  const made = await bed({ ...(await recordedFacts("bonded-server")), ...options });
  const asked: [string, unknown][] = [];
  const replaced: Screen[] = [];
  const control: Bed["control"] = {
    ...made.control,
    attempt: (action) => action().catch(() => undefined),
    describe: (error) => (error instanceof NodeError ? error.code : String(error)),
    replace: (_screen, next) => void replaced.push(next),
    client: clientOf((call, request) => {
      asked.push([call, request]);
      const answer = answers[call];
      if (answer instanceof Error) throw answer;
      return answer;
    }),
  };
  return { ...made, control, asked, replaced };
}

export const looks = [
  { profile: "rich", language: "en" },
  { profile: "basic", language: "en" },
  { profile: "rich", language: "zh" },
] as const;

/** The recorded management node with another role, or with no manager in its image. */
export async function facts(change: { role?: NodeRole; noManager?: boolean }): Promise<Recorded> {
  const recorded = await recordedFacts("bonded-server");
  const { identity } = recorded.facts;
  assert.ok(identity.state === "value");
  const at = recorded.now;
  const management = {
    state: "missing",
    at,
    why: { code: "notInstalled", detail: "binnacle-manager.service" },
  } as const;
  return {
    ...recorded,
    facts: {
      ...recorded.facts,
      identity: { ...identity, value: { ...identity.value, role: change.role ?? identity.value.role } },
      ...(change.noManager === true ? { management } : {}),
    },
  };
}

export const proxyState: ConsoleProxyState = {
  isSet: false,
  address: "10.0.0.5",
  port: 4900,
  handedOver: true,
  unit: "running",
};
