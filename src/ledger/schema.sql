-- docs/ledger.md describes it. Times are Unix times in milliseconds.
CREATE TABLE entry (
    base_url TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    message BLOB NOT NULL,
    post_back_data BLOB,
    began_at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    retryable INTEGER NOT NULL DEFAULT 0,
    http_status INTEGER,
    request_id TEXT,
    settled_at_ms INTEGER,
    post_back_status TEXT,
    post_back_at_ms INTEGER,
    PRIMARY KEY (base_url, workspace_id, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_request_id ON entry (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX entry_by_post_back_data ON entry (post_back_data) WHERE post_back_data IS NOT NULL;
CREATE INDEX entry_by_time ON entry (settled_at_ms, began_at_ms, idempotency_key);
CREATE TABLE secret (key BLOB NOT NULL) STRICT;
