// Draws one message: who speaks, what was said, choices, and where it comes from.
import { button, h } from "./dom.js";
import { NAMES, callLink, calls, smsAddress, step, textLink } from "./help.js";
import { words } from "./words.js";

// "text HOME to 741741", "text 838255", numbers to call, and addresses.
const LINKS = /(?:text|env[ií]e|mande) (?<word>[A-Z]{3,}) (?:to|al) (?<to>\d[\d-]{2,}\d)|(?:text|texto al?) (?<short>\d{5,6})\b|(?<phone>\b(?:911|988|1-\d{3}-\d{3}-\d{4})\b|\(\d{3}\) \d{3}-\d{4})|(?<web>https?:\/\/[^\s)]+[^\s).,]|\b[\w-]+\.(?:org|gov)\b)/g;

/** message: as the switchboard sends it; on: who hears choose(option), rate(seq, helped) and askPerson(). */
export function drawMessage(message, on) {
  const { author, kind, seq, language, options, sources } = message;
  const system = author === "system";
  return h("article", { class: `message ${author} ${kind}`, "data-seq": seq, lang: language },
    !system && byline(message),
    h("div.said", said(message)),
    options?.length && choices(options, on),
    sources?.length && h("div.after", h("details", h("summary", words.sources), h("ul", sources.map(origin))), helped(seq, on)));
}

export function byline(message) {
  return h("p.by", h("b", speaker(message)), " ", h("time", { datetime: message.at }, clock(message.at)));
}

function speaker({ author, name }) {
  return author === "staff" ? words.staff(name) : words[author];
}

/** What a screen reader is told when the message arrives. */
export function spoken(message) {
  const titles = (message.options || []).map(({ title }) => title).join(", ");
  return `${speaker(message)}: ${message.text} ${titles}`.trim();
}

function said({ author, kind, text }) {
  if (author === "visitor") return h("p", text);
  return kind === "guidance" ? guidance(text) : blocks(text);
}

// Guidance is read by frightened people: one plain line, the numbers to tap, then the steps.
function guidance(text) {
  const [, first, rest] = /^([^\n]{1,90}(?=\n|$)|[^\n]*?[.!?](?=\s|$)|[^\n]*)\s*([^]*)$/.exec(text);
  return [h("h3", linked(first)), calls(numbersIn(text)), ...blocks(rest)];
}

function numbersIn(text) {
  const all = new Set([...text.matchAll(LINKS)].map(({ groups }) => groups.phone));
  const known = [...all].filter((number) => number?.length === 3 || NAMES[number]).slice(0, 3);
  return known.flatMap((number) => (number === "988" ? [callLink(number), textLink(number)] : callLink(number)));
}

function blocks(text) {
  const made = [];
  for (const line of text.split("\n").filter((each) => each.trim())) {
    const [, number, rest] = /^(\d{1,2})[.)] (.*)$/.exec(line) || [];
    if (!rest) made.push(h("p", linked(line)));
    else if (made.at(-1)?.tagName === "OL") made.at(-1).append(step(...linked(rest)));
    else made.push(h("ol.steps", { start: number }, step(...linked(rest))));
  }
  return made;
}

function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINKS)) {
    parts.push(text.slice(end, match.index), anchor(match[0], match.groups));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}

function anchor(shown, { word, to, short, phone, web }) {
  if (web) return outside(/^http/.test(web) ? web : `https://${web}`, shown);
  if (phone) return h("a", { href: `tel:${phone.replace(/\D/g, "")}` }, shown);
  return h("a", { href: smsAddress(to || short, word) }, shown);
}

function outside(address, shown) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, shown);
}

// What may be chosen after guidance is short and pressed by shaking hands: large, side by side.
function choices(options, on) {
  const buttons = options.map((option) => button("big.option", () => on.choose(option), option.title));
  const quick = options[0].choice.startsWith("after/") ? ".quick" : "";
  return h(`div.options${quick}`, { role: "group", "aria-label": words.choices }, buttons);
}

// Asked in one quiet line, once; gone with the next message.
function helped(seq, on) {
  const answer = (yes) => button("quiet", async () => {
    if (!(await on.rate(seq, yes))) return;
    row.replaceChildren(h("span", { tabindex: "-1" }, yes ? words.thanks : words.sorry), yes ? "" : button("quiet", () => on.askPerson(), words.person));
    row.firstChild.focus();
  }, yes ? words.yes : words.no);
  const row = h("div.helped", { role: "group", "aria-label": words.helped }, h("span", words.helped), answer(true), answer(false));
  return row;
}

function origin({ kind, title, quote, text, address }) {
  const web = /^https?:/.test(address);
  return h("li",
    h("small", kind === "correction" ? words.correction : words.document),
    h("cite", web ? outside(address, title) : title),
    quote ? h("q", quote) : text && h("span", text));
}

function clock(at) {
  const date = new Date(at);
  const day = date.toDateString() === new Date().toDateString() ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString(document.documentElement.lang || [], { ...day, hour: "numeric", minute: "2-digit" });
}
