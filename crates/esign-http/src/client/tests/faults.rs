//! Answers that do not come, or not whole.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::Effect;

fn lose(socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move { drop(socket) })
}

/// Announces more than it sends.
fn truncate(mut socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await;
    })
}

/// A refusal whose body breaks off.
fn refuse_badly(mut socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{\"mess").await;
    })
}

/// Never answers, and holds the connection for as long as the client does.
fn stall(mut socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut sink = [0; 1024];
        while socket.read(&mut sink).await.is_ok_and(|n| n > 0) {}
    })
}

/// Sends a gigabyte in chunks, or until the client hangs up; without announcing a length.
fn flood(mut socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [&b"10000\r\n"[..], &[b'x'; 0x10000], b"\r\n"].concat();
        for _ in 0..(1 << 30) / 0x10000 {
            if socket.write_all(&chunk).await.is_err() {
                return;
            }
            TAKEN.fetch_add(chunk.len(), Ordering::Relaxed);
        }
    })
}

/// How much of the floods the clients took, socket buffers included.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn announce_a_flood(mut socket: TcpStream, _: String) -> futures_util::future::BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\nxxx").await;
        stall(socket, String::new()).await;
    })
}

/// Gives up on a server that stalls; waits for one that only the machine makes slow.
fn client_for(behave: Behaviour, base: &str) -> HttpClient {
    if !std::ptr::fn_addr_eq(behave, stall as Behaviour) {
        return client(base);
    }
    let settings = HttpSettings { idle_timeout: Duration::from_millis(50), ..HttpSettings::default() };
    HttpClient::builder(base.parse().unwrap(), Arc::new(jumping())).settings(&settings).build().unwrap()
}

#[tokio::test]
async fn a_lost_answer_by_operation() {
    for (behave, kinds) in [
        (lose as Behaviour, [ErrorKind::Connection].as_slice()),
        (truncate, &[ErrorKind::Connection, ErrorKind::Integrity]),
        (stall, &[ErrorKind::Timeout]),
    ] {
        for (operation, retry) in [
            (Operation::Submit, Retry::OutcomeUnknown),
            (Operation::Status, Retry::SAFE),
            (Operation::Download, Retry::SAFE),
            (Operation::Lookup, Retry::SAFE),
            (Operation::Token, Retry::SAFE),
            (Operation::Keys, Retry::SAFE),
            (Operation::Cancel, Retry::SAFE),
        ] {
            let (base, _) = raw_server(behave).await;
            let client = client_for(behave, &base);
            let error =
                client.post(client.url(["x"]).unwrap()).operation(operation).send().await.unwrap_err();
            assert!(kinds.contains(&error.kind()), "{error:?}");
            assert_eq!(error.retry(), retry, "{operation}: {error}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_always_safe() {
    for operation in [Operation::Submit, Operation::Status, Operation::Cancel, Operation::Token] {
        let client = client(&deaf_address().await);
        let error = client.post(client.url(["x"]).unwrap()).operation(operation).send().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Connect, Retry::SAFE), "{operation}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn lost_answers_are_asked_for_again_where_that_is_safe() {
    for behave in [lose as Behaviour, truncate, stall] {
        let (base, heads) = raw_server(behave).await;
        let client = client_for(behave, &base);
        let call = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).replayable();
        assert_eq!(call.send().await.unwrap_err().retry(), Retry::Exhausted);
        assert_eq!(heads.lock().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_not_sent_again() {
    for behave in [lose as Behaviour, truncate, stall] {
        let (base, heads) = raw_server(behave).await;
        let client = client_for(behave, &base);
        let recipe = || {
            let body = Bytes::from_static(b"{}");
            Ok(client.post(client.url(["x"])?).operation(Operation::Submit).body("application/json", body))
        };
        assert!(client.submit_with(recipe).await.unwrap_err().is_outcome_unknown());
        assert_eq!(heads.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_counts_even_if_its_body_breaks_off() {
    let (base, _) = raw_server(refuse_badly).await;
    let client = client(&base);
    let error =
        client.post(client.url(["x"]).unwrap()).operation(Operation::Submit).send().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::InvalidRequest, Retry::Never));
}

#[tokio::test]
async fn a_cancel_repeated_after_a_lost_answer_knows_it() {
    fn lose_then_refuse(mut socket: TcpStream, head: String) -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(async move {
            static FIRST: AtomicBool = AtomicBool::new(true);
            if FIRST.swap(false, Ordering::SeqCst) {
                return;
            }
            let status = if head.contains("/gone") { "404 Not Found" } else { "409 Conflict" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
            FIRST.store(true, Ordering::SeqCst);
        })
    }
    let (base, _) = raw_server(lose_then_refuse).await;
    let client = client(&base);
    let cancel = |id| client.delete(client.url([id]).unwrap()).operation(Operation::Cancel).replayable();

    let gone = cancel("gone").accept(&[404]).send().await.unwrap();
    assert!(gone.status == 404 && gone.earlier_unanswered());
    let refused = cancel("signed").send().await.unwrap_err();
    assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Conflict, Retry::OutcomeUnknown));
}

#[tokio::test]
async fn a_gigabyte_is_cut_at_the_cap() {
    for behave in [flood as Behaviour, announce_a_flood] {
        let (base, heads) = raw_server(behave).await;
        let client = client(&base);
        let download = client.download(client.url(["x"]).unwrap()).cap(1 << 20);
        let error = download.send().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::TooLarge, Retry::Never), "{error}");
        assert_eq!(heads.lock().unwrap().len(), 1, "not asked for again");

        let create = client.post(client.url(["x"]).unwrap()).operation(Operation::Submit).cap(1 << 20);
        assert!(create.send().await.unwrap_err().is_outcome_unknown());
    }
    let taken = TAKEN.load(Ordering::Relaxed);
    assert!((1 << 20..100 << 20).contains(&taken), "{taken}");
}

#[tokio::test]
async fn no_error_shows_path_query_or_credentials() {
    for (behave, refused) in [(lose as Behaviour, false), (truncate, false), (stall, false), (lose, true)] {
        let (mut base, _) = raw_server(behave).await;
        if refused {
            base = deaf_address().await;
        }
        let client = client_for(behave, &base);
        let url = client.url(["marker"]).unwrap();
        let call = client.get(url).query("token", "marker").operation(Operation::Status);
        let debug = format!("{call:?} {call:#?} {client:?}");
        let error = call.replayable().send().await.unwrap_err();
        let mut text = format!("{debug} {error} {error:?} {error:#?} {}", error.to_json());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text += &format!(" {cause} {cause:?}");
            source = cause.source();
        }
        assert!(!text.contains("marker"), "{text}");
    }
}

#[tokio::test]
async fn questions_about_an_error_look_through_the_middleware() {
    let address = deaf_address().await;
    let plain = http_client(&address.parse().unwrap(), &HttpSettings::default()).unwrap();
    let wrapped = reqwest_middleware::ClientBuilder::new(plain)
        .with(reqwest_retry::RetryTransientMiddleware::new_with_policy(
            reqwest_retry::policies::ExponentialBackoff::builder()
                .retry_bounds(Duration::from_millis(1), Duration::from_millis(1))
                .build_with_max_retries(1),
        ))
        .build();
    let error = wrapped.get(format!("{address}/?token=marker")).send().await.unwrap_err();
    assert!(!error.is_connect() && error.to_string().contains("retries"), "wrapped: {error}");

    assert_eq!(
        crate::errors::as_reqwest(&error).map(crate::errors::fault_of),
        Some(crate::errors::Fault::Connect)
    );
    let call = crate::errors::Circumstances {
        operation: Operation::Submit,
        effect: Effect::Creates,
        earlier_unanswered: false,
    };
    let error = crate::errors::from_transport(call, "http://x.example", error);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Connect, Retry::SAFE));
    assert!(!format!("{error:?}").contains("marker"), "{error:?}");
}
