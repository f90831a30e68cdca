import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import type { Card } from "../../../../core/node/network/cards.ts";
import { readLinkFiles } from "../../../../core/node/network/link-file.ts";
import { linkFileChanges } from "../../../../core/node/network/link-files.ts";

const mac = "52:54:00:00:00:01";
const card: Card = { name: "eno1", mac, permanentMac: mac, path: "pci-0000:03:00.0", driver: "ixgbe" };
const other: Card = { ...card, name: "eno2", mac: "52:54:00:00:00:02", permanentMac: "52:54:00:00:00:02" };
const etc = "/etc/systemd/network";
const lib = "/usr/lib/systemd/network";
const byDefault = {
  [`${lib}/99-default.link`]:
    "# Debian's\n[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep kernel\nMACAddressPolicy=persistent\n",
};

async function changes(files: Record<string, string>, of: Partial<Card> = {}, others: Card[] = []) {
  const machine = fixtureMachine(recording.parse({ now: 0, files: { ...byDefault, ...files }, commands: {} }));
  const found = await readLinkFiles(machine);
  return linkFileChanges([{ ...card, ...of }, ...others], found, new Map([["eno1", "lan0"]]));
}

const own = `${etc}/00-binnacle-525400000001.link`;
const text = `[Match]\nPermanentMACAddress=${mac}\n\n[Link]\nName=lan0\nMACAddressPolicy=persistent\n`;

describe("the link file of a renamed card", () => {
  it("matches by the permanent MAC address, comes first, and keeps what was set beside the name", async () => {
    assert.deepEqual(await changes({}), [{ path: own, mode: 0o644, text }]);
  });

  it("takes over what a file of other hands sets for the card, and leaves that file alone", async () => {
    const foreign = `[Match]\nMACAddress=aa:bb:cc:dd:ee:ff \\\n  52-54-00-00-00-01\n[Link]\nName=wan\nMTUBytes=9000\n\n[SR-IOV]\nVirtualFunction=0\n`;
    const [made, ...more] = await changes({ [`${etc}/10-wan.link`]: foreign });
    assert.equal(
      made?.text,
      text.replace("MACAddressPolicy=persistent\n", "MTUBytes=9000\n\n[SR-IOV]\nVirtualFunction=0\n"),
    );
    assert.deepEqual(more, []);
  });

  it("takes over what is added to such a file in a folder of its name", async () => {
    const [made] = await changes({
      [`${etc}/99-default.link.d/20-wake.conf`]: "[Link]\nWakeOnLan=magic\n",
      [`${lib}/99-default.link.d/10-ring.conf`]: "[Link]\nName=wan\nRxBufferSize=max\n",
      [`${lib}/99-default.link.d/20-wake.conf`]: "[Link]\nWakeOnLan=off\n",
    });
    assert.equal(made?.text, `${text}RxBufferSize=max\nWakeOnLan=magic\n`);
  });

  it("takes the place of one of a former version", async () => {
    const old = `${etc}/70-binnacle-525400000001.link`;
    const another = `${etc}/70-binnacle-525400000002.link`;
    const made = await changes({ [old]: text, [another]: text.replace(mac, "52:54:00:00:00:02") });
    assert.deepEqual(
      made.map((change) => [change.path, change.text]),
      [
        [own, text],
        [old, null],
      ],
    );
  });

  const noMac = { permanentMac: null };
  it("matches by the PCI path where the card has no permanent MAC address, or shares it", async () => {
    const pinned = text.replace(`PermanentMACAddress=${mac}`, "Path=pci-0000:03:00.0");
    const path = `${etc}/00-binnacle-pci-0000_03_00.0.link`;
    assert.deepEqual(await changes({}, noMac), [{ path, mode: 0o644, text: pinned }]);
    const twin = { ...other, permanentMac: mac, path: "pci-0000:04:00.0" };
    assert.deepEqual(await changes({}, {}, [twin]), [{ path, mode: 0o644, text: pinned }]);
  });

  it("can't be made for a card that nothing tells from others", async () => {
    const refused = { code: "NET.RENAME_UNPINNED", values: { link: "eno1" } };
    await assert.rejects(changes({}, { ...noMac, path: null }), refused);
    // Two ports of one card may have one path.
    await assert.rejects(changes({}, noMac, [other]), refused);
  });

  const firsts: [match: string, isRefused: boolean][] = [
    [`PermanentMACAddress=${mac.toUpperCase()}`, true],
    ["PermanentMACAddress=52:54:00:00:00:02", false],
    ["MACAddress=5254.0000.0001", true],
    ["OriginalName=*", true],
    ["OriginalName=eth*", true],
    ["OriginalName=!wl*", true],
    ["OriginalName=ve-*", false],
    ["Path=pci-0000:03:*", true],
    ["Path=!pci-0000:03:*", false],
    ["Path=*-usb-*", false],
    ["Driver=ixgb? e1000e", true],
    ["Driver=virtio_net", false],
    ["Type=ether\nHost=node01", true],
    ["Type=wlan", false],
    ["Kind=veth\nOriginalName=*", false],
    ["", false],
  ];
  for (const [match, isRefused] of firsts)
    it(`${isRefused ? "is refused behind" : "is made beside"} one of other hands with ${match || "an empty [Match]"}`, async () => {
      const file = "/run/systemd/network/00-a.link";
      const asked = changes({ [file]: `[Match]\n${match}\n\n[Link]\nWakeOnLan=magic\n` });
      if (isRefused) await assert.rejects(asked, { code: "NET.RENAME_OVERRULED", values: { link: "eno1", file } });
      else assert.equal((await asked)[0]?.text, text);
    });

  it("is made beside one of other hands that is switched off", async () => {
    const foreign = "[Match]\nOriginalName=*\n";
    const files = { [`${lib}/00-a.link`]: foreign, [`${etc}/00-a.link`]: "" };
    assert.equal((await changes(files))[0]?.text, text);
  });
});
