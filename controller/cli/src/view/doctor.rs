//! What a machine has and lacks, as `braid doctor` shows it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    output::View,
    page::{Cell, Page, Tone},
};

/// What a machine has and lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doctor {
    /// Nothing needed is missing.
    pub ok: bool,
    pub checks: Vec<Check>,
    /// The one command that installs all packages that are missing; null if none is.
    pub install: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub area: Area,
    pub what: String,
    pub state: CheckState,
    /// What was found, or who needs it.
    pub detail: String,
    /// What mends it: a command, or words; null if nothing needs to be.
    pub fix: Option<String>,
    /// The Debian package that has it, if that is what is missing.
    #[serde(skip)]
    package: Option<&'static str>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    Rights,
    Kernel,
    Programs,
    Limits,
    Files,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Ok,
    /// braid runs, with less.
    Warn,
    /// braid does not run without it.
    Missing,
}

impl Check {
    /// It is there.
    pub fn ok(area: Area, what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            area,
            what: what.into(),
            state: CheckState::Ok,
            detail: detail.into(),
            fix: None,
            package: None,
        }
    }

    /// braid runs, with less.
    pub fn warn(area: Area, what: impl Into<String>, detail: impl Into<String>, fix: &str) -> Self {
        Self { state: CheckState::Warn, fix: Some(fix.to_owned()), ..Self::ok(area, what, detail) }
    }

    /// braid does not run without it.
    pub fn missing(area: Area, what: impl Into<String>, detail: impl Into<String>, fix: &str) -> Self {
        Self { state: CheckState::Missing, ..Self::warn(area, what, detail, fix) }
    }

    /// A program that a Debian package has.
    pub fn no_program(what: &str, detail: impl Into<String>, package: &'static str) -> Self {
        let fix = format!("apt-get install {package}");
        Self { package: Some(package), ..Self::missing(Area::Programs, what, detail, &fix) }
    }

    fn cells(&self) -> Vec<Cell> {
        let state = match self.state {
            CheckState::Ok => Cell::toned("ok", Tone::Good),
            CheckState::Warn => Cell::toned("warn", Tone::Doubtful),
            CheckState::Missing => Cell::toned("missing", Tone::Bad),
        };
        vec![state, (&self.what).into(), (&self.detail).into(), Cell::maybe(self.fix.as_ref())]
    }
}

impl Doctor {
    /// Sums checks up.
    pub fn new(checks: Vec<Check>) -> Self {
        let packages: BTreeSet<_> = checks.iter().filter_map(|check| check.package).collect();
        let packages: Vec<_> = packages.into_iter().collect();
        Self {
            ok: checks.iter().all(|check| check.state != CheckState::Missing),
            install: (!packages.is_empty()).then(|| format!("apt-get install {}", packages.join(" "))),
            checks,
        }
    }
}

impl View for Doctor {
    fn draw(&self, page: &mut Page) {
        page.table(&["STATE", "WHAT", "FOUND", "WHAT TO DO"], self.checks.iter().map(Check::cells), "");
        page.gap();
        if self.ok {
            page.toned_line("this machine can run braid", Tone::Good);
        } else {
            page.toned_line("this machine lacks something that braid needs: see above", Tone::Bad);
        }
        if let Some(install) = &self.install {
            page.line(format!("to install what is missing: {install}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::drawn;

    #[test]
    fn what_is_missing_is_installed_by_one_command() {
        let doctor = Doctor::new(vec![
            Check::ok(Area::Rights, "root", "uid 0"),
            Check::no_program("zebra", "needed by frr-ospf", "frr"),
            Check::no_program("bird", "needed by bird-ospf", "bird2"),
            Check::no_program("ospfd", "needed by frr-ospf", "frr"),
        ]);
        assert!(!doctor.ok);
        assert_eq!(doctor.install.as_deref(), Some("apt-get install bird2 frr"));
        let text = drawn(&doctor);
        assert!(text.contains("missing  zebra  needed by frr-ospf   apt-get install frr\n"), "{text}");
        assert!(text.ends_with("to install what is missing: apt-get install bird2 frr\n"), "{text}");
    }

    #[test]
    fn a_warning_is_no_reason_to_fail() {
        let doctor = Doctor::new(vec![Check::warn(Area::Limits, "cgroups", "none", "mount them")]);
        assert!(doctor.ok);
        let json = serde_json::to_value(&doctor).unwrap();
        assert_eq!(json["checks"][0]["state"], "warn");
        assert!(json["install"].is_null());
        assert!(json["checks"][0].get("package").is_none());
    }
}
