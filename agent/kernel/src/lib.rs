//! The Linux data plane: namespaces, links, routes, rules, nexthop objects and FIB watches.
