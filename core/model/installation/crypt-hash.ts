/** What is wrong with a text that should be a password's hash; undefined when nothing is. */
export type HashProblem = "no-hash" | "weak" | "malformed";

/** Prefixes of the methods that may be used, with the form of a whole hash. Source: crypt(5) of libxcrypt. */
const methods: readonly [prefix: string, form: RegExp][] = [
  ["$y$", /^\$y\$[./A-Za-z\d]+\$[./A-Za-z\d]{1,86}\$[./A-Za-z\d]{43}$/],
  ["$gy$", /^\$gy\$[./A-Za-z\d]+\$[./A-Za-z\d]{1,86}\$[./A-Za-z\d]{43}$/],
  ["$7$", /^\$7\$[./A-Za-z\d]{11,97}\$[./A-Za-z\d]{43}$/],
  ["$2b$", /^\$2b\$\d\d\$[./A-Za-z\d]{53}$/],
  ["$2y$", /^\$2y\$\d\d\$[./A-Za-z\d]{53}$/],
  ["$6$", /^\$6\$(rounds=[1-9]\d{3,8}\$)?[./A-Za-z\d]{1,16}\$[./A-Za-z\d]{86}$/],
  ["$5$", /^\$5\$(rounds=[1-9]\d{3,8}\$)?[./A-Za-z\d]{1,16}\$[./A-Za-z\d]{43}$/],
];

export const hashPrefixes: readonly string[] = methods.map(([prefix]) => prefix);

/** Methods that can be guessed too fast, or that have known faults. */
const weakPrefixes = ["$1$", "$sha1$", "$md5", "$3$", "$2a$", "$2x$"];

/** Judges a hash by its form; whether a password leads to it can't be known. Never put the text into an error. */
export function hashProblem(text: string): HashProblem | undefined {
  const method = methods.find(([prefix]) => text.startsWith(prefix));
  if (method !== undefined) return method[1].test(text) ? undefined : "malformed";
  return weakPrefixes.some((prefix) => text.startsWith(prefix)) ? "weak" : "no-hash";
}
