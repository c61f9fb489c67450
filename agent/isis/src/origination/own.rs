//! What was said, and when the next word is due.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use braid_isis_packet::{
    Authentication, BuildError, Level, Lsp, LspFlags, LspHeader, LspId, NewLsp, Tlv, ZERO_AGE_LIFETIME,
};
use ipnet::Ipv4Net;
use rand_pcg::rand_core::RngCore;
use serde::{Deserialize, Serialize};

use super::{
    content::{Node, Scope, View, flags, wanted, wanted_of},
    issue::{Issue, Problem},
    layout::{Fragments, Layout},
    record::{REMEMBER, Record, Said},
    throttle::Throttle,
};
use crate::{Instant, clock::earlier, config::Pacing};

/// An operator is told of a problem that stays no more often.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Contests of one LSP in a row after which somebody else must have our system id.
const STUBBORN: u32 = 5;

/// Fragments remembered beyond which others that we do not say are not purged at once, but when they are heard again after
/// some are forgotten: the bound on what an attacker can make us keep.
const MAX_RECORDS: usize = 4096;

/// What to do with an LSP of our own system id that came from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// As with anybody else's.
    Usual,
    /// Leave it: [`Origination::run`] will answer with a newer one, or with a purge of it.
    Contest,
}

/// The own LSPs of one level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origination {
    records: BTreeMap<LspId, Record>,
    /// What the router (0) and its pseudonodes say.
    layouts: BTreeMap<u8, Layout>,
    changes: Throttle,
    /// Whether the next change has to be shown everything.
    is_whole: bool,
    /// If not, the prefixes that it has to be shown; some perhaps twice.
    stale: Vec<Ipv4Net>,
    pacing: Pacing,
    /// What all LSPs were built with: their lifetime, whether the router is one of level 2, and the keys.
    built_with: Option<(u16, bool, Authentication)>,
    /// When the state changes by the clock alone.
    review_at: Option<Instant>,
    /// No record wants anything before.
    quiet_until: Option<Instant>,
    /// When problems were last told.
    told: BTreeMap<(u8, LspId), Instant>,
}

/// One turn of [`Origination::run`].
struct Turn<'a, R> {
    now: Instant,
    view: &'a View,
    random: &'a mut R,
    issues: Vec<Issue>,
}

impl Origination {
    /// Something that own LSPs depend on may have changed.
    pub fn touch(&mut self, now: Instant) {
        self.is_whole = true;
        self.stale.clear();
        self.changes.request(now, &self.pacing);
    }

    /// The same for what cannot wait: the router leaves.
    pub fn touch_at_once(&mut self, now: Instant) {
        self.touch(now);
        self.changes.request_at_once(now);
    }

    /// What is repeated of these prefixes may have changed, and nothing else.
    pub fn touch_prefixes(&mut self, now: Instant, prefixes: &[Ipv4Net]) {
        if prefixes.is_empty() {
            return;
        }
        let all = self.layouts.get(&0).map_or(0, Layout::len);
        // To search for each of many costs more than to go through all.
        if self.is_whole || self.stale.len() + prefixes.len() > all / 4 + 16 {
            return self.touch(now);
        }
        self.stale.extend(prefixes);
        self.changes.request(now, &self.pacing);
    }

    /// What [`Origination::run`] has to be shown now.
    pub fn scope(&self, now: Instant) -> Scope {
        let is_over = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let is_silence_over = || self.records.values().any(|record| is_over(record.silent_until));
        let is_due = self.changes.is_due(now);
        if is_due && self.is_whole || is_over(self.review_at) || is_silence_over() {
            return Scope::All;
        }
        let mut prefixes = if is_due { self.stale.clone() } else { Vec::new() };
        prefixes.sort_unstable();
        prefixes.dedup();
        Scope::Prefixes(prefixes)
    }

    /// When [`Origination::run`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.changes.due(), self.review_at, self.quiet_until].into_iter().fold(None, earlier)
    }

    /// Whether [`Origination::run`] has something to do now: else there is no need to make a [`View`].
    pub fn is_due(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }

    /// Whether there may be something to say that others have not heard yet.
    pub fn is_changing(&self) -> bool {
        self.changes.due().is_some()
    }

    /// Whether the router says that it leads out of the area.
    pub fn is_attached(&self) -> bool {
        let first = self.records.iter().find(|(id, _)| !id.node.is_pseudonode() && id.fragment == 0);
        first.and_then(|(_, record)| record.said.as_ref()).is_some_and(|said| said.attached)
    }

    /// An LSP with our own system id came in, verified, which is not older than what the database has of it.
    pub fn heard(&mut self, now: Instant, header: &LspHeader) -> Heard {
        // ISO 10589 §7.3.16.4: a purge of what we do not say needs no answer.
        if header.lifetime == 0 && !self.records.contains_key(&header.id) {
            return Heard::Usual;
        }
        if self.records.len() >= MAX_RECORDS && !self.records.contains_key(&header.id) {
            return Heard::Contest;
        }
        let record = self.records.entry(header.id).or_insert_with(|| Record::new(now, header.sequence));
        let is_contest = record.heard(now, header, &self.pacing);
        self.quiet_until = earlier(self.quiet_until, record.due());
        if is_contest { Heard::Contest } else { Heard::Usual }
    }

    /// Says what is due. Without anything due it does nothing, at little cost. The view is of [`Origination::scope`], or of
    /// all.
    pub fn run(&mut self, now: Instant, view: &View, random: &mut impl RngCore) -> Vec<Issue> {
        if !self.is_due(now) {
            return Vec::new();
        }
        self.pacing = view.pacing;
        let mut turn = Turn { now, view, random, issues: Vec::new() };
        self.end_silences(now);
        if self.review_at.take_if(|at| *at <= now).is_some() {
            self.touch(now);
        }
        if self.changes.is_due(now) {
            self.change(&mut turn);
        }
        if self.records.values().filter_map(Record::due).any(|at| at <= now) {
            self.maintain(&mut turn);
        }
        self.quiet_until = self.records.values().filter_map(Record::due).min();
        self.report(now, turn.issues)
    }

    /// The difference between what should be said and what was.
    fn change<R: RngCore>(&mut self, turn: &mut Turn<'_, R>) {
        match &turn.view.scope {
            Scope::All => self.change_all(turn),
            Scope::Prefixes(_) if self.is_whole => return,
            Scope::Prefixes(prefixes) => {
                let changes = wanted_of(turn.view, prefixes);
                let patched =
                    self.layouts.get_mut(&0).and_then(|layout| layout.patch(changes, turn.view.room));
                let Some(touched) = patched else {
                    // All has to be arranged anew; it stays due.
                    self.is_whole = true;
                    return;
                };
                self.stale.clear();
                self.say(0, flags(turn.view), &touched, false, turn);
            }
        }
        // A false alarm does not slow down what comes next.
        let is_said = turn.issues.iter().any(|issue| matches!(issue, Issue::Install(_)));
        if is_said { self.changes.fired(turn.now, &turn.view.pacing) } else { self.changes.cancel() }
    }

    fn change_all<R: RngCore>(&mut self, turn: &mut Turn<'_, R>) {
        let view = turn.view;
        self.review_at = view.until.filter(|until| *until > turn.now);
        self.is_whole = false;
        self.stale.clear();
        let with = Some((view.lifetime, view.is_level_2, view.auth.clone()));
        let is_all_new = self.built_with.is_some() && self.built_with != with;
        self.built_with = with;
        let mut wanted = wanted(view);
        let numbers: BTreeSet<u8> = self.layouts.keys().chain(wanted.keys()).copied().collect();
        for number in numbers {
            let Some(Node { overload, attached, entries }) = wanted.remove(&number) else {
                self.fall_quiet(number, turn);
                continue;
            };
            let (level, node) = (view.level, view.system.pseudonode(number));
            let before = self.layouts.entry(number).or_default();
            match before.assign(entries, view.room) {
                Ok((layout, left_out)) => {
                    if left_out > 0 {
                        // What goes makes room for what was left out.
                        self.is_whole = true;
                        turn.problem(Problem::LeftOut { level, node, entries: left_out });
                    }
                    let touched = layout.differences(before);
                    *before = layout;
                    self.say(number, (overload, attached), &touched, is_all_new, turn);
                }
                Err(error) => {
                    self.is_whole = true;
                    turn.problem(Problem::TooSmall { level, node, needed: error.needed, room: error.room });
                }
            }
        }
    }

    /// Says of a node's fragments those that were `touched`, that are new, or whose flags differ, and purges those that are no
    /// more. With `is_all_new`, it says all.
    fn say<R: RngCore>(
        &mut self,
        number: u8,
        (overload, attached): (bool, bool),
        touched: &Fragments,
        is_all_new: bool,
        turn: &mut Turn<'_, R>,
    ) {
        let Some(layout) = self.layouts.get(&number) else { return };
        let node = turn.view.system.pseudonode(number);
        let (mut there, mut due) = (Fragments::default(), Fragments::default());
        for fragment in layout.fragments() {
            there.insert(fragment);
            let said = said(fragment, overload, attached);
            let record = self.records.get(&node.fragment(fragment));
            let is_same = record.is_some_and(|record| record.said == Some(said) && !record.is_owed);
            if is_all_new || touched.has(fragment) || !is_same {
                due.insert(fragment);
            }
        }
        // What goes is purged first, so that nothing is said twice in between.
        for (id, record) in self.records.range_mut(node.fragment(0)..=node.fragment(u8::MAX)) {
            if record.said.is_some() && !there.has(id.fragment) {
                turn.purge(*id, record);
            }
        }
        for (fragment, tlvs) in layout.tlvs(&due) {
            let id = node.fragment(fragment);
            let record = self.records.entry(id).or_insert_with(|| Record::new(turn.now, 0));
            turn.say(id, record, said(fragment, overload, attached), &tlvs);
        }
    }

    /// A node has nothing to say any more.
    fn fall_quiet<R: RngCore>(&mut self, number: u8, turn: &mut Turn<'_, R>) {
        self.layouts.remove(&number);
        let node = turn.view.system.pseudonode(number);
        for (id, record) in self.records.range_mut(node.fragment(0)..=node.fragment(u8::MAX)) {
            if record.said.is_some() {
                turn.purge(*id, record);
            }
        }
    }

    /// ISO 10589 §7.3.16.1: what others have forgotten by now may be said again, from the first number on.
    fn end_silences(&mut self, now: Instant) {
        let silent =
            self.records.values_mut().filter(|record| record.silent_until.is_some_and(|until| until <= now));
        let ended = silent.map(|record| *record = Record::new(now, 0)).count();
        if ended > 0 {
            self.touch(now);
        }
    }

    /// Refreshes and answers to others.
    fn maintain<R: RngCore>(&mut self, turn: &mut Turn<'_, R>) {
        let now = turn.now;
        let mut due = BTreeMap::<u8, Fragments>::new();
        for (id, record) in &self.records {
            if record.said.is_some() && record.is_due(now) {
                due.entry(id.node.pseudonode).or_default().insert(id.fragment);
            }
        }
        let layouts = &self.layouts;
        let tlvs_of = |(number, due): (u8, Fragments)| Some((number, layouts.get(&number)?.tlvs(&due)));
        let mut tlvs: BTreeMap<u8, BTreeMap<u8, Vec<Tlv>>> = due.into_iter().filter_map(tlvs_of).collect();
        self.records.retain(|id, record| {
            if record.contest.is_due(now) && record.contests >= STUBBORN {
                turn.problem(Problem::Contested { level: turn.view.level, id: *id });
            }
            let mine = tlvs.get_mut(&id.node.pseudonode).and_then(|tlvs| tlvs.remove(&id.fragment));
            match (record.said, mine) {
                (Some(said), Some(tlvs)) => turn.say(*id, record, said, &tlvs),
                (None, _) if record.contest.is_due(now) => turn.purge(*id, record),
                _ => {}
            }
            record.said.is_some() || record.silent_until.is_some() || record.at > now
        });
    }

    /// Leaves out problems that were told a short while ago.
    fn report(&mut self, now: Instant, issues: Vec<Issue>) -> Vec<Issue> {
        self.told.retain(|_, at| now.since(*at) < TELL_AGAIN);
        let mut is_news = |issue: &Issue| match issue {
            Issue::Install(_) => true,
            Issue::Problem(problem) => {
                let is_news = !self.told.contains_key(&problem.cause());
                if is_news {
                    self.told.insert(problem.cause(), now);
                }
                is_news
            }
        };
        issues.into_iter().filter(|issue| is_news(issue)).collect()
    }
}

impl<R: RngCore> Turn<'_, R> {
    /// Says a fragment, under the next sequence number.
    fn say(&mut self, id: LspId, record: &mut Record, said: Said, tlvs: &[Tlv]) {
        if record.silent_until.is_some() {
            return;
        }
        let Some(sequence) = record.sequence.checked_add(1) else { return self.fall_silent(id, record) };
        let view = self.view;
        let is_type = if view.is_level_2 { Level::Two } else { Level::One };
        let flags = LspFlags { overload: said.overload, attached: said.attached, ..LspFlags::new(is_type) };
        let new = NewLsp { level: view.level, id, sequence, lifetime: view.lifetime, flags };
        let built = Lsp::build(&new, tlvs, &view.auth);
        record.at = self.now + self.refresh();
        self.answered(record);
        record.is_owed = built.is_err();
        if let Some(lsp) = self.install(id, built) {
            record.sequence = sequence;
            record.checksum = lsp.checksum;
            record.said = Some(said);
        }
    }

    /// ISO 10589 §7.3.16.4: a header with lifetime zero is all that remains; RFC 6232: and who did that.
    fn purge(&mut self, id: LspId, record: &mut Record) {
        let originator = Tlv::PurgeOriginator { originator: self.view.system, received_from: None };
        let built = Lsp::purge(self.view.level, id, record.sequence, &[originator], &self.view.auth);
        self.answered(record);
        record.at = self.now + REMEMBER;
        record.said = None;
        record.is_owed = false;
        self.install(id, built);
    }

    /// ISO 10589 §7.3.16.1: no number is left that others would take for newer, so they have to forget it first.
    fn fall_silent(&mut self, id: LspId, record: &mut Record) {
        let wait = Duration::from_secs(u64::from(self.view.lifetime) + u64::from(ZERO_AGE_LIFETIME));
        self.purge(id, record);
        record.silent_until = Some(self.now + wait);
        self.problem(Problem::SequenceWrapped { level: self.view.level, id, silent_s: wait.as_secs() });
    }

    fn install(&mut self, id: LspId, built: Result<Lsp, BuildError>) -> Option<LspHeader> {
        match built {
            Ok(lsp) => {
                let header = lsp.header();
                self.issues.push(Issue::Install(lsp));
                Some(header)
            }
            Err(error) => {
                self.problem(Problem::Unbuilt { level: self.view.level, id, reason: error.to_string() });
                None
            }
        }
    }

    fn answered(&self, record: &mut Record) {
        if record.contest.due().is_some() {
            record.contest.fired(self.now, &self.view.pacing);
        }
    }

    /// ISO 10589 §10.1: up to a quarter earlier, so that refreshes spread out.
    fn refresh(&mut self) -> Duration {
        let quarter = self.view.refresh / 4;
        self.view.refresh - quarter * (self.random.next_u32() >> 16) / (1 << 16)
    }
}

impl<R> Turn<'_, R> {
    fn problem(&mut self, problem: Problem) {
        self.issues.push(Issue::Problem(problem));
    }
}

/// The flags count in fragment 0 only.
fn said(fragment: u8, overload: bool, attached: bool) -> Said {
    let is_first = fragment == 0;
    Said { overload: overload && is_first, attached: attached && is_first }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
