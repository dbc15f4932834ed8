import { WhyboxError } from "@whybox/core";
import type { CliContext } from "./context.js";
import { exitCodeOf, exitCodes } from "./exit-codes.js";
import { paint, wantsColour } from "./terminal.js";
import { printable } from "./text.js";

/** Message of anything thrown, safe for a terminal; a bug says that it is one. */
export function failureMessage(error: unknown): string {
  if (exitCodeOf(error) !== exitCodes.bug) return printable(messageOf(error), { keepLines: true });
  const name = error instanceof Error && !(error instanceof WhyboxError) ? `${error.name}: ` : "";
  return `This is a bug in Whybox: ${printable(`${name}${messageOf(error)}`.replace(/\s+/g, " "))}`;
}

/** Prints a line on stderr that says it is an error. The text must be printable. */
export function printError(text: string, context: CliContext): void {
  const label = wantsColour(context.stderr, context.env) ? paint("red", "error:") : "error:";
  context.stderr.write(`${label} ${text}\n`);
}

/** Code of anything thrown, for documents: a WhyboxError's own, "internal" for a bug. */
export function failureCode(error: unknown): string {
  return error instanceof WhyboxError ? error.code : "internal";
}

/**
 * Prints what went wrong: the message; for a bug where to report it; the stack only when WHYBOX_DEBUG is 1.
 * @param names what it concerns, by its names; the first is put in front unless the message has one of them.
 */
export function reportFailure(error: unknown, context: CliContext, names: readonly string[] = []): void {
  const message = failureMessage(error);
  const place =
    names.length === 0 || names.some((name) => message.includes(printable(name))) ? "" : `${printable(names[0]!)}: `;
  printError(`${place}${message}`, context);
  if (exitCodeOf(error) === exitCodes.bug) {
    context.stderr.write(
      "Please report it in Whybox's issue tracker, with this line, the command and `whybox --version`.\n",
    );
    if (context.env.WHYBOX_DEBUG !== "1") context.stderr.write("Set WHYBOX_DEBUG=1 to see where it happened.\n");
  }
  if (context.env.WHYBOX_DEBUG === "1" && error instanceof Error) context.stderr.write(`${debugText(error)}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack with the chain of causes. */
function debugText(error: Error): string {
  const lines = [error.stack ?? error.message];
  let cause = error.cause;
  for (let depth = 0; depth < 10 && cause instanceof Error; depth++) {
    lines.push(`caused by ${cause.stack ?? cause.message}`);
    cause = cause.cause;
  }
  return lines.map((line) => printable(line, { keepLines: true })).join("\n");
}
