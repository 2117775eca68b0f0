// What one tab remembers, in sessionStorage alone, and how tabs of the same site share a conversation.

// Neutral on purpose: someone may look through the storage of a shared computer.
const KEY = "hv";
let kept; // the page itself remembers, also where the browser forbids storage

export function readStore() {
  attempt(() => (kept ??= JSON.parse(sessionStorage.getItem(KEY))));
  return (kept ??= {});
}

export function writeStore(changes) {
  kept = { ...readStore(), ...changes };
  attempt(() => sessionStorage.setItem(KEY, JSON.stringify(kept)));
}

export function wipeStore() {
  kept = {};
  attempt(() => sessionStorage.removeItem(KEY));
}

function attempt(storing) {
  try {
    storing();
  } catch {
    // Forbidden, full or damaged: what the page remembers has to do.
  }
}

/** Tabs of one site: a new one asks for the session, all hear of an erasure or an exit. */
export class Tabs {
  constructor(base, hear) {
    this.name = KEY + base;
    if (!window.BroadcastChannel) return;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }) => this.receive(data, hear);
  }

  receive(data, hear) {
    if (data.ask) hear.asked(data.not);
    if (data.session) this.answer?.(data.session);
    if (data.tell) hear.told(data.tell);
  }

  /** The session another tab holds, other than `not`; null when none answers within `patience` (ms). */
  ask(not, patience = 150) {
    if (!this.channel) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.answer = (session) => session.token !== not && resolve(session);
      setTimeout(resolve, patience, null);
      this.channel.postMessage({ ask: true, not });
    });
  }

  give(session) {
    this.channel?.postMessage({ session });
  }

  tell(what) {
    this.channel?.postMessage({ tell: what });
  }
}
