import { didYouMean, WhyboxError } from "@whybox/core";
import { z } from "zod";

/** Decimal numbers as people write them; no hex, no "Infinity", no empty text (Number("") is 0). */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const integer = /^[+-]?\d+$/;

/** A number within bounds, from the text of an option. */
export function numberText(min: number, max: number) {
  return checkedText(`a number from ${min} to ${max}`, (text) =>
    decimal.test(text) && inRange(Number(text), min, max) ? Number(text) : undefined,
  );
}

/** A share in percent that leaves something. */
export function percentText() {
  return checkedText("a number above 0, 100 at most", (text) =>
    decimal.test(text) && Number(text) > 0 && Number(text) <= 100 ? Number(text) : undefined,
  );
}

/** A whole number within bounds, from the text of an option. */
export function integerText(min: number, max: number) {
  return checkedText(`a whole number from ${min} to ${max}`, (text) =>
    integer.test(text) && inRange(Number(text), min, max) ? Number(text) : undefined,
  );
}

/** One of the choices; the nearest spelling is offered otherwise. */
export function choiceText<const T extends string>(choices: readonly T[]) {
  return checkedText(
    `one of ${choices.join(", ")}`,
    (text) => choices.find((choice) => choice === text),
    (text) => didYouMean(text, choices),
  );
}

/** A name that core resolves, aliases included, to the id it stands for; core's own words when it does not know it. */
export function namedText(resolve: (name: string) => string) {
  return z.string().transform((text, cx): string => {
    try {
      return resolve(text);
    } catch (error) {
      if (!(error instanceof WhyboxError)) throw error;
      cx.addIssue({ code: "custom", message: `${error.message}${swallowedHint(text)}` });
      return z.NEVER;
    }
  });
}

/** Any text but an empty one. */
export function plainText(what: string) {
  return checkedText(what, (text) => (text.trim() === "" || /^--[a-z]/i.test(text) ? undefined : text));
}

/** A layer: an index (negative from the end) stays a number, everything else is a name. */
export function layerText() {
  return checkedText('a layer index, a layer name or "auto"', (text) => {
    if (text.trim() === "" || /^--?[a-z]/i.test(text)) return undefined;
    return integer.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
  });
}

function checkedText<T>(
  expected: string,
  read: (text: string) => T | undefined,
  hint: (text: string) => string = () => "",
) {
  return z.string().transform((text, cx): T => {
    const value = read(text);
    if (value !== undefined) return value;
    cx.addIssue({ code: "custom", message: `expected ${expected}, got "${text}".${hint(text)}${swallowedHint(text)}` });
    return z.NEVER;
  });
}

/** An option takes the next word whatever it is: say so when that word looks like another option, or like a source. */
function swallowedHint(text: string): string {
  if (/^--?[a-z]/i.test(text)) return ` The option before ${text} lacks its value.`;
  return /[./\\]/.test(text) && !decimal.test(text) ? " If it is a source: put sources first, or after --." : "";
}

function inRange(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
