"""pdf.js, as Firefox shows it, in one page of a headless Chromium."""

import base64
import ctypes
import functools
import http.server
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request

from PIL import Image

from compare import DPI, CannotShow, Page, Shown

SECONDS = 30
PAGE = pathlib.Path(__file__).with_name("pdfjs.html")
# Nothing is fetched, nothing is sent.
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]


class Browser:
    """Chromium with the page open. `library` is the folder of the npm package pdfjs-dist."""

    def __init__(self, library: str):
        handler = functools.partial(Files, pathlib.Path(library))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.profile = tempfile.TemporaryDirectory()
        command = [os.environ.get("ESIGN_CHROMEDRIVER") or shutil.which("chromedriver"), "--port=0"]
        self.driver = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=end_with_parent
        )
        port = next(line for line in self.driver.stdout if "successfully on port" in line).rsplit(" ", 1)[1].strip(" .\n")
        self.base = f"http://127.0.0.1:{port}/session"
        options = {"args": [*ARGUMENTS, f"--user-data-dir={self.profile.name}"]}
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self.base += "/" + self.call("", wanted)["sessionId"]
        self.call("/timeouts", {"script": SECONDS * 1000})
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.call("/url", {"url": f"{self.address}/page"})

    def call(self, path: str, body: dict):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS * 2) as answer:
            return json.load(answer)["value"]

    def close(self):
        """Ends Chromium, which outlives its driver, and then the driver."""
        request = urllib.request.Request(self.base, method="DELETE")
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS).close()
        except OSError:
            pass
        self.driver.terminate()
        self.driver.wait()

    def show(self, path: str) -> Shown:
        with open(path, "rb") as file:
            data = base64.b64encode(file.read()).decode()
        script = "const done = arguments[arguments.length - 1]; show(arguments[0], arguments[1]).then(done)"
        answer = self.call("/execute/async", {"script": script, "args": [data, DPI / 72]})
        if "error" in answer:
            raise CannotShow(answer["error"])
        pages = [Page(picture(page["picture"]), [tuple(word) for word in page["words"]], page["height"]) for page in answer["pages"]]
        return Shown(pages, frozenset(answer["scripts"]))


def end_with_parent():
    """The driver, and Chromium with it, ends when this process does, however that happens (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def picture(address: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(address.split(",", 1)[1]))).convert("RGB")


class Files(http.server.BaseHTTPRequestHandler):
    """The page, and the files of the library."""

    def __init__(self, library: pathlib.Path, *arguments):
        self.library = library
        super().__init__(*arguments)

    def do_GET(self):
        path = self.path.split("?")[0].lstrip("/")
        file = PAGE if path == "page" else self.library / path
        if ".." in path or not file.is_file():
            self.send_error(404)
            return
        kind = {".mjs": "text/javascript", ".html": "text/html"}.get(file.suffix, "application/octet-stream")
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
