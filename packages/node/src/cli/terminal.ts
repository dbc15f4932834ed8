import { styleText } from "node:util";
import { jsonText, resultSchemaVersion } from "@whybox/core";
import type { CliContext, TextOutput } from "./context.js";
import { printableLines } from "./text.js";

export type Style = "bold" | "dim" | "red" | "yellow";

/** The output of a command: results on stdout, everything else on stderr. */
export interface Terminal {
  /** Prints a line of the result. */
  print(line: string): void;
  /** Prints a notice; silent with `--quiet`. */
  notice(line: string): void;
  /** Styles text for stdout, if colours are enabled there. */
  style(style: Style, text: string): string;
}

/** @param levels with `quiet`, only errors are printed. With `json`, stdout is reserved for the document. */
export function createTerminal(
  context: CliContext,
  levels: { readonly quiet: boolean; readonly json: boolean },
): Terminal {
  const verbose = !levels.quiet;
  return {
    print: (line) => void (verbose && !levels.json && context.stdout.write(`${line}\n`)),
    notice: (line) => void (verbose && context.stderr.write(`${line}\n`)),
    style: (style, text) => (wantsColour(context.stdout, context.env) ? paint(style, text) : text),
  };
}

/** Prints the document of `--json`: its version, the tool, and the content. */
export function printDocument({ stdout, version }: CliContext, content: object): void {
  const document = { schemaVersion: resultSchemaVersion, tool: { name: "whybox", version }, ...content };
  stdout.write(`${jsonText(document, 2)}\n`);
}

/** Colours are used only on terminals, and never when NO_COLOR is set (https://no-color.org). */
export function wantsColour(output: TextOutput, env: CliContext["env"]): boolean {
  return output.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

/** What `paint` writes around a text. */
const ESC = "\u001b";
const styles = new RegExp(`(${ESC}\\[(?:1|2|22|31|33|39)m)`);

/**
 * The output as all commands have it. Whatever they print, nothing but line breaks and the styles of `paint` reaches the terminal as a
 * control character. Cells and lines that are measured are made printable before.
 */
export function safeOutput(output: TextOutput): TextOutput {
  return {
    get isTTY() {
      return output.isTTY === true;
    },
    write: (text) => {
      const parts = text.split(styles);
      return output.write(parts.map((part, i) => (i % 2 === 1 ? part : printableLines(part))).join(""));
    },
  };
}

/** Styles text unconditionally. Callers decide with `wantsColour`; the stdout of this process has no influence. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}
