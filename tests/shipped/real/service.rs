//! A server or proxy that others wrote, started for one test as whoever runs it, and ended with it.

use std::env;
use std::fs::{self, File, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use support::c::require_tool;

/// Longer than any of them takes to start, on a machine that has much else to do.
const START: Duration = Duration::from_secs(20);

/// How long one may take to end by itself.
const END: Duration = Duration::from_secs(5);

/// Where a program is that may be missing: `None` skips the test, except in CI.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    // Where distributions put servers and what belongs to them, and no ordinary user looks.
    let others = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/lib/squid",
        "/usr/lib64",
        &multiarch,
    ];
    let found = env::split_paths(&path)
        .chain(others.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        require_tool(name);
    }
    found
}

/// Where a service keeps its files, and the loopback ports that it has.
pub struct Place {
    directory: TempDir,
    ports: Vec<u16>,
}

impl Place {
    fn new(ports: usize) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A server that root starts gives its rights up, and still writes there.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).expect("it is ours");
        let listeners: Vec<_> = (0..ports)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"))
            .collect();
        let ports = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").port())
            .collect();
        Place { directory, ports }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub fn address(&self, index: usize) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[index]).into()
    }

    /// Writes a file of whole lines.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("{}\n", text.trim())).expect("the directory is writable");
        path
    }

    /// What is in a file that the service writes; nothing, where there is none yet.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The file that has what a service printed.
pub const OUTPUT: &str = "output";

pub struct Service {
    pub place: Place,
    process: Child,
}

impl Service {
    /// Runs the command that `configure` makes, which must stay in the foreground, and waits until
    /// each of its `ports` is listened at.
    pub fn start(ports: usize, configure: impl Fn(&Place) -> Command) -> Self {
        let mut last_words = String::new();
        // Somebody else may take a port before the service does.
        for _ in 0..3 {
            let place = Place::new(ports);
            let mut command = configure(&place);
            let process = spawn(&mut command, &place);
            let mut service = Service { place, process };
            if service.comes_up() {
                return service;
            }
            last_words = format!("{command:?}: {}", service.place.read(OUTPUT));
        }
        panic!("it does not start: {last_words}");
    }

    fn comes_up(&mut self) -> bool {
        let started = Instant::now();
        for index in 0..self.place.ports.len() {
            while TcpStream::connect(self.place.address(index)).is_err() {
                if self.has_ended() || started.elapsed() > START {
                    return false;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        !self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        let status = self.process.try_wait().expect("a child can be waited for");
        status.is_some()
    }

    /// Signals the service and all that it started.
    fn signal(&self, signal: i32) {
        let group = i32::try_from(self.process.id()).expect("a process id");
        // SAFETY: no memory is involved; the group is that of a child that was not waited for.
        unsafe { libc::kill(-group, signal) };
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let started = Instant::now();
        if !self.has_ended() {
            self.signal(libc::SIGTERM);
        }
        while !self.has_ended() {
            if started.elapsed() > END {
                self.signal(libc::SIGKILL);
            }
            thread::sleep(Duration::from_millis(5));
        }
        if thread::panicking() {
            eprintln!("it printed:\n{}", self.place.read(OUTPUT));
        }
    }
}

fn spawn(command: &mut Command, place: &Place) -> Child {
    let output = File::create(place.path(OUTPUT)).expect("the directory is writable");
    let errors = output.try_clone().expect("a descriptor");
    command
        .current_dir(place.directory())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    // SAFETY: a single system call, between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A test that is killed takes its services along.
            match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}
