"""docs/openapi.yml is what the switchboard does: no route is missing, and hundreds of made requests agree with it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml
from openapi_spec_validator import validate

from haven.settings import ROOT
from tests.security.test_matrix import MATRIX, TEXT_LINE, table
from tests.waiting import SECONDS

DESCRIPTION = ROOT / "docs" / "openapi.yml"


def test_every_public_route_is_described():
    """The description is valid OpenAPI, and names exactly the routes of the website, of Twilio and of monitoring."""
    description = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    validate(description)
    described = {(method.upper(), path) for path, ways in description["paths"].items() for method in ways}
    routes = {*table(MATRIX), *table(TEXT_LINE)}
    assert described == {(method, path) for method, path in routes if path != "/" and not path.startswith(
        ("/staff", "/widget"))}


async def test_made_requests_get_what_is_described(line: Any, tmp_path: Path) -> None:
    """Some hundred requests a route, good and broken, always the same ones: no error of ours, no undescribed answer."""
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
        token = (await http.post(f"{line.url}/chat/conversations", json={})).json()["token"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(DESCRIPTION), "--url", line.url,
        "--header", f"Authorization: Bearer {token}", "--seed", "7", "--max-examples", "25",
        "--phases", "examples,coverage,fuzzing", "--exclude-path", "/ready",  # rightly 503 here: no assistant runs
        "--exclude-path", "/chat/events", "--exclude-path", "/chat/conversation",  # endless; the end of all others
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--request-timeout", "30", "--generation-deterministic", "--suppress-health-check", "all", "--no-color",
        "--max-failures", "5",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env={**os.environ, "NO_PROXY": "*"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = await asyncio.wait_for(process.communicate(), 500)
    assert process.returncode == 0, said.decode()[-6000:]
