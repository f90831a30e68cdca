import * as fs from "node:fs";
import { builtinModules } from "node:module";
import * as path from "node:path";
import { type Expression, type StringLiteral, Visitor } from "oxc-parser";
import type { Source } from "./source.ts";

/** What an import asks for. A path is relative to the project's root. */
export type Target =
  | { kind: "file"; path: string }
  | { kind: "package"; name: string }
  | { kind: "builtin"; name: string }
  /** Made at run time: nobody can tell. */
  | { kind: "unknown" };

export type Import = { readonly line: number; readonly target: Target };

const builtins = new Set(builtinModules);

/**
 * Every import of a file: `import`, `import type`, `export from`, `import()`, `require`, `require.resolve`,
 * `process.getBuiltinModule`, and `import("…")` in a type. Text in comments and strings is not one.
 */
export function importsOf(source: Source, root: string): Import[] {
  const found: Import[] = [];
  const add = (node: { start: number }, specifier: string | undefined) =>
    found.push({ line: source.line(node.start), target: resolveImport(source.path, specifier, root) });
  const requires = new Set(["require"]);
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value),
    ExportAllDeclaration: (node) => add(node, node.source.value),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node, node.source.value);
    },
    ImportExpression: (node) => add(node, constantText(node.source)),
    TSImportType: (node) => add(node, node.source.value),
    TSExternalModuleReference: (node) => add(node, node.expression.value),
    VariableDeclarator: (node) => {
      // const load = createRequire(import.meta.url);
      const made = node.init;
      if (made?.type === "CallExpression" && node.id.type === "Identifier" && nameOf(made.callee) === "createRequire")
        requires.add(node.id.name);
    },
    CallExpression: (node) => {
      const first = node.arguments[0];
      if (first === undefined || first.type === "SpreadElement") return;
      if (isRequire(node.callee, requires)) add(node, constantText(first));
    },
  }).visit(source.program);
  return found;
}

function isRequire(callee: Expression, requires: ReadonlySet<string>): boolean {
  if (callee.type === "Identifier") return requires.has(callee.name);
  // createRequire(import.meta.url)("…")
  if (callee.type === "CallExpression") return nameOf(callee.callee) === "createRequire";
  if (callee.type !== "MemberExpression") return false;
  const name = nameOf(callee);
  if (name === "getBuiltinModule") return true;
  return name === "resolve" && callee.object.type === "Identifier" && requires.has(callee.object.name);
}

/** The last word of `name` or `a.b.name`. */
function nameOf(expression: Expression): string | undefined {
  if (expression.type === "Identifier") return expression.name;
  if (expression.type === "MemberExpression" && !expression.computed && expression.property.type === "Identifier")
    return expression.property.name;
  return undefined;
}

/** The text of a string that is known without running the program. */
export function constantText(expression: Expression): string | undefined {
  if (isString(expression)) return expression.value;
  if (expression.type === "TemplateLiteral" && expression.expressions.length === 0)
    return expression.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

export function isString(node: { type: string }): node is StringLiteral {
  return node.type === "Literal" && "value" in node && typeof node.value === "string";
}

function resolveImport(from: string, specifier: string | undefined, root: string): Target {
  if (specifier === undefined) return { kind: "unknown" };
  if (specifier.startsWith("node:")) return { kind: "builtin", name: specifier.slice("node:".length) };
  if (builtins.has(specifier)) return { kind: "builtin", name: specifier };
  if (specifier.startsWith("file:") || specifier.startsWith("data:")) return { kind: "unknown" };
  if (specifier.startsWith(".") || specifier.startsWith("/"))
    return { kind: "file", path: realPath(path.posix.join(path.posix.dirname(from), specifier), root) };
  const [scope = "", name = ""] = specifier.split("/");
  return { kind: "package", name: scope.startsWith("@") ? `${scope}/${name}` : scope };
}

/** The file that a path leads to, also through a symbolic link; the path itself when there is none. */
function realPath(file: string, root: string): string {
  try {
    return path.relative(fs.realpathSync(root), fs.realpathSync(path.join(root, file)));
  } catch {
    return file;
  }
}
