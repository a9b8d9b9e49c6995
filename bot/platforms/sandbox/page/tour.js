// The guided tour: a checklist that ticks itself when the server sees the steps happen.

import { empty, icon, make, unseen } from "./elements.js";
import { knows, words } from "./words.js";

export class Tour {
  // `go(person)` leads to somebody's chat.
  constructor(element, go) {
    this.element = element;
    this.go = go;
    this.steps = [];
    this.names = new Map();
    this.open = false;
  }

  tell(steps) {
    this.steps = steps.filter((step) => knows("tour." + step.key));
    this.build();
  }

  // On a narrow screen the list is folded, and its head names the step that is next.
  build() {
    const focused = document.activeElement;
    const place = this.element.contains(focused) ? focused.getAttribute("data-place") : null;
    empty(this.element);
    this.element.hidden = this.steps.length === 0;
    if (this.element.hidden) return;

    const at = this.steps.findIndex((step) => !step.done);
    const progress = at < 0
      ? words("tour.finished")
      : words("tour.progress", { n: at + 1, all: this.steps.length });
    const head = make(
      "button",
      {
        type: "button", class: "fold", "aria-expanded": String(this.open),
        "aria-controls": "steps", "data-place": "head",
        onclick: () => {
          this.open = !this.open;
          this.build();
        },
      },
      make("span", { class: "progress" }, progress),
      make("span", { class: "current" }, at < 0 ? "" : this.title(this.steps[at])),
      icon("down"),
    );
    const list = make("ol", { id: "steps", class: this.open ? "steps open" : "steps" },
      ...this.steps.map((step, index) => this.step(step, index === at)));
    this.element.append(
      make("h2", {}, words("tour.title")), head, list,
      at < 0 ? make("p", { class: "closing" }, words("tour.closing")) : "",
    );
    const again = place && this.element.querySelector('[data-place="' + place + '"]');
    if (again) again.focus();
  }

  title(step) {
    return words("tour." + step.key, { name: this.names.get(step.person) || "" });
  }

  step(step, current) {
    const name = this.names.get(step.person);
    const state = step.done ? "done" : current ? "current" : "ahead";
    return make(
      "li", { class: state, "aria-current": current ? "step" : null },
      make("span", { class: "mark" }, step.done ? icon("check") : ""),
      make("div", {},
        make("p", { class: "title" }, this.title(step),
          step.done ? unseen(" (" + words("tour.done") + ")") : ""),
        step.done ? null : make("p", {}, words("tour." + step.key + ".how", { name })),
        current && name
          ? make("button", {
            type: "button", class: "link", "data-place": step.key,
            onclick: () => this.go(step.person),
          }, words("tour.go", { name }))
          : null),
    );
  }
}
