"""What this machine says about the way out: its proxies, and whom TLS is to believe."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from digest.errors import FetchError
from digest.text import clean

_OF_TLS = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@contextmanager
def usable_settings(where: str) -> Iterator[None]:
    """Let no setting of the environment that httpx cannot use look like a fault of ours.

    Raises FetchError, which names the variables and shows no value: it may hold a password.
    """
    try:
        yield
    except OSError as problem:  # of ssl, too
        raise _unusable(_named(_OF_TLS), problem, where) from problem
    except (ImportError, ValueError, httpx.InvalidURL) as problem:
        proxies = [f"{scheme}_proxy" for scheme in urllib.request.getproxies()]
        raise _unusable(_named(proxies), problem, where) from problem


def _named(names: list[str] | tuple[str, ...]) -> str:
    """Those that are set, as they are written."""
    wanted = {name.lower() for name in names}
    return ", ".join(sorted(name for name, value in os.environ.items() if value and name.lower() in wanted))


def _unusable(names: str, problem: Exception, where: str) -> FetchError:
    # What httpx says of an address quotes a part of it.
    shown = f": {clean(str(problem), 200)}" if isinstance(problem, OSError | ImportError) else ""
    what = f"the environment's {names or 'settings for the network'} cannot be used{shown}"
    return FetchError(what, where=where, fix="Correct the variable, or start Digest without it")
