import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { Job } from "kubernetes-models/batch/v1/Job";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { merged, planOptions } from "../runs/shards/world.js";
import { imageNames, miniOptions, putImages, runWorld } from "../runs/world.js";
import { bin, launch, whybox } from "../support/launch.js";
import { Slurm, whyNoSlurm } from "../support/slurm.js";

const deploy = resolve(import.meta.dirname, "../../../../deploy");
const noSlurm = whyNoSlurm();
if (noSlurm !== undefined) console.warn(`SKIPPED: the test of Slurm: ${noSlurm}`);

let cwd: string;
let whole: Record<string, string>;
/** Where `whybox` is found as on a machine that has it installed. */
let path: string;

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, imageNames(12));
  expect(await whybox(["run", "p", "--out", "whole", ...miniOptions], { cwd })).toMatchObject({ code: 0 });
  whole = await merged(join(cwd, "whole"));
  const argv = ["shard", "plan", "p", "--out", "planned", ...planOptions, "--shards", "3"];
  expect(await whybox(argv, { cwd })).toMatchObject({ code: 0 });
  await mkdir(join(cwd, "bin"));
  await writeFile(join(cwd, "bin/whybox"), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`);
  await chmod(join(cwd, "bin/whybox"), 0o755);
  path = `${join(cwd, "bin")}${delimiter}${process.env.PATH}`;
}, 600_000);

async function fresh(): Promise<string> {
  await rm(join(cwd, "out"), { recursive: true, force: true });
  await cp(join(cwd, "planned"), join(cwd, "out"), { recursive: true });
  return join(cwd, "out");
}

async function mergeAndCompare(out: string): Promise<void> {
  expect(await whybox(["shard", "merge", out], { cwd })).toMatchObject({ code: 0 });
  expect(await merged(out)).toEqual(whole);
}

describe.skipIf(noSlurm !== undefined)(`deploy/slurm/whybox.sbatch${noSlurm ? ` (SKIPPED: ${noSlurm})` : ""}`, () => {
  let slurm: Slurm;
  beforeAll(async () => {
    slurm = await Slurm.start(8);
  }, 600_000);
  afterAll(() => slurm?.stop());

  it("makes what one machine makes, as a job array", { tags: ["long"], timeout: 600_000 }, async () => {
    const out = await fresh();
    const script = join(deploy, "slurm/whybox.sbatch");
    const submit = (...argv: string[]) => slurm.run(["sbatch", "--parsable", ...argv], cwd, { PATH: path });
    const array = await submit("--array=0-2", script, out);
    const id = array.stdout.trim();
    const merge = await submit("--wait", `--dependency=afterok:${id}`, "--wrap", `whybox shard merge ${out}`);
    const log = await readFile(join(cwd, `whybox-${id}-1.log`), "utf8").catch(() => "no log");
    expect([array.code, merge.code, log]).toEqual([0, 0, expect.stringMatching(/^Shard 1: 4 sources, /)]);
    expect(await merged(out)).toEqual(whole);
    // A shard that the plan does not have fails, and the cluster sees it.
    const beyond = await submit("--wait", "--array=3", script, out);
    expect(beyond.code).toBe(2);
  });
});

describe("deploy/kubernetes/job.yaml", () => {
  const job = async () => parse(await readFile(join(deploy, "kubernetes/job.yaml"), "utf8"));

  it("is a job of Kubernetes' published schema, which counts shards", async () => {
    const given = await job();
    expect(() => new Job(given).validate()).not.toThrow();
    expect(() => new Job({ ...given, spec: { ...given.spec, completions: "32" } }).validate()).toThrow(/completions/);
    const { completionMode, completions, parallelism, backoffLimitPerIndex, maxFailedIndexes } = given.spec;
    expect([completionMode, maxFailedIndexes]).toEqual(["Indexed", completions]);
    expect(completions).toBeGreaterThan(parallelism);
    expect(backoffLimitPerIndex).toBeGreaterThan(0);
    // What the folder's lock rests on: pods of an index have one name, so the second must come after the first.
    expect(given.spec.podReplacementPolicy).toBe("Failed");
    expect(given.spec.template.spec.restartPolicy).toBe("Never");
  });

  it("makes what one machine makes, with its own command line for each index", {
    tags: ["long"],
    timeout: 600_000,
  }, async () => {
    const out = await fresh();
    const { command, env } = (await job()).spec.template.spec.containers[0];
    expect(env.map(({ name }: { name: string }) => name)).toEqual(["RUN"]);
    for (const index of ["0", "1", "2"]) {
      const given = { PATH: path, RUN: out, JOB_COMPLETION_INDEX: index };
      const { code, stderr } = await launch(command, { cwd, env: given });
      expect([code, stderr]).toEqual([0, expect.stringContaining(`Shard ${index}: 4 sources`)]);
    }
    await mergeAndCompare(out);
  });
});
