import { type Expression, Visitor } from "oxc-parser";
import type { Finding, Source } from "./source.ts";

/** Globals that a pure file must not touch, with what a person should do instead. */
const impureGlobals: ReadonlyMap<string, string> = new Map([
  ["setTimeout", "Return what is to be done and when; the caller sets the timer."],
  ["setInterval", "Return what is to be done and when; the caller sets the timer."],
  ["setImmediate", "Return what is to be done; the caller does it."],
  ["queueMicrotask", "Return what is to be done; the caller does it."],
  ["performance", "Take the time as an argument."],
  ["Temporal", "Take the time as an argument."],
  ["crypto", "Take the random value as an argument."],
  ["process", "Take the environment's value as an argument."],
  ["globalThis", "Name what is needed and take it as an argument."],
  ["global", "Name what is needed and take it as an argument."],
  ["fetch", "Take what was fetched as an argument."],
  ["console", "Return what is to be said; the caller says it."],
]);

/** Members of half-pure globals that depend on nothing but their arguments. */
const pureMembers: ReadonlyMap<string, (member: string) => boolean> = new Map([
  ["Date", (member: string) => member === "UTC" || member === "parse"],
  ["Math", (member: string) => member !== "random"],
]);

/**
 * Where a file asks the clock, sets a timer, throws dice or looks at its environment. Comments and strings don't
 * count, nor does a name that the file declares itself.
 */
export function impurities(source: Source): Finding[] {
  const findings: Finding[] = [];
  const declared = declaredNames(source);
  const report = (start: number, what: string, remedy: string) =>
    findings.push({ file: source.path, line: source.line(start), rule: "pure", text: `Uses ${what}.`, remedy });
  // A parent is visited before its children: what a parent has judged, the visit of the name leaves alone.
  const judged = new Set<{ start: number }>();
  const judgeMember = (object: Expression, member: string | undefined) => {
    if (object.type !== "Identifier") return;
    const isPure = pureMembers.get(object.name);
    if (isPure === undefined || member === undefined) return;
    judged.add(object);
    if (!isPure(member)) report(object.start, `${object.name}.${member}`, "Take the value as an argument.");
  };
  new Visitor({
    MemberExpression: (node) => {
      const { object, property } = node;
      if (!node.computed && property.type === "Identifier") {
        judged.add(property);
        judgeMember(object, property.name);
      } else if (property.type === "Literal" && typeof property.value === "string") judgeMember(object, property.value);
    },
    Property: (node) => {
      if (!node.computed) judged.add(node.key);
      if (node.shorthand) judged.delete(node.key);
    },
    NewExpression: (node) => {
      // new Date(ms) is the same for everybody; new Date() asks the clock.
      if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length > 0)
        judged.add(node.callee);
    },
    BinaryExpression: (node) => {
      if (node.operator === "instanceof") judged.add(node.right);
    },
    PropertyDefinition: (node) => judged.add(node.key),
    MethodDefinition: (node) => judged.add(node.key),
    TSPropertySignature: (node) => judged.add(node.key),
    TSMethodSignature: (node) => judged.add(node.key),
    TSTypeReference: (node) => judged.add(node.typeName),
    Identifier: (node) => {
      if (judged.has(node) || declared.has(node.name)) return;
      const remedy = impureGlobals.get(node.name);
      if (remedy !== undefined) report(node.start, node.name, remedy);
      else if (pureMembers.has(node.name)) report(node.start, `${node.name} itself`, "Take the value as an argument.");
    },
  }).visit(source.program);
  return findings;
}

function declaredNames(source: Source): Set<string> {
  const names = new Set<string>();
  const addPattern = (node: { type: string }) => {
    if (node.type === "Identifier" && "name" in node && typeof node.name === "string") names.add(node.name);
  };
  new Visitor({
    VariableDeclarator: (node) => addPattern(node.id),
    FunctionDeclaration: (node) => {
      if (node.id !== null) addPattern(node.id);
      for (const parameter of node.params) addPattern(parameter);
    },
    FunctionExpression: (node) => {
      for (const parameter of node.params) addPattern(parameter);
    },
    ArrowFunctionExpression: (node) => {
      for (const parameter of node.params) addPattern(parameter);
    },
    ImportSpecifier: (node) => addPattern(node.local),
    ImportNamespaceSpecifier: (node) => addPattern(node.local),
    ImportDefaultSpecifier: (node) => addPattern(node.local),
    ClassDeclaration: (node) => {
      if (node.id !== null) addPattern(node.id);
    },
  }).visit(source.program);
  return names;
}
