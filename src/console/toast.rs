//! Short messages that go by themselves. Pure.

use crate::model::UnixMs;

use super::theme::Role;

/// Messages at once; the oldest goes.
const MOST: usize = 4;
/// How long one stays.
const STAYS_MS: i64 = 6_000;
/// How long one that tells of a failure stays.
const BAD_STAYS_MS: i64 = 20_000;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// One sentence.
    pub text: String,
    /// What it means.
    pub role: Role,
    until: UnixMs,
}

/// The messages, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toasts(Vec<Toast>);

impl Toasts {
    /// Shows a message.
    pub fn push(&mut self, role: Role, text: impl Into<String>, now: UnixMs) {
        let stays = if role == Role::Crit || role == Role::Danger { BAD_STAYS_MS } else { STAYS_MS };
        let text = text.into();
        self.0.retain(|toast| toast.text != text);
        self.0.push(Toast { text, role, until: UnixMs(now.0.saturating_add_signed(stays)) });
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// Takes away what has stayed long enough; whether something went.
    pub fn expire(&mut self, now: UnixMs) -> bool {
        let before = self.0.len();
        self.0.retain(|toast| toast.until > now);
        self.0.len() != before
    }

    /// Takes all away; whether there was one.
    pub fn clear(&mut self) -> bool {
        !std::mem::take(&mut self.0).is_empty()
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Toast> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_longer_and_the_same_is_said_once() {
        let mut toasts = Toasts::default();
        toasts.push(Role::Ok, "done", UnixMs(0));
        toasts.push(Role::Ok, "done", UnixMs(1_000));
        toasts.push(Role::Crit, "failed", UnixMs(0));
        assert_eq!(toasts.iter().count(), 2);
        assert!(!toasts.expire(UnixMs(6_999)));
        assert!(toasts.expire(UnixMs(7_000)));
        assert_eq!(toasts.iter().map(|toast| toast.text.as_str()).collect::<Vec<_>>(), ["failed"]);
        (0..9).for_each(|number| toasts.push(Role::Info, number.to_string(), UnixMs(0)));
        assert_eq!(toasts.iter().count(), MOST);
        assert!(toasts.clear() && !toasts.clear());
    }
}
