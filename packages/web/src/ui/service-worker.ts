const TRIED = "whybox-isolation-tried";

/** Registers the service worker. It makes the page work offline, and isolates it (for threads) if the host sets no headers. Isolation
 * needs one reload. The page reloads only if nothing would be lost.
 */
export function startServiceWorker(mayReload: () => boolean): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (self.crossOriginIsolated || sessionStorage.getItem(TRIED) !== null || !mayReload()) return;
    sessionStorage.setItem(TRIED, "1");
    location.reload();
  });
  // Without the service worker the page still works online.
  navigator.serviceWorker.register("./service-worker.js").catch(() => undefined);
}
