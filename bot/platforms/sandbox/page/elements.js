// Making elements without a framework. Text is always set as text, never as markup.

export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const name of Object.keys(attributes || {})) {
    const value = attributes[name];
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function empty(element) {
  element.textContent = "";
}

// What only a screen reader says.
export function unseen(text) {
  return make("span", { class: "unseen" }, text);
}

// The line icons, drawn here so that no font and no emoji bears a meaning alone.
const PATHS = {
  send: "M4 12h14M12 5l7 7-7 7",
  menu: "M4 7h16M4 12h16M4 17h10",
  next: "M6 5l9 7-9 7zM18 5v14",
  pause: "M8 5v14M16 5v14",
  check: "M5 12.5l5 5L19 7",
  down: "M12 5v14M6 13l6 6 6-6",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
