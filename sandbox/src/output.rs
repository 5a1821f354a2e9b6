//! What the program prints. It serves on where its output cannot be written (`| head` has read what
//! it wanted, the disk is full), and does not wait for a reader who is behind.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, TrySendError};
use std::thread;

use zixflow_sandbox::Log;

/// How many texts wait to be printed. Further ones are counted and left out.
const MOST_WAITING: usize = 256;

pub fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Prints what a program was asked for, and returns what to exit with.
pub fn print_only(text: &str) -> std::process::ExitCode {
    match print(text) {
        Ok(()) => return std::process::ExitCode::SUCCESS,
        // Who reads no more wants no reason.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => complain(&format!("standard output: {error}")),
    }
    std::process::ExitCode::FAILURE
}

/// To standard error, or to nobody.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

pub fn log() -> Log {
    let (waiting, texts) = mpsc::sync_channel::<String>(MOST_WAITING);
    let omitted = Arc::new(AtomicUsize::new(0));
    let to_tell = Arc::clone(&omitted);
    thread::spawn(move || {
        for mut text in texts {
            let omitted = to_tell.swap(0, Ordering::Relaxed);
            if omitted > 0 {
                text += &format!("({omitted} more were not printed: nobody read them in time)\n");
            }
            if let Err(error) = print(&text) {
                complain(&format!(
                    "Requests are served, but no longer printed: {error}"
                ));
                return;
            }
        }
    });
    Arc::new(move |text| {
        if let Err(TrySendError::Full(_)) = waiting.try_send(text.to_owned()) {
            omitted.fetch_add(1, Ordering::Relaxed);
        }
    })
}
