//! IPv4 addresses of interfaces.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressMessage},
};
use nix::errno::Errno;

use crate::{Netlink, NetlinkError, link::decode};

/// An IPv4 address on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The interface's index.
    pub ifindex: u32,
    /// The address with its subnet's length.
    pub address: Ipv4Net,
}

impl Netlink {
    /// All IPv4 addresses of the namespace.
    ///
    /// # Errors
    /// [`NetlinkError`] if the kernel cannot be asked.
    pub async fn addresses(&self) -> Result<Vec<Address>, NetlinkError> {
        let operation = "list addresses";
        let mut request = AddressMessage::default();
        request.header.family = AddressFamily::Inet;
        self.dump(RouteNetlinkMessage::GetAddress(request), operation, |frame| {
            Ok(match decode(frame)? {
                RouteNetlinkMessage::NewAddress(message) => from_message(&message),
                _ => None,
            })
        })
        .await?
        .map_err(|refusal| self.refused(operation, refusal))
    }

    /// Gives an interface an address. One that it has already is fine.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`] if there is no such interface.
    pub async fn add_address(&self, ifname: &str, address: Ipv4Net) -> Result<(), NetlinkError> {
        self.add(ifname, address, AddressFlags::empty()).await
    }

    /// Gives an interface an address, and no route to the subnet around it. One that it has already is fine.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`] if there is no such interface.
    pub async fn add_address_without_route(
        &self,
        ifname: &str,
        address: Ipv4Net,
    ) -> Result<(), NetlinkError> {
        self.add(ifname, address, AddressFlags::Noprefixroute).await
    }

    async fn add(&self, ifname: &str, address: Ipv4Net, flags: AddressFlags) -> Result<(), NetlinkError> {
        let operation = format!("add address {address} to link `{ifname}`");
        let mut message = to_message(self.link_index(ifname).await?, address);
        if !flags.is_empty() {
            message.attributes.push(AddressAttribute::Flags(flags));
        }
        let message = RouteNetlinkMessage::NewAddress(message);
        match self.try_change(NLM_F_CREATE | NLM_F_EXCL, message, &operation).await? {
            Err(refusal) if refusal.errno != Errno::EEXIST => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }

    /// Takes an address from an interface. One that it does not have is fine.
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchLink`] if there is no such interface.
    pub async fn delete_address(&self, ifname: &str, address: Ipv4Net) -> Result<(), NetlinkError> {
        let operation = format!("delete address {address} from link `{ifname}`");
        let message = RouteNetlinkMessage::DelAddress(to_message(self.link_index(ifname).await?, address));
        match self.try_change(0, message, &operation).await? {
            Err(refusal) if refusal.errno != Errno::EADDRNOTAVAIL => Err(self.refused(&operation, refusal)),
            _ => Ok(()),
        }
    }
}

fn to_message(index: u32, address: Ipv4Net) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.index = index;
    message.header.prefix_len = address.prefix_len();
    let own = IpAddr::V4(address.addr());
    message.attributes.extend([AddressAttribute::Local(own), AddressAttribute::Address(own)]);
    // As `ip` does without being told; a /31 (RFC 3021) and a /32 have no broadcast address.
    if address.prefix_len() < 31 && !address.addr().is_loopback() {
        message.attributes.push(AddressAttribute::Broadcast(address.broadcast()));
    }
    message
}

fn from_message(message: &AddressMessage) -> Option<Address> {
    let v4 = |address: &IpAddr| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    };
    // IFA_LOCAL is the interface's own; IFA_ADDRESS is the far end's on a point-to-point interface.
    let own: Option<Ipv4Addr> = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => v4(address),
        _ => None,
    });
    let address = Ipv4Net::new(own?, message.header.prefix_len).ok()?;
    Some(Address { ifindex: message.header.index, address })
}
