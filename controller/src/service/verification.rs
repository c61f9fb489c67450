//! What is verified, on its way to a border.

use braid_proto::{
    NodeName,
    v1::{self, attach_border_response},
};

use super::fleet::{End, Outgoing};
use crate::{
    error::ApiError,
    hub::Hub,
    verification::{Evidence, Finding, News},
};

/// How many prefixes go into one message, far below what a message may hold.
const MAX_PREFIXES: usize = 1000;

/// Tells a border all that is known when it comes, and then whatever changes.
pub(super) async fn send(hub: &Hub, border: &NodeName, outgoing: &Outgoing<v1::AttachBorderResponse>) -> End {
    let mut verified = hub.verified();
    let mut told = 0;
    loop {
        verified.borrow_and_update();
        if let Some(news) = hub.news(border, told) {
            told = news.revision;
            for part in parts(&news) {
                let message = Some(attach_border_response::Message::Verification(part));
                if outgoing.send(Ok(v1::AttachBorderResponse { message })).await.is_err() {
                    return End::Gone(None);
                }
            }
        }
        tokio::select! {
            changed = verified.changed() => if changed.is_err() { return ApiError::Stopping.into() },
            () = outgoing.closed() => return End::Gone(None),
        }
    }
}

/// The messages that carry `news`: a snapshot is begun by the first.
fn parts(news: &News) -> Vec<v1::Verification> {
    let mut parts: Vec<v1::Verification> = news
        .evidence
        .chunks(MAX_PREFIXES)
        .map(|part| v1::Verification { snapshot: false, changed: part.iter().map(verified_prefix).collect() })
        .collect();
    if news.snapshot {
        if parts.is_empty() {
            parts.push(v1::Verification::default());
        }
        parts[0].snapshot = true;
    }
    parts
}

fn verified_prefix(evidence: &Evidence) -> v1::VerifiedPrefix {
    let state = match &evidence.finding {
        Finding::Unknown => v1::VerifiedState::Unspecified,
        Finding::Delivers { .. } => v1::VerifiedState::Delivers,
        Finding::Differs { .. } => v1::VerifiedState::Differs,
        Finding::Loops { .. } => v1::VerifiedState::Loops,
        Finding::Dropped { .. } => v1::VerifiedState::Dropped,
    };
    v1::VerifiedPrefix {
        vn_id: evidence.vn.into(),
        prefix: evidence.prefix.to_string(),
        state: state.into(),
        egress: evidence.finding.egress().map(ToString::to_string).collect(),
        detail: evidence.finding.detail().unwrap_or_default(),
        path: evidence.path.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Instant};

    use super::*;
    use crate::testing::{node, vn};

    fn evidence(finding: Finding) -> Evidence {
        let (prefix, path) = ("198.18.2.0/24".parse().unwrap(), vec![node("north"), node("east")]);
        Evidence { vn: vn(1), prefix, finding, since: Instant::now(), path }
    }

    #[test]
    fn a_finding_goes_out_with_its_borders_its_words_and_its_way() {
        let (egress, expected) = (BTreeSet::from([node("west")]), BTreeSet::from([node("south")]));
        let sent = verified_prefix(&evidence(Finding::Differs { egress, expected }));
        assert_eq!(
            (sent.vn_id, sent.prefix.as_str(), sent.state()),
            (1, "198.18.2.0/24", v1::VerifiedState::Differs)
        );
        assert_eq!(sent.egress, ["west"]);
        assert_eq!(sent.detail, "is delivered at west, where the model expects south");
        assert_eq!(sent.path, ["north", "east"]);
        let unknown = verified_prefix(&evidence(Finding::Unknown));
        assert_eq!((unknown.state(), unknown.detail.as_str()), (v1::VerifiedState::Unspecified, ""));
    }

    #[test]
    fn a_snapshot_is_sent_even_if_it_is_empty_and_a_large_one_in_parts_of_which_the_first_begins() {
        let news =
            |snapshot, n| News { revision: 1, snapshot, evidence: vec![evidence(Finding::Unknown); n] };
        let shape = |snapshot, n| {
            let parts = parts(&news(snapshot, n));
            parts.iter().map(|p| (p.snapshot, p.changed.len())).collect::<Vec<_>>()
        };
        assert_eq!(shape(true, 0), [(true, 0)]);
        assert_eq!(shape(false, 0), []);
        assert_eq!(shape(true, 2001), [(true, 1000), (false, 1000), (false, 1)]);
    }
}
