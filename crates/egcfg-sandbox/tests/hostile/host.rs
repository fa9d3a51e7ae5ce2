//! The host as the suite sees it: what must be the same after hostile programs as before. Other people's processes and
//! files come and go on a machine, so everything is tied to this process: its descendants (a process that loses its
//! parent comes to this one), its descriptors, files with its mark, objects of the uids that programs get.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common;

/// Uids that only sandboxed programs have.
const UIDS: u32 = 0x4000_0000;

/// What stands around the sandbox for programs to find: files, services, secrets.
pub(crate) struct Host {
    root: tempfile::TempDir,
    pub(crate) mark: String,
    pub(crate) secret: String,
    tcp: TcpListener,
    udp: UdpSocket,
    stream: UnixListener,
    in_files: UnixListener,
    datagram: UnixDatagram,
    /// As the system's log has one: anybody may write to it.
    log: UnixDatagram,
}

/// The names of files and what is known of each.
type Files = BTreeMap<PathBuf, String>;

/// One look at the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    processes: usize,
    descriptors: usize,
    run_entries: usize,
    sentinels: Files,
    marked: BTreeSet<PathBuf>,
    objects: BTreeSet<String>,
    listening: BTreeSet<String>,
}

impl Host {
    /// Sets everything up. `home` is this process's own, with the secrets in it.
    pub(crate) fn new(home: &Path, secret: &str) -> Self {
        let root = tempfile::tempdir_in("/var/tmp").or_else(|_| tempfile::tempdir()).expect("a directory");
        // As open as can be: what protects these files is not their mode.
        set_mode(root.path(), 0o777);
        let sentinel = root.path().join("sentinel");
        std::fs::write(&sentinel, "untouched").expect("a sentinel");
        set_mode(&sentinel, 0o666);
        std::fs::create_dir(root.path().join("empty")).expect("a directory");
        set_mode(&root.path().join("empty"), 0o777);
        for name in [".ssh/id_ed25519", ".cache/huggingface/token", ".netrc"] {
            let path = home.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(&path, secret).expect("a secret");
            set_mode(&path, 0o644);
        }
        let mark = format!("egcfg-hostile-{}", std::process::id());
        let stream = SocketAddr::from_abstract_name(format!("{mark}-stream")).expect("a name");
        let datagram = SocketAddr::from_abstract_name(format!("{mark}-datagram")).expect("a name");
        let in_files = UnixListener::bind(root.path().join("socket")).expect("a socket");
        set_mode(&root.path().join("socket"), 0o777);
        let log = UnixDatagram::bind(root.path().join("log")).expect("a socket");
        set_mode(&root.path().join("log"), 0o777);
        // Where the file system has attributes.
        let _ =
            rustix::fs::setxattr(&sentinel, "user.egcfg", secret.as_bytes(), rustix::fs::XattrFlags::empty());
        let host = Self {
            mark,
            secret: secret.to_owned(),
            tcp: TcpListener::bind("127.0.0.1:0").expect("a port"),
            udp: UdpSocket::bind("127.0.0.1:0").expect("a port"),
            stream: UnixListener::bind_addr(&stream).expect("a name"),
            datagram: UnixDatagram::bind_addr(&datagram).expect("a name"),
            in_files,
            log,
            root,
        };
        for result in [
            host.tcp.set_nonblocking(true),
            host.udp.set_nonblocking(true),
            host.stream.set_nonblocking(true),
            host.in_files.set_nonblocking(true),
            host.datagram.set_nonblocking(true),
            host.log.set_nonblocking(true),
        ] {
            result.expect("a socket that does not block");
        }
        host
    }

    /// Puts this host's names in place of the placeholders of a program.
    pub(crate) fn fill(&self, text: &str, home: &Path) -> String {
        let port = self.tcp.local_addr().expect("an address").port().to_string();
        let udp = self.udp.local_addr().expect("an address").port().to_string();
        let pid = std::process::id().to_string();
        let (stream, datagram) = (format!("{}-stream", self.mark), format!("{}-datagram", self.mark));
        [
            ("@SENTINELS@", self.root.path().to_str().expect("a plain path")),
            ("@HOME@", home.to_str().expect("a plain path")),
            ("@MARK@", &self.mark),
            ("@SUPERVISOR@", &pid),
            ("@PORT@", &port),
            ("@UDP@", &udp),
            ("@ABSTRACT@", &stream),
            ("@DATAGRAM@", &datagram),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    pub(crate) fn sentinels(&self) -> &Path {
        self.root.path()
    }

    /// Looks at everything now.
    pub(crate) fn look(&self, home: &Path) -> Look {
        let descendants = common::descendants(std::process::id());
        let mut sentinels = Files::new();
        walk(self.root.path(), &mut sentinels);
        for name in [".ssh", ".cache", ".netrc"] {
            walk(&home.join(name), &mut sentinels);
        }
        Look {
            processes: descendants.len(),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            run_entries: run_entries_in_use(&std::env::temp_dir()),
            sentinels,
            marked: marked(&self.mark),
            objects: objects(&self.mark),
            listening: listening(&descendants),
        }
    }

    /// Looks until nothing has changed for a while.
    pub(crate) async fn rest(&self, home: &Path) -> Look {
        let (mut last, mut since) = (self.look(home), Instant::now());
        while since.elapsed() < Duration::from_millis(700) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.look(home);
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        last
    }

    /// Waits until nothing is left of what ran, and says how long that took, or what still differs. It takes less than a
    /// second on a quiet machine; the patience is for one where removing a few thousand files takes seconds.
    pub(crate) async fn compare(&self, before: &Look, home: &Path) -> Result<Duration, String> {
        let started = Instant::now();
        loop {
            let now = self.look(home);
            let Some(difference) = before.difference(&now) else { break };
            if started.elapsed() > Duration::from_secs(10) {
                return Err(difference);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.visited().map_or(Ok(started.elapsed()), Err)
    }

    /// Whether anything has reached one of the services.
    fn visited(&self) -> Option<String> {
        let mut byte = [0; 8];
        let reached = [
            ("the TCP port", self.tcp.accept().map(drop)),
            ("the UDP port", self.udp.recv(&mut byte).map(drop)),
            ("the abstract socket", self.stream.accept().map(drop)),
            ("the socket in the file system", self.in_files.accept().map(drop)),
            ("the datagram socket", self.datagram.recv(&mut byte).map(drop)),
            ("the log's socket", self.log.recv(&mut byte).map(drop)),
        ];
        let mut reached = reached.into_iter();
        reached
            .find(|(_, result)| !matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock))
            .map(|(name, _)| format!("somebody reached {name}"))
    }
}

impl Look {
    /// What is more, or other, than before.
    fn difference(&self, now: &Self) -> Option<String> {
        for (what, before, after) in [
            ("processes", self.processes, now.processes),
            ("descriptors of the supervisor", self.descriptors, now.descriptors),
            ("work directories in use", self.run_entries, now.run_entries),
        ] {
            if after > before {
                return Some(format!("{after} {what}, {before} before"));
            }
        }
        if self.sentinels != now.sentinels {
            return Some(format!("sentinels: {:?} before, {:?} now", self.sentinels, now.sentinels));
        }
        let sets = [
            ("files", now.marked.difference(&self.marked).map(|path| path.display().to_string()).next()),
            ("System V objects or keys", now.objects.difference(&self.objects).next().cloned()),
            ("listening sockets", now.listening.difference(&self.listening).next().cloned()),
        ];
        sets.into_iter().find_map(|(what, one)| one.map(|one| format!("new {what}: {one}")))
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

fn walk(path: &Path, into: &mut Files) {
    let known = std::fs::symlink_metadata(path).map_or_else(
        |error| error.to_string(),
        |data| {
            let content = if data.is_file() { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
            let content = String::from_utf8_lossy(&content).into_owned();
            let (mode, links, owner) = (data.mode(), data.nlink(), data.uid());
            format!("{mode:o} {links} {owner} {}.{} {content}", data.mtime(), data.mtime_nsec())
        },
    );
    into.insert(path.to_owned(), known);
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        walk(&entry.path(), into);
    }
}

/// Work directories of all sandboxes that keep theirs under `temporary`.
pub(crate) fn run_entries(temporary: &Path) -> usize {
    entries_of_runs(temporary).count()
}

fn entries_of_runs(temporary: &Path) -> impl Iterator<Item = PathBuf> {
    let children =
        |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let bases = children(temporary.to_owned()).filter(|path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"egcfg-sandbox-"))
    });
    bases.flat_map(children).flat_map(children)
}

/// Those that hold something. An empty work directory is kept for a later program, so their number says nothing.
fn run_entries_in_use(temporary: &Path) -> usize {
    let empty = |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    entries_of_runs(temporary).filter(|path| !empty(path)).count()
}

/// Files where everybody may leave some, that have the mark or belong to a program's uid.
fn marked(mark: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for place in ["/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/var/lock", "/root", "/home"] {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let named = entry.file_name().to_string_lossy().contains(mark);
            if named || entry.metadata().is_ok_and(|data| data.uid() >= UIDS) {
                found.insert(entry.path());
            }
        }
    }
    found
}

/// System V objects and keys of programs, by their uids, their key or the mark.
fn objects(mark: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["sysvipc/shm", "sysvipc/msg", "sysvipc/sem", "keys"] {
        let text = std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default();
        for line in text.lines().skip(usize::from(name != "keys")) {
            let key = line.split_ascii_whitespace().next() == Some("1701274470");
            if key || line.contains(mark) {
                found.insert(format!("{name}: {line}"));
            }
        }
    }
    found
}

/// Sockets that descendants listen on, in any namespace that this process can see.
fn listening(descendants: &[u32]) -> BTreeSet<String> {
    let mut inodes = BTreeMap::new();
    for (name, state) in [("tcp", Some("0A")), ("tcp6", Some("0A")), ("udp", None), ("udp6", None)] {
        let text = std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            if fields.len() > 9 && state.is_none_or(|state| fields[3] == state) {
                inodes.insert(format!("socket:[{}]", fields[9]), format!("{name} {}", fields[1]));
            }
        }
    }
    let mut found = BTreeSet::new();
    for pid in descendants {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            found.extend(inodes.get(target.to_string_lossy().as_ref()).cloned());
        }
    }
    found
}
