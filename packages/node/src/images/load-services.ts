import { encodeNpy, renderContactSheet, renderOverlay } from "@whybox/core";
import type { Services } from "./services.js";

/** Loads the real services: `--help` needs no image library and no runtime. */
export async function loadServices(): Promise<Services> {
  const [loading, decoding, encoding, writing] = await Promise.all([
    import("../load-detector.js"),
    import("../io/decode-image.js"),
    import("../io/encode-png.js"),
    import("../io/write-file.js"),
  ]);
  return {
    loadDetector: loading.loadDetector,
    decodeImage: decoding.decodeFile,
    renderOverlay,
    renderContactSheet,
    encodePng: encoding.encodePng,
    encodeNpy,
    writeFile: writing.writeFileSafely,
  };
}
