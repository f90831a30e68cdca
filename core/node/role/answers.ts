import { join } from "node:path";
import { type Machine, readOrNothing } from "../machine.ts";
import type { RolePaths } from "./paths.ts";

/** TCP port of the manager's API. Source: management.md, "Ports". */
const managerPort = 8080;

/** Whether something speaks HTTP on the agent's socket. What it answers is not looked at. */
export async function agentAnswers(socketPath: string, signal: AbortSignal): Promise<boolean> {
  const { request } = await import("node:http");
  return answered(signal, (options) => request({ ...options, socketPath, path: "/" }));
}

/** Whether something speaks HTTPS on the manager's port of this node, with a certificate of this cloud's authority. */
export async function managerAnswers(machine: Machine, paths: RolePaths, signal: AbortSignal): Promise<boolean> {
  const ca = await readOrNothing(machine, join(paths.tls, "ca.crt"));
  if (ca === undefined) return false;
  const { request } = await import("node:https");
  return answered(signal, (options) => request({ ...options, host: "localhost", port: managerPort, path: "/", ca }));
}

type Common = { method: "HEAD"; signal: AbortSignal; agent: false };

function answered(signal: AbortSignal, send: (options: Common) => import("node:http").ClientRequest): Promise<boolean> {
  return new Promise((resolve) => {
    const request = send({
      method: "HEAD",
      signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
      agent: false,
    });
    request.once("response", (response) => {
      response.resume();
      resolve((response.statusCode ?? 500) < 500);
    });
    request.once("error", () => resolve(false));
    request.end();
  });
}
