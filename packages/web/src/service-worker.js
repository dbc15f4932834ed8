// The service worker makes the page work offline after its first load. It also makes the page cross-origin isolated (for threads) on
// hosts that cannot set headers.
const VERSION = "__VERSION__";
const FILES = __FILES__;
const CACHE = `whybox-page-${VERSION}`;

self.addEventListener("install", (event) => {
  const fill = caches
    .open(CACHE)
    .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" }))));
  event.waitUntil(fill.then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOld().then(() => self.clients.claim()));
});

async function removeOld() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("whybox-page-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  // The page's own worker caches the weights, because it shows the progress of their download.
  if (url.pathname.includes("/weights/")) return;
  event.respondWith(answer(request, url));
});

async function answer(request, url) {
  const cache = await caches.open(CACHE);
  const scope = new URL(self.registration.scope);
  const key = request.mode === "navigate" && url.pathname.startsWith(scope.pathname) ? scope.href : request;
  const kept = await cache.match(key, { ignoreSearch: true });
  return isolated(kept ?? (await fetch(request)));
}

function isolated(response) {
  if (response.type === "opaque" || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
