"""Stores of both kinds, as the store's own tests have them."""

from tests.store.conftest import _made_once, database, server  # noqa: F401  # fixtures
