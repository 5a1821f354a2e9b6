//! Many cases at a time.

use std::sync::Mutex;
use std::thread;

/// Runs each case, so many at a time as there are workers.
pub fn in_parallel<C: Send>(workers: usize, cases: Vec<C>, run: impl Fn(C) + Sync) {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().expect("no case panics in here").next();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = next() {
                    run(case);
                }
            });
        }
    });
}
