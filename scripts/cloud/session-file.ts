import * as z from "zod/mini";
import { jsonOrNothing } from "../../core/model/json.ts";
import { ownFile, readOwn, writeOwn } from "./files.ts";

const session = z.object({ token: z.string().check(z.regex(/^[\x21-\x7e]{1,512}$/)), accountName: z.string() });
export type KeptSession = z.infer<typeof session>;
const kept = z.record(z.string(), session);

/** The session of a server, by its host and port. What is damaged is no session. */
export function sessionOf(server: string): KeptSession | undefined {
  return new Map(Object.entries(all())).get(server);
}

/** @throws the file system's errors */
export function keepSession(server: string, made: KeptSession): void {
  writeOwn(ownFile("session"), `${JSON.stringify({ ...all(), [server]: made }, null, 2)}\n`);
}

/** @throws the file system's errors */
export function forgetSession(server: string): void {
  const { [server]: forgotten, ...others } = all();
  if (forgotten !== undefined) writeOwn(ownFile("session"), `${JSON.stringify(others, null, 2)}\n`);
}

function all(): Record<string, KeptSession> {
  const parsed = kept.safeParse(jsonOrNothing(readOwn(ownFile("session")) ?? "{}"));
  return parsed.success ? parsed.data : {};
}
