"""A picture that was sent is drawn anew, or refused."""

from io import BytesIO

import pytest
from PIL import Image

from services.events.organisations.logos import LARGEST_SIDE, SHOWN_SIDE, NoPictureError, drawn_again


def picture(kind="PNG", size=(900, 300), **more):
    made = BytesIO()
    Image.new("RGB", size, "#1a3f99").save(made, kind, **more)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_each_format_becomes_a_small_png(kind):
    """Whatever came, a PNG no larger than is shown, in the same shape."""
    with Image.open(BytesIO(drawn_again(picture(kind)))) as made:
        assert (made.format, made.size) == ("PNG", (SHOWN_SIDE, SHOWN_SIDE // 3))


def test_nothing_but_pixels_is_kept():
    """Where a photo was taken, and what stands behind its end, is gone."""
    exif = Image.Exif()
    exif[0x010E] = "the secret place"
    made = drawn_again(picture("JPEG", exif=exif) + b"<script>alert(1)</script>")
    assert b"secret" not in made
    assert b"script" not in made


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7",
        picture()[:60],
        picture(size=(LARGEST_SIDE + 1, 1)),
        picture("TIFF"),
    ],
    ids=["nothing", "svg", "pdf", "cut", "too wide", "another format"],
)
def test_what_is_no_picture_of_ours_is_refused(sent):
    """Also a broken one, one that is too large, and a format that can run code."""
    with pytest.raises(NoPictureError):
        drawn_again(sent)
