import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { parseKeyFile } from "../../../../core/node/network/keyfile.ts";
import { keepEdited, takeStrangersAway } from "../../../../core/node/network/strangers.ts";
import type { ProfileWrite } from "../../../../core/node/network/write-profiles.ts";
import { managementProfile } from "../../../support/network/management-profile.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const old = "management.nmconnection";
const stranger = `management-${uuid}.nmconnection`;
const profile = managementProfile("eth0");
/** As NetworkManager 1.52 writes the same profile. */
const rewritten = `[connection]
id=management
uuid=${uuid}
type=ethernet
autoconnect-priority=10
interface-name=eth0

[ethernet]

[ipv4]
address1=10.0.0.5/24
gateway=10.0.0.1
method=manual

[ipv6]
addr-gen-mode=default
method=disabled

[proxy]
`;
const bridge = "22222222-2222-4222-8222-222222222222";
const change = { kept: [old], tried: [{ name: old, before: null }], uuids: [uuid, bridge], renames: [] };

describe("a profile of a change that turns up in /etc while it is tried", () => {
  let folder: ReturnType<typeof temporaryFolder>;
  const profiles = () => join(folder.path, "etc/NetworkManager/system-connections");
  beforeEach(() => {
    folder = temporaryFolder();
    mkdirSync(profiles(), { recursive: true });
    writeFileSync(join(profiles(), old), profile);
  });
  afterEach(() => folder.dispose());

  const cases: [what: string, name: string, text: string, after: string | null, more?: object][] = [
    ["goes when it is the former one in NetworkManager's own form", stranger, rewritten, null],
    ["is set aside when an address differs", stranger, rewritten.replace("0.5", "0.9"), `${stranger}~`],
    ["is set aside when something else was added", stranger, `${rewritten}[ethtool]\nring-rx=4096\n`, `${stranger}~`],
    ["is set aside for another interface", stranger, rewritten.replace("eth0", "eth2"), `${stranger}~`],
    [
      "goes when it is the former one under the new name",
      stranger,
      rewritten.replace("eth0", "lan0"),
      null,
      { renames: [["eth0", "lan0"]] },
    ],
    ["is set aside when the change made it", "br0.nmconnection", `[connection]\nuuid=${bridge}\n`, "br0.nmconnection~"],
    ["stays when it has a UUID of its own", "x.nmconnection", "[connection]\nuuid=x\n", "x.nmconnection"],
    ["stays when it has none", "x.nmconnection", "[connection]\nid=x\n", "x.nmconnection"],
  ];
  for (const [what, name, text, after, more] of cases)
    it(what, async () => {
      writeFileSync(join(profiles(), name), text);
      const { isAny, aside } = await takeStrangersAway(folder.path, { ...change, ...more }, null);
      assert.deepEqual(readdirSync(profiles()).sort(), [...(after === null ? [] : [after]), old].sort());
      assert.equal(isAny, after !== name);
      assert.deepEqual(aside, after?.endsWith("~") === true ? [`/etc/NetworkManager/system-connections/${after}`] : []);
    });

  const kept = new Map([[`/etc/NetworkManager/system-connections/${old}`, profile]]);
  it("goes after a change was kept when it is what was before", async () => {
    writeFileSync(join(profiles(), old), profile.replace("0.5", "0.9"));
    writeFileSync(join(profiles(), stranger), rewritten);
    assert.deepEqual(await takeStrangersAway(folder.path, change, kept), { isAny: true, aside: [] });
    assert.deepEqual(readdirSync(profiles()), [old]);
  });

  it("stays when the change has been kept and it is one of its own", async () => {
    writeFileSync(join(profiles(), "br0.nmconnection"), `[connection]\nuuid=${bridge}\n`);
    const tried = [...change.tried, { name: "br0.nmconnection", before: null }];
    assert.deepEqual(await takeStrangersAway(folder.path, { ...change, tried }, kept), { isAny: false, aside: [] });
  });

  it("hides nothing of the change when somebody deleted it, and what was hidden before stays so", async () => {
    const before = `${bridge}.nmmeta`;
    for (const name of [`${uuid}.nmmeta`, before]) symlinkSync("/dev/null", join(profiles(), name));
    const hiding = { ...change, kept: [old, before] };
    assert.deepEqual(await takeStrangersAway(folder.path, hiding, null), { isAny: true, aside: [] });
    assert.deepEqual(readdirSync(profiles()).sort(), [before, old].sort());
  });

  it("is kept beside the profile where somebody has written into that itself", async () => {
    const was = (text: string): Pick<ProfileWrite, "was"> => ({
      was: {
        file: old,
        path: "",
        place: "etc",
        uuid,
        id: "",
        interfaceName: null,
        type: "",
        hidden: [],
        keyfile: parseKeyFile(text, ""),
      },
    });
    assert.deepEqual(await keepEdited(folder.path, [was(profile)]), []);
    const aside = await keepEdited(folder.path, [was(profile.replace("0.5", "0.4"))]);
    assert.deepEqual(aside, [`/etc/NetworkManager/system-connections/${old}~`]);
    assert.equal(readFileSync(join(profiles(), `${old}~`), "utf8"), profile);
  });
});
