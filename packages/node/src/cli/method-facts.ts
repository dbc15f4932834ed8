import type { AnyCamMethod } from "@whybox/core";

/** What is told of a method, and what the command must know of it: plain data, printed by `whybox methods --json`. */
export interface MethodFacts {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly title: string;
  /** What it asks of the network. */
  readonly needs: readonly string[];
  /** What is run after the forward pass that every explanation takes. */
  readonly runs: string;
  /** `layers`: those asked for. `input`, `network`: it is not read at a layer, and takes no --layer. */
  readonly reads: "layers" | "input" | "network";
  /** Whether `--eigen-smooth` has a meaning for it. */
  readonly eigenSmooth: boolean;
  /** What `--samples` counts, or null where it has no meaning. */
  readonly samples: string | null;
  /** Whether `--seed` and `--compat` have a meaning for it. */
  readonly usesSeed: boolean;
  readonly hasCompat: boolean;
  /** Whether it takes channels away, and `--ablate-to` says what they become. */
  readonly ablates: boolean;
  /** What is differentiated when `--backprop` is not given. */
  readonly backprop: readonly string[];
  readonly paper: string;
}

/** What is known of a method without running it. */
export function methodFacts(method: AnyCamMethod): MethodFacts {
  return {
    id: method.id,
    aliases: method.aliases ?? [],
    title: method.title,
    needs: method.needs,
    runs: runsOf(method),
    reads: method.reads ?? "layers",
    eigenSmooth: method.channels !== undefined,
    samples: method.samples ?? null,
    usesSeed: method.usesSeed ?? false,
    hasCompat: method.hasCompat ?? false,
    ablates: method.ablates ?? false,
    backprop: method.scores ?? ["class"],
    paper: method.paper,
  };
}

/** Follows from what it needs; a method that reads at the input differentiates through all of the network. */
function runsOf({ needs, reads }: AnyCamMethod): string {
  const runs: string[] = [];
  if (needs.includes("gradients") || needs.includes("gradientMeans"))
    runs.push(reads === "input" ? "1 backward to the picture" : "1 backward");
  if (needs.includes("biases") || needs.includes("guidedGradients")) runs.push("1 backward to the picture");
  if (needs.includes("curvature")) runs.push("2 to 4 behind the layer");
  if (needs.includes("tail")) runs.push("many behind the layer");
  if (needs.includes("masked")) runs.push("many forward");
  if (needs.includes("pixels")) runs.push("many forward and backward");
  return runs.length === 0 ? "none" : runs.join(", ");
}
