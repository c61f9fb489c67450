//! The agent: builds a node's virtual routers and supervises their engines.
