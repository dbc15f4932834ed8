import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bin } from "../support/launch.js";

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `whybox serve` as a process of its own, on a free port. */
export class Served {
  readonly address: string;
  readonly child: ChildProcess;
  readonly log: LogLine[];

  private constructor(address: string, child: ChildProcess, log: LogLine[]) {
    this.address = address;
    this.child = child;
    this.log = log;
  }

  static async start(
    argv: readonly string[],
    { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Served> {
    const child = spawn(process.execPath, [bin, "serve", ...argv, "--port", "0"], {
      ...{ cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] },
    });
    const log: LogLine[] = [];
    const other: string[] = [];
    createInterface({ input: child.stderr! }).on("line", (line) => {
      if (line.startsWith("{")) log.push(JSON.parse(line) as LogLine);
      else other.push(line);
    });
    const address = await Promise.race([
      once(child.stdout!.setEncoding("utf8"), "data").then(([text]) => String(text).trim()),
      once(child, "exit").then(() => {
        throw new Error(other.join("\n"));
      }),
    ]);
    return new Served(address, child, log);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = fetch(`${this.address}${path}`, init);
    // A test that fails before it awaits the answer reports its own error only.
    answer.catch(() => undefined);
    return answer;
  }

  /** Sends a form: an image, and a field for each option. */
  form(
    image: Uint8Array<ArrayBuffer>,
    fields: Readonly<Record<string, string>> = {},
    init: RequestInit = {},
  ): Promise<Response> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("image", new Blob([image]), "photo.png");
    return this.fetch("/v1/explain", { method: "POST", body: form, ...init });
  }

  json(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = { "content-type": "application/json", ...init.headers };
    return this.fetch(path, { method: "POST", body: JSON.stringify(body), ...init, headers });
  }

  /** The value of a metric, with its labels as in the text. */
  async metric(name: string): Promise<number> {
    const text = await (await this.fetch("/metrics")).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  }

  /** The process ids of the workers at the start. */
  get pids(): readonly number[] {
    return this.log.find(({ msg }) => msg === "ready")!.pids as number[];
  }

  /** Waits until the condition holds. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 1500; i++) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`It does not hold. Log: ${JSON.stringify(this.log.slice(-5))}`);
  }

  /** Stops the server and gives its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  }
}
