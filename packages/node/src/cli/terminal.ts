import { styleText } from "node:util";
import type { CliContext, TextOutput } from "./context.js";

export type Style = "bold" | "dim" | "red" | "yellow";

/** Where a command speaks: results to stdout, everything else to stderr. */
export interface Terminal {
  /** A line of the result. */
  print(line: string): void;
  /** A line about what happens; silent with `--quiet`. */
  notice(line: string): void;
  /** Styles text meant for stdout, where colours are wanted. */
  style(style: Style, text: string): string;
}

/** @param levels what may be shown: `--quiet` leaves errors only, `--json` keeps stdout for the document. */
export function createTerminal(
  context: CliContext,
  levels: { readonly quiet: boolean; readonly json: boolean },
): Terminal {
  const talkative = !levels.quiet;
  return {
    print: (line) => void (talkative && !levels.json && context.stdout.write(`${line}\n`)),
    notice: (line) => void (talkative && context.stderr.write(`${line}\n`)),
    style: (style, text) => (wantsColour(context.stdout, context.env) ? paint(style, text) : text),
  };
}

/** Colours go to terminals only, and never when NO_COLOR is set (https://no-color.org). */
export function wantsColour(output: TextOutput, env: CliContext["env"]): boolean {
  return output.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

/** Styles unconditionally: `wantsColour` has decided, not the state of this process's own stdout. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}
