"""Tests that need programs beside Python's packages."""

import os

import pytest


def need(found, what):
    """Skip the test where a tool is missing; fail it where the tools are required, as in CI."""
    if not found:
        required = os.environ.get("VAEFEAT_REQUIRE_APPS") == "1"
        (pytest.fail if required else pytest.skip)(f"{what} was not found")
