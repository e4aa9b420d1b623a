"""What the tests of images share: the images themselves, brought up to date first."""

import os
import sys
from pathlib import Path

import pytest

from cluster import images
from cluster.recipes import RECIPES
from cluster.tools import Missing

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("image_tried")

from image_tried import Image, Images  # noqa: E402


@pytest.fixture(scope="session")
def image() -> Images:
    """An image by name. Skips, with the reason, where images were never built; KEDGE_REQUIRE=images forbids that."""
    try:
        images.check()
        built = {one.reference: one for one in images.build()}
    except Missing as error:
        if "images" in os.environ.get("KEDGE_REQUIRE", "").split(","):
            raise
        pytest.skip(str(error).replace("\n", " "))
    return lambda name: Image(built[RECIPES[name].reference])
