//! Frames on the wire: four bytes that tell a length, most significant first, then so many bytes of JSON.
//!
//! Both sides bound the length before anything is kept, and the time from a frame's first byte to its last.

use std::io;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Longest question, in bytes.
pub const QUESTION_LIMIT: usize = 4 * 1024;
/// Longest answer, in bytes.
pub const ANSWER_LIMIT: usize = 1024 * 1024;
/// Time from a frame's first byte to its last, each way.
pub const FRAME_TIME: Duration = Duration::from_secs(5);

/// Why a frame cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side hung up between two frames.
    #[error("the other side hung up")]
    Ended,
    /// Nothing came.
    #[error("nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    /// It began and did not end.
    #[error("a frame was not complete within {} s", FRAME_TIME.as_secs())]
    Slow,
    /// Nobody takes what is sent.
    #[error("a frame was not taken within {} s", FRAME_TIME.as_secs())]
    Untaken,
    /// It is longer than allowed.
    #[error("a frame of {length} bytes; at most {most} are allowed")]
    Oversize {
        /// What it says of itself.
        length: u32,
        /// What is allowed.
        most: usize,
    },
    /// It is not one of ours.
    #[error("not a frame of this protocol: {0}")]
    Malformed(serde_json::Error),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
}

/// Reads one frame of at most `most` bytes, whose first byte comes within `patience`.
pub async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    most: usize,
    patience: Duration,
) -> Result<T, FrameError> {
    let mut head = [0; 4];
    match timeout(patience, stream.read(&mut head[..1])).await {
        Err(_) => return Err(FrameError::Silent(patience)),
        Ok(Ok(0)) => return Err(FrameError::Ended),
        Ok(Ok(_)) => {}
        // Between two frames the way of hanging up does not matter.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(FrameError::Ended),
        Ok(Err(error)) => return Err(FrameError::Broken(error)),
    }
    let rest = async {
        stream.read_exact(&mut head[1..]).await.map_err(FrameError::Broken)?;
        let length = u32::from_be_bytes(head);
        let fits = usize::try_from(length).ok().filter(|length| *length <= most);
        let Some(fits) = fits else { return Err(FrameError::Oversize { length, most }) };
        let mut body = vec![0; fits];
        stream.read_exact(&mut body).await.map_err(FrameError::Broken)?;
        serde_json::from_slice(&body).map_err(FrameError::Malformed)
    };
    timeout(FRAME_TIME, rest).await.unwrap_or(Err(FrameError::Slow))
}

/// Writes one frame of at most `most` bytes.
pub async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    most: usize,
    frame: &impl Serialize,
) -> Result<(), FrameError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame).map_err(FrameError::Malformed)?;
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    if bytes.len() - 4 > most {
        return Err(FrameError::Oversize { length, most });
    }
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    let sent = async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    };
    timeout(FRAME_TIME, sent).await.map_err(|_| FrameError::Untaken)?.map_err(FrameError::Broken)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn read_of(bytes: &[u8]) -> Result<u32, FrameError> {
        let (mut ours, mut theirs) = duplex(64);
        ours.write_all(bytes).await.unwrap();
        drop(ours);
        read(&mut theirs, 8, PATIENCE).await
    }

    #[tokio::test]
    async fn a_frame_is_read_as_it_was_written() {
        let (mut ours, mut theirs) = duplex(64);
        write(&mut ours, 8, &12_345_678).await.unwrap();
        assert_eq!(read::<u32>(&mut theirs, 8, PATIENCE).await.unwrap(), 12_345_678);
        let long = write(&mut ours, 8, &123_456_789).await.unwrap_err();
        assert!(matches!(long, FrameError::Oversize { length: 9, most: 8 }), "{long}");
    }

    #[tokio::test]
    async fn what_is_too_long_broken_off_or_not_ours_is_told_apart() {
        assert!(matches!(read_of(b"").await, Err(FrameError::Ended)));
        assert!(matches!(read_of(b"\0\0\0").await, Err(FrameError::Broken(_))));
        assert!(matches!(read_of(b"\0\0\0\x02x").await, Err(FrameError::Broken(_))));
        assert!(matches!(read_of(b"\0\0\0\x02xx").await, Err(FrameError::Malformed(_))));
        assert!(matches!(read_of(b"\0\0\0\0").await, Err(FrameError::Malformed(_))));
        // Nothing of it is waited for or kept.
        let huge = read_of(b"\xff\xff\xff\xff").await;
        assert!(matches!(huge, Err(FrameError::Oversize { length: u32::MAX, most: 8 })));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_without_end() {
        let (mut ours, mut theirs) = duplex(8);
        assert!(matches!(read::<u32>(&mut theirs, 8, PATIENCE).await, Err(FrameError::Silent(_))));
        ours.write_all(b"\0\0").await.unwrap();
        assert!(matches!(read::<u32>(&mut theirs, 8, PATIENCE).await, Err(FrameError::Slow)));
        let text = "x".repeat(60);
        assert!(matches!(write(&mut ours, 64, &text).await, Err(FrameError::Untaken)));
    }
}
