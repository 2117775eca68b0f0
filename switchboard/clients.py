"""The address a request comes from, behind proxies too. Used by the switchboard's limits; never stored."""

from __future__ import annotations

import ipaddress

from sanic import Request

from haven.settings import Network
from switchboard.parts import parts_of


def client_of(request: Request) -> str:
    """The client's address: what a trusted proxy says in X-Forwarded-For, or else the peer itself."""
    trusted = parts_of(request).settings.trusted_proxies
    return believed(request.ip, ",".join(request.headers.getall("x-forwarded-for", [])), trusted)


def believed(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The address nearest to us that is no proxy of ours: what is left of it anybody can write."""
    for hop in [peer, *reversed([part.strip() for part in forwarded.split(",") if part.strip()])]:
        address = _address(hop)
        if address is None:
            return peer
        if not any(address in network for network in trusted):
            return str(address)
    return peer


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
