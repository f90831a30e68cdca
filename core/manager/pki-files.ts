import { readFile } from "node:fs/promises";
import { errnoOf, writeDurably } from "../node/durable.ts";
import { realMachine } from "../node/machine.ts";
import type { Files } from "../pki/files.ts";

/** The keys and certificates of this machine. */
export function pkiFiles(): Files {
  return {
    run: realMachine().run,
    async read(file) {
      try {
        return await readFile(file, "utf8");
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw error;
      }
    },
    write: writeDurably,
  };
}
