// One chat: its head, its messages, and the field to write in.

import { empty, icon, make } from "./elements.js";
import { author, drawMessage, plain } from "./message.js";
import { day, knows, words } from "./words.js";

const NEAR_END = 48; // pixels from the end at which a reader counts as being there
const FRESH = 4000; // milliseconds that a new message stays marked
const TOAST = 5000;
const SPOKEN = 400; // characters of a message that a screen reader is told at once
const OTHER = ["sticker", "voice"];

export class ChatPanel {
  // `act` has `write`, `other`, `file`, `press`, `open`, `neighbour` and `read`, all of the page.
  constructor(chat, index, town, act) {
    this.chat = chat;
    this.town = town;
    this.act = act;
    this.unread = 0;
    this.shown = new Map(); // message id -> element
    this.lastDay = "";
    this.build(index);
  }

  get name() {
    return this.chat.title;
  }

  get role() {
    const person = this.town.people.get(this.chat.person);
    const key = person ? "role." + person.role : "kind." + this.chat.kind;
    return knows(key) ? words(key) : person ? person.role : "";
  }

  // --- building ---------------------------------------------------------------------------------

  build(index) {
    const id = "chat-" + index;
    const name = this.name;
    const person = this.town.people.get(this.chat.person);
    this.list = make("ol", {});
    this.log = make("div", {
      class: "log", lang: person ? person.language : this.town.language, role: "log", "aria-live": "off", tabindex: "0",
      "aria-label": words("chat.messages", { name }),
      onkeydown: (event) => this.onKey(event),
      onscroll: () => this.onScroll(),
    }, this.list);
    this.emptyNote = make("p", { class: "empty" }, words("chat.empty"));
    this.newer = make("button", {
      type: "button", class: "newer", hidden: true, onclick: () => this.toEnd(true),
    });
    this.toastBox = make("p", { class: "toast", hidden: true });
    this.element = make(
      "section", { class: "chat colour-" + (index % 6), id, "aria-labelledby": id + "-name" },
      make("header", {},
        make("span", { class: "avatar", "aria-hidden": "true" },
          this.chat.kind === "channel" ? "#" : name.slice(0, 1)),
        make("div", {},
          make("h2", { id: id + "-name" }, name),
          make("p", {}, this.role))),
      make("div", { class: "scroll" }, this.emptyNote, this.log, this.newer, this.toastBox),
      this.chat.person
        ? this.composer(id)
        : make("p", { class: "read-only" }, words("chat.read_only")),
    );
  }

  composer(id) {
    const name = this.name;
    this.field = make("textarea", {
      rows: "1", placeholder: words("chat.write", { name }),
      "aria-label": words("chat.write", { name }), autocomplete: "off", enterkeyhint: "send",
      onkeydown: (event) => {
        // While a word is being composed (accents, other scripts), Enter belongs to the keyboard.
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          this.send();
        }
      },
      oninput: () => this.fit(),
    });
    this.menu = make("div", { class: "menu", id: id + "-menu", hidden: true });
    this.menuButton = make("button", {
      type: "button", class: "round", "aria-expanded": "false", "aria-controls": id + "-menu",
      "aria-label": words("chat.menu", { name }), title: words("chat.menu", { name }),
      onclick: () => this.toggleMenu(this.menu.hidden),
    }, icon("menu"));
    return make(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          this.send();
        },
        onkeydown: (event) => {
          if (event.key === "Escape" && !this.menu.hidden) {
            this.toggleMenu(false);
            this.menuButton.focus();
          }
        },
        onfocusout: (event) => {
          const to = event.relatedTarget;
          const inside = this.menu.contains(to) || to === this.menuButton;
          if (to && !inside) this.toggleMenu(false);
        },
      },
      this.menuButton, this.menu, this.field,
      make("button", {
        type: "submit", class: "round strong", "aria-label": words("chat.send", { name }),
        title: words("chat.send", { name }),
      }, icon("send")),
    );
  }

  toggleMenu(open) {
    if (open) this.fillMenu();
    this.menu.hidden = !open;
    this.menuButton.setAttribute("aria-expanded", String(open));
  }

  fillMenu() {
    const choose = (what) => () => {
      this.toggleMenu(false);
      what();
      this.field.focus();
    };
    const person = this.town.people.get(this.chat.person);
    const commands = this.town.commands[person.language] || this.town.commands[""] || [];
    empty(this.menu);
    if (commands.length) this.menu.append(make("h3", {}, words("chat.menu.commands")));
    for (const command of commands) {
      const words = "/" + command.name;
      this.menu.append(make(
        "button", { type: "button", onclick: choose(() => this.act.write(this.chat, words)) },
        make("strong", {}, words), make("span", { lang: person.language }, command.summary)));
    }
    this.menu.append(make("h3", {}, words("chat.menu.other")));
    const chosen = make("input", { type: "file", hidden: true, onchange: () => {
      if (chosen.files.length) this.act.file(this.chat, chosen.files[0]);
    } });
    this.menu.append(chosen, make(
      "button", { type: "button", onclick: choose(() => chosen.click()) }, words("what.file")));
    for (const what of OTHER) {
      this.menu.append(make(
        "button", { type: "button", onclick: choose(() => this.act.other(this.chat, what)) },
        words("what." + what)));
    }
  }

  // --- writing ----------------------------------------------------------------------------------

  async send() {
    const text = this.field.value;
    if (!text.trim()) return;
    this.field.value = "";
    this.fit();
    this.toEnd();
    if (!await this.act.write(this.chat, text) && !this.field.value) {
      this.field.value = text; // what was written is not lost because the program was away
      this.fit();
    }
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = this.field.scrollHeight + 2 + "px";
  }

  // --- reading ----------------------------------------------------------------------------------

  // Draws a message, or draws it again. `live` is false for what was there before the page.
  show(message, live) {
    const old = this.shown.get(message.id);
    const atEnd = this.isAtEnd();
    const drawn = drawMessage(message, this.chat, this.town, this.act);
    this.shown.set(message.id, drawn);
    this.emptyNote.hidden = true;
    if (old) {
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(drawn);
      // The button under the finger is gone: the keyboard stays at the message it belonged to.
      if (hadFocus) (drawn.querySelector(".buttons button") || drawn).focus();
    } else {
      this.startDay(message);
      this.list.append(drawn);
    }
    if (live && message.author === "bot") this.mark(drawn, !old, atEnd);
    if (atEnd) this.toEnd();
  }

  startDay(message) {
    const name = day(new Date(message.at), this.town.zone);
    if (name === this.lastDay) return;
    this.lastDay = name;
    this.list.append(make("li", { class: "day" }, make("span", {}, name)));
  }

  mark(drawn, isNew, atEnd) {
    drawn.classList.add("fresh");
    this.element.classList.add("called");
    clearTimeout(this.calming);
    this.calming = setTimeout(() => {
      this.element.classList.remove("called");
      this.log.querySelectorAll(".fresh").forEach((each) => each.classList.remove("fresh"));
    }, FRESH);
    if (isNew && !(atEnd && this.isVisible())) this.setUnread(this.unread + 1);
  }

  describe(message) {
    const key = message.edited ? "chat.announce.edited" : "chat.announce";
    const text = plain(message).slice(0, SPOKEN);
    return words(key, { chat: this.name, author: author(message, this.town), text });
  }

  toast(text) {
    if (!text) return;
    this.toastBox.textContent = text;
    this.toastBox.hidden = false;
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => { this.toastBox.hidden = true; }, TOAST);
  }

  isVisible() {
    return this.log.offsetParent !== null;
  }

  isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END;
  }

  toEnd(focus) {
    this.log.scrollTop = this.log.scrollHeight;
    if (this.isVisible()) this.setUnread(0);
    if (focus) this.log.focus();
  }

  onScroll() {
    if (this.unread && this.isVisible() && this.isAtEnd()) this.setUnread(0);
  }

  setUnread(count) {
    this.unread = count;
    this.newer.hidden = count === 0;
    empty(this.newer);
    if (count) this.newer.append(this.unreadWords(), icon("down"));
    this.act.read();
  }

  unreadWords() {
    return this.unread === 1
      ? words("chat.new.one")
      : words("chat.new.many", { n: this.unread });
  }

  // Left and right lead from one chat's messages to the next one's; up and down scroll.
  onKey(event) {
    if (event.target !== this.log || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowRight") this.act.neighbour(this, 1);
    else if (event.key === "ArrowLeft") this.act.neighbour(this, -1);
    else return;
    event.preventDefault();
  }

  focus() {
    (this.field || this.log).focus();
  }
}
