//! Compiles `braid/v1/*.proto` with protox, so that no system protoc is needed.

use std::{env, error::Error, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["types", "fleet", "network"].map(|noun| format!("braid/v1/{noun}.proto"));
    for file in &files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(&files, ["."])?;
    std::fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("braid.v1.descriptors.bin"),
        descriptors.encode_to_vec(),
    )?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
