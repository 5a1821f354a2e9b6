//! Entries in the database.

use rusqlite::{Connection, Params, Row, ToSql, params};
use strum::VariantArray;

use super::entry::{Entry, Outcome, State};
use crate::status::Status;

/// Whose entries they are.
pub(super) struct Sender {
    pub(super) base_url: String,
    pub(super) workspace_id: String,
}

/// How a person reads that a call is not over, or that its entry was dropped.
const WAITING: &str = "waiting";
const UNDER_WAY: &str = "under_way";
const FORGOTTEN: &str = "forgotten";

/// The entries that a condition holds for, and their keys: at most so many that are wanted.
fn select<P: Params>(
    database: &Connection,
    condition: &str,
    parameters: P,
    most: usize,
    is_wanted: impl Fn(&Entry) -> bool,
) -> rusqlite::Result<Vec<(String, Entry)>> {
    let mut statement = database.prepare_cached(&format!(
        "SELECT idempotency_key, message, post_back_data, began_at_ms, call, status, retryable, \
         http_status, request_id, settled_at_ms, post_back_status, post_back_at_ms \
         FROM entry WHERE {condition}"
    ))?;
    let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, entry(row)?)))?;
    let is_in = |row: &rusqlite::Result<(String, Entry)>| {
        row.as_ref().map_or(true, |(_, entry)| is_wanted(entry))
    };
    rows.filter(is_in).take(most).collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let call = || row.get(4);
    let settled_at: Option<i64> = row.get(9)?;
    let settled_at = settled_at.unwrap_or_default();
    let status: String = row.get(5)?;
    let state = match status.as_str() {
        WAITING => State::Waiting(call()?),
        UNDER_WAY => State::UnderWay(call()?),
        FORGOTTEN => State::Forgotten { at: settled_at },
        name => State::Ended(Outcome {
            status: *Status::VARIANTS
                .iter()
                .find(|status| status.name() == name)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(5, 0))?,
            retryable: row.get(6)?,
            http_status: row.get(7)?,
            at: settled_at,
        }),
    };
    let post_back: Option<String> = row.get(10)?;
    let post_back_at = row.get(11)?;
    Ok(Entry {
        message: row.get(1)?,
        post_back_data: row.get(2)?,
        began_at: row.get(3)?,
        state,
        request_id: row.get(8)?,
        post_back: post_back.map(|status| (status, post_back_at)),
    })
}

impl Sender {
    /// The entries with a value in a column, at most two, and their keys.
    pub(super) fn find(
        &self,
        database: &Connection,
        column: &str,
        value: &dyn ToSql,
    ) -> rusqlite::Result<Vec<(String, Entry)>> {
        let condition = format!(
            "base_url = ?1 AND workspace_id = ?2 AND {column} = ?3 AND status <> 'forgotten'"
        );
        let parameters: [&dyn ToSql; 3] = [&self.base_url, &self.workspace_id, value];
        select(database, &condition, parameters, 2, |_| true)
    }

    /// The entry of a key.
    pub(super) fn get(&self, database: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
        let found = self.find(database, "idempotency_key", &key)?;
        Ok(found.into_iter().next().map(|(_, entry)| entry))
    }

    /// What is not settled and comes after a key, oldest first.
    pub(super) fn unsettled(
        &self,
        database: &Connection,
        after: Option<&str>,
        most: usize,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> rusqlite::Result<Vec<(String, Entry)>> {
        // After a key that has no entry: from the start.
        let condition = "settled_at_ms IS NULL AND base_url = ?1 AND workspace_id = ?2 \
                         AND (began_at_ms, idempotency_key) > \
                         (SELECT coalesce(max(began_at_ms), 0), coalesce(?3, '') FROM entry \
                          WHERE base_url = ?1 AND workspace_id = ?2 AND idempotency_key = ?3) \
                         ORDER BY began_at_ms, idempotency_key";
        let parameters = params![self.base_url, self.workspace_id, after];
        select(database, condition, parameters, most, is_wanted)
    }

    pub(super) fn save(
        &self,
        database: &Connection,
        key: &str,
        entry: &Entry,
    ) -> rusqlite::Result<()> {
        let (call, name, outcome) = match &entry.state {
            State::Waiting(call) => (Some(call), WAITING, None),
            State::UnderWay(call) => (Some(call), UNDER_WAY, None),
            State::Forgotten { .. } => (None, FORGOTTEN, None),
            State::Ended(outcome) => (None, outcome.status.name(), Some(outcome)),
        };
        let mut statement = database.prepare_cached(
            "REPLACE INTO entry (base_url, workspace_id, idempotency_key, message, post_back_data, \
             began_at_ms, call, status, retryable, http_status, request_id, settled_at_ms, \
             post_back_status, post_back_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        statement.execute(params![
            self.base_url,
            self.workspace_id,
            key,
            entry.message,
            entry.post_back_data,
            entry.began_at,
            call,
            name,
            outcome.is_some_and(|outcome| outcome.retryable),
            outcome.and_then(|outcome| outcome.http_status),
            entry.request_id,
            entry.settled_at(),
            entry.post_back.as_ref().map(|(status, _)| status),
            entry.post_back.as_ref().and_then(|(_, at)| *at),
        ])?;
        Ok(())
    }
}

/// Forgets entries that were settled before a time, whoever's they are: not too many at once.
pub(super) fn prune(database: &Connection, before: i64) -> rusqlite::Result<()> {
    let mut statement = database.prepare_cached(
        "DELETE FROM entry WHERE id IN \
         (SELECT id FROM entry WHERE settled_at_ms < ?1 ORDER BY settled_at_ms LIMIT 1000)",
    )?;
    statement.execute([before]).map(|_| ())
}
