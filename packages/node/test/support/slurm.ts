import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type Finished, launch } from "./launch.js";
import { freePort, until } from "./redis.js";

/** Why there is no Slurm here; undefined when it can be tried. */
export function whyNoSlurm(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "Slurm's daemons are started as root of a Linux";
  for (const program of ["munged", "slurmctld", "slurmd", "sbatch"]) {
    const found = spawnSync("sh", ["-c", `command -v ${program}`]);
    if (found.status !== 0) return `${program} is not installed (apt-get install slurm-wlm munge)`;
  }
  return undefined;
}

/** A cluster of one node, this one, on the loopback, with all of its files in one temporary folder. */
export class Slurm {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param cpus that the node claims to have. */
  static async start(cpus: number): Promise<Slurm> {
    const slurm = new Slurm(await mkdtemp(join(tmpdir(), "whybox-slurm-")));
    try {
      await slurm.#start(cpus);
      return slurm;
    } catch (error) {
      const logs = await Promise.all(["munged", "slurmctld", "slurmd"].map((name) => slurm.#log(name)));
      await slurm.stop();
      throw new Error(`Slurm does not start: ${(error as Error).message}\n${logs.join("\n")}`);
    }
  }

  async #start(cpus: number): Promise<void> {
    const path = (name: string) => join(this.#folder, name);
    await Promise.all(["state", "spool"].map((name) => mkdir(path(name))));
    await writeFile(path("munge.key"), randomBytes(128), { mode: 0o600 });
    // In place of munge's own, which a machine has once.
    this.#spawn("munged", [
      ...["--foreground", "--force", `--socket=${path("munge.socket")}`, `--key-file=${path("munge.key")}`],
      ...[`--pid-file=${path("munge.pid")}`, `--log-file=${path("munge.log")}`, `--seed-file=${path("munge.seed")}`],
    ]);
    await this.#ready("munge", ["-n", `--socket=${path("munge.socket")}`]);
    const [ctld, slurmd] = [await freePort(), await freePort()];
    const node = hostname().split(".")[0]!;
    const conf = [
      "ClusterName=whybox",
      `SlurmctldHost=${node}(127.0.0.1)`,
      `SlurmctldPort=${ctld}`,
      `SlurmdPort=${slurmd}`,
      "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
      "AuthType=auth/munge",
      `AuthInfo=socket=${path("munge.socket")}`,
      "SlurmUser=root",
      "SlurmdUser=root",
      `StateSaveLocation=${path("state")}`,
      `SlurmdSpoolDir=${path("spool")}`,
      `SlurmctldPidFile=${path("slurmctld.pid")}`,
      `SlurmdPidFile=${path("slurmd.pid")}`,
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "JobAcctGatherType=jobacct_gather/none",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_CPU",
      "SlurmdParameters=config_overrides",
      "ReturnToService=2",
      "MpiDefault=none",
      `NodeName=${node} NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=1000 State=UNKNOWN`,
      `PartitionName=all Nodes=${node} Default=YES MaxTime=INFINITE State=UP`,
    ];
    await writeFile(path("slurm.conf"), `${conf.join("\n")}\n`);
    this.#spawn("slurmctld", ["-D", "-f", path("slurm.conf")]);
    this.#spawn("slurmd", ["-D", "-N", node, "-f", path("slurm.conf")]);
    await until(async () => {
      this.#refuseDead();
      return (await this.run(["sinfo", "-h", "-o", "%T"], this.#folder)).stdout.trim() === "idle";
    });
  }

  /** Runs one of Slurm's commands. */
  run(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    return launch(argv, { cwd, env: { ...env, SLURM_CONF: join(this.#folder, "slurm.conf") } });
  }

  /** Ends the daemons, and nothing else. */
  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
  }

  #spawn(program: string, argv: readonly string[]): void {
    const log = join(this.#folder, `${program}.out`);
    const child = spawn("sh", ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, program, ...argv], {
      stdio: "ignore",
    });
    this.#children.push(child);
  }

  async #ready(program: string, argv: readonly string[]): Promise<void> {
    await until(async () => {
      this.#refuseDead();
      return (await launch([program, ...argv], { cwd: this.#folder })).code === 0;
    });
  }

  #refuseDead(): void {
    const dead = this.#children.find((child) => child.exitCode !== null || child.signalCode !== null);
    if (dead !== undefined) throw new Error(`${dead.spawnargs[4]} has ended with ${dead.exitCode ?? dead.signalCode}`);
  }

  async #log(program: string): Promise<string> {
    return `${program}: ${await readFile(join(this.#folder, `${program}.out`), "utf8").catch(() => "no output")}`;
  }
}
