// Values of SSZ types: the same for the same seed, none of them trivial, so that no byte can be lost unseen.

import {
  BitArray,
  BitListType,
  BitVectorType,
  BooleanType,
  ByteListType,
  ByteVectorType,
  ProgressiveBitListType,
  ProgressiveByteListType,
  UintBigintType,
  UintNumberType,
} from "@chainsafe/ssz";
import {StringType} from "@lodestar/types";

/** Elements of a list, bytes of a byte list, bits of a bit list: as many, or what the type allows. */
const ELEMENTS = 2;
const BYTES = 37;
const BITS = 45;

/** A generator of 32-bit numbers (mulberry32) whose seed is a text (FNV-1a). */
export function randomOf(text) {
  let state = 0x811c9dc5;
  for (const char of text) state = Math.imul(state ^ char.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Bytes of a seed. */
export function bytesOf(seed, length) {
  const next = randomOf(seed);
  return Uint8Array.from({length}, () => next() & 0xff);
}

/**
 * A value of a type. `known` are values by the name of their field or of their type, wherever one of that name stands: a
 * block is of its slot, and so is all that it says.
 */
export function valueOf(type, seed, known = {}) {
  return filled(type, randomOf(seed), known);
}

function filled(type, next, known) {
  const bytes = (length) => Uint8Array.from({length}, () => next() & 0xff);
  const bits = (length) => {
    const all = Array.from({length}, () => (next() & 1) === 1);
    all[0] = true;
    return BitArray.fromBoolArray(all);
  };
  if (type instanceof BooleanType) return (next() & 1) === 1;
  if (type instanceof UintNumberType) return next() % Math.min(2 ** (8 * type.byteLength), 2 ** 31);
  if (type instanceof UintBigintType) return BigInt(next()) + 1n;
  if (type instanceof StringType) return `text-${next()}`;
  if (type instanceof BitVectorType) return bits(type.lengthBits);
  if (type instanceof BitListType) return bits(Math.min(BITS, type.limitBits));
  if (type instanceof ProgressiveBitListType) return bits(BITS);
  if (type instanceof ByteVectorType) return bytes(type.lengthBytes);
  if (type instanceof ByteListType) return bytes(Math.min(BYTES, type.limitBytes));
  if (type instanceof ProgressiveByteListType) return bytes(BYTES);
  if (type.fields) {
    if (type.typeName in known) return fitting(type, known[type.typeName]);
    const field = ([name, of]) => [name, name in known ? fitting(of, known[name]) : filled(of, next, known)];
    return Object.fromEntries(Object.entries(type.fields).map(field));
  }
  if (type.elementType) {
    const length = type.length ?? Math.min(ELEMENTS, type.limit ?? ELEMENTS);
    return Array.from({length}, () => filled(type.elementType, next, known));
  }
  throw Error(`no value is made of a type like ${type.typeName}`);
}

/** A known value in the form of its type: numbers are of two kinds. */
function fitting(type, value) {
  if (type instanceof UintBigintType) return BigInt(value);
  if (!type.fields) return value;
  return Object.fromEntries(Object.entries(type.fields).map(([name, of]) => [name, fitting(of, value[name])]));
}
