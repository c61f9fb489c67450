//! Waiting for named conditions, never for time to pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Waits until `condition` gives a value, and gives it; none if it does not within `limit`.
pub fn within<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        let value = condition();
        if value.is_some() || begin.elapsed() >= limit {
            return value;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until `condition` gives a value, and gives it.
///
/// # Panics
/// When it does not within `limit`; the message names the condition.
pub fn wait_for<T>(what: &str, limit: Duration, condition: impl FnMut() -> Option<T>) -> T {
    within(limit, condition).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}
