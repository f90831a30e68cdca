import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "./run.ts";

/** Where Debian's packages come from. */
export type Archive = { suite: string; sources: readonly string[] };

export const debian: Archive = {
  suite: "trixie",
  sources: [
    "deb http://deb.debian.org/debian trixie main non-free-firmware",
    "deb http://deb.debian.org/debian trixie-updates main non-free-firmware",
    "deb http://deb.debian.org/debian-security trixie-security main non-free-firmware",
  ],
};

/** Languages that the console speaks. */
const locales = "en_US.UTF-8 UTF-8\nzh_CN.UTF-8 UTF-8\n";

/** Nobody reads them on a node, and they are a tenth of it. Licences stay. */
const leftOut = [
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/locale/*",
  "path-exclude=/usr/share/doc/*",
  "path-include=/usr/share/doc/*/copyright",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/lintian/*",
];

export type BaseOptions = { packages: readonly string[]; epoch: number; cache: string; fresh: boolean };

/**
 * An archive (tar) of a Debian system with the packages, as mmdebstrap makes it, from the cache when one was made of the
 * same. It takes two minutes and 450 MB of downloads otherwise.
 */
export async function baseArchive({ packages, epoch, cache, fresh }: BaseOptions): Promise<string> {
  const inputs = JSON.stringify([debian, packages, epoch, leftOut, locales, baseVersion]);
  const key = createHash("sha256").update(inputs).digest("hex").slice(0, 16);
  const archive = path.join(cache, `base-${key}.tar`);
  if (!fresh && fs.existsSync(archive)) return archive;
  fs.mkdirSync(cache, { recursive: true });
  const work = fs.mkdtempSync(path.join(cache, ".base-"));
  const building = path.join(work, "base.tar");
  // mmdebstrap keeps the file's own name in /etc/apt/sources.list.d.
  const sources = path.join(work, "debian.list");
  try {
    fs.writeFileSync(sources, `${debian.sources.join("\n")}\n`);
    await run(
      "mmdebstrap",
      [
        "--variant=minbase",
        `--include=${packages.join(",")}`,
        "--aptopt=APT::Install-Recommends false",
        ...leftOut.map((option) => `--dpkgopt=${option}`),
        `--customize-hook=printf '${locales.replaceAll("\n", "\\n")}' > "$1/etc/locale.gen"; chroot "$1" locale-gen`,
        "--format=tar",
        debian.suite,
        building,
        sources,
      ],
      // The initial RAM disk is made when our own files are there.
      { env: { SOURCE_DATE_EPOCH: String(epoch), INITRD: "No" }, timeoutMs: 30 * 60_000 },
    );
    fs.renameSync(building, archive);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
  return archive;
}

/** Counted up when what is done to the base here changes. */
const baseVersion = 2;
