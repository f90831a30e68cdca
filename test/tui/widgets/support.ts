import { asciiGlyphs, Canvas, Cells, type Glyphs, type Style } from "../../../tui/terminal/canvas.ts";
import { type Key, type NamedKey, namedKeys } from "../../../tui/terminal/key.ts";

export const blockGlyphs: Glyphs = {
  ...asciiGlyphs,
  levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  ellipsis: "…",
};

/** What a widget draws on an empty screen of this size. */
export function drawn(
  width: number,
  height: number,
  draw: (canvas: Canvas) => void,
  glyphs: Glyphs = asciiGlyphs,
): Cells {
  const cells = new Cells(width, height);
  draw(Canvas.on(cells, glyphs));
  return cells;
}

export function lines(
  width: number,
  height: number,
  draw: (canvas: Canvas) => void,
  glyphs: Glyphs = asciiGlyphs,
): string[] {
  return drawn(width, height, draw, glyphs).toLines();
}

/** The text on the screen in this style, cell by cell in reading order. */
export function inStyle(cells: Cells, style: Style): string {
  return cells.chars.filter((_, at) => cells.styles[at] === style).join("");
}

/**
 * Presses keys one after the other and tells which of them were taken: names of keys as in `NamedKey`, `^a` for Ctrl-A,
 * anything else is typed character by character.
 */
export function press(widget: { key(key: Key): boolean }, ...inputs: readonly string[]): boolean[] {
  return inputs.flatMap((input) => keysOf(input).map((key) => widget.key(key)));
}

export function paste(widget: { key(key: Key): boolean }, text: string): boolean {
  return widget.key({ name: "paste", text });
}

function keysOf(input: string): Key[] {
  if (isNamed(input)) return [{ name: input }];
  if (/^\^[a-z]$/.test(input)) return [{ name: "ctrl", letter: input.slice(1) }];
  return Array.from(input, (text): Key => ({ name: "char", text }));
}

function isNamed(input: string): input is NamedKey {
  return namedKeys.some((name) => name === input);
}
