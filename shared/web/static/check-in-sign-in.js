// The member's token lives for minutes; the browser's session renews it, which a page that stays open has to ask for.

const LAST = "teilhabe.check-in.reloaded";
const NOT_AGAIN_FOR = 60_000;

// Whether there may be a new token now; rejects while nobody can say. Where sign-in is at another origin, as on a developer's machine, a reload of
// this page gets it, once a minute at most.
export async function renewed() {
  const { renew, page, session } = document.getElementById("check-in").dataset;
  const here = `${page}?session=${session}`;
  const next = `next=${encodeURIComponent(new URL(here, location.href).href)}`;
  if (new URL(renew, location.href).origin === location.origin) {
    const answer = await fetch(`${renew}?${next}`);
    if (answer.status >= 500) throw new Error("sign-in is away");
    return answer.ok && new URL(answer.url).pathname === page;
  }
  if (Date.now() - Number(sessionStorage.getItem(LAST)) < NOT_AGAIN_FOR) return false;
  sessionStorage.setItem(LAST, String(Date.now()));
  location.assign(here);
  return false;
}
