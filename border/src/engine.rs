//! How a virtual network's engine fares at this node.
//!
//! The agent says it in the instance file; that the processes live, the border sees for itself, by pidfds. So a crash
//! counts within a moment of its happening, and also while no agent runs.

use std::{path::PathBuf, time::Duration};

use braid_kernel::{Process, ProcessId};
use braid_proto::{InstanceFile, InstanceState};
use braid_vote::EngineState;
use futures::future::{pending, select_all};
use tokio::sync::mpsc;
use tracing::warn;

/// How often the instance file is looked at.
const POLL: Duration = Duration::from_millis(100);

/// What the agent's word and our own eyes amount to.
fn judge(file: Option<&InstanceFile>, all_alive: bool) -> EngineState {
    match file.map(|file| (file.state, file.processes.is_empty())) {
        None => EngineState::Unknown,
        Some((InstanceState::Starting, _)) => EngineState::Starting,
        Some((InstanceState::Gone, _)) => EngineState::Gone,
        Some((InstanceState::Running | InstanceState::Silent, true)) => EngineState::Gone,
        Some((InstanceState::Running | InstanceState::Silent, false)) if !all_alive => EngineState::Gone,
        Some((InstanceState::Running, false)) => EngineState::Running,
        Some((InstanceState::Silent, false)) => EngineState::Silent,
    }
}

/// The processes that a file names, as far as they live.
fn open(file: Option<&InstanceFile>) -> Vec<Process> {
    let ids = file.into_iter().flat_map(|file| &file.processes);
    ids.filter_map(|p| ProcessId { pid: p.pid, start_time: p.start_time }.open()).collect()
}

/// Resolves when one of the processes has ended; never if there are none.
async fn any_exit(processes: &[Process]) {
    if processes.is_empty() {
        pending::<()>().await;
    }
    let (outcome, ..) = select_all(processes.iter().map(|process| Box::pin(process.exited()))).await;
    if outcome.is_err() {
        // A pidfd that cannot be waited on: looking again in a while must do.
        pending::<()>().await;
    }
}

/// Watches the instance in `dir` and hands on every change of its state, until the receiver is gone.
pub async fn watch<E>(dir: PathBuf, events: mpsc::Sender<E>, event: impl Fn(EngineState) -> E) {
    let mut known = None;
    let mut file: Option<InstanceFile> = None;
    let mut processes = Vec::new();
    let mut unreadable = false;
    loop {
        match InstanceFile::read(&dir) {
            Ok(read) => {
                unreadable = false;
                if read != file {
                    processes = open(read.as_ref());
                    file = read;
                }
            }
            // The last word stands; the pidfds still tell.
            Err(error) if !unreadable => {
                unreadable = true;
                warn!(%error, "keeping the last known state of the engine");
            }
            Err(_) => {}
        }
        let named = file.as_ref().map_or(0, |file| file.processes.len());
        let alive = processes.iter().filter(|p| p.is_alive()).count();
        let state = judge(file.as_ref(), alive == named);
        if known != Some(state) {
            known = Some(state);
            if events.send(event(state)).await.is_err() {
                return;
            }
        }
        if alive == named {
            tokio::select! {
                () = any_exit(&processes) => {}
                () = tokio::time::sleep(POLL) => {}
            }
        } else {
            tokio::time::sleep(POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use braid_proto::InstanceProcess;

    use super::*;

    #[tokio::test]
    async fn a_killed_engine_is_gone_at_once_whatever_the_agent_says() {
        // Goal: with no agent alive, the border notices the crash by itself.
        let dir = tempfile::tempdir().unwrap();
        let mut engine = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(i32::try_from(engine.id()).unwrap()).unwrap();
        let file = InstanceFile {
            state: InstanceState::Running,
            processes: vec![InstanceProcess {
                name: "sleep".into(),
                pid: process.pid(),
                start_time: process.start_time(),
            }],
            restarts: 0,
        };
        file.write(dir.path()).unwrap();

        let (sender, mut states) = mpsc::channel(4);
        tokio::spawn(watch(dir.path().to_owned(), sender, |state| state));
        assert_eq!(states.recv().await, Some(EngineState::Running));

        engine.kill().unwrap();
        assert_eq!(states.recv().await, Some(EngineState::Gone));
        engine.wait().unwrap();

        // The agent's next word, once it has one, counts again.
        InstanceFile { state: InstanceState::Starting, processes: vec![], restarts: 1 }
            .write(dir.path())
            .unwrap();
        assert_eq!(states.recv().await, Some(EngineState::Starting));
    }

    #[test]
    fn running_with_no_process_is_gone() {
        let file = InstanceFile { state: InstanceState::Running, processes: vec![], restarts: 0 };
        assert_eq!(judge(Some(&file), true), EngineState::Gone);
        assert_eq!(judge(None, true), EngineState::Unknown);
    }
}
