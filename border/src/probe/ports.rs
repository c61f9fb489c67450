//! The ports of all virtual networks: opened when they are there, closed when they are gone.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use braid_kernel::{Netns, NetnsError};
use braid_proto::{InterfaceName, VnId};
use ipnet::Ipv4Net;
use nix::{ifaddrs::getifaddrs, net::if_::if_nametoindex};
use thiserror::Error;
use tracing::{info, warn};

use super::{
    ProbePort,
    sockets::{Frames, Loopback, Mac},
};

/// How often it is looked whether ports are still there.
pub(super) const LOOK: Duration = Duration::from_millis(250);
/// How often it is looked what the routers' link addresses are.
const LOOK_CLOSELY: Duration = Duration::from_secs(2);

/// A port cannot be used for probes.
#[derive(Debug, Error)]
enum PortError {
    #[error(transparent)]
    Netns(#[from] NetnsError),
    #[error("there is no interface {0} here")]
    NoPort(InterfaceName),
    #[error("there is no interface {interface} with a link address in {namespace}")]
    NoRouterPort { interface: InterfaceName, namespace: String },
    #[error("cannot open the probes' sockets (it takes CAP_NET_RAW and CAP_NET_ADMIN): {0}")]
    Socket(#[from] io::Error),
}

/// What a port's sockets are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    /// The namespace's inode.
    namespace: u64,
    ifindex: u32,
    router: Mac,
    loopback: Ipv4Addr,
}

/// A port in use.
#[derive(Debug)]
pub(super) struct Open {
    binding: Binding,
    pub(super) frames: Frames,
    pub(super) loopback: Loopback,
}

#[derive(Debug)]
struct Port {
    spec: ProbePort,
    open: Option<Open>,
    /// What is wrong with it; said once.
    problem: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Ports {
    loopback: Ipv4Addr,
    /// The smallest prefix around all borders' loopbacks.
    borders: Ipv4Net,
    ports: BTreeMap<VnId, Port>,
    looked_closely: Option<Instant>,
}

/// The smallest prefix around some addresses.
fn around(addresses: impl Iterator<Item = Ipv4Addr>) -> Ipv4Net {
    let wider = |net: Ipv4Net, address: Ipv4Addr| {
        (0..=net.prefix_len())
            .rev()
            .filter_map(|length| Ipv4Net::new(net.addr(), length).ok())
            .find(|net| net.contains(&address))
            .map_or(net, |net| net.trunc())
    };
    let mut nets = addresses.map(Ipv4Net::from);
    let first = nets.next().unwrap_or_default();
    nets.fold(first, |net, next| wider(net, next.addr()))
}

impl Ports {
    pub(super) fn new() -> Self {
        Self {
            loopback: Ipv4Addr::UNSPECIFIED,
            borders: Ipv4Net::default(),
            ports: BTreeMap::new(),
            looked_closely: None,
        }
    }

    /// Uses these ports and no others. The next look opens them.
    pub(super) fn set(
        &mut self,
        loopback: Ipv4Addr,
        borders: impl Iterator<Item = Ipv4Addr>,
        ports: BTreeMap<VnId, ProbePort>,
    ) {
        self.loopback = loopback;
        let borders = around(borders.chain([loopback]));
        if self.borders != borders {
            self.borders = borders;
            for port in self.ports.values_mut() {
                // One that cannot be told is opened anew.
                port.open = port.open.take().filter(|open| open.frames.set_borders(borders).is_ok());
            }
        }
        self.ports.retain(|vn, port| ports.get(vn) == Some(&port.spec));
        for (vn, spec) in ports {
            self.ports.entry(vn).or_insert(Port { spec, open: None, problem: None });
        }
        self.looked_closely = None;
    }

    /// Opens what has come and closes what has gone. Says which are open.
    pub(super) fn look(&mut self) -> BTreeMap<VnId, bool> {
        let closely = self.looked_closely.is_none_or(|last| last.elapsed() >= LOOK_CLOSELY);
        if closely {
            self.looked_closely = Some(Instant::now());
        }
        let (loopback, borders) = (self.loopback, self.borders);
        let state = self.ports.iter_mut().map(|(vn, port)| {
            match port.look(loopback, borders, closely) {
                Ok(()) => {
                    if port.problem.take().is_some() {
                        info!(%vn, "probes have their port again");
                    }
                }
                Err(error) => {
                    port.open = None;
                    let problem = error.to_string();
                    if port.problem.as_ref() != Some(&problem) {
                        warn!(%vn, "no probes: {problem}");
                        port.problem = Some(problem);
                    }
                }
            }
            (*vn, port.open.is_some())
        });
        state.collect()
    }

    /// Those that are open.
    pub(super) fn open(&self) -> impl Iterator<Item = (VnId, &Open)> {
        self.ports.iter().filter_map(|(vn, port)| Some((*vn, port.open.as_ref()?)))
    }

    /// One that is open.
    pub(super) fn get(&self, vn: VnId) -> Option<&Open> {
        self.ports.get(&vn)?.open.as_ref()
    }
}

impl Open {
    /// The loopback that it is bound to.
    pub(super) fn own(&self) -> Ipv4Addr {
        self.binding.loopback
    }
}

impl Port {
    fn look(&mut self, loopback: Ipv4Addr, borders: Ipv4Net, closely: bool) -> Result<(), PortError> {
        let netns = Netns::open(&self.spec.namespace)?;
        let ifindex =
            if_nametoindex(self.spec.port.as_str()).map_err(|_| PortError::NoPort(self.spec.port.clone()))?;
        let binding = |router| Binding { namespace: netns.inode(), ifindex, router, loopback };
        if let Some(open) = &self.open
            && !closely
            && open.binding == binding(open.binding.router)
        {
            return Ok(());
        }
        let router = netns.run(|| link_address(&self.spec.router_port))?;
        let router = router.ok_or_else(|| PortError::NoRouterPort {
            interface: self.spec.router_port.clone(),
            namespace: self.spec.namespace.clone(),
        })?;
        let binding = binding(router);
        if self.open.as_ref().is_none_or(|open| open.binding != binding) {
            // The old ones first: two cannot have one address.
            self.open = None;
            let frames = Frames::open(ifindex, router, borders)?;
            let loopback = netns.run(|| Loopback::open(loopback))??;
            self.open = Some(Open { binding, frames, loopback });
        }
        Ok(())
    }
}

/// The link address of an interface in the namespace of this thread.
fn link_address(interface: &InterfaceName) -> Option<Mac> {
    let mut all = getifaddrs().ok()?.filter(|entry| entry.interface_name == interface.as_str());
    all.find_map(|entry| entry.address?.as_link_addr()?.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_around_the_borders_is_as_small_as_can_be() {
        let around = |list: &[[u8; 4]]| around(list.iter().map(|a| Ipv4Addr::from(*a))).to_string();
        assert_eq!(around(&[[100, 64, 0, 1]]), "100.64.0.1/32");
        assert_eq!(around(&[[100, 64, 0, 1], [100, 64, 0, 2]]), "100.64.0.0/30");
        assert_eq!(around(&[[100, 64, 0, 1], [100, 64, 3, 2], [100, 64, 0, 7]]), "100.64.0.0/22");
        assert_eq!(around(&[[10, 0, 0, 1], [200, 0, 0, 1]]), "0.0.0.0/0");
    }
}
