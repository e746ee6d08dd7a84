// Gives the desk's page back while there is no connection. Its scope is that page alone.
"use strict";

const KEPT = "teilhabe-check-in";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate") event.respondWith(page(event.request, url));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(asset(event.request));
});

async function page(request, url) {
  try {
    const answer = await fetch(request);
    if (answer.status < 500) return answer;
    return (await keptPage(url)) ?? answer;
  } catch (error) {
    const kept = await keptPage(url);
    if (kept) return kept;
    throw error;
  }
}

async function keptPage(url) {
  const cache = await caches.open(KEPT);
  const session = url.searchParams.get("session");
  const exact = session && (await cache.match(`${url.pathname}?session=${session}`));
  return exact || cache.match(url.pathname, { ignoreSearch: true });
}

async function asset(request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(request)) ?? fetch(request);
}
