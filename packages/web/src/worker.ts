import { serveEngine } from "@whybox/browser/worker";

serveEngine({ version: __WHYBOX_VERSION__ });
