//! Running an instance's programs: starting daemons, finding them again, and reading their last words.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use braid_kernel::Process;
use tracing::warn;

use crate::{EngineError, Place, Requirement};

/// How long a daemon may take from its start until it has gone into the background.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long it may then take to write its pid file.
const PID_FILE_LIMIT: Duration = Duration::from_secs(3);
/// How much of a log goes into an error.
const LAST_WORDS: u64 = 600;

/// The process of a pid file, if it lives, is that program, and runs in the instance's namespace: pids are used again.
pub(crate) fn by_pid_file(place: &Place, program: &'static str) -> Result<Option<Process>, EngineError> {
    let path = place.dir.join(format!("{program}.pid"));
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(EngineError::file("read", path)(e)),
    };
    let Some(process) = text.trim().parse().ok().and_then(|pid| Process::open(pid).ok()) else {
        return Ok(None);
    };
    let there = braid_kernel::Netns::of_pid(process.pid()).is_ok_and(|ns| ns.inode() == place.netns.inode());
    let is_it = there && process.is_alive() && process.name().is_ok_and(|name| name == program);
    Ok(is_it.then_some(process))
}

/// Runs a program in the instance's namespace to its end; a daemon's is when it has gone into the background.
pub(crate) async fn run(
    place: &Place,
    requirement: &Requirement,
    args: &[&str],
) -> Result<Output, EngineError> {
    let program = requirement.program;
    let mut command = tokio::process::Command::from(place.netns.command(requirement.find()?));
    command.args(args).current_dir(&place.dir);
    // A daemon must not hold on to our files, nor we wait on its.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| EngineError::Run { program, source })?;
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
    Ok(Output { status, stdout: Vec::new(), stderr })
}

/// Starts a daemon that goes into the background by itself, and puts it into the instance's control group.
pub(crate) async fn start_daemon(
    place: &Place,
    requirement: &Requirement,
    args: &[&str],
) -> Result<Process, EngineError> {
    let program = requirement.program;
    let output = run(place, requirement, args).await?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let failed = |why: String| EngineError::Start {
        program,
        reason: format!("{why}: {said} {}", last_words(place, program)).trim().to_owned(),
    };
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let begin = Instant::now();
    let process = loop {
        // BIRD goes into the background first and writes its pid file then.
        match by_pid_file(place, program)? {
            Some(process) => break process,
            None if begin.elapsed() > PID_FILE_LIMIT => return Err(failed("it ended at once".to_owned())),
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    };
    if let Err(error) = place.cgroup.add(process.pid()) {
        // Routing without bounds beats not routing.
        warn!("{program} runs without bounds: {error}");
    }
    Ok(process)
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
