import * as z from "zod/mini";

/*
 * Everything that an installation needs to know: the technician's answers as the engine keeps them, so that any console
 * can go on with them. An answer file is turned into the same. Sizes are bytes.
 */

export const installRoles = ["management", "compute", "storage", "expert"] as const;
export type InstallRole = (typeof installRoles)[number];

export const localeAnswers = z.object({
  language: z.enum(["en_US", "zh_CN"]),
  /** X keyboard layout, as in /etc/default/keyboard: `us`, `de`, `gb` … */
  keyboard: z.string(),
  /** Name in the time zone database: `Asia/Shanghai`. */
  timezone: z.string(),
});

export const partitionSizes = z.object({
  efiBytes: z.number(),
  bootBytes: z.number(),
  swapBytes: z.number(),
  /** null: all that is left. */
  rootBytes: z.nullable(z.number()),
  /** An extra file system for virtual machines at /var/lib/binnacle; 0: none; null: all that is left. */
  dataBytes: z.nullable(z.number()),
});
export type PartitionSizes = z.infer<typeof partitionSizes>;

export const diskAnswers = z.object({
  /** Kernel name of the disk; null: not chosen yet. */
  disk: z.nullable(z.string()),
  /** The other disk of a RAID 1; null: none. */
  mirror: z.nullable(z.string()),
  /** null: the automatic scheme. */
  custom: z.nullable(z.object({ sizes: partitionSizes, lvm: z.boolean() })),
  /** What is on the disk may be erased. A technician says so by typing the disk's name, an answer file by `erase: true`. */
  erase: z.boolean(),
});

export const ipv4Answers = z.union([
  z.object({ method: z.literal("dhcp") }),
  z.object({ method: z.literal("none") }),
  z.object({ method: z.literal("static"), address: z.string(), prefix: z.number(), gateway: z.nullable(z.string()) }),
]);
export const ipv6Answers = z.union([
  z.object({ method: z.literal("auto") }),
  z.object({ method: z.literal("dhcp") }),
  z.object({ method: z.literal("none") }),
  z.object({ method: z.literal("static"), address: z.string(), prefix: z.number(), gateway: z.nullable(z.string()) }),
]);

export const networkAnswers = z.object({
  hostname: z.string(),
  /** The interfaces below the management address: one, or the legs of a bond; none: no network. */
  links: z.array(z.string()),
  bond: z.nullable(z.object({ name: z.string(), mode: z.enum(["active-backup", "802.3ad"]) })),
  vlan: z.nullable(z.number()),
  ipv4: ipv4Answers,
  ipv6: ipv6Answers,
  nameServers: z.array(z.string()),
  timeServers: z.array(z.string()),
});
export type NetworkAnswers = z.infer<typeof networkAnswers>;

/** crypt(3) hashes; null: not given yet. They never leave the engine: a console sees only whether there is one. */
export const passwordAnswers = z.object({ root: z.nullable(z.string()), admin: z.nullable(z.string()) });

export const draft = z.object({
  locale: localeAnswers,
  role: z.enum(installRoles),
  disk: diskAnswers,
  network: networkAnswers,
  passwords: passwordAnswers,
  /** What the machine does when the installation has ended well. */
  afterwards: z.enum(["ask", "reboot", "poweroff"]),
});
export type Draft = z.infer<typeof draft>;
export const draftSections = ["locale", "role", "disk", "network", "passwords"] as const;
export type DraftSection = (typeof draftSections)[number];

/**
 * Something that is wrong with an answer. `field` is its path in the draft, such as `network.ipv4.gateway`. A warning
 * lets the installation go on. The English sentences are for logs and answer files; a console has its own by `code`.
 */
export const draftProblem = z.object({
  code: z.string(),
  section: z.enum(draftSections),
  field: z.string(),
  severity: z.enum(["error", "warning"]),
  description: z.string(),
  remedy: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type DraftProblem = z.infer<typeof draftProblem>;
