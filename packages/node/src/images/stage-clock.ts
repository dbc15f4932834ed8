import { performance } from "node:perf_hooks";

/** Measures the stages of some work. */
export interface StageClock<Stage extends string> {
  /** Milliseconds of each stage so far. */
  readonly ms: Readonly<Record<Stage, number>>;
  /** Runs the work and counts its time for the stage. */
  of<T>(stage: Stage, work: () => T | Promise<T>): Promise<T>;
}

/** @param start milliseconds of each stage before. */
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
