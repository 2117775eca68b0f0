"""The files in deploy/ hold together: settings exist, nothing runs as root, and nginx takes its configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from haven.settings import ROOT, SETTINGS
from tests.deploy.proxy import DEPLOY, MISSING, WHY, Proxy

COMPOSE = [DEPLOY / "compose.yml", DEPLOY / "compose.large.yml"]
CONTAINERS = sorted(DEPLOY.glob("*.Containerfile"))


def test_every_setting_named_exists():
    """A HAVEN_ name in deploy/ is a setting."""
    known = {setting.variable for setting in SETTINGS}
    named = {name for path in DEPLOY.iterdir() for name in re.findall(r"(?<!ENV_)\bHAVEN_[A-Z_]+", path.read_text())}
    assert named and named <= known


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_services_are_hardened(path: Path):
    """Our own services run on a read-only root without privileges, from files that exist."""
    services = yaml.safe_load(path.read_text())["services"]
    for name, service in services.items():
        if name != "database":
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        if "build" in service:
            assert (DEPLOY.parent / service["build"]["dockerfile"]).is_file()
        for other in service.get("depends_on", ()):
            assert other in services


@pytest.mark.parametrize("path", CONTAINERS, ids=lambda path: path.name)
def test_containers(path: Path):
    """A container runs as somebody, is watched, pins its base, checks hashes, copies what is there, and compiles it."""
    text = path.read_text()
    assert re.search(r"^FROM [\w./-]+:[\w.-]+$", text, re.M) and "\nUSER haven\n" in text
    assert "HEALTHCHECK" in text and "--require-hashes" in text
    assert "--compile-bytecode" in text and "DONTWRITEBYTECODE" not in text  # else each start takes twice as long
    [compiled] = re.findall(r"-m compileall -q (.+)$", text, re.M)
    assert set(compiled.split()) == {place.rstrip("/") for place in re.findall(r"^COPY (\w+/) ", text, re.M)
                                     if (ROOT / place / "__init__.py").exists()}
    for line in re.findall(r"^COPY (.+)$", text, re.M):
        assert all((ROOT / source).exists() for source in line.split()[:-1]), line


@pytest.mark.skipif(MISSING, reason=WHY)
def test_nginx_takes_the_configuration(tmp_path: Path):
    """`nginx -t` accepts the proxy's files, with a certificate and names that exist here."""
    assert Proxy(tmp_path, [8001, 8002]).check() == ""
