import { type AnyCamMethod, readsGradients } from "@whybox/core";

/** Properties of a method as plain data. `whybox methods --json` prints them. */
export interface MethodFacts {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly title: string;
  /** The data it needs from the network. */
  readonly needs: readonly string[];
  /** The runs in addition to the forward pass, which every explanation needs. */
  readonly runs: string;
  /** `layers`: it reads the requested layers. `input`, `network`: it reads no layer and does not accept --layer. */
  readonly reads: "layers" | "input" | "network";
  /** Whether it supports `--eigen-smooth`. */
  readonly eigenSmooth: boolean;
  /** What `--samples` counts; null if it is not supported. */
  readonly samples: string | null;
  /** Whether it supports `--seed` and `--compat`. */
  readonly usesSeed: boolean;
  readonly hasCompat: boolean;
  /** Whether it removes channels and supports `--ablate-to`. */
  readonly ablates: boolean;
  /** The scores that are differentiated without `--backprop`. */
  readonly backprop: readonly string[];
  readonly paper: string;
}

/** Returns the properties of a method. The method is not run. */
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

/** Derives the runs from its needs. A method that reads the input differentiates through the whole network. */
function runsOf(method: AnyCamMethod): string {
  const { needs, reads } = method;
  const runs: string[] = [];
  if (readsGradients(method)) runs.push(reads === "input" ? "1 backward to the image" : "1 backward");
  if (needs.includes("biases") || needs.includes("guidedGradients")) runs.push("1 backward to the image");
  if (needs.includes("curvature")) runs.push("2 to 4 after the layer");
  if (needs.includes("tail")) runs.push("many after the layer");
  if (needs.includes("masked")) runs.push("many forward");
  if (needs.includes("pixels")) runs.push("many forward and backward");
  return runs.length === 0 ? "none" : runs.join(", ");
}
