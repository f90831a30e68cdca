import { setTimeout as pause } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { Backups } from "../backup/backups.ts";
import { type CallInput, cloudCallNames } from "../model/cloud/calls/index.ts";
import { unknownAccount } from "../model/cloud/operations.ts";
import { Secret } from "../model/secret.ts";
import type { CallContext } from "../orchestrator/calls/handler.ts";
import { addImageStore } from "../orchestrator/calls/images.ts";
import { deciders } from "../orchestrator/calls/index.ts";
import { queryReaders, summary } from "../orchestrator/calls/readers.ts";
import { cascadeFlow } from "../orchestrator/cascade.ts";
import { type Flow, FlowTable } from "../orchestrator/flow/flow.ts";
import { Flows } from "../orchestrator/flow/flows.ts";
import { removeOldTasks, taskRetention } from "../orchestrator/flow/retention.ts";
import type { HostDoor, HostLink } from "../orchestrator/host-link.ts";
import { HostCertificates } from "../orchestrator/hosts/certificates.ts";
import { addHostFlow, reconnectHostFlow, renewCertificateFlow } from "../orchestrator/hosts/flows.ts";
import { HostPasswords } from "../orchestrator/hosts/host-passwords.ts";
import { HostKeeper } from "../orchestrator/hosts/keeper.ts";
import { limitedLink } from "../orchestrator/hosts/limited-link.ts";
import { maintainHostFlow } from "../orchestrator/hosts/maintain.ts";
import { livesOn, observed } from "../orchestrator/hosts/status.ts";
import { StorageWatch } from "../orchestrator/hosts/storage-watch.ts";
import { reconnectStorageFlow } from "../orchestrator/hosts/storages.ts";
import type { HostWorld } from "../orchestrator/hosts/world.ts";
import { type FirstPassword, Identity, Passwords, type PasswordsOptions } from "../orchestrator/identity/index.ts";
import { addImageFlow } from "../orchestrator/images/add.ts";
import { ImageCaches } from "../orchestrator/images/caches.ts";
import { ImageCarrier } from "../orchestrator/images/carrier.ts";
import { deleteImageFlow, imagesToExpunge } from "../orchestrator/images/delete.ts";
import { type ImageStore, noImageStore } from "../orchestrator/images/image-store.ts";
import { lookAtStores, reconnectStoreFlow } from "../orchestrator/images/stores.ts";
import type { ImageWorld } from "../orchestrator/images/world.ts";
import { Mirror } from "../orchestrator/mirror.ts";
import { Records, type Tx } from "../orchestrator/records.ts";
import { takeInRestored } from "../orchestrator/restored.ts";
import { Retention } from "../orchestrator/retention.ts";
import { ensureSettings, LiveSettings } from "../orchestrator/settings.ts";
import { machineIdle, managerItself, taskEnd, taskStarter } from "../orchestrator/tasks.ts";
import { Allocator } from "../orchestrator/vm/allocator.ts";
import { createVmFlow, createVmOfImageFlow } from "../orchestrator/vm/create.ts";
import { dueForExpunge } from "../orchestrator/vm/expunge-due.ts";
import { restoreVmFlow } from "../orchestrator/vm/restore.ts";
import {
  destroyVmFlow,
  expungeVmFlow,
  pauseVmFlow,
  rebootVmFlow,
  resumeVmFlow,
  startVmFlow,
  stopVmFlow,
  suspendVmFlow,
} from "../orchestrator/vm/run.ts";
import type { VmWorld } from "../orchestrator/vm/work.ts";
import { volumesDueForExpunge } from "../orchestrator/volume/expunge-due.ts";
import { volumeFlows } from "../orchestrator/volume/flows.ts";
import type { Store } from "../store/store.ts";
import { acts } from "./acts.ts";
import { Audit } from "./audit.ts";
import { type CallTable, Dispatcher, type DispatcherOptions } from "./dispatch.ts";
import { type MaintenanceOptions, maintenance } from "./maintenance.ts";
import { Renewals } from "./renewals.ts";
import { Sweeper } from "./sweeper.ts";

export type CloudOptions = {
  store: Store;
  /** Whether no other manager can have the store open. */
  isAlone: boolean;
  /** Of this manager, for people. */
  hostname: string;
  version: string;
  link: HostLink;
  door: HostDoor;
  /** Without it, calls for image stores and images are refused. */
  images?: ImageStore;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
  newUuid: () => string;
  log: FastifyBaseLogger;
  /** admin's first password, as the installer has kept it. */
  adminPassword?: FirstPassword;
  /** Without it, calls for a backup are refused. */
  backups?: Pick<Backups, "make">;
  passwords?: PasswordsOptions;
  onCallEnd?: DispatcherOptions["onEnd"];
};

/** A whole manager but for its server: everything that a store, links to hosts and a clock are turned into a cloud by. */
export type Cloud = {
  readonly dispatcher: Dispatcher;
  /** What the dispatcher is made of. */
  readonly dispatching: DispatcherOptions;
  readonly records: Records;
  readonly mirror: Mirror;
  readonly identity: Identity;
  readonly settings: LiveSettings;
  readonly flows: Flows;
  /** Of hosts whose tasks wait for their turn. */
  readonly passwords: Pick<HostPasswords, "size">;
  /** Aborted when this manager must end: its place or its store is lost. */
  readonly lost: AbortSignal;
  /** Removes what is over; it is done each minute by itself. */
  sweep(): Promise<void>;
  close(): Promise<void>;
};

/** @throws what the store throws, and what {@link Identity.bootstrap} does */
export async function openCloud(options: CloudOptions): Promise<Cloud> {
  const { store, now, monotonicMs, newUuid, log, door } = options;
  const mirror = await Mirror.open(store, ({ kind, key, why }) =>
    log.error(
      { kind, key, why },
      "a record can't be read: it is left out, and nothing is done with what depends on it",
    ),
  );
  const records = new Records({ store, mirror, now });
  const settings = new LiveSettings(mirror);
  await ensureSettings(records, newUuid);
  const link = limitedLink(options.link, () => settings.number("kvm.host.syncLevel"));
  const trouble = (what: string, error: unknown) => log.error({ err: error }, what);

  const identity = new Identity({
    records,
    now,
    monotonicMs,
    setting: (id) => settings.number(id),
    onError: (error) => trouble("a session could not be kept up", error),
    passwords: new Passwords(options.passwords ?? {}),
  });
  if (await identity.bootstrap(options.adminPassword)) log.info("the account admin was made");

  const passwords = new HostPasswords(mirror);
  const startTask = taskStarter(
    () => flows,
    () => table,
    newUuid,
  );
  const context = { mirror, settings, newUuid, startTask };
  const itself: CallContext = { ...context, caller: managerItself, token: new Secret("") };
  const ending = new AbortController();

  const hosts: HostWorld = {
    records,
    settings,
    link,
    door,
    certificates: new HostCertificates(records, door),
    passwords,
    stopMachine: async (uuid, signal) => {
      const until = AbortSignal.any([ending.signal, signal]);
      await machineIdle(mirror, uuid, until);
      until.throwIfAborted();
      const input = { uuid, type: "grace", noRestart: false } as const;
      const { task } = await records.change((tx) => deciders.StopVmInstance(tx, input, itself));
      await taskEnd(mirror, task.uuid, until);
    },
  };
  const images: ImageWorld = { records, settings, link, images: options.images ?? noImageStore, newUuid };
  const caches = new ImageCaches(images, trouble);
  const vms: VmWorld = { records, settings, link, newUuid, allocator: new Allocator(records, settings) };
  const stray = (uuid: string, why: string) => log.warn({ uuid, why }, "a host runs a machine that it must not run");
  const table = new FlowTable([
    addHostFlow(hosts, stray),
    reconnectHostFlow(hosts, stray),
    renewCertificateFlow(hosts, stray),
    maintainHostFlow(hosts),
    reconnectStorageFlow(hosts),
    createVmFlow(vms),
    createVmOfImageFlow(vms, new ImageCarrier(images)),
    addImageFlow(images),
    deleteImageFlow(images, caches),
    reconnectStoreFlow(images),
    startVmFlow(vms),
    stopVmFlow(vms),
    rebootVmFlow(vms),
    pauseVmFlow(vms),
    suspendVmFlow(vms),
    resumeVmFlow(vms),
    restoreVmFlow(vms),
    destroyVmFlow(vms),
    expungeVmFlow(vms),
    ...volumeFlows(vms),
    cascadeFlow(hosts),
  ] as readonly Flow[]);
  const restored = await takeInRestored({ records, flows: table, onTrouble: trouble });
  if (restored !== undefined)
    log.warn({ hosts: restored }, "a backup was restored: machines can be started when all hosts have been asked");
  const flows: Flows = await Flows.open({
    store,
    records,
    flows: table,
    hostname: options.hostname,
    isAlone: options.isAlone,
    onUnexpected: (error, { task, step }) => log.error({ err: error, task, step }, "a task failed unexpectedly"),
    pause: (ms, signal) => pause(ms, undefined, { signal }),
    random: Math.random,
  });

  const audit = new Audit({ store, now, newUuid, log });
  const dispatching: DispatcherOptions = {
    calls: callTable({
      ...{ flows, store, identity, mirror, passwords, door, version: options.version, images: images.images },
      ...{ backups: options.backups, firstPassword: options.adminPassword },
    }),
    records,
    store,
    audit,
    context,
    authenticate: authenticator(identity),
    ...(options.onCallEnd === undefined ? {} : { onEnd: options.onCallEnd }),
  };
  const storages = new StorageWatch({ world: hosts, monotonicMs });
  const keeper = new HostKeeper({
    world: hosts,
    managerUuid: flows.managerUuid,
    reconnect: async (uuid) => void (await records.change((tx) => deciders.ReconnectHost(tx, { uuid }, itself))),
    observe: async (host, signal) => {
      const before = livesOn(mirror, host.uuid);
      await observed(hosts, host.uuid, await link.machines(host, signal), before, stray);
    },
    storages: (host, signal) => storages.look(host, signal),
    onTrouble: trouble,
    monotonicMs,
  });
  keeper.start();
  const retention = new Retention({ store, now, setting: (id) => settings.number(id) });
  const renewals = new Renewals({
    mirror,
    now,
    renew: (uuid) =>
      records
        .change((tx) => deciders.RenewHostCertificate(tx, { uuid }, itself))
        .then(() => undefined)
        .catch((error: unknown) => trouble(`the certificate of host ${uuid} is not renewed`, error)),
  });
  const sweeper = new Sweeper({
    mirror,
    managerUuid: flows.managerUuid,
    monotonicMs,
    each: [
      { what: "sessions that are over could not be removed", run: () => identity.endExpired() },
      { what: "the figures of storages are not brought up to date", run: () => storages.sumUp() },
    ],
    one: [
      { what: "old tasks stay", run: () => removeOldTasks(records, taskRetention(settings), now()) },
      { what: "old records of the audit stay", run: () => retention.sweep() },
      {
        what: "machines that were deleted long ago are not expunged",
        everyMs: () => settings.number("vm.expungeInterval") * 1000,
        run: async () => {
          // One that is refused, such as a locked one, holds up no other.
          for (const uuid of dueForExpunge(mirror, settings, now()))
            await records
              .change((tx) => deciders.ExpungeVmInstance(tx, { uuid }, itself))
              .catch((error: unknown) => trouble(`the machine ${uuid} is not expunged`, error));
        },
      },
      {
        what: "data volumes that were deleted long ago are not expunged",
        everyMs: () => settings.number("vm.expungeInterval") * 1000,
        run: async () => {
          for (const uuid of volumesDueForExpunge(mirror, settings, now()))
            await records
              .change((tx) => deciders.ExpungeDataVolume(tx, { uuid }, itself))
              .catch((error: unknown) => trouble(`the volume ${uuid} is not expunged`, error));
        },
      },
      { what: "the certificates of hosts are not renewed", run: () => renewals.look() },
      { what: "image stores are not looked at", run: () => lookAtStores(images) },
      {
        what: "images that were deleted long ago are not expunged",
        everyMs: () => settings.number("image.expungeInterval") * 1000,
        run: async () => {
          for (const uuid of imagesToExpunge(mirror, settings, now()))
            await records
              .change((tx) => deciders.ExpungeImage(tx, { uuid }, itself))
              .catch((error: unknown) => trouble(`the image ${uuid} is not expunged`, error));
        },
      },
      { what: "images that nothing needs stay in the caches of hosts", run: () => caches.clean(ending.signal) },
    ],
    onTrouble: trouble,
  });
  sweeper.start();
  const lost = new AbortController();
  flows.lost.addEventListener("abort", () => lost.abort(flows.lost.reason), { once: true });
  mirror.ended.catch((error: unknown) => lost.abort(error));
  // Without its place it decides nothing more, also in the time in which it answers what it was asked before it ends.
  lost.signal.addEventListener("abort", () => {
    ending.abort(lost.signal.reason);
    void keeper.close();
    void sweeper.close();
  });

  return {
    dispatcher: new Dispatcher(dispatching),
    dispatching,
    records,
    mirror,
    identity,
    settings,
    flows,
    passwords,
    lost: lost.signal,
    sweep: () => sweeper.sweep(),
    async close() {
      await sweeper.close();
      ending.abort(new Error("The manager ends."));
      await keeper.close();
      await flows.close();
      await audit.close();
      await identity.settled();
      await mirror.close();
    },
  };
}

type TableParts = MaintenanceOptions & {
  flows: Flows;
  store: Store;
  mirror: Mirror;
  passwords: HostPasswords;
  door: HostDoor;
  version: string;
  images: ImageStore;
};

/** What carries out each call; a call of the table without it is a mistake that is found at the start. */
function callTable(parts: TableParts): CallTable {
  const { flows, store, identity, mirror, passwords, door, version } = parts;
  const more = { ...acts(identity, mirror, passwords), ...maintenance(parts) };
  const calls = {
    ...Object.fromEntries(Object.entries(deciders).map(([name, decide]) => [name, { decide }])),
    ...Object.fromEntries(Object.entries(more).map(([name, act]) => [name, { act }])),
    ...queryReaders(store),
    LogInByAccount: {
      act: more.LogInByAccount,
      accountOf: ({ accountName }: CallInput<"LogInByAccount">) =>
        identity.isUserName(accountName) ? accountName : unknownAccount,
    },
    AddImageStoreBackupStorage: {
      act: (
        input: CallInput<"AddImageStoreBackupStorage">,
        context: CallContext,
        change: (decide: (tx: Tx) => object) => Promise<object>,
      ) => addImageStore(parts.images, mirror, input, context, change),
    },
    CancelTask: {
      decide: (tx, { uuid }: { uuid: string }) => {
        flows.cancel(tx, uuid);
        return { inventory: tx.need("Task", uuid) };
      },
    },
    GetHostFingerprint: {
      read: async ({ managementIp }: { managementIp: string }) => ({
        fingerprint: await door.fingerprint(managementIp),
      }),
    },
    GetVersion: { read: () => ({ product: "Binnacle", version, api: "v1" }) },
    IsReady: { read: () => ({ ready: !flows.lost.aborted }) },
    GetManagementSummary: { read: () => summary(mirror) },
    ValidateSession: {
      read: (_input: object, { token }) => {
        const { session, user } = identity.authenticate(token);
        return { session, user };
      },
    },
  } satisfies CallTable;
  const missing = cloudCallNames.filter((name) => !Object.hasOwn(calls, name));
  if (missing.length > 0) throw new Error(`Nothing carries out ${missing.join(", ")}.`);
  return calls;
}

/** Calls that somebody whose password has to be changed may make; ValidateSession tells it by itself. */
const alwaysAllowed: ReadonlySet<string> = new Set(["UpdateAccountPassword", "LogOut", "ValidateSession"]);

function authenticator(identity: Identity): DispatcherOptions["authenticate"] {
  return (token, call) => {
    const caller = alwaysAllowed.has(call) ? identity.identify(token) : identity.authenticate(token);
    return { sessionUuid: caller.session.uuid, userUuid: caller.user.uuid, accountName: caller.user.name };
  };
}
