import { asciiGlyphs, type Glyphs, type Style } from "./canvas.ts";

export type ProfileKind = "rich" | "basic";
export type ProfileChoice = "auto" | ProfileKind;

/** What one console can show, and how. */
export type Profile = {
  readonly kind: ProfileKind;
  readonly glyphs: Glyphs;
  /** Everything written is ASCII; other characters are replaced on the way out. */
  readonly ascii: boolean;
  readonly colors: 0 | 8 | 256;
  readonly canShowChinese: boolean;
  /** Braille and the line charts made of it can be shown. */
  readonly wideGraph: boolean;
  readonly bracketedPaste: boolean;
  /** SGR parameters of each style, without ESC [ and m; "" is the terminal's own colours. */
  readonly sgr: Readonly<Record<Style, string>>;
};

export type ConsoleFacts = {
  /** Environment of the console: TERM, LC_ALL, LC_CTYPE, LANG, COLORTERM. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path or name of the terminal device, when known: "/dev/ttyS0", "ttyS0", "/dev/pts/3". */
  readonly tty?: string | undefined;
};

/**
 * What a console can show. Without a choice, what is not known to be able to do more is basic: serial lines, old and
 * unknown terminals, locales that are not UTF-8.
 */
export function decideProfile(facts: ConsoleFacts, choice: ProfileChoice = "auto"): Profile {
  const family = terminalFamily(facts.env["TERM"]);
  const automatic =
    (family === "linux" || family === "xterm") && isUtf8(facts.env) && !isSerialLine(facts.tty) ? "rich" : "basic";
  const kind = choice === "auto" ? automatic : choice;
  if (kind === "basic") return basicProfile(family);
  if (family === "linux") return { ...richProfile, glyphs: consoleGlyphs, sgr: linuxStyles };
  // Somebody chose rich for a line whose other end we can't know: its program is likely an xterm of today.
  const wideGraph = family === "xterm";
  return {
    ...richProfile,
    glyphs: blockGlyphs,
    colors: has256Colors(facts.env) ? 256 : 8,
    canShowChinese: true,
    wideGraph,
    bracketedPaste: family !== "other",
    sgr: has256Colors(facts.env) ? tonedStyles : plainStyles,
  };
}

/**
 * A line whose other end is unknown: ttyS, ttyAMA, ttyUSB and the like, and the consoles of hypervisors. Virtual
 * terminals (tty1), pseudo-terminals and unknown names are none.
 */
export function isSerialLine(tty: string | undefined): boolean {
  const name = tty?.replace(/^\/dev\//, "") ?? "";
  return /^(tty[A-Z]+[A-Za-z]*\d+|ttysclp\d+|ttymxc\d+|hvc\d+|hvsi\d+|xvc\d+|console)$/.test(name);
}

type Family = "linux" | "xterm" | "other" | "none";

function terminalFamily(term: string | undefined): Family {
  if (term === undefined || term === "" || term === "dumb" || term === "unknown" || term === "network") return "none";
  // screen inside a virtual terminal has the font of the virtual terminal.
  if (/^linux(-|$)|\.linux$/.test(term)) return "linux";
  const modern =
    /^(xterm|screen|tmux|rxvt|alacritty|foot|kitty|konsole|gnome|vte|putty|st|wezterm|contour|ghostty|mintty|iterm2?|nsterm|ms-terminal|mlterm)([-.+]|$)/;
  if (modern.test(term) && !/-m(ono)?$/.test(term)) return "xterm";
  return "other";
}

function isUtf8(env: ConsoleFacts["env"]): boolean {
  // The first of these that is set and not empty counts (POSIX, "Environment Variables").
  return /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "");
}

function has256Colors(env: ConsoleFacts["env"]): boolean {
  return /256color|direct/.test(env["TERM"] ?? "") || /truecolor|24bit/.test(env["COLORTERM"] ?? "");
}

function basicProfile(family: Family): Profile {
  return {
    kind: "basic",
    glyphs: asciiGlyphs,
    ascii: true,
    colors: 0,
    canShowChinese: false,
    wideGraph: false,
    bracketedPaste: family === "xterm",
    sgr: basicStyles,
  };
}

/**
 * Linux virtual terminal. Debian's console fonts (Lat15, Lat2, Uni1 to Uni3, in Fixed, VGA and Terminus) hold full block,
 * light and medium shade, but neither half blocks nor dark shade; the kernel's own font has those but no ellipsis. These
 * are in all of them.
 */
const consoleGlyphs: Glyphs = {
  ellipsis: "~",
  horizontal: "─",
  levels: [" ", "░", "▒", "█"],
  up: "▲",
  down: "▼",
  bullet: "•",
};

const blockGlyphs: Glyphs = {
  ellipsis: "…",
  horizontal: "─",
  levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  up: "▲",
  down: "▼",
  bullet: "•",
};

/** Bold, underline and inverse only; what matters most stands out by inverse. */
const basicStyles: Profile["sgr"] = {
  text: "",
  strong: "1",
  dim: "",
  heading: "1",
  good: "",
  warn: "1",
  bad: "1;4",
  bar: "7",
  selected: "7",
  field: "4",
  focus: "1;7",
  graph: "",
  preview: "7",
  key: "1",
  paper: "7",
};

/** Eight colours on the black of a virtual terminal. */
const linuxStyles: Profile["sgr"] = {
  text: "",
  strong: "1",
  dim: "",
  heading: "1;36",
  good: "32",
  warn: "1;33",
  bad: "1;37;41",
  bar: "30;46",
  selected: "30;47",
  field: "4",
  focus: "30;46",
  graph: "36",
  preview: "30;43",
  key: "1;36",
  paper: "30;47",
};

/**
 * Eight colours where the background may be black or white: no foreground that is legible on one of them only. What is
 * good needs no colour; the rest brings its own background.
 */
const plainStyles: Profile["sgr"] = {
  text: "",
  strong: "1",
  dim: "",
  heading: "1",
  good: "",
  warn: "30;43",
  bad: "1;37;41",
  bar: "7",
  selected: "7",
  field: "4",
  focus: "30;46",
  graph: "35",
  preview: "30;43",
  key: "1",
  paper: "30;47",
};

/** Colours of medium brightness from the 256, with a contrast of 3.5 or more on black and on white. */
const tonedStyles: Profile["sgr"] = {
  ...plainStyles,
  dim: "38;5;243",
  heading: "1;38;5;32",
  good: "38;5;28",
  graph: "38;5;32",
  key: "1;38;5;32",
  paper: "38;5;16;48;5;231",
};

const richProfile: Profile = {
  kind: "rich",
  glyphs: blockGlyphs,
  ascii: false,
  colors: 8,
  canShowChinese: false,
  wideGraph: false,
  bracketedPaste: false,
  sgr: plainStyles,
};
