import { copyVolume } from "../../../core/hypervisor/libvirt/copies.ts";
import { VolumeFiles } from "../../../core/hypervisor/libvirt/volume-files.ts";
import { realMachine } from "../../../core/node/machine.ts";

/* An agent that copies a volume until it is killed: `copies.real-child.ts FROM PATH SIZE`. */

const [, , from = "", path = "", size = ""] = process.argv;
const machine = realMachine();
const command = { do: "copyVolume", from, path, sizeBytes: Number(size) } as const;
await copyVolume({ machine, volumes: new VolumeFiles(machine) }, command, new AbortController().signal);
