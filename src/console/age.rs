//! How old a value may be before it is shown as old, and before it is not shown as true at all. Pure.

use crate::model::UnixMs;

use super::theme::Role;

/// Snapshots come each second, probes mostly too; what is older than this has missed several.
const OLD_MS: i64 = 5_000;
/// What is older than this is not known any more.
const LOST_MS: i64 = 60_000;

/// How far a value can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fresh {
    /// It is so now.
    Now,
    /// It was so.
    Old,
    /// Nobody knows.
    Lost,
}

impl Fresh {
    /// By the moment a value was observed; never observed is not known.
    pub fn of(observed: Option<UnixMs>, now: UnixMs) -> Self {
        match observed.map(|at| now.since(at)) {
            Some(age) if age <= OLD_MS => Fresh::Now,
            Some(age) if age <= LOST_MS => Fresh::Old,
            _ => Fresh::Lost,
        }
    }

    /// How a value in a role is drawn when it is as fresh as this.
    pub fn role(self, role: Role) -> Role {
        if self == Fresh::Now { role } else { Role::Stale }
    }

    /// A value's text: `?` if it is not known any more.
    pub fn text(self, text: String) -> String {
        if self == Fresh::Lost { "?".to_owned() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_grow_old_and_are_lost() {
        let now = UnixMs(1_000_000);
        let aged = |age: u64| Fresh::of(Some(UnixMs(now.0 - age)), now);
        assert_eq!(
            [aged(0), aged(5_000), aged(5_001), aged(60_000)],
            [Fresh::Now, Fresh::Now, Fresh::Old, Fresh::Old]
        );
        assert_eq!([aged(60_001), Fresh::of(None, now)], [Fresh::Lost; 2]);
        // A clock a little ahead is no reason to doubt.
        assert_eq!(Fresh::of(Some(UnixMs(now.0 + 500)), now), Fresh::Now);
        assert_eq!((Fresh::Lost.text("3".into()), Fresh::Old.text("3".into())), ("?".into(), "3".into()));
        assert_eq!(Fresh::Old.role(Role::Ok), Role::Stale);
    }
}
