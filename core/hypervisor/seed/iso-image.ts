/*
 * An ISO 9660 image of a few small files, as a guest's kernel and its blkid read it: with a Joliet tree beside the plain
 * one, for names in lower case. Sources: ECMA-119 (its clauses are named below), and the "Joliet Specification" of 1995.
 */

export type IsoFile = { readonly name: string; readonly content: Uint8Array };

const sectorBytes = 2048;
/** Of the volume descriptors, path tables and directories; the first sixteen sectors are the system's own. */
const at = { primary: 16, joliet: 17, end: 18, paths: 19, jolietPaths: 21, root: 23, jolietRoot: 24, files: 25 };
const flagDirectory = 2;
/** The same for the same files, whenever they are written: 2000-01-01 00:00 UTC (9.1.5). */
const someDate = [100, 1, 1, 0, 0, 0, 0];

type Placed = IsoFile & { readonly sector: number };
type Tree = { readonly isJoliet: boolean; readonly root: number; readonly paths: number };
const trees: readonly Tree[] = [
  { isJoliet: false, root: at.root, paths: at.paths },
  { isJoliet: true, root: at.jolietRoot, paths: at.jolietPaths },
];

/**
 * @param label up to 16 characters of ASCII
 * @param files up to eight, in the root directory, with names of up to 30 letters, digits and hyphens
 */
export function isoImage(label: string, files: readonly IsoFile[]): Buffer {
  if (!/^[\w-]{1,16}$/.test(label)) throw new Error(`${JSON.stringify(label)} can't be the label of an image.`);
  if (files.length > 8 || !files.every(({ name }) => /^[a-z\d-]{1,30}$/.test(name)))
    throw new Error("These can't be the files of an image.");
  let sector = at.files;
  const placed = files
    // Directories are sorted (9.3).
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((file): Placed => {
      const here = { ...file, sector };
      sector += Math.max(1, Math.ceil(file.content.length / sectorBytes));
      return here;
    });
  const image = Buffer.alloc(sector * sectorBytes);
  const put = (nth: number, content: Uint8Array) => image.set(content, nth * sectorBytes);
  for (const tree of trees) {
    put(tree.isJoliet ? at.joliet : at.primary, volumeDescriptor(label, sector, tree));
    put(tree.paths, pathTable(tree, "little"));
    put(tree.paths + 1, pathTable(tree, "big"));
    put(tree.root, rootDirectory(tree, placed));
  }
  put(at.end, Buffer.from([255, ...Buffer.from("CD001"), 1]));
  for (const { sector: nth, content } of placed) put(nth, content);
  return image;
}

/** 8.4 and 8.5; texts that say nothing are blanks, dates that say nothing are zeros in ASCII (8.4.26.1). */
function volumeDescriptor(label: string, sectors: number, tree: Tree): Buffer {
  const made = Buffer.alloc(sectorBytes);
  const text = (offset: number, length: number, value = "") =>
    void encoded(value.padEnd(tree.isJoliet ? length / 2 : length), tree.isJoliet).copy(made, offset, 0, length);
  made[0] = tree.isJoliet ? 2 : 1;
  made.write("CD001", 1, "latin1");
  made[6] = 1;
  text(8, 32);
  text(40, 32, label);
  both32(made, 80, sectors);
  // UCS-2, level 3.
  if (tree.isJoliet) made.write("%/E", 88, "latin1");
  for (const offset of [120, 124]) both16(made, offset, 1);
  both16(made, 128, sectorBytes);
  both32(made, 132, pathTable(tree, "little").length);
  made.writeUInt32LE(tree.paths, 140);
  made.writeUInt32BE(tree.paths + 1, 148);
  directoryRecord(Buffer.from([0]), { sector: tree.root, length: sectorBytes, isDirectory: true }).copy(made, 156);
  for (const offset of [190, 318, 446, 574]) text(offset, 128);
  for (const offset of [702, 739, 776]) text(offset, tree.isJoliet ? 36 : 37);
  for (const offset of [813, 830, 847, 864]) made.write("0".repeat(16), offset, "latin1");
  made[881] = 1;
  return made;
}

/** 9.4: of the root alone. */
function pathTable({ root }: Tree, order: "little" | "big"): Buffer {
  const made = Buffer.alloc(10);
  made[0] = 1;
  if (order === "little") {
    made.writeUInt32LE(root, 2);
    made.writeUInt16LE(1, 6);
  } else {
    made.writeUInt32BE(root, 2);
    made.writeUInt16BE(1, 6);
  }
  return made;
}

function rootDirectory({ isJoliet, root }: Tree, files: readonly Placed[]): Buffer {
  const itself = { sector: root, length: sectorBytes, isDirectory: true };
  return Buffer.concat([
    directoryRecord(Buffer.from([0]), itself),
    directoryRecord(Buffer.from([1]), itself),
    ...files.map(({ name, sector, content }) => {
      // A reader without Joliet writes it in lower case, and without what follows the point.
      const id = encoded(isJoliet ? name : `${name.toUpperCase()}.;1`, isJoliet);
      return directoryRecord(id, { sector, length: content.length, isDirectory: false });
    }),
  ]);
}

/** 9.1 */
function directoryRecord(id: Buffer, of: { sector: number; length: number; isDirectory: boolean }): Buffer {
  const made = Buffer.alloc(33 + id.length + (id.length % 2 === 0 ? 1 : 0));
  made[0] = made.length;
  both32(made, 2, of.sector);
  both32(made, 10, of.length);
  made.set(someDate, 18);
  made[25] = of.isDirectory ? flagDirectory : 0;
  both16(made, 28, 1);
  made[32] = id.length;
  id.copy(made, 33);
  return made;
}

function encoded(text: string, isJoliet: boolean): Buffer {
  return isJoliet ? Buffer.from(text, "utf16le").swap16() : Buffer.from(text, "latin1");
}

/** 7.3.3 */
function both32(made: Buffer, offset: number, value: number): void {
  made.writeUInt32LE(value, offset);
  made.writeUInt32BE(value, offset + 4);
}

/** 7.2.3 */
function both16(made: Buffer, offset: number, value: number): void {
  made.writeUInt16LE(value, offset);
  made.writeUInt16BE(value, offset + 2);
}
