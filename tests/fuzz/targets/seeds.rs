//! Writes the seeds: `seeds FROM TO` makes, of what is recorded in the directory FROM, a directory per target in TO.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use braid_fuzz::{routing, script};
use braid_ospf_packet::{Body, Frame};
// The coverage pass wants its runtime in every program.
use libfuzzer_sys as _;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = arguments.as_slice() else { return Err("usage: seeds FROM TO".into()) };
    let text = fs::read_to_string(from.join("recorded.hex"))?;
    let packets: Vec<Vec<u8>> = text.lines().map(hex::decode).collect::<Result<_, _>>()?;
    let lsas: Vec<Vec<u8>> = packets.iter().flat_map(|packet| lsas(packet)).collect();
    write(to, "packet", &packets)?;
    write(to, "lsa", &lsas)?;
    write(to, "routes", &routing::seeds())?;
    write(to, "instance", &script::seeds(&packets))?;
    let configs = fs::read_dir(from.join("config"))?
        .map(|entry| fs::read(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    write(to, "config", &configs)?;
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
