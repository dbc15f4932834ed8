/** The part of a search that the sentence is made from. */
export interface SearchedFacts {
  readonly className: string;
  readonly noBetterThanBox: boolean;
  readonly map: { readonly quality: number };
  readonly gaussian: { readonly quality: number };
  readonly chosen: readonly (readonly { readonly part: string; readonly weight: number }[])[];
  readonly passes: number;
  readonly stoppedBy: string;
}

/** What the parts of a map are, in words. */
const names: Readonly<Record<string, string>> = {
  box: "a blob at the box",
  depths: "all depths",
  "path-insertion": "insertion gradients",
  "path-deletion": "deletion gradients",
  "regions-alone": "regions alone",
  "regions-surrounded": "regions in their surroundings",
  "regions-removed": "removed regions",
};

/** Sentences for people: how the map that was found compares with a blob at the box, and what it is made of. */
export function searchSentence({ className, noBetterThanBox, map, gaussian, ...found }: SearchedFacts): string {
  const qualities = `${map.quality.toFixed(2)}, the blob ${gaussian.quality.toFixed(2)}`;
  const verdict = noBetterThanBox
    ? `No map of the network is better than a blob at the box for this ${className}. This is the best one without a blob: ${qualities}`
    : `The map of this ${className} is better than a blob at the box: ${qualities}`;
  const cut = found.stoppedBy === "budget" ? " The time was over: a larger budget may find a better map." : "";
  return `${verdict}. Made of ${partsOf(found.chosen)}, after ${found.passes} changed images.${cut}`;
}

function partsOf(chosen: SearchedFacts["chosen"]): string {
  const parts = [...new Set(chosen.flat().map(({ part }) => part))].map((part) => names[part] ?? part);
  return parts.length === 0
    ? "nothing: the network gave no gradient"
    : parts.join(" and ").replace(/ and (?=.* and )/g, ", ");
}
