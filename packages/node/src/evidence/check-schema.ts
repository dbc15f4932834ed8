import { checkSchemaVersion } from "@whybox/report";
import { z } from "zod";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const verdict = z.enum(["pass", "fail", "not-decided", "not-possible"]);

/** The JSON of `whybox check`, as far as a bundle reads it. The figures are kept as they are. */
export const checkDataSchema = z.object({
  schemaVersion: z.literal(checkSchemaVersion),
  kind: z.literal("check"),
  tool: z.object({ name: z.literal("whybox"), version: z.string() }),
  model: z.looseObject({ source: z.string(), sha256: digest }),
  options: z.looseObject({ seed: z.int() }),
  images: z.object({
    found: z.int(),
    checked: z.array(z.object({ source: z.string(), sha256: digest })),
    empty: z.array(z.string()),
    failures: z.array(z.object({ source: z.string(), message: z.string() })),
    chosenBy: z.string(),
  }),
  detections: z.array(z.looseObject({ source: z.string() })),
  randomisation: z.json(),
  rules: z.array(z.object({ check: z.string(), title: z.string(), question: z.string(), rule: z.string() })),
  methods: z.array(
    z.object({
      method: z.string(),
      title: z.string(),
      isControl: z.boolean(),
      verdict,
      sentence: z.string(),
      checks: z.record(z.string(), z.looseObject({ verdict })),
    }),
  ),
  refused: z.array(z.object({ method: z.string(), why: z.string() })),
  verdict,
  controlFailed: z.boolean(),
  limits: z.array(z.string()),
  maps: z.array(z.json()),
});

export type CheckData = z.infer<typeof checkDataSchema>;
