import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { merged } from "../runs/shards/world.js";
import { imageNames, miniOptions, putImages, runWorld } from "../runs/world.js";
import { bin, launch, whybox } from "../support/launch.js";

const docs = resolve(import.meta.dirname, "../../../../docs");
const read = (name: string) => readFile(join(docs, name), "utf8");

/** The commands below a heading of docs/scale.md. */
async function commandsOf(heading: string): Promise<string> {
  const page = await read("scale.md");
  const [, code] = /```sh\n(.*?)```/s.exec(page.slice(page.indexOf(`# ${heading}\n`))) ?? [];
  return code!;
}

/** `whybox` with the options of the small model wherever a run begins. */
const shim = `#!/bin/sh
case "$1 $2" in
  "run photos"|"shard plan") exec "${process.execPath}" "${bin}" "$@" ${miniOptions.slice(0, -2).join(" ")} ;;
  *) exec "${process.execPath}" "${bin}" "$@" ;;
esac
`;

/** As much of \`aws s3 sync\` as the page uses; its bucket is a folder. */
const bucket = `#!/bin/sh
[ "$1 $2" = "s3 sync" ] || exit 64
place() { case "$1" in s3://*) echo "$BUCKETS/\${1#s3://}" ;; *) echo "$1" ;; esac; }
from=$(place "$3"); to=$(place "$4")
mkdir -p "$to" && tar -C "$from" \${6:+--exclude=./"$6"} -cf - . | tar -C "$to" -xf -
`;

let cwd: string;
let whole: Record<string, string>;

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, imageNames(9, "photos/a"));
  await putImages(cwd, imageNames(2, "photos/b"));
  const one = await whybox(["run", "photos", "--recursive", "--out", "whole", ...miniOptions], { cwd });
  expect(one).toMatchObject({ code: 0 });
  whole = await merged(join(cwd, "whole"));
  await mkdir(join(cwd, "bin"));
  for (const [name, text] of [
    ["whybox", shim],
    ["npx", '#!/bin/sh\nexec "$@"\n'],
    ["aws", bucket],
  ] as const) {
    await writeFile(join(cwd, "bin", name), text);
    await chmod(join(cwd, "bin", name), 0o755);
  }
}, 600_000);

async function run(commands: string, folder = cwd): Promise<void> {
  const path = `${join(cwd, "bin")}${delimiter}${process.env.PATH}`;
  const env = { PATH: path, BUCKETS: join(cwd, "buckets") };
  const { code, stderr } = await launch(["sh", "-ec", commands.replaceAll("/data/", `${cwd}/data/`)], {
    cwd: folder,
    env,
  });
  expect([code, stderr]).toEqual([0, expect.any(String)]);
}

describe.skipIf(process.platform === "win32")("docs/scale.md", { timeout: 600_000 }, () => {
  it("has commands that do what they say on one machine", { tags: ["long"] }, async () => {
    await run(await commandsOf("One machine"));
    expect(await merged(join(cwd, "night"))).toEqual(whole);
  });

  it("has commands that do what they say by hand", { tags: ["long"] }, async () => {
    await run(await commandsOf("Shards by hand"));
    const { "detections.parquet": table, ...rest } = await merged(join(cwd, "data/night"));
    expect(table).toBeDefined();
    expect(rest).toEqual(whole);
  });

  it("has commands that do what they say without a shared disk", { tags: ["long"] }, async () => {
    const [plan, machine, end, ...more] = (await commandsOf("Without a shared disk")).split("\n\n");
    expect(more).toEqual([]);
    await rm(join(cwd, "night"), { recursive: true, force: true });
    await run(plan!);
    for (const i of [0, 1, 2, 3]) {
      const folder = join(cwd, `machine-${i}`);
      await mkdir(folder);
      await run(machine!.replaceAll("00002", `0000${i}`).replace("run night 2", `run night ${i}`), folder);
    }
    await run(end!);
    expect(await merged(join(cwd, "night"))).toEqual(whole);
  });

  it("speaks of options that there are, as docs/report.md does", async () => {
    const known = new Set((await read("cli.md")).match(/--[a-z][a-z-]+/g));
    // Of Slurm, Redis and aws.
    const others = ["array", "parsable", "dependency", "wrap", "requeue", "cpus-per-task", "bind", "appendonly"];
    for (const name of [...others, "maxmemory-policy", "exclude", "for", "timeout"]) known.add(`--${name}`);
    for (const page of ["scale.md", "report.md"]) {
      const used = (await read(page)).match(/(?<![\w-])--[a-z][a-z-]+/g) ?? [];
      expect([page, used.filter((flag) => !known.has(flag))]).toEqual([page, []]);
    }
  });
});
