//! What the fuzz targets (fuzz/) have tried and found, tried again.

#[path = "../../fuzz/oracles/mod.rs"]
mod oracles;

use std::fs;
use std::path::Path;

#[test]
fn messages() {
    replay("message", oracles::message::check);
}

#[test]
fn options() {
    replay("options", oracles::options::check);
}

#[test]
fn responses() {
    replay("response", oracles::response::check);
}

#[test]
fn post_backs() {
    replay("post_back", oracles::post_back::check);
}

#[test]
fn look_ups() {
    replay("json_get", oracles::json_get::check);
}

#[test]
fn compositions() {
    replay("compose", oracles::compose::check);
}

#[test]
fn handles() {
    replay("handles", oracles::handles::check);
}

#[test]
fn ledgers() {
    replay("ledger", oracles::ledger::check);
}

#[test]
fn ledger_is_true_whatever_calls_crashes_and_post_backs_come_in_which_order() {
    use proptest::prelude::*;

    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5000) }, |(steps in prop::collection::vec(any::<u8>(), 0..400))| {
        oracles::ledger::check(&steps);
    });
}

fn replay(target: &str, check: fn(&[u8])) {
    // Below where cargo starts this, or whoever has taken it to another machine.
    let corpus = Path::new("fuzz/corpus").join(target);
    let files = fs::read_dir(corpus).expect("a corpus for each target");
    let mut replayed = 0;
    for file in files {
        let path = file.expect("a file").path();
        let input = fs::read(&path).expect("it can be read");
        // Shown where the check fails.
        println!("{}", path.display());
        check(&input);
        replayed += 1;
    }
    assert!(replayed >= 10, "{replayed} files in the corpus of {target}");
}
