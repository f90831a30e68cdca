import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../core/api/client.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { hasEnded, type KeepMode, type NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { NetworkBed } from "./bed.ts";
import { managementProfile } from "./management-profile.ts";

export const profileFolder = "/etc/NetworkManager/system-connections";
export const profileFile = `${profileFolder}/management.nmconnection`;
/** That of eth0, with 10.0.0.5. */
export const profile = managementProfile("eth0");

/** Gives a link one IPv4 address of a network of 256. */
export function address(link: string, text: string, gateway: string | null = "10.0.0.1"): NetworkOperation {
  const addresses = [{ address: text, prefix: 24 }];
  return { do: "address", link, ipv4: { method: "static", addresses, gateway, routes: [], nameServers: [] } };
}

/** A node with 10.0.0.5 on eth0, and changes of its network as a client makes them. */
export class ChangingNode {
  readonly bed: NetworkBed;
  client: Client;
  readonly #folder: string;

  private constructor(folder: string, bed: NetworkBed, client: Client) {
    this.#folder = folder;
    this.bed = bed;
    this.client = client;
  }

  static async start(): Promise<ChangingNode> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
    const bed = new NetworkBed(folder);
    await bed.start({ [profileFile]: profile });
    const node = new ChangingNode(folder, bed, await bed.startAgent());
    await node.holds("10.0.0.5");
    return node;
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.bed.stop();
    fs.rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Another agent, after the former one has died. */
  async startAgent(): Promise<void> {
    this.client.close();
    this.client = await this.bed.startAgent();
  }

  begin(operations: NetworkOperation[], keep: KeepMode, seconds = 15): Promise<NetworkTransaction> {
    return this.client.call("changeNetwork", { body: { operations, keep, seconds } });
  }

  /** Fails when the change ends without having been so. */
  async until(
    { id }: NetworkTransaction,
    isSo: (transaction: NetworkTransaction) => boolean,
  ): Promise<NetworkTransaction> {
    for (;;) {
      const transaction = await this.client.call("networkChange", { params: { id } });
      if (isSo(transaction)) return transaction;
      if (hasEnded(transaction)) assert.fail(`it ended as ${JSON.stringify(transaction)}`);
      await pause(20);
    }
  }

  waiting(transaction: NetworkTransaction): Promise<NetworkTransaction> {
    return this.until(transaction, ({ phase }) => phase === "waiting");
  }

  end(transaction: NetworkTransaction): Promise<NetworkTransaction> {
    return this.until(transaction, hasEnded);
  }

  /** The node answers at an address, and the link has it and no other. */
  async holds(wanted: string, link = "eth0"): Promise<void> {
    for (let i = 0; ; i++) {
      const has = this.bed.addresses(link);
      if (has.length === 1 && has[0] === `${wanted}/24` && this.bed.answers(wanted)) return;
      if (i === 40) assert.fail(`${link} has ${has.join(", ")} and not ${wanted}`);
      await pause(100);
    }
  }
}
