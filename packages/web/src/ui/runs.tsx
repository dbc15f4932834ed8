import type { ExplainProgress } from "@whybox/core";

/** A method with fewer runs ends before its progress could be read. */
const MIN_RUNS = 10;

/** The progress of a method with many runs of the network: a bar and the count. */
export function Runs({ progress, title }: { readonly progress: ExplainProgress | undefined; readonly title: string }) {
  if (progress === undefined || progress.total < MIN_RUNS) return null;
  const { done, total } = progress;
  return (
    <span class="runs">
      <progress value={done} max={total} aria-label={`Runs of ${title}`} /> {done} of {total} runs
    </span>
  );
}
