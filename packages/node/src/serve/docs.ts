import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { OpenAPIV3_1 } from "openapi-types";

/** The page needs nothing from other hosts, so it works offline. Swagger UI sets inline styles. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface DocsOptions {
  readonly version: string;
  readonly token: string | undefined;
}

/** Adds the description of the API (`/openapi.json`) and a page that shows it (`/docs`). Routes that are added later are described. */
export async function addDocs(app: FastifyInstance, { version, token }: DocsOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Whybox",
        version,
        description: "Why did the detector draw that box? Detections and heatmaps of images, from the deployed model.",
        license: { name: "MIT", identifier: "MIT" },
      },
      tags: [{ name: "Whybox" }, { name: "KServe V1" }],
      ...(token !== undefined && {
        components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
        security: [{ token: [] }],
      }),
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => {
      const { openapiObject } = document as { readonly openapiObject: OpenAPIV3_1.Document };
      return withForm(openapiObject);
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: true,
    transformStaticCSP: () => policy,
    theme: {
      title: "Whybox server",
      css: [{ filename: "whybox.css", content: ".swagger-ui .topbar { display: none }" }],
    },
    uiConfig: { validatorUrl: null, defaultModelsExpandDepth: -1, docExpansion: "list" },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  app.get("/", { schema: { hide: true } }, async (_, reply) => reply.redirect("/docs"));
}

/** Adds the form to the bodies of `/v1/explain`: the image as a file, and each option as a field. */
function withForm(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const body = document.paths?.["/v1/explain"]?.post?.requestBody as OpenAPIV3_1.RequestBodyObject | undefined;
  const json = body?.content["application/json"]?.schema as OpenAPIV3_1.SchemaObject | undefined;
  if (body === undefined || json === undefined) return document;
  const { model, options } = json.properties as Record<string, OpenAPIV3_1.SchemaObject>;
  const image: OpenAPIV3_1.SchemaObject = { type: "string", format: "binary", description: "The image file." };
  const properties = { image, model: model!, ...options!.properties };
  // First, so that the page shows it first.
  body.content = {
    "multipart/form-data": { schema: { type: "object", required: ["image"], properties } },
    ...body.content,
  };
  return document;
}
