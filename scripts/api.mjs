// Writes what each package exports to docs/api, read from its built declarations. With --check it writes nothing, and a package whose
// exports differ from its report is an error. In both ways each type that an exported declaration names must be exported too.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const root = resolve(import.meta.dirname, "..");
const reportFolder = join(root, "docs/api");
const packages = { core: "packages/core", browser: "packages/browser", whybox: "packages/node" };

function extractorConfig(reportFileName, projectFolder, reportTempFolder) {
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(projectFolder, "package.json"),
    configObject: {
      projectFolder,
      mainEntryPointFilePath: join(projectFolder, "dist/index.d.ts"),
      newlineKind: "lf",
      compiler: { tsconfigFilePath: join(projectFolder, "tsconfig.json") },
      apiReport: { enabled: true, reportFileName, reportFolder, reportTempFolder },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        extractorMessageReporting: {
          default: { logLevel: "error" },
          // All exports are public, and short members need no comment.
          "ae-missing-release-tag": { logLevel: "none" },
          "ae-undocumented": { logLevel: "none" },
        },
        // The comments are for TypeDoc, which has its own check.
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
}

/** Returns whether the package's report is as it should be. */
function examine(name, path, { check, temporary }) {
  const problems = [];
  const result = Extractor.invoke(extractorConfig(name, join(root, path), temporary), {
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = true;
      // The extractor's own advice about a changed report; the lines below replace it.
      if (message.messageId.startsWith("console-")) return;
      if (message.logLevel === "error") problems.push(message.formatMessageWithLocation(root));
    },
  });
  for (const problem of problems) console.error(problem);
  const file = `docs/api/${name}.api.md`;
  if (result.apiReportChanged && check) {
    spawnSync(
      "git",
      ["--no-pager", "diff", "--no-index", join(reportFolder, `${name}.api.md`), join(temporary, `${name}.api.md`)],
      {
        stdio: "inherit",
      },
    );
    console.error(
      `The exports of ${path} differ from ${file} (the lines above). If the change is intended, run "npm run api", commit the file ` +
        "and describe the change in CHANGELOG.md.",
    );
  } else console.log(`${file}: ${result.apiReportChanged ? "updated" : "unchanged"}`);
  return problems.length === 0 && !(result.apiReportChanged && check);
}

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const temporary = mkdtempSync(join(tmpdir(), "whybox-api-"));
try {
  mkdirSync(reportFolder, { recursive: true });
  const good = Object.entries(packages).map(([name, path]) => examine(name, path, { ...values, temporary }));
  if (good.includes(false)) process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
