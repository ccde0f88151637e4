"""A process that gets one page with little memory, and says what came of it.

python -m tests.hostile.download URL FORM
"""

import json
import sys

from digest.errors import FetchError
from digest.fetch.client import Client, Limits
from digest.fetch.web import Form
from tests.hostile.bounds import limit_memory, limit_time, peak_mb

MEMORY = 200_000_000
"""Bytes of address space beyond what the process has as it begins; a body may have 20 million."""
CPU_S = 20


def download(url: str, form: Form) -> dict[str, object]:
    """How long the body is, or why there is none."""
    limits = Limits(spacing_s=0, timeout_s=60)
    with Client(limits=limits, trusted_hosts=frozenset({"127.0.0.1"}), sleep=lambda _: None) as client:
        try:
            return {"bytes": len(client.get(url, form=form))}
        except FetchError as problem:
            return {"problem": problem.what}


if __name__ == "__main__":
    limit_memory(MEMORY)
    limit_time(CPU_S)
    before = peak_mb()
    said = download(sys.argv[1], Form(sys.argv[2]))
    sys.stdout.write(json.dumps(said | {"grown_mb": peak_mb() - before}))
