import { type Font, machineFonts } from "./font.ts";
import type { Picture } from "./picture.ts";

/** Where the cells of a screen are: a cell is `stepX` wide, the first 8 pixels of it belong to the character. */
type Grid = {
  readonly left: number;
  readonly top: number;
  readonly stepX: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly names: GlyphNames;
};
type GlyphNames = { readonly exact: ReadonlyMap<string, string>; readonly aboveCursor: ReadonlyMap<string, string> };
type Reading = { readonly text: string; readonly known: number; readonly unknown: number };

const glyphWidth = 8;
const inkOfRow = 0xff;
/** An underline cursor covers no more of the cell's last rows than these. */
const cursorRows = 3;
const unknownCharacter = "\ufffd";

/**
 * Reads screens as text by the fonts that machines draw with, in whatever colours, inverse as well. One reader for one
 * machine: it remembers where the text was last.
 */
export class TextReader {
  readonly #fonts = loadFonts();
  #last: { width: number; height: number; grid: Grid } | undefined;

  /** The rows without blanks at their ends. A character that no font has is `�`; a picture of something else has many. */
  read(picture: Picture): string {
    const light = brightness(picture);
    const remembered = this.#last;
    if (remembered?.width === picture.width && remembered.height === picture.height) {
      const again = readGrid(picture, light, remembered.grid, 0.05);
      if (again !== undefined && again.known > 0) return again.text;
    }
    let best: { reading: Reading; grid: Grid } | undefined;
    const consider = (grids: readonly Grid[]) => {
      for (const grid of grids) {
        const reading = readGrid(picture, light, grid, 1);
        if (reading !== undefined && (best === undefined || merit(reading) > merit(best.reading)))
          best = { reading, grid };
      }
    };
    consider(this.#usualGrids(picture));
    if (best === undefined || best.reading.unknown > best.reading.known / 10) consider(this.#windowGrids(picture));
    if (best === undefined) return "";
    if (best.reading.known > 0) this.#last = { width: picture.width, height: picture.height, grid: best.grid };
    return best.reading.text;
  }

  /** Text mode of a BIOS, the kernel's console, and UEFI's console, which is put into the middle. */
  #usualGrids({ width, height }: Picture): Grid[] {
    const { cells, uefi } = this.#fonts;
    const grid = (stepX: number, lineHeight: number, columns: number, rows: number, names: GlyphNames): Grid => ({
      left: stepX === 9 ? 0 : (width - columns * stepX) >> 1,
      top: (height - rows * lineHeight) >> 1,
      ...{ stepX, height: lineHeight, columns, rows, names },
    });
    const whole = (stepX: number, lineHeight: number, names: GlyphNames): Grid => ({
      ...grid(stepX, lineHeight, Math.floor(width / stepX), Math.floor(height / lineHeight), names),
      ...{ left: 0, top: 0 },
    });
    const uefiModes: (readonly [number, number])[] = [
      [80, 25],
      [80, 50],
      [100, 31],
      [Math.floor(width / 8), Math.floor(height / 19)],
    ];
    return [
      ...(width % 9 === 0 ? [whole(9, 16, cells)] : []),
      whole(8, 16, cells),
      ...(uefi === undefined ? [] : uefiModes.map(([columns, rows]) => grid(8, 19, columns, rows, uefi))),
    ].filter(({ left, top }) => left >= 0 && top >= 0);
  }

  /** GRUB's graphics terminal is a window with a frame of some pixels. */
  #windowGrids({ width, height }: Picture): Grid[] {
    const { grub } = this.#fonts;
    if (grub === undefined) return [];
    const offsets = Array.from({ length: 16 * 8 }, (_, index) => ({ left: index % 8, top: index >> 3 }));
    return offsets.map(({ left, top }) => ({
      ...{ left, top, stepX: 8, height: 16, names: grub },
      columns: Math.floor((width - left) / 8),
      rows: Math.floor((height - top) / 16),
    }));
  }
}

const merit = ({ known, unknown }: Reading) => known - 2 * unknown;

let loaded: { cells: GlyphNames; uefi: GlyphNames | undefined; grub: GlyphNames | undefined } | undefined;

function loadFonts() {
  if (loaded === undefined) {
    const { cells, uefi, grub } = machineFonts();
    const of16 = (font: Font | undefined) => (font?.height === 16 ? namesOf([font]) : undefined);
    loaded = { cells: namesOf(cells), uefi: uefi && namesOf([uefi]), grub: of16(grub) };
  }
  return loaded;
}

/** Names by picture. Of characters that look the same, the first font's with the lowest number counts. */
export function namesOf(fonts: readonly Font[]): GlyphNames {
  const [exact, aboveCursor] = [new Map<string, string>(), new Map<string, string>()];
  for (const { glyphs } of fonts) {
    const sorted = glyphs.toSorted((a, b) => (a.character < b.character ? -1 : 1));
    for (const { character, rows } of sorted) {
      const [key, name] = [String.fromCharCode(...rows), isBlank(rows) ? " " : character];
      if (!exact.has(key)) exact.set(key, name);
      const upper = key.slice(0, -cursorRows);
      if (!aboveCursor.has(upper)) aboveCursor.set(upper, name);
    }
  }
  return { exact, aboveCursor };
}

const isBlank = (rows: readonly number[]) => rows.every((row) => row === 0);

function brightness({ rgb, width, height }: Picture): Uint16Array {
  const light = new Uint16Array(width * height);
  for (let pixel = 0, at = 0; pixel < light.length; pixel += 1, at += 3)
    light[pixel] = 2 * (rgb[at] ?? 0) + 5 * (rgb[at + 1] ?? 0) + (rgb[at + 2] ?? 0);
  return light;
}

/** Undefined when more than a share of the characters has no name. */
function readGrid(picture: Picture, light: Uint16Array, grid: Grid, unknownShare: number): Reading | undefined {
  const lines: string[] = [];
  let [known, unknown] = [0, 0];
  for (let y = 0; y < grid.rows; y += 1) {
    let line = "";
    for (let x = 0; x < grid.columns; x += 1) {
      const character = readCell(light, picture.width, grid, x, y);
      line += character;
      if (character === unknownCharacter) unknown += 1;
      else if (character !== " ") known += 1;
    }
    lines.push(line.trimEnd());
    // A grid that lies beside the text is soon known by it.
    if (unknown > 100 + unknownShare * known) return undefined;
  }
  if (unknown > unknownShare * (known + unknown)) return undefined;
  return { text: lines.join("\n"), known, unknown };
}

/** Ink is the lighter of a cell's two colours, or, when that is no character, the darker one. */
function readCell(light: Uint16Array, width: number, grid: Grid, x: number, y: number): string {
  const start = (grid.top + y * grid.height) * width + grid.left + x * grid.stepX;
  let [darkest, lightest] = [Number.POSITIVE_INFINITY, 0];
  for (let row = 0, at = start; row < grid.height; row += 1, at += width)
    for (let column = 0; column < glyphWidth; column += 1) {
      const value = light[at + column] ?? 0;
      if (value < darkest) darkest = value;
      if (value > lightest) lightest = value;
    }
  if (darkest === lightest) return " ";
  const middle = (darkest + lightest) / 2;
  let [key, inverse] = ["", ""];
  for (let row = 0, at = start; row < grid.height; row += 1, at += width) {
    let bits = 0;
    for (let column = 0; column < glyphWidth; column += 1)
      bits = (bits << 1) | ((light[at + column] ?? 0) > middle ? 1 : 0);
    key += String.fromCharCode(bits);
    inverse += String.fromCharCode(bits ^ inkOfRow);
  }
  const { exact } = grid.names;
  return exact.get(key) ?? exact.get(inverse) ?? underCursor(grid.names, key) ?? unknownCharacter;
}

/** What the character is that a cursor in the cell's last rows hides the foot of. */
function underCursor({ aboveCursor }: GlyphNames, key: string): string | undefined {
  const foot = key.slice(-cursorRows);
  return foot.includes(String.fromCharCode(inkOfRow)) ? aboveCursor.get(key.slice(0, -cursorRows)) : undefined;
}
