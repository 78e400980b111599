//! A command of the fleet file: no shell, a cleared environment, a bounded memory of what it printed.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::program::ProgramError;

/// The end of what it printed that is kept, in bytes.
const KEPT: usize = 16 * 1024;
/// Time between the polite signal and the other one.
const GRACE: Duration = Duration::from_secs(5);
/// A child of the command may hold its output open; nobody waits longer for that.
const TAIL: Duration = Duration::from_secs(1);

/// Runs it to its end; `cancel` ends it and its children.
pub async fn run(argv: &[String], cancel: &CancellationToken) -> Result<String, (ProgramError, String)> {
    let program = argv.first().cloned().unwrap_or_default();
    let mut child = Command::new(&program)
        .args(argv.iter().skip(1))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| (ProgramError::Start { program: program.clone(), source }, String::new()))?;
    let group = child.id().and_then(|id| Pid::from_raw(id as i32));
    let output = Output::of(&mut child);
    let (status, aborted) = tokio::select! {
        status = child.wait() => (status, false),
        () = cancel.cancelled() => (end(&mut child, group).await, true),
    };
    let text = output.text().await;
    match status {
        _ if aborted => Err((ProgramError::Aborted, text)),
        Ok(status) if status.success() => Ok(text),
        Ok(status) => Err((ProgramError::Ended { program, status: status.to_string() }, text)),
        Err(source) => Err((ProgramError::Start { program, source }, text)),
    }
}

/// Ends the whole group, politely first.
async fn end(child: &mut Child, group: Option<Pid>) -> std::io::Result<std::process::ExitStatus> {
    if let Some(group) = group {
        // A group that has just ended needs no signal.
        let _ = kill_process_group(group, Signal::TERM);
        if let Ok(status) = timeout(GRACE, child.wait()).await {
            let _ = kill_process_group(group, Signal::KILL);
            return status;
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().await
}

/// What it prints, both streams, in the order in which it came.
struct Output(tokio::task::JoinHandle<()>, std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Output {
    fn of(child: &mut Child) -> Self {
        let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let into = kept.clone();
        let task = tokio::spawn(async move {
            futures_util::future::join(keep(out, &into), keep(err, &into)).await;
        });
        Self(task, kept)
    }

    async fn text(mut self) -> String {
        tokio::select! {
            _ = &mut self.0 => {}
            () = sleep(TAIL) => self.0.abort(),
        }
        let kept = self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim_end().to_owned()
    }
}

async fn keep(stream: Option<impl AsyncRead + Unpin>, into: &std::sync::Mutex<Vec<u8>>) {
    let Some(mut stream) = stream else { return };
    let mut piece = [0; 4_096];
    while let Ok(n @ 1..) = stream.read(&mut piece).await {
        let mut kept = into.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.extend_from_slice(&piece[..n]);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).into()
    }

    #[tokio::test]
    async fn what_it_printed_is_kept_and_its_environment_is_empty() {
        let cancel = CancellationToken::new();
        let printed = run(&["/usr/bin/env".to_owned()], &cancel).await.unwrap();
        assert_eq!(printed, "");
        let both = run(&shell("echo out; echo err >&2"), &cancel).await.unwrap();
        assert!(both.contains("out") && both.contains("err"), "{both}");
        let loud = shell("i=0; while [ $i -lt 9000 ]; do echo 0123456789; i=$((i+1)); done; echo end");
        let much = run(&loud, &cancel).await.unwrap();
        assert!(much.len() <= KEPT && much.ends_with("end"), "{}", much.len());
    }

    #[tokio::test]
    async fn failures_name_the_program_and_keep_its_words() {
        let cancel = CancellationToken::new();
        let (error, said) = run(&shell("echo no disk >&2; exit 3"), &cancel).await.unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), said.as_str()),
            ("/bin/sh ended with exit status: 3", "no disk")
        );
        let (error, _) = run(&["/no/such/program".to_owned()], &cancel).await.unwrap_err();
        assert!(error.to_string().starts_with("/no/such/program cannot be started"), "{error}");
    }

    #[tokio::test]
    async fn an_abort_ends_its_children_too() {
        let cancel = CancellationToken::new();
        let began = Instant::now();
        let argv = shell("sleep 600 & echo $!; wait");
        let running = run(&argv, &cancel);
        let aborting = async {
            sleep(Duration::from_millis(300)).await;
            cancel.cancel();
        };
        let (ended, ()) = futures_util::future::join(running, aborting).await;
        let (error, printed) = ended.unwrap_err();
        assert!(matches!(error, ProgramError::Aborted), "{error}");
        assert!(began.elapsed() < Duration::from_secs(60));
        let child: i32 = printed.trim().parse().unwrap();
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        for _ in 0..600 {
            if gone() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("child {child} lives");
    }

    #[tokio::test]
    async fn a_child_that_holds_the_output_open_is_not_waited_for() {
        let began = Instant::now();
        let printed = run(&shell("sleep 30 & echo done"), &CancellationToken::new()).await.unwrap();
        assert_eq!(printed, "done");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
