import * as dns from "node:dns/promises";

/** Asks one name server about a name. Resolves when any answer came, rejects when none did. */
export type Resolver = (server: string, name: string, timeoutMs: number) => Promise<void>;

/** A server that says "no such name" or "not from me" has answered. */
const noAnswer = new Set(["ETIMEOUT", "ECONNREFUSED", "ECANCELLED", "EBADRESP", "EBADSTR"]);

/** The resolver of the real machine. `server`: an address, with `:port` where it is not 53. */
export const networkResolver: Resolver = async (server, name, timeoutMs) => {
  const resolver = new dns.Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([server]);
  try {
    await resolver.resolve4(name);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "" || noAnswer.has(code)) throw error;
  }
};
