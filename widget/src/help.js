// The help card: numbers and overdose steps that need no server, no network and no session.
import { h, icon } from "./dom.js";
import { words } from "./words.js";

// Lines that guidance mentions by number. Every number is in data/hotlines.yml; a test compares.
export const NAMES = {
  "1-800-972-0590": "SafeSpot",
  "1-800-484-3731": "Never Use Alone",
  "1-800-222-1222": "Poison Help",
  "1-800-799-7233": "Domestic Violence Hotline",
  "1-800-662-4357": "SAMHSA",
};

export function helpCard() {
  const { card } = words;
  return h("div.card",
    h("p", card.danger), calls(callLink("911"), textLink("911")),
    h("p", card.crisis), calls(callLink("988"), textLink("988")),
    h("h3", card.unwell), h("ol.steps", card.steps.map((line) => step(line))), h("p", h("b", card.without)),
    h("h3", card.alone), h("p", card.before), calls(callLink("1-800-972-0590"), callLink("1-800-484-3731")),
    h("h3", card.more),
    h("p", card.byText), calls(textLink("741741", card.word)),
    h("p", card.violence), calls(callLink("1-800-799-7233")),
    h("p", card.poison), calls(callLink("1-800-222-1222")),
    h("p", card.treatment), calls(callLink("1-800-662-4357")));
}

export function step(...content) {
  return h("li", h("span", ...content));
}

export function calls(...links) {
  return h("div.calls", links);
}

export function callLink(number) {
  const kind = number === "911" ? "call urgent" : "call";
  return h("a", { class: kind, href: `tel:${number}` }, icon("phone"),
    h("span", `${words.call} ${NAMES[number] || number}`, NAMES[number] && h("small", number)));
}

export function textLink(number, word) {
  return h("a.call", { href: smsAddress(number, word) }, icon("text"), h("span", `${words.text} ${number}`));
}

// "?&body=" is the one form that both kinds of phone understand.
export function smsAddress(number, word) {
  return `sms:${number.replace(/\D/g, "")}${word ? "?&body=" + word : ""}`;
}
