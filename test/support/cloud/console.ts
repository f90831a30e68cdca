import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Pages, readPages } from "../../../core/console/pages.ts";
import { ConsoleProxy, type ConsoleProxyOptions } from "../../../core/console/proxy.ts";
import { writeDurably } from "../../../core/node/durable.ts";
import { readIfThere, realMachine } from "../../../core/node/machine.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { ensureBuilt } from "../../../scripts/dev/build.ts";
import { projectRoot } from "../../../scripts/dev/source.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import type { TestCloud } from "./manager.ts";

/** The pages as they are shipped. */
export async function builtPages(): Promise<Pages> {
  await ensureBuilt();
  return readPages(join(projectRoot, "build/console-pages"));
}

/** Who the proxy of a test says it is. */
export async function testCertificate(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const machine = realMachine();
  const authority = await Authority.open({
    run: machine.run,
    read: (file) => readIfThere(machine, file),
    write: (file, text, mode) => writeDurably(file, text, mode),
    folder: folder.path,
    now: Date.now,
  });
  const { key, certificate } = await authority.server(["DNS:localhost", "IP:127.0.0.1"]);
  return { key, cert: certificate, ca: authority.certificate, print: new X509Certificate(certificate).fingerprint256 };
}

export type TestProxy = {
  proxy: ConsoleProxy;
  ca: string;
  tls: { key: string; cert: string };
  port: number;
  troubles: string[];
  /** What its log has. */
  notes: string[];
};

/** A proxy of a test's manager on a free port of 127.0.0.1. */
export async function testProxy(
  t: TestContext,
  { cloud, hosts }: Pick<TestCloud, "cloud" | "hosts">,
  more: Partial<ConsoleProxyOptions> = {},
): Promise<TestProxy> {
  const { ca, key, cert } = await testCertificate(t);
  const troubles: string[] = [];
  const notes: string[] = [];
  const proxy = new ConsoleProxy({
    tokens: cloud.consoleTokens,
    mirror: cloud.mirror,
    link: { ...hosts.consoles, ping: (host) => hosts.link.ping(host) },
    sessionLives: (uuid) => cloud.identity.lives(uuid),
    noteUse: (uuid) => cloud.identity.noteUse(uuid),
    place: () => ({ hostname: "127.0.0.1", port: 0, listenOn: "127.0.0.1" }),
    pages: new Map(),
    certificate: { tls: { key, cert }, follow: () => () => undefined },
    onTrouble: (what, error) => troubles.push(`${what}: ${String(error)}`),
    onNote: (what, values) => notes.push(`${what}: ${JSON.stringify(values)}`),
    ...more,
  });
  undoAfter(t, () => proxy.close());
  await proxy.move();
  return { proxy, ca, tls: { key, cert }, port: proxy.place?.port ?? 0, troubles, notes };
}
