"""The sample editions as the messages that would be sent."""

from collections.abc import Mapping

import pytest

from digest.rendering.renderer import Renderer
from tests.conformance.mails import Mail, mail
from tests.editions import EVERY, PLAIN_SENDER, SENDER


@pytest.fixture(scope="session")
def mails() -> Mapping[str, Mail]:
    """Every sample edition, and one of a machine without a web part."""
    renderer = Renderer()
    samples = {name: mail(edition, SENDER, renderer) for name, edition in EVERY.items()}
    return samples | {"rich, without a web part": mail(EVERY["rich"], PLAIN_SENDER, renderer)}


@pytest.fixture(scope="session")
def rich(mails: Mapping[str, Mail]) -> Mail:
    """The mail that has most of what a mail can have."""
    return mails["rich"]
