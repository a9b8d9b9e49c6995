// A reader as people's apps are inside: Rust crypto, and messages of unsigned devices not shown.
// Takes one JSON object a line on stdin, answers one a line on stdout; see rust_reader.py.
import { createInterface } from "node:readline";
import {
  DecryptionSettings, DeviceId, DeviceLists, OlmMachine, RequestType, RoomId, TrustRequirement,
  UserId, initAsync,
} from "@matrix-org/matrix-sdk-crypto-wasm";

const API = "/_matrix/client/v3";
let base, token, machine, since;
const seen = new Map(); // event id -> {room, event}, in order of arrival

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
};

async function sendOutgoing() {
  for (const request of await machine.outgoingRequests()) {
    const make = REQUESTS[request.type];
    if (!make) continue;
    const [method, path, body] = make(request);
    const answer = await ask(method, API + path, body);
    await machine.markRequestAsSent(request.id, request.type, answer);
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
      if (event.type === "m.room.member") members.add(event.state_key);
      if (event.type === "m.room.encrypted") seen.set(event.event_id, { room, event });
    }
  }
  await machine.updateTrackedUsers(users([...members]));
  await sendOutgoing();
  since = answer.next_batch;
  return Object.keys(answer.rooms?.invite ?? {});
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
