//! Writes the seeds: `seeds FROM ISIS TO` makes, of what is recorded in the directory FROM and in the file ISIS, a directory per
//! target in TO.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use braid_fuzz::{isis, routing, script};
use braid_ospf_packet::{Body, Frame};
// The coverage pass wants its runtime in every program.
use libfuzzer_sys as _;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, captures, to] = arguments.as_slice() else { return Err("usage: seeds FROM ISIS TO".into()) };
    let text = fs::read_to_string(from.join("recorded.hex"))?;
    let packets: Vec<Vec<u8>> = text.lines().map(hex::decode).collect::<Result<_, _>>()?;
    let lsas: Vec<Vec<u8>> = packets.iter().flat_map(|packet| lsas(packet)).collect();
    write(to, "packet", &packets)?;
    write(to, "lsa", &lsas)?;
    write(to, "routes", &routing::seeds())?;
    write(to, "instance", &script::seeds(&packets))?;
    let pdus = isis::recorded(&fs::read_to_string(captures)?)?;
    let lsps: Vec<Vec<u8>> = pdus.iter().filter(|pdu| isis::is_lsp(pdu)).cloned().collect();
    write(to, "isis_pdu", &pdus)?;
    write(to, "isis_lsp", &lsps)?;
    write(to, "isis_routes", &isis::route_seeds())?;
    write(to, "isis_instance", &isis::talk_seeds(&pdus))?;
    let configs = fs::read_dir(from.join("config"))?
        .map(|entry| fs::read(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    write(to, "config", &configs)?;
    #[cfg(feature = "border")]
    {
        write(to, "probe", &braid_fuzz::probes::seeds())?;
        write(to, "record", &braid_fuzz::records::seeds()?)?;
    }
    Ok(())
}

/// The LSAs of an update packet.
fn lsas(packet: &[u8]) -> Vec<Vec<u8>> {
    match Frame::parse(packet).and_then(|frame| frame.body()) {
        Ok(Body::LinkStateUpdate(update)) => update.lsas.iter().map(|lsa| lsa.bytes().to_vec()).collect(),
        _ => Vec::new(),
    }
}

fn write(to: &Path, target: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    let dir = to.join(target);
    fs::create_dir_all(&dir)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(dir.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}
