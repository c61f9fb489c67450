//! x
mod area;
mod compute;
mod database;
mod evaluate;
mod exits;
mod external;
mod graph;
mod hops;
mod leaf;
mod repair;
mod route;
mod routing;
mod spf;
mod table;
mod virtual_link;

pub use route::{
    AreaKind, Domain, Neighbour, NextHop, Outcome, PathKind, Pending, Route, RouteChange, RouterRoute, Settings,
    VirtualLink, VirtualLinkState, Work,
};
pub use routing::Routing;
