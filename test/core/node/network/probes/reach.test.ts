import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { questionOf } from "../../../../../core/node/network/probes/probe.ts";
import { probeReach } from "../../../../../core/node/network/probes/reach.ts";
import { ethernet, four, network } from "../../../model/network/networks.ts";
import { aContext, aLink, type ContextOptions } from "./samples.ts";

const dad = "arping -D -c 2 -w 1 -I eno1 10.0.0.5";
const everybody = "arping -b -s 0.0.0.0 -w 1 -I eno1 10.0.0.5";
const gateway = "arping -f -I eno1 -c 3 -w 2 10.0.0.1";
const echo = (payload: number) => `ping -n -c 2 -i 0.2 -w 1 -M do -s ${payload} -I eno1 -- 10.0.0.1`;
const reply = (mac: string) => ({ stdout: `Unicast reply from 10.0.0.5 [${mac}]  0.7ms\n`, code: 1 });
const received = (count: number) => ({ stdout: `2 packets transmitted, ${count} received, 0% packet loss\n` });
const good = {
  [dad]: { stdout: "Received 0 response(s)\n" },
  [gateway]: { stdout: "Unicast reply from 10.0.0.1 [00:00:5E:00:53:01]  0.7ms\n" },
  [echo(1472)]: received(2),
};

function context(more: Partial<ContextOptions> = {}) {
  return aContext({
    configuration: network([ethernet("eno1", four("10.0.0.5/24", { gateway: "10.0.0.1" }))]),
    touched: ["eno1"],
    links: [aLink("eno1", { addresses: ["10.0.0.5/24"], mac: "52:54:00:00:00:01" })],
    gateways: [{ link: "eno1", address: "10.0.0.1", family: "inet" }],
    ...more,
    commands: { ...good, ...more.commands },
  });
}

const told = async (of: ReturnType<typeof context>) =>
  (await probeReach(of))
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ outcome, description }) => `${outcome}: ${description}`);

describe("whether others answer", () => {
  it("is asked of the gateway, in small and in large packets, and of whoever may have the address", async () => {
    const results = await probeReach(context());
    assert.deepEqual(results.map(({ code }) => code).sort(), ["DUPLICATE.NONE", "GATEWAY.OK", "MTU.OK"]);
  });

  it("names the MAC of another machine that has the address", async () => {
    assert.deepEqual(await told(context({ commands: { [dad]: reply("00:00:5E:00:53:AF") } })), [
      "failed: 10.0.0.5 is used by another machine already: 00:00:5e:00:53:af answers on eno1.",
    ]);
  });

  const own = "52:54:00:00:00:01";
  it("takes no answer of this machine's own cards for another machine's", async () => {
    const commands = { [dad]: reply(own), [everybody]: { ...reply(own), code: 0 } };
    assert.deepEqual(await told(context({ commands })), []);
  });

  it("hears another machine also after an answer of this machine's own cards", async () => {
    const both = { stdout: `${reply(own).stdout}${reply("00:00:5E:00:53:AF").stdout}`, code: 0 };
    assert.deepEqual(await told(context({ commands: { [dad]: reply(own), [everybody]: both } })), [
      "failed: 10.0.0.5 is used by another machine already: 00:00:5e:00:53:af answers on eno1.",
    ]);
  });

  it("is a failure when the gateway of the management network is silent", async () => {
    const of = context({ commands: { [gateway]: { stdout: "Received 0 response(s)\n", code: 1 } } });
    assert.deepEqual(await told(of), ["failed: The gateway 10.0.0.1 does not answer on eno1."]);
  });

  it("is no failure when the same gateway was silent before the change", async () => {
    const commands = { [gateway]: { stdout: "", code: 1 } };
    const [failed] = await probeReach(context({ commands })).then((all) => all.filter((r) => r.outcome === "failed"));
    assert.ok(failed !== undefined);
    const of = context({ commands, more: { deafBefore: new Set([questionOf(failed)]) } });
    assert.deepEqual(await told(of), [
      "warning: The gateway 10.0.0.1 does not answer on eno1. It did not before the change either.",
    ]);
  });

  it("is a failure when the kernel has no route through the gateway that was asked for", async () => {
    assert.deepEqual(await told(context({ gateways: [] })), [
      "failed: The default route through 10.0.0.1 on eno1 is not in force.",
    ]);
  });

  it("says which size does not pass when small packets do", async () => {
    const commands = { [echo(1472)]: received(0), [echo(56)]: received(2) };
    assert.deepEqual(await told(context({ commands })), [
      "failed: Packets of 1500 bytes, the MTU of eno1, do not reach the gateway 10.0.0.1; small ones do.",
    ]);
  });

  it("says nothing of sizes when the gateway answers no echo at all", async () => {
    assert.deepEqual(await told(context({ commands: { [echo(1472)]: received(0), [echo(56)]: received(0) } })), []);
  });

  it("skips what it has no tool for, and asks the rest", async () => {
    const of = aContext({
      configuration: network([ethernet("eno1", four("10.0.0.5/24"))]),
      touched: ["eno1"],
      links: [aLink("eno1", { addresses: ["10.0.0.5/24"] })],
      nameServers: ["10.0.0.53"],
    });
    assert.deepEqual(
      (await probeReach(of)).map(({ outcome, code }) => `${outcome} ${code}`),
      ["skipped PROBE.UNABLE", "passed DNS.OK"],
    );
  });

  it("warns of a name server that does not answer", async () => {
    const resolver = async () => {
      throw new Error("timeout");
    };
    assert.deepEqual(await told(context({ nameServers: ["10.0.0.53"], more: { resolver } })), [
      "warning: The name server 10.0.0.53 does not answer.",
    ]);
  });

  it("is a failure when the manager does not answer, and none when it does", async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const managerAddress = { host: "127.0.0.1", port };
    assert.deepEqual(await told(context({ more: { managerAddress } })), []);
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(await told(context({ more: { managerAddress } })), [
      `failed: The manager does not answer at 127.0.0.1:${port}.`,
    ]);
  });
});
