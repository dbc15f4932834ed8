import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TaggedDetection } from "@whybox/report";
import { beforeEach, describe, expect, it } from "vitest";
import { readTags, TagIndex } from "../../src/report/tags.js";
import { openInput } from "../../src/runs/sources/list-items.js";
import { box, first, report, second } from "./report-of.js";
import { detectionOf, emptyFolder, linesOf, putImage, writeRun } from "./synthetic-run.js";

let root: string;
let folder: string;
beforeEach(async () => {
  root = await emptyFolder();
  folder = await writeRun(root, { lines: linesOf([first, second]) });
});

const dog: TaggedDetection = {
  ...{ source: "photos/a.jpg", frame: null, detection: 0, name: "dog", box },
  ...{ tags: ["shortcut"], note: "grass" },
};
const fileOf = (...tags: readonly TaggedDetection[]) => {
  return { format: "whybox-tags", version: 1, run: { title: "night", root, model: "ab" }, tags } as const;
};
const put = async (path: string, content: unknown) => {
  await writeFile(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
  return join(root, path);
};

describe("a file of tags", () => {
  it("is shown by the report, from the run's folder or from another place", async () => {
    const person: TaggedDetection = {
      ...dog,
      detection: 1,
      name: "person",
      box: [0, 0, 8, 8],
      tags: ["fine"],
      note: "",
    };
    await put("night/tags.json", fileOf(dog));
    await put("mine.json", fileOf(person, { ...dog, name: "boat" }));
    const shown = [{ row: 0, tags: ["shortcut"], note: "grass" }];
    expect((await report(root, folder)).facts).toMatchObject({ tags: shown, root, notes: [expect.anything()] });
    const given = await report(root, folder, { tags: join(root, "mine.json") });
    expect(given.facts.tags).toEqual([{ row: 1, tags: ["fine"], note: "" }]);
    expect(given.facts.notes).toContain("1 tagged object is not in this run, so their tags are not shown.");
    expect((await report(root, folder, { tags: "none" })).facts.tags).toEqual([]);
  });

  it("is a list of images for a run, below the folder of the first run", async () => {
    await putImage(join(root, "photos/a.jpg"));
    await mkdir(join(root, "elsewhere"));
    await rename(await put("tags.json", fileOf(dog, { ...dog, name: "person" })), join(root, "elsewhere/tags.json"));
    const options = { out: join(root, "out"), recursive: false, split: "val", images: undefined, stdin: undefined };
    const opened = await openInput("elsewhere/tags.json", { ...options, root, onProblem: () => {} });
    const items = [];
    for await (const item of opened.items()) items.push(item);
    expect([opened.input.kind, items]).toEqual(["list", [{ kind: "image", source: "photos/a.jpg" }]]);
  });

  it.each([
    ["not JSON", "nonsense", /is no file of tags/],
    ["another JSON", { images: [] }, /is no file of tags/],
    ["a tag that does not exist", { ...fileOf(), tags: [{ ...dog, tags: ["good"] }] }, /is no file of tags \(/],
    ["a note that is too long", { ...fileOf(), tags: [{ ...dog, note: "x".repeat(1001) }] }, /is no file of tags/],
  ])("is refused: %s", async (_, content, message) => {
    await expect(readTags(await put("t.json", content))).rejects.toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(message),
    });
  });

  it("cannot be missing when it is named", async () => {
    await expect(readTags(join(root, "none.json"))).rejects.toThrow(/Cannot read the tags/);
  });
});

describe("TagIndex", () => {
  it("finds objects of another run by class and box, each once, and prefers the same number", () => {
    const at = (x: number, detection: number | null) => {
      const { name } = detectionOf({ class: 1, box });
      return { name, box: [x, 12, x + 16, 24] as const, detection };
    };
    const of = (entries: readonly TaggedDetection[], objects: ReturnType<typeof at>[]) => {
      const index = new TagIndex(fileOf(...entries));
      const found = index.of("photos/a.jpg", undefined, objects).map((entry) => entry?.note);
      return [found, index.left];
    };
    const twice = [dog, { ...dog, note: "b" }];
    expect(of([dog], [at(17, 3)])).toEqual([["grass"], 0]);
    expect(of([dog], [at(30, 0)])).toEqual([[undefined], 1]);
    expect(of([dog], [at(16, null)])).toEqual([[undefined], 1]);
    expect(of([dog], [at(16, 5), at(16, 0)])).toEqual([[undefined, "grass"], 0]);
    expect(of(twice, [at(16, 0), at(18, 1)])).toEqual([["grass", "b"], 0]);
    expect(new TagIndex(fileOf(dog)).of("photos/b.jpg", undefined, [at(16, 0)])).toEqual([undefined]);
  });
});
