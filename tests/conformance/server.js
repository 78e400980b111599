// Beacons of one chain: all routes of the typed server, and a record of each request as it arrived.
//
//   node server.js '{"fork": "fulu", "genesis": 1700000000, "slotMs": 12000, "beacons": 3}'
//
// Prints `{"beacons": [port, …], "control": port}` once it serves, and ends with its standard input. At the control port,
// `GET /requests` gives and forgets what arrived, and `POST /events` makes beacons tell an event of each topic:
// `{"beacons": [0, 1], "topics": ["head", …], "slot": 7}`, as soon as they are asked for them.

import {createHash} from "node:crypto";
import {createServer} from "node:http";

import {registerRoutes} from "@lodestar/api/beacon/server";
import {addSszContentTypeParser, ApiError} from "@lodestar/api/server";
import {fastify} from "fastify";
import {parse} from "qs";

import {answersOf} from "./answers.js";
import {Chain} from "./chain.js";
import {dutiesOf} from "./duties.js";
import {Streams} from "./events.js";
import {IndexedError} from "./refusal.js";

const BODY_LIMIT = 64 << 20;
/** Values of one name in a query: the router asks for every topic there is. */
const QUERY_LIMIT = 64;
const HEARD_WITHIN_MS = 20_000;

/** Errors as Lodestar tells them (`ErrorMessage`, `IndexedErrorMessage`). */
function refuse(error, _request, reply) {
  const [code, more] =
    error instanceof IndexedError
      ? [400, {failures: error.failures}]
      : [error instanceof ApiError || error.statusCode < 500 ? error.statusCode : 500, {}];
  void reply.status(code).send({code, message: error.message, stacktraces: [], ...more});
}

/** A beacon; `record` takes what arrives. */
async function beacon(chain, place, record) {
  const server = fastify({
    ajv: {customOptions: {coerceTypes: "array"}},
    bodyLimit: BODY_LIMIT,
    routerOptions: {querystringParser: (text) => parse(text, {comma: true, arrayLimit: QUERY_LIMIT})},
  });
  const bodies = new WeakMap();
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", {parseAs: "buffer"}, async (request, body) => {
    bodies.set(request, body);
    return JSON.parse(body.toString());
  });
  addSszContentTypeParser(server);
  server.addHook("preValidation", async (request) => {
    const body = bodies.get(request) ?? (request.body instanceof Uint8Array ? request.body : Buffer.alloc(0));
    const sha256 = createHash("sha256").update(body).digest("hex");
    const {method, url, headers} = request;
    record.push({beacon: place, method, url, headers, sha256, bytes: body.length});
  });
  server.setErrorHandler(refuse);
  const streams = new Streams(chain);
  const methods = {...answersOf(chain), validator: dutiesOf(chain), events: streams};
  registerRoutes(server, chain.config, methods, ["beacon", "config", "events", "node", "validator"]);
  server.get("/lighthouse/ui/health", async () => ({data: {app_uptime: Math.floor(Date.now() / 1000) - chain.genesis}}));
  await server.listen({host: "127.0.0.1", port: 0});
  return {streams, port: server.server.address().port};
}

/** Tells heads as the clock says. */
function follow(chain, beacons) {
  const slot = chain.slot() + 1;
  const tell = () => {
    for (const {streams} of beacons) streams.tell(["head"], slot - 1);
    follow(chain, beacons);
  };
  setTimeout(tell, chain.startOf(slot) - Date.now());
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** Tells events once they are asked for; 503 if they are not in time. */
async function tell(beacons, {beacons: places, topics, slot}) {
  const streams = places.map((place) => beacons[place].streams);
  const until = Date.now() + HEARD_WITHIN_MS;
  while (!streams.every((streams) => streams.hears(topics))) {
    if (Date.now() > until) return 503;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const one of streams) one.tell(topics, slot);
  return 200;
}

const {beacons: count, ...given} = JSON.parse(process.argv[2]);
const chain = new Chain(given);
const record = [];
const beacons = await Promise.all(Array.from({length: count}, (_, place) => beacon(chain, place, record)));
follow(chain, beacons);
const control = createServer(async (request, response) => {
  if (request.url === "/requests") {
    response.end(JSON.stringify(record.splice(0)));
  } else {
    response.statusCode = await tell(beacons, await bodyOf(request));
    response.end();
  }
});
control.listen(0, "127.0.0.1", () => {
  const ports = {beacons: beacons.map(({port}) => port), control: control.address().port};
  console.log(JSON.stringify(ports));
});
process.stdin.on("end", () => process.exit(0)).resume();
