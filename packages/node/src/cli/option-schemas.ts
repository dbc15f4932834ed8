import { type ChoiceKind, type OptionKind, WhyboxError } from "@whybox/core";
import { z } from "zod";
import { flagOf, readWord } from "./option-values.js";

/** Checks all options at once. @throws usage: names each invalid option, what was found and what was expected. */
export function parseOptions<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${flagOf(String(issue.path[0]))}: ${issue.message}`);
  throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
}

function wordSchema<T>(kind: Exclude<OptionKind, { kind: "flag" }>) {
  return z.string().transform((word, cx): T => {
    try {
      return readWord(kind, word) as T;
    } catch (error) {
      if (!(error instanceof WhyboxError)) throw error;
      cx.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

/** A schema that reads a number within bounds from text. */
export function numberText(min: number, max: number) {
  return wordSchema<number>({ kind: "number", min, max });
}

/** A schema that reads a whole number within bounds from text. */
export function integerText(min: number, max: number) {
  return wordSchema<number>({ kind: "number", min, max, whole: true });
}

/** A schema that accepts one of the choices. For anything else, the message suggests the nearest spelling. */
export function choiceText<const T extends string>(choices: readonly T[]) {
  return wordSchema<T>({ kind: "choice", choices } satisfies ChoiceKind<T>);
}

/** A schema that accepts any text that is not empty. */
export function plainText(expected: string) {
  return wordSchema<string>({ kind: "text", expected });
}
