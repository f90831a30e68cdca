const sectorBytes = 512;

/** The bytes of one of two members of a RAID 1, to be put at the start. Source: Linux, md_p.h, mdp_superblock_1. */
export function mdMember(sizeBytes: number): Buffer {
  const [superblockAt, dataSectors, members] = [4096, 2048, 2];
  const block = Buffer.alloc(256 + 2 * members);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(1, 4);
  block.fill("binnacle-old-mdX", 16, 32);
  block.write("oldhost:root", 32);
  block.writeBigUInt64LE(1_700_000_000n, 64);
  block.writeInt32LE(1, 72);
  const usable = BigInt(sizeBytes / sectorBytes - dataSectors);
  block.writeBigUInt64LE(usable, 80);
  block.writeUInt32LE(members, 92);
  block.writeBigUInt64LE(BigInt(dataSectors), 128);
  block.writeBigUInt64LE(usable, 136);
  block.writeBigUInt64LE(BigInt(superblockAt / sectorBytes), 144);
  block.fill("binnacle-member0", 168, 184);
  block.writeBigUInt64LE(1_700_000_000n, 192);
  block.writeBigUInt64LE(42n, 200);
  block.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 208);
  block.writeUInt32LE(members, 220);
  for (let role = 0; role < members; role += 1) block.writeUInt16LE(role, 256 + 2 * role);
  let sum = 0n;
  for (let at = 0; at < block.length; at += 4) sum += BigInt(block.readUInt32LE(at));
  block.writeUInt32LE(Number((sum & 0xffff_ffffn) + (sum >> 32n)), 216);
  return Buffer.concat([Buffer.alloc(superblockAt), block]);
}

/**
 * The four labels of a ZFS pool's only disk: the pool's name and some uberblocks without anything behind them. Source:
 * "ZFS On-Disk Specification", 1.2 and 1.3.
 */
export function zfsMember(sizeBytes: number, pool: string): { at: number; bytes: Buffer }[] {
  const labelBytes = 256 * 1024;
  const label = Buffer.alloc(labelBytes);
  const pairs = [
    numberPair("version", 5000n),
    textPair("name", pool),
    numberPair("state", 0n),
    numberPair("txg", 4n),
    numberPair("pool_guid", 0x0b1a_acce_0000_0001n),
    textPair("hostname", "oldhost"),
    numberPair("top_guid", 0x0b1a_acce_0000_0002n),
    numberPair("guid", 0x0b1a_acce_0000_0002n),
  ];
  // XDR, little-endian writer; version 0, unique names; two zeros end the list.
  const head = Buffer.from([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  Buffer.concat([head, ...pairs, Buffer.alloc(8)]).copy(label, 16 * 1024);
  for (let index = 0; index < 16; index += 1) {
    const at = 128 * 1024 + index * 1024;
    const values = [0x00bab10cn, 5000n, BigInt(4 + index), 0x0b1a_acce_0000_0003n, 1_700_000_000n];
    values.forEach((value, field) => label.writeBigUInt64LE(value, at + 8 * field));
  }
  return [0, labelBytes, sizeBytes - 2 * labelBytes, sizeBytes - labelBytes].map((at) => ({ at, bytes: label }));
}

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** XDR's texts: the length, the bytes, zeros up to a multiple of four. */
const xdrText = (text: string) =>
  Buffer.concat([word(text.length), Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4, "\0"))]);

function pair(name: string, type: number, value: Buffer): Buffer {
  const rest = Buffer.concat([xdrText(name), word(type), word(1), value]);
  const size = rest.length + 8;
  return Buffer.concat([word(size), word(size), rest]);
}

function numberPair(name: string, value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return pair(name, 8, bytes);
}

const textPair = (name: string, value: string) => pair(name, 9, xdrText(value));
