//! What the kernel knows of processes: `proc(5)`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::BenchError;

/// USER_HZ, the unit of times in `/proc/<pid>/stat`: 100 on every architecture that Rust and Kafka run on.
const TICKS_PER_SECOND: f64 = 100.0;
const POSTGRES: &str = "postgres";
const LISTENING: &str = "0A";

struct Process {
    name: String,
    parent: u32,
    /// Of its own threads.
    own: u64,
    /// Of children that have ended and were waited for.
    ended: u64,
}

/// All processes at one moment.
pub(crate) struct Processes(HashMap<u32, Process>);

impl Processes {
    pub(crate) fn now() -> Self {
        Processes(pids().into_iter().filter_map(|pid| Some((pid, Process::read(pid)?))).collect())
    }

    /// User and system CPU seconds of a process alone.
    pub(crate) fn own_cpu(&self, pid: u32) -> f64 {
        self.0.get(&pid).map_or(0, |process| process.own) as f64 / TICKS_PER_SECOND
    }

    /// The server that this back end of PostgreSQL belongs to. None: it is no process of this machine.
    pub(crate) fn postgres_of(&self, back_end: u32) -> Option<u32> {
        let server = self.0.get(&back_end).filter(|process| process.name == POSTGRES)?.parent;
        self.0.get(&server).filter(|process| process.name == POSTGRES).map(|_| server)
    }

    /// Of a process and of all that it has started, those that have ended included: a connection's back end takes its time
    /// with it, and leaves it to its parent.
    pub(crate) fn tree_cpu(&self, root: u32) -> f64 {
        let belongs = |mut pid: u32| loop {
            if pid == root {
                return true;
            }
            match self.0.get(&pid) {
                Some(process) if process.parent != pid => pid = process.parent,
                _ => return false,
            }
        };
        let members = self.0.iter().filter(|(pid, _)| belongs(**pid));
        members.map(|(_, process)| process.own + process.ended).sum::<u64>() as f64 / TICKS_PER_SECOND
    }
}

impl Process {
    /// None: it is gone.
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name, in parentheses, may hold anything: what counts comes after its last one.
    fn parse(stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Process {
            name: before.split_once('(')?.1.to_owned(),
            parent: u32::try_from(number(1)?).ok()?,
            own: number(11)? + number(12)?,
            ended: number(13)? + number(14)?,
        })
    }
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The most memory that a process has had resident so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64, BenchError> {
    status(pid, "VmHWM:")
}

/// What a process has resident now, in bytes.
pub(crate) fn memory(pid: u32) -> Result<u64, BenchError> {
    status(pid, "VmRSS:")
}

fn status(pid: u32, name: &str) -> Result<u64, BenchError> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|source| BenchError::Process { pid, source })?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) * 1024)
}

/// Who listens on this port of this machine, as far as we may know. Of a family that shares the socket, the parent.
pub(crate) fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let sockets: Vec<String> = tables.iter().flat_map(|table| listening(table, port)).collect();
    let owners: Vec<u32> = pids().into_iter().filter(|pid| has_any(*pid, &sockets)).collect();
    let parent = |pid: u32| Process::read(pid).map(|process| process.parent);
    owners.iter().copied().find(|pid| parent(*pid).is_none_or(|parent| !owners.contains(&parent)))
}

/// Links to the sockets that listen on the port, as they show among open files.
fn listening(table: &str, port: u16) -> Vec<String> {
    let at_port = format!(":{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listens = rows.filter(|row| {
        row.get(1).is_some_and(|local| local.ends_with(&at_port)) && row.get(3) == Some(&LISTENING)
    });
    listens.filter_map(|row| row.get(9).map(|inode| format!("socket:[{inode}]"))).collect()
}

fn has_any(pid: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd"));
    let mut links = files.into_iter().flatten().filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 5 0 0";
        let process = Process::parse(stat).unwrap();
        assert_eq!(process.name, "a) b");
        assert_eq!((process.parent, process.own, process.ended), (3, 33, 77));
    }

    #[test]
    fn a_tree_is_a_process_and_its_descendants() {
        let process = |parent, own, ended| Process { name: "postgres".to_owned(), parent, own, ended };
        let processes = HashMap::from([
            (1, process(0, 1_000, 1_000)),
            (7, process(1, 100, 200)),
            (8, process(7, 300, 0)),
            (9, process(8, 400, 0)),
            (10, process(1, 5_000, 0)),
        ]);
        let processes = Processes(processes);
        assert_eq!((processes.tree_cpu(7), processes.own_cpu(7)), (10.0, 1.0));
        assert_eq!((processes.postgres_of(8), processes.postgres_of(1)), (Some(7), None));
    }

    #[test]
    fn we_find_ourselves() {
        let listener_of_ours = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener_of_ours.local_addr().unwrap().port();
        assert_eq!(listener(port), Some(std::process::id()));
        assert!(peak_memory(std::process::id()).unwrap() > 100_000);
    }
}
