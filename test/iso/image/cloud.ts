import assert from "node:assert/strict";
import type { Vm } from "../../support/vm/vm.ts";

/* A cloud as its administrator has it at hand on a management node, and guests of machines on installed nodes. */

/** Under emulation everything is some ten times slower; these only bound how long a failure takes. */
const [callMs, guestMs] = [900_000, 900_000];

export type Answer = { uuid?: string; inventory?: Record<string, unknown> } & Record<string, unknown>;

/** What a call answers, once its task has ended well. The password of the node's root is in the file `admin.password`. */
export async function call(vm: Vm, name: string, fields: Record<string, string> = {}): Promise<Answer> {
  const secret = name === "AddKVMHost" ? " -P admin.password" : "";
  const given = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
  const command = `zstack-cli ${name} ${given.join(" ")}${secret} 2>said`;
  const text = await vm.shell.run(`cd /root && { ${command} || { cat said; false; }; }`, callMs);
  return JSON.parse(text);
}

/** The uuid of what a call has made. */
export async function made(vm: Vm, name: string, fields: Record<string, string>): Promise<string> {
  const answer = await call(vm, name, fields);
  const uuid: unknown = answer.inventory?.["uuid"] ?? answer.uuid;
  assert.ok(typeof uuid === "string", JSON.stringify(answer));
  return uuid;
}

/** Adds a node as a host, by the fingerprint that it shows. */
export async function addHost(vm: Vm, name: string, clusterUuid: string, managementIp: string): Promise<string> {
  const { fingerprint } = await call(vm, "GetHostFingerprint", { managementIp });
  assert.ok(typeof fingerprint === "string");
  return await made(vm, "AddKVMHost", { name, clusterUuid, managementIp, fingerprint, username: "root" });
}

/** Carries out one command on the serial line of a machine, whose guest has a shell there, and prints what it says. */
const onSerialLine = `
const { connect } = require("node:net");
const [path, command, limitMs] = process.argv.slice(1);
const socket = connect(path);
const mark = String(process.pid);
let text = "";
socket.on("error", (error) => { console.error(String(error)); process.exit(3); });
socket.on("data", (data) => {
  text += data;
  // Put together by printf: an echo of the command is not taken for its answer.
  const found = new RegExp("<" + mark + ":([^]*):(\\\\d+)>" + mark).exec(text);
  if (found === null) return;
  process.stdout.write(found[1].replaceAll("\\r", ""), () => process.exit(Number(found[2])));
});
const ask = () => {
  // Behind its prompt the shell asks the terminal where its cursor is.
  if (/# *$/.test(text.replace(/\\x1b\\[[0-9;?]*[a-zA-Z]/g, "").slice(-8))) {
    clearInterval(asking);
    socket.write("printf '<%s:' " + mark + "; { " + command + "\\n} 2>&1; printf ':%d>%s' $? " + mark + "\\n");
  } else socket.write("\\n");
};
const asking = setInterval(ask, 2000);
setTimeout(() => { console.error("the guest never said it: " + text.slice(-1000)); process.exit(4); }, Number(limitMs));
`;

/** What a command says in the guest of a machine on this node. @throws when it ends with another status than 0 */
export async function inGuest(node: Vm, uuid: string, command: string): Promise<string> {
  const script = Buffer.from(onSerialLine).toString("base64");
  const words = Buffer.from(command).toString("base64");
  const socket = `/var/lib/libvirt/qemu/serial-${uuid}.sock`;
  const program = `/usr/lib/binnacle/node -e "$(echo ${script} | base64 -d)" ${socket} "$(echo ${words} | base64 -d)"`;
  return (await node.shell.run(`${program} ${guestMs}`, guestMs + 60_000)).trim();
}
