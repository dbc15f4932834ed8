import { deflateRawSync } from "node:zlib";
import { jsonText } from "@whybox/core";
import { blockImages, dataIds, type ImageList, packColumns, type ReportFacts } from "@whybox/report";
import type { Collected, ReportImage } from "./collect.js";
import type { SmallImages } from "./crops.js";
import { htmlHead, readPart } from "./html.js";

/** The page's script and style from the build of @whybox/report. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/** Reads the script and the style. @throws internal if the build of @whybox/report has no page. */
export async function readPageParts(): Promise<PageParts> {
  const [script, style] = await Promise.all(["report.js", "report.css"].map((name) => readPart(`page/${name}`)));
  return { script: script!, style: style! };
}

/** The page, part by part. The data for the list comes first, so that the page can be used while the browser reads the rest.
 * @param taken the thumbnails and crops of the images that have them.
 */
export function* pageText(
  facts: ReportFacts,
  collected: Collected,
  taken: ReadonlyMap<ReportImage, SmallImages>,
  { script, style }: PageParts,
): Generator<string> {
  const { rows, images } = collected;
  yield head(facts.title, script, style);
  yield data(dataIds.facts, escapeJson(facts));
  yield data(dataIds.images, base64(deflateRawSync(JSON.stringify(listOf(images)))));
  yield data(dataIds.columns, base64(deflateRawSync(packColumns(rows))));
  yield `<script>${script}</script>\n`;
  for (let first = 0; first < images.length; first += blockImages) {
    const block = images.slice(first, first + blockImages);
    yield data(`${dataIds.block}${first / blockImages}`, base64(packBlock(block, taken)));
  }
  yield "</body>\n</html>\n";
}

function head(title: string, script: string, style: string): string {
  const notice = "This report needs JavaScript. It runs in this file and asks nothing of any server.";
  return `${htmlHead({ title, style, script })}<div id="app"><noscript>${notice}</noscript></div>\n`;
}

function data(id: string, text: string): string {
  return `<script type="text/plain" id="${id}">${text}</script>\n`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** JSON that is safe inside a script element: it cannot close the script or open a comment. */
function escapeJson(value: unknown): string {
  return jsonText(value).replaceAll("<", "\\u003c");
}

function listOf(images: readonly ReportImage[]): ImageList {
  return {
    source: images.map(({ source }) => source),
    frame: images.map(({ frame }) => frame ?? -1),
    height: images.map(({ size }) => size[0]),
    width: images.map(({ size }) => size[1]),
  };
}

/** Packs a block: the number of parts, the size of each part (uint32, little-endian), then the parts. The parts of an image are its
 * deflated maps, its thumbnail, and a crop for each of its rows. A missing part has zero bytes.
 */
function packBlock(images: readonly ReportImage[], taken: ReadonlyMap<ReportImage, SmallImages>): Uint8Array {
  const none = new Uint8Array();
  const parts = images.flatMap((image) => {
    const small = taken.get(image);
    const crops = image.rows.map((_, place) => small?.crops[place] ?? none);
    return [image.maps, small?.thumbnail ?? none, ...crops];
  });
  const sizes = new DataView(new ArrayBuffer(4 * (parts.length + 1)));
  sizes.setUint32(0, parts.length, true);
  for (const [i, part] of parts.entries()) sizes.setUint32(4 * (i + 1), part.length, true);
  return Buffer.concat([new Uint8Array(sizes.buffer), ...parts]);
}
