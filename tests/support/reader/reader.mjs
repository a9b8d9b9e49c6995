// A reader as people's apps are inside: Rust crypto, and messages of unsigned devices not shown.
// Takes one JSON object a line on stdin, answers one a line on stdout; see rust_reader.py.
import { createInterface } from "node:readline";
import {
  DecryptionSettings, DeviceId, DeviceLists, EncryptionSettings, EventId, OlmMachine, RequestType,
  RoomId, TrustRequirement, UserId, VerificationMethod, initAsync,
} from "@matrix-org/matrix-sdk-crypto-wasm";

const API = "/_matrix/client/v3";
let base, token, machine, since, me;
const seen = new Map(); // event id -> {room, event}, in order of arrival
const people = new Map(); // room -> its members
let comparing; // the verification request that is under way, and our side of its pictures
let pictures;

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(base + path, { method, headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path.split("?")[0]}: ${answer.status} ${text}`);
  return text;
}

const REQUESTS = {
  [RequestType.KeysUpload]: (r) => ["POST", "/keys/upload", r.body],
  [RequestType.KeysQuery]: (r) => ["POST", "/keys/query", r.body],
  [RequestType.KeysClaim]: (r) => ["POST", "/keys/claim", r.body],
  [RequestType.ToDevice]: (r) =>
    ["PUT", `/sendToDevice/${encodeURIComponent(r.event_type)}/${r.txn_id}`, r.body],
  [RequestType.SignatureUpload]: (r) => ["POST", "/keys/signatures/upload", r.body],
};

async function perform(request) {
  if (request.type === RequestType.RoomMessage) {
    await sendInRoom(request.room_id, request.event_type, request.body, request.txn_id);
    if (request.id) await machine.markRequestAsSent(request.id, request.type, '{"event_id":"$"}');
    return;
  }
  const [method, path, body] = REQUESTS[request.type](request);
  const answer = await ask(method, API + path, body);
  if (request.id) await machine.markRequestAsSent(request.id, request.type, answer);
}

async function sendInRoom(room, kind, content, transaction = crypto.randomUUID()) {
  // Made anew for each call: what is handed over is gone.
  const members = () => [...(people.get(room) ?? [])].map((id) => new UserId(id));
  const missing = await machine.getMissingSessions(members());
  if (missing) await perform(missing);
  const settings = new EncryptionSettings();
  for (const request of await machine.shareRoomKey(new RoomId(room), members(), settings)) {
    await perform(request);
  }
  const sealed = await machine.encryptRoomEvent(new RoomId(room), kind, content);
  const path = `${API}/rooms/${encodeURIComponent(room)}/send/m.room.encrypted/${transaction}`;
  return JSON.parse(await ask("PUT", path, sealed)).event_id;
}

async function compareStep() {
  // Goes on with a comparison as far as it can without the person.
  const sas = comparing?.getVerification?.();
  if (sas && !pictures && sas.canBePresented()) {
    pictures = sas.emoji().map((emoji) => emoji.symbol);
  }
}

async function sendOutgoing() {
  for (const request of await machine.outgoingRequests()) {
    if (REQUESTS[request.type] || request.type === RequestType.RoomMessage) await perform(request);
  }
}

async function sync(timeout) {
  const filter = JSON.stringify({ room: { timeline: { limit: 1000 } } });
  const query = new URLSearchParams({ timeout: String(timeout), filter });
  if (since) query.set("since", since);
  const answer = JSON.parse(await ask("GET", `${API}/sync?${query}`));
  const users = (ids) => (ids ?? []).map((id) => new UserId(id));
  const lists = answer.device_lists ?? {};
  await machine.receiveSyncChanges(
    JSON.stringify(answer.to_device?.events ?? []),
    new DeviceLists(users(lists.changed), users(lists.left)),
    new Map(Object.entries(answer.device_one_time_keys_count ?? {})),
    new Set(answer.device_unused_fallback_key_types ?? []),
  );
  const members = new Set();
  for (const [room, info] of Object.entries(answer.rooms?.join ?? {})) {
    for (const event of [...(info.state?.events ?? []), ...(info.timeline?.events ?? [])]) {
      if (event.type === "m.room.member") {
        members.add(event.state_key);
        const inside = people.get(room) ?? people.set(room, new Set()).get(room);
        if (["join", "invite"].includes(event.content.membership)) inside.add(event.state_key);
        else inside.delete(event.state_key);
      }
      if (event.type === "m.room.encrypted" && !seen.has(event.event_id)) {
        seen.set(event.event_id, { room, event });
        if (comparing) await verificationEvent(room, event);
      }
    }
  }
  await machine.updateTrackedUsers(users([...members]));
  await sendOutgoing();
  await compareStep();
  since = answer.next_batch;
  return Object.keys(answer.rooms?.invite ?? {});
}

async function verificationEvent(room, event) {
  const settings = new DecryptionSettings(TrustRequirement.Untrusted);
  try {
    const opened = JSON.parse(
      (await machine.decryptRoomEvent(JSON.stringify(event), new RoomId(room), settings)).event,
    );
    const started = opened.content?.msgtype === "m.key.verification.request";
    if (started || opened.type.startsWith("m.key.verification.")) {
      await machine.receiveVerificationEvent(
        JSON.stringify({ ...opened, room_id: room }), new RoomId(room),
      );
    }
  } catch { /* not for us, or its key is late */ }
}

async function shown({ room, event }) {
  const settings = new DecryptionSettings(TrustRequirement.CrossSigned);
  try {
    const opened = await machine.decryptRoomEvent(
      JSON.stringify(event), new RoomId(room), settings,
    );
    return { event_id: event.event_id, body: JSON.parse(opened.event).content.body, shown: true };
  } catch (error) {
    const why = String(error?.description ?? error?.message ?? error);
    return { event_id: event.event_id, shown: false, why };
  }
}

const COMMANDS = {
  async login({ homeserver, user, password }) {
    await initAsync();
    base = homeserver;
    const identifier = { type: "m.id.user", user };
    const body = { type: "m.login.password", identifier, password };
    const answer = JSON.parse(await ask("POST", `${API}/login`, JSON.stringify(body)));
    token = answer.access_token;
    me = answer;
    machine = await OlmMachine.initialize(
      new UserId(answer.user_id), new DeviceId(answer.device_id),
    );
    await sendOutgoing();
    await sync(0);
    return { user_id: answer.user_id, device_id: answer.device_id };
  },
  async join() {
    const joined = [];
    for (let tries = 0; tries < 20 && !joined.length; tries++) {
      for (const room of await sync(1000)) {
        await ask("POST", `${API}/join/${encodeURIComponent(room)}`, "{}");
        joined.push(room);
      }
    }
    await sync(0);
    return { joined };
  },
  async until({ event_ids }) {
    const end = Date.now() + 20000;
    while (!event_ids.every((id) => seen.has(id))) {
      if (Date.now() > end) throw new Error("not all of them arrived within 20 s");
      await sync(1000);
    }
    await sync(0);
    return {};
  },
  // One's own identity: signing keys, and this device signed by them, as apps do at first login.
  async sign({ reset = false, password }) {
    const made = await machine.bootstrapCrossSigning(reset);
    await perform(made.uploadKeysRequest ?? (await machine.outgoingRequests())[0]).catch(() => {});
    const where = `${API}/keys/device_signing/upload`;
    const body = JSON.parse(made.uploadSigningKeysRequest.body);
    const first = await fetch(base + where, {
      method: "POST", headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify(body),
    });
    if (first.status === 401) {
      const { session } = await first.json();
      const identifier = { type: "m.id.user", user: me.user_id };
      const auth = { type: "m.login.password", identifier, password, session };
      await ask("POST", where, JSON.stringify({ ...body, auth }));
    } else if (!first.ok) throw new Error(`signing keys: ${await first.text()}`);
    await ask("POST", `${API}/keys/signatures/upload`, made.uploadSignaturesRequest.body);
    await sync(0);
    return {};
  },
  async write({ room, text }) {
    const content = JSON.stringify({ msgtype: "m.text", body: text });
    return { event_id: await sendInRoom(room, "m.room.message", content) };
  },
  // Ask somebody to compare pictures: in a room, or from device to device without one.
  async compare({ user, room, device }) {
    pictures = undefined;
    const methods = [VerificationMethod.SasV1];
    if (room) {
      const other = await machine.getIdentity(new UserId(user));
      const content = other.verificationRequestContent(methods);
      const id = await sendInRoom(room, "m.room.message", content);
      comparing = other.requestVerification(new RoomId(room), new EventId(id), methods);
    } else {
      const other = await machine.getDevice(new UserId(user), new DeviceId(device));
      const [request, message] = other.requestVerification(methods);
      comparing = request;
      await perform(message);
    }
    return { flow: comparing.flowId };
  },
  // Until the other side is ready, begin, and go on until there are pictures.
  async pictures() {
    const end = Date.now() + 20000;
    let begun = false;
    while (!pictures) {
      if (Date.now() > end || comparing.isCancelled()) {
        throw new Error(`no pictures: ${comparing.cancelInfo?.cancelCode() ?? "too late"}`);
      }
      if (comparing.isReady() && !begun) {
        begun = true;
        const [, message] = await comparing.startSas();
        await perform(message);
      }
      await sync(500);
    }
    return { pictures };
  },
  async same() {
    for (const request of await comparing.getVerification().confirm()) await perform(request);
    const end = Date.now() + 20000;
    while (!comparing.isDone()) {
      if (Date.now() > end || comparing.isCancelled()) {
        throw new Error(`not done: ${comparing.cancelInfo?.cancelCode() ?? "too late"}`);
      }
      await sync(500);
    }
    return {};
  },
  async differ() {
    await perform(comparing.getVerification().cancelWithCode("m.mismatched_sas"));
    return {};
  },
  async cancelled() {
    const end = Date.now() + 20000;
    while (!comparing.isCancelled()) {
      if (Date.now() > end) throw new Error("not cancelled");
      await sync(500);
    }
    return { code: comparing.cancelInfo.cancelCode() };
  },
  async identity({ user }) {
    await sync(0);
    const other = await machine.getIdentity(new UserId(user));
    return {
      verified: other?.isVerified() ?? false,
      violated: other?.hasVerificationViolation() ?? false,
    };
  },
  async list() {
    const messages = [];
    for (const message of seen.values()) messages.push(await shown(message));
    return { messages };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { ok: true, ...(await COMMANDS[command.do](command)) };
  } catch (error) {
    answer = { ok: false, error: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
process.exit(0);
