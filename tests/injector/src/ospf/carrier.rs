//! OSPF packets on a raw IP socket.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use braid_kernel::Netns;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{INJECTOR, InjectorError, socket, speaker::Carrier};

const OSPF: i32 = 89;
const ALL_SPF_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 5);

pub struct IpSocket(Socket);

impl IpSocket {
    /// On the interface with the injector's address.
    pub fn open(netns: &Netns) -> Result<Self, InjectorError> {
        Ok(Self(netns.run(|| open(INJECTOR))?.map_err(socket::failed("open"))?))
    }
}

impl Carrier for IpSocket {
    fn send(&self, packet: &[u8]) -> Result<(), InjectorError> {
        let group = SockAddr::from(SocketAddrV4::new(ALL_SPF_ROUTERS, 0));
        self.0.send_to(packet, &group).map_err(socket::failed("send on"))?;
        Ok(())
    }

    fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        patience: Duration,
    ) -> Result<Option<&'a [u8]>, InjectorError> {
        Ok(socket::receive(&self.0, buffer, patience)?.and_then(payload))
    }
}

/// A raw socket gives the IP header, too.
fn payload(packet: &[u8]) -> Option<&[u8]> {
    let words = usize::from(packet.first()? & 0x0f);
    packet.get(4 * words..)
}

fn open(address: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(OSPF)))?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(false)?;
    socket.join_multicast_v4(&ALL_SPF_ROUTERS, &address)?;
    socket.set_recv_buffer_size(socket::RECEIVE_BUFFER)?;
    Ok(socket)
}
