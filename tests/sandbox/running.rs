//! The sandbox as a program of its own, which ends with the test, however that ends.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let program = command.stdout(Stdio::piped()).spawn();
        Self(program.expect("the sandbox runs"))
    }

    /// What it prints, to be asked for once.
    pub fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().expect("it is piped")).lines()
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
