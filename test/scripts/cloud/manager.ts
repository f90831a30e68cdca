import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Audit } from "../../../core/manager/audit.ts";
import { Dispatcher } from "../../../core/manager/dispatch.ts";
import { createCloudServer } from "../../../core/manager/server.ts";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { CloudError, refusalOf } from "../../../core/model/cloud/refusal.ts";
import { type ResourceKind, resources } from "../../../core/model/cloud/resources.ts";
import { createLog } from "../../../core/node/log.ts";
import type { CallContext } from "../../../core/orchestrator/calls/handler.ts";
import { deciders } from "../../../core/orchestrator/calls/index.ts";
import { queryReaders } from "../../../core/orchestrator/calls/readers.ts";
import type { Tx } from "../../../core/orchestrator/records.ts";
import { type CloudBed, cloudBed, newUuid, noTasks } from "../../core/orchestrator/bed.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* The API's server over TLS on a real store. Log-in and tasks are as much of them as the tests need. */

export type ManagerBed = CloudBed & {
  port: number;
  caFile: string;
  /** Ends all sessions. */
  expire(): void;
  /** What a task tells besides its record: its error or result. */
  taskMore: Map<string, object>;
  /** The password of admin; it has to be changed when `mustChange` is set. */
  account: { password: string; mustChange: boolean; mostSessions: number };
  /** Sessions that live. */
  sessions: ReadonlyMap<string, string>;
  /** The given answer comes instead of the real one until it is taken away. */
  instead: {
    reply: ((url: string) => { status: number; body: string | Buffer } | "silence" | "break" | undefined) | undefined;
    /** So many connections break when the call is done, before its answer. */
    breaksAfter: number;
  };
  /** The log of what was asked: method, URL. */
  asked: string[];
};

export async function managerBed(t: TestContext): Promise<ManagerBed> {
  const bed = await cloudBed(t);
  const { store, records, mirror, settings, clock } = bed;
  const tls = certificate(t);
  const sessions = new Map<string, string>();
  const account = { password: "correct horse battery", mustChange: false, mostSessions: 500 };
  const taskMore = new Map<string, object>();
  const userUuid = newUuid();
  const log = createLog({ level: "silent" });
  const audit = new Audit({ store, now: () => clock.now, newUuid, log });
  undoAfter(t, () => audit.close());
  const kinds = Object.keys(resources) as ResourceKind[];
  const found = (kind: ResourceKind, uuid: string) => {
    const record = mirror.get(kind, uuid);
    if (record !== undefined) return { ...record.value, ...taskMore.get(uuid) };
    const details = "No resource has this uuid.";
    throw new CloudError(refusalOf("SYS.1005", { where: kind, details, remedy: "Query it first." }));
  };
  const calls = {
    ...Object.fromEntries(Object.entries(deciders).map(([name, decide]) => [name, { decide }])),
    ...queryReaders(store),
    ...Object.fromEntries(
      kinds.map((kind) => [`Get${kind}`, { read: ({ uuid }: { uuid: string }) => ({ inventory: found(kind, uuid) }) }]),
    ),
    GetVersion: { read: () => ({ product: "Binnacle", version: "1.2.3", api: "v1" }) },
    DeleteZone: { decide: (tx: Tx, { uuid }: { uuid: string }) => ({ task: newTask(tx, "DeleteZone", uuid) }) },
    ReconnectHost: { decide: (tx: Tx, { uuid }: { uuid: string }) => ({ task: newTask(tx, "ReconnectHost", uuid) }) },
    ChangeHostState: {
      decide: (tx: Tx, input: CallInput<"ChangeHostState">) =>
        deciders.ChangeHostState(tx, input, {
          ...bed.context,
          startTask: (_tx, { call, resourceUuid }) => newTask(tx, call, resourceUuid),
        }),
    },
    LogInByAccount: {
      act: async ({ accountName, password }: CallInput<"LogInByAccount">) => {
        if (accountName !== "admin" || password !== account.password) throw wrongPassword();
        if (sessions.size >= account.mostSessions) {
          const details = `admin has ${sessions.size} sessions.`;
          throw new CloudError(refusalOf("IDENTITY.1008", { where: "User admin", details, remedy: "Log out." }));
        }
        const [token, uuid] = [randomBytes(32).toString("base64url"), newUuid()];
        sessions.set(token, uuid);
        const expiresAt = clock.now + 7_200_000;
        return { session: { uuid, token, userUuid, expiresAt, mustChangePassword: account.mustChange } };
      },
    },
    LogOut: {
      act: async (_input: object, { caller }: CallContext) => {
        for (const [token, uuid] of sessions) if (uuid === caller.sessionUuid) sessions.delete(token);
        return {};
      },
    },
    UpdateAccountPassword: {
      act: async ({ oldPassword, newPassword }: CallInput<"UpdateAccountPassword">) => {
        if (oldPassword !== account.password) throw wrongPassword();
        account.password = newPassword;
        account.mustChange = false;
        return {};
      },
    },
  };
  const dispatcher = new Dispatcher({
    calls: calls as ConstructorParameters<typeof Dispatcher>[0]["calls"],
    records,
    store,
    audit,
    context: { mirror, settings, newUuid, startTask: noTasks },
    authenticate: (token) => {
      const sessionUuid = sessions.get(token.reveal());
      if (sessionUuid !== undefined) return { sessionUuid, userUuid, accountName: "admin" };
      const details = "The session is over.";
      throw new CloudError(refusalOf("IDENTITY.1001", { where: "session", details, remedy: "Log in." }));
    },
  });
  const { server } = createCloudServer({ dispatcher, log, tls, mirror, authenticate: () => undefined });
  const asked: string[] = [];
  const instead: ManagerBed["instead"] = { reply: undefined, breaksAfter: 0 };
  server.addHook("onSend", async (request) => {
    if (instead.breaksAfter > 0) request.raw.socket.destroy();
    instead.breaksAfter -= 1;
  });
  server.addHook("onRequest", async (request, reply) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = instead.reply?.(request.url);
    if (answer === undefined) return;
    reply.hijack();
    if (answer === "break") request.raw.socket.destroy();
    else if (answer !== "silence")
      reply.raw.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
  });
  await server.listen({ port: 0, host: "127.0.0.1" });
  undoAfter(t, () => {
    server.server.closeAllConnections();
    return server.close();
  });
  const address = server.server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server has no address.");
  const more = { expire: () => sessions.clear(), sessions, taskMore, account, instead, asked };
  return { ...bed, port: address.port, caFile: tls.caFile, ...more };
}

function newTask(tx: Tx, call: string, resourceUuid: string | null) {
  return tx.insert("Task", {
    uuid: newUuid(),
    name: call,
    description: null,
    call,
    resourceUuid,
    sessionUuid: null,
    state: "Running",
    progress: 40,
    step: "stop machines",
    cancellable: true,
    startDate: tx.now,
    endDate: null,
    result: null,
    error: null,
  });
}

function wrongPassword(): CloudError {
  const details = "No user has this name and this password.";
  return new CloudError(refusalOf("SYS.1002", { where: "log-in", details, remedy: "Give the right ones." }));
}

function certificate(t: TestContext): { key: string; cert: string; caFile: string } {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const [keyFile, caFile] = [join(folder.path, "key.pem"), join(folder.path, "ca.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"],
    ...["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:mgmt-1", "-keyout", keyFile, "-out", caFile],
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  return { key: readFileSync(keyFile, "utf8"), cert: readFileSync(caFile, "utf8"), caFile };
}
