//! From wire fields to domain values: one way to refuse what does not convert.

use std::{fmt::Display, str::FromStr, time::Duration};

use thiserror::Error;

use crate::VnId;

/// A message's field does not convert; the message is refused whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field `{field}` {reason}")]
pub struct FieldError {
    /// The field's name, as `routers.links.address`.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl FieldError {
    /// An error at `field`.
    pub fn new(field: &'static str, reason: impl Display) -> Self {
        Self { field, reason: reason.to_string() }
    }
}

/// Reads a text field.
///
/// # Errors
/// When the text is not a `T`; the reason quotes it.
pub fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, FieldError> {
    text.parse().map_err(|e| FieldError::new(field, format_args!("is `{}`: {e}", text.escape_debug())))
}

/// Takes a message field that must be there.
///
/// # Errors
/// When it is not.
pub fn required<T>(field: &'static str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "is missing"))
}

/// Reads a virtual network's id.
///
/// # Errors
/// When it is not 1 to 255.
pub fn vn_id(field: &'static str, id: u32) -> Result<VnId, FieldError> {
    VnId::try_from(id).map_err(|e| FieldError::new(field, e))
}

/// Reads a duration that must be there and not negative.
///
/// # Errors
/// When it is missing, negative or out of range.
pub fn duration(field: &'static str, value: Option<prost_types::Duration>) -> Result<Duration, FieldError> {
    Duration::try_from(required(field, value)?).map_err(|e| FieldError::new(field, e))
}

/// Reads a number into a smaller type.
///
/// # Errors
/// When it does not fit.
pub fn number<T: TryFrom<u32, Error: Display>>(field: &'static str, value: u32) -> Result<T, FieldError> {
    T::try_from(value).map_err(|e| FieldError::new(field, format_args!("is {value}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_convert_is_named() {
        let error = parse::<std::net::Ipv4Addr>("port.address", "1.2.3").unwrap_err().to_string();
        assert!(error.contains("port.address") && error.contains("1.2.3"), "{error}");
        assert!(vn_id("id", 256).is_err());
        let negative = prost_types::Duration { seconds: -1, nanos: 0 };
        assert!(duration("settle", Some(negative)).is_err());
        assert!(number::<u16>("metric", 65_536).is_err());
    }
}
