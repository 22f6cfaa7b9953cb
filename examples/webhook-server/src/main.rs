//! A web application that has documents signed. Started from a button, told by webhook and redirect, and never losing what
//! it was told: everything is in a folder before it is acted upon.

mod pages;
mod server;
mod signings;
mod store;

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use esign::{Config, RequestFile, SignRequest};

use signings::Signings;
use store::Store;

/// A web application that has documents signed.
#[derive(Parser)]
struct Args {
    /// Which providers there are, and which one is active
    #[arg(long, value_name = "FILE", default_value = "esign.toml")]
    config: PathBuf,
    /// What is to be signed, as a request file
    #[arg(long, value_name = "FILE", default_value = "agreement.toml")]
    request: PathBuf,
    /// Where signings are kept, for this program's user alone
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Browsers come by https (through a proxy): cookies are for https alone
    #[arg(long)]
    https: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let config: Config = toml::from_str(&read(&args.config)?)?;
    let trust = config.trust.clone();
    let client = esign::client(config).await?;
    esign::verify_options(&trust, client.clock().now()).await?; // a root that cannot be read is told now
    let request = request(&args.request)?;
    let store = Store::open(&args.data).await?;

    let signings = Arc::new(Signings::new(client.clone(), store, trust));
    if let Err(error) = client.ready().await {
        eprintln!("the provider's keys could not be fetched ahead: {error}");
    }
    let listener = tokio::net::TcpListener::bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?); // the first line, whatever is found of earlier signings
    tokio::spawn(Arc::clone(&signings).look_after());
    Ok(axum::serve(listener, server::router(signings, request, args.https)).await?)
}

/// The request, with its document read. Paths in it start from its folder.
fn request(path: &Path) -> Result<SignRequest, Box<dyn Error>> {
    let file: RequestFile = toml::from_str(&read(path)?)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let document = |path: &Path| {
        let path = folder.join(path);
        let unreadable =
            |e| esign::Error::config("documents", format!("cannot read {}: {e}", path.display()));
        std::fs::read(&path).map(Into::into).map_err(unreadable)
    };
    Ok(file.into_request(document)?)
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()).into())
}
