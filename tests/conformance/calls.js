// What the client calls: every route, in the order in which validator clients come to them, and again where the answer is
// another than 200.

import {ssz} from "@lodestar/types";
import {routes} from "@lodestar/api";

import {hex} from "./chain.js";
import {SILENT_COMMITTEE} from "./duties.js";
import {NOT_IMPORTED, REFUSED} from "./refusal.js";
import {bytesOf} from "./values.js";

const INDICES = [3, 7, 11];
const FEE_RECIPIENT = bytesOf("fee recipient", 20);
/** A block nobody knows. */
const UNKNOWN = hex(bytesOf("unknown", 32));

/** A call; `args` may depend on the form it is made in. */
const call = (route, args, variant = "") => ({route, args, variant});

function reads(chain, slot) {
  const epoch = chain.epochOf(slot);
  const ids = [String(INDICES[0]), hex(chain.pubkey(INDICES[1]))];
  const head = {blockId: "head"};
  const state = {stateId: "head"};
  return [
    ...["getGenesis", "getNodeVersion", "getNodeVersionV2", "getSyncingStatus", "getHealth", "getPeerCount"].map((route) => call(route)),
    ...["getNetworkIdentity", "getPeers", "getDepositContract", "getForkSchedule", "getSpec"].map((route) => call(route, {})),
    call("getPeer", {peerId: "16Uiu2HAm1"}),
    call("getPeer", {peerId: "16Uiu2HAm9"}, "unknown"),
    ...["getBlockV2", "getBlindedBlock", "getBlockAttestationsV2", "getBlockHeader", "getBlockRoot", "getBlockRewards"].map((route) => call(route, head)),
    ...["getSignedExecutionPayloadEnvelope", "getBlobs"].map((route) => call(route, head)),
    call("getBlockV2", {blockId: UNKNOWN}, "unknown"),
    call("getBlockRoot", {blockId: slot - 3}, "by slot"),
    call("getBlockHeaders", {slot: slot - 2}),
    call("getBlobSidecars", {...head, indices: [0, 2]}),
    ...["getStateRoot", "getStateFork", "getStateRandao", "getStateFinalityCheckpoints"].map((route) => call(route, state)),
    ...["getPendingDeposits", "getPendingPartialWithdrawals", "getPendingConsolidations", "getProposerLookahead"].map((route) => call(route, state)),
    call("getEpochCommittees", {...state, epoch}),
    call("getEpochSyncCommittees", {...state, epoch}),
    call("getStateBuilders", {...state, builderIds: [0, 1]}),
    call("getStateValidator", {...state, validatorId: ids[1]}),
    call("getStateValidator", {...state, validatorId: hex(bytesOf("nobody", 48))}, "unknown"),
    ...["getStateValidators", "postStateValidators"].map((route) => call(route, {...state, validatorIds: ids, statuses: ["active"]})),
    ...["getStateValidatorBalances", "postStateValidatorBalances", "postStateValidatorIdentities"].map((route) => call(route, {...state, validatorIds: ids})),
    call("getAttestationsRewards", {epoch: epoch - 2, validatorIds: INDICES}),
    call("getSyncCommitteeRewards", {...head, validatorIds: INDICES}),
    call("getPoolAttestationsV2", {slot: slot - 1, committeeIndex: 0}),
    call("getPoolPayloadAttestations", {slot: slot - 1}),
    ...["getPoolAttesterSlashingsV2", "getPoolProposerSlashings", "getPoolVoluntaryExits", "getPoolBLSToExecutionChanges"].map((route) => call(route)),
  ];
}

function told(chain, slot) {
  const epoch = chain.epochOf(slot);
  const registration = (index) => {
    const known = {pubkey: chain.pubkey(index), feeRecipient: FEE_RECIPIENT, timestamp: chain.genesis, gasLimit: 60_000_000};
    return chain.value(ssz.bellatrix.SignedValidatorRegistrationV1, `registration ${index}`, slot, known);
  };
  const preference = (validatorIndex) => {
    const known = {validatorIndex, feeRecipient: FEE_RECIPIENT, proposalSlot: slot + 1 + validatorIndex};
    return chain.value(ssz.gloas.SignedProposerPreferences, `preference ${validatorIndex}`, slot, known);
  };
  const builderPreferences = chain.value(routes.validator.BuilderPreferencesEntryListType, "builders", slot + 1, {url: Buffer.from("https://builder.example")});
  const subscription = (validatorIndex) => ({
    validatorIndex,
    committeeIndex: validatorIndex % 4,
    committeesAtSlot: 4,
    slot: slot + 1,
    isAggregator: validatorIndex === INDICES[0],
  });
  return [
    call("prepareBeaconProposer", {proposers: INDICES.map((validatorIndex) => ({validatorIndex, feeRecipient: hex(FEE_RECIPIENT)}))}),
    call("registerValidator", {registrations: INDICES.map(registration)}),
    call("submitProposerPreferences", {signedProposerPreferences: INDICES.map(preference)}),
    call("submitBuilderPreferences", {builderPreferences}),
    ...["getAttesterDuties", "getSyncCommitteeDuties", "getLiveness"].map((route) => call(route, {epoch, indices: INDICES})),
    // A list that is refused may be asked for in parts, to save the rest of it.
    call("getPtcDuties", {epoch, indices: chain.isGloas ? INDICES : INDICES.slice(0, 1)}),
    call("getProposerDuties", {epoch}),
    call("getProposerDutiesV2", {epoch}),
    call("prepareBeaconCommitteeSubnet", {subscriptions: INDICES.map(subscription)}),
    call("prepareSyncCommitteeSubnets", {
      subscriptions: INDICES.map((validatorIndex) => ({validatorIndex, syncCommitteeIndices: [validatorIndex], untilEpoch: epoch + 2})),
    }),
    call("submitBeaconCommitteeSelections", {selections: [{validatorIndex: 3, slot, selectionProof: bytesOf("proof", 96)}]}),
    call("submitSyncCommitteeSelections", {
      selections: [{validatorIndex: 3, slot, subcommitteeIndex: 1, selectionProof: bytesOf("proof", 96)}],
    }),
  ];
}

function proposal(chain, slot) {
  // One block is all that a client gets for one randao reveal: here each call has its own.
  const ask = (more) => (form) => {
    const randaoReveal = bytesOf(`randao of ${slot} ${form} ${Object.keys(more)}`, 96);
    return {slot, randaoReveal, graffiti: "conformance", feeRecipient: hex(FEE_RECIPIENT), ...more};
  };
  const builderConfig = chain.value(routes.validator.BuilderConfigType, "builders", slot, {url: Buffer.from("https://builder.example")});
  const signedBlock = chain.signed(chain.block(slot), `published ${slot}`);
  const signedBlockContents = {signedBlock, ...chain.contents(slot)};
  const envelope = chain.signed(chain.envelope(slot), `published envelope ${slot}`);
  const {kzgProofs, blobs} = chain.contents(slot);
  const full = {broadcastValidation: routes.beacon.BroadcastValidation.consensus};
  const payload = chain.isGloas
    ? [
        call("publishExecutionPayloadEnvelope", {signedEnvelopeOrContents: envelope, ...full}, "bare"),
        call("publishExecutionPayloadEnvelope", {signedEnvelopeOrContents: {signedExecutionPayloadEnvelope: envelope, kzgProofs, blobs}}, "with blobs"),
        call("publishExecutionPayloadBid", {
          signedExecutionPayloadBid: chain.value(ssz.gloas.SignedExecutionPayloadBid, "bid", slot + 1),
        }),
      ]
    : [];
  return [
    call("produceBlockV3", ask({})),
    call("produceBlockV3", ask({builderBoostFactor: 100n, blindedLocal: true}), "blinded"),
    call("produceBlockV4", ask({includePayload: true, builderConfig})),
    call("produceBlockV4", ask({builderConfig, includePayload: false}), "without payload"),
    call("publishBlockV2", {signedBlockContents, ...full}),
    call("publishBlockV2", {signedBlockContents, broadcastValidation: NOT_IMPORTED}, "not imported"),
    call("publishBlindedBlockV2", {signedBlindedBlock: chain.signed(chain.blindedBlock(slot), `published ${slot}`)}),
    call("getExecutionPayloadEnvelope", {slot, beaconBlockRoot: chain.root(slot)}),
    call("getExecutionPayloadEnvelope", {slot, beaconBlockRoot: bytesOf("unknown", 32)}, "unknown"),
    ...payload,
  ];
}

function votes(chain, slot) {
  const single = (attesterIndex) =>
    chain.value(ssz.electra.SingleAttestation, `vote ${attesterIndex}`, slot, {attesterIndex});
  const message = (validatorIndex) =>
    chain.value(ssz.altair.SyncCommitteeMessage, `sync ${validatorIndex}`, slot, {validatorIndex, beaconBlockRoot: chain.root(slot - 1)});
  const payload = (validatorIndex) =>
    chain.value(ssz.gloas.PayloadAttestationMessage, `payload ${validatorIndex}`, slot - 1, {validatorIndex});
  const attestationDataRoot = ssz.phase0.AttestationData.hashTreeRoot(chain.attestationData(slot));
  const aggregate = {attestationDataRoot, slot, committeeIndex: 0};
  const someRefused = [INDICES[0], REFUSED];
  return [
    call("produceAttestationData", {slot, committeeIndex: 0}),
    call("submitPoolAttestationsV2", {signedAttestations: INDICES.map(single)}),
    call("submitPoolAttestationsV2", {signedAttestations: someRefused.map(single)}, "refused in part"),
    call("getBlockRoot", {blockId: "head"}, "to be signed"),
    call("submitPoolSyncCommitteeSignatures", {signatures: INDICES.map(message)}),
    call("submitPoolSyncCommitteeSignatures", {signatures: someRefused.map(message)}, "refused in part"),
    call("getAggregatedAttestationV2", aggregate),
    call("getAggregatedAttestationV2", {...aggregate, committeeIndex: SILENT_COMMITTEE}, "silent"),
    call("publishAggregateAndProofsV2", {
      signedAggregateAndProofs: INDICES.map((aggregatorIndex) =>
        chain.value(ssz.electra.SignedAggregateAndProof, `aggregate ${aggregatorIndex}`, slot, {aggregatorIndex})
      ),
    }),
    call("produceSyncCommitteeContribution", {slot, subcommitteeIndex: 1, beaconBlockRoot: chain.root(slot - 1)}),
    call("publishContributionAndProofs", {
      contributionAndProofs: INDICES.map((aggregatorIndex) =>
        chain.value(ssz.altair.SignedContributionAndProof, `contribution ${aggregatorIndex}`, slot, {aggregatorIndex})
      ),
    }),
    call("producePayloadAttestationData", {slot: slot - 1}),
    call("producePayloadAttestationData", {slot}, "no block"),
    call("submitPayloadAttestationMessages", {payloadAttestationMessages: INDICES.map(payload)}),
  ];
}

function rare(chain, slot) {
  const one = (type, seed) => chain.value(type, seed, slot - 1);
  return [
    call("submitPoolAttesterSlashingsV2", {attesterSlashing: one(ssz.electra.AttesterSlashing, "slashing")}),
    call("submitPoolProposerSlashings", {proposerSlashing: one(ssz.phase0.ProposerSlashing, "slashing")}),
    call("submitPoolVoluntaryExit", {signedVoluntaryExit: one(ssz.phase0.SignedVoluntaryExit, "exit")}),
    call("submitPoolBLSToExecutionChange", {
      blsToExecutionChanges: [0, 1].map((at) => one(ssz.capella.SignedBLSToExecutionChange, `change ${at}`)),
    }),
  ];
}

/** Routes whose requests cannot be written in this fork. */
export function foreignTo(chain) {
  return chain.isGloas ? [] : ["publishExecutionPayloadEnvelope", "publishExecutionPayloadBid"];
}

/** All calls in a slot, but for the event stream. */
export function callsOf(chain, slot) {
  return [reads, told, proposal, votes, rare].flatMap((calls) => calls(chain, slot));
}
