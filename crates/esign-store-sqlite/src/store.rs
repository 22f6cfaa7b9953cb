//! The store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use esign_engine::esign_core::jiff::Timestamp;
use esign_engine::esign_core::{Error, ErrorKind, Reference, Result};
use esign_engine::{
    Claim, Claimed, Claims, Commit, Count, Due, Event, Filter, Meta, Order, OrderId, Stage, Store, Stored,
    Tenant, Told, WrappedKey,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::place;
use crate::rows::{
    Rows, add_events, add_news, event, get_order, lane, micros, moved, news_of, order, put_order, signed,
    time, unsigned, whom,
};
use crate::schema::{SCHEMA, prepare};
use crate::writer::{Writer, fault, open};

/// A store in an SQLite file. Clones share it; dropping the last one ends its thread.
#[derive(Clone)]
pub struct SqliteStore {
    file: PathBuf,
    writer: Writer,
    /// Connections that only read, for the next who wants one.
    readers: Arc<Mutex<Vec<Connection>>>,
}

impl SqliteStore {
    /// Opens the file, and makes it with its tables if it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] at `engine.store` if it cannot be used: no such folder, a network file system, no SQLite file, one
    /// of a newer version.
    pub fn open(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref().to_owned();
        place::check(&file)?;
        let unusable = |e: rusqlite::Error| {
            Error::config("engine.store", format!("{} cannot be used as a store: {e}", file.display()))
        };
        let mut connection = open(&file, false).map_err(unusable)?;
        let schema = prepare(&mut connection).map_err(unusable)?;
        if schema != SCHEMA {
            let message = format!(
                "{} is of version {schema}; this version of esign reads version {SCHEMA}: nothing was changed",
                file.display()
            );
            return Err(Error::config("engine.store", message));
        }
        Ok(Self { writer: Writer::start(connection)?, readers: Arc::default(), file })
    }

    async fn read<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connection) -> Rows<T> + Send + 'static,
    ) -> Result<T> {
        let (file, readers) = (self.file.clone(), Arc::clone(&self.readers));
        let read = tokio::task::spawn_blocking(move || {
            let spare = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match spare {
                Some(connection) => connection,
                None => open(&file, true)?,
            };
            let done = call(&connection);
            readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            done
        });
        match read.await {
            Ok(done) => done.map_err(|e| fault(&e)),
            Err(e) => Err(Error::new(ErrorKind::Internal, format!("a reader of the store broke off: {e}"))),
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteStore({})", self.file.display())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn accept(&self, order: &Order, event: &Event, due: &Due) -> Result<Option<Order>> {
        let (order, event, due) = (order.clone(), event.clone(), due.clone());
        self.writer
            .write(move |connection| {
                if let Some(known) = get_order(connection, order.id.as_str())? {
                    return Ok(Some(known));
                }
                moved(connection)?;
                put_order(connection, &order)?;
                let sql = "INSERT INTO work (order_id, lane, due, deadline) VALUES (?1, ?2, ?3, ?4)";
                connection.prepare_cached(sql)?.execute(params![
                    order.id.as_str(),
                    lane(due.lane),
                    due.at.map(micros),
                    due.deadline.map(micros)
                ])?;
                add_events(connection, std::slice::from_ref(&event))?;
                Ok(None)
            })
            .await
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>> {
        let id = id.clone();
        self.read(move |connection| get_order(connection, id.as_str())).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Order>> {
        let filter = filter.clone();
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT body FROM orders WHERE id > ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR stage = ?3)
                 AND (?4 IS NULL OR reference = ?4) ORDER BY id LIMIT ?5",
            )?;
            let values = params![
                filter.after.as_ref().map_or("", OrderId::as_str),
                filter.tenant.as_ref().map(Tenant::as_str),
                filter.stage.map(Stage::as_str),
                filter.reference.as_ref().map(Reference::as_str),
                i64::try_from(filter.limit).unwrap_or(i64::MAX)
            ];
            select.query_map(values, order)?.collect()
        })
        .await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claims> {
        let claim = claim.clone();
        self.writer
            .write(move |connection| {
                // The index has the due ones; a deadline comes before an earlier due time.
                let mut update = connection.prepare_cached(
                    "UPDATE work SET token = ?1, leased_until = ?2 WHERE order_id IN (
                       SELECT order_id FROM work WHERE lane = ?3 AND due <= ?4
                       AND (leased_until IS NULL OR leased_until <= ?4)
                       ORDER BY deadline IS NULL, deadline, due, order_id LIMIT ?5)
                     RETURNING order_id, wake, deadline, due",
                )?;
                let values = params![
                    signed(claim.token),
                    micros(claim.until),
                    lane(claim.lane),
                    micros(claim.now),
                    i64::try_from(claim.limit).unwrap_or(i64::MAX)
                ];
                let mut rows: Vec<(bool, Option<i64>, i64, String, i64)> = update
                    .query_map(values, |row| {
                        let deadline: Option<i64> = row.get(2)?;
                        Ok((deadline.is_none(), deadline, row.get(3)?, row.get(0)?, row.get(1)?))
                    })?
                    .collect::<Rows<_>>()?;
                // RETURNING gives them in no order.
                rows.sort();
                let position = connection
                    .prepare_cached("SELECT value FROM meta WHERE key = 'position'")?
                    .query_row([], |row| row.get(0))
                    .map(unsigned)?;
                Ok((rows, position, claim.token))
            })
            .await
            .and_then(|(rows, position, token)| {
                let orders = rows.into_iter().map(|(_, _, _, id, wake)| {
                    Ok(Claimed { id: OrderId::parse(&id)?, token, wake: unsigned(wake) })
                });
                Ok(Claims { orders: orders.collect::<Result<_>>()?, position })
            })
    }

    async fn load(&self, id: &OrderId) -> Result<Option<(Order, Vec<Stored>)>> {
        let id = id.clone();
        self.read(move |connection| {
            // One reading, so that order and inbox are of the same moment.
            let reading = connection.unchecked_transaction()?;
            let Some(order) = get_order(&reading, id.as_str())? else { return Ok(None) };
            Ok(Some((order, news_of(&reading, id.as_str())?)))
        })
        .await
    }

    async fn commit(&self, commit: &Commit) -> Result<Option<u64>> {
        let commit = commit.clone();
        self.writer
            .write(move |connection| {
                let id = commit.claimed.id.as_str();
                let held: Option<i64> = connection
                    .prepare_cached("SELECT wake FROM work WHERE order_id = ?1 AND token = ?2")?
                    .query_row(params![id, signed(commit.claimed.token)], |row| row.get(0))
                    .optional()?;
                let Some(wake) = held else { return Ok(None) };
                let position = moved(connection)?;
                let mut applied = connection.prepare_cached("DELETE FROM inbox WHERE id = ?1")?;
                for news in &commit.applied {
                    applied.execute([signed(*news)])?;
                }
                put_order(connection, &commit.order)?;
                add_events(connection, &commit.events)?;
                if let Some(due) = &commit.due {
                    // News for a handle that this commit has brought were waiting for it.
                    let woken = unsigned(wake) != commit.claimed.wake || !news_of(connection, id)?.is_empty();
                    let at = if woken { Some(commit.now) } else { due.at };
                    let sql = "UPDATE work SET lane = ?2, due = ?3, deadline = ?4, token = NULL, leased_until = NULL
                               WHERE order_id = ?1";
                    let values = params![id, lane(due.lane), at.map(micros), due.deadline.map(micros)];
                    connection.prepare_cached(sql)?.execute(values)?;
                }
                Ok(Some(position))
            })
            .await
    }

    async fn tell(&self, told: &Told) -> Result<bool> {
        let told = told.clone();
        self.writer
            .write(move |connection| {
                let sql = "INSERT INTO known (dedup) VALUES (?1) ON CONFLICT DO NOTHING";
                if connection.prepare_cached(sql)?.execute([&told.dedup])? == 0 {
                    return Ok(false);
                }
                moved(connection)?;
                add_news(connection, &told.to, &told.news)?;
                if let Some(id) = whom(connection, &told.to)? {
                    let sql = "UPDATE work SET wake = wake + 1, due = MIN(COALESCE(due, ?2), ?2) WHERE order_id = ?1";
                    connection.prepare_cached(sql)?.execute(params![id, micros(told.at)])?;
                }
                Ok(true)
            })
            .await
    }

    async fn rewrap(&self, id: &OrderId, old: &WrappedKey, new: &WrappedKey) -> Result<bool> {
        let (id, old, new) = (id.clone(), old.clone(), new.clone());
        self.writer
            .write(move |connection| {
                let known = get_order(connection, id.as_str())?;
                let Some(mut order) = known.filter(|order| order.data_key.as_ref() == Some(&old)) else {
                    return Ok(false);
                };
                order.data_key = Some(new);
                put_order(connection, &order)?;
                Ok(true)
            })
            .await
    }

    async fn events(&self, tenant: Option<&Tenant>, after: u64, limit: usize) -> Result<Vec<Event>> {
        let tenant = tenant.cloned();
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT seq, body FROM event WHERE seq > ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY seq LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let values = params![signed(after), tenant.as_ref().map(Tenant::as_str), limit];
            select.query_map(values, event)?.collect()
        })
        .await
    }

    async fn claim_sink(
        &self,
        sink: &str,
        token: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u64>> {
        let sink = sink.to_owned();
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT INTO sink (name) VALUES (?1) ON CONFLICT DO NOTHING")?
                    .execute([&sink])?;
                let sql = "UPDATE sink SET token = ?2, leased_until = ?3 WHERE name = ?1 AND (due IS NULL OR due <= ?4)
                           AND (leased_until IS NULL OR leased_until <= ?4) RETURNING cursor";
                let values = params![sink, signed(token), micros(until), micros(now)];
                let cursor = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
                Ok(cursor.map(unsigned))
            })
            .await
    }

    async fn advance_sink(&self, sink: &str, token: u64, cursor: u64, due: Timestamp) -> Result<bool> {
        let sink = sink.to_owned();
        self.writer
            .write(move |connection| {
                let sql = "UPDATE sink SET cursor = ?3, due = ?4, token = NULL, leased_until = NULL
                           WHERE name = ?1 AND token = ?2";
                let values = params![sink, signed(token), signed(cursor), micros(due)];
                Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
            })
            .await
    }

    async fn meta(&self) -> Result<Meta> {
        self.read(|connection| {
            let number = |key: &str| {
                let sql = "SELECT value FROM meta WHERE key = ?1";
                connection.prepare_cached(sql)?.query_row([key], |row| row.get::<_, i64>(0)).optional()
            };
            let mut masters = connection.prepare_cached(
                "SELECT DISTINCT master FROM orders WHERE master IS NOT NULL ORDER BY master",
            )?;
            Ok(Meta {
                position: number("position")?.map_or(0, unsigned),
                restored_at: number("restored_at")?.map(time),
                masters: masters.query_map([], |row| row.get(0))?.collect::<Rows<_>>()?,
            })
        })
        .await
    }

    async fn restored(&self, position: u64, at: Timestamp) -> Result<()> {
        self.writer
            .write(move |connection| {
                let sql = "UPDATE meta SET value = MAX(value, ?1) WHERE key = 'position'";
                connection.execute(sql, [signed(position)])?;
                let sql =
                    "INSERT INTO meta VALUES ('restored_at', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1";
                connection.execute(sql, [micros(at)]).map(|_| ())
            })
            .await
    }

    async fn counts(&self) -> Result<Vec<Count>> {
        self.read(|connection| {
            let sql = "SELECT instance, stage, COUNT(*) FROM orders GROUP BY instance, stage";
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map([], |row| {
                let (stage, orders): (String, i64) = (row.get(1)?, row.get(2)?);
                let known = Stage::ALL.into_iter().find(|known| known.as_str() == stage);
                let stage =
                    known.ok_or_else(|| rusqlite::Error::InvalidColumnName(format!("stage {stage}")))?;
                Ok(Count { instance: row.get(0)?, stage, orders: unsigned(orders) })
            })?;
            let mut counts: Vec<Count> = rows.collect::<Rows<_>>()?;
            counts.sort_by(|a, b| (&a.instance, a.stage).cmp(&(&b.instance, b.stage)));
            Ok(counts)
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.read(|connection| {
            let sql = "SELECT MIN(MAX(due, COALESCE(leased_until, due))) FROM work WHERE due IS NOT NULL";
            let due: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok(due.map(time))
        })
        .await
    }
}
