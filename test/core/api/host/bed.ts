import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Duplex, PassThrough } from "node:stream";
import type { TestContext } from "node:test";
import { type HostJoinRequest, HttpsHostDoor } from "../../../../core/api/host/door.ts";
import { type HostPatience, HttpsHostLink } from "../../../../core/api/host/link.ts";
import { noImages } from "../../../../core/hypervisor/none.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { writeDurably } from "../../../../core/node/durable.ts";
import { Joining } from "../../../../core/node/host/joining.ts";
import { Membership } from "../../../../core/node/host/membership.ts";
import { createHostServer, type HostServer, type HostServerOptions } from "../../../../core/node/host/server.ts";
import type { HostWork } from "../../../../core/node/host/work.ts";
import { createLog } from "../../../../core/node/log.ts";
import { readIfThere, realMachine } from "../../../../core/node/machine.ts";
import { ensureCertificates } from "../../../../core/node/role/certificates.ts";
import { realWorld } from "../../../../core/node/role/world.ts";
import type { HostReport } from "../../../../core/orchestrator/host-link.ts";
import { Authority } from "../../../../core/pki/authority.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";

export const rightPassword = "Correct-Horse-9";
export const machine = realMachine();
const files = {
  run: machine.run,
  read: (file: string) => readIfThere(machine, file),
  write: (file: string, text: string, mode: number) => writeDurably(file, text, mode),
};

/** Hosts of one test listen on the same port of different addresses of this computer, as those of a cloud do. */
let lastAddress = 1;

export const report: HostReport = {
  hostname: "node01",
  bootId: "0d9c7a3e-1111-4222-8333-444455556666",
  version: "1.2.3",
  protocol: 1,
  driver: "simulated",
  cpuCores: 8,
  cpuModel: "",
  memoryTotalBytes: 2 ** 34,
  tags: ["os::distribution::debian"],
};

export type HostBed = Awaited<ReturnType<typeof hostBed>>;

/** A node with the real end of the channel. `restart` ends it as a crash does: without a word, keeping its files. */
export async function hostBed(t: TestContext, more: { port?: number; address?: string } = {}) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  lastAddress += 1;
  const address = more.address ?? `127.0.0.${lastAddress}`;
  const uuid = `${"0".repeat(9)}${String(lastAddress).padStart(3, "0")}4${"0".repeat(3)}8${"0".repeat(15)}`;
  const tls = join(folder.path, "etc/binnacle/tls");
  mkdirSync(tls, { recursive: true });
  const world = realWorld(machine, folder.path);
  await world.write(world.paths.hostUuid, "11111111-2222-4333-8444-555555555555\n", 0o644);
  await ensureCertificates(world, "compute");
  const commands: unknown[] = [];
  const node = {
    checked: 0,
    passwords: async (password: Secret) => {
      node.checked += 1;
      return password.reveal() === rightPassword;
    },
    time: 1_000_000,
    work: {
      report: async () => report,
      machines: async () => [],
      storage: async () => ({ totalBytes: 0, availableBytes: 0 }),
      storageLock: async () => "absent" as const,
      keepStorages: async () => undefined,
      volume: async () => ({ sizeBytes: 0, actualBytes: 0 }),
      volumePiece: async () => ({ totalBytes: 3, content: new Uint8Array([1, 2, 255]) }),
      carryOut: async (request: unknown) => void commands.push(request),
      changed: async () => "1",
      openConsole: async () => new PassThrough() as Duplex,
      images: noImages,
    } as Omit<HostWork, "logs"> as HostWork,
    patience: {} as NonNullable<HostServerOptions["patience"]>,
    write: undefined as ((file: string, text: string) => Promise<void>) | undefined,
  };
  let server: HostServer | undefined;
  let membership: Membership | undefined;
  let port = more.port ?? 0;
  const start = async () => {
    membership = await Membership.open({
      machine,
      folder: tls,
      write: (file, text) => (node.write ?? writeDurably)(file, text),
    });
    const joining = new Joining({
      membership,
      checkPassword: (password) => node.passwords(password),
      run: machine.run,
      folder: tls,
      monotonicMs: () => node.time,
    });
    server = await createHostServer({
      membership,
      joining,
      work: {
        report: () => node.work.report(),
        machines: () => node.work.machines(),
        storage: (place) => node.work.storage(place),
        storageLock: (probe) => node.work.storageLock(probe),
        keepStorages: (uuids) => node.work.keepStorages(uuids),
        volume: (place) => node.work.volume(place),
        volumePiece: (path, range) => node.work.volumePiece(path, range),
        carryOut: (r) => node.work.carryOut(r),
        openConsole: (uuid, kind, signal) => node.work.openConsole(uuid, kind, signal),
        changed: (known, holdMs, signal) => node.work.changed(known, holdMs, signal),
        images: {
          progress: (image) => node.work.images.progress(image),
          write: (image, offset, content) => node.work.images.write(image, offset, content),
        },
        admit: (visit, signal) => node.work.admit?.(visit, signal) ?? Promise.reject(new Error("nobody is there")),
        logs: node.work.logs,
      },
      version: "1.2.3",
      hostname: async () => "node01",
      bootId: async () => report.bootId,
      now: () => Date.now(),
      log: createLog({ level: "silent" }),
      patience: node.patience,
    });
    port = (await server.listen(port, address)).port;
  };
  await start();
  undoAfter(t, () => server?.close());
  return {
    node,
    uuid,
    address,
    tls,
    commands,
    get port() {
      return port;
    },
    get host() {
      return { uuid, managementIp: address };
    },
    get membership(): Membership {
      if (membership === undefined) throw new Error("not started");
      return membership;
    },
    /** That it was given since its last start. */
    get connections() {
      return server?.connections ?? 0;
    },
    get strangers() {
      return server?.strangers ?? 0;
    },
    async restart() {
      await server?.close();
      await start();
    },
  };
}

export type CloudBed = Awaited<ReturnType<typeof cloudBed>>;

/** A manager's side: an authority, the fingerprints on record, a link and a door. `days`: by how much its clock is off. */
export async function cloudBed(
  t: TestContext,
  given: { port: number; days?: number; patience?: Partial<HostPatience>; authorityOf?: { folder: string } },
) {
  const { port, days = 0, patience } = given;
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  if (given.authorityOf !== undefined)
    for (const name of ["ca.key", "ca.crt"])
      copyFileSync(join(given.authorityOf.folder, name), join(folder.path, name));
  const clock = { days };
  const authority = await Authority.open({
    ...files,
    folder: folder.path,
    now: () => Date.now() + clock.days * 86_400_000,
  });
  const pins = new Map<string, string>();
  const link = new HttpsHostLink({
    credentials: () => authority.manager(),
    pinned: (uuid) => pins.get(uuid),
    port,
    patience,
  });
  undoAfter(t, () => link.close());
  const door = new HttpsHostDoor({ authority, link, port, patience });
  const request = (bed: HostBed, changed: Partial<HostJoinRequest> = {}): HostJoinRequest => ({
    hostUuid: bed.uuid,
    managementIp: bed.address,
    username: "root",
    password: new Secret(rightPassword),
    fingerprint: null,
    ...changed,
  });
  return {
    folder: folder.path,
    clock,
    authority,
    pins,
    link,
    door,
    request,
    /** Joins a host and puts its certificate on record. */
    async add(bed: HostBed, changed: Partial<HostJoinRequest> = {}) {
      const joined = await door.join(request(bed, changed));
      pins.set(bed.uuid, joined.fingerprint);
      return joined;
    },
  };
}
