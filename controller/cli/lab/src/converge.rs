//! Waits until the network is as its topology wants it.

use std::time::{Duration, Instant};

use braid_proto::v1;

use crate::{controller::Controller, error::LabError, member::Member, paths::Lab, roster, stages::Stages};

/// How often the controller is asked.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits until every virtual network has converged and every vote is there. Fails early if a daemon ends.
pub(crate) async fn wait(
    lab: &Lab,
    controller: &mut Controller,
    members: &[Member],
    limit: Duration,
    stages: &mut Stages<'_>,
) -> Result<v1::GetStatusResponse, LabError> {
    let deadline = Instant::now() + limit;
    let mut pending;
    loop {
        match controller.try_status().await {
            Ok(status) if is_settled(&status) => return Ok(status),
            Ok(status) => {
                let (done, total) = progress(&status);
                stages.update(done, total, status.pending.first().map_or("", String::as_str));
                pending = status.pending;
            }
            Err(status) => pending = vec![format!("the controller's status: {}", status.message())],
        }
        let living = roster::living(lab, members)?;
        if let Some(dead) = members.iter().find(|member| !living.contains_key(member)) {
            return Err(roster::died(lab, dead));
        }
        if Instant::now() > deadline {
            return Err(LabError::NotConverged { lab: lab.name().clone(), after: limit, pending });
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn is_settled(status: &v1::GetStatusResponse) -> bool {
    status.converged && status.votes >= status.votes_expected
}

/// Converged routers and votes, of all.
fn progress(status: &v1::GetStatusResponse) -> (u32, u32) {
    let converged: u32 = status.vns.iter().map(|vn| vn.routers_converged).sum();
    let routers: u32 = status.vns.iter().map(|vn| vn.routers).sum();
    (converged + status.votes, routers + status.votes_expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_settled_when_it_has_converged_and_every_vote_is_there() {
        let vn = v1::Vn { routers: 4, routers_converged: 4, ..v1::Vn::default() };
        let mut status =
            v1::GetStatusResponse { vns: vec![vn], votes: 1, votes_expected: 2, ..Default::default() };
        assert_eq!(progress(&status), (5, 6));
        status.converged = true;
        assert!(!is_settled(&status));
        status.votes = 2;
        assert!(is_settled(&status));
    }
}
