import { textOrNothing, writeDurably } from "../node/durable.ts";
import { realMachine } from "../node/machine.ts";
import type { Files } from "../pki/files.ts";

/** The keys and certificates of this machine. */
export function pkiFiles(): Files {
  return { run: realMachine().run, read: textOrNothing, write: writeDurably };
}
