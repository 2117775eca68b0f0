// Building blocks for elements; no part of the widget ever turns text into markup.

/** h("p.card.warm", {onclick: f, id: "x"}, "text", child...): the properties and all children may be left out. */
export function h(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  if (children[0]?.constructor === Object) setAll(element, children.shift());
  element.append(...children.flat(3).filter(Boolean));
  return element;
}

export function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value != null) element.setAttribute(name, value);
  }
  return element;
}

/** kinds: class names with dots between them. */
export function button(kinds, onclick, ...children) {
  return h(`button.${kinds}`, { type: "button", onclick }, ...children);
}

const PATHS = {
  chat: "M4 4h16v12H9l-5 4z",
  send: "M3 11 21 3l-7 18-3-7z",
  down: "m6 9 6 6 6-6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  phone: "M5 3h4l2 5-3 2a12 12 0 0 0 6 6l2-3 5 2v4a2 2 0 0 1-2 2A17 17 0 0 1 3 5a2 2 0 0 1 2-2z",
  text: "M4 4h16v12H9l-5 4zM8 10h.01M12 10h.01M16 10h.01",
  leave: "M14 4h5v16h-5M3 12h11M9 7l5 5-5 5",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.append(setAll(path, { d: PATHS[name] }));
  return setAll(svg, { viewBox: "0 0 24 24", "aria-hidden": true });
}
