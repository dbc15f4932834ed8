import { percent } from "./texts.js";

/** The part of a measurement that the sentence is made from. */
export interface MeasuredFacts {
  readonly className: string;
  readonly map: MapFacts;
  readonly gaussian: MapFacts;
}

interface MapFacts {
  readonly overAll: number;
  readonly removal: number | null;
  readonly withinBox: { readonly overAll: number };
}

/** A smaller difference of two over-all scores says nothing: each step of a curve weighs more. */
export const EQUAL = 0.02;

/** Two sentences for people: what the removal of the hottest pixels does, and how the map compares with a blob at the box. */
export function measureSentence({ className, map, gaussian }: MeasuredFacts): string {
  return `${removal(className, map, gaussian)} ${comparison(map, gaussian)}`;
}

function removal(className: string, map: MapFacts, gaussian: MapFacts): string {
  if (map.removal === null) return `No share of the hottest pixels halves the confidence in this ${className}.`;
  const blob =
    gaussian.removal === null ? "a blob at the box never does" : `a blob at the box needs ${share(gaussian.removal)}`;
  return `Removing the hottest ${share(map.removal)} of the image halves the confidence in this ${className}; ${blob}.`;
}

function comparison(map: MapFacts, gaussian: MapFacts): string {
  const whole = compared(map.overAll - gaussian.overAll);
  const within = compared(map.withinBox.overAll - gaussian.withinBox.overAll);
  if (whole === within) return `The map is ${whole} the blob, in the image and within the box.`;
  return `The map is ${whole} the blob in the image, and ${within} it within the box.`;
}

function compared(difference: number): string {
  if (Math.abs(difference) <= EQUAL) return "as faithful as";
  return difference > 0 ? "more faithful than" : "less faithful than";
}

/** Small shares have a digit more. */
function share(value: number): string {
  return percent(value, value < 0.1 ? 1 : 0);
}
