// Inside the frame of a foreign site: tells the site how high the content is, whenever that changes.
"use strict";

if (window.parent !== window) {
  const main = document.querySelector("main");
  const tell = () => window.parent.postMessage({ teilhabeHeight: main.getBoundingClientRect().height }, "*");
  new ResizeObserver(tell).observe(main);
  window.addEventListener("load", tell);
}
