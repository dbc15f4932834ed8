import type { HeatResult } from "@whybox/browser";
import type { ExplainOptions } from "@whybox/core";
import { failureOf, type Step } from "./calls.js";
import { explainRequest, methodsOf } from "./requests.js";
import type { Settings } from "./settings.js";
import type { LiveState } from "./state.js";

export type NextFrame = () => Promise<ImageBitmap>;

export const noFrame: LiveState = { count: 0, rate: undefined, heat: undefined, list: [], failure: undefined };

/** Weight of the latest interval in the moving average of the rate. */
const LATEST_WEIGHT = 0.3;

export interface LiveWorld {
  readonly heat: (frame: ImageBitmap, options: ExplainOptions) => Promise<HeatResult>;
  readonly settings: () => Settings;
  readonly now: () => number;
  readonly show: (live: LiveState) => void;
}

/** Explains one frame after another until the step is cancelled. A slow method is replaced by a quick one. */
export async function explainFrames(
  step: Step,
  next: NextFrame,
  { heat, settings, now, show }: LiveWorld,
): Promise<void> {
  let live = noFrame;
  let interval: number | undefined;
  for (let before = now(); ; ) {
    const frame = await next();
    const chosen = settings();
    const method = methodsOf(chosen)[0]!;
    const request = explainRequest(chosen, { kind: "sum" }, method);
    const explaining = step((signal) => heat(frame, { ...request, signal }));
    const { whole, detections } = await explaining.finally(() => frame.close());
    const after = now();
    interval =
      interval === undefined ? after - before : interval * (1 - LATEST_WEIGHT) + (after - before) * LATEST_WEIGHT;
    before = after;
    const list = detections.filter(({ className }) => chosen.classFilter === "" || className === chosen.classFilter);
    live = {
      count: live.count + 1,
      rate: live.count === 0 ? undefined : 1000 / interval,
      heat: whole,
      list,
      failure: undefined,
    };
    show(live);
  }
}

/** The state of a video that stopped with an error. */
export function brokenOff(live: LiveState | undefined, error: unknown): LiveState {
  return { ...(live ?? noFrame), failure: failureOf(error) };
}
