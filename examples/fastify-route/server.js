// A web server that explains uploaded images. The model is loaded once.
//   node server.js [MODEL]
//   curl --data-binary @dog.jpg -H "content-type: image/jpeg" "http://127.0.0.1:3000/explain?className=dog"
//   curl --data-binary @dog.jpg -H "content-type: image/jpeg" http://127.0.0.1:3000/overlay > overlay.png
import Fastify from "fastify";
import { decodeImage, encodePng, loadDetector, plainResult, renderOverlay, WhyboxError } from "whybox";

/** What the client can put right itself: the image or the query. */
const clientErrors = new Set(["usage", "bad-input", "limit"]);

const querystring = {
  type: "object",
  additionalProperties: false,
  properties: { className: { type: "string", maxLength: 100 }, per: { enum: ["image", "class", "detection"] } },
};

export async function createServer(weights = "yolov5s") {
  const detector = await loadDetector(weights);
  const app = Fastify({ bodyLimit: 20 * 2 ** 20 });
  app.addHook("onClose", () => detector.dispose());
  // The body is the image file. Whybox looks at its content, whatever the content type says.
  app.addContentTypeParser(/^image\//, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof WhyboxError)) return reply.send(error);
    return reply.code(clientErrors.has(error.code) ? 400 : 500).send({ code: error.code, message: error.message });
  });

  /** Explains the uploaded image, and stops when the client goes away. */
  async function explain({ body, query }, reply) {
    if (!Buffer.isBuffer(body))
      throw new WhyboxError("usage", "Send the image file as the body, as image/jpeg or similar.");
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const { className, per = "image" } = query;
    const image = await decodeImage(body, { signal: gone.signal });
    const classNames = className === undefined ? [] : [className];
    return { image, result: await detector.explain(image, { classNames, per, signal: gone.signal }) };
  }

  app.post("/explain", { schema: { querystring } }, async (request, reply) => {
    const { result } = await explain(request, reply);
    return plainResult(result);
  });

  app.post("/overlay", { schema: { querystring } }, async (request, reply) => {
    const { image, result } = await explain(request, reply);
    const overlay = renderOverlay(image, result.heatmap, { detections: result.detections });
    return reply.type("image/png").send(Buffer.from(await encodePng(overlay)));
  });

  return app;
}

if (import.meta.filename === process.argv[1]) {
  const app = await createServer(process.argv[2]);
  console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
}
