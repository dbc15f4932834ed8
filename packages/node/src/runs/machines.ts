import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { readJsonFile } from "../io/json-file.js";
import { writeFileSafely } from "../io/write-file.js";
import { machinesSchema, type RunMachine, runFiles, runFilesVersion } from "./schema.js";

/** The machines that worked on the run, or on the shard, of a folder. Empty for a run of an older version. @throws bad-input when the file is damaged. */
export async function readMachines(folder: string): Promise<readonly RunMachine[]> {
  const remedy = "is damaged. Remove it: the results do not depend on it.";
  return (await readJsonFile(join(folder, runFiles.machines), machinesSchema, remedy))?.machines ?? [];
}

/** Notes that this machine works on the run of a folder. @param temporary a folder for the incomplete file. */
export async function noteMachine(folder: string, temporary: string): Promise<void> {
  await addMachines(folder, [thisMachine(new Date().toISOString())], temporary);
}

/** Adds machines to those of a folder. @throws output; bad-input when the file is damaged. */
export async function addMachines(folder: string, more: readonly RunMachine[], temporary: string): Promise<void> {
  const all = new Map<string, RunMachine>();
  for (const machine of [...(await readMachines(folder)), ...more]) {
    const { first, last, ...facts } = machine;
    const key = JSON.stringify(facts);
    const before = all.get(key) ?? machine;
    all.set(key, {
      ...facts,
      first: before.first < first ? before.first : first,
      last: before.last > last ? before.last : last,
    });
  }
  const machines = [...all.values()].sort((a, b) => (a.first < b.first ? -1 : 1));
  const text = `${JSON.stringify({ schemaVersion: runFilesVersion, machines }, null, 2)}\n`;
  await writeFileSafely(join(folder, runFiles.machines), text, temporary);
}

function thisMachine(now: string): RunMachine {
  const [cpu] = cpus();
  return {
    ...{ os: platform(), release: release(), arch: arch(), cpu: cpu?.model.trim() || "unknown" },
    ...{ cores: availableParallelism(), memory: totalmem(), node: process.version, first: now, last: now },
  };
}
