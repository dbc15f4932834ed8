import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { beforeEach, describe, expect, it } from "vitest";
import { expandSources } from "../../src/images/sources.js";
import { putImages, temporaryFolder } from "../cli/fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
});

const expand = (...inputs: string[]) => expandSources(inputs, { cwd });
const messages = async (...inputs: string[]) =>
  (await expand(...inputs)).failures.map(({ error }) => {
    expect(error).toBeInstanceOf(WhyboxError);
    expect((error as WhyboxError).code).toBe("bad-input");
    return (error as WhyboxError).message;
  });

describe("expandSources", () => {
  it("lists a folder's images in natural order, by extension in any case, not below", async () => {
    await putImages(cwd, "p10.jpg", "p2.JPG", "p1.tiff", "notes.txt", "noextension");
    await mkdir(join(cwd, "below.png"));
    await putImages(join(cwd, "below.png"), "deep.png");
    const { sources, failures, passedOver } = await expandSources(["."], { cwd });
    expect(passedOver).toEqual([
      ".: 2 files passed over, because their extensions are not of images: 1 .txt, 1 without extension.",
    ]);
    expect(sources.map((source) => source.input)).toEqual(["p1.tiff", "p2.JPG", "p10.jpg"]);
    expect(sources[0]!.location).toBe(join(cwd, "p1.tiff"));
    expect(failures).toEqual([]);
  });

  it("matches globs below, in natural order", async () => {
    await mkdir(join(cwd, "a", "b"), { recursive: true });
    await putImages(cwd, "x.jpg");
    await putImages(join(cwd, "a", "b"), "y10.jpg", "y9.jpg", "z.txt");
    const { sources, passedOver } = await expand("**/*");
    expect(passedOver).toEqual(["**/*: 1 file passed over, because its extension is not of images: 1 .txt."]);
    expect(sources.map((source) => source.input.replaceAll("\\", "/"))).toEqual(["a/b/y9.jpg", "a/b/y10.jpg", "x.jpg"]);
  });

  it("matches absolute globs", async () => {
    await putImages(cwd, "x.jpg");
    const { sources } = await expandSources([`${cwd.replaceAll("\\", "/")}/*.jpg`], { cwd: "/" });
    expect(sources.map((source) => source.location)).toEqual([join(cwd, "x.jpg")]);
  });

  it("matches links to files, and hidden names where the pattern names them", async () => {
    await mkdir(join(cwd, ".a", "b"), { recursive: true });
    await putImages(cwd, "1.jpg", ".hidden.jpg");
    await putImages(join(cwd, ".a", "b"), "2.jpg");
    await symlink(join(cwd, "1.jpg"), join(cwd, "link.jpg"));
    await symlink(join(cwd, "gone"), join(cwd, "dead.jpg"));
    const inputs = async (pattern: string) => (await expand(pattern)).sources.map(({ input }) => input);
    expect(await inputs("**/*.jpg")).toEqual(["1.jpg", "link.jpg"]);
    expect(await inputs("[!x]*.jpg")).toEqual(["1.jpg", "link.jpg"]);
    expect(await inputs("**/.*.jpg")).toEqual([".hidden.jpg"]);
    expect(await inputs(".*/*/*.jpg")).toEqual([".a/b/2.jpg"]);
    expect(await inputs("[[:digit:]].jpg")).toEqual(["1.jpg"]);
  });

  it.skipIf(process.platform === "win32")(
    "takes escapes in a glob, and no glob for all that does not match",
    async () => {
      await mkdir(join(cwd, "d(1)"));
      await putImages(join(cwd, "d(1)"), "a.jpg");
      await putImages(cwd, "!b.jpg", "c.jpg");
      const [escaped, named] = [await expand("d\\(1\\)/*.jpg"), await expand("!*.jpg")];
      expect([escaped, named].map(({ sources }) => sources.map(({ input }) => input))).toEqual([
        ["d(1)/a.jpg"],
        ["!b.jpg"],
      ]);
      expect(await messages("!c.jpg")).toEqual([expect.stringMatching(/no such file/)]);
    },
  );

  it("lists a folder's hidden images and the links that lead nowhere", async () => {
    await putImages(cwd, ".hidden.jpg");
    await symlink(join(cwd, "gone"), join(cwd, "dead.jpg"));
    expect((await expand(".")).sources.map(({ input }) => input)).toEqual([".hidden.jpg", "dead.jpg"]);
  });

  it("takes a path that exists literally, even when it looks like a glob", async () => {
    await putImages(cwd, "[a].jpg", "a.jpg");
    const { sources } = await expand("[a].jpg");
    expect(sources).toEqual([{ input: "[a].jpg", kind: "file", location: join(cwd, "[a].jpg") }]);
  });

  it("takes a file that is named outright, whatever its extension", async () => {
    await putImages(cwd, "upload");
    expect((await expand("upload")).sources).toHaveLength(1);
  });

  it("takes http(s) URLs", async () => {
    const { sources } = await expand("https://example.org/dog.jpg", "HTTP://example.org/x");
    expect(sources.map((source) => [source.kind, source.location])).toEqual([
      ["url", "https://example.org/dog.jpg"],
      ["url", "http://example.org/x"],
    ]);
  });

  it("explains each image once, and says how many came again", async () => {
    await putImages(cwd, "a.jpg", "b.jpg");
    const { sources, repeated } = await expand("b.jpg", ".", "*.jpg");
    expect(sources.map((source) => source.input)).toEqual(["b.jpg", "a.jpg"]);
    expect(repeated).toBe(3);
  });

  it("does not follow links in circles", async () => {
    await putImages(cwd, "a.jpg");
    await symlink(cwd, join(cwd, "loop"));
    expect((await expand("**/*.jpg")).sources).toHaveLength(1);
  });

  it("keeps what is good when something is missing, and offers the nearest name", async () => {
    await putImages(cwd, "dog.jpg");
    const { sources, failures } = await expand("dgo.jpg", "dog.jpg");
    expect(sources).toHaveLength(1);
    expect(failures.map((failure) => failure.source)).toEqual(["dgo.jpg"]);
    expect((failures[0]!.error as Error).message).toContain(
      `looked for ${join(cwd, "dgo.jpg")}. Did you mean "dog.jpg"?`,
    );
  });

  it.each([
    ["ftp://example.org/x.jpg", /http:\/\/ or https:\/\//],
    ["http://", /is not a supported URL/],
    ["nothing/*.jpg", /nothing matches; looked in/],
    ["missing.jpg", /no such file or folder/],
    ["a\0b", /no such file or folder.*ERR_INVALID_ARG_VALUE/],
    [`${"x".repeat(5000)}.jpg`, /ENAMETOOLONG/],
    ["", /empty string/],
  ])("says what is wrong with %j", async (input, expected) => {
    expect(await messages(input)).toEqual([expect.stringMatching(expected)]);
  });

  it("says that a glob matches no image, that a folder has none, that a link is dangling", async () => {
    await writeFile(join(cwd, "notes.txt"), "");
    await symlink(join(cwd, "gone"), join(cwd, "link.jpg"));
    await mkdir(join(cwd, "none"));
    expect(await messages("*.txt", "none", "link.jpg", "notes.txt/x.jpg")).toEqual([
      expect.stringMatching(/1 files match, but none is an image/),
      expect.stringMatching(/no image in this folder; looked for \.jpg, .*Subfolders are not searched/),
      expect.stringMatching(/link to a missing file/),
      expect.stringMatching(/no such file/),
    ]);
  });

  it.skipIf(process.platform === "win32")("refuses devices and pipes", async () => {
    expect(await messages("/dev/null")).toEqual([expect.stringMatching(/neither a file nor a folder/)]);
  });

  it.each([[["."]], [["*.jpg"]], [["a.jpg", "b.jpg", "c.jpg"]]])("stops at the limit: %j", async (inputs) => {
    await putImages(cwd, "a.jpg", "b.jpg", "c.jpg");
    await expect(expandSources(inputs, { cwd, limit: 2 })).rejects.toMatchObject({ code: "limit" });
    expect((await expandSources(inputs, { cwd, limit: 3 })).sources).toHaveLength(3);
  });
});
