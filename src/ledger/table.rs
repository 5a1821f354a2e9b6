//! Entries in the database.

use rusqlite::{Connection, Params, Row, ToSql, params};
use strum::VariantArray;

use super::entry::{Entry, Outcome};
use crate::status::Status;

/// Whose entries they are.
pub(super) struct Sender {
    pub(super) base_url: String,
    pub(super) workspace_id: String,
}

/// How a person reads that an entry has no outcome.
const UNDER_WAY: &str = "under_way";

/// The entries that a condition holds for, and their keys: at most so many that are wanted.
fn select<P: Params>(
    database: &Connection,
    condition: &str,
    parameters: P,
    most: usize,
    is_wanted: impl Fn(&str, &Entry) -> bool,
) -> rusqlite::Result<Vec<(String, Entry)>> {
    let mut statement = database.prepare_cached(&format!(
        "SELECT idempotency_key, message, post_back_data, began_at_ms, status, retryable, \
         http_status, request_id, settled_at_ms, post_back_status, post_back_at_ms \
         FROM entry WHERE {condition}"
    ))?;
    let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, entry(row)?)))?;
    let is_in = |row: &rusqlite::Result<(String, Entry)>| {
        row.as_ref()
            .map_or(true, |(key, entry)| is_wanted(key, entry))
    };
    rows.filter(is_in).take(most).collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let status: String = row.get(4)?;
    let outcome = match status.as_str() {
        UNDER_WAY => None,
        name => Some(Outcome {
            status: *Status::VARIANTS
                .iter()
                .find(|status| status.name() == name)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(4, 0))?,
            retryable: row.get(5)?,
            http_status: row.get(6)?,
            at: row.get::<_, Option<i64>>(8)?.unwrap_or_default(),
        }),
    };
    let post_back: Option<String> = row.get(9)?;
    let post_back_at = row.get(10)?;
    Ok(Entry {
        message: row.get(1)?,
        post_back_data: row.get(2)?,
        began_at: row.get(3)?,
        outcome,
        request_id: row.get(7)?,
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
        select(database, &condition, parameters, 2, |_, _| true)
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
        is_wanted: impl Fn(&str, &Entry) -> bool,
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
        let outcome = entry.outcome.as_ref();
        let mut statement = database.prepare_cached(
            "REPLACE INTO entry (base_url, workspace_id, idempotency_key, message, post_back_data, \
             began_at_ms, status, retryable, http_status, request_id, settled_at_ms, \
             post_back_status, post_back_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        statement.execute(params![
            self.base_url,
            self.workspace_id,
            key,
            entry.message,
            entry.post_back_data,
            entry.began_at,
            outcome.map_or(UNDER_WAY, |outcome| outcome.status.name()),
            outcome.is_some_and(|outcome| outcome.retryable),
            outcome.and_then(|outcome| outcome.http_status),
            entry.request_id,
            entry.settled_at(),
            entry.post_back.as_ref().map(|(status, _)| status),
            entry.post_back.as_ref().and_then(|(_, at)| *at),
        ])?;
        Ok(())
    }

    /// Drops an entry. (Its row stays, for a list to go on after its key.)
    pub(super) fn forget(
        &self,
        database: &Connection,
        key: &str,
        now: i64,
    ) -> rusqlite::Result<()> {
        let mut statement = database.prepare_cached(
            "UPDATE entry SET status = 'forgotten', settled_at_ms = ?4 \
             WHERE base_url = ?1 AND workspace_id = ?2 AND idempotency_key = ?3",
        )?;
        let parameters = params![self.base_url, self.workspace_id, key, now];
        statement.execute(parameters).map(|_| ())
    }
}

/// Forgets entries that were settled before a time, whoever's they are: not too many at once.
pub(super) fn prune(database: &Connection, before: i64) -> rusqlite::Result<()> {
    let mut statement = database.prepare_cached(
        "DELETE FROM entry WHERE (base_url, workspace_id, idempotency_key) IN \
         (SELECT base_url, workspace_id, idempotency_key FROM entry \
          WHERE settled_at_ms < ?1 ORDER BY settled_at_ms LIMIT 1000)",
    )?;
    statement.execute([before]).map(|_| ())
}
