import { printable, WhyboxError } from "@whybox/core";
import type { CliContext } from "./context.js";
import { exitCodeOf, exitCodes } from "./exit-codes.js";
import { paint, wantsColour } from "./terminal.js";
import { printableLines } from "./text.js";

/** Returns the message of a thrown value, safe for a terminal. The message of a bug says that it is a bug. */
export function failureMessage(error: unknown): string {
  if (exitCodeOf(error) !== exitCodes.bug) return printableLines(messageOf(error));
  const name = error instanceof Error && !(error instanceof WhyboxError) ? `${error.name}: ` : "";
  return `This is a bug in Whybox: ${printable(`${name}${messageOf(error)}`.replace(/\s+/g, " "))}`;
}

/** Prints an error on stderr, after the label "error:". The text must be printable. */
export function printError(text: string, context: CliContext): void {
  const label = wantsColour(context.stderr, context.env) ? paint("red", "error:") : "error:";
  context.stderr.write(`${label} ${text}\n`);
}

/** Returns the code of a thrown value for documents: the code of a WhyboxError, "internal" for a bug. */
export function failureCode(error: unknown): string {
  return error instanceof WhyboxError ? error.code : "internal";
}

/**
 * Prints an error. For a bug, it also prints where to report it. The stack is printed only when WHYBOX_DEBUG is 1.
 * @param names names of the affected source. The message starts with the first one, unless it already contains one of them.
 */
export function reportFailure(error: unknown, context: CliContext, names: readonly string[] = []): void {
  const message = withFlags(failureMessage(error), context.words);
  const place =
    names.length === 0 || names.some((name) => message.includes(printable(name))) ? "" : `${printable(names[0]!)}: `;
  printError(`${place}${message}`, context);
  if (exitCodeOf(error) === exitCodes.bug) {
    context.stderr.write(
      "Please report it in Whybox's issue tracker. Include this line, the command and the output of `whybox --version`.\n",
    );
    if (context.env.WHYBOX_DEBUG !== "1") context.stderr.write("Set WHYBOX_DEBUG=1 to see where it happened.\n");
  }
  if (context.env.WHYBOX_DEBUG === "1" && error instanceof Error) context.stderr.write(`${debugText(error)}\n`);
}

/** The engine names an option as in the library. Only options that depend on the model are checked there. */
function withFlags(message: string, words: readonly string[] = []): string {
  const size = words.some((word) => word.startsWith("--imgsz")) ? "--imgsz" : "--image-size";
  return message.replaceAll(/\bimageSize\b/g, size).replaceAll(/\b[Tt]he option (names|anchors)\b/g, "--$1");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack trace, followed by those of its causes. */
function debugText(error: Error): string {
  const lines = [error.stack ?? error.message];
  let cause = error.cause;
  for (let depth = 0; depth < 10 && cause instanceof Error; depth++) {
    lines.push(`caused by ${cause.stack ?? cause.message}`);
    cause = cause.cause;
  }
  return lines.map((line) => printableLines(line)).join("\n");
}
