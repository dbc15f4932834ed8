import { appendFile, mkdtemp, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Ledger, type LedgerLines, ledgerFiles } from "../../src/runs/ledger.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-ledger-"));
});

function linesOf(item: number, size = 5): LedgerLines {
  const line = (what: string) => JSON.stringify({ v: 1, item, [what]: "ä".repeat(size + item) });
  return { "results.jsonl": line("r"), "maps.jsonl": line("m"), "timings.jsonl": line("t") };
}

async function write(from: number, to: number, size?: number): Promise<void> {
  const ledger = await Ledger.open(folder, 0);
  expect(ledger.next).toBe(from);
  for (let item = from; item < to; item++) await ledger.append(linesOf(item, size));
  await ledger.commit();
  await ledger.close();
}

const text = (name: string) => readFile(join(folder, name), "utf8");
const whole = (to: number, size?: number) =>
  ledgerFiles.map((name) => Array.from({ length: to }, (_, item) => `${linesOf(item, size)[name]}\n`).join(""));

describe("Ledger", () => {
  it("goes on where it was, whatever a crash cut off or left of any file", async () => {
    const bytes = fc.nat({ max: 200 });
    const garbage = fc.constantFrom(
      "",
      "{",
      '{"v":1,"item":4,"to',
      '{"v":1,"item":9}\n',
      "\0\0\0\0",
      "\n",
      '{"v":2,"item":6}\n',
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(bytes, bytes, bytes), fc.tuple(garbage, garbage, garbage), async (cut, more) => {
        for (const name of ledgerFiles) await writeFile(join(folder, name), "");
        await write(0, 6);
        for (const [i, name] of ledgerFiles.entries()) {
          const { length } = Buffer.from(await text(name));
          await truncate(join(folder, name), Math.max(0, length - cut[i]!));
          // Nobody writes behind a torn line.
          await appendFile(join(folder, name), cut[i] === 0 ? more[i]! : more[i]!.replaceAll("\n", ""));
        }
        const ledger = await Ledger.open(folder, 0);
        const { next } = ledger;
        await ledger.close();
        expect(next).toBeLessThanOrEqual(6);
        if (Math.max(...cut) === 0) expect(next).toBe(6);
        expect(await Promise.all(ledgerFiles.map(text))).toEqual(whole(next));
        await write(next, 6);
        expect(await Promise.all(ledgerFiles.map(text))).toEqual(whole(6));
      }),
      { numRuns: 100 },
    );
  });

  it("does not take a line with a hole for whole", async () => {
    await write(0, 6);
    const bytes = await readFile(join(folder, "maps.jsonl"));
    const at = bytes.indexOf('"item":3') + 15;
    await writeFile(join(folder, "maps.jsonl"), bytes.fill(0, at, at + 2));
    await expect(Ledger.open(folder, 0)).rejects.toThrow(/maps\.jsonl, line 4 is damaged: it has NUL bytes/);
    // At the end of the file it is what a crash leaves.
    await truncate(join(folder, "maps.jsonl"), bytes.indexOf('"item":4'));
    const ledger = await Ledger.open(folder, 0);
    expect(ledger.next).toBe(3);
    await ledger.close();
  });

  it("counts lines that are longer than what is read at once", async () => {
    await write(0, 5, 700_000);
    await appendFile(join(folder, "maps.jsonl"), '{"v":1,"item":5,');
    await write(5, 6, 700_000);
    expect((await Promise.all(ledgerFiles.map(text))).map((one) => one.length)).toEqual(
      whole(6, 700_000).map((one) => one.length),
    );
  });

  it("begins with any item", async () => {
    const ledger = await Ledger.open(folder, 40);
    await ledger.append(linesOf(40));
    await ledger.commit();
    await ledger.close();
    const again = await Ledger.open(folder, 40);
    expect(again.next).toBe(41);
    await again.close();
    const other = await Ledger.open(folder, 0);
    expect(other.next).toBe(0);
    await other.close();
  });

  it("drops lines that were not committed", async () => {
    const ledger = await Ledger.open(folder, 0);
    await ledger.append(linesOf(0));
    await ledger.close();
    expect(await text("results.jsonl")).toBe("");
  });
});
