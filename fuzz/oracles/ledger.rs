//! Input: what becomes of calls with a few keys, in processes that may die, two bytes a step. The
//! ledger's states are held to what truly happened to the messages.

use entry::{Entry, Outcome, Standing};
use zixflow::ffi::Status;

#[path = "../../src/ledger/entry.rs"]
mod entry;

const MOST_STEPS: usize = 400;
const KEYS: usize = 3;
const PROCESSES: usize = 3;
/// Longer than some steps and shorter than others.
const KEPT: i64 = 100;

/// A call of a process that lives, and so has its key.
struct Running {
    process: usize,
    key: usize,
    message: u8,
    /// What its last attempt came to, as far as the call knows.
    last: Option<Status>,
}

/// What the API did.
#[derive(Clone)]
struct Accepted {
    key: usize,
    message: u8,
    request_id: String,
    at: i64,
}

#[derive(Default)]
struct World {
    now: i64,
    calls: Vec<Running>,
    entries: [Option<Entry>; KEYS],
    accepted: Vec<Accepted>,
    /// Whether a message was accepted since its key was last free by decision: forgotten, or pruned.
    is_queued: [bool; KEYS],
}

pub fn check(input: &[u8]) {
    let mut world = World::default();
    for step in input.chunks_exact(2).take(MOST_STEPS) {
        world.now += 1;
        world.take_step(step[0], usize::from(step[1]));
        world.assert_entries_are_true();
    }
}

impl World {
    fn take_step(&mut self, action: u8, which: usize) {
        match action % 8 {
            0 | 1 => self.begin(
                which % KEYS,
                which / KEYS % PROCESSES,
                (which / 9 % 2) as u8,
            ),
            2 | 3 => self.attempt(which),
            4 => self.end(which),
            5 => self.calls.retain(|call| call.process != which % PROCESSES),
            6 => self.settle(which),
            _ if which.is_multiple_of(2) => self.forget(which / 2 % KEYS),
            _ => self.prune(which as i64),
        }
    }

    fn is_live(&self, key: usize) -> bool {
        self.calls.iter().any(|call| call.key == key)
    }

    fn begin(&mut self, key: usize, process: usize, message: u8) {
        let entry = self.entries[key].as_ref();
        let is_same = entry.is_none_or(|entry| entry.message == [message; 32]);
        let found = entry.map_or(Ok(Standing::Free), |entry| {
            entry.find(&[message; 32], self.is_live(key))
        });
        match found {
            Ok(Standing::Free) => {}
            Err(_) if is_same => panic!("its own message is another"),
            Ok(_) if !is_same => panic!("another message is its own"),
            Ok(Standing::Queued) => {
                let is_accepted = self.accepted.iter().any(|it| it.key == key);
                assert!(
                    is_accepted,
                    "a call would be told that its message was queued"
                );
                return;
            }
            Err(_) | Ok(Standing::Unknown | Standing::Live) => return,
        }
        assert!(!self.is_queued[key], "it would be sent a second time");
        if self.is_live(key) {
            // Another waits for its turn.
            return;
        }
        self.calls.push(Running {
            process,
            key,
            message,
            last: None,
        });
    }

    /// An attempt of a call, the first of which has its entry written before.
    fn attempt(&mut self, which: usize) {
        let Some(call) = pick(&mut self.calls, which) else {
            return;
        };
        if call.last.is_some_and(|last| last != Status::ZX_BUSY) {
            return;
        }
        let (key, message) = (call.key, call.message);
        if call.last.is_none() {
            let entry = self.entries[key].as_ref();
            let found = entry.map(|entry| entry.find(&[message; 32], false));
            if found.is_some_and(|found| found != Ok(Standing::Free)) {
                // A post-back told that an earlier message was queued.
                return;
            }
            self.entries[key] = Some(Entry {
                message: [message; 32],
                post_back_data: Some([100 + message + 2 * key as u8; 32]),
                began_at: self.now,
                outcome: None,
                request_id: None,
                post_back: None,
            });
        }
        let is_accepted = which & 1 == 1;
        call.last = Some(match (is_accepted, which >> 1 & 3) {
            (_, 0) => Status::ZX_OUTCOME_UNKNOWN,
            (true, _) => Status::ZX_OK,
            (false, 1) => Status::ZX_REJECTED,
            (false, 2) => Status::ZX_NOT_SENT,
            (false, _) => Status::ZX_BUSY,
        });
        if is_accepted {
            assert!(!self.is_queued[key], "it was sent a second time");
            self.is_queued[key] = true;
            self.accepted.push(Accepted {
                key,
                message,
                request_id: self.accepted.len().to_string(),
                at: self.now,
            });
        }
    }

    /// A call ends, and its outcome is written or lost.
    fn end(&mut self, which: usize) {
        if self.calls.is_empty() {
            return;
        }
        let call = self.calls.remove(which / 2 % self.calls.len());
        // One that ends before its first attempt writes nothing.
        let Some(status) = call.last else {
            return;
        };
        let newest = self.accepted.iter().rev().find(|it| it.key == call.key);
        let is_ok = status == Status::ZX_OK;
        let request_id = newest.filter(|_| is_ok).map(|it| it.request_id.clone());
        if which & 1 == 0 {
            let entry = self.entries[call.key].as_mut().expect("its entry");
            let outcome = Outcome {
                status,
                retryable: false,
                http_status: None,
                at: self.now,
            };
            entry.end(outcome, request_id);
        }
    }

    /// A post-back of a message that was accepted comes, perhaps late, perhaps again.
    fn settle(&mut self, which: usize) {
        let Some(accepted) = pick(&mut self.accepted, which).cloned() else {
            return;
        };
        let data = Some([100 + accepted.message + 2 * accepted.key as u8; 32]);
        let id = Some(&accepted.request_id);
        let find = |is_its: &dyn Fn(&Entry) -> bool| {
            let entries = self.entries.iter().enumerate();
            let mut found = entries.filter(|(_, entry)| entry.as_ref().is_some_and(is_its));
            found.next().map(|(key, _)| (key, found.next().is_none()))
        };
        let by_id = find(&|entry| entry.request_id.as_ref() == id);
        let by_data = find(&|entry| entry.post_back_data == data).filter(|(key, is_only)| {
            let entry = self.entries[*key].as_ref();
            *is_only && entry.is_some_and(|entry| entry.can_be_of(accepted.at))
        });
        let Some((key, _)) = by_id.or(by_data) else {
            return;
        };
        let is_live = self.is_live(key);
        let entry = self.entries[key].as_mut().expect("it was found");
        let before = entry.standing(is_live);
        let post_back = ("delivered".to_owned(), Some(accepted.at));
        let was_unknown = entry.settle(&accepted.request_id, post_back, self.now, is_live);
        assert_eq!(was_unknown, before == Standing::Unknown);
        assert_eq!(
            entry.message, [accepted.message; 32],
            "another's post-back settled it"
        );
    }

    fn forget(&mut self, key: usize) {
        let is_live = self.is_live(key);
        let entry = self.entries[key].as_ref();
        if entry.is_some_and(|entry| entry.standing(is_live) == Standing::Unknown) {
            self.entries[key] = None;
            self.is_queued[key] = false;
        }
    }

    fn prune(&mut self, time: i64) {
        self.now += time;
        for key in 0..KEYS {
            let settled_at = self.entries[key].as_ref().and_then(Entry::settled_at);
            let is_past = settled_at.is_some_and(|at| at + KEPT <= self.now);
            // No call takes as long as an entry is kept.
            if is_past && self.calls.iter().all(|call| call.key != key) {
                self.entries[key] = None;
                self.is_queued[key] = false;
            }
        }
    }

    fn assert_entries_are_true(&self) {
        for (key, entry) in self.entries.iter().enumerate() {
            let standing = entry
                .as_ref()
                .map(|entry| entry.standing(self.is_live(key)));
            let standing = standing.unwrap_or(Standing::Free);
            assert!(
                !(self.is_queued[key] && standing == Standing::Free),
                "key {key} was forgotten"
            );
            let is_accepted = self.accepted.iter().any(|it| it.key == key);
            assert!(
                is_accepted || standing != Standing::Queued,
                "key {key} was not queued"
            );
        }
    }
}

fn pick<T>(all: &mut [T], which: usize) -> Option<&mut T> {
    let count = all.len().max(1);
    all.get_mut(which / 8 % count)
}
