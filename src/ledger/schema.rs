//! The database: made where there is none, and refused where it is another program's.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;

/// "ZXFL": what `file` and SQLite know a ledger by.
const APPLICATION_ID: i32 = 0x5a58_464c;

/// A later one is refused. An earlier one is migrated: there is none yet.
const VERSION: i32 = 1;

/// A connection, and the secret that the digests in the file are made with.
pub(super) fn open(path: &Path) -> Result<(Connection, Vec<u8>), Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // Waits are the call's own, with its deadline.
    connection.busy_timeout(Duration::ZERO)?;
    if is_empty(&connection)? {
        make(&connection)?;
    }
    let (application, version) = header(&connection)?;
    if application != APPLICATION_ID {
        return Err(Failure::permanent("is a database of another program"));
    }
    if version > VERSION {
        return Err(Failure::permanent(format!(
            "is of a later libzixflow: its schema is version {version}, and this one knows {VERSION}"
        )));
    }
    // For each connection. A commit waits for no disk (see `file`), and a sync is one that a power cut
    // cannot undo (Apple's fsync is none).
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA checkpoint_fullfsync = 1; PRAGMA temp_store = MEMORY;
         PRAGMA cell_size_check = 1; PRAGMA trusted_schema = 0;",
    )?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Failure::permanent("is where SQLite can keep no WAL"));
    }
    let secret = connection.query_row("SELECT key FROM secret", [], |row| row.get(0))?;
    Ok((connection, secret))
}

fn header(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0))?;
    Ok(tables == 0 && header(connection)? == (0, 0))
}

/// Another process may be at it, too: who comes second finds it made.
fn make(connection: &Connection) -> Result<(), Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Failure::permanent(error.to_string()))?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if is_empty(connection)? {
        connection.execute_batch(include_str!("schema.sql"))?;
        connection.execute("INSERT INTO secret VALUES (?1)", [secret])?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(connection.execute_batch("COMMIT")?)
}
