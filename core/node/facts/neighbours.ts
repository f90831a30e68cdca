import * as z from "zod";
import type { Neighbour } from "../../model/facts.ts";
import { commandFailed, FactMissing, parseJson, type Source } from "./source.ts";

const values = z.array(z.object({ type: z.string().optional(), value: z.string() })).default([]);
const answer = z.object({
  lldp: z.array(
    z.object({
      interface: z
        .array(
          z.object({
            name: z.string(),
            chassis: z.array(z.object({ id: values, name: values })).default([]),
            port: z.array(z.object({ id: values, descr: values })).default([]),
          }),
        )
        .default([]),
    }),
  ),
});

/** What the switches say of themselves, where lldpd listens. */
export function neighboursSource(): Source<"neighbours"> {
  return {
    name: "neighbours",
    everyMs: 30_000,
    idleEveryMs: 120_000,
    budgetMs: 5000,
    async read(machine, signal) {
      const args = ["-f", "json0", "show", "neighbors"];
      const { code, stdout, stderr } = await machine.run("lldpcli", args, { timeoutMs: 4000, signal });
      if (/unable to connect/i.test(stderr)) throw new FactMissing("notRunning", "lldpd");
      if (code !== 0) throw commandFailed("lldpcli", stderr);
      return parseLldp(stdout);
    },
  };
}

/** lldpcli's `json0`, the form whose shape does not depend on how many there are. */
export function parseLldp(text: string): Neighbour[] {
  return parseJson(answer, text, "lldpcli").lldp.flatMap(({ interface: links }) =>
    links.map((link) => {
      const chassis = link.chassis[0];
      const port = link.port[0];
      const portId = port?.id[0];
      // A port's number or MAC address helps nobody at the switch; its description does.
      const named = portId?.type === "ifname" || portId?.type === "local" ? portId.value : undefined;
      return {
        link: link.name,
        system: chassis?.name[0]?.value ?? chassis?.id[0]?.value ?? "",
        port: named ?? port?.descr[0]?.value ?? portId?.value ?? "",
      };
    }),
  );
}
