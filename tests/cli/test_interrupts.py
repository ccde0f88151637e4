"""A command that is ended early ends in order."""

import os
import signal

import pytest

from digest.cli.interrupts import interruptible
from digest.errors import DigestError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_a_block_with_words(number: signal.Signals) -> None:
    with (
        pytest.raises(DigestError, match=r"ended early\. Run it again"),
        interruptible("ended early", "Run it again"),
    ):
        os.kill(os.getpid(), number)


def test_after_the_block_sigterm_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with interruptible("ended early", "Run it again"):
        assert signal.getsignal(signal.SIGTERM) != before

    assert signal.getsignal(signal.SIGTERM) == before
