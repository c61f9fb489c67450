//! What outlives a controller, and what two of them do to each other.

use std::{
    fs,
    io::Write,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
};

use braid_controller::{ControllerConfig, ControllerError, ListenError};
use braid_proto::{Address, v1};
use nix::mount::{MsFlags, mount, umount};
use tonic::Code;

use crate::bench::{Bench, Fleet, Operator, RING, Running, info};

#[tokio::test]
async fn a_restarted_controller_says_the_same_and_its_fleet_comes_back() {
    let bench = Bench::new();
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    // Numbers that are not those of a fresh start: a second topology in another order.
    let swapped = RING.replace("    north: {", "    zenith: {").replace("north:", "zenith:");
    operator.apply(&swapped).await.unwrap();
    let text = operator.apply(RING).await.unwrap();
    assert_eq!(text.revision, 3);
    let mut before = Fleet::of(&running).await;
    operator.until("converged", |s| s.converged).await;
    running.stop().await;

    // Everyone is told that it stops.
    let error = loop {
        if let Err(error) = before.borders[0].0.next().await {
            break error;
        }
    };
    assert_eq!((error.code(), info(&error).reason.as_str()), (Code::Unavailable, "CONTROLLER_STOPPING"));

    // Without a file, and with the same one: nothing changes.
    for topology in [None, Some(bench.file())] {
        let running = Running::start(ControllerConfig { topology, ..bench.config() }).await.unwrap();
        let mut operator = Operator::of(&running).await;
        let after = Fleet::of(&running).await;
        assert_eq!(operator.until("converged", |s| s.converged).await.revision, 3);
        for ((_, old), (_, new)) in before.agents.iter().zip(&after.agents) {
            assert_eq!(old, new);
        }
        assert!(after.borders[0].1.revision > before.borders[0].1.revision);
        running.stop().await;
    }

    // With another file: that one.
    bench.write(&format!("{RING}# changed\n"));
    let running = bench.start().await;
    assert_eq!(Operator::of(&running).await.status().await.revision, 4);
    running.stop().await;
}

#[tokio::test]
async fn a_bad_file_or_one_of_another_network_keeps_a_controller_from_starting() {
    let bench = Bench::new();
    bench.start().await.stop().await;
    let start = || async { Running::start(bench.config()).await.err().expect("an error").to_string() };
    bench.write(&RING.replace("name: ring", "name: star"));
    let error = start().await;
    assert!(error.contains("is of network `star`, but this controller runs `ring`"), "{error}");
    bench.write(&RING.replace("topology:", "topolgy:"));
    let error = start().await;
    assert!(error.contains("ring.yaml:") && error.contains("topology"), "{error}");
    fs::remove_file(bench.file()).unwrap();
    let error = start().await;
    assert!(error.contains("cannot read") && error.contains("ring.yaml"), "{error}");
    fs::write(bench.config().state_dir.join("allocation.json"), "{}").unwrap();
    let error = start().await;
    assert!(error.contains("allocation.json") && error.contains("restore the file"), "{error}");
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_ours_is_closed_to_others_and_removed_in_the_end() {
    let bench = Bench::new();
    // What a killed controller leaves behind.
    drop(UnixListener::bind(bench.socket()).unwrap());
    assert!(bench.socket().exists());
    let running = bench.start().await;
    assert_eq!(Operator::of(&running).await.status().await.network, "ring");
    assert_eq!(fs::metadata(bench.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    running.stop().await;
    assert!(!bench.socket().exists());
    // Nor is anything else left beside it.
    let mut left: Vec<_> = fs::read_dir(bench.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["ring.yaml", "state"]);
}

#[tokio::test]
async fn a_live_controller_is_left_alone() {
    let bench = Bench::new();
    let running = bench.start().await;
    let pid = format!("(pid {})", std::process::id());

    let same_socket = ControllerConfig { state_dir: bench.dir.path().join("other"), ..bench.config() };
    let error = Running::start(same_socket).await.err().expect("an error");
    assert!(matches!(error, ControllerError::Listen(ListenError::Running { .. })), "{error}");
    assert!(
        error.to_string().contains("already running at unix:") && error.to_string().contains(&pid),
        "{error}"
    );

    let listen = Address::Unix(bench.dir.path().join("other.sock"));
    let same_state = ControllerConfig { listen, ..bench.config() };
    let error = Running::start(same_state).await.err().expect("an error").to_string();
    assert!(error.contains("already running on state directory") && error.contains(&pid), "{error}");

    assert_eq!(Operator::of(&running).await.status().await.network, "ring");
    running.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let bench = Bench::new();
    fs::write(bench.socket(), "precious").unwrap();
    let error = Running::start(bench.config()).await.err().expect("an error").to_string();
    assert!(error.contains("no socket, which is left alone"), "{error}");
    assert_eq!(fs::read_to_string(bench.socket()).unwrap(), "precious");
}

/// A file system of 64 KiB.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(path: &Path) -> Self {
        fs::create_dir(path).unwrap();
        let options = Some("size=64k,mode=700");
        mount(Some("braid-test"), path, Some("tmpfs"), MsFlags::empty(), options)
            .expect("root may mount a tmpfs");
        Self(path.to_owned())
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        umount(&self.0).expect("nobody has files open there");
    }
}

#[tokio::test]
async fn a_full_disk_keeps_a_topology_from_changing_and_nothing_is_lost() {
    let bench = Bench::new();
    let disk = TinyDisk::mount(&bench.config().state_dir);
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    disk.fill();

    let error = operator.apply(&format!("{RING}# changed\n")).await.unwrap_err();
    assert_eq!(
        (error.code(), info(&error).reason.as_str()),
        (Code::ResourceExhausted, "STATE_DIRECTORY_FULL")
    );
    assert!(error.message().contains("free some space"), "{error}");
    let topology = operator.0.get_topology(v1::GetTopologyRequest {}).await.unwrap().into_inner();
    assert_eq!((topology.text.as_str(), topology.revision), (RING, 1));
    running.stop().await;

    // The disk is still full; the old state is whole, and good for a start.
    let running = bench.start().await;
    let mut operator = Operator::of(&running).await;
    assert_eq!(operator.status().await.revision, 1);
    fs::remove_file(disk.0.join("ballast")).unwrap();
    assert_eq!(operator.apply(&format!("{RING}# changed\n")).await.unwrap().revision, 2);
    running.stop().await;
}
