/** Characters that a new password must have at least. */
export const shortestPassword = 8;
/**
 * UTF-8 bytes that a password may have at most. libxcrypt takes 511 and a NUL (CRYPT_MAX_PASSPHRASE_SIZE, crypt(3));
 * PAM's helper takes one more (PAM_MAX_RESP_SIZE), chpasswd's line 8,191. Whatever is longer is refused, never cut.
 */
export const longestPasswordBytes = 511;

export const passwordProblemCodes = [
  "PASSWORD.EMPTY",
  "PASSWORD.CONTROL_CHARACTER",
  "PASSWORD.TOO_SHORT",
  "PASSWORD.TOO_LONG",
  "PASSWORD.COMMON",
  "PASSWORD.SAME",
] as const;
export type PasswordProblem = (typeof passwordProblemCodes)[number];

/**
 * What is wrong with a new password, the most important first; empty when it may be used. Spaces, quotes and letters of
 * any script are welcome. Leave `old` out when it is not known.
 */
export function passwordProblems(next: string, old?: string): PasswordProblem[] {
  if (next === "") return ["PASSWORD.EMPTY"];
  const problems: PasswordProblem[] = [];
  if (hasControlCharacter(next)) problems.push("PASSWORD.CONTROL_CHARACTER");
  const tooShort = [...next].length < shortestPassword;
  if (tooShort) problems.push("PASSWORD.TOO_SHORT");
  if (passwordBytes(next) > longestPasswordBytes) problems.push("PASSWORD.TOO_LONG");
  // Told of a short one, it would only distract: it changes with every letter typed.
  if (!tooShort && isCommon(next)) problems.push("PASSWORD.COMMON");
  if (next === old) problems.push("PASSWORD.SAME");
  return problems;
}

/** Whether a password could be right at all: what can't have been set need not, and must not, reach PAM's helper. */
export function couldBePassword(given: string): boolean {
  // The helper reads up to the first NUL: what stands behind it would go unchecked.
  return given !== "" && !given.includes("\0") && given.isWellFormed() && passwordBytes(given) <= longestPasswordBytes;
}

function passwordBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Half a surrogate pair counts too: it has no UTF-8 form. */
function hasControlCharacter(text: string): boolean {
  return !text.isWellFormed() || /\p{Cc}/u.test(text);
}

function isCommon(text: string): boolean {
  const plain = text.toLowerCase().trim();
  return common.has(plain) || common.has(plain.replace(/[\d!.?@#$*]+$/, "")) || isRun(plain);
}

/** `aaaaaaaa`, `12345678`, `hgfedcba`. */
function isRun(text: string): boolean {
  const codes = [...text].map((letter) => letter.codePointAt(0) ?? 0);
  const steps = new Set(codes.slice(1).map((code, i) => code - (codes[i] ?? 0)));
  const [step] = steps;
  return steps.size === 1 && step !== undefined && Math.abs(step) <= 1;
}

/**
 * Words that guessers try first, in lower case. With digits and marks behind them they are no better. Shorter words
 * stand for their lengthened forms, such as `admin123`.
 */
const common: ReadonlySet<string> = new Set(
  (
    "password passwort passw0rd p@ssw0rd p@ssword pa55word pass123word passphrase mypassword newpassword " +
    "admin administrator adminadmin root rootroot toor changeme changeit default letmein welcome secret supersecret " +
    "qwerty qwertyui qwertyuiop qwertz qwertzuiop azerty asdfghjk asdfghjkl zxcvbnm 1qaz2wsx 1q2w3e4r 1q2w3e4r5t " +
    "qazwsxedc zaq12wsx 1234qwer qwer1234 abc12345 abcd1234 a1b2c3d4 11223344 12341234 12121212 69696969 88888888 " +
    "123123123 147258369 987654321 1234567890 0123456789 5201314 woaini iloveyou sunshine princess football baseball " +
    "superman batman trustno1 starwars whatever computer internet monkey dragon michael master shadow login guest user " +
    "test testtest testing server linux debian ubuntu centos redhat vmware openstack cloud binnacle zstack calvin " +
    "huawei supermicro superuser manager service support operator console system"
  ).split(" "),
);
