import { messageText, shown } from "./foreign-text.js";

/** Codes of the errors that Whybox throws. The command maps them to exit codes, and the page maps them to texts. */
export type WhyboxErrorCode =
  /** An option or argument is invalid. The caller must change the call. */
  | "usage"
  /** A file (image, model, names) is missing, unreadable, truncated, or has another format than expected. */
  | "bad-input"
  /** The file is valid, but the model is not supported. */
  | "unsupported-model"
  /** An op on the path from the layer to the score has no gradient rule. */
  | "no-gradient"
  /** A safety limit was exceeded, for example the size of a file. */
  | "limit"
  /** The runtime refused a model or a run. */
  | "runtime"
  /** Results could not be written. */
  | "output"
  /** A download failed, or its content is not the expected one. */
  | "download"
  /** The caller aborted. */
  | "aborted"
  /** A bug in Whybox or in an extension (a rule that returns the wrong number of gradients, a duplicate id). */
  | "internal";

/**
 * The error class of Whybox. The message says where the error is, what was found, what was expected, and what to do. `details` has the same
 * facts as data. Messages are printable and bounded, whatever the names of a file are. Only those about options (`usage`) have several lines.
 */
export class WhyboxError extends Error {
  override readonly name = "WhyboxError";
  readonly code: WhyboxErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: WhyboxErrorCode,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(
      messageText(message, { lines: code === "usage" }),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Throws an `internal` error if `condition` is false. Use it for states that only a bug can cause. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new WhyboxError("internal", message);
}

/** Throws `aborted` if the signal is aborted. `cause` is the reason of the signal. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WhyboxError("aborted", "The operation was aborted.", { cause: signal.reason });
}

/** The choice closest to the typed text (Levenshtein distance, ignoring case). Undefined if no choice is close. */
export function nearest(typed: string, choices: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(typed.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const choice of choices) {
    const distance = editDistance(typed.toLowerCase(), choice.toLowerCase());
    if (distance < bestDistance) {
      best = choice;
      bestDistance = distance;
    }
  }
  return best;
}

/** Returns ` Did you mean "x"?` or the empty string. Append it to a message about an unknown name. */
export function didYouMean(typed: string, choices: readonly string[]): string {
  const near = nearest(typed, choices);
  return near === undefined ? "" : ` Did you mean "${shown(near)}"?`;
}

function editDistance(a: string, b: string): number {
  const left = a.slice(0, 64);
  const right = b.slice(0, 64);
  let row = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitute = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[right.length]!;
}

/** Longest part of a value in a message. */
const MAX_SHOWN = 60;

/** Names a value for a message: "undefined", "the number 3", "an array of 2 entries", "a Map", "an object with the keys a, b". */
export function foundOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === "string") return `the text "${shown(value, MAX_SHOWN)}"`;
  if (typeof value === "function")
    return value.name === "" ? "a function" : `the function ${value.name.slice(0, MAX_SHOWN)}`;
  if (typeof value !== "object") return `the ${typeof value} ${String(value).slice(0, MAX_SHOWN)}`;
  if (Array.isArray(value)) return `an array of ${value.length} ${value.length === 1 ? "entry" : "entries"}`;
  if (value instanceof Promise) return "a Promise (await it first)";
  const name = value.constructor?.name ?? "Object";
  if (name !== "Object") return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name.slice(0, MAX_SHOWN)}`;
  const keys = Object.keys(value).join(", ");
  if (keys === "") return "an empty object";
  return `an object with the keys ${keys.length > MAX_SHOWN ? `${keys.slice(0, MAX_SHOWN)}…` : keys}`;
}
