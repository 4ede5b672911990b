// The tail of events: the newest durable ones, and then the browser listens by itself while the list is on the screen.
const MOST = 200; // lines, and events that wait while it is paused
const FIRST = 50; // durable events to begin with
const EVERY = 250; // ms between two changes of the page
const PATTERN = /^[^\s.]+(\.[^\s.]+)*$/;

const form = element.querySelector("form");
const field = form.querySelector("input");
const pause = element.querySelector(".rc-pause");
const said = element.querySelector(".rc-said");
const list = element.querySelector("tbody");
let source = null;
let turn = 0; // counts what was opened and closed: an answer that comes too late is not for now
let last = null; // number of the last durable event that was seen; null where none was asked for yet
let waiting = [];
let paused = false;
let onScreen = false;
let visible = false; // on the screen, and the page is too
let refused = false;

const say = (text, bad = false) => {
  said.textContent = text;
  said.className = `rc-said ${bad ? "rc-bad" : "rc-muted"}`;
};

const wrong = (pattern) => {
  if (!PATTERN.test(pattern)) {
    return "A pattern is words with dots between them, such as order.*.filled: no spaces, and no empty word.";
  }
  const words = pattern.split(".");
  if (words.slice(0, -1).includes(">")) return "In a pattern > stands for all the rest, so it can only be the last word.";
  return "";
};

// The ends of an address say enough beside the whole of it as a tooltip.
const short = (subject) => subject.split(".")
  .map((word) => (word.length > 24 ? `${word.slice(0, 4)}…${word.slice(-4)}` : word)).join(".");

const price = (value) => (
  typeof value === "number" ? `${value.toLocaleString("en", {maximumSignificantDigits: 6})} SOL` : "no number"
);

const brief = (data) => {
  if (data.tick) return `${price(data.tick.price)} · ${data.tick.source}${data.fault ? ` · ${data.fault}` : ""}`;
  const parts = [data.symbol, data.exit_reason, data.status, data.title, data.note, data.last_error, data.failure?.message]
    .filter((part) => typeof part === "string" && part !== "");
  return parts.length ? parts.join(" · ") : JSON.stringify(data);
};

const line = (event) => {
  const row = document.createElement("tr");
  const number = event.sequence ? String(Number(event.sequence)) : "live";
  const told = JSON.stringify(event.data);
  for (const [text, style, whole] of [
    [event.time.slice(11, 23), "rc-muted", event.time], [number, "rc-num rc-muted rc-minor", ""],
    [short(event.subject), "rc-cut", event.subject], [brief(event.data), "rc-rest", told],
  ]) {
    const cell = document.createElement("td");
    cell.className = style;
    cell.textContent = text;
    cell.title = whole;
    row.append(cell);
  }
  return row;
};

const show = () => {
  if (paused || !waiting.length) return;
  list.prepend(...waiting.reverse().map(line));
  waiting = [];
  while (list.rows.length > MOST) list.rows[list.rows.length - 1].remove();
};

const take = (event) => {
  if (event.sequence) last = Number(event.sequence);
  waiting.push(event);
  if (waiting.length > MOST) waiting.shift();
};

const close = () => {
  turn += 1;
  source?.close();
  source = null;
};

// What happened before the stream is opened. Of more than the list holds, nobody misses the rest.
const catchUp = async (query) => {
  const mine = turn;
  let page = null;
  try {
    const answer = await fetch(`/api/v1/journal?${query}&newest=${last === null ? FIRST : MOST}`);
    if (answer.ok) page = await answer.json();
  } catch {
    // The stream asks again by itself, and says what is wrong.
  }
  if (mine !== turn) return false;
  if (page) {
    const known = last ?? 0;
    page.events.filter((event) => Number(event.sequence) > known).forEach(take);
    last = page.next;
  }
  return true;
};

const why = async (url) => {
  const stop = new AbortController();
  try {
    const answer = await fetch(url, {signal: stop.signal, headers: {Accept: "application/json"}});
    if (answer.ok) return "The engine closed the stream; it is opened again.";
    return (await answer.json()).detail ?? `The engine answered ${answer.status}.`;
  } catch {
    return "The engine does not answer; the stream is opened again when it does.";
  } finally {
    stop.abort();
  }
};

const open = async () => {
  close();
  refused = false;
  const pattern = field.value.trim() || ">";
  const fault = wrong(pattern);
  field.setAttribute("aria-invalid", String(fault !== ""));
  if (fault) {
    refused = true;
    say(fault, true);
    return;
  }
  say("Connecting…");
  const query = `subjects=${encodeURIComponent(pattern)}`;
  if (!await catchUp(query)) return;
  const url = `/api/v1/events?${query}${last === null ? "" : `&since=${last}`}`;
  const mine = new EventSource(url);
  source = mine;
  mine.onopen = () => say(paused ? "Paused." : `Listening to ${pattern}`);
  mine.onmessage = ({data}) => {
    take(JSON.parse(data));
    if (paused) say(`Paused; ${waiting.length}${waiting.length === MOST ? " or more" : ""} new.`);
  };
  mine.onerror = async () => {
    if (mine !== source) return;
    if (mine.readyState !== EventSource.CLOSED) {
      say("The connection was lost; it is made again.", true);
      return;
    }
    refused = true; // not an answer that a second try would change at once
    const reason = await why(url);
    if (mine === source) say(reason, true);
  };
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  waiting = [];
  last = null;
  list.replaceChildren();
  open();
});
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  if (source) say(paused ? "Paused." : `Listening to ${field.value.trim() || ">"}`);
  show();
});
element.querySelector(".rc-clear").addEventListener("click", () => {
  waiting = [];
  list.replaceChildren();
});
// What nobody sees listens to nothing: the engine has a bounded number of readers, and a browser six connections to it.
const look = () => {
  visible = onScreen && !document.hidden;
  if (visible && !source) open();
  else if (!visible) close();
};
new IntersectionObserver((entries) => {
  onScreen = entries.at(-1).isIntersecting;
  look();
}).observe(form);
document.addEventListener("visibilitychange", look);
setInterval(() => {
  if (!visible) return;
  show();
  if (source?.readyState === EventSource.CLOSED && !refused) open();
}, EVERY);
