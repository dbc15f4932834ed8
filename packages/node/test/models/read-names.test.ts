import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readNames } from "../../src/models/read-names.js";
import { temporaryFolder } from "../cli/fake-world.js";

it("an invalid YAML file is reported in one line, with the place", async () => {
  const path = join(await temporaryFolder(), "data.yaml");
  await writeFile(path, "names: [a, b\n  c: d: e\n");
  const error = (await readNames(path).catch((cause: unknown) => cause)) as Error;
  expect(error.message).toMatch(/data\.yaml: .* at line 1, column 12; expected a YOLO data\.yaml\.$/);
  expect(error.message).not.toContain("\n");
});
