// What a beacon of this chain answers validator clients: duties, what is to be signed, and what it is told.

import {SLOTS_PER_EPOCH} from "@lodestar/params";
import {ApiError} from "@lodestar/api/server";
import {ssz} from "@lodestar/types";

import {hex} from "./chain.js";
import {TAKEN, take} from "./refusal.js";

/** The committee of which nothing was heard. */
export const SILENT_COMMITTEE = 63;
/** The relay whose bid a block commits to. */
export const BUILDER_URL = "https://builder.example/eth";

const optimistic = {executionOptimistic: false};

function duties(chain) {
  const duty = (epoch, index) => ({
    pubkey: chain.pubkey(index),
    validatorIndex: index,
    slot: epoch * SLOTS_PER_EPOCH + (index % SLOTS_PER_EPOCH),
  });
  const dependent = (epoch) => ({...optimistic, dependentRoot: hex(chain.dependentRoot(epoch))});
  const proposals = (epoch) =>
    Array.from({length: SLOTS_PER_EPOCH}, (_, at) => {
      const slot = epoch * SLOTS_PER_EPOCH + at;
      return {slot, validatorIndex: chain.proposer(slot), pubkey: chain.pubkey(chain.proposer(slot))};
    });
  const committee = {committeeIndex: 0, committeeLength: 4, committeesAtSlot: 1};
  return {
    getAttesterDuties: async ({epoch, indices}) => ({
      data: indices.map((index) => ({...duty(epoch, index), ...committee, validatorCommitteeIndex: index % 4})),
      meta: dependent(epoch - 1),
    }),
    getProposerDuties: async ({epoch}) => ({data: proposals(epoch), meta: dependent(epoch)}),
    getProposerDutiesV2: async ({epoch}) => ({data: proposals(epoch), meta: dependent(epoch - 1)}),
    getSyncCommitteeDuties: async ({epoch, indices}) => ({
      data: indices.map((index) => ({...duty(epoch, index), validatorSyncCommitteeIndices: [index, index + 128]})),
      meta: optimistic,
    }),
    getPtcDuties: async ({epoch, indices}) => {
      if (!chain.isGloas) throw new ApiError(400, `there is no payload committee in ${chain.fork}`);
      return {data: indices.map((index) => duty(epoch, index)), meta: dependent(epoch - 1)};
    },
    getLiveness: async ({indices}) => ({data: indices.map((index) => ({index, isLive: index % 2 === 1}))}),
  };
}

function production(chain) {
  const version = chain.fork;
  const values = {executionPayloadValue: 1_234_567_890_123n, consensusBlockValue: 987_654_321_000n};
  return {
    produceBlockV3: async ({slot, blindedLocal}) => {
      if (chain.isGloas) throw new ApiError(400, "blocks of gloas are produced by v4");
      const executionPayloadBlinded = blindedLocal === true;
      const executionPayloadSource = executionPayloadBlinded ? "builder" : "engine";
      const data = executionPayloadBlinded
        ? chain.blindedBlock(slot)
        : {block: chain.block(slot), ...chain.contents(slot)};
      return {data, meta: {version, executionPayloadBlinded, executionPayloadSource, ...values}};
    },
    produceBlockV4: async ({slot, includePayload}) => {
      if (!chain.isGloas) throw new ApiError(400, `blocks of ${chain.fork} are produced by v3`);
      const builderUrl = includePayload ? undefined : BUILDER_URL;
      const data = includePayload ? {block: chain.block(slot), ...chain.contents(slot)} : chain.block(slot);
      return {data, meta: {version, executionPayloadIncluded: includePayload, builderUrl, ...values}};
    },
    getExecutionPayloadEnvelope: async ({slot, beaconBlockRoot}) => {
      if (!chain.isGloas) throw new ApiError(400, `there is no envelope in ${chain.fork}`);
      if (hex(beaconBlockRoot) !== hex(chain.root(slot))) throw new ApiError(404, "there is no such envelope");
      return {data: chain.envelope(slot), meta: {version}};
    },
  };
}

function signing(chain) {
  const version = chain.fork;
  return {
    produceAttestationData: async ({slot}) => ({data: chain.attestationData(slot)}),
    producePayloadAttestationData: async ({slot}) => {
      if (!chain.isGloas) throw new ApiError(400, `there is no payload committee in ${chain.fork}`);
      if (slot > chain.head()) return {status: 204};
      const known = {beaconBlockRoot: chain.root(slot), payloadPresent: true, blobDataAvailable: true};
      return {data: chain.value(ssz.gloas.PayloadAttestationData, "vote", slot, known), meta: {version}};
    },
    produceSyncCommitteeContribution: async ({slot, subcommitteeIndex, beaconBlockRoot}) => {
      const known = {subcommitteeIndex, beaconBlockRoot};
      return {data: chain.value(ssz.altair.SyncCommitteeContribution, "contribution", slot, known)};
    },
    getAggregatedAttestationV2: async ({slot, committeeIndex}) => {
      if (committeeIndex === SILENT_COMMITTEE) throw new ApiError(404, "nothing was heard of this committee");
      return {data: chain.value(ssz.electra.Attestation, `aggregate ${committeeIndex}`, slot), meta: {version}};
    },
    publishAggregateAndProofsV2: async ({signedAggregateAndProofs}) =>
      take(signedAggregateAndProofs, (entry) => entry.message.aggregatorIndex),
    publishContributionAndProofs: async ({contributionAndProofs}) =>
      take(contributionAndProofs, (entry) => entry.message.aggregatorIndex),
  };
}

/** The answers of the validators' routes. */
export function dutiesOf(chain) {
  const notHere = async () => {
    throw new ApiError(501, "selections are for distributed validator middleware");
  };
  return {
    ...duties(chain),
    ...production(chain),
    ...signing(chain),
    prepareBeaconCommitteeSubnet: async () => TAKEN,
    prepareSyncCommitteeSubnets: async () => TAKEN,
    prepareBeaconProposer: async () => TAKEN,
    submitBeaconCommitteeSelections: notHere,
    submitSyncCommitteeSelections: notHere,
    registerValidator: async () => TAKEN,
    submitProposerPreferences: async () => TAKEN,
    submitBuilderPreferences: async () => TAKEN,
  };
}
