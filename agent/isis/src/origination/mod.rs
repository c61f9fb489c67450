//! A router's own LSPs: what they should say, in which fragments, and when.
//!
//! It looks at no packet and sends none, and is level-triggered: what should be said is computed anew from the state, and
//! the difference to what was said goes out. Where a change of routes is all that happened, only the prefixes concerned are
//! looked at (`Scope::Prefixes`); of whatever else, and when that is less work, at all (`Scope::All`). Both lead to the
//! same.
//!
//! ```text
//!   Instance ─ View::of ─► View ─┬─ wanted ────► entries by node ─ assign ─┐  (router, pseudonodes)
//!                                └─ wanted_of ─► single entries ── patch ──┴─► Layout: fragments touched ─┐
//!   LSP of our system id from elsewhere ─ Origination::heard ───────────────── what is old or contested ──┴─► Issue
//! ```
//!
//! Departures from ISO 10589: the overload and attached bits are set in fragment 0 only, where they count (§9.8); area
//! addresses at level 2 are the router's own, not those of the whole area (§7.1.5). What has no room in 256 fragments is
//! left out, the least important first, and told as a [`Problem`]; where not even fragment 0 has room for what must
//! stand in it, all stays as it was said before.

mod content;
mod entry;
mod gather;
mod issue;
mod layout;
mod own;
mod record;
mod throttle;
mod tlvs;

pub use content::{Repeated, View};
pub use issue::{Issue, Problem};
pub use own::{Heard, Origination};
