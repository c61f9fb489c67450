//! Waiting for named conditions, never for time to pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Waits until `condition` gives a value, and gives it.
///
/// # Panics
/// When it does not within `limit`; the message names the condition.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
