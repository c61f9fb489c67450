//! The vty socket of an FRR daemon, as vtysh speaks to it: a command ends with a NUL; its answer ends with three NULs and a
//! status byte.

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::EngineError;

/// The longest answer that is read: a daemon gone mad must not take us along.
const LONGEST: usize = 16 << 20;
const END: [u8; 3] = [0; 3];
/// FRR's CMD_SUCCESS.
const SUCCESS: u8 = 0;

/// Asks one question.
pub(super) async fn ask(
    program: &'static str,
    socket: &Path,
    command: &str,
    limit: Duration,
) -> Result<String, EngineError> {
    let silent = |reason: String| EngineError::Silent { program, socket: socket.to_owned(), limit, reason };
    let talk = async {
        let mut stream = UnixStream::connect(socket).await.map_err(|e| silent(e.to_string()))?;
        exchange(&mut stream, "enable").await.map_err(&silent)?;
        let (text, status) = exchange(&mut stream, command).await.map_err(&silent)?;
        if status == SUCCESS {
            Ok(text)
        } else {
            let reason = format!("status {status}: {}", text.trim());
            Err(EngineError::Answer { program, command: command.to_owned(), reason })
        }
    };
    tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| Err(silent("no answer".to_owned())))
}

async fn exchange(stream: &mut UnixStream, command: &str) -> Result<(String, u8), String> {
    let mut question = command.as_bytes().to_vec();
    question.push(0);
    stream.write_all(&question).await.map_err(|e| e.to_string())?;
    let mut answer = Vec::new();
    loop {
        if let Some((text, status)) = complete(&answer) {
            return Ok((String::from_utf8_lossy(text).into_owned(), status));
        }
        if answer.len() > LONGEST {
            return Err(format!("its answer to `{command}` is longer than {LONGEST} bytes"));
        }
        if stream.read_buf(&mut answer).await.map_err(|e| e.to_string())? == 0 {
            return Err("it closed the connection".to_owned());
        }
    }
}

/// Text and status of a whole answer.
fn complete(answer: &[u8]) -> Option<(&[u8], u8)> {
    let (status, rest) = answer.split_last()?;
    rest.strip_suffix(&END).map(|text| (text, *status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_three_nuls_and_a_status() {
        assert_eq!(complete(b"up\n\0\0\0\x02"), Some((&b"up\n"[..], 2)));
        assert_eq!(complete(b"\0\0\0\0"), Some((&b""[..], 0)));
        for part in [&b""[..], b"up", b"up\0\0", b"up\0\0\0"] {
            assert_eq!(complete(part), None, "{part:?}");
        }
    }

    #[tokio::test]
    async fn a_daemon_that_says_nothing_costs_the_limit_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ospfd.vty");
        let _listener = tokio::net::UnixListener::bind(&path).unwrap();
        let error = ask("ospfd", &path, "show version", Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(error, EngineError::Silent { .. }), "{error}");
    }
}
