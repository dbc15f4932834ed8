// A process that reads mutated files for fuzz/pool.mjs: one that ends or hangs costs only this process.
import { judge, makeCase } from "./case.mjs";
import { filesOf } from "./targets.mjs";

process.on("message", async ({ seed, number, warm }) => {
  const one = await makeCase(seed, number);
  if (warm) await warmUp(one.target);
  process.send({ number, ...(await judge(one)) });
});
process.on("disconnect", () => process.exit(0));
process.send({ ready: true });

/** Reads sound files first, so that what is measured is the case and not the first use of the code. */
async function warmUp(target) {
  const files = await filesOf(target);
  for (const { name, bytes } of files.slice(0, 3)) await target.run(bytes.slice(), name).catch(() => undefined);
  globalThis.gc?.();
}
