"""Calls to a service over kept connections: cheap, bounded in time, never through a proxy. Part of the switchboard.

Through aiohttp, since every message costs a call or two: the same call takes a fifth of the processor time that httpx
takes for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from haven.errors import HavenError

KEPT_SECONDS = 4.0  # how long an idle connection is kept: shorter than our services do, whose end would cross a call


class NotReached(HavenError):
    """The call certainly did not arrive: no connection could be made."""


class Broken(HavenError):
    """The call may have arrived; no answer came in time, or it broke off."""


class Slow(Broken):
    """No answer came in time."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError."""
        return json.loads(self.body)


class Calls:
    """Calls to one service. Both errors carry the name of what went wrong and nothing of what was said."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        connect: float,
        silence: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`: seconds for one whole call; `silence`: seconds without a byte of the answer."""
        self.timeout = timeout
        self._url = url
        self._connect = connect
        self._silence = silence
        self._headers = headers
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: Any) -> Answer:
        """Post a value as JSON."""
        return await self._call("POST", path, json=body)

    async def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        return await self._call("POST", path, data=fields)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _call(self, method: str, path: str, **more: Any) -> Answer:
        limits = aiohttp.ClientTimeout(total=self.timeout, connect=self._connect, sock_read=self._silence)
        try:
            async with self._opened().request(
                method, self._url + path, timeout=limits, allow_redirects=False, **more
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotReached(type(error).__name__) from error
        except TimeoutError as error:
            raise Slow(type(error).__name__) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Broken(type(error).__name__) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # not before: a session belongs to the loop it is made in
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS), headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar())
        return self._session
