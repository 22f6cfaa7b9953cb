/*
 * A stand-in for Singpass's ndi_txn_sign.js, for tests. It is not Singpass's, and nothing made with it is a legal
 * signature. It behaves as the page "Init Transaction Signing" documents: window.NDI.initTxnSigning() and
 * window.NDI.cancelTxnSigningSession().
 *
 * Written for old browsers too, because it has to run in one to say that it does not support it.
 */
(function (settings) {
  "use strict";

  var HTTP_ADDRESS = /^https?:\/\/[^\s/]/i;

  // The sandbox as the page reached it.
  var source = /^(.*)\/static\/ndi_txn_sign\.js/.exec((document.currentScript && document.currentScript.src) || "");
  var base = source ? source[1] : settings.base;

  // The session that the page asked for last: {element, supplier, onError, options, controller, attempt, over}.
  var current = null;

  function initTxnSigning(DOMElementID, clientParams, transactionParamsSupplier, onError, additionalOptions) {
    stop();
    var element = typeof DOMElementID === "string" ? document.getElementById(DOMElementID) : null;
    var client = readClient(clientParams);
    var options = readOptions(additionalOptions);
    var callback = onError === undefined || onError === null || typeof onError === "function";
    if (!element || !client || !options || !callback || typeof transactionParamsSupplier !== "function") {
      if (element) {
        draw(element, "Something went wrong", [text("Please choose another way to authorise this transaction.")]);
      }
      return "FAILED";
    }
    if (!isSupported()) {
      draw(element, "This browser is not supported", [text("Please use another browser, or an up-to-date one.")]);
      return "NO_OP";
    }
    current = {
      element: element,
      client: client,
      options: options,
      supplier: transactionParamsSupplier,
      onError: onError,
      attempt: 0,
      over: false
    };
    begin(current);
    return "SUCCESSFUL";
  }

  function cancelTxnSigningSession() {
    var run = current;
    if (!run || run.over) {
      return;
    }
    stop();
    draw(run.element, "The transaction has been cancelled", [], run.options);
    tell(run, "", "txn_signing_cancelled");
  }

  // --- parameters -------------------------------------------------------------------------------------------------

  function readClient(params) {
    if (!params || typeof params !== "object" || !isText(params.clientId) || !isText(params.redirectUri)) {
      return null;
    }
    if (!HTTP_ADDRESS.test(params.redirectUri)) {
      return null;
    }
    return { clientId: params.clientId, redirectUri: params.redirectUri };
  }

  // The page prints the types of the two options swapped, so a boolean in words is taken too.
  function readOptions(given) {
    if (given === undefined || given === null) {
      given = {};
    }
    if (typeof given !== "object") {
      return null;
    }
    var link = given.renderDownloadLink;
    var app = given.appLaunchUrl;
    var noApp = app === undefined || app === null || app === false || app === "";
    var isLink = link === true || link === "true";
    var noLink = link === undefined || link === null || link === false || link === "" || link === "false";
    if ((!isLink && !noLink) || (!noApp && !(isText(app) && HTTP_ADDRESS.test(app)))) {
      return null;
    }
    return { renderDownloadLink: isLink, appLaunchUrl: noApp ? undefined : app };
  }

  function isText(value) {
    return typeof value === "string" && value !== "";
  }

  function isSupported() {
    var needed = [window.fetch, window.Promise, window.AbortController];
    return !settings.unsupported && needed.every(function (one) {
      return typeof one === "function";
    });
  }

  // --- a session --------------------------------------------------------------------------------------------------

  // Also what the retry button does: the supplier is called again, for new values.
  function begin(run) {
    run.attempt += 1;
    run.controller = new AbortController();
    var attempt = run.attempt;
    function alive() {
      return !run.over && run.attempt === attempt;
    }
    draw(run.element, "Preparing your transaction…", [], run.options);
    Promise.resolve()
      .then(function () {
        return run.supplier();
      })
      .then(function (params) {
        return alive() ? open(run, params || {}) : null;
      })
      .then(function (session) {
        if (alive()) {
          showCode(run, session);
          return follow(run, session, "CREATED", alive);
        }
        return null;
      })
      .catch(function (problem) {
        if (alive()) {
          fail(run, problem);
        }
      });
  }

  function open(run, params) {
    var body = {
      clientId: run.client.clientId,
      redirectUri: run.client.redirectUri,
      state: params.state,
      nonce: params.nonce,
      txnInfo: params.txnInfo,
      appLaunchUrl: run.options.appLaunchUrl
    };
    var request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return call(run, "/api/v1/txn-signing-sessions", request).catch(function (problem) {
      problem.message = "txn_signing_fail";
      if (problem.status === 503) {
        problem.message = "service_unavailable";
      } else if (problem.status >= 400 && problem.status < 500) {
        problem.message = "invalid_request";
      }
      throw problem;
    });
  }

  // Waits for the phone: each call is answered once the status is another than the one seen.
  function follow(run, session, seen, alive) {
    var path = "/api/v1/status?session_id=" + encodeURIComponent(session.session_id) + "&seen=" + seen;
    return call(run, path, { method: "GET" })
      .catch(function (problem) {
        problem.message = "status_subscription_fail";
        throw problem;
      })
      .then(function (answer) {
        if (!alive()) {
          return null;
        }
        if (answer.message) {
          throw { ours: true, id: answer.id, message: answer.message };
        }
        if (answer.redirect_url) {
          run.over = true;
          draw(run.element, "Approved", [text("You are being taken back…")], run.options);
          window.location.assign(answer.redirect_url);
          return null;
        }
        if (answer.status === "CHALLENGED" && seen !== "CHALLENGED") {
          draw(run.element, "Please approve on your phone", [text("The QR code was scanned.")], run.options);
        }
        return follow(run, session, answer.status, alive);
      });
  }

  // The JSON of an answer. Anything but success is thrown as {ours, status, id}, which gets its message later.
  function call(run, path, request) {
    request.signal = run.controller.signal;
    request.cache = "no-store";
    request.credentials = "omit";
    return fetch(base + path, request)
      .then(function (response) {
        return response.ok ? response.json() : refused(response);
      })
      .catch(function (problem) {
        // No connection, or no JSON: the browser's own errors.
        throw problem.ours ? problem : { ours: true };
      });
  }

  function refused(response) {
    return response
      .json()
      .catch(function () {
        return {};
      })
      .then(function (body) {
        if (body && body.error_description) {
          console.error("esign sandbox: " + body.error_description);
        }
        throw { ours: true, status: response.status, id: body && body.id };
      });
  }

  function fail(run, problem) {
    run.controller.abort();
    if (!problem || !problem.ours) {
      console.error("esign sandbox: transactionParamsSupplier has failed", problem);
      problem = {};
    }
    var message = problem.message || "txn_signing_fail";
    var id = isText(problem.id) ? problem.id : "";
    var retry = document.createElement("button");
    retry.type = "button";
    retry.appendChild(document.createTextNode("Try again"));
    retry.addEventListener("click", function () {
      if (!run.over) {
        begin(run);
        run.element.firstChild.focus();
      }
    });
    var parts = [retry];
    if (problem.status) {
      parts.unshift(text("Error code: " + problem.status));
    }
    if (id) {
      parts.push(text("Reference: " + id, "ndi-sandbox-id"));
    }
    draw(run.element, heading(message), parts, run.options);
    tell(run, id, message);
  }

  function heading(message) {
    switch (message) {
      case "sign_session_expired":
        return "Your session has expired";
      case "service_unavailable":
        return "Transaction signing is not available";
      case "txn_signing_cancelled":
        return "The transaction has been cancelled";
      default:
        return "Something went wrong";
    }
  }

  function tell(run, errorId, message) {
    if (typeof run.onError === "function") {
      run.onError(errorId, message);
    }
  }

  function stop() {
    if (current && !current.over) {
      current.over = true;
      if (current.controller) {
        current.controller.abort();
      }
    }
  }

  // --- screens ----------------------------------------------------------------------------------------------------

  function showCode(run, session) {
    var link = document.createElement("a");
    link.href = session.phone_url;
    link.target = "_blank";
    link.rel = "noopener";
    link.appendChild(document.createTextNode("No phone? Open the simulated app"));
    var parts = [link];
    if (session.qr_code) {
      var code = document.createElement("img");
      code.src = session.qr_code;
      code.alt = "QR code for the Singpass app";
      code.width = 200;
      code.height = 200;
      parts.unshift(code);
    }
    draw(run.element, "Scan with the Singpass app", parts, run.options);
  }

  // The frame stays from screen to screen, so that a screen reader tells of changes of its status.
  function draw(element, status, parts, options) {
    var frame = element.firstChild;
    if (!frame || !frame.sandboxParts) {
      while (element.firstChild) {
        element.removeChild(element.firstChild);
      }
      frame = build();
      element.appendChild(frame);
    }
    var tall = !!(options && options.renderDownloadLink);
    frame.className = "ndi-sandbox" + (tall ? " ndi-sandbox-tall" : "");
    frame.sandboxParts.status.textContent = status;
    fill(frame.sandboxParts.content, parts);
    fill(frame.sandboxParts.footer, tall ? [downloadLink()] : []);
  }

  function build() {
    addStyle();
    var frame = document.createElement("div");
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "Transaction signing");
    frame.tabIndex = -1;
    var status = text("", "ndi-sandbox-status");
    status.setAttribute("role", "status");
    var content = document.createElement("div");
    content.className = "ndi-sandbox-content";
    var footer = document.createElement("div");
    frame.appendChild(text("Sandbox: a simulation. Not a legal signature.", "ndi-sandbox-notice"));
    frame.appendChild(status);
    frame.appendChild(content);
    frame.appendChild(footer);
    frame.sandboxParts = { status: status, content: content, footer: footer };
    return frame;
  }

  function fill(parent, parts) {
    while (parent.firstChild) {
      parent.removeChild(parent.firstChild);
    }
    parts.forEach(function (part) {
      parent.appendChild(part);
    });
  }

  function downloadLink() {
    var link = document.createElement("a");
    link.href = base + "/singpass/app";
    link.target = "_blank";
    link.rel = "noopener";
    link.appendChild(document.createTextNode("Download the Singpass app"));
    return link;
  }

  function text(words, name) {
    var paragraph = document.createElement("p");
    paragraph.appendChild(document.createTextNode(words));
    if (name) {
      paragraph.className = name;
    }
    return paragraph;
  }

  function addStyle() {
    var id = "ndi-sandbox-style";
    if (document.getElementById(id)) {
      return;
    }
    var link = document.createElement("link");
    link.id = id;
    link.rel = "stylesheet";
    link.href = base + "/static/ndi_txn_sign.css";
    document.head.appendChild(link);
  }

  window.NDI = window.NDI || {};
  window.NDI.initTxnSigning = initTxnSigning;
  window.NDI.cancelTxnSigningSession = cancelTxnSigningSession;
})("SETTINGS");
