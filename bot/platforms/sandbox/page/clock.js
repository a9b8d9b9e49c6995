// The clock bar: what time it is in the town, how fast it runs, and moving it forward.

import { empty, icon, make } from "./elements.js";
import { day, hour, words } from "./words.js";

const SPEEDS = [0, 1, 60, 600, 3600];
const FORWARD = [900, 3600];
const REFRESH = 250; // milliseconds between two drawings of the running clock

export class ClockBar {
  // `ask(path, body)` sends a request and gives its answer, or null if it failed.
  constructor(element, ask, say) {
    this.element = element;
    this.ask = ask;
    this.say = say;
    this.zone = "UTC";
    this.known = { now: new Date(0), speed: 0, at: 0 };
    this.busy = false;
    setInterval(() => this.draw(), REFRESH);
  }

  build() {
    empty(this.element);
    this.time = make("strong", { class: "time" });
    this.date = make("span", { class: "date" });
    this.speeds = SPEEDS.map((speed) => make(
      "button",
      {
        type: "button",
        title: words(speed ? "clock.speed." + speed : "clock.pause"),
        "aria-label": words(speed ? "clock.speed." + speed : "clock.pause"),
        onclick: () => this.move("/speed", { speed }),
      },
      speed ? "×" + speed : icon("pause"),
    ));
    this.forward = FORWARD.map((seconds) => make(
      "button",
      { type: "button", class: "plain", onclick: () => this.move("/jump", { seconds }) },
      words("clock.forward." + seconds),
    ));
    this.next = make(
      "button",
      {
        type: "button", class: "strong next", title: words("clock.next.hint"),
        onclick: () => this.move("/next", {}),
      },
      words("clock.next"), icon("next"),
    );
    this.element.append(
      make("time", { class: "now" }, this.time, this.date),
      make("div", { class: "speeds", role: "group", "aria-label": words("clock.speed") },
        ...this.speeds),
      make("div", { class: "jumps" }, ...this.forward, this.next),
    );
    this.draw();
  }

  tell(clock) {
    this.known = { now: new Date(clock.now), speed: clock.speed, at: performance.now() };
    this.draw();
  }

  now() {
    const passed = (performance.now() - this.known.at) * this.known.speed;
    return new Date(this.known.now.getTime() + passed);
  }

  draw() {
    if (!this.time) return;
    const now = this.now();
    write(this.time, hour(now, this.zone));
    write(this.date, day(now, this.zone));
    this.speeds.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(SPEEDS[index] === this.known.speed));
    });
  }

  // One move at a time: a second press while the town works would go further than was meant. The
  // buttons stay focusable, so that a keyboard does not lose its place.
  async move(path, body) {
    if (this.busy) return;
    this.setBusy(true);
    const answer = await this.ask(path, body);
    this.setBusy(false);
    if (answer === null) return;
    this.tell(answer);
    if (answer.found === false) this.say(words("clock.nothing"));
    else if (path !== "/speed") {
      const now = this.now();
      this.say(words("clock.at", { time: hour(now, this.zone), date: day(now, this.zone) }), true);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    for (const button of [this.next].concat(this.forward)) {
      button.setAttribute("aria-disabled", String(busy));
    }
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
