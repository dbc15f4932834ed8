import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const fuzz = resolve(import.meta.dirname, "../../../../fuzz");
const load = (name: string) => import(pathToFileURL(join(fuzz, name)).href) as Promise<Record<string, unknown>>;

interface Chances {
  readonly Chance: new (seed: number) => object;
}
type Mutate = (chance: object, bytes: Uint8Array) => Uint8Array;

describe("a change of a damaged file", async () => {
  const { Chance } = (await load("chance.mjs")) as unknown as Chances;
  const { mutatePickle, mutateTorch } = (await load("mutate/pickle.mjs")) as unknown as Record<string, Mutate>;
  const { mutateBytes } = (await load("mutate/bytes.mjs")) as unknown as Record<string, Mutate>;

  // An earlier change may have left nothing, or an opcode whose argument is the rest of the file.
  it.each([
    ["empty", Uint8Array.of()],
    ["one opcode", Uint8Array.of(0x58, 255, 255, 0, 0, 1, 2)],
    ["one byte", Uint8Array.of(0x80)],
  ])("gives bytes also if the file is %s", (_, bytes) => {
    for (let seed = 0; seed < 200; seed++) {
      for (const mutate of [mutatePickle!, mutateTorch!, mutateBytes!]) {
        expect(mutate(new Chance(seed), bytes)).toBeInstanceOf(Uint8Array);
      }
    }
  });
});
