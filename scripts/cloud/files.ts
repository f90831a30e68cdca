import * as fs from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Files of the person who calls: nobody else may read them. */
export function ownFile(name: "session" | "history"): string {
  return join(homedir(), ".zstack-cli", name);
}

/** Undefined when it can't be read: a person without a home works, too. */
export function readOwn(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** As a whole or not at all, with mode 0600 whatever it had. @throws the file system's errors */
export function writeOwn(file: string, text: string): void {
  makeFolder(file);
  const temporary = `${file}.${process.pid}`;
  fs.rmSync(temporary, { force: true });
  fs.writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
  fs.renameSync(temporary, file);
}

/** Several that run at once add their lines to one file. @throws the file system's errors */
export function appendOwn(file: string, text: string): void {
  makeFolder(file);
  const handle = fs.openSync(file, "a", 0o600);
  try {
    fs.fchmodSync(handle, 0o600);
    fs.writeSync(handle, text);
  } finally {
    fs.closeSync(handle);
  }
}

function makeFolder(file: string): void {
  fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}
