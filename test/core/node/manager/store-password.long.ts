import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openStore } from "../../../../core/manager/open-store.ts";
import { type ManagerConfiguration, parseManagerConfiguration } from "../../../../core/model/manager-configuration.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import {
  changeStorePassword,
  checkStoreAuthority,
  recoverStorePassword,
} from "../../../../core/node/manager/store-password.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { EtcdCluster } from "../../store/etcd-cluster.ts";

/*
 * Passwords of accounts in a real etcd with users. Whatever ends a change in the middle, a manager that starts gets in;
 * it is started at each step.
 */

const machine = realMachine();
const first = "plAnted-store-1";
let root = "plAnted-etcd-root-1";
let cluster: EtcdCluster;
let folder: ReturnType<typeof temporaryFolder>;
let file = "";
let configuration: ManagerConfiguration;

/** Whether a manager that starts now gets into the store. */
async function getsIn(): Promise<boolean> {
  const { store } = await openStore(configuration);
  await store.close();
  return true;
}

function change(user: string, next: string, between?: (step: "kept" | "told") => Promise<void>) {
  const authority = new Secret(root);
  const options = { configuration, user, authority, next: new Secret(next), log: () => undefined };
  return changeStorePassword(machine, { ...options, ...(between === undefined ? {} : { between }) });
}

const kept = () => readFileSync(file, "utf8").trim();

before(async () => {
  cluster = await EtcdCluster.start();
  folder = temporaryFolder();
  file = join(folder.path, "store-password");
  writeFileSync(file, `${first}\n`, { mode: 0o600 });
  const ctl = (...args: string[]) => cluster.ctl(args);
  ctl("user", "add", `root:${root}`);
  ctl("role", "add", "manager");
  ctl("role", "grant-permission", "--prefix", "manager", "readwrite", "/binnacle/");
  ctl("user", "add", `binnacle:${first}`);
  ctl("user", "grant-role", "binnacle", "manager");
  ctl("auth", "enable");
  configuration = parseManagerConfiguration(
    [
      "store.type=etcd",
      `store.etcd.endpoints=${cluster.endpoints.join(",")}`,
      "store.etcd.user=binnacle",
      `store.etcd.passwordFile=${file}`,
    ].join("\n"),
  );
  assert.ok(await getsIn());
});
after(async () => {
  await cluster?.stop();
  folder?.dispose();
});

describe("the password of the manager's account in etcd", () => {
  it("is changed with the store's root alone, and its file with it", async () => {
    await assert.rejects(checkStoreAuthority(machine, configuration, new Secret("wrong")), {
      code: "PASSWORD.WRONG_STORE",
    });
    await checkStoreAuthority(machine, configuration, new Secret(root));
    const steps: string[] = [];
    await change("binnacle", " plAnted second ", async (step) => {
      steps.push(step);
      assert.ok(await getsIn(), step);
    });
    assert.deepEqual(steps, ["kept", "told"]);
    // Blanks at its ends belong to it.
    assert.equal(readFileSync(file, "utf8"), " plAnted second \n");
    assert.ok(!existsSync(`${file}.next`));
    assert.ok(await getsIn());
  });

  for (const end of ["kept", "told"] as const)
    it(`lets a manager in when the agent was ended after "${end}", and the next agent puts the files in order`, async () => {
      const before = kept();
      const next = `plAnted-third-${end}`;
      await assert.rejects(
        change("binnacle", next, async (step) => {
          if (step === end) throw new Error("the agent was killed");
        }),
      );
      assert.equal(readFileSync(file, "utf8").trim(), before);
      assert.equal(readFileSync(`${file}.next`, "utf8").trim(), next);
      assert.ok(await getsIn());
      assert.notEqual(await recoverStorePassword(machine, configuration), undefined);
      assert.equal(kept(), end === "told" ? next : before);
      assert.ok(!existsSync(`${file}.next`));
      assert.ok(await getsIn());
      assert.equal(await recoverStorePassword(machine, configuration), undefined);
    });

  it("stays as it was when the authority is wrong, in etcd and in its file", async () => {
    const before = kept();
    const options = { configuration, user: "binnacle", next: new Secret("plAnted-fourth"), log: () => undefined };
    await assert.rejects(changeStorePassword(machine, { ...options, authority: new Secret("wrong") }), {
      code: "PASSWORD.NOT_CHANGED",
    });
    assert.equal(kept(), before);
    assert.ok(!existsSync(`${file}.next`));
    assert.ok(await getsIn());
  });

  it("is left alone while etcd can't be asked, and both files with it", async () => {
    await assert.rejects(
      change("binnacle", "plAnted-fifth", async () => {
        throw new Error("the agent was killed");
      }),
    );
    await cluster.kill(0);
    await cluster.kill(1);
    await assert.rejects(recoverStorePassword(machine, configuration), { code: "STORE.UNREACHABLE" });
    assert.ok(existsSync(`${file}.next`));
    cluster.run(0);
    cluster.run(1);
    await cluster.healthy(["--user", `root:${root}`]);
    await recoverStorePassword(machine, configuration);
    assert.ok(await getsIn());
  });
});

describe("the password of etcd's root", () => {
  it("is changed with the old one, and no file with it", async () => {
    const before = readFileSync(file, "utf8");
    await change("root", "plAnted-etcd-root-2");
    await assert.rejects(checkStoreAuthority(machine, configuration, new Secret(root)), {
      code: "PASSWORD.WRONG_STORE",
    });
    root = "plAnted-etcd-root-2";
    await checkStoreAuthority(machine, configuration, new Secret(root));
    assert.equal(readFileSync(file, "utf8"), before);
    assert.ok(await getsIn());
  });
});
