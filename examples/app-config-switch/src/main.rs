//! Prints what each configured instance would do with the application's request, and what it could not.

use std::error::Error;
use std::{env, fs};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: app-config-switch FILE.pdf")?;
    let mut config: esign::Config = toml::from_str(&fs::read_to_string("esign.toml")?)?;
    // Its key is the application's own; here there is none.
    config.providers.remove("singpass");
    let client = esign::client(config).await?;
    for plan in client.plan(&app_config_switch::request(fs::read(path)?)?).await {
        println!("{}: {}", plan.instance, plan.verdict);
        plan.changes.iter().for_each(|change| println!("  changed: {change}"));
        plan.findings.iter().for_each(|finding| println!("  {finding}"));
    }
    Ok(())
}
