import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { uuid } from "../../../model/cloud/fields.ts";
import { textOrNothing, writeDurably } from "../../../node/durable.ts";
import { nicSpec } from "../../nic-spec.ts";

const note = z.strictObject({
  /** When its machine was started last, for which of two wins that say different things of a network. */
  at: z.number(),
  /** Whether it runs, or is just being started. */
  isOn: z.boolean(),
  nics: z.array(nicSpec),
});
type Note = z.infer<typeof note>;
export type MachineNote = Note & { uuid: string };

/**
 * The cards of the machines of this host, a file for each machine that libvirt knows. They lie in memory as machines
 * do: after a start of the host there are none of either.
 */
export class MachineNotes {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** From the oldest to the newest. One that can't be read is none, and goes: its machine's next start writes another. */
  async all(): Promise<MachineNote[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const uuids = names.flatMap((name) => /^([\da-f]{32})\.json$/.exec(name)?.[1] ?? []);
    const notes = await Promise.all(uuids.map((one) => this.get(one)));
    return notes.filter((one) => one !== undefined).sort((a, b) => a.at - b.at || (a.uuid < b.uuid ? -1 : 1));
  }

  async get(machineUuid: string): Promise<MachineNote | undefined> {
    const text = await textOrNothing(this.#fileOf(machineUuid));
    if (text === undefined) return undefined;
    try {
      return { ...note.parse(JSON.parse(text)), uuid: uuid.parse(machineUuid) };
    } catch {
      await this.remove(machineUuid);
      return undefined;
    }
  }

  async put({ uuid: machineUuid, ...rest }: MachineNote): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeDurably(this.#fileOf(machineUuid), JSON.stringify(rest));
  }

  async remove(machineUuid: string): Promise<void> {
    await rm(this.#fileOf(machineUuid), { force: true });
  }

  #fileOf(machineUuid: string): string {
    return join(this.#folder, `${machineUuid}.json`);
  }
}
