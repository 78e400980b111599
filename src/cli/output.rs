//! Lines on standard output and standard error. A reader that has gone away is no error.

use std::io::{self, ErrorKind, Write};

/// Prints text and a line break to standard output.
///
/// # Errors
/// It cannot be written, but for a closed pipe.
pub fn say(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), text)
}

/// Prints text and a line break to standard error; if that fails there is nobody left to tell.
pub fn complain(text: &str) {
    let _ = write(io::stderr().lock(), text);
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
