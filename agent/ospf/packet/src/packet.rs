//! The five packet types as values.

use std::{fmt, net::Ipv4Addr};

use crate::{
    AreaId, DecodeError, Fault, Item, LsType, Lsa, LsaHeader, LsaKey, Options, RouterId, reader::Reader,
};

/// The five types of packets (RFC 2328 §A.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PacketKind {
    /// Finds and keeps neighbours.
    Hello = 1,
    /// Lists the LSAs of a database.
    DatabaseDescription = 2,
    /// Asks for LSAs.
    LinkStateRequest = 3,
    /// Carries LSAs.
    LinkStateUpdate = 4,
    /// Acknowledges LSAs.
    LinkStateAck = 5,
}

impl PacketKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::DatabaseDescription,
            3 => Self::LinkStateRequest,
            4 => Self::LinkStateUpdate,
            5 => Self::LinkStateAck,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) const fn item(self) -> Item {
        match self {
            Self::Hello => Item::Hello,
            Self::DatabaseDescription => Item::DatabaseDescription,
            Self::LinkStateRequest => Item::LinkStateRequest,
            Self::LinkStateUpdate => Item::LinkStateUpdate,
            Self::LinkStateAck => Item::LinkStateAck,
        }
    }
}

impl fmt::Display for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.item(), f)
    }
}

/// What the header of a packet to be sent says besides what is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// The sender.
    pub router_id: RouterId,
    /// The area of the interface, the backbone for virtual links.
    pub area_id: AreaId,
}

/// The contents of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Type 1.
    Hello(Hello),
    /// Type 2.
    DatabaseDescription(DatabaseDescription),
    /// Type 3.
    LinkStateRequest(LinkStateRequest),
    /// Type 4.
    LinkStateUpdate(LinkStateUpdate),
    /// Type 5.
    LinkStateAck(LinkStateAck),
}

/// ```text
/// |                        Network Mask                           |
/// |         HelloInterval         |    Options    |    Rtr Pri    |
/// |                     RouterDeadInterval                        |
/// |                      Designated Router                        |
/// |                   Backup Designated Router                    |
/// |                          Neighbor                             |  …
/// ```
/// A hello (RFC 2328 §A.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Network mask of the interface, 0.0.0.0 on virtual links and unnumbered interfaces.
    pub mask: Ipv4Addr,
    /// Seconds between hellos.
    pub hello_interval: u16,
    /// What the sender supports.
    pub options: Options,
    /// Priority in the election, 0 for "never".
    pub priority: u8,
    /// Seconds of silence after which the sender is to be held dead.
    pub dead_interval: u32,
    /// Address of the designated router in the sender's view, 0.0.0.0 for none.
    pub designated_router: Ipv4Addr,
    /// Address of the backup designated router in the sender's view, 0.0.0.0 for none.
    pub backup: Ipv4Addr,
    /// Everybody whom the sender has heard lately.
    pub neighbours: Vec<RouterId>,
}

/// ```text
/// |         Interface MTU         |    Options    |0|0|0|0|R|I|M|MS|
/// |                     DD sequence number                        |
/// |                       LSA headers                             |  …
/// ```
/// A database description (RFC 2328 §A.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseDescription {
    /// Longest IP datagram of the interface in bytes, 0 on virtual links.
    pub mtu: u16,
    /// What the sender supports.
    pub options: Options,
    /// The first of the exchange (I bit).
    pub initial: bool,
    /// More follow (M bit).
    pub more: bool,
    /// The sender is the master (MS bit).
    pub master: bool,
    /// DD sequence number.
    pub sequence: u32,
    /// What the sender has.
    pub headers: Vec<LsaHeader>,
    /// Received headers of unknown type, which are not in `headers` (RFC 2328 §10.6 ends the exchange then).
    /// Not sent.
    pub unknown: u32,
}

/// ```text
/// |                          LS type                              |
/// |                       Link State ID                           |
/// |                     Advertising Router                        |  …
/// ```
/// A link state request (RFC 2328 §A.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStateRequest {
    /// What is wanted.
    pub keys: Vec<LsaKey>,
    /// Received requests of unknown type, which are not in `keys`: nobody has such an LSA (BadLSReq). Not
    /// sent.
    pub unknown: u32,
}

/// ```text
/// |                            # LSAs                             |
/// |                             LSAs                              |  …
/// ```
/// A link state update (RFC 2328 §A.3.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStateUpdate {
    /// The LSAs.
    pub lsas: Vec<Lsa>,
    /// What was wrong with received LSAs that are not in `lsas` (RFC 2328 §13 (1), (2)): each spoils only
    /// itself. Not sent.
    pub rejected: Vec<DecodeError>,
}

/// A link state acknowledgment: LSA headers (RFC 2328 §A.3.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStateAck {
    /// What has arrived.
    pub headers: Vec<LsaHeader>,
    /// Received headers of unknown type, which are not in `headers`. Not sent.
    pub unknown: u32,
}

impl DatabaseDescription {
    /// Bytes in front of the headers.
    pub const FIXED_LENGTH: usize = 8;
    const INITIAL: u8 = 4;
    const MORE: u8 = 2;
    const MASTER: u8 = 1;
}

impl LinkStateRequest {
    /// Bytes of one request.
    pub const KEY_LENGTH: usize = 12;
}

impl LinkStateUpdate {
    /// Bytes in front of the LSAs.
    pub const FIXED_LENGTH: usize = 4;
}

impl Body {
    /// Which of the five this is.
    #[must_use]
    pub const fn kind(&self) -> PacketKind {
        match self {
            Self::Hello(_) => PacketKind::Hello,
            Self::DatabaseDescription(_) => PacketKind::DatabaseDescription,
            Self::LinkStateRequest(_) => PacketKind::LinkStateRequest,
            Self::LinkStateUpdate(_) => PacketKind::LinkStateUpdate,
            Self::LinkStateAck(_) => PacketKind::LinkStateAck,
        }
    }

    /// Bytes on the wire, without packet header and digest.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Hello(hello) => 20 + 4 * hello.neighbours.len(),
            Self::DatabaseDescription(description) => {
                DatabaseDescription::FIXED_LENGTH + LsaHeader::LENGTH * description.headers.len()
            }
            Self::LinkStateRequest(request) => LinkStateRequest::KEY_LENGTH * request.keys.len(),
            Self::LinkStateUpdate(update) => {
                LinkStateUpdate::FIXED_LENGTH + update.lsas.iter().map(|lsa| lsa.bytes().len()).sum::<usize>()
            }
            Self::LinkStateAck(ack) => LsaHeader::LENGTH * ack.headers.len(),
        }
    }

    /// The contents of a packet of this kind; `base` bytes stand in front of them.
    pub(crate) fn parse(kind: PacketKind, bytes: &[u8], base: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(kind.item(), bytes, base);
        Ok(match kind {
            PacketKind::Hello => Self::Hello(Hello::read(&mut reader)?),
            PacketKind::DatabaseDescription => {
                Self::DatabaseDescription(DatabaseDescription::read(&mut reader)?)
            }
            PacketKind::LinkStateRequest => Self::LinkStateRequest(LinkStateRequest::read(&mut reader)?),
            PacketKind::LinkStateUpdate => Self::LinkStateUpdate(LinkStateUpdate::read(&mut reader)?),
            PacketKind::LinkStateAck => {
                let (headers, unknown) = read_headers(&mut reader)?;
                Self::LinkStateAck(LinkStateAck { headers, unknown })
            }
        })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hello(hello) => hello.write(out),
            Self::DatabaseDescription(description) => description.write(out),
            Self::LinkStateRequest(request) => {
                for key in &request.keys {
                    out.extend_from_slice(&u32::from(key.ls_type.number()).to_be_bytes());
                    out.extend_from_slice(&key.link_state_id.octets());
                    out.extend_from_slice(&key.advertising_router.0.octets());
                }
            }
            Self::LinkStateUpdate(update) => {
                // More LSAs than 32 bits count do not fit a packet by far.
                out.extend_from_slice(&(update.lsas.len() as u32).to_be_bytes());
                for lsa in &update.lsas {
                    out.extend_from_slice(lsa.bytes());
                }
            }
            Self::LinkStateAck(ack) => ack.headers.iter().for_each(|header| header.write(out)),
        }
    }
}

impl Hello {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut hello = Self {
            mask: reader.address()?,
            hello_interval: reader.u16()?,
            options: Options(reader.u8()?),
            priority: reader.u8()?,
            dead_interval: reader.u32()?,
            designated_router: reader.address()?,
            backup: reader.address()?,
            neighbours: Vec::with_capacity(reader.remaining() / 4),
        };
        while reader.remaining() > 0 {
            hello.neighbours.push(reader.router_id()?);
        }
        Ok(hello)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mask.octets());
        out.extend_from_slice(&self.hello_interval.to_be_bytes());
        out.extend_from_slice(&[self.options.0, self.priority]);
        out.extend_from_slice(&self.dead_interval.to_be_bytes());
        out.extend_from_slice(&self.designated_router.octets());
        out.extend_from_slice(&self.backup.octets());
        for neighbour in &self.neighbours {
            out.extend_from_slice(&neighbour.0.octets());
        }
    }
}

impl DatabaseDescription {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mtu = reader.u16()?;
        let options = Options(reader.u8()?);
        let flags = reader.u8()?;
        let sequence = reader.u32()?;
        let (headers, unknown) = read_headers(reader)?;
        Ok(Self {
            mtu,
            options,
            initial: flags & Self::INITIAL != 0,
            more: flags & Self::MORE != 0,
            master: flags & Self::MASTER != 0,
            sequence,
            headers,
            unknown,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags =
            flag(self.initial, Self::INITIAL) | flag(self.more, Self::MORE) | flag(self.master, Self::MASTER);
        out.extend_from_slice(&self.mtu.to_be_bytes());
        out.extend_from_slice(&[self.options.0, flags]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        self.headers.iter().for_each(|header| header.write(out));
    }
}

impl LinkStateRequest {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut request =
            Self { keys: Vec::with_capacity(reader.remaining() / Self::KEY_LENGTH), unknown: 0 };
        while reader.remaining() > 0 {
            let number = reader.u32()?;
            let (link_state_id, advertising_router) = (reader.address()?, reader.router_id()?);
            match u8::try_from(number).ok().and_then(LsType::from_number) {
                Some(ls_type) => request.keys.push(LsaKey { ls_type, advertising_router, link_state_id }),
                None => request.unknown += 1,
            }
        }
        Ok(request)
    }
}

impl LinkStateUpdate {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.u32()?;
        let mut update = Self::default();
        for _ in 0..count {
            let at = reader.offset();
            // Without a sane length nobody knows where the next LSA begins: that spoils the packet.
            let length = Lsa::framed(reader.rest()).map_err(|error| error.behind(at))?.len();
            match Lsa::decode(reader.take(length)?) {
                Ok(lsa) => update.lsas.push(lsa),
                Err(error) => update.rejected.push(error.behind(at)),
            }
        }
        reader.end()?;
        Ok(update)
    }
}

/// Headers up to the end, and how many of them have an unknown type.
fn read_headers(reader: &mut Reader<'_>) -> Result<(Vec<LsaHeader>, u32), DecodeError> {
    let mut headers = Vec::with_capacity(reader.remaining() / LsaHeader::LENGTH);
    let mut unknown = 0;
    while reader.remaining() > 0 {
        match LsaHeader::read(reader) {
            Ok(header) => headers.push(header),
            Err(DecodeError { fault: Fault::UnknownType(_), .. }) => unknown += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((headers, unknown))
}
