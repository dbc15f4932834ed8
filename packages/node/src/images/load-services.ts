import type { Services } from "./services.js";

/** Loads the real services lazily: `--help` needs no image library and no runtime. */
export async function loadServices(): Promise<Services> {
  const [core, loading, decoding, encoding, writing] = await Promise.all([
    import("@whybox/core"),
    import("../load-detector.js"),
    import("../io/decode-image.js"),
    import("../io/encode-png.js"),
    import("../io/write-file.js"),
  ]);
  return {
    loadDetector: loading.loadDetector,
    decodeImage: decoding.decodeImage,
    renderOverlay: core.renderOverlay,
    renderContactSheet: core.renderContactSheet,
    encodePng: encoding.encodePng,
    encodeNpy: core.encodeNpy,
    writeFile: writing.writeFileSafely,
  };
}
