"""Where a job's Secret may send the operator for a store: to a server by its plain URL, and not to what only the
operator and its node can reach.

A job that names its own store has the operator make requests to a place of the author's choice. Names are not looked
up: what one stands for may change between two lookups. Network policies keep to addresses; see docs/security.md.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from kedge.core.layout import is_plain_url

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A host whose last part is one is an address, in notations that only a browser knows, too."""
_HOST = re.compile(r"[a-z0-9_.-]+")
_OF_THE_NODE = ("localhost", "metadata.google.internal")
_FORBIDDEN = "it is the operator's own host, or the metadata service of a cloud"
_METADATA = (IPv6Address("fd00:ec2::254"), IPv6Address("fd20:ce::254"), IPv4Address("168.63.129.16"))
"""Of clouds, beside those at link-local addresses."""


def fault_of(url: str) -> str | None:
    """What is wrong with an endpoint; None where nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not host or not is_plain_url(url):
        return "write http:// or https://, a host, a port and a path alone"
    if ":" not in host and not _HOST.fullmatch(host):
        return "write the host's name in a-z, 0-9, dots and hyphens"
    if host in _OF_THE_NODE or host.endswith(".localhost"):
        return _FORBIDDEN
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _fault_of_address(host)
    return None


def _fault_of_address(host: str) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        return "write an address in its usual form"
    found = getattr(address, "ipv4_mapped", None) or address
    if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast or found in _METADATA:
        return _FORBIDDEN
    return None
