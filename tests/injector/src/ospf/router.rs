//! The routers under test as routers of OSPF.

use super::{DEAD_S, HELLO_S, ROUTER_ID};
use crate::{
    COST, ROUTER,
    site::{INTERFACE, MTU},
};

/// Without the throttle lines ospfd would wait for seconds, and refuse the second instance of an LSA within one.
pub fn frr() -> String {
    format!(
        "interface {INTERFACE}\n ip ospf network point-to-point\n ip ospf cost {COST}\n ip ospf hello-interval {HELLO_S}\n ip \
         ospf dead-interval {DEAD_S}\n ip ospf area 0.0.0.0\nexit\nrouter ospf\n ospf router-id {}\n timers throttle spf 0 \
         20 200\n timers throttle lsa all 50\n timers lsa min-arrival 0\nexit\n",
        ROUTER_ID.0,
    )
}

pub fn bird() -> String {
    format!(
        "router id {};\nprotocol device {{ }}\nprotocol kernel {{\n  merge paths yes limit 64;\n  ipv4 {{ import none; export \
         all; }};\n}}\nprotocol ospf v2 {{\n  tick 1;\n  ecmp yes limit 64;\n  ipv4 {{ import all; export none; }};\n  area \
         0.0.0.0 {{\n    interface \"{INTERFACE}\" {{ type ptp; cost {COST}; hello {HELLO_S}; dead {DEAD_S}; retransmit 2; \
         }};\n  }};\n}}\n",
        ROUTER_ID.0,
    )
}

/// Paced as the agent's driver has it.
pub fn native() -> String {
    format!(
        r#"{{"router_id": "{}", "interfaces": {{"{INTERFACE}": {{"address": "{ROUTER}/31",
        "network": "point-to-point", "cost": {COST}, "hello_s": {HELLO_S}, "dead_s": {DEAD_S}, "mtu": {MTU}}}}},
        "spf": {{"initial_ms": 0, "short_ms": 20, "long_ms": 200, "hold_down_ms": 2000, "time_to_learn_ms": 500}},
        "lsa": {{"initial_ms": 0, "hold_ms": 50, "max_ms": 1000, "min_arrival_ms": 0}}}}"#,
        ROUTER_ID.0,
    )
}
