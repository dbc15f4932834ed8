import "@whybox/browser/element";
import type { StageLook, StageView, WhyBox, WhyBoxEvents } from "@whybox/browser/element";
import type { HTMLAttributes } from "preact";
import type { Settings } from "../controller/settings.js";

/** Listeners of an element. Preact takes the name of an event as it is written. */
type Listeners = { readonly [K in keyof WhyBoxEvents as `on${K}`]?: (event: WhyBoxEvents[K]) => void };

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "why-box": Omit<HTMLAttributes<WhyBox>, keyof Listeners> & Listeners & { readonly view: StageView };
    }
  }
}

/** How heat is drawn, by the settings. */
export function lookOf({ colormap, opacity, crop }: Settings): StageLook {
  return { colormap, opacity, ...(crop === "off" ? {} : { crop }) };
}
