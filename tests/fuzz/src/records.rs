//! Records of evidence as the fuzzer writes them: frames with right checksums around whatever it makes up.
//!
//! The input of the `record` target begins with a byte that says what the rest is; see [`Case::read`].

use std::{error::Error, fs, path::Path};

use braid_record::{Event, Header, Limits, Writer};
use braid_vote::{
    EgressId, EgressSet, Elector, EngineState, Evidence, LayoutClass, Millis, NextHop, Policy, PrefixId,
    ProbeEvidence, RouteEvidence, Rule, VerificationEvidence,
};

use crate::Bytes;

/// What a file begins with: magic and version.
const PREAMBLE: [u8; 12] = *b"braidrec\x01\0\0\0";
/// No frame's content is made longer than this, so that a run is quick.
const CONTENT: usize = 1 << 20;

/// What is done to a record.
#[derive(Debug)]
pub enum Case {
    /// Files with these bytes, one after another.
    Files(Vec<Vec<u8>>),
    /// A file that is cut at this place, from the front.
    Cut(Vec<u8>, usize),
    /// A file of which a bit of this byte is turned over.
    Bent(Vec<u8>, usize, u8),
}

impl Case {
    /// 0: a file byte by byte. 1: a file of frames, 2: two of them. 3: one that is cut. Else: one with a bit turned over.
    #[must_use]
    pub fn read(bytes: &mut Bytes<'_>) -> Self {
        match bytes.u8() % 8 {
            0 => Self::Files(vec![bytes.take(usize::MAX).to_vec()]),
            1..=3 => Self::Files(vec![file(bytes)]),
            4 => {
                let half = usize::from(bytes.u16());
                let mut first = Bytes::new(bytes.take(half));
                Self::Files(vec![file(&mut first), file(bytes)])
            }
            5 => {
                let at = bytes.u16();
                let file = file(bytes);
                let at = usize::from(at) % (file.len() + 1);
                Self::Cut(file, at)
            }
            _ => {
                let (at, bit) = (bytes.u16(), bytes.u8());
                let file = file(bytes);
                let at = usize::from(at) % file.len();
                Self::Bent(file, at, 1 << (bit % 8))
            }
        }
    }
}

/// A file of frames, each with a content of so many bytes (u16), that is there so many times (u8, of the first one once).
fn file(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut file = PREAMBLE.to_vec();
    let mut first = true;
    while !bytes.is_empty() {
        let (length, times) = (bytes.u16(), bytes.u8());
        let part = bytes.take(length.into());
        let times = if first { 1 } else { 1 << (times % 16) };
        first = false;
        let content = part.repeat(times.min(CONTENT / part.len().max(1)));
        let payload = lz4_flex::block::compress_prepend_size(&content);
        file.extend((payload.len() as u32).to_le_bytes());
        file.extend(crc32fast::hash(&payload).to_le_bytes());
        file.extend(payload);
    }
    file
}

/// The contents of a good file's frames, as [`file`] reads them.
fn contents(file: &[u8]) -> Option<Vec<u8>> {
    let mut rest = file.get(PREAMBLE.len()..)?;
    let mut contents = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
        let (payload, behind) = rest.get(8..)?.split_at_checked(length)?;
        let content = lz4_flex::block::decompress_size_prepended(payload).ok()?;
        contents.extend(u16::try_from(content.len()).ok()?.to_be_bytes());
        contents.push(0);
        contents.extend(content);
        rest = behind;
    }
    Some(contents)
}

/// Records of a border's day, in the target's own encoding: whole, twice, cut and bent, and as files.
///
/// # Errors
/// When they cannot be written to a temporary directory.
pub fn seeds() -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut seeds = Vec::new();
    let rules = [Rule::Master { master: 1 }, Rule::Majority, Rule::FirstK { k: 2 }, Rule::Consensus];
    for (number, rule) in (0_u8..).zip(rules) {
        let dir = tempfile::tempdir()?;
        let file = record(dir.path(), rule)?;
        let contents = contents(&file).ok_or("a record is not as it is written down")?;
        let half = (contents.len() as u16).to_be_bytes();
        seeds.push([&[0], &file[..]].concat());
        seeds.push([&[1], &contents[..]].concat());
        seeds.push([&[4, half[0], half[1]], &contents[..], &contents[..]].concat());
        seeds.push([&[5, 0, 120 + number], &contents[..]].concat());
        seeds.push([&[6, 0, 90 + number, number], &contents[..]].concat());
    }
    Ok(seeds)
}

/// A file that a border may have written.
fn record(dir: &Path, rule: Rule) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = Writer::open(dir, Limits::default())?;
    writer.begin(&Header {
        network: "fuzz".into(),
        border: "north".into(),
        epoch_ms: 1_795_000_000_000,
        ..Header::default()
    })?;
    for event in day(rule) {
        writer.add(&event)?;
    }
    writer.flush()?;
    Ok(fs::read(dir.join("record-1.brec"))?)
}

/// What happens at a border: three virtual networks of three code bases, and something of every kind.
fn day(rule: Rule) -> Vec<Event> {
    let electors = [(1, "frr"), (2, "bird"), (3, "braid")].map(|(vn, code_base)| Elector {
        vn,
        rank: vn.into(),
        code_base: code_base.to_owned(),
        layout: Some(LayoutClass(1)),
    });
    let prefix = PrefixId(0);
    let attached: EgressSet = [EgressId(1)].into_iter().collect();
    let hop = NextHop { gateway: Some([100, 65, 0, 4].into()), interface: "eth1".into() };
    let route = RouteEvidence::Usable { next_hops: [hop].into_iter().collect(), metric: 20 };
    let heard = |at: u64, evidence: Evidence| Event::Evidence { at: Millis(at), evidence };
    let decide = |at: u64| Event::Decide { at: Millis(at), changed: Vec::new() };
    let mut day = vec![
        Event::Electors(electors.to_vec()),
        Event::Vn { vn: 1, name: "red".into() },
        Event::Border { border: 1, name: "south".into() },
        Event::Open {
            number: prefix,
            prefix: "198.18.5.0/24".parse().expect("a prefix"),
            policy: Policy::new(rule),
            attached: attached.clone(),
            adopted: None,
        },
    ];
    for vn in 1..=3 {
        let delivers = ProbeEvidence::Delivers { egress: attached.clone() };
        day.push(heard(0, Evidence::Engine { vn, state: EngineState::Running }));
        day.push(heard(0, Evidence::Port { vn, up: true }));
        day.push(heard(1, Evidence::Route { prefix, vn, route: route.clone() }));
        day.push(heard(2, Evidence::Probe { prefix, vn, probe: delivers }));
    }
    day.extend([1, 300, 1200].map(decide));
    day.push(heard(2000, Evidence::Probe { prefix, vn: 1, probe: ProbeEvidence::Lost }));
    day.push(decide(2000));
    day.push(heard(
        2100,
        Evidence::Verification { prefix, vn: 2, verification: VerificationEvidence::Loops },
    ));
    day.push(heard(2200, Evidence::Border { border: EgressId(1), vn: 3, lost: true }));
    day.extend([2200, 2600].map(decide));
    day.push(heard(3000, Evidence::VerificationAway));
    day.push(heard(3000, Evidence::Border { border: EgressId(1), vn: 3, lost: false }));
    day.push(heard(3000, Evidence::Route { prefix, vn: 2, route: RouteEvidence::Missing }));
    day.push(Event::Terms { number: prefix, policy: Policy::new(Rule::Majority), attached });
    day.extend([3000, 4000, 60_000].map(decide));
    day.push(Event::Close { number: prefix });
    day
}
