// Quick exit: nothing on the screen in the same frame, nothing left in this browser, a neutral page instead.

const WITHIN = 5000;
const PRESSES = 3;

/** Calls `leave` on three presses of Shift alone within five seconds, and `nearly` before the last. */
export function listenForExit(leave, nearly) {
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.repeat) return;
    const now = performance.now();
    presses = event.key === "Shift" ? [...presses.filter((at) => now - at < WITHIN), now] : [];
    if (presses.length === PRESSES - 1) nearly();
    if (presses.length === PRESSES) leave();
  }, true);
  // A site may have exit links of its own; without script they are plain links.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-haven-exit]")) return;
    event.preventDefault();
    leave();
  }, true);
}

export function leavePage(address, wipeAll) {
  hidePage();
  // Should the browser bring this page back from memory, it must not show.
  addEventListener("pageshow", () => { hidePage(); location.replace(address); });
  try {
    wipeAll();
  } finally {
    location.replace(address); // replace, so that Back does not return to this page
  }
}

function hidePage() {
  document.documentElement.style.setProperty("display", "none", "important");
  document.title = "Home";
  document.querySelectorAll("link[rel~=icon]").forEach((link) => link.remove());
}
