import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { startCollecting } from "../../../../core/node/archives/collect.ts";
import { listArchives } from "../../../../core/node/archives/shelf.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { filesBelow, findSecret } from "../../../support/secret-search.ts";
import { type ArchiveBed, archiveBed, plantedMachine } from "./bed.ts";

const secrets = {
  psk: "wifi-Harbour-pass-1",
  /** Behind what looks like the next setting. */
  wep: "x=Starboard-11",
  login: "radius-Lighthouse-2",
  hash: "$y$j9T$salt$hashOfAnchor33333333333333",
  url: "proxy-Anchor-4",
  environment: "env-Rudder-5",
  job: "job-Keel-6",
  kernel: "luks-Mast-7",
  key: Buffer.from("the private key of a node, 8888888888888").toString("base64"),
  audit: "audit-Sail-9",
  bearer: "abcdefghij-Compass-10",
} as const;

const profile = `[connection]
id=Guest
type=wifi
[wifi-security]
key-mgmt=wpa-psk
psk=${secrets.psk}
wep-key0=a ${secrets.wep}
[802-1x]
eap=peap;
identity=node
password=${secrets.login}
`;

const full = {
  files: {
    "/proc/sys/kernel/hostname": "mgmt01\n",
    "/proc/cmdline": `BOOT_IMAGE=/vmlinuz root=UUID=1 rd.luks.key=${secrets.kernel} quiet\n`,
    "/etc/NetworkManager/system-connections/Guest.nmconnection": profile,
    "/proc/net/bonding/bond0": "Bonding Mode: IEEE 802.3ad\n",
    "/proc/mdstat": "Personalities : [raid1]\n",
  },
  commands: {
    "ip -json -details address": JSON.stringify([{ ifname: "eno1", addr_info: [{ local: "10.0.0.5" }] }]),
    "systemctl list-units --all --full --plain --no-pager": `x.service Environment=DB_PASSWORD=${secrets.environment}\n`,
    "find /var/log/libvirt/qemu -maxdepth 1 -type f -printf %f\\n": "vm1.log\n",
    "tail --bytes=4194304 -- /var/log/libvirt/qemu/vm1.log": `qemu -object secret,id=s0,data=x password=${secrets.url}\n`,
    "virsh list --all": " Id   Name   State\n",
  },
  journal: [
    { message: "Started a thing.", unit: "thing.service" },
    { message: `joined the network with ${secrets.psk}`, unit: "wpa_supplicant.service" },
    { message: `root:${secrets.hash}:20000:`, unit: "backup.service" },
    { message: `GET http://admin:${secrets.url}@proxy/`, unit: "proxy.service" },
    { message: `Authorization: Bearer ${secrets.bearer}`, unit: "proxy.service" },
    { message: "-----BEGIN PRIVATE KEY-----", unit: "key.service" },
    { message: "in between", unit: "thing.service" },
    { message: secrets.key, unit: "key.service" },
    { message: "-----END PRIVATE KEY-----", unit: "key.service" },
    { message: "one\ntwo", unit: "user@1000.service" },
  ],
};

let bed: ArchiveBed;
afterEach(() => bed.dispose());

describe("Collect Logs", () => {
  test("makes an archive and a folder of the same, without one of the planted secrets", async () => {
    bed = await archiveBed(plantedMachine(full));
    await bed.audit.append({
      console: "tty1",
      action: "x",
      result: "ok",
      before: null,
      after: null,
      detail: `token=${secrets.audit}`,
    });
    const other = bed.jobs.start({ kind: "ping", subject: "x", console: "tty1", cancellable: true }, async ({ log }) =>
      log(`curl -u admin:${secrets.job} https://x`),
    );
    await bed.ended(other);
    const job = await bed.ended(startCollecting(bed.tools, "day", "tty1"));
    assert.deepEqual(job.error, null, await bed.log(job));
    assert.equal(job.state, "done");
    const [archive] = await listArchives(bed.paths, "logs");
    assert.equal(archive?.name, "mgmt01-logs-20261121-140307");
    assert.deepEqual(bed.served, [archive?.name]);
    assert.deepEqual(readdirSync(bed.paths.logs).sort(), [archive?.name, `${archive?.name}.tar.gz`]);

    const folder = join(bed.paths.logs, archive?.name ?? "");
    const unpacked = temporaryFolder();
    try {
      execFileSync("tar", ["-xzf", `${folder}.tar.gz`, "-C", unpacked.path]);
      execFileSync("diff", ["-r", folder, join(unpacked.path, archive?.name ?? "")]);
      for (const { file, text } of [...filesBelow(folder), ...filesBelow(unpacked.path)])
        assert.equal(findSecret(text, Object.values(secrets)), undefined, file);
    } finally {
      unpacked.dispose();
    }
    const text = (file: string) => readFileSync(join(folder, file), "utf8");
    assert.match(text("journal/units/thing.service.log"), /^2026-.* info {4}test\[12\]: Started a thing\.$/m);
    assert.match(text("journal/journal.log"), /\(sessions\): one\n {4}two\n/);
    assert.equal(text("journal/journal.log").split("\n").length, 12);
    assert.match(text("network/profiles/etc-Guest.nmconnection.txt"), /psk=\[secret\]\n/);
    assert.match(text("network/addresses.json"), /"local": "10\.0\.0\.5"/);
    assert.match(text("network/bonding-bond0.txt"), /802\.3ad/);
    assert.match(text("virtual-machines/logs/vm1.log.txt"), /qemu/);
    assert.match(text("node/audit.json"), /token=\[secret\]/);
    assert.match(text("system/units.txt"), /DB_PASSWORD=\[secret\]/);
    assert.ok(existsSync(join(folder, `jobs/ping-${other.id}.log`)));
    assert.match(
      text("INDEX.txt"),
      /What could not be had:\n(.*\n)* {2}system\/kernel\.log: The command dmesg is not installed\.\n/,
    );
    assert.match(text("INDEX.txt"), /This node only/);
    const { entries } = await bed.audit.read(10);
    assert.equal(entries[0]?.action, "logs.collect");
    assert.equal(entries[0]?.result, "ok");
  });

  test("goes on when a command hangs, and its INDEX says what could not be had", async () => {
    const hang = (): Promise<never> => {
      throw new NodeError("RUN.TIMEOUT", "virsh did not end within 20 s.");
    };
    bed = await archiveBed(plantedMachine({ ...full, commands: { ...full.commands, "virsh list --all": hang } }));
    const job = await bed.ended(startCollecting(bed.tools, "boot", "tty1"));
    assert.equal(job.state, "done");
    const folder = join(bed.paths.logs, bed.served[0] ?? "");
    assert.match(readFileSync(join(folder, "INDEX.txt"), "utf8"), /domains\.txt: virsh did not end within 20 s\./);
  });

  test("goes on when something that is no command never answers, and when the journal is silent", async () => {
    const machine = plantedMachine(full);
    // Every limit is over at once; what the planted machine answers is there before.
    const after = (_ms: number, action: () => void) => {
      const timer = setTimeout(action, 100);
      return () => clearTimeout(timer);
    };
    const stream: typeof machine.stream = (command, args, onLine, limits) =>
      command === "journalctl"
        ? { stop() {}, done: new Promise(() => {}) }
        : machine.stream(command, args, onLine, limits);
    bed = await archiveBed({ ...machine, after, stream });
    bed.world.sources.hardware = () => new Promise(() => {});
    const job = await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    assert.equal(job.error, null);
    const index = readFileSync(join(bed.paths.logs, bed.served[0] ?? "", "INDEX.txt"), "utf8");
    assert.match(index, /node\/hardware\.json: no answer within 60 s/);
    assert.match(index, /journal: journalctl said nothing within 60 s\./);
  });

  test("leaves nothing behind when it is cancelled in the middle", async () => {
    let reached = () => {};
    const inTheMiddle = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const waits = ({ signal }: { signal?: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(new NodeError("RUN.ABORTED", "called off")));
        reached();
      });
    bed = await archiveBed(plantedMachine({ ...full, commands: { ...full.commands, "virsh list --all": waits } }));
    const job = startCollecting(bed.tools, "hour", "tty1");
    await inTheMiddle;
    assert.throws(() => startCollecting(bed.tools, "hour", "ttyS0"), { code: "COLLECT.RUNNING" });
    bed.jobs.cancel(job.id);
    assert.equal((await bed.ended(job)).state, "cancelled");
    assert.deepEqual(readdirSync(bed.paths.logs), []);
    assert.deepEqual(bed.served, []);
    assert.deepEqual(bed.troubles, []);
  });

  test("is refused when there is too little room, with the sizes and what to delete", async () => {
    bed = await archiveBed(plantedMachine(full), { freeBytes: async () => 100 * 1024 * 1024 });
    const job = await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    assert.equal(job.error?.code, "COLLECT.NO_SPACE");
    assert.match(job.error?.description ?? "", /needs \d+ M in .*, where 100 M are free/);
    assert.match(await bed.log(job), /delete former archives/);
    assert.deepEqual(readdirSync(bed.paths.logs), []);
  });

  test("stops when the disk becomes full meanwhile, and leaves nothing", async () => {
    let asked = 0;
    // The first questions are the estimate's and the check's.
    const freeBytes = async () => (++asked > 2 ? 1024 : 1024 ** 4);
    bed = await archiveBed(plantedMachine(full), { freeBytes });
    const job = await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    assert.equal(job.error?.code, "COLLECT.NO_SPACE");
    assert.deepEqual(readdirSync(bed.paths.logs), []);
  });

  test("twice in the same second gives two names, and leaves the first one whole", async () => {
    bed = await archiveBed(plantedMachine(full));
    await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    const [first, second] = bed.served;
    assert.equal(second, `${first}-2`);
    for (const name of bed.served) assert.ok(existsSync(join(bed.paths.logs, name, "INDEX.txt")));
    assert.equal((await listArchives(bed.paths, "logs")).length, 2);
  });

  test("keeps the last three, and clears what a crash left", async () => {
    bed = await archiveBed(plantedMachine(full));
    mkdirSync(join(bed.paths.logs, ".x.unfinished/x"), { recursive: true });
    for (const nth of [1, 2, 3]) {
      writeFileSync(join(bed.paths.logs, `a-logs-${nth}.tar.gz`), "x");
      mkdirSync(join(bed.paths.logs, `a-logs-${nth}`));
      execFileSync("touch", ["-d", `2026-11-0${nth}`, join(bed.paths.logs, `a-logs-${nth}.tar.gz`)]);
    }
    await bed.ended(startCollecting(bed.tools, "hour", "tty1"));
    const names = readdirSync(bed.paths.logs).filter((name) => name.endsWith(".tar.gz"));
    assert.deepEqual(names.sort(), ["a-logs-2.tar.gz", "a-logs-3.tar.gz", "mgmt01-logs-20261121-140307.tar.gz"]);
    assert.ok(!existsSync(join(bed.paths.logs, "a-logs-1")));
    assert.ok(!existsSync(join(bed.paths.logs, ".x.unfinished")));
  });
});
