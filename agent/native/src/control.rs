//! The control socket: a line of JSON asks, a line of JSON answers: `{"ok": …}` or `{"error": "…"}`.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::oneshot,
    time::timeout,
};

use crate::rare::{Rare, Teller};

/// The longest question, in bytes.
const QUESTION: u64 = 4096;
/// How long a client may take for a question, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Clients at a time; more wait in the socket's queue.
const CLIENTS: usize = 8;

/// A question, and where its answer goes.
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) answer: oneshot::Sender<Result<String, String>>,
}

/// Binds the socket in the place of one that a dead process left.
pub(crate) fn bind(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Passes questions on, until nobody hears them any more. Call it within the runtime.
pub(crate) fn serve(listener: std::os::unix::net::UnixListener, teller: Teller) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(CLIENTS));
    tokio::spawn(async move {
        while let Ok(permit) = std::sync::Arc::clone(&room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let teller = teller.clone();
                    tokio::spawn(async move {
                        talk(stream, &teller).await;
                        drop(permit);
                    });
                }
                // Out of descriptors, most likely: those who talk now will end.
                Err(error) => {
                    tracing::warn!(%error, "cannot take a client of the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(())
}

async fn talk(stream: UnixStream, teller: &Teller) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::with_capacity(512, reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(QUESTION);
        let read = timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await;
        if !matches!(read, Ok(Ok(_))) || line.is_empty() {
            return;
        }
        let complete = line.last() == Some(&b'\n');
        let answer = match String::from_utf8(line) {
            Ok(text) if complete => {
                let (sender, answer) = oneshot::channel();
                if !teller.tell(Rare::Question(Question { text, answer: sender })).await {
                    return;
                }
                let Ok(answer) = answer.await else { return };
                answer
            }
            Ok(_) => Err(format!("a question ends with a newline and has at most {QUESTION} bytes")),
            Err(_) => Err("a question is UTF-8".to_owned()),
        };
        let text = match &answer {
            Ok(json) => format!("{{\"ok\":{json}}}\n"),
            Err(reason) => format!("{}\n", serde_json::json!({ "error": reason })),
        };
        drop(answer);
        let sent = timeout(PATIENCE, writer.write_all(text.as_bytes())).await;
        if !matches!(sent, Ok(Ok(()))) || !complete {
            return;
        }
    }
}
