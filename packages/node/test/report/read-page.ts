import { readFile } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";
import { blockImages, type Columns, type ImageList, mapBytes, type ReportFacts, splitColumns } from "@whybox/report";

/** The data of a report, read as its page reads it. */
export interface ReadPage {
  readonly html: string;
  readonly facts: ReportFacts;
  readonly list: ImageList;
  readonly columns: Columns;
  /** For each image: the maps of its rows, its thumbnail, and a crop for each row. */
  readonly images: readonly {
    readonly maps: Uint8Array;
    readonly thumbnail: Uint8Array;
    readonly crops: Uint8Array[];
  }[];
}

export async function readPage(path: string): Promise<ReadPage> {
  const html = await readFile(path, "utf8");
  const facts = JSON.parse(dataOf(html, "facts")) as ReportFacts;
  const list = JSON.parse(new TextDecoder().decode(inflated(html, "images"))) as ImageList;
  const columns = splitColumns(new Uint8Array(inflated(html, "columns")).buffer, facts.rows);
  return { html, facts, list, columns, images: imagesOf(html, facts, columns) };
}

function dataOf(html: string, id: string): string {
  const [, text] = new RegExp(`<script type="text/plain" id="${id}">([^<]*)</script>`).exec(html) ?? [];
  if (text === undefined) throw new Error(`no ${id} in the page`);
  return text;
}

function inflated(html: string, id: string): Uint8Array {
  return inflateRawSync(Buffer.from(dataOf(html, id), "base64"));
}

function imagesOf(html: string, { images: count }: ReportFacts, { image: numbers }: Columns) {
  const images: { maps: Uint8Array; thumbnail: Uint8Array; crops: Uint8Array[] }[] = [];
  for (let first = 0; first < count; first += blockImages) {
    const parts = partsOf(Buffer.from(dataOf(html, `b${first / blockImages}`), "base64"));
    for (let i = first; i < Math.min(first + blockImages, count); i++) {
      const rows = numbers.filter((number) => number === i).length;
      const [maps, thumbnail, ...crops] = parts.splice(0, 2 + rows) as [Uint8Array, Uint8Array, ...Uint8Array[]];
      images.push({ maps: new Uint8Array(inflateRawSync(maps)), thumbnail, crops });
      if (images.at(-1)!.maps.length !== rows * mapBytes) throw new Error(`image ${i} has the wrong number of maps`);
    }
  }
  return images;
}

function partsOf(block: Buffer): Uint8Array[] {
  const count = block.readUInt32LE(0);
  let offset = 4 * (count + 1);
  const parts = Array.from({ length: count }, (_, i) => {
    const length = block.readUInt32LE(4 * (i + 1));
    offset += length;
    return block.subarray(offset - length, offset);
  });
  if (offset !== block.length) throw new Error(`a block of ${block.length} bytes has ${offset}`);
  return parts;
}
