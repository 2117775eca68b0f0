// The console's script: follows the switchboard's events, sends replies without leaving the page, rings.
// Every action also works as a plain form without it.

const body = document.body;
const at = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const conversation = body.dataset.conversation;
let clock = Number(body.dataset.now || Date.now()) - Date.now(); // the switchboard's clock minus ours
let after = Number(body.dataset.after || 0);

// -- times that run on ------------------------------------------------------------------------------

function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

function tick() {
  const present = Date.now() + clock;
  for (const time of all("time[data-at]")) {
    const words = span(present - Number(time.dataset.at)) + (time.dataset.form === "ago" ? " ago" : "");
    if (time.textContent !== words) time.textContent = words;
  }
  for (const mark of all("[data-silent]")) {
    const silence = present - Number(mark.dataset.silent);
    const words = silence > 120000 ? `silent for ${span(silence)}` : "";
    if (mark.textContent !== words) mark.textContent = words;
  }
  checkProof(present);
}

// The page itself sees that no proof came: what should tell it may be what is broken.
function checkProof(present) {
  const { since, patience } = at("#proof").dataset;
  const overdue = Number(patience) > 0 && present - Number(since) > Number(patience);
  at("#proof").classList.toggle("overdue", overdue);
  const warning = at("#unproven");
  const words = overdue ? warning.dataset.words : "";
  if (warning.textContent !== words) warning.textContent = words;
}

// -- under a finger ---------------------------------------------------------------------------------

// What is pressed stays in its place until it is let go: a button that is replaced in between is not pressed.
const LONGEST_PRESS = 1000; // milliseconds: the browser keeps the end of some presses to itself, as that on a list
const CLICK = 50; // after a finger is lifted comes the click

let held = null, pressEnds = 0;

function whenLetGo(change) {
  if (held) held.push(change); else change();
}

function letGo() {
  const changes = held ?? [];
  held = null;
  for (const change of changes) change();
}

function setUpPresses() {
  const endIn = (milliseconds) => { clearTimeout(pressEnds); pressEnds = setTimeout(letGo, milliseconds); };
  addEventListener("pointerdown", () => { held ??= []; endIn(LONGEST_PRESS); }, true);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => endIn(CLICK), true);
}

// -- the queue --------------------------------------------------------------------------------------

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim(); // made and escaped by the switchboard
  return template.content.firstElementChild;
}

function showQueue({ order, cards, calls, on_call: onCall, proof }) {
  at("#calls").textContent = calls || "";
  if (at("#on-call").textContent !== onCall) at("#on-call").textContent = onCall;
  at("#proof").replaceWith(element(proof));
  const focused = document.activeElement?.closest?.(".card")?.id;
  const known = new Map(all(".card").map((card) => [card.dataset.id, card]));
  for (const [id, html] of Object.entries(cards)) {
    const fresh = element(html);
    if (!known.has(id)) fresh.classList.add("fresh");
    known.get(id)?.replaceWith(fresh);
    known.set(id, fresh);
  }
  if (order) arrange(order, known);
  markChosen();
  if (focused && !document.activeElement?.closest?.(".card")) at(`#${focused} a`)?.focus();
  tick();
  ringIfNeeded();
}

// Put every card where it stands now; a card that is named nowhere is gone.
function arrange(order, known) {
  const kept = new Set();
  for (const [name, ids] of Object.entries(order)) {
    const section = at(`[data-section="${name}"]`);
    const list = at(".cards", section);
    ids.forEach((id, place) => {
      kept.add(id);
      const card = known.get(id);
      if (card && list.children[place] !== card) list.insertBefore(card, list.children[place] ?? null);
    });
    at(".count", section).textContent = ids.length;
  }
  for (const [id, card] of known) if (!kept.has(id)) card.remove();
}

function markChosen() {
  for (const link of all(".card a")) {
    if (link.parentElement.dataset.id === conversation) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// -- the open conversation ----------------------------------------------------------------------------

const transcript = at("#transcript");
const reply = at("#reply");

function atEnd() {
  return transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < 80;
}

function toEnd() {
  transcript.scrollTop = transcript.scrollHeight;
}

function showMessage({ seq, author, html }) {
  after = Math.max(after, seq);
  if (!transcript || document.getElementById(`m${seq}`)) return;
  const follow = atEnd();
  transcript.append(element(html));
  if (follow) toEnd();
  if (author === "visitor") {
    showTyping(false);
    tellSeen();
  }
}

function showConversation({ head, summary, mode }) {
  const open = at("#head details[open] summary")?.textContent;
  const busy = at("#head")?.contains(document.activeElement) && open;
  if (head && !(busy && at("#conversation").dataset.mode === mode)) showHead(head);
  if (summary) at("#summary").innerHTML = summary;
  const before = at("#conversation").dataset.mode;
  at("#conversation").dataset.mode = mode;
  const mine = mode === "mine";
  if (mine) {
    reply.hidden = false;
    if (before !== mode) at("#problem").textContent = "";
  } else if (before === "mine") {
    const kept = at("#text").value.trim();
    reply.hidden = !kept;
    at("#problem").textContent = kept ? "You no longer have this conversation. What you wrote was not sent." : "";
  }
}

// Whoever stands on a button with the keyboard stands on the same one afterwards, where it is still there.
function showHead(html) {
  const head = at("#head");
  const name = (part) => [part.tagName, part.closest("form")?.getAttribute("action"), part.textContent].join(" ");
  const focused = head.contains(document.activeElement) && name(document.activeElement);
  head.innerHTML = html;
  if (focused) all("a, summary, button", head).find((part) => name(part) === focused)?.focus();
}

let typingEnds = 0;
function showTyping(on) {
  if (!at("#typing")) return;
  at("#typing").hidden = !on;
  clearTimeout(typingEnds);
  if (on) typingEnds = setTimeout(() => showTyping(false), 6000);
}

// -- sending ------------------------------------------------------------------------------------------

async function post(path, values = {}) {
  return fetch(path, {
    method: "POST",
    headers: { "x-console": "1", "x-csrf": body.dataset.csrf },
    body: new URLSearchParams(values),
  });
}

async function send(form, problem) {
  const button = at("button", form);
  button.disabled = true;
  try {
    const answer = await post(form.action, Object.fromEntries(new FormData(form)));
    if (answer.ok) return true;
    problem(answer.status === 401 ? "You were signed out. Copy your words, then sign in again."
      : (await answer.text()).slice(0, 300));
  } catch {
    problem("Not sent: no connection. Your words are still here; try again.");
  } finally {
    button.disabled = false;
  }
  return false;
}

const draftKey = `draft ${conversation}`;

function setUpReply() {
  const text = at("#text"), problem = (words) => { at("#problem").textContent = words; };
  if (!text.value) text.value = sessionStorage.getItem(draftKey) ?? "";
  reply.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    problem("");
    if (await send(reply, problem)) {
      text.value = "";
      sessionStorage.removeItem(draftKey);
      reply.elements.client_id.value = crypto.randomUUID?.().replaceAll("-", "") ?? String(Math.random()).slice(2);
      hint("");
      text.focus();
    }
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      reply.requestSubmit();
    }
  });
  let told = 0;
  text.addEventListener("input", () => {
    sessionStorage.setItem(draftKey, text.value);
    hint(text.value);
    if (Date.now() - told > 2000 && at("#conversation").dataset.mode === "mine") {
      told = Date.now();
      post(`/staff/conversations/${conversation}/typing`).catch(() => {});
    }
  });
  for (const button of all(".canned [data-words]")) {
    button.addEventListener("click", () => {
      text.value = text.value ? `${text.value.trimEnd()} ${button.dataset.words}` : button.dataset.words;
      button.closest("details").open = false;
      text.focus();
      text.dispatchEvent(new Event("input"));
    });
  }
}

function setUpNote() {
  const note = at("#note"), text = at("textarea", note);
  note.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await send(note, (words) => { text.setCustomValidity(words); text.reportValidity(); })) text.value = "";
  });
  text.addEventListener("input", () => text.setCustomValidity(""));
}

function hint(words) {
  const plain = ` ${words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim()} `;
  const found = all("#words [data-word]").find((mark) => plain.includes(` ${mark.dataset.word} `));
  at("#better").textContent = found ? `“${found.dataset.word}” can hurt. Better: ${found.textContent}.` : "";
}

function tellSeen() {
  if (document.hidden || at("#conversation")?.dataset.mode !== "mine") return;
  post(`/staff/conversations/${conversation}/seen`, { seq: after }).catch(() => {});
}

// -- ringing until somebody accepts ---------------------------------------------------------------------

let sound = null;
const soundButton = at("#sound");

function setUpSound() {
  soundButton.hidden = false;
  const wanted = localStorage.getItem("haven sound") === "on";
  const turn = (on) => {
    sound ??= new AudioContext();
    if (on) sound.resume(); else sound.suspend();
    soundButton.setAttribute("aria-pressed", String(on));
    localStorage.setItem("haven sound", on ? "on" : "off");
  };
  soundButton.addEventListener("click", () => {
    turn(soundButton.getAttribute("aria-pressed") !== "true");
    if ("Notification" in window && Notification.permission === "default") Notification.requestPermission();
  });
  // A browser lets a page sound only after a press: the first press anywhere turns a wanted sound on.
  if (wanted) addEventListener("pointerdown", () => turn(true), { once: true });
}

function beep(pitches) {
  if (!sound || sound.state !== "running") return;
  pitches.forEach((pitch, place) => {
    const tone = sound.createOscillator(), volume = sound.createGain(), begin = sound.currentTime + place * 0.22;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, begin);
    volume.gain.exponentialRampToValueAtTime(0.25, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.2);
    tone.connect(volume).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.21);
  });
}

// A note of the browser for whoever works in another window. It says nothing about anybody.
function nudge() {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  new Notification("Haven", { body: "Somebody needs you.", tag: "haven", renotify: true });
}

let rings = 0;
function ringIfNeeded() {
  const waiting = all('[data-section="line"] .card:not([data-practice])');
  const acute = waiting.filter((card) => card.dataset.level === "acute");
  const offered = at("#head .offer form [class=primary]");
  document.title = (acute.length ? `DANGER (${waiting.length}) ` : waiting.length ? `(${waiting.length}) ` : "") + "Haven";
  const left = waiting.filter((card) => "lost" in card.dataset);
  at("#alarm").textContent = left.length && body.dataset.role === "supervisor"
    ? `${left.length === 1 ? "A visitor was" : `${left.length} visitors were`} left by a colleague who went silent. See the queue.` : "";
  return acute.length ? "acute" : waiting.length || offered ? "waiting" : "";
}

function ring() {
  if (!source || source.readyState === EventSource.CLOSED) return; // what is shown here may be old
  const need = ringIfNeeded();
  rings += 1;
  if (need === "acute") {
    beep([880, 660, 880]);
    if (rings % 3 === 0) nudge();
  } else if (need === "waiting" && rings % 5 === 0) {
    beep([520]);
  }
}

// -- the line ---------------------------------------------------------------------------------------------

let source = null, heard = Date.now();

function follow() {
  source?.close();
  const query = conversation ? `?conversation=${conversation}&after=${after}` : "";
  source = new EventSource(`/staff/events${query}`);
  const on = (name, handle) => source.addEventListener(name, (event) => {
    heard = Date.now();
    at("#line").hidden = true;
    handle(JSON.parse(event.data));
  });
  on("hello", ({ now }) => { clock = now - Date.now(); });
  on("queue", (news) => {
    clock = news.now - Date.now();
    whenLetGo(() => showQueue(news));
  });
  on("message", showMessage);
  on("conversation", (news) => whenLetGo(() => showConversation(news)));
  on("typing", ({ visitor }) => showTyping(visitor));
  on("signed_out", () => { source.close(); location.assign("/staff/login"); });
  on("erased", () => {
    source.close();
    if (transcript) transcript.textContent = "";
    location.assign("/staff/");
  });
  source.onerror = lineLost;
}

function lineLost() {
  const line = at("#line");
  line.hidden = false;
  line.textContent = "Connection lost, trying again…";
  if (source.readyState === EventSource.CLOSED) setTimeout(askAgain, 3000);
}

// The line was refused: because the session is over, or because the switchboard is just starting again.
async function askAgain() {
  try {
    const answer = await fetch("/staff/callbacks", { redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.assign(`/staff/login?next=${location.pathname}`);
  } catch { /* no connection at all: follow() fails again and comes back here */ }
  return follow();
}

// A line can die without an error, in a lift or after sleep: the switchboard speaks at least every 15 s.
setInterval(() => {
  if (document.hidden && !keepsLine) return;
  if (Date.now() - heard > 40000) { heard = Date.now(); lineLost(); follow(); }
}, 5000);

// A browser keeps six lines to one host; seven open tabs would hold up every reply. So a hidden tab lets its line go,
// but for one, which rings; it takes the line up again where it was when it is looked at.
let keepsLine = !navigator.locks;
function setUpTabs() {
  navigator.locks?.request("haven bell", () => {
    keepsLine = true;
    if (source?.readyState === EventSource.CLOSED) follow();
    return new Promise(() => {}); // until this tab closes
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && source?.readyState === EventSource.CLOSED) follow();
    else if (document.hidden && !keepsLine) source?.close();
  });
}

if (body.classList.contains("desk")) {
  markChosen();
  if (transcript) {
    toEnd();
    setUpReply();
    setUpNote();
    tellSeen();
    document.addEventListener("visibilitychange", tellSeen);
    // After a claim somebody waits for the first word; a phone's keyboard would hide what they wrote.
    if (!reply.hidden && matchMedia("(hover: hover)").matches) at("#text").focus({ preventScroll: true });
  }
  setUpSound();
  setUpPresses();
  follow();
  setUpTabs();
  tick();
  setInterval(tick, 1000);
  setInterval(ring, 4000);
}
at('form[action="/staff/logout"]')?.addEventListener("submit", () => sessionStorage.clear());
for (const menu of all("details.menu, details.pop")) {
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") menu.open = false; });
}
