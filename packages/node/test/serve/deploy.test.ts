import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { commandNames } from "../../src/cli/program.js";
import { serveFlags } from "../../src/cli/serve-options.js";

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
});
