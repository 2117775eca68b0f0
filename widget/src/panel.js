// The chat window: a header that never goes away, the transcript, the composer, the help card and the settings.
import { button, h, icon, setAll } from "./dom.js";
import { callLink, calls, helpCard, textLink } from "./help.js";
import { spoken } from "./messages.js";
import { readStore, writeStore } from "./store.js";
import { Transcript } from "./transcript.js";
import { words } from "./words.js";

const LIMIT = 1600;
const TWICE = 600;
const FLICKER = 3000; // a lost line is reported after this, not at once
const FULL = matchMedia("(max-width: 520px), (max-height: 420px)");
const TOUCH = matchMedia("(pointer: coarse)");

export class Panel {
  constructor(settings, widget) {
    Object.assign(this, { settings, widget, state: { speaker: "bot" }, shown: "chat" });
    this.transcript = new Transcript(this);
    this.dialog = h("dialog.panel", { "aria-labelledby": "title", tabindex: "-1" });
    this.dialog.addEventListener("keydown", (event) => event.key === "Escape" && this.cancel(event));
    this.dialog.addEventListener("cancel", (event) => this.cancel(event));
    FULL.addEventListener("change", () => this.dialog.open && this.reopen());
    window.visualViewport?.addEventListener("resize", () => this.fit());
  }

  /** Draws everything, also again in another language. */
  build() {
    const draft = this.box?.value || "";
    this.dialog.lang = this.settings.language;
    this.polite = h("div.unseen", { role: "status" });
    this.urgent = h("div.unseen", { role: "alert" });
    this.views = { chat: this.chatView(), help: this.page(words.card.title, helpCard()), menu: this.menuView() };
    this.dialog.replaceChildren(this.header(), ...Object.values(this.views), this.polite, this.urgent);
    this.setDraft(draft);
    this.setCentre(this.centre);
    this.setState(this.state);
    this.drawNotice();
    this.view(this.shown, false);
  }

  // Header: the way to help and the way out are in reach in every view.

  header() {
    const toggle = (name, kind, ...content) => button(kind, () => this.view(this.shown === name ? "chat" : name), ...content);
    this.title = h("h2", { id: "title" });
    this.speaker = h("p");
    this.toggles = { menu: toggle("menu", "plain", icon("more")), help: toggle("help", "big.urgent", words.help) };
    const close = button("plain", () => this.widget.close(), icon("down"));
    setAll(this.toggles.menu, { "aria-label": words.menu });
    setAll(close, { "aria-label": words.minimise });
    return h("div.head",
      h("div.top", h("div.who", this.title, this.speaker), this.toggles.menu, close),
      h("div.pair", this.toggles.help, button("big", () => this.widget.leave(), icon("leave"), words.leave)));
  }

  view(name, focus = true) {
    this.shown = name;
    for (const [each, view] of Object.entries(this.views)) view.hidden = each !== name;
    for (const [each, toggle] of Object.entries(this.toggles)) setAll(toggle, { "aria-expanded": each === name });
    if (name === "chat") this.transcript.toEnd();
    if (focus && name === "chat") this.focusBox();
    else if (focus) this.views[name].querySelector("h3").focus();
  }

  // Views

  chatView() {
    this.notice = h("div");
    return h("div.view", this.transcript.build(), this.notice, this.composer());
  }

  composer() {
    this.count = h("p.count");
    this.box = h("textarea", { id: "box", rows: "1", placeholder: words.placeholder, autocomplete: "off", enterkeyhint: "send", oninput: () => this.typed(), onkeydown: (event) => this.enter(event) });
    const submit = (event) => { event.preventDefault(); this.submitBox(); };
    return h("form.composer", { onsubmit: submit },
      h("label.unseen", { for: "box" }, words.label), this.count, this.box,
      h("button.big.primary", { "aria-label": words.send }, icon("send")));
  }

  page(title, ...content) {
    const back = button("big", () => this.view("chat"), words.back);
    return h("section.view",
      h("div.scroll.card", { tabindex: "0", role: "group", "aria-label": title }, h("h3", { tabindex: "-1" }, title), ...content, back));
  }

  menuView() {
    const { widget, settings } = this;
    const language = ([code, name]) => pressed(button("big", () => widget.setLanguage(code), name), settings.language === code);
    this.about = h("div.card");
    this.erasing = h("div.card");
    this.drawErase();
    return this.page(words.menu,
      h("div.pair", { role: "group", "aria-label": words.language }, Object.entries({ en: "English", es: "Español" }).map(language)),
      pressed(button("big", () => widget.change({ discreet: !settings.discreet }), words.discreet), settings.discreet), h("p", words.discreetHint),
      this.erasing, h("h3", words.about), this.about);
  }

  drawErase(question) {
    const ask = () => this.drawErase(words.eraseSure);
    const sure = [h("p", { role: "alert" }, question), h("div.pair",
      button("big.urgent", () => this.erase(), words.eraseYes), button("big", () => this.drawErase(), words.eraseNo))];
    this.erasing.replaceChildren(...(question ? sure : [button("big", ask, words.erase)]), h("p", words.eraseHint));
    if (this.shown === "menu") this.erasing.querySelector("button").focus();
  }

  async erase() {
    this.drawErase((await this.widget.line.erase()) ? null : words.eraseFailed);
  }

  // What the panel is told

  setCentre(centre) {
    this.centre = centre;
    const { open, hours_text = "", next_open_text, reviewed, retention_days, emergency_text, name } = centre || {};
    const staff = open === true ? words.open(hours_text) : open === false ? words.closed(hours_text, next_open_text) : words.unknown;
    this.title.textContent = this.settings.discreet ? words.launcher : this.settings.name || name || words.launcher;
    this.transcript.facts.replaceChildren(h("p", staff), reviewed === false ? h("p.warn", words.unreviewed) : "");
    this.about.replaceChildren(...words.aboutText(retention_days, emergency_text).map((line) => h("p", line)));
  }

  setState(state) {
    const { speaker, staff_name, staff_typing, bot_typing, read_seq = 0 } = (this.state = state);
    this.speaker.className = `speaker ${speaker}`;
    this.speaker.textContent = (words.speaker[speaker] || words.speaker.waiting)(staff_name);
    this.transcript.setTyping(staff_typing ? words.typing(words.staff(staff_name)) : bot_typing ? words.typing(words.bot) : "");
    this.transcript.setRead(read_seq);
  }

  /** `seen` is the last number the visitor was told of. */
  addMessages(list, seen) {
    const added = this.transcript.add(list, list.some(({ seq }) => seq > seen));
    const news = added.filter(({ seq, author }) => seq > seen && author !== "visitor");
    news.slice(-5).forEach((message) => {
      const text = spoken(message);
      if (text !== this.told) this.announce(text, message.kind === "guidance");
      else this.told = "";
    });
    this.drawNotice();
    if (news.some(({ kind }) => kind === "guidance")) this.makeRoom();
    this.widget.news(news.length);
  }

  // On a phone the keyboard would cover the steps; what is half written is left alone.
  makeRoom() {
    if (TOUCH.matches && !this.box.value) this.box.blur();
  }

  announce(text, urgent) {
    const line = h("p", text);
    (urgent ? this.urgent : this.polite).append(line);
    setTimeout(() => line.remove(), 20000);
  }

  setOutbox(queue) {
    const unsent = queue[0]?.state === "unsent";
    if (unsent && !this.stuck) this.announce(words.unsent);
    this.stuck = queue.length && (this.stuck || unsent);
    this.transcript.drawPending(queue);
  }

  setOnline(online) {
    clearTimeout(this.onlineTimer);
    this.onlineTimer = setTimeout(() => {
      this.online = online;
      this.drawNotice();
    }, online ? 0 : FLICKER);
  }

  divide() {
    this.transcript.divide(words.restarted);
  }

  showGuidance(text, id) {
    const message = { author: "bot", kind: "guidance", text, at: new Date().toISOString() };
    if (!this.transcript.addLocal(message, id)) return;
    this.announce((this.told = spoken(message)), true); // it comes again once it is stored
    this.makeRoom();
  }

  /** The conversation is over; `text` says why. */
  over(text) {
    this.setOnline(true);
    this.transcript.clear();
    this.setState({ speaker: "bot" });
    this.setDraft("");
    this.setEnd(text);
    this.announce(text);
    this.view("chat", false);
  }

  setEnd(text) {
    this.end = text;
    this.drawNotice();
  }

  // Above the composer: the end of the chat; a lost line; the numbers, for half an hour after guidance.
  drawNotice() {
    const { transcript, end } = this;
    const lost = this.online === false;
    const left = transcript.pinnedUntil - Date.now();
    const text = end || (lost && words.offline) || (left > 0 ? words.pinned : "");
    clearTimeout(this.noticeTimer);
    if (left > 0) this.noticeTimer = setTimeout(() => this.drawNotice(), left);
    this.notice.className = text && (text === words.pinned ? "below pinned" : "below");
    if (text) this.notice.replaceChildren(h("p", text), end ? button("big.primary", () => this.widget.again(), words.again) : calls(callLink("911"), callLink("988"), textLink("988")));
    else this.notice.replaceChildren();
    // Nobody to write to and nothing said: the whole card, by itself.
    if (lost && !end && !transcript.elements.length) transcript.past.replaceChildren(helpCard());
  }

  // Writing

  typed() {
    const { value } = this.box;
    this.grow();
    if (value || readStore().draft) writeStore({ draft: value });
    this.count.textContent = LIMIT - value.length < 200 ? words.left(LIMIT - value.length) : "";
    if (value && this.state.speaker !== "bot") this.widget.line.typing();
  }

  grow() {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight + 2}px`;
  }

  enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || TOUCH.matches) return;
    event.preventDefault();
    this.submitBox();
  }

  submitBox() {
    const text = this.box.value.trim();
    if (text.length > LIMIT) this.announce(this.count.textContent, true);
    else if (text) {
      this.setDraft("");
      this.submit(text);
    }
    this.box.focus();
  }

  // What the transcript asks for

  // A hand that shakes taps twice: the second tap must not choose what has just come under it.
  choose({ title, choice }) {
    if (performance.now() - this.chose < TWICE) return;
    this.chose = performance.now();
    this.submit(title, choice);
  }

  async rate(seq, helped) {
    const stored = await this.widget.line.rate(seq, helped);
    this.announce(stored ? (helped ? words.thanks : words.sorry) : words.offline);
    return stored;
  }

  askPerson() {
    this.submit(words.personSaid);
  }

  retry() {
    this.widget.line.wake();
  }

  submit(text, choice) {
    this.setEnd(null);
    this.widget.line.send(text, choice);
  }

  giveBack(texts, why) {
    this.setDraft([...texts, this.box.value].filter(Boolean).join("\n"));
    if (why) this.announce(why, true);
  }

  setDraft(text) {
    this.box.value = text;
    this.typed();
  }

  // Opening and closing

  show() {
    if (this.dialog.open) return;
    this.dialog.classList.toggle("full", FULL.matches);
    if (FULL.matches) this.dialog.showModal();
    else this.dialog.show();
    this.fit();
    this.grow();
    this.view(this.shown);
  }

  hide() {
    if (this.dialog.open) this.dialog.close();
  }

  reopen() {
    this.hide();
    this.show();
  }

  // The keyboard of a phone shrinks what is seen, not the page; pinch zoom must stay free.
  fit() {
    const { height, offsetTop, scale } = window.visualViewport || { scale: 2 };
    if (scale > 1.05) return;
    this.dialog.style.setProperty("--seen", `${height}px`);
    this.dialog.style.setProperty("--top", `${offsetTop}px`);
  }

  focusBox() {
    (TOUCH.matches ? this.dialog : this.box).focus();
  }

  cancel(event) {
    event.preventDefault();
    if (this.shown !== "chat") this.view("chat");
    else this.widget.close();
  }
}

function pressed(element, on) {
  return setAll(element, { "aria-pressed": on });
}
