//! Standard but closed: debug, node identity and peers, the key manager, exits and credential changes.
//!
//! `{version}` closes every version of a path, those to come too.

use super::super::row::{Namespace, Row};

const fn debug(path: &'static str, name: &'static str) -> Row {
    Row::closed_read(path, name, Namespace::Debug)
}

const fn keys(path: &'static str, name: &'static str) -> Row {
    Row::closed(path, name, Namespace::Keymanager)
}

pub(super) const ROWS: &[Row] = &[
    debug("/eth/v1/debug/beacon/data_column_sidecars/{block_id}", "getDebugDataColumnSidecars"),
    debug("/eth/v2/debug/beacon/states/{state_id}", "getStateV2"),
    debug("/eth/v2/debug/beacon/heads", "getDebugChainHeadsV2"),
    debug("/eth/v1/debug/fork_choice", "getDebugForkChoice"),
    Row::closed("/eth/{version}/debug/*", "debug_misc", Namespace::Debug),
    debug("/eth/v1/node/identity", "getNetworkIdentity"),
    debug("/eth/v1/node/peers", "getPeers"),
    debug("/eth/v1/node/peers/{peer_id}", "getPeer"),
    // Every other method, version and depth of the two above.
    Row::closed("/eth/{version}/node/identity/*", "identity_misc", Namespace::Debug),
    Row::closed("/eth/{version}/node/peers/*", "peers_misc", Namespace::Debug),
    keys("/eth/{version}/keystores/*", "keystores"),
    keys("/eth/{version}/remotekeys/*", "remotekeys"),
    keys("/eth/v1/validator/{pubkey}/feerecipient", "feeRecipient"),
    keys("/eth/v1/validator/{pubkey}/gas_limit", "gasLimit"),
    keys("/eth/v1/validator/{pubkey}/graffiti", "graffiti"),
    keys("/eth/v1/validator/{pubkey}/voluntary_exit", "signVoluntaryExit"),
    Row::closed_publish("/eth/v1/beacon/pool/voluntary_exits", "submitPoolVoluntaryExit", Namespace::Exits),
    Row::closed_publish(
        "/eth/v1/beacon/pool/bls_to_execution_changes",
        "submitPoolBLSToExecutionChange",
        Namespace::CredentialChanges,
    ),
];
