import * as dns from "node:dns/promises";
import { isIP } from "node:net";

/** Asks one name server about a name, or about the name of an address. Resolves when any answer came, rejects when none did. */
export type Resolver = (server: string, name: string, timeoutMs: number) => Promise<void>;

/** A server that says "no such name" or "not from me" has answered. */
const noAnswer = new Set(["ETIMEOUT", "ECONNREFUSED", "ECANCELLED", "EBADRESP", "EBADSTR"]);

/** The resolver of the real machine. `server`: an address, with `:port` where it is not 53. */
export const networkResolver: Resolver = async (server, name, timeoutMs) => {
  const resolver = new dns.Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([server]);
  try {
    if (isIP(name) === 0) await resolver.resolve4(name);
    else await resolver.reverse(name);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "" || noAnswer.has(code)) throw error;
  }
};
