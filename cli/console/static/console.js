// Pages that change are fetched again, and what differs is put in its place: what has the focus keeps it, nothing jumps.
// The server has made text of everything already; nothing here is taken for markup that was not.

const wait = Number(document.body.dataset.refresh || 0);
const connection = document.getElementById("connection");
let seen = "";

function isAtEnd() {
  return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 80;
}

// Make `here` what `there` is. Children with ids are matched by them, others by their place: what stays keeps the focus.
function put(here, there) {
  if (here.isEqualNode(there)) return;
  for (const { name, value } of there.attributes) if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  for (const { name } of [...here.attributes]) if (name !== "open" && !there.hasAttribute(name)) here.removeAttribute(name);
  const wanted = new Set([...there.children].map((child) => child.id));
  const known = new Map();
  for (const child of [...here.children]) {
    if (!child.id) continue;
    if (wanted.has(child.id)) known.set(child.id, child);
    else child.remove();
  }
  let next = here.firstChild;
  for (const child of there.childNodes) {
    const byPlace = next && !next.id && next.nodeName === child.nodeName ? next : null;
    const old = child.id ? known.get(child.id) : byPlace;
    if (!old) {
      const fresh = document.importNode(child, true);
      if (fresh.id) fresh.classList.add("new");
      here.insertBefore(fresh, next);
      continue;
    }
    if (old === next) next = next.nextSibling;
    else here.insertBefore(old, next);
    if (old.nodeType === Node.ELEMENT_NODE) put(old, child);
    else if (old.data !== child.data) old.data = child.data;
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    connection.textContent = "";
    if (text === seen) return wait;
    seen = text;
    const page = new DOMParser().parseFromString(text, "text/html");
    const follows = document.querySelector("[data-follow]") && isAtEnd();
    for (const here of document.querySelectorAll("[data-live]")) {
      const there = page.getElementById(here.id);
      if (there) put(here, there);
    }
    if (follows) window.scrollTo({ top: document.documentElement.scrollHeight });
    return Number(page.body.dataset.refresh || 0);
  } catch {
    connection.textContent = "Not connected: what you see may be old. Trying again …";
    return Math.max(wait, 3000);
  }
}

async function follow() {
  let pause = wait;
  while (pause) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!document.hidden) pause = await look();
  }
}

if (wait) follow();
