import { defaultMethods, defaultScores } from "@whybox/core";

/** What is known of a method of the engine without running it. */
export interface MethodFacts {
  readonly id: string;
  readonly title: string;
  readonly paper: string;
  readonly needs: readonly string[];
  readonly reads: string;
  readonly auto: string | undefined;
}

/** Every method of the engine, in its order. The build puts the values into the page: it needs no numerics. */
export const methodFacts: readonly MethodFacts[] = defaultMethods.map(
  ({ id, title, paper, needs, reads = "layers", auto }) => ({ id, title, paper, needs, reads, auto }),
);

export const scoreFacts: readonly { readonly id: string; readonly title: string }[] = defaultScores.map(
  ({ id, title }) => ({ id, title }),
);
