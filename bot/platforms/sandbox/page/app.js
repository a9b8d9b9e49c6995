// The page: what the server tells goes to the clock, the tour and the chats; what people do, back.

import { ChatPanel } from "./chat.js";
import { ClockBar } from "./clock.js";
import { empty, make } from "./elements.js";
import { Tabs } from "./tabs.js";
import { Tour } from "./tour.js";
import { language, speak, words } from "./words.js";

const SAID_AT_ONCE = 3; // messages that a screen reader is told one by one

const find = (id) => document.getElementById(id);

const town = { people: new Map(), messages: new Map(), commands: {}, zone: "UTC", language: "" };
let state = null;
let panels = [];
let dismissed = "";
let lost = false;

const clock = new ClockBar(find("clock"), ask, say);
const tour = new Tour(find("tour"), (person) => goTo(panelOf("@" + person)));
const tabs = new Tabs(find("tabs"), () => panels);

const act = {
  write: (chat, text) => ask("/write", { person: chat.person, text }),
  other: (chat, what) => ask("/other", { person: chat.person, what }),
  file: async (chat, file) => {
    const read = new FileReader();
    const done = new Promise((resolve) => { read.onload = resolve; });
    read.readAsDataURL(file);
    await done;
    const content = read.result.slice(read.result.indexOf(",") + 1);
    const mime = file.type || "application/octet-stream";
    return ask("/file", { person: chat.person, name: file.name, mime, content });
  },
  press: (message, data) => {
    const chat = panelOf(town.messages.get(message).chat).chat;
    // Where people only read, somebody who reads there presses.
    const person = chat.person || chat.readers[0];
    return ask("/press", { person, message, data });
  },
  open: async (person, word) => {
    await ask("/write", { person, text: word });
    goTo(panelOf("@" + person));
  },
  neighbour: (panel, step) => {
    const next = panels[(panels.indexOf(panel) + step + panels.length) % panels.length];
    tabs.select(next);
    next.log.focus();
  },
  read: () => tabs.draw(),
};

// --- asking -------------------------------------------------------------------------------------

async function ask(path, body) {
  let why = "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) return await answer.json();
    why = (await answer.text()).slice(0, 200);
  } catch (error) {
    why = words("lost");
  }
  say(words("failed", { why }));
  return null;
}

// --- being told ---------------------------------------------------------------------------------

function listen() {
  const live = new EventSource("/live");
  const on = (name, what) => live.addEventListener(
    name, (event) => what(JSON.parse(event.data)));
  on("state", begin);
  on("news", (news) => hear(news, true));
  on("clock", (told) => clock.tell(told));
  on("milestones", (steps) => tour.tell(steps));
  live.onopen = () => setLost(false);
  live.onerror = () => {
    setLost(true);
    // A browser gives up for good on some answers; asking again is ours then.
    if (live.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

// The same town after a lost connection, or another one.
function begin(told) {
  const same = state !== null && shape(state) === shape(told);
  state = told;
  town.people = new Map(told.people.map((person) => [person.key, person]));
  town.commands = told.commands;
  town.zone = told.zone;
  town.language = told.language;
  clock.zone = told.zone;
  tour.names = new Map(told.people.map((person) => [person.key, person.name]));
  find("restart").hidden = !told.restart;
  if (same) {
    const known = (message) =>
      JSON.stringify(town.messages.get(message.id)) === JSON.stringify(message);
    hear({ messages: told.messages.filter((message) => !known(message)), toasts: [] }, true);
  } else {
    town.messages = new Map(inOrder(told.messages).map((message) => [message.id, message]));
    buildChats();
  }
  notices();
}

function shape(told) {
  return JSON.stringify([told.layout.split(":")[0], told.people, told.chats, told.zone]);
}

// Told in the order of their last change; shown in the order of their sending.
function inOrder(messages) {
  const number = (message) => Number(message.id.split("-").pop());
  return messages.slice().sort((one, other) => number(one) - number(other));
}

function hear(news, live) {
  const told = [];
  for (const message of inOrder(news.messages)) {
    town.messages.set(message.id, message);
    const panel = panelOf(message.chat);
    if (!panel) continue;
    panel.show(message, live);
    if (live && message.author === "bot") told.push(panel.describe(message));
  }
  if (told.length > SAID_AT_ONCE) announce(words("chat.new.many", { n: told.length }));
  else if (told.length) announce(told.join(" "));
  for (const toast of news.toasts) {
    const panel = panelOf("@" + toast.person);
    if (panel && toast.text) {
      panel.toast(toast.text);
      announce(toast.text);
    }
  }
  tabs.draw();
}

// --- showing ------------------------------------------------------------------------------------

function buildChats() {
  const selected = tabs.selected ? tabs.selected.chat.id : "";
  const drafts = new Map(panels.map((panel) => [panel.chat.id, panel.field && panel.field.value]));
  panels = state.chats.map((chat, index) => new ChatPanel(chat, index, town, act));
  empty(find("chats"));
  find("chats").append(...panels.map((panel) => panel.element));
  hear({ messages: Array.from(town.messages.values()), toasts: [] }, false);
  for (const panel of panels) {
    if (panel.field && drafts.get(panel.chat.id)) panel.field.value = drafts.get(panel.chat.id);
  }
  tabs.build(panelOf(selected) || panels[0]);
  panels.forEach((panel) => panel.toEnd());
  tour.build();
}

function panelOf(chat) {
  return panels.find((panel) => panel.chat.id === chat);
}

function goTo(panel) {
  if (!panel) return;
  tabs.select(panel);
  panel.element.scrollIntoView({ block: "nearest" });
  panel.focus();
}

// What happened elsewhere than in a chat; `quiet` is for those who only hear.
function say(text, quiet) {
  announce(text);
  if (quiet) return;
  const line = make("p", { class: "notice brief" }, text);
  find("notices").append(line);
  setTimeout(() => line.remove(), 5000);
}

function announce(text) {
  const line = make("p", {}, text);
  find("announcer").append(line);
  setTimeout(() => line.remove(), 8000);
}

function setLost(now) {
  if (now === lost) return;
  lost = now;
  notices();
  if (now) announce(words("lost"));
}

function notices() {
  find("notices").querySelectorAll(".notice:not(.brief)").forEach((each) => each.remove());
  if (lost) find("notices").append(make("p", { class: "notice" }, words("lost")));
  const other = state && state.restart && state.language !== language();
  if (!other || dismissed === language()) return;
  find("notices").append(make("div", { class: "notice" },
    make("span", {}, words("restart.offer")),
    make("button", { type: "button", class: "plain", onclick: restart }, words("restart.do")),
    make("button", {
      type: "button", class: "link",
      onclick: () => {
        dismissed = language();
        notices();
        find("chats").focus();
      },
    }, words("dismiss"))));
}

async function restart() {
  if (confirm(words("restart.sure"))) await ask("/restart", { language: language() });
}

// --- the language of the page -------------------------------------------------------------------

function translate() {
  document.documentElement.lang = language();
  document.querySelectorAll("[data-words]").forEach((element) => {
    element.textContent = words(element.getAttribute("data-words"));
  });
  document.querySelectorAll("[data-label]").forEach((element) => {
    element.setAttribute("aria-label", words(element.getAttribute("data-label")));
  });
  document.querySelectorAll("[data-language]").forEach((button) => {
    const pressed = button.getAttribute("data-language") === language();
    button.setAttribute("aria-pressed", String(pressed));
  });
  clock.build();
  if (state) buildChats();
  notices();
}

document.querySelectorAll("[data-language]").forEach((button) => {
  button.addEventListener("click", () => {
    speak(button.getAttribute("data-language"));
    history.replaceState(null, "", "?lang=" + language());
    translate();
  });
});
find("restart").addEventListener("click", restart);
translate();
listen();
