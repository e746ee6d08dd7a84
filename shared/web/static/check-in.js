// The desk's page with scripts: it answers from a list in its memory, so that it goes on without a connection, and
// sends each change as soon as it can. Without scripts the same page works by its forms.

import { Camera } from "./check-in-camera.js";
import { byName, byTicket, fold, readTicket } from "./check-in-finding.js";
import { renewed } from "./check-in-sign-in.js";
import { KeptList, Queue, forgetWhatIsOver, keepPage } from "./check-in-store.js";

const EVERY = 4000;
const LONGEST_REQUEST = 10_000;
const MOST_SHOWN = 20;
const ENDED = ["cancelled", "expired"];

const root = document.getElementById("check-in");
const { api, page, session, decoder, zone } = root.dataset;
const language = document.documentElement.lang;
const part = (id) => document.getElementById(id);
const list = new Map();
const kept = new KeptList(session, root.dataset.ends);
const queue = new Queue(api, session);
const state = { next: null, offline: false, signIn: false, walkIns: 0, sending: false, shown: [] };

function words(name, values = {}) {
  return root.dataset[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function number(value) {
  return new Intl.NumberFormat(`${language}-u-nu-latn`).format(value);
}

function timeOf(since) {
  const shown = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat(`${language}-u-nu-latn`, shown).format(new Date(since));
}

function spaced(ticket) {
  return `${ticket.slice(0, 3)} ${ticket.slice(3, 6)}`;
}

function who(party) {
  return party.name ?? spaced(party.ticket);
}

// The list

function take(party) {
  const known = list.get(party.ticket);
  const name = party.name ?? (ENDED.includes(party.state) ? null : (known?.name ?? null));
  list.set(party.ticket, { ...party, name, folded: name ? ` ${fold(name)}` : "" });
}

// What this device has not sent yet stands on top of what the server knows.
function applyWaiting() {
  let walkIns = 0;
  for (const change of queue.own) {
    const party = list.get(change.ticket);
    if (change.kind === "walk-ins") walkIns += change.people;
    else if (party && change.kind === "undo") Object.assign(party, { came: 0, since: null });
    else if (party && (!party.came || change.change)) {
      Object.assign(party, { came: change.came, since: party.since ?? new Date(change.at).toISOString() });
    }
  }
  return walkIns;
}

function count() {
  const more = applyWaiting();
  let [came, expected] = [0, 0];
  for (const party of list.values()) {
    came += party.came;
    if (party.state === "confirmed") expected += party.party_size;
  }
  if (list.size) part("came").textContent = words("textCame", { came: number(came), expected: number(expected) });
  part("walk-ins-count").textContent = number(Math.max(0, state.walkIns + more));
}

async function ask(url, options = {}) {
  const once = () => fetch(url, { ...options, signal: AbortSignal.timeout(LONGEST_REQUEST) });
  const answer = await once();
  return answer.status === 401 && (await renewed()) ? once() : answer;
}

async function refresh() {
  const since = state.next ? `&since=${encodeURIComponent(state.next)}` : "";
  const answer = await ask(`${api}/parties?session=${session}${since}`);
  if ([401, 403, 404].includes(answer.status)) return mayNotAnyMore();
  if (!answer.ok) throw new Error(String(answer.status));
  const body = await answer.json();
  if (!since) list.clear();
  body.parties.forEach(take);
  state.walkIns = body.session.walk_ins;
  state.next = body.next;
  if (body.parties.length || !since) kept.save(list.values());
  if (body.parties.length) redraw();
}

function mayNotAnyMore() {
  state.signIn = true;
  kept.forget();
  list.clear();
  show([]);
}

// Changes

function change(kind, values) {
  queue.add({ kind, ...values });
  count();
  say();
  send().then(say, say);
}

function checkIn(party, came, again) {
  change("check-in", { ticket: party.ticket, came, change: again });
  redraw();
}

function undo(party) {
  change("undo", { ticket: party.ticket });
  redraw();
}

async function send() {
  if (state.sending) return;
  state.sending = true;
  try {
    for (let next = queue.waiting[0]; next && (await sent(next)); next = queue.waiting[0]) continue;
  } catch {
    state.offline = true;
  } finally {
    state.sending = false;
  }
}

// Whether the change is settled, well or not, and the next one may go.
async function sent(waiting) {
  const path = { "check-in": "", undo: "/undo", "walk-ins": "/walk-ins" }[waiting.kind];
  const { session: where, ticket: code, came, change: again, people } = waiting;
  const body = { session: where, code, came, change: again, people };
  body.seconds_ago = Math.max(0, Date.now() - waiting.at) / 1000;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": waiting.key };
  const answer = await ask(waiting.api + path, { method: "POST", headers, body: JSON.stringify(body) });
  state.offline = false;
  if ([401, 403].includes(answer.status)) state.signIn = true;
  if ([401, 403, 429].includes(answer.status) || answer.status >= 500) return false;
  const told = await answer.json();
  queue.remove(waiting);
  if (!answer.ok) refused(waiting, told);
  else if (queue.isOwn(waiting)) accepted(waiting, told);
  return true;
}

function accepted(waiting, told) {
  if (waiting.kind === "walk-ins") {
    state.walkIns = told.walk_ins;
    return;
  }
  const party = list.get(told.ticket);
  if (!party) return;
  Object.assign(party, { came: told.came, since: told.since });
  if (told.result === "already" && waiting.kind === "check-in") conflict(words("textTwice", figures(party)));
  redraw();
}

function refused(waiting, told) {
  const party = queue.isOwn(waiting) && list.get(waiting.ticket);
  const reason = root.getAttribute(`data-state-${told.state}`) ?? told.detail;
  conflict(`${words("textRefused", { who: party ? who(party) : spaced(waiting.ticket ?? "") })} ${reason}`);
  if (!party) return;
  Object.assign(party, { came: 0, since: null, state: told.state ?? party.state });
  redraw();
}

function conflict(text) {
  const line = part("conflict").content.cloneNode(true);
  line.querySelector(".kern-label").textContent = text;
  part("conflicts").prepend(line);
}

function figures(party) {
  return { who: who(party), time: timeOf(party.since), came: number(party.came), size: number(party.party_size) };
}

// What is seen

function say() {
  const waiting = queue.waiting.length;
  const values = { count: number(waiting) };
  let text = words("textOnline");
  if (state.signIn) text = words("textSignIn");
  else if (state.offline) text = words("textOffline", values);
  else if (waiting) text = words("textWaiting", values);
  const line = part("connection");
  if (line.textContent !== text) line.textContent = text;
  line.dataset.kind = state.signIn || state.offline ? "offline" : "online";
  count();
}

function show(parties, otherwise = "") {
  state.shown = parties.slice(0, MOST_SHOWN).map((party) => party.ticket);
  const results = part("results");
  results.querySelectorAll(".kern-alert, p").forEach((old) => old.remove());
  part("results-title").hidden = !(parties.length || otherwise);
  redraw();
  if (!otherwise) return;
  const line = part("conflict").content.firstElementChild.cloneNode(true);
  line.querySelector(".kern-label").textContent = otherwise;
  results.querySelector("ul").replaceChildren(line);
}

function redraw() {
  if (!state.shown.length && part("results").querySelector("[data-ticket]") === null) return;
  const focused = document.activeElement?.closest?.("[data-ticket]")?.dataset.ticket;
  const cards = state.shown.filter((ticket) => list.has(ticket)).map((ticket) => card(list.get(ticket)));
  part("results").querySelector("ul").replaceChildren(...cards);
  if (focused) part("results").querySelector(`[data-ticket="${focused}"] button:not([hidden])`)?.focus();
}

function card(party) {
  const template = part("party").innerHTML.replaceAll("{ticket}", party.ticket);
  const drawn = document.createElement("ul");
  drawn.innerHTML = template;
  const item = drawn.firstElementChild;
  const slot = (name) => item.querySelector(`[data-slot="${name}"]`);
  const [placed, here, many] = [party.state === "confirmed", party.came > 0, party.party_size > 1];
  item.dataset.ticket = party.ticket;
  item.classList.toggle("t-party--here", here);
  item.classList.toggle("t-party--none", !placed && !here);
  slot("name").textContent = party.name ?? words("textNoName");
  slot("code").textContent = spaced(party.ticket);
  slot("size").textContent = words("textSize", { count: number(party.party_size) });
  slot("none").hidden = placed || here;
  slot("none").querySelector(".kern-label").textContent = root.getAttribute(`data-state-${party.state}`) ?? "";
  slot("since").hidden = !here;
  if (here) slot("since").querySelector(".kern-label").textContent = words("textHere", figures(party));
  slot("form").hidden = !placed || (here && !many);
  slot("number").hidden = !many;
  slot("check-in").hidden = here;
  slot("save").hidden = !here;
  slot("undo").hidden = !here;
  const field = item.querySelector("input");
  field.value = here ? party.came : party.party_size;
  slot("form").addEventListener("submit", (event) => submitted(event, party, field, slot("wrong")));
  slot("undo").addEventListener("click", () => undo(party));
  return item;
}

function submitted(event, party, field, wrong) {
  event.preventDefault();
  event.stopPropagation();
  const came = Number(fold(field.value));
  if (Number.isInteger(came) && came >= 1 && came <= party.party_size) return checkIn(party, came, party.came > 0);
  wrong.textContent = words("textMost", { most: number(party.party_size) });
  field.setAttribute("aria-invalid", "true");
  return field.focus();
}

// Looking for somebody

// Whether this device can answer by itself; where it knows nobody and there is a connection, the server says why.
function found(text) {
  const ticket = readTicket(text);
  const foreign = ticket?.event && ticket.event !== root.dataset.code;
  const all = [...list.values()];
  const parties = foreign ? [] : ticket ? byTicket(all, ticket.digits) : byName(all, text);
  if (!parties.length && !state.offline) return false;
  if (parties.length) show(parties);
  else if (foreign) show([], words("textOtherEvent"));
  else show([], words(ticket || all.some((party) => party.name) ? "textUnknown" : "textNoNames"));
  return true;
}

function searched(event) {
  const text = part("field-search").value;
  if (text.trim() && !found(text)) return;
  event.preventDefault();
  event.stopPropagation();
}

function scanned(text) {
  part("field-search").value = readTicket(text)?.digits ?? text;
  if (found(text)) return;
  part("field-search").value = text;
  part("search").submit();
}

async function toggleCamera(camera) {
  if (camera.runs) return camera.stop();
  part("camera-words").textContent = words("textLooking");
  try {
    await camera.start();
    part("camera-button").setAttribute("aria-pressed", "true");
  } catch {
    part("camera-words").textContent = words("textNoCamera");
  }
}

function counted(event) {
  event.preventDefault();
  event.stopPropagation();
  change("walk-ins", { people: event.submitter?.value === "fewer" ? -1 : 1 });
}

async function catchUp() {
  if (state.signIn) return;
  try {
    await send();
    await refresh();
    state.offline = false;
  } catch {
    state.offline = true;
  }
  say();
}

async function again() {
  if (!document.hidden) await catchUp();
  setTimeout(again, EVERY);
}

async function start() {
  await forgetWhatIsOver();
  kept.load().forEach(take);
  root.hidden = false;
  part("search").addEventListener("submit", searched);
  part("field-search").addEventListener("focus", (event) => event.target.select());
  part("walk-ins").querySelector("form").addEventListener("submit", counted);
  const camera = new Camera(part("camera"), decoder, scanned);
  part("camera-button").addEventListener("click", () => toggleCamera(camera));
  part("camera").addEventListener("stopped", () => {
    part("camera-button").setAttribute("aria-pressed", "false");
    part("camera-words").textContent = "";
  });
  window.addEventListener("online", catchUp);
  await again();
  if (!state.offline) await keepPage(page, session, [decoder, decoder.replace("decode.js", "index.js")]);
}

// Without a secure address there is neither a camera nor anything that may be kept.
if (window.isSecureContext) start();
