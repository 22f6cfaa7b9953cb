//! `esign remind`

use serde_json::json;

use crate::args::{Common, OneHandle};
use crate::failure::{Exit, Failure};
use crate::files::read_handle;
use crate::output::Output;
use crate::settings;

/// Good if somebody was reminded.
pub(crate) async fn run(args: &OneHandle, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let handle = read_handle(&args.handle)?;
    let client = settings::client_for(common, Some(handle.instance())).await?;
    let reminded = client.remind(&handle).await?;
    let object = json!({ "key": handle.key().as_str(), "reminded": reminded });
    output.answer(&object, || match reminded.as_slice() {
        [] => "nobody has anything left to do".to_owned(),
        keys => format!("reminded: {}", keys.join(", ")),
    });
    Ok((!reminded.is_empty()).into())
}
