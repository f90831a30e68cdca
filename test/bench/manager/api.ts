import { setTimeout as pause } from "node:timers/promises";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { daemonPassword, type ManagerDaemon } from "../../support/cloud/daemon.ts";
import type { RootClient } from "../../support/cloud/root-client.ts";
import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import type { Bare } from "./bare.ts";
import { load, type Outcome, type Plan } from "./load.ts";

/* What the API does in a second, beside a route that does nothing, each by turns with the other. */

export type ApiBed = {
  daemon: ManagerDaemon;
  door: RootClient;
  bare: Bare;
  through: readonly string[];
  machines: readonly string[];
  isQuick: boolean;
};

/** As many as an administrator's programs and consoles may have; few enough that an answer's time is its own. */
const connections = { reads: 32, writes: 64 };

/** A token for calls over TLS. */
export async function token(door: RootClient): Promise<string> {
  const { session } = await door.call("LogInByAccount", { accountName: "admin", password: daemonPassword });
  return session.token;
}

type Kind = "reads" | "writes";
export type Rates = Record<"ours" | "bare", Outcome[]>;

/** `isTls`: with a session over TLS; otherwise at root's door, without either. */
export async function rates(bed: ApiBed, kind: Kind, isTls: boolean, rounds = bed.isQuick ? 1 : 3): Promise<Rates> {
  const { daemon, bare, through, machines, isQuick } = bed;
  const headers: Record<string, string> = isTls ? { authorization: `Bearer ${await token(bed.door)}` } : {};
  const common = {
    isTls,
    headers,
    connections: connections[kind],
    warmUpMs: isQuick ? 200 : 1000,
    ms: isQuick ? 500 : 4000,
    method: kind === "reads" ? "GET" : "PUT",
    ...(kind === "reads" ? {} : { body: '{"description":"changed %n"}' }),
    statuses: [200],
  } satisfies Partial<Plan>;
  const plans: Record<keyof Rates, Plan> = {
    ours: {
      ...common,
      to: isTls ? { port: daemon.apiPort } : { socketPath: daemon.socketPath },
      paths: machines.map((uuid) => `/v1/vm-instances/${uuid}`),
    },
    bare: {
      ...common,
      to: isTls ? { port: bare.port } : { socketPath: bare.socketPath },
      paths: machines.map((uuid) => `/v1/bare/${uuid}`),
    },
  };
  const found: Rates = { ours: [], bare: [] };
  for (let round = 0; round < rounds; round++)
    for (const who of ["bare", "ours"] as const) found[who].push(await load(plans[who], through));
  return found;
}

export function perSecond(outcomes: readonly Outcome[]): number {
  return medianOf(outcomes.map((each) => each.perSecond));
}

/** The rate, its share of the bare route's, and the time of the slowest hundredth. */
export function rateFigures(
  name: string,
  { ours, bare }: Rates,
  goals: { share?: string; p99?: string },
  note: string,
) {
  const [own, reference] = [perSecond(ours), perSecond(bare)];
  const p99 = spreadOf(ours.map(({ p99Ms }) => p99Ms));
  return [
    figure(`${name}.perSecond`, own, "calls/s", {
      reference: { name: "bare fastify route", value: reference },
      spread: spreadOf(ours.map((each) => each.perSecond)),
      note,
    }),
    figure(`${name}.shareOfBare`, (100 * own) / reference, "%", { goal: goals.share ?? null }),
    figure(`${name}.p99`, p99.median, "ms", { goal: goals.p99 ?? null, spread: p99 }),
  ];
}

const queries: Readonly<Record<string, readonly [CloudCallName, object]>> = {
  pattern: ["QueryVmInstance", { q: ["name~=%web-77%"] }],
  nested: ["QueryVmInstance", { q: ["vmNics.ip~=%.77"] }],
  nestedAndPattern: ["QueryVmInstance", { q: ["name~=%web-77%", "host.name~=kvm-7%"], sortBy: "name" }],
  hostOfAddress: ["QueryHost", { q: ["vmInstance.vmNics.ip=10.1.45.17"] }],
};

/** The first page of queries, from asking to the answer. */
export async function queryFigures({ door, isQuick }: ApiBed): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, [call, input]] of Object.entries(queries)) {
    const times: number[] = [];
    for (let n = 0; n < (isQuick ? 3 : 15); n++) {
      const from = performance.now();
      await door.call(call, input);
      times.push(performance.now() - from);
    }
    const parts = { goal: "<= 100", spread: spreadOf(times), note: JSON.stringify([call, input]) };
    figures.push(figure(`query.${name}`, spreadOf(times).median, "ms", parts));
  }
  return figures;
}

/** From the answer of a change until a stream tells of it. */
export async function eventFigure({ door, machines, isQuick }: ApiBed): Promise<Figure> {
  const [uuid = ""] = machines;
  const times: number[] = [];
  const rounds = isQuick ? 3 : 20;
  let [from, wanted] = [0, "no change yet"];
  const seen = { tell: () => undefined as unknown };
  const following = (async () => {
    let text = "";
    for await (const part of door.events("/v1/events?kinds=VmInstance")) {
      text = `${text}${part}`.slice(-100_000);
      if (!text.includes(wanted)) continue;
      times.push(performance.now() - from);
      wanted = "no change yet";
      seen.tell();
      if (times.length === rounds) return;
    }
  })();
  for (let n = 0; n < rounds; n++) {
    const told = new Promise<unknown>((resolve) => {
      seen.tell = () => resolve(undefined);
    });
    // Not in step with the stream's own beat.
    await pause(137);
    wanted = `told ${n} ${from}`;
    from = performance.now();
    await door.call("UpdateVmInstance", { uuid, description: wanted });
    await told;
  }
  await following;
  const note =
    "from the call of a change until a stream has told of it; changes of a quarter of a second are told together";
  return figure("event.latency", spreadOf(times).median, "ms", { goal: "<= 2000", spread: spreadOf(times), note });
}
