/*
 * What must not leave a node: passwords and their hashes, pre-shared and private keys, tokens, user information in
 * addresses. Where a rule can't tell where a secret ends it takes the rest of the line: a log with a hole is of use, a
 * log with a password is a fault.
 */

/** What stands in place of a secret. */
export const masked = "[secret]";

/** Words that make the name of a setting a secret's, whatever stands around them: `db_password`, `WPA-PSK`, `apiKey`. */
const secretWords = [
  "pass(?:word|wd|phrase|code|key)",
  "secret",
  "token",
  "credential",
  "psk",
  "pre-?shared-?key",
  "(?:api|access|private|encryption|session|master|luks|sign(?:ing)?|wep|auth|shared|host|secret)[._-]?key",
  "authorization",
  "cookie",
  "[a-z0-9]+[_-]pwd",
  "community",
  "密码|口令|密钥",
].join("|");
/** Names that are a secret's only as a whole. */
const wholeNames = "pin|puk|pw|otp|cak|ckn|luks";
const name = `(?<![\\w.-])(?:[\\w.-]*(?:${secretWords})[\\w.-]*|(?:${wholeNames})(?![\\w.-]))`;
/** Most lines hold none of them: looked for first, because the patterns below are slow. */
const anyWord = new RegExp(`${secretWords}|\\b(?:${wholeNames})\\b`, "iu");

/** `name=value`, `name: value`, `"name": "value"`, `name[0] := 'value'`; ends where the value begins. */
const assignment = new RegExp(`(${name})(?:\\[\\w*\\])?(?:\\\\*["'])?\\s*(?::=|=>|=|:|：)\\s*(?=\\S)`, "giu");
/** `--password value`, `-psk value`: the separator is a blank. */
const option = new RegExp(`(?<![\\w.-])(--?[\\w-]*(?:${secretWords})[\\w-]*)\\s+(?=[^\\s-])`, "giu");
/** What systemd and others say of a unit whose name has such a word. */
const unitName = /\.(?:service|socket|path|timer|target|mount|slice|scope)$/;
/** Ends an unquoted value on the same line; `&` does only among the arguments of a URL, elsewhere it may be a secret's. */
const nextAssignment = /\s+[\w.-]+(?:\[\w*\])?=/u;
const nextArgument = /(?:\s+|&)[\w.-]+(?:\[\w*\])?=/u;

const privateKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;
const keyBegin = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
const keyEnd = /-----END [A-Z0-9 ]*PRIVATE KEY-----/;
/** A line of a private key in PEM: base64, or a header of its encryption. */
const keyLine = /^[^A-Za-z0-9+/=]*(?:[A-Za-z0-9+/=]+|(?:Proc-Type|DEK-Info):.*)?[^A-Za-z0-9+/=]*$/;

/** Secrets that are known by their own form, with what is put in their place. */
const forms: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // scheme://user:password@host, and the same without slashes as dracut and open-iscsi write it. Up to the last @.
  [/:\/\/[^\s/"'<>]*@/g, `://${masked}@`],
  [/\b(iscsi:)[^\s@]+@/gi, `$1${masked}@`],
  // crypt(5): $y$…, $6$…, and those of web servers and Python.
  [/\$(?:[0-9][a-z]?|y|gy|7|md5|sha1|apr1|argon2[a-z]*|scrypt|bcrypt[\w-]*|pbkdf2[\w-]*)\$[^\s:"',;]+/g, masked],
  [/\{(?:S?SHA|SSHA)\d*\}[A-Za-z0-9+/=]+/g, masked],
  [/\b(Bearer|Negotiate)\s+[A-Za-z0-9+/=._~-]{8,}/gi, `$1 ${masked}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, masked],
  [
    /\b(?:gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16})/g,
    masked,
  ],
  // chrony.keys(5): number, type, key.
  [/^(\s*\d+\s+(?:MD5|SHA\d[\w-]*|AES\d+|TIGER|WHIRLPOOL|SM3)\s+)\S+/gi, `$1${masked}`],
  [/\b(HEX|ASCII):\S+/g, `$1:${masked}`],
  // Signatures that make a URL a key.
  [/([?&](?:sig|signature|key|code|auth)=)[^\s&"']+/gi, `$1${masked}`],
  [/\b(sshpass\s+-p\s*|mysql(?:dump|admin)?\s(?:.*\s)?-p)\S+/g, `$1${masked}`],
  [/((?:^|\s)(?:-u|--user|--proxy-user)[\s=]+["']?[^\s:"']+:)[^\s"']+/g, `$1${masked}`],
  [/^.*(?=\|\s*chpasswd)/, `${masked} `],
  [/\b((?:ro|rw)community6?\s+)\S+/gi, `$1${masked}`],
];

/** Values in the section of a network profile that logs in to the network: all but these names are masked. */
const plainOf8021x = new Set(["eap", "phase1-peapver", "phase2-auth", "phase2-autheap", "auth-timeout", "optional"]);

export type MaskOptions = {
  /** Secrets that stand in for themselves, wherever they are. */
  known?: KnownSecrets;
  /** The text is a file of settings: a value is all that follows on its line. */
  settings?: boolean;
};

/**
 * Masks the lines of one text, in their order: a private key and a section of a profile go over several. A text that
 * was masked already stays as it is.
 */
export class Masker {
  readonly #options: MaskOptions;
  #inKey = false;
  #section = "";

  constructor(options: MaskOptions = {}) {
    this.#options = options;
  }

  /** One line, without its line feed. */
  line(text: string): string {
    if (this.#inKey) {
      if (keyEnd.test(text)) {
        this.#inKey = false;
        return this.line(text.replace(/^.*?-----END [A-Z0-9 ]*PRIVATE KEY-----/, masked));
      }
      if (keyLine.test(text)) return text === "" ? "" : masked;
      this.#inKey = false;
    }
    this.#section = /^\s*\[([^\]]{1,60})\]\s*$/.exec(text)?.[1] ?? this.#section;
    const beginAt = text.lastIndexOf("-----BEGIN ");
    this.#inKey = beginAt >= 0 && keyBegin.test(text.slice(beginAt)) && !keyEnd.test(text.slice(beginAt));
    return maskLine(this.#section === "802-1x" ? mask8021x(text) : text, this.#options);
  }
}

/** A whole text, masked line by line; it keeps its number of lines. */
export function maskText(text: string, options: MaskOptions = {}): string {
  const masker = new Masker(options);
  return text
    .split("\n")
    .map((line) => masker.line(line))
    .join("\n");
}

/** A value of JSON with its secrets masked: by the names of its members, and inside of its texts. */
export function maskValue(value: unknown, options: MaskOptions = {}): unknown {
  if (typeof value === "string") return maskText(value, options);
  if (Array.isArray(value)) return value.map((one) => maskValue(one, options));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      // A flag such as `passwordSet` is none.
      const isSecret = typeof inner !== "boolean" && inner !== null && secretName.test(key);
      return [maskText(key, options), isSecret ? masked : maskValue(inner, options)];
    }),
  );
}
const secretName = new RegExp(`^${name}$`, "iu");

/** Shorter ones are words of the language, and masking them would tear holes everywhere. */
const shortestKnown = 8;

/** Secrets that were found where it is certain that they are some, to be masked wherever else they turn up. */
export class KnownSecrets {
  readonly #values = new Set<string>();

  get size(): number {
    return this.#values.size;
  }

  /** Learns the secrets of a network profile (a key file of NetworkManager). */
  learnProfile(text: string): void {
    let section = "";
    for (const line of text.split("\n")) {
      section = /^\s*\[([^\]]+)\]\s*$/.exec(line)?.[1] ?? section;
      const [, key = "", value = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      const isLogin = section === "802-1x" && !plainOf8021x.has(key);
      // A path is no secret; `[secret]` was one.
      if ((isLogin || secretName.test(key)) && !value.startsWith("/") && !value.startsWith("file:")) this.#learn(value);
    }
  }

  /** The text with each of them masked. */
  mask(text: string): string {
    let result = text;
    for (const value of this.#values) if (result.includes(value)) result = result.replaceAll(value, masked);
    return result;
  }

  #learn(value: string): void {
    if (value.length >= shortestKnown && !value.includes(masked)) this.#values.add(value);
  }
}

function maskLine(text: string, { known, settings = false }: MaskOptions): string {
  let line = text.replace(privateKey, masked);
  // First: what the forms put in place must not look like the end of a longer value.
  if (anyWord.test(line)) {
    line = maskAfter(line, assignment, settings ? restOfLine : endOfValue);
    line = maskAfter(line, option, endOfWord);
  }
  for (const [pattern, instead] of forms) line = line.replace(pattern, instead);
  return known === undefined ? line : known.mask(line);
}

/** Masks the value behind each match of a pattern that ends where a value begins. */
function maskAfter(text: string, pattern: RegExp, endOf: EndOf): string {
  let result = "";
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const start = match.index + match[0].length;
    // It lies in a value that is masked already, or is a unit and not a setting.
    if (match.index < from || unitName.test(match[1] ?? "")) continue;
    const { end, mark = "" } = endOf(text, start, /[?&]/.test(text[match.index - 1] ?? ""));
    result += text.slice(from, start) + mark + masked + mark;
    from = end;
  }
  return result + text.slice(from);
}

/** Where a value that begins at `start` ends, and the quotation marks that stay around it. */
type EndOf = (text: string, start: number, isArgument: boolean) => { end: number; mark?: string };

const restOfLine: EndOf = (text) => ({ end: text.length });

const endOfValue: EndOf = (text, start, isArgument) => {
  const quoted = endOfQuoted(text, start);
  // Behind a closing quotation mark something else begins, unless a shell would put both together.
  if (quoted !== undefined && /^(?:$|[\s,;:)}\]&\\])/.test(text.slice(quoted.end, quoted.end + 1))) return quoted;
  const from = quoted?.end ?? start;
  const isMasked = text.startsWith(masked, from) && /^(?:$|[\s&])/.test(text.slice(from + masked.length));
  if (isMasked) return { end: from + masked.length };
  // Its first character is its own, whatever it looks like.
  const next = (isArgument ? nextArgument : nextAssignment).exec(text.slice(from + 1));
  return { end: next === null ? text.length : from + 1 + next.index };
};

const endOfWord: EndOf = (text, start) => {
  const from = endOfQuoted(text, start)?.end ?? start;
  const blank = text.slice(from).search(/\s/);
  return { end: blank < 0 ? text.length : from + blank };
};

/** Behind the quotation mark that closes the one at `start` and is escaped as often as it; undefined when none does. */
function endOfQuoted(text: string, start: number): { end: number; mark: string } | undefined {
  const mark = /^\\*["'`]/.exec(text.slice(start, start + 16))?.[0];
  if (mark === undefined) return undefined;
  const from = start + mark.length;
  const sign = mark.slice(-1);
  for (let at = text.indexOf(sign, from); at >= 0; at = text.indexOf(sign, at + 1)) {
    let backslashes = 0;
    while (at - 1 - backslashes >= from && text[at - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes <= mark.length - 1) return { end: at + 1, mark };
  }
  return undefined;
}

function mask8021x(line: string): string {
  const [, key = "", between = ""] = /^\s*([^=\s]+)(\s*=\s*)\S/.exec(line) ?? [];
  return key === "" || plainOf8021x.has(key) ? line : `${key}${between}${masked}`;
}
