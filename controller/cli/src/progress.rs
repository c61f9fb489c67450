//! The progress of `braid lab up` on stderr: a live line on a terminal, a line per event elsewhere.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use braid_lab::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{output, units};

/// How often the live line moves, though nothing has happened.
const TICK: Duration = Duration::from_millis(100);

/// Shows the stages as they pass.
#[derive(Debug)]
pub struct StageLines {
    terminal: bool,
    /// The live line of the stage under way.
    bar: Option<ProgressBar>,
}

impl StageLines {
    /// For this process's stderr.
    pub fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), bar: None }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for StageLines {
    fn begin(&mut self, stage: Stage) {
        self.clear();
        if !self.terminal {
            output::note(format_args!("{}...", stage.label()));
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {prefix:<12}{elapsed:>4}  {wide_msg}")
            .expect("the template is constant and right");
        let bar = ProgressBar::new_spinner().with_style(style).with_prefix(stage.label());
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    fn update(&mut self, _: Stage, done: u32, total: u32, detail: &str) {
        if let Some(bar) = &self.bar {
            let count = if total > 0 { format!("{done}/{total} ") } else { String::new() };
            bar.set_message(format!("{count}{detail}"));
        }
    }

    fn end(&mut self, stage: Stage, took: Duration) {
        self.clear();
        output::note(format_args!("{:<12}{:>8}", stage.label(), units::seconds(took)));
    }

    fn warn(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::warn(text)),
            None => output::warn(text),
        }
    }
}

impl Drop for StageLines {
    fn drop(&mut self) {
        self.clear();
    }
}
