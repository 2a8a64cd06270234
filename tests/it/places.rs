//! Files that cannot be written, or only in place: known before the first poll, nothing lost.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{
    program::{Ended, Program, has},
    server::{Server, instance, pending, ready},
};

const OPTIONS: [&str; 3] = ["--output-file", "--report", "--summary"];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Any user that a test runs as has access.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns whether this process can mount, and make files of other users.
fn is_root_with_mounts() -> bool {
    let unshare = || Command::new("unshare").args(["-m", "true"]).status();
    let can = is_root() && unshare().is_ok_and(|ended| ended.success());
    has("root on Linux, for files of other users and for mounts", can)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Fails before the first poll, with exit code 1, naming `path`, and changes nothing there.
#[track_caller]
fn assert_refused(ended: &Ended, server: &Server, path: &Path) {
    ended.assert(1, "").says("cannot write the ").says(path.to_str().unwrap());
    ended.never_says(".wait-ready-");
    assert_eq!(server.count(), 0, "polled: {ended:#?}");
}

/// Runs the program after the shell script `setup` in a mount namespace; `$F` is the folder.
fn in_mounts(program: Program, folder: &Path, setup: &str) -> Ended {
    let script = format!("{setup}\nexec \"$@\"");
    let mount = ["unshare", "-m", "--propagation", "private", "sh", "-ec", &script, "sh"];
    program.through(&mount).env("F", folder).run()
}

#[test]
fn what_the_folder_or_the_file_forbids_is_known_before_the_first_poll() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    for (name, mode) in [("closed", 0o555), ("sticky", 0o1777), ("open", 0o777)] {
        fs::create_dir(at(name)).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    for file in ["closed/old", "sticky/old", "open/old"] {
        fs::write(at(file), "old").unwrap();
        fs::set_permissions(at(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let server = Server::playing([ready()]);
    for (place, blamed) in
        [("closed/new", "closed"), ("closed/old", "closed/old"), ("sticky/old", "sticky/old")]
    {
        for option in OPTIONS {
            let path = at(place);
            let program = Program::asking(&server, &[option, path.to_str().unwrap()]);
            assert_refused(&program.running_as_nobody().run(), &server, &at(blamed));
        }
    }
    assert_eq!(fs::read_to_string(at("sticky/old")).unwrap(), "old");
    // A read-only file that may be replaced is no reason to refuse.
    let path = at("open/old");
    let program = Program::asking(&server, &["--output-file", path.to_str().unwrap()]);
    program.running_as_nobody().run().assert(0, "");
    assert_eq!(fs::read_to_string(&path).unwrap(), "203.0.113.42\n");
    assert_eq!(
        (names(&at("open")), names(&at("sticky"))),
        (vec!["old".into()], vec!["old".into()])
    );
}

#[test]
fn a_writable_file_in_a_folder_that_is_not_is_written_in_place() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    for option in ["--output-file", "--report"] {
        let path = folder.path().join("mine");
        fs::write(&path, "old, and much longer than the new one ".repeat(40)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let server = Server::playing([ready()]);
        let program = Program::asking(&server, &[option, path.to_str().unwrap()]);
        assert_eq!(program.running_as_nobody().run().code(), Some(0));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("203.0.113.42") && !text.contains("old"), "{text}");
    }
}

#[test]
fn a_read_only_file_system_is_known_before_the_first_poll() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    let server = Server::playing([ready()]);
    let setup = "mount -t tmpfs none \"$F\"; echo old > \"$F\"/old; mount -o remount,ro \"$F\"";
    for name in ["old", "new"] {
        for option in OPTIONS {
            let path = folder.path().join(name);
            let program = Program::asking(&server, &[option, path.to_str().unwrap()]);
            assert_refused(&in_mounts(program, folder.path(), setup), &server, folder.path());
        }
    }
}

#[test]
fn a_file_mounted_read_only_is_known_before_the_first_poll() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    let server = Server::playing([ready()]);
    fs::write(folder.path().join("file"), "old").unwrap();
    let setup = "mount --bind \"$F\"/file \"$F\"/file; mount -o remount,ro,bind \"$F\"/file";
    for option in OPTIONS {
        let path = folder.path().join("file");
        let program = Program::asking(&server, &[option, path.to_str().unwrap()]);
        assert_refused(&in_mounts(program, folder.path(), setup), &server, &path);
    }
}

#[test]
fn an_immutable_file_and_one_that_can_only_grow_are_known_before_the_first_poll() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("file");
    let chattr = |change: &str, path: &Path| {
        Command::new("chattr")
            .arg(change)
            .arg(path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    let server = Server::playing([ready()]);
    for (attribute, options) in [("i", &OPTIONS[..]), ("a", &OPTIONS[..2])] {
        fs::write(&path, "old").unwrap();
        let is_set = chattr(&format!("+{attribute}"), &path);
        if !has("a file system with attributes, and the right to set them", is_set) {
            return;
        }
        let runs: Vec<Ended> = options
            .iter()
            .map(|option| Program::asking(&server, &[option, path.to_str().unwrap()]).run())
            .collect();
        let text = fs::read_to_string(&path).unwrap();
        assert!(chattr(&format!("-{attribute}"), &path));
        assert_eq!(text, "old");
        for ended in runs {
            assert_refused(&ended, &server, &path);
        }
    }
}

#[test]
fn a_working_directory_that_is_gone_is_known_before_the_first_poll() {
    let server = Server::playing([ready()]);
    for option in OPTIONS {
        let program = Program::asking(&server, &[option, "relative"]);
        let gone = "d=$(mktemp -d) && cd \"$d\" && rmdir \"$d\" && exec \"$@\"";
        let ended = program.through(&["sh", "-c", gone, "sh"]).run();
        ended.assert(1, "").says("cannot write the ");
        assert_eq!(server.count(), 0);
    }
}

#[test]
fn invalid_file_names_are_reported_before_the_first_poll() {
    let folder = folder();
    let server = Server::playing([ready()]);
    fs::write(folder.path().join("file"), "").unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    symlink("missing/file", folder.path().join("dangling")).unwrap();
    for name in [&"x".repeat(300), "folder/", "file/", "file/below", "loop/x"] {
        for option in OPTIONS {
            let path = format!("{}/{name}", folder.path().display());
            let ended = Program::asking(&server, &[option, &path]).run();
            assert_refused(&ended, &server, folder.path());
        }
    }
    for path in ["/dev/fd/77", &format!("{}/dangling", folder.path().display())] {
        let ended = Program::asking(&server, &["--summary", path]).run();
        ended.assert(1, "").says("cannot write the summary");
    }
    assert_eq!(server.count(), 0);
    assert_eq!(names(folder.path()), ["dangling", "file", "loop"]);
}

#[test]
fn a_check_does_not_change_an_existing_file() {
    let folder = folder();
    let path = folder.path().join("file");
    let server = Server::playing([instance("stopped", "")]);
    fs::write(&path, "old").unwrap();
    let before = path.metadata().unwrap().modified().unwrap();
    Program::asking(&server, &["--output-file", path.to_str().unwrap()]).run().assert(3, "");
    assert_eq!(path.metadata().unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["file"]);
}

/// Writes a file that is a mount point, as with Kubernetes' subPath; returns its content afterwards.
fn on_a_mount_point(option: &str, server: &Server, more: &[&str]) -> (Ended, String) {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("inside"), "old, and much longer than the new one ".repeat(200)).unwrap();
    fs::write(at("outside"), "old, and much longer than the new one ".repeat(200)).unwrap();
    let path = at("inside").to_str().unwrap().to_owned();
    let program = Program::asking(server, &[&[option, path.as_str()], more].concat());
    let ended = in_mounts(program, folder.path(), "mount --bind \"$F\"/outside \"$F\"/inside");
    assert_eq!(names(folder.path()), ["inside", "outside"]);
    (ended, fs::read_to_string(at("outside")).unwrap())
}

#[test]
fn a_result_on_a_mount_point_is_written_in_place() {
    if !is_root_with_mounts() {
        return;
    }
    let server = Server::playing([pending(), ready()]);
    let (ended, text) = on_a_mount_point("--output-file", &server, &[]);
    ended.assert(0, "");
    assert_eq!(text, "203.0.113.42\n");
}

#[test]
fn a_failure_leaves_a_result_on_a_mount_point_as_it_was() {
    if !is_root_with_mounts() {
        return;
    }
    let server = Server::playing([instance("stopped", "")]);
    let (ended, text) = on_a_mount_point("--output-file", &server, &[]);
    ended.assert(3, "");
    assert!(text.starts_with("old, and") && text.ends_with("new one "), "{text}");
}

#[test]
fn a_report_on_a_mount_point_has_at_most_4096_bytes_and_the_verdict() {
    if !is_root_with_mounts() {
        return;
    }
    let fleet: Vec<String> = (0..40).map(|number| format!("inst_{number}")).collect();
    let fleet: Vec<&str> = fleet.iter().map(String::as_str).collect();
    let simulated = [&["--simulate=ready"], &fleet[..]].concat();
    let server = Server::playing([ready()]);
    let (ended, text) = on_a_mount_point("--report", &server, &simulated);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(text.len() <= 4_096 && text.ends_with("}\n"), "{}: {text}", text.len());
    assert_eq!((&report["id"], &report["exit_code"]), (&"inst_abc".into(), &0.into()));
    assert_eq!(report["left_out"], serde_json::json!(["instances"]));

    let flaps = |number: usize, _: &_| match number {
        120.. => instance("stopped", ""),
        n if n % 2 == 0 => pending(),
        _ => instance("provisioning", ""),
    };
    let (ended, text) = on_a_mount_point("--report", &Server::responding(flaps), &[]);
    ended.assert(3, "");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(text.len() <= 4_096, "{}: {text}", text.len());
    assert_eq!((&report["status"], &report["outcome"]), (&"stopped".into(), &"failed".into()));
    assert!(report["message"].as_str().unwrap().contains("is stopped"), "{report}");
    let transitions = report["transitions"].as_array().unwrap();
    assert_eq!(transitions.last().unwrap()["status"], "stopped");
}

#[test]
fn a_report_that_can_be_replaced_has_no_size_limit() {
    let folder = folder();
    let path: PathBuf = folder.path().join("report");
    let fleet: Vec<String> = (0..40).map(|number| format!("inst_{number}")).collect();
    let options = ["--simulate=ready", "--report", path.to_str().unwrap()];
    let words = fleet.iter().map(String::as_str).chain(options);
    assert_eq!(Program::new(words).run().code(), Some(0));
    let report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["instances"].as_array().unwrap().len(), 40);
    assert!(report.get("left_out").is_none(), "{report}");
}

#[test]
fn a_full_disk_does_not_damage_the_old_result() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("ip");
    let server = Server::playing([ready()]);
    let copy = folder.path().with_extension("seen");
    // The program runs under the shell, so that the content of the full disk can be checked.
    let setup = "mount -t tmpfs -o size=8k none \"$F\"; echo old > \"$F\"/ip
        cat /dev/zero > \"$F\"/fill 2>/dev/null || true
        trap 'cp \"$F\"/ip \"$F\".seen; ls -A \"$F\" > \"$F\".names' EXIT; \"$@\"; exit";
    let program = Program::asking(&server, &["--output-file", path.to_str().unwrap()]);
    let ended = in_mounts(program, folder.path(), setup);
    let (text, left) = (fs::read_to_string(&copy).unwrap(), folder.path().with_extension("names"));
    let names = fs::read_to_string(&left).unwrap();
    fs::remove_file(copy).unwrap();
    fs::remove_file(left).unwrap();
    ended.assert(1, "").says("cannot write the result");
    assert_eq!((text.as_str(), names.as_str()), ("old\n", "fill\nip\n"));
}

#[test]
fn the_heading_of_a_summary_begins_a_line() {
    let folder = folder();
    let path = folder.path().join("summary");
    for (before, separator) in [("no line end", "\n"), ("a line\n", ""), ("", ""), ("crlf\r\n", "")]
    {
        let server = Server::playing([ready()]);
        fs::write(&path, before).unwrap();
        Program::asking(&server, &["--summary", path.to_str().unwrap()]).run();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("{before}{separator}### wait-ready: ")), "{text:?}");
    }
}

/// Runs the program while the kernel refuses a system call.
fn lacking(call: &str, error: &str, program: Program) -> Ended {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/places/lacking.py");
    program.through(&["python3", script, call, error]).run()
}

#[test]
fn a_file_system_that_lacks_a_call_gets_the_result_and_the_report() {
    if !has("seccomp, which Linux has", cfg!(target_os = "linux")) {
        return;
    }
    let folder = folder();
    for call in ["chmod", "fsync", "rename"] {
        for error in
            ["EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EBUSY"]
        {
            for (option, is_there) in
                [("--output-file", true), ("--output-file", false), ("--report", false)]
            {
                let path = folder.path().join("file");
                if is_there {
                    fs::write(&path, "old, and much longer than the new one").unwrap();
                }
                let server = Server::playing([ready()]);
                let program = Program::asking(&server, &[option, path.to_str().unwrap()]);
                let ended = lacking(call, error, program);
                assert_eq!(ended.code(), Some(0), "{call} {error}: {ended:#?}");
                let text = fs::read_to_string(&path).unwrap();
                assert!(
                    text.contains("203.0.113.42") && !text.contains("old"),
                    "{call} {error}: {text}"
                );
                assert_eq!(names(folder.path()), ["file"], "{call} {error}");
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_disk_that_fails_is_exit_1_and_does_not_damage_the_old_result() {
    if !has("seccomp, which Linux has", cfg!(target_os = "linux")) {
        return;
    }
    let folder = folder();
    let path = folder.path().join("file");
    for (call, error) in
        [("fsync", "EIO"), ("fsync", "ENOSPC"), ("rename", "EDQUOT"), ("rename", "EIO")]
    {
        fs::write(&path, "old").unwrap();
        let server = Server::playing([ready()]);
        let program = Program::asking(&server, &["--output-file", path.to_str().unwrap()]);
        lacking(call, error, program).assert(1, "").says("cannot write the result");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{call} {error}");
        assert_eq!(names(folder.path()), ["file"], "{call} {error}");
    }
}

#[test]
fn a_partial_write_in_place_is_reported() {
    if !is_root_with_mounts() {
        return;
    }
    let folder = folder();
    fs::write(folder.path().join("ip"), "").unwrap();
    // A file on a separate disk, which has room for one page.
    let setup = "mkdir \"$F\"/disk; mount -t tmpfs -o size=8k none \"$F\"/disk; : > \"$F\"/disk/ip
        dd if=/dev/zero of=\"$F\"/disk/fill bs=4k count=1 2>/dev/null
        mount --bind \"$F\"/disk/ip \"$F\"/ip";
    let path = folder.path().join("ip");
    let fleet: Vec<String> = (0..30).map(|number| format!("inst_{number}")).collect();
    let options = ["--simulate=ready", "-o", "json", "--output-file", path.to_str().unwrap()];
    let program = Program::new(fleet.iter().map(String::as_str).chain(options));
    let ended = in_mounts(program, folder.path(), setup);
    ended.assert(1, "").says("(4096 of ").says("bytes were written in place)");
}
