import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { installRoles } from "../../core/model/installation/draft.ts";
import { needsPrivateMounts } from "../support/private-mounts.ts";
import { root, temporaryFolder } from "../support/programs.ts";

const overlay = path.join(root, "iso/overlay");
const roles = path.join(overlay, "usr/lib/binnacle/roles");

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.dispose());

/** The firewall of a node with this role, none while it is not installed, with more files of an administrator. */
function firewallOf(role: string | undefined, more: Record<string, string> = {}): string {
  const rules = path.join(folder.path, "firewall.d");
  fs.mkdirSync(rules, { recursive: true });
  if (role !== undefined) fs.copyFileSync(path.join(roles, role, "firewall.nft"), path.join(rules, "50-role.nft"));
  for (const [name, text] of Object.entries(more)) fs.writeFileSync(path.join(rules, name), text);
  const text = fs.readFileSync(path.join(overlay, "etc/nftables.conf"), "utf8");
  const file = path.join(folder.path, "nftables.conf");
  fs.writeFileSync(file, text.replace('"/etc/binnacle/firewall.d/*.nft"', `"${rules}/*.nft"`));
  return file;
}

/** Runs a shell's text in a network namespace of its own, with the loopback device up. */
function inNamespace(text: string, ...args: string[]) {
  const script = `set -eu; ip link set lo up; ${text}`;
  return spawnSync("unshare", ["--net", "--", "sh", "-c", script, "sh", ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
}

const here = needsPrivateMounts();
const noNft = spawnSync("nft", ["--version"]).error === undefined ? undefined : "nft is not here";
const options = here.skip === undefined && noNft !== undefined ? { skip: noNft } : here;

describe("the firewall", options, () => {
  for (const role of [undefined, ...installRoles])
    it(`loads ${role === undefined ? "before there is a role" : `on a ${role} node`}, twice`, () => {
      const file = firewallOf(role);
      const run = inNamespace(
        'nft -c -f "$1"; nft -f "$1"; nft list ruleset >"$1.first"; nft -f "$1"; nft list ruleset | cmp - "$1.first"',
        file,
      );
      assert.deepEqual([run.status, run.stderr], [0, ""]);
      assert.match(fs.readFileSync(`${file}.first`, "utf8"), /policy drop/);
    });

  it("takes an administrator's own rules, and leaves other tables alone when it is loaded again", () => {
    const file = firewallOf("compute", { "90-local.nft": "add rule inet binnacle role tcp dport 9443 accept\n" });
    const run = inNamespace('nft add table ip libvirt_network; nft -f "$1"; nft list ruleset', file);
    assert.match(run.stdout, /tcp dport 9443 accept/);
    assert.match(run.stdout, /table ip libvirt_network/);
  });

  /** Which of these ports another machine reaches, IPv4 and IPv6, and whether it gets an echo. */
  const reached = (role: string, ports: readonly number[], command = "") => {
    const file = firewallOf(role);
    const probe = path.join(folder.path, "probe.mjs");
    fs.writeFileSync(probe, probeText);
    const run = inNamespace(
      `ip link add near type veth peer name far
       ip addr add 192.0.2.1/24 dev near; ip -6 addr add 2001:db8::1/64 dev near nodad; ip link set near up
       nft -f "$1"; [ -z "$5" ] || nft "$5"
       mkfifo "$1.ready"; "$2" "$3" listen $4 >"$1.ready" & listener=$!; read -r _ <"$1.ready"
       unshare --net -- "$2" "$3" connect $4 >"$1.out" & peer=$!
       while ip link show far >/dev/null 2>&1; do kill -0 "$peer"; ip link set far netns "$peer" 2>/dev/null || true; done
       wait "$peer" || { cat "$1.out"; kill "$listener"; exit 1; }
       kill "$listener"; cat "$1.out"`,
      ...[file, process.execPath, probe, ports.join(","), command],
    );
    assert.deepEqual([run.status, run.stderr], [0, ""]);
    const answer: unknown = JSON.parse(run.stdout);
    return answer;
  };

  it("lets in what the role offers, echo requests and neighbour discovery, and nothing else", () => {
    assert.deepEqual(reached("compute", [22, 7070, 16514, 8080, 2379, 111]), {
      ping: ["192.0.2.1", "2001:db8::1"],
      "192.0.2.1": [22, 7070, 16514],
      "2001:db8::1": [22, 7070, 16514],
    });
  });

  it("lets in a port that the agent opens for a while, and not its neighbour", () => {
    assert.deepEqual(reached("expert", [22, 7071, 7072], "add element inet binnacle served { 7071 timeout 60s }"), {
      ping: ["192.0.2.1", "2001:db8::1"],
      "192.0.2.1": [22, 7071],
      "2001:db8::1": [22, 7071],
    });
  });

  it("has only SSH on an expert node", () => {
    assert.deepEqual(reached("expert", [22, 7070, 8080]), {
      ping: ["192.0.2.1", "2001:db8::1"],
      "192.0.2.1": [22],
      "2001:db8::1": [22],
    });
  });
});

/**
 * `listen PORTS` answers on the ports; `connect PORTS` waits for the device `far`, then prints as JSON what it reaches.
 * A dropped packet answers nothing: a connection that is not there after 3 s counts as refused by the firewall.
 */
const probeText = `
import { execFileSync, spawnSync } from "node:child_process";
import * as net from "node:net";
const [mode, list] = process.argv.slice(2);
const ports = list.split(",").map(Number);
if (mode === "listen") {
  const listen = (port) => new Promise((resolve) => net.createServer((socket) => socket.end("x")).listen(port, "::", resolve));
  await Promise.all(ports.map(listen));
  console.log("ready");
}
else {
  const ip = (...args) => spawnSync("ip", args).status === 0;
  while (!ip("link", "show", "far")) ;
  ip("addr", "add", "192.0.2.2/24", "dev", "far"); ip("-6", "addr", "add", "2001:db8::2/64", "dev", "far", "nodad");
  ip("link", "set", "far", "up");
  const hosts = ["192.0.2.1", "2001:db8::1"];
  const answers = { ping: hosts.filter((host) => spawnSync("ping", ["-c", "1", "-W", "5", host]).status === 0) };
  const open = (host, port) => new Promise((resolve) => {
    const socket = net.connect({ host, port }, () => {}).setTimeout(3000);
    socket.once("data", () => { socket.destroy(); resolve(true); });
    for (const event of ["timeout", "error"]) socket.once(event, () => { socket.destroy(); resolve(false); });
  });
  for (const host of hosts) {
    const states = await Promise.all(ports.map((port) => open(host, port)));
    answers[host] = ports.filter((_port, index) => states[index]);
  }
  console.log(JSON.stringify(answers));
}
`;

describe("the files of a role", () => {
  it("are there for every role, and open the ports that the cloud needs of it", () => {
    const opened = Object.fromEntries(
      installRoles.map((role) => {
        const text = fs.readFileSync(path.join(roles, role, "firewall.nft"), "utf8").replaceAll(/^#.*$/gm, "");
        const rules = [...text.matchAll(/^add rule inet binnacle role (tcp|udp) dport (\{[^}]*\}|\d+) accept$/gm)];
        return [
          role,
          rules.flatMap(([, protocol, ports]) => (ports ?? "").match(/[\d-]+/g)?.map((port) => `${protocol} ${port}`)),
        ];
      }),
    );
    const node = ["tcp 7070", "tcp 9100"];
    const hypervisor = ["tcp 16509", "tcp 16514", "tcp 49152-49215"];
    const manager = ["tcp 8080", "tcp 5000", "tcp 5443", "tcp 4900", "tcp 2379", "tcp 2380", "udp 123"];
    assert.deepEqual(opened, {
      management: [...node, ...hypervisor, ...manager],
      compute: [...node, ...hypervisor],
      storage: [...node, ...hypervisor, "tcp 7777"],
      expert: [],
    });
  });

  it("let only a management node serve time", () => {
    const serving = installRoles.filter((role) => fs.existsSync(path.join(roles, role, "chrony.conf")));
    assert.deepEqual(serving, ["management"]);
    assert.match(fs.readFileSync(path.join(roles, "management/chrony.conf"), "utf8"), /^allow$/m);
  });
});

describe("the units of a role", () => {
  const unit = (name: string) => fs.readFileSync(path.join(overlay, "usr/lib/systemd/system", name), "utf8");

  it("come before every console and login, and identity before what shows it", () => {
    assert.match(unit("binnacle-role.service"), /^Before=getty-pre\.target$/m);
    for (const name of ["binnacle-console@.service", "binnacle-serial@.service"])
      assert.match(unit(name), /^After=.*getty-pre\.target/m);
    for (const later of [
      "ssh.service",
      "NetworkManager.service",
      "nftables.service",
      "libvirtd.service",
      "binnacle-agent.service",
    ])
      assert.match(unit("binnacle-identity.service"), new RegExp(`^Before=.*${later.replaceAll(".", "\\.")}`, "m"));
  });

  it("do nothing on a machine that was not installed as a node; the check is enabled before the preset's rule for all", () => {
    const preset = fs.readFileSync(path.join(overlay, "usr/lib/systemd/system-preset/50-binnacle.preset"), "utf8");
    for (const name of ["binnacle-identity", "binnacle-role", "binnacle-role-check"])
      assert.match(unit(`${name}.service`), /^ConditionPathExists=\/etc\/binnacle\/node\.json$/m);
    assert.match(unit("binnacle-role-check.service"), /^WantedBy=/m);
    const enabled = preset.indexOf("enable binnacle-role-check.service\n");
    assert.ok(enabled >= 0 && enabled < preset.indexOf("disable binnacle-*"));
    assert.match(unit("nftables.service.d/binnacle.conf"), /^ConditionPathExists=\/etc\/binnacle\/node\.json$/m);
  });
});
