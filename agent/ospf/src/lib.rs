//! A sans-IO OSPFv2 router.
