import { NodeError } from "../../model/error.ts";
import { type Machine, readOrNothing } from "../machine.ts";
import { type CheckContext, defineCheck } from "./check.ts";
import { list } from "./format.ts";

const timeoutMs = 3000;
const folder = "/etc/ssh";
const mainFile = `${folder}/sshd_config`;

/** What sshd must be told, and where: the first value that sshd reads counts, so the file has to be the first. */
export const withoutNames = { file: `${folder}/sshd_config.d/00-binnacle-names.conf`, text: "UseDNS no\n" };

/** Logins over SSH that wait for name servers: sshd looks up the client's name, and nobody answers. */
export const sshCheck = defineCheck({
  id: "ssh",
  area: "node",
  name: "SSH",
  codes: ["SSH.OK", "SSH.SLOW"],
  async run(context) {
    const looksUp = await looksUpNames(context.machine, context.signal);
    if (looksUp === undefined) return [];
    const silent = looksUp ? await silentServers(context) : [];
    if (silent === "notAsked") return [{ outcome: "unable", why: { code: "unsupported", detail: "DNS" } }];
    if (silent.length === 0) return [{ outcome: "passed", code: "SSH.OK" }];
    const values = { servers: list(silent), limit: `${timeoutMs / 1000} s` };
    return [{ outcome: "failed", code: "SSH.SLOW", values, fix: "ssh-without-names" }];
  },
});

/**
 * Whether sshd looks up the names of clients (`UseDNS yes`); undefined where there is no sshd. sshd itself is asked;
 * when it does not tell, which needs its keys and folders, its files are read.
 */
export async function looksUpNames(machine: Machine, signal?: AbortSignal): Promise<boolean | undefined> {
  const limits = { timeoutMs, reason: "Diagnostics", ...(signal === undefined ? {} : { signal }) };
  try {
    const { code, stdout } = await machine.run("sshd", ["-T"], limits);
    const told = code === 0 ? /^usedns (\S+)$/im.exec(stdout)?.[1] : undefined;
    if (told !== undefined) return told === "yes";
  } catch (error) {
    if (error instanceof NodeError && error.code === "RUN.NOT_FOUND") return undefined;
  }
  // Since OpenSSH 6.8 it is "no" unless a file says otherwise.
  return (await firstUseDns(machine, mainFile, 0)) === "yes";
}

/** sshd gives up at the same depth. Source: servconf.c, SERVCONF_MAX_DEPTH. */
const maxDepth = 16;

/** The first value outside of `Match` blocks, with files that are included read in their place. Source: sshd_config(5). */
async function firstUseDns(machine: Machine, file: string, depth: number): Promise<string | undefined> {
  if (depth > maxDepth) return undefined;
  for (const line of ((await readOrNothing(machine, file)) ?? "").split("\n")) {
    const [, keyword = "", rest = ""] = /^\s*([A-Za-z]+)\s*[\s=]\s*(.*?)\s*$/.exec(line) ?? [];
    switch (keyword.toLowerCase()) {
      case "match":
        return undefined;
      case "usedns":
        return rest.replaceAll('"', "").toLowerCase();
      case "include":
        for (const included of await includedFiles(machine, rest)) {
          const value = await firstUseDns(machine, included, depth + 1);
          if (value !== undefined) return value;
        }
    }
  }
  return undefined;
}

/** Files of an `Include`; a pattern has its star in the last part, as in `sshd_config.d/*.conf`. */
async function includedFiles(machine: Machine, patterns: string): Promise<string[]> {
  const files: string[] = [];
  for (const word of patterns.replaceAll('"', "").split(/\s+/)) {
    const path = word.startsWith("/") ? word : `${folder}/${word}`;
    const cut = path.lastIndexOf("/");
    const [before, after] = path.slice(cut + 1).split("*");
    if (after === undefined) files.push(path);
    else {
      const names = await machine.readDir(path.slice(0, cut)).catch((): string[] => []);
      const fitting = names.filter((name) => name.startsWith(before ?? "") && name.endsWith(after));
      files.push(...fitting.map((name) => `${path.slice(0, cut)}/${name}`));
    }
  }
  return files;
}

/**
 * Name servers that hold a look-up up: those that say nothing before one answers. Asked is about this node's own
 * address, for clients of the same network are looked up at the same place.
 */
async function silentServers(context: CheckContext): Promise<string[] | "notAsked"> {
  const { resolver } = context;
  const { links, nameServers } = context.fact("network");
  // Without any, the look-up fails at once.
  if (nameServers.length === 0) return [];
  if (resolver === null) return "notAsked";
  const own = links.find(({ management }) => management)?.addresses.find(({ scope }) => scope === "global");
  const asked = own?.address ?? context.fact("identity").hostname;
  const answers = await Promise.allSettled(nameServers.map((server) => resolver(server, asked, timeoutMs)));
  const first = answers.findIndex(({ status }) => status === "fulfilled");
  return first < 0 ? [...nameServers] : nameServers.slice(0, first);
}
