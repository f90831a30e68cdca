import { hashPrefixes, hashProblem } from "./crypt-hash.ts";
import { diskProblems } from "./disk-problems.ts";
import type { Draft, DraftProblem, InstallRole } from "./draft.ts";
import type { Hardware } from "./hardware.ts";
import { localeProblems } from "./locales.ts";
import { networkProblems } from "./network-problems.ts";
import { error, formatBytes, warning } from "./problem.ts";

const gb = 1e9;

/** What a role's machine should have. Source: ../shared/spec/image.md, question 2. */
export function leastMachine(role: InstallRole): { cpus: number; memoryBytes: number } {
  return role === "expert" ? { cpus: 2, memoryBytes: 2 * gb } : { cpus: 4, memoryBytes: 8 * gb };
}

/** The kernel shows less than the modules have: firmware, graphics and the kernel itself keep a part. */
const shownShare = 15 / 16;

/**
 * Everything that is wrong with a draft, at once, in the order of the installer's questions. Warnings let the
 * installation go on. Without hardware (an answer file that is checked elsewhere) only what can be said of the answers.
 *
 * While a technician is still to type the disk's name, ask with `erase: true`: else `DISK.ERASE` is among them.
 */
export function draftProblems(draft: Draft, hardware: Hardware | null): DraftProblem[] {
  return [
    ...localeProblems(draft.locale),
    ...(hardware === null ? [] : machineProblems(draft.role, hardware)),
    ...diskProblems(draft, hardware),
    ...networkProblems(draft.network, hardware?.links ?? null),
    ...passwordProblems(draft),
  ];
}

function machineProblems(role: InstallRole, hardware: Hardware): DraftProblem[] {
  const least = leastMachine(role);
  const problems: DraftProblem[] = [];
  if (hardware.cpus < least.cpus) {
    problems.push(
      warning("HARDWARE.CPUS", "role", {
        description: `The machine has ${hardware.cpus} CPU${hardware.cpus === 1 ? "" : "s"}; this role needs ${least.cpus}.`,
        remedy: "Expect it to be slow, or take another machine.",
        values: { cpus: hardware.cpus, least: least.cpus },
      }),
    );
  }
  if (hardware.memoryBytes < least.memoryBytes * shownShare) {
    problems.push(
      warning("HARDWARE.MEMORY", "role", {
        description: `The machine has ${formatBytes(hardware.memoryBytes)} of memory; this role needs ${formatBytes(least.memoryBytes)}.`,
        remedy: "Add memory, or expect it to run out.",
        values: { memoryBytes: hardware.memoryBytes, leastBytes: least.memoryBytes },
      }),
    );
  }
  if (role !== "expert" && hardware.virtualization === "off") {
    problems.push(
      warning("HARDWARE.VIRTUALIZATION_OFF", "role", {
        description: "The firmware has switched off the processor's virtualization (VT-x or AMD-V).",
        remedy: "Switch it on in the firmware's setup: without it virtual machines run many times slower.",
      }),
    );
  }
  if (role !== "expert" && hardware.virtualization === "absent") {
    problems.push(
      warning("HARDWARE.VIRTUALIZATION_ABSENT", "role", {
        description: "The processor has no virtualization (VT-x or AMD-V).",
        remedy: "Take another machine for virtual machines: on this one they run many times slower.",
      }),
    );
  }
  if (!hardware.clock.plausible) {
    problems.push(
      warning("HARDWARE.CLOCK", "role", {
        description: "The machine's clock is wrong: certificates made with it would not be valid.",
        remedy: "Set the clock in the firmware's setup, and replace its battery if it stops again.",
        values: { now: hardware.clock.now },
      }),
    );
  }
  return problems;
}

const passwordWords = { root: "root", admin: "the cloud administrator" } as const;

function passwordProblems(draft: Draft): DraftProblem[] {
  const needed = draft.role === "management" ? (["root", "admin"] as const) : (["root"] as const);
  return needed.flatMap((which) => {
    const hash = draft.passwords[which];
    const field = `passwords.${which}`;
    if (hash === null) {
      return [
        error("PASSWORD.MISSING", field, {
          description: `There is no password for ${passwordWords[which]}.`,
          remedy: "Give one: nothing has a default password.",
          values: { which },
        }),
      ];
    }
    const why = hashProblem(hash);
    if (why === undefined) return [];
    return [
      error("PASSWORD.HASH", field, {
        description: hashSentences[why](passwordWords[which]),
        remedy: `Give a hash that begins with ${hashPrefixes.join(", ")}; mkpasswd --method=yescrypt makes one.`,
        values: { which, why },
      }),
    ];
  });
}

const hashSentences = {
  "no-hash": (whose: string) => `The password of ${whose} is not given as a crypt(3) hash.`,
  weak: (whose: string) => `The hash of the password of ${whose} is made by a method that is guessed too fast.`,
  malformed: (whose: string) => `The hash of the password of ${whose} is not whole: characters are missing or wrong.`,
} as const;
