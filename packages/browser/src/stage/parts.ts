import type { MetricBox } from "@whybox/core";
import type { Size } from "./labels.js";

/** An element with a class, for the style sheet of the page, and a part, for that of a shadow tree. */
export function part<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  name: string,
  className: string = name,
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  element.setAttribute("part", name);
  return element;
}

/** Puts an element at the place of a box, in percent of the image. */
export function placeAt({ style }: HTMLElement, { x1, y1, x2, y2 }: MetricBox, { width, height }: Size): void {
  const [left, top] = [Math.max(0, x1), Math.max(0, y1)];
  style.left = `${(100 * left) / width}%`;
  style.top = `${(100 * top) / height}%`;
  style.width = `${(100 * (Math.min(x2, width) - left)) / width}%`;
  style.height = `${(100 * (Math.min(y2, height) - top)) / height}%`;
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}\u00a0%`;
}
