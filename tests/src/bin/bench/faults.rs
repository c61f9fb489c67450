//! What faults cost that no protocol notices: three code bases, five borders, faults in the driving virtual network.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use braid_tests::{
    campaign::{ACROSS, Campaign, DRIVER, Fault, Outcome, Pair, SOUTH, STANDBYS, percentile},
    wait_for,
};

use crate::row::Row;

/// Runs of the fault that has a 99th percentile for an aim.
const RUNS: usize = 50;
/// Runs of the others.
const FEW: usize = 5;
/// How long links come and go while nothing is wrong, in seconds, if `BRAID_SOAK` does not say.
const SOAK: u64 = 240;

fn ms(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1e3)
}

struct Rows {
    campaign: Campaign,
    rows: Vec<Row>,
}

impl Rows {
    fn of(&mut self, runs: usize, what: &str, pair: Pair, fault: &Fault, peer: &str, aim: &str) {
        let outcomes: Vec<Outcome> = (0..runs)
            .map(|run| {
                // Not always at the same moment of the probes' rhythm.
                thread::sleep(Duration::from_millis(run as u64 * 7 % 40));
                self.campaign.run(pair, fault)
            })
            .collect();
        let mut outages: Vec<Duration> = outcomes.iter().map(|o| o.losses.longest_outage).collect();
        let stayed = outcomes.iter().filter(|o| o.winner == DRIVER && o.losses.lost > 0).count();
        let strayed: u64 = outcomes.iter().map(|o| o.strayed).sum();
        let later: u64 = outcomes.iter().map(|o| o.strayed_later).sum();
        eprintln!("{what}: {outages:?}, not left {stayed}, strayed {strayed}, later {later}");
        let (part, worst) = if runs == RUNS { (0.99, "p99") } else { (1.0, "worst") };
        let [median, worst_of] = [0.5, part].map(|part| ms(percentile(&mut outages, part)));
        let mut shown = format!("median {median}, {worst} {worst_of}");
        if stayed > 0 {
            shown.push_str(&format!("; not left in {stayed} runs"));
        }
        if strayed + later > 0 {
            shown.push_str(&format!("; to the wrong egress {strayed}, once steered {later}"));
        }
        let figure = format!("outage, {what} ({runs} runs at 1,000/s)");
        self.rows.push(Row::new(&figure, shown, peer, "-").aim(aim));
    }
}

/// Faults in the driving virtual network.
pub fn measure() -> Vec<Row> {
    let campaign = Campaign::begin();
    let lab = &campaign.lab;
    let (node, prefix) = (ACROSS.transit, ACROSS.prefix);
    let turned = Fault::turned_back(lab, DRIVER, node, prefix, ACROSS.from);
    let (wrong, standby) = (Fault::misdirected(lab, DRIVER), Fault::misdirected(lab, STANDBYS[1]));
    let lie = wrong.clone().and(Fault::misdirected(lab, STANDBYS[0]));
    let announced = Fault::announced(lab);
    let two_dead = Fault::dead(DRIVER).and(Fault::dead(STANDBYS[0]));
    let mut rows = Rows { campaign, rows: Vec::new() };
    let never = "never noticed";
    rows.of(
        RUNS,
        "silent blackhole at a transit node",
        ACROSS,
        &Fault::silent_blackhole(DRIVER, node),
        "BFD 3 x 50 ms: 135 ms where it sees it (the issue's figure)",
        "p99 <= 100 ms",
    );
    let hole = Fault::blackhole(DRIVER, node, prefix);
    rows.of(FEW, "one prefix blackholed at a transit node", ACROSS, &hole, never, "settle + 200 ms");
    rows.of(FEW, "one prefix misdirected at a transit node", SOUTH, &wrong, never, "settle + 200 ms");
    rows.of(FEW, "a prefix announced from the wrong border", SOUTH, &announced, never, "settle + 200 ms");
    rows.of(FEW, "the same misdirection in a standby", SOUTH, &standby, never, "0 lost, 0 wrong");
    rows.of(FEW, "forwarding loop", ACROSS, &turned, "TTL", "100 ms");
    rows.of(FEW, "two of three virtual networks dead", ACROSS, &two_dead, "-", "150 ms");
    let Rows { campaign, mut rows } = rows;
    rows.extend([lying(&campaign, &lie), planned(&campaign)]);
    drop(campaign);
    rows.push(cut(&Campaign::begin()));
    rows
}

/// Two of three code bases lie alike.
fn lying(campaign: &Campaign, lie: &Fault) -> Row {
    let mut shown: Vec<Duration> = (0..FEW)
        .map(|_| {
            lie.strike(&campaign.lab);
            let begin = Instant::now();
            wait_for("verification raises an alarm", Duration::from_secs(10), || {
                campaign.alarms().iter().any(|alarm| alarm.contains(SOUTH.prefix)).then_some(())
            });
            let took = begin.elapsed();
            lie.heal(&campaign.lab);
            campaign.calm();
            took
        })
        .collect();
    eprintln!("two lie alike: {shown:?}");
    let alarm = ms(percentile(&mut shown, 1.0));
    Row::new("two of three code bases lie alike: until the alarm, worst of 5", alarm, "never noticed", "-")
        .aim("1 s")
}

/// Everything moves to another virtual network, and back.
fn planned(campaign: &Campaign) -> Row {
    let mut lost = 0;
    let mut sent = 0;
    for master in [STANDBYS[0], DRIVER] {
        let flows = [ACROSS, SOUTH].map(|pair| campaign.flow(pair));
        campaign.drive(master);
        wait_for("all have moved", Duration::from_secs(10), || {
            campaign.winners().iter().all(|winner| winner == master).then_some(())
        });
        thread::sleep(Duration::from_millis(300));
        for flow in flows {
            let losses = flow.stop();
            lost += losses.lost;
            sent += losses.sent;
        }
    }
    campaign.calm();
    Row::alone("planned switch of all prefixes, there and back: packets lost", format!("{lost} of {sent}"))
        .aim("0")
}

/// A physical link that all virtual networks use.
fn cut(campaign: &Campaign) -> Row {
    let vns = [DRIVER, STANDBYS[0], STANDBYS[1]];
    let mut voted = Vec::new();
    let mut alone = vns.map(|_| Vec::new());
    for _ in 0..FEW {
        let within = vns.map(|vn| campaign.flow_within(vn, ACROSS));
        voted.push(campaign.strike(ACROSS, &Fault::cut("denver", "eth3")).losses.longest_outage);
        for (outages, flow) in alone.iter_mut().zip(within) {
            outages.push(flow.stop().longest_outage);
        }
        if !campaign.comes_to_rest() {
            eprintln!("after a cut was mended: {:?}", campaign.alarms());
        }
    }
    let of = |outages: &mut [Duration]| ms(percentile(outages, 0.5));
    let peers: Vec<String> =
        vns.iter().zip(&mut alone).map(|(vn, outages)| format!("{vn} alone {}", of(outages))).collect();
    Row::new(
        "physical link cut that all use, outage, median of 5 (red FRR OSPF, green BIRD OSPF, blue braid IS-IS)",
        of(&mut voted),
        peers.join(", "),
        "-",
    )
    .aim("the fastest")
}

/// A link goes or comes each second, and nothing is wrong.
pub fn soak() -> Vec<Row> {
    let wanted = env::var("BRAID_SOAK").map(|text| text.parse().expect("BRAID_SOAK is a number of seconds"));
    let span = Duration::from_secs(wanted.unwrap_or(SOAK));
    let campaign = Campaign::begin();
    let links = [("denver", "eth3"), ("chicago", "eth2"), ("sunnyvale", "eth2"), ("atlanta", "eth2")];
    let begin = Instant::now();
    let mut events = 0_u32;
    while begin.elapsed() < span {
        let (node, interface) = links[events as usize / 2 % links.len()];
        let state = if events.is_multiple_of(2) { "down" } else { "up" };
        campaign.lab.sh(node, &["ip", "link", "set", interface, state]);
        events += 1;
        let due = begin + Duration::from_secs(1) * events;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    if !events.is_multiple_of(2) {
        let (node, interface) = links[events as usize / 2 % links.len()];
        campaign.lab.sh(node, &["ip", "link", "set", interface, "up"]);
    }
    if !campaign.comes_to_rest() {
        eprintln!("after the last event: {:?}", campaign.alarms());
    }
    compared(&campaign, span, events)
}

/// What each policy would have made of what the borders recorded.
fn compared(campaign: &Campaign, span: Duration, events: u32) -> Vec<Row> {
    const BORDERS: [&str; 5] = ["seattle", "los-angeles", "houston", "atlanta", "new-york"];
    // None is the one that was in force.
    const POLICIES: [Option<&str>; 5] =
        [None, Some("master:red"), Some("majority"), Some("first-k:2"), Some("consensus")];
    let row = |policy: Option<&str>| {
        let mut totals = [0; 5];
        let mut slowest = 0;
        for border in BORDERS {
            let record = format!("/run/braid/{}/{border}/record", campaign.lab.name());
            let mut args = vec!["replay", &record];
            args.extend(policy.into_iter().flat_map(|policy| ["--policy", policy]));
            let said = &campaign.lab.json(&args)["policies"][0];
            eprintln!("{border}: {said}");
            let fields = ["wrong_ms", "disagreed_ms", "switches", "false_switches", "returns"];
            for (total, field) in totals.iter_mut().zip(fields) {
                *total += said[field].as_u64().unwrap_or(0);
            }
            slowest = slowest.max(said["delay_max_ms"].as_u64().unwrap_or(0));
        }
        let [wrong, disagreed, switches, wrongly, returns] = totals;
        let policy = policy.unwrap_or("as recorded");
        let figure =
            format!("a link event a second for {span:?} ({events} events), {policy}: false switches");
        let shown = format!(
            "{wrongly} of {switches} ({returns} returns); wrong for {wrong} ms, disagreed for {disagreed} ms of all prefixes; \
             slowest switch {slowest} ms"
        );
        Row::alone(&figure, shown).aim("0")
    };
    POLICIES.map(row).into()
}
