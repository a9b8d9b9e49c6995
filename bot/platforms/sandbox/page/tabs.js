// On a narrow screen one chat is seen at a time, chosen by tabs that count what is unread.

import { empty, make, unseen } from "./elements.js";

const NARROW = window.matchMedia("(max-width: 759px)");

export class Tabs {
  // `panels()` gives the chats of now.
  constructor(element, panels) {
    this.element = element;
    this.panels = panels;
    this.selected = null;
    this.buttons = new Map(); // panel -> tab
    NARROW.addListener(() => this.arrange()); // addEventListener is younger than old phones
  }

  build(selected) {
    this.selected = selected || null;
    this.buttons = new Map();
    empty(this.element);
    for (const panel of this.panels()) {
      const tab = make(
        "button",
        {
          type: "button", role: "tab", id: panel.element.id + "-tab",
          class: panel.element.className.replace("chat", "tab"),
          "aria-controls": panel.element.id,
          onclick: () => this.select(panel),
          onkeydown: (event) => this.onKey(event, panel),
        },
        make("span", { class: "name" }, panel.name),
        make("span", { class: "count" }),
      );
      this.buttons.set(panel, tab);
      this.element.append(tab);
    }
    this.arrange();
  }

  // A panel is a tab's panel only where there are tabs.
  arrange() {
    for (const panel of this.panels()) {
      const hidden = NARROW.matches && panel !== this.selected;
      panel.element.classList.toggle("away", hidden);
      if (NARROW.matches) panel.element.setAttribute("role", "tabpanel");
      else panel.element.removeAttribute("role");
    }
    this.draw();
    if (this.selected && NARROW.matches) this.selected.toEnd();
  }

  draw() {
    this.buttons.forEach((tab, panel) => {
      const chosen = panel === this.selected;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      const count = tab.querySelector(".count");
      empty(count);
      if (!panel.unread) return;
      const number = make("span", { "aria-hidden": "true" }, String(panel.unread));
      count.append(number, unseen(", " + panel.unreadWords()));
    });
  }

  select(panel) {
    if (panel === this.selected) return;
    this.selected = panel;
    this.arrange();
    const tab = this.buttons.get(panel);
    if (tab) tab.scrollIntoView({ block: "nearest", inline: "center" });
  }

  onKey(event, panel) {
    const all = this.panels();
    const at = all.indexOf(panel);
    const to = {
      ArrowRight: (at + 1) % all.length, ArrowLeft: (at - 1 + all.length) % all.length,
      Home: 0, End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(all[to]);
    this.buttons.get(all[to]).focus();
  }
}
