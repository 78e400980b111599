// A typed client that calls every route at one address, in every form the route knows.
//
//   node client.js '{"fork": "fulu", "genesis": 1700000000, "slotMs": 12000, "slot": 165, "url": "http://127.0.0.1:5052",
//                    "control": 9000, "beacons": [0]}'
//
// Prints a JSON object a call: its name, what came back as it was sent, and what the client made of it. `control` and
// `beacons` say who is made to tell events, see server.js.

import {WireFormat, getClient, routes} from "@lodestar/api";

import {callsOf, foreignTo} from "./calls.js";
import {Chain} from "./chain.js";
import {listen} from "./listener.js";
import {CALL, named, sha256, textOf} from "./row.js";

const {json, ssz} = WireFormat;
/** Bodies that are shown as they are, in bytes. */
const SHORT = 1_000;

const {slot, url, control, beacons, ...given} = JSON.parse(process.argv[2]);
const chain = new Chain(given);
/** What came back last, as it was sent. */
let seen;
const client = getClient({baseUrl: url, fetch: look}, {config: chain.config});
const definitions = new Map();
for (const namespace of ["beacon", "config", "node", "validator"]) {
  const all = Object.entries(routes[namespace].getDefinitions(chain.config));
  for (const [route, definition] of all) definitions.set(route, {namespace, ...definition});
}

async function look(address, init) {
  const answer = await fetch(address, init);
  const {status, statusText, headers} = answer;
  const body = Buffer.from(await answer.arrayBuffer());
  seen = {status, headers: Object.fromEntries(headers), sha256: sha256(body), bytes: body.length};
  if (body.length < SHORT && headers.get("content-type")?.startsWith("application/json")) seen.text = body.toString();
  return new Response(body.length > 0 ? body : null, {status, statusText, headers});
}

/** The forms a route knows: of its request and of its answer, none where there is no body. */
function formsOf({req, resp}) {
  const sends = "writeReqJson" in req ? (req.onlySupport ? [req.onlySupport] : [json, ssz]) : [undefined];
  const gets = resp.isEmpty ? [undefined] : resp.onlySupport ? [resp.onlySupport] : [json, ssz];
  return sends.flatMap((send) => gets.map((get) => [send, get]));
}

/** What the client makes of an answer. */
async function made(definition, {route, args}, init) {
  const {body, params, query} = definition.req.schema;
  const form = `${init.requestWireFormat} ${init.responseWireFormat}`;
  const said = typeof args === "function" ? args(form) : args;
  const given = (body ?? params ?? query) === undefined ? [] : [said];
  try {
    const answer = await client[definition.namespace][route](...given, init);
    if (!answer.ok) return {error: answer.error().message};
    const decoded = answer.wireFormat() ? [answer.value(), answer.meta()] : [];
    return {decoded: sha256(textOf(decoded))};
  } catch (error) {
    return {undecodable: error.message};
  }
}

const rest = new Set(definitions.keys());
for (const route of foreignTo(chain)) rest.delete(route);
for (const call of callsOf(chain, slot)) {
  const {route, variant} = call;
  const definition = definitions.get(route);
  rest.delete(route);
  for (const [send, get] of formsOf(definition)) {
    const name = [route, variant, send, get && `→ ${get}`].filter(Boolean).join(" ");
    const init = {requestWireFormat: send, responseWireFormat: get, headers: {[CALL]: named(name)}};
    seen = {};
    const result = await made(definition, call, init);
    console.log(JSON.stringify({name, route, variant, ...seen, ...result}));
  }
}
if (rest.size > 0) throw Error(`nobody calls ${[...rest]}`);
for await (const row of listen(chain, {url, control, beacons, slot})) console.log(JSON.stringify(row));
