import { covers, type ImportRule, importTable, type Paths, pureRooms } from "./import-table.ts";
import { type Import, importsOf, type Target } from "./imports.ts";
import { impurities } from "./purity.ts";
import { type Finding, projectRoot, readSources } from "./source.ts";

type Graph = ReadonlyMap<string, readonly Import[]>;

/** What breaks the import table (`import-table.ts`) in a project, by one import or through a chain of them. */
export function checkImports(root: string = projectRoot): Finding[] {
  const sources = readSources(root);
  const graph: Graph = new Map(sources.map((source) => [source.path, importsOf(source, root)]));
  return [
    ...importTable.flatMap((rule) => [...directFindings(rule, graph), ...chainFindings(rule, graph)]),
    ...sources.filter((source) => covers(pureRooms, source.path)).flatMap(impurities),
  ].sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function directFindings(rule: ImportRule, graph: Graph): Finding[] {
  return roomOf(rule, graph).flatMap((file) =>
    (graph.get(file) ?? []).flatMap(({ line, target }) => {
      const why = objection(rule, target);
      return why === undefined ? [] : [{ file, line, rule: `imports/${rule.rule}`, text: why, remedy: rule.remedy }];
    }),
  );
}

function objection(rule: ImportRule, target: Target): string | undefined {
  switch (target.kind) {
    case "unknown":
      return "An import whose target is made at run time can't be checked.";
    case "file": {
      const allowed = rule.mayImport === undefined || covers(rule.mayImport, target.path);
      const denied = rule.neverReach !== undefined && covers(rule.neverReach, target.path);
      return allowed && !denied ? undefined : `Imports ${target.path}, which ${placesOf(rule.room)} may not.`;
    }
    case "package": {
      const allowed = rule.packages === undefined || rule.packages.includes(target.name);
      const denied = rule.neverPackages?.some((name) => name === target.name || covers([name], target.name)) ?? false;
      return allowed && !denied
        ? undefined
        : `Imports the package ${target.name}, which ${placesOf(rule.room)} may not.`;
    }
    case "builtin": {
      const base = target.name.split("/")[0] ?? target.name;
      const allowed = rule.builtins === undefined || rule.builtins.includes(base);
      const denied = rule.neverBuiltins?.includes(base) ?? false;
      return allowed && !denied ? undefined : `Imports node:${target.name}, which ${placesOf(rule.room)} may not.`;
    }
  }
}

/**
 * Chains that start in the rule's room and end, outside of it, at a forbidden file: one finding for each import that
 * lets a chain in, with the shortest chain.
 */
function chainFindings(rule: ImportRule, graph: Graph): Finding[] {
  const forbidden = rule.neverReach;
  if (forbidden === undefined) return [];
  const room = roomOf(rule, graph);
  const cameFrom = new Map<string, { file: string; line: number } | undefined>(room.map((file) => [file, undefined]));
  const findings: Finding[] = [];
  // A Map is walked in the order of insertion, entries added on the way included: breadth first.
  for (const file of cameFrom.keys()) {
    for (const { target, line } of graph.get(file) ?? []) {
      if (target.kind !== "file") continue;
      if (!covers(forbidden, target.path)) {
        if (!cameFrom.has(target.path)) cameFrom.set(target.path, { file, line });
      } else if (!covers(rule.room, file)) {
        findings.push(chainFinding(rule, cameFrom, file, target.path));
      }
    }
  }
  return findings;
}

function chainFinding(
  rule: ImportRule,
  cameFrom: ReadonlyMap<string, { file: string; line: number } | undefined>,
  last: string,
  forbidden: string,
): Finding {
  const chain = [last, forbidden];
  let start = { file: last, line: 1 };
  for (let step = cameFrom.get(last); step !== undefined; step = cameFrom.get(step.file)) {
    chain.unshift(step.file);
    start = step;
  }
  return {
    ...start,
    rule: `imports/${rule.rule}`,
    text: `Reaches ${chain.slice(1).join(" -> ")}.`,
    remedy: rule.remedy,
  };
}

function roomOf(rule: ImportRule, graph: Graph): string[] {
  return [...graph.keys()].filter((file) => covers(rule.room, file));
}

function placesOf(room: Paths): string {
  return room.filter((path) => !path.startsWith("!")).join(", ");
}
