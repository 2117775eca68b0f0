// The line to the switchboard: one session, an outbox that forgets nothing, one event stream that resumes.
import { readStore, wipeStore, writeStore } from "./store.js";
import { words } from "./words.js";

const SILENCE = 40000; // the switchboard speaks at least every 15 s; after this the stream is taken for dead
const PATIENCE = 15000;
const LONGEST = 15000;

/** Tells the panel all that comes and how the line is. */
export class Line {
  constructor(settings, tabs, panel) {
    const { session, outbox = [] } = readStore();
    Object.assign(this, { settings, tabs, panel, session, cursor: 0, taken: [] });
    this.queue = outbox.map((item) => ({ ...item, state: "unsent" }));
    for (const event of ["online", "pageshow"]) addEventListener(event, () => this.wake());
    addEventListener("offline", () => this.drop());
    document.addEventListener("visibilitychange", () => document.hidden || this.wake());
  }

  get started() {
    return this.session || this.queue.length;
  }

  open() {
    this.closed = false;
    this.follow();
    this.pump();
  }

  /** The conversation of this tab or of another one, or else a new one. */
  join() {
    if (this.session) return Promise.resolve();
    return (this.joining ??= this.begin().finally(() => (this.joining = null)));
  }

  // Tabs that open at the same instant take turns: the second finds the conversation of the first, which may be busy.
  async begin() {
    const { locks } = navigator;
    if (!locks) return this.start();
    const turn = (options, patience) => locks.request(this.tabs.name, options, (lock) => lock && this.start(patience));
    if ((await turn({ ifAvailable: true })) === null) await turn({}, 2000);
  }

  async start(patience) {
    const shared = await this.tabs.ask(this.lost, patience);
    if (shared) return this.adopt(shared);
    const answer = await this.call("POST", "conversations", { language: this.settings.language });
    if (!answer.ok) throw new Error(`no conversation: ${answer.status}`);
    const { token, expires_at, messages } = await answer.json();
    this.adopt({ token, expires_at });
    this.tell(messages);
  }

  adopt(session) {
    this.session = session;
    writeStore({ session });
  }

  call(method, path, body, { signal } = patience()) {
    const headers = this.session ? { Authorization: `Bearer ${this.session.token}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    // What was on its way when the page closed still arrives.
    const keepalive = method === "POST";
    const rest = { method, headers, signal, keepalive, body: body && JSON.stringify(body) };
    return fetch(new URL(`chat/${path}`, this.settings.base), { credentials: "omit", cache: "no-store", ...rest });
  }

  // Sending: the text is kept until the switchboard says that it has stored it.

  send(text, choice) {
    const item = { id: newId(), text, at: new Date().toISOString(), state: "sending" };
    if (choice) item.choice = choice;
    this.queue.push(item);
    this.keep();
    this.open();
  }

  keep() {
    writeStore({ outbox: this.queue.map(({ id, text, choice, at }) => ({ id, text, choice, at })) });
    this.panel.setOutbox(this.queue);
  }

  /** One at a time, so that what was written first arrives first. */
  async pump() {
    clearTimeout(this.retryTimer);
    if (this.pumping || this.closed) return;
    this.pumping = true;
    while (this.queue.length && (await this.deliver(this.queue[0])));
    this.pumping = false;
    if (this.queue.length && !this.closed) this.retryTimer = setTimeout(() => this.pump(), this.pace("sendWait"));
  }

  async deliver(item) {
    this.mark("sending");
    try {
      await this.join();
      return await this.settle(item, await this.post(item));
    } catch {
      return this.mark("unsent");
    }
  }

  post({ id: client_id, text, choice }) {
    return this.call("POST", "messages", { client_id, text, choice }, (this.sending = patience()));
  }

  async settle(item, answer) {
    const body = await answer.json().catch(() => ({}));
    if (answer.ok && body.message) return this.accept(item, body);
    if (answer.status === 400 || answer.status === 413) return this.refuse(item);
    if (answer.status === 401 && !item.renewed) return (item.renewed = this.restart());
    this.mark("unsent");
    if (answer.status === 410) this.endElsewhere();
    if (body.guidance?.text) this.panel.showGuidance(body.guidance.text, item.id);
    return false;
  }

  accept(item, { message, replies = [] }) {
    this.sendWait = 0;
    this.remove(item);
    this.tell([message, ...replies]);
    if (!this.online) this.wake();
    return true;
  }

  /** The switchboard will never take it: back into the box with it. */
  refuse(item) {
    this.remove(item);
    this.panel.giveBack([item.text], words.refused);
    return true;
  }

  mark(state) {
    this.queue.forEach((item) => (item.state = state));
    this.panel.setOutbox(this.queue);
    return false;
  }

  remove(item) {
    this.queue = this.queue.filter(({ id }) => id !== item.id);
    this.keep();
  }

  // Receiving: the cursor counts only what the stream itself brought, so a resume leaves no gap.

  async follow() {
    if (this.following) return;
    this.following = true;
    while (!this.closed) {
      await this.stream().catch(() => {});
      this.abort = null;
      if (this.closed) break;
      this.setOnline(false);
      await this.pause(this.pace("streamWait"));
    }
    this.following = false;
  }

  async stream() {
    await this.join();
    this.abort = new AbortController();
    const { token } = this.session;
    this.listen();
    const answer = await this.call("GET", `events?after=${this.cursor}`, null, this.abort);
    if (answer.status === 410) return this.endElsewhere();
    if (answer.status === 401) return token === this.session?.token && this.expire();
    if (!answer.ok) return;
    this.streamWait = 0;
    this.setOnline(true);
    await this.readAll(answer.body.getReader());
  }

  async readAll(reader) {
    const decoder = new TextDecoder();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.listen();
      const blocks = (text + decoder.decode(part.value, { stream: true })).split(/\r?\n\r?\n/);
      text = blocks.pop();
      this.take(blocks.map(parse).filter(({ data }) => data));
    }
  }

  // What comes in one go is shown in one go: a long transcript would be laid out message by message.
  take(events) {
    this.taken.push(...events);
    this.taking ??= setTimeout(() => {
      this.taking = null;
      this.receive(this.taken.splice(0));
    }, 16);
  }

  receive(events) {
    const messages = events.filter(({ event }) => event === "message").map(({ data }) => data);
    const state = events.filter(({ event }) => event === "state").at(-1);
    if (messages.length) {
      this.cursor = Math.max(this.cursor, ...messages.map(({ seq }) => seq));
      this.confirm(new Set(messages.map(({ client_id }) => client_id)));
      this.tell(messages);
    }
    if (state) this.panel.setState(state.data);
    if (events.some(({ event }) => event === "erased")) this.endElsewhere();
  }

  // The stream may know that a message arrived before its own answer does, or when that was lost.
  confirm(ids) {
    if (!this.queue.some(({ id }) => ids.has(id))) return;
    this.queue = this.queue.filter(({ id }) => !ids.has(id));
    this.keep();
  }

  listen() {
    this.heard = Date.now();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.abort?.abort(), SILENCE);
  }

  pace(name) {
    this[name] = Math.min(LONGEST, (this[name] || 250) * 2);
    return this[name] * (0.75 + Math.random() / 2);
  }

  pause(milliseconds) {
    return new Promise((resolve) => {
      this.resume = resolve;
      setTimeout(resolve, milliseconds);
    });
  }

  /** Back from sleep, from another tab or from a tunnel: look at once instead of waiting. */
  wake() {
    if (this.closed || !this.started) return;
    if (this.abort && Date.now() - this.heard > SILENCE / 2) this.abort.abort();
    this.streamWait = this.sendWait = 0;
    this.resume?.();
    this.open();
  }

  drop() {
    this.setOnline(false);
    this.abort?.abort();
    this.sending?.abort();
  }

  setOnline(online) {
    if (this.online === online) return;
    this.online = online;
    this.panel.setOnline(online);
    if (online) this.pump();
  }

  /** `seen` is the last number the visitor was told of, in whichever tab. */
  tell(messages) {
    const { seen = 0 } = this.session;
    this.adopt({ ...this.session, seen: Math.max(seen, ...messages.map(({ seq }) => seq)) });
    this.panel.addMessages(messages, seen);
  }

  // Endings.

  /** The session is over: what is unsent goes into a new one. */
  restart() {
    this.forget();
    this.panel.divide();
    this.open();
    return true;
  }

  /** Over with nothing to send: the screen is cleared, for someone else may sit there by now. */
  expire() {
    if (this.queue.length) return this.restart();
    this.close();
    this.forget();
    return this.panel.over(words.restarted);
  }

  /** A new conversation in place of one in which nothing was said. */
  startOver() {
    this.call("DELETE", "conversation").catch(() => {});
    this.close();
    this.forget();
    this.panel.transcript.clear();
    this.open();
  }

  forget() {
    this.lost = this.session?.token;
    this.session = null;
    this.cursor = 0;
    this.taken = [];
    writeStore({ session: null });
  }

  end() {
    this.close();
    this.forget();
    this.queue = [];
    wipeStore();
    this.panel.over(words.gone);
  }

  /** Erased, but not by this visitor in this browser: what is unsent goes back into the box. */
  endElsewhere() {
    const unsent = this.queue.map(({ text }) => text);
    this.end();
    this.panel.giveBack(unsent);
  }

  /** True once the switchboard has erased it, or knows it no more. */
  async erase() {
    const answer = this.session && (await this.call("DELETE", "conversation").catch(() => ({ status: 0 })));
    if (answer && ![204, 401, 410].includes(answer.status)) return false;
    this.tabs.tell("gone");
    this.end();
    return true;
  }

  close() {
    this.closed = true;
    clearTimeout(this.silence);
    clearTimeout(this.retryTimer);
    this.abort?.abort();
    this.resume?.();
  }

  /** Whether the answer `seq` helped; true once it is stored. */
  async rate(seq, helped) {
    return (await this.call("POST", "feedback", { seq, helped }).catch(() => ({}))).ok;
  }

  typing() {
    if (!this.session || Date.now() - (this.typed || 0) < 4000) return;
    this.typed = Date.now();
    this.call("POST", "typing").catch(() => {});
  }

  leave() {
    if (this.session) this.call("POST", "exit").catch(() => {});
    this.session = null;
    this.queue = [];
    this.close();
  }
}

function parse(block) {
  const event = { event: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(event|data): ?(.*)$/.exec(line) || [];
    if (name === "event") event.event = value;
    if (name === "data") event.data += value;
  }
  return { ...event, data: event.data && JSON.parse(event.data) };
}

function patience() {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), PATIENCE);
  return controller;
}

// randomUUID exists on secure pages only; a centre's page may not be one.
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
