import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { TestContext } from "node:test";

/** A small project of its own for one test: files by their paths. Removed when the test has ended. */
export function makeProject(test: TestContext, files: Readonly<Record<string, string>>): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-project-"));
  test.after(() => fs.rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  // The build follows imports of packages.
  fs.symlinkSync(path.join(import.meta.dirname, "../../../node_modules"), path.join(root, "node_modules"));
  writeFiles(root, files);
  return root;
}

export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
}
