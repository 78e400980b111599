//! How rows are made: one constructor a class, so that budgets and rules are shared by class.
//!
//! Budgets are shares of the slot, taken from what validator clients allow and what a duty leaves; the router shortens
//! them by what is left of the duty. To add a class, add its budget and a constructor that sets every rule of it.

use crate::model::{Bps, Role, Step, Use};

use super::row::{Body, Budget, Follow, Inspect, Namespace, Row, Status, Strategy, Verb};

const fn budget(hedge: Option<u16>, attempt: u16, total: u16) -> Budget {
    let hedge = match hedge {
        Some(share) => Some(Bps(share)),
        None => None,
    };
    Budget { hedge, attempt: Bps(attempt), total: Bps(total) }
}

/// What a duty waits for.
const DUTY: Budget = budget(Some(300), 1_200, 2_500);
/// Small reads nobody waits for at a due point.
const READ: Budget = budget(Some(500), 2_000, 4_200);
/// Large reads made at start or once an epoch: worth a second beacon.
const LISTS: Budget = budget(Some(1_000), 10_000, 20_000);
/// Large or heavy reads: a hedge would double the load for nobody's duty.
const BULK: Budget = budget(None, 10_000, 20_000);
/// Block production; the attempt is the soft deadline at which the best is taken that there is.
const PRODUCE: Budget = budget(None, 1_700, 3_300);
/// The same since Gloas: attesters wait for the block until a quarter of the slot.
const PRODUCE_EARLY: Budget = budget(None, 850, 2_100);
/// Signed messages and blocks.
///
/// What is signed is never given up before its time: an attempt lasts a slot, further beacons are asked long before.
const PUBLISH: Budget = budget(Some(1_200), 10_000, 10_000);
/// Blinded blocks: the beacon itself waits for a relay, and giving up on it early gains nothing.
const UNBLIND: Budget = budget(None, 5_000, 5_000);
/// What no row knows: nothing may be assumed of how long it takes.
const UNKNOWN: Budget = budget(None, 10_000, 10_000);
/// Told state.
const SEED: Budget = budget(Some(1_200), 10_000, 10_000);
/// Builder registrations: large, and beacons pass them on to relays.
const REGISTER: Budget = budget(None, 5_000, 10_000);
/// Liveness: all must have their say.
const LIVENESS: Budget = budget(None, 2_500, 4_200);
/// Event streams: the time to the answer's head; the stream itself has no end.
const STREAM: Budget = budget(None, 2_500, 10_000);
/// The router's own answers.
const LOCAL: Budget = budget(None, 100, 100);

impl Row {
    const fn new(verb: Verb, path: &'static str, name: &'static str, strategy: Strategy) -> Self {
        Self {
            verb,
            path,
            name,
            strategy,
            needs: Use::Read,
            role: None,
            step: None,
            budget: READ,
            follow: Follow::Anytime,
            body: Body::Buffer,
            inspect: Inspect::Nothing,
            width: 1,
            namespace: Namespace::Standard,
            status: Status::Current,
        }
    }

    /// A small read from any beacon.
    pub(super) const fn read(path: &'static str, name: &'static str) -> Self {
        Self::new(Verb::Get, path, name, Strategy::Any)
    }

    /// A large or heavy read, streamed, never hedged.
    pub(super) const fn bulk(path: &'static str, name: &'static str) -> Self {
        let row = Self { body: Body::Stream, ..Self::read(path, name) };
        row.with_budget(BULK)
    }

    /// A large read made at start or once an epoch: streamed, hedged late.
    pub(super) const fn lists(path: &'static str, name: &'static str) -> Self {
        Self::bulk(path, name).with_budget(LISTS)
    }

    /// Duties of an epoch.
    pub(super) const fn duties(path: &'static str, name: &'static str, inspect: Inspect) -> Self {
        Self::read(path, name).with_budget(DUTY).with_inspect(inspect)
    }

    /// What a validator will sign, the same from every beacon that agrees.
    pub(super) const fn sign(path: &'static str, name: &'static str, step: Step) -> Self {
        let row = Self { needs: Use::Sign, ..Self::read(path, name) };
        row.with_budget(DUTY).with_step(step).with_role(Role::Attest)
    }

    /// What only beacons told of the duty can answer well.
    pub(super) const fn subscribed(path: &'static str, name: &'static str, step: Step) -> Self {
        let row = Self { strategy: Strategy::Subscribed, ..Self::sign(path, name, step) };
        row.with_role(Role::Aggregate).with_inspect(Inspect::Bits)
    }

    /// Block production: each call costs an execution layer and relay build; of several the best is taken.
    pub(super) const fn produce(path: &'static str, name: &'static str) -> Self {
        let row = Self {
            needs: Use::Sign,
            follow: Follow::AfterFailure,
            ..Self::new(Verb::Get, path, name, Strategy::One)
        };
        row.with_budget(PRODUCE)
            .with_step(Step::Propose)
            .with_role(Role::Propose)
            .with_inspect(Inspect::ProducedBlock)
            .with_width(2)
    }

    /// Block production since Gloas.
    pub(super) const fn produce_early(path: &'static str, name: &'static str) -> Self {
        Self::produce(path, name).with_budget(PRODUCE_EARLY)
    }

    /// What only the producing beacon surely answers.
    pub(super) const fn pinned(path: &'static str, name: &'static str) -> Self {
        let row = Self {
            needs: Use::Sign,
            follow: Follow::AfterProducer,
            ..Self::new(Verb::Get, path, name, Strategy::Pinned)
        };
        row.with_budget(PRODUCE).with_step(Step::Propose).with_role(Role::Propose)
    }

    /// What only the producing beacon can finish and publish.
    pub(super) const fn pinned_publish(path: &'static str, name: &'static str, inspect: Inspect) -> Self {
        let row = Self { verb: Verb::Post, needs: Use::Publish, ..Self::pinned(path, name) };
        row.with_budget(UNBLIND).with_inspect(inspect)
    }

    /// Signed bytes for the network.
    pub(super) const fn publish(path: &'static str, name: &'static str, inspect: Inspect) -> Self {
        let row = Self {
            needs: Use::Publish,
            follow: Follow::SameBytes,
            ..Self::new(Verb::Post, path, name, Strategy::Broadcast)
        };
        row.with_budget(PUBLISH).with_inspect(inspect).with_width(3)
    }

    /// State a beacon must be told.
    pub(super) const fn seed(path: &'static str, name: &'static str, inspect: Inspect, width: u8) -> Self {
        let row = Self {
            needs: Use::Seed,
            follow: Follow::SameBytes,
            ..Self::new(Verb::Post, path, name, Strategy::Seed)
        };
        row.with_budget(SEED).with_inspect(inspect).with_width(width)
    }

    /// Builder registrations.
    pub(super) const fn register(path: &'static str, name: &'static str) -> Self {
        Self::seed(path, name, Inspect::Registrations, 1).with_budget(REGISTER)
    }

    /// Liveness of validators.
    pub(super) const fn liveness(path: &'static str, name: &'static str) -> Self {
        let row = Self::new(Verb::Get, path, name, Strategy::Or);
        row.with_budget(LIVENESS).with_inspect(Inspect::Liveness)
    }

    /// Event streams.
    pub(super) const fn events(path: &'static str, name: &'static str) -> Self {
        let row = Self {
            needs: Use::Events,
            body: Body::Stream,
            ..Self::new(Verb::Get, path, name, Strategy::Stream)
        };
        row.with_budget(STREAM).with_role(Role::Events)
    }

    /// The router's own answer.
    pub(super) const fn local(path: &'static str, name: &'static str) -> Self {
        let row = Self { follow: Follow::Never, ..Self::new(Verb::Get, path, name, Strategy::Local) };
        row.with_budget(LOCAL)
    }

    /// Closed reads; several attempts once opened.
    pub(super) const fn closed_read(path: &'static str, name: &'static str, namespace: Namespace) -> Self {
        let row = Self { strategy: Strategy::Deny, ..Self::bulk(path, name) };
        row.with_namespace(namespace)
    }

    /// Closed for every method; a single attempt once opened, since nothing is known of what it does.
    pub(super) const fn closed(path: &'static str, name: &'static str, namespace: Namespace) -> Self {
        Self { follow: Follow::Never, verb: Verb::Any, ..Self::closed_read(path, name, namespace) }
    }

    /// Closed signed bytes for the network; repeated attempts are safe once opened.
    pub(super) const fn closed_publish(path: &'static str, name: &'static str, namespace: Namespace) -> Self {
        let row = Self { strategy: Strategy::Deny, ..Self::publish(path, name, Inspect::Nothing) };
        row.with_namespace(namespace).with_width(1)
    }

    /// Paths of the standard namespaces that have no row: a read.
    pub(super) const fn unknown_get(path: &'static str, name: &'static str) -> Self {
        let row = Self { body: Body::Stream, ..Self::read(path, name) };
        row.with_status(Status::Draft)
    }

    /// Paths of the standard namespaces that have no row: nothing is known of its effect, so it is sent once.
    pub(super) const fn unknown_post(path: &'static str, name: &'static str) -> Self {
        let row = Self {
            needs: Use::Publish,
            follow: Follow::Never,
            ..Self::new(Verb::Post, path, name, Strategy::One)
        };
        row.with_budget(UNKNOWN).with_status(Status::Draft)
    }

    /// The same by POST.
    pub(super) const fn post(mut self) -> Self {
        self.verb = Verb::Post;
        self
    }

    /// With this duty step near.
    pub(super) const fn with_step(mut self, step: Step) -> Self {
        self.step = Some(step);
        self
    }

    /// Needing this role.
    pub(super) const fn with_role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// To this many beacons.
    pub(super) const fn with_width(mut self, width: u8) -> Self {
        self.width = width;
        self
    }

    /// Standing here in the API's history.
    pub(super) const fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    const fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    const fn with_inspect(mut self, inspect: Inspect) -> Self {
        self.inspect = inspect;
        self
    }

    const fn with_namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }
}
