import { join } from "node:path";
import { parseArgs } from "node:util";
import { resumeCommit } from "./node/network/commit.ts";
import { commitFile } from "./node/network/journal.ts";

/*
 * Run before NetworkManager at a boot that finds a change of the network half saved (binnacle-network.service): writes
 * all of its files. The agent keeps the book, and removes the list of files when it has done so.
 *
 * Ends with 0 when the files are there, 1 when they can't be written, 2 for wrong usage.
 */
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

async function main(): Promise<number> {
  let home: string | undefined;
  try {
    home = parseArgs({ options: { home: { type: "string" } } }).values.home;
  } catch (error) {
    process.stderr.write(`network-resume: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  if (home === undefined) {
    process.stderr.write("usage: network-resume --home FOLDER\n");
    return exitCodes.usage;
  }
  try {
    const id = await resumeCommit(commitFile(join(home, "network")), "");
    process.stdout.write(id === undefined ? "Nothing was half saved.\n" : `The change ${id} is saved.\n`);
    return exitCodes.done;
  } catch (error) {
    process.stderr.write(
      `network-resume: the change is not saved: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return exitCodes.failed;
  }
}

process.exitCode = await main();
