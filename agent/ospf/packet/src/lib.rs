//! OSPFv2 packets and LSAs as bytes and as types: codecs, checksums, authentication.
