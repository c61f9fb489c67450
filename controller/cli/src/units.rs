//! Times, durations and sizes: from the wire, for scripts and for people.

use std::time::Duration;

use jiff::Timestamp;

/// A wire timestamp; `None` where it is absent or out of range.
pub fn timestamp(wire: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    wire.and_then(|t| Timestamp::new(t.seconds, t.nanos).ok())
}

/// A wire duration in milliseconds; `None` where it is absent.
pub fn milliseconds(wire: Option<prost_types::Duration>) -> Option<f64> {
    wire.map(|d| d.seconds as f64 * 1e3 + f64::from(d.nanos) / 1e6)
}

/// A wire duration in whole milliseconds; `None` where it is absent, 0 where it is negative.
pub fn whole_milliseconds(wire: Option<prost_types::Duration>) -> Option<u64> {
    wire.map(|d| Duration::try_from(d).map_or(0, |d| d.as_millis().try_into().unwrap_or(u64::MAX)))
}

/// How long ago `then` was, in at most two units such as "3m 12s"; "0s" for the future.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    span(Duration::from_secs(now.duration_since(then).as_secs().try_into().unwrap_or(0)))
}

/// A duration in at most two units, from one second on without its fraction.
pub fn rough_span(duration: Duration) -> String {
    span(if duration.as_secs() > 0 { Duration::from_secs(duration.as_secs()) } else { duration })
}

/// A duration in at most two units, to the millisecond, such as "1s 250ms".
pub fn span(duration: Duration) -> String {
    let whole_ms = Duration::from_millis(duration.as_millis().try_into().unwrap_or(u64::MAX));
    let text = humantime::format_duration(whole_ms).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A duration in milliseconds, as [`span`] shows it; below 10 ms with its fraction.
pub fn span_ms(ms: f64) -> String {
    if (0.0..10.0).contains(&ms) && ms.fract() != 0.0 {
        return format!("{ms:.2}ms");
    }
    span(Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default())
}

/// Seconds with two decimals: how long a stage took.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// A number of things, such as "1 node", "11 nodes" or "5 prefixes".
pub fn count(number: usize, noun: &str) -> String {
    let ending = match number {
        1 => "",
        _ if noun.ends_with('x') => "es",
        _ => "s",
    };
    format!("{number} {noun}{ending}")
}

/// A size in bytes, such as "11.3 MiB".
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut shown = "B";
    for unit in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        shown = unit;
    }
    if shown == "B" { format!("{bytes} B") } else { format!("{size:.1} {shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_short() {
        assert_eq!([0, 1023, 1024, 11_900_000].map(size), ["0 B", "1023 B", "1.0 KiB", "11.3 MiB"]);
        let then = Timestamp::UNIX_EPOCH;
        assert_eq!(age(then, then + Duration::from_secs(3_792)), "1h 3m");
        assert_eq!(age(then + Duration::from_secs(5), then), "0s");
        assert_eq!([0.25, 13.0, 1_250.0, f64::NAN].map(span_ms), ["0.25ms", "13ms", "1s 250ms", "0s"]);
    }

    #[test]
    fn wire_times_out_of_range_are_absent() {
        assert_eq!(timestamp(Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })), None);
        let wire = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        assert_eq!(milliseconds(wire(1, 500_000)), Some(1000.5));
        assert_eq!(
            [wire(1, 500_000), wire(-1, 0), None].map(whole_milliseconds),
            [Some(1000), Some(0), None]
        );
        assert_eq!([900, 61_500].map(|ms| rough_span(Duration::from_millis(ms))), ["900ms", "1m 1s"]);
    }
}
