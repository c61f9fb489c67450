//! An OSPF speaker that feeds a large database to a router over a real adjacency.
