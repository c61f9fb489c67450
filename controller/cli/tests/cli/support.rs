//! Runs the built binary as a script would.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long any command may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run of `braid` left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The run, which must have gone well.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The run, which must have failed in this way, with nothing on stdout.
    #[track_caller]
    pub fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "a failure says nothing on stdout");
        self
    }
}

/// `braid` with nothing from this shell's environment that it would listen to.
pub fn braid(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_braid"));
    let variables =
        ["BRAID_LAB", "BRAID_CONTROLLER", "BRAID_TLS_CA", "BRAID_TLS_CERT", "BRAID_TLS_KEY", "BRAID_LOG"];
    for variable in variables {
        command.env_remove(variable);
    }
    // No lab of this machine is ours to look at.
    command.env("BRAID_RUN_ROOT", "/nonexistent/braid");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs `braid`.
pub fn run(arguments: &[&str]) -> Ran {
    run_command(braid(arguments))
}

/// Runs a command that [`braid`] made.
pub fn run_command(mut command: Command) -> Ran {
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits for a command's end, and ends it where that takes too long: a hang is a failed test, not a hung one.
pub fn finish(child: Child) -> Ran {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (done, is_done) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    watch.join().unwrap();
    Ran::of(output)
}

/// Runs `braid` with a text on its standard input.
pub fn run_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut command = braid(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may well stop reading early.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    finish(child)
}
