"""What the tests of images share: the images themselves."""

import sys
from pathlib import Path

import pytest

from cluster import images
from cluster.recipes import RECIPES

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("image_tried")

from image_tried import Image, Images  # noqa: E402


@pytest.fixture(scope="session")
def image() -> Images:
    """An image by name, brought up to date first."""
    built = {one.reference: one for one in images.build()}
    return lambda name: Image(built[RECIPES[name].reference])
