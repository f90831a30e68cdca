import * as fs from "node:fs";
import { CloudClient } from "../../core/api/cloud-client.ts";
import { NodeError } from "../../core/model/error.ts";
import { quoted } from "../../core/model/quote.ts";
import { type Settings, UsageError } from "./arguments.ts";
import { type CliExit, cliExit } from "./command.ts";
import { sessionOf } from "./session-file.ts";

/** The authority of the cloud that this node belongs to. */
const nodeCaFile = "/etc/binnacle/tls/ca.crt";

/** A client with the session that is kept for its server. @throws UsageError */
export function connect({ host, port, caFile, tlsName }: Settings): CloudClient {
  const client = new CloudClient({ host, port, ca: caText(caFile), tlsName });
  client.token = sessionOf(client.server)?.token;
  return client;
}

/** What is trusted; undefined: what the system trusts. @throws UsageError */
export function caText(file: string | undefined): string | undefined {
  try {
    return fs.readFileSync(file ?? nodeCaFile, "utf8");
  } catch (error) {
    if (file === undefined) return;
    throw new UsageError(`${quoted(file)} can't be read: ${error instanceof Error ? error.message : ""}`);
  }
}

/** What the command ends with after an error. */
export function exitOf(error: unknown): CliExit {
  if (error instanceof UsageError) return cliExit.usage;
  if (!(error instanceof NodeError)) return cliExit.failed;
  if (error.code === "IDENTITY.1001") return cliExit.noSession;
  return unreached.includes(error.code) ? cliExit.unreached : cliExit.failed;
}

const unreached = ["CLOUD.ABSENT", "CLOUD.UNTRUSTED", "CLOUD.TIMEOUT", "CLOUD.LOST", "CLOUD.NONSENSE"];
