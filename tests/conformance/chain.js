// A chain that follows from a fork, a genesis and the clock: every process computes the same one.
//
// Each slot has a block, and it is there when the next slot begins: the head is of the slot before. Roots are of no tree,
// they only fit together.

import {createChainForkConfig, defaultChainConfig} from "@lodestar/config";
import {ForkName, SLOTS_PER_EPOCH, forkAll} from "@lodestar/params";
import {ssz, sszTypesFor} from "@lodestar/types";

import {bytesOf, valueOf} from "./values.js";

/** Validators there are, by index from 0. */
export const VALIDATORS = 64;
const BLOBS = 2;

export const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;

/** A configuration in which the fork, and all before it, begin with the chain, and none comes after it. */
function configOf(fork, slotMs) {
  const epochs = forkAll
    .filter((name) => name !== ForkName.phase0)
    .map((name) => [`${name.toUpperCase()}_FORK_EPOCH`, forkAll.indexOf(name) <= forkAll.indexOf(fork) ? 0 : Infinity]);
  return createChainForkConfig({
    ...defaultChainConfig,
    CONFIG_NAME: "conformance",
    SECONDS_PER_SLOT: slotMs / 1000,
    SLOT_DURATION_MS: slotMs,
    BLOB_SCHEDULE: [],
    ...Object.fromEntries(epochs),
  });
}

export class Chain {
  /** `genesis` is in seconds of Unix time. */
  constructor({fork, genesis, slotMs}) {
    this.fork = fork;
    this.genesis = genesis;
    this.slotMs = slotMs;
    this.config = configOf(fork, slotMs);
    this.isGloas = forkAll.indexOf(fork) >= forkAll.indexOf(ForkName.gloas);
    this.isFulu = forkAll.indexOf(fork) >= forkAll.indexOf(ForkName.fulu);
    this.types = sszTypesFor(fork);
  }

  /** The slot it is. */
  slot(now = Date.now()) {
    return Math.floor((now - this.genesis * 1000) / this.slotMs);
  }

  /** The slot of the head. */
  head() {
    return this.slot() - 1;
  }

  startOf(slot) {
    return this.genesis * 1000 + slot * this.slotMs;
  }

  epochOf(slot) {
    return Math.floor(slot / SLOTS_PER_EPOCH);
  }

  root(slot) {
    return bytesOf(`block ${slot}`, 32);
  }

  stateRoot(slot) {
    return bytesOf(`state ${slot}`, 32);
  }

  /** The last block before an epoch. */
  dependentRoot(epoch) {
    return this.root(Math.max(epoch * SLOTS_PER_EPOCH - 1, 0));
  }

  checkpoint(epoch) {
    return {epoch, root: this.root(epoch * SLOTS_PER_EPOCH)};
  }

  pubkey(index) {
    return bytesOf(`key ${index}`, 48);
  }

  proposer(slot) {
    return (slot * 7) % VALIDATORS;
  }

  /** What is to be voted for in a slot; since Gloas the index says that the payload of an earlier block is there. */
  attestationData(slot) {
    const epoch = this.epochOf(slot);
    return {
      slot,
      index: this.isGloas ? 1 : 0,
      beaconBlockRoot: this.root(slot - 1),
      source: this.checkpoint(epoch - 1),
      target: this.checkpoint(epoch),
    };
  }

  header(slot) {
    return {
      slot,
      proposerIndex: this.proposer(slot),
      parentRoot: this.root(slot - 1),
      stateRoot: this.stateRoot(slot),
      bodyRoot: bytesOf(`body ${slot}`, 32),
    };
  }

  /** A value of a type that speaks of a slot. */
  value(type, seed, slot, more = {}) {
    const epoch = this.epochOf(slot);
    const {proposerIndex, parentRoot, stateRoot} = this.header(slot);
    const known = {
      slot,
      proposalSlot: slot,
      slotNumber: slot,
      epoch,
      proposerIndex,
      parentRoot,
      stateRoot,
      beaconBlockRoot: this.root(slot),
      dependentRoot: this.dependentRoot(epoch - 1),
      validatorIndex: proposerIndex,
      committeeIndex: 0,
      AttestationData: this.attestationData(slot),
    };
    return valueOf(type, seed, {...known, ...more});
  }

  block(slot) {
    return this.value(this.types.BeaconBlock, `block of ${slot}`, slot, {AttestationData: this.attestationData(slot - 1)});
  }

  blindedBlock(slot) {
    const known = {AttestationData: this.attestationData(slot - 1)};
    return this.value(this.types.BlindedBeaconBlock, `blinded block of ${slot}`, slot, known);
  }

  /** What goes with a block: the envelope since Gloas. */
  contents(slot) {
    const kzgProofs = Array.from({length: BLOBS * (this.isFulu ? 128 : 1)}, (_, at) => bytesOf(`proof ${slot} ${at}`, 48));
    return {kzgProofs, blobs: this.blobs(slot), ...(this.isGloas ? {executionPayloadEnvelope: this.envelope(slot)} : {})};
  }

  blobs(slot) {
    return Array.from({length: BLOBS}, (_, at) => bytesOf(`blob ${slot} ${at}`, 131_072));
  }

  envelope(slot) {
    return this.value(ssz.gloas.ExecutionPayloadEnvelope, `envelope of ${slot}`, slot);
  }

  signed(message, seed) {
    return {message, signature: bytesOf(`signature of ${seed}`, 96)};
  }

  validator(index) {
    const known = {pubkey: this.pubkey(index), slashed: false, activationEligibilityEpoch: 0, activationEpoch: 0, exitEpoch: Infinity, withdrawableEpoch: Infinity};
    return {
      index,
      balance: 32_000_000_000 + index,
      status: "active_ongoing",
      validator: valueOf(ssz.phase0.Validator, `validator ${index}`, {...known, effectiveBalance: 32_000_000_000}),
    };
  }
}
