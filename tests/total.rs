//! The last of the test programs: says how many tests there were in all of them, and what was skipped.
//!
//! Cargo starts programs through `.ci/tally`, which keeps what each of them says at its end in a folder.

use std::fs;

/// Tests of all programs.
#[derive(Default)]
struct Total {
    programs: usize,
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
}

impl Total {
    /// Takes the last lines of a program, as libtest and `tests/database` write them.
    fn add(&mut self, sum: &str) {
        self.programs += 1;
        for line in sum.lines() {
            let number_before = |word: &str| -> u64 {
                let before = line.split(word).next().filter(|before| before.len() < line.len());
                let number = before.and_then(|before| before.trim_end().rsplit(' ').next());
                number.and_then(|number| number.parse().ok()).unwrap_or(0)
            };
            if line.starts_with("test result: ") {
                self.passed += number_before(" passed;");
                self.failed += number_before(" failed;");
                match number_before(" ignored;") {
                    0 => {}
                    ignored => self.skipped.push(format!("{ignored} that are ignored")),
                }
            } else if line.contains(" skipped (") {
                self.skipped.push(line.to_owned());
            } else {
                let passed = number_before(" of ");
                self.passed += passed;
                self.failed += number_before(" passed").saturating_sub(passed);
            }
        }
    }

    fn print(&self) {
        let Total { programs, passed, failed, skipped } = self;
        println!("\ntotal: {passed} passed, {failed} failed, in {programs} test programs");
        for skipped in skipped {
            println!("skipped: {skipped}");
        }
        println!("not part of this: tests with Panda3D's own clients, `tests/e2e/run`");
    }
}

fn main() {
    // Somebody has Cargo start programs in another way.
    let Some(folder) = std::env::var_os("DONET_TALLY") else { return };
    let mut total = Total::default();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "sum") {
            total.add(&fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
    // It may not be there, if this is the only program.
    let _ = fs::remove_dir_all(&folder);
    if total.programs > 0 {
        total.print();
    }
}
