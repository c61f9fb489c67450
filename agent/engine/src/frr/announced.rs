//! What ospfd and isisd have that announces a prefix.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::announced::{lsa, lsp};

/// Of a prefix in several kinds of LSAs the first counts (RFC 2328 §11): the words of the question, and ours.
pub(super) const LSAS: [(&str, &str); 5] = [
    ("router", "router"),
    ("network", "network"),
    ("summary", "summary"),
    ("external", "AS-external"),
    ("nssa-external", "NSSA-external"),
];
/// Whether there is a route at all: LSAs of routers that are gone stay for an hour.
pub(super) const OSPF_ROUTES: &str = "show ip ospf route json";
/// As text: its JSON (FRR 8.4) holds one LSP only.
pub(super) const LSPS: &str = "show isis database detail";
/// Where an LSA has come to its end, in seconds (RFC 2328, appendix B).
const MAX_AGE_S: u64 = 3600;

/// The question for one kind of LSAs.
pub(super) fn lsas_command(kind: &str) -> String {
    format!("show ip ospf database {kind} json")
}

/// Whether [`OSPF_ROUTES`] has a route to exactly this prefix.
pub(super) fn has_route(prefix: &Ipv4Net, answer: &str) -> Result<bool, String> {
    let json: Value = serde_json::from_str(answer).map_err(|e| e.to_string())?;
    Ok(json.get(prefix.to_string()).is_some())
}

/// The LSAs of one kind that announce the prefix.
pub(super) fn lsas(prefix: &Ipv4Net, kind: &str, answer: &str) -> Result<Vec<String>, String> {
    let json: Value = serde_json::from_str(answer).map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    collect(prefix, kind, &json, &mut found);
    Ok(found)
}

/// LSAs lie at different depths, by kind and question: an LSA is what has an advertising router.
fn collect(prefix: &Ipv4Net, kind: &str, json: &Value, found: &mut Vec<String>) {
    let inner: Vec<&Value> = match json {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) if fields.contains_key("advertisingRouter") => {
            let text = |field: &str| json.get(field).and_then(Value::as_str);
            let sequence = text("lsaSeqNumber").and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let age = json.get("lsaAge").and_then(Value::as_u64).filter(|age| *age < MAX_AGE_S);
            if let (Some(id), Some(router), Some(sequence), Some(age)) =
                (text("linkStateId"), text("advertisingRouter"), sequence, age)
                && announces(prefix, json, id)
            {
                found.push(lsa(kind, id, router, sequence, age));
            }
            return;
        }
        Value::Object(fields) => fields.values().collect(),
        _ => return,
    };
    inner.into_iter().for_each(|value| collect(prefix, kind, value, found));
}

fn announces(prefix: &Ipv4Net, json: &Value, id: &str) -> bool {
    let is_it = |address: Option<&str>, length: Option<u8>| {
        let net = address.and_then(|text| text.parse::<Ipv4Addr>().ok()).zip(length);
        net.and_then(|(address, length)| Ipv4Net::new(address, length).ok())
            .is_some_and(|net| net.trunc() == *prefix)
    };
    match json.get("routerLinks").and_then(Value::as_object) {
        Some(links) => links.values().any(|link| {
            let text = |field: &str| link.get(field).and_then(Value::as_str);
            let mask = text("networkMask").and_then(|mask| mask.parse().ok());
            is_it(text("networkAddress"), mask.and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok()))
        }),
        // The id may have host bits (RFC 2328, appendix E).
        None => {
            let length = json.get("networkMask").and_then(Value::as_u64);
            is_it(Some(id), length.and_then(|length| u8::try_from(length).ok()))
        }
    }
}

/// The LSPs of [`LSPS`] that announce the prefix.
pub(super) fn lsps(prefix: &Ipv4Net, answer: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut current: Option<String> = None;
    for line in answer.lines() {
        if !line.starts_with(' ') {
            current = head(line);
        } else if let Some((what, value)) = line.trim().split_once(": ")
            && matches!(what, "Extended IP Reachability" | "IP Reachability" | "IP External Reachability")
            && value.split_whitespace().next().and_then(|net| net.parse::<Ipv4Net>().ok()) == Some(*prefix)
        {
            // An LSP may announce it more than once.
            found.extend(current.take());
        }
    }
    found
}

/// `r1.00-00  *  100  0x00000002  0x5c80  1194  0/0/0`; `None`: no such line, or it is purged.
fn head(line: &str) -> Option<String> {
    let columns: Vec<&str> = line.split_whitespace().filter(|column| *column != "*").collect();
    let [id, _, sequence, _, lifetime, _] = columns[..] else { return None };
    let sequence = u32::from_str_radix(sequence.strip_prefix("0x")?, 16).ok()?;
    let lifetime: u64 = lifetime.parse().ok().filter(|seconds| *seconds > 0)?;
    Some(lsp(id, sequence, lifetime))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    // As FRR 8.4.4 says it.
    const ROUTER: &str = r#"{ "routerId": "100.64.0.2", "routerLinkStates": { "areas": { "0.0.0.0": [ { "lsaAge": 8, "lsaType": "router-LSA",
        "linkStateId": "100.64.0.1", "advertisingRouter": "100.64.0.1", "lsaSeqNumber": "80000003", "checksum": "4762", "routerLinks": {
        "link0": { "linkType": "another Router (point-to-point)", "neighborRouterId": "100.64.0.2" },
        "link2": { "linkType": "Stub Network", "networkAddress": "198.18.1.0", "networkMask": "255.255.255.0", "tos0Metric": 10 } } } ] } } }"#;
    const EXTERNAL: &str = r#"{ "routerId": "100.64.0.2", "asExternalLinkStates": [
        { "lsaAge": 8, "linkStateId": "198.18.7.0", "advertisingRouter": "100.64.0.1", "lsaSeqNumber": "80000001", "networkMask": 24 },
        { "lsaAge": 3600, "linkStateId": "198.18.7.0", "advertisingRouter": "100.64.0.9", "lsaSeqNumber": "80000001", "networkMask": 24 } ] }"#;
    const LSP: &str = "Area b:\nIS-IS Level-2 link-state database:\n\
        LSP ID                  PduLen  SeqNumber   Chksum  Holdtime  ATT/P/OL\n\
        r1.00-00                  100   0x00000002  0x5c80    1194    0/0/0\n  Hostname: r1\n\
        \x20 Extended IP Reachability: 198.18.7.0/24 (Metric: 0)\n\n\
        r2.00-00             *     92   0x0000001f  0x9740    1195    0/0/0\n\
        \x20 Extended IP Reachability: 100.64.0.2/32 (Metric: 10)\n\
        r3.00-00                   92   0x0000001f  0x9740       0    0/0/0\n\
        \x20 Extended IP Reachability: 198.18.7.0/24 (Metric: 10)\n\n    2 LSPs\n";

    #[test]
    fn lsas_of_every_kind_are_found_and_dead_ones_are_not() {
        let router = lsas(&net("198.18.1.0/24"), "router", ROUTER).unwrap();
        assert_eq!(router, ["router LSA 100.64.0.1 from 100.64.0.1, sequence 0x80000003, age 8 s"]);
        let external = lsas(&net("198.18.7.0/24"), "AS-external", EXTERNAL).unwrap();
        assert_eq!(external, ["AS-external LSA 198.18.7.0 from 100.64.0.1, sequence 0x80000001, age 8 s"]);
        assert_eq!(lsas(&net("198.18.0.0/16"), "router", ROUTER).unwrap(), [""; 0]);
        assert!(lsas(&net("198.18.0.0/16"), "router", "{").is_err());
    }

    #[test]
    fn lsps_are_found_and_purged_ones_are_not() {
        assert_eq!(lsps(&net("198.18.7.0/24"), LSP), ["LSP r1.00-00, sequence 0x2, valid for 1194 s"]);
        assert_eq!(lsps(&net("100.64.0.2/32"), LSP), ["LSP r2.00-00, sequence 0x1f, valid for 1195 s"]);
        assert_eq!(lsps(&net("198.18.0.0/16"), LSP), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_that_frr_says_makes_us_panic(text in "\\PC{0,200}", lines in "(Extended IP Reachability: |[r0-9x./ \n*]){0,60}") {
            let _ = lsas(&net("198.18.0.0/16"), "router", &text);
            lsps(&net("198.18.0.0/16"), &text);
            lsps(&net("198.18.0.0/16"), &lines);
        }
    }
}
