use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Polls until there is a value; says what was missing after a minute.
pub(crate) fn wait_for<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A name for a root of this test alone, which nothing has yet.
pub(crate) fn root(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("minuet-stack-{}-{test}", std::process::id()))
}

/// A process, told from a later one of the same number by its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pid: u32,
    parent: u32,
    name: String,
    started: String,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        // A zombie holds nothing any more.
        let lives = fields[0] != "Z";
        lives.then(|| Self {
            pid,
            parent: fields[1].parse().unwrap(),
            name: before.split_once('(').unwrap().1.to_owned(),
            started: fields[19].to_owned(),
        })
    }

    pub(crate) fn lives(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.started == self.started)
    }
}

/// Everything below a process, found without the stack's help.
pub(crate) fn descendants(of: u32) -> Vec<Process> {
    let all = processes();
    let mut found = BTreeSet::from([of]);
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|p| found.contains(&p.parent) && !found.contains(&p.pid))
            .map(|p| p.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    all.into_iter().filter(|p| p.pid != of && found.contains(&p.pid)).collect()
}

/// Everything that works in a folder below this one; a server's processes do.
pub(crate) fn processes_in(folder: &Path) -> Vec<Process> {
    let works_there = |pid: u32| {
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
        cwd.is_ok_and(|cwd| cwd.starts_with(folder))
    };
    processes().into_iter().filter(|process| works_there(process.pid)).collect()
}

fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let numbers = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    numbers.filter_map(Process::read).collect()
}

pub(crate) fn assert_all_end(processes: &[Process]) {
    wait_for(&format!("the end of {processes:?}"), || processes.iter().all(|p| !p.lives()).then_some(()));
}

/// Asks PostgreSQL as the services do.
pub(crate) fn ask(url: &str, statement: &str) -> Result<String, String> {
    let answer = Command::new("psql").args(["-X", "-A", "-t", "-q", url, "-c", statement]).output().unwrap();
    if answer.status.success() {
        Ok(String::from_utf8(answer.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(answer.stderr).unwrap())
    }
}

/// One request to the registry, which may be repeated; the body of a success.
pub(crate) fn request(base: &str, method: &str, path: &str, body: &str) -> String {
    let (address, prefix) = base.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let length = body.len();
    let request = format!(
        "{method} /{prefix}{path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    // A registry on a busy machine now and then closes a connection without an answer, as any HTTP server may.
    let mut last = None;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        match answer(address, &request) {
            Ok((head, body)) if head.lines().next().is_some_and(|status| status.contains(" 200")) => {
                return body;
            }
            Ok((head, body)) => panic!("{head}\n\n{body}"),
            Err(error) => last = Some(error),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{address} gave no answer, at last: {last:?}");
}

/// Head and body of the answer.
fn answer(address: &str, request: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned()));
    parts.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::UnexpectedEof, answer))
}

pub(crate) fn assert_gone(path: &Path) {
    assert!(std::fs::symlink_metadata(path).is_err(), "{} is still there", path.display());
}

/// A result whose success cannot be printed.
pub(crate) fn error<T, E: Debug>(result: Result<T, E>) -> E {
    match result {
        Ok(_) => panic!("succeeded against expectation"),
        Err(error) => error,
    }
}
