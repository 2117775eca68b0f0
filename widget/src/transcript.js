// The transcript: every message once and in order, what is not sent yet below it, and calm scrolling.
import { button, h, icon } from "./dom.js";
import { byline, drawMessage } from "./messages.js";
import { words } from "./words.js";

const NEAR = 60;
const PINNED = 30 * 60000; // the emergency numbers stay in view this long after guidance

export class Transcript {
  constructor(panel) {
    Object.assign(this, { panel, local: new Map(), outbox: [], readSeq: 0 });
  }

  build() {
    this.facts = h("div.facts");
    this.past = h("div");
    const { stored } = this;
    this.stored = h("div");
    if (stored) this.stored.append(...stored.children);
    this.pending = h("div");
    this.status = h("p.state");
    this.typing = h("p.facts");
    this.newer = button("big.primary.newer", () => this.toEnd(), icon("down"), words.newer);
    const log = h("div", { role: "log", "aria-live": "off", "aria-label": words.log }, this.past, this.stored, this.pending);
    this.scroll = h("div.scroll", { tabindex: "0", role: "group", "aria-label": words.log }, this.facts, log, this.typing, this.newer);
    this.scroll.addEventListener("scroll", () => this.noticeEnd(), { passive: true });
    new ResizeObserver(() => this.followed && this.rest()).observe(this.scroll);
    this.redraw();
    return this.scroll;
  }

  redraw() {
    const all = this.elements.map(({ message }) => message);
    this.stored.replaceChildren();
    all.forEach((message) => this.place(message));
    this.drawPending(this.outbox);
    this.toEnd();
  }

  /** One for each stored message, in order; each carries its message. */
  get elements() {
    return [...this.stored.children];
  }

  get begun() {
    return this.outbox.length || this.elements.length > 1;
  }

  clear() {
    this.local.clear();
    this.past.replaceChildren();
    this.stored.replaceChildren();
    this.outbox = [];
    this.redraw();
  }

  /** A new session counts from one again: what was said before stays, above a line that says so. */
  divide(text) {
    this.past.append(...this.elements, h("p.message.system", text));
  }

  /** Adds what is not there yet; returns it. `fresh` messages may move the view, history goes to the end. */
  add(list, fresh) {
    const known = new Set(this.elements.map(({ message }) => message.seq));
    const added = list.filter(({ seq }) => !known.has(seq));
    if (!added.length) return added;
    const followed = this.atEnd();
    const elements = added.map((message) => this.place(message));
    this.settle();
    if (fresh && this.begun) this.reveal(elements, followed);
    else this.rest();
    return added;
  }

  place(message) {
    const element = Object.assign(drawMessage(message, this.panel), { message });
    const late = this.stored.lastElementChild?.message.seq > message.seq;
    this.stored.insertBefore(element, late ? this.elements.find((other) => other.message.seq > message.seq) : null);
    return element;
  }

  /** Under the visitor's last message: what became of it. Choices of the past go away. */
  settle() {
    const { elements } = this;
    const last = elements.map(({ message }) => message.author).lastIndexOf("visitor");
    const mine = elements[last];
    this.status.textContent = mine?.message.seq <= this.readSeq ? words.read : words.received;
    if (mine) mine.append(this.status);
    else this.status.remove();
    const past = this.outbox.length ? elements : elements.slice(0, Math.max(0, last));
    past.forEach((element) => element.querySelectorAll(".options, .helped").forEach((part) => this.drop(part)));
  }

  drop(part) {
    const focused = part.contains(part.getRootNode().activeElement);
    part.remove();
    if (focused) this.panel.focusBox();
  }

  setRead(seq) {
    if (seq === this.readSeq) return;
    this.readSeq = seq;
    this.settle();
  }

  drawPending(outbox) {
    const grown = outbox.length > this.outbox.length;
    this.outbox = [...outbox];
    this.pending.replaceChildren(...outbox.flatMap((item, index) => [this.unsent(item, index), this.local.get(item.id) || ""]));
    this.settle();
    if (grown || (this.followed && !this.held)) this.toEnd();
  }

  unsent(item, index) {
    const { id, at, state, text } = item;
    return h("article", { class: `message visitor ${state}`, "data-id": id },
      byline({ author: "visitor", at }),
      h("div.said", h("p", text)),
      h("p.state", words[state],
        state === "unsent" && !index && button("quiet", () => this.panel.retry(), words.retry)));
  }

  /** Guidance that could not be stored: shown beside the message it answers. */
  addLocal(message, id) {
    if (this.local.has(id)) return false;
    this.local.set(id, drawMessage(message, this.panel));
    this.drawPending(this.outbox);
    this.showTop(this.local.get(id));
    return true;
  }

  setTyping(text) {
    const followed = this.atEnd();
    this.typing.textContent = text;
    if (text && followed && !this.held) this.toEnd();
  }

  /** Until when the emergency numbers stay pinned. */
  get pinnedUntil() {
    const last = this.elements.filter(({ message }) => message.kind === "guidance").pop();
    return last ? Date.parse(last.message.at) + PINNED : 0;
  }

  // Scrolling: guidance is never pushed out of sight, and who reads further up is not torn away.

  /** In a very low window the whole panel scrolls. */
  get scroller() {
    return getComputedStyle(this.scroll).overflowY === "visible" ? this.scroll.closest("dialog") : this.scroll;
  }

  atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller || {};
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  noticeEnd() {
    this.followed = this.atEnd();
    if (this.followed) this.newer.hidden = true;
  }

  toEnd() {
    this.held = null;
    this.newer.hidden = true;
    this.followed = true;
    // Before the first word the opening hours, above the welcome, come first.
    if (this.scroller) this.scroller.scrollTop = this.begun ? 1e9 : 0;
  }

  /** What is looked at when the room changes: guidance as long as nobody wrote after it, else the end. */
  rest() {
    if (this.held?.isConnected) this.bring(this.held);
    else this.toEnd();
  }

  reveal(elements, followed) {
    const guidance = elements.find(({ message }) => message.kind === "guidance");
    const first = elements.find(({ message }) => message.author !== "visitor");
    if (guidance) {
      this.showTop(guidance);
      this.newer.hidden = this.followed; // the question after it may be below; the steps must not be covered
      this.newer.classList.add("round");
    }
    else if (!first) followed && !this.held && this.toEnd();
    else if (!followed || this.heldWouldGo()) {
      this.newer.hidden = false;
      this.newer.classList.remove("round");
    }
    else this.bring(first);
  }

  showTop(element) {
    this.bring(element);
    this.held = element;
  }

  bring(element) {
    const { scroller } = this;
    scroller.scrollTop += element.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 8;
    this.noticeEnd();
  }

  heldWouldGo() {
    const end = this.stored.getBoundingClientRect().bottom;
    return this.held?.isConnected && end - this.held.getBoundingClientRect().top > this.scroller.clientHeight;
  }
}
