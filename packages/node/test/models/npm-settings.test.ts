import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolder, type Environment } from "../../src/models/cache-folder.js";
import { parseNpmrc, readNpmSettings } from "../../src/models/npmrc.js";
import { readRegistryOptions } from "../../src/models/registry-options.js";

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

test("lines of an .npmrc", () => {
  const content = [
    "; comment",
    "# comment",
    "[section]",
    " registry = https://a.test/ ; the company's",
    'email = "a # b"',
    "always",
    "ca[]=one",
    "ca[]='two'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own syntax
    "token=${TOKEN}${ABSENT}${ABSENT?}",
    "__proto__=x",
  ].join("\r\n");
  expect([...parseNpmrc(content, { TOKEN: "t" })]).toEqual([
    ["registry", "https://a.test/"],
    ["email", "a # b"],
    ["always", "true"],
    ["ca", ["one", "two"]],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: npm's own syntax
    ["token", "t${ABSENT}"],
    ["__proto__", "x"],
  ]);
});

test("variables win over the project's file, that over the user's, that over the global one", async () => {
  await mkdir(join(folder, "project", "deep"), { recursive: true });
  await mkdir(join(folder, "home"));
  await writeFile(join(folder, "global"), "a=global\nb=global\nc=global\nd=global");
  await writeFile(join(folder, "home", ".npmrc"), "b=user\nc=user\nd=user");
  await writeFile(join(folder, "project", "package.json"), "{}");
  await writeFile(join(folder, "project", ".npmrc"), "c=project\nd=project");
  const variables = {
    NPM_CONFIG_D: "variable",
    npm_config__auth_token: "x",
    "npm_config_//host/:_authToken": "y",
    npm_config_e: "",
  };
  const found = await readNpmSettings(env(variables), join(folder, "project", "deep"));
  expect(["a", "b", "c", "d", "_auth-token", "//host/:_authToken", "e"].map((key) => found.get(key))).toEqual([
    "global",
    "user",
    "project",
    "variable",
    "x",
    "y",
    undefined,
  ]);
  const other = await readNpmSettings(env({ npm_config_userconfig: join(folder, "global") }), folder);
  expect(other.get("b")).toBe("global");
});

test("without a global config, npm's prefix has it", async () => {
  await mkdir(join(folder, "prefix", "etc"), { recursive: true });
  await writeFile(join(folder, "prefix", "etc", "npmrc"), "a=global");
  const found = await readNpmSettings({ HOME: folder, PREFIX: join(folder, "prefix") }, folder);
  expect(found.get("a")).toBe("global");
});

test("a settings file that cannot be read, or is no settings file", async () => {
  await mkdir(join(folder, "home", ".npmrc"), { recursive: true });
  await expect(readNpmSettings(env(), folder)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(".npmrc"),
  });
  await writeFile(join(folder, "global"), "#".repeat(2 ** 20 + 1));
  await expect(readNpmSettings(env({ npm_config_userconfig: "none" }), folder)).rejects.toMatchObject({
    message: expect.stringContaining("larger than 1048576 bytes"),
  });
});

test("options for pacote: defaults", async () => {
  expect(await readRegistryOptions(env(), folder)).toEqual({
    registry: "https://registry.npmjs.org/",
    strictSSL: true,
    fetchRetries: 2,
    fetchRetryMintimeout: 1000,
    fetchRetryMaxtimeout: 10_000,
    timeout: 60_000,
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
  ];
  settings.push(
    "cert=one\\ntwo",
    "fetch-retries=5",
    "//a.test/npm/:_authToken=t",
    `cafile=${join(folder, "certificates")}`,
  );
  await writeFile(join(folder, "global"), settings.join("\n"));
  expect(await readRegistryOptions(env(), folder)).toMatchObject({
    registry: "http://a.test/npm/",
    httpsProxy: "http://p.test",
    noProxy: "b.test",
    strictSSL: false,
    cert: "one\ntwo",
    fetchRetries: 5,
    "//a.test/npm/:_authToken": "t",
    ca: [
      "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----",
    ],
  });
  const listed = await readRegistryOptions(env({ npm_config_globalconfig: "none" }), folder);
  expect(listed).not.toHaveProperty("proxy");
  await writeFile(join(folder, "global"), "ca[]=x\\ny");
  expect(await readRegistryOptions(env(), folder)).toMatchObject({ ca: ["x\ny"] });
});

test.each([
  [{ npm_config_registry: "ftp://me:secret@a.test" }, 'npm\'s registry is set to "ftp://a.test"'],
  [{ npm_config_fetch_retries: "often" }, 'npm\'s setting "fetch-retries" is "often", expected a whole number'],
  [{ npm_config_cafile: "/none/ca.pem" }, 'npm\'s setting "cafile" names "/none/ca.pem", which cannot be read'],
])("a setting that cannot be used: %o", async (variables, message) => {
  await expect(readRegistryOptions(env(variables), folder)).rejects.toMatchObject({
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
