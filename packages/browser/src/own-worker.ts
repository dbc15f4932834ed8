import { serveEngine } from "./worker/serve-engine.js";

/** Set by the build. */
declare const __WHYBOX_VERSION__: string;

serveEngine({ version: __WHYBOX_VERSION__ });
