// One event of each topic, and the streams that are told of them.

import {routes} from "@lodestar/api";
import {SLOTS_PER_EPOCH} from "@lodestar/params";
import {ssz} from "@lodestar/types";

import {hex} from "./chain.js";

const {EventType, getTypeByEvent} = routes.events;

/** All topics. */
export const TOPICS = Object.values(EventType);

/** Types of the events whose codec does not show it; `versioned` ones are told with the fork's name. */
function typesOf({types, isGloas}) {
  const plain = {
    [EventType.attestation]: types.Attestation,
    [EventType.attesterSlashing]: types.AttesterSlashing,
  };
  const versioned = {
    [EventType.payloadAttributes]: types.SSEPayloadAttributes,
    [EventType.executionPayloadBid]: ssz.gloas.SignedExecutionPayloadBid,
    [EventType.proposerPreferences]: ssz.gloas.SignedProposerPreferences,
    [EventType.payloadAttestationMessage]: ssz.gloas.PayloadAttestationMessage,
    [EventType.lightClientOptimisticUpdate]: types.LightClientOptimisticUpdate,
    [EventType.lightClientFinalityUpdate]: types.LightClientFinalityUpdate,
  };
  const onlyGloas = [EventType.executionPayloadBid, EventType.proposerPreferences, EventType.payloadAttestationMessage];
  for (const topic of isGloas ? [] : onlyGloas) delete versioned[topic];
  return {plain, versioned};
}

/** The topics of which a chain of this fork has events. */
export function topicsOf(chain) {
  const {plain, versioned} = typesOf(chain);
  const codecs = getTypeByEvent(chain.config);
  const special = [EventType.headV2, EventType.dataColumnSidecar];
  return TOPICS.filter((topic) => topic in plain || topic in versioned || codecs[topic].fields || special.includes(topic));
}

/** The event of a topic about the block of a slot. */
export function eventOf(chain, topic, slot) {
  const {plain, versioned} = typesOf(chain);
  const epoch = chain.epochOf(slot);
  const known = {
    block: hex(chain.root(slot)),
    state: hex(chain.stateRoot(slot)),
    blockRoot: hex(chain.root(slot)),
    executionOptimistic: false,
    epochTransition: slot % SLOTS_PER_EPOCH === 0,
    previousDutyDependentRoot: hex(chain.dependentRoot(epoch - 1)),
    currentDutyDependentRoot: hex(chain.dependentRoot(epoch)),
  };
  const value = (type, more = {}) => chain.value(type, `event ${topic}`, slot, more);
  if (topic in versioned) return {data: value(versioned[topic]), version: chain.fork};
  switch (topic) {
    case EventType.headV2: {
      const [current, next] = [chain.dependentRoot(epoch - 1), chain.dependentRoot(epoch)].map(hex);
      const data = {slot, ...known, payloadStatus: "full", currentEpochDependentRoot: current, nextEpochDependentRoot: next};
      return {data, version: chain.fork};
    }
    case EventType.dataColumnSidecar:
      return {...known, index: 3, slot, kzgCommitments: ["0xc0ffee", "0xdecaf0"]};
    case EventType.finalizedCheckpoint: {
      const {epoch: finalized, root} = chain.checkpoint(epoch - 2);
      const state = hex(chain.stateRoot(finalized * SLOTS_PER_EPOCH));
      return {block: hex(root), state, epoch: finalized, executionOptimistic: false};
    }
    default:
      return value(plain[topic] ?? getTypeByEvent(chain.config)[topic], known);
  }
}

/** The event streams of one beacon. */
export class Streams {
  constructor(chain) {
    this.chain = chain;
    this.open = new Set();
  }

  /** The route: until its client hangs up. */
  eventstream = async ({topics, signal, onEvent}) => {
    const stream = {topics, onEvent};
    this.open.add(stream);
    signal.addEventListener("abort", () => this.open.delete(stream), {once: true});
  };

  /** Whether somebody hears every one of these topics. */
  hears(topics) {
    return topics.every((topic) => [...this.open].some((stream) => stream.topics.includes(topic)));
  }

  /** Tells the event of each of these topics to those who asked for it. */
  tell(topics, slot) {
    for (const topic of topics) {
      const message = eventOf(this.chain, topic, slot);
      for (const stream of this.open) {
        if (stream.topics.includes(topic)) stream.onEvent({type: topic, message});
      }
    }
  }
}
