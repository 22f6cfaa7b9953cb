//! `esign providers`

use esign::{Capabilities, matrix};
use serde_json::json;

use crate::args::{Common, Providers};
use crate::failure::{Exit, Failure};
use crate::output::{Output, bold, columns, value};
use crate::settings;

pub(crate) async fn run(args: &Providers, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let all =
        if args.configured { settings::client(common).await?.instances() } else { matrix::typical().await? };
    let shown = chosen(all, &args.only)?;
    if args.unverified {
        let open = shown.iter().flat_map(|(_, capabilities)| &capabilities.unverified);
        Output::print(&open.map(|item| format!("- {item}\n")).collect::<String>());
        return Ok(Exit::Good);
    }
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

/// Those that were named, in that order; all if none was.
fn chosen(all: Vec<(String, Capabilities)>, only: &[String]) -> Result<Vec<(String, Capabilities)>, Failure> {
    if only.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        let found = all.iter().find(|(known, _)| known == name).cloned();
        let names = || all.iter().map(|(known, _)| known.as_str()).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| Failure::usage(format!("there is no {name}; there are {}", names())))
    };
    only.iter().map(find).collect()
}
