import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { findSentences, withoutSentences } from "../plugins/sentences.js";
import { inFull, sentence } from "../src/worker/sentences.js";

const assets = resolve(import.meta.dirname, "../../node/dist/page/assets");
const texts = ["no \0 of \0 fits here", "it is the only one"];
const load = async () => texts;

it("takes sentences out of a source, one in the other, and puts them back into what leaves the worker", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source
  const many = "`all ${count} of the ${name}s`";
  const source = `\`no \${name} of \${count === 1 ? "it is the only one" : ${many}} fits here\` + " short text"`;
  const found = findSentences(source).map(({ text }) => text);
  expect(found).toEqual(["no \0 of \0 fits here", "it is the only one", "all \0 of the \0s"]);
  const replaced = withoutSentences(source, found);
  expect(replaced).toBe(
    'sentence(0, (name), (count === 1 ? sentence(1) : sentence(2, (count), (name)))) + " short text"',
  );
  const run = (code: string, count: number) =>
    new Function("sentence", "name", "count", `return ${code};`)(sentence, "×", count) as string;
  for (const count of [1, 2]) {
    const said = run(replaced, count);
    expect(said).not.toContain("fits");
    expect(await inFull(said, async () => found)).toBe(run(source, count));
  }
});

it("leaves alone what is compared, looked up, taken apart or always said", () => {
  const sources = [
    "if (a === 'this is no sentence') b();",
    "const ops = 'Sigmoid Tanh Relu LeakyRelu'.split(' ');",
    "const o = { 'a key of four words': 1 };",
    "switch (a) { case 'a case of four words': }",
    "String.raw`a tag before these words`;",
    "const head = { source: 'what every model shows of itself' };",
    "import a from 'a module with a name of spaces';",
  ];
  for (const source of sources) expect(findSentences(source)).toEqual([]);
});

it("fills in every text of an answer, and hands an answer without any on as it is", async () => {
  const data = new Float32Array(2);
  const plain = { ok: true, value: { maps: [{ data }], note: undefined } };
  expect(await inFull(plain, () => Promise.reject(new Error("not asked for")))).toBe(plain);
  const answer = { ok: false, failure: { message: sentence(0, "box", 3) }, notes: [sentence(1)], data };
  const filled = await inFull(answer, load);
  expect(filled).toEqual({
    ok: false,
    failure: { message: "no box of 3 fits here" },
    notes: ["it is the only one"],
    data,
  });
  expect(filled.data).toBe(data);
});

it("says what it can when the texts do not load", async () => {
  const lost = await inFull(sentence(0, "box", sentence(1)), () => Promise.reject(new Error("offline")));
  expect(lost).toBe("[text 0 did not load: box, [text 1 did not load: ]]");
});

it("takes names from a hostile file for letters", async () => {
  const said = (name: string) => inFull(sentence(0, name, 1), load);
  expect(await said("\0")).toBe("no \0 of 1 fits here");
  expect(await said("\u0003\u0002")).toContain("no  of  fits here");
  expect(await said("\u00010\u0003")).toBe("no no  of  fits here of 1 fits here");
  expect(await said("\u0001999999\u0003")).toBe("no [text 999999 did not load: ] of 1 fits here");
  expect(await said("\u0001\u0001")).toContain("1");
});

it("knows every sentence of the built engine, and the page itself needs none", () => {
  const names = readdirSync(assets);
  const scriptOf = (start: string) => readFileSync(join(assets, names.find((name) => name.startsWith(start))!), "utf8");
  const kept = JSON.parse(scriptOf("sentences-")) as string[];
  expect(kept.length).toBeGreaterThan(300);
  expect(new Set(kept).size).toBe(kept.length);
  expect(kept).toContain(
    "The ONNX file is broken at byte \0 (\0): found \0, expected \0. It may be truncated, or no ONNX file; export it again.",
  );
  expect(scriptOf("worker-").includes("It may be truncated")).toBe(false);
});
