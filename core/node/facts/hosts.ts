import { FactMissing, type Source } from "./source.ts";

/** Hosts of the cloud. Only a manager knows them, and this version has none to ask. */
export function hostsSource(): Source<"hosts"> {
  return {
    name: "hosts",
    everyMs: 60_000,
    idleEveryMs: 300_000,
    budgetMs: 5000,
    async read() {
      throw new FactMissing("notConfigured", "binnacle-manager");
    },
  };
}
