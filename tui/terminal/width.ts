import { eastAsianWidth } from "get-east-asian-width";

/** Made when the first text needs it: the tables behind it take 4 MB. */
let segmenter: Intl.Segmenter | undefined;

/**
 * The cells of a character that never joins with a neighbour, or 0 for one that has to be looked at with care: Latin,
 * what graphs and lines are made of, Chinese and Korean. Nearly all that a console shows, decided without the segmenter.
 */
function simpleWidth(code: number): 0 | 1 | 2 {
  if (code < 0x7f) return code < 0x20 ? 0 : 1;
  if (code < 0x300) return code < 0xa1 || code === 0xad ? 0 : 1;
  if (code >= 0x2500 && code < 0x25a0) return 1;
  if (code === 0x2026 || code === 0x2022 || code === 0x25b2 || code === 0x25bc) return 1;
  const wide =
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0x3000 && code <= 0x3020) ||
    (code >= 0xff01 && code <= 0xff60) ||
    (code >= 0xac00 && code <= 0xd7a3);
  return wide ? 2 : 0;
}

/** The cells of a text of simple characters; null when one of them isn't. */
function simpleTextWidth(text: string): number | null {
  let sum = 0;
  for (let index = 0; index < text.length; index++) {
    const width = simpleWidth(text.charCodeAt(index));
    if (width === 0) return null;
    sum += width;
  }
  return sum;
}

/**
 * The characters of a text as a person counts them, each with its width in cells (1 or 2).
 * Control characters, lone surrogates and bidirectional overrides become `?`: text from a machine, a log or a switch
 * must not be able to move the cursor. Combining marks stay with their base; one without a base is dropped.
 */
export function* cellsOf(text: string): Generator<{ char: string; width: 1 | 2 }> {
  if (simpleTextWidth(text) !== null) {
    for (const char of text) yield { char, width: simpleWidth(char.charCodeAt(0)) === 2 ? 2 : 1 };
    return;
  }
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) {
    const code = segment.codePointAt(0) ?? 0;
    if (isUnsafe(code)) yield { char: "?", width: 1 };
    else if (/^\p{M}/u.test(segment)) continue;
    else {
      // A cluster of several code points (emoji joined by ZWJ) is drawn differently by every terminal: show its first.
      // One with dozens of marks is no text; on a slow line it would only cost time.
      const char = /^.\p{M}{0,3}$/u.test(segment) ? segment : String.fromCodePoint(code);
      yield { char, width: eastAsianWidth(code) === 2 ? 2 : 1 };
    }
  }
}

/** Controls, formatting characters (bidirectional ones, zero width, soft hyphen), surrogates, line separators. */
function isUnsafe(code: number): boolean {
  return /^[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(String.fromCodePoint(code));
}

/** How many cells a text takes. */
export function displayWidth(text: string): number {
  const simple = simpleTextWidth(text);
  if (simple !== null) return simple;
  let width = 0;
  for (const cell of cellsOf(text)) width += cell.width;
  return width;
}

/** The text cut to at most `width` cells; a cut one ends in `ellipsis`. */
export function truncate(text: string, width: number, ellipsis = ""): string {
  if (displayWidth(text) <= width) return text;
  const room = width - displayWidth(ellipsis);
  if (room <= 0) return takeCells(text, Math.max(width, 0));
  return takeCells(text, room) + ellipsis;
}

function takeCells(text: string, width: number): string {
  let out = "";
  let used = 0;
  for (const cell of cellsOf(text)) {
    if (used + cell.width > width) break;
    out += cell.char;
    used += cell.width;
  }
  return out;
}

/** The text in exactly `width` cells: cut or padded. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = truncate(text, width);
  const fill = " ".repeat(Math.max(width - displayWidth(cut), 0));
  return align === "left" ? cut + fill : fill + cut;
}

/** Between words, and behind each CJK character, but not before what ends a phrase nor behind what opens one. */
const breaks = /(?<= )|(?<=[\u3000-\u9fff\uff00-\uffef])(?<![（「『【《])(?![、。，：；！？）」』】》”’…])/u;

/** The text broken into lines of at most `width` cells, at spaces where there are some. CJK text breaks nearly anywhere. */
export function wrap(text: string, width: number): string[] {
  if (width <= 0) return [];
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(breaks)) {
      if (displayWidth(line) + displayWidth(word.trimEnd()) > width && line !== "") {
        lines.push(line.trimEnd());
        line = "";
      }
      if (displayWidth(word.trimEnd()) <= width) {
        line += word;
        continue;
      }
      let used = 0;
      for (const cell of cellsOf(word)) {
        if (used + cell.width > width && line !== "") {
          lines.push(line.trimEnd());
          line = "";
          used = 0;
        }
        line += cell.char;
        used += cell.width;
      }
    }
    lines.push(line.trimEnd());
  }
  return lines;
}
