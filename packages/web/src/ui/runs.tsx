import type { Progress } from "@whybox/browser/engine";

/** A method with fewer runs ends before its progress could be read. */
const MIN_RUNS = 10;

/** The progress of a method with many runs of the network: a bar and the count. */
export function Runs({ progress, title }: { readonly progress: Progress | undefined; readonly title: string }) {
  const { stage, done, total } = progress ?? {};
  if (stage !== "run" || done === undefined || total === undefined || total < MIN_RUNS) return null;
  return (
    <span class="runs">
      <progress value={done} max={total} aria-label={`Runs of ${title}`} /> {done} of {total} runs
    </span>
  );
}
