//! Kernel parameters of a namespace.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

use crate::{Netns, NetnsError};

/// Why a kernel parameter could not be read or written.
#[derive(Debug, Error)]
pub enum SysctlError {
    /// The text does not name a file below `/proc/sys`.
    #[error(
        "`{key}` is not a kernel parameter: write it as a path below /proc/sys, such as net/ipv4/ip_forward"
    )]
    Key {
        /// The text.
        key: String,
    },
    /// The kernel refused.
    #[error("cannot {operation} {key} in network namespace {namespace}: {source}")]
    System {
        /// `read`, or `write VALUE to`.
        operation: String,
        /// The parameter.
        key: String,
        /// The namespace's label.
        namespace: String,
        /// The kernel's answer; not found if the kernel was built without the feature.
        source: io::Error,
    },
    /// The namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

/// Sets a kernel parameter in a namespace. `key` is its path below `/proc/sys`: `net/ipv4/ip_forward`.
///
/// # Errors
/// [`SysctlError::System`] if the kernel does not know the parameter or does not take the value.
pub fn write(netns: &Netns, key: &str, value: &str) -> Result<(), SysctlError> {
    write_all(netns, &[(key, value)])
}

/// Sets several kernel parameters, in their order, entering the namespace once. Stops at the first that is refused.
///
/// # Errors
/// As [`fn@write`].
pub fn write_all(netns: &Netns, settings: &[(&str, &str)]) -> Result<(), SysctlError> {
    netns.run(|| {
        settings.iter().try_for_each(|(key, value)| {
            fs::write(path_of(key)?, value)
                .map_err(|source| failed(netns, format!("write {value:?} to"), key, source))
        })
    })?
}

/// The value of a kernel parameter in a namespace, without the line's end.
///
/// # Errors
/// [`SysctlError::System`] if the kernel does not know the parameter.
pub fn read(netns: &Netns, key: &str) -> Result<String, SysctlError> {
    let path = path_of(key)?;
    let text = netns.run(|| fs::read_to_string(path))?;
    text.map(|text| text.trim_end().to_owned())
        .map_err(|source| failed(netns, "read".to_owned(), key, source))
}

fn failed(netns: &Netns, operation: String, key: &str, source: io::Error) -> SysctlError {
    SysctlError::System { operation, key: key.to_owned(), namespace: netns.label(), source }
}

fn path_of(key: &str) -> Result<PathBuf, SysctlError> {
    let below = Path::new(key);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if key.is_empty() || !plain {
        return Err(SysctlError::Key { key: key.to_owned() });
    }
    Ok(Path::new("/proc/sys").join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_below_proc_sys() {
        for bad in ["", "/etc/passwd", "../../etc/passwd", "net/../../x"] {
            assert!(matches!(path_of(bad), Err(SysctlError::Key { .. })), "{bad}");
        }
        assert_eq!(path_of("net/ipv4/ip_forward").unwrap(), Path::new("/proc/sys/net/ipv4/ip_forward"));
    }
}
