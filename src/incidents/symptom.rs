//! What can be seen to be wrong: each kind of symptom with its own usual rate.

/// How many kinds there are.
pub(super) const KINDS: usize = Symptom::ALL.len();

/// A kind of symptom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Symptom {
    /// A duty is not on the chain.
    Missed,
    /// A duty came later than the next slot with a block.
    Late,
    /// A duty voted for another head.
    WrongHead,
    /// A duty is not on the chain, and nobody was asked for what it needs.
    Unasked,
    /// A duty is not on the chain: data was given for it, and nothing signed was published.
    Unsigned,
    /// A question was not answered.
    Unanswered,
    /// An answer took far longer than usual.
    Slow,
    /// A publication was not taken.
    Untaken,
    /// Most publications of a slot took far longer by this beacon than by others to which the same was given.
    TakenSlowly,
    /// A publication came late, and its beacon was not well.
    PublishedLate,
    /// A publication came late, and its beacon was well.
    SignedLate,
    /// A probe was not answered.
    Unreachable,
    /// The head is behind.
    Behind,
    /// The block of a slot that others had in time was not there at the slot's end.
    Trailing,
    /// A head was told far later than usual after others had agreed on it, or not at all.
    HeadLate,
    /// The head is of no chain of ours.
    Foreign,
    /// The execution client is offline.
    ElOffline,
    /// The head is not verified.
    Optimistic,
    /// There are few peers.
    Peers,
    /// A probe took far longer than usual.
    ProbeSlow,
}

/// Symptoms that come together: one cause in one slot counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Of the chain's verdict.
    Duties,
    /// Of questions.
    Data,
    /// Of publications.
    Publish,
    /// Of probes.
    Probe,
}

/// Whose doing a symptom on a path may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everybody's on it.
    All,
    /// Of what stands behind the client.
    Back,
    /// The same, and the router's where it asks by itself.
    Timed,
}

impl Symptom {
    pub(super) const ALL: [Self; 20] = [
        Self::Missed,
        Self::Late,
        Self::WrongHead,
        Self::Unasked,
        Self::Unsigned,
        Self::Unanswered,
        Self::Slow,
        Self::Untaken,
        Self::TakenSlowly,
        Self::PublishedLate,
        Self::SignedLate,
        Self::Unreachable,
        Self::Behind,
        Self::Trailing,
        Self::HeadLate,
        Self::Foreign,
        Self::ElOffline,
        Self::Optimistic,
        Self::Peers,
        Self::ProbeSlow,
    ];

    pub(super) fn family(self) -> Family {
        match self {
            Self::Missed | Self::Late | Self::WrongHead | Self::Unasked | Self::Unsigned => Family::Duties,
            Self::Unanswered | Self::Slow => Family::Data,
            Self::Untaken | Self::TakenSlowly | Self::PublishedLate | Self::SignedLate => Family::Publish,
            _ => Family::Probe,
        }
    }

    /// Whether a duty is lost by it.
    pub(super) fn is_loss(self) -> bool {
        matches!(self, Self::Missed | Self::Unasked | Self::Unsigned)
    }

    /// Whether clients, and what signs for them, can cause it.
    fn is_clients_too(self) -> bool {
        self.family() == Family::Duties || matches!(self, Self::PublishedLate | Self::SignedLate)
    }

    /// Whether clients differ in it for good: one that asks as soon as it hears of a block votes for other heads more often
    /// than one that waits.
    pub(super) fn is_habit(self) -> bool {
        matches!(self, Self::WrongHead)
    }

    /// Whose doing it may be.
    pub(super) fn reach(self) -> Reach {
        match self {
            Self::Slow | Self::ProbeSlow => Reach::Timed,
            symptom if symptom.is_clients_too() => Reach::All,
            _ => Reach::Back,
        }
    }

    /// Whether only what stands before the beacons can cause it.
    pub(super) fn is_clients_only(self) -> bool {
        matches!(self, Self::Unasked | Self::Unsigned | Self::SignedLate)
    }

    /// How much those of one path and slot share one fate, before anything is learned: 0 not at all, 1 wholly.
    pub(super) fn clump(self) -> f64 {
        match self {
            Self::WrongHead => 0.6,
            Self::Missed | Self::Unasked | Self::Unsigned => 0.1,
            Self::Late | Self::Unanswered | Self::Untaken => 0.3,
            _ => 0.0,
        }
    }

    /// As an evidence line begins.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Missed => "duties missed:",
            Self::Late => "duties included late:",
            Self::WrongHead => "votes for another head:",
            Self::Unasked => "duties nobody asked for:",
            Self::Unsigned => "duties nobody signed:",
            Self::Unanswered => "questions not answered:",
            Self::Slow => "slots with slow answers:",
            Self::Untaken => "publications not taken:",
            Self::TakenSlowly => "slots with publications it took slowly:",
            Self::PublishedLate => "slots with late publications:",
            Self::SignedLate => "slots with late signatures:",
            Self::Unreachable => "probes not answered:",
            Self::Behind => "probes with the head behind:",
            Self::Trailing => "probes with the head one block behind:",
            Self::HeadLate => "heads told late:",
            Self::Foreign => "probes with a head of another chain:",
            Self::ElOffline => "probes with the execution client offline:",
            Self::Optimistic => "probes with an optimistic head:",
            Self::Peers => "probes with few peers:",
            Self::ProbeSlow => "slow probes:",
        }
    }

    /// Usual rate before anything is learned, and how many observations that is worth.
    pub(super) fn usual(self) -> (f64, f64) {
        match self {
            Self::Missed | Self::Unasked | Self::Unsigned => (0.006, 400.0),
            Self::Late => (0.01, 400.0),
            Self::WrongHead => (0.015, 400.0),
            Self::Unanswered | Self::Untaken => (0.004, 200.0),
            Self::Slow | Self::ProbeSlow | Self::PublishedLate | Self::SignedLate | Self::Trailing => {
                (0.01, 200.0)
            }
            Self::Unreachable | Self::Behind | Self::Foreign | Self::TakenSlowly | Self::HeadLate => {
                (0.003, 300.0)
            }
            Self::ElOffline | Self::Peers => (0.001, 500.0),
            Self::Optimistic => (0.002, 500.0),
        }
    }
}
