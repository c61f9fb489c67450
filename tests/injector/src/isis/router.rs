//! The routers under test as routers of IS-IS.

use super::{AREA, HELLO_S, HOLD_S, ROUTER_ID};
use crate::{
    COST, ROUTER,
    site::{INTERFACE, MTU},
};

/// The delays are set before the network entity title, which starts it all: isisd would make one LSP and compute once, and then
/// wait for half a minute and for five seconds.
pub fn frr() -> String {
    format!(
        "router isis braid\n is-type level-2-only\n metric-style wide\n lsp-gen-interval 1\n lsp-mtu 1492\n spf-interval 1\n \
         spf-delay-ietf init-delay 0 short-delay 20 long-delay 200 holddown 2000 time-to-learn 500\n net {AREA}.{ROUTER_ID}.00\n \
         no hostname dynamic\nexit\ninterface {INTERFACE}\n ip router isis braid\n isis circuit-type level-2-only\n isis \
         network point-to-point\n isis metric {COST}\n isis hello-interval {HELLO_S}\n isis hello-multiplier {}\n isis \
         psnp-interval 1\n no isis hello padding\nexit\n",
        HOLD_S / HELLO_S,
    )
}

/// Paced as the agent's driver has it.
pub fn native() -> String {
    format!(
        r#"{{"nets": ["{AREA}.{ROUTER_ID}.00"], "level": "level-2", "circuits": {{"{INTERFACE}": {{"addresses":
        ["{ROUTER}/31"], "network": "point-to-point", "metric": {COST}, "hello_ms": {}, "multiplier": {},
        "mtu": {MTU}, "padding": "never"}}}},
        "spf": {{"initial_ms": 0, "short_ms": 20, "long_ms": 200, "hold_down_ms": 2000, "time_to_learn_ms": 500}},
        "lsp": {{"initial_ms": 0, "hold_ms": 50, "max_ms": 1000}}}}"#,
        HELLO_S * 1000,
        HOLD_S / HELLO_S,
    )
}
