//! Pages that the command serves on this machine.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

/// The router, for requests to this machine's own names only. A site whose name is made to lead here (DNS rebinding) could
/// otherwise read a page from its visitor's browser.
pub(crate) fn for_this_machine(router: Router) -> Router {
    router.layer(from_fn(refuse_other_names))
}

async fn refuse_other_names(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    if matches!(name, Some("127.0.0.1" | "localhost")) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "open the address that the command printed\n").into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn only_names_of_this_machine_are_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = for_this_machine(Router::new().route("/", get(|| async { "page" })));
        tokio::spawn(async move { axum::serve(listener, router).await });
        for (host, status) in [
            (format!("Host: {address}\r\n"), "200"),
            ("Host: localhost:80\r\n".to_owned(), "200"),
            ("Host: evil.example\r\n".to_owned(), "421"),
            ("Host: 127.0.0.1.evil.example:80\r\n".to_owned(), "421"),
        ] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let request = format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{host}");
        }
    }
}
