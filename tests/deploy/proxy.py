"""nginx with the configuration of deploy/, on this machine: only addresses, ports and the certificate are others."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.stack import free_port
from haven.settings import ROOT

DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MISSING = NGINX is None and "nginx" not in os.environ.get("TESTS_NEED", "").split(",")
WHY = "nginx is not installed here (Debian: apt install nginx-light)"


class Proxy:
    """One nginx before some switchboards."""

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.certificate = certify(folder)
        self._configure(list(ports))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def check(self) -> str:
        """What `nginx -t` says against the configuration, or nothing."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen([*self._command("daemon off;")], stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)

    def _command(self, more: str = "") -> list[str]:
        assert NGINX, WHY
        # The container's nginx is nobody special; here its workers may have to read a folder of root's.
        user = "user root; " if os.geteuid() == 0 else ""
        return [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-g", user + more]

    def _configure(self, ports: list[int]) -> None:
        others = {"/certificates": str(self.folder), "/tmp/nginx": f"{self.folder}/nginx",
                  "listen 8080": f"listen 127.0.0.1:{self.plain_port}", "listen 8443": f"listen 127.0.0.1:{self.port}"}
        for path in DEPLOY.glob("*.conf"):
            text = path.read_text()
            for theirs, ours in others.items():
                text = text.replace(theirs, ours)
            (self.folder / path.name).write_text(
                re.sub(r"switchboard-(\d):8000", lambda found: f"127.0.0.1:{ports[int(found[1]) - 1]}", text))


def certify(folder: Path) -> Path:
    """A certificate for localhost that signs itself, and its key, named as the configuration names them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, moment = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1)).not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256()))
    (folder / "privkey.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    made = folder / "fullchain.pem"
    made.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return made
