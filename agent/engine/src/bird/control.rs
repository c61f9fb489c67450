//! BIRD's control socket: a line asks, and lines answer, each with a four-digit code; a space behind the code ends the
//! answer, a hyphen does not, and a line that begins with a space goes on with the code before it.

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::EngineError;

/// The longest answer that is read: a daemon gone mad must not take us along.
const LONGEST: usize = 16 << 20;
const PROGRAM: &str = "bird";

/// Asks some questions, one after the other; gives as many answers, bare of codes. Errors of BIRD (codes 8000 and 9000) are
/// errors.
pub(super) async fn ask(
    socket: &Path,
    questions: &[&str],
    limit: Duration,
) -> Result<Vec<String>, EngineError> {
    let silent =
        |reason: String| EngineError::Silent { program: PROGRAM, socket: socket.to_owned(), limit, reason };
    let talk = async {
        let mut stream = UnixStream::connect(socket).await.map_err(|e| silent(e.to_string()))?;
        // It greets first.
        read_answer(&mut stream).await.map_err(&silent)?;
        let mut answers = Vec::new();
        for question in questions {
            stream.write_all(format!("{question}\n").as_bytes()).await.map_err(|e| silent(e.to_string()))?;
            let (code, text) = read_answer(&mut stream).await.map_err(&silent)?;
            if code >= 8000 {
                return Err(EngineError::Answer {
                    program: PROGRAM,
                    command: (*question).to_owned(),
                    reason: format!("{code:04} {}", text.trim()),
                });
            }
            answers.push(text);
        }
        Ok(answers)
    };
    tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| Err(silent("no answer".to_owned())))
}

async fn read_answer(stream: &mut UnixStream) -> Result<(u16, String), String> {
    let mut bytes = Vec::new();
    loop {
        if bytes.last() == Some(&b'\n')
            && let Some(answer) = complete(&String::from_utf8_lossy(&bytes))
        {
            return Ok(answer);
        }
        if bytes.len() > LONGEST {
            return Err(format!("its answer is longer than {LONGEST} bytes"));
        }
        if stream.read_buf(&mut bytes).await.map_err(|e| e.to_string())? == 0 {
            return Err("it closed the connection".to_owned());
        }
    }
}

/// A line's code, whether it ends the answer, and its text.
fn split(line: &str) -> Option<(u16, bool, &str)> {
    let code = line.get(..4).filter(|code| code.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
    match line.as_bytes().get(4) {
        Some(b' ') => Some((code, true, &line[5..])),
        Some(b'-') => Some((code, false, &line[5..])),
        None => Some((code, true, "")),
        Some(_) => None,
    }
}

/// The last line's code and all text, once the answer has ended.
fn complete(text: &str) -> Option<(u16, String)> {
    let mut answer = String::new();
    for line in text.lines() {
        let (end, content) = match split(line) {
            Some((code, end, content)) => (end.then_some(code), content),
            None => (None, line.strip_prefix(' ').unwrap_or(line)),
        };
        answer.push_str(content);
        answer.push('\n');
        if let Some(code) = end {
            return Some((code, answer));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_ends_with_a_space_behind_the_code() {
        let table = "1013-ospf1:\n Router ID\n 100.64.0.2\n0000 \n";
        assert_eq!(complete(table), Some((0, "ospf1:\nRouter ID\n100.64.0.2\n\n".to_owned())));
        assert_eq!(complete("1013-ospf1:\n Router ID\n"), None);
        assert_eq!(complete("9001 syntax error\n").map(|(code, _)| code), Some(9001));
    }

    proptest! {
        #[test]
        fn nothing_that_bird_says_makes_us_panic(text in "\\PC{0,200}", line in "[0-9 -]{0,8}\\PC{0,9}\n") {
            complete(&text);
            complete(&line);
        }
    }

    #[tokio::test]
    async fn a_daemon_that_says_nothing_costs_the_limit_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bird.ctl");
        let _listener = tokio::net::UnixListener::bind(&path).unwrap();
        let error = ask(&path, &["show status"], Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(error, EngineError::Silent { .. }), "{error}");
    }
}
