//! What an OSPF router says of itself: its own LSAs as a pure function of its state.
