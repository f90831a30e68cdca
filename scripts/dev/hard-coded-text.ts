import { type Expression, type TemplateLiteral, Visitor } from "oxc-parser";
import { isString } from "./imports.ts";
import { allowedTexts } from "./message-exceptions.ts";
import type { Finding, Source } from "./source.ts";

/**
 * Text that a person would read, written into a screen instead of the message catalogue. Left alone: module names,
 * types, names of properties, what something is compared with, arguments of `t` and `t.find`, and `allowedTexts`.
 */
export function hardCodedTexts(source: Source): Finding[] {
  const findings: Finding[] = [];
  // A parent is visited before its children, and takes out those of them that are no text.
  const noText = new Set<object>();
  const exempt = (node: object | null | undefined) => {
    if (node) noText.add(node);
  };
  const exemptTemplate = (node: TemplateLiteral) => {
    for (const chunk of node.quasis) noText.add(chunk);
  };
  const judge = (node: { start: number }, text: string, isRead: (text: string) => boolean) => {
    if (noText.has(node) || !isRead(text) || allowedTexts.some((allowed) => allowed.text.test(text.trim()))) return;
    findings.push({
      file: source.path,
      line: source.line(node.start),
      rule: "messages/hard-coded",
      text: `${JSON.stringify(text)} is text for a person.`,
      remedy: 'Put it into tui/i18n/en.ts and zh.ts and write t("its.key") here.',
    });
  };
  new Visitor({
    ImportDeclaration: (node) => exempt(node.source),
    ExportAllDeclaration: (node) => exempt(node.source),
    ExportNamedDeclaration: (node) => exempt(node.source),
    ImportExpression: (node) => exempt(node.source),
    TSImportType: (node) => exempt(node.source),
    TSLiteralType: (node) => exempt(node.literal),
    TSTemplateLiteralType: (node) => {
      for (const chunk of node.quasis) noText.add(chunk);
    },
    TSPropertySignature: (node) => exempt(node.key),
    TSEnumMember: (node) => exempt(node.id),
    Property: (node) => exempt(node.key),
    PropertyDefinition: (node) => exempt(node.key),
    MethodDefinition: (node) => exempt(node.key),
    MemberExpression: (node) => exempt(node.property),
    SwitchCase: (node) => exempt(node.test),
    BinaryExpression: (node) => {
      if (!comparisons.has(node.operator)) return;
      exempt(node.left);
      exempt(node.right);
    },
    CallExpression: (node) => {
      const [key] = node.arguments;
      if (!isTranslate(node.callee) || key === undefined) return;
      exempt(key);
      if (key.type === "TemplateLiteral") exemptTemplate(key);
    },
    Literal: (node) => {
      if (isString(node)) judge(node, node.value, isReadByPerson);
    },
    TemplateElement: (node) => judge(node, node.value.cooked ?? node.value.raw, isReadBetweenValues),
  }).visit(source.program);
  return findings;
}

const comparisons = new Set(["==", "===", "!=", "!==", "<", ">", "<=", ">=", "in"]);

/** `t(…)`, `view.t(…)`, `t()(…)`, and `find` of each. */
export function isTranslate(callee: Expression): boolean {
  if (callee.type === "Identifier") return callee.name === "t";
  if (callee.type === "CallExpression") return isTranslate(callee.callee);
  if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier") return false;
  return (
    callee.property.name === "t" ||
    callee.property.name === "#t" ||
    (callee.property.name === "find" && isTranslate(callee.object))
  );
}

/** Two words, a word with a capital, or any letter that is not ASCII. */
function isReadByPerson(text: string): boolean {
  return (
    /\p{Ll} \p{L}/u.test(text) || /^\s*\p{Lu}\p{Ll}/u.test(text) || /[^\p{ASCII}]/u.test(text.replace(/\P{L}/gu, ""))
  );
}

/** In a template a single word beside a space is already part of a sentence: `${count} disks`. */
function isReadBetweenValues(text: string): boolean {
  return isReadByPerson(text) || /\p{Ll}{3,}\s|\s\p{Ll}{3,}/u.test(text);
}
