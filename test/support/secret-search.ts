import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Escape sequences between the letters of a text that was drawn cell by cell. */
const escapes = new RegExp(`${String.fromCharCode(0x1b)}(\\[[0-?]*[ -/]*[@-~]|[()].|[=>78])`, "g");

/** The forms in which a secret could lie about: as it is, in JSON, in a URL, in base64. */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  return [...new Set([secret, json, encodeURIComponent(secret), Buffer.from(secret).toString("base64")])];
}

/** Says where one of the secrets is in a text, without repeating it; undefined when none is. */
export function findSecret(text: string, secrets: readonly string[]): string | undefined {
  const drawn = text.replace(escapes, "");
  for (const [nth, secret] of secrets.entries())
    for (const form of formsOf(secret)) {
      if (text.includes(form)) return `secret ${nth} at ${text.indexOf(form)}`;
      if (drawn.includes(form)) return `secret ${nth}, drawn in pieces, at ${drawn.indexOf(form)}`;
    }
  return undefined;
}

/** Every file below a folder with its text; sockets and the like are left out. */
export function filesBelow(folder: string): { file: string; text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, text: readFileSync(file, "utf8") }));
}

/** Looks at the command line of every process, again and again, until it is stopped; gives all that were seen. */
export function watchCommandLines(everyMs = 25): { stop(): string[] } {
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return [...seen];
    },
  };
}
