"""Which addresses may be asked: only the public Internet's, whatever a page or a name server says."""

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterator
from ipaddress import IPv4Address, IPv6Address

from digest.errors import FetchError

Resolve = Callable[[str], Collection[str]]
"""The addresses of a host, of one at least. Raises OSError (or UnicodeError) if it has none."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What leads to the address in its last four bytes: RFC 4291 (2.5.5.1), 7915 (SIIT) and 6052.
_WITH_IPV4_AT_THE_END = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", str(_NAT64))))
_ISATAP = 0x5EFE
"""What stands before the four bytes of an IPv4 address (RFC 5214, 6.1), but for the bit of those that are of
one network only."""
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out to anybody so far (RFC 4291, 2.5.4)."""
# What `is_global` takes for public in some version of Python or other, and nobody's list of papers is.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # RFC 6598; Alibaba's metadata, too
        "168.63.129.16/32",  # Azure's own
        "192.0.0.0/24",  # RFC 6890; Oracle's metadata
        "192.88.99.0/24",  # RFC 7526
        "224.0.0.0/4",
        "240.0.0.0/4",
        "64:ff9b:1::/48",  # RFC 8215
        "2001::/23",  # Teredo (RFC 4380) and others
        "2001:db8::/32",
        "3fff::/20",  # documentation, as the one before (RFC 9637)
        "fc00::/7",  # with Amazon's metadata, fd00:ec2::254
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def resolved(host: str) -> Collection[str]:
    """What the operating system says, which understands `127.1` and `0x7f000001`, too."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return {str(entry[4][0]) for entry in found}


def literal(host: str) -> Collection[str]:
    """The address that a host is written as, without asking anybody; none if it is a name."""
    if host == "localhost" or host.endswith(".localhost"):
        return {"127.0.0.1"}
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return frozenset()
    return {str(entry[4][0]) for entry in found}


def check_public(address: str, where: str) -> None:
    """Raises FetchError for an address that is not of the public Internet, or leads to one that is not."""
    if not is_public(address):
        raise FetchError(
            f"refused: the host has the private address {address}",
            where=where,
            fix="If you mean that machine, name it in allow_private under [fetch] in config.toml",
        )


def is_public(address: str) -> bool:
    """Whether an address, and each that is written inside of it, is one of the public Internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return all(_is_public(one) for one in (found, *_embedded(found)))


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and found not in _UNICAST and found not in _NAT64:
        return False
    return found.is_global and not any(found in network for network in _NOT_PUBLIC)


def _embedded(found: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 address that an IPv6 one leads to: in its last four bytes, or by 6to4."""
    if isinstance(found, IPv6Address):
        yield from filter(None, (found.ipv4_mapped, found.sixtofour))
        is_isatap = (int(found) >> 32) & 0xFFFF == _ISATAP and (int(found) >> 48) & 0xFCFF == 0
        if is_isatap or any(found in network for network in _WITH_IPV4_AT_THE_END):
            yield IPv4Address(int(found) & 0xFFFFFFFF)
