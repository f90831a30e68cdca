import * as z from "zod/mini";
import { line } from "../../model/cloud/fields.ts";
import { NodeError } from "../../model/error.ts";
import { textOrNothing, whyNotWritten, writeDurably } from "../../node/durable.ts";
import { Turns } from "../../node/turns.ts";
import { checkVolumePath } from "../driver.ts";

const note = z.strictObject({ sharedMountPoints: z.array(line(1024)) });

/**
 * The shared mount points that a manager has named to this host, noted on its disk: an agent that was started anew has to
 * know before its first command that a path is nothing without its mount, for what is written below an empty mount
 * point is lost to all other hosts.
 */
export class MountPoints {
  readonly #file: string | undefined;
  readonly #turns = new Turns();
  #known: ReadonlySet<string> | undefined;

  /** @param file where they are noted; without it in memory alone */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** The innermost that a path is below. @throws HYPERVISOR.FAILED when the note can't be read */
  async folderOf(path: string): Promise<string | undefined> {
    const above = [...(await this.#all())].filter((each) => path.startsWith(`${each}/`));
    return above.sort((a, b) => b.length - a.length)[0];
  }

  /** From now on a folder is one, or is none any more. @throws HYPERVISOR.FAILED when that can't be noted */
  note(folder: string, isOne: boolean): Promise<void> {
    return this.#turns.take(async () => {
      const before = await this.#all();
      if (before.has(folder) === isOne) return;
      const after = new Set(before);
      if (isOne) after.add(folder);
      else after.delete(folder);
      await this.#write([...after].sort());
      this.#known = after;
    });
  }

  async #all(): Promise<ReadonlySet<string>> {
    this.#known ??= new Set(await this.#read());
    return this.#known;
  }

  async #read(): Promise<readonly string[]> {
    if (this.#file === undefined) return [];
    try {
      const text = await textOrNothing(this.#file);
      if (text === undefined) return [];
      const { sharedMountPoints } = note.parse(JSON.parse(text));
      sharedMountPoints.forEach(checkVolumePath);
      return sharedMountPoints;
    } catch (error) {
      // As if there were none would be the fault that the note is there for.
      throw new NodeError("HYPERVISOR.FAILED", `The note of the shared mount points, ${this.#file}, can't be read.`, {
        remedy: "Remove the file, then reconnect the host (ReconnectHost), with which it is told of its storages anew.",
        values: { file: this.#file },
        cause: error,
      });
    }
  }

  async #write(sharedMountPoints: readonly string[]): Promise<void> {
    if (this.#file === undefined) return;
    try {
      await writeDurably(this.#file, `${JSON.stringify({ sharedMountPoints })}\n`);
    } catch (error) {
      const why = `The shared mount points can't be noted in ${this.#file} because ${whyNotWritten(error)}.`;
      throw new NodeError("HYPERVISOR.FAILED", why, {
        remedy: "Look at the disk of the host's system.",
        values: { file: this.#file },
        cause: error,
      });
    }
  }
}
