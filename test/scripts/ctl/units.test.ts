import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ManagerDoor } from "../../../core/api/manager-door.ts";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { standInFor } from "../../../core/manager/waiting.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { requireAnswer } from "../../../scripts/ctl/units.ts";
import { realWorld } from "../../../scripts/ctl/world.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

test("a manager that waits for etcd is not ready, and its own words say why", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const authority = await Authority.open({ ...pkiFiles(), folder: join(folder.path, "tls"), now: Date.now });
  const { key, certificate: cert } = await authority.server(["IP:127.0.0.1"]);
  const [port = 0] = await freePorts(1);
  const socketPath = join(folder.path, "m.sock");
  const { end } = await standInFor({ tls: { key, cert }, host: "127.0.0.1", port, socketPath });
  undoAfter(t, end);
  const shown = "LoadState=loaded\nActiveState=active\nMainPID=7\n";
  const world = {
    ...realWorld(new Map()),
    door: new ManagerDoor(socketPath),
    run: async () => ({ code: 0, stdout: shown, stderr: "" }),
    patienceMs: 0,
  };
  await assert.rejects(requireAnswer(world), { code: "CTL.NO_ANSWER", message: /unit is active\. It says: .*etcd/ });
});
