import { appendFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { writeMeasurements } from "./measured-run.js";
import { box, first, report, second } from "./report-of.js";
import { detectionOf, emptyFolder, type FakeImage, linesOf, writeRun } from "./synthetic-run.js";

const hostile: FakeImage = { source: "photos/</script>.jpg", detections: [detectionOf({ box, class: 2, score: 0.7 })] };
const images = [first, second, hostile];

let root: string;
let folder: string;
beforeEach(async () => {
  root = await emptyFolder();
  folder = await writeRun(root, { lines: linesOf(images) });
});

describe("trust in a report", () => {
  it("has the summary, the measured rows with a sentence each, and the failures", async () => {
    await writeMeasurements(folder, images, (item, i) =>
      item === 0 && i === 1 ? undefined : { map: [0.1 * item, 0] },
    );
    const { facts, columns } = await report(root, folder);
    const { summary, measured, failures } = facts.trust!;
    expect(summary).toMatchObject({ sampled: 4, measured: 3, failed: 1, images: 3, isSmall: true });
    expect(summary.sentences[0]).toBe("3 of 40 detections were measured, in 3 images.");
    expect(failures).toEqual([{ source: "photos/a.jpg", name: "person", message: "photos/a.jpg is gone" }]);
    expect(measured.map(({ row }) => [columns.image[row], columns.place[row]])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    expect(measured[1]!.image).toEqual([0.1, 0.7]);
    expect(measured[0]!.sentence).toMatch(
      /^Removing the hottest 12\u00a0% of the image halves the confidence in this dog;/,
    );
  });

  it("keeps hostile class names and sources as data", async () => {
    await writeMeasurements(folder, images, (item) => (item === 2 ? undefined : {}));
    const { html, facts } = await report(root, folder);
    expect(facts.trust!.measured.at(-1)!.sentence).toContain("</script><b>");
    expect(facts.trust!.failures).toEqual([
      { source: "photos/</script>.jpg", name: "</script><b>", message: "photos/</script>.jpg is gone" },
    ]);
    expect(html).not.toContain("</script><b>");
    expect(html.match(/<\/script>/g)).toHaveLength(html.match(/<script/g)!.length);
  });

  it("has none without measurements, and says when they are not finished", async () => {
    expect((await report(root, folder)).facts).toMatchObject({ trust: null });
    await writeFile(join(folder, "sample.json"), "{}");
    const { facts } = await report(root, folder);
    expect(facts.trust).toBeNull();
    expect(facts.notes.join(" ")).toContain("The measurements of the maps are not finished");
  });

  it("refuses measurements that are damaged", async () => {
    await writeMeasurements(folder, images);
    await appendFile(join(folder, "measurements.jsonl"), "{}\n");
    await expect(report(root, folder)).rejects.toThrow(/measurements\.jsonl is damaged: line 5 is not a measurement/);
    await writeFile(join(folder, "measurements.jsonl"), "");
    await expect(report(root, folder)).rejects.toThrow(/it has 0 lines, and measurements\.json says 4/);
    await rm(join(folder, "measurements.jsonl"));
    await expect(report(root, folder)).rejects.toMatchObject({ code: "bad-input" });
    await writeFile(join(folder, "measurements.json"), "{}");
    await expect(report(root, folder)).rejects.toThrow(/measurements\.json is damaged/);
  });
});
