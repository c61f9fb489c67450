//! Running an instance's programs: starting daemons, finding them again, and reading their last words.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use braid_kernel::Process;
use tracing::warn;

use crate::{EngineError, Place};

/// How long a daemon may take from its start until it has gone into the background.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may then take to write its pid file.
const PID_FILE_LIMIT: Duration = Duration::from_secs(3);
/// How much of a log goes into an error.
const LAST_WORDS: u64 = 600;

/// The process of a pid file, or else one of the control group, if it lives, is that program, and runs in the instance's
/// namespace: pids are used again, and files get lost. A second daemon beside the first would take its sockets.
pub(crate) fn find(place: &Place, program: &'static str) -> Result<Option<Process>, EngineError> {
    let open = |pid| Process::open(pid).ok().filter(|process| is_it(process, place, program));
    let written = read_pid(place, &format!("{program}.pid"))?.and_then(open);
    Ok(written.or_else(|| place.cgroup.pids().into_iter().find_map(open)))
}

/// The process id in a file of the instance, if there is one.
pub(crate) fn read_pid(place: &Place, name: &str) -> Result<Option<i32>, EngineError> {
    let path = place.dir.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).trim().parse().ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(EngineError::file("read", path)(e)),
    }
}

fn is_it(process: &Process, place: &Place, program: &str) -> bool {
    let there = braid_kernel::Netns::of_pid(process.pid()).is_ok_and(|ns| ns.inode() == place.netns.inode());
    there && process.is_alive() && process.name().is_ok_and(|name| name == program)
}

/// How a program ended.
pub(crate) struct Ended {
    /// What its process id was.
    pub pid: i32,
    /// How it ended.
    pub status: ExitStatus,
    /// What it said on its standard error stream.
    pub said: String,
}

/// Runs a program in the instance's namespace to its end; a daemon's is when it has gone into the background.
pub(crate) async fn run(
    place: &Place,
    program: &'static str,
    path: &Path,
    args: &[&str],
) -> Result<Ended, EngineError> {
    let mut command = tokio::process::Command::from(place.netns.command(path));
    command.args(args).current_dir(&place.dir);
    // A daemon must not hold on to our files, nor we wait on its.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| EngineError::Run { program, source })?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    let mut errors = child.stderr.take();
    let ended = tokio::time::timeout(START_LIMIT, child.wait()).await;
    let status = match ended {
        Err(_) => {
            let reason = format!("it is not up after {START_LIMIT:?}; {}", last_words(place, program));
            return Err(EngineError::Start { program, reason });
        }
        Ok(status) => status.map_err(|source| EngineError::Run { program, source })?,
    };
    let mut stderr = Vec::new();
    if let Some(errors) = &mut errors {
        // A daemon in the background may keep the pipe open: what is in it by now must do.
        let read = tokio::io::AsyncReadExt::read_to_end(errors, &mut stderr);
        let _ =
            tokio::time::timeout(Duration::from_millis(if status.success() { 0 } else { 200 }), read).await;
    }
    Ok(Ended { pid, status, said: String::from_utf8_lossy(&stderr).trim().to_owned() })
}

/// Starts a daemon that goes into the background by itself, and puts it into the instance's control group. Gives also the
/// process id that it had in the foreground.
pub(crate) async fn start_daemon(
    place: &Place,
    program: &'static str,
    path: &Path,
    args: &[&str],
) -> Result<(Process, i32), EngineError> {
    let Ended { pid, status, said } = run(place, program, path, args).await?;
    let failed = |why: String| EngineError::Start {
        program,
        reason: format!("{why}: {said} {}", last_words(place, program)).trim().to_owned(),
    };
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    let begin = Instant::now();
    let process = loop {
        // BIRD goes into the background first and writes its pid file then; so does the native engine.
        match find(place, program)? {
            Some(process) => break process,
            None if begin.elapsed() > PID_FILE_LIMIT => return Err(failed("it ended at once".to_owned())),
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    };
    if let Err(error) = place.cgroup.add(process.pid()) {
        // Routing without bounds beats not routing.
        warn!("{program} runs without bounds: {error}");
    }
    Ok((process, pid))
}

/// The end of a daemon's log, for an error message.
fn last_words(place: &Place, program: &str) -> String {
    let path = place.dir.join(format!("{program}.log"));
    match tail(&path) {
        Ok(text) if !text.trim().is_empty() => format!("(the end of {}: {})", path.display(), text.trim()),
        _ => String::new(),
    }
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a file of the instance, if it is not so already. Gives whether it changed.
pub(crate) fn write(place: &Place, name: &str, content: &str) -> Result<bool, EngineError> {
    let path = place.dir.join(name);
    if fs::read(&path).is_ok_and(|old| old == content.as_bytes()) {
        return Ok(false);
    }
    braid_proto::replace_file(&path, content.as_bytes()).map_err(EngineError::file("write", path))?;
    Ok(true)
}

/// Removes a leftover, such as the socket of a daemon that was killed.
pub(crate) fn clear(place: &Place, name: &str) -> Result<(), EngineError> {
    let path = place.dir.join(name);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(EngineError::file("remove", path)(e)),
        _ => Ok(()),
    }
}
