import { writeFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import { type BedNode, NodesBed } from "./namespaces.ts";

const agentSocket = "/run/binnacle/agent.sock";
export const passwords = { admin: "Cloud-Admin-1", "node-1": "First-Host-1", "node-2": "Second-Host-2" };

/**
 * A management node with its manager, and two nodes whose agents listen. `shared`: their hypervisor is libvirt, and they have this
 * folder at /srv/shared; without it the hypervisor is simulated.
 */
export async function threeNodes(t: TestContext, shared?: string) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const bed = new NodesBed(folder.path);
  undoAfter(t, () => bed.stop());
  await bed.start();
  const node = { name: "mgmt", role: "management", address: "10.0.0.10/24", password: "Management-1" };
  const manager = await bed.node(node);
  for (const [name, password] of Object.entries(passwords))
    writeFileSync(manager.inside(`/root/${name}.password`), `${password}\n`, { mode: 0o600 });
  writeFileSync(manager.inside("/etc/binnacle/admin-password"), `${passwords.admin}\n`, { mode: 0o600 });
  const programs = [await manager.startUnit("binnacle-manager.service", "/run/binnacle/manager.sock")];
  const hosts: BedNode[] = [];
  const agents: Awaited<ReturnType<BedNode["startUnit"]>>[] = [];
  for (const [name, address] of [
    ["node-1", "10.0.0.11/24"],
    ["node-2", "10.0.0.12/24"],
  ] as const) {
    const more = shared === undefined ? {} : { shared };
    const host = await bed.node({ name, role: "compute", address, password: passwords[name], ...more });
    hosts.push(host);
    const hypervisor = shared === undefined ? ["--hypervisor", "simulated"] : [];
    agents.push(await host.startUnit("binnacle-agent.service", agentSocket, hypervisor));
  }
  const cli = (...words: readonly string[]) => ["sh", "-c", 'cd && exec zstack-cli "$@"', "sh", ...words];
  return {
    manager,
    hosts,
    cli,
    agents,
    programs: [...programs, ...agents],
    logs: () => [...programs, ...agents].map(({ log }) => log()),
  };
}
