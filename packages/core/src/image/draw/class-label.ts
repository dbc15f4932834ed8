import { loadFont, ownLetters } from "./font.js";

/** Maximum number of letters of a class name. */
const MAX_NAME = 32;

export interface NamedClass {
  readonly className: string;
  /** -1 if it is not known. */
  readonly classIndex: number;
}

/**
 * The name of a class as it is drawn with the letters of Whybox. Letters that are missing are left out, and long names are cut. The number of the
 * class follows a name that is not complete ("#3", "cat #3"), so that no two names look alike.
 */
export function classLabel(named: NamedClass): string {
  return labelFrom(named, ownLetters(loadFont(), named.className));
}

/** As `classLabel`, for a platform whose fonts have all letters. */
export function platformLabel(named: NamedClass): string {
  return labelFrom(named, named.className.normalize("NFC").replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ""));
}

/** Whether the letters of Whybox write all of a class name. */
export function isDrawable(className: string): boolean {
  return ownLetters(loadFont(), className) === className.normalize("NFC");
}

/** The label with the number of the class. */
export function numbered(label: string, classIndex: number): string {
  return classIndex < 0 ? label : `${label} #${classIndex}`.trim();
}

function labelFrom({ className, classIndex }: NamedClass, drawable: string): string {
  const letters = [...drawable.replace(/\s+/gu, " ").trim()];
  const label =
    letters.length > MAX_NAME
      ? `${letters
          .slice(0, MAX_NAME - 1)
          .join("")
          .trimEnd()}…`
      : letters.join("");
  // A name that ends like a number of a class gets its own, or it could be that of another class.
  const isWhole = label === className.normalize("NFC") && label !== "" && !/#\d+$/.test(label);
  return isWhole ? label : numbered(label, classIndex);
}
