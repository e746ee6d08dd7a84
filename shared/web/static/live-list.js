// A list that updates by itself: the server says that it changed, and htmx asks for it again.
"use strict";

const PAUSE = 2000;
const YOUNG = 60_000;
const list = () => document.getElementById("live-list");
let stream = null;
let failures = 0;
let asking = false;
let newest = "";
const opened = Date.now();

function update() {
  if (asking || !newest || list().dataset.version === newest) return;
  asking = true;
  htmx.trigger(list(), "list-changed");
  setTimeout(() => {
    asking = false;
    update();
  }, PAUSE);
}

function untouched() {
  const focus = document.activeElement;
  return (!focus || focus === document.body) && !list().querySelector("input[type=checkbox]:checked");
}

// The sign-in is renewed when a page is loaded: one that nobody is at work in does so, others say it.
function give_up() {
  stop();
  if (Date.now() - opened > YOUNG && untouched()) location.reload();
  else document.getElementById("live-note").hidden = false;
}

function stop() {
  if (stream) stream.close();
  stream = null;
}

function start() {
  stop();
  stream = new EventSource(list().dataset.stream);
  stream.addEventListener("standing", (event) => {
    failures = 0;
    newest = String(JSON.parse(event.data).version);
    update();
  });
  stream.addEventListener("end", () => (failures++ ? give_up() : start()));
  stream.addEventListener("error", () => {
    if (stream && stream.readyState === EventSource.CLOSED) give_up();
  });
}

// A page that nobody looks at holds no connection.
document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
window.addEventListener("pagehide", stop);
if (list() && window.EventSource && !document.hidden) start();
