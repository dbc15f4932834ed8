import type { Detector, LoadOptions, WeightsSource } from "../api.js";
import { loadDetector } from "../load-detector.js";

interface Shared {
  readonly detector: Promise<Detector>;
  users: number;
}

const known = new Map<string, Shared>();

/** A detector in use. */
export interface Lease {
  readonly detector: Promise<Detector>;
  /** Ends the use. The last user of a detector disposes of it. */
  release(): void;
}

/** A detector. Elements with the same URL and options share one, and so one copy of the model. */
export function leaseDetector(weights: WeightsSource, options: LoadOptions): Lease {
  const { device, threads } = options;
  const key =
    typeof weights === "string"
      ? JSON.stringify([new URL(weights, document.baseURI).href, device, threads])
      : undefined;
  const found = key === undefined ? undefined : known.get(key);
  const shared = found ?? { detector: loadDetector(weights, options), users: 0 };
  if (key !== undefined) known.set(key, shared);
  shared.users++;
  const drop = () => {
    if (key !== undefined && known.get(key) === shared) known.delete(key);
  };
  // A failed one is loaded again by the next user.
  shared.detector.catch(drop);
  let released = false;
  return {
    detector: shared.detector,
    release: () => {
      if (released) return;
      released = true;
      if (--shared.users > 0) return;
      drop();
      shared.detector.then((detector) => detector.dispose()).catch(() => undefined);
    },
  };
}
