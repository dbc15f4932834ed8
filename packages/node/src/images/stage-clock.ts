import { performance } from "node:perf_hooks";

export interface StageClock<Stage extends string> {
  /** Milliseconds of each stage so far. */
  readonly ms: Readonly<Record<Stage, number>>;
  /** Runs the work and adds its time to the stage. */
  of<T>(stage: Stage, work: () => T | Promise<T>): Promise<T>;
}

/** @param start Initial milliseconds of each stage. */
export function createStageClock<Stage extends string>(start: Readonly<Record<Stage, number>>): StageClock<Stage> {
  const ms: Record<Stage, number> = { ...start };
  return {
    ms,
    of: async (stage, work) => {
      const started = performance.now();
      const value = await work();
      ms[stage] += Math.round((performance.now() - started) * 1e3) / 1e3;
      return value;
    },
  };
}
