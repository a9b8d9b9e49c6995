// The page's own words. What the bot says comes from the program's catalogues.

const WORDS = {
  es: {
    "skip": "Ir a los chats",
    "subtitle": "Ensayo: nada sale de esta máquina.",
    "languages": "Lengua de la página",
    "restart": "Reiniciar",
    "restart.sure": "¿Reiniciar? Se borra todo lo que pasó en este ensayo.",
    "restart.offer": "En este ensayo se habla inglés.",
    "restart.do": "Reiniciar en español",
    "dismiss": "Cerrar este aviso",
    "lost": "El programa no responde. Se vuelve a intentar…",
    "failed": "No se pudo. {why}",
    "clock": "Reloj del ensayo",
    "clock.speed": "Velocidad del reloj",
    "clock.pause": "Pausa",
    "clock.speed.1": "Tiempo real",
    "clock.speed.60": "Un minuto por segundo",
    "clock.speed.600": "Diez minutos por segundo",
    "clock.speed.3600": "Una hora por segundo",
    "clock.forward.900": "+15 min",
    "clock.forward.3600": "+1 h",
    "clock.next": "Lo que sigue",
    "clock.next.hint": "Adelanta el reloj hasta lo próximo que va a pasar",
    "clock.nothing": "No hay nada pendiente.",
    "clock.at": "Son las {time} del {date}.",
    "chats": "Chats",
    "chat.of": "Chat de {name} con Acuerpa",
    "chat.messages": "Mensajes de {name}",
    "chat.write": "Escribe como {name}",
    "chat.send": "Enviar como {name}",
    "chat.menu": "Menú de {name}",
    "chat.menu.commands": "Comandos",
    "chat.menu.other": "Mandar otra cosa",
    "chat.read_only": "Aquí solo se lee.",
    "chat.empty": "Todavía no hay mensajes.",
    "chat.new.one": "1 mensaje nuevo",
    "chat.new.many": "{n} mensajes nuevos",
    "chat.announce": "{chat}. {author}: {text}",
    "chat.announce.edited": "{chat}. {author} editó: {text}",
    "message.edited": "editado",
    "message.pinned": "fijado",
    "message.deleted": "Mensaje retirado",
    "message.forwarded": "Reenviado",
    "message.file": "Archivo: {name}",
    "invitation.open": "Abrir la invitación como…",
    "what.sticker": "Sticker",
    "what.file": "Foto o documento…",
    "what.photo": "Foto",
    "what.document": "Documento",
    "what.voice": "Nota de voz",
    "what.location": "Ubicación",
    "role.defender": "Integrante",
    "role.responder": "Red de respuesta",
    "role.coordinator": "Coordinación",
    "role.organisation": "Organización",
    "role.observer": "Observancia",
    "kind.channel": "Canal público",
    "kind.group": "Grupo",
    "tour": "Recorrido",
    "tour.title": "Tres pasos, tres minutos",
    "tour.progress": "Paso {n} de {all}",
    "tour.finished": "Recorrido completo",
    "tour.closing": "Eso es Acuerpa: preguntar, avisar a la red, denunciar. Ahora prueba lo que quieras.",
    "tour.done": "hecho",
    "tour.go": "Ir al chat de {name}",
    "tour.checkin_missed": "Deja pasar el chequeo de {name}",
    "tour.checkin_missed.how":
      "Presiona «Lo que sigue» hasta que su red reciba el aviso. {name} no responde.",
    "tour.incident_resolved": "{name} toma el incidente y lo cierra",
    "tour.incident_resolved.how":
      "En su chat: «Yo me encargo»; luego «Cerrar», y cómo terminó.",
    "tour.denunciation_published": "{name} publica una denuncia",
    "tour.denunciation_published.how":
      "Escribe /denuncia, un título y el texto, y envíala a revisión. "
      + "Otra persona la aprueba en su propio chat.",
  },
  en: {
    "skip": "Skip to the chats",
    "subtitle": "A rehearsal: nothing leaves this machine.",
    "languages": "Language of the page",
    "restart": "Restart",
    "restart.sure": "Restart? Everything that happened in this rehearsal is erased.",
    "restart.offer": "The people of this rehearsal speak Spanish.",
    "restart.do": "Restart in English",
    "dismiss": "Close this notice",
    "lost": "The program does not answer. Trying again…",
    "failed": "That did not work. {why}",
    "clock": "Clock of the rehearsal",
    "clock.speed": "Speed of the clock",
    "clock.pause": "Pause",
    "clock.speed.1": "Real time",
    "clock.speed.60": "One minute a second",
    "clock.speed.600": "Ten minutes a second",
    "clock.speed.3600": "One hour a second",
    "clock.forward.900": "+15 min",
    "clock.forward.3600": "+1 h",
    "clock.next": "What comes next",
    "clock.next.hint": "Moves the clock to the next thing that will happen",
    "clock.nothing": "Nothing is waiting to happen.",
    "clock.at": "It is {time}, {date}.",
    "chats": "Chats",
    "chat.of": "Chat of {name} with Acuerpa",
    "chat.messages": "Messages of {name}",
    "chat.write": "Write as {name}",
    "chat.send": "Send as {name}",
    "chat.menu": "Menu of {name}",
    "chat.menu.commands": "Commands",
    "chat.menu.other": "Send something else",
    "chat.read_only": "For reading only.",
    "chat.empty": "No messages yet.",
    "chat.new.one": "1 new message",
    "chat.new.many": "{n} new messages",
    "chat.announce": "{chat}. {author}: {text}",
    "chat.announce.edited": "{chat}. {author} edited: {text}",
    "message.edited": "edited",
    "message.pinned": "pinned",
    "message.deleted": "Message taken back",
    "message.forwarded": "Forwarded",
    "message.file": "File: {name}",
    "invitation.open": "Open the invitation as…",
    "what.sticker": "Sticker",
    "what.file": "Photo or document…",
    "what.photo": "Photo",
    "what.document": "Document",
    "what.voice": "Voice note",
    "what.location": "Location",
    "role.defender": "Member",
    "role.responder": "Responder",
    "role.coordinator": "Coordination",
    "role.organisation": "Organisation",
    "role.observer": "Observer",
    "kind.channel": "Public channel",
    "kind.group": "Group",
    "tour": "Tour",
    "tour.title": "Three steps, three minutes",
    "tour.progress": "Step {n} of {all}",
    "tour.finished": "Tour complete",
    "tour.closing": "That is Acuerpa: it asks, tells the network, speaks out. Now try what you like.",
    "tour.done": "done",
    "tour.go": "Go to {name}'s chat",
    "tour.checkin_missed": "Let {name}'s check-in pass",
    "tour.checkin_missed.how":
      "Press “What comes next” until the network is told. {name} does not answer.",
    "tour.incident_resolved": "{name} takes the incident and resolves it",
    "tour.incident_resolved.how":
      "In their chat: “I take it”; then “Close”, and how it ended.",
    "tour.denunciation_published": "{name} publishes a denunciation",
    "tour.denunciation_published.how":
      "Write /denounce, a title and the text, and send it for review. "
      + "Another person approves it in their own chat.",
  },
};

const LOCALES = { es: "es-MX", en: "en-GB" };

let current = preferred();

// The language of ?lang=, else the browser's first that we have, else Spanish.
function preferred() {
  const asked = new URLSearchParams(location.search).get("lang");
  const wishes = [asked].concat(navigator.languages || [navigator.language]);
  for (const wish of wishes) {
    const short = String(wish || "").slice(0, 2).toLowerCase();
    if (WORDS[short]) return short;
  }
  return "es";
}

export function language() {
  return current;
}

export function speak(chosen) {
  current = chosen;
}

export function knows(key) {
  return key in WORDS[current];
}

export function words(key, values) {
  return WORDS[current][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function format(instant, zone, options) {
  return new Intl.DateTimeFormat(
    LOCALES[current], Object.assign({ timeZone: zone }, options)).format(instant);
}

export function hour(instant, zone) {
  return format(instant, zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function day(instant, zone) {
  return format(instant, zone, { weekday: "long", day: "numeric", month: "long" });
}
