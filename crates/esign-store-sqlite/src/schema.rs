//! The tables. Times are microseconds since 1970, from the engine's clock.

use rusqlite::{Connection, OptionalExtension};

/// The version of the tables that this release writes.
pub(crate) const SCHEMA: i64 = 1;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, reference TEXT NOT NULL, instance TEXT NOT NULL,
                     sent_reference TEXT NOT NULL, stage TEXT NOT NULL, master TEXT, body TEXT NOT NULL,
                     UNIQUE (tenant, reference)) WITHOUT ROWID;
CREATE INDEX orders_at_provider ON orders (instance, sent_reference);
CREATE INDEX orders_stage ON orders (instance, stage);
CREATE TABLE handle (key TEXT PRIMARY KEY, order_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE work (order_id TEXT PRIMARY KEY, lane INTEGER NOT NULL, due INTEGER, deadline INTEGER, token INTEGER,
                   leased_until INTEGER, wake INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX work_due ON work (lane, due) WHERE due IS NOT NULL;
CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, order_id TEXT, handle TEXT, instance TEXT, reference TEXT,
                    news TEXT NOT NULL);
CREATE INDEX inbox_order ON inbox (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX inbox_handle ON inbox (handle) WHERE handle IS NOT NULL;
CREATE INDEX inbox_reference ON inbox (instance, reference) WHERE reference IS NOT NULL;
CREATE TABLE known (dedup TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE event (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX event_tenant ON event (tenant, seq);
CREATE TABLE sink (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL DEFAULT 0, due INTEGER, token INTEGER,
                   leased_until INTEGER) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema', 1), ('position', 0);
";

/// Makes the tables where there are none, and gives the version of those that there are.
pub(crate) fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    // Immediate, so that two processes that start together do not both make them.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let named = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'";
    if transaction.query_row(named, [], |_| Ok(())).optional()?.is_none() {
        transaction.execute_batch(TABLES)?;
    }
    let schema =
        transaction.query_row("SELECT value FROM meta WHERE key = 'schema'", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(schema)
}
