import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CloudError } from "../model/cloud/refusal.ts";
import { summary } from "../orchestrator/calls/readers.ts";
import type { Mirror } from "../orchestrator/mirror.ts";

/** Figures of the manager for Prometheus. Names follow its conventions: base units, `_total` for counters. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #calls: Histogram<"call" | "code">;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#calls = new Histogram({
      name: "binnacle_api_call_duration_seconds",
      help: "Calls of the API by name and error code; the code is empty for those that did what was asked.",
      labelNames: ["call", "code"],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers: [this.#registry],
    });
  }

  callEnded(name: string, durationMs: number, error: CloudError | null): void {
    this.#calls.observe({ call: name, code: error?.code ?? "" }, durationMs / 1000);
  }

  /** Counts of the cloud, made when they are asked for. */
  watch(mirror: Mirror): void {
    const registers = [this.#registry];
    const hosts: Gauge<"status"> = new Gauge({
      name: "binnacle_hosts",
      help: "Hosts by status.",
      labelNames: ["status"],
      registers,
      collect: () => set(hosts, "status", summary(mirror).hosts.byStatus),
    });
    const machines: Gauge<"state"> = new Gauge({
      name: "binnacle_virtual_machines",
      help: "Virtual machines by state.",
      labelNames: ["state"],
      registers,
      collect: () => set(machines, "state", summary(mirror).virtualMachines.byState),
    });
    const tasks: Gauge<"state"> = new Gauge({
      name: "binnacle_tasks",
      help: "Tasks that have not ended.",
      labelNames: ["state"],
      registers,
      collect: () => set(tasks, "state", summary(mirror).tasks),
    });
    const unreadable: Gauge = new Gauge({
      name: "binnacle_unreadable_records",
      help: "Records of the store that can't be read and are left out; the manager's log names them.",
      registers,
      collect: () => unreadable.set(mirror.unreadable.size),
    });
    const revision: Gauge = new Gauge({
      name: "binnacle_store_revision",
      help: "The store's revision that this manager has seen.",
      registers,
      collect: () => revision.set(mirror.revision),
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Answers GET /metrics; nothing else, and nobody's session is needed: there are only counts in it. */
  server(): Server {
    return createServer({ requestTimeout: 10_000 }, (request, response) => {
      if (request.method !== "GET" || request.url !== "/metrics") {
        response.writeHead(404, { "content-type": "text/plain" }).end("GET /metrics\n");
        return;
      }
      this.text().then(
        (text) => response.writeHead(200, { "content-type": this.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
  }
}

function set<L extends string>(gauge: Gauge<L>, label: L, counts: Readonly<Record<string, number>>): void {
  gauge.reset();
  for (const [value, count] of Object.entries(counts)) gauge.set({ [label]: value } as Record<L, string>, count);
}
