//! `esign txn-info`

use esign::txn::SingpassTxn;
use esign::{Reference, Severity, TransactionRequest};
use serde_json::json;

use crate::args::{Common, TxnInfo};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output};
use crate::settings;

/// The token that a page would get for this transaction now. No session is issued, and nothing is sent.
pub(crate) async fn run(args: &TxnInfo, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let active = || Failure::usage("no instance is active: name one, or write active = \"…\"");
    let name = args.instance.clone().or_else(|| client.active()).ok_or_else(active)?;
    let provider = client.provider_as::<SingpassTxn>(&name).map_err(|e| match client.provider(&name) {
        Ok(other) => {
            Failure::usage(format!("{name} is of kind {}; transactions are of singpass-txn", other.kind()))
        }
        Err(_) => Failure::from(e),
    })?;
    let id = Reference::new(args.id.clone()).map_err(|error| error.field("txn_id"))?;
    let mut request = TransactionRequest::new(id, args.text.as_str(), "shown");
    request.subject = args.subject.as_deref().map(Into::into);
    let sessions = provider.sessions();
    for finding in sessions.check(&request).iter().filter(|f| f.severity != Severity::Refusal) {
        output.say(Mark::Warning, finding);
    }
    let claims = sessions.txn_info(&request)?;
    let token = sessions.sign_txn_info(&claims).await?;
    let object = json!({ "instance": name, "txn_info": token, "claims": claims });
    output.answer(&object, || token.clone());
    Ok(Exit::Good)
}
