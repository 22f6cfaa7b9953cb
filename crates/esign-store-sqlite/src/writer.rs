//! The one thread that writes: whatever is queued goes into one transaction, each call under a savepoint of its own.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use esign_engine::esign_core::{Error, ErrorKind, Result, Retry};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

/// So many calls share a commit at most.
const MOST: usize = 256;
/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(10);

/// A call: does its work and says how to answer once it is known whether that was committed.
type Job = Box<dyn FnOnce(Result<&Connection>) -> (bool, Answer) + Send>;
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// Hands calls to the writing thread, which ends when this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Sender<Job>);

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Self> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().name("esign-store-sqlite".into());
        thread.spawn(move || work(&connection, &receiver)).map_err(|e| {
            Error::new(ErrorKind::Internal, format!("the writing thread cannot be started: {e}"))
        })?;
        Ok(Self(sender))
    }

    /// Runs a call in a transaction, and returns once that is on the disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let done = connection.and_then(|connection| call(connection).map_err(|e| fault(&e)));
            let good = done.is_ok();
            let answer: Answer = Box::new(move |committed: Result<()>| {
                let answer = committed.and(done);
                // A caller that has gone does not wait for it any more.
                let _ = sender.send(answer);
            });
            (good, answer)
        });
        let gone = || Error::new(ErrorKind::Internal, "the store's writing thread has ended");
        self.0.send(job).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

fn work(connection: &Connection, receiver: &Receiver<Job>) {
    while let Ok(first) = receiver.recv() {
        let rest = std::iter::from_fn(|| receiver.try_recv().ok()).take(MOST - 1);
        let jobs: Vec<_> = std::iter::once(first).chain(rest).collect();
        write_all(connection, jobs);
    }
}

fn write_all(connection: &Connection, jobs: Vec<Job>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        // Nothing was begun, so nothing was done: every caller hears it.
        for job in jobs {
            let (_, answer) = job(Err(fault(&error)));
            answer(Ok(()));
        }
        return;
    }
    let mut answers = Vec::with_capacity(jobs.len());
    let mut sound = Ok(());
    for job in jobs {
        let began = connection.execute_batch("SAVEPOINT one");
        let (good, answer) = job(Ok(connection));
        let end = if good { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
        sound = sound.and(began).and_then(|()| connection.execute_batch(end));
        answers.push(answer);
    }
    let committed = sound.and_then(|()| connection.execute_batch("COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // A disk that is full, say: the transaction goes as a whole, and everybody hears it.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for answer in answers {
        answer(match &committed {
            Ok(()) => Ok(()),
            Err(error) => Err(fault(error)),
        });
    }
}

pub(crate) fn open(file: &Path, read_only: bool) -> rusqlite::Result<Connection> {
    let access = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    if !read_only {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    }
    Ok(connection)
}

/// Everything that SQLite can say is worth another try: a lock, a full disk, a disk that is away.
pub(crate) fn fault(error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code().map_or_else(|| "no code".to_owned(), |code| format!("{code:?}"));
    // The text of an error can quote a statement, but never a value.
    Error::new(ErrorKind::Internal, format!("the store failed ({code}): {error}")).with_retry(Retry::SAFE)
}
