//! Between rows and the engine's types.

use esign_engine::esign_core::jiff::Timestamp;
use esign_engine::{Event, Lane, News, Order, Stored, To};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{from_str, to_string};

pub(crate) type Rows<T> = rusqlite::Result<T>;

pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// Tokens and counts stay far below the sign.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(crate) fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Submit => 0,
        Lane::Settle => 1,
        Lane::Lookup => 2,
        Lane::Poll => 3,
    }
}

fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

pub(crate) fn order(row: &Row<'_>) -> Rows<Order> {
    let text: String = row.get(0)?;
    from_str(&text).map_err(|e| unreadable(0, e))
}

pub(crate) fn event(row: &Row<'_>) -> Rows<Event> {
    let (seq, text): (i64, String) = (row.get(0)?, row.get(1)?);
    let event: Event = from_str(&text).map_err(|e| unreadable(1, e))?;
    Ok(Event { seq: unsigned(seq), ..event })
}

/// Writes an order, whatever was there, and the handles by which callbacks find it.
pub(crate) fn put_order(connection: &Connection, order: &Order) -> Rows<()> {
    let sent_reference =
        order.sent_reference().map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let body = to_string(order).map_err(unwritable)?;
    let master = order.data_key.as_ref().map(|key| key.master.as_str());
    connection
        .prepare_cached(
            "INSERT INTO orders (id, tenant, reference, instance, sent_reference, stage, master, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET stage = ?6, master = ?7, body = ?8",
        )?
        .execute(params![
            order.id.as_str(),
            order.tenant.as_str(),
            order.reference.as_str(),
            order.instance,
            sent_reference.as_str(),
            order.stage.as_str(),
            master,
            body
        ])?;
    let mut handle = connection
        .prepare_cached("INSERT INTO handle (key, order_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    for key in order.handle_keys() {
        handle.execute(params![key.as_str(), order.id.as_str()])?;
    }
    Ok(())
}

pub(crate) fn get_order(connection: &Connection, id: &str) -> Rows<Option<Order>> {
    connection.prepare_cached("SELECT body FROM orders WHERE id = ?1")?.query_row([id], order).optional()
}

pub(crate) fn add_events(connection: &Connection, events: &[Event]) -> Rows<()> {
    let mut insert = connection.prepare_cached("INSERT INTO event (tenant, body) VALUES (?1, ?2)")?;
    for event in events {
        insert.execute(params![event.tenant.as_str(), to_string(event).map_err(unwritable)?])?;
    }
    Ok(())
}

pub(crate) fn add_news(connection: &Connection, to: &To, news: &News) -> Rows<()> {
    let (order, handle, instance, reference) = match to {
        To::Order(id) => (Some(id.as_str()), None, None, None),
        To::Handle(key) => (None, Some(key.as_str()), None, None),
        To::Reference(instance, reference) => (None, None, Some(instance.as_str()), Some(reference.as_str())),
    };
    connection
        .prepare_cached(
            "INSERT INTO inbox (order_id, handle, instance, reference, news) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![order, handle, instance, reference, to_string(news).map_err(unwritable)?])?;
    Ok(())
}

/// The order that news are for, if there is one.
pub(crate) fn whom(connection: &Connection, to: &To) -> Rows<Option<String>> {
    let first = |sql: &str, values: &[&str]| {
        connection
            .prepare_cached(sql)?
            .query_row(rusqlite::params_from_iter(values), |row| row.get(0))
            .optional()
    };
    match to {
        To::Order(id) => first("SELECT id FROM orders WHERE id = ?1", &[id.as_str()]),
        To::Handle(key) => first("SELECT order_id FROM handle WHERE key = ?1", &[key.as_str()]),
        To::Reference(instance, reference) => first(
            "SELECT id FROM orders WHERE instance = ?1 AND sent_reference = ?2 ORDER BY id",
            &[instance, reference.as_str()],
        ),
    }
}

/// What the inbox holds for an order, oldest first.
pub(crate) fn news_of(connection: &Connection, id: &str) -> Rows<Vec<Stored>> {
    let mut select = connection.prepare_cached(
        "SELECT id, news FROM inbox WHERE order_id = ?1
         UNION SELECT i.id, i.news FROM inbox i JOIN handle h ON i.handle = h.key WHERE h.order_id = ?1
         UNION SELECT i.id, i.news FROM orders o JOIN inbox i ON i.instance = o.instance
               AND i.reference = o.sent_reference WHERE o.id = ?1
         ORDER BY 1",
    )?;
    let rows = select.query_map([id], |row| {
        let (id, text): (i64, String) = (row.get(0)?, row.get(1)?);
        Ok(Stored { id: unsigned(id), news: from_str(&text).map_err(|e| unreadable(1, e))? })
    })?;
    rows.collect()
}

/// Moves the store's position on by one, and gives it.
pub(crate) fn moved(connection: &Connection) -> Rows<u64> {
    let sql = "UPDATE meta SET value = value + 1 WHERE key = 'position' RETURNING value";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).map(unsigned)
}
