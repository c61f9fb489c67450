//! Stages of `up`: announced, timed and remembered.

use std::time::{Duration, Instant};

use crate::progress::{Progress, Stage};

/// Announces stages to whoever watches, and keeps how long each took.
pub(crate) struct Stages<'a> {
    progress: &'a mut dyn Progress,
    current: Option<(Stage, Instant)>,
    passed: Vec<(Stage, Duration)>,
}

impl<'a> Stages<'a> {
    pub(crate) fn new(progress: &'a mut dyn Progress) -> Self {
        Self { progress, current: None, passed: Vec::new() }
    }

    /// Ends the current stage, and begins `stage`.
    pub(crate) fn begin(&mut self, stage: Stage) {
        self.end();
        self.progress.begin(stage);
        self.current = Some((stage, Instant::now()));
    }

    fn end(&mut self) {
        if let Some((stage, begun)) = self.current.take() {
            let took = begun.elapsed();
            self.progress.end(stage, took);
            self.passed.push((stage, took));
        }
    }

    /// Reports on the current stage.
    pub(crate) fn update(&mut self, done: u32, total: u32, detail: &str) {
        if let Some((stage, _)) = self.current {
            self.progress.update(stage, done, total, detail);
        }
    }

    pub(crate) fn warn(&mut self, text: &str) {
        self.progress.warn(text);
    }

    /// Ends the last stage; gives all with the time that each took.
    pub(crate) fn finish(mut self) -> Vec<(Stage, Duration)> {
        self.end();
        self.passed
    }
}
