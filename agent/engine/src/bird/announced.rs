//! What BIRD has that announces a prefix: `show ospf state` says who does, `show ospf lsadb` the LSA.

use ipnet::Ipv4Net;

use crate::announced::lsa;

/// What of the reachable part of the network announces a prefix.
pub(super) const STATE: &str = "show ospf state";
/// Where an LSA has come to its end, in seconds (RFC 2328, appendix B).
const MAX_AGE_S: u64 = 3600;

/// Whose LSA of which kind it is. Of several kinds the first counts (RFC 2328 §11).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A stub network of a router.
    Router(String),
    /// A transit network, of its designated router.
    Network(String),
    /// From another area, by a border router.
    Summary(String),
    /// From outside.
    External(String),
    /// From outside, within an NSSA.
    Nssa(String),
}

impl Origin {
    /// Its LSA type, our word for it, and the router.
    fn parts(&self) -> (u8, &'static str, &str) {
        match self {
            Self::Router(router) => (1, "router", router),
            Self::Network(router) => (2, "network", router),
            Self::Summary(router) => (3, "summary", router),
            Self::External(router) => (5, "AS-external", router),
            Self::Nssa(router) => (7, "NSSA-external", router),
        }
    }

    /// The question for its LSAs.
    pub(super) fn command(&self) -> String {
        let (number, _, router) = self.parts();
        format!("show ospf lsadb type {number} router {router}")
    }

    /// The LSA of that question's answer that announces the prefix.
    pub(super) fn lsa(&self, prefix: &Ipv4Net, answer: &str) -> Option<String> {
        let (number, word, router) = self.parts();
        let found = answer.lines().find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [kind, id, by, sequence, age, _] = columns[..] else { return None };
            // An id of a network may be any address in it (RFC 2328, appendix E).
            let is_it = u8::from_str_radix(kind, 16).ok()? == number
                && by == router
                && (number == 1 || prefix.contains(&id.parse::<std::net::Ipv4Addr>().ok()?));
            let age = age.parse().ok().filter(|age| *age < MAX_AGE_S)?;
            is_it.then_some((id, u32::from_str_radix(sequence, 16).ok()?, age))
        });
        found.map(|(id, sequence, age)| lsa(word, id, router, sequence, age))
    }
}

/// The routers that announce the prefix, of the first kind that there is.
pub(super) fn origins(prefix: &Ipv4Net, state: &str) -> Vec<Origin> {
    let is_it = |text: &str| text.parse::<Ipv4Net>().is_ok_and(|net| net == *prefix);
    let mut router: Option<&str> = None;
    let mut designated = false;
    let mut found: Vec<Origin> = Vec::new();
    for columns in state.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        match (&columns[..], router) {
            // A line of a link has a metric behind it.
            (["router", id], _) => router = Some(*id),
            (["network", net], _) => {
                (router, designated) = (None, is_it(net));
            }
            (["dr", id], _) if designated => found.push(Origin::Network((*id).to_owned())),
            (["stubnet", net, ..], Some(by)) if is_it(net) => found.push(Origin::Router(by.to_owned())),
            (["xnetwork", net, ..], Some(by)) if is_it(net) => found.push(Origin::Summary(by.to_owned())),
            (["external", net, ..], Some(by)) if is_it(net) => found.push(Origin::External(by.to_owned())),
            (["nssa-ext", net, ..], Some(by)) if is_it(net) => found.push(Origin::Nssa(by.to_owned())),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    let first = found.first().map(std::mem::discriminant);
    found.retain(|origin| Some(std::mem::discriminant(origin)) == first);
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // As BIRD 2.0.12 says it.
    const STATE: &str = "\narea 0.0.0.0\n\n\trouter 100.64.0.1\n\t\tdistance 10\n\t\trouter 100.64.0.2 metric 10\n\
        \t\tstubnet 198.18.1.0/24 metric 10\n\t\texternal 198.18.7.0/24 metric2 20\n\n\trouter 100.64.0.2\n\t\tdistance 0\n\
        \t\tstubnet 100.64.0.2/32 metric 0\n\t\texternal 198.18.1.0/24 metric2 10000\n";
    const LSADB: &str = "\nGlobal\n\n Type   LS ID           Router          Sequence   Age  Checksum\n \
        0005  198.18.7.0      100.64.0.1       80000001    68    dd5b\n";

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn the_best_kind_counts() {
        assert_eq!(origins(&net("198.18.1.0/24"), STATE), [Origin::Router("100.64.0.1".into())]);
        let [external] = &origins(&net("198.18.7.0/24"), STATE)[..] else { panic!("one") };
        assert_eq!(external.command(), "show ospf lsadb type 5 router 100.64.0.1");
        assert_eq!(
            external.lsa(&net("198.18.7.0/24"), LSADB).as_deref(),
            Some("AS-external LSA 198.18.7.0 from 100.64.0.1, sequence 0x80000001, age 68 s")
        );
        assert_eq!(external.lsa(&net("198.18.8.0/24"), LSADB), None);
        assert_eq!(origins(&net("198.18.0.0/16"), STATE), []);
    }

    proptest! {
        #[test]
        fn nothing_that_bird_says_makes_us_panic(text in "\\PC{0,200}", lines in "(router |stubnet |dr |[0-9./ \n\t]){0,60}") {
            origins(&net("198.18.0.0/16"), &text);
            for origin in origins(&net("1.0.0.0/8"), &lines) {
                origin.lsa(&net("1.0.0.0/8"), &lines);
            }
        }
    }
}
