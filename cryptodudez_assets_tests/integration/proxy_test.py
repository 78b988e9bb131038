"""The example of a proxy, `deploy/nginx.conf`, as a real nginx runs it: TLS and a password before the API and before Dagster's UI."""

import base64
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX, OPENSSL = shutil.which("nginx") or "/usr/sbin/nginx", shutil.which("openssl")
pytestmark = pytest.mark.skipif(
    not Path(NGINX).exists() or OPENSSL is None, reason="no nginx or no openssl on this machine"
)
PUBLIC = {"API": 443, "UI": 3443}
BEHIND = {"API": 8000, "UI": 3000}


class Behind(http.server.BaseHTTPRequestHandler):
    """Stands where the servers would be, and tells what it was asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        told = {name: self.headers.get(name) for name in ("Host", "Upgrade", "Authorization")}
        self.wfile.write(f"{self.server.server_port} {self.path} {told}".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy")


@pytest.fixture(scope="module")
def certificate(folder: Path) -> Path:
    return folder / "tls.crt"


@pytest.fixture(scope="module")
def ports(folder: Path) -> Iterator[dict[int, int]]:
    """nginx with the example and its ports and files in the test's folder: which port stands for which."""
    servers = {port: http.server.ThreadingHTTPServer(("127.0.0.1", 0), Behind) for port in BEHIND.values()}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {port: server.server_port for port, server in servers.items()} | {port: free() for port in PUBLIC.values()}
    text = CONFIGURATION.read_text().replace("/etc/cryptodudez", str(folder)).replace("/run/", f"{folder}/")
    for port in BEHIND.values():
        text = text.replace(f"127.0.0.1:{port};", f"127.0.0.1:{found[port]};")
    for port in PUBLIC.values():
        text = text.replace(f"listen {port} ssl", f"listen 127.0.0.1:{found[port]} ssl")
    # The test's folder is for its user only, who may be root; nginx would let another do the work.
    (folder / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    write_secrets(folder)
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr", "-g", "daemon off;"]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 20
        while not all(listens(found[port]) for port in PUBLIC.values()):
            assert process.poll() is None, "nginx refuses the configuration"
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(10)
        for server in servers.values():
            server.shutdown()


@pytest.mark.parametrize("name", ["API", "UI"])
class TestBothAreBehindIt:
    def test_without_the_password_nobody_gets_through(
        self, ports: dict[int, int], certificate: Path, name: str
    ) -> None:
        assert ask(certificate, ports[PUBLIC[name]])[0] == 401
        assert ask(certificate, ports[PUBLIC[name]], word="guess")[0] == 401

    def test_with_it_the_server_answers_and_does_not_see_it(
        self, ports: dict[int, int], certificate: Path, name: str
    ) -> None:
        status, text = ask(certificate, ports[PUBLIC[name]], word="secret", path="/a?b=1")
        assert status == 200
        host = "localhost" if name == "API" else f"127.0.0.1:{ports[PUBLIC[name]]}"
        assert text == f"{ports[BEHIND[name]]} /a?b=1 {{'Host': '{host}', 'Upgrade': None, 'Authorization': None}}"

    def test_connections_of_the_browser_are_upgraded(self, ports: dict[int, int], certificate: Path, name: str) -> None:
        _, text = ask(certificate, ports[PUBLIC[name]], word="secret", headers={"Upgrade": "websocket"})
        assert "'Upgrade': 'websocket'" in text

    def test_there_is_no_way_in_without_tls(self, ports: dict[int, int], certificate: Path, name: str) -> None:
        assert ask(certificate, ports[PUBLIC[name]], word="secret", scheme="http")[0] == 400


def ask(
    certificate: Path,
    port: int,
    *,
    word: str = "",
    path: str = "/",
    scheme: str = "https",
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(certificate))
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}", headers=headers or {})
    if word:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"joe:{word}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10, context=context if scheme == "https" else None) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def write_secrets(folder: Path) -> None:
    """As docs/operations.md says it."""
    made = [
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=here",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-days",
        "2",
    ]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run([str(OPENSSL), "req", "-x509", *made, *files], check=True, capture_output=True)
    told = subprocess.run([str(OPENSSL), "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True)
    (folder / "users").write_text(f"joe:{told.stdout}")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
