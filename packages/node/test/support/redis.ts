import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";

/** Why there is no Redis here; undefined when there is. */
export function whyNoRedis(): string | undefined {
  const tried = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : "redis-server is not installed (apt-get install redis-server)";
}

/** A port of the loopback that is free at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A Redis of its own on the loopback that keeps what it was told, and may be killed and started again. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #password: string | undefined;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, password: string | undefined) {
    this.port = port;
    this.#folder = folder;
    this.#password = password;
  }

  static async start(password?: string): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), "whybox-redis-")), password);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder, "--save", ""];
    const keep = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"];
    const secret = this.#password === undefined ? [] : ["--requirepass", this.#password];
    this.#child = spawn("redis-server", [...options, ...keep, ...secret], { stdio: "ignore" });
    const client = this.client();
    client.on("error", () => undefined);
    await client.ping();
    client.disconnect();
  }

  /** A client for tests; it waits for the server. */
  client(): Redis {
    const password = this.#password === undefined ? {} : { password: this.#password };
    const retryStrategy = () => 50;
    return new Redis({ host: "127.0.0.1", port: this.port, ...password, retryStrategy, maxRetriesPerRequest: null });
  }

  /** Kills it with no warning. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

/** Waits until something holds. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await setTimeout(50);
}
