// What the desk's device keeps while there is no connection: tickets, sizes and states, and the changes not sent yet.
// Names are never written here (docs/decisions/0020).

const PREFIX = "teilhabe.check-in.";
const CACHE = "teilhabe-check-in";
const AFTER_THE_END = 12 * 3600 * 1000;
const LONGEST_WAIT = 7 * 24 * 3600 * 1000;

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // A device without room goes on from memory.
  }
}

// Lists of sessions that are over, and changes that nobody would take any more.
export async function forgetWhatIsOver(now = Date.now()) {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  let kept = 0;
  for (const key of keys) {
    const value = read(key.slice(PREFIX.length), {});
    const over = Array.isArray(value)
      ? value.every((change) => now - change.at > LONGEST_WAIT)
      : !(value.until > now);
    if (over) localStorage.removeItem(key);
    else if (!Array.isArray(value)) kept += 1;
  }
  if (!kept) await caches.delete(CACHE);
}

export class KeptList {
  constructor(session, ends) {
    this.key = `list.${session}`;
    this.until = Date.parse(ends) + AFTER_THE_END;
  }

  load() {
    const rows = read(this.key, {}).parties ?? [];
    return rows.map(([ticket, size, state, came, since]) => ({ ticket, name: null, party_size: size, state, came, since }));
  }

  save(parties) {
    const rows = Array.from(parties, (party) => [party.ticket, party.party_size, party.state, party.came, party.since]);
    write(this.key, { until: this.until, parties: rows });
  }

  forget() {
    localStorage.removeItem(PREFIX + this.key);
  }
}

// Changes in their order, of all sessions and events: whichever page of theirs is open sends them. Read anew each time,
// for another tab of this device may have sent some.
export class Queue {
  constructor(api, session) {
    this.from = { api, session };
    this.memory = [];
  }

  get waiting() {
    return read("queue", this.memory);
  }

  // Those of this page's own session.
  get own() {
    return this.waiting.filter((change) => this.isOwn(change));
  }

  isOwn(change) {
    return change.session === this.from.session;
  }

  add(change) {
    this.keep([...this.waiting, { ...this.from, ...change, key: crypto.randomUUID(), at: Date.now() }]);
  }

  remove(sent) {
    this.keep(this.waiting.filter((change) => change.key !== sent.key));
  }

  keep(changes) {
    this.memory = changes;
    if (changes.length) write("queue", changes);
    else localStorage.removeItem(`${PREFIX}queue`);
  }
}

// The page as it is for everybody at this desk, and what it loads, so that it opens without a connection.
export async function keepPage(page, session, libraries) {
  const worker = await navigator.serviceWorker?.register(`${page}/worker.js`, { scope: page });
  if (!worker) return;
  const assets = performance.getEntriesByType("resource").map((entry) => new URL(entry.name));
  const ours = assets.filter((url) => url.origin === location.origin && url.pathname.startsWith("/assets/"));
  const wanted = new Set([`${page}?session=${session}`, ...ours.map((url) => url.pathname), ...libraries]);
  const kept = await caches.open(CACHE);
  await Promise.all(Array.from(wanted, (url) => kept.add(url).catch(() => undefined)));
}
