//! What an agent keeps for its successor: the specification in force, so that one that comes back before its controller
//! knows what to do; and beside each instance whose it is, so that one of a router no longer specified can be taken down.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use braid_proto::{VnId, replace_file, v1};
use prost::Message;

use crate::spec::Identity;

const FILE: &str = "node-spec.binpb";
const IDENTITY: &str = "router.json";
/// Engines run as users of their own, and pass through.
const DIR_MODE: u32 = 0o755;

/// The directory of a virtual router's instance.
pub(crate) fn instance_dir(run_dir: &Path, vn: VnId) -> PathBuf {
    run_dir.join(format!("vn{vn}"))
}

/// Makes the directory of an instance and says in it whose it is.
pub(crate) fn keep_instance(run_dir: &Path, identity: &Identity) -> Result<(), String> {
    let dir = instance_dir(run_dir, identity.vn);
    let failed = |e: io::Error| format!("cannot make {} ready: {e}", dir.display());
    fs::DirBuilder::new().recursive(true).mode(DIR_MODE).create(&dir).map_err(failed)?;
    let path = dir.join(IDENTITY);
    let text = serde_json::to_vec(identity).map_err(|e| failed(e.into()))?;
    if fs::read(&path).is_ok_and(|known| known == text) {
        Ok(())
    } else {
        replace_file(&path, &text).map_err(failed)
    }
}

/// Whose the directories of instances are. One that does not say so is nobody's, and is passed over.
pub(crate) fn instances(run_dir: &Path) -> Result<Vec<Identity>, String> {
    let failed = |path: &Path, e: io::Error| format!("cannot read {}: {e}", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(run_dir).map_err(|e| failed(run_dir, e))? {
        let path = entry.map_err(|e| failed(run_dir, e))?.path();
        let text = match fs::read(path.join(IDENTITY)) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(e) => return Err(failed(&path, e)),
        };
        let identity = serde_json::from_slice::<Identity>(&text).map_err(|e| failed(&path, e.into()))?;
        if path == instance_dir(run_dir, identity.vn) {
            found.push(identity);
        }
    }
    Ok(found)
}

/// Removes the directory of an instance. One that is not there is fine.
pub(crate) fn forget_instance(run_dir: &Path, vn: VnId) -> Result<(), String> {
    let dir = instance_dir(run_dir, vn);
    match fs::remove_dir_all(&dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(format!("cannot remove {}: {e}", dir.display())),
        _ => Ok(()),
    }
}

/// Keeps a specification. One that cannot be kept is still put in force, so a full disk is only said.
pub(crate) fn keep(run_dir: &Path, spec: &v1::NodeSpec) -> Result<(), String> {
    let path = run_dir.join(FILE);
    replace_file(&path, &spec.encode_to_vec()).map_err(|e| {
        format!(
            "cannot keep it in {}: {e}; make room, for after a restart I would need the controller",
            path.display()
        )
    })
}

/// The specification kept last; `None` where there is none.
pub(crate) fn kept(run_dir: &Path) -> Result<Option<v1::NodeSpec>, String> {
    let path = run_dir.join(FILE);
    let failed =
        |reason: String| format!("cannot read {}, waiting for the controller: {reason}", path.display());
    match fs::read(&path) {
        Ok(bytes) => v1::NodeSpec::decode(bytes.as_slice()).map(Some).map_err(|e| failed(e.to_string())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_says_whose_it_is_and_a_strange_directory_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity {
            vn: VnId::try_from(3_u32).unwrap(),
            name: "red".parse().unwrap(),
            engine: braid_proto::Engine::BirdOspf,
            namespace: "lab.a.red".into(),
        };
        keep_instance(dir.path(), &identity).unwrap();
        fs::create_dir(dir.path().join("vn9")).unwrap();
        fs::write(dir.path().join("agent.lock"), b"").unwrap();
        assert_eq!(instances(dir.path()), Ok(vec![identity.clone()]));
        forget_instance(dir.path(), identity.vn).unwrap();
        forget_instance(dir.path(), identity.vn).unwrap();
        assert_eq!(instances(dir.path()), Ok(vec![]));
    }

    #[test]
    fn what_is_kept_reads_back_and_garbage_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept(dir.path()), Ok(None));
        let spec = v1::NodeSpec { node: "a".into(), revision: 7, ..Default::default() };
        keep(dir.path(), &spec).unwrap();
        assert_eq!(kept(dir.path()), Ok(Some(spec)));
        fs::write(dir.path().join(FILE), b"\xff\xff").unwrap();
        assert!(kept(dir.path()).unwrap_err().contains("waiting for the controller"));
    }
}
