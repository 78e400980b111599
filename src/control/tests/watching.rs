//! Watches: what is told, how often, and to whom no longer.

use std::time::Duration;

use rstest::rstest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

use super::house::{Running, drain, fleet, line};
use crate::control::*;
use crate::model::{FleetStatus, UnixMs};

/// Longer than anything here may take.
const BOUND: Duration = Duration::from_secs(30);

async fn watch(running: &Running, wanted: Wanted) -> Watch {
    Reach::Process(running.desk.clone()).watch("test", wanted).await.unwrap()
}

async fn next(watch: &mut Watch) -> Event {
    timeout(BOUND, watch.next()).await.expect("nothing is told").unwrap()
}

/// The next snapshot's fleet.
async fn snapshot(watch: &mut Watch) -> String {
    loop {
        if let Event::Snapshot(status) = next(watch).await {
            return status.fleet.clone();
        }
    }
}

/// The list of who watches, once it has so many.
async fn watchers(watch: &mut Watch, count: usize) -> Vec<Watcher> {
    loop {
        match next(watch).await {
            Event::Watchers(list) if list.len() == count => return list,
            _ => {}
        }
    }
}

async fn entry(watch: &mut Watch) -> crate::model::JournalEntry {
    loop {
        if let Event::Journal(entry) = next(watch).await {
            return entry;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_first_and_then_at_most_one_a_second_and_only_when_something_changed() {
    let running = Running::inside();
    let mut watch = watch(&running, Wanted::default()).await;
    let began = Instant::now();
    assert!(matches!(next(&mut watch).await, Event::Snapshot(status) if status.fleet == "first"));
    assert!(matches!(next(&mut watch).await, Event::Watchers(list) if list.len() == 1));
    for name in ["a", "b", "c"] {
        running.house.rename(name);
        tokio::task::yield_now().await;
    }
    assert_eq!(snapshot(&mut watch).await, "c", "what was overtaken is not told");
    assert_eq!(began.elapsed().as_secs(), 1);
    // The moment it was taken is no news.
    running.house.status.send_replace(FleetStatus { at: UnixMs(2), ..fleet("c") }.into());
    assert_eq!(next(&mut watch).await, Event::Alive { at: UnixMs(77) });
    assert_eq!(began.elapsed().as_secs(), 4);
    running.house.rename("d");
    assert_eq!(snapshot(&mut watch).await, "d");
    assert_eq!(began.elapsed().as_secs(), 4, "after a pause it is told at once");
    running.stop().await;
}

#[tokio::test]
async fn two_watchers_see_each_other_and_each_others_orders() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let reach = Reach::Sockets(dir.path().to_owned());
    let wanted = Wanted { journal: Some(0), log: None };
    let mut first = reach.watch("console", wanted).await.unwrap();
    let mut second = reach.watch("status", wanted).await.unwrap();
    let who = Peer::own().unwrap().to_string();
    let list = watchers(&mut first, 2).await;
    assert_eq!(
        list.iter().map(|watcher| watcher.program.as_str()).collect::<Vec<_>>(),
        ["console", "status"]
    );
    assert!(list.iter().all(|watcher| watcher.who == who && watcher.since == UnixMs(77)));
    assert_eq!(watchers(&mut second, 2).await, list);
    let order = drain();
    let Request::Order { order: id, .. } = &order else { panic!() };
    reach.client(Access::Control, "console").await.unwrap().call(order.clone()).await.unwrap();
    for watch in [&mut first, &mut second] {
        let entry = entry(watch).await;
        assert_eq!((entry.who.as_str(), entry.what.as_str()), (who.as_str(), "drain"));
        assert_eq!((entry.target.as_deref(), entry.order.as_deref()), (Some("b1"), Some(id.as_str())));
    }
    drop(second);
    assert_eq!(watchers(&mut first, 1).await[0].program, "console");
    running.stop().await;
}

#[tokio::test]
async fn embedded_and_attached_are_told_the_same() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let mut told = Vec::new();
    for reach in [Reach::Process(running.desk.clone()), Reach::Sockets(dir.path().to_owned())] {
        let mut watch = reach.watch("test", Wanted { journal: None, log: Some(2) }).await.unwrap();
        let mut events = Vec::new();
        while events.len() < 4 {
            match next(&mut watch).await {
                Event::Watchers(list) => events.push(Event::Watchers(
                    list.into_iter().map(|watcher| Watcher { id: 0, ..watcher }).collect(),
                )),
                event => events.push(event),
            }
        }
        running.house.log.send(line(9, "now")).unwrap();
        events.push(next(&mut watch).await);
        told.push(events);
        drop(watch);
        let mut list = running.desk.watchers.subscribe();
        timeout(BOUND, list.wait_for(Vec::is_empty)).await.unwrap().unwrap();
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][2..], [line(0, "before"), line(1, "before"), line(9, "now")].map(Event::Log));
}

#[rstest]
#[case(0)]
#[case(200_000)]
#[tokio::test]
async fn a_reader_that_takes_nothing_is_dropped_and_the_others_are_not(#[case] first_bytes: usize) {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    // More than the buffers of a socket hold.
    running.house.rename(&"x".repeat(4_000_000));
    let mut slow = UnixStream::connect(dir.path().join("observe.sock")).await.unwrap();
    slow.write_all(b"{\"v\":1,\"id\":1,\"op\":\"watch\"}\n").await.unwrap();
    slow.read_exact(&mut vec![0; first_bytes]).await.unwrap();
    let reach = Reach::Sockets(dir.path().to_owned());
    let mut other = reach.watch("test", Wanted::default()).await.unwrap();
    let began = Instant::now();
    watchers(&mut other, 2).await;
    assert_eq!(watchers(&mut other, 1).await[0].program, "test");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // It finds the connection cut in the middle of a frame.
    let mut rest = Vec::new();
    timeout(BOUND, slow.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(first_bytes + rest.len() < 4_000_000 && !rest.ends_with(b"\n"));
    running.house.rename("still");
    assert_eq!(snapshot(&mut other).await, "still");
    running.stop().await;
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_dropped_with_a_reason() {
    let running = Running::inside();
    let mut watch = watch(&running, Wanted { journal: None, log: Some(0) }).await;
    assert!(matches!(next(&mut watch).await, Event::Snapshot(_)));
    // Its task does not run in between.
    for id in 0..100 {
        running.house.log.send(line(id, "burst")).unwrap();
    }
    let error = loop {
        match timeout(BOUND, watch.next()).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(
        error,
        "serve ended the watch: this watcher did not keep up and was dropped when it had missed 36 lines of the log: \
         watch again"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_watch_that_is_given_up_again_and_again_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let reach = Reach::Sockets(dir.path().to_owned());
    let mut watch = reach.watch("test", Wanted { journal: None, log: Some(0) }).await.unwrap();
    assert!(matches!(next(&mut watch).await, Event::Snapshot(_)));
    let log = running.house.log.clone();
    let writer = tokio::spawn(async move {
        for id in 0..200 {
            log.send(line(id, &"y".repeat(20_000))).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (mut seen, began) = (Vec::new(), Instant::now());
    while seen.len() < 200 && began.elapsed() < BOUND {
        match timeout(Duration::from_micros(100), watch.next()).await {
            Ok(Ok(Event::Log(line))) => seen.push(line.id),
            Ok(Err(error)) => panic!("{error}"),
            Ok(Ok(_)) | Err(_) => {}
        }
    }
    assert_eq!(seen, (0..200).collect::<Vec<u64>>());
    writer.await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn nothing_else_may_be_asked_on_the_connection_of_a_watch() {
    let dir = TempDir::new().unwrap();
    let running = Running::start(dir.path()).await.unwrap();
    let lines = b"{\"v\":1,\"id\":1,\"op\":\"watch\"}\n{\"v\":1,\"id\":2,\"op\":\"status\"}\n";
    let got = super::house::raw(dir.path(), Access::Observe, lines).await;
    let last = AnswerFrame::decode(got.lines().last().unwrap().as_bytes()).unwrap();
    let message = "nothing else may be asked on the connection of a watch".to_owned();
    assert_eq!(last, AnswerFrame::new(1, Answer::Event(Event::Ended { message })));
    running.stop().await;
}
