// Starts the widget on a centre's page: settings, launcher, panel, line and quick exit wired together.
import { h, icon } from "./dom.js";
import { leavePage, listenForExit } from "./exit.js";
import { Line } from "./line.js";
import { Panel } from "./panel.js";
import { Tabs, readStore, wipeStore, writeStore } from "./store.js";
import { dress } from "./style.js";
import { pickLanguage, speak, words } from "./words.js";

const NEUTRAL = "https://www.weather.gov/";

/** tag: the script element of the page, with its data-* attributes. */
export async function start(tag) {
  const kept = readStore();
  const settings = settingsFrom(tag, kept);
  await speak(settings.language, tag.src);
  const widget = new Widget(settings);
  document.body.append(widget.host);
  widget.begin(kept);
  document.querySelectorAll("[data-haven-fallback]").forEach((part) => part.remove());
}

function settingsFrom({ dataset, src }, kept) {
  return {
    folder: src,
    base: new URL(dataset.base || "..", src),
    name: dataset.name,
    exit: dataset.exit || NEUTRAL,
    language: pickLanguage(kept.language, dataset.language, navigator.language, document.documentElement.lang),
    discreet: kept.discreet ?? "discreet" in dataset,
  };
}

class Widget {
  constructor(settings) {
    Object.assign(this, { settings, pageTitle: document.title, unread: 0 });
    this.host = h("haven-chat", { dir: getComputedStyle(document.documentElement).direction });
    const root = this.host.attachShadow({ mode: "open" });
    dress(root);
    this.tabs = new Tabs(settings.base, this);
    this.panel = new Panel(settings, this);
    this.line = new Line(settings, this.tabs, this.panel);
    this.launcher = h("button", { type: "button", class: "launcher", "aria-haspopup": "dialog", onclick: () => this.open() });
    root.append(this.launcher, this.panel.dialog);
  }

  begin({ draft, open }) {
    this.panel.build();
    this.panel.setDraft(draft || "");
    this.panel.setOutbox(this.line.queue);
    this.drawUnread();
    this.listen();
    if (open) this.open();
    else if (this.line.started) this.line.open();
    else this.joinOther();
  }

  listen() {
    listenForExit(() => this.leave(), () => this.panel.announce(words.nearly, true));
    document.addEventListener("visibilitychange", () => this.drawUnread());
    document.addEventListener("click", (event) => event.target.closest?.("[data-haven-open]") && this.open());
  }

  // A conversation in another tab of this site goes on here.
  async joinOther() {
    const session = await this.tabs.ask();
    if (!session || this.line.session) return;
    this.line.adopt(session);
    this.line.open();
  }

  open() {
    this.askCentre();
    this.panel.show();
    this.launcher.hidden = true;
    this.drawUnread();
    writeStore({ open: true });
    this.line.open();
    this.panel.setOnline(this.line.online);
  }

  close() {
    this.panel.hide();
    this.launcher.hidden = false;
    this.launcher.focus();
    writeStore({ open: false });
  }

  // What nobody answered is not known: never "open" by default.
  async askCentre() {
    const centre = await this.line.call("GET", `centre?language=${this.settings.language}`).then((answer) => answer.ok && answer.json()).catch(() => null);
    this.panel.setCentre(centre || this.panel.centre);
  }

  leave() {
    this.tabs.tell("left");
    this.vanish();
  }

  vanish() {
    leavePage(this.settings.exit, () => this.wipe());
  }

  wipe() {
    wipeStore();
    this.line.leave();
    this.host.remove();
  }

  // What other tabs say

  asked(not) {
    const { session } = this.line;
    if (session && session.token !== not) this.tabs.give(session);
  }

  told(what) {
    if (what === "left") this.vanish();
    else this.line.end();
  }

  // What the panel asks for

  news(count) {
    this.unread += count;
    this.drawUnread();
  }

  again() {
    const { language, discreet } = this.settings;
    writeStore({ language, discreet });
    this.panel.setEnd();
    this.open();
  }

  async setLanguage(language) {
    const { begun } = this.panel.transcript;
    await speak(language, this.settings.folder);
    this.change({ language });
    // Nothing said yet: begin again, so that the first message speaks this language too.
    if (!begun && this.line.session) this.line.startOver();
  }

  /** Settings that the visitor chose stay for this tab. */
  change(chosen) {
    Object.assign(this.settings, chosen);
    writeStore(chosen);
    this.panel.build();
    this.drawUnread();
  }

  // No word of the subject in launcher or title, only that something is new.
  drawUnread() {
    if (!document.hidden && this.panel.dialog.open) this.unread = 0;
    const { unread, settings } = this;
    const title = settings.discreet ? "Home" : this.pageTitle;
    document.title = document.hidden && unread ? `(${unread}) ${title}` : title;
    this.launcher.replaceChildren(icon("chat"), words.launcher, unread ? `(${unread})` : "");
  }
}
