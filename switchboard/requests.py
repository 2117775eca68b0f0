"""Bounds on what one request may bring and how long it may take to bring it. Part of the switchboard."""

from __future__ import annotations

import asyncio
import logging
import resource
from typing import Any

from sanic import Request
from sanic.exceptions import PayloadTooLarge, RequestTimeout

logger = logging.getLogger(__name__)

BODY_SECONDS = 10.0  # for a whole body, however its bytes trickle in
HEAD_SECONDS = 20  # without a byte of the head
# Path -> bytes. A text of 1,600 characters has 16 KB at most; as the carrier sends it, every byte escaped, with some
# thirty fields, 20 KB. The console's largest form is switchboard.security.MAX_REQUEST.
MOST = {"/chat/": 16_384, "/sms/": 32_768}
FILES = 32_768  # event streams and connections of one switchboard


class BoundedRequest(Request):
    """A request whose body is refused before it is read when it is too long, and given up when it is too slow."""

    async def receive_body(self) -> None:
        """Read the body. Raises PayloadTooLarge or RequestTimeout."""
        stream: Any = self.stream
        stream.request_max_size = most = most_bytes(self.path, stream.request_max_size)
        try:
            if stream.request_bytes > most:
                raise PayloadTooLarge("The body is too long.")
            async with asyncio.timeout(BODY_SECONDS):
                await super().receive_body()  # type: ignore[no-untyped-call]
        except PayloadTooLarge:
            self.app.ctx.parts.metrics.limited("body")
            stream.keep_alive = False  # what still comes is not read
            raise
        except TimeoutError as error:
            self.app.ctx.parts.metrics.limited("slow")
            stream.keep_alive = False
            stream.request_body = None
            raise RequestTimeout("The request took too long.") from error


def most_bytes(path: str, otherwise: int) -> int:
    """How long the body of a request to a path may be."""
    return next((most for start, most in MOST.items() if path.startswith(start)), otherwise)


def open_files() -> int:
    """Raise the limit of open files as far as we may; what it is now. Every event stream is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if max(soft, wanted) < FILES:
        logger.warning("this process may open %d files: some %d visitors can follow their chats at once. Raise the "
                       "limit (ulimit -n, LimitNOFILE) to %d for 12,000", wanted, max(0, wanted - 500), FILES)
    return max(soft, wanted)
