import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { Dial } from "../../hypervisor/migration/way.ts";
import type { MembershipState } from "../../model/records.ts";
import type { Log } from "../log.ts";
import { type Machine, realMachine, sinceBootMs } from "../machine.ts";
import type { Passwords } from "../passwords.ts";
import { ensureCertificates } from "../role/certificates.ts";
import { readHostUuid } from "../role/identity.ts";
import { rolePaths } from "../role/paths.ts";
import { realWorld } from "../role/world.ts";
import { Joining } from "./joining.ts";
import { Membership } from "./membership.ts";
import { migrationDial } from "./migration-dial.ts";
import { createHostServer, type HostServer } from "./server.ts";
import type { HostWork } from "./work.ts";

export type ChannelOptions = {
  /** All unless told. */
  address: string | undefined;
  port: number;
  /** Below which /etc/binnacle lies: nothing for this machine, a folder for a preview. */
  root: string;
  passwords: Pick<Passwords, "check">;
  work?: HostWork | undefined;
  version: string;
  log: Log;
};

/** `dial`: to the hypervisors of other hosts, whose agents listen on the same port. */
export type HostChannel = Pick<HostServer, "close"> & { state(): MembershipState; dial: Dial };

/** Of an agent that does not listen. */
export const noChannel: MembershipState = { port: null, fingerprint: null, cloud: null, hostUuid: null };

/**
 * Opens the agent's end of the channel to the manager. The keys are this computer's own, also where a recorded machine
 * is shown.
 *
 * @throws NodeError CHANNEL.NO_CERTIFICATE, CHANNEL.NOT_LISTENING, CERT.…
 */
export async function openHostChannel(options: ChannelOptions): Promise<HostChannel> {
  const { root, passwords, log, version, work, address, port } = options;
  const machine = realMachine();
  const { tls: folder } = rolePaths(root);
  await ensureOwnCertificate(machine, root);
  const onDamage = (damage: object) => log.error(damage, "the membership of a cloud was damaged: add the host again");
  const membership = await Membership.open({ machine, folder, onDamage });
  const joining = new Joining({
    membership,
    checkPassword: (password) => passwords.check(password),
    run: machine.run,
    folder,
    monotonicMs: sinceBootMs,
  });
  const server = await createHostServer({
    membership,
    joining,
    work,
    version,
    hostname: () => kernelText(machine, "hostname"),
    bootId: () => kernelText(machine, "random/boot_id"),
    now: () => machine.now(),
    log,
  });
  const { port: bound } = await server.listen(port, address);
  log.info(
    { address, port: bound, fingerprint: membership.fingerprint, cloud: membership.cloud },
    "listening to the manager",
  );
  return {
    close: () => server.close(),
    dial: migrationDial(membership, bound),
    state: () => {
      const { fingerprint, cloud, member } = membership;
      return { port: bound, fingerprint, cloud, hostUuid: member?.hostUuid ?? null };
    },
  };
}

/** On a node binnacle-identity.service has made it before the agent began; a preview makes its own. */
async function ensureOwnCertificate(machine: Machine, root: string): Promise<void> {
  const world = realWorld(machine, root);
  if (root !== "" && (await readHostUuid(world)) === undefined) {
    await mkdir(world.paths.tls, { recursive: true, mode: 0o755 });
    await world.write(world.paths.hostUuid, `${randomUUID()}\n`, 0o644);
  }
  if (root !== "") await ensureCertificates(world, "compute");
}

async function kernelText(machine: Machine, name: string): Promise<string> {
  return (await machine.readFile(`/proc/sys/kernel/${name}`)).trim();
}
