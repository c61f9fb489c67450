//! Why a border forwards a prefix as it does: the border's own account of its vote, and beside it what only the controller has
//! (the nodes that packets pass, and where these leave the shortest ways) and what only the engines have (the LSA or LSP that announces the prefix).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use braid_proto::{NodeName, VnId, v1};
use ipnet::Ipv4Net;

use crate::{error::ApiError, hub::Hub, state::State};

/// How long a border may take to explain a vote.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an agent may take to ask its engines. Without them the explanation is worth having, too.
const ANNOUNCED_TIMEOUT: Duration = Duration::from_secs(1);

impl Hub {
    /// Asks a border why it forwards `asked`, a voted prefix or an address (/32) in one, as it does.
    pub(crate) async fn explain(
        &self,
        border: &NodeName,
        asked: Ipv4Net,
    ) -> Result<v1::Explanation, ApiError> {
        let begin = Instant::now();
        let (prefix, answer, announced) = {
            let mut state = self.state();
            let prefix = state.voted_prefix(border, asked)?;
            (prefix, state.ask(border, prefix)?, state.ask_announced(border, prefix))
        };
        let seconds = EXPLAIN_TIMEOUT.as_secs();
        let reply = tokio::time::timeout(EXPLAIN_TIMEOUT, answer)
            .await
            .map_err(|_| ApiError::BorderSilent { border: border.clone(), seconds })?
            .map_err(|_| ApiError::BorderAway { border: border.clone() })?;
        let mut explanation = reply.ok_or_else(|| ApiError::UnknownPrefix {
            border: border.clone(),
            prefix: prefix.to_string(),
            why: "it says so itself; it may not have the newest topology yet",
        })?;
        if let Some(vote) = &mut explanation.vote {
            vote.border = border.to_string();
        }
        let announcements = match announced {
            Some(answer) => {
                let left = ANNOUNCED_TIMEOUT.saturating_sub(begin.elapsed());
                tokio::time::timeout(left, answer).await.ok().and_then(Result::ok).unwrap_or_default()
            }
            None => Vec::new(),
        };
        self.state().complete(&mut explanation, border, prefix, &announcements);
        Ok(explanation)
    }
}

impl State {
    /// Adds what borders do not know of their candidates.
    fn complete(
        &self,
        explanation: &mut v1::Explanation,
        border: &NodeName,
        prefix: Ipv4Net,
        announcements: &[v1::Announcement],
    ) {
        let Some(in_force) = &self.in_force else { return };
        let vns: BTreeMap<&str, VnId> =
            in_force.plan.vns.iter().map(|vn| (vn.name.as_str(), vn.id)).collect();
        for candidate in &mut explanation.candidates {
            let Some(vn) = vns.get(candidate.vn.as_str()).copied() else { continue };
            if let Some(inspector) = &self.inspector {
                candidate.path = inspector.ways(vn, prefix, border);
                candidate.detours = inspector.detours(vn, prefix, border);
            }
            if let Some(announcement) = announcements.iter().find(|a| a.vn_id == u32::from(vn)) {
                candidate.announced_by.clone_from(&announcement.text);
            }
        }
    }
}
