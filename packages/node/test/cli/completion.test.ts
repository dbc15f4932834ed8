import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { commandNames } from "../../src/cli/program.js";
import { createWorld, temporaryFolder } from "./fake-world.js";

const run = promisify(execFile);

async function script(shell: string): Promise<string> {
  const world = createWorld();
  expect([await world.run("completion", shell), world.stderr(), world.calls]).toEqual([0, "", []]);
  return world.stdout();
}

const has = (shell: string) =>
  run(shell, ["--version"]).then(
    () => true,
    () => false,
  );

describe.skipIf(process.platform === "win32")("completion in bash", () => {
  let path: string;
  let cwd: string;
  beforeAll(async () => {
    cwd = await temporaryFolder();
    path = join(cwd, "whybox.bash");
    await writeFile(path, await script("bash"));
    await writeFile(join(cwd, "dog.jpg"), "");
  });

  /** What bash offers for the last of the words. */
  async function offered(...words: string[]): Promise<string[]> {
    const code = `
      source "$1"; shift
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _whybox
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run("bash", ["--norc", "-c", code, "bash", path, "whybox", ...words], { cwd });
    return stdout.split("\n").filter((line) => line !== "");
  }

  it("has every command, and the commands below a command", async () => {
    expect(await offered("")).toEqual([...commandNames, "--help", "--version"]);
    expect(await offered("ex")).toEqual(["explain", "export"]);
    expect(await offered("shard", "")).toEqual(expect.arrayContaining(["plan", "run", "merge"]));
  });

  it("has the options of the command", async () => {
    const options = await offered("explain", "dog.jpg", "--");
    expect(options).toEqual(expect.arrayContaining(["--weights", "--conf", "--show", "--help"]));
    expect(options).not.toContain("--resume");
    expect(await offered("run", "--res")).toEqual(["--resume"]);
    expect(await offered("shard", "plan", "--sha")).toEqual(["--shards"]);
  });

  it("has the values of an option: of one right after it, of several anywhere after it", async () => {
    const ids = createWorld().context.methods.map(({ id }) => id);
    expect(await offered("explain", "--method", "")).toEqual(ids);
    expect(await offered("explain", "--method", "Grad")).toEqual(["GradCAM"]);
    expect(await offered("explain", "--method", "GradCAM", "")).toEqual([]);
    expect(await offered("explain", "--save", "png", "n")).toEqual(["npy"]);
    expect(await offered("explain", "--colormap", "i")).toEqual(["inferno"]);
    expect(await offered("explain", "--backprop", "class", "conf")).toEqual(["confidence"]);
  });

  it("leaves files to bash", async () => {
    expect(await offered("explain", "d")).toEqual([]);
    expect(await script("bash")).toContain("complete -o default -F _whybox whybox");
  });
});

describe("completion in other shells", () => {
  it.each(["zsh", "fish"])("%s has every command, option and method", async (shell) => {
    const text = await script(shell);
    for (const word of [...commandNames, "plan", "vid-stride", "GradCAM", "inferno"]) expect(text).toContain(word);
  });

  it.each(["zsh", "fish"])("%s reads it without an error, if it is installed", async (shell) => {
    if (!(await has(shell))) return;
    const path = join(await temporaryFolder(), "script");
    await writeFile(path, await script(shell));
    await run(shell, ["-n", path]);
  });

  it("refuses other shells", async () => {
    const world = createWorld();
    expect(await world.run("completion", "tcsh")).toBe(2);
    expect(world.stderr()).toContain('expected one of bash, zsh, fish, got "tcsh"');
  });
});
