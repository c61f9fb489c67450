//! A router that is up but wrong: faults that no protocol notices, in the driving virtual network, under traffic.

use std::{
    thread,
    time::{Duration, Instant},
};

use braid_tests::{
    campaign::{ACROSS, Campaign, DRIVER, Fault, Outcome, SOUTH, STANDBYS},
    report, wait_for,
};

fn told(what: &str, outcome: &Outcome) {
    report(&format!("{what}: {outcome:?}"));
}

#[test]
fn what_a_transit_router_does_silently_wrong_is_found_and_left() {
    // Goal: each of these lasts for ever where liveness alone is watched. Here the flow goes on.
    let campaign = Campaign::begin();
    let lab = &campaign.lab;
    let (node, prefix) = (ACROSS.transit, ACROSS.prefix);
    let faults = [
        ("a silent blackhole at a transit node", ACROSS, Fault::silent_blackhole(DRIVER, node)),
        ("one prefix blackholed at a transit node", ACROSS, Fault::blackhole(DRIVER, node, prefix)),
        ("a forwarding loop", ACROSS, Fault::turned_back(lab, DRIVER, node, prefix, ACROSS.from)),
        ("one prefix misdirected at a transit node", SOUTH, Fault::misdirected(lab, DRIVER)),
        ("a prefix announced from the wrong border", SOUTH, Fault::announced(lab)),
    ];
    for (what, pair, fault) in faults {
        let outcome = campaign.run(pair, &fault);
        told(what, &outcome);
        assert_ne!(outcome.winner, DRIVER, "{what}: it is voted out");
        assert!(outcome.losses.longest_outage < Duration::from_secs(1), "{what}: {outcome:?}");
        assert_eq!(outcome.strayed_later, 0, "{what}: {outcome:?}");
    }
}

#[test]
fn a_standby_that_is_wrong_harms_nobody() {
    let campaign = Campaign::begin();
    let lab = &campaign.lab;
    let faults = [
        ("a silent blackhole in a standby", ACROSS, Fault::silent_blackhole(STANDBYS[0], ACROSS.transit)),
        ("a prefix that a standby misdirects", SOUTH, Fault::misdirected(lab, STANDBYS[1])),
    ];
    for (what, pair, fault) in faults {
        let outcome = campaign.run(pair, &fault);
        told(what, &outcome);
        assert_eq!((outcome.winner.as_str(), outcome.losses.lost), (DRIVER, 0), "{what}: {outcome:?}");
        assert_eq!(outcome.strayed + outcome.strayed_later, 0, "{what}: {outcome:?}");
    }
}

#[test]
fn when_two_of_three_are_dead_the_third_carries_on() {
    let campaign = Campaign::begin();
    let outcome = campaign.run(ACROSS, &Fault::dead(DRIVER).and(Fault::dead(STANDBYS[0])));
    told("two of three virtual networks dead", &outcome);
    assert_eq!(outcome.winner, STANDBYS[1]);
    assert!(outcome.losses.longest_outage < Duration::from_secs(1), "{outcome:?}");
}

#[test]
fn two_code_bases_that_lie_alike_are_not_masked_but_shown() {
    let campaign = Campaign::begin();
    let lie = [DRIVER, STANDBYS[0]].map(|vn| Fault::misdirected(&campaign.lab, vn));
    for fault in &lie {
        fault.strike(&campaign.lab);
    }
    let begin = Instant::now();
    let alarm = wait_for("verification raises an alarm", Duration::from_secs(10), || {
        campaign.alarms().into_iter().find(|alarm| alarm.contains(SOUTH.prefix))
    });
    report(&format!("two of three code bases lie alike: shown after {:?}: {alarm}", begin.elapsed()));
    for fault in &lie {
        fault.heal(&campaign.lab);
    }
    campaign.calm();
}

#[test]
fn a_planned_switch_of_all_prefixes_loses_nothing() {
    let campaign = Campaign::begin();
    let flows = [ACROSS, SOUTH].map(|pair| campaign.flow(pair));
    campaign.drive(STANDBYS[0]);
    wait_for("green drives everything", Duration::from_secs(10), || {
        campaign.winners().iter().all(|winner| winner == STANDBYS[0]).then_some(())
    });
    thread::sleep(Duration::from_millis(300));
    for flow in flows {
        let losses = flow.stop();
        report(&format!("a planned switch of all prefixes: {losses:?}"));
        assert_eq!((losses.lost, losses.duplicates), (0, 0), "{losses:?}");
    }
}

#[test]
fn a_link_that_all_use_costs_what_the_fastest_needs() {
    let campaign = Campaign::begin();
    let fault = Fault::cut("denver", "eth3");
    let vns = [DRIVER, STANDBYS[0], STANDBYS[1]];
    let within = vns.map(|vn| campaign.flow_within(vn, ACROSS));
    let outcome = campaign.run(ACROSS, &fault);
    told("a physical link that all use, voted", &outcome);
    for (vn, flow) in vns.iter().zip(within) {
        report(&format!("a physical link that all use, {vn} alone: {:?}", flow.stop()));
    }
    assert!(outcome.losses.longest_outage < Duration::from_secs(1), "{outcome:?}");
}
