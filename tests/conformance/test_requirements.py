"""On a machine without the checkers their tests are skipped, in CI they fail."""

import pytest

from tests.conformance.requirements import absent


def test_what_is_not_installed_is_skipped_with_what_to_do() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"vnu is not installed \(npm ci\)"):
        absent("vnu", "npm ci", {})


def test_where_all_is_required_nothing_is_skipped() -> None:
    with pytest.raises(pytest.fail.Exception, match="DIGEST_REQUIRE_ALL is set"):
        absent("vnu", "npm ci", {"DIGEST_REQUIRE_ALL": "1"})
