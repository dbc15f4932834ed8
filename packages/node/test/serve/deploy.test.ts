import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { commandNames } from "../../src/cli/program.js";
import { serveFlags } from "../../src/cli/serve-options.js";
import { runWorld } from "../runs/world.js";
import { installPacked } from "../support/packed.js";

const deploy = resolve(import.meta.dirname, "../../../../deploy");
const read = (name: string) => readFile(join(deploy, name), "utf8");
const entry = join(deploy, "docker/entrypoint.sh");

describe("deploy/kubernetes/serve.yaml", () => {
  const documents = async () => parseAllDocuments(await read("kubernetes/serve.yaml")).map((one) => one.toJS());

  it("is a deployment and a service of Kubernetes' published schemas", async () => {
    const [deployment, service] = await documents();
    expect(() => new Deployment(deployment).validate()).not.toThrow();
    expect(() => new Service(service).validate()).not.toThrow();
    expect(() => new Deployment({ ...deployment, spec: { ...deployment.spec, replicas: "2" } }).validate()).toThrow();
    const { template, selector } = deployment.spec;
    expect(template.metadata.labels).toEqual(selector.matchLabels);
    expect(service.spec.selector).toEqual(selector.matchLabels);
  });

  it("asks the server for its health, gives it time to drain, and lets it do little", async () => {
    const [{ spec }, service] = await documents();
    const pod = spec.template.spec;
    const [container] = pod.containers;
    const { startupProbe, readinessProbe, livenessProbe, ports, args, resources, lifecycle } = container;
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/readyz", port: "http" },
      { path: "/readyz", port: "http" },
      { path: "/healthz", port: "http" },
    ]);
    expect(ports).toEqual([{ name: "http", containerPort: serveFlags.port.default }]);
    expect(service.spec.ports[0].targetPort).toBe("http");
    const drain = Number(args[args.indexOf("--drain-timeout") + 1]);
    const pause = Number(lifecycle.preStop.exec.command[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(drain + pause);
    expect(resources.limits.memory).toBe("4Gi");
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
    expect(container.env[0].name).toBe("WHYBOX_TOKEN");
  });
});

describe("deploy/docker", () => {
  it("runs as a user of its own, with a health check, from the packed packages", async () => {
    const text = await read("docker/Dockerfile");
    const lines = text.split("\n");
    expect(lines).toContain("USER node");
    expect(lines).toContain("COPY packages/*.tgz /packages/");
    expect(lines).toContain('ENTRYPOINT ["whybox-entrypoint"]');
    const { services } = parse(await read("docker/compose.yaml"));
    expect(services.whybox).toMatchObject({ build: ".", read_only: true, cap_drop: ["ALL"] });
    expect(services.whybox.ports).toEqual(["127.0.0.1:8080:8080"]);
  });

  it("knows every command", async () => {
    const [, words] = /^ {2}(explain .*)\) exec whybox "\$@" ;;$/m.exec(await readFile(entry, "utf8"))!;
    expect([...words!.split(" | "), "serve"].toSorted()).toEqual([...commandNames].toSorted());
  });

  it.skipIf(process.platform === "win32")(
    "serves from the packed packages in an empty folder, with its own entry point and health check",
    { tags: ["long"], timeout: 240_000 },
    async () => {
      const cwd = await realpath(await runWorld());
      try {
        await installPacked(cwd);
        await linkOthers(cwd);
        await mkdir(join(cwd, "bin"));
        const command = `#!/bin/sh\nexec "${process.execPath}" "${join(cwd, "node_modules/whybox/bin/whybox.js")}" "$@"\n`;
        await writeFile(join(cwd, "bin/whybox"), command);
        await chmod(join(cwd, "bin/whybox"), 0o755);
        const token = "a-token-for-the-test";
        const env = { ...process.env, PATH: `${join(cwd, "bin")}${delimiter}${process.env.PATH}`, WHYBOX_PORT: "0" };
        const run = promisify(execFile);
        expect((await run(entry, ["methods"], { cwd, env })).stdout).toContain("GradCAM");
        await expect(run(entry, ["mini.onnx"], { cwd, env })).rejects.toThrow(/Other machines reach 0\.0\.0\.0/);
        const child = spawn(entry, ["serve", "mini.onnx", "--workers", "1"], {
          ...{ cwd, env: { ...env, WHYBOX_TOKEN: token }, stdio: ["ignore", "pipe", "inherit"] },
        });
        const [line] = await once(child.stdout!.setEncoding("utf8"), "data");
        const { port } = new URL(String(line).trim());
        const models = await fetch(`http://127.0.0.1:${port}/v1/models`, {
          headers: { authorization: `Bearer ${token}` },
        });
        expect(await models.json()).toEqual({ models: ["mini"] });
        const [, check] = /HEALTHCHECK .*\n\s+CMD (\[.*\])/.exec(await read("docker/Dockerfile"))!;
        const [program, ...argv] = JSON.parse(check!) as [string, ...string[]];
        await run(program, argv, { env: { ...env, WHYBOX_PORT: port } });
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        expect(await ended).toEqual([0, null]);
        await expect(run(program, argv, { env: { ...env, WHYBOX_PORT: port } })).rejects.toThrow();
      } finally {
        await rm(cwd, { recursive: true, force: true });
      }
    },
  );
});

/** Links what the dependencies depend on. Node looks for it beside the links. */
async function linkOthers(cwd: string): Promise<void> {
  const from = resolve(deploy, "../node_modules");
  const top = (await readdir(from)).filter((name) => !name.startsWith(".") && name !== "@whybox");
  const scoped = top.filter((name) => name.startsWith("@"));
  const inScopes = await Promise.all(
    scoped.map(async (scope) => (await readdir(join(from, scope))).map((name) => join(scope, name))),
  );
  for (const name of [...top.filter((one) => !scoped.includes(one)), ...inScopes.flat()]) {
    const path = join(cwd, "node_modules", name);
    await mkdir(dirname(path), { recursive: true });
    if (!existsSync(path)) await symlink(join(from, name), path, "junction");
  }
}
