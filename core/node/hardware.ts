import type systeminformation from "systeminformation";
import { NodeError } from "../model/error.ts";
import type { Hardware } from "../model/records.ts";
import { plainLine } from "./plain-text.ts";

const timeoutMs = 8_000;

/** What boards and firmware say when nobody has filled in their fields. */
const placeholders =
  /^(-|n\/?a|none|unknown|not (specified|available|applicable|provided)|(to be filled|o\.?e\.?m).*|default string|system (manufacturer|product name|serial number)|0+)$/i;

type Library = Pick<typeof systeminformation, "system" | "baseboard" | "bios" | "cpu" | "memLayout">;

/**
 * Reads the machine's hardware by systeminformation, which knows the firmware tables of many makers. The library is
 * loaded when somebody asks: it takes 3 MB, and starts several commands. Whoever asks while a reading runs gets its
 * outcome, also when it has hung for long: each new one would leave another command behind that can't be ended.
 *
 * @throws NodeError HARDWARE.TIMEOUT
 */
export function hardwareReader(
  load: () => Promise<Library> = async () => (await import("systeminformation")).default,
): () => Promise<Hardware> {
  let running: Promise<Hardware> | undefined;
  return () => {
    running ??= load()
      .then(read)
      .finally(() => {
        running = undefined;
      });
    return inTime(running);
  };
}

async function read(information: Library): Promise<Hardware> {
  const [system, board, bios, cpu, memory] = await Promise.all([
    information.system(),
    information.baseboard(),
    information.bios(),
    information.cpu(),
    information.memLayout(),
  ]);
  return {
    vendor: said(system.manufacturer),
    model: said(system.model),
    serial: said(system.serial),
    board: said(`${said(board.manufacturer) ?? ""} ${said(board.model) ?? ""}`.trim()),
    firmware: said(`${said(bios.vendor) ?? ""} ${said(bios.version) ?? ""}`.trim()),
    firmwareDate: said(bios.releaseDate ?? ""),
    cpu: {
      model: plainLine(`${cpu.manufacturer} ${cpu.brand}`.trim(), 100),
      sockets: cpu.processors,
      cores: cpu.physicalCores,
      threads: cpu.cores,
      maxGhz: positive(cpu.speedMax) ?? positive(cpu.speed),
      l3Bytes: positive(cpu.cache.l3),
    },
    memory: memory
      .filter((module) => module.size > 0)
      .map((module) => ({
        slot: said(module.bank),
        sizeBytes: module.size,
        type: said(module.type),
        mhz: positive(module.clockSpeed),
        vendor: said(module.manufacturer ?? ""),
        part: said(module.partNum),
        ecc: module.ecc ?? null,
      })),
  };
}

function said(text: string): string | null {
  const plain = plainLine(text, 100).trim();
  return plain === "" || placeholders.test(plain) ? null : plain;
}

function positive(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : null;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new NodeError("HARDWARE.TIMEOUT", `The firmware's tables were not read within ${timeoutMs / 1000} s.`, {
            remedy: "Try again; if it lasts, look at the kernel's log.",
          }),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
