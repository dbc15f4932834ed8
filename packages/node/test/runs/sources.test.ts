import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { RunItem } from "../../src/runs/schema.js";
import { readItems, writeItems } from "../../src/runs/sources/item-list.js";
import { type ListOptions, openInput } from "../../src/runs/sources/list-items.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "whybox-sources-"));
});

async function put(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), name.endsWith("/") ? "" : "x");
  }
}

const problems: string[] = [];
function options(more: Partial<ListOptions> = {}): ListOptions {
  const base = { root, out: join(root, "out"), recursive: false, split: "val", images: undefined, stdin: undefined };
  return { ...base, onProblem: (message) => void problems.push(message), ...more };
}

/** The items of one argument, as they are written. */
async function listed(given: string, more: Partial<ListOptions> = {}): Promise<string[]> {
  const { items } = await openInput(given, options(more));
  const path = join(root, "items.jsonl");
  await writeItems(items(), path, join(root, ".tmp"));
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => {
    const { kind, source } = JSON.parse(line) as RunItem;
    return kind === "image" ? source : `${kind} ${source}`;
  });
}

describe("sources of a run", () => {
  it("are the images and videos of a folder, without hidden ones", async () => {
    await put("p/b.JPG", "p/a.png", "p/clip.mp4", "p/notes.md", "p/.hidden.jpg", "p/._a.png", "p/deep/c.jpg");
    expect(await listed("p")).toEqual(["p/a.png", "p/b.JPG", "video p/clip.mp4"]);
    expect(await listed("p", { recursive: true })).toEqual(["p/a.png", "p/b.JPG", "video p/clip.mp4", "p/deep/c.jpg"]);
  });

  it("are never those of the run's own folder, and no link leads in circles", async () => {
    await put("a.jpg", "out/files/0000/0-a.png", "deep/b.jpg");
    await symlink(root, join(root, "deep", "loop"));
    await symlink(join(root, "a.jpg"), join(root, "deep", "link.jpg"));
    expect(await listed(".", { recursive: true })).toEqual(["a.jpg", "deep/b.jpg", "deep/link.jpg"]);
  });

  it("are what a glob matches", async () => {
    await put("p/1.jpg", "p/2.png", "p/q/3.jpg", "p/q/r/4.jpg", "p/q/.x/5.jpg", "other/6.jpg");
    expect(await listed("p/*.jpg")).toEqual(["p/1.jpg"]);
    expect(await listed("./p/**/*.jpg")).toEqual(["p/1.jpg", "p/q/3.jpg", "p/q/r/4.jpg"]);
    expect(await listed("*/?.{jpg,png}")).toEqual(["other/6.jpg", "p/1.jpg", "p/2.png"]);
    expect(await listed("p/q/*/*.jpg")).toEqual(["p/q/r/4.jpg"]);
    expect(await listed(join(root, "p", "*.png"))).toEqual(["p/2.png"]);
  });

  it("may be outside of the root, and addresses", async () => {
    const other = await mkdtemp(join(tmpdir(), "whybox-other-"));
    await writeFile(join(other, "x.jpg"), "x");
    expect(await listed(other)).toEqual([join(other, "x.jpg")]);
    expect(await listed("https://example.org/a b.jpg?x=1")).toEqual(["url https://example.org/a%20b.jpg?x=1"]);
    expect(await listed("https://example.org/live.m3u8")).toEqual(["stream https://example.org/live.m3u8"]);
    expect(await listed("rtsp://camera:8554/1")).toEqual(["stream rtsp://camera:8554/1"]);
    expect(await listed("/dev/video3")).toEqual(["stream /dev/video3"]);
  });

  it("are the lines of a list, from the list's folder or --images, each once", async () => {
    await put("lists/a.txt");
    await writeFile(join(root, "lists/a.txt"), "\uFEFFb.jpg\r\n\n ../p/a.jpg \r\nb.jpg\nhttp://example.org/c.jpg");
    expect(await listed("lists/a.txt")).toEqual(["url http://example.org/c.jpg", "lists/b.jpg", "p/a.jpg"]);
    const images = join(root, "images", "x");
    expect(await listed("lists/a.txt", { images })).toContain("images/x/b.jpg");
    const stdin = Readable.from(["one.jpg\ntw", "o.mp4\n"]);
    expect(await listed("-", { stdin })).toEqual(["one.jpg", "video two.mp4"]);
  });

  it("are the images of a COCO file", async () => {
    const coco = {
      images: [{ id: 2, file_name: "b.jpg" }, { file_name: "val/a.jpg" }],
      annotations: [],
      categories: [],
    };
    await writeFile(join(root, "coco.json"), JSON.stringify(coco));
    expect(await listed("coco.json")).toEqual(["b.jpg", "val/a.jpg"]);
    expect(await listed("coco.json", { images: join(root, "i") })).toEqual(["i/b.jpg", "i/val/a.jpg"]);
  });

  it("are one split of a YOLO dataset", async () => {
    await put("data/images/val/a.jpg", "data/images/val/deep/b.jpg", "data/images/train/c.jpg", "data/more.txt");
    await writeFile(join(root, "data/more.txt"), "./images/train/c.jpg\n");
    const yaml = "path: data\ntrain: images/train\nval: [images/val, more.txt]\nnames: {0: dog}\n";
    await writeFile(join(root, "data.yaml"), yaml);
    expect(await listed("data.yaml")).toEqual([
      "data/images/train/c.jpg",
      "data/images/val/a.jpg",
      "data/images/val/deep/b.jpg",
    ]);
    expect(await listed("data.yaml", { split: "train" })).toEqual(["data/images/train/c.jpg"]);
    await expect(listed("data.yaml", { split: "test" })).rejects.toThrow(/has no split "test"; it has train, val\./);
  });

  it.each([
    ["gone.jpg", /^gone\.jpg: no such file or folder/],
    ["", /empty string/],
    ["ftp://example.org/a.jpg", /not a supported URL/],
    ["empty", /no image or video in this folder; .*Use --recursive/],
    ["empty/*.jpg", /no image or video matches/],
    ["nothing/*.jpg", /no image or video matches/],
    ["-", /stdin is not available/],
    ["bad.json", /Cannot read .*bad\.json as a list of images/],
    ["other.json", /is not a COCO file/],
    ["bad.yaml", /is not a YOLO dataset/],
  ])("refuses %j", async (given, message) => {
    await mkdir(join(root, "empty"));
    await writeFile(join(root, "bad.json"), "{");
    await writeFile(join(root, "other.json"), '{"images":[{"name":"a.jpg"}]}');
    await writeFile(join(root, "bad.yaml"), "names: [a, b]");
    await expect(listed(given)).rejects.toThrow(message);
  });

  it.skipIf(process.platform === "win32")("refuse devices and pipes", async () => {
    await expect(listed("/dev/null")).rejects.toThrow(/neither a file nor a folder/);
  });
});

async function* itemsOf(sources: readonly string[]): AsyncGenerator<RunItem> {
  for (const source of sources) yield { kind: "image", source };
}

async function read(path: string, first = 0, end = Number.POSITIVE_INFINITY): Promise<string[]> {
  const found: string[] = [];
  for await (const { source } of readItems(path, { first, end })) found.push(source);
  return found;
}

describe("the item list", () => {
  it("is sorted and has each source once, in memory or in parts on the disk", async () => {
    const path = join(root, "items.jsonl");
    const source = fc.string({ unit: "binary", minLength: 1, maxLength: 6 }).filter((text) => !text.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(source, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), async (sources, chunk) => {
        const wanted = [...new Set(sources)].sort();
        const written = await writeItems(itemsOf(sources), path, join(root, "parts"), chunk);
        expect([written.count, written.repeated]).toEqual([wanted.length, sources.length - wanted.length]);
        expect(await read(path, 0, wanted.length)).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });

  it("gives any part of itself, from any line on", async () => {
    const path = join(root, "items.jsonl");
    const names = Array.from({ length: 9 }, (_, i) => `ä${i}.jpg`);
    await writeItems(itemsOf(names), path, root);
    expect(await read(path, 2, 5)).toEqual(names.slice(2, 5));
    const offset = 3 * Buffer.byteLength(`${JSON.stringify({ kind: "image", source: names[0] })}\n`);
    const from: string[] = [];
    for await (const { item, source } of readItems(path, { first: 4, end: 6 }, { item: 3, offset })) {
      from.push(`${item} ${source}`);
    }
    expect(from).toEqual(["4 ä4.jpg", "5 ä5.jpg"]);
    await expect(read(path, 0, 10)).rejects.toThrow(/has 9 items; expected at least 10/);
  });
});
