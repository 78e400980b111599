// The event stream as a client gets it: its bytes, and what the typed client's codec makes of them.

import {routes} from "@lodestar/api";

import {topicsOf} from "./events.js";
import {CALL, named, sha256, textOf} from "./row.js";

const ROUTE = "eventstream";
const HEARD_WITHIN_MS = 30_000;

/** Splits a stream of bytes at the empty lines; comments are left out. */
async function* eventsOf(body) {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    text += decoder.decode(bytes, {stream: true});
    const events = text.split("\n\n");
    text = events.pop();
    yield* events.map((event) => event.replace(/^\n+/, "")).filter((event) => event && !event.startsWith(":"));
  }
}

/** What a line of an event says. */
function line(event, name) {
  return new RegExp(`^${name}: ?(.*)$`, "m").exec(event)?.[1];
}

/** What the client makes of an event. */
function made(codec, topic, event) {
  try {
    return {decoded: sha256(textOf(codec.fromJson(topic, JSON.parse(line(event, "data")))))};
  } catch (error) {
    return {undecodable: error.message};
  }
}

/** A row for the stream itself and one for each topic. */
export async function* listen(chain, {url, control, beacons, slot}) {
  const topics = topicsOf(chain);
  const abort = new AbortController();
  const late = setTimeout(() => abort.abort(Error("not all events came")), HEARD_WITHIN_MS);
  const name = `${ROUTE} stream`;
  const headers = {[CALL]: named(name), accept: "text/event-stream"};
  const query = topics.map((topic) => `topics=${topic}`).join("&");
  // A beacon of Lodestar's sends no head of its answer before the first event.
  const stream = fetch(`${url}/eth/v1/events?${query}`, {headers, signal: abort.signal});
  const body = JSON.stringify({beacons, topics, slot: slot - 1});
  const told = await fetch(`http://127.0.0.1:${control}/events`, {method: "POST", body});
  if (!told.ok) throw Error("the beacons were not asked for all topics");
  const answer = await stream;
  yield {name, route: ROUTE, variant: "", status: answer.status, headers: Object.fromEntries(answer.headers)};
  const heard = new Map();
  for await (const event of eventsOf(answer.body)) {
    heard.set(line(event, "event"), event);
    if (topics.every((topic) => heard.has(topic))) break;
  }
  clearTimeout(late);
  abort.abort();
  const codec = routes.events.getEventSerdes(chain.config);
  for (const topic of topics) {
    const event = heard.get(topic);
    const row = {name: `${ROUTE} ${topic}`, route: ROUTE, variant: topic, sha256: sha256(event), bytes: event.length};
    yield {...row, ...made(codec, topic, event)};
  }
}
