//! An agent and its routers over real connections: who is let in, and what becomes of those who do not keep to what was agreed.

use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::subscriber::DefaultGuard;

use super::frame::{self, ANSWER_LIMIT, FrameError, QUESTION_LIMIT};
use super::orders::tests::{Counting, order, remedy};
use super::server::{CONNECTIONS, HANDSHAKES};
use super::words::{Answered, Asked, Greeting, OrderState, Question, Report};
use super::{Client, ClientError, House, Identity, Looked, Orders, Paired, Server, identity, paired, pin};
use crate::model::{AgentAddress, RemedyVerb, Verb};

/// The longest anything here is waited for.
const LONGEST: Duration = Duration::from_secs(60);
/// What the agent's clock is ahead, in microseconds.
const AHEAD_US: i64 = 80_000;

fn micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

/// What this test's log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Waits until it does.
    async fn says(&self, words: &str) {
        let began = Instant::now();
        while !self.text().contains(words) {
            assert!(began.elapsed() < LONGEST, "{words}: {}", self.text());
            tokio::task::yield_now().await;
        }
    }
}

/// An agent that can restart `node` and is paired with one router.
struct Agent {
    address: AgentAddress,
    router: Identity,
    hands: Arc<Counting>,
    state: TempDir,
    cancel: CancellationToken,
    _looked: watch::Sender<Option<Looked>>,
    log: Log,
    _guard: DefaultGuard,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Agent {
    async fn start() -> Self {
        let (log, guard) = Log::start();
        let state = tempfile::tempdir().unwrap();
        let own = Identity::open(state.path(), identity::AGENT).unwrap();
        let router = Identity::open(state.path(), identity::ROUTER).unwrap();
        paired::add(state.path(), router.key()).unwrap();
        let (hands, tracker, cancel) =
            (Arc::new(Counting::default()), TaskTracker::new(), CancellationToken::new());
        let report = Report { look: 3, roles: vec!["beacon".into()], ..Report::default() };
        let (sender, looked) = watch::channel(Some(Looked { report, at: Instant::now() }));
        let house = House {
            paired: Arc::new(Paired::new(state.path())),
            orders: Orders::new(hands.clone(), tracker.clone(), cancel.clone()),
            looked,
            slots: hands.clone(),
            micros: Arc::new(|| micros() + AHEAD_US),
            life: String::new(),
        };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), Vec::new(), &own, house).await.unwrap();
        let address = AgentAddress { key: own.key(), at: server.address().unwrap() };
        let ends = cancel.clone();
        tokio::spawn(async move { server.run(&tracker, &ends).await });
        Self { address, router, hands, state, cancel, _looked: sender, log, _guard: guard }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.router, self.address).await.unwrap()
    }

    /// A connection on which a test sends what it likes.
    async fn raw(&self) -> (TlsStream<TcpStream>, Greeting) {
        let config = Arc::new(pin::client(&self.router, self.address.key).unwrap());
        let stream = TcpStream::connect(self.address.at).await.unwrap();
        let name = ServerName::from(self.address.at.ip());
        let mut stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
        let greeting = frame::read(&mut stream, ANSWER_LIMIT, LONGEST).await.unwrap();
        (stream, greeting)
    }

    fn orders(&self) -> usize {
        self.hands.0.load(SeqCst)
    }
}

async fn send(stream: &mut TlsStream<TcpStream>, asked: &Asked) {
    frame::write(stream, QUESTION_LIMIT, asked).await.unwrap();
}

async fn answer(stream: &mut TlsStream<TcpStream>) -> Result<Answered, FrameError> {
    frame::read(stream, ANSWER_LIMIT, LONGEST).await
}

/// The agent hangs up, and says nothing more before.
async fn hung_up(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    // Whether it is polite about it does not matter.
    let read = timeout(10 * LONGEST, stream.read_to_end(&mut rest)).await.expect("it hangs up");
    assert!(rest.is_empty(), "{read:?}: {rest:?}");
}

#[tokio::test]
async fn a_paired_router_is_told_what_was_found_and_what_time_it_is() {
    let agent = Agent::start().await;
    let mut client = agent.client().await;
    assert_eq!(client.greeting().allows.restart, ["node"]);
    let report = client.report(None).await.unwrap().unwrap();
    assert_eq!((report.look, report.roles.as_slice()), (3, &["beacon".to_owned()][..]));
    assert_eq!(client.report(Some(3)).await.unwrap(), None, "it is known already");
    for _ in 0..4 {
        let offset = client.clock(&micros).await.unwrap().unwrap();
        assert!(offset.contains(AHEAD_US), "{offset}");
        assert!(offset.half() < 1_000_000, "{offset}");
    }
    let state = client.order(order("1", Verb::Restart, "node")).await.unwrap();
    assert_eq!((state, agent.orders()), (OrderState::Running, 1));
    client.end("1").await.unwrap();
    while client.outcome("1").await.unwrap() == OrderState::Running {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = client.order(order("2", Verb::Restart, "/bin/sh")).await.unwrap_err();
    assert!(refused.to_string().ends_with("no restart of /bin/sh; it does of node"), "{refused}");
    assert!(client.clock(&micros).await.is_ok(), "a refusal ends nothing");
}

#[tokio::test]
async fn a_wrong_key_on_either_side_ends_it_and_both_say_what_to_do() {
    let agent = Agent::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Identity::open(elsewhere.path(), identity::ROUTER).unwrap();
    let refused = Client::connect(&stranger, agent.address).await.err().unwrap();
    assert!(matches!(refused, ClientError::Unpaired { router, .. } if router == stranger.key()), "{refused}");
    agent.log.says(&format!("`beacondeck agent pair {}`", stranger.key())).await;
    // The fleet file names another agent than the one that is there.
    let wrong = AgentAddress { key: stranger.key(), ..agent.address };
    let refused = Client::connect(&agent.router, wrong).await.err().unwrap();
    assert!(
        matches!(refused, ClientError::Stranger { found, .. } if found == agent.address.key),
        "{refused}"
    );
    // No key at all, an authority's certificate instead, or no TLS.
    let mut plain = TcpStream::connect(agent.address.at).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    agent.log.says("the handshake failed").await;
    assert_eq!(agent.orders(), 0);
    agent.client().await;
}

#[tokio::test]
async fn a_router_that_is_unpaired_is_out_at_its_next_question() {
    let agent = Agent::start().await;
    let mut client = agent.client().await;
    client.clock(&micros).await.unwrap();
    paired::remove(agent.state.path(), agent.router.key()).unwrap();
    assert!(client.order(order("1", Verb::Restart, "node")).await.is_err());
    agent.log.says("it is not paired any more").await;
    assert!(matches!(
        Client::connect(&agent.router, agent.address).await.err(),
        Some(ClientError::Unpaired { .. })
    ));
    assert_eq!(agent.orders(), 0);
}

#[tokio::test]
async fn a_frame_that_is_played_again_is_refused_here_and_elsewhere() {
    is_played_again(Question::Order(order("1", Verb::Restart, "node"))).await;
    is_played_again(Question::Remedy(remedy("1", RemedyVerb::Fix, "net.somaxconn"))).await;
}

async fn is_played_again(question: Question) {
    let agent = Agent::start().await;
    let (mut first, greeting) = agent.raw().await;
    let recorded = Asked { session: greeting.session, number: 1, question };
    send(&mut first, &recorded).await;
    answer(&mut first).await.unwrap();
    assert_eq!(agent.orders(), 1);
    // Once it has ended, the same order given anew would be carried out if nobody knew it.
    send(&mut first, &recorded).await;
    hung_up(&mut first).await;
    agent.log.says("frame 1 where 2 was due: it was recorded and played again").await;
    let (mut second, _) = agent.raw().await;
    send(&mut second, &recorded).await;
    hung_up(&mut second).await;
    agent.log.says("a frame of another session: it was recorded and played again").await;
    let (mut third, greeting) = agent.raw().await;
    send(&mut third, &Asked { session: greeting.session, number: 2, ..recorded }).await;
    hung_up(&mut third).await;
    assert_eq!(agent.orders(), 1);
}

#[tokio::test]
async fn bytes_that_are_played_again_are_refused_by_tls() {
    let agent = Agent::start().await;
    // Somebody between the two keeps what the router sends, and sends it again.
    let between = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let via = AgentAddress { at: between.local_addr().unwrap(), ..agent.address };
    let agent_at = agent.address.at;
    let tap = tokio::spawn(async move {
        let (mut near, _) = between.accept().await.unwrap();
        let mut far = TcpStream::connect(agent_at).await.unwrap();
        let ((mut from, mut to), (mut back, mut home)) = (near.split(), far.split());
        let mut kept = Vec::new();
        let record = async {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut piece).await {
                kept.extend_from_slice(&piece[..n]);
                if home.write_all(&piece[..n]).await.is_err() {
                    break;
                }
            }
            let _ = home.shutdown().await;
        };
        let _ = tokio::join!(record, tokio::io::copy(&mut back, &mut to));
        kept
    });
    let mut client = Client::connect(&agent.router, via).await.unwrap();
    client.order(order("1", Verb::Restart, "node")).await.unwrap();
    drop(client);
    let kept = timeout(LONGEST, tap).await.unwrap().unwrap();
    assert!(kept.len() > 300, "{}", kept.len());
    let mut again = TcpStream::connect(agent_at).await.unwrap();
    again.write_all(&kept).await.unwrap();
    agent.log.says("the handshake failed").await;
    assert_eq!(agent.orders(), 1);
}

#[tokio::test]
async fn a_frame_too_long_is_not_even_read() {
    let agent = Agent::start().await;
    let (mut stream, _) = agent.raw().await;
    stream.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    hung_up(&mut stream).await;
    agent.log.says("a frame of 4294967295 bytes; at most 4096 are allowed").await;
    let (mut stream, greeting) = agent.raw().await;
    let long = Asked {
        session: greeting.session,
        number: 1,
        question: Question::Order(order("1", Verb::Restart, &"x".repeat(QUESTION_LIMIT))),
    };
    frame::write(&mut stream, 2 * QUESTION_LIMIT, &long).await.unwrap();
    hung_up(&mut stream).await;
    let (mut stream, _) = agent.raw().await;
    stream.write_all(b"\0\0\0\x04junk").await.unwrap();
    hung_up(&mut stream).await;
    agent.log.says("not a frame of this protocol").await;
    assert_eq!(agent.orders(), 0);
}

#[tokio::test]
async fn slow_peers_are_let_go_and_hold_up_nobody() {
    let agent = Agent::start().await;
    let (mut slow, _) = agent.raw().await;
    slow.write_all(b"\0\0").await.unwrap();
    let mut dumb = TcpStream::connect(agent.address.at).await.unwrap();
    agent.client().await.clock(&micros).await.unwrap();
    // Both have their time, which passes at once from here on.
    tokio::time::pause();
    hung_up(&mut dumb).await;
    hung_up(&mut slow).await;
    tokio::time::resume();
    agent.log.says("no handshake within 5 s").await;
    agent.log.says("a frame was not complete within 5 s").await;
    agent.client().await.clock(&micros).await.unwrap();
}

#[tokio::test]
async fn a_router_that_says_nothing_is_let_go_in_the_end() {
    let agent = Agent::start().await;
    let (mut silent, _) = agent.raw().await;
    tokio::time::pause();
    hung_up(&mut silent).await;
    tokio::time::resume();
    agent.log.says("nothing came for 120 s").await;
}

#[tokio::test]
async fn a_flood_of_questions_ends_the_connection_they_come_by_and_no_other() {
    let agent = Agent::start().await;
    let mut calm = agent.client().await;
    let (mut stream, greeting) = agent.raw().await;
    let mut answered = 0;
    for number in 1..=1_000 {
        let asked = Asked { session: greeting.session.clone(), number, question: Question::Clock };
        if frame::write(&mut stream, QUESTION_LIMIT, &asked).await.is_err() {
            break;
        }
        match answer(&mut stream).await {
            Ok(_) => answered += 1,
            Err(_) => break,
        }
    }
    assert!((1..1_000).contains(&answered), "{answered}");
    agent.log.says("more than 20 questions a second").await;
    calm.clock(&micros).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_connections_is_cut_and_whoever_is_in_stays_in() {
    let agent = Agent::start().await;
    let mut inside = agent.client().await;
    let mut crowd = Vec::new();
    for _ in 0..10 * HANDSHAKES {
        crowd.push(TcpStream::connect(agent.address.at).await.unwrap());
    }
    agent.log.says("too many handshakes at once").await;
    agent.log.says("too many connections a second").await;
    inside.clock(&micros).await.unwrap();
    let lines = agent.log.text().lines().filter(|line| line.contains("refused")).count();
    assert!(lines <= 20, "{lines} lines of {} refusals", crowd.len());
    drop(crowd);
    // Whoever was cut off comes again, and one who is let in has a bound of its own.
    let began = Instant::now();
    let mut more = Vec::new();
    while more.len() < CONNECTIONS - 1 {
        assert!(began.elapsed() < LONGEST);
        more.extend(Client::connect(&agent.router, agent.address).await);
    }
    while !agent.log.text().contains("has 8 connections already") {
        assert!(began.elapsed() < LONGEST, "{} connections", more.len());
        assert!(Client::connect(&agent.router, agent.address).await.is_err());
    }
    inside.clock(&micros).await.unwrap();
}

#[tokio::test]
async fn networks_that_are_not_allowed_do_not_come_to_the_handshake() {
    let (log, _guard) = Log::start();
    let state = tempfile::tempdir().unwrap();
    let own = Identity::open(state.path(), identity::AGENT).unwrap();
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let house = House {
        paired: Arc::new(Paired::new(state.path())),
        orders: Orders::new(Arc::new(Counting::default()), tracker.clone(), cancel.clone()),
        looked: watch::channel(None).1,
        slots: Arc::new(Counting::default()),
        micros: Arc::new(micros),
        life: String::new(),
    };
    let allow = vec!["10.0.0.0/8".parse().unwrap()];
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), allow, &own, house).await.unwrap();
    let at = server.address().unwrap();
    let ends = cancel.clone();
    tokio::spawn(async move { server.run(&tracker, &ends).await });
    let mut stream = TcpStream::connect(at).await.unwrap();
    hung_up(&mut stream).await;
    log.says("its network is not in `allow`").await;
    cancel.cancel();
}
