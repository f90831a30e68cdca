import { CallRefused } from "../../core/api/cloud-client.ts";
import { NodeError } from "../../core/model/error.ts";
import { wrap } from "../help-lines.ts";
import { printable } from "../network/say.ts";
import { columnsOf } from "./places.ts";

/* What is printed: nothing that a manager or a file gave may be obeyed by the terminal. */

/** JSON for people and programs; what a terminal might obey stands in it as `\u....`, which means the same. */
export function jsonText(value: unknown): string {
  const escaped = (character: string) =>
    Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`);
  const text = JSON.stringify(value, null, 2);
  return text.replaceAll(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => escaped(character).join(""));
}

/** A sentence for a person, in lines of `width` columns; without one in one line, as logs and programs want it. */
export function sentence(text: string, width: number | undefined, indent = ""): string {
  const plain = printable(text);
  const rows = width === undefined ? [plain] : wrap(plain, width - indent.length, columnsOf);
  return rows.map((row) => `${indent}${row}\n`).join("");
}

/** What went wrong, and its remedies set in below: `CODE: description: details`. `width`: as of `sentence`. */
export function errorText(error: unknown, width?: number): string {
  if (!(error instanceof NodeError)) return sentence(`SYS.UNEXPECTED: ${String(error)}`, width);
  const where = error instanceof CallRefused && error.where !== undefined ? ` (${error.where})` : "";
  const causes = error instanceof CallRefused ? causesOf(error.content) : [];
  const remedies = [...(error.remedy === undefined ? [] : [error.remedy]), ...furtherRemedies(error.code)];
  return [`${error.code}: ${error.message}${where}`, ...causes, ...remedies]
    .map((line, i) => sentence(line, width, i === 0 ? "" : "  "))
    .join("");
}

/** The same for programs. */
export function errorJson(error: unknown): string {
  const body =
    error instanceof CallRefused
      ? { error: error.content }
      : error instanceof NodeError
        ? error.toBody()
        : { error: { code: "SYS.UNEXPECTED", description: String(error) } };
  return `${jsonText(body)}\n`;
}

type Content = CallRefused["content"];
/** A chain that a manager made without an end is not printed without one. */
const mostCauses = 5;

function causesOf(content: Content): string[] {
  const lines: string[] = [];
  for (let cause = content.cause; cause !== undefined && lines.length < mostCauses; cause = cause.cause)
    lines.push(`because of ${cause.code}: ${said(cause)}`);
  return lines;
}

function said({ description, details }: { description: string; details: string }): string {
  return description === details ? details : `${description.replace(/\.$/, "")}: ${details}`;
}

function furtherRemedies(code: string): string[] {
  if (code === "IDENTITY.1003") return ["Change it with: zstack-cli UpdateAccountPassword"];
  return code === "IDENTITY.1001" ? ["Log in with: zstack-cli LogInByAccount accountName=admin"] : [];
}
