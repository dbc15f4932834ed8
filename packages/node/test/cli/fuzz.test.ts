import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { exitCodes } from "../../src/cli/exit-codes.js";
import { createProgram } from "../../src/cli/program.js";
import { createWorld, putImages, temporaryFolder } from "./fake-world.js";

const program = await createProgram(createWorld().context, () => {});
const flags = [
  ...new Set(program.commands.flatMap((one) => one.options.map(({ long }) => long!))),
  ...["--box=1", "--version", "--help", "--", "-", "-h", "-2", "--no-json", "--layer=", "--conf=0.5"],
];
const values = [
  ...["a.jpg", "bad.jpg", "gone.jpg", ".", "*.jpg", "**/*", "https://x.test/y.jpg", "ftp://x", "auto", "17", "-1", "0"],
  ...[
    "0.5",
    "1e999",
    "NaN",
    "",
    " ",
    "class",
    "GradCAM",
    "png",
    "json",
    "npy",
    "jet",
    "cpu",
    "input",
    "640",
    "results",
    "detection",
    "common",
    "contrast",
    "tap-fusion",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "{a,b}",
    "[",
    "!(x)",
    "\\",
    "\0",
    "a\nb",
    "\u001b[31m",
    "狗",
    "{1..99999}",
  ],
];

const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...flags) },
  { weight: 5, arbitrary: fc.constantFrom(...values) },
  // Slashes are left out: a random absolute path after --out must not land anywhere but in the scratch folder.
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replace(/[/\\.]/g, "")) },
);
const argv = fc.tuple(
  fc.constantFrom("explain", "explain", "explain", "inspect", "methods", "help", "", "nonsense"),
  fc.array(word, { maxLength: 8 }),
);

it("survives any command line: a documented exit code, no exception, no stack trace, no control characters", async () => {
  const codes = new Set<number>(Object.values(exitCodes));
  const seen = new Set<number>();
  const cwd = await temporaryFolder();
  await putImages(cwd, "a.jpg", "bad.jpg");
  const before = new Set(await readdir(cwd));
  await fc.assert(
    fc.asyncProperty(argv, async ([command, rest]) => {
      const run = createWorld({ cwd });
      const code = await run.run(command, ...rest);
      seen.add(code);
      expect(codes).toContain(code);
      expect(run.stderr()).not.toMatch(/^\s+at .*:\d+:\d+/m);
      expect(run.stderr()).not.toContain("bug in Whybox");
      expect(run.stdout() + run.stderr()).not.toMatch(/[^\P{Cc}\n]/u);
      if (code !== 0) expect(run.stderr()).toContain("error: ");
      if (run.stdout().startsWith("{")) JSON.parse(run.stdout());
    }),
    { seed: 20261122, numRuns: 600 },
  );
  expect(seen).toContain(0);
  expect(seen).toContain(2);
  expect(seen).toContain(3);
  for (const name of await readdir(cwd)) if (before.has(name)) expect(join(cwd, name)).toMatch(/\.jpg$/);
});
