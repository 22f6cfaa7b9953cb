(() => {
  "use strict";
  // Everything that differs from page to page is in the attributes of the element around this script, so its text, and
  // with it its hash in the Content-Security-Policy, is always the same.
  const box = document.currentScript.parentElement;
  const settings = box.dataset;
  const status = box.querySelector("[role=status]");
  const cancel = box.querySelector("button");

  // What initTxnSigning returns. For the last two it does not call onError.
  const RESULTS = {
    SUCCESSFUL: "Scan the QR code with the Singpass app and approve the transaction there.",
    FAILED: "The transaction could not be started: this page passed something that Singpass does not accept.",
    NO_OP: "Singpass does not support this browser. Please use another one.",
  };
  // What onError says.
  const ERRORS = {
    invalid_request: "Singpass refused the request.",
    status_subscription_fail: "The connection to Singpass was lost. Please try again.",
    sign_session_expired: "The transaction was not approved in time. Please try again.",
    service_unavailable: "Singpass has switched transaction signing off for now. Please come back later.",
    txn_signing_fail: "Something went wrong at Singpass. Please try again.",
    txn_signing_cancelled: "The transaction was cancelled.",
  };
  const RETRIES = 3;
  const FIRST_WAIT = 500;

  // As text, never as HTML: some of it is not ours. Pages listen to the event to act on it, or to say it in their own words.
  const tell = (text, detail) => {
    status.textContent = text;
    box.dispatchEvent(new CustomEvent("esign-txn", { bubbles: true, detail }));
  };

  const ask = async () => {
    const headers = { accept: "application/json" };
    const answer = await fetch(settings.supplier, { method: "POST", cache: "no-store", headers });
    if (answer.ok) return { supplied: await answer.json() };
    return { refused: answer.status < 500 && answer.status !== 408 && answer.status !== 429 };
  };

  // Called for every session, also by the retry button that Singpass draws. Singpass does not repeat it when it fails.
  const supply = async () => {
    for (let retries = 0; ; retries++) {
      const { supplied, refused } = await ask().catch(() => ({}));
      if (supplied) return supplied;
      if (refused || retries === RETRIES) {
        tell("The transaction could not be started. Please try again later.", { result: "SUPPLIER_FAILED" });
        throw new Error("the supplier gave nothing");
      }
      await new Promise((done) => setTimeout(done, FIRST_WAIT * 2 ** retries));
    }
  };

  const onError = (errorId, message) => {
    cancel.disabled = message === "txn_signing_cancelled";
    const text = Object.hasOwn(ERRORS, message) ? ERRORS[message] : `Singpass reported: ${message}`;
    tell(errorId ? `${text} (Singpass's error id: ${errorId})` : text, { errorId, message });
  };

  const start = async () => {
    if (!window.NDI) {
      tell("Singpass's script could not be loaded. Please check the connection and reload the page.", { result: "NO_SCRIPT" });
      return;
    }
    const client = { clientId: settings.clientId, redirectUri: settings.redirectUri };
    const options = {};
    if ("downloadLink" in settings) options.renderDownloadLink = true;
    if ("appLaunchUrl" in settings) options.appLaunchUrl = settings.appLaunchUrl;
    const result = await window.NDI.initTxnSigning(settings.element, client, supply, onError, options);
    cancel.disabled = result !== "SUCCESSFUL";
    tell(Object.hasOwn(RESULTS, result) ? RESULTS[result] : `Singpass answered: ${result}`, { result });
  };

  cancel.addEventListener("click", () => window.NDI.cancelTxnSigningSession());
  start().catch(() => tell("The transaction could not be started. Please reload the page.", { result: "SCRIPT_FAILED" }));
})();
