const TRIED = "whybox-isolation-tried";

/**
 * Registers the service worker: offline use, and isolation (threads) where the host sets no headers. Isolation takes one reload, which is
 * made only while nothing would be lost.
 */
export function startServiceWorker(mayReload: () => boolean): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (self.crossOriginIsolated || sessionStorage.getItem(TRIED) !== null || !mayReload()) return;
    sessionStorage.setItem(TRIED, "1");
    location.reload();
  });
  // Without it the page still works, online.
  navigator.serviceWorker.register("./service-worker.js").catch(() => undefined);
}
