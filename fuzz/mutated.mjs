// A given number of mutated files. Case n of seed s is the same file everywhere.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FAILURES, makeCase, signatureOf, targetOf } from "./case.mjs";
import { Reader } from "./pool.mjs";

/**
 * Reads the cases in `again`, then those of each target in `from` (name → first number) below `to`, until the time is over. Returns what was read of each target (the next
 * number, and the counts of the outcomes) and the failures. The file of each failure is saved in `folder`.
 */
export async function readMutated({ seed, again, from, to, seconds, jobs, folder }) {
  const end = performance.now() + seconds * 1000;
  const read = Object.fromEntries(Object.entries(from).map(([name, next]) => [name, { next, counts: {} }]));
  const failures = [];
  const first = [...again];
  let number = Math.min(...Object.values(from));
  /** The next case that is still to be read. */
  const take = () => {
    const early = first.shift();
    if (early !== undefined) return [early, read[targetOf(early).name].counts];
    for (; number < to; number++) {
      const one = read[targetOf(number).name];
      if (one === undefined || number < one.next) continue;
      one.next = number + 1;
      return [number++, one.counts];
    }
    return undefined;
  };
  const work = async () => {
    const reader = new Reader();
    for (let one = take(); one !== undefined; one = first.length > 0 || performance.now() < end ? take() : undefined) {
      const [taken, counts] = one;
      let found = await reader.read({ seed, number: taken });
      // Time and memory are noisy in a process that has read many files. They count if a new process needs as much.
      for (let again = 0; again < 2 && ["hang", "memory"].includes(found.outcome); again++) {
        found = await reader.read({ seed, number: taken, warm: true });
      }
      counts[found.outcome] = (counts[found.outcome] ?? 0) + 1;
      if (FAILURES.includes(found.outcome)) failures.push(await save({ seed, folder, ...found }));
    }
    reader.close();
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { read, failures };
}

async function save({ seed, folder, number, outcome, detail }) {
  const { name, bytes } = await makeCase(seed, number);
  const target = targetOf(number).name;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${target}-${seed}-${number}.bin`);
  writeFileSync(path, bytes);
  return { target, seed, number, outcome, name, path, detail, signature: signatureOf(detail) };
}
