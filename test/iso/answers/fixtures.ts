import * as fs from "node:fs";
import * as path from "node:path";
import { type Hardware, hardware } from "../../../core/model/installation/hardware.ts";

export const answersFolder = path.join(import.meta.dirname, "../../fixtures/answers");

/** The names of the answer files in `wrong` or `right`, without their ending. */
export function answerFiles(kind: "wrong" | "right"): string[] {
  const files = fs.readdirSync(path.join(answersFolder, kind)).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => file.slice(0, -".yaml".length)).sort();
}

export function answerFile(kind: "wrong" | "right", name: string): string {
  return path.join(answersFolder, kind, `${name}.yaml`);
}

export function machine(name: string): Hardware {
  return hardware.parse(JSON.parse(fs.readFileSync(path.join(answersFolder, "hardware", `${name}.json`), "utf8")));
}

/** The machine that an answer file is for: its first line may say `# hardware: NAME`. */
export function machineOf(bytes: Buffer): Hardware | null {
  const name = /^(?:\ufeff)?# hardware: (\S+)/.exec(bytes.toString("utf8"))?.[1];
  return name === undefined ? null : machine(name);
}

/** The kept text beside an answer file; UPDATE_GOLDEN=1 keeps `actual` instead. */
export function golden(kind: "wrong" | "right", name: string, actual: string): string {
  const file = path.join(answersFolder, kind, `${name}.txt`);
  if (process.env["UPDATE_GOLDEN"] === "1") fs.writeFileSync(file, actual);
  return fs.readFileSync(file, "utf8");
}
