import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { gunzipSync } from "node:zlib";
import { kernelGlyphs } from "./kernel-glyphs.ts";

/** The pictures of characters: one number for each row of pixels, its highest bit of `width` bits is the left one. */
export type Font = {
  readonly width: number;
  readonly height: number;
  readonly glyphs: readonly { readonly character: string; readonly rows: readonly number[] }[];
};

const consoleFonts = ["Uni2-VGA16", "Lat15-VGA16", "Lat15-Fixed16", "Uni2-Fixed16", "Uni2-TerminusBold16"];

/** Code page 437, which the fonts of a graphics adapter's firmware follow. */
const codePage437 =
  "\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼ !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`" +
  "abcdefghijklmnopqrstuvwxyz{|}~⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤" +
  "╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/**
 * Every font that a machine without a graphical session draws with, best known first: text mode of a BIOS, the kernel's
 * console, Debian's console fonts, the console of UEFI, GRUB's graphics terminal. Those whose package is absent are left out.
 */
export function machineFonts(): { cells: Font[]; uefi: Font | undefined; grub: Font | undefined } {
  const there = (file: string) => (fs.existsSync(file) ? fs.readFileSync(file) : undefined);
  const rom = there("/usr/share/seabios/vgabios-stdvga.bin");
  const psf = consoleFonts.flatMap((name) => there(`/usr/share/consolefonts/${name}.psf.gz`) ?? []);
  const [ovmf, grub] = [there("/usr/share/OVMF/OVMF_CODE_4M.fd"), there("/usr/share/grub/unicode.pf2")];
  return {
    cells: [
      ...(rom === undefined ? [] : [romFont(rom)]),
      kernelFont,
      ...psf.map((bytes) => psfFont(gunzipSync(bytes))),
    ],
    uefi: ovmf === undefined ? undefined : uefiFont(ovmf),
    grub: grub === undefined ? undefined : pf2Font(grub),
  };
}

const kernelFont: Font = {
  width: 8,
  height: 16,
  glyphs: Object.entries(kernelGlyphs).map(([character, hex]) => ({ character, rows: [...Buffer.from(hex, "hex")] })),
};

/** The 8x16 font in a VGA BIOS: it is found by its "A", which has looked the same since 1987. */
export function romFont(rom: Buffer): Font {
  const a = Buffer.from([0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0]);
  const start = rom.indexOf(a) - 65 * 16;
  if (start < 0) throw new Error("The VGA BIOS holds no 8x16 font.");
  const glyphs = Array.from(codePage437, (character, index) => ({
    character,
    rows: [...rom.subarray(start + index * 16, start + index * 16 + 16)],
  }));
  return { width: 8, height: 16, glyphs };
}

/** A console font of 8 pixels' width with its Unicode table. Source: kbd, "psfonts" (PSF 1). */
export function psfFont(bytes: Buffer): Font {
  if (bytes.readUInt16LE(0) !== 0x0436) throw new Error("This is no PSF 1 font.");
  const [mode, height] = [bytes.readUInt8(2), bytes.readUInt8(3)];
  const count = (mode & 1) === 0 ? 256 : 512;
  const glyphs = [];
  let at = 4 + count * height;
  for (let index = 0; index < count; index += 1) {
    const rows = [...bytes.subarray(4 + index * height, 4 + (index + 1) * height)];
    const codes: number[] = [];
    for (let inSequence = false; at + 1 < bytes.length; at += 2) {
      const code = bytes.readUInt16LE(at);
      if (code === 0xffff) break;
      if (code === 0xfffe) inSequence = true;
      else if (!inSequence) codes.push(code);
    }
    at += 2;
    for (const code of codes) glyphs.push({ character: String.fromCodePoint(code), rows });
  }
  return { width: 8, height, glyphs };
}

/** The 8x19 font of UEFI's own console, which OVMF carries compressed. Sources: PI specification 3.2.5; EDK II, LaffStd.c. */
export function uefiFont(firmware: Buffer): Font | undefined {
  const lzmaSection = Buffer.from("98584eee143959429d6edc7bd79403cf", "hex");
  const section = firmware.indexOf(lzmaSection);
  if (section < 0) return undefined;
  const input = firmware.subarray(section - 4 + firmware.readUInt16LE(section + 16));
  // What follows the compressed data is none of it; xz says so and has written everything by then.
  const { stdout } = spawnSync("xz", ["--format=lzma", "--decompress", "--stdout"], { input, maxBuffer: 100_000_000 });
  const entryBytes = 22;
  const start = stdout?.indexOf(Buffer.concat([Buffer.from(" "), Buffer.alloc(21), Buffer.from("!\0\0")])) ?? -1;
  if (start < 0) return undefined;
  const glyphs = [];
  for (let at = start; at + entryBytes <= stdout.length; at += entryBytes) {
    const code = stdout.readUInt16LE(at);
    if (code === 0) break;
    glyphs.push({ character: String.fromCodePoint(code), rows: [...stdout.subarray(at + 3, at + entryBytes)] });
  }
  return { width: 8, height: 19, glyphs };
}

/** The narrow characters of GRUB's font. Source: GRUB manual for developers, "PFF2 font file format". */
export function pf2Font(bytes: Buffer): Font {
  const sections = new Map<string, { at: number; length: number }>();
  for (let at = 0; at + 8 <= bytes.length; ) {
    const [name, length] = [bytes.toString("latin1", at, at + 4), bytes.readUInt32BE(at + 4)];
    sections.set(name, { at: at + 8, length });
    if (name === "DATA") break;
    at += 8 + length;
  }
  const [index, ascent, descent] = [sections.get("CHIX"), sections.get("ASCE"), sections.get("DESC")];
  if (index === undefined || ascent === undefined || descent === undefined) throw new Error("This is no PFF2 font.");
  const above = bytes.readUInt16BE(ascent.at);
  const height = above + bytes.readUInt16BE(descent.at);
  const glyphs = [];
  for (let entry = index.at; entry < index.at + index.length; entry += 9) {
    const code = bytes.readUInt32BE(entry);
    // Above Unicode are variants for joined writing.
    if (code > 0x10ffff) continue;
    const at = bytes.readUInt32BE(entry + 5);
    const [width, rowCount, left, bottom] = [
      bytes.readUInt16BE(at),
      bytes.readUInt16BE(at + 2),
      bytes.readInt16BE(at + 4),
      bytes.readInt16BE(at + 6),
    ];
    if (bytes.readUInt16BE(at + 8) !== 8 || left < 0 || left + width > 8) continue;
    const rows = Array.from({ length: height }, () => 0);
    for (let y = 0; y < rowCount; y += 1) {
      let row = 0;
      for (let x = 0; x < width; x += 1) {
        const bit = y * width + x;
        if (((bytes[at + 10 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) row |= 0x80 >> (left + x);
      }
      const target = above - bottom - rowCount + y;
      if (target >= 0 && target < height) rows[target] = row;
    }
    glyphs.push({ character: String.fromCodePoint(code), rows });
  }
  return { width: 8, height, glyphs };
}
