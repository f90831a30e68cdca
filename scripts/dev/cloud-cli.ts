import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseManagerConfiguration } from "../../core/model/manager-configuration.ts";
import { bundle, describeBuildFailure, ensureBuilt } from "./build.ts";
import { cloudPlace } from "./cloud-place.ts";
import { privatePlace } from "./place.ts";

/* npm run -s zstack-cli: the command line of the cloud that `npm run -s cloud` runs. Other options go before its own. */

try {
  await ensureBuilt();
  const place = cloudPlace(privatePlace(process.env, os.homedir()).home);
  const isThere = fs.existsSync(place.configuration);
  const port = isThere ? parseManagerConfiguration(fs.readFileSync(place.configuration, "utf8"))["api.port"] : "8080";
  if (!isThere) process.stderr.write("No cloud was started in this place yet: npm run -s cloud\n");
  const ca = path.join(place.tls, "ca.crt");
  const own = isThere ? ["--host", "127.0.0.1", "--port", port, ...(fs.existsSync(ca) ? ["--ca", ca] : [])] : [];
  // The keys are the command line's, and those of what it starts: Ctrl-C must not leave them to two programs.
  process.on("SIGINT", () => {});
  const run = spawnSync(process.execPath, [bundle("zstack-cli"), ...own, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = run.status ?? 1;
} catch (error) {
  process.stderr.write(`${describeBuildFailure(error)}\n`);
  process.exitCode = 1;
}
