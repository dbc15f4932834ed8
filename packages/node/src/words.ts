import { isDrawable, type ModelFacts } from "@whybox/core";

/** "1 image", "2 images". */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}

/** The text with a capital first letter. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What to tell the user once about the class names of a model: whether they are assumed, and whether images show numbers instead. */
export function notesOnNames({
  classNames,
  classNamesFrom,
}: Pick<ModelFacts, "classNames" | "classNamesFrom">): string[] {
  const notes: string[] = [];
  if (classNamesFrom === "coco") {
    notes.push(
      `The model has ${classNames.length} classes and no names: COCO's names are assumed. --names gives others.`,
    );
  }
  const numbered = classNames.flatMap((name, i) => (isDrawable(name) ? [] : [`#${i} is ${name.slice(0, 40)}`]));
  if (numbered.length > 0) {
    const shown = numbered.slice(0, 5).join(", ");
    const rest = numbered.length > 5 ? `, … and ${numbered.length - 5} more` : "";
    const names = count(numbered.length, "class name");
    notes.push(`Labels in images lack letters of ${names}, and show the numbers of the classes: ${shown}${rest}.`);
  }
  return notes;
}
