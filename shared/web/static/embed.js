// For foreign sites: lets the frames of Teilhabe grow with their content. Without it they scroll.
"use strict";

(() => {
  const LEAST = 100;
  const MOST = 20000;

  window.addEventListener("message", (event) => {
    const height = event.data && event.data.teilhabeHeight;
    if (!Number.isFinite(height)) return;
    document.querySelectorAll("iframe[data-teilhabe]").forEach((frame) => {
      if (frame.contentWindow !== event.source || new URL(frame.src).origin !== event.origin) return;
      frame.height = String(Math.min(MOST, Math.max(LEAST, Math.ceil(height))));
    });
  });
})();
