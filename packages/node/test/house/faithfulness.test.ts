import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../..");
const bench = join(root, "bench/faithfulness");
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8")) as unknown;

interface ListedImage {
  readonly use: string;
  readonly file: string;
  readonly sha256: string;
}
interface Row {
  readonly name: string;
  readonly detections: number;
  readonly images: number;
  readonly figures: Record<string, readonly number[]>;
  readonly region: number;
  readonly against: Record<
    string,
    Record<string, readonly number[]> & { readonly bySize: Record<string, { readonly detections: number } | null> }
  >;
}
interface Summary {
  readonly networks: readonly { readonly name: string; readonly rows: readonly Row[] }[];
}

it("images for tuning and for reporting are disjoint by digest", () => {
  const { images } = readJson(join(bench, "images.json")) as { images: ListedImage[] };
  const digests = images.map(({ sha256 }) => sha256);
  expect(new Set(digests).size).toBe(images.length);
  for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  const count = (use: string) => images.filter((image) => image.use === use).length;
  expect(count("reporting")).toBeGreaterThanOrEqual(30);
  expect(count("tuning")).toBeGreaterThanOrEqual(10);
  expect(count("reporting") + count("tuning")).toBe(images.length);
});

describe("the summary", () => {
  const record = (row: string, image: string, number: number, value: number, size = "small") => ({
    ...{ network: "net", image, row, number, detection: { className: "dog", size } },
    figures: { A: value, B: value, C: value, W: value, region: value },
  });
  const records = [
    record("Gaussian", "a", 0, 0.5),
    record("Gaussian", "a", 1, 0.7, "large"),
    record("Gaussian", "b", 0, 0.3),
    record("tap-fusion", "a", 0, 0.6),
    record("tap-fusion", "b", 0, 0.2),
    // Of an image that is not measured now, of another network, and of a detection that is not there.
    record("tap-fusion", "gone", 0, 9),
    { ...record("tap-fusion", "a", 1, 9), network: "other" },
    { ...record("tap-fusion", "b", 1, 9), figures: null },
  ];
  const summarise = async (): Promise<Summary> => {
    const { summarise: run } = (await import(pathToFileURL(join(bench, "summary.mjs")).href)) as {
      summarise: (given: object) => Summary;
    };
    const images = [
      { sha256: "a", file: "a.jpg" },
      { sha256: "b", file: "b.jpg" },
    ];
    return run({ networks: [{ name: "net", source: "", sha256: "0", rows: "all" }], images, records });
  };

  it("compares rows on the detections that both have", async () => {
    const { networks } = await summarise();
    const [gaussian, fusion] = networks[0]!.rows;
    expect([gaussian!.name, gaussian!.detections, gaussian!.images]).toEqual(["Gaussian", 3, 2]);
    expect(gaussian!.figures.A![0]).toBeCloseTo(0.5, 4);
    expect([fusion!.name, fusion!.detections]).toEqual(["tap-fusion", 2]);
    // 0.6 − 0.5 and 0.2 − 0.3.
    const { A, bySize } = fusion!.against.Gaussian!;
    expect(A).toEqual([0, -0.1, 0.1]);
    expect([bySize.small!.detections, bySize.medium, bySize.large]).toEqual([2, null, null]);
  });
});

it("publishes the means of the recorded detections, at least 60 of each row in at least 30 images", async () => {
  const results = join(root, "bench/results");
  const { readRecords } = (await import(pathToFileURL(join(bench, "records.mjs")).href)) as {
    readRecords: (path: string) => readonly {
      readonly network: string;
      readonly row: string;
      readonly figures?: Record<string, number> | null;
    }[];
  };
  const records = readRecords(join(results, "faithfulness-detections.jsonl")).filter(({ figures }) => figures);
  const { networks } = readJson(join(results, "faithfulness.json")) as Summary;
  expect(networks.length).toBeGreaterThanOrEqual(4);
  for (const { name, rows } of networks) {
    for (const row of rows) {
      const own = records.filter((one) => one.network === name && one.row === row.name);
      expect([name, row.name, row.detections, row.detections >= 60, row.images >= 30]).toEqual([
        ...[name, row.name, own.length],
        ...[true, true],
      ]);
      for (const key of ["A", "B", "C", "W"]) {
        const mean = own.reduce((sum, { figures }) => sum + figures![key]!, 0) / own.length;
        expect(row.figures[key]![0]).toBeCloseTo(mean, 3);
      }
    }
  }
});

it("records of detections and times are read as they were written, with four decimals", async () => {
  const { readRecords, writeRecords } = (await import(pathToFileURL(join(bench, "records.mjs")).href)) as {
    readRecords: (path: string) => object[];
    writeRecords: (path: string, records: readonly object[]) => void;
  };
  const detection = { index: 0, className: "dog", confidence: 0.5, level: "P3", share: 0.25, size: "large" };
  const of = { network: "net", image: "a", number: 0, detection };
  const figures = { A: 0.5, B: 0.25, C: -0.125, W: 0, region: 1.5 };
  const records = [
    { ...of, row: "Gaussian", figures: { ...figures, A: 0.50001 } },
    { ...of, row: "tap-fusion", figures },
    { network: "net", image: "b", number: 1, detection: null, row: "Gaussian", figures: null },
    { network: "net", row: "Gaussian", time: true, seconds: 1.5, passes: 20 },
  ];
  const path = join(mkdtempSync(join(tmpdir(), "whybox-")), "records.jsonl");
  writeRecords(path, records);
  expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(3);
  expect(readRecords(path)).toEqual([{ ...of, row: "Gaussian", figures }, ...records.slice(1)]);
  expect(readRecords(join(path, "none"))).toEqual([]);
});
