//! A list that beacons refuse for validators they do not know (Nimbus answers 400 to all of it): those are found, and the
//! others get their duties.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::time::timeout;

use super::Router;
use super::duties::{Brought, Reader, Told};
use super::listing::{self, Listing};
use super::run::Tried;
use super::upstream::Ask;

/// Reads it may take: two unknown ones among ten thousand.
const READS: usize = 56;

/// What the answer to a list is without the validators for which it was refused; none if it was not refused, or if that is
/// not why.
pub async fn sift(reader: &Reader, router: &Router, ask: &Ask, refusal: &Brought) -> Option<Brought> {
    let kept = refusal.kept.as_ref()?;
    let refused = matches!(kept.status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE);
    if !refused || reader.validators.len() < 2 {
        return None;
    }
    let found = timeout(reader.plan.total, halve(reader, router, ask, refusal.tried)).await.ok()??;
    let (mut listing, unknown, tried) = found;
    let by = &listing.told.first()?.1.by;
    tracing::warn!(
        beacon = %by, path = ask.path.path(), validators = ?unknown,
        "beacons refuse lists of duties with these validators: they are left out"
    );
    let nothing = Told { duty: bytes::Bytes::new(), by: by.clone() };
    listing.told.extend(unknown.into_iter().map(|validator| (validator, nothing.clone())));
    reader.put_together(router, listing, tried)
}

/// Asks for halves, of those that are refused again for halves, down to single validators.
async fn halve(
    reader: &Reader,
    router: &Router,
    ask: &Ask,
    mut tried: Tried,
) -> Option<(Listing, Vec<u64>, Tried)> {
    let (mut found, mut unknown) = (Listing::default(), Vec::new());
    let mut parts = vec![reader.validators.clone()];
    let mut reads = 0;
    while let Some(part) = parts.pop() {
        if part.len() == 1 {
            unknown.push(part[0]);
            continue;
        }
        let (left, right) = part.split_at(part.len() / 2);
        for half in [left, right] {
            reads += 1;
            if reads > READS {
                return None;
            }
            let half: Arc<[u64]> = half.into();
            let brought = reader.once(router, &listing::about(ask, &half), half.clone()).await;
            tried.join(&brought.tried);
            let status = brought.kept?.status;
            match brought.listing.and_then(Arc::into_inner) {
                // All of it must rest on one block.
                Some(listing) if found.told.is_empty() || listing.root == found.root => {
                    found.root = listing.root;
                    found.told.extend(listing.told);
                }
                None if status.is_client_error() => parts.push(half),
                _ => return None,
            }
        }
    }
    Some((found, unknown, tried))
}
