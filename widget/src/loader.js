// What runs when a centre's page loads the script; if the widget can't start, the numbers still show.
import { h } from "./dom.js";
import { start } from "./main.js";

const tag = document.currentScript;

// The widget broke or its words could not be had: a page must still say where help is.
function showNumbers(reason) {
  console.warn("haven:", reason);
  if (document.querySelector("[data-haven-fallback]")) return;
  const link = (href, text) => h("a", { href }, text);
  const box = h("p", "In danger: ", link("tel:911", "call 911"), ". Any crisis: ", link("tel:988", "call 988"), " or ", link("sms:988", "text 988"), ".");
  box.style.cssText = "position:fixed;bottom:0;padding:16px;z-index:9999;background:Canvas";
  document.body.append(box);
}

function begin() {
  start(tag).catch(showNumbers);
}

if (!window.haven) {
  window.haven = true;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
}
