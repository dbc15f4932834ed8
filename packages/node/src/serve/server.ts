import { randomUUID } from "node:crypto";
import multipart from "@fastify/multipart";
import { jsonText } from "@whybox/core";
import Fastify, { type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { ZodType } from "zod";
import { addDocs } from "./docs.js";
import { Gate } from "./gate.js";
import type { Metrics } from "./metrics.js";
import { problemOf, Refusal } from "./problem.js";
import { formLimits } from "./read-form.js";
import { parseBody } from "./request-schema.js";
import { addRoutes } from "./routes.js";
import type { App, ServerOptions } from "./server-options.js";

/** A server that does not listen yet, and its gate. */
export async function createServer(options: ServerOptions): Promise<{ readonly app: App; readonly gate: Gate }> {
  const { limits, metrics } = options;
  const app: App = Fastify({
    loggerInstance: options.log,
    // One line for each request, with what is known at its end.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.maxBytes,
    // A body that comes slower is answered with 408.
    requestTimeout: limits.timeoutMs,
    // The gate refuses requests while the server stops.
    return503OnClosing: false,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: Math.min(limits.timeoutMs, 10_000) },
    genReqId: ({ headers }) => requestId(headers["x-request-id"]),
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<ZodTypeProvider>();
  const gate = new Gate({ ...options, queue: limits.queue }, metrics);
  app.decorateRequest("work", null);
  app.decorateRequest("stop");
  app.setValidatorCompiler<ZodType>(({ schema }) => (data) => ({ value: parseBody(schema, data) }));
  app.setSerializerCompiler(() => (data) => jsonText(data));
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ "x-request-id": request.id, "x-content-type-options": "nosniff", "cache-control": "no-store" });
    noteEnd(request, reply, metrics);
    gate.enter(request, reply);
    request.stop = stopSignal(reply, limits.timeoutMs);
  });
  app.addHook("onSend", async (request, reply) => endConnectionSafely(request, reply, gate));
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(({ method, url }) => {
    throw new Refusal(404, "not-found", `There is no ${method} ${url.slice(0, 200)}. The API is described at /docs.`);
  });
  app.removeContentTypeParser("text/plain");
  await app.register(multipart, { limits: { ...formLimits, fileSize: limits.maxBytes } });
  await addDocs(app, options);
  addRoutes(app, options);
  addHealth(app, gate, metrics);
  return { app, gate };
}

/** An id from the client, if it is safe in logs, or a new one. */
function requestId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

function addHealth(app: App, gate: Gate, metrics: Metrics): void {
  const schema = { hide: true };
  app.get("/healthz", { schema }, async () => ({ status: "alive" }));
  app.get("/readyz", { schema }, async () => {
    gate.checkReady();
    return { status: "ready" };
  });
  app.get("/metrics", { schema, config: { needsToken: true } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}

/**
 * While the client still sends its body, keeps the connection open and reads the rest of it: a connection that is closed with unread bytes is
 * reset, and the client loses the answer. `requestTimeout` limits the time. Any other connection ends with its answer when the server stops,
 * so that its client sends no further request on it.
 */
function endConnectionSafely({ raw }: FastifyRequest, reply: FastifyReply, gate: Gate): void {
  if (!raw.complete) {
    reply.removeHeader("connection");
    raw.unpipe().resume();
  } else if (gate.isDraining) reply.header("connection", "close");
}

/** Logs and counts a request when it has ended, also when its client has gone. */
function noteEnd(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const { method, routeOptions, log } = request;
  reply.raw.once("close", () => {
    // 499: the client closed the connection before its answer was complete.
    const status = reply.raw.writableFinished ? reply.statusCode : 499;
    // Without the pattern of the name.
    const route = routeOptions.url?.replace("(^[^:]+):", "") ?? "unknown";
    metrics.ended({ method, route, status, seconds: reply.elapsedTime / 1e3 });
    const level = routeOptions.config.needsWorker || status >= 400 ? "info" : "debug";
    log[level]({ method, route, status, ms: Math.round(reply.elapsedTime), ...request.work }, "request");
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const reason: unknown = request.stop?.reason;
  const { problem, headers } = problemOf(reason instanceof Refusal ? reason : error, request.id);
  if (problem.status >= 500 && problem.code !== "draining") request.log.error({ err: error }, problem.title);
  return reply.code(problem.status).headers(headers).type("application/problem+json").send(problem);
}

/** Fires when the connection ends, or after `ms`, with the answer as the reason. */
function stopSignal(reply: FastifyReply, ms: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const detail = `The answer took longer than ${ms / 1e3} s. Use a faster method, fewer samples or fewer detections.`;
    controller.abort(new Refusal(504, "timeout", detail));
  }, ms);
  reply.raw.once("close", () => {
    clearTimeout(timer);
    controller.abort();
  });
  return controller.signal;
}
