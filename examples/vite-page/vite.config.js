// Threads need a page that is isolated from other origins.
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** @type {import("vite").UserConfig} */
export default {
  server: { headers },
  preview: { headers },
  // The engine's files lie beside its script, where Vite's bundle of dependencies does not look.
  optimizeDeps: { exclude: ["@whybox/browser"] },
};
