import { type AnyCamMethod, type Cost, methodCost } from "@whybox/core";

/** Properties of a method as plain data. `whybox methods --json` prints them. */
export interface MethodFacts {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly title: string;
  /** The data it needs from the network. */
  readonly needs: readonly string[];
  /** The runs in addition to the forward pass, which every explanation needs. */
  readonly runs: string;
  /** How long it takes compared with a detection. */
  readonly cost: Cost;
  /** `layers`: it reads the requested layers. `input`, `network`: it reads no layer and does not accept --layer. */
  readonly reads: "layers" | "input" | "network";
  /** Whether it supports `--eigen-smooth`. */
  readonly eigenSmooth: boolean;
  /** What `--samples` counts; null if it is not supported. */
  readonly samples: string | null;
  /** Whether it supports `--seed` and `--compat`. */
  readonly usesSeed: boolean;
  readonly hasCompat: boolean;
  /** Whether it looks for a map and supports `--budget`. */
  readonly searches: boolean;
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
    runs: methodCost(method).passes,
    cost: methodCost(method).cost,
    reads: method.reads ?? "layers",
    eigenSmooth: method.channels !== undefined,
    samples: method.samples ?? null,
    usesSeed: method.usesSeed ?? false,
    hasCompat: method.hasCompat ?? false,
    searches: method.searches ?? false,
    ablates: method.ablates ?? false,
    backprop: method.scores ?? ["class"],
    paper: method.paper,
  };
}
