//! `esign providers`

use esign::matrix;
use serde_json::json;

use crate::args::{Common, Providers};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, columns, value};
use crate::settings;

pub(crate) async fn run(args: &Providers, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let shown =
        if args.configured { settings::client(common).await?.instances() } else { matrix::typical().await? };
    if args.markdown {
        Output::print(&matrix::markdown(&shown));
        return Ok(Exit::Good);
    }
    let listed: Vec<_> = shown
        .iter()
        .map(|(name, capabilities)| json!({ "name": name, "capabilities": value(capabilities) }))
        .collect();
    output.answer(&json!({ "providers": listed }), || {
        let mut blocks = String::new();
        for (i, (name, capabilities)) in shown.iter().enumerate() {
            let lines = matrix::rows(&shown).into_iter();
            let lines: Vec<_> =
                lines.map(|row| (format!("  {}", row.capability), row.values[i].clone())).collect();
            blocks += &format!("{} ({})\n{}\n", bold(name), capabilities.kind, columns(&lines));
        }
        blocks
    });
    Ok(Exit::Good)
}
