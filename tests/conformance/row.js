// What rows are made of: names that travel with the requests, and digests.

import {createHash} from "node:crypto";

/** The header by which a request is found again where it arrived. */
export const CALL = "X-Conformance-Call";

/** A call's name as a header's value. */
export const named = (name) => Buffer.from(name).toString("base64url");

/** The SHA-256 of text or bytes, in hexadecimal. */
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A decoded value as text, whatever the order of its fields: numbers of any size and bytes included. */
export function textOf(value) {
  const plain = (_, inner) => {
    if (typeof inner === "bigint") return inner.toString();
    if (inner instanceof Uint8Array) return `0x${Buffer.from(inner).toString("hex")}`;
    if (inner?.constructor !== Object) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(value, plain) ?? "";
}
