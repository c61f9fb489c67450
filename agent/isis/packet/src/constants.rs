//! Numbers that the standards fix.

/// The lifetime that a new LSP starts with, in seconds (ISO 10589 §7.3.21 MaxAge).
pub const MAX_AGE: u16 = 1200;
/// How long the header of a purged LSP is kept after its lifetime ended, in seconds (ISO 10589 ZeroAgeLifetime).
pub const ZERO_AGE_LIFETIME: u16 = 60;
/// How often own LSPs are told anew at the latest, in seconds (ISO 10589 maximumLSPGenerationInterval).
pub const MAXIMUM_LSP_GENERATION_INTERVAL: u16 = 900;
/// The size in bytes that every system must be able to receive and so the greatest LSP by default
/// (ISO 10589 ReceiveLSPBufferSize).
pub const RECEIVE_LSP_BUFFER_SIZE: u16 = 1492;
/// Metrics of IS neighbours in TLV 22 that tell "never use this link" (RFC 5305 §3).
pub const MAX_LINK_METRIC: u32 = 0x00ff_ffff;
/// Prefixes of TLV 135, 235, 236 and 237 with a metric above this are ignored (RFC 5305 §4).
pub const MAX_PATH_METRIC: u32 = 0xfe00_0000;
/// The greatest metric of a link or prefix in narrow TLVs (RFC 1195).
pub const MAX_NARROW_METRIC: u8 = 63;
/// The network layer protocol id of IPv4 in TLV 129.
pub const NLPID_IPV4: u8 = 0xcc;
/// The network layer protocol id of IPv6 in TLV 129.
pub const NLPID_IPV6: u8 = 0x8e;
/// Destination of level 1 PDUs on a LAN.
pub const ALL_L1_IS: [u8; 6] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x14];
/// Destination of level 2 PDUs on a LAN.
pub const ALL_L2_IS: [u8; 6] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x15];
/// Destination of PDUs on a point-to-point circuit over Ethernet (RFC 5309).
pub const ALL_IS: [u8; 6] = [0x09, 0x00, 0x2b, 0x00, 0x00, 0x05];
/// What stands before a PDU in an 802.3 frame: both service access points and unnumbered information.
pub const LLC: [u8; 3] = [0xfe, 0xfe, 0x03];
/// First byte of every PDU (the network layer protocol id of IS-IS).
pub const DISCRIMINATOR: u8 = 0x83;
/// The longest value of a TLV in bytes.
pub const MAX_TLV_VALUE: usize = 255;
