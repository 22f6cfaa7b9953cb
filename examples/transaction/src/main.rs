//! A web application in which a person approves a payment in the Singpass app. No document is involved.

mod pages;
mod payments;
mod server;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use esign::txn::SingpassTxn;

use payments::Payments;

/// A web application in which a person approves a payment in the Singpass app.
#[derive(Parser)]
struct Args {
    /// Which providers there are
    #[arg(long, value_name = "FILE", default_value = "esign.toml")]
    config: PathBuf,
    /// The instance that payments are approved with
    #[arg(long, value_name = "NAME", default_value = "singpass-txn")]
    instance: String,
    /// Where Singpass's signed answers are kept
    #[arg(long, value_name = "DIR", default_value = "approved")]
    evidence: PathBuf,
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
    let config = std::fs::read_to_string(&args.config)
        .map_err(|e| format!("cannot read {}: {e}", args.config.display()))?;
    let client = esign::client(toml::from_str(&config)?).await?;
    let txn = client.provider_as::<SingpassTxn>(&args.instance)?;
    txn.page("/")?; // what is wrong with it should be known before anybody comes
    if let Err(error) = client.ready().await {
        eprintln!("Singpass's keys could not be fetched ahead: {error}");
    }
    let payments = Payments::new(args.evidence).await?;
    let listener = tokio::net::TcpListener::bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, server::router(txn, payments, args.https)).await?)
}
