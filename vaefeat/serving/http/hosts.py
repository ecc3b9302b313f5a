"""The hosts by which a client may address a service that listens on the loopback interface.

A web page from elsewhere can make its own name lead to this machine, and then read what the service sends to
the browser (DNS rebinding). The browser sends that name as ``Host``, so it can be told from a local one.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from vaefeat.serving.http.errors import WrongHostError


class Hosts:
    """Checks by which host a client addresses the service.

    Parameters
    ----------
    listening : str
        The host on which the service listens; unless it is local, all hosts are allowed.
    allowed : collection of str
        Further hosts, such as the name by which a proxy on this machine passes requests on.
    """

    def __init__(self, listening: str, allowed: Collection[str] = ()) -> None:
        self._is_checked = is_local(listening)
        self._allowed = {host.lower() for host in allowed}

    def check(self, headers: Collection[tuple[bytes, bytes]]) -> None:
        """Raise WrongHostError if the ``Host`` of a request is neither local nor allowed."""
        if not self._is_checked:
            return
        for name, value in headers:
            if name == b"host" and not is_local(host := host_of(value)) and host not in self._allowed:
                raise WrongHostError(
                    "The header Host names another machine; for a proxy, start the service with --allow-host."
                )


@lru_cache(maxsize=1000)
def host_of(value: bytes) -> str:
    """Return the host in a ``Host`` header, without its port and in lower case."""
    text = value.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


@lru_cache(maxsize=1000)
def is_local(host: str) -> bool:
    """Return whether a host is this machine, by its loopback interface."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
