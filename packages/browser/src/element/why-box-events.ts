import type { Detection, ExplainResult, Measurement, MetricBox, WhyboxError } from "@whybox/core";
import type { Detector } from "../api.js";

/** The events of `<why-box>`, with their details. */
export interface WhyBoxEvents {
  /** The model is loaded. */
  ready: CustomEvent<Detector>;
  detections: CustomEvent<readonly Detection[]>;
  result: CustomEvent<ExplainResult>;
  /** The selected detection, or undefined for none. */
  select: CustomEvent<Detection | undefined>;
  progress: CustomEvent<{
    readonly stage: "download" | "run" | "measure";
    readonly done: number;
    readonly total: number | undefined;
  }>;
  /** The map of a detection is measured (of the option `box`: without an index). No measurement: the network is hardly confident in it. */
  measured: CustomEvent<{ readonly index: number | undefined; readonly measurement: Measurement | undefined }>;
  error: CustomEvent<WhyboxError>;
  /** With `view`: a detection is pressed. `isAdded` with the Shift key. */
  press: CustomEvent<{ readonly detection: Detection; readonly isAdded: boolean }>;
  /** With `view`: the detection below the pointer, or undefined. */
  hover: CustomEvent<Detection | undefined>;
  /** With `view`: the box while it is drawn or moved, then undefined. */
  drawing: CustomEvent<MetricBox | undefined>;
  /** With `view`: a box is drawn. */
  draw: CustomEvent<MetricBox>;
}

/** A listener of one event of `<why-box>`. */
export type WhyBoxListener<Name extends keyof WhyBoxEvents> = (this: HTMLElement, event: WhyBoxEvents[Name]) => unknown;

/** `addEventListener` and `removeEventListener`, which differ in their options. */
interface Listen<Options> {
  <Name extends keyof WhyBoxEvents>(
    name: Name,
    listener: WhyBoxListener<Name> | { handleEvent: WhyBoxListener<Name> } | null,
    options?: boolean | Options,
  ): void;
  <Name extends Exclude<keyof HTMLElementEventMap, keyof WhyBoxEvents>>(
    name: Name,
    listener: (this: HTMLElement, event: HTMLElementEventMap[Name]) => unknown,
    options?: boolean | Options,
  ): void;
  (name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | Options): void;
}

/** An HTML element whose listeners know the events of `<why-box>`. */
export interface WhyBoxTarget extends HTMLElement {
  addEventListener: Listen<AddEventListenerOptions>;
  removeEventListener: Listen<EventListenerOptions>;
}
