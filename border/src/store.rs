//! The specification in force, kept over a restart: a border that comes back before its controller knows what to do. It
//! holds the network's key.

use std::{fs, io, path::Path};

use braid_proto::{replace_secret, v1};
use prost::Message;
use tracing::warn;

const FILE: &str = "border-spec.binpb";

/// Keeps a specification. One that cannot be kept is still followed, so a full disk is only said.
pub fn keep(run_dir: &Path, spec: &v1::BorderSpec) -> Result<(), String> {
    let path = run_dir.join(FILE);
    replace_secret(&path, &spec.encode_to_vec()).map_err(|e| {
        format!(
            "cannot keep the specification in {}: {e}; after a restart I would need the controller",
            path.display()
        )
    })
}

/// The specification kept last; `None` where there is none that can be read.
#[must_use]
pub fn kept(run_dir: &Path) -> Option<v1::BorderSpec> {
    let path = run_dir.join(FILE);
    let read = match fs::read(&path) {
        Ok(bytes) => v1::BorderSpec::decode(bytes.as_slice()).map_err(|e| e.to_string()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
        Err(e) => Err(e.to_string()),
    };
    read.map_err(|reason| warn!("cannot read {}, waiting for the controller: {reason}", path.display())).ok()
}
