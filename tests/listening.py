"""On which addresses a process and its descendants wait for connections (Linux)."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path

#: Of a socket that waits for connections, in /proc/net/tcp.
LISTEN = "0A"


def listening(process: int) -> dict[str, str]:
    """{"address:port": name of the process}; an address such as 0.0.0.0 or :: is reached from every machine."""
    found: dict[str, str] = {}
    addresses = {inode: address for family in ("tcp", "tcp6") for inode, address in _listening(family)}
    for number in descendants(process):
        for inode in _sockets(number):
            if inode in addresses:
                found[addresses[inode]] = Path(f"/proc/{number}/comm").read_text().strip()
    return found


def on_loopback(address: str) -> bool:
    host = ipaddress.ip_address(address.rpartition(":")[0])
    return (getattr(host, "ipv4_mapped", None) or host).is_loopback


def descendants(process: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [process]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number]
    return found


def _listening(family: str) -> Iterator[tuple[str, str]]:
    for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTEN:
            host, _, port = fields[1].partition(":")
            words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8)]
            name = socket.inet_ntop(socket.AF_INET6 if family == "tcp6" else socket.AF_INET, b"".join(words))
            yield fields[9], f"{name}:{int(port, 16)}"


def _sockets(process: int) -> Iterator[str]:
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            try:
                name = os.readlink(link)
            except OSError:
                continue
            if name.startswith("socket:["):
                yield name[8:-1]
    except OSError:
        return
