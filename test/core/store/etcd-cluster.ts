import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { EtcdOptions } from "../../../core/store/etcd/client.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";

type Member = { name: string; client: string; args: string[]; child: ChildProcess | undefined; output: string };

/** Three real members of etcd on the loopback address, with TLS when asked for. */
export class EtcdCluster {
  readonly endpoints: [string, ...string[]];
  /** Of a client whose subject has no common name. */
  readonly tls: NonNullable<EtcdOptions["tls"]>;
  /** Of the members, with one. */
  readonly named: NonNullable<EtcdOptions["tls"]>;
  readonly #folder: ReturnType<typeof temporaryFolder>;
  readonly #members: readonly Member[];
  readonly #through: readonly string[];

  private constructor(
    folder: ReturnType<typeof temporaryFolder>,
    members: readonly Member[],
    isTls: boolean,
    through: readonly string[],
  ) {
    const [first = "", ...others] = members.map(({ client }) => client);
    this.endpoints = [first, ...others];
    const read = (file: string) => readFileSync(join(folder.path, file), "utf8");
    const pair = (name: string) => ({ ca: read("ca.pem"), cert: read(`${name}.pem`), key: read(`${name}-key.pem`) });
    this.tls = isTls ? pair("client") : {};
    this.named = isTls ? pair("member") : {};
    this.#folder = folder;
    this.#members = members;
    this.#through = through;
  }

  /** `through`: goes before every command, such as that of a network of its own. */
  static async start({
    tls = false,
    more = [],
    through = [],
  }: {
    tls?: boolean;
    more?: readonly string[];
    through?: readonly string[];
  } = {}): Promise<EtcdCluster> {
    const folder = temporaryFolder();
    const ports = await freePorts(6);
    const scheme = tls ? "https" : "http";
    const url = (i: number) => `${scheme}://127.0.0.1:${ports[i]}`;
    const names = ["a", "b", "c"];
    const peer = (i: number) => `http://127.0.0.1:${ports[i + 3]}`;
    if (tls) makeCertificates(folder.path);
    const file = (name: string) => join(folder.path, name);
    const members = names.map(
      (name, i): Member => ({
        name,
        client: url(i),
        child: undefined,
        output: "",
        args: [
          ...["--name", name, "--data-dir", join(folder.path, name), "--log-level", "error", "--logger", "zap"],
          ...["--listen-client-urls", url(i), "--advertise-client-urls", url(i)],
          ...["--listen-peer-urls", peer(i), "--initial-advertise-peer-urls", peer(i)],
          ...["--initial-cluster", names.map((other, k) => `${other}=${peer(k)}`).join(",")],
          // Losing the leader is noticed soon, and still not by a busy machine's pauses.
          ...["--heartbeat-interval", "100", "--election-timeout", "1000", "--max-txn-ops", "20000"],
          ...(tls ? ["--cert-file", file("member.pem"), "--key-file", file("member-key.pem")] : []),
          ...(tls ? ["--client-cert-auth", "--trusted-ca-file", file("ca.pem")] : []),
          ...more,
        ],
      }),
    );
    const cluster = new EtcdCluster(folder, members, tls, through);
    try {
      for (const i of members.keys()) cluster.run(i);
      await cluster.healthy();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  run(i: number): void {
    const member = this.#member(i);
    const [program = "", ...args] = [...this.#through, "etcd", ...member.args];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      member.output += text;
    });
    member.child = child;
  }

  async kill(i: number): Promise<void> {
    const { child } = this.#member(i);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await gone;
  }

  /** The process stands still, its connections stay open. */
  freeze(i: number): void {
    this.#member(i).child?.kill("SIGSTOP");
  }

  thaw(i: number): void {
    this.#member(i).child?.kill("SIGCONT");
  }

  /** Runs etcdctl against all members, or one; what it prints. */
  ctl(args: readonly string[], endpoints: readonly string[] = this.endpoints): string {
    const tls = Object.keys(this.tls).length > 0;
    const file = (name: string) => join(this.#folder.path, name);
    const trust = tls
      ? ["--cacert", file("ca.pem"), "--cert", file("member.pem"), "--key", file("member-key.pem")]
      : [];
    const env = { ...process.env, ETCDCTL_API: "3" };
    const all = ["--endpoints", endpoints.join(","), "--command-timeout", "5s", ...trust, ...args];
    const [program = "", ...command] = [...this.#through, "etcdctl", ...all];
    return execFileSync(program, command, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Waits until every member that runs serves reads that need a quorum. */
  async healthy(user: readonly string[] = []): Promise<void> {
    const deadline = Date.now() + 60_000;
    for (const [i, { child, client, output }] of this.#members.entries()) {
      if (child === undefined || child.signalCode !== null) continue;
      for (;;) {
        try {
          this.ctl([...user, "get", "/binnacle/m/schema"], [client]);
          break;
        } catch (error) {
          if (child.exitCode !== null) throw new Error(`member ${i} ended: ${output}`);
          if (Date.now() > deadline) throw new Error(`member ${i} is not healthy: ${String(error)}\n${output}`);
          await pause(200);
        }
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.keys().map((i) => this.kill(i)));
    this.#folder.dispose();
  }

  #member(i: number): Member {
    const member = this.#members[i];
    if (member === undefined) throw new Error(`There is no member ${i}.`);
    return member;
  }
}

/** A CA, `member`, which is a client too because its gateway is one of its own member, and `client`. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore", cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const days = ["-days", "30"];
  openssl("req", "-x509", ...key, ...days, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=test CA");
  const signing = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-copy_extensions", "copy"];
  for (const [name, subject, usage] of [
    ["member", "/CN=member", "serverAuth,clientAuth"],
    ["client", "/O=Binnacle", "clientAuth"],
  ] as const) {
    const names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", `extendedKeyUsage=${usage}`];
    openssl("req", ...key, ...names, "-keyout", `${name}-key.pem`, "-out", `${name}.csr`, "-subj", subject);
    openssl("x509", "-req", "-in", `${name}.csr`, ...signing, ...days, "-out", `${name}.pem`);
  }
}
