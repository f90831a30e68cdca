import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ManagerDoor } from "../../../../core/api/manager-door.ts";
import type { CloudSummary } from "../../../../core/model/cloud/summary.ts";
import { type CloudView, DoorFeed } from "../../../../core/node/cloud/feed.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";

/* What the agent knows of a manager, by what comes through a real socket. */

const summary: CloudSummary = {
  hosts: { total: 2, byState: { Enabled: 2 }, byStatus: { Connected: 2 } },
  virtualMachines: { total: 1, byState: { Running: 1 } },
  tasks: { running: 0, waiting: 0 },
};

/** A door with nobody behind it yet, and what the feed shows of it. */
function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const socketPath = join(folder.path, "manager.sock");
  const feed = new DoorFeed(new ManagerDoor(socketPath));
  undoAfter(t, () => feed.release());
  const { signal } = new AbortController();
  /** Resolves when the feed shows such a view. */
  const until = async (state: CloudView["state"], isMeant: (view: CloudView) => boolean = () => true) => {
    for (;;) {
      const change = new Promise<void>((resolve) => {
        const end = feed.subscribe(() => {
          end();
          resolve();
        });
      });
      const view = await feed.look(signal);
      if (view.state === state && isMeant(view)) return view;
      await change;
    }
  };
  /** A manager that answers each request so. */
  const open = async (answer: (response: ServerResponse) => void) => {
    rmSync(socketPath, { force: true });
    const responses: ServerResponse[] = [];
    const server: Server = createServer((_, response) => {
      responses.push(response);
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const close = () => {
      server.close();
      server.closeAllConnections();
    };
    undoAfter(t, close);
    return { close, responses };
  };
  return { feed, until, open, signal };
}

const stream = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" });
const tell = (response: ServerResponse, data: unknown) =>
  response.write(`event: summary\ndata: ${JSON.stringify(data)}\n\n`);

test("a manager that nobody has started is absent, and is there as soon as it listens", async (t) => {
  const { until, open } = bed(t);
  await until("absent");
  const { responses } = await open((response) => tell(stream(response), summary));
  assert.deepEqual(await until("answering"), { state: "answering", summary });
  const [first] = responses;
  if (first === undefined) throw new Error("nobody has asked");
  const changed = { ...summary, tasks: { running: 3, waiting: 0 } };
  tell(first, changed);
  await until("answering", (view) => view.state === "answering" && view.summary.tasks.running === 3);
});

test("a manager that ends is absent at once", async (t) => {
  const { until, open } = bed(t);
  const { close } = await open((response) => tell(stream(response), summary));
  await until("answering");
  close();
  await until("absent");
});

test("a manager that takes connections and says nothing is silent", async (t) => {
  const { until, open } = bed(t);
  await open(() => undefined);
  await until("silent");
});

test("a stream that falls silent shows the manager as silent, and as it was when a beat comes again", async (t) => {
  const { until, open } = bed(t);
  const { responses } = await open((response) => tell(stream(response), summary));
  await until("answering");
  await until("silent");
  responses[0]?.write(": \n\n");
  assert.deepEqual(await until("answering"), { state: "answering", summary });
  assert.equal(responses.length, 1, "over the same connection");
});

for (const [what, answer] of [
  ["another form", (response: ServerResponse) => tell(stream(response), { hosts: 3 })],
  ["no JSON", (response: ServerResponse) => stream(response).write("event: summary\ndata: {{\n\n")],
  ["an error page", (response: ServerResponse) => response.writeHead(500).end("oops")],
] as const)
  test(`what answers with ${what} is no manager that can be understood`, async (t) => {
    const { until, open } = bed(t);
    await open(answer);
    assert.deepEqual(await until("failed"), {
      state: "failed",
      why: { code: "nonsense", detail: "binnacle-manager" },
    });
  });

test("a look that is called off gives what is known, and a feed that is released asks no more", async (t) => {
  const { feed, open } = bed(t);
  const { responses } = await open(() => undefined);
  assert.deepEqual(await feed.look(AbortSignal.abort()), { state: "pending" });
  feed.release();
  // The connection was given up before anything was asked, or is closed.
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(responses.length <= 1);
});
