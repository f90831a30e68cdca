import type { HostFirewall } from "../../hypervisor/firewall.ts";
import type { ResourceKind } from "../../model/cloud/resources.ts";
import { isShareOf } from "../hosts/share.ts";
import type { Kind, RecordOf } from "../kinds.ts";
import type { MirrorChange } from "../mirror.ts";
import { readMigration } from "../vm/migration-record.ts";
import { carryFirewall, type FirewallWorld } from "./carrier.ts";
import { firewallOf, hostsOf, hostsWith } from "./firewall-of.ts";

export type FirewallKeeperOptions = {
  world: FirewallWorld;
  managerUuid: string;
  onTrouble: (what: string, error: unknown) => void;
  /** Resolves after so long, or rejects when the signal ends it. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** Pauses before a host that could not be told is told again: 1 s, doubling up to a minute. */
const [firstPauseMs, longestPauseMs] = [1_000, 60_000];

/**
 * Brings every change of the security groups to the hosts that it concerns; all of it to a host that is connected anew.
 * Of several managers each sees to its own share of the hosts.
 */
export class FirewallKeeper {
  readonly #options: FirewallKeeperOptions;
  /** What each connected host was told last by this manager, as text. */
  readonly #told = new Map<string, string>();
  readonly #dirty = new Set<string>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #ending = new AbortController();
  readonly #unsubscribe: () => void;

  constructor(options: FirewallKeeperOptions) {
    this.#options = options;
    const { mirror } = options.world.records;
    this.#unsubscribe = mirror.subscribe((changes) => {
      for (const change of changes) for (const host of this.#concerned(change)) this.#look(host);
    });
    this.#lookAtAll();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#ending.abort(new Error("The manager ends."));
    await this.settled();
  }

  /** Resolves when no host is being told anything. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working.values());
  }

  #lookAtAll(): void {
    const { mirror } = this.#options.world.records;
    for (const { value } of mirror.all("SecurityGroup"))
      for (const host of hostsOf(mirror, value.uuid)) this.#look(host);
    for (const [host] of mirror.entries("HostFirewall")) this.#look(host);
  }

  /** The hosts that a change may concern: rather too many than too few. */
  *#concerned({ kind, key, before, after }: MirrorChange): Generator<string> {
    const { mirror } = this.#options.world.records;
    const both = [before, after].flatMap((one) => (one === undefined ? [] : [one.value]));
    switch (kind) {
      case "SecurityGroup":
        yield* hostsOf(mirror, key);
        return;
      case "SecurityGroupRule":
        for (const rule of both)
          if (isOf("SecurityGroupRule", kind, rule)) yield* hostsOf(mirror, rule.securityGroupUuid);
        return;
      case "VmNic":
        for (const nic of both) {
          if (!isOf("VmNic", kind, nic)) continue;
          for (const group of nic.securityGroupUuids ?? []) {
            yield* hostsOf(mirror, group);
            yield* hostsWith(mirror, nic.vmInstanceUuid);
          }
        }
        return;
      case "VmInstance": {
        if (!this.#isInGroup(key)) return;
        const hosts = both.map((machine) => (isOf("VmInstance", kind, machine) ? machine.hostUuid : null));
        for (const host of new Set(hosts)) if (host !== null && hosts[0] !== hosts[1]) yield host;
        return;
      }
      case "Migration":
        for (const value of both) {
          const destination = readMigration(value)?.destinationUuid;
          if (destination !== undefined && this.#isInGroup(key)) yield destination;
        }
        return;
      case "Host": {
        const [old, now] = [before?.value, after?.value];
        const isConnected = now !== undefined && isOf("Host", kind, now) && now.status === "Connected";
        if (!isConnected) this.#told.delete(key);
        else if (old === undefined || !isOf("Host", kind, old) || old.status !== "Connected") yield key;
        return;
      }
      case "ManagementNode":
        // Its hosts are somebody else's now.
        if (after === undefined) this.#lookAtAll();
    }
  }

  #isInGroup(vmUuid: string): boolean {
    const { mirror } = this.#options.world.records;
    return mirror
      .find("VmNic", "vmInstanceUuid", vmUuid)
      .some(({ value }) => (value.securityGroupUuids ?? []).length > 0);
  }

  #look(hostUuid: string): void {
    if (this.#ending.signal.aborted) return;
    this.#dirty.add(hostUuid);
    if (this.#working.has(hostUuid)) return;
    const work = this.#tell(hostUuid)
      .catch((error: unknown) => {
        if (!this.#ending.signal.aborted)
          this.#options.onTrouble(`the firewall of host ${hostUuid} is not seen to`, error);
      })
      .finally(() => this.#working.delete(hostUuid));
    this.#working.set(hostUuid, work);
  }

  async #tell(hostUuid: string): Promise<void> {
    const { world, onTrouble, pause } = this.#options;
    const { signal } = this.#ending;
    for (let pauseMs = firstPauseMs; this.#dirty.has(hostUuid) && !signal.aborted; ) {
      this.#dirty.delete(hostUuid);
      const host = this.#hostOf(hostUuid);
      if (host === undefined) return;
      try {
        if (this.#told.get(hostUuid) === textOf(firewallOf(world.records.mirror, hostUuid))) continue;
        this.#told.set(hostUuid, textOf(await carryFirewall(world, host, signal)));
        pauseMs = firstPauseMs;
      } catch (error) {
        this.#told.delete(hostUuid);
        if (signal.aborted) return;
        onTrouble(`host ${host.name} could not be told of its security groups; it is told again`, error);
        await pause(pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
        this.#dirty.add(hostUuid);
      }
    }
  }

  /** One of this manager's that is connected; any other is told when it is. */
  #hostOf(hostUuid: string): RecordOf<"Host"> | undefined {
    const { world, managerUuid } = this.#options;
    const { mirror } = world.records;
    const host = mirror.get("Host", hostUuid)?.value;
    const managers = [...mirror.entries("ManagementNode")].map(([uuid]) => uuid);
    return host?.status === "Connected" && isShareOf(hostUuid, managerUuid, managers) ? host : undefined;
  }
}

function isOf<K extends ResourceKind>(wanted: K, kind: Kind, _value: object): _value is RecordOf<K> {
  return kind === wanted;
}

function textOf(firewall: HostFirewall): string {
  return JSON.stringify(firewall);
}
