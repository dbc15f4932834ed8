import {
  type ClassFacts,
  kindNumber,
  noObject,
  packColumns,
  type Row,
  type RowKind,
  rowFlags,
  rowSides,
  splitColumns,
} from "@whybox/report";
import { describe, expect, it } from "vitest";
import { classStats } from "../page/class-stats.js";
import type { ReportData } from "../page/data.js";
import { kindLine, outsideLine, whyLine } from "../page/words.js";

const plain: Row = {
  ...{ image: 0, place: 0, other: -1, beside: -1, x1: 0, y1: 0, x2: 10, y2: 10, class: 0, level: 0, kind: 0 },
  ...{ flags: rowFlags.heat | rowFlags.peakInBox, side: 0, object: noObject, score: 0.8, inBox: 0.6, area: 0.1 },
  ...{ peakX: 5, peakY: 5, suspicion: 0.2, iou: 0, onBeside: 0 },
};
const kind = (id: RowKind) => ({ kind: kindNumber(id) });
const onTheLeft = { side: rowSides.indexOf("left") };

function dataOf(...rows: readonly Partial<Row>[]): ReportData {
  const bytes = packColumns(rows.map((row) => ({ ...plain, ...row })));
  const columns = splitColumns(bytes.buffer as ArrayBuffer, rows.length);
  const perClass: readonly ClassFacts[] = [];
  const facts = { classes: ["person", "bus", "tie"], levels: ["P3"], perClass };
  const misses = new Map([[0, { row: 0, verdict: "Below the threshold.", bestClass: "bus", bestProbability: 0.2 }]]);
  return { facts, columns, misses } as unknown as ReportData;
}

/** The text with normal spaces. */
const told = (text: string | undefined) => text?.replaceAll("\u00a0", " ");

describe("the texts of a report", () => {
  it("name the other box with the heat, or the side", () => {
    const onBus = dataOf({ ...onTheLeft, beside: 1, onBeside: 0.3 }, { class: 1 });
    expect(told(outsideLine(onBus, 0))).toBe("40 % is outside the box, 30 % on “bus”.");
    const hardly = dataOf({ ...onTheLeft, beside: 1, onBeside: 0.1 }, { class: 1 });
    expect(told(outsideLine(hardly, 0))).toBe("40 % is outside the box, most of it on the left.");
  });

  it("mention a hottest point outside the box, and are undefined if nearly all heat is inside", () => {
    const away = dataOf({ flags: rowFlags.heat }, { flags: rowFlags.heat, inBox: 0.97 }, { inBox: 0.97 }, { flags: 0 });
    const lines = [0, 1, 2, 3].map((row) => told(outsideLine(away, row)));
    expect(lines).toEqual([
      "40 % is outside the box, and so is the hottest point.",
      "The hottest point is outside the box.",
      undefined,
      undefined,
    ]);
  });

  it("give the reason for a card", () => {
    const data = dataOf({ ...kind("missed"), suspicion: 0.3 }, { inBox: 0.99 }, onTheLeft, { suspicion: Number.NaN });
    expect([0, 1, 2, 3].map((row) => told(whyLine(data, row)))).toEqual([
      "Below the threshold.",
      "Suspicion: medium.",
      "Suspicion: medium. 40 % is outside the box, most of it on the left.",
      undefined,
    ]);
  });

  it("name the class of the object for a wrong class", () => {
    const data = dataOf({ ...kind("class"), object: 1 }, { ...kind("hit"), object: 0 });
    expect(kindLine(data, 0)).toMatch(/of another class \(IoU at least 0\.5\): bus$/);
    expect(kindLine(data, 1)).toMatch(/same class, IoU at least 0\.5$/);
  });
});

describe("classStats", () => {
  it("counts missed objects, and measures detections", () => {
    const data = dataOf(
      { class: 2, score: 0.5, beside: 1, onBeside: 0.2 },
      { class: 0 },
      { class: 2, score: 0.7, ...kind("background"), inBox: 0.05 },
      { class: 2, score: 0.01, inBox: 0.001, ...kind("missed") },
    );
    const ties = classStats(data).find(({ name }) => name === "tie")!;
    expect(ties).toMatchObject({ rows: 3, missed: 1, wrong: 1, outside: 0.5 });
    expect(ties.score).toBeCloseTo(0.5, 6);
    expect(ties.ratios.map((one) => Math.round(10 * one))).toEqual([60, 5]);
    expect(ties.beside?.name).toBe("person");
    expect(ties.beside?.share).toBeCloseTo(0.1, 6);
  });

  it("has no numbers for a class with missed objects only", () => {
    const [only] = classStats(dataOf({ ...kind("missed") }));
    expect(only).toMatchObject({ rows: 1, missed: 1, ratios: [], beside: undefined });
    expect([only!.score, only!.inBox, only!.ratio, only!.outside].every(Number.isNaN)).toBe(true);
  });
});
