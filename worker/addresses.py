"""Where a message may go: addresses of the public internet, and networks that a setting names. Nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

LONGEST_URL = 2000
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Addresses that carry another inside, or lead through a translator: where they end cannot be seen from here.
_TRANSLATED = (
    ip_network("::ffff:0:0/96"),  # IPv4-mapped
    ip_network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 2765)
    ip_network("64:ff9b::/96"),  # NAT64 (RFC 6052)
    ip_network("64:ff9b:1::/48"),  # NAT64 for local use (RFC 8215)
    ip_network("2002::/16"),  # 6to4
    ip_network("2001::/32"),  # Teredo
    ip_network("192.88.99.0/24"),  # 6to4 relays
)
# Names that never mean anything outside; what others mean is seen when they are asked for.
_INSIDE = (".localhost", ".local", ".internal")
_PORTS = {"https": 443, "http": 80}


class BadTarget(Exception):
    """A message may not go there; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``networks`` may be reached although they are not public; ``http``: also without encryption."""

    networks: tuple[Network, ...] = ()
    http: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes. ``host`` is what the certificate must be for: a name in ASCII, or an address."""

    url: httpx.URL
    host: str
    port: int


def policy_of(networks: str, http: bool) -> Policy:
    """From the settings: networks in CIDR notation, separated by commas. Raises ValueError."""
    return Policy(tuple(ip_network(one.strip()) for one in networks.split(",") if one.strip()), http)


def target_of(text: str, policy: Policy) -> Target:
    """The target behind an URL. Raises BadTarget for one that can be refused without asking for its name."""
    if len(text) > LONGEST_URL:
        raise BadTarget(f"The address is longer than {LONGEST_URL:,} characters.")
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").rstrip(".")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise BadTarget("This is no web address.") from error
    if url.scheme != "https" and not (url.scheme == "http" and policy.http):
        raise BadTarget("The address does not begin with https://.")
    if url.userinfo or url.fragment:
        raise BadTarget("The address may have neither a user name nor a fragment.")
    if not host:
        raise BadTarget("The address names no host.")
    port = _PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65536:
        raise BadTarget("The address has an impossible port.")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, policy)
    elif not policy.networks and (host == "localhost" or host.endswith(_INSIDE)):
        raise BadTarget(f"{host} is no host of the public internet.")
    return Target(url, host, port)


def check_all(addresses: Sequence[str], policy: Policy) -> list[Address]:
    """All that a name stands for, checked. Raises BadTarget if any is not allowed: one of many is an attack too."""
    if not addresses:
        raise BadTarget("The host's name leads to no address.")
    # A scope ("%eth0") makes an address one of this machine's own network.
    checked = [_literal(address) for address in dict.fromkeys(addresses)]
    if None in checked:
        raise BadTarget("The host's name leads to an address of this machine's own network.")
    for address in checked:
        assert address is not None
        check_address(address, policy)
    return [address for address in checked if address is not None]


def check_address(address: Address, policy: Policy) -> None:
    """Raises BadTarget unless the address is one of the public internet, or of a network that is allowed."""
    if any(address in network for network in policy.networks if network.version == address.version):
        return
    public = (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _TRANSLATED if network.version == address.version)
        and not (isinstance(address, IPv6Address) and address.is_site_local)
    )
    if not public:
        raise BadTarget("The address is not one of the public internet.")


def _literal(host: str) -> Address | None:
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None
