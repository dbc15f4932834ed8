import type { ModelFacts } from "@whybox/core";

/** "1 image", "2 images". */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** The text with a capital first letter. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What to tell the user about class names that are assumed; undefined if they are known. */
export function assumedNames({ classNamesFrom }: Pick<ModelFacts, "classNamesFrom">): string | undefined {
  if (classNamesFrom !== "coco") return undefined;
  return "The model has 80 classes and no names: COCO's names are assumed. --names gives others.";
}
