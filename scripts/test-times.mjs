// Prints the slowest test files of a JSON report of Vitest, in seconds:
// npm test -- --reporter=json --outputFile.json=times.json && node scripts/test-times.mjs times.json
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const { testResults } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const files = testResults.map(({ name, startTime, endTime, assertionResults }) => {
  const ran = assertionResults.filter(({ status }) => status === "passed" || status === "failed");
  return { file: relative(".", name), seconds: ran.length === 0 ? 0 : (endTime - startTime) / 1000, tests: ran.length };
});
const slowest = files.sort((a, b) => b.seconds - a.seconds).slice(0, 30);
for (const { file, seconds, tests } of slowest)
  console.log(`${seconds.toFixed(1).padStart(7)} ${String(tests).padStart(4)} tests  ${file}`);
const total = files.reduce((sum, { seconds }) => sum + seconds, 0);
console.log(`${total.toFixed(1).padStart(7)} s in all ${files.length} files`);
