import { correction, generate } from "lean-qr";
import type { Canvas } from "../terminal/canvas.ts";

/** A code, module by module; what lies outside is light. */
export type Code = { readonly size: number; get(x: number, y: number): boolean };

/** Light modules round a code: 4 are asked for, and readers do with 2. */
const [quiet, leastQuiet] = [4, 2];
const lowerHalf = "▄";

/** The code of a text in as few modules as possible: it is read from a screen, where nothing is smudged. */
export function codeOf(text: string): Code {
  return generate(text, { minCorrectionLevel: correction.L, maxCorrectionLevel: correction.L });
}

/** Cells that a code takes: two modules in a cell where there are half blocks, two cells for a module where not. */
export function codeCells(canvas: Canvas, code: Code, margin = leastQuiet): { width: number; height: number } {
  const modules = code.size + 2 * margin;
  return hasHalves(canvas)
    ? { width: modules, height: Math.ceil(modules / 2) }
    : { width: modules * 2, height: modules };
}

/**
 * Draws a code at the left of the canvas, dark on light whatever the console's own colours are. Without half blocks
 * only the background tells light from dark: signs such as `#` leave gaps that readers stumble over.
 *
 * @returns the columns that it takes; 0 when there is no room, and nothing is drawn then
 */
export function drawCode(canvas: Canvas, code: Code): number {
  const margin = [quiet, leastQuiet].find((modules) => {
    const { width, height } = codeCells(canvas, code, modules);
    return width <= canvas.width && height <= canvas.height;
  });
  if (margin === undefined) return 0;
  const { width, height } = codeCells(canvas, code, margin);
  if (hasHalves(canvas)) drawHalves(canvas, code, margin, height);
  else drawWide(canvas, code, margin);
  return width;
}

function hasHalves({ glyphs }: Canvas): boolean {
  return glyphs.levels.includes(lowerHalf);
}

function drawHalves(canvas: Canvas, code: Code, margin: number, height: number): void {
  const modules = code.size + 2 * margin;
  for (let row = 0; row < height; row++) {
    let line = "";
    for (let x = 0; x < modules; x++) {
      const [upper, lower] = [code.get(x - margin, row * 2 - margin), code.get(x - margin, row * 2 + 1 - margin)];
      line += upper ? (lower ? "█" : "▀") : lower ? lowerHalf : " ";
    }
    canvas.text(0, row, line, "paper");
  }
}

function drawWide(canvas: Canvas, code: Code, margin: number): void {
  const modules = code.size + 2 * margin;
  for (let y = 0; y < modules; y++)
    for (let x = 0; x < modules; x++) {
      const isDark = code.get(x - margin, y - margin);
      canvas.text(x * 2, y, "  ", isDark ? "text" : "paper");
    }
}
