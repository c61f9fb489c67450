//! Verification: where the FIBs of a virtual network lead every prefix
