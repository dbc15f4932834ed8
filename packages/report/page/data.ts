import { printable } from "@whybox/core";
import {
  blockImages,
  type Columns,
  dataIds,
  grids,
  type ImageList,
  type MissAnswer,
  mapBytes,
  type ReportFacts,
  splitColumns,
} from "../src/format.js";

/** Maximum number of decoded blocks in the cache. */
const KEPT_BLOCKS = 48;

export interface RowData {
  /** Cells of the map over the image and of the map around the box, 0..255. */
  readonly whole: Uint8Array;
  readonly box: Uint8Array;
  /** Encoded images. Undefined if the report has none. */
  readonly thumbnail: Blob | undefined;
  readonly crop: Blob | undefined;
}

interface BlockImage {
  /** The maps of all its rows, one after another, deflated. */
  readonly maps: Uint8Array<ArrayBuffer>;
  readonly thumbnail: Blob | undefined;
  readonly crops: readonly (Blob | undefined)[];
}

function shownFacts(facts: ReportFacts): ReportFacts {
  const shown = (_: string, value: unknown) => (typeof value === "string" ? printable(value) : value);
  const { tags, root } = facts;
  return { ...(JSON.parse(JSON.stringify(facts), shown) as ReportFacts), tags, root };
}

export class ReportData {
  /** As they are shown: names and messages are printable. The tags are as they are saved. */
  readonly facts: ReportFacts;
  /** The class names as the model has them, for the file of tags. */
  readonly classNames: readonly string[];
  readonly list: ImageList;
  readonly columns: Columns;
  /** By row. */
  readonly misses: ReadonlyMap<number, MissAnswer>;
  /** Rank of each row by suspicion, from 1. 0 for rows without. */
  #ranks: Uint32Array | undefined;
  /** Number of rows with a suspicion. */
  readonly ranked: number;
  /** Number of rows of each image. */
  readonly #rowsOf: Uint16Array;
  readonly #blocks = new Map<number, Promise<readonly BlockImage[]>>();

  private constructor(facts: ReportFacts, list: ImageList, columns: Columns) {
    this.facts = shownFacts(facts);
    this.classNames = facts.classes;
    this.list = list;
    this.columns = columns;
    this.misses = new Map(facts.misses.map((answer) => [answer.row, answer]));
    this.ranked = columns.suspicion.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : 1), 0);
    this.#rowsOf = new Uint16Array(facts.images);
    for (const image of columns.image) this.#rowsOf[image]!++;
  }

  /** Place of a row when the most suspicious one is first, from 1. 0 if it has no suspicion. */
  rank(row: number): number {
    if (this.#ranks === undefined) {
      const { suspicion } = this.columns;
      const ranks = new Uint32Array(suspicion.length);
      const rows = [...suspicion.keys()].filter((one) => !Number.isNaN(suspicion[one]!));
      rows.sort((a, b) => suspicion[b]! - suspicion[a]! || a - b);
      for (const [place, one] of rows.entries()) ranks[one] = place + 1;
      this.#ranks = ranks;
    }
    return this.#ranks[row]!;
  }

  /** Reads the facts, the list of images and the columns. */
  static async read(): Promise<ReportData> {
    const facts = JSON.parse(textOf(dataIds.facts)) as ReportFacts;
    const [list, columns] = await Promise.all([inflated(dataIds.images), inflated(dataIds.columns)]);
    const images = JSON.parse(new TextDecoder().decode(list)) as ImageList;
    return new ReportData(facts, images, splitColumns(columns, facts.rows));
  }

  /** Decodes the data to draw a row. It waits if the browser has not read that part of the file yet. */
  async row(row: number): Promise<RowData> {
    const number = this.columns.image[row]!;
    const place = this.columns.place[row]!;
    const images = await this.#block(Math.floor(number / blockImages));
    const { maps, thumbnail, crops } = images[number % blockImages]!;
    const all = new Uint8Array(await inflate(maps));
    const start = place * mapBytes;
    const middle = start + grids.image ** 2;
    const [whole, box] = [all.subarray(start, middle), all.subarray(middle, start + mapBytes)];
    return { whole, box, thumbnail, crop: crops[place] };
  }

  #block(number: number): Promise<readonly BlockImage[]> {
    const known = this.#blocks.get(number);
    const block = known ?? this.#decode(number);
    // The least recently used block is removed first.
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    if (this.#blocks.size > KEPT_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value!);
    return block;
  }

  async #decode(number: number): Promise<readonly BlockImage[]> {
    const bytes = fromBase64((await whenThere(`${dataIds.block}${number}`)).textContent);
    const view = new DataView(bytes.buffer);
    const count = view.getUint32(0, true);
    let offset = 4 * (count + 1);
    const parts = Array.from({ length: count }, (_, i) => {
      const length = view.getUint32(4 * (i + 1), true);
      offset += length;
      return bytes.subarray(offset - length, offset);
    });
    const blob = (part: Uint8Array<ArrayBuffer>) => (part.length === 0 ? undefined : new Blob([part]));
    const first = number * blockImages;
    const images: BlockImage[] = [];
    for (let i = first, at = 0; i < Math.min(first + blockImages, this.facts.images); i++) {
      const rows = this.#rowsOf[i]!;
      const [maps, thumbnail, ...crops] = parts.slice(at, at + 2 + rows);
      images.push({ maps: maps!, thumbnail: blob(thumbnail!), crops: crops.map(blob) });
      at += 2 + rows;
    }
    return images;
  }
}

function textOf(id: string): string {
  return document.getElementById(id)!.textContent;
}

function inflated(id: string): Promise<ArrayBuffer> {
  return inflate(fromBase64(textOf(id)));
}

function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Waits for an element of the file. It is complete when another element follows or the file ends. */
function whenThere(id: string): Promise<Element> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = document.getElementById(id);
      const isWhole = document.readyState !== "loading" || found?.nextElementSibling != null;
      if (found !== null && isWhole) return resolve(found);
      if (document.readyState !== "loading")
        return reject(new Error(`The report has no part "${id}". The file may be incomplete.`));
      setTimeout(look, 50);
    };
    look();
  });
}
