/**
 * Registers the element `<why-box>`.
 * @module @whybox/browser/element
 */

import { WhyBox } from "./element/why-box.js";

export type { WhyBox } from "./element/why-box.js";
export type { WhyBoxEvents, WhyBoxListener, WhyBoxTarget } from "./element/why-box-events.js";
export type { Size } from "./stage/labels.js";
export type { Mark, StageLook, StageRegion, StageView } from "./stage/stage-view.js";

declare global {
  interface HTMLElementTagNameMap {
    "why-box": WhyBox;
  }
}

if (globalThis.customElements?.get("why-box") === undefined) globalThis.customElements?.define("why-box", WhyBox);
