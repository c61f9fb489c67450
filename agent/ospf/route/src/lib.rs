//! The OSPF route computation of RFC 2328 section 16, incremental.
