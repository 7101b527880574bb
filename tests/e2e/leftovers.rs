//! Nothing that a test starts outlives the tests.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::Command;
use std::time::Duration;

use crate::harness::process::{guard_command, scratch, wait_for};

#[test]
fn the_guard_kills_what_runs_and_removes_the_folder_when_its_input_ends() {
    let folder = scratch("guarded").unwrap();
    fs::write(folder.join("file"), "").unwrap();
    let mut sleep = Command::new("sleep");
    let mut running = sleep.arg("1000").process_group(0).spawn().unwrap();
    let mut guard = guard_command(&folder).spawn().unwrap();

    let mut input = guard.stdin.take().unwrap();
    writeln!(input, "run 999999999\nrun {}\nend 999999999", running.id()).unwrap();
    drop(input);

    let limit = Duration::from_secs(10);
    let ended = wait_for("the end of what runs", limit, || {
        running.try_wait().unwrap()
    })
    .unwrap();
    assert_eq!(ended.signal(), Some(9));
    assert!(guard.wait().is_ok() && !folder.exists());
}
