// One message, drawn.

import { icon, make, unseen } from "./elements.js";
import { hour, knows, words } from "./words.js";

const BOT = "bot";
const TAGS = { plain: null, bold: "strong", italic: "em", code: "code" };
const LONG = 1500; // characters from which a text scrolls in a box of its own
const QUOTE = 80;
const INVITATION = /sandbox:[\w-]+/;

export function author(message, town) {
  const person = town.people.get(message.author);
  return message.author === BOT ? "Acuerpa" : person ? person.name : message.author;
}

export function plain(message) {
  if (message.deleted) return words("message.deleted");
  const text = message.text.map((span) => span[0]).join("");
  if (!message.what) return text;
  const what = knows("what." + message.what) ? words("what." + message.what) : message.what;
  return text ? what + ": " + text : what;
}

// `act` has `press(message, data)` and `open(person, word)`.
export function drawMessage(message, chat, town, act) {
  const at = new Date(message.at);
  const mine = message.author !== BOT;
  return make(
    "li",
    { class: mine ? "message person" : "message bot", tabindex: "-1", "data-id": message.id },
    make("div", { class: message.deleted ? "bubble deleted" : "bubble" },
      chat.kind === "group" && mine
        ? make("p", { class: "author" }, author(message, town))
        : unseen(author(message, town) + ": "),
      message.forwarded ? make("p", { class: "note" }, words("message.forwarded")) : null,
      quote(message, town),
      text(message),
      ...files(message),
      make("p", { class: "meta" },
        message.pinned ? make("span", { class: "edited" }, words("message.pinned")) : null,
        message.edited ? make("span", { class: "edited" }, words("message.edited")) : null,
        make("time", { datetime: message.at }, hour(at, town.zone)))),
    invitation(message, chat, town, act),
    buttons(message, act),
  );
}

// As many beside each other as fit, whatever their rows: a panel is low, and the question above
// its answers must stay in sight.
function buttons(message, act) {
  const all = [].concat(...message.buttons);
  if (!all.length) return null;
  return make("div", { class: "buttons" }, ...all.map((button) => make(
    "button",
    { type: "button", onclick: () => act.press(message.id, button.data) },
    button.label)));
}

function text(message) {
  if (message.deleted || message.what) return make("p", { class: "text" }, plain(message));
  const long = plain(message).length > LONG;
  return make(
    "p", { class: long ? "text long" : "text", tabindex: long ? "0" : null },
    ...message.text.map((span) => TAGS[span[1]] ? make(TAGS[span[1]], {}, span[0]) : span[0]),
  );
}

function quote(message, town) {
  const answered = message.replyTo && town.messages.get(message.replyTo);
  if (!answered) return null;
  return make("blockquote", {}, plain(answered).slice(0, QUOTE));
}

function files(message) {
  return message.files.map((file, index) => {
    const address = "/files/" + message.id + "/" + index;
    const label = words("message.file", { name: file.name });
    return file.mime.startsWith("image/")
      ? make("img", { src: address, alt: label })
      : make("a", { href: address, download: file.name, class: "file" }, label);
  });
}

// Somebody else opens an invitation: in the town it is passed on by choosing who.
function invitation(message, chat, town, act) {
  const found = message.deleted ? null : INVITATION.exec(plain(message));
  if (!found || message.author !== BOT) return null;
  const others = Array.from(town.people.values()).filter((person) => person.key !== chat.person);
  return make("details", { class: "invitation" },
    make("summary", {}, words("invitation.open"), icon("down")),
    make("div", { class: "buttons" }, ...others.map((person) => make(
      "button", { type: "button", onclick: () => act.open(person.key, found[0]) }, person.name))));
}
