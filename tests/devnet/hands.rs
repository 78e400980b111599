//! Owns what an engineer does at the console, by keys alone, and what must be on the screen at each step.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::clock::eventually;
use super::network::Network;
use super::router::Router;
use super::screen::{Screen, row, words};

/// Within this the screen must show what a key or a fault has changed.
const SEEN_BOUND: Duration = Duration::from_secs(30);
/// Within this a beacon must be in use again after it was started anew or resumed.
const BACK_BOUND: Duration = Duration::from_secs(180);
/// Within this a level must be left.
const BACK_KEY_BOUND: Duration = Duration::from_secs(2);
/// Within this a beacon's process must end when it is asked to.
const END_BOUND: Duration = Duration::from_secs(60);

/// A beacon hangs; an engineer sees it, drains it, mends it in the middle of `slots`, and takes it back.
pub async fn hang(net: &Network, router: &Router, i: usize, slots: Range<u64>) -> Result<Vec<String>> {
    let name = net.beacons[i].name.as_str();
    let screen = at(router, i, name).await?;
    let peer = net.identity(i).await?;
    net.freeze(i);
    let mut pictures = vec![state(&screen, name, SEEN_BOUND, |row| row.contains("hung")).await?];
    net.forsake(i, &peer).await;
    pictures.push(order(&screen, "d", &format!("Drain {name}?")).await?);
    pictures.push(state(&screen, name, SEEN_BOUND, |row| row.contains("DRAINED")).await?);
    net.clock.reach_slot(slots.start + (slots.end - slots.start) / 2).await;
    net.thaw(i);
    net.rejoin(i).await?;
    pictures.push(order(&screen, "d", &format!("Resume {name}?")).await?);
    pictures.push(state(&screen, name, BACK_BOUND, |row| row.contains("● UP")).await?);
    net.clock.reach_slot(slots.end).await;
    Ok(pictures)
}

/// An engineer restarts a beacon: by a command that fails, by one that hangs, by one that does it.
pub async fn restart(net: &mut Network, router: &Router, i: usize, slots: Range<u64>) -> Result<Vec<String>> {
    let name = net.beacons[i].name.clone();
    let screen = at(router, i, &name).await?;
    let script = router.fleet.script(&name);
    let box_title = format!("Restart {name}?");
    let mut pictures = Vec::new();
    let fails = "echo the disk is full >&2; exit 3";
    let hangs = "echo waiting for its unit; exec /bin/sleep 600";
    for (text, told, printed) in [
        (fails, "ended with exit status: 3; it stays drained", "the disk is full"),
        (hangs, "still at work after 15 s and was ended; it stays drained", "waiting for its unit"),
    ] {
        fs::write(&script, text)?;
        pictures.push(order(&screen, "R", &box_title).await?);
        screen.shows("why it failed, in a sentence", END_BOUND, |text| words(text).contains(told)).await?;
        pictures.push(state(&screen, &name, SEEN_BOUND, |row| row.contains("RESTART FAIL")).await?);
        left_drained(router, i).await?;
        screen.press(&["Enter"])?;
        let details = screen.shows("what it printed", SEEN_BOUND, |text| words(text).contains(printed));
        pictures.push(details.await?);
        back(&screen, &name).await?;
    }
    // Whoever supervises the beacon starts it again when it ends; here that is this test.
    let id = script.with_extension("pid");
    let old = net.beacons[i].process.id();
    fs::write(&id, old.to_string())?;
    fs::write(&script, replaces(&id.display().to_string()))?;
    pictures.push(order(&screen, "R", &box_title).await?);
    eventually("the command ends the beacon's process", END_BOUND, async || net.beacons[i].process.ended())
        .await?;
    net.restart(i).await?;
    ensure!(net.beacons[i].process.id() != old, "the same process");
    fs::write(&id, net.beacons[i].process.id().to_string())?;
    pictures.push(state(&screen, &name, SEEN_BOUND, |row| row.contains("RESTART wait")).await?);
    let done = format!("restart of {name} done in");
    pictures.push(screen.shows("that it is done", BACK_BOUND, |text| words(text).contains(&done)).await?);
    pictures.push(state(&screen, &name, BACK_BOUND, |row| row.contains("● UP")).await?);
    net.clock.reach_slot(slots.end).await;
    Ok(pictures)
}

/// Ends the process whose id the file holds, with force after 5 s as a service manager does (Lodestar of this age may stop
/// gracefully for minutes), and returns when another one has taken its place.
fn replaces(id: &str) -> String {
    format!(
        "old=$(/bin/cat {id})\nkill -TERM \"$old\"\nn=0\n\
         while [ \"$(/bin/cat {id})\" = \"$old\" ]; do\n  \
         n=$((n + 1))\n  [ $n != 50 ] || kill -KILL \"$old\"\n  /bin/sleep 0.1\ndone\n\
         echo \"process $old is replaced\"\n"
    )
}

/// The console with beacon `i` selected.
async fn at(router: &Router, i: usize, name: &str) -> Result<Screen> {
    let screen = Screen::open(router).await?;
    screen.press(&["2", "g"])?;
    for _ in 0..i {
        screen.press(&["j"])?;
    }
    state(&screen, name, BACK_BOUND, |row| row.contains("● UP")).await?;
    Ok(screen)
}

/// Presses the key of an order, waits for its box, says yes; the picture of the box.
async fn order(screen: &Screen, key: &str, title: &str) -> Result<String> {
    screen.press(&[key])?;
    let picture = screen.shows(title, SEEN_BOUND, |text| text.contains(title)).await?;
    screen.press(&["y"])?;
    screen.shows("no box any more", SEEN_BOUND, |text| !text.contains(title)).await?;
    Ok(picture)
}

/// Back to the table; what was said meanwhile goes first, then the details.
async fn back(screen: &Screen, name: &str) -> Result<()> {
    for _ in 0..3 {
        // One at a time: what follows it at once would be part of it.
        screen.press(&["Escape"])?;
        if state(screen, name, BACK_KEY_BOUND, |_| true).await.is_ok() {
            return Ok(());
        }
    }
    bail!("the table does not come back:\n{}", screen.text()?)
}

/// Waits until a beacon's row is so.
async fn state(screen: &Screen, name: &str, bound: Duration, is: impl Fn(&str) -> bool) -> Result<String> {
    screen.shows(&format!("{name} so"), bound, |text| row(text, name).is_some_and(&is)).await
}

async fn left_drained(router: &Router, i: usize) -> Result<()> {
    let status = router.status().await?;
    let operations = status["operations"].as_array().context("operations")?;
    ensure!(!operations.is_empty(), "no operation in the status");
    let lifecycle = &status["beacons"][i]["lifecycle"]["state"];
    ensure!(lifecycle == "drained", "it is {lifecycle}");
    Ok(())
}
