// What a beacon of this chain answers, route by route, as the typed server wants it.

import {presetToJson, activePreset, SYNC_COMMITTEE_SIZE, SLOTS_PER_EPOCH} from "@lodestar/params";
import {chainConfigToJson} from "@lodestar/config";
import {ApiError} from "@lodestar/api/server";
import {rewards, ssz} from "@lodestar/types";

import {VALIDATORS, hex} from "./chain.js";
import {TAKEN, published, take} from "./refusal.js";
import {bytesOf} from "./values.js";

class Answers {
  constructor(chain) {
    this.chain = chain;
    this.optimistic = {executionOptimistic: false};
    this.finalized = {executionOptimistic: false, finalized: false};
    this.version = {version: chain.fork};
    this.versioned = {...this.finalized, ...this.version};
  }

  /** The slot of a block or state: `head`, its number, or its root. */
  slotOf(id) {
    const {chain} = this;
    const head = chain.head();
    if (id === "head") return head;
    if (/^\d+$/.test(id) && Number(id) <= head) return Number(id);
    for (let slot = head; slot >= Math.max(0, head - 64); slot--) {
      if (id === hex(chain.root(slot)) || id === hex(chain.stateRoot(slot))) return slot;
    }
    throw new ApiError(404, `there is no block or state ${id}`);
  }

  value(type, seed, id, more) {
    const slot = this.slotOf(String(id));
    return this.chain.value(type, `${seed} ${slot}`, slot, more);
  }

  indices(ids) {
    const all = Array.from({length: VALIDATORS}, (_, index) => index);
    if (!ids?.length) return all;
    const wanted = ids.map(String);
    return all.filter((index) => wanted.includes(String(index)) || wanted.includes(hex(this.chain.pubkey(index))));
  }

  only(condition, what) {
    if (!condition) throw new ApiError(400, `${what} is of another fork than ${this.chain.fork}`);
  }
}

function blocks(answers) {
  const {chain, finalized, versioned} = answers;
  const header = (slot) => ({
    root: chain.root(slot),
    canonical: true,
    header: chain.signed(chain.header(slot), `header ${slot}`),
  });
  const block = (id, of) => {
    const slot = answers.slotOf(String(id));
    return chain.signed(of(slot), `block ${slot}`);
  };
  return {
    getBlockV2: async ({blockId}) => ({data: block(blockId, (slot) => chain.block(slot)), meta: versioned}),
    getBlindedBlock: async ({blockId}) => ({data: block(blockId, (slot) => chain.blindedBlock(slot)), meta: versioned}),
    getBlockAttestationsV2: async ({blockId}) => ({
      data: chain.block(answers.slotOf(String(blockId))).body.attestations,
      meta: versioned,
    }),
    getBlockHeader: async ({blockId}) => ({data: header(answers.slotOf(String(blockId))), meta: finalized}),
    getBlockHeaders: async ({slot}) => ({data: [header(slot ?? chain.head())], meta: finalized}),
    getBlockRoot: async ({blockId}) => ({data: {root: chain.root(answers.slotOf(String(blockId)))}, meta: finalized}),
    getSignedExecutionPayloadEnvelope: async ({blockId}) => {
      answers.only(chain.isGloas, "an envelope");
      const slot = answers.slotOf(String(blockId));
      return {data: chain.signed(chain.envelope(slot), `envelope ${slot}`), meta: versioned};
    },
    getBlobSidecars: async ({blockId, indices}) => {
      const known = {signedBlockHeader: header(answers.slotOf(String(blockId))).header};
      const sidecar = (index) => answers.value(ssz.deneb.BlobSidecar, `sidecar ${index}`, blockId, {...known, index});
      return {data: (indices ?? [0, 1]).map(sidecar), meta: versioned};
    },
    getBlobs: async ({blockId}) => ({data: chain.blobs(answers.slotOf(String(blockId))), meta: finalized}),
    publishBlockV2: async (args) => published(args),
    publishBlindedBlockV2: async (args) => {
      answers.only(!chain.isGloas, "a blinded block");
      return published(args);
    },
    publishExecutionPayloadEnvelope: async (args) => published(args),
    publishExecutionPayloadBid: async () => TAKEN,
  };
}

function pool(answers) {
  const {chain, version} = answers;
  const list = (type, seed, slot) => [0, 1].map((at) => chain.value(type, `${seed} ${at}`, slot ?? chain.head()));
  return {
    getPoolAttestationsV2: async ({slot}) => ({data: list(ssz.electra.Attestation, "pooled", slot), meta: version}),
    getPoolPayloadAttestations: async ({slot}) => ({
      data: list(ssz.gloas.PayloadAttestation, "pooled", slot),
      meta: version,
    }),
    getPoolAttesterSlashingsV2: async () => ({data: list(ssz.electra.AttesterSlashing, "pooled"), meta: version}),
    getPoolProposerSlashings: async () => ({data: list(ssz.phase0.ProposerSlashing, "pooled")}),
    getPoolVoluntaryExits: async () => ({data: list(ssz.phase0.SignedVoluntaryExit, "pooled")}),
    getPoolBLSToExecutionChanges: async () => ({data: list(ssz.capella.SignedBLSToExecutionChange, "pooled")}),
    submitPoolAttestationsV2: async ({signedAttestations}) => take(signedAttestations, (entry) => entry.attesterIndex),
    submitPoolAttesterSlashingsV2: async () => TAKEN,
    submitPoolProposerSlashings: async () => TAKEN,
    submitPoolVoluntaryExit: async () => TAKEN,
    submitPoolBLSToExecutionChange: async () => TAKEN,
    submitPoolSyncCommitteeSignatures: async ({signatures}) => take(signatures, (entry) => entry.validatorIndex),
    submitPayloadAttestationMessages: async ({payloadAttestationMessages}) =>
      take(payloadAttestationMessages, (entry) => entry.validatorIndex),
  };
}

function states(answers) {
  const {chain, finalized, versioned} = answers;
  const balance = (index) => ({index, balance: chain.validator(index).balance});
  const balances = async ({validatorIds}) => ({data: answers.indices(validatorIds).map(balance), meta: finalized});
  const validators = async ({validatorIds}) => ({
    data: answers.indices(validatorIds).map((index) => chain.validator(index)),
    meta: finalized,
  });
  const epochOf = ({stateId, epoch}) => epoch ?? chain.epochOf(answers.slotOf(String(stateId)));
  const pending = (type, seed) => async ({stateId}) => ({data: answers.value(type, seed, stateId), meta: versioned});
  return {
    getEpochCommittees: async (args) => {
      const first = epochOf(args) * SLOTS_PER_EPOCH;
      const slots = args.slot === undefined ? [0, 1, 2].map((at) => first + at) : [args.slot];
      return {data: slots.map((slot) => ({index: 0, slot, validators: [slot % VALIDATORS, 3, 7]})), meta: finalized};
    },
    getEpochSyncCommittees: async () => {
      const validators = Array.from({length: SYNC_COMMITTEE_SIZE}, (_, at) => at % VALIDATORS);
      const quarter = SYNC_COMMITTEE_SIZE / 4;
      const validatorAggregates = [0, 1, 2, 3].map((at) => validators.slice(at * quarter, (at + 1) * quarter));
      return {data: {validators, validatorAggregates}, meta: finalized};
    },
    getStateFinalityCheckpoints: async (args) => {
      const epoch = epochOf(args);
      const [previousJustified, currentJustified, final] = [epoch - 2, epoch - 1, epoch - 2].map((at) => chain.checkpoint(at));
      return {data: {previousJustified, currentJustified, finalized: final}, meta: finalized};
    },
    getStateFork: async () => {
      const {version, prevVersion, epoch} = chain.config.forks[chain.fork];
      return {data: {previousVersion: prevVersion, currentVersion: version, epoch}, meta: finalized};
    },
    getStateRoot: async ({stateId}) => ({data: {root: chain.stateRoot(answers.slotOf(String(stateId)))}, meta: finalized}),
    getStateRandao: async (args) => ({data: {randao: bytesOf(`randao ${epochOf(args)}`, 32)}, meta: finalized}),
    getStateValidator: async ({validatorId}) => {
      const [index] = answers.indices([validatorId]);
      if (index === undefined) throw new ApiError(404, `there is no validator ${validatorId}`);
      return {data: chain.validator(index), meta: finalized};
    },
    getStateValidators: validators,
    postStateValidators: validators,
    getStateBuilders: async ({stateId}) => {
      answers.only(chain.isGloas, "a builder");
      const builder = (index) => answers.value(ssz.gloas.Builder, `builder ${index}`, stateId);
      return {data: [0, 1].map((index) => ({index, status: "active", builder: builder(index)})), meta: finalized};
    },
    postStateValidatorIdentities: async ({validatorIds}) => ({
      data: answers.indices(validatorIds).map((index) => ({index, pubkey: chain.pubkey(index), activationEpoch: 0})),
      meta: finalized,
    }),
    getStateValidatorBalances: balances,
    postStateValidatorBalances: balances,
    getPendingDeposits: pending(ssz.electra.PendingDeposits, "deposits"),
    getPendingPartialWithdrawals: pending(ssz.electra.PendingPartialWithdrawals, "withdrawals"),
    getPendingConsolidations: pending(ssz.electra.PendingConsolidations, "consolidations"),
    getProposerLookahead: async (args) => {
      answers.only(chain.isFulu, "a lookahead");
      const first = epochOf(args) * SLOTS_PER_EPOCH;
      return {data: Array.from({length: 2 * SLOTS_PER_EPOCH}, (_, at) => chain.proposer(first + at)), meta: versioned};
    },
    getBlockRewards: async ({blockId}) => ({
      data: answers.value(rewards.BlockRewardsType, "rewards", blockId),
      meta: finalized,
    }),
    getAttestationsRewards: async () => ({
      data: answers.value(rewards.AttestationsRewardsType, "rewards", "head"),
      meta: finalized,
    }),
    getSyncCommitteeRewards: async ({blockId}) => ({
      data: answers.value(rewards.SyncCommitteeRewardsType, "rewards", blockId),
      meta: finalized,
    }),
  };
}

function config({chain}) {
  const {forksAscendingEpochOrder, DEPOSIT_CHAIN_ID, DEPOSIT_CONTRACT_ADDRESS} = chain.config;
  const spec = {...chainConfigToJson(chain.config), ...presetToJson(activePreset)};
  const fork = ({prevVersion, version, epoch}) => ({previousVersion: prevVersion, currentVersion: version, epoch});
  return {
    getDepositContract: async () => ({data: {chainId: DEPOSIT_CHAIN_ID, address: DEPOSIT_CONTRACT_ADDRESS}}),
    getForkSchedule: async () => ({data: forksAscendingEpochOrder.filter(({epoch}) => epoch !== Infinity).map(fork)}),
    getSpec: async () => ({data: spec}),
  };
}

function node({chain}) {
  const peer = (peerId, direction) => ({
    peerId,
    enr: null,
    lastSeenP2pAddress: `/ip4/192.0.2.1/tcp/9000/p2p/${peerId}`,
    state: "connected",
    direction,
  });
  const peers = [peer("16Uiu2HAm1", "inbound"), peer("16Uiu2HAm2", "outbound")];
  const metadata = {
    seqNumber: 3n,
    attnets: ssz.phase0.AttestationSubnets.defaultValue(),
    syncnets: ssz.altair.SyncSubnets.defaultValue(),
    custodyGroupCount: 8,
  };
  return {
    getNetworkIdentity: async () => ({
      data: {
        peerId: "16Uiu2HAm0",
        enr: "enr:-conformance",
        p2pAddresses: ["/ip4/192.0.2.1/tcp/9000"],
        discoveryAddresses: ["/ip4/192.0.2.1/udp/9000"],
        metadata,
      },
    }),
    getPeers: async () => ({data: peers, meta: {count: peers.length}}),
    getPeer: async ({peerId}) => {
      const found = peers.find((peer) => peer.peerId === peerId);
      if (!found) throw new ApiError(404, `there is no peer ${peerId}`);
      return {data: found};
    },
    getPeerCount: async () => ({data: {disconnected: 5, connecting: 1, connected: 50, disconnecting: 2}}),
    // Called so because only Lighthouse tells since when it is up, without which nobody's liveness is believed.
    getNodeVersion: async () => ({data: {version: "Lighthouse/v8.0.0-conformance"}}),
    getNodeVersionV2: async () => ({
      data: {
        beaconNode: {code: "LH", name: "Lighthouse", version: "v8.0.0-conformance", commit: "1234abcd"},
        executionClient: {code: "GE", name: "Geth", version: "v1.16.0", commit: "5678abcd"},
      },
    }),
    getSyncingStatus: async () => ({
      data: {headSlot: chain.head(), syncDistance: 1, isSyncing: false, isOptimistic: false, elOffline: false},
    }),
    getHealth: async () => ({status: 200}),
  };
}

/** The answers of all routes but events' and validators'. */
export function answersOf(chain) {
  const answers = new Answers(chain);
  const {genesis} = chain;
  const {GENESIS_FORK_VERSION: genesisForkVersion} = chain.config;
  const getGenesis = async () => ({
    data: {genesisTime: genesis, genesisValidatorsRoot: bytesOf("genesis", 32), genesisForkVersion},
  });
  return {
    beacon: {getGenesis, ...blocks(answers), ...pool(answers), ...states(answers)},
    config: config(answers),
    node: node(answers),
  };
}
