//! The resources of a process, read from /proc.

use std::{fs, time::Duration};

/// The resources of a process at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    at: Duration,
    pub(super) resident_kib: u64,
    pub(super) files: u64,
}

/// The growth of a process from its beginning to its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Growth {
    pub(super) resident_kib: u64,
    pub(super) files: u64,
}

impl Sample {
    /// Measures a running process.
    pub(super) fn of(process: u32, at: Duration) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib = resident.trim().trim_end_matches(" kB").parse().ok()?;
        let files = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count() as u64;
        Some(Self { at, resident_kib, files })
    }
}

impl Growth {
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            resident_kib: self.resident_kib.max(other.resident_kib),
            files: self.files.max(other.files),
        }
    }
}

/// From the most in the settled beginning, the second to fourth tenth, to the most in the last
/// three tenths.
pub(super) fn growth(samples: &[Sample], lasts: Duration) -> Growth {
    let most = |from: u32, to: u32, what: fn(&Sample) -> u64| {
        let within =
            |sample: &&Sample| sample.at >= lasts * from / 10 && sample.at <= lasts * to / 10;
        samples.iter().filter(within).map(what).max().unwrap_or_default()
    };
    let grown = |what: fn(&Sample) -> u64| most(7, 11, what).saturating_sub(most(1, 4, what));
    Growth {
        resident_kib: grown(|sample| sample.resident_kib),
        files: grown(|sample| sample.files),
    }
}
