import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import * as tls from "node:tls";
import type { InstallRole } from "../../../../core/model/installation/draft.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { withHostUuid } from "../../../../core/node/role/identity.ts";
import { rolePaths } from "../../../../core/node/role/paths.ts";
import { realWorld } from "../../../../core/node/role/world.ts";
import { root, temporaryFolder } from "../../../support/programs.ts";

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  newTree(folder.path);
});
afterEach(() => folder.dispose());

/** The file tree of a node that was just installed. */
function newTree(tree: string): void {
  for (const name of ["etc/ssh", "etc/binnacle", "etc/libvirt", "usr/lib"])
    fs.mkdirSync(path.join(tree, name), { recursive: true });
  fs.cpSync(path.join(root, "iso/overlay/usr/lib/binnacle"), path.join(tree, "usr/lib/binnacle"), { recursive: true });
  fs.writeFileSync(path.join(tree, "etc/libvirt/libvirtd.conf"), '#host_uuid = "0000"\nlog_level = 3');
}

const machine = realMachine();
const world = (tree = folder.path, hostname = "node01") => {
  const real = {
    ...machine,
    readFile: async (file: string) =>
      file.startsWith("/proc/sys/kernel/hostname") ? `${hostname}\n` : machine.readFile(file),
  };
  return realWorld(real, tree);
};
const at = (name: string) => path.join(folder.path, name);
const read = (name: string) => fs.readFileSync(at(name), "utf8");
const mode = (name: string) => fs.statSync(at(name)).mode & 0o777;
const certificate = (name: string) => new X509Certificate(read(`etc/binnacle/tls/${name}`));

/** Everything in a tree, to see what a run has changed. */
function contents(tree: string): Record<string, string> {
  const files = fs.readdirSync(tree, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [file, fs.readFileSync(file, "latin1")]),
  );
}

async function all(role: InstallRole, tree?: string): Promise<string[]> {
  const made = await world(tree).ensureIdentity(role);
  await world(tree).ensureCertificates(role);
  return made;
}

describe("what a machine has for itself", () => {
  it("is made once: a second run changes nothing", async () => {
    assert.deepEqual(await all("management"), ["host-uuid", "ssh-keys", "libvirt", "firewall", "time-service"]);
    const before = contents(folder.path);
    assert.deepEqual(await all("management"), []);
    assert.deepEqual(contents(folder.path), before);
    assert.ok(!fs.existsSync(at("etc/ssh/.binnacle-new")));
    assert.ok(!fs.existsSync(at("etc/binnacle/tls/.work")));
  });

  it("is another one on each machine, and libvirt has the same UUID as the node", async () => {
    await all("compute");
    const uuid = read("etc/binnacle/host-uuid").trim();
    assert.match(uuid, /^[0-9a-f-]{14}4[0-9a-f-]{21}$/);
    assert.equal(read("etc/libvirt/libvirtd.conf"), `#host_uuid = "0000"\nlog_level = 3\nhost_uuid = "${uuid}"\n`);
    const other = path.join(folder.path, "other");
    newTree(other);
    await all("compute", other);
    assert.notEqual(fs.readFileSync(path.join(other, "etc/binnacle/host-uuid"), "utf8").trim(), uuid);
  });

  it("is SSH keys that only root may read", async () => {
    await all("compute");
    for (const kind of ["rsa", "ecdsa", "ed25519"]) {
      assert.equal(mode(`etc/ssh/ssh_host_${kind}_key`), 0o600);
      const derived = spawnSync("ssh-keygen", ["-y", "-f", at(`etc/ssh/ssh_host_${kind}_key`)], { encoding: "utf8" });
      assert.equal(read(`etc/ssh/ssh_host_${kind}_key.pub`).split(" ")[1], derived.stdout.trim().split(" ")[1]);
    }
  });

  it("is completed where a power cut left a part of it", async () => {
    await all("management");
    const rsa = read("etc/ssh/ssh_host_rsa_key");
    // As ext4 shows files that were never synced.
    for (const name of [
      "etc/ssh/ssh_host_ed25519_key",
      "etc/binnacle/host-uuid",
      "etc/binnacle/tls/node.crt",
      "etc/binnacle/tls/ca.crt",
    ])
      fs.writeFileSync(at(name), "");
    fs.rmSync(at("etc/ssh/ssh_host_ecdsa_key"));
    fs.mkdirSync(at("etc/ssh/.binnacle-new/etc/ssh"), { recursive: true });
    fs.mkdirSync(at("etc/binnacle/tls/.work"));
    assert.deepEqual(await all("management"), ["host-uuid", "ssh-keys", "libvirt"]);
    assert.equal(read("etc/ssh/ssh_host_rsa_key"), rsa);
    for (const kind of ["ecdsa", "ed25519"]) assert.notEqual(read(`etc/ssh/ssh_host_${kind}_key`), "");
    assert.ok(certificate("node.crt").verify(certificate("ca.crt").publicKey));
  });

  it("names the host's UUID in libvirt's settings once, whatever was there", () => {
    assert.equal(withHostUuid('a = 1\nhost_uuid = "x"\nb = 2\n', "U"), 'a = 1\nhost_uuid = "U"\nb = 2\n');
    assert.equal(withHostUuid("", "U"), 'host_uuid = "U"\n');
  });
});

describe("certificates", () => {
  it("of a management node come from an authority of its own, and are valid whatever the clock says", async () => {
    await all("management");
    const [node, ca] = [certificate("node.crt"), certificate("ca.crt")];
    const uuid = read("etc/binnacle/host-uuid").trim();
    assert.ok(ca.ca && !node.ca);
    assert.ok(ca.verify(ca.publicKey) && node.verify(ca.publicKey) && node.checkIssued(ca));
    assert.match(node.subject, new RegExp(`CN=${uuid}`));
    assert.equal(
      node.subjectAltName,
      `DNS:node01, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, URI:urn:uuid:${uuid}`,
    );
    assert.equal(node.validFromDate.getUTCFullYear(), 2020);
    assert.equal(node.validToDate.getUTCFullYear(), 9999);
    for (const name of ["node.key", "ca.key"]) assert.equal(mode(`etc/binnacle/tls/${name}`), 0o600);
    assert.equal(mode("etc/binnacle/tls/node.crt"), 0o644);
    const key = spawnSync("openssl", ["pkey", "-in", at("etc/binnacle/tls/node.key"), "-noout", "-text"], {
      encoding: "utf8",
    });
    assert.match(key.stdout, /prime256v1/);
  });

  it("of a management node serve TLS to who trusts the authority, and are asked of the other end", async () => {
    await all("management");
    const options = {
      key: read("etc/binnacle/tls/node.key"),
      cert: read("etc/binnacle/tls/node.crt"),
      ca: read("etc/binnacle/tls/ca.crt"),
    };
    const server = tls.createServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) =>
      socket.end("hello"),
    );
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const socket = tls.connect({ ...options, host: "127.0.0.1", port: address.port, servername: "node01" });
    const said = await socket.setEncoding("utf8").toArray();
    server.close();
    assert.deepEqual(said, ["hello"]);
  });

  it("of another node are signed by themselves, until it joins a cloud; what the cloud gave it stays", async () => {
    await all("compute");
    const own = certificate("node.crt");
    assert.ok(own.verify(own.publicKey));
    assert.ok(!fs.existsSync(at("etc/binnacle/tls/ca.key")));
    // A certificate for the node's key, by somebody else.
    const manager = path.join(folder.path, "manager");
    newTree(manager);
    fs.mkdirSync(path.join(manager, "etc/binnacle/tls"));
    fs.copyFileSync(at("etc/binnacle/tls/node.key"), path.join(manager, "etc/binnacle/tls/node.key"));
    await all("management", manager);
    for (const name of ["node.crt", "ca.crt"])
      fs.copyFileSync(path.join(manager, "etc/binnacle/tls", name), at(`etc/binnacle/tls/${name}`));
    const joined = read("etc/binnacle/tls/node.crt");
    await all("compute");
    assert.equal(read("etc/binnacle/tls/node.crt"), joined);
  });

  it("of a node of another cloud are no ground for a cloud of its own", async () => {
    await all("management");
    fs.rmSync(at("etc/binnacle/tls/ca.key"));
    await assert.rejects(all("management"), { code: "CERT.OTHER_CLOUD" });
  });

  it("are made anew by a compute node that becomes a management node, with the key that it has", async () => {
    await all("compute");
    const key = read("etc/binnacle/tls/node.key");
    await all("management");
    assert.equal(read("etc/binnacle/tls/node.key"), key);
    assert.ok(certificate("node.crt").verify(certificate("ca.crt").publicKey));
  });

  it("of a management node follow its host name; its authority stays", async () => {
    await all("management");
    const ca = read("etc/binnacle/tls/ca.crt");
    await world(folder.path, "node02.example.com").ensureCertificates("management");
    assert.equal(certificate("node.crt").checkHost("node02.example.com"), "node02.example.com");
    assert.equal(read("etc/binnacle/tls/ca.crt"), ca);
  });

  it("are not replaced where a private key is damaged: others may trust it", async () => {
    await all("management");
    for (const name of ["ca.key", "node.key"]) {
      const before = read(`etc/binnacle/tls/${name}`);
      fs.writeFileSync(at(`etc/binnacle/tls/${name}`), before.slice(0, 60));
      await assert.rejects(all("management"), { code: "CERT.KEY_DAMAGED" });
      fs.writeFileSync(at(`etc/binnacle/tls/${name}`), before);
    }
  });

  it("are made for a host whose name is none, without it", async () => {
    await world(folder.path, "bad_name,DNS:evil").ensureIdentity("compute");
    await world(folder.path, "bad_name,DNS:evil").ensureCertificates("compute");
    assert.match(certificate("node.crt").subjectAltName ?? "", /^DNS:localhost, /);
  });

  it("need the paths of this machine when there is no other root", () => {
    assert.equal(rolePaths().hostUuid, "/etc/binnacle/host-uuid");
  });
});
