import { appendFileSync } from "node:fs";

/** Records a figure for `npm run bench:endure`, which names a file for them. */
export function record(name: string, figures: unknown): void {
  const path = process.env.WHYBOX_FIGURES;
  if (path === undefined) console.info(`${name}: ${JSON.stringify(figures)}`);
  else appendFileSync(path, `${JSON.stringify([name, figures])}\n`);
}
