use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::BenchError;
use crate::program::Program;

/// `perf record` beside the program: where its CPU goes. Stacks by unwinding, since nothing here is built with frame
/// pointers; seldom enough that it costs little.
pub(crate) struct Perf(Child);

impl Perf {
    pub(crate) fn start(file: &Path, program: &Program) -> Result<Self, BenchError> {
        let pids: Vec<String> = program.pids.iter().map(u32::to_string).collect();
        let child = Command::new("perf")
            .args([
                "record",
                "--quiet",
                "--freq",
                "199",
                "--call-graph",
                "dwarf,16384",
                "--pid",
                &pids.join(","),
            ])
            .arg("--output")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| BenchError::Start { what: "perf".to_owned(), source })?;
        Ok(Perf(child))
    }

    /// It writes its file when it is interrupted.
    pub(crate) async fn stop(mut self) -> Result<(), BenchError> {
        let tried = |source| BenchError::Start { what: "kill".to_owned(), source };
        if let Some(pid) = self.0.id() {
            Command::new("kill").args(["-INT", &pid.to_string()]).status().await.map_err(tried)?;
        }
        let status = self.0.wait().await.map_err(tried)?;
        // Interrupted, as it was asked to be: that is no failure, and no success to every version of it either.
        let failed = status.code().is_some_and(|code| code != 0 && code != 130);
        if failed { Err(BenchError::Perf { status: status.to_string() }) } else { Ok(()) }
    }
}
