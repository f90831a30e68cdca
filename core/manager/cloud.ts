import { setTimeout as pause } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { Backups } from "../backup/backups.ts";
import { consoleActs, type FindProxy } from "../console/access.ts";
import { ConsolePasswords } from "../console/passwords.ts";
import { ConsoleTokens } from "../console/tokens.ts";
import { NodeError } from "../model/error.ts";
import { Secret } from "../model/secret.ts";
import type { CallContext } from "../orchestrator/calls/handler.ts";
import { deciders } from "../orchestrator/calls/index.ts";
import { FirewallKeeper } from "../orchestrator/firewall/keeper.ts";
import { Flows, type FlowsOptions } from "../orchestrator/flow/flows.ts";
import { removeOldTasks, taskRetention } from "../orchestrator/flow/retention.ts";
import type { HostDoor, HostLink } from "../orchestrator/host-link.ts";
import { HostCertificates } from "../orchestrator/hosts/certificates.ts";
import { HostPasswords } from "../orchestrator/hosts/host-passwords.ts";
import { HostKeeper } from "../orchestrator/hosts/keeper.ts";
import { limitedLink } from "../orchestrator/hosts/limited-link.ts";
import { livesOn, observed } from "../orchestrator/hosts/status.ts";
import { StorageWatch } from "../orchestrator/hosts/storage-watch.ts";
import type { HostWorld } from "../orchestrator/hosts/world.ts";
import { type FirstPassword, Identity, Passwords, type PasswordsOptions } from "../orchestrator/identity/index.ts";
import { ImageCaches } from "../orchestrator/images/caches.ts";
import { imagesToExpunge } from "../orchestrator/images/delete.ts";
import { type ImageStore, noImageStore } from "../orchestrator/images/image-store.ts";
import { lookAtStores } from "../orchestrator/images/stores.ts";
import type { ImageWorld } from "../orchestrator/images/world.ts";
import { Mirror } from "../orchestrator/mirror.ts";
import { Records } from "../orchestrator/records.ts";
import { takeInRestored } from "../orchestrator/restored.ts";
import { Retention } from "../orchestrator/retention.ts";
import { ensureSettings, LiveSettings } from "../orchestrator/settings.ts";
import { machineIdle, managerItself, taskEnd, taskStarter } from "../orchestrator/tasks.ts";
import { Allocator } from "../orchestrator/vm/allocator.ts";
import { dueForExpunge } from "../orchestrator/vm/expunge-due.ts";
import { settleMigrations } from "../orchestrator/vm/unsettled.ts";
import { removeVolumeRests } from "../orchestrator/vm/volume-rests.ts";
import type { VmWorld } from "../orchestrator/vm/work.ts";
import { volumesDueForExpunge } from "../orchestrator/volume/expunge-due.ts";
import type { Store } from "../store/store.ts";
import { Audit } from "./audit.ts";
import { callTable } from "./call-table.ts";
import { Dispatcher, type DispatcherOptions } from "./dispatch.ts";
import { flowTable } from "./flow-table.ts";
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
  /** Without it, calls for a console are refused. */
  findProxy?: FindProxy;
  /** Of the steps of tasks; the engine's own unless told. */
  stepLimits?: NonNullable<FlowsOptions["limits"]>;
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
  /** What the console proxy is asked with. */
  readonly consoleTokens: ConsoleTokens;
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

  const hashing = new Passwords(options.passwords ?? {});
  const identity = new Identity({
    records,
    now,
    monotonicMs,
    setting: (id) => settings.number(id),
    onError: (error) => trouble("a session could not be kept up", error),
    passwords: hashing,
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
    moveMachine: async (uuid, signal) => {
      const until = AbortSignal.any([ending.signal, signal]);
      try {
        const { task } = await records.change((tx) => deciders.MigrateVm(tx, { uuid }, itself));
        return (await taskEnd(mirror, task.uuid, until))?.error?.code;
      } catch (error) {
        until.throwIfAborted();
        return error instanceof NodeError ? error.code : "";
      }
    },
  };
  const images: ImageWorld = { records, settings, link, images: options.images ?? noImageStore, newUuid };
  const caches = new ImageCaches(images, trouble);
  const vms: VmWorld = { records, settings, link, newUuid, allocator: new Allocator(records, settings) };
  const stray = (uuid: string, why: string) => log.warn({ uuid, why }, "a host runs a machine that it must not run");
  const table = flowTable({ hosts, vms, images, caches, stray });
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
    ...(options.stepLimits === undefined ? {} : { limits: options.stepLimits }),
  });

  const consoleTokens = new ConsoleTokens({ records, now, identity, trouble });
  const audit = new Audit({ store, now, newUuid, log });
  const dispatching: DispatcherOptions = {
    calls: callTable({
      ...{ flows, store, identity, mirror, passwords, door, version: options.version, images: images.images },
      ...{ backups: options.backups, firstPassword: options.adminPassword },
      consoles: consoleActs(
        consoleTokens,
        new ConsolePasswords({ records, passwords: hashing, monotonicMs }),
        options.findProxy,
      ),
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
      const isWhole = await observed(hosts, host.uuid, await link.machines(host, signal), before, stray);
      // What happened to a machine while something was done with it is looked at when that has ended.
      const isBusy = mirror.find("VmInstance", "hostUuid", host.uuid).some(({ value }) => value.operation !== null);
      return isWhole && !isBusy;
    },
    storages: (host, signal) => storages.look(host, signal),
    onTrouble: trouble,
    monotonicMs,
  });
  keeper.start();
  const unsettled = () =>
    settleMigrations({
      world: vms,
      start: (tx, data, { uuid, name }) => {
        const what = { flow: "settleMigration", data, call: "MigrateVm", resourceUuid: data.vmUuid } as const;
        startTask(tx, { ...what, name, uuid }, itself);
      },
    }).then(() => removeVolumeRests(vms));
  // As soon as a host is back, and not at the next sweep.
  const unsubscribe = mirror.subscribe((changes) => {
    const isBack = changes.some(
      ({ kind, after }) => kind === "Host" && (after === undefined || isConnected(after.value)),
    );
    const isNew = changes.some(({ kind, after }) => kind === "VolumeRest" && after !== undefined);
    const left = mirror.count("Migration") + mirror.count("MigrationRest") + mirror.count("VolumeRest");
    if ((isBack || isNew) && left > 0)
      void unsettled().catch((error: unknown) => trouble("migrations that were cut off are not settled", error));
  });
  const firewalls = new FirewallKeeper({
    world: vms,
    managerUuid: flows.managerUuid,
    onTrouble: trouble,
    pause: (ms, signal) => pause(ms, undefined, { signal }),
  });
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
      { what: "ways to consoles that are over stay", run: () => consoleTokens.sweep() },
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
      { what: "migrations that were cut off are not settled", run: unsettled },
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
    void firewalls.close();
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
    consoleTokens,
    passwords,
    lost: lost.signal,
    sweep: () => sweeper.sweep(),
    async close() {
      unsubscribe();
      consoleTokens.close();
      await sweeper.close();
      ending.abort(new Error("The manager ends."));
      await keeper.close();
      await firewalls.close();
      await flows.close();
      await audit.close();
      await identity.settled();
      await mirror.close();
    },
  };
}

function isConnected(value: object): boolean {
  return "status" in value && value.status === "Connected";
}

/** Calls that somebody whose password has to be changed may make; ValidateSession tells it by itself. */
const alwaysAllowed: ReadonlySet<string> = new Set(["UpdateAccountPassword", "LogOut", "ValidateSession"]);

function authenticator(identity: Identity): DispatcherOptions["authenticate"] {
  return (token, call) => {
    const caller = alwaysAllowed.has(call) ? identity.identify(token) : identity.authenticate(token);
    return { sessionUuid: caller.session.uuid, userUuid: caller.user.uuid, accountName: caller.user.name };
  };
}
