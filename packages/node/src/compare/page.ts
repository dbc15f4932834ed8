import { type RgbImage, WhyboxError } from "@whybox/core";
import { webpUrl } from "../io/encode-webp.js";
import { escapeHtml, htmlHead, readPart } from "../report/html.js";
import { locate, type OpenRun } from "../report/read-run.js";
import { count } from "../words.js";
import type { SeenPair } from "./compare-runs.js";
import type { ComparedPair, Comparison } from "./comparison.js";
import { drawPair } from "./draw-pair.js";
import { figureTexts, medianSentence, summaryLines } from "./texts.js";
import { worstFirst } from "./verdict.js";

/** Number of pairs in a page. */
const SHOWN = 60;

/** The pairs that a page shows: the worst so far, with their maps. */
export class WorstPairs {
  readonly #max: number;
  #kept: { readonly pair: ComparedPair; readonly seen: SeenPair }[] = [];

  /** @param max Number of pairs to keep. */
  constructor(max = SHOWN) {
    this.#max = max;
  }

  add(pair: ComparedPair, seen: SeenPair): void {
    if (pair.figures === null) return;
    this.#kept.push({ pair, seen });
    if (this.#kept.length >= 4 * this.#max) this.#cut();
  }

  list(): readonly { readonly pair: ComparedPair; readonly seen: SeenPair }[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept = this.#kept.sort((a, b) => worstFirst(a.pair, b.pair)).slice(0, this.#max);
  }
}

export interface PageOptions {
  readonly comparison: Comparison;
  readonly worst: WorstPairs;
  /** The first run, whose images are shown. */
  readonly run: OpenRun;
  decodeImage(location: string): Promise<RgbImage>;
}

/** The page of a comparison, part by part: the verdict, then the worst pairs, each with both heatmaps. It has no script. */
export async function* comparePage({ comparison, worst, run, decodeImage }: PageOptions): AsyncGenerator<string> {
  const style = `${await readPart("styles/base.css")}${css}`;
  const title = "Did the attention move?";
  yield htmlHead({ title, style, images: true });
  yield `<main><h1>${title}</h1>\n${verdict(comparison)}`;
  const shown = worst.list();
  const moved = comparison.counts.moved;
  const more = comparison.counts.compared - shown.length;
  yield `<h2>Detections in both runs, worst first</h2>\n<p class="hint">${
    moved === 0 ? "No heatmap moved beyond the limits." : `${count(moved, "heatmap")} moved beyond the limits.`
  }${more > 0 ? ` The page shows ${shown.length}; the JSON has all ${comparison.counts.compared}.` : ""}</p>\n`;
  for (const { pair, seen } of shown) {
    const location = seen.first.frame === undefined ? locate(run, pair.source) : undefined;
    const image = location === undefined ? undefined : await readPairImage(location, seen.first.size, decodeImage);
    yield await article(pair, seen, image);
  }
  yield `${onlyThere("Lost", comparison.lost)}${onlyThere("Gained", comparison.gained)}</main>\n</body>\n</html>\n`;
}

function verdict(comparison: Comparison): string {
  const { passed, problems, notes, runs } = comparison;
  const models = (["a", "b"] as const).map(
    (side) =>
      `<dt>${side === "a" ? "First run" : "Second run"}</dt><dd>${escapeHtml(runs[side].folder)}<br><span class="faint">${escapeHtml(runs[side].weights)}</span></dd>`,
  );
  const lines = [...summaryLines(comparison), medianSentence(comparison)].filter((line) => line !== undefined);
  return `<p class="verdict ${passed ? "good" : "bad"}">${passed ? "The attention did not move." : "The check failed."}</p>
<dl class="facts">${models.join("")}</dl>
${lines.map((line) => `<p>${escapeHtml(line)}</p>`).join("\n")}
${problems.map((text) => `<p class="notice">${escapeHtml(text)}</p>`).join("\n")}
${notes.map((text) => `<p class="caution">${escapeHtml(text)}</p>`).join("\n")}
`;
}

async function article(pair: ComparedPair, seen: SeenPair, image: RgbImage | undefined): Promise<string> {
  const { source, frame, name, moved } = pair;
  const title = `${name} #${pair.a.index} in ${source}${frame === null ? "" : `, frame ${frame}`}`;
  const drawings = await drawPair(pair, seen, image);
  const urls = { a: await webpUrl(drawings.a), b: await webpUrl(drawings.b) };
  const figures = (["a", "b"] as const).map((side) => {
    const label = side === "a" ? "First run" : "Second run";
    const { score, inBox } = pair[side];
    return `<figure><img src="${urls[side]}" alt="Heatmap of the ${label.toLowerCase()}"><figcaption>${label}: confidence ${score.toFixed(2)}${inBox === null ? "" : `, ${Math.round(100 * inBox)} % of the heat in the box`}</figcaption></figure>`;
  });
  const values = figureTexts(pair).map(
    ({ name: figure, title: words, text }) =>
      `<li${moved.includes(figure) ? ' class="is-moved"' : ""}>${words}: ${text}${moved.includes(figure) ? " (beyond the limit)" : ""}</li>`,
  );
  return `<article><h3>${escapeHtml(title)}</h3>
<div class="pair">${figures.join("")}</div>
<ul class="figures">${values.join("")}</ul></article>
`;
}

/** The image. Undefined if it is missing, unreadable or changed since the run. */
export async function readPairImage(
  location: string,
  [height, width]: readonly [number, number],
  decodeImage: PageOptions["decodeImage"],
): Promise<RgbImage | undefined> {
  const image = await decodeImage(location).catch((error: unknown) => {
    if (error instanceof WhyboxError && error.code !== "aborted") return undefined;
    throw error;
  });
  return image?.height === height && image.width === width ? image : undefined;
}

function onlyThere(title: string, list: Comparison["lost"]): string {
  if (list.length === 0) return "";
  const rows = list
    .slice(0, SHOWN)
    .map(
      ({ source, frame, name, score }) =>
        `<li>${escapeHtml(`${name} ${score.toFixed(2)} in ${source}${frame === null ? "" : `, frame ${frame}`}`)}</li>`,
    );
  const rest = list.length - rows.length;
  return `<h2>${title}: ${list.length}</h2><ul>${rows.join("")}</ul>${rest > 0 ? `<p class="hint">… and ${rest} more in the JSON.</p>` : ""}\n`;
}

const css = `
main { max-width: 62rem; margin: 0 auto; padding: 24px clamp(16px, 3vw, 32px) 64px; }
main > p, main > ul { margin: 8px 0; }
h1 { font-size: 1.7rem; line-height: 1.2; }
h2 { margin-top: 36px; font-size: 1.2rem; }
h3 { margin: 0 0 10px; font-size: 1rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.25rem; font-weight: 650; }
.verdict.bad { color: var(--bad); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 12px 0; }
.facts dd { overflow-wrap: anywhere; }
dt { color: var(--faint); }
article { margin: 16px 0; padding: 16px; border: 1px solid var(--line); border-radius: var(--radius); background: var(--raised); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: 14px; }
img { display: block; width: 100%; max-width: 360px; height: auto; border-radius: 6px; }
figcaption { margin-top: 4px; color: var(--faint); font-size: 0.93rem; }
.figures { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 10px; font-size: 0.93rem; }
.is-moved { color: var(--bad); font-weight: 600; }
`;
