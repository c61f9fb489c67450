//! Where a trial is held: two namespaces with a cable, and a directory.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use braid_kernel::{Netlink, Netns, VethSpec, sysctl};
use ipnet::Ipv4Net;

use crate::InjectorError;

/// The interface in either namespace.
pub const INTERFACE: &str = "eth0";
/// The largest IP packet on the cable.
pub(crate) const MTU: u16 = 1500;
/// What the cable costs, in either direction.
pub const COST: u16 = 10;
/// The injector's address on the cable; the router's is the next.
pub const INJECTOR: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 0);
/// The router's address on the cable.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 1);

static SITES: AtomicU32 = AtomicU32::new(0);

/// A namespace whose name goes with this.
struct Space(Netns);

impl Drop for Space {
    fn drop(&mut self) {
        if let Some(name) = self.0.name() {
            let _ = Netns::delete(name);
        }
    }
}

/// A directory that goes with this.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two namespaces with a cable, and a directory for daemons. All are removed when it is dropped.
pub struct Site {
    router: Space,
    injector: Space,
    dir: Directory,
}

impl Site {
    /// Builds one, under names that no other has.
    ///
    /// # Errors
    /// [`InjectorError`] if the kernel refuses a part; nothing stays then.
    pub async fn build() -> Result<Self, InjectorError> {
        let name = format!("bi{}-{}", std::process::id(), SITES.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(format!("/run/braid-{name}"));
        fs::create_dir_all(&path).map_err(|source| InjectorError::File { path: path.clone(), source })?;
        let dir = Directory(path);
        let router = Space(Netns::create(&format!("{name}.router"))?);
        let injector = Space(Netns::create(&format!("{name}.injector"))?);
        let site = Self { router, injector, dir };
        let spec = VethSpec {
            name: INTERFACE,
            peer: INTERFACE,
            peer_netns: site.injector(),
            mtu: MTU.into(),
            up: true,
        };
        Netlink::open(site.router())?.create_veth(&spec).await?;
        for (netns, address) in [(site.router(), ROUTER), (site.injector(), INJECTOR)] {
            let netlink = Netlink::open(netns)?;
            netlink.set_admin("lo", true).await?;
            netlink.add_address(INTERFACE, Ipv4Net::new_assert(address, 31)).await?;
        }
        sysctl::write(site.router(), "net/ipv4/ip_forward", "1")?;
        Ok(site)
    }

    /// The namespace of the router under test.
    #[must_use]
    pub fn router(&self) -> &Netns {
        &self.router.0
    }

    /// The injector's namespace.
    #[must_use]
    pub fn injector(&self) -> &Netns {
        &self.injector.0
    }

    /// The daemons' directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir.0
    }
}
